//go:build linux

package tun

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A gate lets system calls that do not wait go past the poller, and keeps them
// from a descriptor that is closed.
type gate struct {
	mu     sync.RWMutex
	closed bool

	// A deadline is set, or was: only the poller knows whether it has passed.
	deadline atomic.Bool
}

// enter reports whether the descriptor may be used until leave is called.
func (g *gate) enter() bool {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return false
	}
	return true
}

func (g *gate) leave() { g.mu.RUnlock() }

// open reports whether the descriptor is not closed yet.
func (g *gate) open() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return !g.closed
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

// newQueue makes a queue of a descriptor that is attached, and then made
// non-blocking. It takes fd over, also if it fails.
func newQueue(d *Device, fd int, tap bool) (*Queue, error) {
	q := &Queue{file: os.NewFile(uintptr(fd), node), fd: fd, dev: d, name: d.name, tap: tap, offload: &d.offload}
	q.reader.wait = q.reader.readWait
	q.writer.wait = q.writer.writeWait
	var err error
	if q.conn, err = q.file.SyscallConn(); err == nil {
		err = q.file.SetDeadline(time.Time{}) // fails if the poller did not take it
	}
	if err != nil {
		q.file.Close()
		return nil, fmt.Errorf("the runtime cannot wait for the device: %w", err)
	}
	return q, nil
}

// close waits for system calls that go on, which do not wait for anything, and
// ends those that wait.
func (q *Queue) close() error {
	q.in.close()
	q.out.close()
	return q.file.Close()
}

// control calls f with the descriptor.
func (q *Queue) control(f func(fd int) error) error {
	var err error
	if closed := q.conn.Control(func(fd uintptr) { err = f(int(fd)) }); closed != nil {
		return os.ErrClosed
	}
	return err
}

// vnet reports whether there is a virtio header before each packet.
func (q *Queue) vnet() bool { return q.offload.wants != 0 }

// The system calls. They are raw: the scheduler is not told, as they do not wait.
// An error is only ever looked at in the answer to a second attempt, in the poller.

func read(fd int, b []byte) (int, bool) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno == 0
}

func write(fd int, b []byte) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return errno == 0
}

// vector is a virtio header and a packet, for readv and writev.
type vector [2]unix.Iovec

func (v *vector) set(h *[vnetHdrLen]byte, p []byte) {
	v[0].Base = &h[0]
	v[0].SetLen(len(h))
	v[1].Base = unsafe.SliceData(p)
	v[1].SetLen(len(p))
}

func (v *vector) call(trap uintptr, fd int) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(v)), uintptr(len(v)))
	return int(n), errno
}

// A transfer is a readv or writev and its answer.
type transfer struct {
	header [vnetHdrLen]byte
	vector vector
	n      int
	errno  syscall.Errno

	// wait makes the call in the poller. It is a value so that it need not be
	// made again for each call.
	wait func(fd uintptr) bool
}

func (t *transfer) readWait(fd uintptr) bool {
	t.n, t.errno = t.vector.call(unix.SYS_READV, int(fd))
	return t.errno != unix.EAGAIN
}

func (t *transfer) writeWait(fd uintptr) bool {
	t.n, t.errno = t.vector.call(unix.SYS_WRITEV, int(fd))
	return t.errno != unix.EAGAIN
}

// await makes the call in the poller, which ready waits in.
func (t *transfer) await(g *gate, ready func(func(uintptr) bool) error) error {
	err := ready(t.wait)
	switch {
	case err == nil && t.errno != 0:
		return t.errno
	case err != nil && !g.open():
		// os says it with an error that is not its own ErrClosed.
		return os.ErrClosed
	}
	return err
}

// A reader is what a queue needs to read packets with a virtio header.
type reader struct {
	mu sync.Mutex
	transfer
	buf   []byte // for a packet with its header
	split Splitter
}

// A writer is what it needs to write them.
type writer struct {
	mu sync.Mutex
	transfer
	small [vnetHdrLen + smallPacket]byte
	merge Coalescer
	split Splitter // of super-packets that the kernel refuses
	buf   []byte   // for the packets that it makes
}

// smallPacket is up to how many bytes it is cheaper to copy a packet behind its
// header than to have the kernel collect them: writev costs it 130 ns more.
const smallPacket = 2048

