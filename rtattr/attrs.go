package rtattr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
)

// Attrs is a block of attributes whose framing has been checked. It aliases the
// message it was parsed from.
type Attrs []byte

// ParseAttrs checks the framing of b: every nla_len is at least 4 and inside b.
// A missing pad after the last attribute is normal input. On an error the
// attributes before the bad one are returned.
func ParseAttrs(b []byte) (Attrs, error) {
	for off := 0; off < len(b); {
		n, reason := frameLen(b[off:])
		if reason != "" {
			return Attrs(b[:off:off]), &AttrError{fmt.Sprintf("+%d", off), reason}
		}
		off += align4(n)
	}
	return Attrs(b[:len(b):len(b)]), nil
}

// frameLen returns the length of the attribute at the start of b, or what is wrong.
func frameLen(b []byte) (n int, reason string) {
	if len(b) < attrHeaderLen {
		return 0, fmt.Sprintf("%d stray bytes, an attribute has at least %d", len(b), attrHeaderLen)
	}
	n = int(binary.NativeEndian.Uint16(b))
	if n < attrHeaderLen {
		return 0, fmt.Sprintf("nla_len is %d, less than its header", n)
	}
	if n > len(b) {
		return 0, fmt.Sprintf("nla_len is %d, only %d bytes are left", n, len(b))
	}
	return n, ""
}

// Next returns the first attribute and those behind it. The flags are masked
// off typ; the value's capacity is its length. An empty or badly framed block
// gives a nil value.
func (a Attrs) Next() (typ uint16, value []byte, rest Attrs) {
	if len(a) < attrHeaderLen {
		return 0, nil, nil
	}
	n := int(binary.NativeEndian.Uint16(a))
	if n < attrHeaderLen || n > len(a) {
		return 0, nil, nil
	}
	return binary.NativeEndian.Uint16(a[2:]) & NLA_TYPE_MASK, a[attrHeaderLen:n:n], a[min(align4(n), len(a)):]
}

// All returns the attributes in their order. It stops where the framing is bad,
// which it never is behind ParseAttrs.
func (a Attrs) All() iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for {
			typ, v, rest := a.Next()
			if v == nil || !yield(typ, v) {
				return
			}
			a = rest
		}
	}
}

// Of returns the values of the attributes of one type.
func (a Attrs) Of(typ uint16) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for t, v := range a.All() {
			if t == typ && !yield(v) {
				return
			}
		}
	}
}

// Index stores in at, by type, where the payload of each attribute of b begins.
// The last of several wins, as in the kernel's nla_parse. Types beyond at are
// unknown and left to All. An attribute whose length does not fit the set is
// left out and the first such error returned; behind bad framing nothing is read.
// The fixed header decides between variants; it is nil inside of nests. Generated
// Parse methods call it.
func (s *Set) Index(header, b []byte, at []uint32) (Attrs, error) {
	var bad error
	attrs := s.Attrs[:min(len(s.Attrs), len(at))]
	for off := 0; off < len(b); {
		rest := b[off:]
		n := 0
		if len(rest) >= attrHeaderLen {
			n = int(host.Uint16(rest))
		}
		if n < attrHeaderLen || n > len(rest) {
			_, reason := frameLen(rest)
			if bad == nil {
				bad = &AttrError{fmt.Sprintf("%s+%d", s.Name, off), reason}
			}
			b = b[:off:off]
			break
		}
		if typ := int(host.Uint16(rest[2:]) & NLA_TYPE_MASK); typ < len(attrs) && attrs[typ].Name != "" {
			a := &attrs[typ]
			if a.Variants != nil {
				a = a.variant(header)
			}
			if a.Type < Sequence && a.fits(n-attrHeaderLen) {
				at[typ] = uint32(off + attrHeaderLen)
			} else if err := s.check(a, rest[attrHeaderLen:n]); err == nil {
				at[typ] = uint32(off + attrHeaderLen)
			} else if bad == nil {
				bad = err
			}
		}
		off += align4(n)
	}
	return Attrs(b[:len(b):len(b)]), bad
}

