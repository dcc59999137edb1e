package rtnl_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

var changes = flag.Int("watch.changes", 6000, "random changes that TestWatchProof follows")

type linkState struct {
	name  string
	flags rtattr.IfFlags
	mtu   uint32
}

// links are followed by index.
func linkObject() rtnl.Object[uint32, linkState] {
	return rtnl.Object[uint32, linkState]{
		Groups: []rtattr.Group{rtattr.RTNLGRP_LINK},
		List: func(e *rtattr.Encoder) {
			rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{}).End()
		},
		Parse: func(m rtattr.Msg) (k uint32, s linkState, err error) {
			if m.Type() != rtattr.RTM_NEWLINK && m.Type() != rtattr.RTM_DELLINK {
				return k, s, rtnl.ErrSkip
			}
			var v rtattr.LinkView
			if err := v.Parse(m.Payload()); err != nil {
				return k, s, err
			}
			if v.Header.Family != rtattr.AF_UNSPEC {
				return k, s, rtnl.ErrSkip // of the bridge
			}
			name, _ := v.IfName()
			s.name = string(name)
			s.flags = v.Header.Flags
			s.mtu, _ = v.MTU()
			return uint32(v.Header.Index), s, nil
		},
	}
}

type addrKey struct {
	index     uint32
	local     netip.Addr
	prefixLen uint8
}

func addrObject(family uint8, group rtattr.Group) rtnl.Object[addrKey, rtattr.Scope] {
	return rtnl.Object[addrKey, rtattr.Scope]{
		Groups: []rtattr.Group{group},
		List: func(e *rtattr.Encoder) {
			rtattr.AppendAddr(e, rtattr.RTM_GETADDR, rtattr.NLM_F_DUMP, rtattr.IfAddrmsg{Family: family}).End()
		},
		Parse: func(m rtattr.Msg) (k addrKey, s rtattr.Scope, err error) {
			if m.Type() != rtattr.RTM_NEWADDR && m.Type() != rtattr.RTM_DELADDR {
				return k, s, rtnl.ErrSkip
			}
			var v rtattr.AddrView
			if err := v.Parse(m.Payload()); err != nil {
				return k, s, err
			}
			if v.Header.Family != family {
				return k, s, rtnl.ErrSkip
			}
			a, ok := v.Local()
			if !ok {
				a, _ = v.Address()
			}
			return addrKey{uint32(v.Header.Index), a, v.Header.PrefixLen}, v.Header.Scope, nil
		},
	}
}

type routeKey struct {
	dst      netip.Prefix
	tos      uint8
	table    uint32
	priority uint32
	oif      uint32 // of the kernel's own routes: ff00::/8 is on each link
}

type routeState struct {
	typ      rtattr.RouteType
	protocol rtattr.Protocol
	gateway  netip.Addr
	oif      uint32
}

func routeObject(family uint8, group rtattr.Group) rtnl.Object[routeKey, routeState] {
	o := rtnl.Object[routeKey, routeState]{
		Groups:   []rtattr.Group{group},
		Unmarked: true,
		List: func(e *rtattr.Encoder) {
			rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: family}).End()
		},
	}
	o.Parse = func(m rtattr.Msg) (k routeKey, s routeState, err error) {
		if m.Type() != rtattr.RTM_NEWROUTE && m.Type() != rtattr.RTM_DELROUTE {
			return k, s, rtnl.ErrSkip
		}
		var v rtattr.RouteView
		if err := v.Parse(m.Payload()); err != nil {
			return k, s, err
		}
		if v.Header.Family != family || v.Header.Flags&rtattr.RTM_F_CLONED != 0 {
			return k, s, rtnl.ErrSkip
		}
		dst, ok := v.Dst()
		if !ok {
			dst = netip.IPv4Unspecified()
			if family == rtattr.AF_INET6 {
				dst = netip.IPv6Unspecified()
			}
		}
		k.dst, k.tos = netip.PrefixFrom(dst, int(v.Header.DstLen)), v.Header.TOS
		table, _ := v.Table()
		k.table = uint32(table)
		k.priority, _ = v.Priority()
		s.typ, s.protocol = v.Header.Type, v.Header.Protocol
		s.gateway, _ = v.Gateway()
		s.oif, _ = v.OIF()
		if s.protocol == rtattr.RTPROT_KERNEL {
			k.oif = s.oif
		}
		return k, s, nil
	}
	if family == rtattr.AF_INET {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_LINK, rtattr.RTNLGRP_IPV4_IFADDR)
		o.Apply = func(t *rtnl.Table[routeKey, routeState], m rtattr.Msg) error {
			switch m.Type() {
			case rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK, rtattr.RTM_DELADDR:
				t.Relist() // routes go without a word
			case rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE:
				k, s, err := o.Parse(m)
				switch {
				case err == rtnl.ErrSkip:
				case err != nil:
					return err
				case m.Type() == rtattr.RTM_DELROUTE:
					t.Delete(k)
				default:
					t.Put(k, s)
				}
			}
			return nil
		}
	}
	return o
}

