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
	"slices"
	"time"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/private"
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
	if !*host && !private.Inside() {
		who := "a private network namespace"
		if os.Geteuid() != 0 {
			who = "a private user and network namespace"
		}
		fmt.Printf("running in %s; the machine's network is not touched (-host works on the machine)\n", who)
		code, err := private.Run()
		if err != nil {
			fatal(err)
		}
		os.Exit(code)
	}
	if *prefix != "" {
		ends = []end{{"as asked for", *prefix, *peer, "", "", false}}
	} else if *peer != "" {
		fatal(errors.New("-peer goes with -addr"))
	}
	if err := run(*name, uint32(*mtu), *verbose); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "pointopoint:", err)
	os.Exit(1)
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
	if err := settle(ctx, conn, dev.Index(), l.far); err != nil {
		return err
	}
	if err := printDevice(ctx, conn, os.Stdout, dev.Index()); err != nil {
		return err
	}
	return pings(dev, l)
}

// settle waits until the kernel has finished with IPv6: no address is tentative,
// and there is a route to the far end. There is no duplicate address detection on
// a link without neighbours, but the kernel decides that a little later, and adds
// the route to a peer only then.
func settle(ctx context.Context, conn *rtnl.Conn, index int, far string) error {
	deadline := time.Now().Add(2 * time.Second)
	for {
		addresses, err := address.List(ctx, conn, address.Filter{Family: rtattr.AF_INET6, Index: uint32(index)})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(addresses, func(a address.Address) bool { return a.Flags&rtattr.IFA_F_TENTATIVE != 0 }) {
			err = errors.New("an IPv6 address is still tentative")
		} else if far != "" {
			_, err = route.Get(ctx, conn, route.Lookup{Dst: netip.MustParseAddr(far)})
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// pings lets the far end answer and asks it, and a host of the network behind it.
func pings(dev *tun.Device, l end) error {
	if l.far == "" {
		return nil
	}
	answered := make(chan error, 1)
	go func() { answered <- answer(dev) }()
	err := func() error {
		behind := netip.MustParsePrefix(l.net).Addr().Next()
		for _, to := range []netip.Addr{netip.MustParseAddr(l.far), behind} {
			line, err := pingLine(to)
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
	if aerr := <-answered; !errors.Is(aerr, os.ErrClosed) {
		err = errors.Join(err, aerr)
	}
	return err
}
