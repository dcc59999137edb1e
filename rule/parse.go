package rule

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
)

// Parse reads a rule out of an RTM_NEWRULE or RTM_DELRULE message. A mask of all
// bits is none, which is the same. Attributes that Rule has no field for are in
// Unknown.
func Parse(v *rtattr.RuleView) (Rule, error) {
	h := v.Header
	r := Rule{
		Family: h.Family, TOS: h.TOS, Flags: h.Flags, Action: h.Action, Table: rtattr.RouteTable(h.Table),
	}
	src, _ := v.Src()
	dst, _ := v.Dst()
	var err error
	if r.Src, err = prefixOf(h.Family, src, h.SrcLen); err == nil {
		r.Dst, err = prefixOf(h.Family, dst, h.DstLen)
	}
	if err != nil {
		return r, err
	}
	if n, ok := v.Priority(); ok {
		r.Priority = NumberOf(n)
	} else {
		r.Priority = Zero // fib_nl_fill_rule leaves it out
	}
	iif, _ := v.IIFName()
	oif, _ := v.OIFName()
	r.IIF, r.OIF = string(iif), string(oif)
	r.FwMark, _ = v.FwMark()
	if mask, ok := v.FwMask(); ok {
		r.FwMask = NumberOf(mask)
		if r.FwMark != 0 {
			r.FwMask = r.FwMask.without(math.MaxUint32)
		}
	}
	if n, ok := v.DSCP(); ok {
		r.DSCP = NumberOf(uint32(n))
	}
	if mask, _ := v.DSCPMask(); mask != maxDSCP {
		r.DSCPMask = mask
	}
	if n, ok := v.FlowLabel(); ok {
		r.FlowLabel = NumberOf(n)
	}
	if mask, ok := v.FlowLabelMask(); ok {
		r.FlowLabelMask = NumberOf(mask).without(maxFlowLabel)
	}
	r.IPProto, _ = v.IPProto()
	sport, _ := v.SPortRange()
	smask, _ := v.SPortMask()
	r.SPort = portsOf(sport, smask)
	dport, _ := v.DPortRange()
	dmask, _ := v.DPortMask()
	r.DPort = portsOf(dport, dmask)
	if uids, ok := v.UIDRange(); ok {
		r.UIDRange = UIDs{NumberOf(uids.Start), NumberOf(uids.End)}
	}
	r.TunnelID, _ = v.TunnelID()
	if table, ok := v.Table(); ok {
		r.Table = table
	}
	on, _ := v.L3MDev()
	r.L3MDev = on != 0
	r.Goto, _ = v.Goto()
	if n, ok := v.SuppressPrefixLen(); ok && n != math.MaxUint32 {
		r.SuppressPrefixLen = NumberOf(n)
	}
	if n, ok := v.SuppressIfGroup(); ok && n != math.MaxUint32 {
		r.SuppressIfGroup = NumberOf(n)
	}
	r.Flow, _ = v.Flow()
	r.Protocol, _ = v.Protocol()
	r.Unknown = unknown(v.Attrs())
	return r, nil
}

func prefixOf(family uint8, a netip.Addr, bits uint8) (netip.Prefix, error) {
	if bits == 0 {
		return netip.Prefix{}, nil
	}
	p := netip.PrefixFrom(a, int(bits))
	if !p.IsValid() || a.Is4() != (family == rtattr.AF_INET || family == IPv4Multicast) {
		return netip.Prefix{}, fmt.Errorf("rule: address %v with prefix length %d in a message of address family %d", a, bits, family)
	}
	return p, nil
}

func portsOf(p rtattr.PortRange, mask uint16) Ports {
	if mask == math.MaxUint16 {
		mask = 0
	}
	return Ports{Start: p.Start, End: p.End, Mask: mask}
}

// unknown returns the attributes that Parse does not read.
func unknown(attrs rtattr.Attrs) string {
	var b []byte
	for typ, value := range attrs.All() {
		switch typ {
		case rtattr.FRA_DST, rtattr.FRA_SRC, rtattr.FRA_IIFNAME, rtattr.FRA_GOTO, rtattr.FRA_PRIORITY,
			rtattr.FRA_FWMARK, rtattr.FRA_FLOW, rtattr.FRA_TUN_ID, rtattr.FRA_SUPPRESS_IFGROUP,
			rtattr.FRA_SUPPRESS_PREFIXLEN, rtattr.FRA_TABLE, rtattr.FRA_FWMASK, rtattr.FRA_OIFNAME,
			rtattr.FRA_PAD, rtattr.FRA_L3MDEV, rtattr.FRA_UID_RANGE, rtattr.FRA_PROTOCOL,
			rtattr.FRA_IP_PROTO, rtattr.FRA_SPORT_RANGE, rtattr.FRA_DPORT_RANGE, rtattr.FRA_DSCP,
			rtattr.FRA_FLOWLABEL, rtattr.FRA_FLOWLABEL_MASK, rtattr.FRA_SPORT_MASK,
			rtattr.FRA_DPORT_MASK, rtattr.FRA_DSCP_MASK:
			continue
		}
		b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
		b = binary.NativeEndian.AppendUint16(b, typ)
		b = append(b, value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return string(b)
}