// check returns what is wrong with the payload of a known attribute.
func (s *Set) check(a *Attr, payload []byte) error {
	switch {
	case !a.fits(len(payload)):
		return s.badLen(a, len(payload))
	case a.Type == Sequence && !sequence(payload, a.Struct.Size):
		return &AttrError{s.Name + "." + a.Name, "the elements do not fill it"}
	case a.Type == Indexed:
		return s.checkElems(a, payload)
	}
	return nil
}

// checkElems returns what is wrong with an array whose elements are attributes.
func (s *Set) checkElems(a *Attr, payload []byte) error {
	elems, err := ParseAttrs(payload)
	if err != nil {
		return &AttrError{s.Name + "." + a.Name + err.(*AttrError).Path, err.(*AttrError).Reason}
	}
	for i, b := range elems.All() {
		if a.ElemSize > 0 && len(b) != int(a.ElemSize) {
			return &AttrError{fmt.Sprintf("%s.%s[%d]", s.Name, a.Name, i), fmt.Sprintf("%d bytes, want %d", len(b), a.ElemSize)}
		}
	}
	return nil
}

func (a *Attr) fits(n int) bool {
	// Uint, Sint and Address are the types with two lengths.
	return n == int(a.Min) || n == int(a.Max) || a.Max > 16 && n > int(a.Min) && n < int(a.Max)
}

func (s *Set) badLen(a *Attr, n int) error {
	return &AttrError{s.Name + "." + a.Name, a.lengths(n)}
}

// lengths says which lengths an attribute has, and that n is none of them.
func (a *Attr) lengths(n int) string {
	want := fmt.Sprint(a.Min)
	switch {
	case a.Max == maxAttrLen:
		want = fmt.Sprintf("at least %d", a.Min)
	case a.Max != a.Min:
		want = fmt.Sprintf("%d or %d", a.Min, a.Max)
	}
	return fmt.Sprintf("%d bytes, want %s", n, want)
}

// BadHeader is the error of a fixed header that is cut short.
func (s *Set) BadHeader(h *Struct, n int) error {
	return &AttrError{s.Name, fmt.Sprintf("%d bytes, struct %s has %d", n, h.Name, h.Size)}
}

// BadTail is the error of a payload that is shorter than its fixed header says.
func (s *Set) BadTail(want uint64, n int) error {
	return &AttrError{s.Name, fmt.Sprintf("%d bytes, %s and what belongs to it have %d", n, s.Header.Name, want)}
}

// The getters below read the payload at an offset that Index stored: 0 is
// absent. Generated getters call them.

func (a Attrs) at(off uint32, size int) []byte {
	if off == 0 || int(off)+size > len(a) {
		return nil
	}
	return a[off : int(off)+size]
}

// Bytes returns the payload; its capacity is its length.
func (a Attrs) Bytes(off uint32) ([]byte, bool) {
	if off < attrHeaderLen || int(off) > len(a) {
		return nil, false
	}
	end := int(off) - attrHeaderLen + int(binary.NativeEndian.Uint16(a[off-attrHeaderLen:]))
	if end < int(off) || end > len(a) {
		return nil, false
	}
	return a[off:end:end], true
}

// Payload is Bytes; nil if the attribute is not there.
func (a Attrs) Payload(off uint32) []byte {
	b, _ := a.Bytes(off)
	return b
}

// String returns the bytes before the first NUL.
func (a Attrs) String(off uint32) ([]byte, bool) {
	b, ok := a.Bytes(off)
	return cString(b), ok
}

func cString(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i:i]
	}
	return b
}

// Uint8 returns the number at off.
func (a Attrs) Uint8(off uint32) (uint8, bool) {
	if b := a.at(off, 1); b != nil {
		return b[0], true
	}
	return 0, false
}

