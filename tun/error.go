//go:build linux

package tun

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var (
	// ErrLinkDown is why Write fails while the link is down.
	ErrLinkDown = errors.New("the link is down")

	// ErrDetached is why Write fails after [Queue.Detach], with Config.NAPI.
	ErrDetached = errors.New("the queue is detached")

	// ErrGone is why Read and Write fail once the device was deleted, or the
	// namespace it was moved to has ended. It is not os.ErrClosed: nobody has
	// called Close, which is still to do.
	ErrGone = errors.New("the device was deleted")
)

// An Error is what every call of this package fails with. It wraps the kernel's
// error number, if there is one, and where they apply [fs.ErrExist],
// [fs.ErrNotExist], [fs.ErrPermission], [os.ErrClosed], [os.ErrDeadlineExceeded],
// [ErrLinkDown], [ErrDetached] and [ErrGone], and [errors.ErrUnsupported] for what
// this kernel cannot do.
type Error struct {
	Op   string // "create", "attach", "read", "write", "close", "set carrier", ...
	Name string // of the device, "" if the kernel was to choose it
	Err  error  // the reason, and what can be done
}

func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("tun: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("tun: %s %q: %v", e.Op, e.Name, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a deadline has passed.
func (e *Error) Timeout() bool { return errors.Is(e.Err, os.ErrDeadlineExceeded) }

// A cause says in words what its errors mean here. The first one is printed too
// if it is an error number of the kernel's.
type cause struct {
	text string
	errs []error
}

func (c *cause) Error() string {
	if errno, ok := c.errs[0].(syscall.Errno); ok {
		return fmt.Sprintf("%s (%v)", c.text, errno)
	}
	return c.text
}

func (c *cause) Unwrap() []error { return c.errs }

func because(err error, format string, args ...any) error {
	return &cause{fmt.Sprintf(format, args...), []error{err}}
}

// unsupported is a cause that is errors.ErrUnsupported.
func unsupported(err error, format string, args ...any) error {
	return &cause{fmt.Sprintf(format, args...), []error{err, errors.ErrUnsupported}}
}

// openCause explains why node, which is /dev/net/tun, could not be opened.
func openCause(node string, err error) error {
	switch err {
	case unix.ENOENT, unix.ENOTDIR:
		return because(err, "%s is missing: load the driver (modprobe tun) or make the node (mknod %[1]s c 10 200); a container must be given the device", node)
	case unix.ENODEV, unix.ENXIO:
		return because(err, "%s has no driver behind it: modprobe tun (CONFIG_TUN)", node)
	case unix.EACCES:
		mode := "an unknown mode"
		if info, err := os.Stat(node); err == nil {
			mode = fmt.Sprintf("mode %04o", info.Mode().Perm())
		}
		return because(err, "%s has %s, which shuts this user out; root in a user namespace counts as nobody: chmod 0666 %[1]s, as udev does", node, mode)
	case unix.EPERM:
		return because(err, "%s is forbidden, by the device cgroup, seccomp or a security module: allow the container the device c 10:200", node)
	}
	return because(err, "open %s", node)
}

// createCause explains why TUNSETIFF made no device.
func createCause(sock int, c Config, err error) error {
	switch err {
	case unix.EPERM:
		if c.NAPIFrags {
			return because(err, "Config.NAPIFrags needs CAP_NET_ADMIN in the initial user namespace")
		}
		return because(err, "CAP_NET_ADMIN is needed, in the user namespace that owns the network namespace")
	case unix.EBUSY, unix.EEXIST:
		if _, lookup := indexOf(sock, c.Name); lookup == nil {
			return &cause{"a network device of this name exists: choose another name, or Attach to it", []error{err, fs.ErrExist}}
		}
		if c.Index != 0 {
			return because(err, "interface index %d is taken: choose another one, or 0", c.Index)
		}
	case unix.ENFILE:
		return because(err, "the template has no free name left: give a name")
	}
	return because(err, "the kernel makes no such device")
}

// attachCause explains why TUNSETIFF did not attach to a device.
func attachCause(sock int, c Config, err error) error {
	if _, lookup := indexOf(sock, c.Name); lookup == unix.ENODEV {
		// err comes from the index with which setIFF keeps the kernel from
		// making the device, and would only mislead.
		return &cause{"there is no such network device in the namespace: Create it", []error{lookup, fs.ErrNotExist}}
	}
	switch err {
	case unix.EPERM:
		if c.NAPIFrags {
			return because(err, "Config.NAPIFrags needs CAP_NET_ADMIN in the initial user namespace")
		}
		return because(err, "the device belongs to another user or group: its owner may attach, or who has CAP_NET_ADMIN")
	case unix.EBUSY:
		return because(err, "a process is attached, perhaps by a descriptor it has inherited: see fuser /dev/net/tun")
	case unix.E2BIG:
		return because(err, "the device has no queue left: the kernel gives it %d", maxQueues)
	case unix.EINVAL:
		info, lookup := unix.IoctlGetEthtoolDrvinfo(sock, c.Name)
		if lookup != nil { // a TUN device would have told
			return because(err, "this device is neither TUN nor TAP")
		}
		driver, bus := unix.ByteSliceToString(info.Driver[:]), unix.ByteSliceToString(info.Bus_info[:])
		switch { // drivers/net/tun.c, tun_get_drvinfo
		case driver != "tun":
			return because(err, "this is a device of the kind %s: neither TUN nor TAP", driver)
		case bus == "tap" && !c.TAP:
			return because(err, "this is a TAP device: set Config.TAP")
		case bus == "tun" && c.TAP:
			return because(err, "this is a TUN device: do not set Config.TAP")
		case c.Queues > 1:
			return because(err, "the device was made with a single queue: leave Config.Queues at 0")
		}
	}
	return because(err, "the kernel does not attach to this device")
}
