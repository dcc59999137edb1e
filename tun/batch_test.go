//go:build linux

package tun

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
)

// A router is a namespace that forwards packets from one device to another.
type router struct {
	ns      *nstest.NS
	in, out *Device
	ether   []byte // of frames to in; nil for TUN
}

func newRouter(t testing.TB, tap bool) *router {
	t.Helper()
	nstest.TUN(t)
	r := &router{ns: nstest.New(t)}
	r.in = device(t, Config{Name: "in", TAP: tap, NetNS: r.ns.FD(), Offload: OffloadAll})
	r.out = device(t, Config{Name: "out", TAP: tap, NetNS: r.ns.FD(), Offload: OffloadAll})
	r.ns.Do(t, func() {
		for _, name := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
			if err := os.WriteFile("/proc/sys/net/"+name, []byte("1"), 0); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct{ dev, v4, v6, mac string }{
			{"in", "10.0.0.254/24", "fd00::fe/64", "02:00:00:00:00:01"},
			{"out", "10.1.0.254/24", "fd00:0:0:1::fe/64", "02:00:00:00:00:02"},
		} {
			nstest.IP(t, "link", "set", c.dev, "addrgenmode", "none")
			if tap {
				nstest.IP(t, "link", "set", c.dev, "address", c.mac)
			}
			nstest.IP(t, "address", "add", c.v4, "dev", c.dev)
			nstest.IP(t, "address", "add", c.v6, "dev", c.dev, "nodad")
			nstest.IP(t, "link", "set", c.dev, "up")
		}
		if tap {
			for _, peer := range []string{"10.1.0.9", "fd00:0:0:1::9"} {
				nstest.IP(t, "neighbor", "add", peer, "lladdr", "02:00:00:00:00:09", "dev", "out", "nud", "permanent")
			}
			r.ether = []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7}
		}
	})
	for _, dev := range []*Device{r.in, r.out} {
		if err := dev.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// forwarded returns what the router makes of packets: one hop less, and other
// addresses of Ethernet.
func (r *router) forwarded(packets [][]byte) (all [][]byte) {
	for _, p := range packets {
		p = bytes.Clone(p)
		l3 := 0
		if r.ether != nil {
			l3 = 14
			copy(p, []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 2})
		}
		if p[l3]>>4 == 4 {
			p[l3+8]--
		} else {
			p[l3+7]--
		}
		fix(p, l3)
		all = append(all, p)
	}
	return all
}

// ours reports whether a packet is not one of the kernel's own, such as multicast
// reports.
func (r *router) ours(p []byte) bool {
	l3 := 0
	if r.ether != nil {
		l3 = 14
	}
	ref, err := parseRef(p, l3)
	return err == nil && (ref.proto == 6 || ref.proto == 17)
}

// read reads n packets.
func (r *router) read(t *testing.T, n int) (packets [][]byte) {
	t.Helper()
	bufs, sizes := buffers(16, 2000), make([]int, 16)
	for len(packets) < n {
		m, err := r.out.ReadBatch(bufs, sizes, 3)
		if err != nil {
			t.Fatalf("after %d packets of %d: %v", len(packets), n, err)
		}
		for i, b := range bufs[:m] {
			if p := b[3:][:sizes[i]]; r.ours(p) {
				packets = append(packets, bytes.Clone(p))
			}
		}
	}
	return packets
}

// readSuper reads a super-packet.
func (r *router) readSuper(t *testing.T) Super {
	t.Helper()
	for {
		s, err := r.out.ReadSuper(make([]byte, 70000))
		if err != nil {
			t.Fatal(err)
		}
		if r.ours(s.Packet) {
			return s
		}
	}
}

func buffers(n, size int) [][]byte {
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = make([]byte, size)
	}
	return bufs
}

func sameBytes(t *testing.T, what string, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d packets, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("%s: packet %d:\n% x, want\n% x", what, i, got[i], want[i])
			return
		}
	}
}

