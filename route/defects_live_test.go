//go:build linux

package route_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Defect B-V1: without a filter, vishvananda/netlink dereferences nil. A zero Filter has
// the routes of all tables, types and protocols.
func TestZeroFilter(t *testing.T) {
	_, conn := newLab(t)
	own := []route.Route{
		{Dst: pfx("10.9.0.0/16"), Gateway: ip("10.66.66.2")},
		{Dst: pfx("10.10.0.0/16"), Type: rtattr.RTN_BLACKHOLE, Table: 1000},
		{Dst: pfx("0.0.0.0/0"), Index: 5, Protocol: 77},
		{Dst: pfx("fd09::/64"), Gateway: ip("fd00:1::2")},
	}
	for _, r := range own {
		if err := route.Add(ctx, conn, r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := route.List(ctx, conn, route.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	found, local := 0, 0
	for _, r := range list {
		if r.Type == rtattr.RTN_LOCAL {
			local++
		}
		for _, x := range own {
			if r.Dst == x.Dst {
				found++
			}
		}
	}
	if found != len(own) || local < 3 {
		t.Errorf("%d of %d, and %d local ones: %v", found, len(own), local, list)
	}
}

// Defect B-V2: with vishvananda/netlink a destination in a filter makes other fields
// count for nothing, some never count, and the caller's filter is changed. Here each
// field counts, alone and beside any other.
func TestFilterFieldsCombine(t *testing.T) {
	ns, strict := newLab(t)
	optguard.IP(t, ns, "nexthop add id 7 via 10.66.66.2 dev v0")
	optguard.IP(t, ns, "nexthop add id 8 via 10.66.67.2 dev v2")
	plain := route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("10.66.66.2"), Index: 3, Table: 1000, Protocol: 77}
	object := route.Route{Dst: pfx("10.10.0.0/16"), NexthopID: 7, Table: 1000, Protocol: 77}
	for _, r := range []route.Route{
		plain, object,
		{Dst: pfx("10.9.0.0/16"), Gateway: ip("10.66.67.2"), Index: 5, Table: 1001, Protocol: 78},
		{Dst: pfx("10.10.0.0/16"), NexthopID: 8, Table: 1001, Protocol: 78},
		{Dst: pfx("fd09::/64"), Gateway: ip("fd00:1::2"), Index: 3, Table: 1000, Protocol: 77},
		{Dst: pfx("10.11.0.0/16"), Type: rtattr.RTN_BLACKHOLE, Table: 1002, Protocol: 79},
		{Dst: pfx("10.12.0.0/16"), Table: 1003, Multipath: route.Hops(route.NextHop{Gateway: ip("10.66.66.9"), Index: 3}, route.NextHop{Gateway: ip("10.66.67.9"), Index: 5})},
	} {
		if err := route.Add(ctx, strict, r); err != nil {
			t.Fatal(err)
		}
	}
	// What each field says of a route, and what would be of another.
	type field struct{ right, wrong any }
	gateway := map[string]field{
		"Family": {uint8(rtattr.AF_INET), uint8(rtattr.AF_INET6)}, "Table": {rtattr.RouteTable(1000), rtattr.RouteTable(1001)}, "Index": {uint32(3), uint32(5)},
		"Protocol": {rtattr.Protocol(77), rtattr.Protocol(78)}, "Type": {rtattr.RTN_UNICAST, rtattr.RTN_BLACKHOLE}, "Cloned": {false, true}, "Prefix": {false, true},
		"Dst": {pfx("10.9.0.0/16"), pfx("10.10.0.0/16")}, "Within": {pfx("10.8.0.0/15"), pfx("10.10.0.0/15")}, "Gateway": {ip("10.66.66.2"), ip("10.66.67.2")},
	}
	nexthop := map[string]field{"NexthopID": {uint32(7), uint32(8)}}
	for name, f := range gateway {
		nexthop[name] = f
	}
	nexthop["Dst"], nexthop["Within"] = field{pfx("10.10.0.0/16"), pfx("10.9.0.0/16")}, field{pfx("10.10.0.0/15"), pfx("10.8.0.0/15")}
	if n := reflect.TypeFor[route.Filter]().NumField(); n != len(nexthop) {
		t.Fatalf("a Filter has %d fields, %d are tested", n, len(nexthop))
	}
	set := func(f *route.Filter, name string, v any) {
		x := reflect.ValueOf(f).Elem().FieldByName(name)
		x.Set(reflect.ValueOf(v).Convert(x.Type()))
	}
	for conn, how := range map[*rtnl.Conn]string{strict: "strict", optguard.DialLax(t, ns): "lax"} {
		// A gateway and an interface are those of one way.
		for _, tt := range []struct {
			gateway string
			index   uint32
			want    int
		}{{"10.66.66.9", 3, 1}, {"10.66.67.9", 5, 1}, {"10.66.66.9", 5, 0}, {"10.66.67.9", 3, 0}} {
			f := route.Filter{Gateway: ip(tt.gateway), Index: tt.index}
			if list, err := route.List(ctx, conn, f); err != nil || len(list) != tt.want {
				t.Errorf("%s: %v: %v, %v", how, f, list, err)
			}
		}
		for dst, fields := range map[netip.Prefix]map[string]field{plain.Dst: gateway, object.Dst: nexthop} {
			matches := func(f route.Filter) bool {
				t.Helper()
				before := f
				list, err := route.List(ctx, conn, f)
				if err != nil {
					t.Fatalf("%s: %v: %v", how, f, err)
				}
				if f != before {
					t.Errorf("%v has become %v", before, f)
				}
				for _, r := range list {
					if r.Dst == dst && r.Table == 1000 {
						return true
					}
				}
				return false
			}
			for name, a := range fields {
				for other, b := range fields {
					if name == other {
						continue
					}
					var f route.Filter
					set(&f, name, a.right)
					set(&f, other, b.right)
					if !matches(f) {
						t.Errorf("%s: %v: not listed", how, f)
					}
					set(&f, other, b.wrong)
					if matches(f) {
						t.Errorf("%s: %v: listed", how, f)
					}
				}
			}
		}
	}
}
