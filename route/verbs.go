package route

import (
	"context"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add adds r; a route to the same destination with the same priority and TOS is
// fs.ErrExist.
func Add(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendAdd, "route: add", r)
}

// Append adds r behind routes to the same destination; for IPv6 they become one
// multipath route.
func Append(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendAppend, "route: append", r)
}

// Prepend adds r in front of routes to the same destination.
func Prepend(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendPrepend, "route: prepend", r)
}

// Replace puts r in the place of the first route to the same destination with
// the same priority and TOS, or adds it.
func Replace(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendReplace, "route: replace", r)
}

// Change is Replace for a route that must exist.
func Change(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendChange, "route: change", r)
}

// Delete deletes the first route that matches r; fields that are zero match any,
// but for Dst and Table. None is fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, r Route) error {
	return exec(ctx, conn, AppendDelete, "route: delete", r)
}

func exec(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder, Route), op string, r Route) error {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e, r)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, op, r.String())
	}
	return nil
}
