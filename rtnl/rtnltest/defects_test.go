package rtnltest_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rtnl/rtnltest"
	"github.com/nlwire/nlwire/rule"
)

// What other libraries of this kind have been found to do wrong about answers, and is
// right here; fuzz/defects.md has the list.

// count returns how many entries a list has.
func count[T any](list []T, err error) (int, error) { return len(list), err }

// got is 1 if there is an object, and the one that was asked for.
func got[T any](v T, err error) func(is func(T) bool) (int, error) {
	return func(is func(T) bool) (int, error) {
		if err != nil || !is(v) {
			return 0, err
		}
		return 1, nil
	}
}

// A list has what is asked for, whatever messages the answers are, and so has the
// answer to a question: jsimonetti/rtnetlink takes each for its own type, and panics.
func TestOtherMessages(t *testing.T) {
	a := netip.MustParseAddr("10.66.66.1")
	messages := []struct {
		get uint16
		put func(*rtattr.Encoder)
	}{
		{rtattr.RTM_GETLINK, func(e *rtattr.Encoder) {
			w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3})
			w.IfName("v0")
			w.End()
		}},
		{rtattr.RTM_GETADDR, func(e *rtattr.Encoder) {
			w := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, 0, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3})
			w.Local(a)
			w.Address(a)
			w.End()
		}},
		{rtattr.RTM_GETROUTE, func(e *rtattr.Encoder) { appendRoute(e, 0, 1) }},
		{rtattr.RTM_GETNEIGH, func(e *rtattr.Encoder) {
			w := rtattr.AppendNeigh(e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: rtattr.AF_INET, IfIndex: 3, State: rtattr.NUD_PERMANENT})
			w.Dst(a)
			w.End()
		}},
		{rtattr.RTM_GETRULE, func(e *rtattr.Encoder) {
			rtattr.AppendRule(e, rtattr.RTM_NEWRULE, 0, rtattr.FibRuleHdr{Family: rtattr.AF_INET, Table: 254, Action: rtattr.FR_ACT_TO_TBL}).End()
		}},
		{rtattr.RTM_GETNEXTHOP, func(e *rtattr.Encoder) {
			w := rtattr.AppendNexthop(e, rtattr.RTM_NEWNEXTHOP, 0, rtattr.NhMsg{Family: rtattr.AF_INET})
			w.ID(7)
			w.OIF(3)
			w.End()
		}},
		{rtattr.RTM_GETNEXTHOPBUCKET, func(e *rtattr.Encoder) {
			w := rtattr.AppendNexthop(e, rtattr.RTM_NEWNEXTHOPBUCKET, 0, rtattr.NhMsg{})
			w.ID(7)
			b := w.Bucket()
			b.Index(3)
			b.NexthopID(9)
			b.End()
			w.End()
		}},
		{rtattr.RTM_GETNSID, func(e *rtattr.Encoder) {
			w := rtattr.AppendNSID(e, rtattr.RTM_NEWNSID, 0, rtattr.RtGenmsg{})
			w.NSID(7)
			w.End()
		}},
	}
	k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
		var e rtattr.Encoder
		for _, wanted := range []bool{false, true, false} {
			for _, m := range messages {
				if m.get == r.Msg.Type() == wanted {
					m.put(&e)
				}
			}
		}
		if err := r.Reply(&e); err != nil {
			t.Error(err)
		}
	}}
	c := dial(t, k)
	for name, ask := range map[string]func() (int, error){
		"links":     func() (int, error) { return count(link.List(ctx, c, link.Filter{})) },
		"link":      func() (int, error) { return got(link.Get(ctx, c, 3))(func(l link.Link) bool { return l.Name == "v0" }) },
		"NSIDs":     func() (int, error) { return count(link.ListNSIDs(ctx, c)) },
		"addresses": func() (int, error) { return count(address.List(ctx, c, address.Filter{})) },
		"routes":    func() (int, error) { return count(route.List(ctx, c, route.Filter{Family: rtattr.AF_INET})) },
		"route": func() (int, error) {
			return got(route.Get(ctx, c, route.Lookup{Dst: a}))(func(r route.Route) bool { return r.Dst.Addr() == addr(1) })
		},
		"neighbours": func() (int, error) { return count(neigh.List(ctx, c, neigh.Filter{})) },
		"neighbour": func() (int, error) {
			return got(neigh.Get(ctx, c, neigh.Neigh{Index: 3, Dst: a}))(func(n neigh.Neigh) bool { return n.Dst == a })
		},
		"rules":    func() (int, error) { return count(rule.List(ctx, c, rule.Filter{})) },
		"nexthops": func() (int, error) { return count(nexthop.List(ctx, c, nexthop.Filter{})) },
		"nexthop": func() (int, error) {
			return got(nexthop.Get(ctx, c, 7))(func(n nexthop.Nexthop) bool { return n.Index == 3 })
		},
		"buckets": func() (int, error) { return count(nexthop.ListBuckets(ctx, c, nexthop.BucketFilter{})) },
		"bucket": func() (int, error) {
			return got(nexthop.GetBucket(ctx, c, 7, 3))(func(b nexthop.Bucket) bool { return b.NexthopID == 9 })
		},
	} {
		if n, err := ask(); n != 1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if list, err := route.ListMulticast(ctx, c, rtattr.AF_INET); err != nil || len(list) != 0 {
		t.Errorf("multicast routes: %v, %v", list, err)
	}
}