// The kernel segments super-packets as Splitter does, and takes those that
// Coalescer makes for what they stand for.
func TestKernelSegmentation(t *testing.T) {
	for _, tap := range []bool{false, true} {
		r := newRouter(t, tap)
		has := r.out.Offload()
		for _, k := range kinds {
			if has&k.offload == 0 {
				t.Logf("%s: this kernel has no %v", k.name, k.offload)
				continue
			}
			next := byte(6)
			if k.udp {
				next = 17
			}
			base := with(ack, func(s *segment) {
				s.v6, s.udp, s.ether = k.v6, k.udp, r.ether
				s.payload = pattern(5000, 3)
			})
			for _, c := range []struct {
				name   string
				size   int
				change func(*segment)
			}{
				{"even", 1000, func(*segment) {}},
				{"odd", 1201, func(*segment) {}},
				{"two", 1400, func(s *segment) { s.payload = s.payload[:1401] }},
				{"DF", 1000, func(s *segment) { s.df = true }},
				{"flags", 1000, func(s *segment) { s.flags = 0x10 | tcpPSH | tcpFIN | 0x40 }},
				{"CWR", 1000, func(s *segment) { s.flags = 0x10 | tcpCWR }},
				{"options", 1000, func(s *segment) { s.options = []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8} }},
				{"wrap", 1000, func(s *segment) { s.seq = 1<<32 - 1500; s.id = 0xfffe }},
				{"class, label", 1000, func(s *segment) { s.tos = 0xba; s.label = 0x12345 }},
				{"small", 100, func(*segment) {}},
				{"wide", 1400, func(s *segment) { s.payload = pattern(63000, 5) }},
				{"zeros", 1000, func(s *segment) { s.payload = make([]byte, 5000) }},
				{"IPv4 options", 1000, func(s *segment) { s.ipOptions = []byte{1, 1, 1, 0} }},
				{"extension header", 1000, func(s *segment) { s.extFirst, s.ext = 60, []byte{next, 0, 1, 4, 0, 0, 0, 0} }},
			} {
				s := with(base, c.change)
				plain := len(s.ipOptions) == 0
				if s.v6 {
					s.ipOptions = nil
					plain = len(s.ext) == 0
				} else {
					s.ext = nil
				}
				if s.udp {
					s.options = nil
				}
				p := super(s, c.size)
				if s.flags&tcpCWR != 0 && !s.udp {
					p.GSOType |= unix.VIRTIO_NET_HDR_GSO_ECN
				}
				parts, err := split(p, tap)
				if err != nil {
					t.Fatalf("%s, %s: %v", k.name, c.name, err)
				}
				what := fmt.Sprintf("tap %v, %s, %s", tap, k.name, c.name)
				want := r.forwarded(parts)

				// The kernel splits.
				if err := r.out.SetOffload(0); err != nil {
					t.Fatal(err)
				}
				if err := r.in.WriteSuper(p); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				sameBytes(t, what+", kernel", r.read(t, len(want)), want)

				// It splits what was merged here.
				out, counts := merge(parts, OffloadAll, tap)
				if merged := len(out) < len(parts); merged != plain {
					t.Errorf("%s: merged %v", what, counts)
				}
				if n, err := r.in.WriteBatch(parts, 0); n != len(parts) || err != nil {
					t.Fatalf("%s: %d packets, %v", what, n, err)
				}
				sameBytes(t, what+", merged and split by the kernel", r.read(t, len(want)), want)

				// It forwards what was merged here, which is split here.
				if err := r.out.SetOffload(OffloadAll); err != nil {
					t.Fatal(err)
				}
				if n, err := r.in.WriteBatch(parts, 0); n != len(parts) || err != nil {
					t.Fatalf("%s: %d packets, %v", what, n, err)
				}
				sameBytes(t, what+", merged and split", r.read(t, len(want)), want)

				// Super-packets come out as they went in.
				if err := r.in.WriteSuper(p); err != nil {
					t.Fatal(err)
				}
				got := r.readSuper(t)
				if got.GSOType != p.GSOType || got.GSOSize != p.GSOSize || got.CsumStart != p.CsumStart || got.CsumOffset != p.CsumOffset || !got.needsCsum() {
					t.Errorf("%s: %+v, want %+v", what, got.VNetHdr, p.VNetHdr)
				}
				super, err := split(got, tap)
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				sameBytes(t, what+", super-packet", super, want)
			}
		}
	}
}

