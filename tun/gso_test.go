//go:build linux

package tun

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// super makes a super-packet as the kernel does: with the sum of the pseudo-header
// in the place of the checksum.
func super(s segment, size int) Super {
	p := s.bytes()
	l3 := 0
	if len(s.ether) > 0 {
		l3 = 14
	}
	r, err := parseRef(p, l3)
	if err != nil || r.l4 == 0 {
		panic("no segment")
	}
	h := VNetHdr{Flags: unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, GSOSize: uint16(size), HdrLen: uint16(len(p)), CsumStart: uint16(r.l4), CsumOffset: 16}
	switch {
	case s.udp:
		h.GSOType, h.CsumOffset = unix.VIRTIO_NET_HDR_GSO_UDP_L4, 6
	case s.v6:
		h.GSOType = unix.VIRTIO_NET_HDR_GSO_TCPV6
	default:
		h.GSOType = unix.VIRTIO_NET_HDR_GSO_TCPV4
	}
	at := r.l4 + int(h.CsumOffset)
	pseudo := append([]byte(r.addresses), 0, 0, byte((len(p)-r.l4)>>8), byte(len(p)-r.l4), 0, 0, 0, r.proto)
	be.PutUint16(p[at:], ^rfc1071(pseudo))
	return Super{h, p}
}

func TestSplit(t *testing.T) {
	for _, k := range kinds {
		base := with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp })
		next := byte(6)
		if k.udp {
			next = 17
		}
		for _, c := range []struct {
			name    string
			size    int
			change  func(*segment)
			packets int
		}{
			{"even", 25, func(*segment) {}, 4},
			{"odd", 33, func(*segment) {}, 4},
			{"one byte", 1, func(*segment) {}, 100},
			{"one packet", 100, func(*segment) {}, 1},
			{"smaller than its size", 1000, func(*segment) {}, 1},
			{"nothing", 10, func(s *segment) { s.payload = nil }, 1},
			{"wide", 1448, func(s *segment) { s.payload = pattern(64000, 1) }, 45},
			{"flags", 30, func(s *segment) { s.flags = 0xff &^ tcpURG }, 4},
			{"sequence", 30, func(s *segment) { s.seq = 1<<32 - 31 }, 4},
			{"options", 30, func(s *segment) { s.options = bytes.Repeat([]byte{1}, 40) }, 4},
			{"IP options", 30, func(s *segment) { s.ipOptions = bytes.Repeat([]byte{1}, 40) }, 4},
			{"frame", 30, func(s *segment) { s.ether = []byte("destinsource") }, 4},
			{"extension headers", 30, func(s *segment) {
				s.extFirst = 0
				s.ext = append([]byte{43, 1, 1, 12}, make([]byte, 12)...)
				s.ext = append(s.ext, 60, 0, 99, 0, 0, 0, 0, 0)
				s.ext = append(s.ext, next, 0, 1, 4, 0, 0, 0, 0)
			}, 4},
		} {
			s := with(base, c.change)
			if s.v6 {
				s.ipOptions = nil
			} else {
				s.ext = nil
			}
			if s.udp {
				s.options = nil
			}
			p := super(s, c.size)
			before := bytes.Clone(p.Packet)
			tap, l3 := len(s.ether) > 0, 0
			if tap {
				l3 = 14
			}
			packets, err := split(p, tap)
			if err != nil || len(packets) != c.packets {
				t.Errorf("%s, %s: %d packets, %v; want %d", k.name, c.name, len(packets), err, c.packets)
				continue
			}
			if !bytes.Equal(before, p.Packet) {
				t.Errorf("%s, %s: the super-packet was changed", k.name, c.name)
			}
			// Each packet is what the segment's parts give.
			for i, got := range packets {
				want := s
				want.payload = s.payload[min(i*c.size, len(s.payload)):min((i+1)*c.size, len(s.payload))]
				want.seq += uint32(i * c.size)
				want.id += uint16(i)
				if i > 0 {
					want.flags &^= tcpCWR
				}
				if i < c.packets-1 {
					want.flags &^= tcpFIN | tcpPSH
				}
				if !bytes.Equal(got, want.bytes()) {
					t.Errorf("%s, %s, packet %d:\n% x, want\n% x", k.name, c.name, i, got, want.bytes())
				}
				if err := verify(got, l3); err != nil {
					t.Errorf("%s, %s, packet %d: %v", k.name, c.name, i, err)
				}
			}
		}
	}
}

