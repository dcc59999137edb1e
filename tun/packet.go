//go:build linux

package tun

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

const (
	etherLen = 14 // without VLAN tags
	ipv4Len  = 20 // without options
	ipv6Len  = 40
	tcpLen   = 20 // without options
	udpLen   = 8

	ipv4DF = 0x40 // of byte 6

	// Where the checksums are, in their headers.
	tcpCsum = 16
	udpCsum = 6

	// Flags, in byte 13 of a TCP header.
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
	tcpPSH = 0x08
	tcpURG = 0x20
	tcpCWR = 0x80
)

// where says where the headers and the payload of a TCP or UDP packet begin.
type where struct {
	l3, l4, payload int
	v6, tcp         bool
}

// csum returns where the transport checksum is.
func (w where) csum() int {
	if w.tcp {
		return w.l4 + tcpCsum
	}
	return w.l4 + udpCsum
}

// pseudo returns the sum of the pseudo-header without the length.
func (w where) pseudo(p []byte) uint64 {
	proto := word(unix.IPPROTO_UDP)
	if w.tcp {
		proto = word(unix.IPPROTO_TCP)
	}
	if w.v6 {
		return sum(p[w.l3+8:w.l3+40], proto)
	}
	return sum(p[w.l3+12:w.l3+20], proto)
}

var (
	errCut      = errors.New("the packet ends within a header")
	errLength   = errors.New("the packet is not as long as its IP header says")
	errNoIP     = errors.New("neither IPv4 nor IPv6")
	errFragment = errors.New("a fragment is no super-packet")
	errProtocol = errors.New("neither TCP nor UDP")
)

// locate finds the headers of a TCP or UDP packet. Each one is complete and the
// packet as long as its IP header says.
func locate(p []byte, tap bool) (w where, err error) {
	if tap {
		if w.l3, err = locateIP(p); err != nil {
			return where{}, err
		}
	}
	ip := p[w.l3:]
	if len(ip) < ipv4Len {
		return where{}, errCut
	}
	var proto byte
	switch ip[0] >> 4 {
	case 4:
		hlen := int(ip[0]&0xf) * 4
		switch {
		case hlen < ipv4Len || hlen > len(ip):
			return where{}, errCut
		case int(binary.BigEndian.Uint16(ip[2:])) != len(ip):
			return where{}, errLength
		case binary.BigEndian.Uint16(ip[6:])&0x3fff != 0: // offset, more fragments
			return where{}, errFragment
		}
		w.l4, proto = w.l3+hlen, ip[9]
	case 6:
		if len(ip) < ipv6Len {
			return where{}, errCut
		}
		if int(binary.BigEndian.Uint16(ip[4:])) != len(ip)-ipv6Len {
			return where{}, errLength
		}
		hlen := ipv6Len
		proto = ip[6]
		// The extension headers over which the kernel segments
		// (net/ipv6/exthdrs_offload.c and ip6_offload.c, INET6_PROTO_GSO_EXTHDR).
		for proto == unix.IPPROTO_HOPOPTS || proto == unix.IPPROTO_ROUTING || proto == unix.IPPROTO_DSTOPTS {
			if hlen+8 > len(ip) {
				return where{}, errCut
			}
			proto = ip[hlen]
			hlen += (int(ip[hlen+1]) + 1) * 8
		}
		if proto == unix.IPPROTO_FRAGMENT {
			return where{}, errFragment
		}
		w.l4, w.v6 = w.l3+hlen, true
	default:
		return where{}, errNoIP
	}
	switch proto {
	case unix.IPPROTO_TCP:
		if w.l4+tcpLen > len(p) {
			return where{}, errCut
		}
		hlen := int(p[w.l4+12]>>4) * 4
		if hlen < tcpLen || w.l4+hlen > len(p) {
			return where{}, errCut
		}
		w.tcp, w.payload = true, w.l4+hlen
	case unix.IPPROTO_UDP:
		if w.l4+udpLen > len(p) {
			return where{}, errCut
		}
		w.payload = w.l4 + udpLen
	default:
		return where{}, errProtocol
	}
	return w, nil
}

// locateIP finds the IP header behind an Ethernet header with up to two VLAN tags.
func locateIP(p []byte) (int, error) {
	for l3 := etherLen; l3 <= etherRoom && l3 <= len(p); l3 += 4 {
		switch binary.BigEndian.Uint16(p[l3-2:]) {
		case unix.ETH_P_8021Q, unix.ETH_P_8021AD:
			continue
		case unix.ETH_P_IP:
			if l3 < len(p) && p[l3]>>4 == 4 {
				return l3, nil
			}
		case unix.ETH_P_IPV6:
			if l3 < len(p) && p[l3]>>4 == 6 {
				return l3, nil
			}
		}
		return 0, errNoIP
	}
	return 0, errCut
}

// putIPv4Csum computes the checksum of an IPv4 header.
func putIPv4Csum(h []byte) {
	native.PutUint16(h[10:], 0)
	s := sumIPv4((*[ipv4Len]byte)(h))
	if len(h) > ipv4Len {
		s = sum(h[ipv4Len:], s)
	}
	native.PutUint16(h[10:], ^fold(s))
}
