//go:build linux && !amd64

package tun

import (
	"math/bits"
	"unsafe"
)

// copyBlocks copies n bytes, a positive multiple of blockLen, and returns their
// sum.
func copyBlocks(dst, src *byte, n int) uint64 {
	d, b := unsafe.Slice(dst, n), unsafe.Slice(src, n)
	var s, c uint64
	for len(b) >= blockLen {
		p := (*[blockLen]byte)(b)
		*(*[blockLen]byte)(d) = *p
		s, c = bits.Add64(s, native.Uint64(p[0:]), 0)
		s, c = bits.Add64(s, native.Uint64(p[8:]), c)
		s, c = bits.Add64(s, native.Uint64(p[16:]), c)
		s, c = bits.Add64(s, native.Uint64(p[24:]), c)
		s, c = bits.Add64(s, native.Uint64(p[32:]), c)
		s, c = bits.Add64(s, native.Uint64(p[40:]), c)
		s, c = bits.Add64(s, native.Uint64(p[48:]), c)
		s, c = bits.Add64(s, native.Uint64(p[56:]), c)
		s += c
		d, b = d[blockLen:], b[blockLen:]
	}
	return s
}
