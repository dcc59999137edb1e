// Package rtattrtest tests what gen generates: the tests that it writes beside
// the encoders and views of an attribute set are a table for a [Set].
//
// For each set there is a round trip of every attribute with small, large and
// typical values, a cut at every byte, an unknown attribute, the dump of every
// byte, a fuzz target, and a gate for allocations.
package rtattrtest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/nlwire/nlwire/rtattr"
)

// A Method is an attribute and the method that both its encoder and its view
// have for it.
type Method struct {
	Type uint16
	Name string
	Role Role
}

// A Role is which meaning of the attribute a method stands for.
type Role uint8

const (
	Value   Role = iota // the ordinary one
	Format              // one format of a sub-message
	Request             // the form of requests
	Variant             // depends on the fixed header
)

// A Set is one attribute set: encoder E, view V.
type Set[E Encoder, V any] struct {
	Set   *rtattr.Set
	Begin func(*rtattr.Encoder) E // begins a message
	Parse func(*V, []byte) error  // reads its payload
	// ParseAttrs reads attributes that stand in a nest.
	ParseAttrs func(*V, []byte) error
	Methods    []Method
	Put        func(E)  // calls every method of the encoder but End
	PutOther   func(E)  // those that depend on the header, and those of requests; or nil
	Get        func(*V) // calls every method of the view
}

// An Encoder is a generated one.
type Encoder interface{ End() }

// samples are the values that are put: zero, largest, typical.
var samples = [3]string{"zero", "largest", "typical"}

func (s Set[E, V]) attr(m Method) *rtattr.Attr { return &s.Set.Attrs[m.Type] }

// build returns the payload of a message that put fills.
func (s Set[E, V]) build(tb testing.TB, put func(E)) []byte {
	tb.Helper()
	var e rtattr.Encoder
	w := s.Begin(&e)
	put(w)
	w.End()
	b, err := e.Finish()
	if err != nil {
		tb.Fatalf("%s: %v", s.Set.Name, err)
	}
	m, rest, err := rtattr.NextMsg(b)
	if err != nil || len(rest) > 0 {
		tb.Fatalf("%s: %d bytes behind the message, %v", s.Set.Name, len(rest), err)
	}
	return m.Payload()
}

// header is how many bytes precede the attributes.
func (s Set[E, V]) header(tb testing.TB) int { return len(s.build(tb, func(E) {})) }

// payload has every attribute once, with sample i.
func (s Set[E, V]) payload(tb testing.TB, i int) []byte {
	return s.build(tb, func(w E) {
		for _, m := range s.Methods {
			if m.Role == Value {
				put(reflect.ValueOf(w), m.Name, s.attr(m), i)
			}
		}
	})
}

func (s Set[E, V]) attrs(v *V) rtattr.Attrs {
	return reflect.ValueOf(v).MethodByName("Attrs").Call(nil)[0].Interface().(rtattr.Attrs)
}

// Test runs all tests of the set but that of allocations.
func (s Set[E, V]) Test(t *testing.T) {
	for i := range samples {
		t.Run(samples[i], func(t *testing.T) {
			b := s.payload(t, i)
			var v V
			if err := s.Parse(&v, b); err != nil {
				t.Fatal(err)
			}
			s.check(t, &v, i)
			sameAgain(t, s.attrs(&v))
			s.truncate(t, b)
			s.unknown(t, b, i)
			s.dump(t, b)
			s.recode(t, b)
			s.stale(t, b)
		})
	}
	for _, m := range s.Methods {
		if m.Role == Format || m.Role == Request {
			t.Run(m.Name, func(t *testing.T) { s.alone(t, m) })
		}
	}
}

// check wants every getter to return what was put.
func (s Set[E, V]) check(t *testing.T, v *V, i int) {
	t.Helper()
	for _, m := range s.Methods {
		if m.Role == Value && !s.shared(m) {
			checkGetter(t, reflect.ValueOf(v), m.Name, s.attr(m), i)
		}
	}
}

// shared reports whether the bytes or the header may give the attribute another
// meaning than the one that the sample has.
func (s Set[E, V]) shared(m Method) bool {
	for _, o := range s.Methods {
		if o.Type == m.Type && (o.Role == Request || o.Role == Variant) {
			return true
		}
	}
	return false
}

