// Package matrix holds what was proven live on one kernel or another: that it
// creates each kind of link and each encapsulation of routes, what it does with
// the recorded messages, and which attributes it took and gave back.
//
// The tests behind the build tag vm find it out in machines of internal/vm and
// compare it with testdata; without the tag, the tests only look after the page
// that is made of it, proven.txt.
//
//	go run ./internal/vm -kernel 6.1,6.12 -timeout 30m -tags vm -collect ./internal/vm/matrix -- -update
//	go test -tags vm ./internal/vm/matrix -update
//	go test ./internal/vm/matrix -update
//
// write testdata for the two kernels, for the machine's own, and the page.
package matrix

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Facts are what was found on one kernel.
type Facts struct {
	Kernel  string // "6.12"
	Release string // all of uname -r
	Kinds   map[string]string
	Encaps  map[string]string
	// Messages are the goldens, by name, and what came of sending them.
	Messages map[string]string
	// Attributes are the paths of those that were sent and not refused.
	Attributes map[string]string
}

// What became of an attribute that the kernel took, in rising order.
const (
	Accepted = "accepted"          // in a message that succeeded
	Present  = "read back changed" // the object has it, with another value
	Same     = "read back"         // the object has it as it was sent
)

func newFacts() *Facts {
	return &Facts{Kinds: map[string]string{}, Encaps: map[string]string{}, Messages: map[string]string{}, Attributes: map[string]string{}}
}

func (f *Facts) sections() []section {
	return []section{{"kind", f.Kinds}, {"encap", f.Encaps}, {"message", f.Messages}, {"attribute", f.Attributes}}
}

type section struct {
	name  string
	facts map[string]string
}

const head = "# What was proven live on one kernel; doc.go of the package says how it is written.\n"

// Format writes the facts as lines; Parse reads them.
func (f *Facts) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%srelease %s: %s\n", head, f.Kernel, f.Release)
	for _, s := range f.sections() {
		for _, name := range slices.Sorted(maps.Keys(s.facts)) {
			fmt.Fprintf(&b, "%s %s: %s\n", s.name, name, s.facts[name])
		}
	}
	return b.Bytes()
}

// Parse reads facts. Errors begin with "name:line: ".
func Parse(name string, b []byte) (*Facts, error) {
	f := newFacts()
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, fact, ok := strings.Cut(line, ": ")
		sort, name2, ok2 := strings.Cut(key, " ")
		if !ok || !ok2 {
			return nil, fmt.Errorf("%s:%d: want section name: fact, got %q", name, n, line)
		}
		if sort == "release" {
			f.Kernel, f.Release = name2, fact
			continue
		}
		i := slices.IndexFunc(f.sections(), func(s section) bool { return s.name == sort })
		if i < 0 {
			return nil, fmt.Errorf("%s:%d: unknown section %q", name, n, sort)
		}
		f.sections()[i].facts[name2] = fact
	}
	if f.Kernel == "" {
		return nil, fmt.Errorf("%s:%d: no release", name, n)
	}
	return f, nil
}

// file is where the facts of a kernel stand.
func file(kernel string) string { return filepath.Join("testdata", kernel+".txt") }

// load reads all facts, ordered by kernel.
func load() ([]*Facts, error) {
	files, err := filepath.Glob(file("*"))
	if err != nil {
		return nil, err
	}
	var all []*Facts
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := Parse(name, b)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Facts) int { return slices.Compare(version(a.Kernel), version(b.Kernel)) })
	return all, nil
}

func version(s string) []int {
	var major, minor int
	fmt.Sscanf(s, "%d.%d", &major, &minor)
	return []int{major, minor}
}
