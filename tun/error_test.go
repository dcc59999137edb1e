//go:build linux

package tun

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenCause(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tun")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err  error
		is   error
		text string
	}{
		{unix.ENOENT, fs.ErrNotExist, "modprobe tun"},
		{unix.ENODEV, unix.ENODEV, "CONFIG_TUN"},
		{unix.ENXIO, unix.ENXIO, "CONFIG_TUN"},
		{unix.EACCES, fs.ErrPermission, "mode 0600, which shuts this user out; root in a user namespace counts as nobody: chmod 0666 " + file},
		{unix.EPERM, fs.ErrPermission, "device cgroup"},
		{unix.EMFILE, unix.EMFILE, "too many open files"},
	} {
		err := error(&Error{"create", "tun0", openCause(file, c.err)})
		if !errors.Is(err, c.err) || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %v", c.err, err)
		}
	}

	_, err := Config{}.open(file + "/none")
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a missing node: %v", err)
	}
}

func TestError(t *testing.T) {
	err := error(&Error{"create", "tun0", because(unix.EBUSY, "it is there")})
	if got, want := err.Error(), `tun: create "tun0": it is there (device or resource busy)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	err = &Error{"create", "", unix.EBUSY}
	if got, want := err.Error(), `tun: create: device or resource busy`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if os.IsTimeout(err) || !os.IsTimeout(&Error{"read", "", os.ErrDeadlineExceeded}) {
		t.Error("Timeout is wrong")
	}
}

// What Config can say wrong is refused before anything is opened.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		config Config
		errno  error
		text   string
	}{
		{Config{Index: -1}, unix.EINVAL, "interface index"},
		{Config{Queues: -1}, unix.EINVAL, "queues"},
		{Config{Queues: 257}, unix.EINVAL, "256 at the most"},
		{Config{NetNS: -1}, unix.EBADF, "namespace"},
		{Config{Owner: IDFrom(1<<32 - 1)}, unix.EINVAL, "unset"},
		{Config{Group: IDFrom(1<<32 - 1)}, unix.EINVAL, "unset"},
		{Config{Name: "sixteen-bytes-xy"}, unix.EINVAL, "15 bytes"},
	} {
		dev, err := Create(c.config)
		if err == nil {
			dev.Close()
		}
		if e := (*Error)(nil); !errors.As(err, &e) || e.Op != "create" || e.Name != c.config.Name ||
			!errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
	for _, c := range []struct {
		config Config
		text   string
	}{
		{Config{}, "needs a name"},
		{Config{Name: "tun%d"}, "template"},
		{Config{Name: "tun0", Index: 5}, "Config.Index"},
	} {
		if _, err := Attach(c.config); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("Attach %+v: %v", c.config, err)
		}
	}
}

// Whatever the descriptor, these calls do not reach the kernel.
func TestQueueRefuses(t *testing.T) {
	q := &Queue{name: "tun0"}
	if n, err := q.Read(nil); n != 0 || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty buffer: %d, %v", n, err)
	}
	if n, err := q.Write(make([]byte, maxPacket+1)); n != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("giant packet: %d, %v", n, err)
	}
	q.tap = true
	if n, err := q.Write(make([]byte, maxPacket+etherRoom+1)); n != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("giant frame: %d, %v", n, err)
	}
}
