package rtattr

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// The tables of testdata/emit as bytes. The generated tests read with the same
// package as they write; what is written here was worked out by hand.

var le = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// u gives the n bytes of v in host byte order.
func u(n int, v uint64) []byte {
	b := binary.NativeEndian.AppendUint64(nil, v)
	if le {
		return b[:n]
	}
	return b[8-n:]
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// tlv is one attribute, padded.
func tlv(typ uint64, payload ...[]byte) []byte {
	p := join(payload...)
	b := join(u(2, uint64(4+len(p))), u(2, typ), p)
	return append(b, make([]byte, -len(b)&3)...)
}

// put returns the payload of a message that build writes.
func put(t *testing.T, build func(e *Encoder)) []byte {
	t.Helper()
	var e Encoder
	build(&e)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return b[msgHeaderLen:]
}

// attrs is put for attributes without a fixed header.
func attrs(t *testing.T, build func(w Nest)) []byte {
	t.Helper()
	return put(t, func(e *Encoder) {
		w := e.Message(100, 0)
		build(w)
		w.End()
	})
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got\n% x\nwant\n% x", got, want)
	}
}

func TestScalarBytes(t *testing.T) {
	same(t, attrs(t, func(n Nest) {
		w := ScalarEncoder{n}
		w.Byte(1)
		w.U16(0x102)
		w.U16Net(0x102)
		w.U32(0x1020304)
		w.U32Net(0x1020304)
		w.U64(1 << 40)
		w.U64Net(1 << 40)
		w.S8(-1)
		w.S16(-2)
		w.S32(-3)
		w.S64(-4)
		w.Wide(1)
		w.Wide(1 << 32)
		w.WideSigned(-1)
		w.WideSigned(-1 << 40)
		w.IsSet()
		w.Label("eth0")
	}), join(
		tlv(1, []byte{1}), tlv(2, u(2, 0x102)), tlv(3, []byte{1, 2}), tlv(4, u(4, 0x1020304)), tlv(7, []byte{1, 2, 3, 4}),
		tlv(8, u(8, 1<<40)), tlv(9, []byte{0, 0, 1, 0, 0, 0, 0, 0}),
		tlv(11, []byte{0xff}), tlv(12, u(2, 0xfffe)), tlv(13, u(4, 0xfffffffd)), tlv(14, u(8, 0xfffffffffffffffc)),
		tlv(15, u(4, 1)), tlv(15, u(8, 1<<32)), tlv(16, u(4, 0xffffffff)), tlv(16, u(8, 0xffffff0000000000)),
		tlv(17), tlv(18, []byte("eth0\x00"))))
}

func TestListBytes(t *testing.T) {
	b := attrs(t, func(n Nest) {
		w := ListEncoder{n}
		w.Name("a")
		w.Name("b")
		w.Index(7)
		w.Index(8)
		w.Labels([]uint32{0x1020304})
		w.Settings([]int32{-1, 1})
		w.Address(netip.MustParseAddr("10.66.66.1"))
	})
	same(t, b, join(tlv(1, []byte("a\x00")), tlv(1, []byte("b\x00")), tlv(2, u(4, 7)), tlv(2, u(4, 8)),
		tlv(5, []byte{1, 2, 3, 4}), tlv(6, u(4, 0xffffffff), u(4, 1)), tlv(8, []byte{10, 66, 66, 1})))
	var v ListView
	if err := v.Parse(b); err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(v.Index()); !slices.Equal(got, []uint32{7, 8}) {
		t.Errorf("indexes %v", got)
	}
	err := v.Parse(join(tlv(2, []byte{7}), tlv(2, u(8, 7)), tlv(2, u(4, 8))))
	if got := slices.Collect(v.Index()); err == nil || !slices.Equal(got, []uint32{8}) {
		t.Errorf("indexes %v behind one of 1 byte and one of 8, %v", got, err)
	}
}

