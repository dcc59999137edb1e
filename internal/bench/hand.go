package bench

import (
	"encoding/binary"
	"net/netip"
)

// What a careful programmer writes without a library: appends for encoding, an
// offset table for decoding. This is the limit that generated code can reach.

var native = binary.NativeEndian

func handMsg(b []byte, typ, flags uint16) []byte {
	b = native.AppendUint32(b, 0)
	b = native.AppendUint16(b, typ)
	b = native.AppendUint16(b, flags)
	return native.AppendUint64(b, 0)
}

func handMsgEnd(b []byte, at int) { native.PutUint32(b[at:], uint32(len(b)-at)) }

func handNest(b []byte, typ uint16) []byte {
	b = native.AppendUint16(b, 0)
	return native.AppendUint16(b, typ)
}

func handEnd(b []byte, at int) { native.PutUint16(b[at:], uint16(len(b)-at)) }

func handUint32(b []byte, typ uint16, v uint32) []byte {
	b = native.AppendUint16(b, 8)
	b = native.AppendUint16(b, typ)
	return native.AppendUint32(b, v)
}

func handUint8(b []byte, typ uint16, v uint8) []byte {
	b = native.AppendUint16(b, 5)
	b = native.AppendUint16(b, typ)
	return append(b, v, 0, 0, 0)
}

func handUint16BE(b []byte, typ, v uint16) []byte {
	b = native.AppendUint16(b, 6)
	b = native.AppendUint16(b, typ)
	return append(b, byte(v>>8), byte(v), 0, 0)
}

func handAddr4(b []byte, typ uint16, a netip.Addr) []byte {
	b = native.AppendUint16(b, 8)
	b = native.AppendUint16(b, typ)
	v := a.As4()
	return append(b, v[:]...)
}

func handAddr6(b []byte, typ uint16, a netip.Addr) []byte {
	b = native.AppendUint16(b, 20)
	b = native.AppendUint16(b, typ)
	v := a.As16()
	return append(b, v[:]...)
}

func handString(b []byte, typ uint16, s string) []byte {
	b = native.AppendUint16(b, uint16(5+len(s)))
	b = native.AppendUint16(b, typ)
	b = append(b, s...)
	return append(b, "\x00\x00\x00\x00"[:4-len(s)&3]...)
}

func handBytes(b []byte, typ uint16, v []byte) []byte {
	b = native.AppendUint16(b, uint16(4+len(v)))
	b = native.AppendUint16(b, typ)
	b = append(b, v...)
	return append(b, "\x00\x00\x00"[:-len(v)&3]...)
}

// handIndex stores where the payloads of b's attributes begin.
func handIndex(b []byte, at []uint32) bool {
	for off := 0; off < len(b); {
		rest := b[off:]
		if len(rest) < 4 {
			return false
		}
		n := int(native.Uint16(rest))
		if n < 4 || n > len(rest) {
			return false
		}
		if typ := native.Uint16(rest[2:]) & 0x3fff; int(typ) < len(at) {
			at[typ] = uint32(off + 4)
		}
		off += (n + 3) &^ 3
	}
	return true
}

// handPayload returns the payload that begins at off, of exactly size bytes; of
// any size if size is negative.
func handPayload(b []byte, off uint32, size int) []byte {
	if off == 0 {
		return nil
	}
	n := int(native.Uint16(b[off-4:])) - 4
	if size >= 0 && n != size {
		return nil
	}
	return b[off : int(off)+n]
}

func handGet8(b []byte, off uint32) uint8 {
	if p := handPayload(b, off, 1); p != nil {
		return p[0]
	}
	return 0
}

func handGet32(b []byte, off uint32) uint32 {
	if p := handPayload(b, off, 4); p != nil {
		return native.Uint32(p)
	}
	return 0
}

func handGetAddr(b []byte, off uint32) netip.Addr {
	a, _ := netip.AddrFromSlice(handPayload(b, off, -1))
	return a
}

func handGetString(b []byte, off uint32) []byte {
	p := handPayload(b, off, -1)
	for i, c := range p {
		if c == 0 {
			return p[:i]
		}
	}
	return p
}
