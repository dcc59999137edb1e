package route

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which routes are listed: those that match all fields that are
// not zero.
type Filter struct {
	Family   uint8             // AF_INET or AF_INET6
	Table    rtattr.RouteTable // zero is all tables, local ones included
	Index    uint32            // of the interface; a multipath route has several
	Protocol rtattr.Protocol
	Type     rtattr.RouteType
	Cloned   bool // cached routes instead of those of tables, as `ip route show cache`
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
	return strings.Join(parts, " ")
}

// AppendList appends the request that lists routes: RTM_GETROUTE, a dump. The
// kernel filters by all of f if strict checking is on, and not at all if not.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6:
	default:
		e.Fail(fmt.Errorf("route: list: %v, neither IPv4 nor IPv6", f))
	}
	h := rtattr.RtMsg{Family: f.Family, Protocol: f.Protocol, Type: f.Type}
	if f.Cloned {
		h.Flags = rtattr.RTM_F_CLONED
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
	for m, err := range conn.Query(ctx, e) {
		switch {
		case f.Table != 0 && errors.Is(err, unix.ENOENT):
			return true // a table that has never had a route
		case errors.Is(err, rtnl.ErrDumpInterrupted):
			return yield(nil, rtnl.Annotate(err, "route: list", f.String()))
		case err != nil:
			yield(nil, rtnl.Annotate(err, "route: list", f.String()))
			return false
		case !routes(m):
			continue
		}
		if err := v.Parse(m.Payload()); (err != nil || f.match(&v)) && !yield(&v, err) {
			return false
		}
	}
	return true
}

// routes reports whether m is a route of IPv4 or IPv6: a dump of all families
// has those of multicast routing and of MPLS too.
func routes(m rtattr.Msg) bool {
	if m.Type() != rtattr.RTM_NEWROUTE {
		return false
	}
	var h rtattr.RtMsg
	h.Parse(m.Payload())
	return h.Family == rtattr.AF_INET || h.Family == rtattr.AF_INET6
}

func (f *Filter) match(v *rtattr.RouteView) bool {
	h := v.Header
	table := rtattr.RouteTable(h.Table)
	if t, ok := v.Table(); ok {
		table = t
	}
	switch {
	case f.Family != 0 && h.Family != f.Family,
		f.Table != 0 && table != f.Table,
		f.Protocol != 0 && h.Protocol != f.Protocol,
		f.Type != 0 && h.Type != f.Type,
		f.Cloned != (h.Flags&rtattr.RTM_F_CLONED != 0):
		return false
	case f.Index == 0:
		return true
	}
	if i, _ := v.OIF(); i == f.Index {
		return true
	}
	for nh := range v.Multipath() {
		if uint32(nh.IfIndex) == f.Index {
			return true
		}
	}
	return false
}

// List returns routes. The list is complete and of one moment, or there is an
// error: [rtnl.ErrDumpInterrupted] if routes changed during each of three
// attempts. Routes that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Route, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}
