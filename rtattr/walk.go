package rtattr

import (
	"encoding/binary"
	"iter"
)

// A Node is what Walk finds in a message: an attribute, an element of an array of
// structs with attributes (struct rtnexthop), or bytes that are neither.
type Node struct {
	Off  int // in the message, in bytes
	Len  int // up to the end of the payload: without the pad
	Head int // bytes of the header and of the fixed struct behind it, before the attributes inside

	Depth int    // 0 for the attributes of the message itself
	Type  uint16 // nla_type with its flag bits
	Form  Form

	// Nested says that there are attributes inside, which come next.
	Nested bool

	// Set is the set that the attribute is in: nil in a nest that no table has, and
	// of the elements of an array, whose types are indexes.
	Set *Set
	// Attr is what the tables say of it, nil if they do not know the type.
	Attr *Attr

	// Err is what a Parse would say of it, nil if it is as the table wants it.
	Err error
}

// A Form says what a Node is.
type Form uint8

const (
	IsAttr  Form = iota // an attribute
	IsElem              // an element of an array of structs with attributes; it has no type
	IsStray             // bytes that are no attribute: the rest of what encloses them
)

// Walk yields all of m behind its fixed header, whatever encloses something
// before what is inside of it. Attributes that no table knows are walked into if
// they have NLA_F_NESTED.
func (s *Set) Walk(m Msg) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if len(m) < msgHeaderLen {
			return
		}
		sc := newScope(s, m.Payload())
		sc.walk(len(m)-len(sc.attrs), 0, yield)
	}
}

// walk yields what is in s, which begins at off in the message.
func (s *scope) walk(off, depth int, yield func(Node) bool) bool {
	if s.elems != nil {
		return s.walkElems(off, depth, yield)
	}
	for b := s.attrs; len(b) > 0; {
		n, reason := frameLen(b)
		if reason != "" {
			return yield(stray(off, b, depth, s.set, reason))
		}
		raw := binary.NativeEndian.Uint16(b[2:])
		typ, payload := raw&NLA_TYPE_MASK, b[attrHeaderLen:n]
		node := Node{Off: off, Len: n, Head: attrHeaderLen, Depth: depth, Type: raw, Set: s.set, Attr: s.attr(typ)}
		if node.Attr != nil && s.set != nil {
			node.Err = s.set.check(node.Attr, payload)
		}
		var in *scope
		if s.nested(typ, raw&NLA_F_NESTED != 0) {
			in = s.enter(typ, payload)
			node.Nested, node.Head = true, n-len(in.attrs)
		}
		if !yield(node) || in != nil && !in.walk(off+node.Head, depth+1, yield) {
			return false
		}
		end := min(align4(n), len(b))
		off, b = off+end, b[end:]
	}
	return true
}

func (s *scope) walkElems(off, depth int, yield func(Node) bool) bool {
	for b := s.attrs; len(b) > 0; {
		n := elemLen(b, s.elems.Size)
		if n == 0 {
			return yield(stray(off, b, depth, s.set, "no complete "+s.elems.Name))
		}
		in := s.elem(b[s.elems.Size:n])
		if !yield(Node{Off: off, Len: n, Head: s.elems.Size, Depth: depth, Form: IsElem, Nested: true, Set: s.set}) ||
			!in.walk(off+s.elems.Size, depth+1, yield) {
			return false
		}
		end := min(align4(n), len(b))
		off, b = off+end, b[end:]
	}
	return true
}

func stray(off int, b []byte, depth int, set *Set, reason string) Node {
	name := "attributes"
	if set != nil {
		name = set.Name
	}
	return Node{Off: off, Len: len(b), Depth: depth, Form: IsStray, Set: set, Err: &AttrError{name, reason}}
}
