package route

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which routes are listed: those that match all fields that are
// not zero. The result is the same whether the kernel filters, as it does by the
// first block of fields with strict checking on, or not. A table or an interface
// that does not exist has no routes.
type Filter struct {
	Family   uint8             // AF_INET, AF_INET6 or AF_MPLS; zero is the first two
	Table    rtattr.RouteTable // zero is all tables, local ones included
	Index    uint32            // of the interface; a multipath route has several
	Protocol rtattr.Protocol
	Type     rtattr.RouteType
	Cloned   bool // cached routes (exceptions) instead of those of tables, as `ip route show cache`
	Prefix   bool // IPv6 routes to prefixes that routers have announced

	// The kernel does not filter by what follows.
	Dst       netip.Prefix // exactly
	Within    netip.Prefix // this one and all prefixes inside
	Gateway   netip.Addr   // of the route or one of its nexthops
	NexthopID uint32       // of the nexthop object
}

// String returns "inet table main dev 3".
func (f Filter) String() string {
	var parts []string
	switch f.Family {
	case rtattr.AF_UNSPEC:
	case rtattr.AF_INET:
		parts = append(parts, "inet")
	case rtattr.AF_INET6:
		parts = append(parts, "inet6")
	case rtattr.AF_MPLS:
		parts = append(parts, "mpls")
	default:
		parts = append(parts, fmt.Sprintf("family %d", f.Family))
	}
	if f.Table != 0 {
		parts = append(parts, "table "+f.Table.String())
	}
	if f.Index != 0 {
		parts = append(parts, fmt.Sprintf("dev %d", f.Index))
	}
	if f.Protocol != 0 {
		parts = append(parts, "proto "+f.Protocol.String())
	}
	if f.Type != 0 {
		parts = append(parts, "type "+f.Type.String())
	}
	if f.Cloned {
		parts = append(parts, "cache")
	}
	if f.Prefix {
		parts = append(parts, "prefix")
	}
	if f.Dst.IsValid() {
		parts = append(parts, "exact "+f.Dst.String())
	}
	if f.Within.IsValid() {
		parts = append(parts, "root "+f.Within.String())
	}
	if f.Gateway.IsValid() {
		parts = append(parts, "via "+f.Gateway.String())
	}
	if f.NexthopID != 0 {
		parts = append(parts, fmt.Sprintf("nhid %d", f.NexthopID))
	}
	return strings.Join(parts, " ")
}

// AppendList appends the request that lists routes: RTM_GETROUTE, a dump. The
// kernel filters by what Filter says if strict checking is on, and by Prefix and
// for IPv4 by Cloned alone if not.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6, rtattr.AF_MPLS:
	default:
		e.Fail(fmt.Errorf("route: list: %v, neither IPv4, IPv6 nor MPLS", f))
	}
	h := rtattr.RtMsg{Family: f.Family, Protocol: f.Protocol, Type: f.Type}
	if f.Cloned {
		h.Flags |= rtattr.RTM_F_CLONED
	}
	if f.Prefix {
		h.Flags |= rtattr.RTM_F_PREFIX
	}
	w := rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, h)
	if f.Table != rtattr.RT_TABLE_UNSPEC {
		w.Table(f.Table)
	}
	if f.Index != 0 {
		w.OIF(f.Index)
	}
	w.End()
}

// All lists routes as they arrive. The view is reused: it holds until the next
// step of the loop. An error beside a view is about this one route, of which the
// rest can be read; one with a nil view ends the list of a family, and is
// [rtnl.ErrDumpInterrupted] if routes changed meanwhile. Without a Family there
// are two lists, IPv4 first.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.RouteView, error] {
	return func(yield func(*rtattr.RouteView, error) bool) {
		if f.Family != rtattr.AF_UNSPEC {
			dump(ctx, conn, f, yield)
			return
		}
		// One dump of all families has the routes of MPLS too, which refuses filters.
		for _, f.Family = range []uint8{rtattr.AF_INET, rtattr.AF_INET6} {
			if !dump(ctx, conn, f, yield) {
				return
			}
		}
	}
}

