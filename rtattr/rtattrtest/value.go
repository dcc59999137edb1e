package rtattrtest

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/nlwire/nlwire/rtattr"
)

var addrType = reflect.TypeFor[netip.Addr]()

// sample is a value of a Go type that fits the attribute.
func sample(t reflect.Type, a *rtattr.Attr, i int) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == addrType:
		v.Set(reflect.ValueOf(sampleAddr(a, i)))
	case t.Kind() == reflect.String:
		v.SetString([]string{"", "\xff", "n"}[i])
	case t.Kind() == reflect.Slice:
		n := []int{0, 2, 3}[i]
		if t.Elem().Kind() == reflect.Uint8 && a.Min > 0 {
			n = int(a.Min)
		}
		v.Set(reflect.MakeSlice(t, n, n))
		for k := range n {
			v.Index(k).Set(sample(t.Elem(), &rtattr.Attr{Max: 8, Elem: a.Elem, Type: a.Elem}, i))
		}
	case t.Kind() == reflect.Array:
		for k := range t.Len() {
			v.Index(k).Set(sample(t.Elem(), a, i))
		}
	case t.Kind() == reflect.Struct:
		for k := range t.NumField() {
			v.Field(k).Set(sample(t.Field(k).Type, &rtattr.Attr{Max: 8}, i))
		}
	case v.CanUint():
		bits := min(t.Bits(), wireBits(a))
		v.SetUint([]uint64{0, 1<<bits - 1, 0x12}[i])
	case v.CanInt():
		v.SetInt([]int64{0, -1 << (t.Bits() - 1), 0x12}[i])
	default:
		panic(fmt.Sprintf("no sample of %v", t))
	}
	return v
}

// wireBits is the width of a number; that of an enum can be wider in Go.
func wireBits(a *rtattr.Attr) int {
	if n := 8 * int(a.Max); n < 64 {
		return n
	}
	return 64
}

func sampleAddr(a *rtattr.Attr, i int) netip.Addr {
	v4 := [3]netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("10.66.66.1")}
	v6 := [3]netip.Addr{netip.IPv6Unspecified(), netip.MustParseAddr("ffff::ffff"), netip.MustParseAddr("fd00::1")}
	if a.Min > 4 || a.Max > 4 && i == 1 {
		return v6[i]
	}
	return v4[i]
}

func args(m reflect.Value, a *rtattr.Attr, i int) []reflect.Value {
	var in []reflect.Value
	for k := range m.Type().NumIn() {
		in = append(in, sample(m.Type().In(k), a, i))
	}
	return in
}

// end closes a message or nest.
func end(w reflect.Value) { w.MethodByName("End").Call(nil) }

// put calls a method of an encoder, and closes what it opens, with one element
// in what is an array.
func put(w reflect.Value, name string, a *rtattr.Attr, i int) {
	out := call(w, name, a, i)
	var open []reflect.Value
	for out.IsValid() {
		open = append(open, out)
		if !isList(out.Type()) {
			break
		}
		out = call(out, "Elem", elemOf(a), i)
	}
	for k := len(open) - 1; k >= 0; k-- {
		end(open[k])
	}
}

func call(w reflect.Value, name string, a *rtattr.Attr, i int) reflect.Value {
	m := w.MethodByName(name)
	if !m.IsValid() {
		panic(fmt.Sprintf("%v has no method %s", w.Type(), name))
	}
	if out := m.Call(args(m, a, i)); len(out) > 0 {
		return out[0]
	}
	return reflect.Value{}
}

// elemOf is what limits the values in an array.
func elemOf(a *rtattr.Attr) *rtattr.Attr {
	e := &rtattr.Attr{Type: a.Elem, Max: 8}
	if a.Elem == rtattr.Address {
		e.Min, e.Max = 4, 16
		if a.ElemSize > 0 {
			e.Min, e.Max = a.ElemSize, a.ElemSize
		}
	}
	return e
}