// A frame may have VLAN tags.
func TestSplitVLAN(t *testing.T) {
	s := with(ack, func(s *segment) { s.ether = make([]byte, 12) })
	for _, tags := range [][]byte{{0x81, 0, 0, 1}, {0x88, 0xa8, 0, 2, 0x81, 0, 0, 1}} {
		p := super(s, 30)
		p.Packet = append(append(bytes.Clone(p.Packet[:12]), tags...), p.Packet[12:]...)
		p.CsumStart += uint16(len(tags))
		packets, err := split(p, true)
		if err != nil || len(packets) != 4 {
			t.Fatalf("% x: %d packets, %v", tags, len(packets), err)
		}
		for i, b := range packets {
			if !bytes.Equal(b[:14+len(tags)], p.Packet[:14+len(tags)]) {
				t.Errorf("packet %d: % x", i, b)
			}
			if err := verify(b, 14+len(tags)); err != nil {
				t.Errorf("packet %d: %v", i, err)
			}
		}
	}
}

// What is no super-packet is copied, and its checksum completed.
func TestSplitWhole(t *testing.T) {
	for _, k := range kinds {
		s := with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp })
		p := super(s, 1)
		p.GSOType, p.GSOSize = unix.VIRTIO_NET_HDR_GSO_NONE, 0
		packets, err := split(p, false)
		if err != nil || len(packets) != 1 || !bytes.Equal(packets[0], s.bytes()) {
			t.Errorf("%s: % x, %v, want % x", k.name, packets, err, s.bytes())
		}
		for _, any := range [][]byte{s.bytes(), {}, {1}} {
			packets, err := split(Super{VNetHdr{Flags: unix.VIRTIO_NET_HDR_F_DATA_VALID}, any}, false)
			if err != nil || len(packets) != 1 || !bytes.Equal(packets[0], any) {
				t.Errorf("%s: % x, %v, want % x", k.name, packets, err, any)
			}
		}
	}
}

// A checksum of 0 is written as such in TCP, and never in UDP.
func TestSplitZeroChecksum(t *testing.T) {
	for _, k := range kinds {
		s := with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp })
		// The payload's first word makes the sum of the first packet whole.
		s.payload = make([]byte, 20)
		at, zero := 16, uint16(0)
		if k.udp {
			at, zero = 6, 0xffff
		}
		first := with(s, func(s *segment) { s.payload = make([]byte, 10) }).bytes()
		r, _ := parseRef(first, 0)
		copy(s.payload, first[r.l4+at:][:2])
		packets, err := split(super(s, 10), false)
		if err != nil {
			t.Fatal(err)
		}
		if got := be.Uint16(packets[0][r.l4+at:]); got != zero {
			t.Errorf("%s: %#x, want %#x", k.name, got, zero)
		}
		for _, p := range packets {
			if err := verify(p, 0); err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, k := range kinds {
		s := with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp })
		for name, change := range map[string]func(*Super){
			"cut":           func(p *Super) { p.Packet = p.Packet[:len(p.Packet)-1] },
			"cut header":    func(p *Super) { p.Packet = p.Packet[:p.CsumStart+3] },
			"cut IP header": func(p *Super) { p.Packet = p.Packet[:19] },
			"empty":         func(p *Super) { p.Packet = nil },
			"size 0":        func(p *Super) { p.GSOSize = 0 },
			"checksum":      func(p *Super) { p.CsumOffset++ },
			"start":         func(p *Super) { p.CsumStart-- },
			"type":          func(p *Super) { p.GSOType ^= 6 },
			"UFO":           func(p *Super) { p.GSOType = unix.VIRTIO_NET_HDR_GSO_UDP },
			"version":       func(p *Super) { p.Packet[0] ^= 0x10 },
			"protocol":      func(p *Super) { p.Packet[map[bool]int{false: 9, true: 6}[k.v6]] = 1 },
			"no frame":      func(p *Super) { p.Packet = append(make([]byte, 14), p.Packet...); p.CsumStart += 14 },
		} {
			p := super(s, 30)
			change(&p)
			var sp Splitter
			if err := sp.Reset(p, name == "no frame"); err == nil {
				t.Errorf("%s, %s: no error", k.name, name)
			}
			if n, err := sp.Next(make([]byte, 1000)); n != 0 || err != io.EOF {
				t.Errorf("%s, %s: %d, %v", k.name, name, n, err)
			}
		}
	}
	frag := super(ack, 30)
	frag.Packet[7] = 1
	var sp Splitter
	if err := sp.Reset(frag, false); err == nil {
		t.Error("a fragment: no error")
	}
	none := Super{VNetHdr{Flags: unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, CsumStart: 10, CsumOffset: 9}, make([]byte, 20)}
	if err := sp.Reset(none, false); err == nil {
		t.Error("a checksum behind the packet: no error")
	}
}

// A packet for which there is no room can be had with more.
func TestSplitShortBuffer(t *testing.T) {
	for _, p := range []Super{super(ack, 60), {Packet: ack.bytes()}} {
		var sp Splitter
		if err := sp.Reset(p, false); err != nil {
			t.Fatal(err)
		}
		for {
			b := make([]byte, 200)
			n, err := sp.Next(b)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := sp.Reset(p, false); err != nil {
				t.Fatal(err)
			}
			if _, err := sp.Next(b[:n-1]); !errors.Is(err, io.ErrShortBuffer) {
				t.Errorf("%d bytes for %d: %v", n-1, n, err)
			}
			if m, err := sp.Next(b[:n]); m != n || err != nil {
				t.Errorf("%d bytes for %d: %d, %v", n, n, m, err)
			}
			for err == nil {
				_, err = sp.Next(b)
			}
		}
	}
}

