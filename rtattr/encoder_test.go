package rtattr

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
)

// wireLE returns the bytes of hex text, for little-endian hosts.
func wireLE(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func littleEndian() bool {
	var e Encoder
	e.Root().Uint16(1, 1)
	b, _ := e.Finish()
	return b[4] == 1
}

// TestWire has the bytes by hand, each payload length once. The bytes of
// big-endian hosts differ in the header and in numbers of host order only.
func TestWire(t *testing.T) {
	tests := []struct {
		name   string
		put    func(Nest)
		le, be string
	}{
		{"Uint8", func(n Nest) { n.Uint8(1, 0x12) }, "0500 0100 12000000", "0005 0001 12000000"},
		{"Uint16", func(n Nest) { n.Uint16(2, 0x1234) }, "0600 0200 34120000", "0006 0002 12340000"},
		{"Uint32", func(n Nest) { n.Uint32(3, 0x12345678) }, "0800 0300 78563412", "0008 0003 12345678"},
		{"Uint64", func(n Nest) { n.Uint64(4, 0x123456789abcdef0) }, "0c00 0400 f0debc9a78563412", "000c 0004 123456789abcdef0"},
		{"Uint16BE", func(n Nest) { n.Uint16BE(2, 0x1234) }, "0600 0200 12340000", "0006 0002 12340000"},
		{"Uint32BE", func(n Nest) { n.Uint32BE(3, 0x12345678) }, "0800 0300 12345678", "0008 0003 12345678"},
		{"Uint64BE", func(n Nest) { n.Uint64BE(4, 0x123456789abcdef0) }, "0c00 0400 123456789abcdef0", "000c 0004 123456789abcdef0"},
		{"Uint/short", func(n Nest) { n.Uint(1, math.MaxUint32) }, "0800 0100 ffffffff", "0008 0001 ffffffff"},
		{"Uint/long", func(n Nest) { n.Uint(1, 1<<32) }, "0c00 0100 0000000001000000", "000c 0001 0000000100000000"},
		{"Int/short", func(n Nest) { n.Int(1, -2) }, "0800 0100 feffffff", "0008 0001 fffffffe"},
		{"Int/long", func(n Nest) { n.Int(1, -1<<32) }, "0c00 0100 00000000ffffffff", "000c 0001 ffffffff00000000"},
		{"Flag", func(n Nest) { n.Flag(9) }, "0400 0900", "0004 0009"},
		{"Bytes/0", func(n Nest) { n.Bytes(1, nil) }, "0400 0100", "0004 0001"},
		{"Bytes/1", func(n Nest) { n.Bytes(1, []byte{0xaa}) }, "0500 0100 aa000000", "0005 0001 aa000000"},
		{"Bytes/4", func(n Nest) { n.Bytes(1, []byte{1, 2, 3, 4}) }, "0800 0100 01020304", "0008 0001 01020304"},
		{"String/empty", func(n Nest) { n.String(3, "") }, "0500 0300 00000000", "0005 0003 00000000"},
		{"String/3", func(n Nest) { n.String(3, "eth") }, "0800 0300 65746800", "0008 0003 65746800"},
		{"String/4", func(n Nest) { n.String(3, "tun0") }, "0900 0300 74756e3000000000", "0009 0003 74756e3000000000"},
		{"Chars/empty", func(n Nest) { n.Chars(3, "", 9) }, "0400 0300", "0004 0003"},
		{"Chars/4", func(n Nest) { n.Chars(3, "tun0", 4) }, "0800 0300 74756e30", "0008 0003 74756e30"},
		{"Addr/4", func(n Nest) { n.Addr(2, netip.MustParseAddr("10.66.66.1")) }, "0800 0200 0a424201", "0008 0002 0a424201"},
		{"Addr/16", func(n Nest) { n.Addr(2, netip.MustParseAddr("fd00:1::1")) }, "1400 0200 fd000001000000000000000000000001", "0014 0002 fd000001000000000000000000000001"},
		{"Addr/mapped", func(n Nest) { n.Addr(2, netip.MustParseAddr("::ffff:10.0.0.1")) }, "1400 0200 00000000000000000000ffff0a000001", "0014 0002 00000000000000000000ffff0a000001"},
		{"Space", func(n Nest) { copy(n.Space(2, 5), "12345") }, "0900 0200 3132333435000000", "0009 0002 3132333435000000"},
		{"Raw", func(n Nest) { n.Raw([]byte{1, 2, 3}) }, "010203", "010203"},
		{"Nest", func(n Nest) { in := n.Nest(18); in.Uint8(1, 7); in.End() }, "0c00 1280 0500 0100 07000000", "000c 8012 0005 0001 07000000"},
		{"Open", func(n Nest) { in := n.Open(18); in.Raw([]byte{1, 2, 3, 4}); in.End() }, "0800 1200 01020304", "0008 0012 01020304"},
		{"Elem", func(n Nest) {
			in, b := n.Elem(4)
			copy(b, []byte{0, 0, 0xaa, 0xbb})
			in.Uint32(1, 1)
			in.End()
		}, "0c00aabb 0800 0100 01000000", "000caabb 0008 0001 00000001"},
		{"TailAddr", func(n Nest) { n.TailAddr(18, []byte{10, 0}, netip.MustParseAddr("10.0.0.1")) }, "0a00 1200 0a00 0a000001 0000", "000a 0012 0a00 0a000001 0000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := wireLE(t, tt.le)
			if !littleEndian() {
				want = wireLE(t, tt.be)
			}
			var e Encoder
			tt.put(e.Root())
			got, err := e.Finish()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("% x, %v\nwant % x", got, err, want)
			}
		})
	}
}

