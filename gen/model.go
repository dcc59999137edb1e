package main

import (
	"errors"
	"fmt"
	"go/token"
	"maps"
	"math"
	"reflect"
	"slices"
)

// A model is the tables of one Go package, with all references resolved.
type model struct {
	specs []*spec
	errs  []error

	defs  map[string][]scoped[*def]
	sets  map[string][]scoped[*attrSet]
	subs  map[string][]scoped[*subMsg]
	types map[string]Pos // Go names taken

	consts map[string]uint64 // C constants written
}

type scoped[T any] struct {
	spec *spec
	v    T
}

func (m *model) errorf(p Pos, format string, args ...any) {
	m.errs = append(m.errs, p.errorf(format, args...))
}

// newModel resolves the tables of one package. A name that a table lacks is
// looked up in the others.
func newModel(specs []*spec) (*model, error) {
	m := &model{
		specs: specs,
		defs:  map[string][]scoped[*def]{},
		sets:  map[string][]scoped[*attrSet]{},
		subs:  map[string][]scoped[*subMsg]{},
		types: map[string]Pos{},

		consts: map[string]uint64{},
	}
	named := map[string]bool{}
	for _, s := range specs {
		if s.Name == "" || named[s.Name] {
			m.errorf(s.Pos, "a table needs a name of its own, it has %q", s.Name)
		}
		named[s.Name] = true
		for _, d := range s.Definitions {
			m.defs[d.Name] = append(m.defs[d.Name], scoped[*def]{s, d})
		}
		for _, a := range s.Sets {
			a.spec = s
			m.sets[a.Name] = append(m.sets[a.Name], scoped[*attrSet]{s, a})
		}
		for _, x := range s.SubMessages {
			m.subs[x.Name] = append(m.subs[x.Name], scoped[*subMsg]{s, x})
		}
	}
	for _, s := range specs {
		for _, d := range s.Definitions {
			m.definition(s, d)
		}
	}
	for _, s := range specs {
		m.operations(s)
	}
	for _, s := range specs {
		for _, x := range s.SubMessages {
			for _, f := range x.Formats {
				if f.Header != "" {
					m.errorf(f.Pos, "format %q: fixed-header is not supported yet", f.Value)
				}
				if f.Set != "" {
					if f.set = find(m, m.sets, s, f.Pos, "attribute set", f.Set); f.set != nil && f.set.header != nil {
						m.errorf(f.Pos, "format %q: set %q has a fixed header, which is not supported yet", f.Value, f.Set)
					}
				}
			}
		}
	}
	for _, s := range specs {
		for _, a := range s.Sets {
			m.number(a)
		}
	}
	for _, s := range specs {
		for _, a := range s.Sets {
			if a.SubsetOf != "" {
				m.subset(s, a)
			}
		}
	}
	for _, s := range specs {
		for _, a := range s.Sets {
			m.attrs(s, a)
		}
	}
	for _, s := range specs {
		for _, d := range s.Definitions {
			m.enumType(d)
		}
	}
	m.names()
	return m, errors.Join(m.errs...)
}

// find looks name up in s, then in the other tables.
func find[T any](m *model, in map[string][]scoped[T], s *spec, at Pos, what, name string) (found T) {
	all := in[name]
	for _, x := range all {
		if x.spec == s {
			return x.v
		}
	}
	switch len(all) {
	case 0:
		m.errorf(at, "no %s %q", what, name)
		return found
	case 1:
		return all[0].v
	}
	m.errorf(at, "%s %q is in %s and in %s", what, name, all[0].spec.file, all[1].spec.file)
	return found
}

func (m *model) definition(s *spec, d *def) {
	switch d.Type {
	case "const":
	case "enum", "flags":
		next := d.ValueStart
		for _, e := range d.Entries {
			if e.Name == "" {
				m.errorf(e.Pos, "an entry of %q has no name", d.Name)
			}
			if e.Value != nil {
				next = *e.Value
			}
			e.value = next
			if d.Type == "flags" {
				if next > 63 {
					m.errorf(e.Pos, "flag %q is bit %d of 64", e.Name, next)
				}
				e.value = 1 << next
			}
			next++
		}
	case "struct":
		if len(d.Members) == 0 {
			m.errorf(d.Pos, "struct %q has no members", d.Name)
		}
		for _, x := range d.Members {
			align := m.member(s, d, x)
			d.size = (d.size + align - 1) / align * align
			x.off = d.size
			d.size += x.size
			d.aligned = max(d.aligned, align)
		}
		if d.aligned > 0 {
			d.size = (d.size + d.aligned - 1) / d.aligned * d.aligned
		}
	default:
		m.errorf(d.Pos, "definition %q: unknown type %q", d.Name, d.Type)
	}
}

