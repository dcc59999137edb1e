//go:build linux

package tun

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// ack is a segment of a flow, which the functions below vary.
var ack = segment{sport: 1000, dport: 2000, host: 1, ttl: 64, seq: 1 << 31, ack: 77, flags: 0x10, window: 500, id: 0xfffe, payload: pattern(100, 0)}

// train returns n packets that follow each other.
func train(s segment, n int) [][]byte {
	var packets [][]byte
	for i := range n {
		s.payload = pattern(len(s.payload), byte(i))
		packets = append(packets, s.bytes())
		s.seq += uint32(len(s.payload))
		s.id++
	}
	return packets
}

// with returns a changed copy of a segment.
func with(s segment, change func(*segment)) segment {
	change(&s)
	return s
}

// merge returns what a Coalescer makes of packets: of each output its header,
// bytes and number of packets. The packets are in larger buffers, behind offset.
func merge(packets [][]byte, o Offload, tap bool) (out []Super, counts []int) {
	const offset = 7
	var bufs [][]byte
	for _, p := range packets {
		bufs = append(bufs, append(make([]byte, offset), p...))
	}
	var c Coalescer
	c.Reset(bufs, offset, o, tap)
	for {
		s, n := c.Next()
		if n == 0 {
			break
		}
		s.Packet = bytes.Clone(s.Packet)
		out, counts = append(out, s), append(counts, n)
	}
	for i, b := range bufs {
		if !bytes.Equal(b[offset:], packets[i]) {
			panic("the Coalescer has written to a packet")
		}
	}
	return out, counts
}

// split returns the packets of a Super.
func split(s Super, tap bool) (packets [][]byte, err error) {
	var sp Splitter
	if err := sp.Reset(s, tap); err != nil {
		return nil, err
	}
	for {
		b := make([]byte, len(s.Packet))
		n, err := sp.Next(b)
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return nil, err
		}
		packets = append(packets, b[:n:n])
	}
}

var kinds = []struct {
	name    string
	v6, udp bool
	offload Offload
	gso     uint8
}{
	{"tcp4", false, false, OffloadTSO4 | OffloadTSOECN, unix.VIRTIO_NET_HDR_GSO_TCPV4},
	{"tcp6", true, false, OffloadTSO6 | OffloadTSOECN, unix.VIRTIO_NET_HDR_GSO_TCPV6},
	{"udp4", false, true, OffloadUSO4, unix.VIRTIO_NET_HDR_GSO_UDP_L4},
	{"udp6", true, true, OffloadUSO6, unix.VIRTIO_NET_HDR_GSO_UDP_L4},
}

