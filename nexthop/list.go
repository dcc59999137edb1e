package nexthop

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

// A Filter says which nexthops are listed: those that match all fields that are
// not zero. The kernel filters by the first block of fields, with strict checking
// or without. An interface that does not exist has none.
type Filter struct {
	Family uint8  // AF_INET or AF_INET6; leaves out groups
	Index  uint32 // of the interface; leaves out groups
	Master uint32 // index of the bridge, bond or VRF that the interface belongs to; leaves out groups
	Groups bool   // groups alone

	// The kernel does not filter by what follows.
	FDB      bool
	ID       uint32
	Protocol rtattr.Protocol
}

// String returns "dev 3 proto static".
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
	if f.ID != 0 {
		parts = append(parts, fmt.Sprintf("id %d", f.ID))
	}
	if f.Index != 0 {
		parts = append(parts, fmt.Sprintf("dev %d", f.Index))
	}
	if f.Master != 0 {
		parts = append(parts, fmt.Sprintf("master %d", f.Master))
	}
	if f.Protocol != 0 {
		parts = append(parts, "proto "+f.Protocol.String())
	}
	if f.Groups {
		parts = append(parts, "groups")
	}
	if f.FDB {
		parts = append(parts, "fdb")
	}
	return strings.Join(parts, " ")
}

// AppendList appends the request that lists nexthops: RTM_GETNEXTHOP, a dump. Flags
// ask for counters; Linux before 6.9 refuses any.
func AppendList(e *rtattr.Encoder, f Filter, flags rtattr.NexthopOpFlags) {
	w := rtattr.AppendNexthop(e, rtattr.RTM_GETNEXTHOP, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.NhMsg{Family: f.Family})
	if f.Index != 0 {
		w.OIF(f.Index)
	}
	if f.Groups {
		w.Groups()
	}
	if f.Master != 0 {
		w.Master(f.Master)
	}
	if f.FDB {
		w.FDB()
	}
	if flags != 0 {
		w.OpFlags(flags)
	}
	w.End()
}

// All lists nexthops as they arrive. The view is reused: it holds until the next
// step of the loop. An error beside a view is about this one nexthop, of which the
// rest can be read; one with a nil view ends the list, and is
// [rtnl.ErrDumpInterrupted] if nexthops changed meanwhile.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.NexthopView, error] {
	put := func(e *rtattr.Encoder) { AppendList(e, f, 0) }
	return all(ctx, conn, put, rtattr.RTM_NEWNEXTHOP, "nexthop: list", f.String(), f.match)
}

// all runs a request whose answers are messages of a type.
func all(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder), typ uint16, op, object string, match func(*rtattr.NexthopView) bool) iter.Seq2[*rtattr.NexthopView, error] {
	return func(yield func(*rtattr.NexthopView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		put(e)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.NexthopView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, op, object))
				return
			}
			if m.Type() != typ {
				continue
			}
			if err := v.Parse(m.Payload()); (err != nil || match(&v)) && !yield(&v, err) {
				return
			}
		}
	}
}

// match reports whether the nexthop of a view is one of f, but for Master.
func (f Filter) match(v *rtattr.NexthopView) bool {
	group := false
	for range v.Group() {
		group = true
		break
	}
	id, _ := v.ID()
	index, _ := v.OIF()
	switch {
	case f.Groups && !group,
		group && (f.Family != 0 || f.Index != 0 || f.Master != 0),
		f.Family != 0 && v.Header.Family != f.Family,
		f.Index != 0 && index != f.Index,
		f.FDB && !v.FDB(),
		f.ID != 0 && id != f.ID,
		f.Protocol != 0 && v.Header.Protocol != f.Protocol:
		return false
	}
	return true
}

// List returns nexthops, ordered by ID. The list is complete and of one moment, or
// there is an error: [rtnl.ErrDumpInterrupted] if nexthops changed during each of
// three attempts. Nexthops that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Nexthop, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}

// flushBatch is how many deletions go into one Exec.
const flushBatch = 1024

// Flush lists the nexthops of f and deletes them in batches: as many messages as
// there are nexthops, and a list. It returns how many were deleted by it. One that
// has gone meanwhile, as a group with its last member, is no error, and one that
// has come meanwhile stays. The zero Filter is all nexthops.
func Flush(ctx context.Context, conn *rtnl.Conn, f Filter) (int, error) {
	list, err := List(ctx, conn, f)
	if err != nil {
		return 0, fmt.Errorf("nexthop: flush: %w", err)
	}
	e := conn.Encoder()
	defer conn.Release(e)
	deleted := 0
	var failed []error
	for ; len(list) > 0; list = list[min(len(list), flushBatch):] {
		n := min(len(list), flushBatch)
		e.Reset(nil)
		for _, x := range list[:n] {
			AppendDelete(e, x.ID)
		}
		err := conn.Exec(ctx, e)
		var each rtnl.Errors
		var cut *rtnl.Incomplete
		if errors.As(err, &cut) || err != nil && !errors.As(err, &each) {
			return deleted, errors.Join(append(failed, fmt.Errorf("nexthop: flush: %w", err))...)
		}
		deleted += n - len(each)
		for _, x := range each {
			if !errors.Is(x, unix.ENOENT) {
				x.Op, x.Object = "nexthop: flush", list[x.Index].String()
				failed = append(failed, x)
			}
		}
	}
	return deleted, errors.Join(failed...)
}
