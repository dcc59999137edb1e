package address

import (
	"context"
	"fmt"
	"iter"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which addresses to list. The zero Filter is all.
type Filter struct {
	Family uint8  // rtattr.AF_INET or AF_INET6; 0 is both
	Index  uint32 // of the interface; 0 is all
}

// String returns "inet dev 3".
func (f Filter) String() string {
	s := ""
	switch f.Family {
	case rtattr.AF_UNSPEC:
	case rtattr.AF_INET:
		s = "inet"
	case rtattr.AF_INET6:
		s = "inet6"
	default:
		s = fmt.Sprintf("family %d", f.Family)
	}
	if f.Index != 0 {
		s += fmt.Sprintf(" dev %d", f.Index)
	}
	return s
}

// match reports whether a message belongs into the list. A kernel without strict
// checking (before 4.20) filters by family only, and asked for all families it
// may also list addresses of others, such as MCTP, with other headers.
func (f Filter) match(m rtattr.Msg) bool {
	if m.Type() != rtattr.RTM_NEWADDR {
		return false
	}
	var h rtattr.IfAddrmsg
	h.Parse(m.Payload())
	return (h.Family == rtattr.AF_INET || h.Family == rtattr.AF_INET6) &&
		(f.Family == 0 || f.Family == h.Family) &&
		(f.Index == 0 || f.Index == h.Index)
}

// AppendList appends the request that lists addresses: RTM_GETADDR, a dump.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6:
	default:
		e.Fail(fmt.Errorf("address: list: %v, neither IPv4 nor IPv6", f))
	}
	rtattr.AppendAddr(e, rtattr.RTM_GETADDR, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP,
		rtattr.IfAddrmsg{Family: f.Family, Index: f.Index}).End()
}

// All lists addresses as they arrive. The view is reused: it holds until the
// next step of the loop. An error beside a view is about this one address, of
// which the rest can be read; one with a nil view ends the list, and is
// [rtnl.ErrDumpInterrupted] if addresses changed meanwhile.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.AddrView, error] {
	return func(yield func(*rtattr.AddrView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendList(e, f)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.AddrView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "address: list", f.String()))
				return
			}
			if f.match(m) && !yield(&v, v.Parse(m.Payload())) {
				return
			}
		}
	}
}

// List returns addresses. The list is complete and of one moment, or there is
// an error: [rtnl.ErrDumpInterrupted] if addresses changed during each of three
// attempts. Addresses that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Address, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}