// Which packets are merged. counts is how many each output stands for.
func TestCoalesce(t *testing.T) {
	type variant struct {
		name   string
		make   func(segment) [][]byte
		counts []int
	}
	follow := func(change func(*segment)) func(segment) [][]byte {
		return func(s segment) [][]byte {
			all := train(s, 4)
			change(&s)
			s.payload = pattern(len(s.payload), 2)
			s.seq += 2 * uint32(len(s.payload))
			s.id += 2
			all[2] = s.bytes()
			return all
		}
	}
	bytewise := func(change func([]byte)) func(segment) [][]byte {
		return func(s segment) [][]byte {
			all := train(s, 4)
			change(all[2])
			return all
		}
	}
	lengths := func(n ...int) func(segment) [][]byte {
		return func(s segment) [][]byte {
			var all [][]byte
			for i, n := range n {
				s.payload = pattern(n, byte(i))
				all = append(all, s.bytes())
				s.seq += uint32(n)
				s.id++
			}
			return all
		}
	}
	broken := []int{2, 1, 1} // the third one is no continuation, nor is the fourth of the third
	common := []variant{
		{"train", func(s segment) [][]byte { return train(s, 4) }, []int{4}},
		{"one", func(s segment) [][]byte { return train(s, 1) }, []int{1}},
		{"shorter last", lengths(100, 100, 60), []int{3}},
		{"shorter in between", lengths(100, 60, 60, 60, 100), []int{2, 2, 1}},
		{"longer", lengths(60, 100, 100), []int{1, 2}},
		{"odd lengths", lengths(33, 33, 33, 1), []int{4}},
		{"no payload", lengths(100, 100, 0, 100, 100), []int{2, 1, 2}},
		{"traffic class", follow(func(s *segment) { s.tos ^= 3 }), broken},
		{"TTL", follow(func(s *segment) { s.ttl-- }), broken},
		{"64 KiB", lengths(30000, 30000, 30000, 30000), []int{2, 2}},
		{"65535", lengths(20000, 20000, 20000, 5300), []int{4}},
		{"wrong transport checksum", bytewise(func(p []byte) { p[len(p)-1]++ }), []int{2, 1, 1}},
		{"wrong checksum in the middle", func(s segment) [][]byte {
			all := train(s, 7)
			all[3][len(all[3])-1]++
			return all
		}, []int{3, 1, 3}},
		{"wrong checksum of the first", func(s segment) [][]byte {
			all := train(s, 4)
			all[0][len(all[0])-1]++
			return all
		}, []int{1, 3}},
		{"longer than its header says", func(s segment) [][]byte {
			all := train(s, 4)
			all[2] = append(all[2], 0)
			return all
		}, broken},
		{"another flow in between", func(s segment) [][]byte {
			a, b := train(s, 3), train(with(s, func(s *segment) { s.sport++ }), 3)
			return [][]byte{a[0], b[0], a[1], b[1], a[2], b[2]}
		}, []int{3, 3}},
		{"another host in between", func(s segment) [][]byte {
			a, b := train(s, 3), train(with(s, func(s *segment) { s.host++ }), 3)
			return [][]byte{a[0], b[0], a[1], b[1], a[2], b[2]}
		}, []int{3, 3}},
		{"two hundred flows", func(s segment) (all [][]byte) {
			for i := range 200 {
				all = append(all, train(with(s, func(s *segment) { s.sport += uint16(i) }), 2)...)
			}
			return all
		}, slices.Repeat([]int{2}, 200)},
		{"nothing", func(segment) [][]byte { return nil }, nil},
		{"junk", func(s segment) [][]byte {
			a := train(s, 2)
			return [][]byte{{}, a[0], {0x45}, {0x60}, a[1][:30], a[1][:20], {0x10, 39: 0}}
		}, []int{1, 1, 1, 1, 1, 1, 1}},
	}
	for _, cut := range []int{1, 8, 20} {
		common = append(common, variant{fmt.Sprintf("cut by %d", cut), func(s segment) [][]byte {
			all := train(s, 4)
			all[2] = all[2][:len(all[2])-cut]
			return all
		}, broken})
	}
	ipv4 := []variant{
		{"identifications", follow(func(s *segment) { s.id++ }), broken},
		{"constant identification", func(s segment) [][]byte {
			a := s.bytes()
			s.seq += 100
			return [][]byte{a, s.bytes()}
		}, []int{1, 1}},
		{"DF", follow(func(s *segment) { s.df = true }), broken},
		{"DF, identifications", func(s segment) [][]byte { s.df = true; return train(s, 4) }, []int{4}},
		{"DF, one identification", func(s segment) [][]byte {
			s.df = true
			all := train(s, 4)
			for _, p := range all {
				p[4], p[5] = 0, 0
				fix(p, len(s.ether)/12*14)
			}
			return all
		}, []int{4}},
		{"DF, both", func(s segment) [][]byte {
			s.df = true
			all := train(s, 3)
			copy(all[1][4:6], all[0][4:6])
			fix(all[1], 0)
			return all
		}, []int{2, 1}},
		{"options", func(s segment) [][]byte { s.ipOptions = []byte{1, 1, 1, 0}; return train(s, 2) }, []int{1, 1}},
		{"fragment", bytewise(func(p []byte) { p[6] = 0x20; fix(p, 0) }), broken},
		{"last fragment", bytewise(func(p []byte) { p[7] = 9; fix(p, 0) }), broken},
		{"reserved bit", bytewise(func(p []byte) { p[6] = 0x80; fix(p, 0) }), broken},
		{"a short fragment in between", func(s segment) [][]byte {
			a := train(s, 2)
			f := bytes.Clone(a[0][:21])
			f[2], f[3], f[7] = 0, 21, 100
			fix(f, 0)
			return [][]byte{a[0], f, a[1]}
		}, []int{1, 1, 1}},
		{"a fragment of others in between", func(s segment) [][]byte {
			a := train(s, 2)
			f := bytes.Clone(a[0][:21])
			f[2], f[3], f[7], f[12] = 0, 21, 100, 11
			fix(f, 0)
			return [][]byte{a[0], f, a[1]}
		}, []int{2, 1}},
		{"wrong header checksum", bytewise(func(p []byte) { p[10]++ }), broken},
		{"ICMP in between", func(s segment) [][]byte {
			a := train(s, 2)
			icmp := bytes.Clone(a[0])
			icmp[9] = 1
			fix(icmp, 0)
			return [][]byte{a[0], icmp, a[1]}
		}, []int{2, 1}},
	}
	ipv6 := []variant{
		{"flow label", follow(func(s *segment) { s.label++ }), broken},
		{"extension header", func(s segment) [][]byte {
			next := byte(6)
			if s.udp {
				next = 17
			}
			s.extFirst, s.ext = 60, []byte{next, 0, 1, 4, 0, 0, 0, 0}
			return train(s, 2)
		}, []int{1, 1}},
		{"a fragment in between", func(s segment) [][]byte {
			a := train(s, 2)
			f := with(s, func(s *segment) { s.extFirst, s.ext = 44, []byte{17, 0, 0, 8, 0, 0, 0, 1} }).bytes()
			return [][]byte{a[0], f, a[1]}
		}, []int{1, 1, 1}},
	}
	tcp := []variant{
		{"sequence", follow(func(s *segment) { s.seq++ }), broken},
		{"again", follow(func(s *segment) { s.seq -= 100 }), broken},
		{"acknowledgement", follow(func(s *segment) { s.ack++ }), broken},
		{"window", follow(func(s *segment) { s.window++ }), broken},
		{"urgent pointer", follow(func(s *segment) { s.urg++ }), broken},
		{"options", follow(func(s *segment) { s.options = []byte{1, 1, 1, 1} }), broken},
		{"same options", func(s segment) [][]byte {
			s.options = []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}
			return train(s, 4)
		}, []int{4}},
		{"other options", func(s segment) [][]byte {
			s.options = []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}
			return follow(func(s *segment) { s.options = []byte{1, 1, 8, 10, 1, 2, 3, 5, 5, 6, 7, 8} })(s)
		}, broken},
		{"PSH ends", follow(func(s *segment) { s.flags |= tcpPSH }), []int{3, 1}},
		{"FIN ends", follow(func(s *segment) { s.flags |= tcpFIN }), []int{3, 1}},
		{"PSH begins", func(s segment) [][]byte { s.flags |= tcpPSH; return train(s, 3) }, []int{1, 1, 1}},
		{"SYN", func(s segment) [][]byte { s.flags |= tcpSYN; return train(s, 2) }, []int{1, 1}},
		{"RST", follow(func(s *segment) { s.flags |= tcpRST }), broken},
		{"URG", func(s segment) [][]byte { s.flags |= tcpURG; return train(s, 2) }, []int{1, 1}},
		{"ECE", follow(func(s *segment) { s.flags |= 0x40 }), broken},
		{"all ECE", func(s segment) [][]byte { s.flags |= 0x40; return train(s, 3) }, []int{3}},
		{"CWR", follow(func(s *segment) { s.flags |= tcpCWR }), []int{2, 2}},
		{"CWR begins", func(s segment) [][]byte {
			a := train(s, 3)
			a[0] = with(s, func(s *segment) { s.flags |= tcpCWR; s.payload = pattern(100, 0) }).bytes()
			return a
		}, []int{3}},
		{"all CWR", func(s segment) [][]byte { s.flags |= tcpCWR; return train(s, 3) }, []int{1, 1, 1}},
		{"reserved flags", bytewise(func(p []byte) {
			r, _ := parseRef(p, 0)
			p[r.l4+12] |= 1
			fix(p, 0)
		}), broken},
		{"7 bytes", lengths(7, 7), []int{1, 1}}, // the kernel would make 8 and 6 of them
		{"8 bytes", lengths(8, 8, 7), []int{3}},
		{"a pure ACK in between", func(s segment) [][]byte {
			a := train(s, 2)
			s.payload = nil
			return [][]byte{a[0], s.bytes(), a[1]}
		}, []int{1, 1, 1}},
		{"a hundred", func(s segment) [][]byte { return train(s, 100) }, []int{100}},
	}
	udp := []variant{
		{"no checksum", bytewise(func(p []byte) {
			r, _ := parseRef(p, 0)
			be.PutUint16(p[r.l4+6:], 0)
		}), broken},
		{"UDP length", bytewise(func(p []byte) {
			r, _ := parseRef(p, 0)
			p[r.l4+5]--
		}), broken},
		{"1 byte", lengths(1, 1, 1), []int{3}},
		{"a hundred", func(s segment) [][]byte { return train(s, 100) }, []int{64, 36}},
	}
	for _, k := range kinds {
		variants := slices.Clone(common)
		if k.v6 {
			variants = append(variants, ipv6...)
		} else {
			variants = append(variants, ipv4...)
		}
		if k.udp {
			variants = append(variants, udp...)
		} else {
			variants = append(variants, tcp...)
		}
		for _, v := range variants {
			t.Run(k.name+"/"+v.name, func(t *testing.T) {
				packets := v.make(with(ack, func(s *segment) { s.v6, s.udp = k.v6, k.udp }))
				out, counts := merge(packets, k.offload, false)
				if !slices.Equal(counts, v.counts) {
					t.Fatalf("merged %v, want %v", counts, v.counts)
				}
				for i, s := range out {
					if want := k.gso; counts[i] > 1 && s.gso() != want {
						t.Errorf("type %d, want %d", s.gso(), want)
					}
				}
				check(t, packets, out, counts, false)

				// Other protocols' offloads do not merge these.
				_, counts = merge(packets, OffloadAll&^k.offload, false)
				if len(counts) != len(packets) {
					t.Errorf("without %v: %v", k.offload, counts)
				}
			})
		}
	}
}

