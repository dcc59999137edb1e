package main

import (
	"fmt"
	"strings"
)

// A form is how an attribute looks in Go. In its texts "@" stands for the
// attribute's constant, "#" for the offset of the payload and "$" for the
// qualifier of the runtime.
type form struct {
	typ       string // Type in the name table
	elem      string // Type of the elements there, of an array
	elemSize  int    // of an indexed array, 0 for any
	min, max  int    // payload lengths that Parse accepts
	args      string // of the encoder's method
	put       string // its body
	result    string // its result, with a space behind
	value     string // Go type of the value
	read      string // statements that set x to the value at #
	getResult string // of the getter
	get       string // its body
	each      string // signature and body of the loop behind get, if there is one
	sample    string // a value for the generated tests
}

const anyLen = 65535

var methodOf = map[int]string{8: "Uint8", 16: "Uint16", 32: "Uint32", 64: "Uint64"}

func (a *attr) form() form {
	f := a.single()
	if a.multi() && f.read != "" {
		f.getResult = "iter.Seq[" + f.value + "]"
		f.get = fmt.Sprintf("return func(yield func(%s) bool) {\nfor off := range v.attrs.Each(@, %d, %d) {\n%s\nif !yield(x) {\nreturn\n}\n}\n}",
			f.value, f.min, f.max, strings.ReplaceAll(f.read, "#", "off"))
	}
	return f
}

func (a *attr) single() form {
	switch a.Type {
	case "pad":
		return form{typ: "Pad", max: anyLen}
	case "unused":
		return form{typ: "Unused", max: anyLen}
	case "flag":
		return form{typ: "Flag", put: "w.Flag(@)", getResult: "bool", get: "return v.attrs.Flag(#)"}
	case "uint", "sint":
		return a.wide()
	case "string":
		return a.str()
	case "binary":
		return a.binary()
	case "bitfield32":
		return form{typ: "BitField", min: 8, max: 8, args: "v $BitField32", put: "w.BitField32(@, v)",
			value: "$BitField32", read: "x, _ := v.attrs.BitField32(#)",
			getResult: "($BitField32, bool)", get: "return v.attrs.BitField32(#)", sample: "$BitField32{Value: 1, Selector: 3}"}
	case "nest":
		return a.nest()
	case "indexed-array":
		return a.indexed()
	case "nest-type-value":
		return a.typeValue()
	case "sub-message":
		f := a.bytes()
		f.typ = "SubMsg"
		return f
	}
	return a.scalar()
}

// suffix is the byte order in the names of the runtime's methods and types.
func suffix(order string) string {
	switch order {
	case "big-endian":
		return "BE"
	case "little-endian":
		return "LE"
	}
	return ""
}

func (a *attr) scalar() form {
	bits := scalarBits[a.Type]
	order := ""
	if bits > 8 {
		order = suffix(a.ByteOrder)
	}
	wire := fmt.Sprintf("uint%d", bits)
	goType := wire
	if a.Type[0] == 's' {
		goType = fmt.Sprintf("int%d", bits)
	}
	if a.enum != nil {
		goType = a.enum.goName()
	}
	method := methodOf[bits] + order
	f := form{
		typ: scalarType(a.Type, a.ByteOrder), min: bits / 8, max: bits / 8,
		args: "v " + goType, put: fmt.Sprintf("w.%s(@, %s(v))", method, wire),
		value: goType, getResult: fmt.Sprintf("(%s, bool)", goType),
		get:    fmt.Sprintf("return $As[%s](v.attrs.%s(#))", goType, method),
		read:   fmt.Sprintf("x, _ := $As[%s](v.attrs.%s(#))", goType, method),
		sample: "0x12",
	}
	if goType == wire {
		f.put = fmt.Sprintf("w.%s(@, v)", method)
		f.get = fmt.Sprintf("return v.attrs.%s(#)", method)
		f.read = fmt.Sprintf("x, _ := v.attrs.%s(#)", method)
	}
	if a.enum != nil && a.enum.bits() > bits {
		f.put = fmt.Sprintf("if v > math.MaxUint%d {\nw.Fail(@, \"value \" + v.String() + \" does not fit into %d bits\")\nreturn\n}\n%s", bits, bits, f.put)
	}
	return f
}