// everything is links, addresses and routes in one stream.
func everything() []rtnl.Object[any, any] {
	return []rtnl.Object[any, any]{
		linkObject().Any(),
		addrObject(rtattr.AF_INET, rtattr.RTNLGRP_IPV4_IFADDR).Any(),
		addrObject(rtattr.AF_INET6, rtattr.RTNLGRP_IPV6_IFADDR).Any(),
		routeObject(rtattr.AF_INET, rtattr.RTNLGRP_IPV4_ROUTE).Any(),
		routeObject(rtattr.AF_INET6, rtattr.RTNLGRP_IPV6_ROUTE).Any(),
	}
}

// A follower applies events, and checks that each is a step from what was before.
type follower[K comparable, V comparable] struct {
	state     map[K]V
	resyncing bool
	resyncs   int
	synced    int
	events    int
}

func (f *follower[K, V]) apply(ev rtnl.Event[K, V]) error {
	if f.state == nil {
		f.state = map[K]V{}
	}
	f.events++
	old, ok := f.state[ev.Key]
	switch ev.Type {
	case rtnl.Added:
		if ok {
			return fmt.Errorf("%v is added twice", ev.Key)
		}
		f.state[ev.Key] = ev.Value
	case rtnl.Changed:
		if !ok || old != ev.Old || old == ev.Value {
			return fmt.Errorf("%v is changed from %v to %v, it was %v (%v)", ev.Key, ev.Old, ev.Value, old, ok)
		}
		f.state[ev.Key] = ev.Value
	case rtnl.Removed:
		if !ok || old != ev.Old {
			return fmt.Errorf("%v is removed as %v, it was %v (%v)", ev.Key, ev.Old, old, ok)
		}
		delete(f.state, ev.Key)
	case rtnl.Resync:
		if f.resyncing {
			return errors.New("resync within resync")
		}
		f.resyncing = true
		f.resyncs++
	case rtnl.Synced:
		f.resyncing = false
		f.synced++
	default:
		return fmt.Errorf("an event of type %v", ev.Type)
	}
	return nil
}

// A second reader of the same objects.
func snapshot[K, V comparable](t *testing.T, c *rtnl.Conn, objects ...rtnl.Object[K, V]) map[K]V {
	t.Helper()
	all, err := listed(c, objects...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func listed[K, V comparable](c *rtnl.Conn, objects ...rtnl.Object[K, V]) (map[K]V, error) {
	all := map[K]V{}
	e := c.Encoder()
	defer c.Release(e)
	for _, o := range objects {
		e.Reset(nil)
		o.List(e)
		for m, err := range c.Query(ctx, e) {
			if err != nil {
				return nil, err
			}
			k, v, err := o.Parse(m)
			if err == rtnl.ErrSkip {
				continue
			}
			if err != nil {
				return nil, err
			}
			all[k] = v
		}
	}
	return all, nil
}

func diff[K, V comparable](t *testing.T, got, want map[K]V) {
	t.Helper()
	n := 0
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			if n++; n < 10 {
				t.Errorf("%v is %v in the kernel, %v (%v) by the events", k, v, g, ok)
			}
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			if n++; n < 10 {
				t.Errorf("%v is not in the kernel, %v by the events", k, v)
			}
		}
	}
	if n > 0 {
		t.Errorf("%d differences", n)
	}
}

// run applies what e holds, whatever fails.
func run(t *testing.T, c *rtnl.Conn, e *rtattr.Encoder) {
	t.Helper()
	var cut *rtnl.Incomplete
	if err := c.Exec(ctx, e); errors.As(err, &cut) {
		t.Error(err)
	}
	e.Reset(nil)
}