// What a socket sends with UDP_SEGMENT is the same whoever segments it, but for the
// identification.
func TestSocketSegmentation(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Offload: OffloadAll})
	if dev.Offload()&OffloadUSO4 == 0 {
		t.Skip("this kernel has no UDP segmentation offload: Linux 6.2 has")
	}
	up(t, dev)
	dev.SetDeadline(time.Now().Add(20 * time.Second))
	raw, err := dial(t).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	payload := pattern(5001, 9)
	packets := map[Offload][][]byte{}
	for _, o := range []Offload{0, OffloadChecksum, OffloadUDP} {
		if err := dev.SetOffload(o); err != nil {
			t.Fatal(err)
		}
		var errno error
		raw.Control(func(fd uintptr) {
			if errno = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000); errno == nil {
				_, errno = unix.Write(int(fd), payload)
			}
		})
		if errno != nil {
			t.Fatal(errno)
		}
		for len(packets[o]) < 6 {
			s, err := dev.ReadSuper(make([]byte, 70000))
			if err != nil {
				t.Fatal(err)
			}
			if super := s.gso() != 0; super != (o == OffloadUDP) {
				t.Errorf("%v: type %d", o, s.GSOType)
			}
			parts, err := split(s, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				if err := verify(p, 0); err != nil {
					t.Error(err)
				}
				p[4], p[5] = 0, 0
				fix(p, 0)
				packets[o] = append(packets[o], p)
			}
		}
	}
	sameBytes(t, "checksums", packets[OffloadChecksum], packets[0])
	sameBytes(t, "segments", packets[OffloadUDP], packets[0])
}

// A TCP connection through two devices carries what it is given, whichever way
// the packets are forwarded.
func TestForwardTCP(t *testing.T) {
	nstest.TUN(t)
	a, b := nstest.New(t), nstest.New(t)
	for _, c := range []struct {
		name    string
		offload Offload
		forward func(from, to *Device) error
	}{
		{"single", 0, forwardSingle},
		{"single with headers", OffloadAll, forwardSingle},
		{"batches", 0, forwardBatch},
		{"split and merged", OffloadAll, forwardBatch},
		{"super-packets", OffloadAll, forwardSuper},
	} {
		t.Run(c.name, func(t *testing.T) {
			left := device(t, Config{Name: "left", NetNS: a.FD(), Offload: c.offload})
			right := device(t, Config{Name: "right", NetNS: b.FD(), Offload: c.offload})
			for _, end := range []struct {
				ns       *nstest.NS
				dev      *Device
				own, far string
			}{{a, left, "1", "2"}, {b, right, "2", "1"}} {
				end.ns.IP(t, "link", "set", end.dev.Name(), "addrgenmode", "none")
				end.ns.IP(t, "address", "add", "10.9.0."+end.own, "peer", "10.9.0."+end.far, "dev", end.dev.Name())
				end.ns.IP(t, "address", "add", "fd09::"+end.own+"/64", "dev", end.dev.Name(), "nodad")
				end.ns.IP(t, "link", "set", end.dev.Name(), "txqueuelen", "5000", "up")
			}
			var forwarders sync.WaitGroup
			for _, way := range [][2]*Device{{left, right}, {right, left}} {
				forwarders.Go(func() {
					if err := c.forward(way[0], way[1]); !errors.Is(err, os.ErrClosed) {
						t.Errorf("%s to %s: %v", way[0].Name(), way[1].Name(), err)
					}
				})
			}
			for _, address := range []string{"10.9.0.2", "fd09::2"} {
				transfer1MB(t, a, b, address)
			}
			left.Close()
			right.Close()
			forwarders.Wait()
		})
	}
}

