//go:build linux

package route_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A longer run: go test -run TestWatchProof ./route -watch.changes 300000 -timeout 1h
var changes = flag.Int("watch.changes", 6000, "random changes that TestWatchProof follows")

// watchLinks are those with an even index from firstLink on; the next is the peer.
const (
	firstLink  = 10
	watchLinks = 4
)

func watchLab(t *testing.T) (*nstest.NS, *rtnl.Conn) {
	t.Helper()
	ns := nstest.New(t)
	optguard.IP(t, ns, "link set lo up")
	for i := range watchLinks {
		x := firstLink + 2*i
		optguard.IP(t, ns, fmt.Sprintf("link add v%d index %d type veth peer name v%d index %d", x, x, x+1, x+1))
		for j := range 2 {
			optguard.IP(t, ns, fmt.Sprintf("link set v%d addrgenmode none", x+j))
			optguard.IP(t, ns, fmt.Sprintf("link set v%d up", x+j))
		}
		optguard.IP(t, ns, fmt.Sprintf("address add 10.66.%d.1/24 dev v%d", i, x))
		optguard.IP(t, ns, fmt.Sprintf("address add fd66:%d::1/64 dev v%d nodad", i, x))
		optguard.IP(t, ns, fmt.Sprintf("nexthop add id %d via 10.66.%d.9 dev v%d", 10+i, i, x))
		optguard.IP(t, ns, fmt.Sprintf("nexthop add id %d via fd66:%d::9 dev v%d", 20+i, i, x))
	}
	return ns, optguard.Dial(t, ns)
}

// repair gives all links, addresses and nexthop objects back that routes want.
func repair(e *rtattr.Encoder) {
	const replace = rtattr.NLM_F_CREATE | rtattr.NLM_F_REPLACE
	for i := range uint32(2 * watchLinks) {
		rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: int32(firstLink + i), Flags: 1, Change: 1}).End()
	}
	for i := range uint32(watchLinks) {
		m := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, replace, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: firstLink + 2*i})
		m.Local(ip(fmt.Sprintf("10.66.%d.1", i)))
		m.End()
		m = rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, replace, rtattr.IfAddrmsg{Family: rtattr.AF_INET6, PrefixLen: 64, Index: firstLink + 2*i, Flags: 2})
		m.Local(ip(fmt.Sprintf("fd66:%d::1", i)))
		m.End()
	}
}

// A writer makes random changes: of routes, their links, addresses and nexthop
// objects, or of routes alone.
type writer struct {
	rng    *rand.Rand
	routes bool
	e      rtattr.Encoder
}

func (w *writer) n(n int) int { return w.rng.IntN(n) }

// way is a random nexthop.
func (w *writer) way(six bool) route.NextHop {
	i := w.n(watchLinks)
	h := route.NextHop{Index: uint32(firstLink + 2*i), Weight: 1 + w.n(3)}
	host := 2 + w.n(4)
	switch {
	case six:
		h.Gateway = ip(fmt.Sprintf("fd66:%d::%d", i, host))
		if w.n(6) == 0 {
			h.Encap = encap.SEG6{Mode: rtattr.SEG6_IPTUN_MODE_ENCAP, SRH: segs("fd66:9::2")}
		}
	case w.n(5) == 0:
		h.Gateway = ip(fmt.Sprintf("fd66:%d::%d", i, host)) // IPv4 by an IPv6 router
	default:
		h.Gateway = ip(fmt.Sprintf("10.66.%d.%d", i, host))
		if w.n(8) == 0 {
			h.Flow = uint32(1 + w.n(3))
		}
	}
	return h
}

// route is a random one of few destinations, so that most exist and have others
// beside them.
func (w *writer) route() route.Route {
	six := w.n(2) == 0
	x := w.n(6)
	r := route.Route{Dst: pfx(fmt.Sprintf("10.9.%d.0/24", x)), Priority: uint32(w.n(2)), Protocol: rtattr.Protocol(200 + w.n(2))}
	if six {
		r.Dst, r.Priority = pfx(fmt.Sprintf("fd09:%d::/64", x)), uint32(100+w.n(2))
	}
	if w.n(4) == 0 {
		r.Table = 1000
	}
	if w.n(4) == 0 {
		r.Metrics.MTU = uint32(1300 + w.n(2))
	}
	switch w.n(12) {
	case 0:
		r.Type = rtattr.RTN_BLACKHOLE
		return r
	case 1:
		r.NexthopID = uint32(10 + w.n(watchLinks))
		if six {
			r.NexthopID += 10
		}
		return r
	case 2: // a device alone
		r.Index = uint32(firstLink + 2*w.n(watchLinks))
		return r
	case 3, 4, 5:
		if !six && w.n(2) == 0 {
			r.TOS = 8
		}
		var hops []route.NextHop
		for range 2 + w.n(3) {
			hops = append(hops, w.way(six))
		}
		r.Multipath = route.Hops(hops...)
		return r
	case 6:
		r.PrefSrc = ip(fmt.Sprintf("10.77.%d.1", w.n(4)))
		if six {
			r.PrefSrc = ip(fmt.Sprintf("fd77::%d", 1+w.n(4)))
		}
	case 7:
		if six {
			r.Expires = uint32(1000 + w.n(9))
		} else {
			r.TOS = 8
		}
	}
	h := w.way(six)
	r.Gateway, r.Index, r.Encap, r.Flow = h.Gateway, h.Index, h.Encap, h.Flow
	return r
}

