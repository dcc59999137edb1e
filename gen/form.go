package main

import (
	"fmt"
	"strings"
)

// A form is how an attribute looks in Go. "@" stands for its constant.
type form struct {
	typ       string // Type in the name table
	min, max  int    // payload lengths that Parse accepts
	args      string // of the encoder's method
	put       string
	result    string // of the encoder's method, with a space behind
	getResult string
	get       string
	each      string    // signature and body of the loop behind get, if there is one
	samples   [3]string // for the generated tests: zero, largest, typical
}

const anyLen = 65535

var methodOf = map[int]string{8: "Uint8", 16: "Uint16", 32: "Uint32", 64: "Uint64"}

func (a *attr) form() form {
	switch a.Type {
	case "pad":
		return form{typ: "Pad", max: anyLen}
	case "unused":
		return form{typ: "Unused", max: anyLen}
	case "flag":
		return form{typ: "Flag", put: "w.Flag(@)", getResult: "bool", get: "return v.attrs.Flag(v.at[@])"}
	case "uint", "sint":
		return a.wide()
	case "string":
		return a.str()
	case "binary":
		return a.binary()
	case "bitfield32":
		return form{typ: "Binary", min: 8, max: 8, args: "v []byte", put: "w.Bytes(@, v)",
			getResult: "([]byte, bool)", get: "return v.attrs.Bytes(v.at[@])",
			samples: [3]string{"make([]byte, 8)", `[]byte("\xff\xff\xff\xff\xff\xff\xff\xff")`, `[]byte("\x01\x02\x03\x04\x05\x06\x07\x08")`}}
	case "nest":
		return a.nest()
	case "sub-message":
		return form{typ: "SubMsg", max: anyLen}
	}
	return a.scalar()
}

func (a *attr) scalar() form {
	bits := scalarBits[a.Type]
	be := ""
	if a.ByteOrder == "big-endian" {
		be = "BE"
	}
	signed := a.Type[0] == 's'
	wire := fmt.Sprintf("uint%d", bits)
	goType := wire
	if signed {
		goType = fmt.Sprintf("int%d", bits)
	}
	if a.enum != nil {
		goType = a.enum.goName()
	}
	method := methodOf[bits] + be
	f := form{
		typ: scalarType(a.Type, a.ByteOrder), min: bits / 8, max: bits / 8,
		args: "v " + goType, put: fmt.Sprintf("w.%s(@, %s(v))", method, wire),
		getResult: fmt.Sprintf("(%s, bool)", goType),
		get:       fmt.Sprintf("return $As[%s](v.attrs.%s(v.at[@]))", goType, method),
	}
	if goType == wire {
		f.put = fmt.Sprintf("w.%s(@, v)", method)
		f.get = fmt.Sprintf("return v.attrs.%s(v.at[@])", method)
	}
	if a.enum != nil && a.enum.bits() > bits {
		f.put = fmt.Sprintf("if v > math.MaxUint%d {\nw.Fail(@, \"value \" + v.String() + \" does not fit into %d bits\")\nreturn\n}\n%s", bits, bits, f.put)
	}
	big := fmt.Sprintf("math.MaxUint%d", bits)
	if signed && a.enum == nil {
		big = fmt.Sprintf("math.MinInt%d", bits)
	}
	f.samples = [3]string{goType + "(0)", goType + "(" + big + ")", goType + "(0x12)"}
	if a.Multi {
		f.getResult = fmt.Sprintf("iter.Seq[%s]", goType)
		f.get = fmt.Sprintf("return func(yield func(%s) bool) {\nfor off := range v.attrs.Offsets(@) {\nif b, _ := v.attrs.Bytes(off); len(b) != %d {\ncontinue\n}\nif x, ok := v.attrs.%s(off); ok && !yield(%s(x)) {\nreturn\n}\n}\n}", goType, bits/8, method, goType)
	}
	return f
}

