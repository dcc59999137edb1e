//go:build linux

package link_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// details is a link as ip shows it, with all of its kind and of what it is a port of.
func (l lab) details(t *testing.T, name string) (kind, port map[string]any) {
	t.Helper()
	var links []struct {
		Info struct {
			Data  map[string]any `json:"info_data"`
			Slave map[string]any `json:"info_slave_data"`
		} `json:"linkinfo"`
	}
	if err := json.Unmarshal(l.IP(t, "-d", "-json", "link", "show", "dev", name), &links); err != nil {
		t.Fatal(err)
	}
	return links[0].Info.Data, links[0].Info.Slave
}

// view calls f with the link of a name.
func (l lab) view(t *testing.T, name string, f func(*rtattr.LinkView)) {
	t.Helper()
	found := false
	for v, err := range link.All(ctx, l.conn, link.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := v.IfName(); string(got) == name {
			f(v)
			found = true
		}
	}
	if !found {
		t.Fatalf("no link %s", name)
	}
}

func (l lab) kind(t *testing.T, name string) (k link.Kind) {
	t.Helper()
	l.view(t, name, func(v *rtattr.LinkView) {
		var err error
		if k, err = link.ParseKind(v); err != nil {
			t.Fatal(err)
		}
	})
	return k
}

func (l lab) port(t *testing.T, name string) (p link.Port) {
	t.Helper()
	l.view(t, name, func(v *rtattr.LinkView) {
		var err error
		if p, err = link.ParsePort(v); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

// below makes the link that others are on, with an index that is the same in all
// namespaces.
func (l lab) below(t *testing.T) {
	t.Helper()
	if err := link.Add(ctx, l.conn, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: with(v1, func(c *link.Config) { c.Index = 71 })}); err != nil {
		t.Fatal(err)
	}
}

// TestKindRecreate makes links, lists them, and makes them again in another
// namespace out of what was listed. Both times the kernel shows the same, to us and
// to ip.
func TestKindRecreate(t *testing.T) {
	on70 := link.Config{Name: "x0", Parent: 70}
	named := link.Config{Name: "x0"}
	for _, tt := range []struct {
		name string
		kind string
		c    link.Config
		k    link.Kind
	}{
		{"Ifb", "ifb", named, link.Ifb{}},
		{"Veth", "veth", named, link.Veth{}},
		{"Bridge", "bridge", named, link.Bridge{}},
		{"BridgeZeros", "bridge", named, link.Bridge{Ageing: link.Some(time.Duration(0)), ForwardDelay: link.Some(time.Duration(0)), Priority: u16(0),
			McastSnooping: no, McastRouter: link.Some(rtattr.MDB_RTR_TYPE_DISABLED), McastHashMax: u32(0), McastLastMemberCount: u32(0), McastStartupCount: u32(0),
			McastLastMemberInterval: link.Some(time.Duration(0)), GroupFwdMask: u16(0)}},
		{"BridgeMany", "bridge", named, link.Bridge{Ageing: link.Some(70 * time.Second), ForwardDelay: link.Some(4 * time.Second), HelloTime: time.Second,
			MaxAge: 7 * time.Second, Priority: u16(4096), STP: yes, GroupAddress: mac("01:80:c2:00:00:0a"), GroupFwdMask: u16(0x4008), MaxLearned: u32(77),
			Options: rtattr.BridgeOptions{Value: 1, Mask: 1}}},
		{"BridgeMcast", "bridge", named, link.Bridge{McastRouter: link.Some(rtattr.MDB_RTR_TYPE_PERM), McastQuerier: yes, McastQueryUseIfAddr: yes, McastStats: yes,
			McastHashMax: u32(1024), McastLastMemberCount: u32(3), McastStartupCount: u32(4), McastLastMemberInterval: link.Some(2 * time.Second),
			McastMembershipInterval: link.Some(200 * time.Second), McastQuerierInterval: link.Some(210 * time.Second), McastQueryInterval: link.Some(100 * time.Second),
			McastQueryResponseInterval: link.Some(9 * time.Second), McastStartupInterval: link.Some(25 * time.Second), IGMPVersion: 3, MLDVersion: 2}},

		{"VXLAN", "vxlan", named, link.VXLAN{ID: 7}},
		{"VXLANZeros", "vxlan", named, link.VXLAN{TTL: u8(0), TOS: u8(0), Learning: no, UDPCsum: no, LocalBypass: no, Ageing: link.Some(time.Minute)}},
		{"VXLANMany", "vxlan", named, link.VXLAN{ID: 1<<24 - 1, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Link: 70, Port: 4789, PortLow: 32768, PortHigh: 61000,
			TTL: u8(64), TOS: u8(0x10), DF: link.Some(rtattr.VXLAN_DF_SET), Ageing: link.Some(time.Minute), Limit: 100, Proxy: true, RSC: true, L2Miss: true, L3Miss: true,
			RemCsumTx: true, RemCsumRx: true, RemCsumNoPartial: true, GBP: true}},
		{"VXLAN6", "vxlan", named, link.VXLAN{ID: 7, Group: ip("fd00:1::2"), Local: ip("fd00:1::1"), Link: 70, Port: 4789, TTLInherit: true, TOS: u8(1),
			FlowLabel: u32(0x12345), UDPZeroCsum6Tx: true, UDPZeroCsum6Rx: true}},
		{"VXLANGroup", "vxlan", named, link.VXLAN{ID: 7, Group: ip("239.7.7.7"), Link: 70}},
		{"VXLANGroup6", "vxlan", named, link.VXLAN{ID: 7, Group: ip("ff05::77"), Link: 70, LabelPolicy: link.Some(rtattr.VXLAN_LABEL_INHERIT)}},
		{"VXLANGPE", "vxlan", named, link.VXLAN{External: true, GPE: true, Learning: no}},
		{"VXLANFilter", "vxlan", named, link.VXLAN{External: true, VNIFilter: true, Learning: no, DF: link.Some(rtattr.VXLAN_DF_INHERIT)}},

		{"Macvlan", "macvlan", on70, link.Macvlan{}},
		{"MacvlanBridge", "macvlan", on70, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE, BroadcastQueueLen: u32(77), BroadcastCutoff: link.Some[int32](-1)}},
		{"MacvlanPassthru", "macvlan", on70, link.Macvlan{Mode: rtattr.MACVLAN_MODE_PASSTHRU, Flags: link.Some(rtattr.MACVLAN_FLAG_NOPROMISC)}},
		{"MacvlanSource", "macvlan", on70, link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE, Flags: link.Some(rtattr.MACVLAN_FLAG_NODST), BroadcastQueueLen: u32(0),
			SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET), Sources: link.ValuesOf(mac("02:00:00:00:00:31"), mac("02:00:00:00:00:32"), mac("02:00:00:00:00:33"))}},
		{"Macvtap", "macvtap", on70, link.Macvtap{Mode: rtattr.MACVLAN_MODE_PRIVATE}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Kind(t, tt.kind)
			recreate(t, tt.c, tt.k)
		})
	}
}

