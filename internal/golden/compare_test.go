package golden

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/nlwire/nlwire/rtattr"
)

// TestCompare changes one thing of a message at a time.
func TestCompare(t *testing.T) {
	message := func(put func(rtattr.LinkEncoder)) []byte {
		var e rtattr.Encoder
		w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3})
		put(w)
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	kind := func(text string) []byte {
		return message(func(w rtattr.LinkEncoder) {
			n := w.Open(rtattr.IFLA_LINKINFO)
			n.Bytes(rtattr.IFLA_INFO_KIND, []byte(text))
			n.End()
		})
	}
	both := func(first, second uint32) []byte {
		return message(func(w rtattr.LinkEncoder) {
			for _, v := range []uint32{first, second} {
				if v < 100 {
					w.Group(v)
				} else {
					w.MTU(v)
				}
			}
		})
	}
	padded := message(func(w rtattr.LinkEncoder) { w.OperState(1) })
	dirty := bytes.Clone(padded)
	dirty[len(dirty)-1] = 0xff
	plain := kind("veth")
	flagged := bytes.Clone(plain)
	binary.NativeEndian.PutUint16(flagged[34:], rtattr.IFLA_LINKINFO|rtattr.NLA_F_NESTED)
	for _, tt := range []struct {
		name      string
		got, want []byte
		diff      string
		bad       bool
	}{
		{"equal", both(1, 1400), both(1, 1400), "", false},
		{"order", both(1, 1400), both(1400, 1), "order", false},
		{"pad", padded, dirty, "pad", false},
		{"nested", flagged, plain, "nested", false},
		{"NUL", kind("veth\x00"), plain, "NUL", false},
		{"value", both(1, 1400), both(1, 1401), "", true},
		{"missing", both(1, 1400), message(func(w rtattr.LinkEncoder) { w.Group(1) }), "", true},
		{"twice", both(1, 1400), message(func(w rtattr.LinkEncoder) { w.Group(1); w.MTU(1400); w.MTU(1400) }), "", true},
	} {
		diff, err := Compare(tt.got, tt.want)
		if diff != tt.diff || (err != nil) != tt.bad {
			t.Errorf("%s: %q, %v", tt.name, diff, err)
		}
	}
}
