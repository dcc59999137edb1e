package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A model is the tables of one Go package, with all references resolved.
type model struct {
	specs  []*spec
	strict bool // the package's own tables: what is odd is an error
	errs   []error
	warns  []error

	defs map[string][]scoped[*def]
	sets map[string][]scoped[*attrSet]
	subs map[string][]scoped[*subMsg]

	types  map[string]Pos    // Go names taken
	consts map[string]uint64 // C constants of the tables

	written map[string]bool // those that have been emitted
}

type scoped[T any] struct {
	spec *spec
	v    T
}

func (m *model) errorf(p Pos, format string, args ...any) {
	m.errs = append(m.errs, p.errorf(format, args...))
}

// warnf tells of what is odd and can be lived with.
func (m *model) warnf(p Pos, format string, args ...any) {
	if m.strict {
		m.errorf(p, format, args...)
		return
	}
	m.warns = append(m.warns, p.errorf(format, args...))
}

// newModel resolves the tables of one package. A name that a table lacks is
// looked up in the others. Types has the Go names that the package has already, and
// the lock those that its parts had before.
func newModel(specs []*spec, strict bool, types map[string]Pos, l *lock) (*model, lockReport, error) {
	m := &model{
		specs:  specs,
		strict: strict,
		defs:   map[string][]scoped[*def]{},
		sets:   map[string][]scoped[*attrSet]{},
		subs:   map[string][]scoped[*subMsg]{},
		types:  maps.Clone(types),
		consts: map[string]uint64{},
	}
	if m.types == nil {
		m.types = map[string]Pos{}
	}
	for _, name := range messageNames {
		m.types[name] = Pos{file: "the look-up of messages"}
	}
	m.index()
	each := func(do func(*spec)) {
		for _, s := range specs {
			do(s)
		}
	}
	each(func(s *spec) {
		for _, d := range s.Definitions {
			m.definition(s, d)
		}
	})
	each(func(s *spec) {
		for _, d := range s.Definitions {
			if d.Type == "struct" {
				m.structLayout(s, d)
			}
		}
	})
	each(m.operations)
	each(m.formats)
	each(func(s *spec) {
		for _, a := range s.Sets {
			m.number(a)
		}
	})
	each(func(s *spec) {
		for _, a := range s.Sets {
			m.subset(s, a)
		}
	})
	each(func(s *spec) {
		for _, a := range s.Sets {
			m.attrs(s, a)
		}
	})
	each(func(s *spec) {
		for _, d := range s.Definitions {
			m.enumType(d)
		}
	})
	report, err := m.lock(l, m.names)
	if err != nil {
		m.errs = append(m.errs, err)
	}
	return m, report, errors.Join(m.errs...)
}