// Uint16 returns the number at off, sent in host byte order.
func (a Attrs) Uint16(off uint32) (uint16, bool) {
	if b := a.at(off, 2); b != nil {
		return binary.NativeEndian.Uint16(b), true
	}
	return 0, false
}

// Uint32 returns the number at off, sent in host byte order.
func (a Attrs) Uint32(off uint32) (uint32, bool) {
	if b := a.at(off, 4); b != nil {
		return binary.NativeEndian.Uint32(b), true
	}
	return 0, false
}

// Uint64 returns the number at off, sent in host byte order.
func (a Attrs) Uint64(off uint32) (uint64, bool) {
	if b := a.at(off, 8); b != nil {
		return binary.NativeEndian.Uint64(b), true
	}
	return 0, false
}

// Uint16BE returns the number at off, sent in network byte order.
func (a Attrs) Uint16BE(off uint32) (uint16, bool) {
	if b := a.at(off, 2); b != nil {
		return binary.BigEndian.Uint16(b), true
	}
	return 0, false
}

// Uint32BE returns the number at off, sent in network byte order.
func (a Attrs) Uint32BE(off uint32) (uint32, bool) {
	if b := a.at(off, 4); b != nil {
		return binary.BigEndian.Uint32(b), true
	}
	return 0, false
}

// Uint64BE returns the number at off, sent in network byte order.
func (a Attrs) Uint64BE(off uint32) (uint64, bool) {
	if b := a.at(off, 8); b != nil {
		return binary.BigEndian.Uint64(b), true
	}
	return 0, false
}

// Uint16LE returns the number at off, sent in little-endian byte order.
func (a Attrs) Uint16LE(off uint32) (uint16, bool) {
	if b := a.at(off, 2); b != nil {
		return binary.LittleEndian.Uint16(b), true
	}
	return 0, false
}

// Uint32LE returns the number at off, sent in little-endian byte order.
func (a Attrs) Uint32LE(off uint32) (uint32, bool) {
	if b := a.at(off, 4); b != nil {
		return binary.LittleEndian.Uint32(b), true
	}
	return 0, false
}

// Uint64LE returns the number at off, sent in little-endian byte order.
func (a Attrs) Uint64LE(off uint32) (uint64, bool) {
	if b := a.at(off, 8); b != nil {
		return binary.LittleEndian.Uint64(b), true
	}
	return 0, false
}

// Uint returns a number of 4 or 8 bytes.
func (a Attrs) Uint(off uint32) (uint64, bool) {
	switch b, _ := a.Bytes(off); len(b) {
	case 4:
		return uint64(host.Uint32(b)), true
	case 8:
		return host.Uint64(b), true
	}
	return 0, false
}

// Int returns a signed number of 4 or 8 bytes.
func (a Attrs) Int(off uint32) (int64, bool) {
	switch b, _ := a.Bytes(off); len(b) {
	case 4:
		return int64(int32(host.Uint32(b))), true
	case 8:
		return int64(host.Uint64(b)), true
	}
	return 0, false
}

// Flag reports whether the attribute is there.
func (a Attrs) Flag(off uint32) bool { return off != 0 }

// Addr returns an address of 4 or 16 bytes.
func (a Attrs) Addr(off uint32) (netip.Addr, bool) {
	b, _ := a.Bytes(off)
	switch len(b) {
	case 4:
		return netip.AddrFrom4([4]byte(b)), true
	case 16:
		return netip.AddrFrom16([16]byte(b)), true
	}
	return netip.Addr{}, false
}

// Each returns where the payloads of min to max bytes of the attributes of one
// type begin.
func (a Attrs) Each(typ uint16, min, max int) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		off := attrHeaderLen
		for b := a; ; {
			t, v, rest := b.Next()
			if v == nil || t == typ && len(v) >= min && len(v) <= max && !yield(uint32(off)) {
				return
			}
			off += len(b) - len(rest)
			b = rest
		}
	}
}

