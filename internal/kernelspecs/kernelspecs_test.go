//go:build unix

package kernelspecs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestList(t *testing.T) {
	dir := Need(t)
	files, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 19 {
		t.Errorf("%d specs, Linux 6.12 has 19: %v", len(files), files)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var spec map[string]any
		if err := yaml.Unmarshal(b, &spec); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if spec["name"] == nil || spec["attribute-sets"] == nil {
			t.Errorf("%s is no spec", f)
		}
	}
	for _, f := range []string{"Documentation/netlink/netlink-raw.yaml", "Documentation/userspace-api/netlink/specs.rst", "include/uapi/linux/rtnetlink.h"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			t.Error(err)
		}
	}
	if _, err := List(t.TempDir()); err == nil {
		t.Error("List of an empty directory is no error")
	}
}

// deb returns a package with the given files of a source inside.
func deb(t *testing.T, files ...string) []byte {
	t.Helper()
	for _, tool := range []string{"dpkg-deb", "apt-get", "xz", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("deb/DEBIAN/control", "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m\nDescription: d\n")
	write("deb/usr/src/other", "")
	for _, f := range files {
		write("linux/"+f, f)
	}
	for _, args := range [][]string{
		{"tar", "-C", dir, "-cJf", filepath.Join(dir, "deb/usr/src", source+".tar.xz"), "linux"},
		{"dpkg-deb", "--root-owner-group", "-Znone", "-b", filepath.Join(dir, "deb"), filepath.Join(dir, "x.deb")},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "x.deb"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var sample = []string{"Documentation/netlink/specs/a.yaml", "Documentation/userspace-api/netlink/b.rst", "include/uapi/linux/c.h", "include/linux/d.h", "net/Documentation/netlink/e.yaml"}

func TestDirIn(t *testing.T) {
	pkg := deb(t, sample...)
	cache := filepath.Join(t.TempDir(), "nlwire")
	var calls atomic.Int32
	fetch := func(_ context.Context, dir string) error {
		calls.Add(1)
		return os.WriteFile(filepath.Join(dir, "x.deb"), pkg, 0o644)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			dir, err := dirIn(t.Context(), cache, fetch)
			if err != nil {
				t.Error(err)
			}
			for i, f := range sample {
				b, err := os.ReadFile(filepath.Join(dir, f))
				if i < 3 && string(b) != f {
					t.Errorf("%s: %q, %v", f, b, err)
				}
				if i >= 3 && !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is kept: %v", f, err)
				}
			}
		})
	}
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("%d downloads for four users", n)
	}
	left, err := os.ReadDir(cache)
	if err != nil || len(left) != 2 {
		t.Errorf("in the cache: %v, %v, want the tree and the lock", left, err)
	}
}

// TestDirErrors wants a failed fetch to leave nothing that the next one takes for
// the source.
func TestDirErrors(t *testing.T) {
	whole := deb(t, sample...)
	failure := errors.New("apt failed")
	for name, c := range map[string]struct {
		pkg  []byte
		err  error
		want string
	}{
		"failed":    {err: failure, want: failure.Error()},
		"no file":   {want: "0 packages"},
		"cut":       {pkg: whole[:len(whole)/2], want: "dpkg-deb"},
		"not a deb": {pkg: []byte("deb"), want: "dpkg-deb"},
		"a part":    {pkg: deb(t, sample[:2]...), want: "no include/uapi inside"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			_, err := dirIn(t.Context(), cache, func(_ context.Context, dir string) error {
				if c.pkg == nil {
					return c.err
				}
				return os.WriteFile(filepath.Join(dir, "x.deb"), c.pkg, 0o644)
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			left, _ := filepath.Glob(filepath.Join(cache, source+"*"))
			if len(left) != 1 || filepath.Ext(left[0]) != ".lock" {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestLocked wants a call to give up in time while another process is at it.
func TestLocked(t *testing.T) {
	deb(t, sample...) // for its skip
	cache := t.TempDir()
	unlock, err := lock(t.Context(), filepath.Join(cache, source+".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	_, err = dirIn(ctx, cache, func(context.Context, string) error { return errors.New("called") })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestAbsent wants a machine without apt to be told from one where apt fails.
func TestAbsent(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var absent *AbsentError
	if _, err := dirIn(t.Context(), t.TempDir(), download); !errors.As(err, &absent) {
		t.Error(err)
	}

	bin := t.TempDir()
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for _, name := range []string{"dpkg-deb", "xz"} {
		script(name, "exit 1")
	}
	script("apt-get", `echo "$*" >>`+bin+`/log; echo no network >&2; exit 100`)
	script("apt-cache", "exit 100")
	if _, err := dirIn(t.Context(), t.TempDir(), download); os.Geteuid() != 0 && !errors.As(err, &absent) {
		t.Errorf("an unknown package: %v", err)
	} else if os.Geteuid() == 0 && (errors.As(err, &absent) || !strings.Contains(err.Error(), "update")) {
		t.Errorf("a failing update: %v", err)
	}
	script("apt-get", `case "$*" in *update) ;; *) echo no network >&2; exit 100 ;; esac`)
	if _, err := dirIn(t.Context(), t.TempDir(), download); !errors.As(err, &absent) {
		t.Errorf("an unknown package: %v", err)
	}
	script("apt-cache", "exit 0")
	_, err := dirIn(t.Context(), t.TempDir(), download)
	if err == nil || errors.As(err, &absent) || !strings.Contains(err.Error(), "no network") {
		t.Errorf("a failing apt: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(bin, "log"))
	if err != nil || !bytes.HasPrefix(log, []byte("-q download "+source+"\n")) {
		t.Errorf("apt-get was called with %q, %v", log, err)
	}
}