// wide is uint and sint: 4 or 8 bytes.
func (a *attr) wide() form {
	goType, method, typ := "uint64", "Uint", "Uint"
	if a.Type == "sint" {
		goType, method, typ = "int64", "Int", "Sint"
	}
	f := form{typ: typ, min: 4, max: 8, args: "v " + goType, put: "w." + method + "(@, v)",
		value: goType, read: "x, ok := v.attrs." + method + "(#)\nif !ok {\ncontinue\n}",
		getResult: "(" + goType + ", bool)", get: "return v.attrs." + method + "(#)", sample: "0x12"}
	if a.enum != nil {
		name := a.enum.goName()
		f.args, f.value, f.sample = "v "+name, name, "0x12"
		f.put = fmt.Sprintf("w.%s(@, %s(v))", method, goType)
		f.read = fmt.Sprintf("x, ok := $As[%s](v.attrs.%s(#))\nif !ok {\ncontinue\n}", name, method)
		f.getResult = "(" + name + ", bool)"
		f.get = fmt.Sprintf("return $As[%s](v.attrs.%s(#))", name, method)
	}
	return f
}

func (a *attr) str() form {
	f := form{typ: "String", max: anyLen, args: "v string", put: "w.String(@, v)",
		value: "[]byte", getResult: "([]byte, bool)", get: "return v.attrs.String(#)",
		read: "x, _ := v.attrs.String(#)", sample: `"name"`}
	switch n := a.maxLen; {
	case a.Checks.UnterminatedOK && n > 0:
		f.put = fmt.Sprintf("w.Chars(@, v, %d)", n)
	case a.Checks.UnterminatedOK:
		f.put = fmt.Sprintf("w.Chars(@, v, %d)", anyLen-4)
	case n > 0:
		f.put = fmt.Sprintf("w.StringMax(@, v, %d)", n)
	}
	if n := a.maxLen; n > 0 && n < 4 {
		f.sample = `"n"`
	}
	return f
}

// bytes is a payload of any kind.
func (a *attr) bytes() form {
	return form{typ: "Binary", max: anyLen, args: "v []byte", put: "w.Bytes(@, v)",
		value: "[]byte", getResult: "([]byte, bool)", get: "return v.attrs.Bytes(#)",
		read: "x, _ := v.attrs.Bytes(#)", sample: `[]byte("\x01\x02\x03\x04\x05\x06")`}
}

func (a *attr) binary() form {
	switch {
	case a.Form == "address":
		return a.address()
	case a.Form == "hwaddr":
		f := a.bytes()
		f.typ = "HWAddr"
		return f
	case a.st != nil && a.Tail == "bytes":
		name, size := a.st.goName(), a.st.size
		return form{typ: "Tail", min: size, max: anyLen, args: "v " + name + ", tail []byte",
			put:       fmt.Sprintf("b := w.Space(@, %d+len(tail))\nv.put(b)\ncopy(b[%d:], tail)", size, size),
			getResult: "(s " + name + ", tail []byte, ok bool)",
			get:       fmt.Sprintf("b, tail, ok := v.attrs.Tail(#, %d)\nif ok {\ns.Parse(b)\n}\nreturn s, tail, ok", size),
			sample:    "~" + name + `{}, []byte("\x01\x02\x03\x04\x05\x06\x07\x08")`}
	case a.st != nil && a.Tail != "":
		name := a.st.goName()
		return form{typ: "Tail", min: a.st.size, max: anyLen, args: "v " + name + ", addr netip.Addr",
			put:       fmt.Sprintf("w.TailAddr(@, v.Append(make([]byte, 0, %d)), addr)", a.st.size+16),
			getResult: "(s " + name + ", addr netip.Addr, ok bool)",
			get:       fmt.Sprintf("b, tail, ok := v.attrs.Tail(#, %d)\nif ok {\ns.Parse(b)\naddr, _ = netip.AddrFromSlice(tail)\n}\nreturn s, addr, ok", a.st.size),
			sample:    "~" + name + `{}, netip.MustParseAddr("10.66.66.1")`}
	case a.st != nil && a.Array == "true":
		return a.structs()
	case a.st != nil:
		name := a.st.goName()
		return form{typ: "StructT", max: anyLen, args: "v " + name,
			put:       fmt.Sprintf("v.put(w.Space(@, %d))", a.st.size),
			value:     name,
			read:      "var x " + name + "\nb, _ := v.attrs.Bytes(#)\nx.Parse(b)",
			getResult: "(s " + name + ", ok bool)",
			get:       "b, ok := v.attrs.Bytes(#)\ns.Parse(b)\nreturn s, ok",
			sample:    "~" + name + "{}"}
	case scalarBits[a.SubType] > 8:
		return a.array()
	}
	return a.bytes()
}

