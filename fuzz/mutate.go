package fuzz

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
)

// A FaultKind is one way of breaking a message.
type FaultKind uint8

const (
	Length     FaultKind = iota + 1 // an nla_len that is not that of the attribute
	Alignment                       // bytes between two attributes that belong to neither
	Type                            // the payload of one attribute under the type of another
	NestFlag                        // NLA_F_NESTED where it was not, or not where it was
	Order                           // two attributes change places
	Duplicate                       // an attribute twice
	Truncation                      // a message that ends early, with the nlmsg_len of what is left
	Size                            // a payload that is longer or shorter than its type
	Unknown                         // a type that the table does not have
)

var faultNames = [...]string{Length: "length", Alignment: "alignment", Type: "type", NestFlag: "nest flag", Order: "order",
	Duplicate: "duplicate", Truncation: "truncation", Size: "size", Unknown: "unknown"}

func (k FaultKind) String() string {
	if int(k) < len(faultNames) && faultNames[k] != "" {
		return faultNames[k]
	}
	return fmt.Sprintf("fault %d", uint8(k))
}

// FaultKinds are all of them.
var FaultKinds = []FaultKind{Length, Alignment, Type, NestFlag, Order, Duplicate, Truncation, Size, Unknown}

// A Fault says what Break has broken.
type Fault struct {
	Kind FaultKind
	Path string // of the attribute in the message before: ".linkinfo.data(vxlan).id"
	What string // "nla_len is 3 instead of 8"
}

func (f Fault) String() string { return f.Path + ": " + f.What }

// Break returns a copy of m with exactly one thing broken. What and where, steer
// decides, as in Generator.Message. It fails if m has no place for such a fault:
// an order of one attribute.
func Break(m rtattr.Msg, kind FaultKind, steer []byte) (rtattr.Msg, Fault, bool) {
	s := source(steer)
	t, err := Parse(m)
	if err != nil {
		return nil, Fault{}, false
	}
	m, _, _ = rtattr.NextMsg(m)
	fault := Fault{Kind: kind}
	if kind == Truncation {
		n := 16 + s.intn(len(m)-16)
		if len(m) == 16 {
			return nil, fault, false
		}
		fault.Path = messageSet(m).Path(m, n)
		fault.What = fmt.Sprintf("cut behind %d of %d bytes", n, len(m))
		cut := bytes.Clone(m[:n])
		binary.NativeEndian.PutUint32(cut, uint32(n))
		return cut, fault, true
	}
	places := t.places()
	nodes := slices.Collect(messageSet(m).Walk(m))
	// Try each place, from the one that steer says.
	first := s.intn(len(places))
	for k := range places {
		i := (first + k) % len(places)
		fault.Path = messageSet(m).Path(m, nodes[i].Off)
		var ok bool
		if kind == Length {
			var b rtattr.Msg
			if b, fault.What, ok = breakLength(m, nodes[i], &s); ok {
				return b, fault, true
			}
		} else if fault.What, ok = places[i].breakTree(kind, &s); ok {
			return t.Bytes(), fault, true
		}
	}
	return nil, fault, false
}

func breakLength(m rtattr.Msg, n rtattr.Node, s *source) (rtattr.Msg, string, bool) {
	if n.Form == rtattr.IsStray {
		return nil, "", false
	}
	b := bytes.Clone(m)
	was := binary.NativeEndian.Uint16(b[n.Off:])
	choices := []uint16{0, 3, was + 1, was + 4, was - 1, 0xffff, uint16(len(m) - n.Off + 1)}
	now := choices[s.intn(len(choices))]
	if now == was {
		now = 0
	}
	binary.NativeEndian.PutUint16(b[n.Off:], now)
	return b, fmt.Sprintf("the length is %d instead of %d", now, was), true
}

// breakTree breaks the attribute at p, and reports whether it could.
func (p place) breakTree(kind FaultKind, s *source) (what string, ok bool) {
	a := p.attr()
	if a.Form != rtattr.IsAttr {
		return "", false
	}
	insert := func(i int, x *Attr) { *p.in = slices.Insert(slices.Clip(*p.in), i, x) }
	switch kind {
	case Alignment:
		n := 1 + s.intn(3)
		insert(p.i+1, &Attr{Form: rtattr.IsStray, Payload: make([]byte, n)})
		return fmt.Sprintf("%d bytes more behind it", n), true
	case Type:
		if a.Set == nil {
			return "", false
		}
		first := s.intn(len(a.Set.Attrs))
		for k := range a.Set.Attrs {
			typ := (first + k) % len(a.Set.Attrs)
			if other := &a.Set.Attrs[typ]; other.Name != "" && typ != int(a.Type&rtattr.NLA_TYPE_MASK) {
				a.Type = uint16(typ) | a.Type&^rtattr.NLA_TYPE_MASK
				return "its payload under the type " + a.Set.CName(other), true
			}
		}
	case NestFlag:
		a.Type ^= rtattr.NLA_F_NESTED
		if a.Type&rtattr.NLA_F_NESTED != 0 {
			return "with NLA_F_NESTED", true
		}
		return "without NLA_F_NESTED", true
	case Order:
		for k := 1; k < len(*p.in); k++ {
			j := (p.i + k) % len(*p.in)
			if other := (*p.in)[j]; other.Form == rtattr.IsAttr && !slices.Equal(appendAttrs(nil, []*Attr{a}), appendAttrs(nil, []*Attr{other})) {
				(*p.in)[p.i], (*p.in)[j] = other, a
				return fmt.Sprintf("in the place of number %d beside it", j), true
			}
		}
	case Duplicate:
		insert(p.i, a)
		return "twice", true
	case Size:
		if a.Nested {
			return "", false
		}
		n := len(a.Payload)
		sizes := []int{n - 1, n + 1, n + 4, 0, 2 * n, n / 2}
		now := sizes[s.intn(len(sizes))]
		if now < 0 || now == n || now > 4096 {
			now = n + 1
		}
		a.Payload = append(bytes.Clone(a.Payload), make([]byte, max(0, now-n))...)[:now]
		return fmt.Sprintf("%d bytes instead of %d", now, n), true
	case Unknown:
		if a.Set == nil {
			return "", false
		}
		typ := uint16(len(a.Set.Attrs) + s.intn(64))
		insert(p.i+1, &Attr{Type: typ, Set: a.Set, Payload: s.bytes(s.intn(9))})
		return fmt.Sprintf("attribute %d behind it", typ), true
	}
	return "", false
}
