package nexthop

import (
	"errors"
	"time"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// Parse returns the nexthop of a view. What changes by itself is left out: the time
// that a resilient group has been unbalanced, and counters, which ParseStats reads.
func Parse(v *rtattr.NexthopView) (Nexthop, error) {
	n := Nexthop{
		Protocol:  v.Header.Protocol,
		Flags:     rtattr.NexthopFlags(v.Header.Flags) & rtattr.RTNH_F_ONLINK,
		Blackhole: v.Blackhole(),
		FDB:       v.FDB(),
	}
	n.ID, _ = v.ID()
	n.Gateway, _ = v.Gateway()
	n.Index, _ = v.OIF()
	if b, ok := v.Encap(); ok {
		if typ, _ := v.EncapType(); typ != rtattr.LWTUNNEL_ENCAP_NONE {
			n.Encap = encap.Parse(typ, b)
		}
	}
	var members []Member
	for m := range v.Group() {
		members = append(members, Member{m.ID, int(m.WeightHigh)<<8 + int(m.Weight) + 1})
	}
	if len(members) == 0 {
		if !n.Gateway.IsValid() {
			n.Family = v.Header.Family
		}
		return n, nil
	}
	if v.Header.Family != rtattr.AF_UNSPEC {
		return Nexthop{}, errors.New("nexthop: a group of an address family")
	}
	n.Group = MembersOf(members...)
	n.Type, _ = v.GroupType()
	enabled, _ := v.HWStatsEnable()
	n.HWStats = enabled != 0
	x, err := v.ResilientGroup()
	if err != nil {
		return Nexthop{}, err
	}
	n.Buckets, _ = x.Buckets()
	n.IdleTimer = timer(x.IdleTimer())
	n.UnbalancedTimer = timer(x.UnbalancedTimer())
	return n, nil
}

func timer(ticks uint32, ok bool) Timer {
	if !ok {
		return Timer{}
	}
	return TimerOf(time.Duration(ticks) * tick)
}

// Stats are the counters of a group (Linux 6.9).
type Stats struct {
	HWEnabled, HWUsed bool // hardware shall count, and does
	Members           []MemberStats
}

// MemberStats are the counters of a member.
type MemberStats struct {
	ID        uint32
	Packets   uint64 // forwarded, those of hardware among them
	PacketsHW uint64 // forwarded by hardware
}

// ParseStats returns the counters of a view, if the request asked for them.
func ParseStats(v *rtattr.NexthopView) (Stats, error) {
	var s Stats
	enabled, _ := v.HWStatsEnable()
	used, _ := v.HWStatsUsed()
	s.HWEnabled, s.HWUsed = enabled != 0, used != 0
	group, err := v.GroupStats()
	if err != nil {
		return Stats{}, err
	}
	for x, err := range group.Entry() {
		if err != nil {
			return Stats{}, err
		}
		var m MemberStats
		m.ID, _ = x.ID()
		m.Packets, _ = x.Packets()
		m.PacketsHW, _ = x.PacketsHW()
		s.Members = append(s.Members, m)
	}
	return s, nil
}
