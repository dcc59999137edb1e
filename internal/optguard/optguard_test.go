//go:build linux

package optguard_test

import (
	"net/netip"
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

func TestCheck(t *testing.T) {
	dst := netip.MustParsePrefix("10.9.0.0/16")
	for _, tt := range []struct {
		x    encap.Encap
		pass bool
	}{
		{nil, true},
		{encap.IP{ID: 5}, true},
		{encap.IP6{ID: 5}, true},
		{encap.XFRM{IfID: 7}, true},
		{encap.SEG6Local{Action: rtattr.SEG6_LOCAL_ACTION_END, Count: true, Flavors: encap.Flavors{Ops: 2}}, true},
		{encap.IP{Options: encap.VXLANOption{GBP: 5}}, false},
		{encap.IP6{Options: encap.ERSPANOption{Version: 1}}, false},
		{encap.IP{Options: encap.Geneve(encap.GeneveOption{Data: "1234"})}, false},
		{encap.Raw{Kind: rtattr.LWTUNNEL_ENCAP_IP, Attrs: "\x04\x00\x08\x00"}, false},
		{encap.Raw{Kind: rtattr.LWTUNNEL_ENCAP_IP, Attrs: "\x04\x00\x08\x80"}, false},
		{encap.Raw{Kind: rtattr.LWTUNNEL_ENCAP_IP6, Attrs: "\x02\x00\x08\x00"}, false},
	} {
		var e rtattr.Encoder
		for name, put := range map[string]func(){
			"route":  func() { route.AppendAdd(&e, route.Route{Dst: dst, Index: 1, Encap: tt.x}) },
			"delete": func() { route.AppendDelete(&e, route.Route{Dst: dst, Index: 1, Encap: tt.x}) },
			"multipath": func() {
				route.AppendAdd(&e, route.Route{Dst: dst, Multipath: route.Hops(route.NextHop{Index: 1}, route.NextHop{Index: 2, Encap: tt.x})})
			},
			"nexthop": func() { nexthop.AppendAdd(&e, nexthop.Nexthop{Index: 1, Encap: tt.x}) },
		} {
			e.Reset(nil)
			route.AppendDelete(&e, route.Route{Dst: dst})
			put()
			b, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if err := optguard.Check(b); (err == nil) != tt.pass {
				t.Errorf("%s encap %v: %v", name, tt.x, err)
			}
		}
	}
}
