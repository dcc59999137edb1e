package nexthop

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// A Nexthop is a nexthop object or a group of them. Fields that are zero are not
// sent. Two Nexthops are equal (==) if all fields are.
type Nexthop struct {
	ID uint32 // 0 lets the kernel choose, which Create returns

	// An object has an Index, and perhaps a Gateway, or is a Blackhole.
	Gateway   netip.Addr
	Index     uint32 // of the interface
	Blackhole bool
	FDB       bool // the Gateway is for forwarding entries of VXLAN devices; no Index. Also of groups
	Family    uint8
	Flags     rtattr.NexthopFlags // RTNH_F_ONLINK
	Encap     encap.Encap

	// A group has Members.
	Group   Members
	Type    rtattr.NexthopGroupType
	HWStats bool // hardware shall count; listed together with Stats only

	// Of a resilient group, NEXTHOP_GRP_TYPE_RES.
	Buckets         uint16
	IdleTimer       Timer // a bucket without packets for so long may change its nexthop; 120 s without it
	UnbalancedTimer Timer // after so long it does, packets or not; never without it

	Protocol rtattr.Protocol
}

// Members are those of a group, in their order. They cannot be changed, and unlike a
// slice can be compared. The zero Members are none.
type Members struct{ records string }

// A Member is a nexthop object of a group.
type Member struct {
	ID     uint32
	Weight int // 1 to 65535, before Linux 6.12 to 256; 0 is 1
}

const memberLen = 8

// MembersOf returns the Members made of some. A weight of 0 is one of 1.
func MembersOf(members ...Member) Members {
	var b []byte
	for _, m := range members {
		b = binary.NativeEndian.AppendUint32(b, m.ID)
		b = binary.NativeEndian.AppendUint32(b, uint32(min(max(m.Weight, 1), math.MaxInt32)))
	}
	return Members{string(b)}
}

// Len returns how many Members there are.
func (g Members) Len() int { return len(g.records) / memberLen }

func (g Members) at(i int) Member {
	var b [memberLen]byte
	copy(b[:], g.records[memberLen*i:])
	return Member{ID: binary.NativeEndian.Uint32(b[:]), Weight: int(binary.NativeEndian.Uint32(b[4:]))}
}

// All returns the members in their order.
func (g Members) All() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		for i := range g.Len() {
			if !yield(g.at(i)) {
				return
			}
		}
	}
}

// String returns "7/8,5".
func (g Members) String() string {
	var parts []string
	for m := range g.All() {
		s := fmt.Sprint(m.ID)
		if m.Weight > 1 {
			s += fmt.Sprintf(",%d", m.Weight)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "/")
}

// A Timer is a time in units of 1/100 s, or none: then the kernel's own is taken.
// 0 is not none.
type Timer struct {
	d   time.Duration
	set bool
}

// TimerOf returns the Timer of a time.
func TimerOf(d time.Duration) Timer { return Timer{d, true} }

// Value returns the time and whether there is one.
func (t Timer) Value() (time.Duration, bool) { return t.d, t.set }

// tick is 1/USER_HZ.
const tick = time.Second / 100

func (t Timer) invalid(name string) string {
	if t.d%tick != 0 || t.d < 0 || t.d/tick > math.MaxUint32 {
		return fmt.Sprintf("%s is %v: a multiple of %v, at most %v", name, t.d, tick, math.MaxUint32*tick)
	}
	return ""
}

// family returns nh_family.
func (n *Nexthop) family() uint8 {
	switch {
	case n.Group != (Members{}):
		return rtattr.AF_UNSPEC
	case n.Gateway.Is4():
		return rtattr.AF_INET
	case n.Gateway.IsValid():
		return rtattr.AF_INET6
	case n.Family != rtattr.AF_UNSPEC:
		return n.Family
	}
	return rtattr.AF_INET
}

// invalid returns what is wrong with n. It is what the kernel would refuse without a
// word, take for something else, or ignore.
func (n *Nexthop) invalid() string {
	switch {
	case n.Gateway.IsValid() && n.Gateway.IsUnspecified():
		return "Gateway is the unspecified address"
	case n.Gateway.Is4In6():
		return "an IPv4 Gateway in IPv6 form"
	case n.Gateway.Zone() != "":
		return fmt.Sprintf("Gateway %v has a zone: Index says the interface", n.Gateway)
	case n.Gateway.IsValid() && n.Family != rtattr.AF_UNSPEC && n.Family != n.family():
		return "Family is not that of Gateway"
	case n.Group == (Members{}):
		if n.Type != 0 || n.Buckets != 0 || n.IdleTimer != (Timer{}) || n.UnbalancedTimer != (Timer{}) || n.HWStats {
			return "Type, Buckets, timers and HWStats are for groups"
		}
		return ""
	case n.Gateway.IsValid() || n.Index != 0 || n.Blackhole || n.Family != 0 || n.Flags != 0 || n.Encap != nil:
		return "a Group has no Gateway, Index, Blackhole, Family, Flags and Encap: its members do"
	case n.Type != rtattr.NEXTHOP_GRP_TYPE_RES && (n.Buckets != 0 || n.IdleTimer != (Timer{}) || n.UnbalancedTimer != (Timer{})):
		return "Buckets and timers are for resilient groups: Type is NEXTHOP_GRP_TYPE_RES"
	}
	for i := range n.Group.Len() {
		if m := n.Group.at(i); m.Weight > math.MaxUint16 {
			return fmt.Sprintf("the weight of member %d is %d, at most %d", m.ID, m.Weight, math.MaxUint16)
		}
	}
	if reason := n.IdleTimer.invalid("IdleTimer"); reason != "" {
		return reason
	}
	return n.UnbalancedTimer.invalid("UnbalancedTimer")
}

// String returns n roughly as `ip nexthop` prints it, with interfaces by number.
func (n Nexthop) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "id %d", n.ID)
	if n.Group != (Members{}) {
		fmt.Fprintf(&b, " group %s", n.Group)
	}
	if n.Type == rtattr.NEXTHOP_GRP_TYPE_RES {
		fmt.Fprintf(&b, " type resilient buckets %d", n.Buckets)
	}
	if d, ok := n.IdleTimer.Value(); ok {
		fmt.Fprintf(&b, " idle_timer %v", d)
	}
	if d, ok := n.UnbalancedTimer.Value(); ok {
		fmt.Fprintf(&b, " unbalanced_timer %v", d)
	}
	if n.Encap != nil {
		fmt.Fprintf(&b, " encap %s", n.Encap)
	}
	if n.Gateway.IsValid() {
		fmt.Fprintf(&b, " via %s", n.Gateway)
	}
	if n.Index != 0 {
		fmt.Fprintf(&b, " dev %d", n.Index)
	}
	if n.Blackhole {
		b.WriteString(" blackhole")
	}
	if n.Protocol != 0 {
		fmt.Fprintf(&b, " proto %s", n.Protocol)
	}
	if n.Flags != 0 {
		fmt.Fprintf(&b, " %s", n.Flags)
	}
	if n.FDB {
		b.WriteString(" fdb")
	}
	return b.String()
}
