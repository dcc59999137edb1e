package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tests writes the tests of one table: for every set the table of its methods,
// with which package rtattrtest does the rest, and for every struct a round trip.
func (g *emitter) tests(s *spec) {
	for _, d := range s.Definitions {
		if d.Type == "struct" && len(d.Members) > 0 {
			g.p("func Test%sStruct(t *testing.T) { rtattrtest.Struct(t, %s{}, (*%s).Parse) }", d.goName(), g.own(d.goName()), g.own(d.goName()))
		}
	}
	for _, set := range s.Sets {
		g.setTest(set)
	}
}

// own qualifies a name of the package that is tested.
func (g *emitter) own(name string) string { return strings.TrimSuffix(g.pkg, "_test") + "." + name }

func (g *emitter) setTest(set *attrSet) {
	name := set.goName()
	lower := unexported(name) + "Test"
	enc, view := g.own(name+"Encoder"), g.own(name+"View")
	g.p("\nvar %s = rtattrtest.Set[%s, %s]{", lower, enc, view)
	g.p("Set: &%s,", g.own(name+"Set"))
	switch h := set.header; {
	case h == nil:
		g.p("Begin: func(e *rtattr.Encoder) %s { return %s{e.Message(rtattr.NLMSG_MIN_TYPE, 0)} },", enc, enc)
	case h.tail != nil:
		g.p("Begin: func(e *rtattr.Encoder) %s { return %s(e, rtattr.NLMSG_MIN_TYPE, 0, %s{}, []byte(\"tail\")) },", enc, g.own("Append"+name), g.own(h.goName()))
	default:
		g.p("Begin: func(e *rtattr.Encoder) %s { return %s(e, rtattr.NLMSG_MIN_TYPE, 0, %s{}) },", enc, g.own("Append"+name), g.own(h.goName()))
	}
	g.p("Parse: (*%s).Parse,", view)
	if set.header == nil || set.bare {
		g.p("ParseAttrs: (*%s).%s,", view, set.parse())
	}
	g.p("Methods: []rtattrtest.Method{")
	for _, a := range set.byNum() {
		g.methodRows(a)
	}
	g.p("},")
	g.p("Put: func(w %s) {", enc)
	var others []*attr
	for _, a := range set.byNum() {
		if !a.skip() {
			g.putSample(a)
			others = append(others, a.meanings()...)
		}
	}
	g.p("},")
	if len(others) > 0 {
		g.p("PutOther: func(w %s) {", enc)
		for _, a := range others {
			g.putSample(a)
		}
		g.p("},")
	}
	g.p("Get: func(v *%s) {", view)
	for _, a := range set.byNum() {
		if !a.skip() {
			for _, x := range append([]*attr{a}, a.meanings()...) {
				g.callGetter(x)
			}
		}
	}
	g.p("},\n}\n")
	g.p("func init() { %s.Register() }", lower)
	g.p("func Test%sSet(t *testing.T) { %s.Test(t) }", name, lower)
	g.p("func Fuzz%sView(f *testing.F) { %s.Fuzz(f) }", name, lower)
	g.p("func Benchmark%s(b *testing.B) { %s.Benchmark(b) }", name, lower)
}

func (g *emitter) methodRows(a *attr) {
	if a.skip() {
		return
	}
	c := g.own(a.set.cNameOf(a))
	row := func(name, role string) { g.p("{Type: %s, Name: %q%s},", c, name, role) }
	row(a.goName(), "")
	for _, f := range a.formats() {
		row(a.names[f], ", Role: rtattrtest.Format")
	}
	for _, v := range a.Variants {
		row(v.goName(), ", Role: rtattrtest.Variant")
	}
	if a.Request != nil {
		row(a.Request.goName(), ", Role: rtattrtest.Request")
	}
}

func (g *emitter) sample(f form) string {
	return strings.NewReplacer("~", g.own(""), "$", "rtattr.").Replace(f.sample)
}