// change appends one random change to addresses, routes or links. The links are
// those of index 10 to 17; batches that change links are slow.
func change(e *rtattr.Encoder, rng *rand.Rand, writer int) {
	index := uint32(10 + rng.IntN(8))
	// An address on two links would make two routes of the same key.
	a4 := netip.AddrFrom4([4]byte{10, byte(writer), byte(index), byte(rng.IntN(50))})
	b := netip.MustParseAddr("fd00::").As16()
	b[13], b[14], b[15] = byte(writer), byte(index), byte(rng.IntN(50))
	a6 := netip.AddrFrom16(b)
	const replace = rtattr.NLM_F_CREATE | rtattr.NLM_F_REPLACE
	switch r := rng.IntN(1000); {
	case r < 4: // up, down, MTU
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{
			Index: int32(index), Flags: rtattr.IfFlags(rng.IntN(2)), Change: 1})
		w.MTU(1400 + uint32(rng.IntN(50)))
		w.End()
	case r < 250:
		typ, flags := uint16(rtattr.RTM_NEWADDR), uint16(replace)
		if rng.IntN(2) == 0 {
			typ, flags = rtattr.RTM_DELADDR, 0
		}
		w := rtattr.AppendAddr(e, typ, flags, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Index: index})
		w.Local(a4)
		w.End()
	case r < 400:
		typ, flags := uint16(rtattr.RTM_NEWADDR), uint16(replace)
		if rng.IntN(2) == 0 {
			typ, flags = rtattr.RTM_DELADDR, 0
		}
		w := rtattr.AppendAddr(e, typ, flags, rtattr.IfAddrmsg{Family: rtattr.AF_INET6, PrefixLen: 128, Index: index, Flags: unix.IFA_F_NODAD})
		w.Local(a6)
		w.End()
	default:
		h := rtattr.RtMsg{Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.Protocol(200 + rng.IntN(4)), Type: rtattr.RTN_UNICAST, Scope: rtattr.RT_SCOPE_LINK}
		dst := a4
		if rng.IntN(2) == 0 {
			h.Family, h.DstLen, dst = rtattr.AF_INET6, 128, a6
			h.Scope = 0
		}
		typ, flags := uint16(rtattr.RTM_NEWROUTE), uint16(replace)
		if rng.IntN(3) == 0 {
			typ, flags = rtattr.RTM_DELROUTE, 0
			h.Protocol, h.Type, h.Scope = 0, 0, rtattr.RT_SCOPE_NOWHERE
		}
		w := rtattr.AppendRoute(e, typ, flags, h)
		w.Dst(dst)
		if typ == rtattr.RTM_NEWROUTE {
			w.OIF(index)
		}
		w.Priority(7)
		w.End()
	}
}

// After any number of changes by several writers, with a slow reader whose
// receive buffer holds next to nothing, the events amount to what the kernel has.
func TestWatchProof(t *testing.T) {
	for _, buffer := range []int{1, 4 << 10, 16 << 20} {
		t.Run(fmt.Sprint(buffer), func(t *testing.T) {
			lost := 0
			c, ns := dial(t, tap{lost: func() { lost++ }})
			ns.IP(t, "link", "set", "lo", "up")
			for i := 10; i < 18; i += 2 {
				ns.IP(t, "link", "add", fmt.Sprintf("v%d", i), "index", fmt.Sprint(i), "type", "veth", "peer", "name", fmt.Sprintf("v%d", i+1), "index", fmt.Sprint(i+1))
				// An address under duplicate address detection is announced when that is
				// over, a second later, but listed before.
				for j := range 2 {
					ns.IP(t, "link", "set", fmt.Sprintf("v%d", i+j), "addrgenmode", "none")
				}
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			w, err := rtnl.Watch(ctx, c, &rtnl.WatchConfig{ReadBuffer: buffer}, everything()...)
			if err != nil {
				t.Fatal(err)
			}
			const writers = 4
			var wg sync.WaitGroup
			for writer := range writers {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(writer), uint64(buffer)))
					e := &rtattr.Encoder{}
					for range *changes / writers {
						change(e, rng, writer)
						if rng.IntN(10) == 0 {
							run(t, c, e)
						}
					}
					run(t, c, e)
				})
			}
			// The last change is a mark: an address on lo.
			const markPrefix = 31
			go func() {
				wg.Wait()
				e := &rtattr.Encoder{}
				m := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: markPrefix, Index: 1})
				m.Local(netip.MustParseAddr("192.0.2.1"))
				m.End()
				if err := c.Exec(context.Background(), e); err != nil {
					t.Error(err)
				}
			}()

			var f follower[any, any]
			slow := rand.New(rand.NewPCG(9, 9))
			marked := false
			for ev, err := range w.Events() {
				if err != nil {
					t.Fatal(err)
				}
				if err := f.apply(ev); err != nil {
					t.Fatal(err)
				}
				if slow.IntN(500) == 0 {
					time.Sleep(time.Millisecond)
				}
				if k, ok := ev.Key.(addrKey); ok && k.prefixLen == markPrefix && ev.Type == rtnl.Added {
					marked = true
				}
				if marked && !f.resyncing {
					break
				}
			}
			// What is still on its way: the kernel holds back changes of the carrier
			// (linkwatch), and the Watch may list again.
			var mu sync.Mutex
			var got, want map[any]any
			resyncing := true
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer cancel()
				for late := time.Now().Add(time.Minute); time.Now().Before(late) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
					var err error
					if want, err = listed(c, everything()...); err != nil {
						if errors.Is(err, rtnl.ErrDumpInterrupted) {
							continue
						}
						t.Error(err)
						return
					}
					mu.Lock()
					got, resyncing = maps.Clone(f.state), f.resyncing
					mu.Unlock()
					if !resyncing && maps.Equal(got, want) {
						return
					}
				}
			}()
			for ev, err := range w.Events() {
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					break
				}
				mu.Lock()
				err := f.apply(ev)
				mu.Unlock()
				if err != nil {
					t.Fatal(err)
				}
			}
			<-done
			diff(t, got, want)
			if f.synced == 0 || resyncing || len(want) < 100 {
				t.Errorf("synced %d times, resyncing %v, %d objects", f.synced, resyncing, len(want))
			}
			if buffer <= 4<<10 && lost == 0 {
				t.Error("nothing was lost: the test is too weak")
			}
			t.Logf("%d events, %d overruns, %d resyncs, %d objects", f.events, lost, f.resyncs, len(want))
		})
	}
}

