package neigh

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/nlwire/nlwire/internal/flush"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which neighbours are listed: those that match all fields that are
// not zero.
type Filter struct {
	Family uint8             // AF_INET, AF_INET6, or AF_BRIDGE for forwarding entries; 0 is IPv4 and IPv6
	Index  uint32            // of the interface
	Master uint32            // index of the bridge or other device that the interface belongs to
	State  rtattr.NeighState // one of these; those of NUD_NONE are listed without State alone
	Proxy  bool              // proxy entries, which are not listed otherwise
}

// String returns "inet dev 3".
func (f Filter) String() string {
	var parts []string
	switch f.Family {
	case rtattr.AF_UNSPEC:
	case rtattr.AF_INET:
		parts = append(parts, "inet")
	case rtattr.AF_INET6:
		parts = append(parts, "inet6")
	case rtattr.AF_BRIDGE:
		parts = append(parts, "fdb")
	default:
		parts = append(parts, fmt.Sprintf("family %d", f.Family))
	}
	if f.Proxy {
		parts = append(parts, "proxy")
	}
	if f.Index != 0 {
		parts = append(parts, fmt.Sprintf("dev %d", f.Index))
	}
	if f.Master != 0 {
		parts = append(parts, fmt.Sprintf("master %d", f.Master))
	}
	if f.State != 0 {
		parts = append(parts, "nud "+f.State.String())
	}
	return strings.Join(parts, " ")
}

// match reports whether a message belongs into the list. That an interface belongs to
// Master only the kernel knows.
func (f *Filter) match(v *rtattr.NeighView) bool {
	h := v.Header
	family := f.Family == h.Family
	if f.Family == 0 {
		family = h.Family == rtattr.AF_INET || h.Family == rtattr.AF_INET6
	}
	proxy := h.Family != rtattr.AF_BRIDGE && h.Flags&rtattr.NTF_PROXY != 0
	return family && f.Proxy == proxy &&
		(f.Index == 0 || f.Index == uint32(h.IfIndex)) &&
		(f.State == 0 || f.State&h.State != 0)
}

// AppendList appends the request that lists neighbours: RTM_GETNEIGH, a dump. The
// kernel filters by all of f but State.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6, rtattr.AF_BRIDGE:
	default:
		e.Fail(fmt.Errorf("neigh: list: there are no neighbours of address family %d", f.Family))
	}
	h := rtattr.NdMsg{Family: f.Family}
	switch {
	case f.Family == rtattr.AF_BRIDGE:
		h.IfIndex = int32(f.Index)
	case f.Proxy:
		h.Flags = rtattr.NTF_PROXY
	}
	w := rtattr.AppendNeigh(e, rtattr.RTM_GETNEIGH, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, h)
	if f.Index != 0 && f.Family != rtattr.AF_BRIDGE {
		w.IfIndex(f.Index)
	}
	if f.Master != 0 {
		w.Master(f.Master)
	}
	w.End()
}

// All lists neighbours as they arrive. The view is reused: it holds until the next
// step of the loop. An error beside a view is about this one neighbour, of which the
// rest can be read; one with a nil view ends the list.
//
// The kernel does not tell if neighbours change while they are listed: one may be
// missing or twice then.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.NeighView, error] {
	return func(yield func(*rtattr.NeighView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendList(e, f)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.NeighView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "neigh: list", f.String()))
				return
			}
			if m.Type() != rtattr.RTM_NEWNEIGH {
				continue
			}
			if err := v.Parse(m.Payload()); (err != nil || f.match(&v)) && !yield(&v, err) {
				return
			}
		}
	}
}

// List returns neighbours. Those that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Neigh, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}

// Flush deletes the neighbours that f matches, permanent ones included, and returns
// how many it found: a list, then one batch with a message for each. One that is
// gone by then is no error. AppendFlushFDB is one message for the forwarding entries
// of a device.
func Flush(ctx context.Context, conn *rtnl.Conn, f Filter) (n int, err error) {
	list, err := List(ctx, conn, f)
	if err != nil {
		return 0, err
	}
	e := conn.Encoder()
	defer conn.Release(e)
	for _, x := range list {
		AppendDelete(e, x)
	}
	return len(list), flush.Run(ctx, conn, e, "neigh: flush", f.String())
}
