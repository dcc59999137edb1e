//go:build linux

package roundtrip

import (
	"fmt"
	"path/filepath"
	"strings"
)

// A setup is one entry of a corpus.
type setup struct {
	name     string
	kinds    []string // of links, that the kernel must know
	root     string   // why root in a user namespace of its own cannot do it
	base     []string // in both namespaces
	commands []string // in the first one
}

// parse reads a corpus. Errors start with "file:line: ".
func parse(path, text string) ([]setup, error) {
	var setups []setup
	var section setup
	seen := map[string]bool{}
	open := false // reading the section's own lines
	n := 0
	for line := range strings.Lines(text) {
		n++
		fail := func(format string, args ...any) ([]setup, error) {
			return nil, fmt.Errorf("%s:%d: %s", filepath.Base(path), n, fmt.Sprintf(format, args...))
		}
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "\t")
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case line == "" || line[0] == '#':
		case indented && (open || len(setups) == 0):
			return fail("%q belongs to no entry", line)
		case indented:
			s := &setups[len(setups)-1]
			s.commands = append(s.commands, line)
		case rest == "":
			return fail("%q has no command", word)
		case strings.HasSuffix(word, ":"):
			if !open {
				section, open = setup{}, true
			}
			switch word {
			case "base:":
				section.base = append(section.base, rest)
			case "root:":
				section.root = rest
			case "kind:":
				section.kinds = append(section.kinds, rest)
			default:
				return fail("unknown key %q", word)
			}
		case seen[word]:
			return fail("a second %q", word)
		default:
			seen[word], open = true, false
			s := section
			s.name, s.commands = word, []string{rest}
			setups = append(setups, s)
		}
	}
	return setups, nil
}
