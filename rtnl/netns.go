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

// openNamespace opens what cfg names, or the calling thread's namespace.
func openNamespace(cfg *Config) (ns namespace, err error) {
	path := threadNS
	named := 0
	if cfg.NetNS != 0 {
		named++
	}
	if cfg.NetNSPath != "" {
		path = cfg.NetNSPath
		named++
	}
	if cfg.NetNSPID != 0 {
		path = fmt.Sprintf("/proc/%d/ns/net", cfg.NetNSPID)
		named++
	}
	switch {
	case named > 1:
		return ns, errors.New("NetNS, NetNSPath and NetNSPID exclude each other")
	case cfg.Open != nil:
		return namespace{fd: -1}, nil
	case cfg.NetNS != 0:
		return dupNamespace(cfg.NetNS)
	}
	n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT && named == 0 && exists("/proc/thread-self") {
		return namespace{fd: -1}, nil // CONFIG_NET_NS=n
	}
	if err != nil {
		return ns, &os.PathError{Op: "open", Path: path, Err: err}
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
func (ns namespace) dial() (Transport, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var cfg netlink.Config
	if ns.fd >= 0 && !ns.here() {
		cfg.NetNS = ns.fd
	}
	nc, err := netlink.Dial(unix.NETLINK_ROUTE, &cfg)
	if err != nil {
		return nil, err
	}
	return takeOver(nc)
}
