//go:build linux

package tun

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/link"
)

// Features are what the kernel's driver knows of the flags that a Config asks
// for. What this process may do is another matter.
type Features struct {
	MultiQueue bool // Config.MultiQueue and Queues
	NoCarrier  bool // Config.NoCarrier
	NAPI       bool // Config.NAPI
	NAPIFrags  bool // Config.NAPIFrags
	VNetHdr    bool // headers before each packet, for offloads
}

// Probe asks the driver for its Features (TUNGETFEATURES). It makes no device and
// needs no privileges but to open /dev/net/tun.
//
// Create and Attach ask by themselves; and a method that the kernel does not know
// fails with [errors.ErrUnsupported].
func Probe() (Features, error) {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return Features{}, &Error{"probe", "", openCause(node, err)}
	}
	defer unix.Close(fd)
	flags, err := features(fd)
	if err != nil {
		return Features{}, &Error{"probe", "", err}
	}
	return Features{
		MultiQueue: flags&unix.IFF_MULTI_QUEUE != 0,
		NoCarrier:  flags&unix.IFF_NO_CARRIER != 0,
		NAPI:       flags&unix.IFF_NAPI != 0,
		NAPIFrags:  flags&unix.IFF_NAPI_FRAGS != 0,
		VNetHdr:    flags&unix.IFF_VNET_HDR != 0,
	}, nil
}

func features(fd int) (uint32, error) {
	flags, err := unix.IoctlGetUint32(fd, unix.TUNGETFEATURES)
	if err != nil {
		return 0, because(err, "the kernel does not tell its features")
	}
	return flags, nil
}

// newer are the flags that a kernel may lack, which it ignores then (TUNSETIFF
// never checks them).
var newer = []struct {
	flag uint16
	name string
}{
	{unix.IFF_MULTI_QUEUE, "several queues (IFF_MULTI_QUEUE, Linux 3.8)"},
	{unix.IFF_NAPI, "NAPI (IFF_NAPI, Linux 4.15)"},
	{unix.IFF_NAPI_FRAGS, "NAPIFrags (IFF_NAPI_FRAGS, Linux 4.15)"},
	{unix.IFF_NO_CARRIER, "NoCarrier (IFF_NO_CARRIER, Linux 6.1)"},
}

// supports refuses flags that the kernel of fd does not know.
func supports(fd int, flags uint16) error {
	var asked uint16
	for _, f := range newer {
		asked |= flags & f.flag
	}
	if asked == 0 {
		return nil
	}
	known, err := features(fd)
	if err != nil {
		return err
	}
	return lacks(known, asked)
}

func lacks(known uint32, asked uint16) error {
	for _, f := range newer {
		if asked&f.flag != 0 && known&uint32(f.flag) == 0 {
			return unsupported(unix.EINVAL, "this kernel's driver knows no %s", f.name)
		}
	}
	return nil
}

// ioctl runs an ioctl on one of the device's descriptors.
func (d *Device) ioctl(op string, f func(fd int) error) error {
	d.mu.Lock()
	q := d.first
	if len(d.queues) > 0 {
		q = d.queues[0]
	}
	d.mu.Unlock()
	return q.ioctl(op, f)
}

// ioctl runs an ioctl on the queue's descriptor.
func (q *Queue) ioctl(op string, f func(fd int) error) error {
	var err error
	if q.conn.Control(func(fd uintptr) { err = f(int(fd)) }) != nil {
		return &Error{op, q.name, os.ErrClosed}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBADFD):
		err = &cause{ErrGone.Error(), []error{unix.EBADFD, ErrGone}}
	}
	return &Error{op, q.name, err}
}

// SetPersist lets the device live on after Close, until it is deleted, or ends
// that (TUNSETPERSIST). It concerns the device, not this descriptor.
func (d *Device) SetPersist(persist bool) error {
	return d.ioctl("set persist", func(fd int) error {
		return explain(unix.IoctlSetInt(fd, unix.TUNSETPERSIST, number(persist)), "")
	})
}

// SetCarrier gives the device a carrier or takes it away (TUNSETCARRIER, Linux
// 5.0): without one a device that is up is not running, its routes are linkdown and
// nothing leaves through it. Packets that are written still arrive.
func (d *Device) SetCarrier(on bool) error {
	return d.ioctl("set carrier", func(fd int) error {
		err := unix.IoctlSetPointerInt(fd, unix.TUNSETCARRIER, number(on))
		if err == unix.EPERM { // drivers/net/tun.c, tun_net_change_carrier
			return because(err, "all queues are detached")
		}
		return explain(err, "TUNSETCARRIER, Linux 5.0")
	})
}

