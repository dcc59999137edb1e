package link_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	name := func(s string) builder { return add(link.Config{Name: s}, link.Dummy{}) }
	veth := func(peer link.Config) builder { return add(link.Config{Name: "v0"}, link.Veth{Peer: peer}) }
	vxlan := func(k link.VXLAN) builder { return add(link.Config{}, k) }
	for _, tt := range []struct {
		name  string
		build builder
		want  string
	}{
		{"Name15", name("123456789012345"), ""},
		{"NameTemplate", name("v%d"), ""},
		{"Name16", name("1234567890123456"), "link: add 1234567890123456: the name has 16 bytes, at most 15 fit"},
		{"NameDot", name("."), `link: add .: the name is "."`},
		{"NameDotDot", name(".."), `link: add ..: the name is ".."`},
		{"NameSlash", name("a/b"), `link: add a/b: the name contains "/"`},
		{"NameColon", name("a:b"), `link: add a:b: the name contains ":"`},
		{"NameSpace", name("a b"), `link: add a b: the name contains " "`},
		{"NameTab", name("a\tb"), "link: add a\tb: the name contains \"\\t\""},
		{"NameNBSP", name("a\xa0"), "link: add a\xa0: the name contains \"\\xa0\""},
		{"NameNUL", name("a\x00b"), "link: add a\x00b: the name contains \"\\x00\""},
		{"RenameSlash", set(3, link.Config{Name: "a/b"}), `link: set dev 3 a/b: the name contains "/"`},
		{"Index0", set(0, link.Config{MTU: 1400}), "link: 0 is no index of a link"},
		{"IndexLarge", set(1<<31, link.Config{}), "link: 2147483648 is no index of a link"},
		{"AddIndexLarge", add(link.Config{Index: 1 << 31}, link.Dummy{}), "link: add index 2147483648: Index is too large"},
		{"SetIndex", set(3, link.Config{Index: 4}), "link: set dev 3 index 4: Index cannot change"},
		{"SetParent", set(3, link.Config{Parent: 4}), "link: set dev 3 link 4: Parent cannot change"},
		{"SetQueues", set(3, link.Config{NumTxQueues: 4}), "link: set dev 3 numtxqueues 4: the numbers of queues cannot change"},
		{"AddAlias", add(link.Config{Name: "x", Alias: link.Some("")}, link.Dummy{}), `link: add x alias "": the kernel takes no Alias of a new link: Set it`},
		{"Alias255", set(3, link.Config{Alias: link.Some(strings.Repeat("a", 255))}), ""},
		{"Alias256", set(3, link.Config{Alias: link.Some(strings.Repeat("a", 256))}), `link: set dev 3 alias "` + strings.Repeat("a", 256) + `": Alias has 256 bytes, at most 255 fit`},
		{"AliasNUL", set(3, link.Config{Alias: link.Some("\x00")}), `link: set dev 3 alias "\x00": NUL inside the Alias`},
		{"AddCarrier", add(link.Config{Carrier: link.Some(false)}, link.Dummy{}), "link: add carrier off: the kernel takes no Carrier of a new link: Set it"},
		{"AddProtoDown", add(link.Config{ProtoDown: link.Some(true)}, link.Dummy{}), "link: add protodown on: the kernel takes no ProtoDown of a new link: Set it"},
		{"AddReasons", add(link.Config{ClearReasons: 4}, link.Dummy{}), "link: add protodown_reason clear 0x4: the kernel takes no SetReasons and ClearReasons of a new link: Set it"},
		{"AddAddrGenMode", add(link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)}, link.Dummy{}), "link: add addrgenmode none: the kernel takes no AddrGenMode of a new link: Set it"},
		{"SetLinkNetNSID", set(3, link.Config{LinkNetNSID: link.Some[int32](0)}), "link: set dev 3 link-netnsid 0: LinkNetNSID cannot change"},
		{"Reasons", set(3, link.Config{SetReasons: 6, ClearReasons: 3}), "link: set dev 3 protodown_reason set 0x6 protodown_reason clear 0x3: 0x2 is both in SetReasons and in ClearReasons"},
		{"TwoNetNS", set(3, link.Config{NetNS: 4, NetNSPID: 5}), "link: set dev 3 netns fd 4 netns 5: NetNS, NetNSPID and NetNSID exclude each other"},
		{"TwoNetNS2", set(3, link.Config{NetNSPID: 5, NetNSID: link.Some[int32](0)}), "link: set dev 3 netns 5 netns id 0: NetNS, NetNSPID and NetNSID exclude each other"},
		{"NetNSID", set(3, link.Config{NetNSID: link.Some[int32](-1)}), "link: set dev 3 netns id -1: NetNSID is no number of a network namespace"},
		{"PeerNetNSID", add(link.Config{}, link.Veth{Peer: link.Config{NetNSID: link.Some[int32](1)}}), "link: veth: peer netns id 1: the kernel ignores Parent, LinkNetNSID, Master and NetNSID of a peer"},
		{"PeerAlias", add(link.Config{}, link.Veth{Peer: link.Config{Alias: link.Some("a")}}), `link: veth: peer alias "a": the kernel takes no Alias of a new link: Set it`},
		{"SetAllName", func(e *rtattr.Encoder) { link.AppendSetAll(e, 7, link.Config{Name: "a"}) }, "link: set group 7 a: a group of links has no Name"},
		{"SetAllGroup", func(e *rtattr.Encoder) { link.AppendSetAll(e, 7, link.Config{Group: link.Some[uint32](8)}) }, "link: set group 7 group 8: the Group cannot change"},
		{"SetAllIndex", func(e *rtattr.Encoder) { link.AppendSetAll(e, 7, link.Config{Index: 8}) }, "link: set group 7 index 8: Index cannot change"},
		{"VFNothing", vf(link.VF{Num: 7}), "link: set dev 3: VF 7: nothing to change"},
		{"VFNum", vf(link.VF{Num: 1 << 31, Trust: link.Some(true)}), "link: set dev 3: VF 2147483648: Num is too large"},
		{"VFVLAN", vf(link.VF{VLAN: link.Some(link.VFVLAN{ID: 4096})}), "link: set dev 3: VF 0: VLAN.ID is 4096, at most 4095"},
		{"VFQoS", vf(link.VF{VLAN: link.Some(link.VFVLAN{ID: 7, QoS: 8})}), "link: set dev 3: VF 0: VLAN.QoS is 8, at most 7"},
		{"XDPReplace", xdp(rtattr.XDP_FLAGS_REPLACE), "link: set dev 3: XDP_FLAGS_REPLACE wants the program that is expected: AppendReplaceXDP"},
		{"XDPFD", func(e *rtattr.Encoder) { link.AppendSetXDP(e, 3, -2, 0) }, "link: set dev 3: -2 is no descriptor of an XDP program"},
		{"XDPExpected", func(e *rtattr.Encoder) { link.AppendReplaceXDP(e, 3, 4, -2, 0) }, "link: set dev 3: -2 is no descriptor of an XDP program"},
		{"StatsAttribute", func(e *rtattr.Encoder) { link.AppendListStats(e, 33) }, "link: get stats: 33 is no attribute of counters"},
		{"Stats0", func(e *rtattr.Encoder) { link.AppendGetStats(e, 0, rtattr.IFLA_STATS_LINK_64) }, "link: 0 is no index of a link"},
		{"NetNS", set(3, link.Config{NetNS: -1}), "link: set dev 3 netns fd -1: NetNS is no descriptor"},
		{"Flags", set(3, link.Config{Set: rtattr.IFF_UP, Clear: rtattr.IFF_UP | rtattr.IFF_NOARP}), "link: set dev 3 set up clear up|noarp: up is both in Set and in Clear"},
		{"Del0", del(0), "link: 0 is no index of a link"},
		{"DelNoName", func(e *rtattr.Encoder) { link.AppendDeleteName(e, "") }, `link: "": no name of a link`},
		{"DelLongName", func(e *rtattr.Encoder) { link.AppendDeleteName(e, strings.Repeat("a", 127)) }, ""},
		{"GetTooLongName", func(e *rtattr.Encoder) { link.AppendGetName(e, strings.Repeat("a", 128)) }, `link: "` + strings.Repeat("a", 128) + `": no name of a link`},
		{"GetNUL", func(e *rtattr.Encoder) { link.AppendGetName(e, "a\x00") }, `link: "a\x00": no name of a link`},
		{"Get0", func(e *rtattr.Encoder) { link.AppendGet(e, 0) }, "link: 0 is no index of a link"},
		{"AltNameEmpty", func(e *rtattr.Encoder) { link.AppendAddAltNames(e, 3, "a", "") }, "link: dev 3: alternative name of 0 bytes, want 1 to 127"},
		{"AltNameLong", func(e *rtattr.Encoder) { link.AppendDeleteAltNames(e, 3, strings.Repeat("a", 128)) }, "link: dev 3: alternative name of 128 bytes, want 1 to 127"},

		{"NoKind", add(link.Config{Name: "x"}, nil), "link: no kind of link: it is nil or a pointer"},
		{"KindPointer", add(link.Config{Name: "x"}, &link.Dummy{}), "link: no kind of link: it is nil or a pointer"},
		{"RawNoKind", add(link.Config{Name: "x"}, link.Raw{}), "link: Raw without a Kind"},
		{"PeerName", veth(link.Config{Name: "a/b"}), `link: veth: peer a/b: the name contains "/"`},
		{"PeerMaster", veth(link.Config{Master: link.Some[uint32](0)}), "link: veth: peer master 0: the kernel ignores Parent, LinkNetNSID, Master and NetNSID of a peer"},
		{"PeerAlias", veth(link.Config{Alias: link.Some("a")}), `link: veth: peer alias "a": the kernel takes no Alias of a new link: Set it`},
		{"BridgeTime", add(link.Config{}, link.Bridge{HelloTime: time.Second + time.Millisecond}), "link: bridge: HelloTime is 1.001s, want a multiple of 10 ms"},
		{"BridgeNegative", add(link.Config{}, link.Bridge{Ageing: link.Some(-time.Second)}), "link: bridge: Ageing is -1s, want a multiple of 10 ms"},
		{"VLANID", add(link.Config{}, link.VLAN{ID: 4095}), "link: vlan: ID is 4095, at most 4094"},
		{"VLANFlags", add(link.Config{}, link.VLAN{Set: rtattr.VLAN_FLAG_GVRP, Clear: rtattr.VLAN_FLAG_GVRP}), "link: vlan: gvrp is both in Set and in Clear"},
		{"VXLANID", vxlan(link.VXLAN{ID: 1 << 24}), "link: vxlan: ID is 16777216, which has more than 24 bits"},
		{"VXLANFamilies", vxlan(link.VXLAN{Group: ip("192.0.2.1"), Local: ip("fd00::1")}), "link: vxlan: Group and Local are of different address families"},
		{"VXLANPorts", vxlan(link.VXLAN{PortLow: 7}), "link: vxlan: PortLow is 7, PortHigh is 0"},
		{"VXLANTTL", vxlan(link.VXLAN{TTL: link.Some[uint8](7), TTLInherit: true}), "link: vxlan: both TTL and TTLInherit are given"},
		{"VXLANLabel", vxlan(link.VXLAN{FlowLabel: link.Some[uint32](1 << 20)}), "link: vxlan: FlowLabel is 0x100000, which has more than 20 bits"},
		{"VXLANZone", vxlan(link.VXLAN{Group: ip("fe80::1%eth0")}), "rtattr: link.linkinfo.data(vxlan).group6: address fe80::1%eth0 has a zone, which the attribute cannot carry"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e rtattr.Encoder
			tt.build(&e)
			_, err := e.Finish()
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || err.Error() != tt.want):
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestHardwareAddr(t *testing.T) {
	long := strings.Repeat("00:", 31) + "7f"
	for _, s := range []string{"02:00:00:00:00:01", "0a", long} {
		a, err := link.ParseHardwareAddr(s)
		if err != nil || a.String() != s {
			t.Errorf("%q: %q, %v", s, a, err)
		}
		if b, ok := link.HardwareAddrFrom(a.Bytes()); !ok || b != a {
			t.Errorf("%q: bytes give %q", s, b)
		}
	}
	for _, s := range []string{"", ":", "0", "000", "02:", "0x:00", "02-00", long + ":00"} {
		if a, err := link.ParseHardwareAddr(s); err == nil || a != (link.HardwareAddr{}) {
			t.Errorf("%q: %q, %v", s, a, err)
		}
	}
	if _, ok := link.HardwareAddrFrom(make([]byte, 33)); ok {
		t.Error("33 bytes")
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	link.MustParseHardwareAddr("x")
}

func TestOpt(t *testing.T) {
	var none link.Opt[uint32]
	if v, ok := none.Get(); v != 0 || ok || none.String() != "-" || none == link.Some[uint32](0) {
		t.Error(none)
	}
	if v, ok := link.Some("").Get(); v != "" || !ok || link.Some(7).String() != "7" {
		t.Error(link.Some(7))
	}
}

func TestConfigString(t *testing.T) {
	c := link.Config{Index: 7, Name: "v0", MTU: 1400, Address: mac("02:00:00:00:00:01"), Broadcast: mac("ff:ff:ff:ff:ff:ff"),
		TxQLen: link.Some[uint32](0), NumTxQueues: 1, NumRxQueues: 2, Parent: 3, LinkNetNSID: link.Some[int32](0),
		Master: link.Some[uint32](4), Group: link.Some[uint32](5), Alias: link.Some("a b"), NetNS: 6, NetNSPID: 7, NetNSID: link.Some[int32](8),
		Set: rtattr.IFF_UP, Clear: rtattr.IFF_NOARP, GSOMaxSize: 11, GSOMaxSegs: 12, GROMaxSize: 13, GSOIPv4MaxSize: 14, GROIPv4MaxSize: 15,
		LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT), OperState: rtattr.IF_OPER_UP, Carrier: link.Some(true), ProtoDown: link.Some(false),
		SetReasons: 1, ClearReasons: 2, AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)}
	const want = `v0 index 7 link 3 link-netnsid 0 mtu 1400 address 02:00:00:00:00:01 broadcast ff:ff:ff:ff:ff:ff txqueuelen 0 numtxqueues 1 ` +
		`numrxqueues 2 master 4 group 5 alias "a b" netns fd 6 netns 7 netns id 8 set up clear noarp gso_max_size 11 gso_max_segs 12 gro_max_size 13 ` +
		`gso_ipv4_max_size 14 gro_ipv4_max_size 15 mode dormant state up carrier on protodown off protodown_reason set 0x1 ` +
		`protodown_reason clear 0x2 addrgenmode none`
	for v, i := reflect.ValueOf(c), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not tested", v.Type().Field(i).Name)
		}
	}
	if got := c.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (link.Config{MTU: 7}).String(); got != "mtu 7" {
		t.Error(got)
	}
}

