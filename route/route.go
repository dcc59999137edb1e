package route

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Route is one route. Fields that are zero are not sent, except as the package
// comment says.
type Route struct {
	Dst netip.Prefix // 0.0.0.0/0 or ::/0 for a default route
	Src netip.Prefix // packets from there only; IPv6

	// Gateway is the next hop. One of the other family is sent as RTA_VIA: IPv4
	// through an IPv6 router (RFC 5549).
	Gateway netip.Addr
	Index   uint32 // of the interface, RTA_OIF

	// Multipath is used instead of Gateway and Index.
	Multipath []NextHop
	NexthopID uint32 // of a nexthop object, instead of the two

	Table    rtattr.RouteTable // any number of 32 bits
	Priority uint32            // metric; less is better. For IPv6 the kernel makes 1024 of 0
	PrefSrc  netip.Addr        // source address of packets sent from here
	Scope    Scope
	Type     rtattr.RouteType
	Protocol rtattr.Protocol
	TOS      uint8
	Flags    rtattr.RouteFlags // RTNH_F_ONLINK, RTNH_F_PERVASIVE; the others are the kernel's
	Metrics  Metrics
	Flow     uint32            // realms, from and to, 16 bits each
	Pref     rtattr.RouterPref // of RFC 4191; IPv6
	Expires  uint32            // lifetime in seconds; IPv6, 0 is for ever

	// EncapType and Encap are a lightweight tunnel as the kernel has it: the
	// bytes of RTA_ENCAP.
	EncapType rtattr.EncapType
	Encap     string
}

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

// Metrics are those of RTA_METRICS, each left out if it is zero. Times are in
// the kernel's units.
type Metrics struct {
	Lock              uint32 // bit n keeps the kernel from changing RTAX_n
	MTU               uint32 // bytes
	Window            uint32 // bytes
	RTT               uint32 // in units of 1/8 ms
	RTTVar            uint32 // in units of 1/4 ms
	SsThresh          uint32
	Cwnd              uint32
	AdvMSS            uint32 // bytes
	Reordering        uint32
	HopLimit          uint32
	InitCwnd          uint32
	Features          rtattr.RouteFeature
	RTOMin            uint32 // ms
	InitRwnd          uint32
	QuickAck          uint32
	CongestionControl string
	FastOpenNoCookie  uint32
}

// A Scope is an RT_SCOPE_* value, or none: then a message says what `ip route`
// says. That is universe for IPv6; for IPv4 host for a local route, link for a
// broadcast, multicast or anycast route and for a unicast route without a
// gateway, universe for others, and nowhere, which is any, in a deletion.
type Scope struct {
	v   rtattr.Scope
	set bool
}

// ScopeOf returns the Scope of a number; universe is not the zero Scope.
func ScopeOf(v rtattr.Scope) Scope { return Scope{v, true} }

// Value returns the number and whether there is one.
func (s Scope) Value() (rtattr.Scope, bool) { return s.v, s.set }

// family returns AF_INET or AF_INET6 of an address.
func family(a netip.Addr) uint8 {
	if a.Is4() {
		return rtattr.AF_INET
	}
	return rtattr.AF_INET6
}

// invalid returns what is wrong with r. It is what the kernel would refuse
// without a word, take for something else, or ignore.
func (r *Route) invalid() string {
	dst := r.Dst.Addr()
	switch {
	case !r.Dst.IsValid():
		return "no destination: that of a default route is 0.0.0.0/0 or ::/0"
	case r.Dst != r.Dst.Masked():
		return fmt.Sprintf("bits behind the prefix length: the destination is %v", r.Dst.Masked())
	case dst.Is4In6():
		return "an IPv4 destination in IPv6 form"
	case dst.Zone() != "":
		return "the destination has a zone: Index says the interface"
	case r.Src != (netip.Prefix{}) && !r.Src.IsValid():
		return "Src has no prefix length"
	case r.Src.IsValid() && dst.Is4():
		return "IPv4 routes have no Src"
	case r.Src.IsValid() && !r.Src.Addr().Is6():
		return "Src is of another address family than Dst"
	case r.Src.IsValid() && r.Src != r.Src.Masked():
		return fmt.Sprintf("bits behind the prefix length of Src: it is %v", r.Src.Masked())
	case r.PrefSrc.IsValid() && r.PrefSrc.Is4() != dst.Is4():
		return "PrefSrc is of another address family than Dst"
	case dst.Is6() && r.Gateway.Is4():
		return "an IPv6 route has no IPv4 Gateway"
	case len(r.Multipath) > 0 && (r.Gateway.IsValid() || r.Index != 0 || r.NexthopID != 0):
		return "Multipath goes without Gateway, Index and NexthopID"
	case r.NexthopID != 0 && (r.Gateway.IsValid() || r.Index != 0):
		return "NexthopID goes without Gateway and Index"
	case (r.EncapType == 0) != (r.Encap == ""):
		return "Encap and EncapType go together"
	}
	for i := range r.Multipath {
		switch h := &r.Multipath[i]; {
		case h.Weight < 0 || h.Weight > 256:
			return fmt.Sprintf("Weight %d of nexthop %d: 1 to 256", h.Weight, i)
		case dst.Is6() && h.Gateway.Is4():
			return fmt.Sprintf("nexthop %d: an IPv6 route has no IPv4 Gateway", i)
		case (h.EncapType == 0) != (h.Encap == ""):
			return fmt.Sprintf("nexthop %d: Encap and EncapType go together", i)
		}
	}
	return ""
}