// SetSendBuffer limits how many bytes of packets that were written to a queue may
// wait in the kernel (TUNSETSNDBUF). At the limit Write waits. At first there is
// none, nor for queues that are attached later.
func (d *Device) SetSendBuffer(bytes int) error {
	return d.ioctl("set send buffer", func(fd int) error {
		if bytes < 1 || bytes > math.MaxInt32 {
			return because(unix.EINVAL, "%d is no size of a buffer: they go from 1 to %d bytes", bytes, math.MaxInt32)
		}
		return explain(unix.IoctlSetPointerInt(fd, unix.TUNSETSNDBUF, bytes), "")
	})
}

// SendBuffer returns the limit in bytes, 1<<31-1 for none (TUNGETSNDBUF).
func (d *Device) SendBuffer() (bytes int, err error) {
	err = d.ioctl("send buffer", func(fd int) error {
		// A C int, whatever the size of Go's.
		n, err := unix.IoctlGetUint32(fd, unix.TUNGETSNDBUF)
		bytes = int(n)
		return explain(err, "")
	})
	return bytes, err
}

// exactAddresses is FLT_EXACT_COUNT (drivers/net/tun.c).
const exactAddresses = 8

// A TxFilter says which frames come out of a TAP device: those to one of
// Addresses, of which 8 at the most may be of single hosts, and with AllMulticast
// those to all groups. Beyond 8 addresses, groups are compared by a hash of 6 bits,
// and others may come along. Broadcasts are a group too (ff:ff:ff:ff:ff:ff).
//
// The zero TxFilter lets everything through.
type TxFilter struct {
	Addresses    []link.HardwareAddr
	AllMulticast bool
}

// SetTxFilter sets the filter of a TAP device (TUNSETTXFILTER), which outlives
// Close if the device does.
func (d *Device) SetTxFilter(f TxFilter) error {
	return d.ioctl("set filter", func(fd int) error {
		if !d.tap {
			return because(unix.EINVAL, "only TAP has addresses to filter by")
		}
		b, err := f.encode()
		if err != nil {
			return err
		}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETTXFILTER, uintptr(unsafe.Pointer(&b[0])))
		if errno != 0 {
			return because(errno, "the kernel does not take the filter")
		}
		return nil
	})
}

