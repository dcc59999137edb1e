package rtattr

import (
	"encoding/binary"
	"fmt"
)

// A scope is a block of attributes on the way from a message to an attribute.
type scope struct {
	set    *Set
	attrs  []byte // selectors are looked up here
	header []byte // fixed header of the message, for variants
	outer  *scope
	head   *Struct // fixed struct before attrs, inside of the attribute
	elems  *Struct // attrs is a sequence of this struct and attributes
	each   *Attr   // what each of attrs is, whose types are indexes
}

// newScope returns the scope of a message's payload.
func newScope(set *Set, payload []byte) *scope {
	n := min(set.headerLen(payload), len(payload))
	return &scope{set: set, header: payload, attrs: payload[n:]}
}

func (s *scope) attr(typ uint16) *Attr {
	if s.each != nil {
		return s.each
	}
	if s.set == nil || int(typ) >= len(s.set.Attrs) || s.set.Attrs[typ].Name == "" {
		return nil
	}
	return s.set.Attrs[typ].variant(s.header)
}

// name returns the element of a path for an attribute type: ".mtu",
// ".data(vxlan)", or ".77" if there is no name.
func (s *scope) name(typ uint16) string {
	a := s.attr(typ)
	if s.each != nil {
		return fmt.Sprintf("[%d]", typ)
	}
	if a == nil {
		return fmt.Sprintf(".%d", typ)
	}
	if a.Sub != nil {
		if sel := s.selector(a.Sub); sel != "" {
			return fmt.Sprintf(".%s(%s)", a.Name, sel)
		}
	}
	return "." + a.Name
}

// enter returns the scope inside attribute typ, whose payload is b.
func (s *scope) enter(typ uint16, b []byte) *scope {
	in := &scope{attrs: b, header: s.header, outer: s}
	a := s.attr(typ)
	if a == nil {
		return in
	}
	switch {
	case a.Sub != nil:
		if f := s.format(a.Sub); f != nil {
			in.head = f.Header
			if f.Nested != nil {
				in.set = f.Nested.Set()
			}
		}
	case a.Type == Indexed:
		in.each = a.element()
	case a.Type == TypeValue && a.Depth > 0:
		in.each = &Attr{Type: TypeValue, Depth: a.Depth - 1, Nested: a.Nested}
	case a.Nested != nil:
		in.set = a.Nested.Set()
		if a.Type == Sequence {
			in.elems = a.Struct
		} else {
			in.head = a.Struct
		}
	}
	if in.head != nil {
		in.attrs = b[min(align4(in.head.Size), len(b)):]
	}
	return in
}

// element is what an array of attributes consists of.
func (a *Attr) element() *Attr {
	e := &Attr{Type: a.Elem, Max: maxAttrLen, Enum: a.Enum, Struct: a.Struct, Nested: a.Nested}
	if n := a.ElemSize; n > 0 {
		e.Min, e.Max = n, n
	}
	return e
}

// nested reports whether attribute typ holds attributes that can be walked.
func (s *scope) nested(typ uint16, flagged bool) bool {
	a := s.attr(typ)
	switch {
	case a == nil:
		return flagged
	case a.Sub != nil:
		f := s.format(a.Sub)
		return f != nil && (f.Nested != nil || f.Header != nil)
	case a.Type == Indexed:
		return true
	}
	return a.Nested != nil && (a.Type == NestT || a.Type == Sequence || a.Type == TypeValue || flagged)
}

// elem returns the scope of the attributes of one array element.
func (s *scope) elem(attrs []byte) *scope {
	return &scope{set: s.set, attrs: attrs, header: s.header, outer: s}
}

// find returns the last attribute with this name, here or further out.
func (s *scope) find(name string) (*Attr, []byte) {
	for ; s != nil; s = s.outer {
		if s.set == nil {
			continue
		}
		for typ := range s.set.Attrs {
			if s.set.Attrs[typ].Name != name {
				continue
			}
			var last []byte
			for v := range Attrs(s.attrs).Of(uint16(typ)) {
				last = v
			}
			if last != nil {
				return &s.set.Attrs[typ], last
			}
		}
	}
	return nil, nil
}

func (s *scope) format(sub *SubMessage) *Format {
	a, v := s.find(sub.Selector)
	if a == nil {
		return nil
	}
	for i := range sub.Formats {
		f := &sub.Formats[i]
		if a.Type == String && f.Value == string(cString(v)) ||
			a.Type.scalar() && f.Num == scalar(v, a.Type, len(v)) {
			return f
		}
	}
	return nil
}