func (w *writer) change() {
	k := w.n(1000)
	if w.routes {
		k = 110 + w.n(890)
	}
	switch {
	case k < 8:
		i := uint32(firstLink + w.n(2*watchLinks))
		rtattr.AppendLink(&w.e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: int32(i), Flags: rtattr.IfFlags(min(w.n(3), 1)), Change: 1}).End()
	case k < 12:
		m := rtattr.AppendLink(&w.e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: int32(firstLink + 2*w.n(watchLinks))})
		m.MTU(uint32(1290 + w.n(200)))
		m.End()
	case k < 60:
		w.address()
	case k < 110:
		w.nexthop()
	case k < 300:
		route.AppendAdd(&w.e, w.route())
	case k < 450:
		route.AppendAppend(&w.e, w.route())
	case k < 520:
		route.AppendPrepend(&w.e, w.route())
	case k < 680:
		route.AppendReplace(&w.e, w.route())
	case k < 730:
		route.AppendChange(&w.e, w.route())
	case k < 830: // whatever it is
		r := w.route()
		route.AppendDelete(&w.e, route.Route{Dst: r.Dst, Table: r.Table, Priority: r.Priority, TOS: r.TOS})
	default:
		r := w.route()
		r.Protocol, r.Metrics, r.PrefSrc, r.Expires = 0, route.Metrics{}, netip.Addr{}, 0
		route.AppendDelete(&w.e, r)
	}
}

// address adds or deletes an own address: a preferred source of routes, or the one
// that all routes of a link need.
func (w *writer) address() {
	h := rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: uint32(firstLink + 2*w.n(watchLinks))}
	a := ip(fmt.Sprintf("10.77.%d.1", w.n(4)))
	switch w.n(5) {
	case 0, 1:
		h.Family, h.PrefixLen, h.Flags, a = rtattr.AF_INET6, 128, 2 /* IFA_F_NODAD */, ip(fmt.Sprintf("fd77::%d", 1+w.n(4)))
	case 2:
		a = ip(fmt.Sprintf("10.66.%d.1", (h.Index-firstLink)/2))
	}
	typ, flags := uint16(rtattr.RTM_NEWADDR), uint16(rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE)
	if w.n(3) == 0 {
		typ, flags = rtattr.RTM_DELADDR, 0
	}
	m := rtattr.AppendAddr(&w.e, typ, flags, h)
	m.Local(a)
	m.End()
}

func (w *writer) nexthop() {
	i := w.n(watchLinks)
	id, gateway := uint32(10+i), ip(fmt.Sprintf("10.66.%d.%d", i, 2+w.n(8)))
	h := rtattr.NhMsg{Family: rtattr.AF_INET}
	if w.n(2) == 0 {
		h.Family, id, gateway = rtattr.AF_INET6, id+10, ip(fmt.Sprintf("fd66:%d::%d", i, 2+w.n(8)))
	}
	if w.n(3) == 0 {
		m := rtattr.AppendNexthop(&w.e, rtattr.RTM_DELNEXTHOP, 0, rtattr.NhMsg{})
		m.ID(id)
		m.End()
		return
	}
	m := rtattr.AppendNexthop(&w.e, rtattr.RTM_NEWNEXTHOP, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, h)
	m.ID(id)
	if w.n(4) == 0 {
		m.Blackhole()
	} else {
		m.Gateway(gateway)
		m.OIF(uint32(firstLink + 2*i))
	}
	m.End()
}

// A state applies events, and checks that each is a step from what was before.
type state struct {
	routes  map[route.Key]route.Route
	resyncs int
	syncing bool
}

