//go:build linux

package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// Protocol numbers and message types of ICMP (RFC 792) and ICMPv6 (RFC 4443).
const (
	protoICMP   = 1
	protoICMPv6 = 58

	echoRequest, echoReply     = 8, 0
	echoRequest6, echoReply6   = 128, 129
	echoHeaderLen, ipv6HdrLen  = 8, 40
	ipv4MinLen, checksumOffset = 20, 2
)

// Answer is the host at the far end of the link: it turns every echo request that
// comes out of the device into its reply, whatever the address, until the device is
// closed. It calls answered, unless that is nil, with each reply.
func Answer(dev io.ReadWriter, answered func(packet []byte)) error {
	packet := make([]byte, 65535)
	for {
		n, err := dev.Read(packet)
		answer := err == nil && reply(packet[:n])
		if answer {
			_, err = dev.Write(packet[:n])
		}
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		case answer && answered != nil:
			answered(packet[:n])
		}
	}
}

// reply turns an echo request into its reply, in place. Other packets are left
// alone.
func reply(p []byte) bool {
	switch {
	case len(p) >= ipv4MinLen && p[0]>>4 == 4:
		header := int(p[0]&15) * 4
		if header < ipv4MinLen || header > len(p) || p[9] != protoICMP || binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
			return false // a fragment has no ICMP header, or not all of it
		}
		return swap(p[12:16], p[16:20], p[header:], echoRequest, echoReply)
	case len(p) >= ipv6HdrLen && p[0]>>4 == 6 && p[6] == protoICMPv6:
		return swap(p[8:24], p[24:40], p[ipv6HdrLen:], echoRequest6, echoReply6)
	}
	return false
}

// swap exchanges source and destination, which leaves all checksums as they are,
// and changes the type, which the ICMP checksum must follow (RFC 1624, eqn. 3).
func swap(src, dst, icmp []byte, request, reply byte) bool {
	if len(icmp) < echoHeaderLen || icmp[0] != request {
		return false
	}
	for i := range src {
		src[i], dst[i] = dst[i], src[i]
	}
	icmp[0] = reply
	sum := uint32(^binary.BigEndian.Uint16(icmp[checksumOffset:]))
	sum += uint32(^(uint16(request) << 8)) + uint32(reply)<<8
	binary.BigEndian.PutUint16(icmp[checksumOffset:], ^fold(sum))
	return true
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// checksum is the Internet checksum (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return ^fold(sum)
}

// Ping sends one echo request through the kernel's own stack and returns how long
// the reply took.
func Ping(to netip.Addr) (time.Duration, error) {
	network, request, want := "ip4:icmp", byte(echoRequest), byte(echoReply)
	if to.Is6() {
		network, request, want = "ip6:ipv6-icmp", echoRequest6, echoReply6
	}
	conn, err := net.DialIP(network, nil, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return 0, err
	}
	out := []byte{request, 0, 0, 0, 0x4e, 0x4c, 0, 1, 'n', 'l', 'w', 'i', 'r', 'e'}
	if to.Is4() { // for ICMPv6 the kernel does it, with the pseudo-header
		binary.BigEndian.PutUint16(out[checksumOffset:], checksum(out))
	}
	start := time.Now()
	if _, err := conn.Write(out); err != nil {
		return 0, err
	}
	in := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFromIP(in) // without an IPv4 header
		if err != nil {
			return 0, err
		}
		if n == len(out) && in[0] == want && string(in[4:n]) == string(out[4:]) {
			return time.Since(start), nil
		}
	}
}

// PingLine is Ping for people.
func PingLine(to netip.Addr) (string, error) {
	rtt, err := Ping(to)
	if err != nil {
		return "", fmt.Errorf("ping %s: %w", to, err)
	}
	return fmt.Sprintf("reply from %s: time=%.3f ms", to, float64(rtt.Microseconds())/1000), nil
}
