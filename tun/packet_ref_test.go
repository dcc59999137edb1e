//go:build linux

package tun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// What is here knows nothing of the package: it builds and reads packets by the
// letter of the RFCs, so that the package's own code can be held against it.

var be = binary.BigEndian

// rfc1071 is the checksum of the parts, of which only the last may be odd.
func rfc1071(parts ...[]byte) uint16 {
	var s uint32
	for _, b := range parts {
		for i, v := range b {
			if i%2 == 0 {
				s += uint32(v) << 8
			} else {
				s += uint32(v)
			}
			s = s&0xffff + s>>16
		}
	}
	return ^uint16(s)
}

// A segment is a TCP or UDP packet in its parts.
type segment struct {
	v6, udp      bool
	ether        []byte // an Ethernet header without its type
	host         byte   // of the source address
	sport, dport uint16
	id           uint16
	df           bool
	tos, ttl     byte
	label        uint32 // IPv6 flow label
	ext          []byte // IPv6 extension headers; the last next header is left 0
	extFirst     byte   // the kind of the first one
	ipOptions    []byte
	seq, ack     uint32
	flags        byte
	window, urg  uint16
	options      []byte
	payload      []byte
}

// bytes returns the packet with right lengths and checksums.
func (s segment) bytes() []byte {
	proto := byte(6)
	var l4 []byte
	if s.udp {
		proto = 17
		l4 = be.AppendUint16(l4, s.sport)
		l4 = be.AppendUint16(l4, s.dport)
		l4 = be.AppendUint16(l4, uint16(8+len(s.payload)))
		l4 = append(l4, 0, 0)
	} else {
		l4 = be.AppendUint16(l4, s.sport)
		l4 = be.AppendUint16(l4, s.dport)
		l4 = be.AppendUint32(l4, s.seq)
		l4 = be.AppendUint32(l4, s.ack)
		l4 = append(l4, byte(20+len(s.options))/4<<4, s.flags)
		l4 = be.AppendUint16(l4, s.window)
		l4 = append(l4, 0, 0)
		l4 = be.AppendUint16(l4, s.urg)
		l4 = append(l4, s.options...)
	}
	l4 = append(l4, s.payload...)

	var ip []byte
	if s.v6 {
		ip = be.AppendUint32(ip, 6<<28|uint32(s.tos)<<20|s.label)
		ip = be.AppendUint16(ip, uint16(len(s.ext)+len(l4)))
		next := proto
		if len(s.ext) > 0 {
			next = s.extFirst
		}
		ip = append(ip, next, s.ttl)
		ip = append(ip, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, s.host)
		ip = append(ip, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9)
		ip = append(ip, s.ext...)
	} else {
		ip = append(ip, 0x40|byte(20+len(s.ipOptions))/4, s.tos)
		ip = be.AppendUint16(ip, uint16(20+len(s.ipOptions)+len(l4)))
		ip = be.AppendUint16(ip, s.id)
		if s.df {
			ip = append(ip, 0x40, 0)
		} else {
			ip = append(ip, 0, 0)
		}
		ip = append(ip, s.ttl, proto, 0, 0)
		ip = append(ip, 10, 0, 0, s.host)
		ip = append(ip, 10, 1, 0, 9)
		ip = append(ip, s.ipOptions...)
	}
	b := bytes.Clone(s.ether)
	if len(b) > 0 {
		if s.v6 {
			b = append(b, 0x86, 0xdd)
		} else {
			b = append(b, 8, 0)
		}
	}
	l3 := len(b)
	b = append(b, ip...)
	b = append(b, l4...)
	fix(b, l3)
	return b
}

// A parsed packet is what the RFCs make of bytes.
type parsed struct {
	version      byte
	l3, l4, data int // l4 and data are 0 if there is no transport header to find
	proto        byte
	addresses    string
	fragment     bool
	plain        bool // neither IPv4 options nor IPv6 extension headers
	long         int  // length that the IP header states, from l3 on
}

var errRef = errors.New("no IP packet")