// TestKindRecreateModules is TestKindRecreate for kinds that many kernels lack.
func TestKindRecreateModules(t *testing.T) {
	on70 := link.Config{Name: "x0", Parent: 70}
	named := link.Config{Name: "x0"}
	v4 := link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: 64, TOS: 0x10, FWMark: u32(7), PMTUDisc: yes}
	seqKey := rtattr.GRE_SEQ | rtattr.GRE_KEY
	v6 := link.IP6GRE{Link: 70, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 3, FlowInfo: 0x2012345, FWMark: u32(7)}
	ms := func(n int) link.Opt[time.Duration] { return link.Some(time.Duration(n) * time.Millisecond) }
	for _, tt := range []struct {
		name string
		kind string
		c    link.Config
		k    link.Kind
	}{
		{"Dummy", "dummy", named, link.Dummy{}},
		{"Nlmon", "nlmon", named, link.Nlmon{}},
		{"VCAN", "vcan", named, link.VCAN{}},
		{"VXCAN", "vxcan", named, link.VXCAN{}},
		{"Team", "team", named, link.Team{}},
		{"WireGuard", "wireguard", named, link.WireGuard{}},

		{"VLAN", "vlan", on70, link.VLAN{ID: 7}},
		{"VLANFlags", "vlan", on70, link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_GVRP | rtattr.VLAN_FLAG_LOOSE_BINDING, Clear: rtattr.VLAN_FLAG_REORDER_HDR}},
		{"VLANNoFlags", "vlan", on70, link.VLAN{ID: 0, Clear: rtattr.VLAN_FLAG_REORDER_HDR}},
		{"VLANMaps", "vlan", on70, link.VLAN{ID: 4094, Protocol: rtattr.ETH_P_8021AD,
			Ingress: link.ValuesOf(rtattr.VLANQoSMapping{From: 0, To: 7}, rtattr.VLANQoSMapping{From: 3, To: 4}),
			Egress:  link.ValuesOf(rtattr.VLANQoSMapping{From: 1, To: 2}, rtattr.VLANQoSMapping{From: 5, To: 6})}},
		{"IPVLAN", "ipvlan", on70, link.IPVLAN{Mode: link.Some(rtattr.IPVLAN_MODE_L2), Flags: link.Some(rtattr.IPVLAN_F_PRIVATE)}},
		{"IPVTAP", "ipvtap", on70, link.IPVTAP{Mode: link.Some(rtattr.IPVLAN_MODE_L3S)}},
		{"MACsec", "macsec", on70, link.MACsec{SCI: 0x0200000000010001, ICVLen: 16, Window: u32(32), Encrypt: yes, ReplayProtect: yes,
			EncodingSA: u8(2), Validation: link.Some(rtattr.MACSEC_VALIDATE_CHECK)}},
		{"MACsecPort", "macsec", on70, link.MACsec{Port: 7, IncSCI: no, ES: yes, Protect: no}},
		{"HSR", "hsr", named, link.HSR{Slave1: 70, Slave2: 71, MulticastSpec: 45}},
		{"VRF", "vrf", named, link.VRF{Table: 1000}},

		{"Bond", "bond", named, link.Bond{}},
		{"BondRR", "bond", named, link.Bond{Mode: link.Some(rtattr.BOND_MODE_ROUNDROBIN), MIIMon: ms(100), UpDelay: ms(200), DownDelay: ms(300), PeerNotifyDelay: ms(400),
			PacketsPerSlave: u32(0), ResendIGMP: u32(0), AllSlavesActive: yes, LPInterval: 5 * time.Second}},
		{"BondBackup", "bond", named, link.Bond{Mode: link.Some(rtattr.BOND_MODE_ACTIVEBACKUP), ARPInterval: ms(100), ARPTargets: link.ValuesOf(ip("192.0.2.1"), ip("192.0.2.2")),
			NSTargets: link.ValuesOf(ip("fd00::1")), ARPValidate: u32(3), ARPAllTargets: yes, MissedMax: 3, PrimaryReselect: u8(1), FailOverMAC: u8(1), NumPeerNotif: u8(3)}},
		{"Bond8023AD", "bond", named, link.Bond{Mode: link.Some(rtattr.BOND_MODE_8023AD), MIIMon: ms(50), XmitHashPolicy: link.Some(rtattr.BOND_XMIT_POLICY_LAYER34),
			LACPRate: u8(1), LACPActive: no, ADSelect: u8(1), MinLinks: u32(2)}},
		{"BondTLB", "bond", named, link.Bond{Mode: link.Some(rtattr.BOND_MODE_TLB), TLBDynamicLB: no}},
		{"BondALB", "bond", named, link.Bond{Mode: link.Some(rtattr.BOND_MODE_ALB)}},

		{"Netkit", "netkit", named, link.Netkit{}},
		{"NetkitL2", "netkit", named, link.Netkit{Mode: link.Some(rtattr.NETKIT_L2), Policy: link.Some(rtattr.NETKIT_DROP), PeerPolicy: link.Some(rtattr.NETKIT_PASS),
			Scrub: link.Some(rtattr.NETKIT_SCRUB_NONE)}},

		{"GRE", "gre", named, v4},
		{"GREKeys", "gre", named, link.GRE{Link: 70, Remote: ip("192.0.2.2"), IFlags: seqKey, OFlags: rtattr.GRE_KEY, IKey: 7, OKey: 8}},
		{"GREExternal", "gre", named, link.GRE{External: true}},
		{"GRETap", "gretap", named, link.GRETap{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), PMTUDisc: no, IgnoreDF: yes}},
		{"ERSPAN0", "erspan", named, link.ERSPAN{GRE: v4, Version: u8(0)}},
		{"ERSPAN1", "erspan", named, link.ERSPAN{GRE: link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: seqKey, OFlags: seqKey, IKey: 7, OKey: 7}, Version: u8(1), Index: 123}},
		{"ERSPAN2", "erspan", named, link.ERSPAN{GRE: link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: seqKey, OFlags: seqKey, IKey: 7, OKey: 7}, Version: u8(2), Direction: 1, HWID: 7}},
		{"IP6GRE", "ip6gre", named, v6},
		{"IP6GRETap", "ip6gretap", named, link.IP6GRETap(v6)},
		{"IP6ERSPAN", "ip6erspan", named, link.IP6ERSPAN{IP6GRE: link.IP6GRE{Remote: ip("fd00:1::2"), IFlags: seqKey, OFlags: seqKey, IKey: 7, OKey: 7}, Version: u8(2), Direction: 1, HWID: 7}},
		{"IPIP", "ipip", named, link.IPIP{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: 64, Proto: u8(0), FWMark: u32(7)}},
		{"IPIPExternal", "ipip", named, link.IPIP{External: true}},
		{"SIT", "sit", named, link.SIT{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(0), PMTUDisc: no}},
		{"SIT6rd", "sit", named, link.SIT{Local: ip("192.0.2.1"), SixRDPrefix: prefix("2001:db8::/32"), SixRDRelay: prefix("192.0.0.0/8")}},
		{"IP6Tnl", "ip6tnl", named, link.IP6Tnl{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Proto: 41, Flags: rtattr.IP6_TNL_F_RCV_DSCP_COPY}},
		{"VTI", "vti", named, link.VTI{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IKey: 7, OKey: 8, FWMark: u32(9)}},
		{"VTI6", "vti6", named, link.VTI6{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IKey: 7, OKey: 8, FWMark: u32(9)}},
		{"XFRM", "xfrm", named, link.XFRM{Link: 70, IfID: 7}},
		{"XFRMExternal", "xfrm", named, link.XFRM{External: true}},
		{"Geneve", "geneve", named, link.Geneve{ID: 7, Remote: ip("192.0.2.2"), TTL: u8(64), TOS: u8(4), DF: link.Some(rtattr.GENEVE_DF_SET), Port: 6082, UDPCsum: true}},
		{"GeneveInherit", "geneve", named, link.Geneve{ID: 7, Remote: ip("192.0.2.2"), TTLInherit: true}},
		{"Geneve6", "geneve", named, link.Geneve{ID: 7, Remote: ip("fd00:1::2"), FlowLabel: u32(0x12345), UDPZeroCsum6Tx: true, UDPZeroCsum6Rx: true}},
		{"GeneveExternal", "geneve", named, link.Geneve{External: true}},
		{"BareUDP", "bareudp", named, link.BareUDP{Port: 6635, EtherType: 0x8847, SrcPortMin: 1024, MultiProto: true}},
		{"AMT", "amt", named, link.AMT{Mode: rtattr.AMT_MODE_RELAY, Link: 70, Local: ip("192.0.2.1"), RelayPort: 2269, MaxTunnels: 77}},
		{"OVPN", "ovpn", named, link.OVPN{Mode: rtattr.OVPN_MODE_MP}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !nstest.Has(t, tt.kind) {
				t.Skipf("the kernel has no links of kind %s", tt.kind)
			}
			recreate(t, tt.c, tt.k)
		})
	}
}