func TestEncoderErrors(t *testing.T) {
	info := func(e *Encoder) LinkEncoder { return AppendLink(e, RTM_NEWLINK, NLM_F_REQUEST, IfInfomsg{Index: 1}) }
	tests := []struct {
		name string
		put  func(e *Encoder)
		want string
	}{
		{"name of 16 bytes", func(e *Encoder) { w := info(e); w.IfName("sixteen-bytes-00"); w.End() },
			"rtattr: link.ifname: 16 bytes, at most 15 fit"},
		{"NUL in a name", func(e *Encoder) { w := info(e); w.IfName("a\x00b"); w.End() },
			`rtattr: link.ifname: NUL inside the string "a\x00b"`},
		{"too long", func(e *Encoder) { w := info(e); w.Address(make([]byte, 65532)); w.End() },
			"rtattr: link.address: 65532 bytes, at most 65531 fit"},
		{"too long a nest", func(e *Encoder) {
			w := info(e)
			n := w.LinkInfo()
			n.Bytes(77, make([]byte, 65531))
			n.End()
			w.End()
		}, "rtattr: link.linkinfo: 65536 bytes, a nest holds 65531"},
		{"deep path", func(e *Encoder) {
			w := info(e)
			n := w.LinkInfo()
			x := n.VXLAN()
			x.Group(netip.MustParseAddr("fd00::1"))
			x.End()
			n.End()
			w.End()
		}, "rtattr: link.linkinfo.data(vxlan).group: fd00::1 is not an IPv4 address"},
		{"IPv4 for IPv6", func(e *Encoder) {
			w := AppendAddr(e, RTM_NEWADDR, 0, IfAddrmsg{})
			w.Anycast(netip.MustParseAddr("10.0.0.1"))
			w.End()
		}, "rtattr: addr.anycast: 10.0.0.1 is not an IPv6 address"},
		{"no address", func(e *Encoder) { w := AppendAddr(e, RTM_NEWADDR, 0, IfAddrmsg{}); w.Local(netip.Addr{}); w.End() },
			"rtattr: addr.local: no address: the netip.Addr is invalid"},
		{"zone", func(e *Encoder) {
			w := AppendAddr(e, RTM_NEWADDR, 0, IfAddrmsg{})
			w.Local(netip.MustParseAddr("fe80::1%tun0"))
			w.End()
		}, "rtattr: addr.local: address fe80::1%tun0 has a zone, which the attribute cannot carry"},
		{"second message", func(e *Encoder) {
			info(e).End()
			w := AppendAddr(e, RTM_NEWADDR, 0, IfAddrmsg{})
			w.Label("sixteen-bytes-00")
			w.End()
		}, "rtattr: addr[1].label: 16 bytes, at most 15 fit"},
		{"element", func(e *Encoder) {
			w := AppendRoute(e, RTM_NEWROUTE, 0, RtMsg{})
			mp := w.Multipath()
			mp.Elem(RtNexthop{}).End()
			nh := mp.Elem(RtNexthop{})
			nh.Gateway(netip.Addr{})
			nh.End()
			mp.End()
			w.End()
		}, "rtattr: route.multipath[1].gateway: no address: the netip.Addr is invalid"},
		{"peer", func(e *Encoder) {
			w := info(e)
			n := w.LinkInfo()
			v := n.Veth()
			p := v.Peer(IfInfomsg{})
			p.IfName("sixteen-bytes-00")
			p.End()
			v.End()
			n.End()
			w.End()
		}, "rtattr: link.linkinfo.data(veth).peer.ifname: 16 bytes, at most 15 fit"},
		{"untyped", func(e *Encoder) { n := e.Message(99, 0); n.String(7, "\x00"); n.End() },
			`rtattr: message.7: NUL inside the string "\x00"`},
		{"open nest", func(e *Encoder) { w := info(e); w.LinkInfo() },
			"rtattr: link.linkinfo: still open: End is missing"},
		{"open message", func(e *Encoder) { info(e) },
			"rtattr: link: still open: End is missing"},
		{"next message", func(e *Encoder) { info(e); info(e).End() },
			"rtattr: link: still open: End is missing before the next message"},
		{"outer put", func(e *Encoder) { w := info(e); n := w.LinkInfo(); w.MTU(1); n.End(); w.End() },
			"rtattr: link.linkinfo: still open: End is missing"},
		{"outer End", func(e *Encoder) { w := info(e); n := w.LinkInfo(); w.End(); n.End() },
			"rtattr: link.linkinfo: still open: End is missing"},
		{"put after End", func(e *Encoder) { w := info(e); n := w.LinkInfo(); n.End(); n.Kind("veth"); w.End() },
			"rtattr: put or End on a nest that is not open"},
		{"End twice", func(e *Encoder) { w := info(e); w.End(); w.End() },
			"rtattr: put or End on a nest that is not open"},
		{"End of the root", func(e *Encoder) { e.Root().End() },
			"rtattr: put or End on a nest that is not open"},
		{"too deep", func(e *Encoder) {
			n := e.Message(99, 0)
			for range maxDepth {
				n = n.Nest(1)
			}
		}, "rtattr: message" + strings.Repeat(".1", maxDepth-1) + ": nested too deep"},
		{"Fail", func(e *Encoder) { e.Fail(errors.New("first")); e.Fail(errors.New("second")) }, "first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Encoder
			tt.put(&e)
			b, err := e.Finish()
			if err == nil || err.Error() != tt.want || b != nil {
				t.Errorf("%d bytes, %v\nwant %s", len(b), err, tt.want)
			}
			if e.Err() == nil && !strings.Contains(tt.want, "still open") {
				t.Error("Err is nil")
			}
			e.Reset(nil)
			info(&e).End()
			if _, err := e.Finish(); err != nil {
				t.Error("after Reset: ", err)
			}
		})
	}
}

