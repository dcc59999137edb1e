//go:build linux

package route_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

// lab is a namespace with v0 (3, 10.66.66.1/24, fd00:1::1/64) and v2 (5,
// 10.66.67.1/24, fd00:2::1/64), up.
func newLab(t *testing.T) (*nstest.NS, *rtnl.Conn) {
	t.Helper()
	ns := nstest.New(t)
	for _, line := range []string{
		"link set lo up",
		"link add v0 index 3 type veth peer name v1 index 2",
		"link add v2 index 5 type veth peer name v3 index 4",
		"link set v1 up", "link set v0 up", "link set v3 up", "link set v2 up",
		"address add 10.66.66.1/24 dev v0", "address add 10.66.67.1/24 dev v2",
		"address add fd00:1::1/64 dev v0 nodad", "address add fd00:2::1/64 dev v2 nodad",
	} {
		ns.IP(t, strings.Fields(line)...)
	}
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return ns, conn
}

// shown returns what ip shows of a destination, in all tables.
func shown(t *testing.T, ns *nstest.NS, dst string) []any {
	t.Helper()
	family := "-4"
	if strings.Contains(dst, ":") {
		family = "-6"
	}
	var v []any
	if err := json.Unmarshal(ns.IP(t, family, "-d", "-json", "route", "show", "table", "all", "exact", dst), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func listed(t *testing.T, conn *rtnl.Conn, like route.Route) []route.Route {
	t.Helper()
	all, err := route.List(ctx, conn, route.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r route.Route) bool { return r.Dst != like.Dst || r.Protocol == rtattr.RTPROT_KERNEL })
}

// TestListed adds a route, lists it, deletes what was listed, adds it again
// as it was listed, and wants ip and List to show the same thing twice.
func TestListed(t *testing.T) {
	ns, conn := newLab(t)
	onlink := rtattr.RouteFlags(rtattr.RTNH_F_ONLINK)
	for _, r := range []route.Route{
		via4(same), via6(same),
		{Dst: pfx("0.0.0.0/0"), Gateway: ip("10.66.66.2")},
		{Dst: pfx("::/0"), Gateway: ip("fd00:1::2"), Priority: 77},
		{Dst: pfx("10.9.0.0/16"), Index: 3},
		{Dst: pfx("10.9.9.9/32"), Index: 3, Scope: route.ScopeOf(rtattr.RT_SCOPE_UNIVERSE)},
		{Dst: pfx("fd09::9/128"), Index: 3, Protocol: rtattr.RTPROT_STATIC},
		via4(func(r *route.Route) {
			r.Index, r.TOS, r.Table, r.Priority, r.PrefSrc, r.Protocol = 3, 8, 1000, 12, ip("10.66.66.1"), 77
			r.Metrics = route.Metrics{MTU: 1401, AdvMSS: 1361, RTT: 800, HopLimit: 33, QuickAck: 1, Lock: 1 << rtattr.RTAX_MTU, CongestionControl: "reno"}
		}),
		{Dst: pfx("10.9.0.0/16"), Gateway: ip("192.0.2.77"), Index: 3, Flags: onlink},
		{Dst: pfx("10.9.0.0/16"), Gateway: ip("fe80::2"), Index: 3},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_BLACKHOLE},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_UNREACHABLE, Priority: 9},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_PROHIBIT},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_THROW, Table: 100},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_LOCAL, Index: 3},
		{Dst: pfx("10.9.0.0/16"), Type: rtattr.RTN_BROADCAST, Index: 3},
		{Dst: pfx("fd09::/64"), Type: rtattr.RTN_UNREACHABLE},
		{Dst: pfx("fd09::/64"), Type: rtattr.RTN_ANYCAST, Index: 3},
		via6(func(r *route.Route) { r.Src = pfx("fd00:1::/64") }),
		via6(func(r *route.Route) { r.Pref = rtattr.ICMPV6_ROUTER_PREF_HIGH }),
		via6(func(r *route.Route) { r.Table, r.PrefSrc, r.Metrics.MTU = 4294967295, ip("fd00:1::1"), 1300 }),
		{Dst: pfx("10.9.0.0/16"), Multipath: route.Hops(route.NextHop{Gateway: ip("10.66.66.2")}, route.NextHop{Gateway: ip("10.66.67.2"), Weight: 10})},
		{Dst: pfx("10.9.0.0/16"), Multipath: route.Hops(route.NextHop{Gateway: ip("fe80::2"), Index: 3}, route.NextHop{Gateway: ip("10.66.67.2"), Index: 5, Weight: 2})},
		{Dst: pfx("10.9.0.0/16"), Multipath: route.Hops(route.NextHop{Gateway: ip("192.0.2.77"), Index: 3, Flags: rtattr.RTNH_F_ONLINK}, route.NextHop{Index: 5, Weight: 256})},
		{Dst: pfx("fd09::/64"), Multipath: route.Hops(route.NextHop{Gateway: ip("fd00:1::2")}, route.NextHop{Gateway: ip("fd00:2::2"), Weight: 10})},
	} {
		if err := route.Add(ctx, conn, r); err != nil {
			t.Error(err)
			continue
		}
		first, before := listed(t, conn, r), shown(t, ns, r.Dst.String())
		if len(first) != 1 || len(before) == 0 {
			t.Fatalf("%v: listed as %v, shown as %v", r, first, before)
		}
		if err := route.Add(ctx, conn, r); !errors.Is(err, fs.ErrExist) || !strings.HasPrefix(err.Error(), "route: add "+r.String()+": file exists") {
			t.Errorf("added twice: %v", err)
		}
		if err := route.Delete(ctx, conn, first[0]); err != nil {
			t.Error(err)
		}
		if rest := listed(t, conn, r); len(rest) != 0 {
			t.Fatalf("%v is still there: %v", r, rest)
		}
		if err := route.Delete(ctx, conn, first[0]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deleted twice: %v", err)
		}
		if err := route.Add(ctx, conn, first[0]); err != nil {
			t.Errorf("as listed: %v", err)
			continue
		}
		if again := listed(t, conn, r); !reflect.DeepEqual(again, first) {
			t.Errorf("%v: listed as\n%+v, then as\n%+v", r, first, again)
		}
		if after := shown(t, ns, r.Dst.String()); !reflect.DeepEqual(after, before) {
			t.Errorf("%v: shown as\n%v, then as\n%v", r, before, after)
		}
		if err := route.Delete(ctx, conn, first[0]); err != nil {
			t.Error(err)
		}
	}
}

