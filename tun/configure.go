//go:build linux

package tun

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// minIPv6MTU is IPV6_MIN_MTU (RFC 8200, 5). The kernel refuses IPv6 addresses
// below it without a word, and removes those there are.
const minIPv6MTU = 1280

// A Setup is what Configure does to a device.
type Setup struct {
	// Addresses are added to the device; their Index is not looked at.
	Addresses []address.Address

	// MTU is the largest packet in bytes: 68 to 65535 for TUN, at most 65521
	// for TAP, at least 1280 with IPv6. 0 leaves it, at first 1500.
	MTU uint32

	// Up brings the device up. Routes need that.
	Up bool

	// AddrGenMode says how IPv6 makes an address of its own when the device goes
	// up. With rtattr.IN6_ADDR_GEN_MODE_NONE there is no link-local address, and
	// no router solicitations or reports of multicast listeners are the first
	// packets that come out of the device. It needs an MTU of 1280.
	AddrGenMode link.Opt[rtattr.AddrGenMode]

	// TxQLen is how many packets wait in each queue to be read, at first 500 for
	// TUN and 1000 for TAP; the kernel drops what does not fit.
	TxQLen link.Opt[uint32]

	// HardwareAddr is the Ethernet address of a TAP device, random at first.
	HardwareAddr link.HardwareAddr

	// Alias is a description, up to 255 bytes. "" removes it.
	Alias link.Opt[string]

	// Routes are added, through the device if they say neither Index nor
	// Multipath nor NexthopID.
	//
	// TUN has one neighbour and needs no Gateway. An IPv6 peer as Gateway is
	// refused here ("no route to host") unless Flags has RTNH_F_ONLINK: the kernel
	// adds the route to the peer a moment later, when the own address is no longer
	// tentative (addrconf_dad_completed in net/ipv6/addrconf.c).
	Routes []route.Route
}

// Configure gives a device its addresses and its MTU, brings it up and adds
// routes, as one batch: one system call. The conn must be in the network namespace
// of the device.
//
// What fails is reported all at once, each by its name, and the rest is applied:
// nothing is undone. Close undoes everything, addresses and routes too, as the
// device vanishes; a persistent device keeps what was applied.
func Configure(ctx context.Context, conn *rtnl.Conn, dev *Device, s Setup) error {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendSetup(e, dev.Index(), s)
	if err := e.Err(); err != nil {
		return &Error{"configure", dev.Name(), err}
	}
	if err := conn.Exec(ctx, e); err != nil {
		s.annotate(err)
		return &Error{"configure", dev.Name(), err}
	}
	return nil
}

// AppendSetup appends the messages of Configure, in this order: an RTM_NEWADDR for
// each IPv4 address; an RTM_NEWLINK with IFF_UP and all else about the link, without
// the IFLA_LINKINFO that the kernel refuses for TUN and TAP; an RTM_NEWADDR for each
// IPv6 address; an RTM_NEWROUTE for each route. Before these there are, with an
// AddrGenMode, an RTM_NEWLINK with all but IFF_UP and another one with the mode, which
// would come too late together with IFF_UP (do_setlink in net/core/rtnetlink.c).
//
// IPv6 addresses come late since the MTU may have to rise for them, and since the
// kernel adds the route to a peer once, when it has finished with the address, and
// not again when the device goes up (__ipv6_ifa_notify and fixup_permanent_addr in
// net/ipv6/addrconf.c).
func AppendSetup(e *rtattr.Encoder, index int, s Setup) {
	if err := s.check(); err != nil {
		e.Fail(err)
		return
	}
	for x := range s.steps(uint32(index)) {
		switch {
		case x.address != nil:
			address.AppendAdd(e, *x.address)
		case x.route != nil:
			route.AppendAdd(e, *x.route)
		case x.mode != nil:
			w := link.BeginSet(e, uint32(index), link.Config{})
			families := w.AFSpec()
			inet6 := families.Inet6()
			inet6.AddrGenMode(*x.mode)
			inet6.End()
			families.End()
			w.End()
		default:
			link.AppendSet(e, uint32(index), x.link)
		}
	}
}

// A step is one message: an address, a route, the AddrGenMode, or else the link.
type step struct {
	address *address.Address
	route   *route.Route
	mode    *rtattr.AddrGenMode
	link    link.Config
}

// steps are the messages in their order, with the index of the device.
func (s *Setup) steps(index uint32) iter.Seq[step] {
	return func(yield func(step) bool) {
		change := func(c link.Config) bool { return c == (link.Config{}) || yield(step{link: c}) }
		addresses := func(six bool) bool {
			for _, a := range s.Addresses {
				if a.Local.Addr().Is6() != six {
					continue
				}
				a.Index = index
				if !yield(step{address: &a}) {
					return false
				}
			}
			return true
		}
		c := link.Config{MTU: s.MTU, TxQLen: s.TxQLen, Address: s.HardwareAddr, Alias: s.Alias}
		if mode, ok := s.AddrGenMode.Get(); ok {
			if !change(c) || !yield(step{mode: &mode}) {
				return
			}
			c = link.Config{}
		}
		if s.Up {
			c.Set = rtattr.IFF_UP
		}
		if !addresses(false) || !change(c) || !addresses(true) {
			return
		}
		for _, r := range s.Routes {
			if r.Index == 0 && r.Multipath == (route.NextHops{}) && r.NexthopID == 0 {
				r.Index = index
			}
			if !yield(step{route: &r}) {
				return
			}
		}
	}
}

// check tells what the kernel would do without a word, or refuse without a reason.
func (s *Setup) check() error {
	if s.MTU == 0 || s.MTU >= minIPv6MTU {
		return nil
	}
	if mode, ok := s.AddrGenMode.Get(); ok {
		return fmt.Errorf("MTU %d and AddrGenMode %v: IPv6 needs %d at least", s.MTU, mode, minIPv6MTU)
	}
	for _, a := range s.Addresses {
		if a.Local.Addr().Is6() {
			return fmt.Errorf("MTU %d and the address %v: IPv6 needs %d at least", s.MTU, a.Local, minIPv6MTU)
		}
	}
	return nil
}

// annotate names what the refused messages are about.
func (s *Setup) annotate(err error) {
	var refused rtnl.Errors
	if !errors.As(err, &refused) {
		return
	}
	i := 0
	for x := range s.steps(0) {
		for len(refused) > 0 && refused[0].Index == i {
			r := refused[0]
			switch {
			case x.address != nil:
				r.Op, r.Object = "address", withoutIndex(*x.address)
			case x.route != nil:
				r.Op, r.Object = "route", x.route.String()
			case x.mode != nil:
				r.Op, r.Object = "link", "addrgenmode "+x.mode.String()
			default:
				r.Op, r.Object = "link", x.link.String()
			}
			refused = refused[1:]
		}
		i++
	}
}

// withoutIndex names an address without the interface, which the error names.
func withoutIndex(a address.Address) string {
	if a.Peer != (netip.Prefix{}) {
		return fmt.Sprintf("%v peer %v", a.Local.Addr(), a.Peer)
	}
	return a.Local.String()
}