func parseRef(p []byte, l3 int) (r parsed, err error) {
	r.l3 = l3
	if len(p) < l3+1 {
		return r, errRef
	}
	ip := p[l3:]
	r.version = ip[0] >> 4
	if l3 > 0 && be.Uint16(p[l3-2:]) != map[byte]uint16{4: 0x800, 6: 0x86dd}[r.version] {
		return r, errRef
	}
	next := 0
	switch {
	case r.version == 4 && len(ip) >= 20:
		next = int(ip[0]&15) * 4
		if next < 20 || next > len(ip) {
			return r, errRef
		}
		r.plain = next == 20
		r.proto, r.long = ip[9], int(be.Uint16(ip[2:]))
		r.addresses = string(ip[12:20])
		r.fragment = be.Uint16(ip[6:])&0x3fff != 0
	case r.version == 6 && len(ip) >= 40:
		next, r.plain = 40, true
		r.proto, r.long = ip[6], 40+int(be.Uint16(ip[4:]))
		r.addresses = string(ip[8:40])
		for r.proto == 0 || r.proto == 43 || r.proto == 44 || r.proto == 60 {
			r.plain = false
			r.fragment = r.fragment || r.proto == 44
			if len(ip) < next+8 {
				return r, nil
			}
			step := 8
			if r.proto != 44 {
				step = (int(ip[next+1]) + 1) * 8
			}
			r.proto = ip[next]
			if next += step; next > len(ip) {
				return r, nil
			}
		}
	default:
		return r, errRef
	}
	if r.fragment {
		return r, nil
	}
	l4 := ip[next:]
	switch {
	case r.proto == 6 && len(l4) >= 20:
		if n := int(l4[12]>>4) * 4; n >= 20 && n <= len(l4) {
			r.l4, r.data = l3+next, l3+next+n
		}
	case r.proto == 17 && len(l4) >= 8:
		r.l4, r.data = l3+next, l3+next+8
	}
	return r, nil
}

// fix sets the checksums of a packet, as far as it has any.
func fix(p []byte, l3 int) {
	r, err := parseRef(p, l3)
	if err != nil {
		return
	}
	if r.version == 4 {
		h := p[l3:][:int(p[l3]&15)*4]
		be.PutUint16(h[10:], 0)
		be.PutUint16(h[10:], rfc1071(h))
	}
	if r.l4 == 0 {
		return
	}
	at := r.l4 + 16
	if r.proto == 17 {
		at = r.l4 + 6
	}
	be.PutUint16(p[at:], 0)
	c := transportRef(p, r)
	if c == 0 && r.proto == 17 {
		c = 0xffff
	}
	be.PutUint16(p[at:], c)
}

// transportRef is the checksum over a packet's transport header and payload.
func transportRef(p []byte, r parsed) uint16 {
	pseudo := append([]byte(r.addresses), 0, 0, 0, 0, 0, 0, 0, r.proto)
	be.PutUint32(pseudo[len(r.addresses):], uint32(len(p)-r.l4))
	return rfc1071(pseudo, p[r.l4:])
}

// verify reports what is wrong with a complete TCP or UDP packet.
func verify(p []byte, l3 int) error {
	r, err := parseRef(p, l3)
	switch {
	case err != nil:
		return err
	case r.long != len(p)-l3:
		return fmt.Errorf("%d bytes, the IP header says %d", len(p)-l3, r.long)
	case r.version == 4 && rfc1071(p[l3:][:int(p[l3]&15)*4]) != 0:
		return errors.New("the checksum of the IPv4 header is wrong")
	case r.l4 == 0:
		return errors.New("no transport header")
	case transportRef(p, r) != 0:
		return errors.New("the transport checksum is wrong")
	case r.proto == 17 && int(be.Uint16(p[r.l4+4:])) != len(p)-r.l4:
		return errors.New("the UDP length is wrong")
	case r.proto == 17 && be.Uint16(p[r.l4+6:]) == 0:
		return errors.New("the UDP checksum is missing")
	}
	return nil
}

// pattern returns n bytes that depend on seed.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*31>>2) ^ byte(i) ^ seed
	}
	return b
}