func TestStructBytes(t *testing.T) {
	holes := Holes{First: 1, Second: 2, Third: 0x304}
	b := join([]byte{1, 0, 0, 0, 0, 0, 0, 0}, u(8, 2), []byte{3, 4, 0, 0, 0, 0, 0, 0})
	same(t, holes.Append(nil), b)
	var s Holes
	s.Parse(b[:17])
	equal(t, "cut inside third", s, Holes{First: 1, Second: 2, Third: 0x300})
	s.Parse(append(b, 0xff))
	equal(t, "longer", s, holes)

	full := Full{Shade: SHADE_BRIGHT, HWAddr: [6]byte{1, 2, 3, 4, 5, 6}, Delta: -2}
	b = join([]byte{1, 0, 0, 0, 1, 2, 3, 4, 5, 6}, u(2, 0xfffe))
	same(t, full.Append(nil), b)
	same(t, attrs(t, func(n Nest) { StructEncoder{n}.Via(full, netip.MustParseAddr("1.2.3.4")) }), tlv(3, b, []byte{1, 2, 3, 4}))
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		put  func(w Nest)
		want string
	}{
		{func(w Nest) { EnumEncoder{w}.TraitLow(TRAIT_LATE | TRAIT_F_LOUD) }, "value loud|late does not fit into 8 bits"},
		{func(w Nest) { EnumEncoder{w}.TraitNet(1 << 16) }, "value 0x10000 does not fit into 16 bits"},
		{func(w Nest) { ScalarEncoder{w}.Label("sixteen letters!") }, "16 bytes, at most 15 fit"},
		{func(w Nest) { ListEncoder{w}.Address4(netip.IPv6Loopback()) }, "::1 is not an IPv4 address"},
	} {
		var e Encoder
		w := e.Message(100, 0)
		c.put(w)
		w.End()
		if _, err := e.Finish(); err == nil || !strings.HasSuffix(err.Error(), ": "+c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestSubMessageBytes(t *testing.T) {
	data := tlv(2|NLA_F_NESTED, tlv(1, u(4, 9)))
	b := attrs(t, func(n Nest) {
		w := InfoEncoder{n}.GRE()
		w.ID(9)
		w.End()
	})
	same(t, b, join(tlv(1, []byte("gre\x00")), data))
	for name, c := range map[string]struct {
		b        []byte
		gre, sit bool
	}{
		"GRE":           {b, true, false},
		"SelectorLast":  {join(data, tlv(1, []byte("gre\x00"))), true, false},
		"OtherKind":     {join(tlv(1, []byte("ip-ip\x00")), data), false, true},
		"UnknownKind":   {join(tlv(1, []byte("new\x00")), data), false, false},
		"WithoutFormat": {join(tlv(1, []byte("dummy\x00")), data), false, false},
		"NoKind":        {data, false, false},
	} {
		var v InfoView
		if err := v.Parse(c.b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		gre, err := v.GRE()
		equal(t, name+": error", err, nil)
		id, ok := gre.ID()
		equal(t, name+": gre", ok && id == 9, c.gre)
		ipip, _ := v.IPIP()
		_, ok = ipip.ID()
		equal(t, name+": ip-ip", ok, c.sit)
	}
}

func TestNestBytes(t *testing.T) {
	hdr := Nesthdr{Family: 1, Index: -1}
	b := put(t, func(e *Encoder) {
		w := AppendOuter(e, OU_MSG_NEW, 0, hdr)
		hops := w.Hops()
		for i := range uint32(2) {
			hop := hops.Elem(Hop{Weight: 3, Index: i})
			hop.ID(i)
			hop.End()
		}
		hops.End()
		in := w.Inner()
		peer := in.Peer(hdr)
		peer.Inner().End()
		peer.End()
		in.End()
		w.End()
	})
	h := join([]byte{1, 0, 0, 0}, u(4, 0xffffffff))
	hop := func(i uint64) []byte { return join(u(2, 16), u(2, 3), u(4, i), tlv(1, u(4, i))) }
	same(t, b, join(h, tlv(3, hop(0), hop(1)), tlv(1|NLA_F_NESTED, tlv(4, h, tlv(1|NLA_F_NESTED)))))

	var v OuterView
	if err := v.Parse(b); err != nil {
		t.Fatal(err)
	}
	equal(t, "header", v.Header, hdr)
	n := uint32(0)
	for h, attrs := range v.Hops() {
		var in InnerView
		if err := in.Parse(attrs); err != nil {
			t.Fatal(err)
		}
		id, _ := in.ID()
		equal(t, "hop", h, Hop{Len: 16, Weight: 3, Index: n})
		equal(t, "id", id, n)
		n++
	}
	equal(t, "hops", n, 2)
	in, err := v.Inner()
	if err != nil {
		t.Fatal(err)
	}
	peer, err := in.Peer()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "peer header", peer.Header, hdr)
}

func TestVariantBytes(t *testing.T) {
	for _, family := range []uint8{2, 7} {
		b := put(t, func(e *Encoder) {
			w := AppendVar(e, VA_MSG_NEW, 0, Varmsg{Family: family})
			if family == 7 {
				w.SpecBridge(5)
			} else {
				spec := w.Spec()
				spec.ID(5)
				spec.End()
			}
			w.End()
		})
		var v VarView
		if err := v.Parse(b); err != nil {
			t.Fatal(err)
		}
		bridge, ok := v.SpecBridge()
		equal(t, "variant", ok && bridge == 5, family == 7)
		plain, err := v.Spec()
		if err != nil {
			t.Fatal(err)
		}
		id, ok := plain.ID()
		equal(t, "plain", ok && id == 5, family == 2)
	}
}

func TestRequestBytes(t *testing.T) {
	h := make([]byte, 8)
	request := put(t, func(e *Encoder) {
		w := AppendVar(e, VA_MSG_NEW, 0, Varmsg{})
		conf := w.SetConf()
		conf.ID(5)
		conf.End()
		w.Clear()
		w.End()
	})
	same(t, request, join(h, tlv(2|NLA_F_NESTED, tlv(1, u(4, 5))), tlv(3)))
	reply := join(h, tlv(2, u(4, 6), u(4, 7)), tlv(3, []byte{1}))
	for _, b := range [][]byte{request, reply} {
		isReply := bytes.Equal(b, reply)
		var v VarView
		if err := v.Parse(b); err != nil {
			t.Fatal(err)
		}
		conf, ok := v.Conf()
		equal(t, "conf", ok && conf.Len() == 2 && conf.At(1) == 7, isReply)
		set, err := v.SetConf()
		if err != nil {
			t.Fatal(err)
		}
		_, ok = set.ID()
		equal(t, "set-conf", ok, !isReply)
		_, ok = v.Stable()
		equal(t, "stable", ok, isReply)
		equal(t, "clear", v.Clear(), !isReply)
	}
}

func TestMessages(t *testing.T) {
	equal(t, "new", MsgName(OU_MSG_NEW), "OU_MSG_NEW")
	equal(t, "bare", MsgName(102), "OU_MSG_BARE")
	equal(t, "set of del", MsgSet(OU_MSG_DEL), &outerSet)
	equal(t, "set of bare", MsgSet(OU_MSG_BARE), nil)
}
