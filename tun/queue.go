//go:build linux

package tun

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxPacket is an IPv6 header and the longest payload it can state, which is
	// longer than any IPv4 packet.
	maxPacket = 40 + 65535

	// etherRoom is an Ethernet header with two VLAN tags.
	etherRoom = 14 + 4 + 4
)

// A Queue is one descriptor of a Device. Its methods may be called concurrently.
type Queue struct {
	file    *os.File
	conn    syscall.RawConn
	fd      int // between enter and leave of in or out
	dev     *Device
	name    string
	tap     bool
	offload *offloads // the device's

	in, out   gate
	deadlines sync.Mutex // held while one is set

	reader reader
	writer writer
}

// Read waits for a packet that the kernel sends through the device, copies it to
// b and returns its length. A packet that is longer than b is cut without a sign,
// by the kernel: b should have room for the link's MTU, for TAP plus 18 bytes, and
// for a byte more if n == len(b) is to tell a cut. An empty b is an error.
//
// With Config.Offload, Read is ReadBatch with one buffer.
//
// Read waits while the link is down. It fails with os.ErrClosed after Close,
// os.ErrDeadlineExceeded after a deadline and ErrGone once the device was deleted.
func (q *Queue) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, &Error{"read", q.name, because(unix.EINVAL, "the buffer is empty: give it room for a packet")}
	}
	if q.vnet() {
		bufs, sizes := [1][]byte{b}, [1]int{}
		_, err := q.readSplit(bufs[:], sizes[:], 0)
		return sizes[0], err
	}
	if !q.in.deadline.Load() && q.in.enter() {
		n, ok := read(q.fd, b)
		q.in.leave()
		if ok {
			return n, nil
		}
	}
	n, err := q.file.Read(b)
	if err != nil {
		err = q.fail("read", err)
	}
	return n, err
}

