package rtattr

import (
	"bytes"
	"testing"
)

// What other libraries of this kind have been found to do wrong about bytes, and is
// right here; fuzz/defects.md has the list.

// Defect B-V7: a string without a NUL panics, and so does an empty one.
func TestStringsWithoutNUL(t *testing.T) {
	for payload, want := range map[string]string{"": "", "v0": "v0", "v0\x00": "v0", "\x00": "", "v0\x00v1\x00": "v0", "v0\x00\x00": "v0"} {
		var e Encoder
		w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{Index: 3})
		w.Bytes(IFLA_IFALIAS, []byte("other"))
		w.Bytes(IFLA_IFNAME, []byte(payload))
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		// Not even the pad is behind it.
		m := Msg(bytes.Clone(b[:len(b)-(4-len(payload)%4)%4]))
		var v LinkView
		v.Parse(m.Payload())
		name, ok := v.IfName()
		alias, _ := v.IfAlias()
		if string(name) != want || !ok || string(alias) != "other" {
			t.Errorf("%q: %q, %v, %q", payload, name, ok, alias)
		}
	}
}

// Issues M#279, M#280, M#283: the last message need not be padded; nor is it refused.
func TestLastMessageWithoutPadding(t *testing.T) {
	for n := range 4 {
		first := NlMsghdr{Len: uint32(16 + 1 + n), Type: RTM_NEWLINK}.Append(nil)
		first = append(first, make([]byte, 4)...)
		first = first[:16+(1+n+3)&^3]
		last := append(NlMsghdr{Len: uint32(16 + 1 + n), Type: RTM_DELLINK}.Append(nil), make([]byte, 1+n)...)
		b := append(bytes.Clone(first), last...)
		m, rest, err := NextMsg(b[:len(b):len(b)])
		if err != nil || m.Type() != RTM_NEWLINK || len(m.Payload()) != 1+n || len(rest) != len(last) {
			t.Errorf("first of %d: %v, %v", n, m, err)
		}
		m, rest, err = NextMsg(rest)
		if err != nil || m.Type() != RTM_DELLINK || len(m.Payload()) != 1+n || len(rest) != 0 {
			t.Errorf("last of %d: %v, %v, %d bytes are left", n, m, err, len(rest))
		}
	}
}
