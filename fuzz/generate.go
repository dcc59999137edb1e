package fuzz

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
)

// A Generator makes messages that the tables of rtattr allow: each attribute is
// one that its set has, with a payload of a right length, and values of enums
// mostly have a name. That says nothing about what the kernel makes of them. Never send
// them to a kernel that others use: see Kernel.
//
// The zero Generator makes messages of all types.
type Generator struct {
	// Types are the message types to choose from; nil is all that have a table.
	Types []uint16
	// Depth is how many nests may be around an attribute; 0 is 10.
	Depth int
	// Replies generates what the kernel sends instead of requests.
	Replies bool
}

// Message makes one message out of the decisions in steer: each byte is one, and
// behind the end all are zero, which ends the message soon. A fuzzer that changes a few
// bytes of steer changes a few places of the message.
func (g *Generator) Message(steer []byte) rtattr.Msg { return g.Tree(steer).Bytes() }

// Seed is Message for what a random generator decides. The same seed gives the
// same message.
func (g *Generator) Seed(seed uint64) rtattr.Msg { return g.Message(Steer(seed)) }

// Steer returns decisions of a random generator: 16 to 4,111 bytes.
func Steer(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, 16+r.IntN(4096))
	for i := range b {
		b[i] = uint8(r.Uint32())
	}
	return b
}

// Tree is Message before it is put together.
func (g *Generator) Tree(steer []byte) *Tree {
	s := source(steer)
	types := g.Types
	if types == nil {
		types = messageTypes
	}
	t := &Tree{Type: types[s.intn(len(types))], Flags: uint16(s.intn(16)) << 8, Seq: 1}
	set := rtattr.MsgSet(t.Type)
	if !g.Replies {
		set = rtattr.RequestSet(t.Type)
		t.Flags |= rtattr.NLM_F_REQUEST | uint16(s.byte()&(rtattr.NLM_F_ACK|rtattr.NLM_F_ECHO))
	}
	w := writer{source: &s, depth: g.Depth}
	if w.depth == 0 {
		w.depth = 10
	}
	if set == nil {
		return t
	}
	if h := set.Header; h != nil {
		w.header = w.fixed(h)
		if v := variants(set); len(v) > 0 && s.intn(2) > 0 {
			v := v[s.intn(len(v))]
			put(w.header[v.Off:], v.Type, v.Size, v.Is)
		}
		if h.TailSize > 0 { // as many bytes as the header says
			n := s.intn(3) * 8
			put(w.header[h.TailOff:], h.TailType, h.TailSize, uint64(n))
			w.header = append(w.header, s.bytes(n)...)
		}
		for len(w.header)%4 != 0 {
			w.header = append(w.header, 0)
		}
		t.Header = w.header
	}
	t.Attrs = w.attrs(set, nil)
	return t
}

// messageTypes are those that a set belongs to.
var messageTypes = func() (types []uint16) {
	for typ := uint16(rtattr.RTM_NEWLINK); typ < 256; typ++ {
		if rtattr.MsgSet(typ) != nil {
			types = append(types, typ)
		}
	}
	return types
}()

// A source is what is left of the decisions.
type source []byte

func (s *source) byte() uint8 {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

// intn returns a number below n.
func (s *source) intn(n int) int {
	v := int(s.byte())
	if n > 256 {
		v |= int(s.byte()) << 8
	}
	return v % max(1, n)
}

func (s *source) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = s.byte()
	}
	return b
}

// number returns a number of so many bits: often one at an end of its range.
func (s *source) number(width int) uint64 {
	all := uint64(1)<<width - 1
	switch s.intn(8) {
	case 0, 1:
		return uint64(s.byte()) & all
	case 2:
		return all
	case 3:
		return all >> 1
	case 4:
		return all>>1 + 1
	case 5:
		return 1 << s.intn(width)
	}
	return binary.LittleEndian.Uint64(s.bytes(8)) & all
}