// scalarBits are the widths of the scalar types.
var scalarBits = map[string]int{"u8": 8, "u16": 16, "u32": 32, "u64": 64, "s8": 8, "s16": 16, "s32": 32, "s64": 64}

// member resolves a struct member and returns its alignment.
func (m *model) member(s *spec, d *def, x *member) int {
	if x.Enum != "" {
		if x.enum = m.enumDef(s, x.Pos, x.Enum, x.EnumAsFlags); x.enum != nil {
			use(x.enum, scalarBits[x.Type])
		}
	}
	m.byteOrder(x.Pos, fmt.Sprintf("member %q of %q", x.Name, d.Name), x.Type, x.ByteOrder)
	if bits := scalarBits[x.Type]; bits > 0 {
		x.size = bits / 8
		return x.size
	}
	switch x.Type {
	case "pad", "binary":
		if x.Len <= 0 || x.Len > anyLen {
			m.errorf(x.Pos, "member %q of %q: %s needs a len from 1 to %d", x.Name, d.Name, x.Type, anyLen)
			return 1
		}
		x.size = x.Len
		return 1
	}
	m.errorf(x.Pos, "member %q of %q: unknown type %q", x.Name, d.Name, x.Type)
	return 1
}

// byteOrder refuses a byte order that is none or means nothing.
func (m *model) byteOrder(at Pos, what, typ, order string) {
	switch order {
	case "":
	case "big-endian":
		if scalarBits[typ] < 16 && typ != "binary" {
			m.errorf(at, "%s: %s has no byte order", what, typ)
		}
	default:
		m.errorf(at, "%s: byte-order %q is not supported", what, order)
	}
}

// enumDef looks an enum up. asFlags is enum-as-flags of the place that uses it.
func (m *model) enumDef(s *spec, at Pos, name string, asFlags bool) *def {
	d := find(m, m.defs, s, at, "enum", name)
	switch {
	case d == nil:
	case d.Type != "enum" && d.Type != "flags":
		m.errorf(at, "%q is not an enum", name)
		return nil
	case asFlags && d.Type == "enum":
		m.errorf(at, "enum-as-flags is not supported, make %q of type flags", name)
	}
	return d
}

// use notes that an enum stands in a field of so many bits.
func use(d *def, bits int) {
	if d.widths == nil {
		d.widths = map[int]bool{}
	}
	d.widths[bits] = true
}

// enumType gives an enum the Go type of its widest use. Its narrower uses are
// plain numbers in structs and are checked by encoders.
func (m *model) enumType(d *def) {
	if d.Type != "enum" && d.Type != "flags" {
		return
	}
	bits := 0
	for b := range d.widths {
		bits = max(bits, b)
	}
	if bits == 0 {
		bits = 32
	}
	for _, e := range d.Entries {
		for bits < 64 && e.value>>bits != 0 {
			bits *= 2
		}
	}
	d.goType = fmt.Sprintf("uint%d", bits)
}

func (d *def) bits() int {
	var n int
	fmt.Sscanf(d.goType, "uint%d", &n)
	return n
}

func (m *model) operations(s *spec) {
	next := 1
	for _, o := range s.Operations.List {
		if o.Value != nil {
			next = *o.Value
		}
		o.value = next
		next++
		if o.value < 0 || o.value > math.MaxUint16 {
			m.errorf(o.Pos, "operation %q: number %d is no message type", o.Name, o.value)
		}
		if o.Set != "" {
			o.set = find(m, m.sets, s, o.Pos, "attribute set", o.Set)
		}
		header := o.FixedHeader
		if header == "" {
			header = s.Operations.FixedHeader
		}
		if header == "" || o.set == nil {
			continue
		}
		d := m.structDef(s, o.Pos, header)
		if o.set.header != nil && o.set.header != d {
			m.errorf(o.Pos, "operation %q: set %q already has the header %q", o.Name, o.Set, o.set.header.Name)
		}
		o.set.header = d
	}
}

