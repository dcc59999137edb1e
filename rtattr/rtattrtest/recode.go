package rtattrtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
)

// An entry is what the tests know of a set by the type of its view.
type entry struct {
	set     *rtattr.Set
	methods []Method
	encoder reflect.Type
	parse   func(view any, header, attrs []byte) error
	recode  func([]byte) ([]byte, error)
}

// entries are found by the types of the view and of the encoder, and by the set.
var entries = map[any]entry{}

// Register makes the set known to the tests of those that contain it, and to
// Recode.
func (s Set[E, V]) Register() {
	e := entry{s.Set, s.Methods, reflect.TypeFor[E](), func(v any, header, attrs []byte) error {
		if header != nil {
			return s.Parse(v.(*V), append(slices.Clone(header), attrs...))
		}
		return s.ParseAttrs(v.(*V), attrs)
	}, s.Recode}
	entries[reflect.TypeFor[V]()], entries[reflect.TypeFor[E]()], entries[s.Set] = e, e, e
}

// Recode reads the payload of a message of a registered set with its views and
// writes what they return with its encoders. What no table has goes through as
// bytes, and attribute types keep their flag bits.
func Recode(set *rtattr.Set, payload []byte) ([]byte, error) {
	e, ok := entries[set]
	if !ok {
		return nil, fmt.Errorf("set %s is not registered", set.Name)
	}
	return e.recode(payload)
}

// Recode is the function Recode for one set.
func (s Set[E, V]) Recode(payload []byte) ([]byte, error) {
	var v V
	if err := s.Parse(&v, payload); err != nil {
		return nil, err
	}
	attrs := s.attrs(&v)
	header := payload[:len(payload)-len(attrs)]
	var e rtattr.Encoder
	var c recoder
	nodes := c.attrs(wrap(reflect.TypeFor[E](), e.Root()), reflect.ValueOf(&v), header)
	b, err := e.Finish()
	if err = errors.Join(append(c.errs, err)...); err != nil {
		return nil, err
	}
	keepFlags(b, attrs, nodes)
	return append(slices.Clone(header), b...), nil
}

// wrap makes a typed encoder of a nest.
func wrap(encoder reflect.Type, n rtattr.Nest) reflect.Value {
	w := reflect.New(encoder).Elem()
	w.Field(0).Set(reflect.ValueOf(n))
	return w
}

// A node says what was written of one attribute: head bytes and attributes if it
// is a nest.
type node struct {
	nest bool
	head int
	elem int // a sequence of structs of so many bytes, one kid each
	kids []node
}

// keepFlags copies the flag bits of the types from was: kernels set NLA_F_NESTED
// in some nests only.
func keepFlags(b, was []byte, nodes []node) {
	for _, n := range nodes {
		if len(b) < 4 || len(was) < 4 {
			return
		}
		in, rest := cut(b)
		from, restWas := cut(was)
		typ := binary.NativeEndian.Uint16(b[2:])&rtattr.NLA_TYPE_MASK | binary.NativeEndian.Uint16(was[2:])&^rtattr.NLA_TYPE_MASK
		binary.NativeEndian.PutUint16(b[2:], typ)
		switch {
		case n.elem > 0:
			for _, kid := range n.kids {
				_, a, rest := rtattr.NextElem(in, n.elem)
				_, was, restWas := rtattr.NextElem(from, n.elem)
				keepFlags(a, was, kid.kids)
				in, from = rest, restWas
			}
		case n.nest && n.head <= len(in) && n.head <= len(from):
			keepFlags(in[n.head:], from[n.head:], n.kids)
		}
		b, was = rest, restWas
	}
}

// cut returns the payload of the first attribute, and what follows it.
func cut(b []byte) (payload, rest []byte) {
	size := min(max(4, int(binary.NativeEndian.Uint16(b))), len(b))
	return b[4:size], b[min((size+3)&^3, len(b)):]
}

type recoder struct{ errs []error }