// Write sends the packet b into the kernel, as if the device had received it. It
// is not split nor held against the MTU, but refused if no IP packet (frame, for
// TAP) can be that long. The kernel takes any packet that begins with an IP
// version (TAP: that is as long as an Ethernet header) and drops bad ones silently.
//
// Write fails with ErrLinkDown while the link is down, and else as Read does.
func (q *Queue) Write(b []byte) (int, error) {
	if err := q.tooLong(b); err != nil {
		return 0, err
	}
	if q.vnet() {
		q.writer.mu.Lock()
		defer q.writer.mu.Unlock()
		if err := q.send(Super{Packet: b}); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	if !q.out.deadline.Load() && q.out.enter() {
		ok := write(q.fd, b)
		q.out.leave()
		if ok {
			return len(b), nil
		}
	}
	n, err := q.file.Write(b)
	if err != nil {
		err = q.fail("write", err)
	}
	return n, err
}

// SetDeadline sets the time at which reads and writes, waiting ones too, fail
// with os.ErrDeadlineExceeded. The zero time means never.
func (q *Queue) SetDeadline(t time.Time) error {
	return q.setDeadline(t, q.file.SetDeadline, &q.in, &q.out)
}

// SetReadDeadline is SetDeadline for Read.
func (q *Queue) SetReadDeadline(t time.Time) error {
	return q.setDeadline(t, q.file.SetReadDeadline, &q.in)
}

// SetWriteDeadline is SetDeadline for Write.
func (q *Queue) SetWriteDeadline(t time.Time) error {
	return q.setDeadline(t, q.file.SetWriteDeadline, &q.out)
}

// setDeadline keeps calls from going past the poller while there is a deadline.
func (q *Queue) setDeadline(t time.Time, set func(time.Time) error, gates ...*gate) error {
	q.deadlines.Lock()
	defer q.deadlines.Unlock()
	for _, g := range gates {
		g.deadline.Store(true)
	}
	err := q.deadline(set(t))
	if err == nil && t.IsZero() {
		for _, g := range gates {
			g.deadline.Store(false)
		}
	}
	return err
}

func (q *Queue) deadline(err error) error {
	if err != nil {
		// Since the poller has taken the descriptor, that is all there can be.
		// os says it with an error that is not its own ErrClosed.
		err = os.ErrClosed
	}
	return ioError("set deadline", q.name, err)
}

// SyscallConn returns the queue's descriptor, for ioctls and system calls of the
// caller's own. It is non-blocking and has to stay so.
func (q *Queue) SyscallConn() (syscall.RawConn, error) { return q.conn, nil }

// Detach takes the queue out of service (TUNSETQUEUE): the kernel drops the packets
// that wait in it and sends all others through the remaining queues. A Read waits
// until Attach. Write works on, but with NAPI it fails with ErrDetached. Only for a
// device made with MultiQueue.
func (q *Queue) Detach() error { return q.setQueue("detach queue", unix.IFF_DETACH_QUEUE) }

// Attach puts a detached queue into service again.
func (q *Queue) Attach() error { return q.setQueue("attach queue", unix.IFF_ATTACH_QUEUE) }

func (q *Queue) setQueue(op string, flag uint16) error {
	return q.ioctl(op, func(fd int) error {
		var ifr unix.Ifreq
		ifr.SetUint16(flag)
		err := unix.IoctlIfreq(fd, unix.TUNSETQUEUE, &ifr)
		_, flags, lookup := getIFF(fd)
		switch detached := flags&unix.IFF_DETACH_QUEUE != 0; {
		case lookup != nil:
			return lookup // EBADFD, where TUNSETQUEUE says EINVAL
		case err == nil && detached == (flag == unix.IFF_DETACH_QUEUE):
			return nil
		case err == nil:
			// A filter that fits makes tun_attach (drivers/net/tun.c) return early.
			return because(unix.EBUSY, "the kernel does not attach queues while the device has a classic filter (TUNATTACHFILTER)")
		case flags&unix.IFF_MULTI_QUEUE == 0:
			return because(err, "the device was made with a single queue: set Config.MultiQueue")
		case detached == (flag == unix.IFF_DETACH_QUEUE):
			return because(err, "it is so already")
		}
		return because(err, "the kernel refuses")
	})
}

// Close detaches the queue from the device for good, and ends its reads and writes
// with os.ErrClosed. The last queue takes the device along, as Device.Close does.
// The methods of Device that are about its first queue do not pass to another one.
func (q *Queue) Close() error {
	q.dev.mu.Lock()
	q.dev.queues = slices.DeleteFunc(slices.Clone(q.dev.queues), func(other *Queue) bool { return other == q })
	q.dev.mu.Unlock()
	return ioError("close", q.name, q.close())
}

// fail explains why a packet was not read or written.
func (q *Queue) fail(op string, err error) error {
	var errno syscall.Errno
	switch known := errors.As(err, &errno); {
	case !known && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded):
		// After a deletion the poller answers in the kernel's place, with an
		// error ("not pollable") that has no name.
		q.conn.Control(func(fd uintptr) {
			if _, _, gone := getIFF(int(fd)); gone == unix.EBADFD {
				err = &cause{ErrGone.Error(), []error{gone, ErrGone}}
			}
		})
	case errno == unix.EBADFD, errno == unix.EFAULT:
		// EFAULT: the device was deleted during the read (drivers/net/tun.c,
		// tun_ring_recv).
		err = &cause{ErrGone.Error(), []error{errno, ErrGone}}
	case errno == unix.EIO && op == "write":
		err = &cause{ErrLinkDown.Error() + ": set it up", []error{errno, ErrLinkDown}}
	case errno == unix.EBUSY && op == "write":
		// NAPI alone is off while the queue is detached (drivers/net/tun.c,
		// tun_get_user).
		err = &cause{ErrDetached.Error(), []error{errno, ErrDetached}}
	case errno == unix.EINVAL && op == "write" && q.tap:
		err = because(errno, "this is no frame: it is shorter than an Ethernet header")
	case errno == unix.EINVAL && op == "write":
		err = because(errno, "this is no packet: its first byte is not that of IP version 4 or 6")
	}
	return ioError(op, q.name, err)
}

// ioError puts an Error in the place of os's, which names /dev/net/tun.
func ioError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return &Error{op, name, err}
}