// encode returns f as a struct tun_filter (linux/if_tun.h).
func (f TxFilter) encode() ([]byte, error) {
	var single, group [][]byte
	for _, a := range f.Addresses {
		b := a.Bytes()
		if len(b) != 6 {
			return nil, because(unix.EINVAL, "%q is no Ethernet address", a)
		}
		if b[0]&1 == 0 {
			single = append(single, b)
		} else {
			group = append(group, b)
		}
	}
	if f.AllMulticast && len(f.Addresses) == 0 {
		// Without any address the kernel has no filter; of the groups it is one.
		group = [][]byte{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	}
	addresses := slices.Concat(single, group) // the first ones are compared exactly
	switch {
	case len(single) > exactAddresses:
		// The kernel would switch the filter off without a word (update_filter).
		return nil, because(unix.E2BIG, "%d addresses of single hosts: the kernel takes %d", len(single), exactAddresses)
	case len(addresses) > math.MaxUint16:
		return nil, because(unix.E2BIG, "%d addresses: the kernel takes %d", len(addresses), math.MaxUint16)
	}
	var flags uint16
	if f.AllMulticast {
		flags = 1 // TUN_FLT_ALLMULTI
	}
	b := binary.NativeEndian.AppendUint16(nil, flags)
	b = binary.NativeEndian.AppendUint16(b, uint16(len(addresses)))
	return append(b, slices.Concat(addresses...)...), nil
}

// SetSteeringEBPF lets a program choose the queue that a packet is read from
// (TUNSETSTEERINGEBPF, Linux 4.16): its result, modulo the number of attached
// queues. prog is a descriptor of a program of type BPF_PROG_TYPE_SOCKET_FILTER,
// which the caller may close afterwards; -1 takes the program away. It outlives
// Close if the device does.
//
// The kernel counts queues in the order of their attachment; when one is detached
// or closed, the last one takes its number (drivers/net/tun.c, __tun_detach).
func (d *Device) SetSteeringEBPF(prog int) error {
	return d.setProgram("set steering program", unix.TUNSETSTEERINGEBPF, prog)
}

// SetFilterEBPF lets a program choose what is read (TUNSETFILTEREBPF, Linux 4.16):
// its result is how many bytes of a packet are kept, and 0 drops it. prog is as for
// [Device.SetSteeringEBPF].
func (d *Device) SetFilterEBPF(prog int) error {
	return d.setProgram("set filter program", unix.TUNSETFILTEREBPF, prog)
}

func (d *Device) setProgram(op string, request uint, prog int) error {
	return d.ioctl(op, func(fd int) error {
		if prog < -1 || prog > math.MaxInt32 {
			return because(unix.EBADF, "%d is no descriptor of a program", prog)
		}
		err := unix.IoctlSetPointerInt(fd, request, prog)
		switch {
		case err == unix.EBADF:
			return because(err, "%d is no descriptor of a program", prog)
		case err == unix.EINVAL && unix.IoctlSetPointerInt(fd, request, math.MaxInt32) == unix.EBADF:
			// It knows the request, but not this descriptor.
			return because(err, "descriptor %d is no program of type BPF_PROG_TYPE_SOCKET_FILTER", prog)
		}
		return explain(err, "eBPF in its TUN driver, Linux 4.16")
	})
}

// NetNS returns the network namespace that the device is in now, which is another
// one than it was made in if the device was moved (TUNGETDEVNETNS, Linux 5.2). It
// needs CAP_NET_ADMIN there. The caller closes the file.
func (d *Device) NetNS() (*os.File, error) {
	var ns *os.File
	err := d.ioctl("network namespace", func(fd int) error {
		n, err := unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
		switch err {
		case nil:
			ns = os.NewFile(uintptr(n), "net")
			return nil
		case unix.EPERM:
			return because(err, "CAP_NET_ADMIN is needed, in the user namespace that owns the device's network namespace")
		}
		return explain(err, "TUNGETDEVNETNS, Linux 5.2")
	})
	return ns, err
}

// AddQueue attaches one more queue to a device made with MultiQueue. Close it with
// [Queue.Close] or, with all others, Device.Close.
func (d *Device) AddQueue() (*Queue, error) {
	q, err := d.addQueue()
	if err == nil {
		return q, nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return nil, err
	}
	return nil, &Error{"add queue", d.name, err}
}

func (d *Device) addQueue() (*Queue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.queues) == 0 {
		return nil, os.ErrClosed
	}
	c := Config{TAP: d.tap, Queues: 1}
	var flags uint16
	if err := d.queues[0].ioctl("add queue", func(fd int) (err error) {
		c.Name, flags, err = getIFF(fd)
		return err
	}); err != nil {
		return nil, err
	}
	if flags&unix.IFF_MULTI_QUEUE == 0 {
		return nil, because(unix.EINVAL, "the device was made with a single queue: set Config.MultiQueue")
	}

	runtime.LockOSThread() // whose namespace is looked at
	defer runtime.UnlockOSThread()
	var ns *os.File // the thread's is as good a guess as any
	if err := d.queues[0].ioctl("add queue", func(fd int) (err error) {
		ns, _, err = elsewhere(fd)
		return err
	}); err != nil {
		return nil, err
	}
	if ns != nil {
		defer ns.Close()
		c.NetNS = int(ns.Fd())
	}
	h, err := c.open(node)
	if err != nil {
		return nil, err
	}
	defer h.close()
	if err := h.join(c, d.flags|unix.IFF_MULTI_QUEUE, 0); err != nil {
		return nil, err
	}
	// The kernel finds a device by its name only, which anyone may change.
	if err := d.queues[0].ioctl("add queue", func(fd int) error {
		both := handles{fds: []int{h.fds[0], fd}, sock: h.sock}
		_, _, err := both.identify(c.Name)
		return err
	}); err != nil {
		return nil, err
	}
	q, err := newQueue(d, h.take(), d.tap)
	if err != nil {
		return nil, err
	}
	d.queues = append(d.queues, q)
	return q, nil
}

// elsewhere returns the namespace of the device that fd is attached to, nil if the
// thread is in it. It is not known without the right or the means to ask.
func elsewhere(fd int) (ns *os.File, known bool, err error) {
	n, err := unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
	if err != nil {
		return nil, false, nil
	}
	ns = os.NewFile(uintptr(n), "net")
	var there, here unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &here); err != nil {
		ns.Close()
		return nil, false, because(err, "/proc/thread-self/ns/net is missing: mount /proc")
	}
	if err := unix.Fstat(n, &there); err != nil {
		ns.Close()
		return nil, false, because(err, "the device's network namespace")
	}
	if there.Dev == here.Dev && there.Ino == here.Ino {
		ns.Close()
		return nil, true, nil
	}
	return ns, true, nil
}

// explain makes a cause of a refusal. EINVAL is what the driver says to a request
// that it does not know, and of the arguments given here no other way.
func explain(err error, feature string) error {
	switch {
	case err == nil:
		return nil
	case err == unix.EBADFD:
		return err
	case feature != "" && (err == unix.EINVAL || err == unix.ENOTTY || err == unix.EOPNOTSUPP):
		return unsupported(err, "this kernel has no %s", feature)
	}
	return because(err, "the kernel refuses")
}

// number is a C truth value.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