// dump lists the routes of one family and reports whether to go on.
func dump(ctx context.Context, conn *rtnl.Conn, f Filter, yield func(*rtattr.RouteView, error) bool) bool {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendList(e, f)
	if err := e.Err(); err != nil {
		yield(nil, err)
		return false
	}
	var v rtattr.RouteView
	rest := f.rest()
	for m, err := range conn.Query(ctx, e) {
		switch {
		case err == nil && !routes(m):
			continue
		case err == nil:
		case f.Table != 0 && errors.Is(err, unix.ENOENT):
			return true // a table that has never had a route
		case f.Index != 0 && errors.Is(err, unix.ENODEV):
			return true // an interface that is not there
		case errors.Is(err, rtnl.ErrDumpInterrupted):
			return yield(nil, rtnl.Annotate(err, "route: list", f.String()))
		default:
			yield(nil, rtnl.Annotate(err, "route: list", f.String()))
			return false
		}
		if err := v.Parse(m.Payload()); (err != nil || f.match(&v, m.Flags(), rest)) && !yield(&v, err) {
			return false
		}
	}
	return true
}

// routes reports whether m is a route of a family that has them: a dump of all
// families has those of multicast routing too.
func routes(m rtattr.Msg) bool {
	if m.Type() != rtattr.RTM_NEWROUTE && m.Type() != rtattr.RTM_DELROUTE {
		return false
	}
	var family uint8
	if b := m.Payload(); len(b) > 0 {
		family = b[0]
	}
	return family == rtattr.AF_INET || family == rtattr.AF_INET6 || family == rtattr.AF_MPLS
}

// rest reports whether f asks for more than what a route's header says, and what
// the kernel alone looks at.
func (f *Filter) rest() bool {
	return *f != Filter{Family: f.Family, Protocol: f.Protocol, Type: f.Type, Cloned: f.Cloned, Prefix: f.Prefix}
}

// match reports whether the route of a view is one of f; flags are those of its
// message, rest is f.rest(). A view that Parse refuses is: its error is to be seen.
func (f *Filter) match(v *rtattr.RouteView, flags uint16, rest bool) bool {
	h := &v.Header
	switch {
	case f.Family != 0 && h.Family != f.Family,
		f.Protocol != 0 && h.Protocol != f.Protocol,
		f.Type != 0 && h.Type != f.Type,
		f.Cloned != (h.Flags&rtattr.RTM_F_CLONED != 0):
		return false
	case !rest:
		return true
	}
	r, err := Parse(v)
	if err != nil {
		return true
	}
	left := *f
	if flags&rtattr.NLM_F_DUMP_FILTERED != 0 && !f.Gateway.IsValid() {
		left.Index = 0 // the kernel looks into nexthop objects
	}
	if r.NexthopID != 0 && (left.Index != 0 || left.Gateway.IsValid()) {
		// What the object says is shown with net.ipv4.nexthop_compat_mode, the default.
		r.Gateway = viewGateway(v)
		r.Index, _ = v.OIF()
		if r.Multipath, err = parseHops(v); err != nil {
			return true
		}
	}
	return left.has(r)
}

// has reports whether r is one of f.
func (f *Filter) has(r Route) bool {
	switch {
	case f.Family != 0 && r.family() != f.Family,
		f.Table != 0 && r.Table != f.Table,
		f.Protocol != 0 && r.Protocol != f.Protocol,
		f.Type != 0 && r.Type != f.Type,
		f.Cloned != (r.Flags&rtattr.RTM_F_CLONED != 0),
		f.NexthopID != 0 && r.NexthopID != f.NexthopID,
		f.Dst.IsValid() && r.Dst != f.Dst,
		f.Within.IsValid() && !(r.Dst.IsValid() && r.Dst.Bits() >= f.Within.Bits() && f.Within.Contains(r.Dst.Addr())):
		return false
	case f.Index == 0 && !f.Gateway.IsValid():
		return true
	}
	way := func(index uint32, gateway netip.Addr) bool {
		return (f.Index == 0 || index == f.Index) && (!f.Gateway.IsValid() || gateway == f.Gateway)
	}
	for h := range r.Multipath.All() {
		if way(h.Index, h.Gateway) {
			return true
		}
	}
	return r.Multipath == (NextHops{}) && way(r.Index, r.Gateway)
}

// List returns routes. The list is complete and of one moment, or there is an
// error: [rtnl.ErrDumpInterrupted] if routes changed during each of three
// attempts. Routes that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Route, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}