// wide is uint and sint: 4 or 8 bytes.
func (a *attr) wide() form {
	goType, method, typ, big := "uint64", "Uint", "Uint", "math.MaxUint64"
	if a.Type == "sint" {
		goType, method, typ, big = "int64", "Int", "Sint", "math.MinInt64"
	}
	return form{typ: typ, min: 4, max: 8, args: "v " + goType, put: "w." + method + "(@, v)",
		getResult: "(" + goType + ", bool)", get: "return v.attrs." + method + "(v.at[@])",
		samples: [3]string{goType + "(0)", goType + "(" + big + ")", goType + "(0x12)"}}
}

func (a *attr) str() form {
	f := form{typ: "String", max: anyLen, args: "v string", put: "w.String(@, v)",
		getResult: "([]byte, bool)", get: "return v.attrs.String(v.at[@])",
		samples: [3]string{`""`, `"\xff\xff"`, `"name"`}}
	n := a.Checks.MaxLen
	switch {
	case a.Checks.UnterminatedOK && n > 0:
		f.put = fmt.Sprintf("w.Chars(@, v, %d)", n)
	case a.Checks.UnterminatedOK:
		f.put = fmt.Sprintf("w.Chars(@, v, %d)", anyLen-4)
	case n > 0:
		f.put = fmt.Sprintf("w.StringMax(@, v, %d)", n)
	}
	if a.Multi {
		f.getResult = "iter.Seq[[]byte]"
		f.get = "return v.attrs.Strings(@)"
	}
	return f
}

func (a *attr) binary() form {
	bytes := form{typ: "Binary", max: anyLen, args: "v []byte", put: "w.Bytes(@, v)",
		getResult: "([]byte, bool)", get: "return v.attrs.Bytes(v.at[@])",
		samples: [3]string{"[]byte{}", `[]byte("\xff\xff\xff\xff\xff")`, `[]byte("\x01\x02\x03\x04\x05\x06")`}}
	switch {
	case a.Form == "address":
		return a.address()
	case a.Form == "hwaddr":
		bytes.typ = "HWAddr"
	case a.st != nil && a.Tail != "":
		name := a.st.goName()
		return form{typ: "Tail", min: a.st.size, max: anyLen, args: "v " + name + ", addr netip.Addr",
			put:       fmt.Sprintf("w.TailAddr(@, v.Append(make([]byte, 0, %d)), addr)", a.st.size+16),
			getResult: "(s " + name + ", addr netip.Addr, ok bool)",
			get:       fmt.Sprintf("b, tail, ok := v.attrs.Tail(v.at[@], %d)\nif ok {\ns.Parse(b)\naddr, _ = netip.AddrFromSlice(tail)\n}\nreturn s, addr, ok", a.st.size)}
	case a.st != nil && a.Multi:
		name := a.st.goName()
		return form{typ: "StructT", max: anyLen, args: "v " + name,
			put:       fmt.Sprintf("v.put(w.Space(@, %d))", a.st.size),
			getResult: "iter.Seq[" + name + "]",
			get:       "return func(yield func(" + name + ") bool) {\nfor b := range v.attrs.Of(@) {\nvar s " + name + "\ns.Parse(b)\nif !yield(s) {\nreturn\n}\n}\n}",
			samples:   [3]string{"sample" + name + "(0)", "sample" + name + "(1)", "sample" + name + "(2)"}}
	case a.st != nil:
		name := a.st.goName()
		return form{typ: "StructT", max: anyLen, args: "v " + name,
			put:       fmt.Sprintf("v.put(w.Space(@, %d))", a.st.size),
			getResult: "(s " + name + ", ok bool)",
			get:       "b, ok := v.attrs.Bytes(v.at[@])\nif ok {\ns.Parse(b)\n}\nreturn s, ok",
			samples:   [3]string{"sample" + name + "(0)", "sample" + name + "(1)", "sample" + name + "(2)"}}
	case a.SubType != "" && a.SubType != "u8":
		return a.array()
	}
	if a.Multi {
		bytes.getResult = "iter.Seq[[]byte]"
		bytes.get = "return v.attrs.Of(@)"
	}
	return bytes
}

