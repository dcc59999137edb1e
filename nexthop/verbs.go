package nexthop

import (
	"context"
	"errors"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add adds n; one of the same ID is fs.ErrExist.
func Add(ctx context.Context, conn *rtnl.Conn, n Nexthop) error {
	return exec(ctx, conn, func(e *rtattr.Encoder) { AppendAdd(e, n) }, "nexthop: add", n.String())
}

// Create is Add, and returns the nexthop as the kernel has made it, with its ID
// (NLM_F_ECHO).
func Create(ctx context.Context, conn *rtnl.Conn, n Nexthop) (Nexthop, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	Begin(e, rtattr.RTM_NEWNEXTHOP, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL|rtattr.NLM_F_ECHO, n).End()
	var made Nexthop
	err := one(ctx, conn, e, rtattr.RTM_NEWNEXTHOP, "nexthop: create", n.String(), func(v *rtattr.NexthopView) (err error) {
		made, err = Parse(v)
		return err
	})
	return made, err
}

// Replace puts n in the place of the one of the same ID, or adds it.
func Replace(ctx context.Context, conn *rtnl.Conn, n Nexthop) error {
	return exec(ctx, conn, func(e *rtattr.Encoder) { AppendReplace(e, n) }, "nexthop: replace", n.String())
}

// Delete deletes the nexthop of an ID, with the routes that refer to it. None is
// fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, id uint32) error {
	return exec(ctx, conn, func(e *rtattr.Encoder) { AppendDelete(e, id) }, "nexthop: delete", fmt.Sprintf("id %d", id))
}

func exec(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder), op, object string) error {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, op, object)
	}
	return nil
}

// Get returns the nexthop of an ID. None is fs.ErrNotExist.
func Get(ctx context.Context, conn *rtnl.Conn, id uint32) (n Nexthop, err error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGet(e, id, 0)
	err = one(ctx, conn, e, rtattr.RTM_NEWNEXTHOP, "nexthop: get", fmt.Sprintf("id %d", id), func(v *rtattr.NexthopView) (err error) {
		n, err = Parse(v)
		return err
	})
	return n, err
}

// GetStats returns the counters of a group (Linux 6.9), and those of hardware if hw
// is true.
func GetStats(ctx context.Context, conn *rtnl.Conn, id uint32, hw bool) (s Stats, err error) {
	flags := rtattr.NHA_OP_FLAG_DUMP_STATS
	if hw {
		flags |= rtattr.NHA_OP_FLAG_DUMP_HW_STATS
	}
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGet(e, id, flags)
	err = one(ctx, conn, e, rtattr.RTM_NEWNEXTHOP, "nexthop: get counters of", fmt.Sprintf("id %d", id), func(v *rtattr.NexthopView) (err error) {
		s, err = ParseStats(v)
		return err
	})
	return s, err
}

var errNoAnswer = errors.New("no answer")

// one runs a request that has one answer, a message of a type.
func one(ctx context.Context, conn *rtnl.Conn, e *rtattr.Encoder, typ uint16, op, object string, parse func(*rtattr.NexthopView) error) error {
	if err := e.Err(); err != nil {
		return err
	}
	err := errNoAnswer
	for m, qerr := range conn.Query(ctx, e) { // to its end, or its socket is lost
		if qerr != nil {
			return rtnl.Annotate(qerr, op, object)
		}
		if m.Type() != typ {
			continue
		}
		var v rtattr.NexthopView
		if err = v.Parse(m.Payload()); err == nil {
			err = parse(&v)
		}
	}
	return rtnl.Annotate(err, op, object)
}
