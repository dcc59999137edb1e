//go:build linux

package main

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/demo"
	"github.com/nlwire/nlwire/internal/demo/demotest"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// lines are the lines of ip's output without the blanks at their ends.
func lines(b []byte) []string {
	var out []string
	for line := range strings.Lines(string(b)) {
		out = append(out, strings.TrimRight(line, " \n"))
	}
	return out
}

// TestPrint configures each set-up and wants to print what ip prints.
func TestPrint(t *testing.T) {
	nstest.TUN(t)
	conn, err := rtnl.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	for _, l := range ends {
		s, err := l.setup(1400)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := tun.Create(tun.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tun.Configure(ctx, conn, dev, s); err != nil {
			t.Fatal(err)
		}
		if err := demo.Settle(ctx, conn, dev.Index(), l.farAddr()); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := printDevice(ctx, conn, &out, dev.Index()); err != nil {
			t.Fatal(err)
		}
		want := lines(nstest.IP(t, "address", "show", "dev", dev.Name()))
		for _, family := range []string{"-4", "-6"} {
			for _, line := range lines(nstest.IP(t, family, "route", "show", "table", "all")) {
				if strings.Contains(line, " dev "+dev.Name()+" ") {
					want = append(want, line)
				}
			}
		}
		if got := lines(out.Bytes()); !slices.Equal(got, want) {
			t.Errorf("%s\ngot\n%s\nwant\n%s", l.title, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPings lets the far end of each set-up answer.
func TestPings(t *testing.T) {
	nstest.TUN(t)
	conn, err := rtnl.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, l := range ends {
		s, err := l.setup(1400)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := tun.Create(tun.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tun.Configure(context.Background(), conn, dev, s); err != nil {
			t.Fatal(err)
		}
		if err := demo.Settle(context.Background(), conn, dev.Index(), l.farAddr()); err != nil {
			t.Fatal(err)
		}
		if err := pings(dev, l); err != nil {
			t.Errorf("%s: %v", l.title, err)
		}
	}
	if _, err := demo.Ping(netip.MustParseAddr("203.0.113.1")); err == nil {
		t.Error("a reply from nowhere")
	}
}

// TestProgram runs the program as a user does, and has its errors.
func TestProgram(t *testing.T) {
	nstest.TUN(t)
	run := demotest.Build(t, ".")
	out, err := run("-v")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"private network namespace", "POINTOPOINT", "inet 10.66.66.1 peer 10.66.66.2/32 scope global",
		"IFA_LOCAL 10.66.66.1", "inet6 fd00:1::1 peer fd00:1::2/128", "10.66.66.2/31 dev tun0 proto kernel scope link src 10.66.66.2",
		"reply from 10.66.66.3: time=", "reply from fd00:1::2: time="} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "reply from "); n != 2*len(ends) {
		t.Errorf("%d replies", n)
	}
	for want, args := range map[string][]string{
		`address "10.1.2.3/33": want one such as 10.1.2.3/24`:                                            {"-addr", "10.1.2.3/33"},
		`peer "10.1.2.4": want one such as 10.1.2.4/32`:                                                  {"-addr", "10.1.2.3/32", "-peer", "10.1.2.4"},
		`-peer goes with -addr`:                                                                          {"-peer", "10.1.2.4/32"},
		`tun: create "lo": a network device of this name exists`:                                         {"-name", "lo"},
		`tun: configure "tun0": link mtu 60 set up: message 1 (RTM_NEWLINK): invalid argument: mtu less`: {"-addr", "10.1.2.3/24", "-mtu", "60"},
		`Peer is of another address family than Local`:                                                   {"-addr", "10.1.2.3/32", "-peer", "fd00::1/128"},
		`MTU 1279 and the address fd00:1::1/64: IPv6 needs 1280 at least`:                                {"-addr", "fd00:1::1/64", "-mtu", "1279"},
		`argument "x": there are only flags`:                                                             {"x"},
	} {
		out, err := run(args...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%swant %s", args, err, out, want)
		}
	}
}