func (m *model) structDef(s *spec, at Pos, name string) *def {
	d := find(m, m.defs, s, at, "struct", name)
	if d != nil && d.Type != "struct" {
		m.errorf(at, "%q is not a struct", name)
		return nil
	}
	return d
}

// maxType is the largest attribute type, NLA_TYPE_MASK.
const maxType = 1<<14 - 1

// number counts the attributes of a set.
func (m *model) number(set *attrSet) {
	next := 1
	byNum := map[int]*attr{}
	for _, a := range set.Attrs {
		if a.Value != nil {
			next = *a.Value
		}
		a.num = next
		next++
		if a.num < 0 || a.num > maxType {
			m.errorf(a.Pos, "attribute %q: number %d is not in 0 to %d", a.Name, a.num, maxType)
		}
		if other := byNum[a.num]; other != nil {
			m.errorf(a.Pos, "attribute %q: number %d is %q's", a.Name, a.num, other.Name)
		}
		byNum[a.num] = a
	}
}

// subset gives the attributes of a subset their numbers, and the properties
// that they do not override.
func (m *model) subset(s *spec, set *attrSet) {
	if set.parent = find(m, m.sets, s, set.Pos, "attribute set", set.SubsetOf); set.parent == nil {
		return
	}
	if set.parent.SubsetOf != "" {
		m.errorf(set.Pos, "set %q: %q is a subset itself", set.Name, set.SubsetOf)
		set.parent = nil
		return
	}
	for _, a := range set.Attrs {
		i := slices.IndexFunc(set.parent.Attrs, func(x *attr) bool { return x.Name == a.Name })
		if i < 0 {
			m.errorf(a.Pos, "attribute %q: %q has none of that name", a.Name, set.SubsetOf)
			continue
		}
		from, to := reflect.ValueOf(set.parent.Attrs[i]).Elem(), reflect.ValueOf(a).Elem()
		for f := range from.NumField() {
			if from.Type().Field(f).IsExported() && to.Field(f).IsZero() {
				to.Field(f).Set(from.Field(f))
			}
		}
		a.num = set.parent.Attrs[i].num
	}
}

func (m *model) attrs(s *spec, set *attrSet) {
	for _, a := range set.Attrs {
		set.max = max(set.max, a.num)
		m.attr(s, set, a)
		for _, v := range a.Variants {
			v.num = a.num
			m.attr(s, set, &v.attr)
			m.plain(&v.attr)
			if set.header == nil {
				m.errorf(v.Pos, "variant %q: set %q has no header", v.Name, set.Name)
				continue
			}
			for _, x := range set.header.Members {
				if x.Name == v.When {
					v.member = x
				}
			}
			if v.member == nil {
				m.errorf(v.Pos, "variant %q: struct %q has no member %q", v.Name, set.header.Name, v.When)
			}
		}
		if a.Request != nil {
			a.Request.num = a.num
			m.attr(s, set, a.Request)
			m.plain(a.Request)
			// The bytes tell these two from the other meaning.
			if r := a.Request.Type; r != "nest" && r != "flag" || r == a.Type {
				m.errorf(a.Request.Pos, "attribute %q: a request of type %s is not supported", a.Name, r)
			}
		}
	}
}

// plain refuses meanings inside of another meaning.
func (m *model) plain(a *attr) {
	if len(a.Variants) > 0 || a.Request != nil {
		m.errorf(a.Pos, "attribute %q: variants and request cannot be nested", a.Name)
	}
}

