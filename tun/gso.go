//go:build linux

package tun

import (
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// A Super is a packet as it comes from, and goes to, a device with
// [Config.Offload]: a header that says what is left to do, and an IP packet
// (frame, for TAP), which may be a super-packet that stands for many.
type Super struct {
	VNetHdr
	Packet []byte
}

// A Splitter makes, of a [Super], the packets that it stands for: with sequence
// numbers, flags, IPv4 identifications, lengths and checksums as the kernel's own
// segmentation gives them. The zero Splitter has none. It allocates nothing and
// does not write to the super-packet.
type Splitter struct {
	packet []byte
	rest   []byte // of the payload
	more   bool

	gso  bool
	size int // of the payload of each packet
	n    uint32
	where
	base uint64 // sum of the pseudo-header without its length

	csumStart, csumOffset int // -1 if there is nothing to complete; without gso
}

// Reset makes s.Packet the one to split, which must not change before it is.
// tap says whether it begins with an Ethernet header. Reset takes what the kernel
// sends: it fails if header and packet contradict each other, as they do when
// the packet was cut by a short buffer.
func (s *Splitter) Reset(p Super, tap bool) error {
	*s = Splitter{}
	if p.gso() == unix.VIRTIO_NET_HDR_GSO_NONE {
		s.csumStart = -1
		if p.needsCsum() {
			s.csumStart, s.csumOffset = int(p.CsumStart), int(p.CsumOffset)
			if s.csumStart+s.csumOffset+2 > len(p.Packet) {
				return errors.New("the checksum to complete is not in the packet")
			}
		}
		s.packet, s.more = p.Packet, true
		return nil
	}
	w, err := locate(p.Packet, tap)
	switch {
	case err != nil:
		return err
	case p.GSOSize == 0:
		return errors.New("a super-packet of packets without payload")
	case p.needsCsum() && (int(p.CsumStart) != w.l4 || int(p.CsumOffset) != w.csum()-w.l4):
		return errors.New("the checksum to complete is not that of the transport header")
	}
	want := uint8(unix.VIRTIO_NET_HDR_GSO_UDP_L4)
	switch {
	case w.tcp && w.v6:
		want = unix.VIRTIO_NET_HDR_GSO_TCPV6
	case w.tcp:
		want = unix.VIRTIO_NET_HDR_GSO_TCPV4
	}
	if p.gso() != want {
		return errors.New("the kind of segmentation is not that of the packet's protocol")
	}
	s.packet, s.rest, s.more = p.Packet, p.Packet[w.payload:], true
	s.gso, s.size, s.where = true, int(p.GSOSize), w
	s.base = w.pseudo(p.Packet)
	return nil
}

// Next puts the next packet into b and returns its length. After the last one the
// error is [io.EOF]. If b is too short for the packet it is [io.ErrShortBuffer],
// and the next call, with a longer b, has this packet again.
func (s *Splitter) Next(b []byte) (int, error) {
	switch {
	case !s.more:
		return 0, io.EOF
	case !s.gso:
		return s.whole(b)
	}
	payload := s.rest[:min(s.size, len(s.rest))]
	n := s.payload + len(payload)
	if len(b) < n {
		return 0, io.ErrShortBuffer
	}
	b = b[:n]
	copy(b, s.packet[:s.payload])
	s.rest = s.rest[len(payload):]
	s.more = len(s.rest) > 0

	ip := b[s.l3:]
	if s.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-ipv6Len))
	} else {
		// The kernel counts up the identification of packets that must not
		// be fragmented as well (net/ipv4/af_inet.c, inet_gso_segment).
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(s.n))
		putIPv4Csum(b[s.l3:s.l4])
	}
	l4 := b[s.l4:]
	if s.tcp {
		binary.BigEndian.PutUint32(l4[4:], binary.BigEndian.Uint32(l4[4:])+s.n*uint32(s.size))
		if s.more {
			l4[13] &^= tcpFIN | tcpPSH
		}
		if s.n > 0 {
			l4[13] &^= tcpCWR
		}
	} else {
		binary.BigEndian.PutUint16(l4[4:], uint16(len(l4)))
	}
	s.n++

	native.PutUint16(b[s.csum():], 0)
	c := copySum(b[s.payload:], payload, s.base)
	c = sum(b[s.l4:s.payload], c)
	c = add(c, word(uint16(len(l4))))
	check := ^fold(c)
	if check == 0 && !s.tcp {
		check = 0xffff // in UDP, 0 means that there is none (RFC 768)
	}
	native.PutUint16(b[s.csum():], check)
	return n, nil
}

// whole copies a packet that is not a super-packet, and completes its checksum.
func (s *Splitter) whole(b []byte) (int, error) {
	n := len(s.packet)
	if len(b) < n {
		return 0, io.ErrShortBuffer
	}
	s.more = false
	if s.csumStart < 0 {
		return copy(b, s.packet), nil
	}
	// The field holds the sum of the pseudo-header, and is added with the rest.
	copy(b, s.packet[:s.csumStart])
	c := ^fold(copySum(b[s.csumStart:], s.packet[s.csumStart:], 0))
	if c == 0 {
		c = 0xffff // in every protocol, as net/core/dev.c, skb_checksum_help, does
	}
	native.PutUint16(b[s.csumStart+s.csumOffset:], c)
	return n, nil
}
