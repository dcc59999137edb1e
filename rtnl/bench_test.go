package rtnl

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
)

func BenchmarkOperations(b *testing.B) {
	c, _ := dial(b, Config{})
	for name, f := range operations(b, c) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*f.messages), "ns/message")
		})
	}
}

// BenchmarkBare is the limit: prebuilt messages, bare system calls, one
// confirmation, nothing looked at.
func BenchmarkBare(b *testing.B) {
	for name, n := range map[string]int{"one": 1, "1x1000": 1000} {
		b.Run(name, func(b *testing.B) {
			nstest.New(b).Do(b, func() { bare(b, n) })
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
		})
	}
}

func bare(b *testing.B, n int) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	var e rtattr.Encoder
	for i := range n {
		appendReplace(&e, i)
	}
	out, err := e.Finish()
	if err != nil {
		b.Fatal(err)
	}
	x := exchange{call: call{s: &socket{rcvbuf: 1 << 30, sndbuf: 1 << 30, capped: true}}}
	if rest := x.take(out); len(rest) > 0 {
		b.Fatal("does not fit into one system call")
	}
	for b, last := x.b, rtattr.Msg(nil); len(b) > 0; {
		if last, b, _ = rtattr.NextMsg(b); len(b) == 0 {
			last.SetFlags(last.Flags() | rtattr.NLM_F_ACK)
		}
	}
	in := make([]byte, minBuffer)
	for b.Loop() {
		unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&out[0])), uintptr(len(out)), 0,
			uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
		if n, _, _ := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&in[0])), uintptr(len(in)), 0, 0, 0); n != 36 {
			b.Fatal(n)
		}
	}
}
