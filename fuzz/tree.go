package fuzz

import (
	"encoding/binary"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// A Tree is a netlink message taken apart, to be changed and put together again.
type Tree struct {
	Type, Flags uint16
	Seq, PID    uint32
	Header      []byte // fixed header, with what stands between it and the attributes
	Attrs       []*Attr
}

// An Attr is an attribute of a Tree, or an element of an array of structs with
// attributes (struct rtnexthop). It has a Payload, or a Head and Attrs.
type Attr struct {
	Form   rtattr.Form
	Type   uint16 // nla_type with its flag bits; an element has none
	Nested bool   // there are attributes inside
	Head   []byte // fixed struct before the attributes inside; of an element without its length's value
	Attrs  []*Attr

	Payload []byte // of what is not Nested; all of it, if it is IsStray

	Set   *rtattr.Set  // nil if no table has it
	Table *rtattr.Attr // nil if Set does not know it
}

// Parse takes a message apart. It keeps what makes no sense as stray bytes, so
// that any bytes of a message of a known type have a Tree.
func Parse(m rtattr.Msg) (*Tree, error) {
	got, _, err := rtattr.NextMsg(m)
	if err != nil {
		return nil, err
	}
	m = got
	set := messageSet(m)
	if set == nil {
		return nil, fmt.Errorf("fuzz: no table has message type %d", m.Type())
	}
	t := &Tree{Type: m.Type(), Flags: m.Flags(), Seq: m.Seq(), PID: m.PID()}
	var open []*Attr // the nests around, by depth
	first := len(m)
	for n := range set.Walk(m) {
		if n.Depth == 0 && n.Off < first {
			first = n.Off
		}
		b := m[n.Off : n.Off+n.Len]
		a := &Attr{Form: n.Form, Type: n.Type, Nested: n.Nested, Set: n.Set, Table: n.Attr}
		switch {
		case n.Form == rtattr.IsStray:
			a.Payload = b
		case n.Form == rtattr.IsElem:
			a.Head = b[:n.Head]
		case n.Nested:
			a.Head = b[4:n.Head]
		default:
			a.Payload = b[4:]
		}
		if n.Depth == 0 {
			t.Attrs = append(t.Attrs, a)
		} else {
			in := open[n.Depth-1]
			in.Attrs = append(in.Attrs, a)
		}
		open = append(open[:n.Depth], a)
	}
	t.Header = m[16:first]
	return t, nil
}

func messageSet(m rtattr.Msg) *rtattr.Set {
	if m.Flags()&rtattr.NLM_F_REQUEST != 0 {
		return rtattr.RequestSet(m.Type())
	}
	return rtattr.MsgSet(m.Type())
}

// Bytes puts a message together. Lengths are those of the parts, modulo 65,536
// for an attribute, and pads are zero.
func (t *Tree) Bytes() rtattr.Msg {
	b := make([]byte, 4, 256)
	b = binary.NativeEndian.AppendUint16(b, t.Type)
	b = binary.NativeEndian.AppendUint16(b, t.Flags)
	b = binary.NativeEndian.AppendUint32(b, t.Seq)
	b = binary.NativeEndian.AppendUint32(b, t.PID)
	b = append(b, t.Header...)
	b = appendAttrs(b, t.Attrs)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// appendAttrs pads behind each attribute, as the kernel does.
func appendAttrs(b []byte, attrs []*Attr) []byte {
	for _, a := range attrs {
		at := len(b)
		if a.Form == rtattr.IsAttr {
			b = append(b, 0, 0)
			b = binary.NativeEndian.AppendUint16(b, a.Type)
		}
		if a.Nested {
			b = append(b, a.Head...)
			b = appendAttrs(b, a.Attrs)
		} else {
			b = append(b, a.Payload...)
		}
		if a.Form == rtattr.IsStray {
			continue
		}
		binary.NativeEndian.PutUint16(b[at:], uint16(len(b)-at))
		for (len(b)-at)%4 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

// places returns every attribute of t with the list that it is in.
func (t *Tree) places() []place {
	var all []place
	var walk func(in *[]*Attr)
	walk = func(in *[]*Attr) {
		for i, a := range *in {
			all = append(all, place{in, i})
			walk(&a.Attrs)
		}
	}
	walk(&t.Attrs)
	return all
}

// A place is one attribute of a list.
type place struct {
	in *[]*Attr
	i  int
}

func (p place) attr() *Attr { return (*p.in)[p.i] }