// Without the offload for it, CWR stays alone.
func TestCoalesceCWR(t *testing.T) {
	packets := train(ack, 4)
	packets[1][20+13] |= tcpCWR
	fix(packets[1], 0)
	for o, want := range map[Offload][]int{OffloadTSO4: {1, 1, 2}, OffloadTSO4 | OffloadTSOECN: {1, 3}} {
		out, counts := merge(packets, o, false)
		if !slices.Equal(counts, want) {
			t.Errorf("%v: merged %v, want %v", o, counts, want)
		}
		check(t, packets, out, counts, false)
	}
}

func TestCoalesceFrames(t *testing.T) {
	for _, k := range kinds {
		s := with(ack, func(s *segment) {
			s.v6, s.udp = k.v6, k.udp
			s.ether = []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
		})
		for _, c := range []struct {
			name   string
			change func([]byte)
			counts []int
		}{
			{"train", func([]byte) {}, []int{4}},
			{"another address", func(p []byte) { p[5]++ }, []int{2, 1, 1}},
			{"another type", func(p []byte) { p[12]++ }, []int{2, 1, 1}}, // a gap in sequence and identification
		} {
			packets := train(s, 4)
			c.change(packets[2])
			if c.name == "another type" && k.udp && k.v6 {
				c.counts = []int{3, 1} // which has neither
			}
			out, counts := merge(packets, k.offload, true)
			if !slices.Equal(counts, c.counts) {
				t.Errorf("%s, %s: merged %v, want %v", k.name, c.name, counts, c.counts)
			}
			check(t, packets, out, counts, true)
		}
		padded := train(s, 2)
		padded[1] = append(padded[1], 0, 0)
		if _, counts := merge(padded, k.offload, true); len(counts) != 2 {
			t.Errorf("%s: merged with padding", k.name)
		}
	}
}

