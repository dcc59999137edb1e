package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
)

func TestExport(t *testing.T) {
	const from = "../../rtattr/testdata/wire"
	files, err := golden.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []bool{false, true} {
		for _, payload := range []bool{false, true} {
			out := filepath.Join(t.TempDir(), "new")
			n, err := export(out, from, raw, payload)
			if err != nil || n != len(files) || n < 600 {
				t.Fatalf("%d of %d, %v", n, len(files), err)
			}
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join(out, f.Name))
				if err != nil {
					t.Fatal(err)
				}
				if !raw {
					text, ok := strings.CutPrefix(string(b), "go test fuzz v1\n[]byte(")
					text, ok2 := strings.CutSuffix(text, ")\n")
					s, err := strconv.Unquote(text)
					if !ok || !ok2 || err != nil {
						t.Fatalf("%s: %v: %s", f.Name, err, b)
					}
					b = []byte(s)
				}
				want := f.Wire
				if payload {
					want = want[16:]
				}
				if !bytes.HasPrefix(want, b) || len(want)-len(b) > 3 {
					t.Errorf("%s: %x, want %x", f.Name, b, want)
				}
			}
		}
	}
	if _, err := export("", from, false, false); err == nil {
		t.Error("without -o")
	}
	if _, err := export(t.TempDir(), t.TempDir(), false, false); err == nil {
		t.Error("no goldens are no error")
	}
}