func transfer1MB(t *testing.T, a, b *nstest.NS, address string) {
	t.Helper()
	var listener *net.TCPListener
	var err error
	b.Do(t, func() { listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(address)}) })
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var conn *net.TCPConn
	a.Do(t, func() { conn, err = net.DialTCP("tcp", nil, listener.Addr().(*net.TCPAddr)) })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline := time.Now().Add(20 * time.Second)
	conn.SetDeadline(deadline)
	listener.SetDeadline(deadline)
	server, err := listener.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.SetDeadline(deadline)

	data := pattern(1<<20, 1)
	sent := make(chan error)
	go func() {
		_, err := conn.Write(data)
		conn.CloseWrite()
		sent <- err
	}()
	h := sha256.New()
	n, err := io.Copy(h, server)
	if err != nil || int(n) != len(data) || [32]byte(h.Sum(nil)) != sha256.Sum256(data) {
		t.Errorf("%s: %d bytes of %d, %v", address, n, len(data), err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func forwardSingle(from, to *Device) error {
	b := make([]byte, 2000)
	for {
		n, err := from.Read(b)
		if err != nil {
			return err
		}
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
	}
}

func forwardBatch(from, to *Device) error {
	const offset = 16
	bufs, sizes := buffers(64, offset+2000), make([]int, 64)
	packets := make([][]byte, 0, 64)
	for {
		n, err := from.ReadBatch(bufs, sizes, offset)
		if err != nil {
			return err
		}
		packets = packets[:0]
		for i, b := range bufs[:n] {
			packets = append(packets, b[:offset+sizes[i]])
		}
		if _, err := to.WriteBatch(packets, offset); err != nil {
			return err
		}
	}
}

func forwardSuper(from, to *Device) error {
	b := make([]byte, 1<<16+100)
	for {
		s, err := from.ReadSuper(b)
		if err != nil {
			return err
		}
		if err := to.WriteSuper(s); err != nil {
			return err
		}
	}
}

// A batch is filled with what is there; what does not fit stays.
func TestReadBatch(t *testing.T) {
	nstest.TUN(t)
	for _, o := range []Offload{0, OffloadAll} {
		dev := device(t, Config{Offload: o})
		up(t, dev)
		conn := dial(t)
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		dev.SetReadDeadline(time.Now().Add(20 * time.Second))
		send := func(n int) {
			for i := range n {
				if _, err := conn.Write(pattern(100, byte(i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if dev.Offload()&OffloadUSO4 != 0 {
			send = func(n int) { // one super-packet
				raw.Control(func(fd uintptr) {
					if err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 100); err == nil {
						var all []byte
						for i := range n {
							all = append(all, pattern(100, byte(i))...)
						}
						_, err = unix.Write(int(fd), all)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, deadline := range []bool{true, false} {
			if !deadline {
				dev.SetReadDeadline(time.Time{})
			}
			send(10)
			bufs, sizes := buffers(4, 200), make([]int, 5)
			next := 0
			for _, want := range []int{4, 4, 2} {
				n, err := dev.ReadBatch(bufs, sizes, 50)
				if n != want || err != nil {
					t.Fatalf("%v: %d packets, %v; want %d", o, n, err, want)
				}
				for i, b := range bufs[:n] {
					if sizes[i] != 128 || !bytes.Equal(b[78:178], pattern(100, byte(next))) || !bytes.Equal(b[:50], make([]byte, 50)) {
						t.Fatalf("%v: packet %d: % x", o, next, b)
					}
					next++
				}
			}
			if dev.Offload()&OffloadUSO4 == 0 {
				continue
			}
			// Read and ReadSuper take over in the middle of a super-packet.
			send(4)
			one := make([]byte, 200)
			if n, err := dev.Read(one); n != 128 || err != nil || !bytes.Equal(one[28:n], pattern(100, 0)) {
				t.Fatal(n, err)
			}
			if s, err := dev.ReadSuper(one); err != nil || s.VNetHdr != (VNetHdr{}) || len(s.Packet) != 128 || !bytes.Equal(s.Packet[28:], pattern(100, 1)) {
				t.Fatal(s, err)
			}
			// Too small a buffer loses the rest of this one.
			if n, err := dev.ReadBatch(bufs, sizes, 100); n != 0 || !errors.Is(err, io.ErrShortBuffer) || !strings.Contains(err.Error(), "MTU") {
				t.Fatal(n, err)
			}
			send(2)
			mixed := [][]byte{bufs[0], bufs[1][:120]}
			if n, err := dev.ReadBatch(mixed, sizes, 0); n != 1 || err != nil || !bytes.Equal(mixed[0][28:128], pattern(100, 0)) {
				t.Fatal(n, err)
			}
			if n, err := dev.Read(one); n != 128 || err != nil || !bytes.Equal(one[28:n], pattern(100, 1)) {
				t.Fatal(n, err)
			}
		}
		for _, c := range []struct {
			bufs   [][]byte
			sizes  []int
			offset int
		}{
			{nil, []int{0}, 0},
			{buffers(1, 10), nil, 0},
			{buffers(1, 10), []int{0}, 10},
			{buffers(1, 10), []int{0}, -1},
		} {
			if n, err := dev.ReadBatch(c.bufs, c.sizes, c.offset); n != 0 || !errors.Is(err, unix.EINVAL) {
				t.Errorf("%+v: %d, %v", c, n, err)
			}
		}
		if dev.Offload()&OffloadUSO4 != 0 {
			send(4)
			if _, err := dev.Read(make([]byte, 200)); err != nil {
				t.Fatal(err)
			}
		}
		dev.Close() // the next one has the same address
		b := make([]byte, 200)
		_, one := dev.Read(b)
		_, batch := dev.ReadBatch([][]byte{b}, []int{0}, 0)
		if !errors.Is(one, os.ErrClosed) || !errors.Is(batch, os.ErrClosed) {
			t.Errorf("%v: after Close: %v, %v", o, one, batch)
		}
		if _, err := dev.ReadSuper(b); o != 0 && !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v: after Close: %v", o, err)
		}
	}
}

// One packet that the kernel refuses does not stop the others.
func TestWriteBatch(t *testing.T) {
	nstest.TUN(t)
	for _, o := range []Offload{0, OffloadAll} {
		for _, tap := range []bool{false, true} {
			dev := device(t, Config{Offload: o, TAP: tap})
			var packets [][]byte
			for _, b := range [][]byte{{0x15}, make([]byte, 70000), nil} {
				packets = append(packets, append(make([]byte, 5), b...))
			}
			packets = append(packets, nil)
			s := with(ack, func(s *segment) { s.udp = true })
			if tap {
				s.ether = make([]byte, 12)
			}
			for _, p := range train(s, 5) {
				packets = slices.Insert(packets, 1, append(make([]byte, 5), p...))
			}
			if n, err := dev.WriteBatch(packets, 5); n != 0 || !errors.Is(err, ErrLinkDown) {
				t.Errorf("%v, tap %v, down: %d, %v", o, tap, n, err)
			}
			up(t, dev)
			for _, deadline := range []time.Time{{}, time.Now().Add(20 * time.Second)} {
				dev.SetWriteDeadline(deadline)
				n, err := dev.WriteBatch(packets, 5)
				if n != 5 || !errors.Is(err, unix.EINVAL) {
					t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
				}
				n, err = dev.WriteBatch(packets[1:7], 5)
				if n != 5 || !errors.Is(err, unix.EMSGSIZE) {
					t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
				}
			}
			dev.SetWriteDeadline(time.Unix(1, 0))
			if n, err := dev.WriteBatch(packets, 5); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
			}
			if n, err := dev.WriteBatch(packets, -1); n != 0 || !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
			}
			if n, err := dev.WriteBatch(nil, 0); n != 0 || err != nil {
				t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
			}
			dev.Close()
			if n, err := dev.WriteBatch(packets, 5); n != 0 || !errors.Is(err, os.ErrClosed) {
				t.Errorf("%v, tap %v: %d, %v", o, tap, n, err)
			}
		}
	}
}

// If the kernel takes the packets alone, but not merged, the offload ends.
func TestMergedIsRefused(t *testing.T) {
	r := newRouter(t, false)
	has := r.in.Offload()
	for _, k := range kinds {
		if has&k.offload == 0 {
			t.Logf("%s: this kernel has no %v", k.name, k.offload)
			continue
		}
		if err := r.in.SetOffload(OffloadAll); err != nil {
			t.Fatal(err)
		}
		parts := train(with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp }), 4)
		out, counts := merge(parts, OffloadAll, false)
		if !slices.Equal(counts, []int{4}) {
			t.Fatal(counts)
		}
		// This is what WriteBatch does after EINVAL, which this kernel does not give.
		q := r.in.Queues()[0]
		if n, err := q.sendAlone(out[0]); n != 4 || err != nil {
			t.Fatalf("%s: %d, %v", k.name, n, err)
		}
		sameBytes(t, k.name, r.read(t, 4), r.forwarded(parts))
		want := OffloadTCP
		if !k.udp {
			want = has & OffloadUDP
		}
		if got := r.in.Offload(); got != want {
			t.Errorf("%s: left are %v, want %v", k.name, got, want)
		}
		// And WriteBatch merges no more of this protocol.
		if n, err := r.in.WriteBatch(parts, 0); n != 4 || err != nil {
			t.Fatalf("%s: %d, %v", k.name, n, err)
		}
		for range 4 {
			if s := r.readSuper(t); s.gso() != 0 {
				t.Errorf("%s: %+v", k.name, s.VNetHdr)
			}
		}
		// A refused packet is refused alone too: then nothing ends.
		r.ns.IP(t, "link", "set", "in", "down")
		r.in.SetOffload(OffloadAll)
		if n, err := q.sendAlone(out[0]); n != 0 || !errors.Is(err, ErrLinkDown) || r.in.Offload() != has {
			t.Errorf("%s: %d, %v, %v", k.name, n, err, r.in.Offload())
		}
		r.ns.IP(t, "link", "set", "in", "up")
		if k.v6 {
			continue
		}
		r.ns.IP(t, "-6", "address", "replace", "fd00::fe/64", "dev", "in", "nodad") // gone with the link
	}
}

func TestSuperErrors(t *testing.T) {
	nstest.TUN(t)
	plain := device(t, Config{})
	if _, err := plain.ReadSuper(make([]byte, 100)); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "Config.Offload") {
		t.Error(err)
	}
	if err := plain.WriteSuper(Super{}); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "Config.Offload") {
		t.Error(err)
	}
	dev := device(t, Config{Offload: OffloadChecksum})
	up(t, dev)
	if _, err := dev.ReadSuper(nil); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	p := super(ack, 20)
	p.GSOType = 2
	if err := dev.WriteSuper(p); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "virtio header") {
		t.Error(err)
	}
	if err := dev.WriteSuper(Super{Packet: []byte{0x15}}); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "IP version") {
		t.Error(err)
	}
	if err := dev.WriteSuper(Super{Packet: make([]byte, 70000)}); !errors.Is(err, unix.EMSGSIZE) {
		t.Error(err)
	}
	if _, err := dev.Write([]byte{0x15}); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	nstest.IP(t, "link", "delete", dev.Name())
	_, read := dev.ReadSuper(make([]byte, 100))
	_, batch := dev.ReadBatch(buffers(1, 100), make([]int, 1), 0)
	_, write := dev.WriteBatch(train(ack, 2), 0)
	for _, err := range []error{read, batch, write, dev.WriteSuper(p), dev.SetOffload(0)} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("deleted: %v", err)
		}
	}
}

