//go:build linux

package tun_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
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

// settled waits until the routes are those, as some of IPv6 come a little later.
func settled(t *testing.T, ns *nstest.NS, want []string) {
	t.Helper()
	var diff string
	for range 100 {
		if diff = cmp.Diff(want, routes(t, ns), cmpopts.EquateEmpty()); diff == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error(diff)
}

// TestKernelRoutes has the routes that the kernel makes of the addresses alone:
// while the device is down, when it is up, and after it was down and up again.
func TestKernelRoutes(t *testing.T) {
	nstest.TUN(t)
	tests := []struct {
		name            string
		addresses       []address.Address
		down, up, again []string // nil: as up
	}{
		{"subnet", []address.Address{{Local: pfx("10.66.66.1/24")}},
			[]string{"local 10.66.66.1 src 10.66.66.1 proto kernel"},
			[]string{
				"broadcast 10.66.66.255 src 10.66.66.1 proto kernel",
				"local 10.66.66.1 src 10.66.66.1 proto kernel",
				"unicast 10.66.66.0/24 src 10.66.66.1 proto kernel",
			}, nil},
		{"peer", []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}},
			[]string{"local 10.66.66.1 src 10.66.66.1 proto kernel"},
			[]string{
				"local 10.66.66.1 src 10.66.66.1 proto kernel",
				"unicast 10.66.66.2 src 10.66.66.1 proto kernel",
			}, nil},
		{"peer in another subnet", []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("172.16.0.2/32")}},
			[]string{"local 10.66.66.1 src 10.66.66.1 proto kernel"},
			[]string{
				"local 10.66.66.1 src 10.66.66.1 proto kernel",
				"unicast 172.16.0.2 src 10.66.66.1 proto kernel",
			}, nil},
		{"31", []address.Address{{Local: pfx("10.66.66.2/31")}},
			[]string{"local 10.66.66.2 src 10.66.66.2 proto kernel"},
			[]string{
				"local 10.66.66.2 src 10.66.66.2 proto kernel",
				"unicast 10.66.66.2/31 src 10.66.66.2 proto kernel",
			}, nil},
		{"31 with a peer", []address.Address{{Local: pfx("10.66.66.2/32"), Peer: pfx("10.66.66.3/31")}},
			[]string{"local 10.66.66.2 src 10.66.66.2 proto kernel"},
			[]string{
				"local 10.66.66.2 src 10.66.66.2 proto kernel",
				"unicast 10.66.66.2/31 src 10.66.66.2 proto kernel",
			}, nil},
		{"the prefix is the peer's", []address.Address{{Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24")}},
			[]string{"local 192.0.2.1 src 192.0.2.1 proto kernel"},
			[]string{
				"broadcast 198.51.100.255 src 192.0.2.1 proto kernel",
				"local 192.0.2.1 src 192.0.2.1 proto kernel",
				"unicast 198.51.100.0/24 src 192.0.2.1 proto kernel",
			}, nil},
		{"host", []address.Address{{Local: pfx("10.66.66.1/32")}},
			[]string{"local 10.66.66.1 src 10.66.66.1 proto kernel"},
			[]string{"local 10.66.66.1 src 10.66.66.1 proto kernel"}, nil},
		{"IPv6 subnet", []address.Address{{Local: pfx("fd00:1::1/64")}},
			[]string{"local fd00:1::1 proto kernel"},
			[]string{
				"local fd00:1::1 proto kernel",
				"unicast fd00:1::/64 proto kernel",
			}, []string{}},
		{"IPv6 peer", []address.Address{{Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}},
			[]string{"local fd00:1::1 proto kernel"},
			[]string{
				"local fd00:1::1 proto kernel",
				"unicast fd00:1::1 proto kernel",
				"unicast fd00:1::2 proto kernel",
			}, []string{}},
	}
	ctx := context.Background()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns, conn, dev := dial(t)
			if err := tun.Configure(ctx, conn, dev, tun.Setup{Addresses: tt.addresses}); err != nil {
				t.Fatal(err)
			}
			settled(t, ns, tt.down)
			if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			settled(t, ns, nil)

			dev, err := tun.Create(tun.Config{Name: "tun0", NetNS: ns.FD()})
			if err != nil {
				t.Fatal(err)
			}
			defer dev.Close()
			if err := tun.Configure(ctx, conn, dev, tun.Setup{Addresses: tt.addresses, Up: true}); err != nil {
				t.Fatal(err)
			}
			settled(t, ns, tt.up)
			ns.IP(t, "route", "add", "198.18.0.0/15", "dev", "tun0")
			ns.IP(t, "link", "set", "tun0", "down")
			ns.IP(t, "link", "set", "tun0", "up")
			if tt.again == nil { // the added route is gone, whatever the address
				tt.again = tt.up
			}
			settled(t, ns, tt.again)
		})
	}
}

