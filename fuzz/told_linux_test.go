package fuzz

import (
	"math"
	"net"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rule"
)

// The functions here make our structs of what rtnetlink tells, and of that alone.
// What it does not tell stays zero: see losses.

func toldLink(m rtnetlink.LinkMessage) (l link.Link, err error) {
	a := m.Attributes
	l = link.Link{
		Index: m.Index, HWType: m.Type, Flags: rtattr.IfFlags(m.Flags),
		Name: a.Name, MTU: a.MTU, Qdisc: a.QueueDisc, Parent: a.Type, // sic
		TxQLen: told(a.TxQueueLen), Master: told(a.Master), Group: told(a.NetDevGroup), Alias: told(a.Alias),
		OperState: rtattr.OperState(a.OperationalState), LinkMode: rtattr.LinkMode(told(a.LinkMode)), Carrier: told(a.Carrier) != 0,
		PhysPortName: told(a.PhysPortName),
	}
	l.Address, _ = link.HardwareAddrFrom(a.Address)
	l.Broadcast, _ = link.HardwareAddrFrom(a.Broadcast)
	if i := a.Info; i != nil {
		l.Kind, l.MasterKind = i.Kind, i.SlaveKind
		if l.Kind != "" {
			d, err := decode(NewDriver(l.Kind), rawData(i.Data))
			if err != nil {
				return l, err
			}
			l.Data = d.(*Driver).Params
		}
		if l.MasterKind != "" {
			d, err := decode(NewPortDriver(l.MasterKind), rawData(i.SlaveData))
			if err != nil {
				return l, err
			}
			l.Port = d.(*PortDriver).Params
		}
	}
	return l, nil
}

func rawData(d rtnetlink.LinkDriver) []byte {
	if d == nil {
		return nil
	}
	return d.(*rtnetlink.LinkData).Data
}

func told[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func toldIP(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}

func toldAddress(m rtnetlink.AddressMessage) (address.Address, error) {
	t := m.Attributes
	a := address.Address{
		Index: m.Index, Scope: rtattr.Scope(m.Scope), Flags: rtattr.AddrFlags(t.Flags), Label: t.Label, Broadcast: toldIP(t.Broadcast),
		Valid: lifetime(t.CacheInfo.Valid), Preferred: lifetime(t.CacheInfo.Preferred),
	}
	near, far := toldIP(t.Local), toldIP(t.Address)
	if !near.IsValid() || near == far {
		a.Local = netip.PrefixFrom(far, int(m.PrefixLength))
	} else { // the prefix length is that of the far end
		a.Local = netip.PrefixFrom(near, near.BitLen())
		a.Peer = netip.PrefixFrom(far, int(m.PrefixLength))
	}
	return a, nil
}

func lifetime(seconds uint32) address.Lifetime {
	if seconds == 0 {
		return address.Expired
	}
	return address.Lifetime(seconds)
}

func toldNeigh(m rtnetlink.NeighMessage) (neigh.Neigh, error) {
	t := m.Attributes
	n := neigh.Neigh{
		Family: uint8(m.Family), Index: m.Index, State: rtattr.NeighState(m.State), Flags: rtattr.NeighFlags(m.Flags), Type: rtattr.RouteType(m.Type),
		Dst: toldIP(t.Address), Via: t.IfIndex,
	}
	n.LLAddr, _ = neigh.LLAddrFrom(t.LLAddress)
	if c := t.CacheInfo; c != nil {
		n.Cache = rtattr.NeighCacheInfo{Confirmed: c.Confirmed, Used: c.Used, Updated: c.Updated, Refs: c.RefCount}
	}
	return n, nil
}

func toldRoute(m rtnetlink.RouteMessage) (route.Route, error) {
	t := m.Attributes
	zero := netip.IPv4Unspecified()
	if m.Family == rtattr.AF_INET6 {
		zero = netip.IPv6Unspecified()
	}
	if t.Dst != nil {
		zero = toldIP(t.Dst)
	}
	r := route.Route{
		Dst: netip.PrefixFrom(zero, int(m.DstLength)), Gateway: toldIP(t.Gateway), Index: t.OutIface, PrefSrc: toldIP(t.Src),
		Table: rtattr.RouteTable(t.Table), Priority: t.Priority, Scope: route.ScopeOf(rtattr.Scope(m.Scope)), Type: rtattr.RouteType(m.Type),
		Protocol: rtattr.Protocol(m.Protocol), TOS: m.Tos, Pref: rtattr.RouterPref(told(t.Pref)), Expires: told(t.Expires),
	}
	if x := t.Metrics; x != nil {
		r.Metrics = route.Metrics{AdvMSS: x.AdvMSS, Features: rtattr.RouteFeature(x.Features), InitCwnd: x.InitCwnd, InitRwnd: x.InitRwnd, MTU: x.MTU}
	}
	// The other flags are the kernel's.
	const ours = rtattr.RTNH_F_ONLINK | rtattr.RTNH_F_PERVASIVE
	var hops []route.NextHop
	for _, h := range t.Multipath {
		hops = append(hops, route.NextHop{Gateway: toldIP(h.Gateway), Index: h.Hop.IfIndex, Weight: int(h.Hop.Hops) + 1, Flags: rtattr.NexthopFlags(h.Hop.Flags) & ours})
	}
	r.Multipath = route.Hops(hops...)
	if hops == nil {
		r.Flags = rtattr.RouteFlags(m.Flags) & rtattr.RouteFlags(ours)
	}
	return r, nil
}

func toldRule(m rtnetlink.RuleMessage) (rule.Rule, error) {
	t := m.Attributes
	r := rule.Rule{
		Family: m.Family, Src: rulePrefix(t.Src, m.SrcLength), Dst: rulePrefix(t.Dst, m.DstLength),
		IIF: told(t.IIFName), OIF: told(t.OIFName), FwMark: told(t.FwMark), TOS: m.TOS, IPProto: told(t.IPProto), TunnelID: told(t.TunID),
		Flags: rtattr.RuleFlags(m.Flags), Action: rtattr.RuleAction(m.Action), Table: rtattr.RouteTable(told(t.Table)),
		L3MDev: told(t.L3MDev) != 0, Goto: told(t.Goto), Protocol: rtattr.Protocol(told(t.Protocol)),
		Flow: uint32(told(t.SrcRealm))<<16 | uint32(told(t.DstRealm)),
	}
	r.Priority = rule.Zero
	if t.Priority != nil {
		r.Priority = rule.NumberOf(*t.Priority)
	}
	if t.FwMask != nil && (*t.FwMask != math.MaxUint32 || r.FwMark == 0) {
		r.FwMask = rule.NumberOf(*t.FwMask)
	}
	if n := t.SuppressPrefixLen; n != nil && *n != math.MaxUint32 { // none
		r.SuppressPrefixLen = rule.NumberOf(*n)
	}
	if n := t.SuppressIFGroup; n != nil && *n != math.MaxUint32 {
		r.SuppressIfGroup = rule.NumberOf(*n)
	}
	if p := t.SPortRange; p != nil {
		r.SPort = rule.Ports{Start: p.Start, End: p.End}
	}
	if p := t.DPortRange; p != nil {
		r.DPort = rule.Ports{Start: p.Start, End: p.End}
	}
	if u := t.UIDRange; u != nil {
		r.UIDRange = rule.UIDs{Start: rule.NumberOf(uint32(u.Start)), End: rule.NumberOf(uint32(u.End))}
	}
	return r, nil
}

func rulePrefix(ip *net.IP, bits uint8) netip.Prefix {
	if ip == nil || bits == 0 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(toldIP(*ip), int(bits))
}
