package bench

import (
	"encoding/binary"
	"maps"
	"math"
	"net"
	"net/netip"
	"testing"

	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rule"
)

// The actions are not compared, which vishvananda writes and does not read.

func ourRule(r rule.Rule) seen {
	s := seen{}
	s.put("family", num(r.Family))
	s.put("from", prefixText(r.Src))
	s.put("to", prefixText(r.Dst))
	s.put("names", r.IIF+" "+r.OIF)
	s.put("mark", num(r.FwMark))
	if mask, ok := r.FwMask.Value(); ok {
		s["mask"] = mask
	}
	s.put("tos", num(r.TOS))
	s.put("protocols", [2]int{num(r.IPProto), num(r.Protocol)})
	s.put("ports", [4]uint16{r.SPort.Start, r.SPort.End, r.DPort.Start, r.DPort.End})
	if r.UIDRange != (rule.UIDs{}) {
		start, _ := r.UIDRange.Start.Value()
		end, _ := r.UIDRange.End.Value()
		s["users"] = [2]uint32{start, end}
	}
	s.put("tunnel", r.TunnelID)
	s["not"] = r.Flags&rtattr.FIB_RULE_INVERT != 0
	s.put("table", num(r.Table))
	priority, _ := r.Priority.Value()
	s.put("priority", num(priority))
	s.put("goto", num(r.Goto))
	s.put("realms", num(r.Flow))
	if n, ok := r.SuppressPrefixLen.Value(); ok {
		s["suppressed prefixes"] = num(n)
	}
	if n, ok := r.SuppressIfGroup.Value(); ok {
		s["suppressed group"] = num(n)
	}
	return s
}

func theirRule(r vish.Rule) seen {
	s := seen{}
	s.put("family", num(r.Family))
	s.put("from", netText(r.Src))
	s.put("to", netText(r.Dst))
	s.put("names", r.IifName+" "+r.OifName)
	s.put("mark", num(r.Mark))
	if r.Mask != nil && (*r.Mask != math.MaxUint32 || r.Mark == 0) { // all bits are no mask
		s["mask"] = *r.Mask
	}
	s.put("tos", num(uint8(r.Tos)))
	s.put("protocols", [2]int{num(r.IPProto), num(r.Protocol)})
	s.put("ports", [4]uint16{deref(r.Sport).Start, deref(r.Sport).End, deref(r.Dport).Start, deref(r.Dport).End})
	if r.UIDRange != nil {
		s["users"] = [2]uint32{r.UIDRange.Start, r.UIDRange.End}
	}
	s.put("tunnel", uint64(r.TunID))
	s["not"] = r.Invert
	s.put("table", num(r.Table))
	s.put("priority", num(r.Priority))
	// -1 is none.
	s.put("goto", num(max(r.Goto, 0)))
	s.put("realms", num(max(r.Flow, 0)))
	if r.SuppressPrefixlen >= 0 {
		s["suppressed prefixes"] = num(r.SuppressPrefixlen)
	}
	if r.SuppressIfgroup >= 0 {
		s["suppressed group"] = num(r.SuppressIfgroup)
	}
	return s
}

// TestRulesLive makes rules with our package and with vishvananda, and lists them with
// both.
func TestRulesLive(t *testing.T) {
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h, err := vish.NewHandleAt(netns.NsHandle(ns.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	pfx := netip.MustParsePrefix
	const to = rtattr.FR_ACT_TO_TBL
	for _, r := range []rule.Rule{
		{Family: rtattr.AF_INET, Priority: 100, Src: pfx("10.0.0.0/8"), Table: 1000, Action: to, Protocol: rtattr.RTPROT_STATIC},
		{Family: rtattr.AF_INET, Priority: 101, FwMark: 7, FwMask: rule.NumberOf(0xff), IIF: "v0", OIF: "v1", TOS: 0x10, Table: 77, Action: to},
		{Family: rtattr.AF_INET, Priority: 102, FwMark: 7, Table: 77, Action: to, IPProto: unix.IPPROTO_TCP, SPort: rule.Ports{Start: 80, End: 90}, DPort: rule.Ports{Start: 443, End: 443}},
		{Family: rtattr.AF_INET, Priority: 103, Goto: 32766, Action: rtattr.FR_ACT_GOTO, Flags: rtattr.FIB_RULE_INVERT},
		{Family: rtattr.AF_INET, Priority: 104, Flow: 3<<16 | 7, UIDRange: rule.User(0), Table: 1000, Action: to},
		{Family: rtattr.AF_INET, Priority: 105, TunnelID: 7, Table: 1000, Action: to},
		{Family: rtattr.AF_INET6, Priority: 106, Dst: pfx("2001:db8::/32"), Table: 1000, Action: to, SuppressPrefixLen: rule.NumberOf(8), SuppressIfGroup: rule.NumberOf(7)},
	} {
		if err := rule.Add(background, conn, r); err != nil {
			t.Fatal(err)
		}
	}
	for i, change := range []func(*vish.Rule){
		func(r *vish.Rule) { r.Src = &net.IPNet{IP: net.IP{10, 0, 0, 0}, Mask: net.CIDRMask(8, 32)} },
		func(r *vish.Rule) { r.IifName, r.OifName, r.Mark, r.Mask = "v0", "v1", 7, new(uint32) },
		func(r *vish.Rule) { r.Dport, r.IPProto = vish.NewRulePortRange(80, 90), unix.IPPROTO_UDP },
		func(r *vish.Rule) { r.SuppressPrefixlen, r.Invert = 8, true },
	} {
		r := vish.NewRule()
		r.Family, r.Priority, r.Table = rtattr.AF_INET, 200+i, 1000
		change(r)
		if err := h.RuleAdd(r); err != nil {
			t.Fatal(err)
		}
	}
	n, keys := 0, 0
	for _, family := range []uint8{rtattr.AF_INET, rtattr.AF_INET6} {
		ours, err := rule.List(background, conn, rule.Filter{Family: family})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := h.RuleList(int(family))
		if err != nil {
			t.Fatal(err)
		}
		if len(ours) != len(theirs) {
			t.Fatalf("vishvananda lists %d rules, we list %d", len(theirs), len(ours))
		}
		for i := range ours {
			a, b := theirRule(theirs[i]), ourRule(ours[i])
			// vishvananda reads the key of a tunnel in host byte order, it is big endian.
			if key, ok := a["tunnel"].(uint64); ok {
				keys++
				a["tunnel"] = binary.BigEndian.Uint64(binary.NativeEndian.AppendUint64(nil, key))
			}
			if !maps.Equal(a, b) {
				t.Errorf("vishvananda lists\n%v\nwe list\n%v", a, b)
			}
			n++
		}
	}
	if n < 15 || keys != 1 {
		t.Errorf("%d rules, %d of them with the key of a tunnel", n, keys)
	}
}
