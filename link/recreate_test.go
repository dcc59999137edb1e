//go:build linux

package link_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// many makes links that differ from the defaults in all that one can set.
func many(t *testing.T, conn *rtnl.Conn) {
	t.Helper()
	for _, kind := range []string{"ifb", "macvlan", "vxlan"} {
		nstest.Kind(t, kind)
	}
	var e rtattr.Encoder
	// The masters come after their ports, the link below before that above.
	link.AppendAdd(&e, link.Config{Name: "v0", Index: 10, MTU: 1400, Address: mac("02:00:00:00:00:01"), NumTxQueues: 4, NumRxQueues: 2, Group: link.Some[uint32](7)},
		link.Veth{Peer: link.Config{Name: "v1", Index: 11, MTU: 1300, TxQLen: link.Some[uint32](0), Set: rtattr.IFF_NOARP | rtattr.IFF_PROMISC}})
	link.AppendAdd(&e, link.Config{Name: "v2", Index: 12}, link.Veth{Peer: link.Config{Name: "v3", Index: 13}})
	link.AppendAdd(&e, link.Config{Name: "br0", Index: 20, Set: rtattr.IFF_UP}, link.Bridge{})
	link.AppendAdd(&e, link.Config{Name: "br1", Index: 21, Address: mac("02:00:00:00:00:10"), Broadcast: mac("02:ff:ff:ff:ff:ff")}, link.Bridge{STP: link.Some(true)})
	link.AppendAdd(&e, link.Config{Name: "x0", Index: 30, Set: rtattr.IFF_UP, LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT)}, link.Ifb{})
	link.AppendAdd(&e, link.Config{Name: "x1", Index: 31, Clear: rtattr.IFF_MULTICAST, Set: rtattr.IFF_ALLMULTI | rtattr.IFF_DYNAMIC}, link.Ifb{})
	link.AppendAdd(&e, link.Config{Name: "x2", Index: 32, TxQLen: link.Some[uint32](77)}, link.Ifb{})
	link.AppendAdd(&e, link.Config{Name: "m0", Index: 40, Parent: 13}, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE})
	link.AppendAdd(&e, link.Config{Name: "vx0", Index: 41, MTU: 1350}, link.VXLAN{ID: 7, Port: 4789, Link: 10})
	link.AppendSet(&e, 10, link.Config{Master: link.Some[uint32](20), GSOMaxSize: 40000, GSOMaxSegs: 64, Set: rtattr.IFF_UP})
	link.AppendSet(&e, 11, link.Config{Set: rtattr.IFF_UP, GROMaxSize: 30000})
	link.AppendSet(&e, 12, link.Config{Master: link.Some[uint32](21), Alias: link.Some("uplink to rack 7"), GSOIPv4MaxSize: 20000})
	link.AppendAddAltNames(&e, 13, "uplink", "a-name-longer-than-sixteen-bytes")
	link.AppendSet(&e, 32, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)})
	link.AppendSet(&e, 32, link.Config{Set: rtattr.IFF_UP})
	link.AppendSet(&e, 40, link.Config{ProtoDown: link.Some(true), SetReasons: 5})
	if err := conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
}

// settled lists links once their state does not change any more by itself, and each
// alone is as in the list. The kernel is a second or more late (linkwatch).
func settled(t *testing.T, conn *rtnl.Conn) []link.Link {
	t.Helper()
	var last []link.Link
	alike := 0
	var differs string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		list, err := link.List(ctx, conn, link.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if alike++; !slices.Equal(list, last) {
			last, alike = list, 0
		}
		if alike < 25 {
			continue
		}
		differs = ""
		for _, l := range list {
			if one, err := link.Get(ctx, conn, l.Index); err != nil || one != l {
				differs = fmt.Sprintf("alone it is %#v, %v\nin the list %#v", one, err, l)
				alike = 0
			}
		}
		if differs == "" {
			return list
		}
	}
	t.Fatalf("the links change all the time: %s", differs)
	return nil
}

// TestRecreate makes all links again, in an empty namespace, out of what was listed.
func TestRecreate(t *testing.T) {
	l, empty := newLab(t), newLab(t)
	many(t, l.conn)
	list := settled(t, l.conn)
	byIndex := map[uint32]link.Link{}
	for _, l := range list {
		byIndex[l.Index] = l
	}

	var e rtattr.Encoder
	for _, l := range list {
		switch kind := l.Data.(type) {
		case nil: // lo
		case link.Veth:
			if l.Index < l.Parent { // both ends by one message
				kind.Peer = byIndex[l.Parent].Config()
				link.AppendAdd(&e, l.Config(), kind)
			}
		default:
			link.AppendAdd(&e, l.Config(), kind)
		}
	}
	for _, l := range list {
		if l.Name != "lo" {
			link.AppendSet(&e, l.Index, l.Rest())
		}
		if l.Port != nil {
			link.AppendSetPort(&e, l.Index, l.Port)
		}
		if l.AltNames != (link.AltNames{}) {
			link.AppendAddAltNames(&e, l.Index, slices.Collect(l.AltNames.All())...)
		}
		if l.Up() {
			link.AppendSet(&e, l.Index, link.Config{Set: rtattr.IFF_UP})
		}
	}
	if err := empty.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	same(t, settled(t, empty.conn), list)
	for _, want := range list {
		a, b := l.show(t, want.Name), empty.show(t, want.Name)
		a.Info.Data, b.Info.Data = nil, nil // has timers; Link.Data is compared
		if a.OperState == "UNKNOWN" || b.OperState == "UNKNOWN" {
			a.OperState = b.OperState // as in same
		}
		if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			t.Errorf("ip shows\n%+v\nof\n%+v", b, a)
		}
	}
}

func same(t *testing.T, got, want []link.Link) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d links, want %d", len(got), len(want))
	}
	for _, w := range want {
		i := slices.IndexFunc(got, func(l link.Link) bool { return l.Name == w.Name })
		if i < 0 {
			t.Errorf("%v is not there", w)
			continue
		}
		g := got[i]
		// A link is "unknown" instead of "up" until its carrier has changed once, which
		// depends on the order in which a bridge and its ports come up.
		if w.OperState == rtattr.IF_OPER_UNKNOWN && g.OperState == rtattr.IF_OPER_UP || w.OperState == rtattr.IF_OPER_UP && g.OperState == rtattr.IF_OPER_UNKNOWN {
			g.OperState = w.OperState
		}
		if g != w {
			t.Errorf("got  %#v\nwant %#v", g, w)
		}
	}
}

// TestMove moves links to another namespace, where they have their index and what
// they lost on the way.
func TestMove(t *testing.T) {
	l, other := newLab(t), newLab(t)
	many(t, l.conn)
	var want []link.Link
	var e rtattr.Encoder
	for _, l := range settled(t, l.conn) {
		switch l.Name {
		case "x0", "x1", "x2", "v0", "v1": // a bridge cannot move
			l.Master, l.MasterKind = 0, "" // what stays behind
			want = append(want, l)
		}
	}
	for _, l := range want {
		link.AppendSet(&e, l.Index, link.Config{NetNS: other.FD()})
	}
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	e.Reset(nil)
	for _, l := range want {
		link.AppendSet(&e, l.Index, l.Rest())
		if l.Up() {
			link.AppendSet(&e, l.Index, link.Config{Set: rtattr.IFF_UP})
		}
	}
	if err := other.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	got := settled(t, other.conn)
	for i := range want {
		want[i].Port = nil // their masters are not there
	}
	same(t, slices.DeleteFunc(got, func(l link.Link) bool { return l.Name == "lo" }), want)
}
