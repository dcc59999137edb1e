// Package flush runs batches of deletions.
package flush

import (
	"context"
	"errors"
	"io/fs"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Run runs the batch of e. That an object is gone already is no failure: it may go
// with another one, or be deleted by somebody else since it was listed.
func Run(ctx context.Context, conn *rtnl.Conn, e *rtattr.Encoder, op, object string) error {
	if e.Err() == nil && e.Len() == 0 {
		return nil
	}
	err := conn.Exec(ctx, e)
	if err == nil {
		return nil
	}
	var cut *rtnl.Incomplete
	var failed rtnl.Errors
	if errors.As(err, &failed) && !errors.As(err, &cut) {
		var rest rtnl.Errors
		for _, one := range failed {
			if !errors.Is(one, fs.ErrNotExist) {
				rest = append(rest, one)
			}
		}
		if len(rest) == 0 {
			return nil
		}
		err = rest
	}
	return rtnl.Annotate(err, op, object)
}