// attr resolves what one attribute refers to.
func (m *model) attr(s *spec, set *attrSet, a *attr) {
	a.set = set
	if a.Name == "" {
		m.errorf(a.Pos, "an attribute of %q has no name", set.Name)
	}
	if a.Enum != "" {
		a.enum = m.enumDef(s, a.Pos, a.Enum, a.EnumAsFlags)
		if bits := scalarBits[a.Type]; a.enum != nil && bits > 0 {
			use(a.enum, bits)
		}
	}
	name := a.Struct
	switch {
	case a.Header != "":
		name = a.Header
	case a.sequence():
		name = a.Array
	}
	if name != "" {
		a.st = m.structDef(s, a.Pos, name)
	}
	switch a.Type {
	case "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "uint", "sint", "bitfield32",
		"flag", "string", "binary", "pad", "unused":
		switch a.SubType + " " + a.ByteOrder {
		case "u8 ", "u32 ", "u32 big-endian", "s32 ", "u64 ":
		default:
			if a.SubType != "" {
				m.errorf(a.Pos, "attribute %q: sub-type %q with byte-order %q is not supported yet", a.Name, a.SubType, a.ByteOrder)
			}
		}
	case "nest":
		if a.Nested == "" {
			m.errorf(a.Pos, "nest %q has no nested-attributes", a.Name)
			return
		}
		a.nested = find(m, m.sets, s, a.Pos, "attribute set", a.Nested)
	case "sub-message":
		a.sub = find(m, m.subs, s, a.Pos, "sub-message", a.SubMessage)
		for _, x := range set.Attrs {
			if x.Name == a.Selector {
				a.selector = x
			}
		}
		switch {
		case a.selector == nil:
			m.errorf(a.Pos, "sub-message %q: set %q has no selector %q", a.Name, set.Name, a.Selector)
		case a.selector.Type != "string" || a.selector.Multi:
			m.errorf(a.Pos, "sub-message %q: a selector of type %s is not supported yet", a.Name, a.selector.Type)
		}
	default:
		m.errorf(a.Pos, "attribute %q: unknown type %q", a.Name, a.Type)
	}
	if n := a.nested; n != nil && (n.header == nil || a.st != n.header || a.Header == "") {
		n.bare = true
	}
	if a.Header != "" && a.nested != nil && a.nested.header != a.st {
		m.errorf(a.Pos, "attribute %q: the header of set %q is not %q", a.Name, a.Nested, a.Header)
	}
	if a.st != nil && (a.Header != "" || a.sequence()) && a.st.size%4 != 0 {
		m.errorf(a.Pos, "attribute %q: struct %q has %d bytes, attributes behind it begin at a multiple of 4", a.Name, a.st.Name, a.st.size)
	}
	m.extensions(a)
	m.byteOrder(a.Pos, fmt.Sprintf("attribute %q", a.Name), a.Type, a.ByteOrder)
}

// extensions refuses keys that do not go together.
func (m *model) extensions(a *attr) {
	refuse := func(cond bool, what string) {
		if cond {
			m.errorf(a.Pos, "attribute %q: %s", a.Name, what)
		}
	}
	refuse(a.Header != "" && a.Type != "nest", "a header is for a nest")
	refuse(a.Array == "true", "an array of structs is not supported yet")
	refuse(a.sequence() && a.Type != "nest", "an array of a struct and attributes is a nest")
	refuse(a.sequence() && a.st != nil && (len(a.st.Members) == 0 || a.st.Members[0].Type != "u16"),
		"the first member of the array's struct is not its length, a u16")
	refuse(a.Tail != "" && (a.Type != "binary" || a.st == nil), "a tail is for a binary with a struct")
	if a.Multi {
		one := a.sequence() || a.Tail != "" || a.Form == "address" || a.SubType != "" && a.SubType != "u8"
		switch a.Type {
		case "uint", "sint", "flag", "bitfield32", "sub-message":
			one = true
		}
		refuse(one, "multi-attr is not supported yet for this type")
	}
}

// reserved are the method and field names that generated types have anyway.
var reserved = map[string]bool{
	"End": true, "Encoder": true, "Raw": true, "Fail": true, "Open": true, "Elem": true, "Nest": true,
	"Flag": true, "Bytes": true, "String": true, "StringMax": true, "Chars": true, "Space": true, "Addr": true, "Addr4": true, "Addr6": true,
	"Uint8": true, "Uint16": true, "Uint32": true, "Uint64": true, "Uint16BE": true, "Uint32BE": true, "Uint64BE": true,
	"Uint": true, "Int": true, "Uint32s": true, "Int32s": true, "Uint64s": true, "Uint32sBE": true, "TailAddr": true,
	"Parse": true, "ParseAttrs": true, "Attrs": true, "Header": true,
}

