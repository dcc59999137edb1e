package encap

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// Segments are a list of IPv6 addresses. They cannot be changed, and unlike a slice
// can be compared. The zero Segments are none.
type Segments struct {
	addrs string // 16 bytes each
	bad   string // the first that is no IPv6 address without a zone
}

// SegmentsOf returns the Segments of some addresses.
func SegmentsOf(addrs ...netip.Addr) Segments {
	var s Segments
	var b []byte
	for _, a := range addrs {
		if (!a.Is6() || a.Zone() != "") && s.bad == "" {
			s.bad = a.String()
		}
		if a.IsValid() {
			v := a.As16()
			b = append(b, v[:]...)
		}
	}
	s.addrs = string(b)
	return s
}

// Len returns how many addresses there are.
func (s Segments) Len() int { return len(s.addrs) / 16 }

func (s Segments) at(i int) netip.Addr {
	var a [16]byte
	copy(a[:], s.addrs[16*i:])
	return netip.AddrFrom16(a)
}

// All returns the addresses in their order.
func (s Segments) All() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for i := range s.Len() {
			if !yield(s.at(i)) {
				return
			}
		}
	}
}

// String returns "fd00::2,fd00::3".
func (s Segments) String() string {
	var parts []string
	for a := range s.All() {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, ",")
}

// An SRH is a segment routing header (RFC 8754). Lengths, the number of segments
// left and the type follow from the rest.
type SRH struct {
	Segments Segments // in the order in which a packet visits them
	HMAC     uint32   // number of the key of a digest at the end of the header; 0 is none
	Flags    rtattr.SRFlags
	Tag      uint16
	TLVs     string // further TLVs, behind the segments; a multiple of 8 bytes
}

const (
	srhLen    = 8
	srhType   = 4
	hmacLen   = 40 // struct sr6_tlv_hmac
	hmacTLV   = 5  // SR6_TLV_HMAC
	maxHdrLen = 255
)

// String returns "segs fd00::2,fd00::3 hmac 7".
func (h SRH) String() string {
	s := "segs " + h.Segments.String()
	if h.HMAC != 0 {
		s += fmt.Sprintf(" hmac %d", h.HMAC)
	}
	return s
}

// put puts attribute typ: room for mode bytes, which it returns, and the header. An
// inlined header has one more segment, last in travel, where the kernel puts the
// destination of the packet.
func (h SRH) put(n rtattr.Nest, typ uint16, mode int, inline bool) []byte {
	segs := h.Segments.Len()
	if inline {
		segs++
	}
	size := srhLen + 16*segs + len(h.TLVs)
	if h.HMAC != 0 {
		size += hmacLen
		h.Flags |= rtattr.SR6_FLAG1_HMAC
	}
	switch {
	case h.Segments.bad != "":
		n.Fail(typ, fmt.Sprintf("segment %s is no IPv6 address, or has a zone", h.Segments.bad))
	case h.Segments.Len() == 0:
		n.Fail(typ, "no segments")
	case len(h.TLVs)%8 != 0:
		n.Fail(typ, fmt.Sprintf("TLVs of %d bytes, not a multiple of 8", len(h.TLVs)))
	case size/8-1 > maxHdrLen:
		n.Fail(typ, fmt.Sprintf("%d segments are too many", h.Segments.Len()))
	default:
		b := n.Space(typ, mode+size)
		var tag [2]byte
		binary.BigEndian.PutUint16(tag[:], h.Tag)
		rtattr.SRHeader{
			HdrLen: uint8(size/8 - 1), Type: srhType, SegmentsLeft: uint8(segs - 1), FirstSegment: uint8(segs - 1),
			Flags: h.Flags, Tag: binary.NativeEndian.Uint16(tag[:]),
		}.Append(b[mode:mode])
		rest := b[mode+srhLen:]
		if inline {
			clear(rest[:16])
			rest = rest[16:]
		}
		for i := h.Segments.Len() - 1; i >= 0; i-- {
			rest = rest[copy(rest, h.Segments.addrs[16*i:16*i+16]):]
		}
		rest = rest[copy(rest, h.TLVs):]
		if h.HMAC != 0 {
			clear(rest)
			rest[0], rest[1] = hmacTLV, hmacLen-2
			binary.BigEndian.PutUint32(rest[4:], h.HMAC)
		}
		return b[:mode]
	}
	return make([]byte, mode)
}