// try writes the packet p, if that goes without waiting.
func (w *writer) try(fd int, p []byte) bool {
	if len(p) <= smallPacket {
		copy(w.small[:], w.header[:])
		return write(fd, w.small[:vnetHdrLen+copy(w.small[vnetHdrLen:], p)])
	}
	w.vector.set(&w.header, p)
	_, errno := w.vector.call(unix.SYS_WRITEV, fd)
	w.vector = vector{}
	return errno == 0
}

// ReadBatch waits until there is a packet, and reads as many as are there and as
// there is room for: packet i into bufs[i][offset:], its length into sizes[i]. It
// returns how many there are.
//
// A super-packet (Config.Offload) is split, and its checksums are completed; see
// [Splitter]. What does not fit into bufs stays for the next call. A packet that
// contradicts its header is dropped. One that is longer than its buffer is lost,
// with those that follow it in a super-packet, and the error is io.ErrShortBuffer.
// Without Config.Offload it is cut as in [Queue.Read].
//
// Concurrent calls get packets in turn. ReadBatch fails as Read does, and never
// after it has read a packet.
func (q *Queue) ReadBatch(bufs [][]byte, sizes []int, offset int) (n int, err error) {
	bufs = bufs[:min(len(bufs), len(sizes))]
	if offset < 0 {
		return 0, &Error{"read", q.name, because(unix.EINVAL, "the offset is negative")}
	}
	for i, b := range bufs {
		if len(b) <= offset {
			bufs = bufs[:i]
			break
		}
	}
	if len(bufs) == 0 {
		return 0, &Error{"read", q.name, because(unix.EINVAL, "there is no buffer with room for a packet behind the offset")}
	}
	if q.vnet() {
		return q.readSplit(bufs, sizes, offset)
	}
	if q.in.deadline.Load() {
		if sizes[0], err = q.file.Read(bufs[0][offset:]); err != nil {
			return 0, q.fail("read", err)
		}
		n = 1
	}
	n = q.drain(bufs, sizes, offset, n)
	if n > 0 {
		return n, nil
	}
	if sizes[0], err = q.file.Read(bufs[0][offset:]); err != nil {
		return 0, q.fail("read", err)
	}
	return q.drain(bufs, sizes, offset, 1), nil
}

// drain reads the packets that are there, from number n on.
func (q *Queue) drain(bufs [][]byte, sizes []int, offset, n int) int {
	if n == len(bufs) || !q.in.enter() {
		return n
	}
	defer q.in.leave()
	for n < len(bufs) {
		size, ok := read(q.fd, bufs[n][offset:])
		if !ok {
			break
		}
		sizes[n] = size
		n++
	}
	return n
}

// readSplit is ReadBatch where packets have virtio headers.
func (q *Queue) readSplit(bufs [][]byte, sizes []int, offset int) (n int, err error) {
	r := &q.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if !q.in.open() { // what is left of a super-packet goes with the device
		return 0, q.fail("read", os.ErrClosed)
	}
	begin := 0 // of the packets that the last one was split into
	for n < len(bufs) {
		size, err := r.split.Next(bufs[n][offset:])
		switch {
		case err == nil:
			sizes[n] = size
			n++
			continue
		case err == io.EOF:
			// The next one is often as long: what would be cut in two here
			// could not be merged as a whole behind.
			if n > 0 && n+n-begin > len(bufs) {
				return n, nil
			}
			begin = n
			if ok, err := q.receive(n == 0); err != nil {
				return 0, err
			} else if !ok {
				return n, nil
			}
		case n > 0:
			return n, nil // so that the error comes alone
		default:
			r.split = Splitter{}
			return 0, &Error{"read", q.name, &cause{"a packet is longer than the buffer: give it room for the link's MTU", []error{err}}}
		}
	}
	return n, nil
}

