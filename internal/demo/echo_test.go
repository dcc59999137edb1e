//go:build linux

package demo

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func request4() []byte {
	p := []byte{0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, protoICMP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		echoRequest, 0, 0, 0, 1, 2, 0, 1, 'a', 'b'}
	binary.BigEndian.PutUint16(p[22:], checksum(p[20:]))
	return p
}

func request6() []byte {
	p := make([]byte, ipv6HdrLen+echoHeaderLen)
	p[0], p[5], p[6], p[7] = 0x60, echoHeaderLen, protoICMPv6, 64
	p[8], p[23], p[24], p[39] = 0xfd, 1, 0xfd, 2
	p[40] = echoRequest6
	pseudo := append(append(bytes.Clone(p[8:40]), 0, 0, 0, echoHeaderLen, 0, 0, 0, protoICMPv6), p[40:]...)
	binary.BigEndian.PutUint16(p[42:], checksum(pseudo))
	return p
}

func TestReply(t *testing.T) {
	p := request4()
	if !reply(p) || p[20] != echoReply || checksum(p[20:]) != 0 || !bytes.Equal(p[12:20], []byte{10, 0, 0, 2, 10, 0, 0, 1}) {
		t.Errorf("% x", p)
	}
	p = request6()
	pseudo := func() []byte {
		return append(append(bytes.Clone(p[8:40]), 0, 0, 0, echoHeaderLen, 0, 0, 0, protoICMPv6), p[40:]...)
	}
	if checksum(pseudo()) != 0 {
		t.Fatal("the request's checksum is wrong")
	}
	if !reply(p) || p[40] != echoReply6 || checksum(pseudo()) != 0 || p[8+15] != 2 || p[24+15] != 1 {
		t.Errorf("% x", p)
	}
}

// TestNoReply leaves everything else as it is, at any length.
func TestNoReply(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"reply":       func(p []byte) []byte { p[20] = echoReply; return p },
		"other proto": func(p []byte) []byte { p[9] = 17; return p },
		"fragment":    func(p []byte) []byte { p[7] = 1; return p },
		"short IHL":   func(p []byte) []byte { p[0] = 0x44; return p },
		"long IHL":    func(p []byte) []byte { p[0] = 0x4f; return p },
		"version":     func(p []byte) []byte { p[0] = 0x55; return p },
	} {
		p := change(request4())
		before := bytes.Clone(p)
		if reply(p) || !bytes.Equal(p, before) {
			t.Errorf("%s: % x", name, p)
		}
	}
	for _, whole := range [][]byte{request4()[:28], request6()} {
		for n := range whole {
			p := bytes.Clone(whole[:n])
			if p = p[:n:n]; reply(p) || !bytes.Equal(p, whole[:n]) {
				t.Errorf("%d bytes: % x", n, p)
			}
		}
	}
}