func TestVerbs(t *testing.T) {
	ns, conn := newLab(t)
	r, other := via4(same), via4(func(r *route.Route) { r.Gateway = ip("10.66.67.2") })
	if err := route.Change(ctx, conn, r); !errors.Is(err, unix.ENOENT) {
		t.Errorf("change of no route: %v", err)
	}
	gateways := func(want ...string) {
		t.Helper()
		var got []string
		for _, x := range shown(t, ns, "10.9.0.0/16") {
			got = append(got, x.(map[string]any)["gateway"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("gateways %v, want %v", got, want)
		}
	}
	do := func(f func(context.Context, *rtnl.Conn, route.Route) error, r route.Route) {
		t.Helper()
		if err := f(ctx, conn, r); err != nil {
			t.Error(err)
		}
	}
	do(route.Replace, r)
	gateways("10.66.66.2")
	do(route.Append, other)
	gateways("10.66.66.2", "10.66.67.2")
	do(route.Delete, r)
	gateways("10.66.67.2")
	do(route.Prepend, r)
	gateways("10.66.66.2", "10.66.67.2")
	do(route.Delete, other)
	do(route.Change, other)
	gateways("10.66.67.2")
	do(route.Delete, route.Route{Dst: r.Dst})
	gateways()
}

func TestFilter(t *testing.T) {
	_, conn := newLab(t)
	for _, r := range []route.Route{
		{Dst: pfx("10.9.0.0/16"), Index: 3, Protocol: rtattr.RTPROT_STATIC},
		{Dst: pfx("10.10.0.0/16"), Gateway: ip("10.66.67.2"), Table: 1000},
		{Dst: pfx("10.11.0.0/16"), Type: rtattr.RTN_BLACKHOLE},
		{Dst: pfx("10.12.0.0/16"), Multipath: route.Hops(route.NextHop{Index: 3}, route.NextHop{Index: 5})},
		{Dst: pfx("fd09::/64"), Index: 5, Protocol: rtattr.RTPROT_STATIC},
	} {
		if err := route.Add(ctx, conn, r); err != nil {
			t.Fatal(err)
		}
	}
	for want, f := range map[string]route.Filter{
		"":                                       {Table: 77777},
		"10.10.0.0/16":                           {Table: 1000},
		"10.9.0.0/16 fd09::/64":                  {Protocol: rtattr.RTPROT_STATIC},
		"fd09::/64":                              {Protocol: rtattr.RTPROT_STATIC, Family: rtattr.AF_INET6},
		"10.11.0.0/16":                           {Type: rtattr.RTN_BLACKHOLE},
		"10.12.0.0/16 10.66.67.0/24":             {Family: rtattr.AF_INET, Table: rtattr.RT_TABLE_MAIN, Index: 5},
		"10.12.0.0/16 10.66.66.0/24 10.9.0.0/16": {Family: rtattr.AF_INET, Table: rtattr.RT_TABLE_MAIN, Index: 3},
	} {
		list, err := route.List(ctx, conn, f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.Dst.String())
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%v: %s, want %s", f, s, want)
		}
	}
}

func TestGet(t *testing.T) {
	_, conn := newLab(t)
	r, err := route.Get(ctx, conn, route.Lookup{Dst: ip("10.66.66.7")})
	if err != nil || r.Index != 3 || r.PrefSrc != ip("10.66.66.1") || r.Gateway.IsValid() || r.Table != rtattr.RT_TABLE_MAIN {
		t.Errorf("%+v, %v", r, err)
	}
	if err := route.Add(ctx, conn, via6(same)); err != nil {
		t.Fatal(err)
	}
	r, err = route.Get(ctx, conn, route.Lookup{Dst: ip("fd09::1"), FIBMatch: true})
	if err != nil || r.Dst != pfx("fd09::/64") || r.Gateway != ip("fd00:1::2") {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = route.Get(ctx, conn, route.Lookup{Dst: ip("192.0.2.1")})
	if !errors.Is(err, unix.ENETUNREACH) || err.Error() != "route: get 192.0.2.1: network is unreachable" {
		t.Error(err)
	}
}

// TestRefused has the kernel's words, and the attribute where it names one.
func TestRefused(t *testing.T) {
	_, conn := newLab(t)
	for want, r := range map[string]route.Route{
		"route: add 10.9.0.0/16 via 192.0.2.9: network is unreachable: Nexthop has invalid gateway": {Dst: pfx("10.9.0.0/16"), Gateway: ip("192.0.2.9")},
		"route: add fd09::/64 dev 99: no such device":                                               {Dst: pfx("fd09::/64"), Index: 99},
		"route: add 10.9.0.0/16 nhid 9: invalid argument: Nexthop id does not exist":                {Dst: pfx("10.9.0.0/16"), NexthopID: 9},
	} {
		if err := route.Add(ctx, conn, r); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
