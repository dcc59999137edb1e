package rtnltest_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rtnl/rtnltest"
)

var errQuiet = errors.New("nothing is to be received")

// A quiet socket fails where it would wait.
type quiet struct {
	rtnl.Transport
	before func() // each Receive
}

func (q quiet) Receive(b []byte, wait bool) (int, uint32, error) {
	q.before()
	n, port, err := q.Transport.Receive(b, false)
	if err == unix.EAGAIN && wait {
		err = errQuiet
	}
	return n, port, err
}

// appendPriority appends a notification: route i has priority v, or is gone.
func appendPriority(e *rtattr.Encoder, typ uint16, i, v int) {
	w := rtattr.AppendRoute(e, typ, 0, rtattr.RtMsg{Family: rtattr.AF_INET, DstLen: 32, Type: rtattr.RTN_BLACKHOLE})
	w.Dst(addr(i))
	w.Priority(uint32(v))
	w.End()
}

func routes(t testing.TB) rtnl.Object[int, uint32] {
	return rtnl.Object[int, uint32]{
		Groups: []rtattr.Group{rtattr.RTNLGRP_IPV4_ROUTE},
		List:   appendDump,
		Parse: func(m rtattr.Msg) (int, uint32, error) {
			var v rtattr.RouteView
			if err := v.Parse(m.Payload()); err != nil {
				return 0, 0, err
			}
			priority, _ := v.Priority()
			return number(t, m), priority, nil
		},
	}
}

// Lists that are interrupted and lack entries, that change while they are read
// with and without saying so, lost and repeated notifications, and an overrun at
// any moment: afterwards the events amount to what the kernel has.
func TestWatchFaults(t *testing.T) {
	resyncs := 0
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 4))
		kernel := map[int]int{} // route -> priority
		k := &rtnltest.Kernel{}
		change := func() {
			var e rtattr.Encoder
			for range 1 + rng.IntN(4) {
				i := rng.IntN(40)
				if _, ok := kernel[i]; ok && rng.IntN(2) == 0 {
					delete(kernel, i)
					appendPriority(&e, rtattr.RTM_DELROUTE, i, 0)
				} else {
					kernel[i] = rng.IntN(5)
					appendPriority(&e, rtattr.RTM_NEWROUTE, i, kernel[i])
				}
			}
			if err := k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(10) == 0 {
				k.Lose(rtattr.RTNLGRP_IPV4_ROUTE)
			}
		}
		faulty := true
		unmarked := seed%2 == 0
		k.Handle = func(r *rtnltest.Request) {
			var e rtattr.Encoder
			lacking := faulty && rng.IntN(4) == 0
			changing := faulty && rng.IntN(3) == 0
			for i := range 40 {
				if v, ok := kernel[i]; ok && (!lacking || rng.IntN(3) > 0) {
					appendPriority(&e, rtattr.RTM_NEWROUTE, i, v)
				}
				if changing && rng.IntN(8) == 0 {
					change()
				}
			}
			r.Reply(&e)
			if lacking {
				r.Interrupted()
			} else if changing && !unmarked {
				r.Interrupted()
			}
		}
		k.Tamper = func(answers []rtnltest.Datagram) []rtnltest.Datagram {
			if faulty && rng.IntN(6) == 0 {
				return rtnltest.Mangle(rng, rtnltest.Lost, rtnltest.Foreign, rtnltest.Interrupted, rtnltest.Truncated)(answers)
			}
			return answers
		}
		c, err := rtnl.Dial(&rtnl.Config{Open: func() (rtnl.Transport, error) {
			s, err := k.Open()
			return quiet{s, func() {
				// What comes while the socket is read empty.
				if faulty && rng.IntN(2+int(seed%7)*5) == 0 {
					change()
				}
			}}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		change()
		o := routes(t)
		o.Unmarked = unmarked
		w, err := rtnl.Watch(ctx, c, &rtnl.WatchConfig{ReadBuffer: []int{1, 4096, 0}[seed%3]}, o)
		if err != nil {
			t.Fatal(err)
		}
		state := map[int]uint32{}
		resyncing := false
		for n := 0; ; n++ {
			// Before the end there is always something to receive.
			if faulty = n < 150; faulty {
				change()
			}
			ev, err := w.Next()
			if errors.Is(err, errQuiet) {
				break
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			old, ok := state[ev.Key]
			switch {
			case ev.Type == rtnl.Added && !ok, ev.Type == rtnl.Changed && ok && old == ev.Old && old != ev.Value:
				state[ev.Key] = ev.Value
			case ev.Type == rtnl.Removed && ok && old == ev.Old:
				delete(state, ev.Key)
			case ev.Type == rtnl.Resync && !resyncing:
				resyncing = true
				resyncs++
			case ev.Type == rtnl.Synced:
				resyncing = false
			default:
				t.Fatalf("seed %d: %+v, it was %v (%v)", seed, ev, old, ok)
			}
		}
		want := map[int]uint32{}
		for i, v := range kernel {
			want[i] = uint32(v)
		}
		if !maps.Equal(state, want) || resyncing {
			t.Fatalf("seed %d: resyncing %v\ngot  %v\nwant %v", seed, resyncing, state, want)
		}
		c.Close()
		if n := k.Sockets(); n != 0 {
			t.Fatalf("seed %d: %d sockets are left open", seed, n)
		}
	}
	if resyncs < runs {
		t.Errorf("%d resyncs in %d runs: the test is too weak", resyncs, runs)
	}
}

// The first list, what is announced meanwhile, and nothing twice.
func TestWatchOrder(t *testing.T) {
	k := &rtnltest.Kernel{}
	k.Handle = func(r *rtnltest.Request) {
		var e rtattr.Encoder
		appendPriority(&e, rtattr.RTM_NEWROUTE, 1, 10)
		appendPriority(&e, rtattr.RTM_NEWROUTE, 2, 20)
		r.Reply(&e)
	}
	c := dial(t, k)
	w, err := rtnl.Watch(ctx, c, nil, routes(t))
	if err != nil {
		t.Fatal(err)
	}
	// Older and newer than the list: only the last one of each counts.
	var e rtattr.Encoder
	appendPriority(&e, rtattr.RTM_NEWROUTE, 3, 30) // dropped: it is older than the list
	if err := k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e); err != nil {
		t.Fatal(err)
	}
	handle := k.Handle
	k.Handle = func(r *rtnltest.Request) {
		handle(r)
		var e rtattr.Encoder
		appendPriority(&e, rtattr.RTM_NEWROUTE, 1, 5)
		appendPriority(&e, rtattr.RTM_NEWROUTE, 1, 10)
		appendPriority(&e, rtattr.RTM_DELROUTE, 2, 20)
		appendPriority(&e, rtattr.RTM_NEWROUTE, 4, 40)
		k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e)
	}
	next := func(want rtnl.Event[int, uint32]) {
		t.Helper()
		if ev, err := w.Next(); ev != want || err != nil {
			t.Errorf("got %+v, %v; want %+v", ev, err, want)
		}
	}
	next(rtnl.Event[int, uint32]{Type: rtnl.Added, Key: 1, Value: 10})
	next(rtnl.Event[int, uint32]{Type: rtnl.Added, Key: 4, Value: 40})
	next(rtnl.Event[int, uint32]{Type: rtnl.Synced})
	k.Handle = func(r *rtnltest.Request) {
		var e rtattr.Encoder
		appendPriority(&e, rtattr.RTM_NEWROUTE, 1, 11)
		appendPriority(&e, rtattr.RTM_NEWROUTE, 5, 50)
		r.Reply(&e)
	}
	e.Reset(nil)
	appendPriority(&e, rtattr.RTM_NEWROUTE, 4, 40) // nothing new
	appendPriority(&e, rtattr.RTM_NEWROUTE, 6, 60)
	k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e)
	next(rtnl.Event[int, uint32]{Type: rtnl.Added, Key: 6, Value: 60})
	k.Lose(rtattr.RTNLGRP_IPV4_ROUTE)
	next(rtnl.Event[int, uint32]{Type: rtnl.Resync})
	gone := map[int]uint32{}
	for range 2 { // in no order
		ev, err := w.Next()
		if ev.Type != rtnl.Removed || err != nil {
			t.Errorf("%+v, %v", ev, err)
		}
		gone[ev.Key] = ev.Old
	}
	if !maps.Equal(gone, map[int]uint32{4: 40, 6: 60}) {
		t.Errorf("gone: %v", gone)
	}
	next(rtnl.Event[int, uint32]{Type: rtnl.Changed, Key: 1, Value: 11, Old: 10})
	next(rtnl.Event[int, uint32]{Type: rtnl.Added, Key: 5, Value: 50})
	next(rtnl.Event[int, uint32]{Type: rtnl.Synced})
}