// scope returns rtm_scope of a message of type typ.
func (r *Route) scope(typ uint16) rtattr.Scope {
	switch {
	case r.Scope.set:
		return r.Scope.v
	case r.Dst.Addr().Is6():
		return rtattr.RT_SCOPE_UNIVERSE
	case typ == rtattr.RTM_DELROUTE:
		return rtattr.RT_SCOPE_NOWHERE
	}
	switch r.Type {
	case rtattr.RTN_LOCAL, rtattr.RTN_NAT:
		return rtattr.RT_SCOPE_HOST
	case rtattr.RTN_BROADCAST, rtattr.RTN_MULTICAST, rtattr.RTN_ANYCAST:
		return rtattr.RT_SCOPE_LINK
	case rtattr.RTN_UNSPEC, rtattr.RTN_UNICAST:
		if !r.Gateway.IsValid() && len(r.Multipath) == 0 && r.NexthopID == 0 {
			return rtattr.RT_SCOPE_LINK
		}
	}
	return rtattr.RT_SCOPE_UNIVERSE
}

// table returns the table of a message.
func (r *Route) table() rtattr.RouteTable {
	if r.Table != rtattr.RT_TABLE_UNSPEC {
		return r.Table
	}
	switch r.Type {
	case rtattr.RTN_LOCAL, rtattr.RTN_BROADCAST, rtattr.RTN_ANYCAST, rtattr.RTN_NAT:
		return rtattr.RT_TABLE_LOCAL
	}
	return rtattr.RT_TABLE_MAIN
}

// String returns r roughly as `ip route` prints it, with interfaces by number.
func (r Route) String() string {
	var b strings.Builder
	if r.Type > rtattr.RTN_UNICAST {
		b.WriteString(r.Type.String() + " ")
	}
	switch {
	case !r.Dst.IsValid():
		b.WriteString("?")
	case r.Dst.Bits() == 0:
		b.WriteString("default")
	case r.Dst.IsSingleIP():
		b.WriteString(r.Dst.Addr().String())
	default:
		b.WriteString(r.Dst.String())
	}
	if r.Src.IsValid() {
		fmt.Fprintf(&b, " from %s", r.Src)
	}
	if r.NexthopID != 0 {
		fmt.Fprintf(&b, " nhid %d", r.NexthopID)
	}
	hop(&b, r.Dst, r.Gateway, r.Index)
	if t := r.table(); t != rtattr.RT_TABLE_MAIN {
		fmt.Fprintf(&b, " table %s", t)
	}
	if r.Protocol != 0 && r.Protocol != rtattr.RTPROT_BOOT {
		fmt.Fprintf(&b, " proto %s", r.Protocol)
	}
	if r.Scope.set && r.Scope.v != rtattr.RT_SCOPE_UNIVERSE {
		fmt.Fprintf(&b, " scope %s", r.Scope.v)
	}
	if r.PrefSrc.IsValid() {
		fmt.Fprintf(&b, " src %s", r.PrefSrc)
	}
	if r.Priority != 0 {
		fmt.Fprintf(&b, " metric %d", r.Priority)
	}
	if r.Metrics.MTU != 0 {
		fmt.Fprintf(&b, " mtu %d", r.Metrics.MTU)
	}
	for _, h := range r.Multipath {
		b.WriteString(" nexthop")
		hop(&b, r.Dst, h.Gateway, h.Index)
		fmt.Fprintf(&b, " weight %d", max(h.Weight, 1))
	}
	return b.String()
}

func hop(b *strings.Builder, dst netip.Prefix, gateway netip.Addr, index uint32) {
	switch {
	case gateway.IsValid() && gateway.Is4() == dst.Addr().Is4():
		fmt.Fprintf(b, " via %s", gateway)
	case gateway.Is6():
		fmt.Fprintf(b, " via inet6 %s", gateway)
	case gateway.IsValid():
		fmt.Fprintf(b, " via inet %s", gateway)
	}
	if index != 0 {
		fmt.Fprintf(b, " dev %d", index)
	}
}
