//go:build vm && linux

package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/vm/plan"
	"github.com/nlwire/nlwire/rtattr"
)

// Two ends of a wire in the namespace of each test, both up.
const (
	v0 = 1000
	v1 = 1001
)

var (
	here, there   = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.9")
	here6, there6 = netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("fd00:1::9")
)

// wired makes them.
func wired(t *testing.T) place {
	t.Helper()
	p := newPlace(t)
	var e rtattr.Encoder
	lo := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 1, Flags: rtattr.IFF_UP, Change: rtattr.IFF_UP})
	lo.End()
	up := rtattr.IfInfomsg{Flags: rtattr.IFF_UP, Change: rtattr.IFF_UP}
	one, other := up, up
	one.Index, other.Index = v0, v1
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, one)
	w.IfName("v0")
	info := w.LinkInfo()
	data := info.Veth()
	peer := data.Peer(rtattr.IfInfomsg{Index: v1}) // it cannot be up before there are both
	peer.IfName("v1")
	peer.End()
	data.End()
	info.End()
	w.End()
	second := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, other)
	second.End()
	for _, a := range []netip.Prefix{netip.PrefixFrom(here, 24), netip.PrefixFrom(here6, 64)} {
		h := rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: uint8(a.Bits()), Index: v0}
		if a.Addr().Is6() {
			h.Family, h.Flags = rtattr.AF_INET6, unix.IFA_F_NODAD
		}
		w := rtattr.AppendAddr(&e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, h)
		w.Local(a.Addr())
		w.End()
	}
	if err := p.conn.Exec(context.Background(), &e); err != nil {
		t.Fatal(err)
	}
	return p
}

// A kind is how a link of a kind is made and changed.
type kind struct {
	name   string
	on     uint32                       // the link below, v0 or none
	create func(rtattr.LinkInfoEncoder) // nil: the kind is all
	change func(rtattr.LinkInfoEncoder) // nil: the kernel changes no data of this kind
	// refused is why the kernel makes none, and with which error.
	refused string
	errno   unix.Errno
}

// peer fills the other end of a pair.
func peer(w rtattr.LinkEncoder) {
	w.IfName("x1")
	w.End()
}

