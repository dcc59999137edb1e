package rtattr_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

var update = flag.Bool("update", false, "rewrite the notes of the goldens; the recorded bytes stay")

const wireDir = "testdata/wire"

func loadGoldens(t *testing.T) []golden.File {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the goldens were recorded on a little-endian machine")
	}
	files, err := golden.Load(wireDir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// odd is what Dump says of attributes that no table explains or that have a
// length that the tables do not allow.
var odd = regexp.MustCompile(`(?m)# +(attribute \d+, .*|.* bytes, want .*|.*stray.*|nla_len.*)$`)

// TestGoldenDump wants the notes of every golden to be what Dump writes, and
// the tables to explain every attribute of the families that they cover.
func TestGoldenDump(t *testing.T) {
	for _, f := range loadGoldens(t) {
		t.Run(f.Name, func(t *testing.T) {
			before := f.Format()
			var notes bytes.Buffer
			if err := rtattr.Dump(&notes, f.Wire); err != nil {
				t.Fatal(err)
			}
			if err := f.Annotate(notes.Bytes()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.Format(), before) {
				if *update {
					if err := os.WriteFile(filepath.Join(wireDir, f.Name+".txtar"), f.Format(), 0o644); err != nil {
						t.Fatal(err)
					}
				} else {
					t.Errorf("the notes are stale: go test ./rtattr -run GoldenDump -update\n%s", &notes)
				}
			}
			m, _, err := rtattr.NextMsg(f.Wire)
			if err != nil {
				t.Fatal(err)
			}
			if rtattr.MsgSet(m.Type()) == nil {
				return // a family without a table
			}
			if line := odd.FindString(notes.String()); line != "" {
				t.Errorf("%s in\n%s", line, &notes)
			}
		})
	}
}

// TestGoldenAgain appends every attribute of every golden anew: same bytes.
func TestGoldenAgain(t *testing.T) {
	for _, f := range loadGoldens(t) {
		m, _, err := rtattr.NextMsg(f.Wire)
		if err != nil {
			t.Fatal(err)
		}
		set := rtattr.MsgSet(m.Type())
		if set == nil {
			continue
		}
		var e rtattr.Encoder
		n := e.Begin(set, m.Type(), m.Flags())
		header := min(len(m.Payload()), (set.Header.Size+3)&^3)
		n.Raw(m.Payload()[:header])
		attrs, err := rtattr.ParseAttrs(m.Payload()[header:])
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		off := header + 16
		for b := attrs; len(b) > 0; {
			_, v, rest := b.Next()
			n.Bytes(binary.NativeEndian.Uint16(m[off+2:]), v) // the flags are not in Next's type
			off += len(b) - len(rest)
			b = rest
		}
		n.End()
		want := bytes.Clone(f.Wire)
		clearPads(want[header+16:])
		if b, err := e.Finish(); err != nil || !bytes.Equal(b, want) {
			t.Errorf("%s: %v\ngot  % x\nwant % x", f.Name, err, b, want)
		}
	}
}

// clearPads zeroes the bytes between attributes: iproute2 leaves what was in
// its buffer there (route-add-encap-mpls).
func clearPads(b []byte) {
	for a := rtattr.Attrs(b); len(a) > 0; {
		_, v, rest := a.Next()
		clear(a[4+len(v) : len(a)-len(rest)])
		a = rest
	}
}
