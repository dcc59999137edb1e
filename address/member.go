package address

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Member says that an interface receives what is sent to an address which it has
// in common with others.
type Member struct {
	Index uint32 // of the interface
	Addr  netip.Addr
	Scope rtattr.Scope
}

// String returns "ff02::1 dev 3".
func (m Member) String() string { return fmt.Sprintf("%v dev %d", m.Addr, m.Index) }

// AppendListMulticast appends the request that lists the multicast groups that
// interfaces listen to: RTM_GETMULTICAST, a dump. f needs a Family; that of IPv4 is
// known from Linux 6.15 on. Label, Flags and Without do not matter.
func AppendListMulticast(e *rtattr.Encoder, f Filter) {
	if f.Family != rtattr.AF_INET && f.Family != rtattr.AF_INET6 {
		e.Fail(fmt.Errorf("address: list multicast: family %d, neither IPv4 nor IPv6", f.Family))
	}
	appendList(e, rtattr.RTM_GETMULTICAST, f)
}

// AppendListAnycast appends the request that lists the anycast addresses of
// interfaces: RTM_GETANYCAST, a dump. f needs the Family AF_INET6. Label, Flags and
// Without do not matter.
func AppendListAnycast(e *rtattr.Encoder, f Filter) {
	if f.Family != rtattr.AF_INET6 {
		e.Fail(fmt.Errorf("address: list anycast: family %d, which is not IPv6", f.Family))
	}
	appendList(e, rtattr.RTM_GETANYCAST, f)
}

// ListMulticast returns the multicast groups that interfaces listen to, as
// AppendListMulticast says.
func ListMulticast(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Member, error) {
	return members(ctx, conn, f, "address: list multicast", AppendListMulticast, rtattr.RTM_GETMULTICAST, rtattr.RTM_NEWMULTICAST)
}

// ListAnycast returns the anycast addresses of interfaces, as AppendListAnycast says.
func ListAnycast(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Member, error) {
	return members(ctx, conn, f, "address: list anycast", AppendListAnycast, rtattr.RTM_GETANYCAST, rtattr.RTM_NEWANYCAST)
}

// members runs a list whose answers have the number of the request, or that of the
// announcement.
func members(ctx context.Context, conn *rtnl.Conn, f Filter, op string, put func(*rtattr.Encoder, Filter), types ...uint16) ([]Member, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e, f)
	if err := e.Err(); err != nil {
		return nil, err
	}
	all := func(yield func(*rtattr.AddrView, error) bool) {
		var v rtattr.AddrView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, op, f.String()))
				return
			}
			if !f.match(m, types...) {
				continue
			}
			err := v.Parse(m.Payload())
			if !f.there(&v) {
				yield(nil, fmt.Errorf("%s %v: %w", op, f, errHere))
				return
			}
			if a := memberAddr(&v); err == nil && f.To != (netip.Prefix{}) && !f.To.Contains(a) {
				continue
			}
			if !yield(&v, err) {
				return
			}
		}
	}
	return rtnl.Collect(all, parseMember)
}

func memberAddr(v *rtattr.AddrView) netip.Addr {
	a, ok := v.Multicast()
	if !ok {
		a, _ = v.Anycast()
	}
	return a
}

func parseMember(v *rtattr.AddrView) (Member, error) {
	m := Member{Index: v.Header.Index, Addr: memberAddr(v), Scope: v.Header.Scope}
	if !m.Addr.IsValid() {
		return m, errors.New("address: neither a multicast nor an anycast address in the message")
	}
	return m, nil
}
