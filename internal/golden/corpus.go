package golden

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ReadCorpus reads the list of messages to record. The files it returns have a
// name and commands, and nothing recorded yet.
func ReadCorpus(path string) ([]File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseCorpus(filepath.Base(path), string(b))
}

// parseCorpus reads sections: "key: value" lines that hold for all entries of
// the section, then entries "name command". An indented "key: value" line belongs
// to the entry above: its setup is added to the section's, everything else
// replaces the section's.
func parseCorpus(path, text string) ([]File, error) {
	var files []File
	var section, own File // own: what the last entry itself has said
	lines := make(map[string]int)
	open := false // reading the section's own lines
	n := 0
	for line := range strings.Lines(text) {
		n++
		fail := func(err error) ([]File, error) { return nil, fmt.Errorf("%s:%d: %w", path, n, err) }
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "\t")
		line = strings.TrimSpace(line)
		name, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case indented:
			if open || len(files) == 0 {
				return fail(fmt.Errorf("%q belongs to no entry", line))
			}
			if err := own.setCommand(line); err != nil {
				return fail(err)
			}
			files[len(files)-1].join(&section, &own)
		case strings.HasSuffix(name, ":"):
			if !open {
				section, open = File{}, true
			}
			if err := section.setCommand(line); err != nil {
				return fail(err)
			}
		default:
			rest = strings.TrimSpace(rest)
			if rest == "" {
				return fail(fmt.Errorf("%q has no command", name))
			}
			if first, ok := lines[name]; ok {
				return fail(fmt.Errorf("%q is already in line %d", name, first))
			}
			lines[name] = n
			open, own = false, File{}
			f := File{Name: name, Command: rest}
			f.join(&section, &own)
			files = append(files, f)
		}
	}
	return files, nil
}

func (f *File) setCommand(line string) error {
	if err := f.set(line); err != nil {
		return err
	}
	if f.From != "" || f.Result != "" {
		return fmt.Errorf("%q is for the recorder to say", line)
	}
	return nil
}

func (f *File) join(section, own *File) {
	f.Setup = append(append([]string(nil), section.Setup...), own.Setup...)
	f.Readback = cmp.Or(own.Readback, section.Readback)
	f.Replay = cmp.Or(own.Replay, section.Replay)
}