func recreate(t *testing.T, c link.Config, asked link.Kind) {
	t.Helper()
	first, second := newLab(t), newLab(t)
	first.below(t)
	if err := link.Add(ctx, first.conn, c, asked); err != nil {
		t.Fatal(err)
	}
	k := first.kind(t, "x0")
	if reflect.TypeOf(k) != reflect.TypeOf(asked) {
		t.Fatalf("got %#v", k)
	}
	said(t, asked, k)
	second.below(t)
	if err := link.Add(ctx, second.conn, c, k); err != nil {
		t.Fatalf("%v\n%#v", err, k)
	}
	if got := second.kind(t, "x0"); got != k {
		t.Errorf("got  %#v\nwant %#v", got, k)
	}
	want, _ := first.details(t, "x0")
	got, _ := second.details(t, "x0")
	for _, m := range []map[string]any{want, got} { // of each bridge its own
		maps.DeleteFunc(m, func(key string, _ any) bool {
			return slices.Contains([]string{"hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "bridge_id", "root_id", "mcast_querier_state"}, key)
		})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ip shows\n%v\nwant\n%v", got, want)
	}
}

// said wants each field that a caller has set to be shown.
func said(t *testing.T, asked, shown link.Kind) {
	t.Helper()
	a, s := reflect.ValueOf(asked), reflect.ValueOf(shown)
	for i := range a.NumField() {
		x, y := a.Field(i), s.Field(i)
		if a.Type().Field(i).Anonymous { // ERSPAN has all of GRE
			said(t, x.Interface().(link.Kind), y.Interface().(link.Kind))
			continue
		}
		switch name := a.Type().Field(i).Name; {
		case x.IsZero() || name == "Options" || name == "FlushFDB":
		case name == "Sources": // in the order of a hash
			want := slices.SortedFunc(asked.(link.Macvlan).Sources.All(), byString)
			if got := slices.SortedFunc(shown.(link.Macvlan).Sources.All(), byString); !slices.Equal(got, want) {
				t.Errorf("Sources: %v, want %v", got, want)
			}
		case !x.Equal(y) && !(y.IsZero() && lacks(t, name)):
			t.Errorf("%s: shown as %v, asked for %v", name, y, x)
		}
	}
}

// lacks reports whether the kernel may know nothing of a field, and ignores it then:
// the uapi of 6.12 has its attribute, that of 6.1 has not.
func lacks(t *testing.T, field string) bool {
	t.Helper()
	return !nstest.Since(t, 6, 12) && slices.Contains([]string{
		"MaxLearned", "LocalBypass", "LabelPolicy", "BroadcastCutoff", // kinds
		"MAB", "McastMaxGroups", "NeighVLANSuppress", "BackupNexthopID", // ports of bridges
	}, field)
}

func byString(a, b link.HardwareAddr) int {
	if a.String() < b.String() {
		return -1
	}
	return 1
}

// add makes the link x0.
func (l lab) add(t *testing.T, parent uint32, k link.Kind) (index uint32) {
	t.Helper()
	got, err := link.Create(ctx, l.conn, link.Config{Name: "x0", Parent: parent}, k)
	if err != nil {
		t.Fatal(err)
	}
	return got.Index
}

// TestChangeBridge changes parameters one after the other, to zero too.
func TestChangeBridge(t *testing.T) {
	l := newLab(t)
	br := l.add(t, 0, link.Bridge{STP: yes, GroupFwdMask: u16(8)})
	for _, tt := range []struct {
		change link.Bridge
		key    string
		want   any
	}{
		{link.Bridge{STP: no}, "stp_state", 0.0},
		{link.Bridge{GroupFwdMask: u16(0)}, "group_fwd_mask", "0"},
		{link.Bridge{Ageing: link.Some(time.Duration(0))}, "ageing_time", 0.0},
		{link.Bridge{FlushFDB: true}, "ageing_time", 0.0},
		{link.Bridge{Priority: u16(1)}, "priority", 1.0},
		{link.Bridge{McastSnooping: no}, "mcast_snooping", 0.0},
		{link.Bridge{}, "mcast_snooping", 0.0},
	} {
		if err := link.Change(ctx, l.conn, br, tt.change); err != nil {
			t.Fatalf("%+v: %v", tt.change, err)
		}
		if d, _ := l.details(t, "x0"); d[tt.key] != tt.want {
			t.Errorf("%+v: %s is %v", tt.change, tt.key, d[tt.key])
		}
	}
}

func TestChangeVXLAN(t *testing.T) {
	nstest.Kind(t, "vxlan")
	l := newLab(t)
	l.below(t)
	vx := l.add(t, 0, link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Link: 70, TTL: u8(64), TOS: u8(4)})
	for _, k := range []link.VXLAN{{TTL: u8(0)}, {TOS: u8(0), Ageing: link.Some(time.Minute)}, {Group: ip("192.0.2.3"), Learning: no}, {DF: link.Some(rtattr.VXLAN_DF_SET)}} {
		if err := link.Change(ctx, l.conn, vx, k); err != nil {
			t.Fatalf("%+v: %v", k, err)
		}
	}
	got := l.kind(t, "x0").(link.VXLAN)
	if got.TTL != u8(0) || got.TOS != u8(0) || got.Ageing != link.Some(time.Minute) || got.Group != ip("192.0.2.3") || got.Learning != no ||
		got.DF != link.Some(rtattr.VXLAN_DF_SET) || got.ID != 7 || got.Link != 70 {
		t.Errorf("%+v", got)
	}
	want := fmt.Sprintf("link: set dev %d: operation not supported: Cannot change port", vx)
	if err := link.Change(ctx, l.conn, vx, link.VXLAN{Port: 4790}); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := link.Change(ctx, l.conn, vx, link.Bridge{STP: yes}); err == nil {
		t.Error("a VXLAN took the parameters of a bridge")
	}
}

func TestChangeMacvlan(t *testing.T) {
	nstest.Kind(t, "macvlan")
	l := newLab(t)
	l.below(t)
	m := l.add(t, 70, link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE, Flags: link.Some(rtattr.MACVLAN_FLAG_NODST)})
	one, two := mac("02:00:00:00:00:31"), mac("02:00:00:00:00:32")
	for _, tt := range []struct {
		change link.Macvlan
		want   link.Values[link.HardwareAddr]
	}{
		{link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_ADD), Source: one}, link.ValuesOf(one)},
		{link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET), Sources: link.ValuesOf(two)}, link.ValuesOf(two)},
		{link.Macvlan{Flags: link.Some[rtattr.MacvlanFlags](0)}, link.ValuesOf(two)},
		{link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_DEL), Source: two}, link.Values[link.HardwareAddr]{}},
		{link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET), Sources: link.ValuesOf(one)}, link.ValuesOf(one)},
		{link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_FLUSH)}, link.Values[link.HardwareAddr]{}},
	} {
		if err := link.Change(ctx, l.conn, m, tt.change); err != nil {
			t.Fatalf("%+v: %v", tt.change, err)
		}
		if got := l.kind(t, "x0").(link.Macvlan).Sources; got != tt.want {
			t.Errorf("%+v: got %v", tt.change, got)
		}
	}
	if got := l.kind(t, "x0").(link.Macvlan); got.Flags != link.Some[rtattr.MacvlanFlags](0) {
		t.Errorf("%+v", got)
	}
}

