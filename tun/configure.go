//go:build linux

package tun

import (
	"context"
	"errors"
	"fmt"
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

	// Routes are added, through the device if they say neither Index nor
	// Multipath nor NexthopID.
	//
	// TUN has one neighbour and needs no Gateway. An IPv6 peer as Gateway is
	// refused here ("no route to host") unless Flags has RTNH_F_ONLINK: the kernel
	// adds the route to the peer a moment after the device is up, when its address
	// is no longer tentative (addrconf_dad_completed in net/ipv6/addrconf.c).
	Routes []route.Route
}

// Configure gives a device its addresses and its MTU, brings it up and adds
// routes, as one batch: one system call. The conn must be in the network namespace
// of the device.
//
// What fails is reported all at once, each by its name, and the rest is applied:
// nothing is undone. Closing the device, unless it is persistent, is the way to
// undo everything.
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

// AppendSetup appends the messages of Configure: an RTM_NEWADDR for each address,
// then one that sets the MTU and IFF_UP, without the IFLA_LINKINFO that the kernel
// refuses for TUN and TAP, then an RTM_NEWROUTE for each route.
func AppendSetup(e *rtattr.Encoder, index int, s Setup) {
	if err := s.check(); err != nil {
		e.Fail(err)
		return
	}
	for _, a := range s.Addresses {
		a.Index = uint32(index)
		address.AppendAdd(e, a)
	}
	if c := s.link(); c != (link.Config{}) {
		link.AppendSet(e, uint32(index), c)
	}
	for _, r := range s.Routes {
		if r.Index == 0 && len(r.Multipath) == 0 && r.NexthopID == 0 {
			r.Index = uint32(index)
		}
		route.AppendAdd(e, r)
	}
}

func (s *Setup) link() link.Config {
	c := link.Config{MTU: s.MTU}
	if s.Up {
		c.Set = rtattr.IFF_UP
	}
	return c
}

// check tells what the kernel would do without a word, or refuse without a reason.
func (s *Setup) check() error {
	if s.MTU == 0 || s.MTU >= minIPv6MTU {
		return nil
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
	for _, r := range refused {
		i := r.Index
		if i < len(s.Addresses) {
			r.Op, r.Object = "address", withoutIndex(s.Addresses[i])
			continue
		}
		i -= len(s.Addresses)
		if c := s.link(); c != (link.Config{}) {
			if i == 0 {
				r.Op, r.Object = "link", c.String()
				continue
			}
			i--
		}
		if i < len(s.Routes) {
			r.Op, r.Object = "route", s.Routes[i].String()
		}
	}
}

// withoutIndex names an address without the interface, which the error names.
func withoutIndex(a address.Address) string {
	if a.Peer != (netip.Prefix{}) {
		return fmt.Sprintf("%v peer %v", a.Local.Addr(), a.Peer)
	}
	return a.Local.String()
}
