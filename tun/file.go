//go:build linux

package tun

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
)

// FromFile makes a Device of a descriptor of /dev/net/tun that is attached to one
// already: inherited, or received from another process. It takes a copy; the caller
// closes f. Closing the Device closes the copy only, so that the device lives until
// the last copy is closed, and copies of one descriptor share what arrives.
//
// The device must have been made without headers before the packets, with IFF_NO_PI
// and without IFF_VNET_HDR; the kernel tells only about the latter. The descriptor
// becomes non-blocking in all its copies.
//
// The device may be in a namespace that this process has no rights in. Then its
// Index is 0.
func FromFile(f *os.File) (*Device, error) {
	dev, err := fromFile(f)
	if err != nil {
		return nil, &Error{"from file", f.Name(), err}
	}
	return dev, nil
}

func fromFile(f *os.File) (*Device, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	var dupErr error
	if err := raw.Control(func(original uintptr) {
		fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, os.ErrClosed
	}
	if dupErr != nil {
		return nil, because(dupErr, "copy the descriptor")
	}
	h := &handles{fds: []int{fd}, sock: -1}
	defer h.close()

	name, flags, err := getIFF(fd)
	switch {
	case err == unix.EBADFD:
		return nil, because(err, "the descriptor is not attached to a device, or no longer: see Attach")
	case err != nil:
		return nil, because(err, "this is no descriptor of %s", node)
	case flags&unix.IFF_VNET_HDR != 0:
		return nil, because(unix.EINVAL, "the device has IFF_VNET_HDR, whose headers would come with every packet")
	}
	name, index, err := h.find(name)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, because(err, "the kernel does not make the descriptor non-blocking")
	}
	const kept = unix.IFF_TUN | unix.IFF_TAP | unix.IFF_NAPI | unix.IFF_NAPI_FRAGS
	dev := &Device{name: name, index: index, tap: flags&unix.IFF_TAP != 0, flags: flags&kept | unix.IFF_NO_PI}
	if dev.first, err = newQueue(dev, h.take(), dev.tap); err != nil {
		return nil, err
	}
	dev.queues = []*Queue{dev.first}
	return dev, nil
}

// find is identify for a device that may be in a namespace that this process has no
// rights in; its index is 0 then.
func (h *handles) find(name string) (string, int, error) {
	runtime.LockOSThread() // whose namespace is looked at
	defer runtime.UnlockOSThread()
	ns, known, err := elsewhere(h.fds[0])
	if err != nil || !known {
		return name, 0, err
	}
	open := func() (err error) {
		h.sock, err = namespaceSocket()
		return err
	}
	if ns == nil {
		err = open()
	} else {
		err = netns.Do(int(ns.Fd()), open)
		ns.Close()
	}
	if errors.Is(err, unix.EPERM) {
		return name, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	return h.identify(name)
}
