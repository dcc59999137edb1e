package encap_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

var ip = netip.MustParseAddr

func segs(addrs ...string) (h encap.SRH) {
	var list []netip.Addr
	for _, a := range addrs {
		list = append(list, ip(a))
	}
	h.Segments = encap.SegmentsOf(list...)
	return h
}

// all has one or more of each kind, with all fields.
var all = map[string]encap.Encap{
	"mpls 100/200/1048575 ttl 0": encap.MPLS{Labels: encap.LabelsOf(100, 200, 1048575), TTL: encap.TTLOf(0)},
	"mpls 16":                    encap.MPLS{Labels: encap.LabelsOf(16)},
	"ip id 5 src 192.0.2.1 dst 192.0.2.2 ttl 7 tos 4 csum key": encap.IP{ID: 5, Src: ip("192.0.2.1"), Dst: ip("192.0.2.2"), TTL: 7, TOS: 4,
		Flags: rtattr.TUNNEL_KEY | rtattr.TUNNEL_CSUM},
	"ip id 0 geneve_opts 258:3:0a0b0c0d,515:131:,1:2:0000000000000000": encap.IP{Options: encap.Geneve(
		encap.GeneveOption{Class: 258, Type: 3, Data: "\x0a\x0b\x0c\x0d"}, encap.GeneveOption{Class: 515, Type: 131}, encap.GeneveOption{Class: 1, Type: 2, Data: strings.Repeat("\x00", 8)})},
	"ip id 0 vxlan_opts 1193046": encap.IP{Options: encap.VXLANOption{GBP: 1193046}},
	"ip6 id 18446744073709551615 src fd00::1 dst fd00::2 hoplimit 7 tc 4 erspan_opts 2:0:1:63 seq": encap.IP6{ID: 1<<64 - 1, Src: ip("fd00::1"), Dst: ip("fd00::2"),
		HopLimit: 7, TrafficClass: 4, Flags: rtattr.TUNNEL_SEQ, Options: encap.ERSPANOption{Version: 2, Direction: 1, HWID: 63}},
	"ip6 id 0 erspan_opts 1:66051:0:0": encap.IP6{Options: encap.ERSPANOption{Version: 1, Index: 66051}},
	"ila 2001:db8:7:9 csum-mode adjust-transport ident-type luid hook-type input": encap.ILA{Locator: 0x20010db800070009,
		IdentType: rtattr.ILA_ATYPE_LUID, HookType: rtattr.ILA_HOOK_ROUTE_INPUT},
	"seg6 mode inline segs fd00::2,fd00::3":     encap.SEG6{SRH: segs("fd00::2", "fd00::3")},
	"seg6 mode l2encap-red segs fd00::2 hmac 7": encap.SEG6{Mode: rtattr.SEG6_IPTUN_MODE_L2ENCAP_RED, SRH: encap.SRH{Segments: segs("fd00::2").Segments, HMAC: 7, Flags: rtattr.SR6_FLAG1_OAM, Tag: 0x1234, TLVs: "\x04\x06\x00\x00\x00\x00\x00\x00"}},
	"seg6local action end-b6 srh segs fd00::2":  encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END_B6, SRH: segs("fd00::2")},
	"seg6local action end-t":                    encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END_T},
	"seg6local action end-dx2 oif 3 count":      encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END_DX2, OIF: 3, Count: true},
	"seg6local action end-x nh6 fd00::2 flavors psp,next-csid lblen 48 nflen 16": encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END_X, NH6: ip("fd00::2"),
		Flavors: encap.Flavors{Ops: 1<<1 | 1<<4, LocatorBlockBits: 48, NodeFunctionBits: 16}},
	"seg6local action end-as table 1000 vrftable 100 nh4 10.0.0.1 iif 2": encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END_AS, Table: 1000, VRFTable: 100, NH4: ip("10.0.0.1"), IIF: 2},
	"bpf in a out b xmit c headroom 14":                                  encap.BPF{In: encap.Prog{FD: 6, Name: "a"}, Out: encap.Prog{Name: "b"}, Xmit: encap.Prog{FD: 7, Name: "c"}, Headroom: 14},
	"rpl segs fd00::3,fd00::2":                                           encap.RPL{Segments: encap.SegmentsOf(ip("fd00::2"), ip("fd00::3"))},
	"ioam6 freq 1/3 mode auto tunsrc fd00::1 tundst fd00::2 trace prealloc type 0xc00000 ns 7 size 24": encap.IOAM6{Mode: rtattr.IOAM6_IPTUNNEL_MODE_AUTO,
		FreqK: 1, FreqN: 3, Src: ip("fd00::1"), Dst: ip("fd00::2"), Trace: rtattr.IOAM6Trace{NamespaceID: 7, RemainingLen: 6, Type: 0xc00000 << 8}},
	"ioam6 freq 1/1 mode inline trace prealloc type 0x800000 ns 0 size 4": encap.IOAM6{Mode: rtattr.IOAM6_IPTUNNEL_MODE_INLINE, Trace: rtattr.IOAM6Trace{RemainingLen: 1, Type: 0x800000 << 8}},
	"xfrm if_id 7 link_dev 3": encap.XFRM{IfID: 7, Link: 3},
	"77 8 bytes":              encap.Raw{Kind: 77, Attrs: string(rawAttr(9, "abcd"))},
}

