package rule

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// Families of the rules of multicast routing (linux/rtnetlink.h).
const (
	IPv4Multicast = 128 // RTNL_FAMILY_IPMR
	IPv6Multicast = 129 // RTNL_FAMILY_IP6MR
)

// A Rule is one rule. Fields that are zero are not sent, except as the package
// comment says. Two Rules are equal (==) if all fields are.
type Rule struct {
	// Family is AF_INET, AF_INET6, IPv4Multicast or IPv6Multicast. It may be left
	// out of what is written if Src or Dst tells it.
	Family uint8

	// Priority is the place among the rules, low numbers first. The kernel chooses
	// one for a rule without: one less than that of the second rule of the list.
	Priority Number

	// A packet must have all of these.
	Src, Dst      netip.Prefix
	IIF           string // name of the interface by which it came; "lo" is a packet sent from here
	OIF           string // name of the interface to which its socket is bound
	FwMark        uint32 // its mark ...
	FwMask        Number // ... in these bits; none is all of them, if there is an FwMark
	TOS           uint8  // type of service, of which the kernel takes the bits 0x1c in IPv4, 0xfc in IPv6
	DSCP          Number // differentiated services code point, 0 to 63; Linux 6.13
	DSCPMask      uint8  // in these bits, 0 is all; Linux 6.15
	FlowLabel     Number // 20 bits, IPv6; Linux 6.14
	FlowLabelMask Number // in these bits, none is all; Linux 6.14
	IPProto       uint8  // IPPROTO_TCP, say
	SPort, DPort  Ports
	UIDRange      UIDs   // of the socket
	TunnelID      uint64 // key of the tunnel by which it came

	// Flags may be FIB_RULE_INVERT: what does not have all of that is meant. And
	// FIB_RULE_FIND_SADDR and FIB_RULE_PERMANENT. The kernel lists others, which say
	// what it has found, and are not sent.
	Flags rtattr.RuleFlags

	Action rtattr.RuleAction // zero is FR_ACT_TO_TBL, or FR_ACT_GOTO if there is a Goto
	Table  rtattr.RouteTable // any number of 32 bits
	L3MDev bool              // the table is that of the packet's VRF
	Goto   uint32            // priority of a later rule where to go on

	// Results of the table do not count with a prefix of at most SuppressPrefixLen
	// bits, or an interface of the group SuppressIfGroup.
	SuppressPrefixLen, SuppressIfGroup Number

	Flow     uint32 // realms, from and to, 16 bits each; IPv4
	Protocol rtattr.Protocol

	// Unknown are attributes without a field here, as they are in the message. They
	// are sent as they are.
	Unknown string
}

// Ports is a range of ports, in host byte order. The zero Ports is any.
type Ports struct {
	Start, End uint16
	Mask       uint16 // bits that matter of a single port, 0 is all; Linux 6.15
}

// Port is the range of one port.
func Port(n uint16) Ports { return Ports{Start: n, End: n} }

// String returns "443", "1000-2000", "80/0xfff0".
func (p Ports) String() string {
	s := fmt.Sprint(p.Start)
	if p.End != p.Start {
		s += fmt.Sprintf("-%d", p.End)
	}
	if p.Mask != 0 {
		s += fmt.Sprintf("/%#x", p.Mask)
	}
	return s
}

// UIDs is a range of users. The zero UIDs is any.
type UIDs struct{ Start, End Number }

// User is the range of one user.
func User(uid uint32) UIDs { return UIDs{NumberOf(uid), NumberOf(uid)} }

// computed are the flags by which the kernel tells what it has found.
const computed = rtattr.FIB_RULE_UNRESOLVED | rtattr.FIB_RULE_IIF_DETACHED | rtattr.FIB_RULE_OIF_DETACHED

// family returns the family of r, 0 if nothing tells it.
func (r *Rule) family() uint8 {
	if r.Family != 0 {
		return r.Family
	}
	for _, p := range [...]netip.Prefix{r.Src, r.Dst} {
		switch {
		case p.Addr().Is4():
			return rtattr.AF_INET
		case p.Addr().Is6():
			return rtattr.AF_INET6
		}
	}
	return 0
}