// names refuses Go names that clash.
func (m *model) names() {
	taken := func(at Pos, name string) {
		m.exported(at, name)
		if other, ok := m.types[name]; ok {
			m.errorf(at, "the Go name %s is taken at %s:%d", name, other.file, other.node.Line)
		}
		m.types[name] = at
	}
	for _, s := range m.specs {
		for _, d := range s.Definitions {
			if d.Type == "enum" || d.Type == "flags" || d.Type == "struct" {
				taken(d.Pos, d.goName())
			}
			if d.Type == "struct" {
				fields := map[string]bool{}
				for _, x := range d.Members {
					if x.Type == "pad" {
						continue
					}
					m.exported(x.Pos, x.goName())
					if fields[x.goName()] {
						m.errorf(x.Pos, "struct %q: two members %s", d.Name, x.goName())
					}
					fields[x.goName()] = true
				}
			}
		}
		for _, set := range s.Sets {
			taken(set.Pos, set.goName()+"Encoder")
			taken(set.Pos, set.goName()+"View")
			for _, a := range set.Attrs {
				if a.sequence() {
					taken(a.Pos, a.goName()+"Encoder")
				}
			}
			m.methods(set)
		}
	}
}

// exported refuses what is no exported Go name.
func (m *model) exported(at Pos, name string) {
	if !token.IsIdentifier(name) || !token.IsExported(name) {
		m.errorf(at, "%q is no exported Go name", name)
	}
}

func (m *model) methods(set *attrSet) {
	seen := map[string]bool{}
	method := func(at Pos, name string) {
		m.exported(at, name)
		if seen[name] {
			m.errorf(at, "set %q: two methods %s", set.Name, name)
		}
		if reserved[name] {
			m.errorf(at, "set %q: the method %s is the encoder's or the view's own", set.Name, name)
		}
		seen[name] = true
	}
	for _, a := range set.Attrs {
		switch {
		case a.skip():
			continue
		case a.sub != nil:
			for _, f := range a.sub.Formats {
				if f.set != nil {
					method(f.Pos, a.formatName(f))
				}
			}
		default:
			method(a.Pos, a.goName())
		}
		for _, v := range a.Variants {
			method(v.Pos, v.goName())
		}
		if a.Request != nil {
			method(a.Request.Pos, a.Request.goName())
		}
	}
}

// skip reports whether an attribute is only a number: no method, no getter.
func (a *attr) skip() bool { return a.Type == "pad" || a.Type == "unused" }

// formatName is the method of one format of a sub-message: the Go name of its
// set, or of its value where several formats share the set.
func (a *attr) formatName(f *subFormat) string {
	if f.GoName != "" {
		return f.GoName
	}
	n := 0
	for _, x := range a.sub.Formats {
		if x.set == f.set {
			n++
		}
	}
	if n > 1 {
		return goName(f.Value)
	}
	return f.set.goName()
}

// edges returns the sets that a set leads to.
func (s *attrSet) edges() []*attrSet {
	var out []*attrSet
	add := func(a *attr) {
		if a.nested != nil {
			out = append(out, a.nested)
		}
		if a.sub != nil {
			for _, f := range a.sub.Formats {
				if f.set != nil {
					out = append(out, f.set)
				}
			}
		}
	}
	for _, a := range s.Attrs {
		add(a)
		for _, v := range a.Variants {
			add(&v.attr)
		}
		if a.Request != nil {
			add(a.Request)
		}
	}
	return out
}

// reaches reports whether to can be reached from s, which makes an edge from to
// to s part of a circle.
func (s *attrSet) reaches(to *attrSet) bool {
	seen := map[*attrSet]bool{}
	var walk func(*attrSet) bool
	walk = func(s *attrSet) bool {
		if s == to {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		return slices.ContainsFunc(s.edges(), walk)
	}
	return walk(s)
}

// byNum returns the attributes in the order of their numbers.
func (s *attrSet) byNum() []*attr {
	m := map[int]*attr{}
	for _, a := range s.Attrs {
		m[a.num] = a
	}
	var out []*attr
	for _, n := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[n])
	}
	return out
}

// constant reports whether a constant is still to be written. Two tables may
// have the same one, but not with different values.
func (m *model) constant(at Pos, name string, value uint64) bool {
	if !token.IsIdentifier(name) {
		m.errorf(at, "%q is no name for a constant", name)
	}
	old, ok := m.consts[name]
	if ok && old != value {
		m.errorf(at, "%s is %d here and %d elsewhere", name, value, old)
	}
	m.consts[name] = value
	return !ok
}
