package route

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtnl"
)

// flushBatch is how many deletions go into one Exec.
const flushBatch = 1024

// Flush lists the routes of f and deletes them in batches: as many messages as
// there are routes, and a list. It returns how many were deleted by it. One that
// has gone meanwhile is no error, and one that has come meanwhile stays.
//
// f must say more than a Family: a Table (main is what `ip route flush` takes), an
// Index, a Protocol or the like. Routes of the kernel go as well, if they match.
// Cached routes of IPv4 cannot be deleted.
func Flush(ctx context.Context, conn *rtnl.Conn, f Filter) (int, error) {
	if f == (Filter{Family: f.Family}) {
		return 0, errors.New("route: flush: a filter without a field but Family would delete all routes of all tables")
	}
	list, err := List(ctx, conn, f)
	if err != nil {
		return 0, fmt.Errorf("route: flush: %w", err)
	}
	e := conn.Encoder()
	defer conn.Release(e)
	deleted := 0
	var failed []error
	for len(list) > 0 && ctx.Err() == nil {
		n := min(len(list), flushBatch)
		e.Reset(nil)
		for _, r := range list[:n] {
			AppendDelete(e, r)
		}
		err := conn.Exec(ctx, e)
		var each rtnl.Errors
		var cut *rtnl.Incomplete
		switch {
		case errors.As(err, &cut):
			return deleted, errors.Join(append(failed, fmt.Errorf("route: flush: %w", err))...)
		case errors.As(err, &each):
		case err != nil:
			return deleted, errors.Join(append(failed, err)...)
		}
		deleted += n - len(each)
		for _, x := range each {
			if !errors.Is(x, unix.ESRCH) {
				x.Op, x.Object = "route: flush", list[x.Index].String()
				failed = append(failed, x)
			}
		}
		list = list[n:]
	}
	if err := ctx.Err(); err != nil {
		failed = append(failed, fmt.Errorf("route: flush: %w", err))
	}
	return deleted, errors.Join(failed...)
}