// structs is an array of a struct without further framing.
func (a *attr) structs() form {
	name, size := a.st.goName(), a.st.size
	return form{typ: "StructArr", max: anyLen, args: "v []" + name,
		put:       fmt.Sprintf("b := w.Space(@, %d*len(v))\nfor i := range v {\nv[i].put(b[%d*i:])\n}", size, size),
		getResult: "iter.Seq[" + name + "]",
		get:       fmt.Sprintf("return func(yield func(%s) bool) { v.each%s(yield) }", name, a.goName()),
		each: fmt.Sprintf("(yield func(%s) bool) {\nfor b, _ := v.attrs.Bytes(#); len(b) >= %d; b = b[%d:] {\nvar s %s\ns.Parse(b)\nif !yield(s) {\nreturn\n}\n}\n}",
			name, size, size, name),
		sample: "[]~" + name + "{{}, {}}"}
}

// array is an array of scalars.
func (a *attr) array() form {
	goType := strings.Replace(strings.Replace(a.SubType, "u", "uint", 1), "s", "int", 1)
	if a.enum != nil && a.enum.bits() == scalarBits[a.SubType] {
		goType = a.enum.goName()
	}
	sampleType := goType
	if strings.ToLower(goType) != goType {
		sampleType = "~" + goType
	}
	elem := scalarType(a.SubType, a.ByteOrder)
	array := "$Array[" + goType + "]"
	return form{typ: "Arr", elem: elem, max: anyLen, args: "v []" + goType,
		put:   a.putArray(),
		value: array, read: "x, _ := $ArrayOf[" + goType + "](v.attrs, #, $" + elem + ")",
		getResult: "(" + array + ", bool)", get: "return $ArrayOf[" + goType + "](v.attrs, #, $" + elem + ")",
		sample: "[]" + sampleType + "{1, 2}"}
}

func (a *attr) putArray() string {
	bits := scalarBits[a.SubType]
	return fmt.Sprintf("b := w.Space(@, %d*len(v))\nfor i, x := range v {\nbinary.%s.PutUint%d(b[%d*i:], uint%d(x))\n}",
		bits/8, order(a.ByteOrder), bits, bits/8, bits)
}

func (a *attr) address() form {
	f := form{typ: "Address", min: 4, max: 16, args: "v netip.Addr", put: "w.Addr(@, v)",
		value: "netip.Addr", read: "x, ok := v.attrs.Addr(#)\nif !ok {\ncontinue\n}",
		getResult: "(netip.Addr, bool)", get: "return v.attrs.Addr(#)",
		sample: `netip.MustParseAddr("10.66.66.1")`}
	switch a.DisplayHint {
	case "ipv4":
		f.max, f.put = 4, "w.Addr4(@, v)"
	case "ipv6":
		f.min, f.put = 16, "w.Addr6(@, v)"
		f.sample = `netip.MustParseAddr("fd00::1")`
	}
	return f
}

// element is the attribute that each element of an indexed array is.
func (a *attr) element() *attr {
	e := *a
	e.Type, e.SubType, e.Multi = a.SubType, "", false
	return &e
}

// indexed is an array whose elements are attributes; their types are the indexes.
func (a *attr) indexed() form {
	f := form{typ: "Indexed", max: anyLen, result: a.list + "Encoder ", put: "return " + a.list + "Encoder{w.Nest.Nest(@)}"}
	value, read := "$Attrs", "b, _ := v.attrs.Bytes(off)\nx := $Attrs(b)"
	f.elem = "NestT"
	if a.SubType != "nest" {
		e := a.element().single()
		value, read, f.elem = e.value, strings.ReplaceAll(e.read, "#", "off"), e.typ
		if e.min == e.max {
			f.elemSize = e.min
		}
	}
	f.getResult = fmt.Sprintf("iter.Seq2[uint16, %s]", value)
	f.get = fmt.Sprintf("return func(yield func(uint16, %s) bool) { v.each%s(yield) }", value, a.goName())
	loop := fmt.Sprintf("for i, off := range v.attrs.Elems(#) {\n%s\nif !yield(i, x) {\nreturn\n}\n}", read)
	if a.Multi {
		loop = fmt.Sprintf("for at := range v.attrs.Each(@, 0, %d) {\n%s\n}", anyLen, strings.ReplaceAll(loop, "#", "at"))
	}
	f.each = fmt.Sprintf("(yield func(uint16, %s) bool) {\n%s\n}", value, loop)
	return f
}