func (g *emitter) putSample(a *attr) {
	f := a.form()
	switch {
	case a.sequence():
		g.p("{\nlist := w.%s()\nlist.Elem(%s{}).End()\nlist.End()\n}", a.goName(), g.own(a.st.goName()))
	case a.Type == "indexed-array" && a.SubType == "nest":
		g.p("{\nlist := w.%s()\nlist.Elem(1).End()\nlist.End()\n}", a.goName())
	case a.Type == "indexed-array":
		g.p("{\nlist := w.%s()\nlist.Elem(1, %s)\nlist.End()\n}", a.goName(), g.sample(a.element().single()))
	case a.Type == "nest-type-value":
		g.p("{\nlist := w.%s()", a.goName())
		last := "list"
		for i := range a.TypeValue {
			next := fmt.Sprintf("in%d", i)
			g.p("%s := %s.Elem(1)", next, last)
			last = next
		}
		for i := range a.TypeValue {
			g.p("in%d.End()", len(a.TypeValue)-1-i)
		}
		g.p("list.End()\n}")
	case f.result != "":
		g.p("w.%s(%s).End()", a.goName(), g.sample(f))
	default:
		g.p("w.%s(%s)", a.goName(), g.sample(f))
	}
	for _, x := range a.told() {
		arg, end := "", ".End()"
		if x.header != nil {
			arg = g.own(x.header.goName()) + "{}"
		}
		if x.set == nil {
			end = ""
		}
		g.p("w.%s(%s)%s", a.names[x], arg, end)
	}
}

func (g *emitter) callGetter(a *attr) {
	for _, x := range a.told() {
		g.p("v.%s()", a.names[x])
	}
	if strings.HasPrefix(a.form().getResult, "iter.") {
		g.p("for range v.%s() {\n}", a.goName())
		return
	}
	g.p("v.%s()", a.goName())
}

// told are the formats that the selector tells apart; one if it is further out.
func (a *attr) told() []*subFormat {
	all := a.formats()
	if a.selector == nil {
		return all[:min(1, len(all))]
	}
	return all
}

// allocsTest lists the sets for the gate of allocations.
func (g *emitter) allocsTest() {
	g.p("func TestAllocs(t *testing.T) {\nfor _, allocs := range []func(*testing.T){")
	for _, s := range g.m.specs {
		for _, set := range s.Sets {
			g.p("%sTest.Allocs,", unexported(set.goName()))
		}
	}
	g.p("} {\nallocs(t)\n}\n}")
}

// numbersTest lists every number and struct for the comparison with the kernel.
func (g *emitter) numbersTest() {
	numbers := map[string]uint64{}
	for _, s := range g.m.specs {
		for _, d := range s.Definitions {
			if d.of != nil {
				continue // no C has them
			}
			for _, e := range d.Entries {
				numbers[d.cEntry(s.Name, e)] = e.value
			}
			if d.Type == "const" && !d.text {
				numbers[d.cConst(s.Name)] = d.number
			}
		}
		for _, set := range s.Sets {
			for _, a := range set.byNum() {
				numbers[a.cName()] = uint64(a.num)
			}
		}
		for _, o := range s.Operations.List {
			if o.value >= 0 {
				numbers[o.cName(s)] = uint64(o.value)
			}
		}
		for _, x := range s.McastGroups.List {
			if x.Value != nil {
				numbers[x.cName(s)] = uint64(*x.Value)
			}
		}
	}
	g.p("// tableNumbers is every constant of the tables.")
	g.p("var tableNumbers = map[string]uint64{")
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		g.p("%q: %#x,", name, numbers[name])
	}
	g.p("}\n")
	g.p("// tableStructs is every struct of the tables.")
	g.p("var tableStructs = []*%sStruct{", g.q)
	for _, s := range g.m.specs {
		for _, d := range s.Definitions {
			if d.Type == "struct" && len(d.Members) > 0 && d.of == nil {
				g.p("&%sStruct,", unexported(d.goName()))
			}
		}
	}
	g.p("}\n")
}