// parseSRH reads a header. It reports false if put would not write it so.
func parseSRH(head rtattr.SRHeader, tail []byte, inline bool) (h SRH, ok bool) {
	segs := int(head.FirstSegment) + 1
	if head.NextHeader != 0 || head.Type != srhType || head.SegmentsLeft != head.FirstSegment ||
		8*int(head.HdrLen) != len(tail) || 16*segs > len(tail) {
		return h, false
	}
	var tag [2]byte
	binary.NativeEndian.PutUint16(tag[:], head.Tag)
	h.Tag = binary.BigEndian.Uint16(tag[:])
	h.Flags = head.Flags &^ rtattr.SR6_FLAG1_HMAC
	list, rest := tail[:16*segs], tail[16*segs:]
	if inline {
		if segs == 1 || [16]byte(list) != ([16]byte{}) {
			return h, false
		}
		list = list[16:]
	}
	b := make([]byte, 0, len(list))
	for i := len(list) - 16; i >= 0; i -= 16 {
		b = append(b, list[i:i+16]...)
	}
	h.Segments.addrs = string(b)
	if head.Flags&rtattr.SR6_FLAG1_HMAC != 0 {
		at := len(rest) - hmacLen
		if at < 0 {
			return h, false
		}
		tlv := rest[at:]
		h.HMAC = binary.BigEndian.Uint32(tlv[4:])
		if tlv[0] != hmacTLV || tlv[1] != hmacLen-2 || tlv[2] != 0 || tlv[3] != 0 || h.HMAC == 0 || [32]byte(tlv[8:]) != ([32]byte{}) {
			return h, false
		}
		rest = rest[:at]
	}
	h.TLVs = string(rest)
	return h, true
}

// SEG6 puts a segment routing header on packets (net/ipv6/seg6_iptunnel.c).
type SEG6 struct {
	Mode rtattr.SEG6Mode
	SRH  SRH
}

// Type returns LWTUNNEL_ENCAP_SEG6.
func (SEG6) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_SEG6 }

// String returns "seg6 mode encap segs fd00::2,fd00::3".
func (x SEG6) String() string { return fmt.Sprintf("seg6 mode %s %s", x.Mode, x.SRH) }

func (SEG6) encap() {}

func (x SEG6) put(w rtattr.EncapSEG6Encoder) {
	b := x.SRH.put(w.Nest, rtattr.SEG6_IPTUNNEL_SRH, 4, x.Mode == rtattr.SEG6_IPTUN_MODE_INLINE)
	binary.NativeEndian.PutUint32(b, uint32(x.Mode))
}

func parseSEG6(b []byte) (x SEG6, ok bool) {
	var v rtattr.EncapSEG6View
	if err := v.Parse(b); !known(&rtattr.EncapSEG6Set, v.Attrs(), err) {
		return x, false
	}
	head, tail, ok := v.SRH()
	if !ok {
		return x, false
	}
	x.Mode = head.Mode
	x.SRH, ok = parseSRH(head.Header, tail, x.Mode == rtattr.SEG6_IPTUN_MODE_INLINE)
	return x, ok
}

// RPL puts an RPL source routing header (RFC 6554) on packets
// (net/ipv6/rpl_iptunnel.c).
type RPL struct {
	Segments Segments // as in the header, the first hop first; ip has them the other way round
}

// Type returns LWTUNNEL_ENCAP_RPL.
func (RPL) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_RPL }

// String returns "rpl segs fd00::3,fd00::2", the last hop first.
func (x RPL) String() string {
	var parts []string
	for i := x.Segments.Len() - 1; i >= 0; i-- {
		parts = append(parts, x.Segments.at(i).String())
	}
	return "rpl segs " + strings.Join(parts, ",")
}

func (RPL) encap() {}

const rplType = 3

func (x RPL) put(w rtattr.EncapRPLEncoder) {
	const typ = rtattr.RPL_IPTUNNEL_SRH
	n := x.Segments.Len()
	switch {
	case x.Segments.bad != "":
		w.Fail(typ, fmt.Sprintf("segment %s is no IPv6 address, or has a zone", x.Segments.bad))
	case n == 0:
		w.Fail(typ, "no segments")
	case 2*n > maxHdrLen:
		w.Fail(typ, fmt.Sprintf("%d segments are too many", n))
	default:
		b := w.Space(typ, srhLen+16*n)
		rtattr.RPLHeader{HdrLen: uint8(2 * n), Type: rplType, SegmentsLeft: uint8(n)}.Append(b[:0])
		copy(b[srhLen:], x.Segments.addrs)
	}
}

func parseRPL(b []byte) (x RPL, ok bool) {
	var v rtattr.EncapRPLView
	if err := v.Parse(b); !known(&rtattr.EncapRPLSet, v.Attrs(), err) {
		return x, false
	}
	head, tail, ok := v.SRH()
	n := int(head.SegmentsLeft)
	if !ok || n == 0 || head != (rtattr.RPLHeader{HdrLen: uint8(2 * n), Type: rplType, SegmentsLeft: uint8(n)}) || 2*n > maxHdrLen || 16*n != len(tail) {
		return x, false
	}
	x.Segments.addrs = string(tail)
	return x, true
}