// array is an array of scalars.
func (a *attr) array() form {
	goType := map[string]string{"u32": "uint32", "s32": "int32", "u64": "uint64"}[a.SubType]
	name := strings.ToUpper(goType[:1]) + goType[1:] + "s"
	typ := strings.ToUpper(a.SubType) + "Arr"
	if a.ByteOrder == "big-endian" {
		name += "BE"
		typ = strings.ToUpper(a.SubType) + "BEArr"
	}
	big := "math.MaxUint" + goType[len(goType)-2:]
	if goType[0] == 'i' {
		big = "math.MinInt32"
	}
	return form{typ: typ, max: anyLen, args: "v []" + goType, put: "w." + name + "(@, v)",
		getResult: "($" + name + ", bool)", get: "b, ok := v.attrs.Bytes(v.at[@])\nreturn b, ok",
		samples: [3]string{"[]" + goType + "{}", "[]" + goType + "{" + big + ", 0}", "[]" + goType + "{1, 2, 3}"}}
}

func (a *attr) address() form {
	f := form{typ: "Address", min: 4, max: 16, args: "v netip.Addr", put: "w.Addr(@, v)",
		getResult: "(netip.Addr, bool)", get: "return v.attrs.Addr(v.at[@])",
		samples: [3]string{"netip.IPv4Unspecified()", `netip.MustParseAddr("ffff::ffff")`, `netip.MustParseAddr("10.66.66.1")`}}
	switch a.DisplayHint {
	case "ipv4":
		f.max, f.put = 4, "w.Addr4(@, v)"
		f.samples[1] = `netip.MustParseAddr("255.255.255.255")`
	case "ipv6":
		f.min, f.put = 16, "w.Addr6(@, v)"
		f.samples = [3]string{"netip.IPv6Unspecified()", f.samples[1], `netip.MustParseAddr("fd00::1")`}
	}
	return f
}

// parse is the view's method for attributes that no header precedes.
func (s *attrSet) parse() string {
	if s.header != nil {
		return "ParseAttrs"
	}
	return "Parse"
}

func (a *attr) nest() form {
	name := a.nested.goName()
	f := form{typ: "NestT", max: anyLen, result: name + "Encoder ",
		put:       fmt.Sprintf("return %sEncoder{w.Nest.Nest(@)}", name),
		getResult: fmt.Sprintf("(n %sView, err error)", name),
	}
	parse := a.nested.parse()
	switch {
	case a.sequence():
		h := a.st.goName()
		return form{typ: "Sequence", max: anyLen, result: a.goName() + "Encoder ",
			put:       fmt.Sprintf("return %sEncoder{w.Open(@)}", a.goName()),
			getResult: fmt.Sprintf("iter.Seq2[%s, $Attrs]", h),
			// A loop of its own, so that the method is small enough to be inlined and
			// its closure stays off the heap.
			get: fmt.Sprintf("return func(yield func(%s, $Attrs) bool) { v.each%s(yield) }", h, a.goName()),
			each: fmt.Sprintf(`(yield func(%s, $Attrs) bool) {
				b, _ := v.attrs.Bytes(v.at[@])
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
	case a.Header != "":
		f.args = "h " + a.st.goName()
		f.put = fmt.Sprintf("n := w.Open(@)\nn.Raw(h.Append(make([]byte, 0, %d)))\nreturn %sEncoder{n}", a.st.size, name)
		parse = "Parse"
	}
	switch {
	case a.Multi:
		f.getResult = fmt.Sprintf("iter.Seq2[%sView, error]", name)
		f.get = fmt.Sprintf("return func(yield func(%sView, error) bool) {\nfor b := range v.attrs.Of(@) {\nvar n %sView\nif err := n.%s(b); !yield(n, err) {\nreturn\n}\n}\n}", name, name, parse)
	default:
		f.get = fmt.Sprintf("if b, ok := v.attrs.Bytes(v.at[@]); ok {\nerr = n.%s(b)\n}\nreturn n, err", parse)
	}
	return f
}
