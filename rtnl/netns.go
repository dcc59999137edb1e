package rtnl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// threadNS is the network namespace of the calling thread.
const threadNS = "/proc/thread-self/ns/net"

// A namespace keeps a network namespace in reach of later sockets.
type namespace struct {
	fd       int // -1 in a kernel without network namespaces
	dev, ino uint64
}

// openNamespace duplicates fd, or opens the calling thread's namespace if fd is 0.
func openNamespace(fd int) (ns namespace, err error) {
	if fd != 0 {
		return dupNamespace(fd)
	}
	n, err := unix.Open(threadNS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT && exists("/proc/thread-self") {
		return namespace{fd: -1}, nil // CONFIG_NET_NS=n
	}
	if err != nil {
		return ns, &os.PathError{Op: "open", Path: threadNS, Err: err}
	}
	return statNamespace(n)
}

func dupNamespace(fd int) (namespace, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return namespace{}, fmt.Errorf("network namespace %d: %w", fd, os.NewSyscallError("fcntl", err))
	}
	return statNamespace(n)
}

func statNamespace(fd int) (namespace, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return namespace{}, os.NewSyscallError("fstat", err)
	}
	return namespace{fd, uint64(st.Dev), st.Ino}, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// hold returns a namespace of its own descriptor.
func (ns namespace) hold() (namespace, error) {
	if ns.fd < 0 {
		return ns, nil
	}
	return dupNamespace(ns.fd)
}

func (ns namespace) close() error {
	if ns.fd < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(ns.fd))
}

// here reports whether the calling thread is in ns.
func (ns namespace) here() bool {
	var st unix.Stat_t
	return unix.Stat(threadNS, &st) == nil && uint64(st.Dev) == ns.dev && st.Ino == ns.ino
}

// dial opens a socket in ns. Entering a namespace needs CAP_SYS_ADMIN, even the
// one where the thread is already: so it is entered from another one only.
func (ns namespace) dial() (*netlink.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var cfg netlink.Config
	if ns.fd >= 0 && !ns.here() {
		cfg.NetNS = ns.fd
	}
	return netlink.Dial(unix.NETLINK_ROUTE, &cfg)
}