// TestPortRecreate changes a port, and makes another one like it.
func TestPortRecreate(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    link.BridgePort
	}{
		{"Default", link.BridgePort{}},
		{"Many", link.BridgePort{Priority: u16(7), Cost: 5, Hairpin: yes, Guard: yes, RootBlock: yes, FastLeave: yes, Learning: no, Flood: no, McastFlood: no, BcastFlood: no,
			McastToUcast: yes, ProxyARP: yes, ProxyARPWiFi: yes, NeighSuppress: yes, VLANTunnel: yes, Isolated: yes, GroupFwdMask: u16(0x4008),
			McastRouter: link.Some(rtattr.MDB_RTR_TYPE_PERM), McastMaxGroups: u32(77), McastEHTHostsLimit: 78, NeighVLANSuppress: yes, FlushFDB: true}},
		{"Locked", link.BridgePort{Locked: yes, MAB: yes, Learning: yes}},
		{"Backup", link.BridgePort{BackupPort: u32(80), BackupNexthopID: u32(9)}},
		{"Zeros", link.BridgePort{Priority: u16(0), Hairpin: no, GroupFwdMask: u16(0), BackupPort: u32(0), BackupNexthopID: u32(0), McastRouter: link.Some(rtattr.MDB_RTR_TYPE_DISABLED)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var shown [2]map[string]any
			p := tt.p
			for i := range shown {
				l := newLab(t)
				l.below(t)
				br, err := link.Create(ctx, l.conn, br0, link.Bridge{})
				if err != nil {
					t.Fatal(err)
				}
				if err := link.Add(ctx, l.conn, link.Config{Name: "p0", Index: 80, Master: link.Some(br.Index)}, link.Veth{}); err != nil {
					t.Fatal(err)
				}
				if err := link.SetMaster(ctx, l.conn, 70, br.Index); err != nil {
					t.Fatal(err)
				}
				if err := link.SetPort(ctx, l.conn, 70, p); err != nil {
					t.Fatalf("%v\n%+v", err, p)
				}
				got := l.port(t, "v0").(link.BridgePort)
				if i == 1 && got != p {
					t.Errorf("got  %+v\nwant %+v", got, p)
				}
				if i == 0 {
					portSaid(t, tt.p, got)
				}
				p = got
				_, shown[i] = l.details(t, "v0")
			}
			for _, m := range shown {
				maps.DeleteFunc(m, func(key string, _ any) bool {
					return slices.Contains([]string{"root_id", "bridge_id", "hold_timer", "message_age_timer", "forward_delay_timer"}, key)
				})
			}
			if !reflect.DeepEqual(shown[0], shown[1]) {
				t.Errorf("ip shows\n%v\nwant\n%v", shown[1], shown[0])
			}
		})
	}
}

