// Package golden reads and writes wire goldens: one netlink message per txtar
// file, with the command that sent it and what the kernel made of it.
//
//	# ip address add 10.66.66.1 peer 10.66.66.2/32 dev v0
//	# setup: ip link add v0 type veth peer name v1
//	# readback: ip -json address show dev v0
//	# from: iproute2 6.1.0, strace 6.1, Linux 6.18.44
//	# result: ok
//	-- wire.le --
//	38 00 00 00  14 00 05 06  00 00 00 00  00 00 00 00
//	02 20 00 00  02 00 00 00
//	08 00 02 00  0a 42 42 01
//	...
//	-- ip.json --
//	...
//
// The first line is the command. The bytes are little endian and hold the whole
// message, with sequence number and port id zeroed. Text after # in wire.le is a
// note: it is written by the dumper and means nothing on compare.
//
// The files are recorded by internal/golden/record from corpus.txt.
package golden

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

// A File is one recorded message.
type File struct {
	Name    string // file name without .txtar
	Command string
	Setup   []string // shell lines that ran before Command, in a fresh network namespace

	// Readback is a shell line whose output after Command is IPJSON.
	Readback string

	// Replay tells why the bytes cannot be sent again; "" if they can.
	Replay string

	From   string // versions of the tools and of the kernel
	Result string // "ok" or the refusal as the command printed it

	Wire   []byte
	IPJSON []byte

	text []byte // wire.le as written: hex and notes
}

// Load returns the files of a folder, ordered by name.
func Load(dir string) ([]File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no .txtar files", dir)
	}
	var files []File
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f, err := Parse(path, b)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Parse reads one file. Errors start with "path:line: ".
func Parse(path string, b []byte) (File, error) {
	f := File{Name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
	a := txtar.Parse(b)
	if n, err := f.parseHeader(string(a.Comment)); err != nil {
		return File{}, fmt.Errorf("%s:%d: %w", path, n, err)
	}
	seen := make(map[string]bool)
	line := 1 + bytes.Count(a.Comment, []byte("\n")) // of the section's marker
	for _, s := range a.Files {
		if seen[s.Name] {
			return File{}, fmt.Errorf("%s:%d: second section %q", path, line, s.Name)
		}
		seen[s.Name] = true
		switch s.Name {
		case "wire.le":
			wire, n, err := parseHex(s.Data)
			if err != nil {
				return File{}, fmt.Errorf("%s:%d: %w", path, line+n, err)
			}
			f.Wire, f.text = wire, s.Data
		case "ip.json":
			f.IPJSON = s.Data
		default:
			return File{}, fmt.Errorf("%s:%d: unknown section %q", path, line, s.Name)
		}
		line += 1 + bytes.Count(s.Data, []byte("\n"))
	}
	if len(f.Wire) == 0 {
		return File{}, fmt.Errorf("%s:%d: no bytes in wire.le", path, line)
	}
	return f, nil
}

// parseHeader reads the comment and returns the line of an error.
func (f *File) parseHeader(comment string) (int, error) {
	lines := strings.Split(strings.TrimSuffix(comment, "\n"), "\n")
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, "# ")
		if !ok {
			return i + 1, fmt.Errorf("want a line with %q, got %q", "# ", line)
		}
		if i == 0 {
			f.Command = text
			continue
		}
		if err := f.set(text); err != nil {
			return i + 1, err
		}
	}
	if f.From == "" || f.Result == "" {
		return len(lines), errors.New("from: or result: is missing")
	}
	return 0, nil
}

// set takes one "key: value" line.
func (f *File) set(line string) error {
	key, value, ok := strings.Cut(line, ": ")
	if !ok || value == "" {
		return fmt.Errorf("want key: value, got %q", line)
	}
	if key == "setup" {
		f.Setup = append(f.Setup, value)
		return nil
	}
	var p *string
	switch key {
	case "readback":
		p = &f.Readback
	case "replay":
		p = &f.Replay
	case "from":
		p = &f.From
	case "result":
		p = &f.Result
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	if *p != "" {
		return fmt.Errorf("second %q", key)
	}
	*p = value
	return nil
}

// Format returns the file as text; Parse gives back f.
func (f *File) Format() []byte {
	var c bytes.Buffer
	fmt.Fprintf(&c, "# %s\n", f.Command)
	for _, s := range f.Setup {
		fmt.Fprintf(&c, "# setup: %s\n", s)
	}
	for _, kv := range [][2]string{
		{"readback", f.Readback}, {"replay", f.Replay}, {"from", f.From}, {"result", f.Result},
	} {
		if kv[1] != "" {
			fmt.Fprintf(&c, "# %s: %s\n", kv[0], kv[1])
		}
	}
	text := f.text
	if wire, _, err := parseHex(text); err != nil || !bytes.Equal(wire, f.Wire) {
		text = Hex(f.Wire)
	}
	a := txtar.Archive{Comment: c.Bytes(), Files: []txtar.File{{Name: "wire.le", Data: text}}}
	if len(f.IPJSON) > 0 {
		a.Files = append(a.Files, txtar.File{Name: "ip.json", Data: f.IPJSON})
	}
	return txtar.Format(&a)
}

// Write stores the file in dir.
func (f *File) Write(dir string) error {
	return os.WriteFile(filepath.Join(dir, f.Name+".txtar"), f.Format(), 0o644)
}

// Annotate replaces layout and notes of wire.le by text, which must hold the
// recorded bytes: they are not ours to change.
func (f *File) Annotate(text []byte) error {
	wire, n, err := parseHex(text)
	if err != nil {
		return fmt.Errorf("%s: notes, line %d: %w", f.Name, n, err)
	}
	if !bytes.Equal(wire, f.Wire) {
		return fmt.Errorf("%s: notes hold other bytes than the recording\ngot  %x\nwant %x", f.Name, wire, f.Wire)
	}
	f.text = bytes.Clone(text)
	return nil
}

// KeepNotes takes over what was written about the same bytes.
func (f *File) KeepNotes(old *File) { f.text = old.text }

// parseHex reads hex with notes and returns the line of an error.
func parseHex(text []byte) ([]byte, int, error) {
	var wire []byte
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			return nil, n, err
		}
		wire = append(wire, b...)
	}
	return wire, 0, nil
}
