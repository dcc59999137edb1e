//go:build linux

package nexthop_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A longer run: go test -run TestWatchProof ./nexthop -watch.changes 200000 -timeout 1h
var changes = flag.Int("watch.changes", 3000, "random changes that TestWatchProof follows")

// change appends a random change: objects are 1 to 20, groups 101 to 110.
func change(e *rtattr.Encoder, rng *rand.Rand, links bool) {
	dev := []uint32{10, 12, 13}[rng.IntN(3)]
	object := nexthop.Nexthop{ID: uint32(1 + rng.IntN(20)), Index: dev, Protocol: rtattr.Protocol(rng.IntN(2) * 77)}
	switch rng.IntN(8) {
	case 0:
		object.Index, object.Blackhole = 0, true
	case 1:
		object.Index, object.FDB, object.Gateway = 0, true, ip("192.0.2.77")
	case 2, 3:
		object.Gateway = ip(fmt.Sprintf("fe80::%d", 1+rng.IntN(9)))
	}
	var members []nexthop.Member
	for range 1 + rng.IntN(3) {
		members = append(members, nexthop.Member{ID: uint32(1 + rng.IntN(20)), Weight: 1 + rng.IntN(4)})
	}
	grp := nexthop.Nexthop{ID: uint32(101 + rng.IntN(10)), Group: group(members...)}
	if grp.ID%2 == 0 {
		grp.Type, grp.Buckets, grp.IdleTimer = rtattr.NEXTHOP_GRP_TYPE_RES, 8, nexthop.TimerOf(time.Minute)
	}
	switch k := rng.IntN(1000); {
	case k < 10 && links:
		rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: int32(10 + rng.IntN(4)), Flags: rtattr.IfFlags(min(rng.IntN(3), 1)), Change: 1}).End()
	case k < 250:
		nexthop.AppendAdd(e, object)
	case k < 450:
		nexthop.AppendReplace(e, object)
	case k < 550:
		nexthop.AppendDelete(e, object.ID)
	case k < 750:
		nexthop.AppendAdd(e, grp)
	case k < 900:
		nexthop.AppendReplace(e, grp)
	default:
		nexthop.AppendDelete(e, grp.ID)
	}
}

// After any number of changes by several writers, the events amount to what the
// kernel has.
func TestWatchProof(t *testing.T) {
	for _, tt := range []struct {
		name   string
		buffer int
		f      nexthop.Filter
	}{
		{"tiny", 1, nexthop.Filter{}},
		{"large", 16 << 20, nexthop.Filter{}},
		{"filter", 16 << 20, nexthop.Filter{Protocol: 77}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, conn := newLab(t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			watcher, err := rtnl.Watch(ctx, conn, &rtnl.WatchConfig{ReadBuffer: tt.buffer}, nexthop.Object(tt.f))
			if err != nil {
				t.Fatal(err)
			}
			write := func(links bool) {
				const writers = 3
				var wg sync.WaitGroup
				for i := range writers {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(uint64(i), uint64(tt.buffer)))
						var e rtattr.Encoder
						n := *changes / 2 / writers
						for j := range n {
							if change(&e, rng, links); rng.IntN(10) > 0 && j < n-1 {
								continue
							}
							var cut *rtnl.Incomplete
							if err := conn.Exec(ctx, &e); errors.As(err, &cut) || e.Err() != nil {
								t.Error(err)
								return
							}
							e.Reset(nil)
						}
					})
				}
				wg.Wait()
			}
			const calm = 1300 * time.Millisecond // of linkwatch, as in package route
			var mu sync.Mutex
			got, syncing := map[uint32]nexthop.Nexthop{}, false
			// differs tells what is not yet as the kernel has it, and how much that is.
			differs := func() (string, int) {
				list, err := nexthop.List(context.Background(), conn, tt.f)
				if err != nil {
					return err.Error(), 0
				}
				want := map[uint32]nexthop.Nexthop{}
				for _, n := range list {
					want[n.ID] = n
				}
				mu.Lock()
				defer mu.Unlock()
				if syncing || !maps.Equal(got, want) {
					return fmt.Sprintf("syncing %t, by events\n%v\nlisted\n%v", syncing, got, want), len(list)
				}
				return "", len(list)
			}
			type outcome struct {
				differences string
				nexthops    int
			}
			end := make(chan outcome, 1)
			go func() {
				defer cancel()
				write(true)
				var e rtattr.Encoder
				for i := range int32(4) {
					rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 10 + i, Flags: 1, Change: 1}).End()
				}
				if err := conn.Exec(ctx, &e); err != nil {
					t.Error(err)
				}
				select {
				case <-time.After(calm):
				case <-ctx.Done():
				}
				write(false)
				var o outcome
				for late := time.Now().Add(time.Minute); time.Now().Before(late) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
					if o.differences, o.nexthops = differs(); o.differences == "" {
						break
					}
				}
				end <- o
			}()
			events, resyncs := 0, 0
			for ev, err := range watcher.Events() {
				if errors.Is(err, context.Canceled) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				old, ok := got[ev.Key]
				switch ev.Type {
				case rtnl.Added, rtnl.Changed:
					got[ev.Key] = ev.Value
				case rtnl.Removed:
					delete(got, ev.Key)
				case rtnl.Resync:
					resyncs++
					syncing = true
				case rtnl.Synced:
					syncing = false
				}
				mu.Unlock()
				if ok != (ev.Type == rtnl.Changed || ev.Type == rtnl.Removed) || ok && old != ev.Old {
					t.Fatalf("%v of %v: it was %v (%v)", ev.Type, ev.Key, old, ok)
				}
				events++
			}
			o := <-end
			if o.differences != "" {
				t.Error(o.differences)
			}
			if events < 100 || o.nexthops == 0 {
				t.Errorf("%d events, %d nexthops: the test is too weak", events, o.nexthops)
			}
			t.Logf("%d events, %d resyncs, %d nexthops", events, resyncs, o.nexthops)
		})
	}
}

func TestWatchRefused(t *testing.T) {
	_, conn := newLab(t)
	watcher, err := rtnl.Watch(ctx, conn, nil, nexthop.Object(nexthop.Filter{Master: 14}))
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	if _, err := watcher.Next(); err == nil || err.Error() != "nexthop: watch: a Master cannot be followed" {
		t.Error(err)
	}
}