func rawAttr(typ uint16, payload string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(payload)))
	return append(binary.NativeEndian.AppendUint16(b, typ), payload...)
}

// written returns the payload of an attribute that holds x.
func written(t testing.TB, x encap.Encap) []byte {
	t.Helper()
	var e rtattr.Encoder
	n := e.Message(rtattr.RTM_NEWROUTE, 0)
	encap.Append(n, rtattr.RTA_ENCAP, x)
	n.Flag(rtattr.RTA_PAD)
	n.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatalf("%v: %v", x, err)
	}
	got, ok := rtattr.Attrs(b[16:]).Find(rtattr.RTA_ENCAP)
	if _, there := rtattr.Attrs(b[16:]).Find(rtattr.RTA_PAD); !ok || !there {
		t.Fatalf("%v: % x", x, b)
	}
	return bytes.Clone(got)
}

func TestRoundTrip(t *testing.T) {
	for want, x := range all {
		got := encap.Parse(x.Type(), written(t, x))
		if got != x {
			t.Errorf("%v: read as %#v, not %#v", want, got, x)
		}
		if s := x.String(); s != want {
			t.Errorf("%q, want %q", s, want)
		}
		for other, y := range all {
			if (x == y) != (want == other) {
				t.Errorf("%v == %v is %v", x, y, x == y)
			}
		}
	}
	if typ := encap.Parse(rtattr.LWTUNNEL_ENCAP_IP, written(t, encap.IP{})); typ != (encap.IP{}) {
		t.Errorf("no attributes: %#v", typ)
	}
}

