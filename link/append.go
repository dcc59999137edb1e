package link

import (
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
)

// AppendAdd appends the message that creates a link: RTM_NEWLINK, which fails
// with EEXIST if the name or the index is taken.
func AppendAdd(e *rtattr.Encoder, c Config, k Kind) {
	w := BeginAdd(e, c)
	putKind(w, k)
	w.End()
}

// BeginAdd begins the message that creates a link, and puts all of c. The
// caller puts the kind and whatever else, and ends the message:
//
//	w := link.BeginAdd(e, link.Config{Name: "vl7", Parent: 3})
//	i := w.LinkInfo()
//	v := i.VLAN()
//	v.ID(7)
//	v.End()
//	i.End()
//	w.End()
func BeginAdd(e *rtattr.Encoder, c Config) rtattr.LinkEncoder {
	if reason := c.invalid(add); reason != "" {
		e.Fail(fmt.Errorf("link: add %v: %s", c, reason))
	}
	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST|rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, c.header())
	c.put(w)
	return w
}

// AppendSet appends the message that changes the link of an index: RTM_NEWLINK.
// The kernel changes one thing after the other, in an order of its own, and
// keeps what it has changed when one fails. The kind is never sent: TUN devices
// would refuse the whole message.
func AppendSet(e *rtattr.Encoder, index uint32, c Config) { BeginSet(e, index, c).End() }

// BeginSet begins the message that changes the link of an index, and puts all
// of c. The caller adds what Config does not name, and ends the message.
func BeginSet(e *rtattr.Encoder, index uint32, c Config) rtattr.LinkEncoder {
	if reason := c.invalid(set); reason != "" {
		e.Fail(fmt.Errorf("link: set dev %d %v: %s", index, c, reason))
	}
	h := c.header()
	h.Index = number(e, index)
	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST, h)
	c.put(w)
	return w
}

// number refuses what is no index: a change or a deletion with index 0 may
// concern a whole group of links.
func number(e *rtattr.Encoder, index uint32) int32 {
	if index == 0 || index > math.MaxInt32 {
		e.Fail(fmt.Errorf("link: %d is no index of a link", index))
	}
	return int32(index)
}

// AppendSetAll appends the message that changes all links of a group, of which
// there need not be any: RTM_NEWLINK. The kernel stops at the first link that
// refuses. A kind and what a port is set to are not looked at.
func AppendSetAll(e *rtattr.Encoder, group uint32, c Config) {
	reason := c.invalid(set)
	switch {
	case reason != "":
	case c.Name != "":
		reason = "a group of links has no Name"
	case c.Group != Opt[uint32]{}:
		reason = "the Group cannot change"
	}
	if reason != "" {
		e.Fail(fmt.Errorf("link: set group %d %v: %s", group, c, reason))
	}
	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST, c.header())
	w.Group(group)
	c.put(w)
	w.End()
}

// AppendDelete appends the message that deletes a link: RTM_DELLINK.
func AppendDelete(e *rtattr.Encoder, index uint32) {
	rtattr.AppendLink(e, rtattr.RTM_DELLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Index: number(e, index)}).End()
}

// AppendDeleteName appends the message that deletes the link of a name, which
// may be an alternative one.
func AppendDeleteName(e *rtattr.Encoder, name string) {
	w := rtattr.AppendLink(e, rtattr.RTM_DELLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{})
	putName(w, name)
	w.End()
}

// AppendDeleteGroup appends the message that deletes all links of a group. The
// kernel refuses group 0, the default.
func AppendDeleteGroup(e *rtattr.Encoder, group uint32) {
	w := rtattr.AppendLink(e, rtattr.RTM_DELLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{})
	w.Group(group)
	w.End()
}

// AppendAddAltNames appends the message that gives alternative names of up to
// 127 bytes to a link: RTM_NEWLINKPROP.
func AppendAddAltNames(e *rtattr.Encoder, index uint32, names ...string) {
	altNames(e, rtattr.RTM_NEWLINKPROP, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL|rtattr.NLM_F_APPEND, index, names)
}

// AppendDeleteAltNames appends the message that removes alternative names of a
// link: RTM_DELLINKPROP.
func AppendDeleteAltNames(e *rtattr.Encoder, index uint32, names ...string) {
	altNames(e, rtattr.RTM_DELLINKPROP, 0, index, names)
}

func altNames(e *rtattr.Encoder, typ, flags uint16, index uint32, names []string) {
	w := rtattr.AppendLink(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.IfInfomsg{Index: number(e, index)})
	n := w.PropList()
	for _, name := range names {
		if name == "" || len(name) > maxAltName {
			e.Fail(fmt.Errorf("link: dev %d: alternative name of %d bytes, want 1 to %d", index, len(name), maxAltName))
		}
		n.AltIfName(name)
	}
	n.End()
	w.End()
}
