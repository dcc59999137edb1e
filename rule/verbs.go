package rule

import (
	"context"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add adds r, as AppendAdd says. The same rule is fs.ErrExist.
func Add(ctx context.Context, conn *rtnl.Conn, r Rule) error {
	return exec(ctx, conn, AppendAdd, "rule: add", r)
}

// Delete deletes the first rule that matches r, as AppendDelete says. None is
// fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, r Rule) error {
	return exec(ctx, conn, AppendDelete, "rule: delete", r)
}

func exec(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder, Rule), op string, r Rule) error {
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
