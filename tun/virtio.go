//go:build linux

package tun

import "golang.org/x/sys/unix"

// vnetHdrLen is sizeof(struct virtio_net_hdr), the kernel's default for
// TUNSETVNETHDRSZ.
const vnetHdrLen = 10

// A VNetHdr is a struct virtio_net_hdr (include/uapi/linux/virtio_net.h): what the
// kernel and this process tell each other about a packet that is not as it would
// be on a wire. The zero VNetHdr says that it is.
type VNetHdr struct {
	// Flags may hold unix.VIRTIO_NET_HDR_F_NEEDS_CSUM: the field at
	// CsumStart+CsumOffset holds the sum of the pseudo-header, and is still to
	// be replaced by the checksum of all from CsumStart on; and
	// unix.VIRTIO_NET_HDR_F_DATA_VALID: the checksum was found to be right.
	Flags uint8

	// GSOType is one of unix.VIRTIO_NET_HDR_GSO_NONE, _TCPV4, _TCPV6 and
	// _UDP_L4. With TCP, unix.VIRTIO_NET_HDR_GSO_ECN may be added: of the
	// packets that a super-packet stands for, CWR is meant for the first.
	GSOType uint8

	// HdrLen is about how many bytes the headers have. The kernel gives more
	// for packets that it forwards.
	HdrLen uint16

	// GSOSize is the payload of each packet that a super-packet stands for,
	// in bytes. The last one may have less.
	GSOSize uint16

	CsumStart, CsumOffset uint16 // in bytes: from the packet's first one, from CsumStart
}

// needsCsum reports whether the checksum is to be completed.
func (h VNetHdr) needsCsum() bool { return h.Flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0 }

// gso returns the type without its flag.
func (h VNetHdr) gso() uint8 { return h.GSOType &^ unix.VIRTIO_NET_HDR_GSO_ECN }

// The integers are in the machine's byte order, as the kernel's are while neither
// TUNSETVNETLE nor TUNSETVNETBE is used.

func (h VNetHdr) put(b *[vnetHdrLen]byte) {
	b[0], b[1] = h.Flags, h.GSOType
	native.PutUint16(b[2:], h.HdrLen)
	native.PutUint16(b[4:], h.GSOSize)
	native.PutUint16(b[6:], h.CsumStart)
	native.PutUint16(b[8:], h.CsumOffset)
}

func vnetHdr(b *[vnetHdrLen]byte) VNetHdr {
	return VNetHdr{
		b[0], b[1],
		native.Uint16(b[2:]),
		native.Uint16(b[4:]),
		native.Uint16(b[6:]),
		native.Uint16(b[8:]),
	}
}
