//go:build linux

// Package demotest runs the programs in examples as a user does.
package demotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Build builds the program in a folder and returns what runs it, outside of the
// namespace of the test. Both outputs are returned as one.
func Build(t testing.TB, dir string) (run func(args ...string) (string, error)) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", bin, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(args ...string) (string, error) {
		cmd := exec.Command(bin, args...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "NLWIRE_") })
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}
