//go:build linux

package tun

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
)

const (
	node = "/dev/net/tun"

	// maxQueues is MAX_TAP_QUEUES (drivers/net/tun.c).
	maxQueues = 256

	// loopback is the index of lo in every namespace, LOOPBACK_IFINDEX
	// (include/net/net_namespace.h).
	loopback = 1
)

// A Config says what Create makes and what Attach expects. The zero Config is a
// TUN device with one queue and a name that the kernel chooses, which vanishes
// with its last descriptor.
type Config struct {
	// Name has at most 15 bytes and no space, colon or slash. For Create it
	// may be a template with one %d, for which the kernel puts the lowest
	// free number; "" stands for "tun%d" or "tap%d".
	Name string

	// TAP makes an Ethernet device (IFF_TAP) instead of an IP one (IFF_TUN).
	TAP bool

	// Index is the interface index of the new device; the kernel chooses one
	// if it is 0. Only for Create.
	Index int

	// Queues is how many descriptors share the device's traffic, 256 at the
	// most; 0 is 1. With 2 or more, Create sets MultiQueue.
	Queues int

	// MultiQueue (IFF_MULTI_QUEUE) makes a device whose queues can come and go:
	// [Device.AddQueue], [Queue.Detach]. It takes longer to set up. Only for Create:
	// Attach takes both kinds.
	MultiQueue bool

	// Offload is what the kernel may leave to this process: see ReadBatch and
	// WriteBatch. What the kernel does not know is left out: see
	// Device.Offload. With 0 there are no virtio headers (IFF_VNET_HDR), and
	// there can be no offloads later.
	Offload Offload

	// Persist lets the device live on when it is closed, until it is deleted
	// (ip link delete). Without it, Attach leaves the device as it is.
	Persist bool

	// Owner and Group, if set, may attach to the device without
	// CAP_NET_ADMIN. To a persistent device with neither, everybody may who
	// can open /dev/net/tun. The kernel cannot unset them.
	Owner, Group ID

	// NoCarrier leaves the new device without a carrier (IFF_NO_CARRIER, Linux
	// 6.1): up, but not running, until [Device.SetCarrier]. Attach, too, gives
	// the device its carrier unless NoCarrier is set.
	NoCarrier bool

	// NAPI passes what is written through the driver's NAPI instance
	// (IFF_NAPI), where packets of a flow that wait together are merged.
	// A single write costs more.
	NAPI bool

	// NAPIFrags makes the kernel take frames in fragments (IFF_NAPI_FRAGS), as a
	// test of its own parsers. It wants TAP, NAPI, and CAP_NET_ADMIN in the
	// initial user namespace.
	NAPIFrags bool

	// NetNS is a descriptor of the network namespace of the device, 0 for that
	// of the calling thread. The caller keeps it, and may close it
	// afterwards. Joining the namespace needs CAP_SYS_ADMIN.
	NetNS int
}

// An ID is a user or group id, or none: the zero ID is not user 0.
type ID struct {
	id  uint32
	set bool
}

// IDFrom returns the ID of a user or group, as seen in the current user namespace.
func IDFrom(id uint32) ID { return ID{id, true} }

// A Device is a TUN or TAP device that this process is attached to. Its methods
// may be called concurrently.
type Device struct {
	name  string
	index int
	tap   bool
	flags uint16 // of TUNSETIFF, for further queues
	first *Queue

	mu     sync.Mutex
	queues []*Queue // without those that were closed one by one
	closed bool

	offload offloads
}

// Create makes a new device. A device that exists is never touched: then the
// error is fs.ErrExist, whoever it belongs to and whatever kind it is.
func Create(c Config) (*Device, error) {
	dev, err := create(c)
	if err != nil {
		return nil, &Error{"create", c.Name, err}
	}
	return dev, nil
}