// check holds what a Coalescer has returned against the packets it was given:
// split again, each is there once, unchanged, and no packet has overtaken another
// of its flow. Only an identification that means nothing may have changed.
func check(t *testing.T, packets [][]byte, out []Super, counts []int, tap bool) {
	t.Helper()
	l3 := 0
	if tap {
		l3 = 14
	}
	var order []int // of the packets, in the output
	used := make([]bool, len(packets))
	for i, s := range out {
		parts := [][]byte{s.Packet}
		if counts[i] == 1 {
			if s.VNetHdr != (VNetHdr{}) {
				t.Fatalf("a packet alone has the header %+v", s.VNetHdr)
			}
		} else {
			var err error
			if parts, err = split(s, tap); err != nil {
				t.Fatalf("%+v: %v", s.VNetHdr, err)
			}
			if len(parts) != counts[i] {
				t.Fatalf("%d packets, split they are %d", counts[i], len(parts))
			}
		}
		for n, p := range parts {
			if counts[i] > 1 {
				if err := verify(p, l3); err != nil {
					t.Fatalf("packet %d of %d: %v", n, len(parts), err)
				}
			}
			found := -1
			for j, q := range packets {
				if !used[j] && (bytes.Equal(p, q) || counts[i] > 1 && sameButID(p, q, l3)) {
					found = j
					break
				}
			}
			if found < 0 {
				t.Fatalf("packet %d of %d was not given: % x", n, len(parts), p)
			}
			used[found] = true
			order = append(order, found)
		}
	}
	if len(order) != len(packets) {
		t.Fatalf("%d packets became %d", len(packets), len(order))
	}
	for i, a := range order {
		for _, b := range order[i+1:] {
			if a > b && related(packets[a], packets[b], l3) {
				t.Fatalf("packet %d has overtaken packet %d", a, b)
			}
		}
	}
}

