//go:build linux

package route_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/optguard"
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
		optguard.IP(t, ns, line)
	}
	return ns, optguard.Dial(t, ns)
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

// What is filtered is the same whether the kernel does it or not.
func TestFilter(t *testing.T) {
	ns, strict := newLab(t)
	optguard.IP(t, ns, "nexthop add id 7 via 10.66.66.2 dev v0")
	for _, r := range []route.Route{
		{Dst: pfx("10.9.0.0/16"), Index: 3, Protocol: rtattr.RTPROT_STATIC},
		{Dst: pfx("10.10.0.0/16"), Gateway: ip("10.66.67.2"), Table: 1000},
		{Dst: pfx("10.11.0.0/16"), Type: rtattr.RTN_BLACKHOLE},
		{Dst: pfx("10.12.0.0/16"), Multipath: route.Hops(route.NextHop{Index: 3}, route.NextHop{Index: 5})},
		{Dst: pfx("10.13.7.0/24"), NexthopID: 7, Protocol: 77},
		{Dst: pfx("10.13.0.0/16"), Multipath: route.Hops(route.NextHop{Gateway: ip("10.66.66.9"), Index: 3}, route.NextHop{Index: 5}), Protocol: 77},
		{Dst: pfx("fd09::/64"), Index: 5, Protocol: rtattr.RTPROT_STATIC},
	} {
		if err := route.Add(ctx, strict, r); err != nil {
			t.Fatal(err)
		}
	}
	lax := optguard.DialLax(t, ns)
	main4 := route.Filter{Family: rtattr.AF_INET, Table: rtattr.RT_TABLE_MAIN}
	with := func(f route.Filter, change func(*route.Filter)) route.Filter {
		change(&f)
		return f
	}
	for _, tt := range []struct {
		want string
		f    route.Filter
	}{
		{"", route.Filter{Table: 77777}},
		{"", route.Filter{Index: 99}},
		{"", route.Filter{Index: 99, Family: rtattr.AF_INET6}},
		{"", route.Filter{Family: rtattr.AF_MPLS}},
		{"", route.Filter{Cloned: true}},
		{"", route.Filter{Prefix: true}},
		{"10.10.0.0/16", route.Filter{Table: 1000}},
		{"10.9.0.0/16 fd09::/64", route.Filter{Protocol: rtattr.RTPROT_STATIC}},
		{"fd09::/64", route.Filter{Protocol: rtattr.RTPROT_STATIC, Family: rtattr.AF_INET6}},
		{"10.11.0.0/16", route.Filter{Type: rtattr.RTN_BLACKHOLE}},
		{"10.12.0.0/16 10.13.0.0/16 10.66.67.0/24", with(main4, func(f *route.Filter) { f.Index = 5 })},
		{"10.12.0.0/16 10.13.0.0/16 10.13.7.0/24 10.66.66.0/24 10.9.0.0/16", with(main4, func(f *route.Filter) { f.Index = 3 })},
		{"10.13.7.0/24", route.Filter{NexthopID: 7}},
		{"10.13.0.0/16", route.Filter{Gateway: ip("10.66.66.9")}},
		{"", route.Filter{Gateway: ip("10.66.66.9"), Index: 5, Family: rtattr.AF_INET6}},
		{"10.13.0.0/16", route.Filter{Dst: pfx("10.13.0.0/16")}},
		{"10.13.0.0/16 10.13.7.0/24", route.Filter{Within: pfx("10.13.0.0/16")}},
		{"10.13.0.0/16 10.13.7.0/24", route.Filter{Within: pfx("10.12.0.0/15"), Protocol: 77}},
	} {
		for name, conn := range map[string]*rtnl.Conn{"strict": strict, "lax": lax} {
			list, err := route.List(ctx, conn, tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range list {
				got = append(got, r.Dst.String())
			}
			slices.Sort(got)
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("%s: %v: %s, want %s", name, tt.f, s, tt.want)
			}
		}
	}
}