// A level is a list of attributes around the one that is made, with its set.
type level struct {
	set   *rtattr.Set
	attrs []*Attr
	outer *level
}

func (l *level) find(typ uint16) *Attr {
	for _, x := range l.attrs {
		if x.Type&rtattr.NLA_TYPE_MASK == typ {
			return x
		}
	}
	return nil
}

// selects reports whether an attribute of that name may decide about another one:
// of two the last would count.
func (l *level) selects(name string) bool {
	return slices.ContainsFunc(l.set.Attrs, func(a rtattr.Attr) bool {
		return a.Sub != nil && a.Sub.Selector == name
	})
}

type writer struct {
	*source
	header []byte
	depth  int
}

// attrs makes some attributes of a set.
func (w *writer) attrs(set *rtattr.Set, outer *level) []*Attr {
	in := &level{set: set, outer: outer}
	if set == nil || len(set.Attrs) == 0 {
		return nil
	}
	var known []uint16
	for typ, a := range set.Attrs {
		if a.Name != "" && a.Type != rtattr.Pad && a.Type != rtattr.Unused {
			known = append(known, uint16(typ))
		}
	}
	for range w.intn(16) {
		if len(*w.source) == 0 || len(known) == 0 {
			break
		}
		w.attr(in, known[w.intn(len(known))])
	}
	return in.attrs
}

// attr adds an attribute to a list, and its selector before it.
func (w *writer) attr(in *level, typ uint16) {
	a := w.variant(&in.set.Attrs[typ])
	if again := in.find(typ) != nil; again && (in.selects(a.Name) || w.intn(4) > 0) {
		return
	}
	x := &Attr{Type: typ, Set: in.set, Table: a}
	if a.Sub != nil {
		f := w.format(in, a.Sub)
		switch {
		case f == nil:
			return
		case f.Nested == nil && f.Header == nil:
			x.Payload = w.bytes(4 * w.intn(8))
		case !w.enter(x, f.Header, f.Nested, in):
			return
		}
	} else if !w.fill(x, a, in) {
		return
	}
	in.attrs = append(in.attrs, x)
}

// variants are the header values that the attributes of a set depend on.
func variants(set *rtattr.Set) (all []rtattr.Variant) {
	for i := range set.Attrs {
		all = append(all, set.Attrs[i].Variants...)
	}
	return all
}

// variant returns the meaning that the header gives to a.
func (w *writer) variant(a *rtattr.Attr) *rtattr.Attr {
	for i := range a.Variants {
		v := &a.Variants[i]
		if v.Off+v.Size <= len(w.header) && get(w.header[v.Off:], v.Type, v.Size) == v.Is {
			return &v.Attr
		}
	}
	return a
}

// format returns what the selector of a sub-message decides. If there is none yet,
// one is added, where the set has it.
func (w *writer) format(in *level, sub *rtattr.SubMessage) *rtattr.Format {
	for l := in; l != nil; l = l.outer {
		for typ := range l.set.Attrs {
			sel := &l.set.Attrs[typ]
			if sel.Name != sub.Selector {
				continue
			}
			if x := l.find(uint16(typ)); x != nil {
				return chosen(sub, sel, x.Payload)
			}
			if l != in || len(sub.Formats) == 0 {
				continue
			}
			f := &sub.Formats[w.intn(len(sub.Formats))]
			payload := append([]byte(f.Value), 0)
			if sel.Type != rtattr.String {
				payload = make([]byte, sel.Min)
				put(payload, sel.Type, len(payload), f.Num)
			}
			l.attrs = append(l.attrs, &Attr{Type: uint16(typ), Set: l.set, Table: sel, Payload: payload})
			return f
		}
	}
	return nil
}

func chosen(sub *rtattr.SubMessage, sel *rtattr.Attr, payload []byte) *rtattr.Format {
	for i := range sub.Formats {
		f := &sub.Formats[i]
		if sel.Type == rtattr.String && string(payload) == f.Value+"\x00" ||
			sel.Type != rtattr.String && get(payload, sel.Type, len(payload)) == f.Num {
			return f
		}
	}
	return nil
}