// TestLargest has the longest attribute and the longest nest that fit.
func TestLargest(t *testing.T) {
	var e Encoder
	n := e.Root().Nest(1)
	const inner = maxAttrLen - 2*attrHeaderLen - 3 // the pad counts
	n.Bytes(2, make([]byte, inner))
	n.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAttrs(b)
	if err != nil {
		t.Fatal(err)
	}
	_, v, rest := a.Next()
	_, v2, _ := Attrs(v).Next()
	if len(v) != inner+attrHeaderLen || len(v2) != inner || len(rest) != 0 {
		t.Errorf("%d, %d, rest %d", len(v), len(v2), len(rest))
	}
}

func TestMessages(t *testing.T) {
	var e Encoder
	for i := range 10 {
		if i%2 == 0 {
			AppendLink(&e, RTM_NEWLINK, NLM_F_REQUEST, IfInfomsg{}).End()
		} else {
			n := e.Message(RTM_NEWADDR, NLM_F_ECHO)
			n.Raw(make([]byte, i)) // odd lengths: messages are padded
			n.End()
		}
	}
	equal(t, "Len", e.Len(), 10)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		var m Msg
		if m, b, err = NextMsg(b); err != nil {
			t.Fatal(i, err)
		}
		want, typ, flags, size := &LinkSet, uint16(RTM_NEWLINK), uint16(NLM_F_REQUEST), 16
		if i%2 == 1 {
			want, typ, flags, size = nil, RTM_NEWADDR, NLM_F_ECHO, i
		}
		equal(t, "set", e.Set(i), want)
		equal(t, "type", m.Type(), typ)
		equal(t, "flags", m.Flags(), flags)
		equal(t, "payload", len(m.Payload()), size)
		m.SetSeq(7)
		m.SetFlags(3)
		equal(t, "seq", m.Seq(), 7)
		equal(t, "flags", m.Flags(), 3)
		equal(t, "pid", m.PID(), 0)
	}
	equal(t, "rest", len(b), 0)
}

