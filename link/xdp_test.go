//go:build linux

package link_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// program returns the descriptor of an XDP program that lets all packets pass.
func program(t *testing.T) int {
	t.Helper()
	code := [2]uint64{0x00000002_0000_00_b7, 0x95} // r0 = XDP_PASS; exit
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		code = [2]uint64{0xb7_00_0000_00000002, 0x95 << 56}
	}
	license := []byte("MIT\x00")
	attr := struct { // the beginning of union bpf_attr
		progType, insns uint32
		code, license   uint64
		logLevel        uint32
		logSize         uint32
		logBuf          uint64
		kernVersion     uint32
		flags           uint32
	}{
		progType: 6, insns: 2, // BPF_PROG_TYPE_XDP
		code: uint64(uintptr(unsafe.Pointer(&code))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, 5, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr)) // BPF_PROG_LOAD
	runtime.KeepAlive(&code)
	runtime.KeepAlive(license)
	if errno == unix.EPERM {
		t.Skip("BPF programs are for root in the initial user namespace (CAP_BPF)")
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() { unix.Close(int(fd)) })
	return int(fd)
}

func TestXDP(t *testing.T) {
	l := newLab(t)
	a, b := program(t), program(t)
	if err := link.Add(ctx, l.conn, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: v1}); err != nil {
		t.Fatal(err)
	}
	get := func() link.XDP {
		t.Helper()
		got, err := link.Get(ctx, l.conn, 70)
		if err != nil {
			t.Fatal(err)
		}
		l.agree(t, got, l.show(t, "v0"))
		return got.XDP
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if x := get(); x != (link.XDP{}) {
		t.Errorf("%+v", x)
	}
	ok(link.SetXDP(ctx, l.conn, 70, a, rtattr.XDP_FLAGS_SKB_MODE))
	first := get()
	if first.Mode != rtattr.XDP_ATTACHED_SKB || first.SKB == 0 || first.Drv != 0 || first.HW != 0 {
		t.Errorf("%+v", first)
	}
	err := link.SetXDP(ctx, l.conn, 70, b, rtattr.XDP_FLAGS_SKB_MODE|rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST)
	if !errors.Is(err, unix.EBUSY) || !strings.HasPrefix(err.Error(), "link: set XDP dev 70: ") {
		t.Error(err)
	}
	if err := link.ReplaceXDP(ctx, l.conn, 70, a, b, rtattr.XDP_FLAGS_SKB_MODE); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	ok(link.ReplaceXDP(ctx, l.conn, 70, b, a, rtattr.XDP_FLAGS_SKB_MODE))
	if x := get(); x.SKB == 0 || x.SKB == first.SKB {
		t.Errorf("%+v", x)
	}
	ok(link.ReplaceXDP(ctx, l.conn, 70, -1, b, rtattr.XDP_FLAGS_SKB_MODE))
	ok(link.ReplaceXDP(ctx, l.conn, 70, a, -1, rtattr.XDP_FLAGS_DRV_MODE))
	if x := get(); x != (link.XDP{Mode: rtattr.XDP_ATTACHED_DRV, Drv: first.SKB}) {
		t.Errorf("%+v", x)
	}
	ok(link.SetXDP(ctx, l.conn, 70, -1, 0))
	if x := get(); x != (link.XDP{}) {
		t.Errorf("%+v", x)
	}
}
