//go:build linux

package tun

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Offload is what the kernel may leave to this process, for packets in both
// directions (TUN_F_*, include/uapi/linux/if_tun.h).
type Offload uint32

const (
	// OffloadChecksum leaves the checksums of TCP and UDP packets to this
	// process. All others need it and imply it.
	OffloadChecksum Offload = unix.TUN_F_CSUM

	// OffloadTSO4 and OffloadTSO6 leave the segmentation of TCP packets of
	// IPv4 and IPv6 to this process, OffloadTSOECN also if they carry CWR.
	OffloadTSO4   Offload = unix.TUN_F_TSO4
	OffloadTSO6   Offload = unix.TUN_F_TSO6
	OffloadTSOECN Offload = unix.TUN_F_TSO_ECN

	// OffloadUSO4 and OffloadUSO6 leave the segmentation of UDP packets
	// (UDP_SEGMENT) to this process. The kernel wants both or neither, and has
	// them since Linux 6.2.
	OffloadUSO4 Offload = unix.TUN_F_USO4
	OffloadUSO6 Offload = unix.TUN_F_USO6

	OffloadTCP = OffloadChecksum | OffloadTSO4 | OffloadTSO6 | OffloadTSOECN
	OffloadUDP = OffloadChecksum | OffloadUSO4 | OffloadUSO6
	OffloadAll = OffloadTCP | OffloadUDP
)

func (o Offload) String() string {
	if o == 0 {
		return "none"
	}
	var s []string
	for i, name := range []string{"checksum", "tso4", "tso6", "tso-ecn", "ufo", "uso4", "uso6"} {
		if o&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	return strings.Join(slices.Clip(s), "|")
}

// full returns o with what it implies, or the reason why no kernel takes it.
func (o Offload) full() (Offload, error) {
	switch {
	case o&^OffloadAll != 0:
		return 0, because(unix.EINVAL, "offload %#x is not known: known are %v", uint32(o), OffloadAll)
	case o&OffloadTSOECN != 0 && o&(OffloadTSO4|OffloadTSO6) == 0:
		return 0, because(unix.EINVAL, "OffloadTSOECN is nothing without OffloadTSO4 or OffloadTSO6")
	case (o&OffloadUSO4 != 0) != (o&OffloadUSO6 != 0):
		return 0, because(unix.EINVAL, "the kernel takes OffloadUSO4 and OffloadUSO6 only together")
	case o != 0:
		o |= OffloadChecksum
	}
	return o, nil
}

// negotiate gives the kernel o, and less if it does not know all of it. It returns
// what the kernel has taken.
func (o Offload) negotiate(set func(Offload) error) (Offload, error) {
	for _, try := range []Offload{o, o &^ (OffloadUSO4 | OffloadUSO6), 0} {
		err := set(try)
		if err != unix.EINVAL || try == 0 {
			return try, err
		}
	}
	panic("unreachable")
}

// offloads are what is in force on a device.
type offloads struct {
	mu    sync.Mutex // held while they are changed
	mask  atomic.Uint32
	wants Offload // at creation
}

func (o *offloads) get() Offload { return Offload(o.mask.Load()) }

// resetVNetHdr undoes what an earlier user of a persistent device may have set:
// another length of the headers, or another byte order than the machine's.
func resetVNetHdr(fd int) error {
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetHdrLen); err != nil {
		return because(err, "the kernel does not reset the length of the virtio headers")
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETLE, 0); err != nil {
		return because(err, "the kernel does not reset the byte order of the virtio headers")
	}
	return nil
}

// set gives the kernel what is wanted, as far as it takes it.
func (o *offloads) set(fd int, want Offload) error {
	want, err := want.full()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.setLocked(fd, want)
}

func (o *offloads) setLocked(fd int, want Offload) error {
	got, err := want.negotiate(func(try Offload) error {
		return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(try))
	})
	if err == nil {
		o.mask.Store(uint32(got))
	}
	return err
}

// Offload returns the offloads in force: those that were asked for and that the
// kernel knows, without those that have failed since ([Queue.WriteBatch]).
func (d *Device) Offload() Offload { return d.offload.get() }

// SetOffload changes the offloads of a device that was made with [Config.Offload].
// If the kernel does not know all of them, it gets fewer: see [Device.Offload].
// Packets that the kernel has queued before may still be super-packets.
func (d *Device) SetOffload(o Offload) error {
	const op = "set offload"
	if d.offload.wants == 0 {
		return &Error{op, d.name, because(unix.EINVAL, "the device has no virtio headers: make it with Config.Offload")}
	}
	err := d.first.control(func(fd int) error { return d.offload.set(fd, o) })
	if err == unix.EBADFD {
		err = &cause{ErrGone.Error(), []error{err, ErrGone}}
	}
	return ioError(op, d.name, err)
}
