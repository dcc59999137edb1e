package route

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"time"
	"unique"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Multicast is a route of multicast routing, as `ip mroute` shows it. Routing
// daemons make them, by socket options: here they can be listed alone. Two
// Multicasts are equal (==) if all fields are.
type Multicast struct {
	Group  netip.Addr
	Source netip.Addr // 0.0.0.0 or :: for any
	IIF    uint32     // index of the interface where packets come in; 0 without one
	Outs   Outs       // where they leave
	Table  rtattr.RouteTable

	Protocol   rtattr.Protocol // RTPROT_STATIC or RTPROT_MROUTED
	Unresolved bool            // packets wait for a daemon to say where they go
	Offload    bool            // hardware forwards

	Packets, Bytes uint64
	WrongIIF       uint64 // packets that came in elsewhere
	Unused         time.Duration
}

// An Out is where packets of a Multicast leave.
type Out struct {
	Index uint32
	TTL   uint8 // of packets that leave, at least
}

// Outs are the Outs of a Multicast, in their order. They can be compared. The zero
// Outs are none.
type Outs struct{ first unique.Handle[out] }

type out struct {
	Out
	rest Outs
}

// OutsOf returns the Outs made of some.
func OutsOf(outs ...Out) Outs {
	var o Outs
	for i := len(outs) - 1; i >= 0; i-- {
		o = Outs{unique.Make(out{outs[i], o})}
	}
	return o
}

// All returns the Outs in their order.
func (o Outs) All() iter.Seq[Out] {
	return func(yield func(Out) bool) {
		for o != (Outs{}) {
			x := o.first.Value()
			if !yield(x.Out) {
				return
			}
			o = x.rest
		}
	}
}

// String returns "(10.66.66.7,239.7.0.1) iif 3 oif 5 ttl 1 table 254".
func (m Multicast) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s,%s)", m.Source, m.Group)
	if m.IIF != 0 {
		fmt.Fprintf(&b, " iif %d", m.IIF)
	}
	for o := range m.Outs.All() {
		fmt.Fprintf(&b, " oif %d ttl %d", o.Index, o.TTL)
	}
	fmt.Fprintf(&b, " table %s", m.Table)
	return b.String()
}

// AppendListMulticast appends the request that lists the multicast routes of
// AF_INET or AF_INET6: RTM_GETROUTE, a dump, of the family RTNL_FAMILY_IPMR or
// RTNL_FAMILY_IP6MR.
func AppendListMulticast(e *rtattr.Encoder, family uint8) {
	var h rtattr.RtMsg
	switch family {
	case rtattr.AF_INET:
		h.Family = rtattr.RTNL_FAMILY_IPMR
	case rtattr.AF_INET6:
		h.Family = rtattr.RTNL_FAMILY_IP6MR
	default:
		e.Fail(fmt.Errorf("route: list of multicast routes: family %d, neither IPv4 nor IPv6", family))
	}
	rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, h).End()
}

// AllMulticast lists the multicast routes of AF_INET or AF_INET6 as they arrive,
// as All does others.
func AllMulticast(ctx context.Context, conn *rtnl.Conn, family uint8) iter.Seq2[*rtattr.RouteView, error] {
	return func(yield func(*rtattr.RouteView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendListMulticast(e, family)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.RouteView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "route: list", "multicast"))
				return
			}
			if m.Type() != rtattr.RTM_NEWROUTE {
				continue
			}
			err := v.Parse(m.Payload())
			if isMulticast(v.Header.Family) && !yield(&v, err) {
				return
			}
		}
	}
}

// isMulticast reports whether a family is one of multicast routing. A kernel without
// it answers with routes of all families.
func isMulticast(family uint8) bool {
	return family == rtattr.RTNL_FAMILY_IPMR || family == rtattr.RTNL_FAMILY_IP6MR
}

// ListMulticast returns the multicast routes of AF_INET or AF_INET6, of all tables.
func ListMulticast(ctx context.Context, conn *rtnl.Conn, family uint8) ([]Multicast, error) {
	return rtnl.Collect(AllMulticast(ctx, conn, family), ParseMulticast)
}

// ParseMulticast returns the multicast route of a view.
func ParseMulticast(v *rtattr.RouteView) (Multicast, error) {
	h := v.Header
	if !isMulticast(h.Family) {
		return Multicast{}, fmt.Errorf("route: message of address family %d, not of multicast routing", h.Family)
	}
	m := Multicast{
		Table: rtattr.RouteTable(h.Table), Protocol: h.Protocol,
		Unresolved: h.Flags&rtattr.RouteFlags(rtattr.RTNH_F_UNRESOLVED) != 0,
		Offload:    h.Flags&rtattr.RouteFlags(rtattr.RTNH_F_OFFLOAD) != 0,
	}
	m.Group, _ = v.Dst()
	m.Source, _ = v.Src()
	if !m.Group.IsValid() || !m.Source.IsValid() {
		return Multicast{}, fmt.Errorf("route: multicast route from %v to %v", m.Source, m.Group)
	}
	if table, ok := v.Table(); ok {
		m.Table = table
	}
	m.IIF, _ = v.IIF()
	stats, _ := v.MFCStats()
	m.Packets, m.Bytes, m.WrongIIF = stats.Packets, stats.Bytes, stats.WrongIf
	ticks, ok := v.IPMRExpires()
	if !ok {
		ticks, _ = v.IP6MRExpires()
	}
	m.Unused = time.Duration(min(ticks, 1<<32)) * (time.Second / 100)
	var outs []Out
	for nh := range v.Multipath() {
		outs = append(outs, Out{uint32(nh.IfIndex), nh.Hops})
	}
	m.Outs = OutsOf(outs...)
	return m, nil
}