// receive reads the packet that is to be split next. It reports whether there is
// one, and waits for one if it must. r.mu is held.
func (q *Queue) receive(must bool) (bool, error) {
	r := &q.reader
	if r.buf == nil {
		r.buf = make([]byte, vnetHdrLen+etherRoom+maxPacket)
	}
	for {
		n, ok := 0, false
		if !(must && q.in.deadline.Load()) && q.in.enter() {
			n, ok = read(q.fd, r.buf)
			q.in.leave()
		}
		if !ok {
			if !must {
				return false, nil
			}
			var err error
			if n, err = q.file.Read(r.buf); err != nil {
				return false, q.fail("read", err)
			}
		}
		// A packet that contradicts its header is dropped, as one that fails a
		// checksum would be.
		if n >= vnetHdrLen {
			h := vnetHdr((*[vnetHdrLen]byte)(r.buf))
			if r.split.Reset(Super{h, r.buf[vnetHdrLen:n]}, q.tap) == nil {
				return true, nil
			}
		}
	}
}

// ReadSuper reads a packet as the kernel gives it: with its virtio header, and not
// split, into b. It needs Config.Offload. The packet is cut without a sign if b is
// shorter than it, which 65,597 bytes are not.
//
// What ReadBatch and Read have left of a super-packet comes first, packet by packet.
func (q *Queue) ReadSuper(b []byte) (Super, error) {
	switch {
	case !q.vnet():
		return Super{}, &Error{"read", q.name, because(unix.EINVAL, "the device has no virtio headers: make it with Config.Offload")}
	case len(b) == 0:
		return Super{}, &Error{"read", q.name, because(unix.EINVAL, "the buffer is empty: give it room for a packet")}
	}
	r := &q.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if !q.in.open() {
		return Super{}, q.fail("read", os.ErrClosed)
	}
	if n, err := r.split.Next(b); err == nil {
		return Super{Packet: b[:n]}, nil
	}
	r.split = Splitter{}
	r.vector.set(&r.header, b)
	defer func() { r.vector = vector{} }() // keep no buffer of the caller's alive
	done := false
	if !q.in.deadline.Load() && q.in.enter() {
		r.n, r.errno = r.vector.call(unix.SYS_READV, q.fd)
		q.in.leave()
		done = r.errno == 0
	}
	if !done {
		if err := r.await(&q.in, q.conn.Read); err != nil {
			return Super{}, q.fail("read", err)
		}
	}
	return Super{vnetHdr(&r.header), b[:max(r.n-vnetHdrLen, 0)]}, nil
}

// WriteSuper writes a packet with its virtio header: one that ReadSuper has read
// and that may have been changed, or a super-packet of the caller's own. It needs
// Config.Offload, but not that the offloads are in force.
func (q *Queue) WriteSuper(s Super) error {
	if !q.vnet() {
		return &Error{"write", q.name, because(unix.EINVAL, "the device has no virtio headers: make it with Config.Offload")}
	}
	if err := q.tooLong(s.Packet); err != nil {
		return err
	}
	q.writer.mu.Lock()
	defer q.writer.mu.Unlock()
	return q.send(s)
}

// send writes a packet with its header. w.mu is held.
func (q *Queue) send(s Super) error {
	w := &q.writer
	s.put(&w.header)
	if !q.out.deadline.Load() && q.out.enter() {
		ok := w.try(q.fd, s.Packet)
		q.out.leave()
		if ok {
			return nil
		}
	}
	w.vector.set(&w.header, s.Packet)
	defer func() { w.vector = vector{} }()
	switch err := w.await(&q.out, q.conn.Write); {
	case err == nil:
		return nil
	case err == unix.EINVAL && s.VNetHdr != (VNetHdr{}):
		return &Error{"write", q.name, because(err, "the kernel takes no such packet: it contradicts its virtio header, or the kernel does not know the kind of segmentation")}
	default:
		return q.fail("write", err)
	}
}

// WriteBatch writes the packets bufs[i][offset:], and changes none of them. It
// returns how many the kernel has taken. A packet that is none does not keep it from
// writing those that follow, and the first such error is returned at the end; a
// device that is down, deleted or closed, and a deadline, ends it at once.
//
// With Config.Offload, packets of a flow that belong together are merged and
// written at once, as far as the offloads are in force: see [Coalescer]. The order
// of packets of different flows may change, that within a flow does not. If the
// kernel refuses a merged packet and takes the packets alone, WriteBatch ends the
// segmentation offload of this protocol.
func (q *Queue) WriteBatch(bufs [][]byte, offset int) (n int, err error) {
	if offset < 0 {
		return 0, &Error{"write", q.name, because(unix.EINVAL, "the offset is negative")}
	}
	if q.vnet() {
		return q.writeMerged(bufs, offset)
	}
	for i := 0; i < len(bufs); {
		if !q.out.deadline.Load() && q.out.enter() {
			// As many as go without a question.
			for ; i < len(bufs) && len(bufs[i]) > offset && len(bufs[i])-offset <= maxPacket; i, n = i+1, n+1 {
				if !write(q.fd, bufs[i][offset:]) {
					break
				}
			}
			q.out.leave()
			if i == len(bufs) {
				break
			}
		}
		_, fail := q.Write(bufs[i][min(offset, len(bufs[i])):]) // the one that did not go, for the reason
		i++
		switch {
		case fail == nil:
			n++
		case fatal(fail):
			return n, fail
		default:
			err = cmp.Or(err, fail)
		}
	}
	return n, err
}