// TestGateways has what the kernel wants of a gateway, though TUN has one neighbour
// only and nobody looks at it.
func TestGateways(t *testing.T) {
	ns, conn, dev := dial(t)
	via := func(gateway string, flags rtattr.RouteFlags) error {
		return tun.Configure(context.Background(), conn, dev, tun.Setup{
			Routes: []route.Route{{Dst: pfx("198.51.100.0/24"), Gateway: ip(gateway), Flags: flags}},
		})
	}
	if err := tun.Configure(context.Background(), conn, dev, tun.Setup{
		Addresses: []address.Address{{Local: pfx("10.66.66.1/24")}}, Up: true,
	}); err != nil {
		t.Fatal(err)
	}
	if err := via("172.16.0.1", 0); !errors.Is(err, unix.ENETUNREACH) || !strings.Contains(err.Error(), "Nexthop has invalid gateway") {
		t.Errorf("a gateway that is not on the link: %v", err)
	}
	if err := via("172.16.0.1", rtattr.RouteFlags(rtattr.RTNH_F_ONLINK)); err != nil {
		t.Errorf("onlink: %v", err)
	}
	want := "unicast 198.51.100.0/24 via 172.16.0.1 proto boot"
	if got := routes(t, ns); !slices.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestConfigureLink has what Setup says about the link itself.
func TestConfigureLink(t *testing.T) {
	nstest.TUN(t)
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	dev, err := tun.Create(tun.Config{Name: "tap0", TAP: true, NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, mode := range []link.Opt[rtattr.AddrGenMode]{{}, link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)} {
		mac := link.MustParseHardwareAddr("02:00:00:00:00:07")
		if err := tun.Configure(context.Background(), conn, dev, tun.Setup{
			MTU: 9000, TxQLen: link.Some[uint32](42), HardwareAddr: mac, Alias: link.Some("to the office"), AddrGenMode: mode, Up: true,
		}); err != nil {
			t.Fatal(err)
		}
		var got link.Link
		for v, err := range link.All(context.Background(), conn, link.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if v.Header.Index == int32(dev.Index()) {
				if got, err = link.Parse(v); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got.MTU != 9000 || got.TxQLen != 42 || got.Address != mac || got.Alias != "to the office" || !got.Up() {
			t.Errorf("mode %v: %+v", mode, got)
		}
	}
	if err := tun.Configure(context.Background(), conn, dev, tun.Setup{Alias: link.Some(""), TxQLen: link.Some[uint32](0)}); err != nil {
		t.Fatal(err)
	}
	if out := string(ns.IP(t, "link", "show", "tap0")); strings.Contains(out, "alias") || strings.Contains(out, "qlen") {
		t.Error(out)
	}
}

// TestAddrGenMode wants nothing to come out of a device that goes up.
func TestAddrGenMode(t *testing.T) {
	ns, conn, dev := dial(t)
	s := tun.Setup{
		Addresses:   []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}, {Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}},
		AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE),
		Up:          true,
	}
	if err := tun.Configure(context.Background(), conn, dev, s); err != nil {
		t.Fatal(err)
	}
	settled(t, ns, []string{
		"local 10.66.66.1 src 10.66.66.1 proto kernel",
		"local fd00:1::1 proto kernel",
		"unicast 10.66.66.2 src 10.66.66.1 proto kernel",
		"unicast fd00:1::1 proto kernel",
		"unicast fd00:1::2 proto kernel",
	})
	if out := string(ns.IP(t, "-6", "address", "show")); strings.Contains(out, "fe80") {
		t.Error(out)
	}
	s.Addresses, s.MTU = nil, 1279
	if err := tun.Configure(context.Background(), conn, dev, s); err == nil || !strings.Contains(err.Error(), "MTU 1279 and AddrGenMode none: IPv6 needs 1280") {
		t.Errorf("without IPv6: %v", err)
	}
}

// TestConfigureRaises has an MTU that was too small for IPv6.
func TestConfigureRaises(t *testing.T) {
	ns, conn, dev := dial(t)
	ns.IP(t, "link", "set", "tun0", "mtu", "1000")
	for _, mode := range []link.Opt[rtattr.AddrGenMode]{link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE), {}} {
		if err := tun.Configure(context.Background(), conn, dev, tun.Setup{
			Addresses:   []address.Address{{Local: pfx("fd00::1/64")}},
			MTU:         1280,
			Up:          true,
			AddrGenMode: mode,
		}); err != nil {
			t.Errorf("mode %v: %v", mode, err)
		}
		ns.IP(t, "link", "set", "tun0", "mtu", "1000") // which removes the address
	}
}