func FuzzSplit(f *testing.F) {
	for i, k := range kinds {
		s := with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp; s.payload = s.payload[:20+i] })
		p := super(s, 9)
		var h [vnetHdrLen]byte
		p.put(&h)
		f.Add(h[:], p.Packet, false, false)
		p.GSOType = 0
		p.put(&h)
		f.Add(h[:], append(make([]byte, 14), p.Packet...), true, true)
	}
	f.Fuzz(func(t *testing.T, header, packet []byte, tap, repair bool) {
		var h [vnetHdrLen]byte
		copy(h[:], header)
		s := Super{vnetHdr(&h), packet[:len(packet):len(packet)]}
		var back [vnetHdrLen]byte
		if s.put(&back); back != h {
			t.Fatalf("% x became % x", h, back)
		}
		l3 := 0
		if tap {
			l3 = 14
		}
		if repair { // a length that is right makes more of the packet be looked at
			if r, err := parseRef(packet, l3); err == nil && len(packet)-l3 < 1<<16 {
				packet = bytes.Clone(packet)
				if s.Packet = packet; r.version == 4 {
					be.PutUint16(packet[l3+2:], uint16(len(packet)-l3))
				} else {
					be.PutUint16(packet[l3+4:], uint16(len(packet)-l3-40))
				}
			}
		}
		before := bytes.Clone(packet)
		packets, err := split(s, tap)
		if !bytes.Equal(before, packet) {
			t.Fatal("the super-packet was changed")
		}
		if err != nil {
			return
		}
		if s.gso() == unix.VIRTIO_NET_HDR_GSO_NONE {
			if len(packets) != 1 || len(packets[0]) != len(packet) {
				t.Fatalf("%d packets", len(packets))
			}
			return
		}
		var payload []byte
		for i, p := range packets {
			at := l3
			for tap && (be.Uint16(p[at-2:]) == 0x8100 || be.Uint16(p[at-2:]) == 0x88a8) {
				at += 4
			}
			if err := verify(p, at); err != nil {
				t.Fatalf("packet %d: %v: % x", i, err, p)
			}
			r, _ := parseRef(p, at)
			payload = append(payload, p[r.data:]...)
		}
		if !bytes.HasSuffix(packet, payload) || len(packets) != max(1, (len(payload)+int(s.GSOSize)-1)/int(s.GSOSize)) {
			t.Fatalf("%d bytes of payload in %d packets of %d", len(payload), len(packets), s.GSOSize)
		}
	})
}

func TestCopySum(t *testing.T) {
	testCopySum(t)
	if other, restore := otherBlocks(); other {
		defer restore()
		testCopySum(t)
	}
}

func testCopySum(t *testing.T) {
	t.Helper()
	for n := range 300 {
		for shift := range 3 {
			src := pattern(n+shift, byte(n))[shift:]
			if n%5 == 0 {
				src = bytes.Repeat([]byte{0xff}, n)
			}
			dst := bytes.Repeat([]byte{0xaa}, n+2)
			got := fold(copySum(dst, src, 0))
			var wire [2]byte
			native.PutUint16(wire[:], ^got)
			if want := rfc1071(src); be.Uint16(wire[:]) != want {
				t.Fatalf("%d bytes: %#x, want %#x", n, be.Uint16(wire[:]), want)
			}
			if !bytes.Equal(dst[:n], src) || dst[n] != 0xaa || dst[n+1] != 0xaa {
				t.Fatalf("%d bytes: copied % x", n, dst)
			}
			if fold(sum(src, 0)) != got {
				t.Fatalf("%d bytes: sum and copySum differ", n)
			}
		}
	}
	// Many carries.
	b := bytes.Repeat([]byte{0xff}, 1<<16)
	if got := fold(copySum(make([]byte, len(b)), b, 1<<64-1)); got != 0xffff {
		t.Errorf("%#x", got)
	}
}

func BenchmarkCopySum(b *testing.B) {
	for _, n := range []int{64, 1408, 1448} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src, dst := pattern(n, 0), make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				copySum(dst, src, 0)
			}
		})
	}
}

// Per packet, of a super-packet of 45.
func BenchmarkSplit(b *testing.B) {
	for _, n := range []int{64, 1448} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := super(with(ack, func(s *segment) { s.payload = pattern(45*n, 0) }), n)
			bufs := buffers(45, 2000)
			var s Splitter
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(bufs) {
				if err := s.Reset(p, false); err != nil {
					b.Fatal(err)
				}
				for _, b := range bufs {
					if _, err := s.Next(b); err != nil {
						panic(err)
					}
				}
			}
		})
	}
}
