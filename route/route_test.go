package route_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	dst, gw := pfx("10.9.0.0/16"), ip("10.66.66.2")
	hops := route.Hops(route.NextHop{Gateway: gw})
	tests := []struct {
		r    route.Route
		want string
	}{
		{route.Route{}, "route: ?: no destination: that of a default route is 0.0.0.0/0 or ::/0"},
		{route.Route{Dst: pfx("10.9.0.1/16")}, "route: 10.9.0.1/16: bits behind the prefix length: the destination is 10.9.0.0/16"},
		{route.Route{Dst: pfx("::ffff:10.9.0.0/112")}, "route: ::ffff:10.9.0.0/112: an IPv4 destination in IPv6 form"},
		{route.Route{Dst: dst, Src: netip.PrefixFrom(gw, -1)}, "route: 10.9.0.0/16: Src has no prefix length"},
		{route.Route{Dst: dst, Src: pfx("10.0.0.0/8")}, "route: 10.9.0.0/16 from 10.0.0.0/8: IPv4 routes have no Src"},
		{route.Route{Dst: pfx("::/0"), Src: pfx("10.0.0.0/8")}, "route: default from 10.0.0.0/8: Src is of another address family than Dst"},
		{route.Route{Dst: pfx("::/0"), Src: pfx("fd00::1/64")}, "route: default from fd00::1/64: bits behind the prefix length of Src: it is fd00::/64"},
		{route.Route{Dst: dst, PrefSrc: ip("fd00::1")}, "route: 10.9.0.0/16 src fd00::1: PrefSrc is of another address family than Dst"},
		{route.Route{Dst: pfx("fd09::/64"), Gateway: gw}, "route: fd09::/64 via inet 10.66.66.2: an IPv6 route has no IPv4 Gateway"},
		{route.Route{Dst: dst, Gateway: ip("0.0.0.0")}, "route: 10.9.0.0/16 via 0.0.0.0: Gateway is the unspecified address"},
		{route.Route{Dst: dst, Gateway: ip("::ffff:10.0.0.1")}, "route: 10.9.0.0/16 via inet6 ::ffff:10.0.0.1: an IPv4 Gateway in IPv6 form"},
		{route.Route{Dst: dst, Gateway: ip("fe80::1%v0")}, "route: 10.9.0.0/16 via inet6 fe80::1%v0: Gateway fe80::1%v0 has a zone: Index says the interface"},
		{route.Route{Dst: dst, Gateway: gw, Multipath: hops}, "route: 10.9.0.0/16 via 10.66.66.2 nexthop via 10.66.66.2 weight 1: Multipath goes without Gateway, Index, Flags, As and Encap: each nexthop has its own"},
		{route.Route{Dst: dst, Encap: encap.XFRM{IfID: 7}, Multipath: hops}, "route: 10.9.0.0/16 encap xfrm if_id 7 nexthop via 10.66.66.2 weight 1: Multipath goes without Gateway, Index, Flags, As and Encap: each nexthop has its own"},
		{route.Route{Dst: dst, Index: 3, NexthopID: 7}, "route: 10.9.0.0/16 nhid 7 dev 3: NexthopID goes without Gateway, Index, Flags, As, Encap and Multipath: the nexthop object has them"},
		{route.Route{Dst: dst, Encap: encap.MPLS{Labels: encap.LabelsOf(1 << 20)}}, "rtattr: route.encap.1: label 1048576 has more than 20 bits"},
		{route.Route{Dst: dst, As: encap.LabelsOf(16)}, "route: 10.9.0.0/16 as 16: As is for MPLS routes: Encap puts labels on IP packets"},
		{route.Route{Dst: dst, TTLPropagate: route.PropagateOn}, "route: 10.9.0.0/16: TTLPropagate is for MPLS routes"},
		{route.Route{Dst: dst, Label: 16}, "route: mpls 16: an MPLS route has a Label and no Dst"},
		{route.Route{Label: 1 << 20}, "route: mpls 1048576: a label has 20 bits"},
		{route.Route{Label: 16, Scope: route.ScopeOf(rtattr.RT_SCOPE_LINK)}, "route: mpls 16 scope link: an MPLS route has no Scope but universe"},
		{route.Route{Dst: pfx("::/0"), Flags: rtattr.RTM_F_CLONED}, "route: default: a cached route can be deleted alone"},
		{route.Route{Dst: dst, Expires: 5}, "route: 10.9.0.0/16: an IPv4 route has no Expires"},
		{route.Route{Dst: dst, Pref: 1}, "route: 10.9.0.0/16: an IPv4 route has no Pref"},
		{route.Route{Dst: pfx("::/0"), Flow: 1}, "route: default: an IPv6 route has no Flow"},
		{route.Route{Dst: pfx("::/0"), Scope: route.ScopeOf(rtattr.RT_SCOPE_LINK)}, "route: default scope link: an IPv6 route has no Scope but universe"},
		{route.Route{Dst: dst, Multipath: route.Hops(route.NextHop{Index: 3, Weight: 257})}, "route: 10.9.0.0/16 nexthop dev 3 weight 257: nexthop 0: Weight is 257, at most 256"},
		{route.Route{Dst: dst, Multipath: route.Hops(route.NextHop{Index: 3}, route.NextHop{Index: 3, As: encap.LabelsOf(16)})}, "route: 10.9.0.0/16 nexthop dev 3 weight 1 nexthop as 16 dev 3 weight 1: nexthop 1: As is for MPLS routes: Encap puts labels on IP packets"},
		{route.Route{Dst: dst, Gateway: gw, Metrics: route.Metrics{CongestionControl: "a\x00b"}}, `rtattr: route.metrics.cc-algo: NUL inside the string "a\x00b"`},
	}
	for _, tt := range tests {
		var e rtattr.Encoder
		route.AppendAdd(&e, tt.r)
		if _, err := e.Finish(); err == nil || err.Error() != tt.want {
			t.Errorf("%v\nwant %s", err, tt.want)
		}
	}
	var e rtattr.Encoder
	route.AppendGet(&e, route.Lookup{Dst: gw, Src: ip("fd00::1")})
	if err := e.Err(); err == nil || err.Error() != "route: get 10.66.66.2: source fd00::1 is of another family" {
		t.Error(err)
	}
	e.Reset(nil)
	route.AppendGet(&e, route.Lookup{})
	if err := e.Err(); err == nil || err.Error() != "route: get: no destination" {
		t.Error(err)
	}
	e.Reset(nil)
	route.AppendList(&e, route.Filter{Family: rtattr.AF_BRIDGE})
	if err := e.Err(); err == nil || err.Error() != "route: list: family 7, neither IPv4, IPv6 nor MPLS" {
		t.Error(err)
	}
}

