//go:build linux

package tun_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

var pfx, ip = netip.MustParsePrefix, netip.MustParseAddr

// dial returns a Conn in a fresh namespace, and a device there.
func dial(t *testing.T) (*nstest.NS, *rtnl.Conn, *tun.Device) {
	t.Helper()
	nstest.TUN(t)
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	dev, err := tun.Create(tun.Config{Name: "tun0", NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return ns, conn, dev
}

// routes are those of tun0 as ip shows them, without IPv6's link-local ones.
func routes(t *testing.T, ns *nstest.NS) []string {
	t.Helper()
	var got []string
	for _, family := range []string{"-4", "-6"} {
		var list []struct {
			Type, Dst, Gateway, PrefSrc, Protocol, Scope string
		}
		if err := json.Unmarshal(ns.IP(t, family, "-json", "-details", "route", "show", "table", "all"), &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if strings.HasPrefix(r.Dst, "fe80:") || strings.HasPrefix(r.Dst, "ff00:") {
				continue
			}
			words := []string{r.Type, r.Dst}
			for name, v := range map[string]string{"via": r.Gateway} {
				if v != "" {
					words = append(words, name, v)
				}
			}
			if r.PrefSrc != "" {
				words = append(words, "src", r.PrefSrc)
			}
			got = append(got, strings.Join(append(words, "proto", r.Protocol), " "))
		}
	}
	slices.Sort(got)
	return got
}

// TestConfigure has the classic set-ups, and the routes that the kernel adds to
// each.
func TestConfigure(t *testing.T) {
	tests := []struct {
		name  string
		setup tun.Setup
		want  []string
	}{
		{"subnet", tun.Setup{
			Addresses: []address.Address{{Local: pfx("10.66.66.1/24")}},
			Routes:    []route.Route{{Dst: pfx("198.51.100.0/24"), Gateway: ip("10.66.66.2")}},
		}, []string{
			"broadcast 10.66.66.255 src 10.66.66.1 proto kernel",
			"local 10.66.66.1 src 10.66.66.1 proto kernel",
			"unicast 10.66.66.0/24 src 10.66.66.1 proto kernel",
			"unicast 198.51.100.0/24 via 10.66.66.2 proto boot",
		}},
		{"peer", tun.Setup{
			Addresses: []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}},
			Routes:    []route.Route{{Dst: pfx("0.0.0.0/0")}},
		}, []string{
			"local 10.66.66.1 src 10.66.66.1 proto kernel",
			"unicast 10.66.66.2 src 10.66.66.1 proto kernel",
			"unicast default proto boot",
		}},
		{"/31", tun.Setup{
			Addresses: []address.Address{{Local: pfx("10.66.66.2/31")}},
		}, []string{
			"local 10.66.66.2 src 10.66.66.2 proto kernel",
			"unicast 10.66.66.2/31 src 10.66.66.2 proto kernel",
		}},
		{"the prefix is the peer's", tun.Setup{
			Addresses: []address.Address{{Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24")}},
		}, []string{
			"broadcast 198.51.100.255 src 192.0.2.1 proto kernel",
			"local 192.0.2.1 src 192.0.2.1 proto kernel",
			"unicast 198.51.100.0/24 src 192.0.2.1 proto kernel",
		}},
		{"IPv6 peer", tun.Setup{
			Addresses: []address.Address{{Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}},
			Routes: []route.Route{
				{Dst: pfx("2001:db8::/32"), Gateway: ip("fd00:1::2"), Flags: rtattr.RouteFlags(rtattr.RTNH_F_ONLINK)},
				{Dst: pfx("2001:db9::/32")},
			},
		}, []string{
			"local fd00:1::1 proto kernel",
			"unicast 2001:db8::/32 via fd00:1::2 proto boot",
			"unicast 2001:db9::/32 proto boot",
			"unicast fd00:1::1 proto kernel",
			"unicast fd00:1::2 proto kernel",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns, conn, dev := dial(t)
			tt.setup.MTU, tt.setup.Up = 1400, true
			if err := tun.Configure(context.Background(), conn, dev, tt.setup); err != nil {
				t.Fatal(err)
			}
			var diff string
			for range 100 { // the route to an IPv6 peer comes a little later
				if diff = cmp.Diff(tt.want, routes(t, ns)); diff == "" {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if diff != "" {
				t.Error(diff)
			}
			if out := string(ns.IP(t, "-o", "link", "show", "tun0")); !strings.Contains(out, "mtu 1400") || !strings.Contains(out, ",UP,") {
				t.Error(out)
			}
			if tt.setup.Addresses[0].Index != 0 {
				t.Error("Configure has written to the caller's address")
			}
		})
	}
}

func TestConfigureErrors(t *testing.T) {
	ns, conn, dev := dial(t)
	ctx := context.Background()
	bad := tun.Setup{
		Addresses: []address.Address{{Local: pfx("10.66.66.1/24")}, {Local: pfx("10.66.66.1/24")}},
		MTU:       67,
		Routes:    []route.Route{{Dst: pfx("10.9.0.0/16"), Gateway: ip("192.0.2.9")}},
	}
	err := tun.Configure(ctx, conn, dev, bad)
	want := `tun: configure "tun0": 3 messages failed
address 10.66.66.1/24: message 1 (RTM_NEWADDR): file exists: ipv4: Address already assigned
link mtu 67: message 2 (RTM_NEWLINK): invalid argument: mtu less than device minimum
route 10.9.0.0/16 via 192.0.2.9: message 3 (RTM_NEWROUTE): network is unreachable: Nexthop has invalid gateway`
	if err != nil && !strings.Contains(err.Error(), "already assigned") { // some kernels give no reason here
		want = strings.Replace(want, ": ipv4: Address already assigned", "", 1)
	}
	if err == nil || strings.ReplaceAll(err.Error(), ".\n", "\n") != want || !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v\nwant %s", err, want)
	}
	if out := string(ns.IP(t, "-o", "address", "show", "tun0")); !strings.Contains(out, "10.66.66.1/24") {
		t.Errorf("what did not fail is not applied: %s", out)
	}
	for want, s := range map[string]tun.Setup{
		`tun: configure "tun0": MTU 1279 and the address fd00::1/64: IPv6 needs 1280 at least`: {
			MTU: 1279, Addresses: []address.Address{{Local: pfx("fd00::1/64")}}},
		`tun: configure "tun0": address: invalid Prefix dev 2: no Local address, or no prefix length`: {
			Addresses: []address.Address{{}}},
		`tun: configure "tun0": route: ? dev 2: no destination: that of a default route is 0.0.0.0/0 or ::/0`: {
			Routes: []route.Route{{}}},
		`tun: configure "tun0": route 10.0.0.0/8: network is down: Device for nexthop is not up`: {
			Routes: []route.Route{{Dst: pfx("10.0.0.0/8")}}},
	} {
		if err := tun.Configure(ctx, conn, dev, s); err == nil || strings.TrimSuffix(err.Error(), ".") != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if err := tun.Configure(ctx, conn, dev, tun.Setup{}); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

// TestConfigurePeers adds IPv6 peers again and again: the kernel must never lose
// the route to them.
func TestConfigurePeers(t *testing.T) {
	ns, conn, _ := dial(t)
	for range 20 {
		dev, err := tun.Create(tun.Config{NetNS: ns.FD()})
		if err != nil {
			t.Fatal(err)
		}
		err = tun.Configure(context.Background(), conn, dev, tun.Setup{
			Addresses: []address.Address{{Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}}, Up: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			r, err := route.Get(context.Background(), conn, route.Lookup{Dst: ip("fd00:1::2")})
			if err == nil && r.Index == uint32(dev.Index()) {
				break
			}
			if i == 200 {
				t.Fatalf("no route to the peer after 2 s: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAppendSetup has the order of the messages, and no IFLA_LINKINFO.
func TestAppendSetup(t *testing.T) {
	var e rtattr.Encoder
	tun.AppendSetup(&e, 7, tun.Setup{
		Addresses: []address.Address{{Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}, {Local: pfx("10.66.66.1/24")}, {Local: pfx("fd00::1/64")}},
		MTU:       1400, Up: true,
		Routes: []route.Route{{Dst: pfx("0.0.0.0/0")}, {Dst: pfx("10.0.0.0/8"), Index: 9}},
	})
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var dump strings.Builder
	if err := rtattr.Dump(&dump, b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(dump.String()) {
		if _, note, ok := strings.Cut(line, "# "); ok && (strings.HasPrefix(note, "RTM_") || strings.HasPrefix(note, "RTA_OIF") || strings.HasPrefix(note, "IFLA_")) {
			name, _, _ := strings.Cut(note, " len")
			got = append(got, strings.TrimSpace(name))
		}
	}
	want := []string{"RTM_NEWADDR", "RTM_NEWADDR", "RTM_NEWLINK", "IFLA_MTU 1400", "RTM_NEWADDR", "RTM_NEWROUTE", "RTA_OIF 7", "RTM_NEWROUTE", "RTA_OIF 9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