// The end of ctx, Close and Conn.Close end a Watcher that waits, and one that
// nobody waits for; the socket is closed in any case.
func TestWatchEnd(t *testing.T) {
	for _, waiting := range []bool{false, true} {
		for name, end := range map[string]func(cancel func(), w *rtnl.Watcher[uint32, linkState], c *rtnl.Conn){
			"context": func(cancel func(), w *rtnl.Watcher[uint32, linkState], c *rtnl.Conn) { cancel() },
			"Close":   func(cancel func(), w *rtnl.Watcher[uint32, linkState], c *rtnl.Conn) { w.Close() },
			"Conn":    func(cancel func(), w *rtnl.Watcher[uint32, linkState], c *rtnl.Conn) { c.Close() },
		} {
			t.Run(fmt.Sprint(name, waiting), func(t *testing.T) {
				ns := nstest.New(t)
				c, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				w, err := rtnl.Watch(ctx, c, nil, linkObject())
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // lo, Synced
					if _, err := w.Next(); err != nil {
						t.Fatal(err)
					}
				}
				if waiting {
					time.AfterFunc(20*time.Millisecond, func() { end(cancel, w, c) })
				} else {
					end(cancel, w, c)
				}
				want := os.ErrClosed
				if name == "context" {
					want = context.Canceled
				}
				for range 2 {
					if ev, err := w.Next(); !errors.Is(err, want) {
						t.Errorf("%v, %v", ev, err)
					}
				}
				if err := w.Close(); err != os.ErrClosed {
					t.Error(err)
				}
			})
		}
	}
}

