package rtattr_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtattr/rtattrtest"
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

// TestGoldenAgain reads every golden with the views and writes what they return
// with the encoders: the same bytes, but for what ip leaves between attributes and
// behind the text of a string.
func TestGoldenAgain(t *testing.T) {
	n := 0
	for _, f := range loadGoldens(t) {
		m, _, err := rtattr.NextMsg(f.Wire)
		if err != nil {
			t.Fatal(err)
		}
		set := rtattr.RequestSet(m.Type())
		if set == nil {
			continue
		}
		n++
		payload, err := rtattrtest.Recode(set, m.Payload())
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		var e rtattr.Encoder
		w := e.Begin(set, m.Type(), m.Flags())
		w.Raw(payload)
		w.End()
		got, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		diff, err := golden.Compare(got, f.Wire)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if strings.Contains(diff, "order") || strings.Contains(diff, "nested") {
			t.Errorf("%s: %s differs", f.Name, diff)
		}
	}
	if n < 400 {
		t.Errorf("only %d goldens", n)
	}
}