func portSaid(t *testing.T, asked, shown link.BridgePort) {
	t.Helper()
	a, s := reflect.ValueOf(asked), reflect.ValueOf(shown)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		none := asked.BackupPort == u32(0) && (name == "BackupPort" || name == "BackupNexthopID") // which is shown as nothing
		if x, y := a.Field(i), s.Field(i); !x.IsZero() && name != "FlushFDB" && !none && !x.Equal(y) && !(y.IsZero() && lacks(t, name)) {
			t.Errorf("%s: shown as %v, asked for %v", name, y, x)
		}
	}
}

// TestPortState sets the state of a port, which only one that is up has.
func TestPortState(t *testing.T) {
	l := newLab(t)
	l.below(t)
	br, err := link.Create(ctx, l.conn, with(br0, func(c *link.Config) { c.Set = rtattr.IFF_UP }), link.Bridge{})
	if err != nil {
		t.Fatal(err)
	}
	if err := link.Set(ctx, l.conn, 70, link.Config{Master: link.Some(br.Index), Set: rtattr.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	if err := link.SetUp(ctx, l.conn, 71); err != nil {
		t.Fatal(err)
	}
	state := func() (s rtattr.BridgePortState) {
		l.view(t, "v0", func(v *rtattr.LinkView) {
			info, _ := v.LinkInfo()
			p, _ := info.BridgePort()
			s, _ = p.State()
		})
		return s
	}
	// The bridge learns of the carrier a while later, and opens the port then.
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p, err := link.Get(ctx, l.conn, 70)
		if err == nil && p.OperState == rtattr.IF_OPER_UP {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	if err := link.SetPort(ctx, l.conn, 70, link.BridgePort{State: link.Some(rtattr.BR_STATE_DISABLED)}); err != nil {
		t.Fatal(err)
	}
	if s := state(); s != rtattr.BR_STATE_DISABLED {
		t.Error(s)
	}
	if p := l.port(t, "v0").(link.BridgePort); p.State != (link.Opt[rtattr.BridgePortState]{}) {
		t.Errorf("%+v", p)
	}
	if err := link.SetPort(ctx, l.conn, 71, link.BridgePort{Cost: 7}); err == nil {
		t.Error("a link that is no port")
	}
	if p := l.port(t, "br0"); p != nil {
		t.Errorf("%+v", p)
	}
}

// TestTunKind reads a TUN device.
func TestTunKind(t *testing.T) {
	nstest.TUN(t)
	l := newLab(t)
	l.IP(t, "tuntap", "add", "dev", "t0", "mode", "tap", "user", "0", "vnet_hdr", "multi_queue")
	got := l.kind(t, "t0")
	if want := (link.Tun{Owner: u32(0), Type: rtattr.IFF_TAP, VnetHdr: true, Persist: true, MultiQueue: true}); got != want {
		t.Errorf("got %#v\nwant %#v", got, want)
	}
}

// TestChangeAllocs wants a change that succeeds to allocate nothing.
func TestChangeAllocs(t *testing.T) {
	l := newLab(t)
	l.below(t)
	br := l.add(t, 0, link.Bridge{})
	if err := link.SetMaster(ctx, l.conn, 70, br); err != nil {
		t.Fatal(err)
	}
	var k link.Kind = link.Bridge{Ageing: link.Some(time.Minute)}
	var p link.Port = link.BridgePort{Cost: 7}
	if n := testing.AllocsPerRun(20, func() {
		if err := link.Change(ctx, l.conn, br, k); err != nil {
			t.Error(err)
		}
		if err := link.SetPort(ctx, l.conn, 70, p); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