// message returns the view of a message that put fills.
func message(t *testing.T, h rtattr.IfInfomsg, put func(rtattr.LinkEncoder)) *rtattr.LinkView {
	t.Helper()
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, h)
	put(w)
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	v := new(rtattr.LinkView)
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestParse reads all that a Link has, also what the kernel does not show of the
// links in live tests.
func TestParse(t *testing.T) {
	l, err := link.Parse(message(t, rtattr.IfInfomsg{Index: 7, Type: 1, Flags: rtattr.IFF_UP}, func(w rtattr.LinkEncoder) {
		w.IfName("x0")
		w.MTU(1400)
		w.MinMTU(68)
		w.MaxMTU(65535)
		w.TxQLen(77)
		w.Qdisc("mq")
		w.Address([]byte{2, 0, 0, 0, 0, 1})
		w.Broadcast([]byte{255, 255, 255, 255, 255, 255})
		w.PermAddress([]byte{2, 0, 0, 0, 0, 2})
		w.LinkNetNSID(0)
		w.Link(3)
		w.Master(4)
		w.Group(5)
		w.IfAlias("a b")
		w.OperState(rtattr.IF_OPER_DORMANT)
		w.LinkMode(rtattr.IF_LINK_MODE_DORMANT)
		w.Carrier(1)
		w.ProtoDown(1)
		r := w.ProtoDownReason()
		r.Value(9)
		r.End()
		w.NumTxQueues(10)
		w.NumRxQueues(11)
		w.GSOMaxSize(12)
		w.GSOMaxSegs(13)
		w.GROMaxSize(14)
		w.GSOIPv4MaxSize(15)
		w.GROIPv4MaxSize(16)
		w.ParentDevName("0000:01:00.0")
		w.ParentDevBusName("pci")
		w.PhysPortName("p0")
		w.PhysPortID([]byte{0, 0x1a})
		w.PhysSwitchID([]byte{0, 1, 2, 3, 4, 5, 6, 0xff})
		genMode(w, rtattr.IN6_ADDR_GEN_MODE_RANDOM)
		x := w.XDP()
		x.Attached(rtattr.XDP_ATTACHED_MULTI)
		x.SkbProgID(21)
		x.DrvProgID(22)
		x.HWProgID(23)
		x.End()
		p := w.PropList()
		p.AltIfName("uplink")
		p.AltIfName("a-name-longer-than-sixteen-bytes")
		p.End()
		w.Uint32(999, 7)
		i := w.LinkInfo()
		i.Kind("never-heard-of")
		i.SlaveKind("bridge")
		i.End()
	}))
	want := link.Link{Index: 7, HWType: 1, Flags: rtattr.IFF_UP, Name: "x0", AltNames: link.AltNamesOf("uplink", "a-name-longer-than-sixteen-bytes"),
		Kind: "never-heard-of", Data: link.Raw{Kind: "never-heard-of"}, Port: link.BridgePort{}, MTU: 1400, MinMTU: 68, MaxMTU: 65535, TxQLen: 77, Qdisc: "mq", Address: mac("02:00:00:00:00:01"),
		Broadcast: mac("ff:ff:ff:ff:ff:ff"), PermAddress: mac("02:00:00:00:00:02"), LinkNetNSID: link.Some[int32](0), Parent: 3, Master: 4,
		MasterKind: "bridge", Group: 5, Alias: "a b", OperState: rtattr.IF_OPER_DORMANT, LinkMode: rtattr.IF_LINK_MODE_DORMANT, Carrier: true,
		ProtoDown: true, ProtoDownReason: 9, NumTxQueues: 10, NumRxQueues: 11, GSOMaxSize: 12, GSOMaxSegs: 13, GROMaxSize: 14,
		GSOIPv4MaxSize: 15, GROIPv4MaxSize: 16, AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_RANDOM),
		XDP: link.XDP{Mode: rtattr.XDP_ATTACHED_MULTI, SKB: 21, Drv: 22, HW: 23}, ParentDev: "0000:01:00.0", ParentBus: "pci",
		PhysPortName: "p0", PhysPortID: "001a", PhysSwitchID: "00010203040506ff"}
	if err != nil || l != want {
		t.Errorf("got  %#v, %v\nwant %#v", l, err, want)
	}
	for v, i := reflect.ValueOf(want), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not tested", v.Type().Field(i).Name)
		}
	}
	if !l.Up() || l.String() != "7: x0: mtu 1400 state dormant type never-heard-of link 3 master 4 address 02:00:00:00:00:01" {
		t.Error(l)
	}
	_, err = link.Parse(message(t, rtattr.IfInfomsg{Index: 7, Family: rtattr.AF_BRIDGE}, func(rtattr.LinkEncoder) {}))
	if err == nil || err.Error() != "link: message of address family 7: it is about a port or a protocol of a link" {
		t.Error(err)
	}
	// What is behind a bad attribute is read all the same.
	for _, tt := range []struct {
		typ  uint16
		want string
	}{
		{rtattr.IFLA_ADDRESS, "link: 7: : a hardware address of more than 32 bytes"},
		{rtattr.IFLA_LINKINFO, "link: 7: : rtattr: "},
		{rtattr.IFLA_PROTO_DOWN_REASON, "link: 7: : rtattr: "},
		{rtattr.IFLA_XDP, "link: 7: : rtattr: "},
		{rtattr.IFLA_AF_SPEC, "link: 7: : rtattr: "},
	} {
		got, err := link.Parse(message(t, rtattr.IfInfomsg{Index: 7}, func(w rtattr.LinkEncoder) {
			w.Bytes(tt.typ, make([]byte, 33))
			p := w.PropList()
			p.AltIfName("uplink")
			p.End()
		}))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || got.AltNames != link.AltNamesOf("uplink") {
			t.Errorf("%d: %v, %v", tt.typ, got, err)
		}
	}
}