// enter fills a nest: a fixed struct and attributes.
func (w *writer) enter(x *Attr, head *rtattr.Struct, nested rtattr.SetRef, in *level) bool {
	if w.depth == 0 {
		return false
	}
	w.depth--
	x.Nested = true
	if head != nil {
		x.Head = w.fixed(head)
		for len(x.Head)%4 != 0 {
			x.Head = append(x.Head, 0)
		}
	}
	if nested != nil {
		x.Attrs = w.attrs(nested.Set(), in)
		if w.intn(4) > 0 {
			x.Type |= rtattr.NLA_F_NESTED
		}
	}
	w.depth++
	return true
}

// fill makes the payload of x; false says that the nests would be too deep.
func (w *writer) fill(x *Attr, a *rtattr.Attr, in *level) bool {
	switch a.Type {
	case rtattr.NestT, rtattr.Sequence, rtattr.Indexed, rtattr.TypeValue:
	default: // requests may have attributes where replies have a struct or an array
		if a.Nested != nil && w.intn(2) > 0 && w.enter(x, nil, a.Nested, in) {
			x.Type |= rtattr.NLA_F_NESTED
			return len(x.Attrs) > 0
		}
	}
	switch a.Type {
	case rtattr.NestT:
		return w.enter(x, a.Struct, a.Nested, in)
	case rtattr.Sequence:
		if w.depth == 0 {
			return false
		}
		w.depth--
		x.Nested = true
		for range w.intn(4) {
			e := &Attr{Form: rtattr.IsElem, Nested: true, Head: w.fixed(a.Struct), Set: a.Nested.Set()}
			e.Attrs = w.attrs(a.Nested.Set(), in)
			x.Attrs = append(x.Attrs, e)
		}
		w.depth++
	case rtattr.Indexed:
		x.Nested = true
		elem := &rtattr.Attr{Type: a.Elem, Min: a.ElemSize, Max: a.ElemSize, Enum: a.Enum, Struct: a.Struct, Nested: a.Nested}
		if a.ElemSize == 0 {
			elem.Max = 64
		}
		for i := range w.intn(4) {
			e := &Attr{Type: uint16(i + 1), Table: elem}
			if !w.fill(e, elem, in) {
				return false
			}
			x.Attrs = append(x.Attrs, e)
		}
	case rtattr.TypeValue:
		x.Nested = true
		w.levels(x, a.Depth, a, in)
	default:
		x.Payload = w.payload(a)
	}
	return true
}

// levels makes nests whose types are values, Depth of them, then attributes.
func (w *writer) levels(x *Attr, depth uint8, a *rtattr.Attr, in *level) {
	if depth == 0 {
		w.depth -= int(a.Depth)
		if w.depth >= 0 && a.Nested != nil {
			x.Attrs = w.attrs(a.Nested.Set(), in)
		}
		w.depth += int(a.Depth)
		return
	}
	for range w.intn(3) {
		e := &Attr{Type: uint16(w.intn(64)), Nested: true}
		w.levels(e, depth-1, a, in)
		x.Attrs = append(x.Attrs, e)
	}
}