func TestFlush(t *testing.T) {
	_, conn := newLab(t)
	var e rtattr.Encoder
	for i := range 2500 { // more than a batch
		route.AppendAdd(&e, route.Route{Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), 32), Index: 3, Protocol: 77})
	}
	route.AppendAdd(&e, route.Route{Dst: pfx("fd09::/64"), Protocol: 77,
		Multipath: route.Hops(route.NextHop{Gateway: ip("fd00:1::2")}, route.NextHop{Gateway: ip("fd00:2::2"), Weight: 10})})
	route.AppendAdd(&e, via4(func(r *route.Route) { r.Protocol = 78 }))
	if err := conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	if n, err := route.Flush(ctx, conn, route.Filter{Family: rtattr.AF_INET}); n != 0 || err == nil {
		t.Errorf("a filter of all: %d, %v", n, err)
	}
	if n, err := route.Flush(ctx, conn, route.Filter{Protocol: 77}); n != 2501 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := route.Flush(ctx, conn, route.Filter{Protocol: 77}); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if list, err := route.List(ctx, conn, route.Filter{Protocol: 78}); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if n, err := route.Flush(done, conn, route.Filter{Protocol: 78}); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
}

// A route of a nexthop object that is a blackhole is listed as one, but is none in
// the kernel's comparison.
func TestDeleteBlackholeNexthop(t *testing.T) {
	ns, conn := newLab(t)
	optguard.IP(t, ns, "nexthop add id 7 via 10.66.66.2 dev v0")
	optguard.IP(t, ns, "route add 10.9.0.0/16 nhid 7")
	optguard.IP(t, ns, "nexthop replace id 7 blackhole")
	list, err := route.List(ctx, conn, route.Filter{Dst: pfx("10.9.0.0/16")})
	if err != nil || len(list) != 1 || list[0].Type != rtattr.RTN_BLACKHOLE || list[0].NexthopID != 7 {
		t.Fatalf("%v, %v", list, err)
	}
	if err := route.Delete(ctx, conn, list[0]); err != nil {
		t.Error(err)
	}
}

func TestGet(t *testing.T) {
	ns, conn := newLab(t)
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
	for _, l := range []route.Lookup{
		{Dst: ip("10.66.66.7"), Src: ip("10.66.66.1"), OIF: 3, Mark: 7, UID: route.UIDOf(0), TOS: 16},
		{Dst: ip("10.66.66.7"), IPProto: 17, SPort: 1000, DPort: 2000},
		{Dst: ip("10.66.66.1"), Src: ip("10.66.66.7"), IIF: 3},
		{Dst: ip("fd00:1::7"), Src: ip("fd00:1::1"), OIF: 3, Mark: 7, UID: route.UIDOf(0), IPProto: 6, DPort: 443},
		{Dst: ip("fd00:1::1"), IIF: 1},
	} {
		r, err := route.Get(ctx, conn, l)
		var shown []struct {
			Dst     netip.Addr
			Dev     string
			Prefsrc string
			Type    string
		}
		args := "-json route get " + l.Dst.String()
		for _, x := range []struct {
			set  bool
			word string
		}{{l.Src.IsValid(), "from " + l.Src.String()}, {l.IIF == 3, "iif v0"}, {l.IIF == 1, "iif lo"}, {l.OIF == 3, "oif v0"}, {l.Mark == 7, "mark 7"}, {l.UID != (route.UID{}), "uid 0"},
			{l.TOS == 16, "tos 16"}, {l.IPProto == 17, "ipproto 17"}, {l.IPProto == 6, "ipproto 6"}, {l.SPort == 1000, "sport 1000"}, {l.DPort == 2000, "dport 2000"}, {l.DPort == 443, "dport 443"}} {
			if x.set {
				args += " " + x.word
			}
		}
		if jerr := json.Unmarshal(optguard.IP(t, ns, args), &shown); jerr != nil || len(shown) != 1 {
			t.Fatal(jerr, shown)
		}
		index := map[string]uint32{"lo": 1, "v0": 3, "v2": 5}[shown[0].Dev]
		src := ""
		if r.PrefSrc.IsValid() {
			src = r.PrefSrc.String()
		}
		if err != nil || r.Index != index || src != shown[0].Prefsrc || r.Dst.Addr() != shown[0].Dst || shown[0].Type != "" && r.Type.String() != shown[0].Type {
			t.Errorf("%+v: %+v, %v; ip shows %+v", l, r, err, shown[0])
		}
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
