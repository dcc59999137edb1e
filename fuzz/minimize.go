package fuzz

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
)

// Minimize returns the smallest message it finds for which keep still holds: it
// leaves out attributes, shortens payloads and sets bytes to zero, with the lengths
// around put right; of a message whose framing is broken it leaves out words. The
// keep must hold for m.
func Minimize(m rtattr.Msg, keep func(rtattr.Msg) bool) rtattr.Msg {
	m = bytes.Clone(m)
	for again := true; again; {
		again = false
		if t, err := Parse(m); err == nil && bytes.Equal(t.Bytes(), m) {
			if small := minimizeTree(t, keep); len(small) < len(m) || zeros(small) > zeros(m) {
				m, again = small, true
			}
		}
		if small := minimizeBytes(m, keep); len(small) < len(m) {
			m, again = small, true
		}
	}
	return m
}

func zeros(b []byte) int { return bytes.Count(b, []byte{0}) }

func minimizeTree(t *Tree, keep func(rtattr.Msg) bool) rtattr.Msg {
	try := func(change, undo func()) bool {
		change()
		if keep(t.Bytes()) {
			return true
		}
		undo()
		return false
	}
	var lists func(in *[]*Attr)
	lists = func(in *[]*Attr) {
		for i := len(*in) - 1; i >= 0; i-- {
			was := slices.Clone(*in)
			if try(func() { *in = slices.Delete(slices.Clone(*in), i, i+1) }, func() { *in = was }) {
				continue
			}
			a := (*in)[i]
			lists(&a.Attrs)
			for shorter := true; shorter && len(a.Payload) > 0; {
				was := a.Payload
				shorter = slices.ContainsFunc([]int{0, len(was) / 2, len(was) - 1}, func(n int) bool {
					return try(func() { a.Payload = was[:n] }, func() { a.Payload = was })
				})
			}
			for _, b := range []*[]byte{&a.Payload, &a.Head} {
				zero(b, try)
			}
		}
	}
	lists(&t.Attrs)
	zero(&t.Header, try)
	return t.Bytes()
}

// zero sets bytes to zero, one by one.
func zero(b *[]byte, try func(change, undo func()) bool) {
	for i := range *b {
		if (*b)[i] != 0 {
			was := *b
			try(func() { *b = bytes.Clone(was); (*b)[i] = 0 }, func() { *b = was })
		}
	}
}

// minimizeBytes leaves out words, many at first, and says so in nlmsg_len.
func minimizeBytes(m rtattr.Msg, keep func(rtattr.Msg) bool) rtattr.Msg {
	for n := (len(m) - 16) / 8 * 4; n >= 4; n = n / 8 * 4 {
		for at := len(m) - n; at >= 16; at -= n {
			small := slices.Delete(bytes.Clone(m), at, at+n)
			binary.NativeEndian.PutUint32(small, uint32(len(small)))
			if keep(small) {
				m = small
			}
		}
	}
	return m
}
