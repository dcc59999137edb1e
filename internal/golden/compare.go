package golden

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// Compare reports how our bytes differ from recorded ones: "" if they are equal,
// and otherwise the differences that mean nothing to the kernel, "order" (of
// attributes), "nested" (NLA_F_NESTED), "NUL" (behind strings) and "pad" (what ip
// leaves between attributes), as far as they occur. What else differs is an error.
func Compare(got, want []byte) (string, error) {
	if bytes.Equal(got, want) {
		return "", nil
	}
	a, err := blocks(got)
	if err != nil {
		return "", err
	}
	b, err := blocks(want)
	if err != nil {
		return "", err
	}
	var diff []string
	if x, y := a.text(false), b.text(false); x != y {
		if a.text(true) != b.text(true) {
			return "", fmt.Errorf("got\n%swant\n%s", x, y)
		}
		diff = append(diff, "order")
	}
	a.sort()
	b.sort()
	found := map[string]bool{}
	if err := compareHex(a, b, found); err != nil {
		return "", err
	}
	for _, name := range []string{"nested", "NUL", "pad"} {
		if found[name] {
			diff = append(diff, name)
		}
	}
	return strings.Join(diff, ", "), nil
}

// A block is a line of a dump, with those below it.
type block struct {
	hex, note string
	in        tree
}

type tree []*block

// blocks reads a dump as a tree.
func blocks(wire []byte) (tree, error) {
	var dump bytes.Buffer
	if err := rtattr.Dump(&dump, wire); err != nil {
		return nil, err
	}
	root := &block{}
	path := []*block{root}
	for line := range strings.Lines(dump.String()) {
		hex, note, ok := strings.Cut(strings.TrimRight(line, "\n"), "# ")
		if !ok { // more of the last line's payload
			last := path[len(path)-1]
			last.hex += " " + hex
			continue
		}
		text := strings.TrimLeft(note, " ")
		depth := (len(note)-len(text))/2 + 1
		b := &block{hex: hex, note: text}
		path = path[:min(depth, len(path))]
		up := path[len(path)-1]
		up.in = append(up.in, b)
		path = append(path, b)
	}
	return root.in, nil
}

// sort orders attributes; the message and its fixed header stay first, and so do
// the elements of an array.
func (t tree) sort() {
	for _, b := range t {
		b.in.sort()
	}
	first := 0
	for first < len(t) && !attribute(t[first].note) {
		first++
	}
	slices.SortStableFunc(t[first:], func(a, b *block) int { return strings.Compare(a.note, b.note) })
}

func attribute(note string) bool {
	name, _, _ := strings.Cut(note, " ")
	return name == "attribute" || strings.ToUpper(name) == name && !strings.HasPrefix(name, "RTM_") && !strings.HasPrefix(name, "[")
}

func (t tree) text(sorted bool) string {
	if sorted {
		t.sort()
	}
	var b strings.Builder
	t.write(&b, 0)
	return b.String()
}

func (t tree) write(b *strings.Builder, depth int) {
	for _, x := range t {
		note, _, _ := strings.Cut(x.note, " len=") // lengths follow from the rest
		if rest := strings.SplitN(x.note, " flags=", 2); note != x.note && len(rest) == 2 {
			note += " flags=" + rest[1]
		}
		fmt.Fprintf(b, "%*s%s\n", 2*depth, "", note)
		x.in.write(b, depth+1)
	}
}

// compareHex walks two trees of the same text.
func compareHex(a, b tree, found map[string]bool) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d lines, want %d", len(a), len(b))
	}
	for i := range a {
		if attribute(a[i].note) {
			diff, err := compareAttr(a[i], b[i])
			if err != nil {
				return err
			}
			found[diff] = true
		}
		if err := compareHex(a[i].in, b[i].in, found); err != nil {
			return err
		}
	}
	return nil
}

// compareAttr compares the lines of one attribute: all of it, or of a nest the
// header and perhaps a fixed struct.
func compareAttr(a, b *block) (string, error) {
	x, err := hex.DecodeString(strings.ReplaceAll(a.hex, " ", ""))
	if err != nil {
		return "", err
	}
	y, err := hex.DecodeString(strings.ReplaceAll(b.hex, " ", ""))
	if err != nil {
		return "", err
	}
	const flags = 3 // offset of the byte with NLA_F_NESTED, in little endian
	switch {
	case bytes.Equal(x, y):
		return "", nil
	case x[flags]^y[flags] == 0x80 && bytes.Equal(x[:flags], y[:flags]) && bytes.Equal(x[flags+1:], y[flags+1:]):
		return "nested", nil // and no table to look into the nest
	case len(a.in) > 0 || len(x) == 4 && len(y) == 4:
		// The length of a nest follows from what is in it.
		switch {
		case x[2] != y[2] || !bytes.Equal(x[4:], y[4:]):
		case x[flags] == y[flags]:
			return "", nil
		case x[flags]^y[flags] == 0x80:
			return "nested", nil
		}
	case strings.HasSuffix(a.note, `"`) && x[2] == y[2] && x[3] == y[3]:
		return "NUL", nil
	case x[0] == y[0] && x[1] == y[1]:
		if n := int(x[0]) + int(x[1])<<8; n <= len(x) && n <= len(y) && bytes.Equal(x[:n], y[:n]) {
			return "pad", nil
		}
	}
	return "", fmt.Errorf("%s: % x, want % x", a.note, x, y)
}