// Attach opens the existing device c.Name, which is usually persistent. It must
// be of the kind c says. Attach never makes a device and never ends persistence.
//
// The device forgets which offloads and byte orders its last user has asked for
// (TUNSETOFFLOAD, TUNSETVNETLE, TUNSETVNETBE); it keeps its filters and programs.
// A multi-queue device that others hold with headers before each packet
// (IFF_VNET_HDR) is refused; one with the headers that the absence of IFF_NO_PI
// asks for cannot be told and delivers them.
func Attach(c Config) (*Device, error) {
	dev, err := attach(c)
	if err != nil {
		return nil, &Error{"attach", c.Name, err}
	}
	return dev, nil
}

func create(c Config) (*Device, error) {
	if c.Name == "" {
		c.Name = "tun" + verb
		if c.TAP {
			c.Name = "tap" + verb
		}
	}
	if err := c.check(true); err != nil {
		return nil, err
	}
	h, err := c.open(node)
	if err != nil {
		return nil, err
	}
	defer h.close()

	flags := c.flags() | unix.IFF_TUN_EXCL
	if c.Queues > 1 || c.MultiQueue {
		flags |= unix.IFF_MULTI_QUEUE
	}
	if err := supports(h.fds[0], flags); err != nil {
		return nil, err
	}
	if c.Index != 0 {
		if err := unix.IoctlSetPointerInt(h.fds[0], unix.TUNSETIFINDEX, c.Index); err != nil {
			return nil, because(err, "the kernel does not take interface index %d", c.Index)
		}
	}
	name, err := setIFF(h.fds[0], c.Name, flags)
	if err != nil {
		return nil, createCause(h.sock, c, err)
	}
	if !instance(c.Name, name) {
		// The template had room for fewer digits than the number has.
		return nil, because(unix.EINVAL, "the kernel has cut the name to %q: give a shorter one", name)
	}
	c.Name = name
	if err := h.join(c, flags&^unix.IFF_TUN_EXCL, 1); err != nil {
		return nil, err
	}
	return h.finish(c)
}

func attach(c Config) (*Device, error) {
	if err := c.check(false); err != nil {
		return nil, err
	}
	if c.Index != 0 {
		return nil, because(unix.EINVAL, "the device has its interface index: leave Config.Index at 0")
	}
	h, err := c.open(node)
	if err != nil {
		return nil, err
	}
	defer h.close()

	// A multi-queue device wants the flag with one queue too.
	flags := c.flags()
	if err := supports(h.fds[0], flags); err != nil {
		return nil, err
	}
	if c.Queues > 1 {
		flags |= unix.IFF_MULTI_QUEUE
	}
	err = h.join(c, flags, 0)
	if c.Queues < 2 && errors.Is(err, unix.EINVAL) {
		err = h.join(c, flags|unix.IFF_MULTI_QUEUE, 0)
	}
	if err != nil {
		return nil, err
	}
	_, flags, err = getIFF(h.fds[0])
	if err != nil {
		return nil, because(err, "the device was deleted")
	}
	switch vnet := flags&unix.IFF_VNET_HDR != 0; {
	case vnet && c.Offload == 0:
		return nil, because(unix.EBUSY, "another process holds the device with IFF_VNET_HDR, whose headers would come with every packet: set Config.Offload")
	case !vnet && c.Offload != 0:
		return nil, because(unix.EBUSY, "another process holds the device without IFF_VNET_HDR, so that there can be no offloads")
	}
	if err := h.reset(); err != nil {
		return nil, err
	}
	return h.finish(c)
}

// reset undoes what the last user of the device has agreed on with the kernel about
// packets, which outlives the descriptor. With offloads left alone, super-packets
// would come without a header to tell them.
func (h *handles) reset() error {
	if err := unix.IoctlSetInt(h.fds[0], unix.TUNSETOFFLOAD, 0); err != nil {
		return because(err, "the kernel does not reset the offloads")
	}
	if err := unix.IoctlSetPointerInt(h.fds[0], unix.TUNSETVNETLE, 0); err != nil {
		return because(err, "the kernel does not reset the byte order")
	}
	// EINVAL is a kernel that has no big-endian headers (CONFIG_TUN_VNET_CROSS_LE).
	if err := unix.IoctlSetPointerInt(h.fds[0], unix.TUNSETVNETBE, 0); err != nil && err != unix.EINVAL {
		return because(err, "the kernel does not reset the byte order")
	}
	return nil
}

