//go:build unix

// Package kernelspecs fetches the netlink specs of Linux 6.12 for tests, from
// Debian's package linux-source-6.12, which apt downloads and verifies. Nothing is
// installed: what tests read is kept in the user's cache directory.
package kernelspecs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const source = "linux-source-6.12"

// kept are the directories of the source that are kept.
var kept = []string{"Documentation/netlink", "Documentation/userspace-api/netlink", "include/uapi"}

// An AbsentError says why the source cannot be had on this machine at all.
type AbsentError struct{ why string }

func (e *AbsentError) Error() string { return source + ": " + e.why }

// Need returns Dir for a test. It skips the test where there is no such package, and,
// unless NLWIRE_LIVE=1 is in the environment, where it would have to be downloaded.
func Need(t testing.TB) string {
	t.Helper()
	if cache, err := os.UserCacheDir(); os.Getenv("NLWIRE_LIVE") != "1" && (err != nil || !exists(filepath.Join(cache, "nlwire", source))) {
		t.Skip(source + " is not at hand; NLWIRE_LIVE=1 downloads it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir, err := Dir(ctx)
	var absent *AbsentError
	if errors.As(err, &absent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// List returns the spec files in a directory that Dir returned, sorted.
func List(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "Documentation/netlink/specs/*.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no specs", dir)
	}
	return files, err
}

// Dir returns a directory with Documentation/netlink, Documentation/userspace-api/netlink
// and include/uapi of Linux 6.12. The first call downloads 150 MB. Where apt, or the
// package, is not to be had, the error is an AbsentError.
func Dir(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", &AbsentError{err.Error()}
	}
	return dirIn(ctx, filepath.Join(cache, "nlwire"), download)
}

// dirIn is Dir in a cache directory, with the means to put a .deb into a directory.
func dirIn(ctx context.Context, cache string, download func(ctx context.Context, dir string) error) (string, error) {
	dir := filepath.Join(cache, source)
	if exists(dir) {
		return dir, nil
	}
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb", "xz"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", &AbsentError{"no " + tool + " on this machine"}
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) { // another process was at it
		return dir, nil
	}
	tmp, err := os.MkdirTemp(cache, source+".tmp")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := download(ctx, tmp); err != nil {
		return "", err
	}
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if len(debs) != 1 {
		return "", fmt.Errorf("%s: apt-get download left %d packages", source, len(debs))
	}
	tree := filepath.Join(tmp, "tree")
	if err := extract(ctx, debs[0], tree); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(debs[0]), err)
	}
	return dir, os.Rename(tree, dir)
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// lock waits for the exclusive use of a file.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("%s: another process holds it: %w", file, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// download has apt put the package into dir. Package lists that lack it, or are
// too old, are updated if this is root, who alone may.
func download(ctx context.Context, dir string) error {
	err := apt(ctx, dir, "apt-get", "-q", "download", source)
	root := os.Geteuid() == 0
	if err != nil && root && ctx.Err() == nil {
		// By default, an update that misses an index is no error.
		if err := apt(ctx, dir, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"); err != nil {
			return err
		}
		err = apt(ctx, dir, "apt-get", "-q", "download", source)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if unknown := apt(ctx, dir, "apt-cache", "-q", "show", source); unknown != nil {
		if root {
			return &AbsentError{"this release of the system has no such package"}
		}
		return &AbsentError{"apt does not know the package; root could run apt-get update"}
	}
	return err
}

func apt(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), errors.Join(err, ctx.Err()), bytes.TrimSpace(out))
	}
	return nil
}

// extract writes the kept directories of the source in a .deb to dir. The source is
// a compressed archive in the package's own.
func extract(ctx context.Context, deb, dir string) error {
	return pipe(ctx, nil, []string{"dpkg-deb", "--fsys-tarfile", deb}, func(r io.Reader) error {
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if err == io.EOF {
				return errors.New("no source inside")
			}
			if err != nil {
				return err
			}
			if path.Base(h.Name) != source+".tar.xz" {
				continue
			}
			if err := pipe(ctx, tr, []string{"xz", "-dc"}, func(r io.Reader) error { return keep(r, dir) }); err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, r)
			return err
		}
	})
}

// pipe runs a command and has its output read to the end.
func pipe(ctx context.Context, in io.Reader, args []string, read func(io.Reader) error) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(out)
	out.Close()
	// A command whose output is not read to the end dies of that, without a word.
	if err := cmd.Wait(); err != nil && (readErr == nil || stderr.Len() > 0) {
		readErr = errors.Join(fmt.Errorf("%s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes())), readErr)
	}
	return errors.Join(ctx.Err(), readErr)
}

// keep writes the kept directories of a source archive to dir.
func keep(r io.Reader, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	found := map[string]bool{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		for _, d := range kept {
			if h.Typeflag != tar.TypeReg || !strings.HasPrefix(name, d+"/") {
				continue
			}
			found[d] = true
			if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
				return err
			}
			f, err := root.Create(name)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, tr)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
	}
	for _, d := range kept {
		if !found[d] {
			return fmt.Errorf("no %s inside", d)
		}
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