// index notes where every name stands.
func (m *model) index() {
	named := map[string]bool{}
	for _, s := range m.specs {
		for _, w := range s.warnings {
			if m.strict {
				m.errs = append(m.errs, w)
			} else {
				m.warns = append(m.warns, w)
			}
		}
		if s.Name == "" || named[s.Name] {
			m.errorf(s.Pos, "a table needs a name of its own, it has %q", s.Name)
		}
		named[s.Name] = true
		switch s.Protocol {
		case "", "genetlink", "genetlink-c", "genetlink-legacy", "netlink-raw":
		default:
			m.warnf(s.Pos, "unknown protocol %q, taken for generic netlink", s.Protocol)
		}
		if s.generic() {
			for _, name := range familyNames {
				m.types[name] = Pos{file: "the family"}
			}
		}
		s.Definitions = slices.DeleteFunc(s.Definitions, func(d *def) bool {
			switch d.Type {
			case "const", "enum", "flags", "struct":
				return d.Scope == "kernel"
			}
			m.warnf(d.Pos, "definition %q: unknown type %q, left out", d.Name, d.Type)
			return true
		})
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

// limits are the names that checks may use for the ends of a type.
var limits = map[string]uint64{
	"u8-min": 0, "u16-min": 0, "u32-min": 0, "u64-min": 0,
	"u8-max": math.MaxUint8, "u16-max": math.MaxUint16, "u32-max": math.MaxUint32, "u64-max": math.MaxUint64,
	"s8-min": 1<<64 - 1<<7, "s16-min": 1<<64 - 1<<15, "s32-min": 1<<64 - 1<<31, "s64-min": 1 << 63,
	"s8-max": math.MaxInt8, "s16-max": math.MaxInt16, "s32-max": math.MaxInt32, "s64-max": math.MaxInt64,
}

// number reads an integer as YAML and C write it; negative ones wrap.
func number(text string) (uint64, bool) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseUint(text, 0, 64); err == nil {
		return v, true
	}
	v, err := strconv.ParseInt(text, 0, 64)
	return uint64(v), err == nil
}

// eval gives an expression its value: a number, a constant, a limit of a type,
// or one less than any of these.
func (m *model) eval(s *spec, e expr) (uint64, bool) {
	text, minus := string(e), uint64(0)
	if base, ok := strings.CutSuffix(text, " - 1"); ok {
		text, minus = base, 1
	}
	if v, ok := number(text); ok {
		return v - minus, true
	}
	if v, ok := limits[text]; ok {
		return v - minus, true
	}
	for _, x := range m.defs[text] {
		if x.v.Type == "const" && (x.spec == s || len(m.defs[text]) == 1) {
			v, ok := number(string(x.v.Value))
			return v - minus, ok
		}
	}
	return 0, false
}

func (m *model) definition(s *spec, d *def) {
	switch d.Type {
	case "const":
		v, ok := number(string(d.Value))
		d.number, d.text = v, !ok
	case "enum", "flags":
		next := uint64(0)
		if d.ValueStart != "" {
			v, ok := m.eval(s, d.ValueStart)
			if !ok {
				m.errorf(d.Pos, "definition %q: value-start %q is no number", d.Name, d.ValueStart)
			}
			next = v
		}
		for _, e := range d.Entries {
			if e.Name == "" {
				m.errorf(e.Pos, "an entry of %q has no name", d.Name)
			}
			if e.Value != "" {
				v, ok := m.eval(s, e.Value)
				if !ok {
					m.errorf(e.Pos, "entry %q of %q: value %q is no number", e.Name, d.Name, e.Value)
				}
				next = v
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
	}
}

// scalarBits are the widths of the scalar types.
var scalarBits = map[string]int{"u8": 8, "u16": 16, "u32": 32, "u64": 64, "s8": 8, "s16": 16, "s32": 32, "s64": 64}

// structLayout places the members as C does. The schema says that there is no
// padding but what it has as members, yet the kernel's own tables leave some out:
// where the two differ the table must say packed, or is told of.
func (m *model) structLayout(s *spec, d *def) (align int) {
	switch d.layout {
	case layoutDone:
		return d.align
	case layoutBusy:
		m.errorf(d.Pos, "struct %q contains itself", d.Name)
		return 1
	}
	if len(d.Members) == 0 {
		m.warnf(d.Pos, "struct %q has no members", d.Name)
	}
	d.layout, d.align = layoutBusy, 1
	sum := 0
	for _, x := range d.Members {
		a := m.member(s, d, x)
		if d.Packed {
			a = 1
		}
		d.align = max(d.align, a)
		x.off = (d.size + a - 1) / a * a
		d.size = x.off + x.size
		sum += x.size
		if x.Name != "" && x.Name == d.TailLen {
			d.tail = x
		}
	}
	if d.size = (d.size + d.align - 1) / d.align * d.align; d.size != sum {
		m.warnf(d.Pos, "struct %q has %d bytes in C, its members have %d: give it the padding, or packed: true", d.Name, d.size, sum)
	}
	if d.TailLen != "" && (d.tail == nil || d.tail.Type != "u8" && d.tail.Type != "u16" && d.tail.Type != "u32") {
		m.errorf(d.Pos, "struct %q: no u8, u16 or u32 %q that could be a tail-len", d.Name, d.TailLen)
		d.tail = nil
	}
	d.layout = layoutDone
	return d.align
}

// member resolves a struct member and returns its alignment in C.
func (m *model) member(s *spec, d *def, x *member) int {
	what := fmt.Sprintf("member %q of %q", x.Name, d.Name)
	if x.Enum != "" && x.enum == nil {
		if x.enum = m.enumDef(s, x.Pos, x.Enum, x.EnumAsFlags); x.enum != nil {
			use(x.enum, scalarBits[x.Type])
		}
	}
	m.byteOrder(x.Pos, what, x.Type, x.ByteOrder)
	if bits := scalarBits[x.Type]; bits > 0 {
		x.size = bits / 8
		return x.size
	}
	switch x.Type {
	case "bitfield32":
		x.size = 8
		return 4
	case "pad", "binary", "string":
		if x.Struct != "" && x.Type == "binary" {
			if x.st = m.structDef(s, x.Pos, x.Struct); x.st != nil {
				align := m.structLayout(m.specOf(x.st, s), x.st)
				x.size = x.st.size
				return align
			}
			return 1
		}
		n, ok := m.eval(s, x.Len)
		if !ok || n == 0 || n > anyLen {
			m.errorf(x.Pos, "%s: %s needs a len from 1 to %d", what, x.Type, anyLen)
			return 1
		}
		x.size = int(n)
		return 1
	}
	m.errorf(x.Pos, "%s: unknown type %q", what, x.Type)
	return 1
}

// specOf is the table that has d, else s.
func (m *model) specOf(d *def, s *spec) *spec {
	for _, x := range m.defs[d.Name] {
		if x.v == d {
			return x.spec
		}
	}
	return s
}

// byteOrder refuses a byte order that is none, and tells of one that means
// nothing. "host" takes back what a subset would inherit.
func (m *model) byteOrder(at Pos, what, typ, order string) {
	switch order {
	case "", "host":
	case "big-endian", "little-endian":
		if scalarBits[typ] < 16 && typ != "binary" && typ != "indexed-array" {
			m.warnf(at, "%s: %s has no byte order", what, typ)
		}
	default:
		m.errorf(at, "%s: byte-order %q is unknown", what, order)
	}
}

// enumDef looks an enum up. asFlags is enum-as-flags of the place that uses it.
// One without entries is only announced, and says nothing.
func (m *model) enumDef(s *spec, at Pos, name string, asFlags bool) *def {
	d := find(m, m.defs, s, at, "enum", name)
	switch {
	case d == nil:
	case d.Type != "enum" && d.Type != "flags":
		m.errorf(at, "%q is not an enum", name)
		return nil
	case len(d.Entries) == 0:
		return nil
	case asFlags && d.Type == "enum":
		return m.bits(m.specOf(d, s), d)
	}
	return d
}

// bits is the flags that an enum's values are the bit numbers of.
func (m *model) bits(s *spec, d *def) *def {
	if d.asFlags != nil {
		return d.asFlags
	}
	f := &def{Pos: d.Pos, Name: d.Name + "-flags", Type: "flags", of: d, Doc: "The values of " + d.Name + " as bits."}
	if d.GoName != "" {
		f.GoName = d.GoName + "Flags"
	}
	for _, e := range d.Entries {
		if e.value < 64 {
			f.Entries = append(f.Entries, &entry{Pos: e.Pos, Name: e.Name, CName: d.cEntry(s.Name, e) + "_BIT", value: 1 << e.value})
		}
	}
	d.asFlags = f
	s.Definitions = append(slices.Clip(s.Definitions), f)
	m.defs[f.Name] = append(m.defs[f.Name], scoped[*def]{s, f})
	return f
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
	var number func(*op)
	request, reply := 1, 1
	switch s.Operations.EnumModel {
	case "", "unified":
		number = func(o *op) {
			if o.Value != nil {
				request = *o.Value
			}
			o.value, o.reply = request, request
			if o.Notify != "" || o.Event != nil {
				o.value = -1
			}
			request++
		}
	case "directional":
		number = func(o *op) { o.directional(&request, &reply) }
	default:
		m.errorf(s.Operations.Pos, "unknown enum-model %q", s.Operations.EnumModel)
		return
	}
	most := math.MaxUint16
	if s.generic() {
		most = math.MaxUint8
	}
	for _, o := range s.Operations.List {
		number(o)
		if v := max(o.value, o.reply); v > most || o.value < -1 || o.reply < -1 {
			m.errorf(o.Pos, "operation %q: number %d is no message type", o.Name, v)
		}
		if o.Set != "" {
			o.set = find(m, m.sets, s, o.Pos, "attribute set", o.Set)
		}
		o.request = o.set
		if o.RequestSet != "" {
			o.request = find(m, m.sets, s, o.Pos, "attribute set", o.RequestSet)
		}
	}
	for _, o := range s.Operations.List {
		if o.Notify != "" {
			i := slices.IndexFunc(s.Operations.List, func(x *op) bool { return x.Name == o.Notify })
			if i < 0 {
				m.errorf(o.Pos, "no operation %q, whose contents %q shares", o.Notify, o.Name)
			} else if o.set == nil {
				o.set = s.Operations.List[i].set
			}
		}
		m.opHeader(s, o)
	}
}

// directional numbers an operation where the two directions count by themselves.
func (o *op) directional(request, reply *int) {
	o.value, o.reply = -1, -1
	mode := o.Do
	if mode == nil {
		mode = o.Dump
	}
	switch {
	case o.Notify != "" || o.Event != nil:
		if o.Value != nil {
			*reply = *o.Value
		}
		o.reply = *reply
		*reply++
	case mode != nil:
		if r := mode.Request; r != nil && r.Value != nil {
			*request = *r.Value
		}
		o.value = *request
		*request++
		if r := mode.Reply; r != nil {
			if r.Value != nil {
				*reply = *r.Value
			}
			o.reply = *reply
			*reply++
		}
	}
}

// opHeader resolves the fixed header of an operation and gives it to its sets.
func (m *model) opHeader(s *spec, o *op) {
	name := o.FixedHeader
	if name == "" {
		name = s.Operations.FixedHeader
	}
	if name != "" {
		o.header = m.structDef(s, o.Pos, name)
	}
	if s.generic() {
		o.header = m.genericHeader(s, o.header)
	}
	for _, set := range []*attrSet{o.set, o.request} {
		if set == nil {
			continue
		}
		switch h := o.header; {
		case h == nil:
			set.bare = set.bare || set.header != nil
		case set.header == nil || set.header == h:
			set.header = h
		case m.strict:
			m.errorf(o.Pos, "operation %q: set %q already has the header %q", o.Name, set.Name, set.header.Name)
		case !slices.Contains(set.others, h):
			set.others = append(set.others, h)
		}
		// The header of generic netlink is often gone already when attributes are read.
		set.bare = set.bare || s.generic()
	}
}

// genericHeader is struct genlmsghdr with the family's own header behind it.
func (m *model) genericHeader(s *spec, own *def) *def {
	if h := s.headers[own]; h != nil {
		return h
	}
	h := &def{Pos: s.Operations.Pos, Name: "genlmsghdr", Type: "struct", CType: "genlmsghdr", Packed: true,
		Doc: "Header of all generic netlink messages.", size: 4, align: 1, layout: layoutDone,
		Members: []*member{
			{Name: "cmd", Type: "u8", Doc: "Command.", size: 1},
			{Name: "version", Type: "u8", Doc: "Version of the family.", off: 1, size: 1},
			{Name: "reserved", Type: "pad", off: 2, size: 2},
		}}
	if own != nil {
		if own.tail != nil {
			m.errorf(own.Pos, "struct %q: a tail-len is for the messages of raw netlink", own.Name)
		}
		h.GoName = "Genl" + own.goName()
		h.CType = "genlmsghdr and " + own.cType()
		h.Doc = "Headers of the family's messages."
		h.of = own
		for _, x := range own.Members {
			c := *x
			c.off += h.size
			if c.goName() == "Cmd" || c.goName() == "Version" {
				c.GoName = own.goName() + c.goName()
			}
			h.Members = append(h.Members, &c)
		}
		h.size += own.size
	}
	if s.headers == nil {
		s.headers = map[*def]*def{}
	}
	s.headers[own] = h
	s.Definitions = append(slices.Clip(s.Definitions), h)
	return h
}

func (m *model) structDef(s *spec, at Pos, name string) *def {
	d := find(m, m.defs, s, at, "struct", name)
	switch {
	case d == nil:
	case d.Type != "struct":
		m.errorf(at, "%q is not a struct", name)
		return nil
	case len(d.Members) == 0:
		return nil // only announced
	}
	return d
}

// formats resolves the sub-messages. A set behind a fixed header has it as its
// own.
func (m *model) formats(s *spec) {
	for _, x := range s.SubMessages {
		for _, f := range x.Formats {
			if f.Header != "" {
				f.header = m.structDef(s, f.Pos, f.Header)
			}
			if f.Set == "" {
				continue
			}
			if f.set = find(m, m.sets, s, f.Pos, "attribute set", f.Set); f.set == nil {
				continue
			}
			switch {
			case f.header == nil:
				f.set.bare = true
			case f.set.header == nil || f.set.header == f.header:
				f.set.header = f.header
			case !slices.Contains(f.set.others, f.header):
				f.set.others = append(f.set.others, f.header)
			}
		}
	}
}

// maxType is the largest attribute type, NLA_TYPE_MASK.
const maxType = 1<<14 - 1

// number counts the attributes of a set.
func (m *model) number(set *attrSet) {
	if set.SubsetOf != "" {
		return
	}
	next := 1
	byNum := map[int]*attr{}
	set.Attrs = slices.DeleteFunc(set.Attrs, func(a *attr) bool {
		if a.Value != nil {
			next = *a.Value
		}
		a.num = next
		next++
		if a.num < 0 || a.num > maxType {
			m.errorf(a.Pos, "attribute %q: number %d is not in 0 to %d", a.Name, a.num, maxType)
		}
		if other := byNum[a.num]; other != nil {
			m.warnf(a.Pos, "attribute %q: number %d is %q's", a.Name, a.num, other.Name)
			return true
		}
		byNum[a.num] = a
		return false
	})
}

// subset gives the attributes of a subset their numbers, and the properties
// that they do not override.
func (m *model) subset(s *spec, set *attrSet) {
	if set.SubsetOf == "" {
		return
	}
	for at, seen := set, []*attrSet{set}; at.SubsetOf != ""; seen = append(seen, at) {
		if at = find(m, m.sets, at.spec, at.Pos, "attribute set", at.SubsetOf); at == nil {
			return
		}
		if slices.Contains(seen, at) {
			m.errorf(set.Pos, "set %q: it is a subset of itself", set.Name)
			return
		}
		set.parent = at
	}
	byName := map[string]bool{}
	set.Attrs = slices.DeleteFunc(set.Attrs, func(a *attr) bool {
		if byName[a.Name] {
			m.warnf(a.Pos, "set %q has %q twice", set.Name, a.Name)
			return true
		}
		byName[a.Name] = true
		i := slices.IndexFunc(set.parent.Attrs, func(x *attr) bool { return x.Name == a.Name })
		if i < 0 {
			m.errorf(a.Pos, "attribute %q: %q has none of that name", a.Name, set.parent.Name)
			return true
		}
		from, to := reflect.ValueOf(set.parent.Attrs[i]).Elem(), reflect.ValueOf(a).Elem()
		for f := range from.NumField() {
			if from.Type().Field(f).IsExported() && to.Field(f).IsZero() {
				to.Field(f).Set(from.Field(f))
			}
		}
		if x := set.parent.Attrs[i]; a.Request == x.Request && x.Request != nil {
			r := *x.Request
			a.Request = &r
		}
		if x := set.parent.Attrs[i]; len(a.Variants) > 0 && len(x.Variants) > 0 && a.Variants[0] == x.Variants[0] {
			a.Variants = nil
			for _, v := range x.Variants {
				c := *v
				a.Variants = append(a.Variants, &c)
			}
		}
		a.num = set.parent.Attrs[i].num
		return false
	})
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
			if !a.distinct() {
				m.errorf(a.Request.Pos, "attribute %q: nothing tells a request of type %s from %s", a.Name, a.Request.Type, a.Type)
			}
		}
	}
}

// distinct reports whether the bytes tell an attribute's request form from the
// other: NLA_F_NESTED, no payload, or the length.
func (a *attr) distinct() bool {
	r := a.Request
	if (r.Type == "nest") != (a.Type == "nest") {
		return true
	}
	if r.Type == "flag" || a.Type == "flag" {
		return r.Type != a.Type
	}
	x, y := scalarBits[a.Type], scalarBits[r.Type]
	return x > 0 && y > 0 && x != y
}

// plain refuses meanings inside of another meaning.
func (m *model) plain(a *attr) {
	if len(a.Variants) > 0 || a.Request != nil {
		m.errorf(a.Pos, "attribute %q: variants and request cannot be nested", a.Name)
	}
}

// attrTypes are the types of the schemas. What came later is read as bytes.
var attrTypes = []string{"unused", "pad", "flag", "binary", "bitfield32", "uint", "sint",
	"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "string", "nest", "indexed-array", "nest-type-value", "sub-message"}

// attr resolves what one attribute refers to.
func (m *model) attr(s *spec, set *attrSet, a *attr) {
	a.set = set
	what := fmt.Sprintf("attribute %q", a.Name)
	if a.Name == "" {
		m.errorf(a.Pos, "an attribute of %q has no name", set.Name)
	}
	if !slices.Contains(attrTypes, a.Type) {
		m.warnf(a.Pos, "%s: unknown type %q, taken for binary", what, a.Type)
		a.Type = "binary"
	}
	m.byteOrder(a.Pos, what, a.Type, a.ByteOrder)
	if a.Enum != "" {
		a.enum = m.enumDef(s, a.Pos, a.Enum, a.EnumAsFlags)
		bits := max(scalarBits[a.Type], scalarBits[a.SubType])
		if a.Type == "uint" || a.Type == "sint" {
			bits = 64
		}
		if a.enum != nil && bits > 0 {
			use(a.enum, bits)
		}
	}
	if a.Checks.MaxLen != "" {
		n, ok := m.eval(s, a.Checks.MaxLen)
		if ok && n <= anyLen {
			a.maxLen = int(n)
		} else if m.strict {
			m.errorf(a.Checks.Pos, "%s: max-len %q is no length", what, a.Checks.MaxLen)
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
	case "binary":
		if a.SubType != "" && scalarBits[a.SubType] == 0 && a.SubType != "struct" && a.SubType != "binary" {
			m.warnf(a.Pos, "%s: unknown sub-type %q", what, a.SubType)
			a.SubType = ""
		}
	case "nest", "nest-type-value":
		m.nestOf(s, a)
		if a.Type == "nest-type-value" && len(a.TypeValue) == 0 && a.nested != nil {
			m.errorf(a.Pos, "%s: nest-type-value has no type-value", what)
		}
	case "indexed-array":
		switch {
		case a.SubType == "nest" || a.SubType == "" && a.Nested != "":
			a.SubType = "nest"
			m.nestOf(s, a)
		case scalarBits[a.SubType] > 0 || a.SubType == "binary" || a.SubType == "string":
		default:
			m.warnf(a.Pos, "%s: unknown sub-type %q, taken for binary", what, a.SubType)
			a.SubType = "binary"
		}
	case "sub-message":
		m.selector(s, set, a)
	}
	if n := a.nested; n != nil && (n.header == nil || a.st != n.header || a.Header == "") {
		n.bare = true
	}
	if a.Header != "" && a.nested != nil && a.st != nil && a.nested.header != a.st {
		if a.nested.header == nil {
			a.nested.header = a.st
			a.nested.bare = slices.ContainsFunc(m.specs, func(s *spec) bool { return s.nests(a.nested) })
		} else if !slices.Contains(a.nested.others, a.st) {
			a.nested.others = append(a.nested.others, a.st)
		}
	}
	if a.st != nil && (a.Header != "" || a.sequence()) && a.st.size%4 != 0 {
		m.errorf(a.Pos, "%s: struct %q has %d bytes, attributes behind it begin at a multiple of 4", what, a.st.Name, a.st.size)
	}
	m.extensions(a)
}

// nests reports whether a set is nested without a header anywhere in s.
func (s *spec) nests(set *attrSet) bool {
	return slices.ContainsFunc(s.Sets, func(x *attrSet) bool {
		return slices.ContainsFunc(x.Attrs, func(a *attr) bool { return a.Nested == set.Name && a.Header == "" })
	})
}

// nestOf resolves the set inside a nest; without one the nest is bytes.
func (m *model) nestOf(s *spec, a *attr) {
	if a.Nested == "" {
		m.warnf(a.Pos, "%s %q has no nested-attributes, taken for binary", a.Type, a.Name)
		a.Type, a.SubType = "binary", ""
		return
	}
	a.nested = find(m, m.sets, s, a.Pos, "attribute set", a.Nested)
}

// selector resolves a sub-message. The selector stands in the same set, or
// further out; then only the reader of the outer message knows it.
func (m *model) selector(s *spec, set *attrSet, a *attr) {
	a.sub = find(m, m.subs, s, a.Pos, "sub-message", a.SubMessage)
	known := false
	for _, x := range set.Attrs {
		if x.Name == a.Selector {
			a.selector, known = x, true
		}
	}
	for _, other := range m.specs {
		for _, o := range other.Sets {
			known = known || slices.ContainsFunc(o.Attrs, func(x *attr) bool { return x.Name == a.Selector })
		}
	}
	if !known {
		m.errorf(a.Pos, "sub-message %q: no set has the selector %q", a.Name, a.Selector)
	}
	if x := a.selector; x != nil && (x.Multi || x.Type != "string" && scalarBits[x.Type] == 0) {
		m.errorf(a.Pos, "sub-message %q: %s is no selector", a.Name, x.Type)
		a.selector = nil
	}
	if x := a.selector; x != nil && x.Type != "string" && x.Enum != "" && x.enum == nil {
		x.enum = m.enumDef(s, x.Pos, x.Enum, x.EnumAsFlags) // it may come later in the set
	}
	if a.sub == nil || a.selector == nil || a.selector.Type == "string" {
		return
	}
	for _, f := range a.sub.Formats {
		if _, ok := a.selector.value(f.Value); !ok {
			m.errorf(f.Pos, "format %q is no value of %q", f.Value, a.selector.Name)
		}
	}
}

// value is the number of a selector's value: an entry of its enum or a number.
func (a *attr) value(text string) (uint64, bool) {
	if a.enum != nil {
		for _, e := range a.enum.Entries {
			if e.Name == text {
				return e.value, true
			}
		}
	}
	return number(text)
}

// extensions refuses keys that do not go together.
func (m *model) extensions(a *attr) {
	refuse := func(cond bool, what string) {
		if cond {
			m.errorf(a.Pos, "attribute %q: %s", a.Name, what)
		}
	}
	refuse(a.Header != "" && a.Type != "nest", "a header is for a nest")
	refuse((a.Header != "" || a.sequence()) && a.st == nil, "no struct with members stands before its attributes")
	refuse(a.Header != "" && a.st != nil && a.st.tail != nil, "a struct with a tail-len is for messages")
	refuse(a.Header != "" && a.Multi && a.nested != nil && a.nested.header != a.st, "multi-attr needs the header that the set has elsewhere")
	refuse(a.Array == "true" && (a.Type != "binary" || a.st == nil), "an array of structs is binary and has a struct")
	refuse(a.sequence() && a.Type != "nest", "an array of a struct and attributes is a nest")
	refuse(a.sequence() && a.st != nil && (len(a.st.Members) == 0 || a.st.Members[0].Type != "u16"),
		"the first member of the array's struct is not its length, a u16")
	refuse(a.Tail != "" && (a.Type != "binary" || a.st == nil), "a tail is for a binary with a struct")
	refuse(a.Tail != "" && a.Tail != "addr" && a.Tail != "bytes", "a tail is addr or bytes")
	refuse(a.Form != "" && a.Form != "address" && a.Form != "hwaddr", "a form is address or hwaddr")
	refuse(a.Multi && (a.sequence() || a.Tail != "" || a.Array != ""), "multi-attr does not go with array and tail")
}

// skip reports whether an attribute is only a number: no method, no getter.
func (a *attr) skip() bool { return a.Type == "pad" || a.Type == "unused" }

func (a *attr) sequence() bool { return a.Array != "" && a.Array != "true" }

// multi reports whether the getter gives all attributes of the type.
func (a *attr) multi() bool {
	return a.Multi && a.Type != "flag" && a.Type != "sub-message" && a.Type != "indexed-array" && a.Type != "nest-type-value"
}

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
	if n > 1 || f.set == nil {
		return goName(f.Value)
	}
	return f.set.goName()
}

// formats returns the formats that something is inside of.
func (a *attr) formats() []*subFormat {
	if a.sub == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.sub.Formats), func(f *subFormat) bool { return f.set == nil && f.header == nil })
}

// edges returns the sets that a set leads to.
func (s *attrSet) edges() []*attrSet {
	var out []*attrSet
	add := func(a *attr) {
		if a.nested != nil {
			out = append(out, a.nested)
		}
		for _, f := range a.formats() {
			if f.set != nil {
				out = append(out, f.set)
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
	return slices.SortedStableFunc(slices.Values(s.Attrs), func(a, b *attr) int { return a.num - b.num })
}