// isList reports whether an encoder has a method Elem of its own: Nest has one too.
func isList(t reflect.Type) bool {
	m, ok := t.MethodByName("Elem")
	n, _ := reflect.TypeFor[rtattr.Nest]().MethodByName("Elem")
	return ok && (m.Type.NumIn() != n.Type.NumIn() || m.Type.In(1) != n.Type.In(1))
}

// present reports whether a getter returns anything.
func present(v reflect.Value, name string) bool {
	out := v.MethodByName(name).Call(nil)
	switch last := out[len(out)-1]; {
	case last.Kind() == reflect.Bool:
		return last.Bool()
	case last.Kind() == reflect.Func:
		n := 0
		count(last, func(...reflect.Value) { n++ })
		return n > 0
	default: // a view and an error
		return last.IsNil() && !attrsOf(out[len(out)-2]).IsNil()
	}
}

// attrsOf calls Attrs of a view, whose methods have pointer receivers.
func attrsOf(view reflect.Value) reflect.Value {
	p := reflect.New(view.Type())
	p.Elem().Set(view)
	return p.MethodByName("Attrs").Call(nil)[0]
}

// count calls an iterator.
func count(seq reflect.Value, do func(...reflect.Value)) {
	if seq.Type().In(0).NumIn() == 1 {
		for x := range seq.Seq() {
			do(x)
		}
		return
	}
	for x, y := range seq.Seq2() {
		do(x, y)
	}
}

// checkGetter wants a getter to return sample i.
func checkGetter(t *testing.T, v reflect.Value, name string, a *rtattr.Attr, i int) {
	t.Helper()
	out := v.MethodByName(name).Call(nil)
	if !present(v, name) {
		empty := i == 0 && a.Type == rtattr.StructArr // sample 0 is an array without elements
		if !empty {
			t.Errorf("%s is absent", name)
		}
		return
	}
	switch first := out[0]; {
	case first.Kind() == reflect.Func:
		count(first, func(x ...reflect.Value) {
			if len(x) == 1 {
				equal(t, name, x[0], a, i)
			}
		})
	case len(out) == 2 && out[1].Kind() == reflect.Bool:
		equal(t, name, first, a, i)
	case len(out) == 3 && out[2].Kind() == reflect.Bool:
		equal(t, name, first, a, i)
		equal(t, name, out[1], a, i)
	}
}

func equal(t *testing.T, name string, got reflect.Value, a *rtattr.Attr, i int) {
	t.Helper()
	if n := got.MethodByName("Len"); n.IsValid() && got.MethodByName("At").IsValid() {
		elem := got.MethodByName("At").Type().Out(0)
		want := sample(reflect.SliceOf(elem), a, i)
		if n := int(n.Call(nil)[0].Int()); n != want.Len() {
			t.Errorf("%s: %d numbers, want %d", name, n, want.Len())
			return
		}
		for k := range want.Len() {
			if x := got.MethodByName("At").Call([]reflect.Value{reflect.ValueOf(k)})[0]; !x.Equal(want.Index(k)) {
				t.Errorf("%s[%d]: %v, want %v", name, k, x, want.Index(k))
			}
		}
		return
	}
	want := sample(got.Type(), a, i)
	if a.Type == rtattr.String {
		want = reflect.ValueOf([]byte(sample(reflect.TypeFor[string](), a, i).String()))
	}
	if fmt.Sprintf("%v", got) != fmt.Sprintf("%v", want) {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

// touch calls every getter, those of nested views to a depth.
func touch(v reflect.Value, methods []Method, depth int) {
	for _, m := range methods {
		for _, out := range v.MethodByName(m.Name).Call(nil) {
			if out.Kind() == reflect.Func {
				count(out, func(x ...reflect.Value) { touchView(x[0], depth) })
			}
			touchView(out, depth)
		}
	}
}

func touchView(view reflect.Value, depth int) {
	if e, ok := entries[view.Type()]; ok && depth > 0 && e.encoder != view.Type() {
		p := reflect.New(view.Type())
		p.Elem().Set(view)
		touch(p, e.methods, depth-1)
	}
}