// check refuses what the kernel would refuse without a reason, or cut.
func (c Config) check(template bool) error {
	if err := checkName(c.Name, template); err != nil {
		return err
	}
	switch {
	case c.Index < 0 || c.Index > math.MaxInt32:
		return because(unix.EINVAL, "%d is no interface index: they go from 1 to %d", c.Index, math.MaxInt32)
	case c.Queues < 0 || c.Queues > maxQueues:
		return because(unix.EINVAL, "a device cannot have %d queues: the kernel gives it %d at the most", c.Queues, maxQueues)
	case c.NAPIFrags && !(c.NAPI && c.TAP):
		return because(unix.EINVAL, "NAPIFrags wants NAPI and TAP too")
	case c.NetNS < 0:
		return because(unix.EBADF, "%d is no descriptor of a network namespace", c.NetNS)
	}
	if _, err := c.Offload.full(); err != nil {
		return err
	}
	for _, id := range []ID{c.Owner, c.Group} {
		if id.set && id.id == math.MaxUint32 {
			return because(unix.EINVAL, "%d is no user or group: the kernel cannot unset them", id.id)
		}
	}
	return nil
}

// flags returns the flags of TUNSETIFF that every descriptor needs.
func (c Config) flags() uint16 {
	var flags uint16 = unix.IFF_TUN | unix.IFF_NO_PI
	if c.TAP {
		flags = unix.IFF_TAP | unix.IFF_NO_PI
	}
	if c.NoCarrier {
		flags |= unix.IFF_NO_CARRIER
	}
	if c.NAPI {
		flags |= unix.IFF_NAPI
	}
	if c.NAPIFrags {
		flags |= unix.IFF_NAPI_FRAGS
	}
	if c.Offload != 0 {
		flags |= unix.IFF_VNET_HDR
	}
	return flags
}

// handles are what create and attach hold until there is a Device.
type handles struct {
	fds  []int // of /dev/net/tun, one per queue; empty once a Device has them
	sock int   // a socket in the device's namespace, for what is asked there
}

// namespaceSocket opens a socket for what handles ask, in the thread's namespace.
func namespaceSocket() (int, error) {
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	sock, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|flags, unix.NETLINK_ROUTE)
	if err != nil { // A sandbox without netlink: any socket will do but for changed.
		sock, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|flags, 0)
	}
	if err != nil {
		return -1, because(err, "open a socket")
	}
	return sock, nil
}

// open opens a descriptor for each queue and the socket, all of them in the
// device's namespace: what TUNSETIFF makes is where its descriptor was opened
// (drivers/net/tun.c, tun_chr_open).
func (c Config) open(node string) (*handles, error) {
	h := &handles{sock: -1}
	open := func() (err error) {
		if h.sock, err = namespaceSocket(); err != nil {
			return err
		}
		for range max(c.Queues, 1) {
			// os.NewFile gives only non-blocking descriptors to the poller.
			fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
			if err != nil {
				return openCause(node, err)
			}
			h.fds = append(h.fds, fd)
		}
		return nil
	}
	var err error
	if c.NetNS != 0 {
		err = netns.Do(c.NetNS, open)
	} else {
		// Threads may be in different namespaces, if someone has left one so.
		runtime.LockOSThread()
		err = open()
		runtime.UnlockOSThread()
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *handles) close() {
	for _, fd := range h.fds {
		unix.Close(fd)
	}
	if h.sock >= 0 {
		unix.Close(h.sock)
	}
}

// join attaches all descriptors from the first one on to the device c.Name.
func (h *handles) join(c Config, flags uint16, first int) error {
	for _, fd := range h.fds[first:] {
		// TUNSETIFF makes the device if there is none, and cannot be told
		// not to. But it cannot make it with the index of lo, and where it
		// attaches it does not look at the index.
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, loopback); err != nil {
			return because(err, "TUNSETIFINDEX")
		}
		if _, err := setIFF(fd, c.Name, flags); err != nil {
			return attachCause(h.sock, c, err)
		}
	}
	return nil
}

