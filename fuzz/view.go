package fuzz

import (
	"net"
	"net/netip"
	"reflect"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/nlwire/nlwire/rtattr"
)

// The functions here read a payload with a view of rtattr and put it in
// rtnetlink's struct. Both have to know a field; ok is false if the view, or one
// of the nests that rtnetlink reads, refuses the bytes.

func addrMessage(b []byte) (m *rtnetlink.AddressMessage, ok bool) {
	var v rtattr.AddrView
	if v.Parse(b) != nil {
		return nil, false
	}
	h := v.Header
	m = &rtnetlink.AddressMessage{Family: h.Family, PrefixLength: h.PrefixLen, Flags: h.Flags, Scope: uint8(h.Scope), Index: h.Index}
	if len(v.Attrs()) == 0 {
		return m, true
	}
	label, _ := v.Label()
	flags, _ := v.Flags()
	ci, _ := v.CacheInfo()
	m.Attributes = &rtnetlink.AddressAttributes{
		Address:   ip(v.Address()),
		Local:     ip(v.Local()),
		Label:     string(label),
		Broadcast: ip(v.Broadcast()),
		Anycast:   ip(v.Anycast()),
		CacheInfo: rtnetlink.CacheInfo(ci),
		Multicast: ip(v.Multicast()),
		Flags:     uint32(flags),
	}
	return m, true
}

func linkMessage(b []byte) (m *rtnetlink.LinkMessage, ok bool) {
	var v rtattr.LinkView
	if v.Parse(b) != nil {
		return nil, false
	}
	h := v.Header
	m = &rtnetlink.LinkMessage{Family: uint16(h.Family), Type: h.Type, Index: uint32(h.Index), Flags: uint32(h.Flags), Change: uint32(h.Change)}
	if len(v.Attrs()) == 0 {
		return m, true
	}
	mtu, _ := v.MTU()
	link, _ := v.Link()
	name, _ := v.IfName()
	qdisc, _ := v.Qdisc()
	state, _ := v.OperState()
	address, _ := v.Address()
	broadcast, _ := v.Broadcast()
	a := &rtnetlink.LinkAttributes{
		Address:          address,
		Alias:            str(v.IfAlias()),
		Broadcast:        broadcast,
		Carrier:          ptr(v.Carrier()),
		CarrierChanges:   ptr(v.CarrierChanges()),
		CarrierUpCount:   ptr(v.CarrierUpCount()),
		CarrierDownCount: ptr(v.CarrierDownCount()),
		LinkMode:         ptr(rtattr.As[uint8](v.LinkMode())),
		MTU:              mtu,
		Name:             string(name),
		NetDevGroup:      ptr(v.Group()),
		OperationalState: rtnetlink.OperationalState(state),
		PhysPortID:       str(v.PhysPortID()),
		PhysPortName:     str(v.PhysPortName()),
		PhysSwitchID:     str(v.PhysSwitchID()),
		QueueDisc:        string(qdisc),
		Master:           ptr(v.Master()),
		TxQueueLen:       ptr(v.TxQLen()),
		Type:             link, // sic
	}
	if s, ok := v.Stats(); ok {
		a.Stats = new(rtnetlink.LinkStats)
		fill(a.Stats, s)
	}
	if s, ok := v.Stats64(); ok {
		a.Stats64 = new(rtnetlink.LinkStats64)
		fill(a.Stats64, s)
	}
	m.Attributes = a
	if _, ok := v.Attrs().Find(rtattr.IFLA_LINKINFO); ok {
		info, err := v.LinkInfo()
		if err != nil {
			return nil, false
		}
		kind, _ := info.Kind()
		slave, _ := info.SlaveKind()
		a.Info = &rtnetlink.LinkInfo{Kind: string(kind), SlaveKind: string(slave)}
		if b, ok := info.Attrs().Find(rtattr.IFLA_INFO_DATA); ok {
			a.Info.Data = &rtnetlink.LinkData{Name: string(kind), Data: b}
		}
		if b, ok := info.Attrs().Find(rtattr.IFLA_INFO_SLAVE_DATA); ok {
			a.Info.SlaveData = &rtnetlink.LinkData{Name: string(slave), Data: b, Slave: true}
		}
	}
	if _, ok := v.Attrs().Find(rtattr.IFLA_XDP); ok {
		x, err := v.XDP()
		if err != nil {
			return nil, false
		}
		a.XDP = new(rtnetlink.LinkXDP)
		a.XDP.FD, _ = x.FD()
		a.XDP.ExpectedFD, _ = x.ExpectedFD()
		attached, _ := x.Attached()
		flags, _ := x.Flags()
		a.XDP.Attached, a.XDP.Flags = uint8(attached), uint32(flags)
		a.XDP.ProgID, _ = x.ProgID()
	}
	return m, true
}

