package rtattr

import (
	"bytes"
	"math"
	"net/netip"
	"testing"
)

// samples are the values that generated tests put: zero, largest, typical.
var samples = [3]string{"zero", "largest", "typical"}

var sampleAddr = [3]netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("ffff::ffff"), netip.MustParseAddr("10.66.66.1")}

func pick[T any](i int, v ...T) T { return v[i] }

func equal[T comparable](t *testing.T, name string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func equalArray[T comparable](t *testing.T, name string, n int, at func(int) T, want []T) {
	t.Helper()
	equal(t, name, n, len(want))
	for i := range want {
		equal(t, name, at(i), want[i])
	}
}

func testStruct(t *testing.T, st *Struct, b []byte, same bool) {
	t.Helper()
	equal(t, st.Name+": bytes", len(b), st.Size)
	equal(t, st.Name+": read back", same, true)
	end := 0
	for _, m := range st.Members {
		if m.Off < end || m.Off+m.Len > st.Size {
			t.Errorf("%s.%s: [%d:%d] after %d in %d", st.Name, m.Name, m.Off, m.Off+m.Len, end, st.Size)
		}
		end = m.Off + m.Len
	}
}

// A setTest is what the generated tests know of one attribute set.
type setTest[V any] struct {
	name   string
	set    *Set
	header int // bytes before the attributes
	build  func(e *Encoder, i int)
	parse  func(*V, []byte) error
	attrs  func(*V) Attrs
	check  func(*testing.T, *V, int)
	get    func(*V)
	touch  func(*V, int)
}

func (s setTest[V]) payload(tb testing.TB, i int) []byte {
	tb.Helper()
	var e Encoder
	s.build(&e, i)
	b, err := e.Finish()
	if err != nil {
		tb.Fatalf("%s: %v", samples[i], err)
	}
	m, rest, err := NextMsg(b)
	if err != nil || len(rest) > 0 {
		tb.Fatalf("%d bytes behind the message, %v", len(rest), err)
	}
	return m.Payload()
}

func (s setTest[V]) run(t *testing.T) {
	for i := range samples {
		t.Run(samples[i], func(t *testing.T) {
			b := s.payload(t, i)
			var v V
			if err := s.parse(&v, b); err != nil {
				t.Fatal(err)
			}
			s.check(t, &v, i)
			sameAgain(t, s.attrs(&v))
			s.truncate(t, b)
			s.unknown(t, b, i)
			s.dump(t, i)
		})
	}
}

// truncate cuts the payload at every byte: only cuts between attributes pass.
func (s setTest[V]) truncate(t *testing.T, b []byte) {
	t.Helper()
	whole := map[int]bool{s.header: true}
	for a, off := Attrs(b[s.header:]), s.header; len(a) > 0; {
		_, v, rest := a.Next()
		for end := off + attrHeaderLen + len(v); end <= off+len(a)-len(rest); end++ {
			whole[end] = true // a missing pad is normal
		}
		off += len(a) - len(rest)
		a = rest
	}
	for n := range b {
		var v V
		if err := s.parse(&v, b[:n:n]); (err == nil) != whole[n] {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
		s.touch(&v, 3)
	}
}

// unknown puts an unknown attribute in front and checks that nothing changes.
func (s setTest[V]) unknown(t *testing.T, b []byte, i int) {
	t.Helper()
	var e Encoder
	e.Root().Bytes(NLA_TYPE_MASK, []byte("unknown"))
	odd, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v V
	if err := s.parse(&v, bytes.Join([][]byte{b[:s.header], odd, b[s.header:]}, nil)); err != nil {
		t.Error("unknown attribute: ", err)
	}
	s.check(t, &v, i)
	if got, ok := s.attrs(&v).Find(NLA_TYPE_MASK); !ok || string(got) != "unknown" {
		t.Errorf("unknown attribute read as %q, %v", got, ok)
	}
}

// dump checks that Dump shows every attribute and every byte.
func (s setTest[V]) dump(t *testing.T, i int) {
	t.Helper()
	var e Encoder
	s.build(&e, i)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d := dumper{}
	d.attrs(newScope(s.set, Msg(b).Payload()))
	if got := hexBytes(d.out.String()); !bytes.Equal(got, b[msgHeaderLen+s.header:]) {
		t.Errorf("dump has %d bytes of %d:\n%s", len(got), len(b)-msgHeaderLen-s.header, &d.out)
	}
	for typ := range Attrs(b[msgHeaderLen+s.header:]).All() {
		if name := s.set.CName(&s.set.Attrs[typ]); len(s.set.Attrs[typ].Variants) == 0 && !bytes.Contains(d.out.Bytes(), []byte(name)) {
			t.Errorf("dump lacks %s:\n%s", name, &d.out)
		}
	}
}

// hexBytes reads the bytes of a dump back.
func hexBytes(dump string) []byte {
	var b []byte
	for line := range bytes.Lines([]byte(dump)) {
		hex, _, _ := bytes.Cut(line, []byte("#"))
		for _, f := range bytes.Fields(hex) {
			var c byte
			for _, d := range f {
				c = c<<4 | byte(bytes.IndexByte([]byte("0123456789abcdef"), d))
			}
			b = append(b, c)
		}
	}
	return b
}

func (s setTest[V]) fuzz(f *testing.F) {
	for i := range samples {
		f.Add(s.payload(f, i))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var v V
		err := s.parse(&v, b)
		s.touch(&v, 3)
		if err == nil {
			sameAgain(t, s.attrs(&v))
		}
		d := dumper{}
		d.attrs(newScope(s.set, b))
		for off := range len(b) + msgHeaderLen {
			s.set.Path(append(make(Msg, msgHeaderLen), b...), off)
			if off > 64 {
				break
			}
		}
	})
}

// sameAgain appends all attributes anew and wants them equal.
func sameAgain(t *testing.T, a Attrs) {
	t.Helper()
	var e Encoder
	for typ, v := range a.All() {
		e.Root().Bytes(typ, v)
	}
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseAttrs(b)
	if err != nil {
		t.Fatal(err)
	}
	for typ, v := range a.All() {
		typ2, v2, rest := again.Next()
		if typ != typ2 || !bytes.Equal(v, v2) {
			t.Fatalf("attribute %d %x became %d %x", typ, v, typ2, v2)
		}
		again = rest
	}
	if len(again) > 0 {
		t.Fatalf("%d bytes more", len(again))
	}
}

// allocRows are filled by the generated tests, one for each set.
var allocRows []func(*testing.T)

func TestAllocs(t *testing.T) {
	if len(allocRows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range allocRows {
		row(t)
	}
}

func (s setTest[V]) allocs(t *testing.T) {
	buf := make([]byte, 0, math.MaxUint16)
	var e Encoder
	encode := testing.AllocsPerRun(10, func() {
		e.Reset(buf)
		s.build(&e, 2)
	})
	b := s.payload(t, 2)
	var v V
	decode := testing.AllocsPerRun(10, func() {
		if err := s.parse(&v, b); err != nil {
			t.Fatal(err)
		}
		s.get(&v)
	})
	if encode != 0 || decode != 0 {
		t.Errorf("%s: encoder %v, view %v allocations", s.name, encode, decode)
	}
}

func (s setTest[V]) bench(b *testing.B) {
	buf := make([]byte, 0, math.MaxUint16)
	b.Run("Encode", func(b *testing.B) {
		var e Encoder
		b.ReportAllocs()
		for b.Loop() {
			e.Reset(buf)
			s.build(&e, 2)
		}
	})
	b.Run("Decode", func(b *testing.B) {
		p := s.payload(b, 2)
		var v V
		b.ReportAllocs()
		for b.Loop() {
			if err := s.parse(&v, p); err != nil {
				b.Fatal(err)
			}
			s.get(&v)
		}
	})
}
