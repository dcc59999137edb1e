package fuzz

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/rtattr"
)

// An Oracle says what is wrong with how one or several readers take a message,
// any bytes at all, and nil if nothing is. It does not change b, and sends nothing.
type Oracle struct {
	Name  string
	Check func(b []byte) error
}

// Oracles are all that need no kernel: see Kernel for the one that does.
var Oracles = []Oracle{
	{"panic", NoPanic},
	{"fixed point", FixedPoint},
	{"verdict", Verdict},
	{"again", Again},
	{"mdlayher/netlink", messages(0, DiffAttrs)},
	{"rtnetlink address", messages(rtattr.RTM_NEWADDR, DiffAddr)},
	{"rtnetlink link", messages(rtattr.RTM_NEWLINK, DiffLink)},
	{"rtnetlink neighbour", messages(rtattr.RTM_NEWNEIGH, DiffNeigh)},
	{"rtnetlink route", messages(rtattr.RTM_NEWROUTE, DiffRoute)},
	{"rtnetlink rule", messages(rtattr.RTM_NEWRULE, DiffRule)},
}

// messages gives a check the payload of each message of one kind, NEW, DEL, GET or
// SET; of kind 0 the attributes of each message.
func messages(kind uint16, check func(payload []byte) error) func([]byte) error {
	return func(b []byte) error {
		return each(b, func(m rtattr.Msg) error {
			payload := m.Payload()
			if kind == 0 {
				set := messageSet(m)
				if set == nil || set.Header == nil || len(payload) < set.Header.Size {
					return nil
				}
				payload = payload[min((set.Header.Size+3)&^3, len(payload)):]
			} else if m.Type()&^3 != kind {
				return nil
			}
			return check(payload[:len(payload):len(payload)])
		})
	}
}

