package route

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// A Route is one route. Fields that are zero are not sent, except as the package
// comment says. Two Routes are equal (==) if all fields are.
type Route struct {
	Dst netip.Prefix // 0.0.0.0/0 or ::/0 for a default route
	Src netip.Prefix // packets from there only; IPv6

	// Label is the incoming label of an MPLS route, which has no Dst.
	Label uint32

	// Gateway is the next hop. One of the other family is sent as RTA_VIA: IPv4
	// through an IPv6 router (RFC 5549).
	Gateway netip.Addr
	Index   uint32 // of the interface, RTA_OIF

	As    encap.Labels // that take the place of Label; none pop it
	Encap encap.Encap  // what packets are wrapped into, nil for nothing

	// Multipath is used instead of Gateway, Index, As and Encap.
	Multipath NextHops
	NexthopID uint32 // of a nexthop object, instead of all of that

	Table    rtattr.RouteTable // any number of 32 bits
	Priority uint32            // metric; less is better. For IPv6 the kernel makes 1024 of 0
	PrefSrc  netip.Addr        // source address of packets sent from here
	Scope    Scope
	Type     rtattr.RouteType
	Protocol rtattr.Protocol
	TOS      uint8

	// Flags are RTNH_F_ONLINK and RTNH_F_PERVASIVE, and RTM_F_CLONED of a cached
	// route, which can be deleted and not added. What else the kernel says (dead,
	// linkdown, offload, trap) is in the header of a view.
	Flags rtattr.RouteFlags

	Metrics      Metrics
	Flow         uint32            // realms, from and to, 16 bits each; IPv4
	Pref         rtattr.RouterPref // of RFC 4191; IPv6
	Expires      uint32            // lifetime in seconds; IPv6, 0 is for ever
	TTLPropagate TTLPropagate      // of an MPLS route
}

// TTLPropagate says whether popping a label copies its TTL into the packet.
type TTLPropagate uint8

const (
	PropagateDefault TTLPropagate = iota // as net.mpls.ip_ttl_propagate says
	PropagateOn
	PropagateOff
)

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

// family returns that of r.
func (r *Route) family() uint8 {
	if r.Label != 0 {
		return rtattr.AF_MPLS
	}
	return family(r.Dst.Addr())
}

// way reports whether r says where packets leave.
func (r *Route) way() bool {
	return r.Gateway.IsValid() || r.Index != 0 || r.Flags&^rtattr.RTM_F_CLONED != 0 || r.As != (encap.Labels{}) || r.Encap != nil
}

// invalid returns what is wrong with r in a message of type typ. It is what the
// kernel would refuse without a word, take for something else, or ignore.
func (r *Route) invalid(typ uint16) string {
	switch {
	case r.Flags&rtattr.RTM_F_CLONED != 0 && typ != rtattr.RTM_DELROUTE:
		return "a cached route can be deleted alone"
	case r.NexthopID != 0 && (r.way() || r.Multipath != (NextHops{})):
		return "NexthopID goes without Gateway, Index, Flags, As, Encap and Multipath: the nexthop object has them"
	case r.Multipath != (NextHops{}) && r.way():
		return "Multipath goes without Gateway, Index, Flags, As and Encap: each nexthop has its own"
	}
	reason := ""
	if r.Label != 0 {
		reason = r.invalidMPLS()
	} else {
		reason = r.invalidIP()
	}
	if reason == "" {
		reason = badWay(r.family(), r.Gateway, r.As)
	}
	if reason == "" {
		reason = r.Multipath.invalid(r.family())
	}
	return reason
}

func (r *Route) invalidMPLS() string {
	switch {
	case r.Label >= 1<<20:
		return "a label has 20 bits"
	case r.Dst != (netip.Prefix{}):
		return "an MPLS route has a Label and no Dst"
	case r.Scope.v != rtattr.RT_SCOPE_UNIVERSE:
		return "an MPLS route has no Scope but universe"
	}
	return ""
}

func (r *Route) invalidIP() string {
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
	case r.TTLPropagate != PropagateDefault:
		return "TTLPropagate is for MPLS routes"
	case dst.Is4() && r.Flags&rtattr.RTM_F_CLONED != 0:
		return "a cached IPv4 route cannot be deleted"
	case dst.Is4() && r.Expires != 0:
		return "an IPv4 route has no Expires"
	case dst.Is4() && r.Pref != 0:
		return "an IPv4 route has no Pref"
	case dst.Is6() && r.Flow != 0:
		return "an IPv6 route has no Flow"
	case dst.Is6() && r.Scope.v != rtattr.RT_SCOPE_UNIVERSE:
		return "an IPv6 route has no Scope but universe"
	}
	return ""
}

// scope returns rtm_scope of a message of type typ.
func (r *Route) scope(typ uint16) rtattr.Scope {
	switch {
	case r.Scope.set:
		return r.Scope.v
	case r.family() != rtattr.AF_INET:
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
		if !r.Gateway.IsValid() && r.Multipath == (NextHops{}) && r.NexthopID == 0 {
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
	case r.Label != 0:
		fmt.Fprintf(&b, "mpls %d", r.Label)
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
	writeWay(&b, r.family(), r.As, r.Encap, r.Gateway, r.Index)
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
	if r.Multipath != (NextHops{}) {
		b.WriteString(" " + r.Multipath.string(r.family()))
	}
	return b.String()
}

// writeWay writes where packets leave, with a space before each word.
func writeWay(b *strings.Builder, fam uint8, as encap.Labels, x encap.Encap, gateway netip.Addr, index uint32) {
	if as != (encap.Labels{}) {
		fmt.Fprintf(b, " as %s", as)
	}
	if x != nil {
		fmt.Fprintf(b, " encap %s", x)
	}
	switch {
	case !gateway.IsValid():
	case family(gateway) == fam:
		fmt.Fprintf(b, " via %s", gateway)
	case gateway.Is6():
		fmt.Fprintf(b, " via inet6 %s", gateway)
	default:
		fmt.Fprintf(b, " via inet %s", gateway)
	}
	if index != 0 {
		fmt.Fprintf(b, " dev %d", index)
	}
}
