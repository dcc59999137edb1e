package rtattr

import (
	"net/netip"
	"testing"
)

// located puts an attribute and returns the offset at which it begins.
func located(e *Encoder, put func()) int {
	off := e.n
	put()
	return off
}

func TestPath(t *testing.T) {
	var e Encoder
	w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{Index: 1})
	name := located(&e, func() { w.IfName("vx0") })
	linkinfo := e.n
	n := w.LinkInfo()
	kind := located(&e, func() { n.Kind("vxlan") })
	data := located(&e, func() { n.Kind("vxlan") }) // VXLAN puts the kind again
	x := n.VXLAN()
	id := located(&e, func() { x.ID(7) })
	x.End()
	n.End()
	afSpec := e.n
	af := w.AFSpec()
	in6 := af.Inet6()
	mode := located(&e, func() { in6.AddrGenMode(1) })
	in6.End()
	af.End()
	unknown := located(&e, func() { w.Bytes(77, []byte{1}) })
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	data += 2 * align4(attrHeaderLen+len("vxlan")+1)
	tests := []struct {
		off  int
		want string
	}{
		{-1, "+-1"},
		{0, "+0"},
		{16, ".family"},
		{18, ".type"},
		{20, ".index"},
		{name, ".ifname"},
		{name + 4, ".ifname+0"},
		{name + 5, ".ifname+1"},
		{linkinfo, ".linkinfo"},
		{kind, ".linkinfo.kind"},
		{data, ".linkinfo.data(vxlan)"},
		{id, ".linkinfo.data(vxlan).id"},
		{id + 4, ".linkinfo.data(vxlan).id+0"},
		{afSpec, ".af-spec"},
		{afSpec + 4, ".af-spec.inet6"},
		{mode, ".af-spec.inet6.addr-gen-mode"},
		{unknown, ".77"},
		{1000, "+1000"},
	}
	for _, tt := range tests {
		if got := LinkSet.Path(b, tt.off); got != tt.want {
			t.Errorf("Path(%d) = %q, want %q", tt.off, got, tt.want)
		}
	}
	for off := range len(b) + 1 {
		LinkSet.Path(b[:off], off/2) // any offset, any cut
	}
	var none *Set
	equal(t, "no set", none.Path(b, linkinfo+4), "+28") // a fixed header is not known
	equal(t, "missing", LinkSet.MissingPath(b, 0, IFLA_IFNAME), ".ifname")
	equal(t, "missing inside", LinkSet.MissingPath(b, data, IFLA_VXLAN_PORT), ".linkinfo.data(vxlan).port")
	equal(t, "missing without name", LinkSet.MissingPath(b, unknown, 5), ".77.5")
	equal(t, "missing in no message", LinkSet.MissingPath(nil, 0, 5), ".5")
}

func TestPathElements(t *testing.T) {
	var e Encoder
	w := AppendRoute(&e, RTM_NEWROUTE, 0, RtMsg{Family: AF_INET})
	mp := w.Multipath()
	first := e.n
	nh := mp.Elem(RtNexthop{IfIndex: 2})
	nh.Gateway(netip.MustParseAddr("10.0.0.1"))
	nh.End()
	second := e.n
	nh = mp.Elem(RtNexthop{IfIndex: 3})
	nh.Gateway(netip.MustParseAddr("10.0.0.2"))
	nh.End()
	mp.End()
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "first", RouteSet.Path(b, first+rtNexthopStruct.Size), ".multipath[0].gateway")
	equal(t, "second", RouteSet.Path(b, second+rtNexthopStruct.Size), ".multipath[1].gateway")
	equal(t, "member", RouteSet.Path(b, second+4), ".multipath[1].ifindex")
}

// TestPathVariants has one attribute whose meaning the family decides.
func TestPathVariants(t *testing.T) {
	for family, want := range map[uint8]string{AF_BRIDGE: ".protinfo-bridge.state", AF_INET6: ".protinfo-inet6.flags", AF_INET: ".protinfo.1"} {
		var e Encoder
		w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{Family: family})
		n := w.Nest.Nest(IFLA_PROTINFO)
		off := located(&e, func() { n.Uint8(1, 3) })
		n.End()
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if family == AF_INET {
			want = ".protinfo+0" // no table: bytes
		}
		equal(t, "path", LinkSet.Path(b, off), want)
	}
}