// A notification costs no allocation.
func TestWatchAllocs(t *testing.T) {
	k := &rtnltest.Kernel{}
	c := dial(t, k)
	w, err := rtnl.Watch(ctx, c, nil, routes(t))
	if err != nil {
		t.Fatal(err)
	}
	if ev, err := w.Next(); ev.Type != rtnl.Synced || err != nil {
		t.Fatal(ev, err)
	}
	var e rtattr.Encoder
	n := 0
	const batch = 100
	// Notify itself copies each notification once.
	if got := testing.AllocsPerRun(50, func() {
		e.Reset(nil)
		for i := range batch {
			appendPriority(&e, rtattr.RTM_NEWROUTE, i, n)
		}
		n++
		if err := k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e); err != nil {
			t.Fatal(err)
		}
		for range batch {
			if _, err := w.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}); got > batch+5 {
		t.Errorf("%v allocations for %d notifications, %d of them the test's", got, batch, batch)
	}
}

// A socket that has overrun drops notifications without a word until it has been
// read empty: a list must wait for that, even if more and more arrives.
func TestWatchCongested(t *testing.T) {
	k := &rtnltest.Kernel{}
	notify := func(n int) {
		var e rtattr.Encoder
		for i := range n {
			appendPriority(&e, rtattr.RTM_NEWROUTE, i, 1)
		}
		if err := k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e); err != nil {
			t.Fatal(err)
		}
	}
	k.Handle = func(*rtnltest.Request) {
		var e rtattr.Encoder
		appendPriority(&e, rtattr.RTM_NEWROUTE, 99, 1)
		k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e)
	}
	// Two notifications fit. The sixth receive is the last one that the size of
	// the buffer makes necessary, and leaves one behind an overrun.
	arrive := map[int]int{1: 1, 2: 3, 5: 3}
	receives := 0
	c, err := rtnl.Dial(&rtnl.Config{Open: func() (rtnl.Transport, error) {
		s, err := k.Open()
		return quiet{s, func() {
			receives++
			notify(arrive[receives])
		}}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w, err := rtnl.Watch(ctx, c, &rtnl.WatchConfig{ReadBuffer: 1}, routes(t))
	if err != nil {
		t.Fatal(err)
	}
	want := rtnl.Event[int, uint32]{Type: rtnl.Added, Key: 99, Value: 1}
	if ev, err := w.Next(); ev != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", ev, err, want)
	}
}
