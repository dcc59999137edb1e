package fuzz

import (
	"fmt"
	"runtime/debug"

	"github.com/nlwire/nlwire/address"
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
		switch m.Type() {
		case rtattr.RTM_NEWADDR:
			return again(p, new(rtattr.AddrView), (*rtattr.AddrView).Parse, address.Parse, address.AppendAdd)
		case rtattr.RTM_NEWROUTE:
			return again(p, new(rtattr.RouteView), (*rtattr.RouteView).Parse, route.Parse, route.AppendAdd)
		case rtattr.RTM_NEWRULE:
			return again(p, new(rtattr.RuleView), (*rtattr.RuleView).Parse, rule.Parse, rule.AppendAdd)
		case rtattr.RTM_NEWNEXTHOP:
			return again(p, new(rtattr.NexthopView), (*rtattr.NexthopView).Parse, nexthop.Parse, nexthop.AppendAdd)
		}
		return nil
	})
}

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