// each calls f for each message of b.
func each(b []byte, f func(rtattr.Msg) error) error {
	for len(b) > 0 {
		m, rest, err := rtattr.NextMsg(b)
		if err != nil {
			return nil
		}
		if err := f(m); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// NoPanic gives b to every reader of rtattr: Dump, Walk, Path for each offset, and
// the views.
func NoPanic(b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	if err := rtattr.Dump(io.Discard, b); err != nil {
		return err
	}
	return each(b, func(m rtattr.Msg) error {
		set := messageSet(m)
		if set == nil {
			return nil
		}
		for n := range set.Walk(m) {
			if set.Path(m, n.Off) == "" {
				return fmt.Errorf("offset %d has no path", n.Off)
			}
			set.MissingPath(m, n.Off, uint32(n.Type))
		}
		for off := range min(len(m), 512) {
			set.Path(m, off)
		}
		view(m)
		return nil
	})
}

// FixedPoint wants what is written of a message that was read to be read the same
// again.
func FixedPoint(b []byte) error {
	return each(b, func(m rtattr.Msg) error {
		t, err := Parse(m)
		if err != nil {
			return nil // no table
		}
		once := t.Bytes()
		t, err = Parse(once)
		if err != nil {
			return fmt.Errorf("its own output: %w", err)
		}
		if twice := t.Bytes(); !bytes.Equal(once, twice) {
			return fmt.Errorf("%x is written as %x", []byte(once), []byte(twice))
		}
		return nil
	})
}

// Verdict wants a view to find a fault at the outer level of a message if, and
// only if, Walk does, which goes by the tables alone.
func Verdict(b []byte) error {
	return each(b, func(m rtattr.Msg) error {
		set := messageSet(m)
		err, known := view(m)
		if !known || len(m.Payload()) < set.Header.Size {
			return nil
		}
		var want error
		for n := range set.Walk(m) {
			if n.Depth == 0 && n.Err != nil {
				want = errors.Join(want, n.Err)
			}
		}
		if (err == nil) != (want == nil) {
			return fmt.Errorf("the view says %v, the table %v", err, want)
		}
		return nil
	})
}

// view reads a message with its view, if the generated code has one for the type.
func view(m rtattr.Msg) (err error, known bool) {
	p := m.Payload()
	switch messageSet(m) {
	case &rtattr.AddrSet:
		return new(rtattr.AddrView).Parse(p), true
	case &rtattr.LinkSet:
		return new(rtattr.LinkView).Parse(p), true
	case &rtattr.NeighSet:
		return new(rtattr.NeighView).Parse(p), true
	case &rtattr.RouteSet:
		return new(rtattr.RouteView).Parse(p), true
	case &rtattr.RuleSet:
		return new(rtattr.RuleView).Parse(p), true
	case &rtattr.NexthopSet:
		return new(rtattr.NexthopView).Parse(p), true
	}
	return nil, false
}

// DiffAttrs compares mdlayher/netlink's reading of attributes with ours.
func DiffAttrs(b []byte) error {
	ours, err := parseAttrs(b)
	if err != nil {
		return err
	}
	return same(b, decodeAttrs(b), ours, attrsDifferences)
}

// DiffAddr compares rtnetlink's reading of an address, b being the payload of a
// message, with ours.
func DiffAddr(b []byte) error {
	return diff(b, new(rtnetlink.AddressMessage), addrMessage, addrDifferences)
}

// DiffLink is DiffAddr for links. What a driver has read that was registered with
// rtnetlink is not compared.
func DiffLink(b []byte) error {
	theirs := new(rtnetlink.LinkMessage)
	ours, ok := linkMessage(b)
	if !ok || !unmarshal(theirs, b) || driven(theirs.Attributes) {
		return nil
	}
	return same(b, theirs, ours, linkDifferences)
}

// driven reports whether another driver than rtnetlink's default one has read data.
func driven(a *rtnetlink.LinkAttributes) bool {
	if a == nil || a.Info == nil {
		return false
	}
	for _, d := range []rtnetlink.LinkDriver{a.Info.Data, a.Info.SlaveData} {
		if _, raw := d.(*rtnetlink.LinkData); d != nil && !raw {
			return true
		}
	}
	return false
}

// DiffNeigh is DiffAddr for neighbours.
func DiffNeigh(b []byte) error {
	return diff(b, new(rtnetlink.NeighMessage), neighMessage, neighDifferences)
}

// DiffRoute is DiffAddr for routes.
func DiffRoute(b []byte) error {
	return diff(b, new(rtnetlink.RouteMessage), routeMessage, routeDifferences)
}

// DiffRule is DiffAddr for rules. What has an attribute that rtnetlink does not know
// is not compared: it refuses the whole message.
func DiffRule(b []byte) error {
	return diff(b, new(rtnetlink.RuleMessage), ruleMessage, ruleDifferences)
}

// diff compares two readings, if both readers accept b.
func diff[M any](b []byte, theirs *M, read func([]byte) (*M, bool), agreed []difference[M]) error {
	if ours, ok := read(b); ok && unmarshal(any(theirs).(encoding.BinaryUnmarshaler), b) {
		return same(b, theirs, ours, agreed)
	}
	return nil
}

// same wants two results equal but for the differences that are agreed on.
func same[M any](b []byte, theirs, ours *M, agreed []difference[M]) error {
	for _, d := range agreed {
		d.level(b, theirs, ours)
	}
	if reflect.DeepEqual(theirs, ours) { // fast; cmp.Diff also takes nil for empty
		return nil
	}
	if diff := cmp.Diff(theirs, ours, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("%x\nthe peer reads -, we read +:\n%s", b, diff)
	}
	return nil
}

// unmarshal reports whether rtnetlink accepts b. It may panic; we may not.
func unmarshal(m encoding.BinaryUnmarshaler, b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return m.UnmarshalBinary(bytes.Clone(b)) == nil
}

// parseAttrs reads b with rtattr and checks that its iterators agree.
func parseAttrs(b []byte) (*attrsResult, error) {
	a, err := rtattr.ParseAttrs(b)
	r := &attrsResult{Bad: err != nil}
	var last uint16
	var want []byte
	for typ, v := range a.All() {
		if cap(v) != len(v) {
			return nil, fmt.Errorf("attribute %d: %d bytes, capacity %d", typ, len(v), cap(v))
		}
		r.Attrs = append(r.Attrs, netlink.Attribute{Length: uint16(4 + len(v)), Type: typ, Data: v})
		last, want = typ, v
	}
	if len(r.Attrs) == 0 {
		return r, nil
	}
	if got, ok := a.Find(last); !ok || !bytes.Equal(got, want) {
		return nil, fmt.Errorf("Find(%d) is %x, %v, want %x", last, got, ok, want)
	}
	var of []byte
	for of = range a.Of(last) {
	}
	if !bytes.Equal(of, want) {
		return nil, fmt.Errorf("Of(%d) ends with %x, want %x", last, of, want)
	}
	return r, nil
}

// decodeAttrs reads b with mdlayher, as far as that goes.
func decodeAttrs(b []byte) *attrsResult {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return &attrsResult{Bad: true}
	}
	r := &attrsResult{}
	for ad.Next() {
		v := ad.Bytes()
		r.Attrs = append(r.Attrs, netlink.Attribute{Length: uint16(4 + len(v)), Type: ad.Type(), Data: v})
	}
	r.Bad = ad.Err() != nil
	return r
}
