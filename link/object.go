package link

import (
	"errors"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// errOther is a link that the filter leaves out.
var errOther = errors.New("link: not in the filter")

// Object lets [rtnl.Watch] follow links by index. With a filter, a link comes and
// goes as it begins and ceases to match; Ext and Stats have no effect.
//
// A Link is as the kernel announced it last. Some changes it does not announce
// (netdev_state_change, do_setlink), and those are in the next announcement of
// the link, or in the list after a Resync:
//
//   - of a link that is down: AltNames, Group, Alias, LinkMode, Carrier,
//     ProtoDown, ProtoDownReason, AddrGenMode, XDP;
//   - of any link: Qdisc, the limits of segmentation, MinMTU and MaxMTU, the
//     removal of IPv6 by a small MTU, and, of a link one end of which is in
//     another namespace, a move of that end.
func Object(f Filter) rtnl.Object[uint32, Link] {
	f.Ext, f.Stats = 0, false
	o := rtnl.Object[uint32, Link]{
		Groups: []rtattr.Group{rtattr.RTNLGRP_LINK},
		List:   func(e *rtattr.Encoder) { AppendList(e, f) },
		Parse: func(m rtattr.Msg) (uint32, Link, error) {
			var v rtattr.LinkView
			l, err := f.object(m, &v)
			if err == errOther {
				err = rtnl.ErrSkip
			}
			return l.Index, l, err
		},
	}
	o.Apply = func(t *rtnl.Table[uint32, Link], m rtattr.Msg) error {
		var v rtattr.LinkView
		l, err := f.object(m, &v)
		switch {
		case err == rtnl.ErrSkip:
			return nil
		case err == errOther:
			t.Delete(l.Index)
			return nil
		case err != nil:
			return err
		case m.Type() != rtattr.RTM_DELLINK:
			t.Put(l.Index, l)
			return nil
		}
		t.Delete(l.Index)
		if _, moved := v.NewIfIndex(); moved && l.Parent != 0 {
			t.Relist() // of a pair, the end that stays is not announced
		}
		return nil
	}
	return o
}

// object reads a message about a link as a whole into v, and returns ErrSkip for
// any other: the bridge announces its ports by messages of the same types, the end
// of a port by RTM_DELLINK (br_ifinfo_notify), and wireless drivers their events
// (net/wireless/wext-core.c).
func (f Filter) object(m rtattr.Msg, v *rtattr.LinkView) (Link, error) {
	if m.Type() != rtattr.RTM_NEWLINK && m.Type() != rtattr.RTM_DELLINK {
		return Link{}, rtnl.ErrSkip
	}
	err := v.Parse(m.Payload())
	if v.Header.Family != rtattr.AF_UNSPEC {
		return Link{}, rtnl.ErrSkip
	}
	if err != nil {
		return Link{}, err
	}
	if _, whole := v.MTU(); !whole {
		return Link{}, rtnl.ErrSkip
	}
	if m.Type() == rtattr.RTM_NEWLINK && !f.match(v) {
		return Link{Index: uint32(v.Header.Index)}, errOther
	}
	return Parse(v)
}