// fatal reports whether an error is not one of the packet alone.
func fatal(err error) bool {
	return !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EMSGSIZE)
}

// writeMerged is WriteBatch where packets have virtio headers.
func (q *Queue) writeMerged(bufs [][]byte, offset int) (n int, err error) {
	w := &q.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	w.merge.Reset(bufs, offset, q.offload.get(), q.tap)
	defer w.merge.Reset(nil, 0, 0, false) // keep none of the packets alive
	for {
		s, count := w.merge.Next()
		if count == 0 {
			return n, err
		}
		fail := q.tooLong(s.Packet)
		if fail == nil {
			fail = q.send(s)
		}
		switch {
		case count > 1 && errors.Is(fail, unix.EINVAL):
			count, fail = q.sendAlone(s)
		case fail != nil:
			count = 0
		}
		n += count
		if fail != nil && fatal(fail) {
			return n, fail
		}
		err = cmp.Or(err, fail)
	}
}

// sendAlone writes the packets of a super-packet that the kernel has refused, and
// ends the offload if that was the reason.
func (q *Queue) sendAlone(s Super) (n int, err error) {
	w := &q.writer
	if w.buf == nil {
		w.buf = make([]byte, etherLen+maxPacket)
	}
	if err := w.split.Reset(s, q.tap); err != nil {
		return 0, &Error{"write", q.name, err}
	}
	defer func() { w.split = Splitter{} }()
	for {
		size, end := w.split.Next(w.buf)
		if end != nil {
			break
		}
		fail := q.send(Super{Packet: w.buf[:size]})
		switch {
		case fail == nil:
			n++
		case fatal(fail):
			return n, fail
		default:
			err = cmp.Or(err, fail)
		}
	}
	if err == nil {
		err = q.endOffload(s.gso())
	}
	return n, err
}

// endOffload ends the segmentation offload of a protocol.
func (q *Queue) endOffload(gso uint8) error {
	broken := OffloadUSO4 | OffloadUSO6
	if gso != unix.VIRTIO_NET_HDR_GSO_UDP_L4 {
		broken = OffloadTSO4 | OffloadTSO6 | OffloadTSOECN
	}
	o := q.offload
	return ioError("set offload", q.name, q.control(func(fd int) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.setLocked(fd, o.get()&^broken)
	}))
}

// tooLong refuses what no packet can be.
func (q *Queue) tooLong(b []byte) error {
	limit := maxPacket
	if q.tap {
		limit += etherRoom
	}
	if len(b) > limit {
		return &Error{"write", q.name, because(unix.EMSGSIZE, "a packet cannot have %d bytes: at most %d", len(b), limit)}
	}
	return nil
}

// ReadBatch reads packets from the first queue. See [Queue.ReadBatch].
func (d *Device) ReadBatch(bufs [][]byte, sizes []int, offset int) (int, error) {
	return d.first.ReadBatch(bufs, sizes, offset)
}

// WriteBatch writes packets to the first queue. See [Queue.WriteBatch].
func (d *Device) WriteBatch(bufs [][]byte, offset int) (int, error) {
	return d.first.WriteBatch(bufs, offset)
}

// ReadSuper reads a packet from the first queue. See [Queue.ReadSuper].
func (d *Device) ReadSuper(b []byte) (Super, error) { return d.first.ReadSuper(b) }

// WriteSuper writes a packet to the first queue. See [Queue.WriteSuper].
func (d *Device) WriteSuper(s Super) error { return d.first.WriteSuper(s) }