// selector returns the selector's value as text, "" if it is not there.
func (s *scope) selector(sub *SubMessage) string {
	a, v := s.find(sub.Selector)
	switch {
	case a == nil:
		return ""
	case a.Type == String:
		return string(cString(v))
	}
	return a.format(v)
}

// Path names the attribute at offset off of a message: ".linkinfo.data(vxlan).id".
// An offset inside the header of the message or of an attribute's fixed struct
// gives the member's name; one that hits nothing gives what encloses it and the
// rest in bytes. The kernel reports such offsets in NLMSGERR_ATTR_OFFS.
func (s *Set) Path(m Msg, off int) string {
	path, _ := s.locate(m, off)
	return string(path)
}

// MissingPath names an attribute that a message lacks: type typ in the nest at
// offset nest, or outside of all nests if nest is 0. The kernel reports both in
// NLMSGERR_ATTR_MISS_TYPE and NLMSGERR_ATTR_MISS_NEST.
func (s *Set) MissingPath(m Msg, nest int, typ uint32) string {
	path, in := []byte(nil), &scope{}
	switch {
	case nest != 0:
		if path, in = s.locate(m, nest); in == nil {
			in = &scope{}
		}
	case len(m) >= msgHeaderLen:
		in = newScope(s, m.Payload())
	}
	if typ > NLA_TYPE_MASK {
		return fmt.Sprintf("%s.%d", path, typ)
	}
	return string(path) + in.name(uint16(typ))
}

// locate returns the path to an offset of a message, and the scope inside the
// attribute that begins there, if it is nested.
func (s *Set) locate(m Msg, off int) ([]byte, *scope) {
	if off < msgHeaderLen || off >= len(m) {
		return fmt.Appendf(nil, "+%d", off), nil
	}
	off -= msgHeaderLen
	b := m.Payload()
	if n := s.headerLen(b); off < n {
		return append([]byte{'.'}, s.Header.member(off)...), nil
	}
	sc := newScope(s, b)
	return sc.locate(nil, off-(len(b)-len(sc.attrs)))
}

func (s *scope) locate(dst []byte, off int) ([]byte, *scope) {
	if s.elems != nil {
		return s.locateElem(dst, off)
	}
	for at := 0; at < len(s.attrs); {
		n, reason := frameLen(s.attrs[at:])
		if reason != "" {
			break
		}
		if off >= at+align4(n) {
			at += align4(n)
			continue
		}
		raw := binary.NativeEndian.Uint16(s.attrs[at+2:])
		typ := raw & NLA_TYPE_MASK
		dst = append(dst, s.name(typ)...)
		off -= at
		payload := s.attrs[at+attrHeaderLen : at+n]
		if !s.nested(typ, raw&NLA_F_NESTED != 0) {
			if off < attrHeaderLen {
				return dst, nil
			}
			return fmt.Appendf(dst, "+%d", off-attrHeaderLen), nil
		}
		in := s.enter(typ, payload)
		if off -= attrHeaderLen; off < 0 {
			return dst, in
		}
		skip := len(payload) - len(in.attrs)
		if off < skip {
			return append(append(dst, '.'), in.head.member(off)...), nil
		}
		return in.locate(dst, off-skip)
	}
	return fmt.Appendf(dst, "+%d", off), nil
}

func (s *scope) locateElem(dst []byte, off int) ([]byte, *scope) {
	for i, at := 0, 0; ; i++ {
		n := elemLen(s.attrs[at:], s.elems.Size)
		if n == 0 {
			return fmt.Appendf(dst, "+%d", off-at), nil
		}
		if off < at+align4(n) {
			dst = fmt.Appendf(dst, "[%d]", i)
			if off < at+s.elems.Size {
				return append(append(dst, '.'), s.elems.member(off-at)...), nil
			}
			return s.elem(s.attrs[at+s.elems.Size:at+n]).locate(dst, off-at-s.elems.Size)
		}
		at = min(at+align4(n), len(s.attrs))
	}
}

// elemLen returns the length of the array element at the start of b, 0 if there
// is no complete one.
func elemLen(b []byte, size int) int {
	if len(b) < size {
		return 0
	}
	if n := int(binary.NativeEndian.Uint16(b)); n >= size && n <= len(b) {
		return n
	}
	return 0
}

func (st *Struct) member(off int) string {
	for _, m := range st.Members {
		if off >= m.Off && off < m.Off+m.Len {
			return m.Name
		}
	}
	return fmt.Sprintf("%s+%d", st.Name, off)
}
