package route

import (
	"fmt"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
)

// Parse returns the route of a view. Attributes that Route has no field for are
// left out, also a parsed route's state: the kernel's flags and cache entry.
func Parse(v *rtattr.RouteView) (Route, error) {
	h := v.Header
	zero, ok := unspecified(h.Family)
	if !ok {
		return Route{}, fmt.Errorf("route: message of address family %d, neither IPv4 nor IPv6", h.Family)
	}
	r := Route{
		Table: rtattr.RouteTable(h.Table), Scope: ScopeOf(h.Scope), Type: h.Type, Protocol: h.Protocol, TOS: h.TOS,
		Flags: h.Flags & rtattr.RouteFlags(settable),
	}
	var err error
	dst, _ := v.Dst()
	if r.Dst, err = prefix(dst, zero, h.DstLen); err != nil {
		return Route{}, fmt.Errorf("route: destination: %w", err)
	}
	if src, ok := v.Src(); ok || h.SrcLen > 0 {
		if r.Src, err = prefix(src, zero, h.SrcLen); err != nil {
			return Route{}, fmt.Errorf("route: %s: source: %w", r.Dst, err)
		}
	}
	if table, ok := v.Table(); ok {
		r.Table = table
	}
	r.Gateway = viewGateway(v)
	r.PrefSrc, _ = v.PrefSrc()
	r.Index, _ = v.OIF()
	r.Priority, _ = v.Priority()
	r.Flow, _ = v.Flow()
	r.Pref, _ = v.Pref()
	r.Expires = expires(v)
	r.NexthopID, _ = v.NexthopID()
	r.EncapType, r.Encap = viewEncap(v)
	if r.Metrics, err = metrics(v); err != nil {
		return Route{}, err
	}
	if r.Multipath, err = parseHops(v); err != nil {
		return Route{}, err
	}
	switch {
	case r.NexthopID != 0: // what the nexthop object says is shown as well
		r.Gateway, r.Index, r.Multipath = netip.Addr{}, 0, NextHops{}
		r.Flags, r.EncapType, r.Encap = 0, 0, ""
	case r.Multipath != (NextHops{}):
		r.Flags = 0
	}
	return r, nil
}

func unspecified(family uint8) (netip.Addr, bool) {
	switch family {
	case rtattr.AF_INET:
		return netip.IPv4Unspecified(), true
	case rtattr.AF_INET6:
		return netip.IPv6Unspecified(), true
	}
	return netip.Addr{}, false
}

// prefix makes a prefix of an attribute that a length of 0 leaves out.
func prefix(a, zero netip.Addr, bits uint8) (netip.Prefix, error) {
	if !a.IsValid() {
		a = zero
	}
	if a.Is4() != zero.Is4() || int(bits) > a.BitLen() {
		return netip.Prefix{}, fmt.Errorf("%s/%d does not fit the family", a, bits)
	}
	return netip.PrefixFrom(a, int(bits)), nil
}

func viewGateway(v *rtattr.RouteView) netip.Addr {
	if _, a, ok := v.Via(); ok {
		return a
	}
	a, _ := v.Gateway()
	return a
}

// expires is the lifetime left, in seconds. The kernel tells it in the cache
// information, in clock ticks of which user space has 100 in a second.
func expires(v *rtattr.RouteView) uint32 {
	if s, ok := v.Expires(); ok {
		return s
	}
	if c, ok := v.CacheInfo(); ok && v.Header.Family == rtattr.AF_INET6 && c.Expires > 0 {
		return (uint32(c.Expires) + 99) / 100
	}
	return 0
}

func viewEncap(v *rtattr.RouteView) (rtattr.EncapType, string) {
	b, ok := v.Encap()
	typ, _ := v.EncapType()
	if !ok || typ == 0 {
		return 0, ""
	}
	return typ, string(b)
}

func metrics(v *rtattr.RouteView) (Metrics, error) {
	n, err := v.Metrics()
	if err != nil || n.Attrs() == nil {
		return Metrics{}, err
	}
	var m Metrics
	m.Lock, _ = n.Lock()
	m.MTU, _ = n.MTU()
	m.Window, _ = n.Window()
	m.RTT, _ = n.RTT()
	m.RTTVar, _ = n.RTTVar()
	m.SsThresh, _ = n.SsThresh()
	m.Cwnd, _ = n.Cwnd()
	m.AdvMSS, _ = n.AdvMSS()
	m.Reordering, _ = n.Reordering()
	m.HopLimit, _ = n.HopLimit()
	m.InitCwnd, _ = n.InitCwnd()
	m.Features, _ = n.Features()
	m.RTOMin, _ = n.RTOMin()
	m.InitRwnd, _ = n.InitRwnd()
	m.QuickAck, _ = n.QuickAck()
	m.FastOpenNoCookie, _ = n.FastOpenNoCookie()
	cc, _ := n.CCAlgo()
	m.CongestionControl = string(cc)
	return m, nil
}