// sameButID reports whether two IPv4 packets differ only in an identification that
// means nothing, as neither may be fragmented.
func sameButID(p, q []byte, l3 int) bool {
	if len(p) != len(q) || len(p) < l3+20 || p[l3] != 0x45 || p[l3+6]&0x40 == 0 {
		return false
	}
	p, q = bytes.Clone(p), bytes.Clone(q)
	for _, b := range [][]byte{p, q} {
		if rfc1071(b[l3:l3+20]) != 0 {
			return false
		}
		copy(b[l3+4:], []byte{0, 0})
		copy(b[l3+10:], []byte{0, 0})
	}
	return bytes.Equal(p, q)
}

// related reports whether two packets belong, or may belong, to the same flow.
func related(p, q []byte, l3 int) bool {
	a, errA := parseRef(p, l3)
	b, errB := parseRef(q, l3)
	if errA != nil || errB != nil || a.version != b.version || a.addresses != b.addresses {
		return false
	}
	transport := func(r parsed) bool { return r.proto == 6 || r.proto == 17 || r.fragment }
	if !transport(a) || !transport(b) {
		return false
	}
	if a.l4 == 0 || b.l4 == 0 || !a.plain || !b.plain {
		return true
	}
	return a.proto == b.proto && bytes.Equal(p[a.l4:a.l4+4], q[b.l4:b.l4+4])
}

func FuzzCoalesce(f *testing.F) {
	for kind := range byte(4) {
		f.Add([]byte{kind, 0, 50, 0, 0, 0, kind, 0, 50, 0, 0, 0, kind, 1, 50, 0, 0, 0, kind, 0, 20, 8, 0, 0}, false)
		f.Add([]byte{kind, 0x80, 200, 0, 0, 0, kind, 0x80, 200, 0x80, 13, 1, kind, 0, 0, 1, 0, 0}, true)
	}
	f.Add([]byte{4, 3, 1, 2, 3, 4, 5, 6, 0, 0, 9, 0, 6, 1}, false)
	f.Fuzz(func(t *testing.T, data []byte, tap bool) {
		packets := generate(data, tap)
		out, counts := merge(packets, OffloadAll, tap)
		check(t, packets, out, counts, tap)
		if len(out) > 0 {
			again, counts := merge([][]byte{out[0].Packet}, OffloadAll, tap)
			check(t, [][]byte{out[0].Packet}, again, counts, tap)
		}
	})
}

// generate makes packets of fuzzed bytes: mostly such as follow each other in one
// of a few flows, changed at one place, with and without right checksums.
func generate(data []byte, tap bool) (packets [][]byte) {
	flows := map[[2]byte]*segment{}
	for len(data) >= 6 && len(packets) < 40 {
		kind, flow, size, flags, at, value := data[0], data[1], data[2], data[3], data[4], data[5]
		data = data[6:]
		if kind&4 != 0 { // the bytes themselves
			n := min(int(size), len(data))
			packets = append(packets, data[:n])
			data = data[n:]
			continue
		}
		key := [2]byte{kind & 3, flow & 3}
		s := flows[key]
		if s == nil {
			s = &segment{v6: kind&1 != 0, udp: kind&2 != 0, host: flow & 1, sport: uint16(flow & 2), dport: 9, ttl: 64, df: flow&4 != 0, window: 8}
			if flow&8 != 0 && !s.udp {
				s.options = []byte{1, 1, 1, 1}
			}
			if flow&16 != 0 && s.v6 {
				s.extFirst, s.ext = 60, []byte{6 + kind&2/2*11, 0, 1, 4, 0, 0, 0, 0}
			}
			if tap {
				s.ether = make([]byte, 12)
			}
			flows[key] = s
		}
		s.payload = pattern(int(size)*(1+int(kind>>6)*60), size)
		s.flags = flags&^0x20 | 0x10
		p := s.bytes()
		if flow&0x80 == 0 || s.id == 0 {
			s.seq += uint32(len(s.payload))
		}
		if flow&0x20 == 0 {
			s.id++
		}
		if value != 0 {
			p[int(at)%len(p)] ^= value
			if flow&0x40 != 0 {
				l3 := 0
				if tap {
					l3 = 14
				}
				fix(p, l3)
			}
		}
		packets = append(packets, p)
	}
	return packets
}

// Per packet, of a super-packet of 45.
func BenchmarkCoalesce(b *testing.B) {
	for _, n := range []int{64, 1448} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			packets := train(with(ack, func(s *segment) { s.payload = pattern(n, 0) }), 45)
			var c Coalescer
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(packets) {
				c.Reset(packets, 0, OffloadAll, false)
				if _, n := c.Next(); n != len(packets) {
					b.Fatal(n)
				}
			}
		})
	}
}