// Close ends all ways to read, while they wait and while there is traffic.
func TestCloseBatches(t *testing.T) {
	nstest.TUN(t)
	for _, o := range []Offload{0, OffloadAll} {
		for _, busy := range []bool{false, true} {
			dev := device(t, Config{Offload: o, Queues: 2})
			up(t, dev)
			packets := train(with(ack, func(s *segment) { s.udp = true }), 8)
			conn := dial(t)
			var wg sync.WaitGroup
			loop := func(f func() error) {
				wg.Go(func() {
					for {
						if err := f(); err != nil {
							if !errors.Is(err, os.ErrClosed) {
								t.Error(err)
							}
							return
						}
					}
				})
			}
			for _, q := range dev.Queues() {
				b := make([]byte, 2000)
				bufs, sizes := buffers(8, 2000), make([]int, 8)
				loop(func() error { _, err := q.Read(b); return err })
				loop(func() error { _, err := q.ReadBatch(bufs, sizes, 0); return err })
				if o != 0 {
					super := make([]byte, 70000)
					loop(func() error { _, err := q.ReadSuper(super); return err })
				}
				if busy {
					loop(func() error { _, err := q.Write(packets[0]); return err })
					loop(func() error { _, err := q.WriteBatch(packets, 0); return err })
				}
			}
			if busy {
				for range 100 {
					if _, err := conn.Write(packets[0]); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(10 * time.Millisecond) // usually they wait by then; both must work
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
			wg.Wait()
		}
	}
}

func TestBatchDeadlines(t *testing.T) {
	nstest.TUN(t)
	for _, o := range []Offload{0, OffloadAll} {
		dev := device(t, Config{Offload: o})
		up(t, dev)
		conn := dial(t)
		bufs, sizes := buffers(8, 2000), make([]int, 8)
		reads := []func() error{
			func() error { _, err := dev.Read(bufs[0]); return err },
			func() error { _, err := dev.ReadBatch(bufs, sizes, 0); return err },
		}
		if o != 0 {
			reads = append(reads, func() error { _, err := dev.ReadSuper(bufs[0]); return err })
		}
		for i, read := range reads {
			dev.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, %d: %v", o, i, err)
			}
			// That holds if there is a packet, too.
			if _, err := conn.Write(nil); err != nil {
				t.Fatal(err)
			}
			if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, %d, packet: %v", o, i, err)
			}
			dev.SetReadDeadline(time.Time{})
			if err := read(); err != nil {
				t.Errorf("%v, %d, no deadline: %v", o, i, err)
			}
		}
		dev.Close() // the next one has the same address
	}
}

