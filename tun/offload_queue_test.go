//go:build linux

package tun

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
)

// A queue that is added has the headers that the others have, and works as they do.
func TestAddQueueOffload(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{MultiQueue: true, Offload: OffloadAll})
	up(t, dev)
	q, err := dev.AddQueue()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Queues()[0].Detach(); err != nil { // all packets come out of the other one
		t.Fatal(err)
	}
	soon(t, q)
	if _, err := dial(t).Write([]byte("offload")); err != nil {
		t.Fatal(err)
	}
	bufs, sizes := [][]byte{make([]byte, 2000)}, make([]int, 1)
	if n, err := q.ReadBatch(bufs, sizes, 0); n != 1 || err != nil || string(bufs[0][28:sizes[0]]) != "offload" {
		t.Errorf("%d, %v: % x", n, err, bufs[0][:sizes[0]])
	}
	if n, err := q.WriteBatch([][]byte{reply(bufs[0][:sizes[0]])}, 0); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if _, err := q.ReadBatch(bufs, sizes, 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := dev.SetOffload(0); err != nil {
		t.Error(err)
	}
	if _, err := FromFile(mustFile(t, dev)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("FromFile: %v", err)
	}
}

// mustFile returns a copy of the device's first descriptor.
func mustFile(t *testing.T, dev *Device) *os.File {
	t.Helper()
	fd := -1
	if err := dev.ioctl("test", func(original int) (err error) {
		fd, err = unix.FcntlInt(uintptr(original), unix.F_DUPFD_CLOEXEC, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "copy")
	t.Cleanup(func() { f.Close() })
	return f
}
