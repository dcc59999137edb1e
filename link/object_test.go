//go:build linux

package link_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A follower holds what the events of a Watch amount to.
type follower struct {
	sync.Mutex
	links   map[uint32]link.Link
	resyncs int
	err     error
}

// follow starts to apply events, slowly, until the test ends.
func follow(t *testing.T, conn *rtnl.Conn, buffer int, f link.Filter) *follower {
	t.Helper()
	w, err := rtnl.Watch(ctx, conn, &rtnl.WatchConfig{ReadBuffer: buffer}, link.Object(f))
	if err != nil {
		t.Fatal(err)
	}
	s := &follower{links: map[uint32]link.Link{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		slow := rand.New(rand.NewPCG(9, 9))
		for ev, err := range w.Events() {
			if err != nil {
				return
			}
			s.apply(ev)
			if slow.IntN(20) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() { w.Close(); <-done })
	return s
}

func (s *follower) apply(ev rtnl.Event[uint32, link.Link]) {
	s.Lock()
	defer s.Unlock()
	old, ok := s.links[ev.Key]
	wrong := false
	switch ev.Type {
	case rtnl.Added:
		wrong = ok
		s.links[ev.Key] = ev.Value
	case rtnl.Changed:
		wrong = !ok || old != ev.Old || old == ev.Value
		s.links[ev.Key] = ev.Value
	case rtnl.Removed:
		wrong = !ok || old != ev.Old
		delete(s.links, ev.Key)
	case rtnl.Resync:
		s.resyncs++
	}
	if wrong && s.err == nil {
		s.err = fmt.Errorf("%v of %d: it was %v (%v)", ev.Type, ev.Key, old, ok)
	}
}

// agree waits until the events amount to what the kernel lists, but for what
// forget takes away.
func (s *follower) agree(t *testing.T, conn *rtnl.Conn, f link.Filter, forget func(*link.Link)) {
	t.Helper()
	var want, got map[uint32]link.Link
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		list, err := link.List(ctx, conn, f)
		if errors.Is(err, rtnl.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want, got = map[uint32]link.Link{}, map[uint32]link.Link{}
		for _, l := range list {
			forget(&l)
			want[l.Index] = l
		}
		s.Lock()
		for k, l := range s.links {
			forget(&l)
			got[k] = l
		}
		err = s.err
		s.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if maps.Equal(got, want) {
			return
		}
	}
	for k := range want {
		if g, ok := got[k]; !ok || g != want[k] {
			t.Errorf("the kernel has\n%+v\nby the events (%v) it is\n%+v", want[k], ok, g)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("the kernel does not have %+v", got[k])
		}
	}
}

// unannounced takes away what Object says is not announced.
func unannounced(l *link.Link) {
	if !l.Up() {
		l.AltNames, l.Group, l.Alias, l.LinkMode, l.ProtoDown, l.ProtoDownReason = link.AltNames{}, 0, "", 0, false, 0
		l.AddrGenMode, l.Carrier = link.Opt[rtattr.AddrGenMode]{}, false
	}
	l.GSOMaxSize, l.GSOMaxSegs, l.GROMaxSize, l.GSOIPv4MaxSize, l.GROIPv4MaxSize = 0, 0, 0, 0, 0
	l.MinMTU, l.MaxMTU, l.Qdisc = 0, 0, ""
}

// randomChange appends one change to the links 10 to 17, or makes and deletes
// those of the writer.
func randomChange(e *rtattr.Encoder, rng *rand.Rand, writer int, netns int) {
	index := uint32(10 + rng.IntN(8))
	n := uint32(rng.IntN(50))
	own := uint32(100 + 10*writer + rng.IntN(2))
	switch rng.IntN(16) {
	case 0:
		link.AppendSet(e, index, link.Config{MTU: 1400 + n})
	case 1:
		link.AppendSet(e, index, link.Config{TxQLen: link.Some(n)})
	case 2:
		a, _ := link.HardwareAddrFrom([]byte{2, 0, 0, byte(writer), byte(index), byte(n)})
		link.AppendSet(e, index, link.Config{Address: a})
	case 3:
		link.AppendSet(e, index, link.Config{Group: link.Some(n % 3)})
	case 4:
		link.AppendSet(e, index, link.Config{Alias: link.Some(fmt.Sprint("alias", n))})
	case 5:
		link.AppendSet(e, index, link.Config{Set: rtattr.IFF_UP})
	case 6:
		link.AppendSet(e, index, link.Config{Clear: rtattr.IFF_UP})
	case 7:
		link.AppendSet(e, index, link.Config{Master: link.Some[uint32](9)})
	case 8:
		link.AppendSet(e, index, link.Config{Master: link.Some[uint32](0)})
	case 9:
		link.AppendSet(e, index, link.Config{Name: fmt.Sprintf("w%d-%d", index, n%4)})
	case 10:
		link.AppendAddAltNames(e, index, fmt.Sprintf("other%d-%d", index, n%4))
	case 11:
		link.AppendDeleteAltNames(e, index, fmt.Sprintf("other%d-%d", index, n%4))
	case 12:
		link.AppendSet(e, index, link.Config{LinkMode: link.Some(rtattr.LinkMode(n % 2)), GSOMaxSize: 40000 + n, Set: rtattr.IFF_NOARP})
	case 13:
		link.AppendAdd(e, link.Config{Index: own, Name: fmt.Sprint("x", own), Set: rtattr.IfFlags(n & 1)}, link.Ifb{})
	case 14:
		link.AppendDelete(e, own)
	case 15:
		link.AppendSet(e, own, link.Config{NetNS: netns})
	}
}

// TestObject has several writers change links at random, with a reader whose
// receive buffer holds next to nothing: the events amount to what the kernel has.
func TestObject(t *testing.T) {
	nstest.Kind(t, "ifb")
	l, other := newLab(t), newLab(t)
	var e rtattr.Encoder
	link.AppendAdd(&e, link.Config{Name: "br0", Index: 9, Set: rtattr.IFF_UP}, link.Bridge{})
	for i := uint32(10); i < 18; i += 2 {
		link.AppendAdd(&e, link.Config{Name: fmt.Sprint("v", i), Index: i}, link.Veth{Peer: link.Config{Name: fmt.Sprint("v", i+1), Index: i + 1}})
	}
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	filters := []link.Filter{{}, {Kind: "veth", NoMaster: true, Up: true}, {Master: 9}}
	var followers []*follower
	for _, f := range filters {
		followers = append(followers, follow(t, l.conn, 1, f))
	}
	const writers, changes = 4, 150
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(writer), 7))
			var e rtattr.Encoder
			for range changes {
				randomChange(&e, rng, writer, other.FD())
				if rng.IntN(4) == 0 {
					var cut *rtnl.Incomplete
					if err := l.conn.Exec(ctx, &e); errors.As(err, &cut) {
						t.Error(err)
					}
					e.Reset(nil)
				}
			}
		})
	}
	wg.Wait()
	for i, s := range followers {
		s.agree(t, l.conn, filters[i], unannounced)
	}
	// Once announced, all of it is right.
	list, err := link.List(ctx, l.conn, link.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	e.Reset(nil)
	for _, l := range list {
		link.AppendSet(&e, l.Index, link.Config{TxQLen: link.Some(l.TxQLen + 1)})
	}
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	for i, s := range followers {
		s.agree(t, l.conn, filters[i], func(*link.Link) {})
		s.Lock()
		resyncs, links := s.resyncs, len(s.links)
		s.Unlock()
		t.Logf("%v: %d resyncs, %d links", filters[i], resyncs, links)
		if i == 0 && (resyncs == 0 || links < 10) {
			t.Errorf("%d resyncs, %d links: the test is too weak", resyncs, links)
		}
	}
}

