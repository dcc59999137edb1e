package address

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/nlwire/nlwire/internal/flush"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which addresses to list: those that match all fields that are not
// zero. The zero Filter is all.
type Filter struct {
	Family uint8  // rtattr.AF_INET or AF_INET6; 0 is both
	Index  uint32 // of the interface; 0 is all

	// NetNS is another network namespace whose addresses are meant, and whose
	// interfaces Index counts; Linux 4.20. It needs CAP_NET_ADMIN there.
	NetNS NSID

	To      netip.Prefix     // own addresses in this prefix
	Label   string           // IPv4 addresses of this label
	Flags   rtattr.AddrFlags // all of these are set
	Without rtattr.AddrFlags // and none of these
}

// An NSID is the number that a network namespace has in another one (`ip netns
// list-id`), or none: that is its zero value.
type NSID struct {
	id  int32
	set bool
}

// NSIDOf returns the NSID of a number.
func NSIDOf(id int32) NSID { return NSID{id, true} }

// Value returns the number and whether there is one.
func (n NSID) Value() (int32, bool) { return n.id, n.set }

// String returns "inet dev 3".
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
	if f.Index != 0 {
		parts = append(parts, fmt.Sprintf("dev %d", f.Index))
	}
	if id, ok := f.NetNS.Value(); ok {
		parts = append(parts, fmt.Sprintf("netns %d", id))
	}
	if f.To != (netip.Prefix{}) {
		parts = append(parts, "to "+f.To.String())
	}
	if f.Label != "" {
		parts = append(parts, fmt.Sprintf("label %q", f.Label))
	}
	if f.Flags != 0 {
		parts = append(parts, f.Flags.String())
	}
	if f.Without != 0 {
		parts = append(parts, "without "+f.Without.String())
	}
	return strings.Join(parts, " ")
}

// match reports whether a message of type typ belongs into the list. A kernel without
// strict checking (before 4.20) filters by family only, and asked for all families it
// may also list addresses of others, such as MCTP, with other headers.
func (f *Filter) match(m rtattr.Msg, typ ...uint16) bool {
	if !slices.Contains(typ, m.Type()) {
		return false
	}
	var h rtattr.IfAddrmsg
	h.Parse(m.Payload())
	return (h.Family == rtattr.AF_INET || h.Family == rtattr.AF_INET6) &&
		(f.Family == 0 || f.Family == h.Family) &&
		(f.Index == 0 || f.Index == h.Index)
}

// errHere is about what a kernel does that does not know IFA_TARGET_NETNSID.
var errHere = errors.New("the kernel lists this namespace instead")

// there reports whether an address is in the namespace that is meant.
func (f *Filter) there(v *rtattr.AddrView) bool {
	want, set := f.NetNS.Value()
	got, ok := v.TargetNetNSID()
	return !set || ok && got == want
}

// narrow reports whether an address is one of those at which the kernel does not look.
func (f *Filter) narrow(v *rtattr.AddrView) bool {
	if f.To != (netip.Prefix{}) {
		a, ok := v.Local()
		if !ok {
			a, _ = v.Address()
		}
		if !f.To.Contains(a) {
			return false
		}
	}
	if f.Label != "" {
		if label, _ := v.Label(); string(label) != f.Label {
			return false
		}
	}
	if f.Flags|f.Without == 0 {
		return true
	}
	flags := flagsOf(v)
	return flags&f.Flags == f.Flags && flags&f.Without == 0
}

// AppendList appends the request that lists addresses: RTM_GETADDR, a dump. The
// kernel filters by Family, Index and NetNS.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6:
	default:
		e.Fail(fmt.Errorf("address: list: %v, neither IPv4 nor IPv6", f))
	}
	appendList(e, rtattr.RTM_GETADDR, f)
}

func appendList(e *rtattr.Encoder, typ uint16, f Filter) {
	w := rtattr.AppendAddr(e, typ, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.IfAddrmsg{Family: f.Family, Index: f.Index})
	if id, ok := f.NetNS.Value(); ok {
		w.TargetNetNSID(id)
	}
	w.End()
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
			if !f.match(m, rtattr.RTM_NEWADDR) {
				continue
			}
			err := v.Parse(m.Payload())
			if !f.there(&v) {
				yield(nil, fmt.Errorf("address: list %v: %w", f, errHere))
				return
			}
			if (err != nil || f.narrow(&v)) && !yield(&v, err) {
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

// Flush removes the addresses that f matches and returns how many it found: a list,
// then one batch with a message for each, in the opposite order. So secondary IPv4
// addresses go before the primary one, which takes them along, unless
// promote_secondaries is set. An address that is gone by then, as the temporary IPv6
// addresses of another one, is no error.
func Flush(ctx context.Context, conn *rtnl.Conn, f Filter) (n int, err error) {
	if _, ok := f.NetNS.Value(); ok {
		return 0, errors.New("address: flush: addresses of another namespace can only be listed")
	}
	list, err := List(ctx, conn, f)
	if err != nil {
		return 0, err
	}
	e := conn.Encoder()
	defer conn.Release(e)
	for _, a := range slices.Backward(list) {
		AppendDelete(e, a)
	}
	return len(list), flush.Run(ctx, conn, e, "address: flush", f.String())
}