var kinds = []kind{
	{name: "dummy"},
	{name: "ifb"},
	{name: "nlmon"},
	{name: "vsockmon"},
	{name: "vcan"},
	{name: "team"},
	{name: "wireguard"},
	{name: "veth", create: func(w rtattr.LinkInfoEncoder) { d := w.Veth(); peer(d.Peer(rtattr.IfInfomsg{})); d.End() }},
	{name: "vxcan", create: func(w rtattr.LinkInfoEncoder) { d := w.VXCAN(); peer(d.Peer(rtattr.IfInfomsg{})); d.End() }},
	{name: "netkit",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.Netkit()
			d.Mode(rtattr.NETKIT_L2)
			d.Policy(rtattr.NETKIT_PASS)
			d.PeerPolicy(rtattr.NETKIT_DROP)
			peer(d.PeerInfo(rtattr.IfInfomsg{}))
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.Netkit(); d.Policy(rtattr.NETKIT_DROP); d.End() }},
	{name: "bridge",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.Bridge()
			d.ForwardDelay(400)
			d.STPState(0)
			d.McastQuerier(1)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.Bridge(); d.AgeingTime(1234); d.Priority(7); d.End() }},
	{name: "vlan", on: v0,
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.VLAN()
			d.ID(7)
			d.Protocol(rtattr.ETH_P_8021AD)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) {
			d := w.VLAN()
			d.Flags(rtattr.VLANFlagsMask{Flags: rtattr.VLAN_FLAG_LOOSE_BINDING, Mask: rtattr.VLAN_FLAG_LOOSE_BINDING})
			d.End()
		}},
	{name: "vxlan",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.VXLAN()
			d.ID(42)
			d.Group(there)
			d.Local(here)
			d.Link(v0)
			d.Port(4789)
			d.TTL(7)
			d.Ageing(300)
			d.GBP()
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.VXLAN(); d.Ageing(77); d.Learning(0); d.End() }},
	{name: "geneve",
		create: func(w rtattr.LinkInfoEncoder) { d := w.Geneve(); d.ID(42); d.Remote(there); d.TTL(7); d.End() },
		change: func(w rtattr.LinkInfoEncoder) { d := w.Geneve(); d.ID(42); d.Remote(there); d.TTL(9); d.End() }},
	{name: "bareudp", create: func(w rtattr.LinkInfoEncoder) { d := w.BareUDP(); d.Port(6635); d.EtherType(0x8847); d.End() }},
	{name: "vrf", create: func(w rtattr.LinkInfoEncoder) { d := w.VRF(); d.Table(77); d.End() }},
	{name: "bond",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.Bond()
			d.Mode(rtattr.BOND_MODE_8023AD)
			d.MIIMon(100)
			d.ADLACPRate(1)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.Bond(); d.MIIMon(200); d.MinLinks(2); d.End() }},
	{name: "macvlan", on: v0,
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.Macvlan()
			d.Mode(rtattr.MACVLAN_MODE_VEPA)
			d.BroadcastQueueLen(100)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.Macvlan(); d.Mode(rtattr.MACVLAN_MODE_BRIDGE); d.End() }},
	{name: "macvtap", on: v0,
		create: func(w rtattr.LinkInfoEncoder) { d := w.Macvtap(); d.Mode(rtattr.MACVLAN_MODE_VEPA); d.End() },
		change: func(w rtattr.LinkInfoEncoder) { d := w.Macvtap(); d.Mode(rtattr.MACVLAN_MODE_BRIDGE); d.End() }},
	{name: "ipvlan", on: v0,
		create: func(w rtattr.LinkInfoEncoder) { d := w.Ipvlan(); d.Mode(rtattr.IPVLAN_MODE_L2); d.End() },
		change: func(w rtattr.LinkInfoEncoder) {
			d := w.Ipvlan()
			d.Mode(rtattr.IPVLAN_MODE_L3)
			d.Flags(rtattr.IPVLAN_F_PRIVATE)
			d.End()
		}},
	{name: "ipvtap", on: v0,
		create: func(w rtattr.LinkInfoEncoder) { d := w.Ipvtap(); d.Mode(rtattr.IPVLAN_MODE_L3); d.End() },
		change: func(w rtattr.LinkInfoEncoder) { d := w.Ipvtap(); d.Mode(rtattr.IPVLAN_MODE_L2); d.End() }},
	{name: "macsec", on: v0,
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.MACsec()
			d.Port(7)
			d.Encrypt(1)
			d.Window(32)
			d.ReplayProtect(1)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) { d := w.MACsec(); d.Encrypt(0); d.End() }},
	{name: "hsr", create: func(w rtattr.LinkInfoEncoder) {
		d := w.HSR()
		d.Slave1(v0)
		d.Slave2(v1)
		d.Version(1)
		d.End()
	}},
	{name: "batadv", create: func(w rtattr.LinkInfoEncoder) { d := w.Batadv(); d.AlgoName("BATMAN_V"); d.End() }},
	{name: "gtp", create: func(w rtattr.LinkInfoEncoder) {
		d := w.GTP()
		d.CreateSockets(1)
		d.Role(rtattr.GTP_ROLE_SGSN)
		d.RestartCount(7)
		d.End()
	}},
	{name: "xfrm", create: func(w rtattr.LinkInfoEncoder) { d := w.XFRM(); d.Link(v0); d.IfID(7); d.End() },
		change: func(w rtattr.LinkInfoEncoder) { d := w.XFRM(); d.Link(v0); d.IfID(8); d.End() }},
	{name: "gre", create: func(w rtattr.LinkInfoEncoder) { gre(w.GRE()) }, change: func(w rtattr.LinkInfoEncoder) { greTTL(w.GRE()) }},
	{name: "gretap", create: func(w rtattr.LinkInfoEncoder) { gre(w.GRETap()) }, change: func(w rtattr.LinkInfoEncoder) { greTTL(w.GRETap()) }},
	{name: "erspan",
		create: func(w rtattr.LinkInfoEncoder) { d := w.ERSPAN(); d.ERSPANVer(1); d.ERSPANIndex(77); gre(d) },
		change: func(w rtattr.LinkInfoEncoder) { d := w.ERSPAN(); d.ERSPANVer(1); d.ERSPANIndex(78); greTTL(d) }},
	{name: "ip6gre", create: func(w rtattr.LinkInfoEncoder) { gre6(w.IP6GRE(), 7) }, change: func(w rtattr.LinkInfoEncoder) { gre6(w.IP6GRE(), 9) }},
	{name: "ip6gretap", create: func(w rtattr.LinkInfoEncoder) { gre6(w.IP6GRETap(), 7) }, change: func(w rtattr.LinkInfoEncoder) { gre6(w.IP6GRETap(), 9) }},
	{name: "ip6erspan",
		create: func(w rtattr.LinkInfoEncoder) { d := w.IP6ERSPAN(); d.ERSPANVer(1); d.ERSPANIndex(77); gre6(d, 7) },
		change: func(w rtattr.LinkInfoEncoder) { d := w.IP6ERSPAN(); d.ERSPANVer(1); d.ERSPANIndex(78); gre6(d, 9) }},
	{name: "ipip", create: func(w rtattr.LinkInfoEncoder) { iptun(w.IPIP(), 7) }, change: func(w rtattr.LinkInfoEncoder) { iptun(w.IPIP(), 9) }},
	{name: "sit", create: func(w rtattr.LinkInfoEncoder) { iptun(w.SIT(), 7) }, change: func(w rtattr.LinkInfoEncoder) { iptun(w.SIT(), 9) }},
	{name: "ip6tnl", create: func(w rtattr.LinkInfoEncoder) { ip6tnl(w.IP6Tnl(), 7) }, change: func(w rtattr.LinkInfoEncoder) { ip6tnl(w.IP6Tnl(), 9) }},
	{name: "vti",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.VTI()
			d.IKey(7)
			d.OKey(7)
			d.Local(here)
			d.Remote(there)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) {
			d := w.VTI()
			d.IKey(9)
			d.OKey(9)
			d.Local(here)
			d.Remote(there)
			d.End()
		}},
	{name: "vti6",
		create: func(w rtattr.LinkInfoEncoder) {
			d := w.VTI6()
			d.IKey(7)
			d.OKey(7)
			d.Local(here6)
			d.Remote(there6)
			d.End()
		},
		change: func(w rtattr.LinkInfoEncoder) {
			d := w.VTI6()
			d.IKey(9)
			d.OKey(9)
			d.Local(here6)
			d.Remote(there6)
			d.End()
		}},
	{name: "amt", create: func(w rtattr.LinkInfoEncoder) {
		d := w.AMT()
		d.Mode(rtattr.AMT_MODE_RELAY)
		d.Link(v0)
		d.LocalIP(here)
		d.RelayPort(2268)
		d.End()
	}},
	{name: "ovpn"},
	{name: "pfcp"},
	{name: "virt_wifi", on: v0},
	{name: "rmnet", on: v0,
		create: func(w rtattr.LinkInfoEncoder) { d := w.Rmnet(); d.MuxID(7); d.End() },
		change: func(w rtattr.LinkInfoEncoder) { d := w.Rmnet(); d.MuxID(8); d.End() }},

	{name: "tun", refused: "made by opening /dev/net/tun", errno: unix.EOPNOTSUPP},
	{name: "netdevsim", refused: "made through sysfs", errno: unix.EOPNOTSUPP},
	{name: "can", refused: "hardware", errno: unix.EOPNOTSUPP},
	{name: "caif", refused: "wants a CAIF device", errno: unix.EINVAL},
	{name: "lowpan", on: v0, refused: "wants an IEEE 802.15.4 link below", errno: unix.EINVAL},
	{name: "ipoib", on: v0, refused: "wants InfiniBand below", errno: unix.ENODEV},
	{name: "wwan", refused: "wants a modem", errno: unix.EINVAL},
	{name: "ppp", refused: "wants a descriptor of /dev/ppp", errno: unix.EINVAL},
	{name: "dsa", refused: "a switch makes them", errno: unix.EOPNOTSUPP},
}

