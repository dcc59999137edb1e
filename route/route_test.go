package route_test

import (
	"net/netip"
	"testing"

	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	dst, gw := pfx("10.9.0.0/16"), ip("10.66.66.2")
	hops := []route.NextHop{{Gateway: gw}}
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
		{route.Route{Dst: dst, Gateway: gw, Multipath: hops}, "route: 10.9.0.0/16 via 10.66.66.2 nexthop via 10.66.66.2 weight 1: Multipath goes without Gateway, Index and NexthopID"},
		{route.Route{Dst: dst, Index: 3, NexthopID: 7}, "route: 10.9.0.0/16 nhid 7 dev 3: NexthopID goes without Gateway and Index"},
		{route.Route{Dst: dst, Encap: "x"}, "route: 10.9.0.0/16: Encap and EncapType go together"},
		{route.Route{Dst: dst, Multipath: []route.NextHop{{Index: 3, Weight: 257}}}, "route: 10.9.0.0/16 nexthop dev 3 weight 257: Weight 257 of nexthop 0: 1 to 256"},
		{route.Route{Dst: dst, Multipath: []route.NextHop{{Index: 3, EncapType: 1}}}, "route: 10.9.0.0/16 nexthop dev 3 weight 1: nexthop 0: Encap and EncapType go together"},
		{route.Route{Dst: dst, Gateway: ip("fe80::1%v0")}, "rtattr: route.via: address fe80::1%v0 has a zone, which the attribute cannot carry"},
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
	if err := e.Err(); err == nil || err.Error() != "route: list: family 7, neither IPv4 nor IPv6" {
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
		"10.9.0.0/16 nexthop dev 3 weight 256": {Dst: pfx("10.9.0.0/16"), Multipath: []route.NextHop{{Index: 3, Weight: 256}}},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestParseErrors has what no route looks like.
func TestParseErrors(t *testing.T) {
	for want, h := range map[string]rtattr.RtMsg{
		"route: message of address family 7, neither IPv4 nor IPv6": {Family: rtattr.AF_BRIDGE},
		"route: destination: 0.0.0.0/33 does not fit the family":    {Family: rtattr.AF_INET, DstLen: 33},
		"route: ::/0: source: ::/129 does not fit the family":       {Family: rtattr.AF_INET6, SrcLen: 129},
	} {
		if _, err := route.Parse(&rtattr.RouteView{Header: h}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAllocs(t *testing.T) {
	r := route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("fe80::2"), Index: 3, Table: 1000, Priority: 5, PrefSrc: ip("10.66.66.1"), Metrics: route.Metrics{MTU: 1400}}
	hops := route.Route{Dst: pfx("fd09::/64"), Multipath: []route.NextHop{{Gateway: ip("fd00:1::2")}, {Gateway: ip("fd00:2::2"), Weight: 10}}}
	buf := make([]byte, 0, 4096)
	var e rtattr.Encoder
	for name, f := range map[string]func(){
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
