package route

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A NextHop is one of the ways of a multipath route.
type NextHop struct {
	Gateway   netip.Addr
	Index     uint32
	Weight    int // 1 to 256; 0 is 1
	Flags     rtattr.NexthopFlags
	Flow      uint32
	EncapType rtattr.EncapType
	Encap     string
}

// NextHops are the ways of a multipath route, in their order. They cannot be
// changed, and unlike a slice can be compared. The zero NextHops are none.
type NextHops struct{ records string }

// Hops returns the NextHops made of some. A weight of 0 is one of 1.
func Hops(hops ...NextHop) NextHops {
	var b []byte
	for _, h := range hops {
		b = binary.NativeEndian.AppendUint32(b, h.Index)
		b = binary.NativeEndian.AppendUint32(b, h.Flow)
		b = binary.NativeEndian.AppendUint32(b, uint32(max(h.Weight, 1)))
		b = binary.NativeEndian.AppendUint16(b, uint16(h.EncapType))
		b = append(b, uint8(h.Flags))
		gateway, _ := h.Gateway.MarshalBinary() // the error is always nil
		for _, s := range []string{string(gateway), h.Encap} {
			b = append(binary.NativeEndian.AppendUint32(b, uint32(len(s))), s...)
		}
	}
	return NextHops{string(b)}
}

// All returns the nexthops in their order.
func (n NextHops) All() iter.Seq[NextHop] {
	return func(yield func(NextHop) bool) {
		for s := n.records; s != ""; {
			var h NextHop
			if h, s = cutHop(s); !yield(h) {
				return
			}
		}
	}
}

// cutHop takes the first record off s.
func cutHop(s string) (h NextHop, rest string) {
	const fixed = 15
	var b [fixed]byte
	copy(b[:], s)
	h = NextHop{
		Index:     binary.NativeEndian.Uint32(b[0:]),
		Flow:      binary.NativeEndian.Uint32(b[4:]),
		Weight:    int(binary.NativeEndian.Uint32(b[8:])),
		EncapType: rtattr.EncapType(binary.NativeEndian.Uint16(b[12:])),
		Flags:     rtattr.NexthopFlags(b[14]),
	}
	gateway, s := cutString(s[fixed:])
	h.Encap, rest = cutString(s)
	var a [32]byte
	h.Gateway.UnmarshalBinary(a[:copy(a[:], gateway)]) // Hops has made it
	return h, rest
}

func cutString(s string) (first, rest string) {
	var b [4]byte
	copy(b[:], s)
	n := 4 + int(binary.NativeEndian.Uint32(b[:]))
	return s[4:n], s[n:]
}

// String returns "nexthop via 192.0.2.9 weight 10 nexthop dev 3 weight 1".
func (n NextHops) String() string {
	var b strings.Builder
	for h := range n.All() {
		b.WriteString(" nexthop")
		if h.Gateway.IsValid() {
			fmt.Fprintf(&b, " via %s", h.Gateway)
		}
		if h.Index != 0 {
			fmt.Fprintf(&b, " dev %d", h.Index)
		}
		fmt.Fprintf(&b, " weight %d", h.Weight)
	}
	return strings.TrimPrefix(b.String(), " ")
}

func (n NextHops) invalid(dst netip.Addr) string {
	i := 0
	for h := range n.All() {
		reason := badWay(dst, h.Gateway, h.EncapType, h.Encap)
		switch {
		case h.Weight > 256:
			reason = fmt.Sprintf("Weight is %d, at most 256", h.Weight)
		case h.Flow != 0 && dst.Is6():
			reason = "an IPv6 route has no Flow"
		}
		if reason != "" {
			return fmt.Sprintf("nexthop %d: %s", i, reason)
		}
		i++
	}
	return ""
}

// badWay returns what is wrong with a gateway and an encapsulation.
func badWay(dst, gateway netip.Addr, encapType rtattr.EncapType, encap string) string {
	switch {
	case gateway.IsValid() && gateway.IsUnspecified():
		return "Gateway is the unspecified address"
	case gateway.Zone() != "":
		return fmt.Sprintf("Gateway %v has a zone: Index says the interface", gateway)
	case gateway.Is4() && dst.Is6():
		return "an IPv6 route has no IPv4 Gateway"
	case (encapType == 0) != (encap == ""):
		return "Encap and EncapType go together"
	}
	return ""
}

// put puts RTA_MULTIPATH.
func (n NextHops) put(w rtattr.RouteEncoder, fam uint8) {
	mp := w.Multipath()
	for s := n.records; s != ""; {
		var h NextHop
		h, s = cutHop(s)
		x := mp.Elem(rtattr.RtNexthop{Flags: h.Flags, Hops: uint8(h.Weight - 1), IfIndex: int32(h.Index)})
		gateway(x, fam, h.Gateway)
		if h.Flow != 0 {
			x.Flow(h.Flow)
		}
		encap(x, h.EncapType, h.Encap)
		x.End()
	}
	mp.End()
}

func parseHops(v *rtattr.RouteView) (NextHops, error) {
	var hops []NextHop
	for nh, attrs := range v.Multipath() {
		var n rtattr.RouteView
		if err := n.ParseAttrs(attrs); err != nil {
			return NextHops{}, err
		}
		h := NextHop{Gateway: viewGateway(&n), Index: uint32(nh.IfIndex), Weight: int(nh.Hops) + 1, Flags: nh.Flags & settable}
		h.Flow, _ = n.Flow()
		h.EncapType, h.Encap = viewEncap(&n)
		hops = append(hops, h)
	}
	return Hops(hops...), nil
}

// settable are the flags that users set; the others are the kernel's.
const settable = rtattr.RTNH_F_ONLINK | rtattr.RTNH_F_PERVASIVE