func TestBatchAllocs(t *testing.T) {
	nstest.TUN(t)
	for _, o := range []Offload{0, OffloadAll} {
		r := newRouter(t, false)
		for _, dev := range []*Device{r.in, r.out} {
			if err := dev.SetOffload(o); err != nil {
				t.Fatal(err)
			}
		}
		for _, k := range kinds {
			packets := train(with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp }), 32)
			bufs, sizes := buffers(32, 2000), make([]int, 32)
			if got := testing.AllocsPerRun(50, func() {
				if n, err := r.in.WriteBatch(packets, 0); n != 32 || err != nil {
					t.Fatal(n, err)
				}
				for got := 0; got < 32; {
					n, err := r.out.ReadBatch(bufs, sizes, 0)
					if err != nil {
						t.Fatal(err)
					}
					for _, size := range sizes[:n] {
						if size == len(packets[0]) { // not one of the kernel's own
							got++
						}
					}
				}
			}); got != 0 {
				t.Errorf("%v, %s: %v allocations", o, k.name, got)
			}
		}
		one, room := ack.bytes(), make([]byte, 2000)
		if got := testing.AllocsPerRun(50, func() {
			if n, err := r.in.Write(one); n != len(one) || err != nil {
				t.Fatal(n, err)
			}
			for n := 0; n != len(one); {
				var err error
				if n, err = r.out.Read(room); err != nil {
					t.Fatal(err)
				}
			}
		}); got != 0 {
			t.Errorf("%v, Read and Write: %v allocations", o, got)
		}
		p := super(with(ack, func(s *segment) { s.v6 = true }), 50)
		b := make([]byte, 70000)
		if got := testing.AllocsPerRun(50, func() {
			if err := r.in.WriteSuper(p); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < 100; {
				s, err := r.out.ReadSuper(b)
				if err != nil {
					t.Fatal(err)
				}
				if s.Packet[6] == 6 { // TCP, not one of the kernel's own
					got += len(s.Packet) - 60
				}
			}
		}); got != 0 {
			t.Errorf("%v, super-packets: %v allocations", o, got)
		}
	}
}
