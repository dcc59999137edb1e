package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tests writes the tests of one table: for every set a round trip of every
// attribute, truncation, a fuzz target and an allocation row. They stand on the
// helpers of rtattr/set_test.go.
func (g *emitter) tests(s *spec) {
	for _, d := range s.Definitions {
		if d.Type == "struct" {
			g.sampleStruct(d)
		}
	}
	for _, set := range s.Sets {
		g.setTest(set)
	}
}

func (g *emitter) sampleStruct(d *def) {
	name := d.goName()
	g.p("func sample%s(i int) %s {\nreturn %s{", name, name, name)
	for _, x := range d.Members {
		t := x.goType()
		switch {
		case x.Type == "pad":
		case x.Type == "binary":
			g.p("%s: %s{0: uint8(i)},", x.goName(), t)
		default:
			big := "math.MaxUint"
			if x.Type[0] == 's' {
				big = "math.MinInt"
			}
			g.p("%s: pick[%s](i, 0, %s%d, %d),", x.goName(), t, big, scalarBits[x.Type], 1+x.off%100)
		}
	}
	g.p("}\n}\n")
	g.p("func Test%sStruct(t *testing.T) {\nfor i := range samples {", name)
	g.p("s := sample%s(i)\nb := s.Append(nil)\nvar got, short %s\ngot.Parse(b)\nshort.Parse(b[:len(b)-1])", name, name)
	g.p("testStruct(t, &%sStruct, b, got == s)\n}\n}\n", unexported(name))
}

func (g *emitter) setTest(set *attrSet) {
	name := set.goName()
	g.p("func put%s(w %sEncoder, i int) {", name, name)
	for _, a := range set.methods() {
		g.putSample(a)
	}
	g.p("}\n")

	g.p("func check%s(t *testing.T, v *%sView, i int) {", name, name)
	for _, a := range set.methods() {
		g.checkSample(set, a)
	}
	g.p("}\n")

	g.p("// get%s calls every getter.", name)
	g.p("func get%s(v *%sView) {", name, name)
	for _, a := range set.methods() {
		g.callGetter(a)
	}
	g.p("}\n")

	g.p("// touch%s calls every getter, nested ones to a depth.", name)
	g.p("func touch%s(v *%sView, depth int) {\nget%s(v)", name, name, name)
	if len(set.edges()) > 0 {
		g.p("if depth == 0 {\nreturn\n}")
	}
	for _, a := range set.methods() {
		g.touch(a)
	}
	g.p("}\n")

	g.p("func begin%s(e *Encoder, i int) %sEncoder {", name, name)
	header := 0
	if h := set.header; h != nil {
		header = (h.size + 3) &^ 3
		g.p("return Append%s(e, NLMSG_MIN_TYPE, 0, sample%s(i))\n}\n", name, h.goName())
	} else {
		g.p("return %sEncoder{e.Message(NLMSG_MIN_TYPE, 0)}\n}\n", name)
	}
	t := "setTest[" + name + "View]"
	g.p("var test%sSet = %s{", name, t)
	g.p("name: %q, set: &%sSet, header: %d,", name, unexported(name), header)
	g.p("build: func(e *Encoder, i int) {\nw := begin%s(e, i)\nput%s(w, i)\nw.End()\n},", name, name)
	g.p("parse: (*%sView).Parse, attrs: (*%sView).Attrs, check: check%s, get: get%s, touch: touch%s,\n}\n", name, name, name, name, name)
	g.p("func Test%sSet(t *testing.T) { test%sSet.run(t) }\n", name, name)
	g.p("func Fuzz%sView(f *testing.F) { test%sSet.fuzz(f) }\n", name, name)
	g.p("func Benchmark%s(b *testing.B) { test%sSet.bench(b) }\n", name, name)
	g.p("func init() { allocRows = append(allocRows, test%sSet.allocs) }\n", name)
}

// methods returns the attributes with methods, variants and request forms included.
func (s *attrSet) methods() []*attr {
	var out []*attr
	for _, a := range s.byNum() {
		if a.skip() {
			continue
		}
		out = append(out, a)
		for _, v := range a.Variants {
			out = append(out, &v.attr)
		}
		if a.Request != nil {
			out = append(out, a.Request)
		}
	}
	return out
}

// alternative reports whether a shares its number with another meaning, so
// that the samples of both cannot be read back.
func (a *attr) alternative() bool {
	for _, x := range a.set.Attrs {
		if x.num == a.num {
			return x != a || len(x.Variants) > 0 || x.Request != nil
		}
	}
	return true
}

func (g *emitter) putSample(a *attr) {
	f := a.form()
	switch {
	case a.alternative():
	case a.sub != nil:
		for _, x := range a.sub.Formats {
			if x.set != nil {
				g.p("w.%s().End()", a.formatName(x))
			}
		}
	case a.Type == "nest" && a.Header != "":
		g.p("w.%s(sample%s(i)).End()", a.goName(), a.st.goName())
	case a.sequence():
		g.p("{\nseq := w.%s()\nseq.Elem(sample%s(i)).End()\nseq.End()\n}", a.goName(), a.st.goName())
	case a.Type == "nest":
		g.p("w.%s().End()", a.goName())
	case a.Type == "flag":
		g.p("w.%s()", a.goName())
	case a.Tail != "":
		g.p("w.%s(sample%s(i), sampleAddr[i])", a.goName(), a.st.goName())
	default:
		g.p("w.%s(pick(i, %s))", a.goName(), strings.Join(f.samples[:], ", "))
	}
}