// finish sets what is set on an attached device and makes the Device, which
// takes over the descriptors.
func (h *handles) finish(c Config) (*Device, error) {
	fd := h.fds[0]
	if c.Offload != 0 {
		if err := resetVNetHdr(fd); err != nil {
			return nil, err
		}
	}
	if c.Owner.set {
		if err := unix.IoctlSetInt(fd, unix.TUNSETOWNER, int(c.Owner.id)); err != nil {
			return nil, because(err, "the kernel does not take owner %d: is it mapped in this user namespace?", c.Owner.id)
		}
	}
	if c.Group.set {
		if err := unix.IoctlSetInt(fd, unix.TUNSETGROUP, int(c.Group.id)); err != nil {
			return nil, because(err, "the kernel does not take group %d: is it mapped in this user namespace?", c.Group.id)
		}
	}
	dev, err := h.device(c)
	if err != nil {
		return nil, err
	}
	if c.Offload != 0 {
		if err := dev.offload.set(fd, c.Offload); err != nil {
			dev.Close()
			return nil, because(err, "the kernel takes no offloads")
		}
	}
	if c.Persist { // last, for then nothing needs to be undone
		if err := unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1); err != nil {
			dev.Close()
			return nil, because(err, "the kernel does not make the device persistent")
		}
	}
	return dev, nil
}

func (h *handles) device(c Config) (*Device, error) {
	name, index, err := h.identify(c.Name)
	if err != nil {
		return nil, err
	}
	dev := &Device{name: name, index: index, tap: c.TAP, flags: c.flags()}
	dev.offload.wants = c.Offload
	for len(h.fds) > 0 {
		q, err := newQueue(dev, h.take(), c.TAP)
		if err != nil {
			dev.Close()
			return nil, err
		}
		dev.queues = append(dev.queues, q)
	}
	dev.first = dev.queues[0]
	return dev, nil
}

// take hands the first descriptor over.
func (h *handles) take() int {
	fd := h.fds[0]
	h.fds = h.fds[1:]
	return fd
}

// identify returns the name and the index of the device that all descriptors are
// attached to; name is what it seems to be called. The kernel finds an index by name
// only, and anyone may rename devices meanwhile. So the name must be the same before
// and after, and the device of that index must not have come by it in between.
func (h *handles) identify(name string) (string, int, error) {
	// Where this fails there are just no notifications.
	unix.Bind(h.sock, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_LINK - 1)})
	names := func() (same bool, err error) {
		same = true
		for _, fd := range h.fds {
			current, _, err := getIFF(fd)
			if err != nil {
				return false, err
			}
			same = same && current == name
			name = current
		}
		return same, nil
	}
	for range 100 {
		if _, err := names(); err != nil {
			return "", 0, because(err, "the device was deleted while it was opened")
		}
		index, lookup := indexOf(h.sock, name)
		same, err := names()
		if err != nil {
			return "", 0, because(err, "the device was deleted while it was opened")
		}
		if changed := h.changed(index); same && !changed && lookup == nil {
			return name, index, nil
		}
	}
	return "", 0, because(unix.EAGAIN, "the device was renamed or moved while it was opened: try again")
}