func neighMessage(b []byte) (m *rtnetlink.NeighMessage, ok bool) {
	var v rtattr.NeighView
	if v.Parse(b) != nil {
		return nil, false
	}
	h := v.Header
	m = &rtnetlink.NeighMessage{Family: uint16(h.Family), Index: uint32(h.IfIndex), State: uint16(h.State), Flags: uint8(h.Flags), Type: uint8(h.Type)}
	if len(v.Attrs()) == 0 {
		return m, true
	}
	lladdr, _ := v.LLAddr()
	m.Attributes = &rtnetlink.NeighAttributes{Address: ip(v.Dst()), LLAddress: lladdr}
	m.Attributes.IfIndex, _ = v.IfIndex()
	if ci, ok := v.CacheInfo(); ok {
		m.Attributes.CacheInfo = &rtnetlink.NeighCacheInfo{Confirmed: ci.Confirmed, Used: ci.Used, Updated: ci.Updated, RefCount: ci.Refs}
	}
	return m, true
}

func routeMessage(b []byte) (m *rtnetlink.RouteMessage, ok bool) {
	var v rtattr.RouteView
	if v.Parse(b) != nil {
		return nil, false
	}
	h := v.Header
	m = &rtnetlink.RouteMessage{
		Family: h.Family, DstLength: h.DstLen, SrcLength: h.SrcLen, Tos: h.TOS, Table: h.Table,
		Protocol: uint8(h.Protocol), Scope: uint8(h.Scope), Type: uint8(h.Type), Flags: uint32(h.Flags),
	}
	a := &m.Attributes
	a.Dst, a.Src, a.Gateway = ip(v.Dst()), ip(v.PrefSrc()), ip(v.Gateway())
	a.OutIface, _ = v.OIF()
	a.Priority, _ = v.Priority()
	table, _ := v.Table()
	a.Table = uint32(table)
	a.Mark, _ = v.Mark()
	a.Pref = ptr(rtattr.As[uint8](v.Pref()))
	a.Expires = ptr(v.Expires())
	if _, ok := v.Attrs().Find(rtattr.RTA_METRICS); ok {
		n, err := v.Metrics()
		if err != nil {
			return nil, false
		}
		a.Metrics = new(rtnetlink.RouteMetrics)
		features, _ := n.Features()
		a.Metrics.Features = uint32(features)
		a.Metrics.AdvMSS, _ = n.AdvMSS()
		a.Metrics.InitCwnd, _ = n.InitCwnd()
		a.Metrics.InitRwnd, _ = n.InitRwnd()
		a.Metrics.MTU, _ = n.MTU()
	}
	for h, attrs := range v.Multipath() {
		var n rtattr.RouteView
		if n.ParseAttrs(attrs) != nil {
			return nil, false
		}
		a.Multipath = append(a.Multipath, rtnetlink.NextHop{
			Hop:     rtnetlink.RTNextHop{Length: h.Len, Flags: uint8(h.Flags), Hops: h.Hops, IfIndex: uint32(h.IfIndex)},
			Gateway: ip(n.Gateway()),
		})
	}
	return m, true
}

func ruleMessage(b []byte) (m *rtnetlink.RuleMessage, ok bool) {
	var v rtattr.RuleView
	if v.Parse(b) != nil {
		return nil, false
	}
	h := v.Header
	m = &rtnetlink.RuleMessage{
		Family: h.Family, DstLength: h.DstLen, SrcLength: h.SrcLen, TOS: h.TOS,
		Table: h.Table, Action: uint8(h.Action), Flags: uint32(h.Flags),
	}
	if len(v.Attrs()) == 0 {
		return m, true
	}
	a := &rtnetlink.RuleAttributes{
		Src: ipPtr(v.Src()), Dst: ipPtr(v.Dst()),
		IIFName: str(v.IIFName()), OIFName: str(v.OIFName()),
		Goto: ptr(v.Goto()), Priority: ptr(v.Priority()),
		FwMark: ptr(v.FwMark()), FwMask: ptr(v.FwMask()),
		TunID: ptr(v.TunnelID()), Table: ptr(rtattr.As[uint32](v.Table())),
		L3MDev: ptr(v.L3MDev()), Protocol: ptr(rtattr.As[uint8](v.Protocol())), IPProto: ptr(v.IPProto()),
		SuppressPrefixLen: ptr(v.SuppressPrefixLen()), SuppressIFGroup: ptr(v.SuppressIfGroup()),
	}
	if flow, ok := v.Flow(); ok {
		a.SrcRealm, a.DstRealm = ptr(uint16(flow>>16), true), ptr(uint16(flow), true)
	}
	if r, ok := v.UIDRange(); ok {
		a.UIDRange = &rtnetlink.RuleUIDRange{Start: uint16(r.Start), End: uint16(r.End)}
	}
	if r, ok := v.SPortRange(); ok {
		a.SPortRange = &rtnetlink.RulePortRange{Start: r.Start, End: r.End}
	}
	if r, ok := v.DPortRange(); ok {
		a.DPortRange = &rtnetlink.RulePortRange{Start: r.Start, End: r.End}
	}
	m.Attributes = a
	return m, true
}

func ipPtr(a netip.Addr, ok bool) *net.IP { return ptr(ip(a, ok), ok) }

func ip(a netip.Addr, _ bool) net.IP { return a.AsSlice() }

func ptr[T any](v T, ok bool) *T {
	if !ok {
		return nil
	}
	return &v
}

func str(b []byte, ok bool) *string { return ptr(string(b), ok) }

// fill copies the counters of src, which dst has in the same order.
func fill(dst, src any) {
	d, s := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src)
	for i := range d.NumField() {
		d.Field(i).SetUint(s.Field(i).Uint())
	}
}