// invalid returns what is wrong with r. It is what the kernel would take for
// something else, or ignore.
func (r *Rule) invalid() string {
	fam := r.family()
	four := fam == rtattr.AF_INET || fam == IPv4Multicast
	switch fam {
	case rtattr.AF_INET, rtattr.AF_INET6, IPv4Multicast, IPv6Multicast:
	case 0:
		return "no Family, nor an address that tells it"
	default:
		return fmt.Sprintf("there are no rules of address family %d", fam)
	}
	for _, p := range [...]netip.Prefix{r.Src, r.Dst} {
		switch {
		case p == netip.Prefix{}:
		case !p.IsValid():
			return "Src or Dst has no prefix length"
		case p.Addr().Is4() != four:
			return fmt.Sprintf("%v is of another address family", p)
		}
	}
	switch {
	case !four && r.Flow != 0:
		return "an IPv6 rule has no Flow"
	case four && (r.FlowLabel != 0 || r.FlowLabelMask != 0):
		return "an IPv4 rule has no FlowLabel"
	case r.FlowLabelMask != 0 && r.FlowLabel == 0:
		return "FlowLabelMask without a FlowLabel"
	case r.DSCPMask != 0 && r.DSCP == 0:
		return "DSCPMask without a DSCP"
	case r.DSCP != 0 && r.TOS != 0:
		return "DSCP and TOS"
	case (r.UIDRange.Start == 0) != (r.UIDRange.End == 0):
		return "UIDRange has one end only"
	case r.Goto != 0 && r.Action != 0 && r.Action != rtattr.FR_ACT_GOTO:
		return fmt.Sprintf("Goto with the action %v", r.Action)
	case r.L3MDev && r.Table != 0:
		return "L3MDev and a Table"
	}
	for _, p := range [...]Ports{r.SPort, r.DPort} {
		switch {
		case p == Ports{}:
		case p.Start == 0 || p.End < p.Start:
			return fmt.Sprintf("%d-%d is no range of ports", p.Start, p.End)
		case p.Mask != 0 && p.End != p.Start:
			return "a mask of a range of ports"
		}
	}
	for _, n := range [...]struct {
		name  string
		n     Number
		limit uint32
	}{
		{"Priority", r.Priority, maxNumber},
		{"FwMask", r.FwMask, maxNumber},
		{"DSCP", r.DSCP, maxDSCP},
		{"DSCPMask", Number(r.DSCPMask), maxDSCP},
		{"FlowLabel", r.FlowLabel, maxFlowLabel},
		{"FlowLabelMask", r.FlowLabelMask, maxFlowLabel},
		{"UIDRange", r.UIDRange.Start, maxNumber - 1}, // the last one is INVALID_UID
		{"UIDRange", r.UIDRange.End, maxNumber - 1},
		{"SuppressPrefixLen", r.SuppressPrefixLen, maxNumber - 1}, // the last one is none
		{"SuppressIfGroup", r.SuppressIfGroup, maxNumber - 1},
	} {
		if reason := n.n.outside(n.name, n.limit); reason != "" {
			return reason
		}
	}
	if _, err := rtattr.ParseAttrs([]byte(r.Unknown)); err != nil {
		return fmt.Sprintf("Unknown: %v", err)
	}
	return ""
}

// String returns r roughly as `ip rule` prints it: "100: from 10.9.0.0/16 lookup
// 1000".
func (r Rule) String() string {
	var b strings.Builder
	if r.Priority != 0 {
		fmt.Fprintf(&b, "%v: ", r.Priority)
	}
	if r.Flags&rtattr.FIB_RULE_INVERT != 0 {
		b.WriteString("not ")
	}
	b.WriteString("from ")
	if r.Src.IsValid() {
		b.WriteString(prefix(r.Src))
	} else {
		b.WriteString("all")
	}
	if r.Dst.IsValid() {
		b.WriteString(" to " + prefix(r.Dst))
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#02x", r.TOS)
	}
	if r.DSCP != 0 {
		fmt.Fprintf(&b, " dscp %v", r.DSCP)
		if r.DSCPMask != 0 {
			fmt.Fprintf(&b, "/%#x", r.DSCPMask)
		}
	}
	if r.FwMark != 0 || r.FwMask != 0 {
		fmt.Fprintf(&b, " fwmark %#x", r.FwMark)
		if mask, ok := r.FwMask.Value(); ok {
			fmt.Fprintf(&b, "/%#x", mask)
		}
	}
	for _, p := range [...]struct {
		name string
		on   bool
		v    any
	}{
		{"iif", r.IIF != "", r.IIF},
		{"oif", r.OIF != "", r.OIF},
		{"l3mdev", r.L3MDev, nil},
		{"ipproto", r.IPProto != 0, r.IPProto},
		{"sport", r.SPort != Ports{}, r.SPort},
		{"dport", r.DPort != Ports{}, r.DPort},
		{"flowlabel", r.FlowLabel != 0, r.FlowLabel},
		{"tun_id", r.TunnelID != 0, r.TunnelID},
	} {
		switch {
		case !p.on:
		case p.v == nil:
			b.WriteString(" " + p.name)
		default:
			fmt.Fprintf(&b, " %s %v", p.name, p.v)
		}
	}
	if r.UIDRange != (UIDs{}) {
		fmt.Fprintf(&b, " uidrange %v-%v", r.UIDRange.Start, r.UIDRange.End)
	}
	switch a := r.action(); {
	case a == rtattr.FR_ACT_GOTO:
		fmt.Fprintf(&b, " goto %d", r.Goto)
	case a == rtattr.FR_ACT_TO_TBL && r.L3MDev:
	case a == rtattr.FR_ACT_TO_TBL:
		fmt.Fprintf(&b, " lookup %v", r.table())
	default:
		fmt.Fprintf(&b, " %v", a)
	}
	if r.SuppressPrefixLen != 0 {
		fmt.Fprintf(&b, " suppress_prefixlength %v", r.SuppressPrefixLen)
	}
	if r.SuppressIfGroup != 0 {
		fmt.Fprintf(&b, " suppress_ifgroup %v", r.SuppressIfGroup)
	}
	if r.Flow != 0 {
		fmt.Fprintf(&b, " realms %d/%d", r.Flow>>16, r.Flow&math.MaxUint16)
	}
	if r.Protocol != 0 {
		fmt.Fprintf(&b, " proto %v", r.Protocol)
	}
	return b.String()
}

func prefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// action returns the action of a rule that is added.
func (r *Rule) action() rtattr.RuleAction {
	switch {
	case r.Action != 0:
		return r.Action
	case r.Goto != 0:
		return rtattr.FR_ACT_GOTO
	}
	return rtattr.FR_ACT_TO_TBL
}

// table returns the table of a rule that is added.
func (r *Rule) table() rtattr.RouteTable {
	if r.Table == 0 && !r.L3MDev && r.action() == rtattr.FR_ACT_TO_TBL {
		return rtattr.RT_TABLE_MAIN
	}
	return r.Table
}