func TestAltNames(t *testing.T) {
	for _, names := range [][]string{nil, {"a"}, {"a", "b c", "d"}, {"", "a", ""}} {
		a := link.AltNamesOf(names...)
		if got := slices.Collect(a.All()); !slices.Equal(got, names) || a.String() != strings.Join(names, " ") {
			t.Errorf("%q: %q, %q", names, got, a)
		}
	}
	if link.AltNamesOf() != (link.AltNames{}) || link.AltNamesOf("a", "b") == link.AltNamesOf("b", "a") {
		t.Error("equal names are not")
	}
	for name := range link.AltNamesOf("a", "b").All() {
		if name != "a" {
			t.Error(name)
		}
		break
	}
}

// TestParseVFs reads functions as drivers report them, in the order and with the
// repetitions of rtnl_fill_vfinfo, and writes them again.
func TestParseVFs(t *testing.T) {
	infiniband := make([]byte, 20)
	for _, tt := range []struct {
		address []byte
		put     func(rtattr.VFInfoEncoder)
		want    link.VF
	}{
		{mac("02:00:00:00:00:01").Bytes(), func(w rtattr.VFInfoEncoder) { // a driver that knows no more
			w.MAC(rtattr.VFMAC{VF: 3, MAC: [32]byte{2, 0, 0, 0, 0, 9}})
			w.Broadcast(rtattr.VFBroadcast{})
			w.VLAN(rtattr.VFVLAN{VF: 3})
			w.Rate(rtattr.VFRate{VF: 3})
			w.TxRate(rtattr.VFTxRate{VF: 3})
			w.SpoofChk(rtattr.VFSpoofChk{VF: 3, Setting: 1<<32 - 1})
			w.LinkState(rtattr.VFLink{VF: 3})
			w.RSSQuery(rtattr.VFRSSQuery{VF: 3, Setting: 1<<32 - 1})
			w.Trust(rtattr.VFTrust{VF: 3, Setting: 1<<32 - 1})
			l := w.VLANList()
			l.Info(rtattr.VFVLANInfo{VF: 3, VLANProto: rtattr.ETH_P_8021Q})
			l.End()
		}, link.VF{Num: 3, MAC: mac("02:00:00:00:00:09"), VLAN: link.Some(link.VFVLAN{Protocol: rtattr.ETH_P_8021Q}),
			Rate: link.Some(link.VFRate{}), LinkState: link.Some(rtattr.IFLA_VF_LINK_STATE_AUTO)}},
		{infiniband, func(w rtattr.VFInfoEncoder) {
			w.MAC(rtattr.VFMAC{VF: 4, MAC: [32]byte{19: 7, 31: 8}})
			w.VLAN(rtattr.VFVLAN{VF: 4, VLAN: 7, QoS: 3})
			w.Rate(rtattr.VFRate{VF: 4, MinTxRate: 10, MaxTxRate: 100})
			w.SpoofChk(rtattr.VFSpoofChk{VF: 4, Setting: 1})
			w.LinkState(rtattr.VFLink{VF: 4, LinkState: rtattr.IFLA_VF_LINK_STATE_DISABLE})
			w.RSSQuery(rtattr.VFRSSQuery{VF: 4})
			w.Trust(rtattr.VFTrust{VF: 4, Setting: 1})
			w.IBNodeGUID(rtattr.VFGUID{VF: 4, GUID: 1 << 63})
			w.IBPortGUID(rtattr.VFGUID{VF: 4, GUID: 7})
			l := w.VLANList()
			l.Info(rtattr.VFVLANInfo{VF: 4, VLAN: 7, QoS: 3, VLANProto: rtattr.ETH_P_8021AD})
			l.End()
		}, link.VF{Num: 4, MAC: mac(strings.Repeat("00:", 19) + "07"), VLAN: link.Some(link.VFVLAN{ID: 7, QoS: 3, Protocol: rtattr.ETH_P_8021AD}),
			Rate: link.Some(link.VFRate{Min: 10, Max: 100}), LinkState: link.Some(rtattr.IFLA_VF_LINK_STATE_DISABLE), SpoofChk: link.Some(true),
			Trust: link.Some(true), RSSQuery: link.Some(false), NodeGUID: link.Some[uint64](1 << 63), PortGUID: link.Some[uint64](7)}},
	} {
		v := message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) {
			w.Address(tt.address)
			l := w.VFInfoList()
			for range 2 {
				i := l.Info()
				tt.put(i)
				i.End()
			}
			l.End()
		})
		got, err := link.ParseVFs(v)
		if err != nil || !slices.Equal(got, []link.VF{tt.want, tt.want}) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
		}
		// Each setting once, and nothing behind an InfiniBand identifier, which the
		// kernel would not look at.
		var e rtattr.Encoder
		link.AppendSetVF(&e, 3, tt.want)
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			t.Fatal(err)
		}
		list, err := v.VFInfoList()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[uint16]int{}
		for i, err := range list.Info() {
			if err != nil {
				t.Fatal(err)
			}
			last := uint16(0)
			for typ := range i.Attrs().All() {
				if last == rtattr.IFLA_VF_IB_NODE_GUID || last == rtattr.IFLA_VF_IB_PORT_GUID {
					t.Errorf("%d behind %d", typ, last)
				}
				last = typ &^ rtattr.NLA_F_NESTED
				seen[last]++
			}
		}
		for typ, n := range seen {
			if n != 1 {
				t.Errorf("attribute %d: %d times", typ, n)
			}
		}
		if _, ok := tt.want.PortGUID.Get(); ok && len(seen) != 9 || !ok && len(seen) != 4 {
			t.Errorf("%v", seen)
		}
	}
}