func TestString(t *testing.T) {
	for want, r := range map[string]route.Route{
		"default via 10.0.0.1 dev 3": {Dst: pfx("0.0.0.0/0"), Gateway: ip("10.0.0.1"), Index: 3},
		"10.9.9.9 dev 3 proto kernel scope link src 10.9.9.1 metric 5 mtu 1400": {Dst: pfx("10.9.9.9/32"), Index: 3,
			Protocol: rtattr.RTPROT_KERNEL, Scope: route.ScopeOf(rtattr.RT_SCOPE_LINK), PrefSrc: ip("10.9.9.1"), Priority: 5, Metrics: route.Metrics{MTU: 1400}},
		"blackhole fd09::/64 table 1000":       {Dst: pfx("fd09::/64"), Type: rtattr.RTN_BLACKHOLE, Table: 1000},
		"10.9.0.0/16 via inet6 fe80::2 dev 3":  {Dst: pfx("10.9.0.0/16"), Gateway: ip("fe80::2"), Index: 3},
		"local 10.9.0.0/16 dev 1 table local":  {Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_LOCAL, Index: 1},
		"10.9.0.0/16 nexthop dev 3 weight 256": {Dst: pfx("10.9.0.0/16"), Multipath: route.Hops(route.NextHop{Index: 3, Weight: 256})},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestParseErrors has what no route looks like.
func TestParseErrors(t *testing.T) {
	for want, h := range map[string]rtattr.RtMsg{
		"route: message of address family 7, neither IPv4, IPv6 nor MPLS": {Family: rtattr.AF_BRIDGE},
		"route: destination: 0.0.0.0/33 does not fit the family":          {Family: rtattr.AF_INET, DstLen: 33},
		"route: ::/0: source: ::/129 does not fit the family":             {Family: rtattr.AF_INET6, SrcLen: 129},
	} {
		if _, err := route.Parse(&rtattr.RouteView{Header: h}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestHops(t *testing.T) {
	want := []route.NextHop{
		{Index: 1, Weight: 1},
		{Gateway: ip("10.0.0.1"), Weight: 256, Flags: rtattr.RTNH_F_ONLINK, Flow: 1<<32 - 1},
		{Gateway: ip("fd00::1"), Index: 1<<32 - 1, Weight: 2, As: encap.LabelsOf(16, 17), Encap: encap.Raw{Kind: 65535, Attrs: "\x00any bytes"}},
	}
	hops := route.Hops(want...)
	if got := slices.Collect(hops.All()); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if hops != route.Hops(want...) || hops == route.Hops(want[1:]...) || route.Hops() != (route.NextHops{}) {
		t.Error("equal NextHops differ, or different ones are equal")
	}
	for range hops.All() {
		break
	}
}

func TestAllocs(t *testing.T) {
	r := route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("fe80::2"), Index: 3, Table: 1000, Priority: 5, PrefSrc: ip("10.66.66.1"), Metrics: route.Metrics{MTU: 1400}}
	hops := route.Route{Dst: pfx("fd09::/64"), Multipath: route.Hops(route.NextHop{Gateway: ip("fd00:1::2")}, route.NextHop{Gateway: ip("fd00:2::2"), Weight: 10})}
	wrapped := route.Route{Dst: pfx("fd09::/64"), Index: 3, Encap: encap.SEG6{SRH: segs("fd00:1::2", "fd00:1::3")}}
	mpls := route.Route{Label: 100, As: encap.LabelsOf(200, 300), Gateway: ip("192.0.2.2"), TTLPropagate: route.PropagateOn}
	both := route.Route{Dst: pfx("fd09::/64"), Multipath: route.Hops(route.NextHop{Index: 3, Encap: wrapped.Encap}, route.NextHop{Index: 5, Encap: encap.XFRM{IfID: 7}})}
	buf := make([]byte, 0, 4096)
	var e rtattr.Encoder
	for name, f := range map[string]func(){
		"AppendAdd/encap":      func() { route.AppendAdd(&e, wrapped) },
		"AppendAdd/mpls":       func() { route.AppendAdd(&e, mpls) },
		"AppendAdd/hops/encap": func() { route.AppendAdd(&e, both) },
		"AppendListMulticast":  func() { route.AppendListMulticast(&e, rtattr.AF_INET) },

		"AppendAdd":      func() { route.AppendAdd(&e, r) },
		"AppendReplace":  func() { route.AppendReplace(&e, r) },
		"AppendDelete":   func() { route.AppendDelete(&e, r) },
		"AppendAdd/hops": func() { route.AppendAdd(&e, hops) },
		"AppendList":     func() { route.AppendList(&e, route.Filter{Family: rtattr.AF_INET, Index: 3}) },
		"AppendGet":      func() { route.AppendGet(&e, route.Lookup{Dst: r.Gateway, OIF: 3}) },
	} {
		if n := testing.AllocsPerRun(100, func() { e.Reset(buf); f() }); n != 0 || e.Err() != nil {
			t.Errorf("%s: %v allocations, %v", name, n, e.Err())
		}
	}
}