func TestWatchRefused(t *testing.T) {
	ns := nstest.New(t)
	c, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := linkObject()
	o.Groups = []rtattr.Group{1 << 20}
	if _, err := rtnl.Watch(ctx, c, nil, o); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	o = linkObject()
	o.List = func(e *rtattr.Encoder) {
		rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{Index: 1}).End()
	}
	w, err := rtnl.Watch(ctx, c, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	var refused *rtnl.Error
	for range 2 {
		if ev, err := w.Next(); !errors.As(err, &refused) {
			t.Error(ev, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := rtnl.Watch(gone, c, nil, linkObject()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := rtnl.Watch(ctx, c, nil, rtnl.Object[int, []int]{}); err == nil || err.Error() != "rtnl: watch: []int cannot be compared: Object.Equal is missing" {
		t.Error(err)
	}
}

// A filter keeps from the Watcher what it does not want.
func TestWatchFilter(t *testing.T) {
	ns := nstest.New(t)
	c, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const table = 100
	add := func(table rtattr.RouteTable, i int) {
		t.Helper()
		e := c.Encoder()
		defer c.Release(e)
		w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE, rtattr.RtMsg{
			Family: rtattr.AF_INET, DstLen: 32, Table: uint8(table), Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
		w.Dst(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
		w.End()
		if err := c.Exec(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	o := routeObject(rtattr.AF_INET, rtattr.RTNLGRP_IPV4_ROUTE)
	o.Groups, o.Apply = o.Groups[:1], nil
	o.List = func(e *rtattr.Encoder) {
		w := rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: rtattr.AF_INET})
		w.Table(table)
		w.End()
	}
	add(table, 1)           // or there is no such table to list
	const rtmTable = 16 + 4 // nlmsghdr, and behind it rtm_table
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: rtmTable},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: table, Jf: 1},
		{Code: unix.BPF_RET, K: 1<<32 - 1},
		{Code: unix.BPF_RET},
	}
	w, err := rtnl.Watch(ctx, c, &rtnl.WatchConfig{Filter: filter}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	next := func() rtnl.Event[routeKey, routeState] {
		t.Helper()
		ev, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if ev := next(); ev.Type != rtnl.Added || ev.Key.dst.Addr() != netip.AddrFrom4([4]byte{10, 0, 0, 1}) {
		t.Errorf("got %+v", ev)
	}
	if ev := next(); ev.Type != rtnl.Synced {
		t.Errorf("got %+v", ev)
	}
	for i := range 50 {
		add(254, i)
	}
	add(table, 2)
	if ev := next(); ev.Type != rtnl.Added || ev.Key.table != table || ev.Key.dst.Addr() != netip.AddrFrom4([4]byte{10, 0, 0, 2}) {
		t.Errorf("got %+v", ev)
	}
	// One that the kernel does not accept: it does not end.
	if _, err := rtnl.Watch(ctx, c, &rtnl.WatchConfig{Filter: filter[:1]}, o); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	// And where there is no kernel.
	tapped, _ := dial(t, tap{})
	if _, err := rtnl.Watch(ctx, tapped, &rtnl.WatchConfig{Filter: filter}, o); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// Two Watchers and a list agree.
func TestWatchTyped(t *testing.T) {
	ns := nstest.New(t)
	c, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w, err := rtnl.Watch(ctx, c, nil, linkObject())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ns.IP(t, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	ns.IP(t, "link", "set", "v0", "mtu", "1400")
	ns.IP(t, "link", "delete", "v0")
	ns.IP(t, "link", "set", "lo", "mtu", "1300")
	var f follower[uint32, linkState]
	for ev, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if err := f.apply(ev); err != nil {
			t.Fatal(err)
		}
		if f.state[1].mtu == 1300 {
			break
		}
	}
	if want := snapshot(t, c, linkObject()); !maps.Equal(f.state, want) || f.resyncs != 0 {
		t.Errorf("got %v, want %v", f.state, want)
	}
}

// 64 goroutines run batches, echoes, dumps and Watchers until Close ends them all.
func TestConcurrentClose(t *testing.T) {
	c, _ := dial(t, tap{})
	var wg sync.WaitGroup
	work := []func(i int) error{
		func(i int) error {
			e := c.Encoder()
			defer c.Release(e)
			for j := range 20 {
				change(e, rand.New(rand.NewPCG(uint64(i), uint64(j))), i)
			}
			err := c.Exec(ctx, e)
			var cut *rtnl.Incomplete
			if failed := (rtnl.Errors)(nil); errors.As(err, &failed) && !errors.As(err, &cut) {
				return nil // there are no such links
			}
			return err
		},
		func(i int) error {
			e := c.Encoder()
			defer c.Release(e)
			rtattr.AppendLink(e, rtattr.RTM_GETLINK, 0, rtattr.IfInfomsg{Index: 1}).End()
			answers := 0
			err := c.ExecFunc(ctx, e, func(int, rtattr.Msg) { answers++ })
			if err == nil && answers != 1 {
				return fmt.Errorf("%d answers", answers)
			}
			return err
		},
		func(i int) error {
			e := c.Encoder()
			defer c.Release(e)
			rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{}).End()
			ctx, cancel := context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
			defer cancel()
			for _, err := range c.Query(ctx, e) {
				if errors.Is(err, context.DeadlineExceeded) {
					return nil
				}
				if i%2 == 0 || err != nil {
					return err
				}
			}
			return nil
		},
		func(i int) error {
			w, err := rtnl.Watch(ctx, c, nil, linkObject())
			if err != nil {
				return err
			}
			defer w.Close()
			for {
				if ev, err := w.Next(); err != nil || i%8 == 3 && ev.Type == rtnl.Synced {
					return err // or wait for Close
				}
			}
		},
	}
	for i := range 64 {
		wg.Go(func() {
			for {
				if err := work[i%len(work)](i); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