// alone puts one attribute in a message of its own, and wants only the getters of
// the same meaning to see it.
func (s Set[E, V]) alone(t *testing.T, m Method) {
	b := s.build(t, func(w E) { put(reflect.ValueOf(w), m.Name, s.attr(m), 2) })
	var v V
	if err := s.Parse(&v, b); err != nil {
		t.Fatal(err)
	}
	if !present(reflect.ValueOf(&v), m.Name) {
		t.Errorf("%s is not read back", m.Name)
	}
	sub := s.attr(m).Sub
	for _, o := range s.Methods {
		outer := sub != nil && s.selector(sub) == nil // nothing here tells the formats apart
		if o.Type == m.Type && o.Name != m.Name && o.Role != Variant && !(m.Role == Format && o.Role == Value) && !outer && present(reflect.ValueOf(&v), o.Name) {
			t.Errorf("%s reads what %s has put", o.Name, m.Name)
		}
	}
	sameAgain(t, s.attrs(&v))
	s.dump(t, b)
}

func (s Set[E, V]) selector(sub *rtattr.SubMessage) *rtattr.Attr {
	for i := range s.Set.Attrs {
		if s.Set.Attrs[i].Name == sub.Selector {
			return &s.Set.Attrs[i]
		}
	}
	return nil
}

// truncate cuts the payload at every byte: only cuts between attributes pass.
func (s Set[E, V]) truncate(t *testing.T, b []byte) {
	t.Helper()
	header := s.header(t)
	whole := map[int]bool{header: true}
	for a, off := rtattr.Attrs(b[header:]), header; len(a) > 0; {
		_, v, rest := a.Next()
		for end := off + 4 + len(v); end <= off+len(a)-len(rest); end++ {
			whole[end] = true // a missing pad is normal
		}
		off += len(a) - len(rest)
		a = rest
	}
	if h := s.Set.Header; h != nil {
		tail := 0
		if h.TailSize > 0 {
			tail = len("tail") // which Begin puts
		}
		for n := h.Size + tail; n < header; n++ {
			whole[n] = true // so is that of the header
		}
	}
	for n := range b {
		var v V
		if err := s.Parse(&v, b[:n:n]); (err == nil) != whole[n] {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
		touch(reflect.ValueOf(&v), s.Methods, 1)
	}
}

// stale reads a view whose buffer has been overwritten: wrong values, but no
// panic and nothing outside of the buffer.
func (s Set[E, V]) stale(t *testing.T, b []byte) {
	t.Helper()
	var v V
	if err := s.Parse(&v, b); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0xff
	}
	touch(reflect.ValueOf(&v), s.Methods, 3)
}

// unknown puts an unknown attribute in front and checks that nothing changes.
func (s Set[E, V]) unknown(t *testing.T, b []byte, i int) {
	t.Helper()
	var e rtattr.Encoder
	e.Root().Bytes(rtattr.NLA_TYPE_MASK, []byte("unknown"))
	odd, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	header := s.header(t)
	var v V
	if err := s.Parse(&v, bytes.Join([][]byte{b[:header], odd, b[header:]}, nil)); err != nil {
		t.Error("unknown attribute: ", err)
	}
	s.check(t, &v, i)
	if got, ok := s.attrs(&v).Find(rtattr.NLA_TYPE_MASK); !ok || string(got) != "unknown" {
		t.Errorf("unknown attribute read as %q, %v", got, ok)
	}
}

// dump checks that Dump shows every byte, and every attribute by its name.
func (s Set[E, V]) dump(t *testing.T, b []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := s.Set.Dump(&out, b); err != nil {
		t.Fatal(err)
	}
	if got := hexBytes(t, out.Bytes()); !bytes.Equal(got, b) {
		t.Errorf("dump has %d bytes of %d:\n%s", len(got), len(b), &out)
	}
	for typ := range rtattr.Attrs(b[s.header(t):]).All() {
		a := &s.Set.Attrs[typ]
		if name := s.Set.CName(a); len(a.Variants) == 0 && !bytes.Contains(out.Bytes(), []byte(name)) {
			t.Errorf("dump lacks %s:\n%s", name, &out)
		}
	}
}

// hexBytes reads the bytes of a dump back.
func hexBytes(t *testing.T, dump []byte) []byte {
	t.Helper()
	var b []byte
	for line := range bytes.Lines(dump) {
		hex, _, _ := bytes.Cut(line, []byte("#"))
		for _, f := range bytes.Fields(hex) {
			var c byte
			if _, err := fmt.Sscanf(string(f), "%02x", &c); err != nil {
				t.Fatalf("%q in a dump: %v", f, err)
			}
			b = append(b, c)
		}
	}
	return b
}

