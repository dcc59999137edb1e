//go:build linux

package tun

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
)

// inherited returns a file of a new descriptor, attached with the flags.
func inherited(t *testing.T, name string, flags uint16) *os.File {
	t.Helper()
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "inherited")
	t.Cleanup(func() { f.Close() })
	if flags != 0 {
		if _, err := setIFF(fd, name, flags); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestFromFile(t *testing.T) {
	nstest.TUN(t)
	f := inherited(t, "ff0", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_MULTI_QUEUE)
	before := descriptors(t)
	dev, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if dev.Name() != "ff0" || dev.Index() != show(t, "ff0").IfIndex {
		t.Errorf("%s, index %d", dev.Name(), dev.Index())
	}
	if after := descriptors(t); after != before+1 {
		t.Errorf("%d descriptors became %d", before, after)
	}
	up(t, dev)
	soon(t, dev.Queues()[0])
	got := make(chan error)
	b := make([]byte, 100)
	go func() { // waits in the poller
		n, err := dev.Read(b)
		b = b[:n]
		got <- err
	}()
	conn := dial(t)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("file")); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Write(reply(b)); err != nil {
		t.Error(err)
	}
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "file" {
		t.Errorf("the socket has got %q, %v", b[:n], err)
	}
	if _, err := dev.AddQueue(); err != nil {
		t.Error(err)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	if !exists(t, "ff0") {
		t.Error("Close has closed the caller's descriptor too")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if exists(t, "ff0") {
		t.Error("a copy of the descriptor is left")
	}
}

// The process has no rights where the device is.
func TestFromFileElsewhere(t *testing.T) {
	nstest.TUN(t)
	f := inherited(t, "ff1", unix.IFF_TAP|unix.IFF_NO_PI)
	drop(t, unix.CAP_SYS_ADMIN) // joining a namespace is not needed here
	dev, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	if index := show(t, "ff1").IfIndex; dev.Index() != index {
		t.Errorf("index %d, the kernel's is %d", dev.Index(), index)
	}
	dev.Close()
	drop(t, unix.CAP_NET_ADMIN)
	dev, err = FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if dev.Name() != "ff1" || dev.Index() != 0 {
		t.Errorf("%s, index %d", dev.Name(), dev.Index())
	}
	if _, err := dev.Write(make([]byte, 13)); err == nil || !strings.Contains(err.Error(), "no frame") {
		t.Errorf("TAP: %v", err)
	}
}

func TestFromFileErrors(t *testing.T) {
	nstest.TUN(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed := inherited(t, "", 0)
	closed.Close()
	for text, c := range map[string]struct {
		f  *os.File
		is error
	}{
		`tun: from file "inherited": the descriptor is not attached`: {inherited(t, "", 0), unix.EBADFD},
		`tun: from file "/dev/null": this is no descriptor of`:       {null, unix.ENOTTY},
		"IFF_VNET_HDR":        {inherited(t, "ff2", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR), unix.EINVAL},
		"file already closed": {closed, os.ErrClosed},
	} {
		before := descriptors(t)
		dev, err := FromFile(c.f)
		if err == nil {
			dev.Close()
		}
		if err == nil || !strings.Contains(err.Error(), text) || !errors.Is(err, c.is) {
			t.Errorf("%v, want %q, %v", err, text, c.is)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%q: %d descriptors became %d", text, before, after)
		}
	}
}
