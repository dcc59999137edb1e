package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rule"
)

// Again wants an object that a message tells of to be the same after it was
// written and read again: nothing is invented, and nothing lost. What cannot be
// written must be refused with an error.
func Again(b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return each(b, func(m rtattr.Msg) error {
		p := m.Payload()
		if t, err := Parse(m); err != nil || !bytes.Equal(t.Bytes(), m) {
			return nil // pads that are missing or dirty are not kept
		}
		if set := messageSet(m); set != nil {
			for n := range set.Walk(m) {
				if n.Form == rtattr.IsStray || n.Set == &rtattr.SEG6LocalBPFSet {
					return nil // a program is listed by its number, and written by a descriptor
				}
			}
		}
		switch m.Type() {
		case rtattr.RTM_NEWADDR:
			return again(p, new(rtattr.AddrView), (*rtattr.AddrView).Parse, whole(address.Parse, func(a address.Address) bool { return a.Flags&computed == 0 }), address.AppendAdd)
		case rtattr.RTM_NEWNEIGH:
			return again(p, new(rtattr.NeighView), (*rtattr.NeighView).Parse, whole(neighbour, func(n neigh.Neigh) bool { return n.Family == rtattr.AF_INET || n.Family == rtattr.AF_INET6 }), neigh.AppendAdd)
		case rtattr.RTM_NEWLINK:
			return again(p, new(rtattr.LinkView), (*rtattr.LinkView).Parse, whole(link.ParseKind, func(k link.Kind) bool { return k != nil }),
				func(e *rtattr.Encoder, k link.Kind) { link.AppendAdd(e, link.Config{}, k) })
		case rtattr.RTM_NEWROUTE:
			return again(p, new(rtattr.RouteView), (*rtattr.RouteView).Parse, whole(route.Parse, func(r route.Route) bool { return r.Table != 0 && r.Type != 0 && r.Protocol != 0 }), route.AppendAdd)
		case rtattr.RTM_NEWRULE:
			return again(p, new(rtattr.RuleView), (*rtattr.RuleView).Parse, whole(rule.Parse, func(r rule.Rule) bool {
				return r.Action != 0 && (r.Table != 0 || r.Action > rtattr.FR_ACT_TO_TBL) && r.Flags&^sent == 0
			}), rule.AppendAdd)
		case rtattr.RTM_NEWNEXTHOP:
			return again(p, new(rtattr.NexthopView), (*rtattr.NexthopView).Parse, whole(nexthop.Parse, func(n nexthop.Nexthop) bool {
				return (n.Family != 0 || n.Group != nexthop.Members{}) && n.Protocol != 0
			}), nexthop.AppendAdd)
		}
		return nil
	})
}

// computed are the flags of addresses that are the kernel's own.
const computed = rtattr.IFA_F_SECONDARY | rtattr.IFA_F_DADFAILED | rtattr.IFA_F_DEPRECATED |
	rtattr.IFA_F_TENTATIVE | rtattr.IFA_F_PERMANENT | rtattr.IFA_F_STABLE_PRIVACY

// sent are the flags of rules that are not the kernel's own.
const sent = rtattr.FIB_RULE_PERMANENT | rtattr.FIB_RULE_INVERT | rtattr.FIB_RULE_FIND_SADDR

// neighbour leaves out what the kernel alone tells of an entry.
func neighbour(v *rtattr.NeighView) (neigh.Neigh, error) {
	n, err := neigh.Parse(v)
	n.Master, n.LinkNetNSID, n.Type, n.Probes, n.Cache = 0, 0, 0, 0, rtattr.NeighCacheInfo{}
	return n, err
}

// whole refuses objects that the kernel does not list: in what is written, zero
// stands for a default.
func whole[T, V any](parse func(*V) (T, error), ok func(T) bool) func(*V) (T, error) {
	return func(v *V) (T, error) {
		x, err := parse(v)
		if err == nil && !ok(x) {
			err = errDefault
		}
		return x, err
	}
}

var errDefault = errors.New("a default")

func again[T comparable, V any](payload []byte, v *V, read func(*V, []byte) error, parse func(*V) (T, error), add func(*rtattr.Encoder, T)) error {
	if read(v, payload) != nil {
		return nil
	}
	was, err := parse(v)
	if err != nil {
		return nil
	}
	var e rtattr.Encoder
	add(&e, was)
	b, err := e.Finish()
	if err != nil {
		return nil
	}
	if err := read(v, rtattr.Msg(b).Payload()); err != nil {
		return fmt.Errorf("%+v is written as %x: %w", was, b, err)
	}
	now, err := parse(v)
	if err != nil {
		return fmt.Errorf("%+v is written as %x: %w", was, b, err)
	}
	if now != was {
		return fmt.Errorf("%#v\nis written as %x,\nwhich is   %#v", was, b, now)
	}
	return nil
}