func (c *recoder) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// attrs writes every attribute of a view, which was parsed behind header.
func (c *recoder) attrs(w, v reflect.Value, header []byte) []node {
	e := entries[v.Type().Elem()]
	all := v.MethodByName("Attrs").Call(nil)[0].Interface().(rtattr.Attrs)
	var nodes []node
	for len(all) > 0 {
		typ, payload, rest := all.Next()
		whole := all[:len(all)-len(rest)]
		all = rest
		n := node{}
		if int(typ) >= len(e.set.Attrs) || e.set.Attrs[typ].Name == "" || e.set.Attrs[typ].Type == rtattr.Pad || e.set.Attrs[typ].Type == rtattr.Unused {
			w.Field(0).Interface().(rtattr.Nest).Bytes(typ, payload)
		} else {
			n = c.attr(w, e, typ, whole, payload, header, v)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// attr writes one attribute, which it reads from a view of its own.
func (c *recoder) attr(w reflect.Value, e entry, typ uint16, whole, payload, header []byte, v reflect.Value) node {
	a := &e.set.Attrs[typ]
	attrs := slices.Clone(whole)
	for len(attrs)%4 != 0 {
		attrs = append(attrs, 0)
	}
	if a.Sub != nil {
		for sel, value := range v.MethodByName("Attrs").Call(nil)[0].Interface().(rtattr.Attrs).All() {
			if int(sel) < len(e.set.Attrs) && e.set.Attrs[sel].Name == a.Sub.Selector {
				var x rtattr.Encoder
				x.Root().Bytes(sel, value)
				b, _ := x.Finish()
				attrs = append(attrs, b...)
			}
		}
	}
	one := reflect.New(v.Type().Elem())
	if err := e.parse(one.Interface(), header, attrs); err != nil {
		c.errorf("%w", err)
		return node{}
	}
	raw := ""
	outer := a.Sub != nil && !slices.ContainsFunc(e.set.Attrs, func(x rtattr.Attr) bool { return x.Name == a.Sub.Selector })
	for _, m := range e.methods {
		switch {
		case m.Type != typ || outer && m.Role == Format:
		case a.Sub != nil && m.Role == Value:
			raw = m.Name
		case present(one, m.Name), isArray(a.Type) && m.Role == Value:
			return c.value(w, one, m, a, payload)
		}
	}
	if raw == "" || !present(one, raw) {
		c.errorf("%s: no getter returns it", e.set.CName(a))
		return node{}
	}
	return c.value(w, one, Method{Type: typ, Name: raw}, a, payload)
}

// isArray reports whether an attribute that is there can have no elements.
func isArray(t rtattr.Type) bool {
	return t == rtattr.StructArr || t == rtattr.Indexed || t == rtattr.Sequence || t == rtattr.TypeValue
}

// value writes what a getter returns with the encoder's method of that name.
func (c *recoder) value(w, v reflect.Value, m Method, a *rtattr.Attr, payload []byte) node {
	out := v.MethodByName(m.Name).Call(nil)
	put := w.MethodByName(m.Name)
	last := out[len(out)-1]
	switch {
	case last.Kind() == reflect.Func:
		return c.seq(put, last, a, payload)
	case len(out) == 1: // a flag
		put.Call(nil)
	case len(out) == 3 && last.Kind() != reflect.Bool: // a header that is not the set's first, a view, an error
		view := reflect.New(out[1].Type())
		view.Elem().Set(out[1])
		head := payload[:len(payload)-len(attrsOf(out[1]).Bytes())]
		var in reflect.Value
		if m.Role == Format { // whose method would write the selector again
			in = wrap(entries[out[1].Type()].encoder, w.Field(0).Interface().(rtattr.Nest).Open(m.Type))
			in.Field(0).Interface().(rtattr.Nest).Raw(head)
		} else {
			in = put.Call(out[:1])[0]
		}
		kids := c.attrs(in, view, nil)
		end(in)
		return node{nest: true, head: len(head), kids: kids}
	case last.Kind() != reflect.Bool: // a view and an error
		view := reflect.New(out[len(out)-2].Type())
		view.Elem().Set(out[len(out)-2])
		return c.nest(w, put, view, m, payload)
	case m.Role == Format: // only a header
		put.Call(out[:1])
	default:
		put.Call(convert(out[:len(out)-1], put))
	}
	return node{}
}

// convert gives values the types of a method's arguments: arrays in place become
// slices, text strings.
func convert(values []reflect.Value, put reflect.Value) []reflect.Value {
	var in []reflect.Value
	for k, x := range values {
		want := put.Type().In(put.Type().NumIn() - len(values) + k)
		if at := x.MethodByName("At"); at.IsValid() && want.Kind() == reflect.Slice {
			s := reflect.MakeSlice(want, 0, 0)
			for i := range int(x.MethodByName("Len").Call(nil)[0].Int()) {
				s = reflect.Append(s, at.Call([]reflect.Value{reflect.ValueOf(i)})[0])
			}
			x = s
		}
		in = append(in, x.Convert(want))
	}
	return in
}

// nest writes a view that is inside of an attribute.
func (c *recoder) nest(w, put, view reflect.Value, m Method, payload []byte) node {
	attrs := view.MethodByName("Attrs").Call(nil)[0].Interface().(rtattr.Attrs)
	head := payload[:len(payload)-len(attrs)]
	var in reflect.Value
	switch {
	case m.Role == Format: // whose method would write the selector again
		n := w.Field(0).Interface().(rtattr.Nest).Open(m.Type)
		n.Raw(head)
		in = wrap(entries[view.Type().Elem()].encoder, n)
	case put.Type().NumIn() == 1:
		in = put.Call([]reflect.Value{view.Elem().FieldByName("Header")})[0]
	default:
		in = put.Call(nil)[0]
	}
	if len(head) == 0 {
		head = nil
	}
	kids := c.attrs(in, view, head)
	end(in)
	return node{nest: true, head: len(head), kids: kids}
}

// seq writes what an iterator yields: the one attribute of a repeated type, or
// the elements of an array.
func (c *recoder) seq(put, seq reflect.Value, a *rtattr.Attr, payload []byte) node {
	if a.Type == rtattr.StructArr {
		s := reflect.MakeSlice(put.Type().In(0), 0, 0)
		count(seq, func(x ...reflect.Value) { s = reflect.Append(s, x[0]) })
		put.Call([]reflect.Value{s})
		return node{}
	}
	if a.Type == rtattr.NestT { // repeated
		var n node
		count(seq, func(x ...reflect.Value) {
			view := reflect.New(x[0].Type())
			view.Elem().Set(x[0])
			n = c.nest(reflect.Value{}, put, view, Method{}, payload)
		})
		return n
	}
	if put.Type().NumIn() > 0 {
		count(seq, func(x ...reflect.Value) { put.Call(convert(x, put)) })
		return node{}
	}
	return c.list(put, seq, a)
}

// list writes the elements of an array.
func (c *recoder) list(put, seq reflect.Value, a *rtattr.Attr) node {
	list := put.Call(nil)[0]
	n := node{nest: true}
	count(seq, func(x ...reflect.Value) {
		kid, opened := node{}, []reflect.Value{list}
		keys := []reflect.Value{x[0]}
		if x[0].Kind() == reflect.Array {
			keys = nil
			for k := range x[0].Len() {
				keys = append(keys, x[0].Index(k))
			}
		}
		in := list
		for k, key := range keys {
			elem := in.MethodByName("Elem")
			if k+1 == len(keys) && elem.Type().NumIn() == 2 {
				elem.Call(append([]reflect.Value{key}, convert(x[1:], elem)...))
				n.kids = append(n.kids, kid)
				return
			}
			in = elem.Call([]reflect.Value{key})[0]
			opened = append(opened, in)
		}
		e := entries[in.Type()]
		view := reflect.New(viewOf(e))
		attrs := x[1].Bytes()
		if err := e.parse(view.Interface(), nil, attrs); err != nil {
			c.errorf("%w", err)
		}
		kid = node{nest: true, kids: c.attrs(in, view, nil)}
		for k := len(opened) - 1; k > 0; k-- {
			end(opened[k])
			if k > 1 {
				kid = node{nest: true, kids: []node{kid}}
			}
		}
		if a.Type == rtattr.Sequence {
			n.elem = a.Struct.Size
		}
		n.kids = append(n.kids, kid)
	})
	end(list)
	return n
}

// viewOf is the type of a set's view.
func viewOf(e entry) reflect.Type {
	for key, x := range entries {
		if t, ok := key.(reflect.Type); ok && x.set == e.set && t != e.encoder {
			return t
		}
	}
	panic("set " + e.set.Name + " has no view")
}
