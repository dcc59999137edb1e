package rule

import (
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Object is for [rtnl.Watch]: it follows the rules that f matches. A rule is its own
// key, without the flags by which the kernel tells what it has found: it does not
// announce when these change, as interfaces come and go (fib_rules_event).
//
// Two rules may be the same in all fields (another program can leave out
// NLM_F_EXCL) and are one object here, which exists as long as one of them does: to
// know, each deletion leads to a new list.
func Object(f Filter) rtnl.Object[Rule, Rule] {
	o := rtnl.Object[Rule, Rule]{
		List:     func(e *rtattr.Encoder) { AppendList(e, f) },
		Unmarked: true,
	}
	// Those of multicast routing are announced in the same groups.
	if f.Family != rtattr.AF_INET6 && f.Family != IPv6Multicast {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_IPV4_RULE)
	}
	if f.Family != rtattr.AF_INET && f.Family != IPv4Multicast {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_IPV6_RULE)
	}
	o.Parse = func(m rtattr.Msg) (k, r Rule, err error) {
		if m.Type() != rtattr.RTM_NEWRULE && m.Type() != rtattr.RTM_DELRULE {
			return k, r, rtnl.ErrSkip
		}
		var v rtattr.RuleView
		if err = v.Parse(m.Payload()); err != nil {
			return k, r, err
		}
		if !f.match(&v) {
			return k, r, rtnl.ErrSkip
		}
		r, err = Parse(&v)
		r.Flags &^= computed
		return r, r, err
	}
	o.Apply = func(t *rtnl.Table[Rule, Rule], m rtattr.Msg) error {
		k, r, err := o.Parse(m)
		switch {
		case err == rtnl.ErrSkip:
			return nil
		case err != nil:
			return err
		case m.Type() == rtattr.RTM_DELRULE:
			t.Delete(k)
			t.Relist()
		default:
			t.Put(k, r)
		}
		return nil
	}
	return o
}
