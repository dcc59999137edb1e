//go:build linux

// Pointopoint creates TUN devices and configures the classic set-ups of a
// point-to-point interface, shows what the kernel made of them, and pings through
// them.
//
//	go run ./examples/pointopoint        in a private namespace, as anybody
//	go run ./examples/pointopoint -v     with every message, byte by byte
//	go run ./examples/pointopoint -host  on this machine, as root
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/demo"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

// An end is a set-up and who answers at its far end.
type end struct {
	title string
	local string
	peer  string // "" if there is none
	far   string // answers
	net   string // behind it
	via   bool   // the route goes through far, not just through the device
}

var ends = []end{
	{"an address in a subnet", "10.66.66.1/24", "", "10.66.66.2", "198.51.100.0/24", true},
	{"a point-to-point address with a peer", "10.66.66.1/32", "10.66.66.2/32", "10.66.66.2", "198.51.100.0/24", false},
	{"a /31 (RFC 3021)", "10.66.66.2/31", "", "10.66.66.3", "198.51.100.0/24", true},
	{"IPv6 with a peer", "fd00:1::1/128", "fd00:1::2/128", "fd00:1::2", "2001:db8::/32", false},
}

func main() {
	host := flag.Bool("host", false, "work on this machine instead of in a private namespace; needs root")
	verbose := flag.Bool("v", false, "show every message that is sent, with name, value and hex of each attribute")
	name := flag.String("name", "tun%d", "`name` of the devices; %d is a number that the kernel chooses")
	mtu := flag.Uint("mtu", 1400, "largest packet, in bytes")
	prefix := flag.String("addr", "", "`prefix` to configure instead of the four set-ups, such as 10.1.2.3/24")
	peer := flag.String("peer", "", "`prefix` of the other end, with -addr")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "pointopoint: argument %q: there are only flags\n", flag.Arg(0))
		os.Exit(2)
	}
	if !*host {
		demo.Enter("pointopoint")
	}
	if *prefix != "" {
		ends = []end{{"as asked for", *prefix, *peer, "", "", false}}
	} else if *peer != "" {
		demo.Fatal("pointopoint", errors.New("-peer goes with -addr"))
	}
	if err := run(*name, uint32(*mtu), *verbose); err != nil {
		demo.Fatal("pointopoint", err)
	}
}

func run(name string, mtu uint32, verbose bool) error {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, l := range ends {
		if err := show(conn, l, name, mtu, verbose); err != nil {
			return err
		}
	}
	return nil
}

// setup turns an end into what Configure takes.
func (l end) setup(mtu uint32) (tun.Setup, error) {
	local, err := netip.ParsePrefix(l.local)
	if err != nil {
		return tun.Setup{}, fmt.Errorf("address %q: want one such as 10.1.2.3/24: %w", l.local, err)
	}
	a := address.Address{Local: local}
	if l.peer != "" {
		if a.Peer, err = netip.ParsePrefix(l.peer); err != nil {
			return tun.Setup{}, fmt.Errorf("peer %q: want one such as 10.1.2.4/32: %w", l.peer, err)
		}
	}
	s := tun.Setup{Addresses: []address.Address{a}, MTU: mtu, Up: true}
	if l.net != "" {
		r := route.Route{Dst: netip.MustParsePrefix(l.net), Protocol: rtattr.RTPROT_STATIC}
		if l.via {
			r.Gateway = netip.MustParseAddr(l.far)
		}
		s.Routes = []route.Route{r}
	}
	return s, nil
}

// show creates one device, configures it, prints it, pings through it and lets
// it vanish.
func show(conn *rtnl.Conn, l end, name string, mtu uint32, verbose bool) error {
	s, err := l.setup(mtu)
	if err != nil {
		return err
	}
	dev, err := tun.Create(tun.Config{Name: name})
	if err != nil {
		return err
	}
	defer dev.Close()
	fmt.Printf("\n# %s: %s", l.title, l.local)
	if l.peer != "" {
		fmt.Printf(" peer %s", l.peer)
	}
	fmt.Println()
	if verbose {
		var e rtattr.Encoder
		tun.AppendSetup(&e, dev.Index(), s)
		b, err := e.Finish()
		if err != nil {
			return err
		}
		if err := rtattr.Dump(os.Stdout, b); err != nil {
			return err
		}
	}
	ctx := context.Background()
	if err := tun.Configure(ctx, conn, dev, s); err != nil {
		return err
	}
	if err := demo.Settle(ctx, conn, dev.Index(), l.farAddr()); err != nil {
		return err
	}
	if err := printDevice(ctx, conn, os.Stdout, dev.Index()); err != nil {
		return err
	}
	return pings(dev, l)
}

// farAddr returns the far end's address, the zero one if nobody is there.
func (l end) farAddr() netip.Addr {
	if l.far == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(l.far)
}

// pings lets the far end answer and asks it, and a host of the network behind it.
func pings(dev *tun.Device, l end) error {
	if l.far == "" {
		return nil
	}
	answered := make(chan error, 1)
	go func() { answered <- demo.Answer(dev, nil) }()
	err := func() error {
		behind := netip.MustParsePrefix(l.net).Addr().Next()
		for _, to := range []netip.Addr{l.farAddr(), behind} {
			line, err := demo.PingLine(to)
			if err != nil {
				return err
			}
			fmt.Println(line)
		}
		return nil
	}()
	if cerr := dev.Close(); err == nil {
		err = cerr
	}
	return errors.Join(err, <-answered)
}