// payload makes what is no nest.
func (w *writer) payload(a *rtattr.Attr) []byte {
	var b []byte
	switch a.Type {
	case rtattr.Flag:
	case rtattr.String:
		for range 1 + w.intn(min(15, max(1, int(a.Max)-1))) {
			b = append(b, 'a'+w.byte()%26)
		}
		b = append(b, 0)
	case rtattr.Address:
		b = w.bytes(int(a.Min))
		if w.byte()&1 > 0 {
			b = w.bytes(int(a.Max))
		}
	case rtattr.HWAddr:
		b = w.bytes(6)
	case rtattr.BitField:
		v := w.enum(a.Enum, 32)
		b = make([]byte, 8)
		put(b, rtattr.U32, 4, v)
		put(b[4:], rtattr.U32, 4, v|w.enum(a.Enum, 32))
	case rtattr.StructT:
		b = w.fixed(a.Struct)
	case rtattr.StructArr:
		for range w.intn(4) {
			b = append(b, w.fixed(a.Struct)...)
		}
	case rtattr.Tail:
		b = append(w.fixed(a.Struct), w.bytes(4<<(2*w.intn(2)))...)
	case rtattr.Arr:
		size := size(a.Elem)
		for range w.intn(8) {
			e := make([]byte, size)
			put(e, a.Elem, size, w.enum(a.Enum, 8*size))
			b = append(b, e...)
		}
	case rtattr.Binary:
		b = w.bytes(w.intn(40))
	case rtattr.Uint, rtattr.Sint:
		b = make([]byte, 4+4*w.intn(2))
		put(b, a.Type, len(b), w.enum(a.Enum, 8*len(b)))
	default:
		b = make([]byte, size(a.Type))
		put(b, a.Type, len(b), w.enum(a.Enum, 8*len(b)))
	}
	for len(b) < int(a.Min) {
		b = append(b, 0)
	}
	return b[:min(len(b), int(a.Max))]
}

// enum returns a value of an enum, or any.
func (w *writer) enum(e *rtattr.Enum, width int) uint64 {
	all := ^uint64(0) >> (64 - width)
	switch {
	case e == nil || len(e.Values) == 0 || w.intn(16) == 15:
		return w.number(width)
	case e.Flags:
		v := uint64(0)
		for range 1 + w.intn(3) {
			v |= e.Values[w.intn(len(e.Values))].Value
		}
		return v & all
	}
	return e.Values[w.intn(len(e.Values))].Value & all
}

// families are those that kernels have handlers for.
var families = []uint64{rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6, rtattr.AF_BRIDGE, rtattr.AF_MPLS}

// fixed makes a fixed struct.
func (w *writer) fixed(s *rtattr.Struct) []byte {
	b := make([]byte, s.Size)
	for i := range s.Members {
		m := &s.Members[i]
		f := b[m.Off : m.Off+m.Len]
		switch {
		case m.Struct != nil:
			copy(f, w.fixed(m.Struct))
		case m.Name == "family" && m.Len == 1:
			f[0] = uint8(families[w.intn(len(families))])
		case size(m.Type) == m.Len:
			put(f, m.Type, m.Len, w.enum(m.Enum, 8*m.Len))
		case m.Type != rtattr.Pad:
			copy(f, w.bytes(m.Len))
		}
	}
	return b
}

// size is the length of a number.
func size(t rtattr.Type) int {
	switch t {
	case rtattr.U8, rtattr.S8:
		return 1
	case rtattr.U16, rtattr.S16, rtattr.U16BE, rtattr.U16LE:
		return 2
	case rtattr.U32, rtattr.S32, rtattr.U32BE, rtattr.U32LE:
		return 4
	case rtattr.U64, rtattr.S64, rtattr.U64BE, rtattr.U64LE:
		return 8
	}
	return 0
}

func order(t rtattr.Type) binary.ByteOrder {
	switch t {
	case rtattr.U16BE, rtattr.U32BE, rtattr.U64BE:
		return binary.BigEndian
	case rtattr.U16LE, rtattr.U32LE, rtattr.U64LE:
		return binary.LittleEndian
	}
	return binary.NativeEndian
}

// put writes a number of n bytes.
func put(b []byte, t rtattr.Type, n int, v uint64) {
	switch n {
	case 1:
		b[0] = uint8(v)
	case 2:
		order(t).PutUint16(b, uint16(v))
	case 4:
		order(t).PutUint32(b, uint32(v))
	case 8:
		order(t).PutUint64(b, v)
	}
}

// get reads a number of n bytes; other lengths are 0.
func get(b []byte, t rtattr.Type, n int) uint64 {
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(order(t).Uint16(b))
	case 4:
		return uint64(order(t).Uint32(b))
	case 8:
		return order(t).Uint64(b)
	}
	return 0
}
