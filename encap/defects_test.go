package encap_test

import (
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// Defects B-V4 and B-V7: vishvananda/netlink panics at a payload that is empty or cut, of
// BPF and of SEG6, and a headroom of BPF makes the whole list of routes fail. What
// cannot be read is kept as bytes.
func TestPayloadsOfAnyLength(t *testing.T) {
	check := func(typ rtattr.EncapType, b []byte) {
		t.Helper()
		x := encap.Parse(typ, b[:len(b):len(b)])
		if x.Type() != typ {
			t.Fatalf("%v, % x: %#v", typ, b, x)
		}
		if raw, ok := x.(encap.Raw); ok && raw.Attrs != string(b) {
			t.Fatalf("%v, % x: % x is left", typ, b, raw.Attrs)
		}
	}
	for typ := range rtattr.EncapType(16) {
		check(typ, nil)
		for attr := range uint16(24) {
			for n := range 26 {
				payload := make([]byte, n)
				check(typ, rawAttr(attr, string(payload)))
				for i := range payload {
					payload[i] = 0xff
				}
				check(typ, rawAttr(attr, string(payload)))
			}
		}
	}
	for name, x := range all {
		b := written(t, x)
		for n := range b {
			check(x.Type(), b[:n])
		}
		if got := encap.Parse(x.Type(), b); got != x {
			t.Errorf("%s: %#v", name, got)
		}
	}
}

// Defect B-V4: headroom is a number of bytes, up to LWT_BPF_MAX_HEADROOM of 256, and no
// program.
func TestBPFHeadroom(t *testing.T) {
	for _, headroom := range []uint32{1, 4, 14, 256} {
		x := encap.BPF{Xmit: encap.Prog{FD: 7, Name: "p"}, Headroom: headroom}
		b := written(t, x)
		v, ok := rtattr.Attrs(b).Find(rtattr.LWT_BPF_XMIT_HEADROOM)
		if !ok || len(v) != 4 {
			t.Errorf("headroom % x in % x", v, b)
		}
		if got := encap.Parse(rtattr.LWTUNNEL_ENCAP_BPF, b); got != x {
			t.Errorf("%#v, want %#v", got, x)
		}
	}
}

// Defect B-V3: in `encap ip6`, attributes of one byte have no pad, flags have one byte
// order on the way out and another on the way in, and a value differs from itself.
func TestIP6IsAligned(t *testing.T) {
	x := encap.IP6{ID: 5, Src: ip("fd00::1"), Dst: ip("fd00::2"), HopLimit: 7, TrafficClass: 4, Flags: rtattr.TUNNEL_KEY}
	b := written(t, x)
	attrs := 0
	for left := rtattr.Attrs(b); len(left) > 0; attrs++ {
		_, v, rest := left.Next()
		if v == nil || (len(b)-len(left))%4 != 0 {
			t.Fatalf("an attribute at %d of % x", len(b)-len(left), b)
		}
		left = rest
	}
	if attrs != 6 {
		t.Errorf("%d attributes", attrs)
	}
	if v, _ := rtattr.Attrs(b).Find(rtattr.LWTUNNEL_IP6_FLAGS); len(v) != 2 || v[0] != 0 || v[1] != 4 { // TUNNEL_KEY is __cpu_to_be16(4)
		t.Errorf("flags % x", v)
	}
	if got := encap.Parse(rtattr.LWTUNNEL_ENCAP_IP6, b); got != x || got == (encap.IP6{}) {
		t.Errorf("%#v", got)
	}
}