// recode wants the message that the views read and the encoders write anew to be
// the same, byte for byte.
func (s Set[E, V]) recode(t *testing.T, b []byte) {
	t.Helper()
	got, err := s.Recode(b)
	if err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, b) {
		t.Errorf("read and written anew:\n% x\nwas\n% x", got, b)
	}
}

// sameAgain appends all attributes anew and wants them equal.
func sameAgain(tb testing.TB, a rtattr.Attrs) {
	tb.Helper()
	var e rtattr.Encoder
	for typ, v := range a.All() {
		e.Root().Bytes(typ, v)
	}
	b, err := e.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	again, err := rtattr.ParseAttrs(b)
	if err != nil {
		tb.Fatal(err)
	}
	for typ, v := range a.All() {
		typ2, v2, rest := again.Next()
		if typ != typ2 || !bytes.Equal(v, v2) {
			tb.Fatalf("attribute %d %x became %d %x", typ, v, typ2, v2)
		}
		again = rest
	}
	if len(again) > 0 {
		tb.Fatalf("%d bytes more", len(again))
	}
}

// Fuzz feeds the view anything. No getter, Dump or Path may panic, and what is
// read must be the same when it is written again.
func (s Set[E, V]) Fuzz(f *testing.F) {
	for i := range samples {
		f.Add(s.payload(f, i))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var v V
		err := s.Parse(&v, b)
		touch(reflect.ValueOf(&v), s.Methods, 3)
		if err == nil {
			sameAgain(t, s.attrs(&v))
		}
		if err := s.Set.Dump(new(bytes.Buffer), b); err != nil {
			t.Error(err)
		}
		m := make(rtattr.Msg, 16, 16+len(b))
		m = append(m, b...)
		for off := range min(len(m), 64) {
			s.Set.Path(m, off)
		}
	})
}

// Allocs wants neither encoder nor view to allocate.
func (s Set[E, V]) Allocs(t *testing.T) {
	buf := make([]byte, 0, math.MaxUint16)
	var e rtattr.Encoder
	encode := testing.AllocsPerRun(10, func() {
		e.Reset(buf)
		w := s.Begin(&e)
		s.Put(w)
		if s.PutOther != nil {
			s.PutOther(w)
		}
		w.End()
	})
	b := s.build(t, s.Put)
	var v V
	decode := testing.AllocsPerRun(10, func() {
		if err := s.Parse(&v, b); err != nil {
			t.Fatal(err)
		}
		s.Get(&v)
	})
	if encode != 0 || decode != 0 {
		t.Errorf("%s: encoder %v, view %v allocations", s.Set.Name, encode, decode)
	}
}

// Benchmark measures a message with all attributes.
func (s Set[E, V]) Benchmark(b *testing.B) {
	buf := make([]byte, 0, math.MaxUint16)
	b.Run("Encode", func(b *testing.B) {
		var e rtattr.Encoder
		b.ReportAllocs()
		for b.Loop() {
			e.Reset(buf)
			w := s.Begin(&e)
			s.Put(w)
			w.End()
		}
	})
	b.Run("Decode", func(b *testing.B) {
		p := s.build(b, s.Put)
		var v V
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Parse(&v, p); err != nil {
				b.Fatal(err)
			}
			s.Get(&v)
		}
	})
}

// Struct tests a fixed struct: what Append writes Parse reads, from a longer
// payload too, and from a cut one with zeros.
func Struct[S interface {
	comparable
	Append([]byte) []byte
}](t *testing.T, zero S, parse func(*S, []byte)) {
	size := len(zero.Append(nil))
	for i := range samples {
		s := sample(reflect.TypeFor[S](), &rtattr.Attr{Max: 8}, i).Interface().(S)
		b := s.Append([]byte("before"))
		if len(b) != 6+size || string(b[:6]) != "before" {
			t.Fatalf("%d bytes behind %q, want %d", len(b)-6, b[:6], size)
		}
		b = b[6:]
		var got, longer, cut S
		parse(&got, b)
		parse(&longer, append(b, 0xff))
		if got != s || longer != s {
			t.Errorf("read back %v, from more bytes %v, want %v", got, longer, s)
		}
		n := len(b) / 2
		parse(&cut, b[:n])
		want := append(append([]byte(nil), b[:n]...), make([]byte, size-n)...)
		if !bytes.Equal(cut.Append(nil), want) {
			t.Errorf("cut to %d bytes: % x, want % x", n, cut.Append(nil), want)
		}
	}
}