func (g *emitter) checkSample(set *attrSet, a *attr) {
	f := a.form()
	n := a.goName()
	samples := "pick(i, " + strings.Join(f.samples[:], ", ") + ")"
	got := fmt.Sprintf("got, ok := v.%s()", n)
	switch {
	case a.alternative():
	case a.sub != nil:
		last := ""
		for _, x := range a.sub.Formats {
			if x.set == nil {
				continue
			}
			if last != "" {
				g.p("{\nn, err := v.%s()\nequal(t, %q, n.attrs == nil && err == nil, true)\n}", last, last)
			}
			last = a.formatName(x)
		}
		if last != "" {
			g.p("{\nn, err := v.%s()\nequal(t, %q, n.attrs != nil && err == nil, true)\n}", last, last)
		}
	case a.sequence():
		g.p("for h := range v.%s() {\nh2 := sample%s(i)\nequal(t, %q, h.Append(nil)[2], h2.Append(nil)[2])\n}", n, a.st.goName(), n)
	case a.Type == "nest" && a.Multi:
		g.p("for n, err := range v.%s() {\nequal(t, %q, n.attrs != nil && err == nil, true)\n}", n, n)
	case a.Type == "nest":
		g.p("{\nn, err := v.%s()\nequal(t, %q, n.attrs != nil && err == nil, true)\n}", n, n)
	case a.Type == "flag":
		g.p("equal(t, %q, v.%s(), true)", n, n)
	case a.Tail != "":
		g.p("{\ns, addr, ok := v.%s()\nequal(t, %q, ok && s == sample%s(i) && addr == sampleAddr[i], true)\n}", n, n, a.st.goName())
	case a.Type == "string" && a.selectsIn(set):
		// Written by the sub-messages as well.
	case a.Multi && strings.HasPrefix(f.getResult, "iter.Seq[[]byte]"):
		g.p("for got := range v.%s() {\nequal(t, %q, string(got), string(%s))\n}", n, n, samples)
	case a.Multi:
		g.p("for got := range v.%s() {\nequal(t, %q, got, %s)\n}", n, n, samples)
	case strings.HasPrefix(f.getResult, "([]byte"):
		g.p("{\n%s\nequal(t, %q, ok, true)\nequal(t, %q, string(got), string(%s))\n}", got, n, n, samples)
	case a.Type == "binary" && strings.HasPrefix(f.getResult, "($"):
		g.p("{\n%s\nequal(t, %q, ok, true)\nequalArray(t, %q, got.Len(), got.At, %s)\n}", got, n, n, samples)
	default:
		g.p("{\n%s\nequal(t, %q, ok, true)\nequal(t, %q, got, %s)\n}", got, n, n, samples)
	}
}

func (a *attr) selectsIn(set *attrSet) bool {
	for _, x := range set.Attrs {
		if x.selector == a {
			return true
		}
	}
	return false
}

func (g *emitter) callGetter(a *attr) {
	n := a.goName()
	switch {
	case a.sub != nil:
		for _, x := range a.sub.Formats {
			if x.set != nil {
				g.p("v.%s()", a.formatName(x))
			}
		}
	case a.Multi || a.sequence():
		g.p("for range v.%s() {\n}", n)
	default:
		g.p("v.%s()", n)
	}
}

func (g *emitter) touch(a *attr) {
	n := a.goName()
	switch {
	case a.sub != nil:
		for _, x := range a.sub.Formats {
			if x.set != nil {
				g.p("if n, err := v.%s(); err == nil {\ntouch%s(&n, depth-1)\n}", a.formatName(x), x.set.goName())
			}
		}
	case a.sequence():
		g.p("for _, attrs := range v.%s() {\nvar n %sView\nif err := n.%s(attrs); err == nil {\ntouch%s(&n, depth-1)\n}\n}", n, a.nested.goName(), a.nested.parse(), a.nested.goName())
	case a.Type == "nest" && a.Multi:
		g.p("for n, err := range v.%s() {\nif err == nil {\ntouch%s(&n, depth-1)\n}\n}", n, a.nested.goName())
	case a.Type == "nest":
		g.p("if n, err := v.%s(); err == nil {\ntouch%s(&n, depth-1)\n}", n, a.nested.goName())
	}
}

// numbersTest lists every number and struct for the comparison with the kernel.
func (g *emitter) numbersTest() {
	numbers := map[string]uint64{}
	for _, s := range g.m.specs {
		for _, d := range s.Definitions {
			for _, e := range d.Entries {
				numbers[d.cEntry(s.Name, e)] = e.value
			}
			if d.Type == "const" {
				numbers[d.cConst(s.Name)] = d.Value
			}
		}
		for _, set := range s.Sets {
			for _, a := range set.byNum() {
				numbers[a.cName()] = uint64(a.num)
			}
		}
		for _, o := range s.Operations.List {
			numbers[o.cName(&s.Operations)] = uint64(o.value)
		}
	}
	g.p("// tableNumbers is every constant of the tables.")
	g.p("var tableNumbers = map[string]uint64{")
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		g.p("%q: %#x,", name, numbers[name])
	}
	g.p("}\n")
	g.p("// tableStructs is every struct of the tables.")
	g.p("var tableStructs = []*Struct{")
	for _, s := range g.m.specs {
		for _, d := range s.Definitions {
			if d.Type == "struct" {
				g.p("&%sStruct,", unexported(d.goName()))
			}
		}
	}
	g.p("}\n")
}
