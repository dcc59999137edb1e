//go:build linux

package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/nlwire/nlwire/rtnl"
)

// Follow watches o with a receive buffer that holds next to nothing while change
// makes changes, and wants the events to amount to what a new list says. change
// makes so many at once that some are lost, and leaves at least min objects.
func Follow[K comparable, V any](t *testing.T, conn *rtnl.Conn, o rtnl.Object[K, V], min int, change func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w, err := rtnl.Watch(ctx, conn, &rtnl.WatchConfig{ReadBuffer: 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	f := follower[K, V]{state: map[K]V{}, equal: o.Equal}
	if f.equal == nil {
		f.equal = func(a, b V) bool { return any(a) == any(b) }
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for ev, err := range w.Events() {
			if err == nil {
				err = f.apply(ev)
			}
			if errors.Is(err, context.Canceled) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	change()
	want := snapshot(t, conn, o)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		diff := f.diff(want)
		if diff == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("the events do not amount to the list:\n%s", diff)
			break
		}
		want = snapshot(t, conn, o) // timers change something, too
	}
	if len(want) < min {
		t.Errorf("%d objects are left, want %d", len(want), min)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resyncs == 0 {
		t.Error("nothing was lost: the test is too weak")
	}
	t.Logf("%d events, %d resyncs, %d objects", f.events, f.resyncs, len(want))
}

// snapshot returns what a list says.
func snapshot[K comparable, V any](t *testing.T, conn *rtnl.Conn, o rtnl.Object[K, V]) map[K]V {
	t.Helper()
	w, err := rtnl.Watch(context.Background(), conn, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	state := map[K]V{}
	for {
		ev, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Type == rtnl.Synced {
			return state
		}
		state[ev.Key] = ev.Value
	}
}

// A follower applies events, and checks that each is a step from what was before.
type follower[K comparable, V any] struct {
	equal func(a, b V) bool

	mu        sync.Mutex
	state     map[K]V
	synced    bool
	resyncing bool
	resyncs   int
	events    int
}

func (f *follower[K, V]) apply(ev rtnl.Event[K, V]) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events++
	old, ok := f.state[ev.Key]
	switch ev.Type {
	case rtnl.Added:
		if ok {
			return fmt.Errorf("%v is added twice", ev.Key)
		}
		f.state[ev.Key] = ev.Value
	case rtnl.Changed:
		if !ok || !f.equal(old, ev.Old) || f.equal(old, ev.Value) {
			return fmt.Errorf("%v is changed from %v to %v, it was %v (%v)", ev.Key, ev.Old, ev.Value, old, ok)
		}
		f.state[ev.Key] = ev.Value
	case rtnl.Removed:
		if !ok || !f.equal(old, ev.Old) {
			return fmt.Errorf("%v is removed as %v, it was %v (%v)", ev.Key, ev.Old, old, ok)
		}
		delete(f.state, ev.Key)
	case rtnl.Resync:
		f.resyncing = true
		f.resyncs++
	case rtnl.Synced:
		f.resyncing = false
		f.synced = true
	}
	return nil
}

// diff describes how want differs from what the events amount to, "" if it does not.
func (f *follower[K, V]) diff(want map[K]V) (s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.synced || f.resyncing {
		return "\tin the midst of a list\n"
	}
	if maps.EqualFunc(f.state, want, f.equal) {
		return ""
	}
	for k, v := range want {
		if got, ok := f.state[k]; !ok || !f.equal(got, v) {
			s += fmt.Sprintf("\t%+v\n\tis %+v in the list\n\tand %+v (%v) by the events\n", k, v, got, ok)
		}
	}
	for k, v := range f.state {
		if _, ok := want[k]; !ok {
			s += fmt.Sprintf("\t%+v is not in the list, %+v by the events\n", k, v)
		}
	}
	return s
}