// changed tells whether the kernel has notified of the device of that index, or of
// more than the socket could hold, since it was last asked. TUNGETIFF takes the lock
// that a rename holds until it has notified.
func (h *handles) changed(index int) bool {
	changed := false
	for {
		// One notification; of what does not fit nothing is wanted.
		var b [unix.SizeofNlMsghdr + unix.SizeofIfInfomsg]byte
		n, err := unix.Read(h.sock, b[:])
		switch {
		case err == unix.EINTR:
		case err == unix.ENOBUFS:
			changed = true
		case err != nil:
			return changed
		case n == len(b):
			const ifiIndex = unix.SizeofNlMsghdr + 4
			changed = changed || binary.NativeEndian.Uint32(b[ifiIndex:]) == uint32(index)
		}
	}
}

// setIFF is TUNSETIFF. It returns the name that the device has got.
func setIFF(fd int, name string, flags uint16) (string, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return "", err
	}
	ifr.SetUint16(flags)
	err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	return ifr.Name(), err
}

// getIFF is TUNGETIFF: the device's current name and the flags. IFF_NO_PI among
// them means nothing, it is IFF_NOFILTER as well.
func getIFF(fd int) (name string, flags uint16, err error) {
	var ifr unix.Ifreq
	err = unix.IoctlIfreq(fd, unix.TUNGETIFF, &ifr)
	return ifr.Name(), ifr.Uint16(), err
}

// indexOf returns the index of a device in the namespace of sock.
func indexOf(sock int, name string) (int, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	err = unix.IoctlIfreq(sock, unix.SIOCGIFINDEX, ifr)
	return int(ifr.Uint32()), err
}

// Name returns the device's current name: it follows the device when that is
// renamed or moved to another namespace. Of a device that is deleted or closed it
// is the name that it was opened under.
func (d *Device) Name() string {
	name := d.name
	d.ioctl("name", func(fd int) error {
		current, _, err := getIFF(fd)
		if err == nil {
			name = current
		}
		return err
	})
	return name
}

// Index returns the interface index that the device was opened with. It is good
// for the device's life, but a move to another namespace may change it.
func (d *Device) Index() int { return d.index }

// Queues returns the device's queues, but those that Queue.Close has closed. The
// kernel chooses the queue that a packet is read from, by flow. The caller may keep
// the slice.
func (d *Device) Queues() []*Queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.queues)
}

// Read reads a packet from the first queue. See [Queue.Read].
func (d *Device) Read(b []byte) (int, error) { return d.first.Read(b) }

// Write writes a packet to the first queue. See [Queue.Write].
func (d *Device) Write(b []byte) (int, error) { return d.first.Write(b) }

// SetDeadline sets the deadlines of the first queue. See [Queue.SetDeadline].
func (d *Device) SetDeadline(t time.Time) error { return d.first.SetDeadline(t) }

// SetReadDeadline sets the read deadline of the first queue. See [Queue.SetDeadline].
func (d *Device) SetReadDeadline(t time.Time) error { return d.first.SetReadDeadline(t) }

// SetWriteDeadline sets the write deadline of the first queue. See [Queue.SetDeadline].
func (d *Device) SetWriteDeadline(t time.Time) error { return d.first.SetWriteDeadline(t) }

// SyscallConn returns the first queue's descriptor. See [Queue.SyscallConn].
func (d *Device) SyscallConn() (syscall.RawConn, error) { return d.first.SyscallConn() }

// Close detaches from the device, which vanishes unless it is persistent or
// others are attached, and ends all reads and writes on all queues with
// os.ErrClosed. A second Close fails with os.ErrClosed too. The kernel takes 10 to
// 30 ms to delete a device (BenchmarkClose): close many of them in parallel.
func (d *Device) Close() error {
	d.mu.Lock()
	queues, closed := d.queues, d.closed
	d.closed = true
	d.mu.Unlock() // not held over the kernel's work
	if closed {
		return &Error{"close", d.name, os.ErrClosed}
	}
	var err error
	for _, q := range queues {
		if e := q.close(); !errors.Is(e, os.ErrClosed) { // a Queue.Close was faster
			err = cmp.Or(err, e)
		}
	}
	return ioError("close", d.name, err)
}