// typeValue is levels of attributes whose types are values.
func (a *attr) typeValue() form {
	n := len(a.TypeValue)
	f := form{typ: "TypeValue", max: anyLen, result: a.list + "Encoder ", put: "return " + a.list + "Encoder{w.Nest.Nest(@)}"}
	f.getResult = fmt.Sprintf("iter.Seq2[[%d]uint16, $Attrs]", n)
	f.get = fmt.Sprintf("return func(yield func([%d]uint16, $Attrs) bool) { v.each%s(yield) }", n, a.goName())
	var types []string
	loops := ""
	for i := range n {
		types = append(types, fmt.Sprintf("t%d", i))
		// Next, since iterators inside of each other would allocate.
		loops += fmt.Sprintf("for a%d := $Attrs(b%d); ; {\nt%d, b%d, rest := a%d.Next()\nif b%d == nil {\nbreak\n}\na%d = rest\n", i, i, i, i+1, i, i+1, i)
	}
	f.each = fmt.Sprintf("(yield func([%d]uint16, $Attrs) bool) {\nb0, _ := v.attrs.Bytes(#)\n%sif !yield([%d]uint16{%s}, b%d) {\nreturn\n}\n%s}",
		n, loops, n, strings.Join(types, ", "), n, strings.Repeat("}\n", n))
	return f
}

// parse is the view's method for attributes that no header precedes.
func (s *attrSet) parse() string {
	if s.header != nil {
		return "ParseAttrs"
	}
	return "Parse"
}

// inside is the getter of what a payload holds: a fixed header or not, then
// attributes or not. off is where the payload is.
func inside(set *attrSet, header *def, off string) (result, body string) {
	if set == nil {
		return fmt.Sprintf("(h %s, ok bool)", header.goName()), fmt.Sprintf("b, ok := v.attrs.Bytes(%s)\nh.Parse(b)\nreturn h, ok", off)
	}
	call, result, back := "err = n.Parse(b)", fmt.Sprintf("(n %sView, err error)", set.goName()), "n, err"
	switch {
	case header == nil:
		return result, fmt.Sprintf("err = n.%s(v.attrs.Payload(%s))\nreturn n, err", set.parse(), off)
	case header != set.header:
		call = fmt.Sprintf("h, err = n.Parse%s(b)", header.goName())
		result, back = fmt.Sprintf("(h %s, n %sView, err error)", header.goName(), set.goName()), "h, n, err"
	}
	return result, fmt.Sprintf("if b, ok := v.attrs.Bytes(%s); ok {\n%s\n}\nreturn %s", off, call, back)
}

func (a *attr) nest() form {
	name := a.nested.goName()
	f := form{typ: "NestT", max: anyLen, result: name + "Encoder ", put: fmt.Sprintf("return %sEncoder{w.Nest.Nest(@)}", name)}
	header := (*def)(nil)
	switch {
	case a.sequence():
		return a.structsAndAttrs()
	case a.Header != "":
		header = a.st
		f.args = "h " + a.st.goName()
		f.put = fmt.Sprintf("n, b := w.OpenHeader(@, %d)\nh.put(b)\nreturn %sEncoder{n}", a.st.size, name)
		f.sample = "~" + a.st.goName() + "{}"
	}
	f.getResult, f.get = inside(a.nested, header, "#")
	if a.Multi {
		call := fmt.Sprintf("n.%s(b)", a.nested.parse())
		if header != nil {
			call = "n.Parse(b)"
		}
		f.getResult = fmt.Sprintf("iter.Seq2[%sView, error]", name)
		f.get = fmt.Sprintf("return func(yield func(%sView, error) bool) {\nfor b := range v.attrs.Of(@) {\nvar n %sView\nif err := %s; !yield(n, err) {\nreturn\n}\n}\n}", name, name, call)
	}
	return f
}

// structsAndAttrs is a sequence of a struct with attributes.
func (a *attr) structsAndAttrs() form {
	h := a.st.goName()
	return form{typ: "Sequence", max: anyLen, result: a.list + "Encoder ",
		put:       fmt.Sprintf("return %sEncoder{w.Open(@)}", a.list),
		getResult: fmt.Sprintf("iter.Seq2[%s, $Attrs]", h),
		// A loop of its own, so that the method is small enough to be inlined and
		// its closure stays off the heap.
		get: fmt.Sprintf("return func(yield func(%s, $Attrs) bool) { v.each%s(yield) }", h, a.goName()),
		each: fmt.Sprintf(`(yield func(%s, $Attrs) bool) {
				b, _ := v.attrs.Bytes(#)
				for {
					head, attrs, rest := $NextElem(b, %d)
					var h %s
					h.Parse(head)
					if head == nil || !yield(h, attrs) {
						return
					}
					b = rest
				}
			}`, h, a.st.size, h)}
}
