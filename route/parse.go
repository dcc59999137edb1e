package route

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// Parse returns the route of a view. Attributes that Route has no field for are
// left out, also a route's state: most of the kernel's flags, and its cache entry.
func Parse(v *rtattr.RouteView) (Route, error) {
	h := v.Header
	r := Route{
		Table: rtattr.RouteTable(h.Table), Scope: ScopeOf(h.Scope), Type: h.Type, Protocol: h.Protocol, TOS: h.TOS,
		Flags: h.Flags & rtattr.RouteFlags(settable),
	}
	var err error
	switch h.Family {
	case rtattr.AF_INET:
		err = r.parseEnds(v, netip.IPv4Unspecified())
	case rtattr.AF_INET6:
		err = r.parseEnds(v, netip.IPv6Unspecified())
	case rtattr.AF_MPLS:
		err = r.parseLabel(v)
	default:
		err = fmt.Errorf("route: message of address family %d, neither IPv4, IPv6 nor MPLS", h.Family)
	}
	if err != nil {
		return Route{}, err
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
	r.Encap = viewEncap(v)
	if r.As, err = viewAs(v); err != nil {
		return Route{}, err
	}
	if p, ok := v.TTLPropagate(); ok {
		r.TTLPropagate = PropagateOff - TTLPropagate(min(p, 1))
	}
	if r.Metrics, err = metrics(v); err != nil {
		return Route{}, err
	}
	if r.Multipath, err = parseHops(v); err != nil {
		return Route{}, err
	}
	switch {
	case r.NexthopID != 0: // what the nexthop object says is shown as well
		r.Gateway, r.Index, r.Multipath = netip.Addr{}, 0, NextHops{}
		r.Flags, r.Encap, r.Flow = 0, nil, 0
	case r.Multipath != (NextHops{}):
		r.Flags = 0
	}
	r.Flags |= h.Flags & rtattr.RTM_F_CLONED
	return r, nil
}

// parseEnds reads Dst and Src; zero is what is left out.
func (r *Route) parseEnds(v *rtattr.RouteView, zero netip.Addr) (err error) {
	dst, _ := v.Dst()
	if r.Dst, err = prefix(dst, zero, v.Header.DstLen); err != nil {
		return fmt.Errorf("route: destination: %w", err)
	}
	if v.Header.SrcLen > 0 { // the kernel copies so many bits of RTA_SRC
		src, _ := v.Src()
		if r.Src, err = prefix(src, zero, v.Header.SrcLen); err != nil {
			return fmt.Errorf("route: %s: source: %w", r.Dst, err)
		}
	}
	return nil
}

func (r *Route) parseLabel(v *rtattr.RouteView) error {
	label, ok := v.Label()
	if r.Label = label >> 12; !ok || r.Label == 0 {
		return errors.New("route: an MPLS route without a label")
	}
	return nil
}

func viewAs(v *rtattr.RouteView) (encap.Labels, error) {
	entries, ok := v.NewDst()
	if !ok || entries.Len() == 0 {
		return encap.Labels{}, nil
	}
	as, ok := encap.ParseLabels(entries)
	if !ok {
		return as, errors.New("route: RTA_NEWDST holds more than labels")
	}
	return as, nil
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
	c, ok := v.CacheInfo()
	switch {
	case !ok || v.Header.Family != rtattr.AF_INET6 || c.Expires == 0:
		return 0
	case c.Expires < 0:
		return 1 // over, and not yet collected
	}
	return (uint32(c.Expires) + 99) / 100
}

func viewEncap(v *rtattr.RouteView) encap.Encap {
	b, ok := v.Encap()
	typ, _ := v.EncapType()
	if !ok || typ == rtattr.LWTUNNEL_ENCAP_NONE {
		return nil
	}
	return encap.Parse(typ, b)
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
