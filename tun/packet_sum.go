//go:build linux

package tun

import (
	"encoding/binary"
	"math/bits"
)

// The sums here are ones' complement sums of 16-bit words (RFC 1071) in the
// machine's byte order: so they can be taken 64 bits at a time and need no
// swapping before they are stored (section 2, (B) and (C)).

var native = binary.NativeEndian

// blockLen is what copyBlocks takes at a time.
const blockLen = 64

// copySum copies src to dst, which must not be shorter, and adds its words to s. A
// last odd byte counts as followed by a zero. One pass costs little more than the
// copy alone.
func copySum(dst, src []byte, s uint64) uint64 {
	dst = dst[:len(src)]
	if n := len(src) &^ (blockLen - 1); n > 0 {
		s = add(s, copyBlocks(&dst[0], &src[0], n))
		if dst, src = dst[n:], src[n:]; len(src) == 0 {
			return s
		}
	}
	copy(dst, src)
	return sum(src, s)
}

// sum adds the words of b to s.
func sum(b []byte, s uint64) uint64 {
	var c uint64
	for len(b) >= 8 {
		s, c = bits.Add64(s, native.Uint64(b), 0)
		s += c // after a carry s is at most 1<<64 - 2
		b = b[8:]
	}
	var rest uint64
	if len(b) >= 4 {
		rest = uint64(native.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		rest += uint64(native.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		rest += word(uint16(b[0]) << 8)
	}
	return add(s, rest)
}

// sumIPv4 is the sum of an IPv4 header without options.
func sumIPv4(h *[ipv4Len]byte) uint64 {
	s, c := bits.Add64(native.Uint64(h[0:]), native.Uint64(h[8:]), 0)
	s, c = bits.Add64(s, uint64(native.Uint32(h[16:])), c)
	return s + c
}

// add returns the sum of two sums.
func add(a, b uint64) uint64 {
	s, c := bits.Add64(a, b, 0)
	return s + c
}

// fold returns s in 16 bits. Only a sum of nothing but zeros is 0.
func fold(s uint64) uint16 {
	s = s>>32 + s&(1<<32-1) // at most 33 bits
	s = s>>16 + s&(1<<16-1) // 18
	s = s>>16 + s&(1<<16-1) // 17
	s = s>>16 + s&(1<<16-1)
	return uint16(s)
}

// word returns what v, which headers hold in network byte order, adds to a sum.
func word(v uint16) uint64 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return uint64(native.Uint16(b[:]))
}