// ERSPAN wants sequence numbers beside keys, and nothing else.
const greFlags = rtattr.GRE_KEY | rtattr.GRE_SEQ

func gre(d rtattr.GREEncoder) {
	d.Local(here)
	d.Remote(there)
	d.IKey(7)
	d.OKey(8)
	d.IFlags(greFlags)
	d.OFlags(greFlags)
	d.TTL(7)
	d.PMTUDisc(1)
	d.End()
}

func greTTL(d rtattr.GREEncoder) {
	d.Local(here)
	d.Remote(there)
	d.IKey(7)
	d.OKey(8)
	d.IFlags(greFlags)
	d.OFlags(greFlags)
	d.TTL(9)
	d.End()
}

func gre6(d rtattr.GRE6Encoder, limit uint8) {
	d.Local(here6)
	d.Remote(there6)
	d.IKey(7)
	d.OKey(8)
	d.IFlags(greFlags)
	d.OFlags(greFlags)
	d.TTL(limit)
	d.End()
}

func iptun(d rtattr.IPTunEncoder, ttl uint8) {
	d.Local(here)
	d.Remote(there)
	d.TTL(ttl)
	d.PMTUDisc(1)
	d.End()
}

func ip6tnl(d rtattr.IP6TnlEncoder, limit uint8) {
	d.Local(here6)
	d.Remote(there6)
	d.TTL(limit)
	d.End()
}