// TestOddHeader pads a fixed header as the kernel aligns it (struct rtgenmsg has
// one byte).
func TestOddHeader(t *testing.T) {
	buf := bytes.Repeat([]byte{0xff}, 64)
	var e Encoder
	e.Reset(buf)
	n, b := e.BeginHeader(nil, 99, 0, 1)
	b[0] = AF_INET6
	n.Uint8(1, 2)
	n.End()
	got, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "header", len(b), 1)
	var want Encoder
	w := want.Message(99, 0)
	w.Raw([]byte{AF_INET6, 0, 0, 0})
	w.Uint8(1, 2)
	w.End()
	if b, err := want.Finish(); err != nil || !bytes.Equal(got, b) {
		t.Errorf("% x, want % x, %v", got, b, err)
	}
}

func TestNextMsgErrors(t *testing.T) {
	var e Encoder
	AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{}).End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, _, err := NextMsg(b[:n:n]); err == nil {
			t.Errorf("%d of %d bytes are a message", n, len(b))
		}
	}
	clear(b[:4])
	if _, _, err := NextMsg(b); err == nil || err.Error() != "rtattr: nlmsg_len is 0, 32 bytes are left" {
		t.Error(err)
	}
}

func TestParseAttrs(t *testing.T) {
	var e Encoder
	e.Root().Uint8(1, 1)
	e.Root().Uint32(2, 2)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		b    []byte
		good int // bytes before the fault
		want string
	}{
		{"empty", nil, 0, ""},
		{"two", b, 16, ""},
		{"no pad", b[:5], 5, ""},
		{"stray", b[:9], 8, "rtattr: +8: 1 stray bytes, an attribute has at least 4"},
		{"cut", b[:15], 8, "rtattr: +8: nla_len is 8, only 7 bytes are left"},
		{"len 0", append(bytes.Clone(b[:8]), 0, 0, 1, 0), 8, "rtattr: +8: nla_len is 0, less than its header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseAttrs(tt.b)
			if msg := ""; err != nil {
				msg = err.Error()
				equal(t, "error", msg, tt.want)
			} else {
				equal(t, "error", msg, tt.want)
			}
			equal(t, "good bytes", len(a), tt.good)
			for range a.All() {
			}
		})
	}
}

// TestViewErrors reads what is wrong in one attribute and keeps the others.
func TestViewErrors(t *testing.T) {
	var e Encoder
	w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{Index: 3})
	w.Bytes(IFLA_MTU, []byte{1, 2, 3})
	w.Bytes(0, []byte{1, 2, 3}) // a number without an attribute is unknown, not wrong
	w.TxQLen(1000)
	w.Bytes(IFLA_STATS64, make([]byte, 8))    // an old kernel's
	w.Bytes(IFLA_STATS, make([]byte, 10_000)) // a new kernel's
	w.Bytes(IFLA_IFNAME, []byte("not\x00ended by NUL"))
	n := w.LinkInfo()
	n.Kind("martian")
	n.Bytes(IFLA_INFO_DATA, []byte("anything"))
	n.End()
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v LinkView
	err = v.Parse(Msg(b).Payload())
	var bad *AttrError
	if !errors.As(err, &bad) || bad.Path != "link.mtu" || bad.Reason != "3 bytes, want 4" {
		t.Error(err)
	}
	_, ok := v.MTU()
	equal(t, "MTU", ok, false)
	raw, _ := v.Attrs().Find(IFLA_MTU)
	equal(t, "raw MTU", len(raw), 3)
	q, _ := v.TxQLen()
	equal(t, "TxQLen", q, 1000)
	_, ok = v.Stats64()
	equal(t, "Stats64", ok, true)
	_, ok = v.Stats()
	equal(t, "Stats", ok, true)
	name, _ := v.IfName()
	equal(t, "IfName", string(name), "not")
	info, err := v.LinkInfo()
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := info.Kind()
	equal(t, "Kind", string(kind), "martian")
	data, _ := info.Attrs().Find(IFLA_INFO_DATA)
	equal(t, "data", string(data), "anything")
	vx, err := info.VXLAN()
	equal(t, "VXLAN", vx.Attrs() == nil && err == nil, true)

	if err := v.Parse(make([]byte, 15)); err == nil || err.Error() != "rtattr: link: 15 bytes, struct ifinfomsg has 16" {
		t.Error(err)
	}
}

// TestDuplicate takes the last of several, as nla_parse does.
func TestDuplicate(t *testing.T) {
	var e Encoder
	w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{})
	w.MTU(1)
	w.MTU(2)
	w.Bytes(IFLA_MTU, nil)
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v LinkView
	if err := v.Parse(Msg(b).Payload()); err == nil {
		t.Error("the short MTU was not refused")
	}
	mtu, _ := v.MTU()
	equal(t, "MTU", mtu, 2)
}