// TestObjectMove has the events tell of a pair of links one end of which moves: the
// end that stays is not announced.
func TestObjectMove(t *testing.T) {
	l, other := newLab(t), newLab(t)
	if err := link.Add(ctx, l.conn, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: with(v1, func(c *link.Config) { c.Index = 71 })}); err != nil {
		t.Fatal(err)
	}
	s := follow(t, l.conn, 0, link.Filter{})
	s.agree(t, l.conn, link.Filter{}, func(*link.Link) {})
	if err := link.SetNetNS(ctx, l.conn, 71, other.FD()); err != nil {
		t.Fatal(err)
	}
	s.agree(t, l.conn, link.Filter{}, func(*link.Link) {})
	s.Lock()
	defer s.Unlock()
	if _, ok := s.links[70].LinkNetNSID.Get(); !ok || len(s.links) != 2 {
		t.Errorf("%+v", s.links)
	}
}

// TestObjectSkips shows Object messages of the kernel's that are not about a link,
// or not about all of it.
func TestObjectSkips(t *testing.T) {
	message := func(typ uint16, h rtattr.IfInfomsg, put func(rtattr.LinkEncoder)) rtattr.Msg {
		var e rtattr.Encoder
		w := rtattr.AppendLink(&e, typ, 0, h)
		put(w)
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return rtattr.Msg(b)
	}
	whole := func(w rtattr.LinkEncoder) { w.IfName("v0"); w.MTU(1500); w.Group(7) }
	for _, tt := range []struct {
		name string
		f    link.Filter
		m    rtattr.Msg
		err  error
	}{
		{"whole", link.Filter{}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Index: 3}, whole), nil},
		{"deleted", link.Filter{}, message(rtattr.RTM_DELLINK, rtattr.IfInfomsg{Index: 3}, whole), nil},
		{"filter", link.Filter{Group: link.Some[uint32](7)}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Index: 3}, whole), nil},
		{"other", link.Filter{Up: true}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Index: 3}, whole), rtnl.ErrSkip},
		{"port", link.Filter{}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: 3}, whole), rtnl.ErrSkip},
		{"end of a port", link.Filter{}, message(rtattr.RTM_DELLINK, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: 3}, whole), rtnl.ErrSkip},
		{"IPv6", link.Filter{}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Family: rtattr.AF_INET6, Index: 3}, whole), rtnl.ErrSkip},
		{"wireless", link.Filter{}, message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) {
			w.IfName("wlan0")
			w.Wireless(make([]byte, 8))
		}), rtnl.ErrSkip},
		{"end of a list", link.Filter{}, rtattr.Msg{20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, rtnl.ErrSkip},
	} {
		k, got, err := link.Object(tt.f).Parse(tt.m)
		if err != tt.err || err == nil && (k != 3 || got.Name != "v0") {
			t.Errorf("%s: %d, %v, %v", tt.name, k, got, err)
		}
	}
	if _, _, err := link.Object(link.Filter{}).Parse(rtattr.Msg(message(rtattr.RTM_NEWLINK, rtattr.IfInfomsg{}, whole)[:20])); err == nil || err == rtnl.ErrSkip {
		t.Errorf("a message that is cut: %v", err)
	}
}