// TestConfigureUndo has a failure, after which Close leaves nothing of what was
// applied, and the corrected set-up succeeds.
func TestConfigureUndo(t *testing.T) {
	ns, conn, dev := dial(t)
	ctx := context.Background()
	s := tun.Setup{
		Addresses: []address.Address{{Local: pfx("10.66.66.1/24")}, {Local: pfx("fd00::1/64")}},
		MTU:       1400, Up: true,
		Routes: []route.Route{{Dst: pfx("198.51.100.0/24")}, {Dst: pfx("198.51.101.0/24"), Gateway: ip("172.16.0.1")}},
	}
	var refused rtnl.Errors
	err := tun.Configure(ctx, conn, dev, s)
	if !errors.As(err, &refused) || len(refused) != 1 || refused[0].Object != "198.51.101.0/24 via 172.16.0.1" {
		t.Fatalf("%v: want the second route alone to fail", err)
	}
	if got := routes(t, ns); !slices.Contains(got, "unicast 198.51.100.0/24 proto boot") {
		t.Errorf("what did not fail is not applied: %q", got)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	settled(t, ns, nil)
	if out := string(ns.IP(t, "address", "show")); strings.Contains(out, "tun0") || strings.Contains(out, "fd00") {
		t.Errorf("Close has left %s", out)
	}
	dev, err = tun.Create(tun.Config{Name: "tun0", NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	s.Routes[1].Gateway = ip("10.66.66.2")
	if err := tun.Configure(ctx, conn, dev, s); err != nil {
		t.Error(err)
	}

	// A persistent device keeps it.
	if err := dev.SetPersist(true); err != nil {
		t.Fatal(err)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	if got := routes(t, ns); !slices.Contains(got, "unicast 198.51.101.0/24 via 10.66.66.2 proto boot") {
		t.Errorf("after Close of a persistent device: %q", got)
	}
	ns.IP(t, "link", "delete", "tun0")
}

// TestDeletePeer has what a deletion must name: the peer, as IFA_ADDRESS is that.
func TestDeletePeer(t *testing.T) {
	_, conn, dev := dial(t)
	ctx := context.Background()
	a := address.Address{Index: uint32(dev.Index()), Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}
	if err := tun.Configure(ctx, conn, dev, tun.Setup{Addresses: []address.Address{a}}); err != nil {
		t.Fatal(err)
	}
	other := a
	other.Peer = pfx("10.66.66.3/32")
	if err := address.Delete(ctx, conn, other); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("another peer: %v", err)
	}
	if err := address.Delete(ctx, conn, a); err != nil {
		t.Error(err)
	}
}

// TestTxQLen wants the kernel to drop what does not fit.
func TestTxQLen(t *testing.T) {
	ns, conn, dev := dial(t)
	if err := tun.Configure(context.Background(), conn, dev, tun.Setup{
		Addresses:   []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}},
		AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE),
		TxQLen:      link.Some[uint32](3),
		Up:          true,
	}); err != nil {
		t.Fatal(err)
	}
	ns.Do(t, func() {
		c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 66, 66, 2), Port: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for i := range 5 {
			if _, err := c.Write([]byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := dev.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	for i := range 3 {
		if n, err := dev.Read(b); n != 29 || err != nil || b[28] != byte(i) {
			t.Errorf("packet %d: % x, %v", i, b[:n], err)
		}
	}
	if err := dev.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if n, err := dev.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a packet too many: % x, %v", b[:n], err)
	}
}

// TestConfigure has the classic set-ups, with a route to a network behind them.
func TestConfigure(t *testing.T) {
	nstest.TUN(t)
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
			Routes:    []route.Route{{Dst: pfx("198.51.100.0/24"), Gateway: ip("10.66.66.3")}},
		}, []string{
			"local 10.66.66.2 src 10.66.66.2 proto kernel",
			"unicast 10.66.66.2/31 src 10.66.66.2 proto kernel",
			"unicast 198.51.100.0/24 via 10.66.66.3 proto boot",
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
			settled(t, ns, tt.want)
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
	want := []string{"RTM_NEWADDR", "RTM_NEWLINK", "IFLA_MTU 1400", "RTM_NEWADDR", "RTM_NEWADDR", "RTM_NEWROUTE", "RTA_OIF 7", "RTM_NEWROUTE", "RTA_OIF 9"}
	if diff := cmp.Diff(want, notes(t, b)); diff != "" {
		t.Error(diff)
	}

	e.Reset(nil)
	tun.AppendSetup(&e, 7, tun.Setup{
		Addresses:   []address.Address{{Local: pfx("10.66.66.1/24")}},
		MTU:         1400,
		Up:          true,
		AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE),
	})
	if b, err = e.Finish(); err != nil {
		t.Fatal(err)
	}
	want = []string{"RTM_NEWLINK", "IFLA_MTU 1400", "RTM_NEWLINK", "IFLA_AF_SPEC", "IFLA_INET6_ADDR_GEN_MODE none", "RTM_NEWADDR", "RTM_NEWLINK"}
	if diff := cmp.Diff(want, notes(t, b)); diff != "" {
		t.Error(diff)
	}
}

// notes are the messages in b and their attributes of links.
func notes(t *testing.T, b []byte) []string {
	t.Helper()
	var dump strings.Builder
	if err := rtattr.Dump(&dump, b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(dump.String()) {
		_, note, ok := strings.Cut(line, "# ")
		if note = strings.TrimLeft(note, " ."); ok && (strings.HasPrefix(note, "RTM_") || strings.HasPrefix(note, "RTA_OIF") || strings.HasPrefix(note, "IFLA_")) {
			name, _, _ := strings.Cut(note, " len")
			got = append(got, strings.TrimSpace(name))
		}
	}
	return got
}