// Defect B-J7: what cannot be read is missing from a list, without a word; also if it is
// what a filter looks at.
func TestMalformedEntriesAreTold(t *testing.T) {
	k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
		var e rtattr.Encoder
		for _, malformed := range []bool{false, true} {
			put := func(n rtattr.Nest, typ uint16) {
				if malformed {
					n.Bytes(typ, []byte{9, 0})
				} else {
					n.Uint32(typ, 9)
				}
				n.End()
			}
			switch r.Msg.Type() {
			case rtattr.RTM_GETLINK:
				put(rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3}).Nest, rtattr.IFLA_MASTER)
			case rtattr.RTM_GETROUTE:
				put(rtattr.AppendRoute(&e, rtattr.RTM_NEWROUTE, 0, rtattr.RtMsg{Family: rtattr.AF_INET, Type: rtattr.RTN_UNICAST}).Nest, rtattr.RTA_TABLE)
			case rtattr.RTM_GETNEIGH:
				put(rtattr.AppendNeigh(&e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: rtattr.AF_INET, IfIndex: 3}).Nest, rtattr.NDA_MASTER)
			case rtattr.RTM_GETRULE:
				put(rtattr.AppendRule(&e, rtattr.RTM_NEWRULE, 0, rtattr.FibRuleHdr{Family: rtattr.AF_INET}).Nest, rtattr.FRA_PRIORITY)
			case rtattr.RTM_GETNEXTHOP:
				put(rtattr.AppendNexthop(&e, rtattr.RTM_NEWNEXTHOP, 0, rtattr.NhMsg{Family: rtattr.AF_INET}).Nest, rtattr.NHA_OIF)
			}
		}
		if err := r.Reply(&e); err != nil {
			t.Error(err)
		}
	}}
	c := dial(t, k)
	for name, list := range map[string]func() (int, error){
		"links":      func() (int, error) { return count(link.List(ctx, c, link.Filter{Master: 9})) },
		"routes":     func() (int, error) { return count(route.List(ctx, c, route.Filter{Family: rtattr.AF_INET, Table: 9})) },
		"neighbours": func() (int, error) { return count(neigh.List(ctx, c, neigh.Filter{Master: 9})) },
		"rules":      func() (int, error) { return count(rule.List(ctx, c, rule.Filter{Priority: 9})) },
		"nexthops":   func() (int, error) { return count(nexthop.List(ctx, c, nexthop.Filter{Index: 9})) },
	} {
		if n, err := list(); n == 0 || err == nil || !strings.Contains(err.Error(), "2 bytes, want 4") {
			t.Errorf("%s: %d entries, %v", name, n, err)
		}
	}
}

// Issues M#279, M#280: a last message without its padding is beyond the end of the
// buffer; M#283: it is refused.
func TestDatagramWithoutPadding(t *testing.T) {
	for cut := range 4 {
		k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
			var e rtattr.Encoder
			w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3})
			w.MTU(1400)
			w.IfName("abcdef"[:6-cut])
			w.End()
			if err := r.Reply(&e); err != nil {
				t.Error(err)
			}
		}}
		datagrams := 0
		k.Tamper = func(answers []rtnltest.Datagram) []rtnltest.Datagram {
			// The message ends with the NUL of the name, and so does the datagram.
			const name = 16 + 16 + 8
			b := answers[0].Data
			n := name + int(binary.NativeEndian.Uint16(b[name:]))
			binary.NativeEndian.PutUint32(b, uint32(n))
			rest := b[(n+3)&^3:]
			answers[0].Data = b[:n:n]
			datagrams++
			if len(rest) == 0 {
				return answers
			}
			return append([]rtnltest.Datagram{answers[0], {Data: rest}}, answers[1:]...)
		}
		c := dial(t, k)
		l, err := link.Get(ctx, c, 3)
		if err != nil || l.Name != "abcdef"[:6-cut] || l.MTU != 1400 || datagrams != 1 {
			t.Errorf("%d: %v, %v", cut, l, err)
		}
		// What comes next is in step.
		if l, err := link.Get(ctx, c, 3); err != nil || l.Index != 3 {
			t.Errorf("%d: next: %v, %v", cut, l, err)
		}
	}
}

// Issues V#1099, V#1216: the end of a list among notifications is taken for an object, and
// the subscriber panics.
func TestEndOfListIsNoEvent(t *testing.T) {
	k := &rtnltest.Kernel{}
	c := dial(t, k)
	objects := []rtnl.Object[any, any]{
		link.Object(link.Filter{}).Any(), address.Object(address.Filter{}).Any(), route.Object(route.Filter{}).Any(),
		neigh.Object(neigh.Filter{}).Any(), rule.Object(rule.Filter{}).Any(), nexthop.Object(nexthop.Filter{}).Any(),
	}
	end := rtattr.Msg(append(rtattr.NlMsghdr{Len: 20, Type: rtattr.NLMSG_DONE, Flags: rtattr.NLM_F_MULTI}.Append(nil), 0, 0, 0, 0))
	for i, o := range objects {
		if k, v, err := o.Parse(end); err != rtnl.ErrSkip {
			t.Errorf("object %d: %v, %v, %v", i, k, v, err)
		}
	}
	w, err := rtnl.Watch(ctx, c, nil, objects...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	next := func() rtnl.Event[any, any] {
		t.Helper()
		ev, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if ev := next(); ev.Type != rtnl.Synced {
		t.Fatalf("%+v", ev)
	}
	var e rtattr.Encoder
	for _, typ := range []uint16{rtattr.NLMSG_DONE, rtattr.NLMSG_NOOP} {
		n := e.Message(typ, rtattr.NLM_F_MULTI)
		n.Raw(make([]byte, 4))
		n.End()
	}
	l := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3})
	l.IfName("v0")
	l.MTU(1500)
	l.Group(0)
	l.End()
	if err := k.Notify(rtattr.RTNLGRP_LINK, &e); err != nil {
		t.Fatal(err)
	}
	if ev := next(); ev.Type != rtnl.Added || ev.Value.(link.Link).Name != "v0" {
		t.Errorf("%+v", ev)
	}
}
