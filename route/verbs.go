package route

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

type appendFunc func(*rtattr.Encoder, Route, ...func(rtattr.RouteEncoder))

func exec(ctx context.Context, conn *rtnl.Conn, op string, add appendFunc, r Route) error {
	e := conn.Encoder()
	defer conn.Release(e)
	add(e, r)
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, "route: "+op, r.String())
	}
	return nil
}

// Add adds r; a route to the same destination with the same priority and TOS is
// fs.ErrExist.
func Add(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "add", AppendAdd, r)
}

// Append adds r behind routes to the same destination; for IPv6 they become one
// multipath route.
func Append(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "append", AppendAppend, r)
}

// Prepend adds r in front of routes to the same destination.
func Prepend(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "prepend", AppendPrepend, r)
}

// Replace puts r in the place of the first route to the same destination with
// the same priority and TOS, or adds it.
func Replace(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "replace", AppendReplace, r)
}

// Change is Replace for a route that must exist.
func Change(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "change", AppendChange, r)
}

// Delete deletes the first route that matches r; fields that are zero match any,
// but for Dst and Table. None is fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, "delete", AppendDelete, r)
}

// A Filter says which routes are listed: those that match all fields that are
// not zero.
type Filter struct {
	Family   uint8             // AF_INET or AF_INET6
	Table    rtattr.RouteTable // zero is all tables, local ones included
	Index    uint32            // of the interface; a multipath route has several
	Protocol rtattr.Protocol
	Type     rtattr.RouteType
	Cloned   bool // list cached routes too, as `ip route show cache`
}

// All streams the routes of a dump. The view is reused: it and what it returns
// hold until the next step. The body may use conn. An error ends the loop;
// rtnl.ErrDumpInterrupted comes after the data.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.RouteView, error] {
	return func(yield func(*rtattr.RouteView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		h := rtattr.RtMsg{Family: f.Family, Protocol: f.Protocol, Type: f.Type}
		if f.Cloned {
			h.Flags = rtattr.RTM_F_CLONED
		}
		// The kernel filters where strict checking is on; match does the rest.
		w := rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, h)
		if f.Table != rtattr.RT_TABLE_UNSPEC {
			w.Table(f.Table)
		}
		if f.Index != 0 {
			w.OIF(f.Index)
		}
		w.End()
		var v rtattr.RouteView
		for m, err := range conn.Query(ctx, e) {
			switch {
			case err != nil:
				yield(nil, rtnl.Annotate(err, "route: list", ""))
				return
			case m.Type() != rtattr.RTM_NEWROUTE:
				continue
			}
			if family := m.Payload(); len(family) > 0 && family[0] != rtattr.AF_INET && family[0] != rtattr.AF_INET6 {
				continue // multicast and MPLS routes
			}
			if err := v.Parse(m.Payload()); err != nil {
				yield(nil, fmt.Errorf("route: list: %w", err))
				return
			}
			if f.match(&v) && !yield(&v, nil) {
				return
			}
		}
	}
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
		!f.Cloned && h.Flags&rtattr.RTM_F_CLONED != 0:
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

// attempts is how often List lists again while changes interrupt it.
const attempts = 5

// List returns the routes of a dump. A dump that a change has interrupted is
// repeated; if all of them were, the last one is returned with
// rtnl.ErrDumpInterrupted.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Route, error) {
	for i := 1; ; i++ {
		routes, err := list(ctx, conn, f)
		if !errors.Is(err, rtnl.ErrDumpInterrupted) || i == attempts {
			return routes, err
		}
	}
}

func list(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Route, error) {
	var routes []Route
	for v, err := range All(ctx, conn, f) {
		if err != nil {
			if errors.Is(err, rtnl.ErrDumpInterrupted) {
				return routes, err
			}
			return nil, err
		}
		r, err := Parse(v)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// A Lookup asks which route a packet takes. Fields that are zero are not asked
// about.
type Lookup struct {
	Dst netip.Addr
	Src netip.Addr
	IIF uint32 // index of the interface that the packet comes in by; needs Src
	OIF uint32 // index of the interface that it shall leave by
	TOS uint8

	Mark     uint32
	FIBMatch bool // the route of the table, not what it makes of the packet
}

// Get returns the route that a packet takes, as `ip route get` shows it. An
// unreachable destination is an error: its errno is what connect would say.
func Get(ctx context.Context, conn *rtnl.Conn, l Lookup) (Route, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	appendGet(e, l)
	var v rtattr.RouteView
	for m, err := range conn.Query(ctx, e) {
		if err == nil {
			err = v.Parse(m.Payload())
		}
		if err != nil {
			return Route{}, rtnl.Annotate(err, "route: get", l.Dst.String())
		}
		return Parse(&v)
	}
	return Route{}, fmt.Errorf("route: get %s: no answer", l.Dst)
}

func appendGet(e *rtattr.Encoder, l Lookup) {
	switch {
	case !l.Dst.IsValid():
		e.Fail(errors.New("route: get: no destination"))
		return
	case l.Src.IsValid() && l.Src.Is4() != l.Dst.Is4():
		e.Fail(fmt.Errorf("route: get %s: source %s is of another family", l.Dst, l.Src))
		return
	}
	h := rtattr.RtMsg{Family: family(l.Dst), DstLen: uint8(l.Dst.BitLen()), TOS: l.TOS, Flags: rtattr.RTM_F_LOOKUP_TABLE}
	if l.Src.IsValid() {
		h.SrcLen = uint8(l.Src.BitLen())
	}
	if l.FIBMatch {
		h.Flags |= rtattr.RTM_F_FIB_MATCH
	}
	w := rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_REQUEST, h)
	w.Dst(l.Dst)
	if l.Src.IsValid() {
		w.Src(l.Src)
	}
	if l.IIF != 0 {
		w.IIF(l.IIF)
	}
	if l.OIF != 0 {
		w.OIF(l.OIF)
	}
	if l.Mark != 0 {
		w.Mark(l.Mark)
	}
	w.End()
}
