package nexthop

import (
	"errors"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Object follows the nexthops of f with [rtnl.Watch], by ID. Buckets are not
// followed. A Filter with a Master is refused: no notification says it.
//
// The kernel deletes nexthops without a word when their interface goes down or
// loses its carrier (nexthop_flush_dev in net/ipv4/nexthop.c), so that an Object
// looks at links too, and has the Watch list again.
func Object(f Filter) rtnl.Object[uint32, Nexthop] {
	o := follower{f}
	return rtnl.Object[uint32, Nexthop]{
		Groups: []rtattr.Group{rtattr.RTNLGRP_NEXTHOP, rtattr.RTNLGRP_LINK},
		List:   o.list,
		Parse:  o.parse,
		Apply:  o.apply,
	}
}

type follower struct{ f Filter }

func (o follower) list(e *rtattr.Encoder) {
	if o.f.Master != 0 {
		e.Fail(errors.New("nexthop: watch: a Master cannot be followed"))
		return
	}
	AppendList(e, o.f, 0)
}

func (o follower) read(m rtattr.Msg) (n Nexthop, match bool, err error) {
	if m.Type() != rtattr.RTM_NEWNEXTHOP && m.Type() != rtattr.RTM_DELNEXTHOP {
		return n, false, rtnl.ErrSkip
	}
	var v rtattr.NexthopView
	if err := v.Parse(m.Payload()); err != nil {
		return n, false, err
	}
	n, err = Parse(&v)
	return n, o.f.match(&v), err
}

func (o follower) parse(m rtattr.Msg) (uint32, Nexthop, error) {
	n, match, err := o.read(m)
	if err == nil && !match {
		err = rtnl.ErrSkip
	}
	return n.ID, n, err
}

func (o follower) apply(t *rtnl.Table[uint32, Nexthop], m rtattr.Msg) error {
	switch m.Type() {
	case rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK:
		var h rtattr.IfInfomsg
		if h.Parse(m.Payload()); h.Family == rtattr.AF_UNSPEC {
			t.Relist()
		}
	case rtattr.RTM_NEWNEXTHOP, rtattr.RTM_DELNEXTHOP:
		n, match, err := o.read(m)
		switch {
		case err != nil:
			return err
		case match && m.Type() == rtattr.RTM_NEWNEXTHOP:
			t.Put(n.ID, n)
		default:
			t.Delete(n.ID)
		}
	}
	return nil
}