// Strings returns the attributes of one type, each up to its first NUL.
func (a Attrs) Strings(typ uint16) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for t, v := range a.All() {
			if t == typ && !yield(cString(v)) {
				return
			}
		}
	}
}

// Find returns the payload of the last attribute of one type, whether its
// length fits the table or not.
func (a Attrs) Find(typ uint16) (value []byte, ok bool) {
	for t, v := range a.All() {
		if t == typ {
			value, ok = v, true
		}
	}
	return value, ok
}

// NextElem cuts the first element off an array of structs with attributes: size
// bytes of struct, which begin with the length of the element, and its attributes.
// The head is nil where there is no complete element.
func NextElem(b []byte, size int) (head []byte, attrs Attrs, rest []byte) {
	n := elemLen(b, size)
	if n == 0 {
		return nil, nil, nil
	}
	return b[:size:size], Attrs(b[size:n:n]), b[min(align4(n), len(b)):]
}

// sequence reports whether b is elements and nothing else.
func sequence(b []byte, size int) bool {
	for len(b) > 0 {
		n := elemLen(b, size)
		if n == 0 {
			return false
		}
		b = b[min(align4(n), len(b)):]
	}
	return true
}

// Tail splits a payload into a struct of size bytes and what follows it.
func (a Attrs) Tail(off uint32, size int) (head, tail []byte, ok bool) {
	b, ok := a.Bytes(off)
	if len(b) < size {
		return nil, nil, false
	}
	return b[:size:size], b[size:], ok
}

// As converts the number of a getter to the type of its enum or sign.
func As[T, V ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64](v V, ok bool) (T, bool) {
	return T(v), ok
}

// Empty reports whether the attribute at off has no payload.
func (a Attrs) Empty(off uint32) bool {
	b, ok := a.Bytes(off)
	return ok && len(b) == 0
}

// Nested reports whether the attribute at off has NLA_F_NESTED set.
func (a Attrs) Nested(off uint32) bool {
	return off >= attrHeaderLen && int(off) <= len(a) && binary.NativeEndian.Uint16(a[off-2:])&NLA_F_NESTED != 0
}

// When returns off if the attribute has the meaning that is asked for.
func When(cond bool, off uint32) uint32 {
	if cond {
		return off
	}
	return 0
}

// Elems returns the elements of an array of attributes: their types, which are the
// indexes, and where their payloads begin.
func (a Attrs) Elems(off uint32) iter.Seq2[uint16, uint32] {
	return func(yield func(uint16, uint32) bool) {
		b, _ := a.Bytes(off)
		for {
			typ, v, rest := Attrs(b).Next()
			if v == nil || !yield(typ, off+attrHeaderLen) {
				return
			}
			off += uint32(len(b) - len(rest))
			b = rest
		}
	}
}

// Len is the length of the payload at off in bytes, -1 if it is not there.
func (a Attrs) Len(off uint32) int {
	b, ok := a.Bytes(off)
	if !ok {
		return -1
	}
	return len(b)
}

// A BitField32 is struct nla_bitfield32: bits, and which of them are meant.
type BitField32 struct{ Value, Selector uint32 }

// BitField32 returns the bit field at off.
func (a Attrs) BitField32(off uint32) (v BitField32, ok bool) {
	b := a.at(off, 8)
	if b != nil {
		v = BitField32{host.Uint32(b), host.Uint32(b[4:])}
	}
	return v, b != nil
}

// SameString reports whether the attribute at off is the string s, with or
// without its final NUL.
func (a Attrs) SameString(off uint32, s string) bool {
	b, ok := a.String(off)
	return ok && string(b) == s
}

// SameNumber reports whether the attribute at off is v, as wire type t has it.
func (a Attrs) SameNumber(off uint32, t Type, v uint64) bool {
	b, ok := a.Bytes(off)
	return ok && len(b) == t.size() && scalar(b, t, len(b)) == v
}
