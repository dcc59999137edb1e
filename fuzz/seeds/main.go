// Command seeds exports every recorded message, as a corpus for other fuzzers.
//
//	go run ./fuzz/seeds -o DIR         # files of Go's corpus: testdata/fuzz/FuzzX
//	go run ./fuzz/seeds -o DIR -raw    # the bytes alone: AFL, libFuzzer
//	go run ./fuzz/seeds -o DIR -payload    # without struct nlmsghdr
//
// Run it at the root of the module. The messages are little-endian. Some of them
// crash Linux 6.18 when they are sent: routes with `encap ip` and options.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

func main() {
	out := flag.String("o", "", "directory to write to")
	raw := flag.Bool("raw", false, "write the bytes alone instead of Go's corpus format")
	payload := flag.Bool("payload", false, "leave out struct nlmsghdr")
	flag.Parse()
	n, err := export(*out, "rtattr/testdata/wire", *raw, *payload)
	if err != nil {
		fmt.Fprintln(os.Stderr, "seeds:", err)
		os.Exit(1)
	}
	fmt.Printf("%d seeds in %s\n", n, *out)
}

func export(out, from string, raw, payload bool) (n int, err error) {
	if out == "" {
		return 0, errors.New("-o is missing: the directory to write to")
	}
	files, err := golden.Load(from)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return 0, err
	}
	for _, f := range files {
		b := f.Wire
		if payload {
			m, _, err := rtattr.NextMsg(b)
			if err != nil {
				return n, fmt.Errorf("%s: %w", f.Name, err)
			}
			b = m.Payload()
		}
		if !raw {
			b = fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", b)
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(f.Name)), b, 0o666); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
