//go:build linux

package flush_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/flush"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// What is gone is no failure, and hides none.
func TestRun(t *testing.T) {
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var e rtattr.Encoder
	if err := flush.Run(context.Background(), conn, &e, "op", "object"); err != nil {
		t.Errorf("nothing: %v", err)
	}
	gone := func() {
		w := rtattr.AppendRule(&e, rtattr.RTM_DELRULE, 0, rtattr.FibRuleHdr{Family: rtattr.AF_INET})
		w.Priority(77)
		w.End()
	}
	gone()
	gone()
	if err := flush.Run(context.Background(), conn, &e, "op", "object"); err != nil {
		t.Errorf("gone: %v", err)
	}
	rtattr.AppendRule(&e, rtattr.RTM_DELRULE, 0, rtattr.FibRuleHdr{Family: 77}).End()
	gone()
	err = flush.Run(context.Background(), conn, &e, "op", "object")
	var failed rtnl.Errors
	if !errors.As(err, &failed) || len(failed) != 1 || failed[0].Index != 2 || failed[0].Op != "op" || !errors.Is(err, unix.EAFNOSUPPORT) {
		t.Errorf("another failure: %v", err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := flush.Run(canceled, conn, &e, "op", "object"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	e.Fail(errors.New("bad"))
	if err := flush.Run(context.Background(), conn, &e, "op", "object"); err == nil {
		t.Error("a batch that failed")
	}
}
