//go:build linux

package roundtrip

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
)

// Sent runs the commands of wire goldens, and wants Append to make of the one object
// that is listed then, and was not before, the attributes that the command has sent.
// header is the length of the fixed header. added are attributes that the kernel may
// have added, and whose values need not be those sent.
func (test Test[T]) Sent(t *testing.T, files []golden.File, header int, added ...uint16) {
	t.Helper()
	nstest.Live(t)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the goldens were recorded on a little-endian machine")
	}
	if len(files) == 0 {
		t.Fatal("no goldens")
	}
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, f.Setup)
			before := test.list(t, s)
			for _, c := range commands([]string{f.Command}) {
				s.Do(t, func() { t.Helper(); c.run(t) })
			}
			made := test.without(test.list(t, s), before)
			if len(made) != 1 {
				t.Fatalf("%s: made\n%s", f.Command, lines(made))
			}
			var e rtattr.Encoder
			test.Append(&e, made[0])
			b, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			got, want := attributes(t, b, header), attributes(t, f.Wire, header)
			for typ, v := range want {
				if x, ok := got[typ]; !slices.Contains(added, typ) && (!ok || !bytes.Equal(x, v)) {
					t.Errorf("%s: attribute %d is % x, ip has sent % x", f.Command, typ, x, v)
				}
			}
			for typ, v := range got {
				if _, ok := want[typ]; !ok && !slices.Contains(added, typ) {
					t.Errorf("%s: attribute %d is % x, ip has sent none", f.Command, typ, v)
				}
			}
		})
	}
}

// attributes returns those of a message by type.
func attributes(t *testing.T, m rtattr.Msg, header int) map[uint16][]byte {
	t.Helper()
	attrs, err := rtattr.ParseAttrs(m.Payload()[header:])
	if err != nil {
		t.Fatal(err)
	}
	byType := map[uint16][]byte{}
	for typ, v := range attrs.All() {
		byType[typ] = v
	}
	return byType
}