// What ip (iproute2 6.1.0) was about to send, as in rtattr/encap_test.go: RTA_ENCAP
// with options, which are never sent.
func TestOptions(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes were taken on a little-endian machine")
	}
	for _, tt := range []struct {
		wire string
		x    encap.Encap
	}{
		{"0c0001000000000000000005 08000200c0000202 40000880 1c000180 0600010001020000 0500020003000000 080003000a0b0c0d" +
			"20000180 0600010002030000 0500020083000000 0c0003000102030405060708 06000600000d0000",
			encap.IP{ID: 5, Dst: ip("192.0.2.2"), Flags: rtattr.TUNNEL_KEY | rtattr.TUNNEL_CSUM | rtattr.TUNNEL_SEQ, Options: encap.Geneve(
				encap.GeneveOption{Class: 258, Type: 3, Data: "\x0a\x0b\x0c\x0d"}, encap.GeneveOption{Class: 515, Type: 131, Data: "\x01\x02\x03\x04\x05\x06\x07\x08"})}},
		{"0c0001000000000000000005 08000200c0000202 10000880 0c000280 0800010056341200",
			encap.IP{ID: 5, Dst: ip("192.0.2.2"), Options: encap.VXLANOption{GBP: 1193046}}},
		{"0c0001000000000000000005 08000200c0000202 28000880 24000380 0500010001000000 0800020000010203 0500030000000000 0500040000000000",
			encap.IP{ID: 5, Dst: ip("192.0.2.2"), Options: encap.ERSPANOption{Version: 1, Index: 66051}}},
		{"0c0001000000000000000005 14000200fd000000000000000000000000000002 28000880 24000380 0500010002000000 0800020000000000 0500030001000000 050004003f000000 0600060000040000",
			encap.IP6{ID: 5, Dst: ip("fd00::2"), Flags: rtattr.TUNNEL_KEY, Options: encap.ERSPANOption{Version: 2, Direction: 1, HWID: 63}}},
	} {
		wire, err := hex.DecodeString(strings.ReplaceAll(tt.wire, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := encap.Parse(tt.x.Type(), wire); got != tt.x {
			t.Errorf("read as %v, not %v", got, tt.x)
		}
		// ip sets a flag of the options that the kernel derives itself: 0x0800 here.
		got := written(t, tt.x)
		if i := bytes.LastIndex(wire, []byte{6, 0, 6, 0}); i >= 0 {
			wire[i+4] &^= 0x78
		}
		if !bytes.Equal(got, wire) {
			t.Errorf("%v\n%x, want\n%x", tt.x, got, wire)
		}
	}
}

// The kernel lists all GENEVE options in one attribute.
func TestGeneveAnswer(t *testing.T) {
	var e rtattr.Encoder
	w := rtattr.EncapIPEncoder{Nest: e.Message(rtattr.RTM_NEWROUTE, 0)}
	w.Dst(netip.IPv4Unspecified())
	w.Flags(rtattr.TUNNEL_KEY | rtattr.TUNNEL_GENEVE_OPT)
	opts := w.Opts()
	g := opts.Geneve()
	for i := range 3 {
		g.Class(uint16(i) << 8)
		g.Type(uint8(i))
		g.Data(make([]byte, 4*i))
	}
	g.End()
	opts.End()
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want := encap.IP{Flags: rtattr.TUNNEL_KEY, Options: encap.Geneve(encap.GeneveOption{},
		encap.GeneveOption{Class: 0x100, Type: 1, Data: "\x00\x00\x00\x00"}, encap.GeneveOption{Class: 0x200, Type: 2, Data: "\x00\x00\x00\x00\x00\x00\x00\x00"})}
	if got := encap.Parse(rtattr.LWTUNNEL_ENCAP_IP, b[16:]); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// What has no place in a type is kept as it is.
func TestRaw(t *testing.T) {
	bpf := written(t, encap.BPF{In: encap.Prog{Name: "a"}})
	srh := written(t, encap.SEG6{Mode: rtattr.SEG6_IPTUN_MODE_ENCAP, SRH: segs("fd00::2")})
	change := func(b []byte, i int, v byte) []byte {
		b = bytes.Clone(b)
		b[i] = v
		return b
	}
	for name, x := range map[string]encap.Raw{
		"unknown kind":         {Kind: 99, Attrs: string(rawAttr(1, "abcd"))},
		"unpadded":             {Kind: 99, Attrs: string(rawAttr(1, "abcde"))},
		"bad framing":          {Kind: rtattr.LWTUNNEL_ENCAP_MPLS, Attrs: "\xff\xff\x01\x00"},
		"unknown attribute":    {Kind: rtattr.LWTUNNEL_ENCAP_BPF, Attrs: string(append(bpf, rawAttr(77, "abcd")...))},
		"label with a TTL":     {Kind: rtattr.LWTUNNEL_ENCAP_MPLS, Attrs: string(rawAttr(1, "\x00\x06\x41\x40"))},
		"no label":             {Kind: rtattr.LWTUNNEL_ENCAP_MPLS, Attrs: string(rawAttr(2, "\x07\x00\x00\x00"))},
		"segments left":        {Kind: rtattr.LWTUNNEL_ENCAP_SEG6, Attrs: string(change(srh, 11, 1))},
		"inline, no room":      {Kind: rtattr.LWTUNNEL_ENCAP_SEG6, Attrs: string(change(srh, 4, 0))},
		"hmac without a TLV":   {Kind: rtattr.LWTUNNEL_ENCAP_SEG6, Attrs: string(change(srh, 13, 8))},
		"no action":            {Kind: rtattr.LWTUNNEL_ENCAP_SEG6_LOCAL, Attrs: string(rawAttr(3, "abcd"))},
		"table of translation": {Kind: rtattr.LWTUNNEL_ENCAP_ILA, Attrs: string(rawAttr(1, "abcdefgh")) + string(rawAttr(2, "abcdefgh"))},
		"two protocols": {Kind: rtattr.LWTUNNEL_ENCAP_IP, Attrs: string(rawAttr(rtattr.LWTUNNEL_IP_OPTS,
			string(rawAttr(2, string(rawAttr(1, "abcd"))))+string(rawAttr(3, ""))))},
		"half an option": {Kind: rtattr.LWTUNNEL_ENCAP_IP, Attrs: string(rawAttr(rtattr.LWTUNNEL_IP_OPTS, string(rawAttr(1, string(rawAttr(1, "ab"))))))},
	} {
		got := encap.Parse(x.Kind, []byte(x.Attrs))
		if got != encap.Encap(x) {
			t.Errorf("%s: %#v", name, got)
		}
		if b := written(t, got); string(b) != x.Attrs {
			t.Errorf("%s: written as %x, not %x", name, b, x.Attrs)
		}
	}
}

func TestErrors(t *testing.T) {
	long := make([]uint32, 20000)
	many := make([]netip.Addr, 130)
	for i := range many {
		many[i] = ip("fd00::2")
	}
	for want, x := range map[string]encap.Encap{
		"label 1048576 has more than 20 bits":                  encap.MPLS{Labels: encap.LabelsOf(1 << 20)},
		"80000 bytes, at most 65531 fit":                       encap.MPLS{Labels: encap.LabelsOf(long...)},
		"segment 10.0.0.1 is no IPv6 address, or has a zone":   encap.SEG6{SRH: segs("fd00::2", "10.0.0.1")},
		"segment fe80::1%v0 is no IPv6 address, or has a zone": encap.RPL{Segments: encap.SegmentsOf(ip("fe80::1%v0"))},
		"segment invalid IP is no IPv6 address, or has a zone": encap.RPL{Segments: encap.SegmentsOf(netip.Addr{})},
		"no segments":                                       encap.SEG6{},
		"130 segments are too many":                         encap.RPL{Segments: encap.SegmentsOf(many...)},
		"TLVs of 3 bytes, not a multiple of 8":              encap.SEG6{SRH: encap.SRH{Segments: segs("fd00::2").Segments, TLVs: "abc"}},
		"data of 3 bytes: a multiple of 4, at most 124":     encap.IP{Options: encap.Geneve(encap.GeneveOption{Data: "abc"})},
		"data of 65535 bytes: a multiple of 4, at most 124": encap.IP{Options: encap.Geneve(encap.GeneveOption{Data: strings.Repeat("a", 1<<17)})},
		"fd00::2 is not an IPv4 address":                    encap.IP{Dst: ip("fd00::2")},
		`NUL inside the string "a\x00b"`:                    encap.BPF{In: encap.Prog{FD: 6, Name: "a\x00b"}},
		"a *encap.XFRM is no encapsulation: not a pointer?": &encap.XFRM{},
		"a *encap.VXLANOption is no option: not a pointer?": encap.IP{Options: &encap.VXLANOption{}},
	} {
		var e rtattr.Encoder
		n := e.Message(rtattr.RTM_NEWROUTE, 0)
		encap.Append(n, rtattr.RTA_ENCAP, x)
		n.End()
		if _, err := e.Finish(); err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestLists(t *testing.T) {
	if got := slices.Collect(encap.LabelsOf(16, 1048575).All()); !slices.Equal(got, []uint32{16, 1048575}) {
		t.Error(got)
	}
	if got := slices.Collect(segs("fd00::2", "fd00::3").Segments.All()); !slices.Equal(got, []netip.Addr{ip("fd00::2"), ip("fd00::3")}) {
		t.Error(got)
	}
	opts := []encap.GeneveOption{{Class: 65535, Type: 255, Data: "abcd"}, {}}
	if got := slices.Collect(encap.Geneve(opts...).All()); !slices.Equal(got, opts) {
		t.Error(got)
	}
	for range encap.LabelsOf(1, 2).All() {
		break
	}
	for range segs("fd00::2", "fd00::3").Segments.All() {
		break
	}
	for range encap.Geneve(opts...).All() {
		break
	}
	if encap.LabelsOf() != (encap.Labels{}) || encap.SegmentsOf() != (encap.Segments{}) || encap.Geneve() != (encap.GeneveOptions{}) {
		t.Error("nothing is not the zero value")
	}
}

func TestAllocs(t *testing.T) {
	buf := make([]byte, 0, 4096)
	var e rtattr.Encoder
	for name, x := range all {
		n := testing.AllocsPerRun(100, func() {
			e.Reset(buf)
			n := e.Message(rtattr.RTM_NEWROUTE, 0)
			encap.Append(n, rtattr.RTA_ENCAP, x)
			n.End()
		})
		if n != 0 || e.Err() != nil {
			t.Errorf("%s: %v allocations, %v", name, n, e.Err())
		}
	}
}

// Whatever bytes are read, they are written so that they read the same.
func FuzzParse(f *testing.F) {
	for _, x := range all {
		f.Add(uint16(x.Type()), written(f, x))
	}
	f.Fuzz(func(t *testing.T, typ uint16, b []byte) {
		x := encap.Parse(rtattr.EncapType(typ), b)
		if x.Type() != rtattr.EncapType(typ) || x.String() == "" {
			t.Fatalf("%T of type %v for %v", x, x.Type(), typ)
		}
		if len(b) > 60000 {
			return
		}
		var e rtattr.Encoder
		n := e.Message(rtattr.RTM_NEWROUTE, 0)
		encap.Append(n, rtattr.RTA_ENCAP, x)
		n.End()
		w, err := e.Finish()
		if err != nil {
			return // a name that is too long, an option of odd length
		}
		again, _ := rtattr.Attrs(w[16:]).Find(rtattr.RTA_ENCAP)
		y := encap.Parse(x.Type(), again)
		if local, ok := x.(encap.SEG6Local); ok { // numbers of programs are not sent
			local.BPF.ID = 0
			x = local
		}
		if x != y {
			t.Fatalf("%#v became %#v", x, y)
		}
	})
}