// kinds makes a link of every kind that the kernel has, reads it back, changes it
// and deletes it.
func (x *finder) kinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			mark(t)
			x.kind(t, k)
		})
	}
	if !inMachine {
		return
	}
	b, err := os.ReadFile(plan.Modules)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(b)) {
		name, ok := strings.CutPrefix(line, plan.Alias+" rtnl_link_")
		if !ok {
			continue
		}
		found++
		name, _, _ = strings.Cut(name, " ")
		if !slices.ContainsFunc(kinds, func(k kind) bool { return plan.ModuleName(k.name) == name }) {
			t.Errorf("this kernel has links of kind %s, which nobody makes here", name)
		}
	}
	if found < 25 {
		t.Errorf("only %d kinds in the index of modules", found)
	}
}

func (x *finder) kind(t *testing.T, k kind) {
	if k.name == "tun" { // has no alias, but is loaded so
		f, err := os.Open("/dev/net/tun")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	p := wired(t)
	before := p.list(rtattr.RTM_NEWLINK)
	add := p.message(rtattr.RTM_NEWLINK, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, 0, func(w rtattr.LinkEncoder) {
		w.IfName("x0")
		if k.on != 0 {
			w.Link(k.on)
		}
		fill(w, k, k.create)
	})
	_, err := golden.Send(p.conn, add)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP) && strings.Contains(err.Error(), "Unknown device type"):
		return // and no fact
	case k.refused != "":
		if !errors.Is(err, k.errno) {
			t.Errorf("%v, want %v: %s", err, k.errno, k.refused)
		}
		x.note(x.f.Kinds, k.name, "refused, "+k.refused+": "+outcome(err))
		return
	case err != nil:
		t.Fatal(err)
	}
	same, sent := x.accepted(p, add, before)
	fact := fmt.Sprintf("created (%d/%d)", same, sent)
	index := p.index(t)

	before = p.list(rtattr.RTM_NEWLINK)
	set := p.message(rtattr.RTM_NEWLINK, 0, index, func(w rtattr.LinkEncoder) {
		if k.change != nil {
			fill(w, k, k.change)
		} else {
			w.IfAlias("changed")
		}
	})
	if _, err := golden.Send(p.conn, set); err != nil {
		t.Fatalf("change: %v", err)
	}
	same, sent = x.accepted(p, set, before)
	if k.change == nil && same != sent {
		t.Errorf("the alias did not change")
	}
	word := "changed"
	if k.change == nil {
		word = "alias changed"
	}
	fact += fmt.Sprintf(", %s (%d/%d)", word, same, sent)

	if _, err := golden.Send(p.conn, p.message(rtattr.RTM_DELLINK, 0, index, func(rtattr.LinkEncoder) {})); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if i := p.find(t); i != 0 {
		t.Errorf("deleted, but x0 is still there")
	}
	x.note(x.f.Kinds, k.name, fact+", deleted")
}

func fill(w rtattr.LinkEncoder, k kind, data func(rtattr.LinkInfoEncoder)) {
	info := w.LinkInfo()
	if data == nil {
		info.Kind(k.name)
	} else {
		data(info)
	}
	info.End()
}

// message returns a message about a link.
func (p place) message(typ, flags uint16, index uint32, put func(rtattr.LinkEncoder)) rtattr.Msg {
	p.Helper()
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, typ, rtattr.NLM_F_REQUEST|rtattr.NLM_F_ACK|flags, rtattr.IfInfomsg{Index: int32(index)})
	put(w)
	w.End()
	b, err := e.Finish()
	if err != nil {
		p.Fatal(err)
	}
	return b
}

// index returns that of x0.
func (p place) index(t *testing.T) uint32 {
	t.Helper()
	i := p.find(t)
	if i == 0 {
		t.Fatal("x0 was created, but is not listed")
	}
	return uint32(i)
}

func (p place) find(t *testing.T) int32 {
	t.Helper()
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{})
	w.End()
	all, err := golden.Answers(p.conn, &e)
	if err != nil {
		t.Fatal(err)
	}
	var v rtattr.LinkView
	for _, m := range all {
		if err := v.Parse(m.Payload()); err != nil {
			t.Fatal(err)
		}
		if name, _ := v.IfName(); string(name) == "x0" {
			return v.Header.Index
		}
	}
	return 0
}
