package neigh

import (
	"context"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add adds n, as AppendAdd says. One that exists is fs.ErrExist.
func Add(ctx context.Context, conn *rtnl.Conn, n Neigh) error {
	return exec(ctx, conn, AppendAdd, "neigh: add", n)
}

// Replace adds or changes n, as AppendReplace says.
func Replace(ctx context.Context, conn *rtnl.Conn, n Neigh) error {
	return exec(ctx, conn, AppendReplace, "neigh: replace", n)
}

// Change is Replace for an entry that must exist: none is fs.ErrNotExist.
func Change(ctx context.Context, conn *rtnl.Conn, n Neigh) error {
	return exec(ctx, conn, AppendChange, "neigh: change", n)
}

// Append adds n or a further remote end to it, as AppendAppend says.
func Append(ctx context.Context, conn *rtnl.Conn, n Neigh) error {
	return exec(ctx, conn, AppendAppend, "neigh: append", n)
}

// Delete deletes n, as AppendDelete says. None is fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, n Neigh) error {
	return exec(ctx, conn, AppendDelete, "neigh: delete", n)
}

// Get returns one entry, as AppendGet says. None is fs.ErrNotExist. Linux 5.0, or 5.1
// for forwarding entries.
func Get(ctx context.Context, conn *rtnl.Conn, n Neigh) (Neigh, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGet(e, n)
	if err := e.Err(); err != nil {
		return Neigh{}, err
	}
	var got Neigh
	err := fmt.Errorf("neigh: get %v: no answer", n)
	for m, qerr := range conn.Query(ctx, e) { // to its end, or its socket is lost
		if qerr != nil {
			return Neigh{}, rtnl.Annotate(qerr, "neigh: get", n.String())
		}
		if m.Type() != rtattr.RTM_NEWNEIGH {
			continue
		}
		var v rtattr.NeighView
		if err = v.Parse(m.Payload()); err == nil {
			got, err = Parse(&v)
		}
	}
	return got, err
}

func exec(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder, Neigh), op string, n Neigh) error {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e, n)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, op, n.String())
	}
	return nil
}