func TestAllocs(t *testing.T) {
	buf := make([]byte, 4096)
	full := link.Config{Name: "v0", Address: v0.Address, MTU: 1400, TxQLen: link.Some[uint32](10), Master: link.Some[uint32](4)}
	change := full
	change.Alias = link.Some(strings.Repeat("a", 200))
	nameless := change
	nameless.Name = ""
	vx := link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Link: 3, Port: 4789, TTL: link.Some[uint8](64), Ageing: link.Some(time.Minute)}
	for _, tt := range []struct {
		name string
		f    builder
	}{
		{"Veth", func(e *rtattr.Encoder) { link.AppendAdd(e, full, link.Veth{Peer: v1}) }},
		{"Bridge", func(e *rtattr.Encoder) {
			link.AppendAdd(e, full, link.Bridge{STP: link.Some(true), MaxAge: 7 * time.Second})
		}},
		{"VLAN", func(e *rtattr.Encoder) { link.AppendAdd(e, full, link.VLAN{ID: 7}) }},
		{"VXLAN", func(e *rtattr.Encoder) { link.AppendAdd(e, full, vx) }},
		{"Macvlan", func(e *rtattr.Encoder) { link.AppendAdd(e, full, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE}) }},
		{"Raw", func(e *rtattr.Encoder) { link.AppendAdd(e, full, link.Raw{Kind: "amt"}) }},
		{"Dummy", func(e *rtattr.Encoder) { link.AppendAdd(e, full, link.Dummy{}) }},
		{"Set", func(e *rtattr.Encoder) { link.AppendSet(e, 3, change) }},
		{"SetMore", func(e *rtattr.Encoder) {
			link.AppendSet(e, 3, link.Config{GSOMaxSize: 40000, SetReasons: 1, ProtoDown: link.Some(true), AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)})
		}},
		{"SetAll", func(e *rtattr.Encoder) { link.AppendSetAll(e, 7, nameless) }},
		{"SetVF", func(e *rtattr.Encoder) {
			link.AppendSetVF(e, 3, link.VF{MAC: v0.Address, VLAN: link.Some(link.VFVLAN{ID: 7}), NodeGUID: link.Some[uint64](1), PortGUID: link.Some[uint64](2)})
		}},
		{"SetXDP", func(e *rtattr.Encoder) { link.AppendSetXDP(e, 3, -1, 0) }},
		{"ReplaceXDP", func(e *rtattr.Encoder) { link.AppendReplaceXDP(e, 3, 4, 5, 0) }},
		{"GetStats", func(e *rtattr.Encoder) {
			link.AppendGetStats(e, 3, rtattr.IFLA_STATS_LINK_64, rtattr.IFLA_STATS_AF_SPEC)
		}},
		{"ListStats", func(e *rtattr.Encoder) { link.AppendListStats(e, rtattr.IFLA_STATS_LINK_64) }},
		{"SetNSID", func(e *rtattr.Encoder) { link.AppendSetNSID(e, 3, 7) }},
		{"GetNSID", func(e *rtattr.Encoder) { link.AppendGetNSID(e, 3) }},
		{"ListNSIDs", link.AppendListNSIDs},
		{"BeginSet", func(e *rtattr.Encoder) { w := link.BeginSet(e, 3, full); w.GSOMaxSegs(7); w.End() }},
		{"Delete", func(e *rtattr.Encoder) { link.AppendDelete(e, 3) }},
		{"DeleteName", func(e *rtattr.Encoder) { link.AppendDeleteName(e, "v0") }},
		{"DeleteGroup", func(e *rtattr.Encoder) { link.AppendDeleteGroup(e, 7) }},
		{"AddAltNames", func(e *rtattr.Encoder) { link.AppendAddAltNames(e, 3, "a", "b") }},
		{"DeleteAltNames", func(e *rtattr.Encoder) { link.AppendDeleteAltNames(e, 3, "a", "b") }},
		{"List", func(e *rtattr.Encoder) { link.AppendList(e, link.Filter{Kind: "veth", Master: 3}) }},
		{"Get", func(e *rtattr.Encoder) { link.AppendGet(e, 3) }},
		{"GetName", func(e *rtattr.Encoder) { link.AppendGetName(e, "v0") }},
	} {
		var e rtattr.Encoder
		if n := testing.AllocsPerRun(100, func() {
			e.Reset(buf)
			tt.f(&e)
			if e.Err() != nil {
				t.Error(e.Err())
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
	// Reading a link allocates its strings: Name, Qdisc and Kind, and one for all
	// alternative names; and its Data.
	v := message(t, rtattr.IfInfomsg{Index: 7}, func(w rtattr.LinkEncoder) {
		w.IfName("v0")
		w.Qdisc("noqueue")
		w.Address(v0.Address.Bytes())
		i := w.LinkInfo()
		i.Kind("veth")
		i.End()
		p := w.PropList()
		p.AltIfName("uplink")
		p.AltIfName("rack7")
		p.End()
	})
	if n := testing.AllocsPerRun(100, func() {
		if _, err := link.Parse(v); err != nil {
			t.Error(err)
		}
	}); n > 9 {
		t.Errorf("Parse: %v allocations", n)
	}
	// An Encoder on the stack stays there, and so does a kind.
	if n := testing.AllocsPerRun(100, func() {
		var e rtattr.Encoder
		e.Reset(buf)
		link.AppendAdd(&e, full, vx)
		link.AppendSet(&e, 3, change)
		link.AppendDelete(&e, 3)
	}); n != 0 {
		t.Errorf("on the stack: %v allocations", n)
	}
}

func BenchmarkAppendAddVXLAN(b *testing.B) {
	buf := make([]byte, 4096)
	k := link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Link: 3, Port: 4789, TTL: link.Some[uint8](64)}
	b.ReportAllocs()
	for b.Loop() {
		var e rtattr.Encoder
		e.Reset(buf)
		link.AppendAdd(&e, vx0, k)
	}
}