func (s *state) apply(ev rtnl.Event[route.Key, route.Route]) error {
	old, ok := s.routes[ev.Key]
	switch ev.Type {
	case rtnl.Added:
		if ok {
			return fmt.Errorf("%v is added twice", ev.Value)
		}
		s.routes[ev.Key] = ev.Value
	case rtnl.Changed:
		if !ok || old != ev.Old {
			return fmt.Errorf("%v is changed to %v, it was %v (%v)", ev.Old, ev.Value, old, ok)
		}
		s.routes[ev.Key] = ev.Value
	case rtnl.Removed:
		if !ok || old != ev.Old {
			return fmt.Errorf("%v is removed, it was %v (%v)", ev.Old, old, ok)
		}
		delete(s.routes, ev.Key)
	case rtnl.Resync:
		s.resyncs++
		s.syncing = true
	case rtnl.Synced:
		s.syncing = false
	}
	return nil
}

// differences compares with a fresh List, Expires aside.
func (s *state) differences(list []route.Route) string {
	var b strings.Builder
	want := map[route.Key]route.Route{}
	for _, r := range list {
		want[r.Key()] = r
	}
	for k, r := range want {
		got, ok := s.routes[k]
		got.Expires, r.Expires = 0, 0
		if !ok {
			fmt.Fprintf(&b, "missing  %v\n", r)
		} else if got != r {
			fmt.Fprintf(&b, "got      %+v\nwant     %+v\n", got, r)
		}
	}
	for k, r := range s.routes {
		if _, ok := want[k]; !ok {
			fmt.Fprintf(&b, "left     %v\n", r)
		}
	}
	return b.String()
}

// After any number of changes by several writers, the events amount to what the
// kernel has: with a receive buffer that holds next to nothing and with a large one,
// of all routes and of some.
func TestWatchProof(t *testing.T) {
	for _, tt := range []struct {
		name   string
		buffer int
		f      route.Filter
	}{
		{"tiny", 1, route.Filter{}},
		{"large", 16 << 20, route.Filter{}},
		{"filter", 16 << 20, route.Filter{Protocol: 201, Table: rtattr.RT_TABLE_MAIN}},
		{"dev", 64 << 10, route.Filter{Family: rtattr.AF_INET6, Index: firstLink}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, conn := watchLab(t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			watcher, err := rtnl.Watch(ctx, conn, &rtnl.WatchConfig{ReadBuffer: tt.buffer}, route.Object(tt.f))
			if err != nil {
				t.Fatal(err)
			}
			// In the second half nothing makes the Watch list again but what routes do.
			const writers = 4
			write := func(routes bool) {
				var wg sync.WaitGroup
				for i := range writers {
					wg.Go(func() {
						w := writer{rng: rand.New(rand.NewPCG(uint64(i), uint64(tt.buffer))), routes: routes}
						n := *changes / 2 / writers
						for j := range n {
							w.change()
							if w.n(10) > 0 && j < n-1 {
								continue
							}
							var cut *rtnl.Incomplete
							if err := conn.Exec(ctx, &w.e); errors.As(err, &cut) || w.e.Err() != nil {
								t.Error(err)
								return
							}
							w.e.Reset(nil)
						}
					})
				}
				wg.Wait()
			}
			// The kernel holds back changes of the carrier for up to a second
			// (linkwatch).
			const calm = 1300 * time.Millisecond
			var mu sync.Mutex
			s := state{routes: map[route.Key]route.Route{}}
			// differs tells what is not yet as the kernel has it, and how much that is.
			differs := func() (string, int) {
				list, err := route.List(context.Background(), conn, tt.f)
				if err != nil {
					return err.Error(), 0
				}
				mu.Lock()
				defer mu.Unlock()
				d := s.differences(list)
				if s.syncing {
					d = "syncing\n" + d
				}
				return d, len(list)
			}
			type outcome struct {
				differences string
				routes      int
			}
			end := make(chan outcome, 1)
			go func() {
				defer cancel()
				write(false)
				var e rtattr.Encoder
				repair(&e)
				conn.Exec(ctx, &e) // most of it is there
				select {
				case <-time.After(calm):
				case <-ctx.Done():
				}
				write(true)
				var o outcome
				for late := time.Now().Add(time.Minute); time.Now().Before(late) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
					if o.differences, o.routes = differs(); o.differences == "" {
						break
					}
				}
				end <- o
			}()
			events := 0
			for ev, err := range watcher.Events() {
				if errors.Is(err, context.Canceled) {
					break
				}
				if err == nil {
					mu.Lock()
					err = s.apply(ev)
					mu.Unlock()
				}
				if err != nil {
					t.Fatal(err)
				}
				events++
			}
			o := <-end
			if o.differences != "" {
				t.Error(o.differences)
			}
			if events < 50 || o.routes < 5 {
				t.Errorf("%d events, %d routes: the test is too weak", events, o.routes)
			}
			t.Logf("%d events, %d resyncs, %d routes", events, s.resyncs, o.routes)
		})
	}
}
