package route

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"unique"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// A NextHop is one of the ways of a multipath route.
type NextHop struct {
	Gateway netip.Addr
	Index   uint32 // of the interface
	Weight  int    // 1 to 256; 0 is 1
	Flags   rtattr.NexthopFlags
	Flow    uint32       // realms; IPv4
	As      encap.Labels // of an MPLS route
	Encap   encap.Encap
}

// NextHops are the ways of a multipath route, in their order. They cannot be
// changed, and unlike a slice can be compared. The zero NextHops are none.
type NextHops struct{ first unique.Handle[hop] }

// A hop is the first of NextHops.
type hop struct {
	NextHop
	rest NextHops
}

// Hops returns the NextHops made of some. A weight of 0 is one of 1.
func Hops(hops ...NextHop) NextHops {
	var n NextHops
	for i := len(hops) - 1; i >= 0; i-- {
		h := hops[i]
		h.Weight = max(h.Weight, 1)
		n = NextHops{unique.Make(hop{h, n})}
	}
	return n
}

// All returns the nexthops in their order.
func (n NextHops) All() iter.Seq[NextHop] {
	return func(yield func(NextHop) bool) {
		for n != (NextHops{}) {
			h := n.first.Value()
			if !yield(h.NextHop) {
				return
			}
			n = h.rest
		}
	}
}

// String returns "nexthop via 192.0.2.9 weight 10 nexthop dev 3 weight 1".
func (n NextHops) String() string {
	for h := range n.All() {
		if h.Gateway.IsValid() {
			return n.string(family(h.Gateway))
		}
	}
	return n.string(rtattr.AF_INET)
}

func (n NextHops) string(fam uint8) string {
	var b strings.Builder
	for h := range n.All() {
		b.WriteString(" nexthop")
		writeWay(&b, fam, h.As, h.Encap, h.Gateway, h.Index)
		fmt.Fprintf(&b, " weight %d", h.Weight)
	}
	return strings.TrimPrefix(b.String(), " ")
}

func (n NextHops) invalid(fam uint8) string {
	i := 0
	for n != (NextHops{}) {
		h := n.first.Value()
		n = h.rest
		reason := badWay(fam, h.Gateway, h.As)
		switch {
		case h.Weight > 256:
			reason = fmt.Sprintf("Weight is %d, at most 256", h.Weight)
		case h.Flow != 0 && fam == rtattr.AF_INET6:
			reason = "an IPv6 route has no Flow"
		}
		if reason != "" {
			return fmt.Sprintf("nexthop %d: %s", i, reason)
		}
		i++
	}
	return ""
}

// badWay returns what is wrong with a gateway and labels.
func badWay(fam uint8, gateway netip.Addr, as encap.Labels) string {
	switch {
	case gateway.IsValid() && gateway.IsUnspecified():
		return "Gateway is the unspecified address"
	case gateway.Is4In6():
		return "an IPv4 Gateway in IPv6 form"
	case gateway.Zone() != "":
		return fmt.Sprintf("Gateway %v has a zone: Index says the interface", gateway)
	case gateway.Is4() && fam == rtattr.AF_INET6:
		return "an IPv6 route has no IPv4 Gateway"
	case as != (encap.Labels{}) && fam != rtattr.AF_MPLS:
		return "As is for MPLS routes: Encap puts labels on IP packets"
	}
	return ""
}

// put puts RTA_MULTIPATH.
func (n NextHops) put(w rtattr.RouteEncoder, fam uint8) {
	mp := w.Multipath()
	for n != (NextHops{}) {
		h := n.first.Value()
		n = h.rest
		x := mp.Elem(rtattr.RtNexthop{Flags: h.Flags, Hops: uint8(h.Weight - 1), IfIndex: int32(h.Index)})
		putAs(x, h.As)
		putGateway(x, fam, h.Gateway)
		if h.Flow != 0 {
			x.Flow(h.Flow)
		}
		putEncap(x, h.Encap)
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
		h := NextHop{Gateway: viewGateway(&n), Index: uint32(nh.IfIndex), Weight: int(nh.Hops) + 1, Flags: nh.Flags & settable, Encap: viewEncap(&n)}
		h.Flow, _ = n.Flow()
		var err error
		if h.As, err = viewAs(&n); err != nil {
			return NextHops{}, err
		}
		hops = append(hops, h)
	}
	return Hops(hops...), nil
}

// settable are the flags that users set; the others are the kernel's.
const settable = rtattr.RTNH_F_ONLINK | rtattr.RTNH_F_PERVASIVE
