package address

import (
	"context"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add adds a, as AppendAdd says.
func Add(ctx context.Context, conn *rtnl.Conn, a Address) error {
	return exec(ctx, conn, AppendAdd, "address: add", a)
}

// Replace adds or changes a, as AppendReplace says.
func Replace(ctx context.Context, conn *rtnl.Conn, a Address) error {
	return exec(ctx, conn, AppendReplace, "address: replace", a)
}

// Change changes a, as AppendChange says.
func Change(ctx context.Context, conn *rtnl.Conn, a Address) error {
	return exec(ctx, conn, AppendChange, "address: change", a)
}

// Delete removes a, as AppendDelete says. An address that is not there is an
// error that errors.Is takes for fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, a Address) error {
	return exec(ctx, conn, AppendDelete, "address: delete", a)
}

func exec(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder, Address), op string, a Address) error {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e, a)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, op, a.String())
	}
	return nil
}
