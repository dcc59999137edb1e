package link_test

import (
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
		{"AddAlias", add(link.Config{Name: "x", Alias: link.Some("")}, link.Dummy{}), `link: add x alias "": the kernel ignores the Alias of a new link: Set it`},
		{"Alias255", set(3, link.Config{Alias: link.Some(strings.Repeat("a", 255))}), ""},
		{"Alias256", set(3, link.Config{Alias: link.Some(strings.Repeat("a", 256))}), `link: set dev 3 alias "` + strings.Repeat("a", 256) + `": Alias has 256 bytes, at most 255 fit`},
		{"AliasNUL", set(3, link.Config{Alias: link.Some("\x00")}), `link: set dev 3 alias "\x00": NUL inside the Alias`},
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
		{"PeerMaster", veth(link.Config{Master: link.Some[uint32](0)}), "link: veth: peer master 0: the kernel ignores Parent and Master of a peer"},
		{"PeerAlias", veth(link.Config{Alias: link.Some("a")}), `link: veth: peer alias "a": the kernel ignores the Alias of a new link: Set it`},
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
		TxQLen: link.Some[uint32](0), NumTxQueues: 1, NumRxQueues: 2, Parent: 3, Master: link.Some[uint32](4), Group: link.Some[uint32](5),
		Alias: link.Some("a b"), NetNS: 6, Set: rtattr.IFF_UP, Clear: rtattr.IFF_NOARP}
	const want = `v0 index 7 link 3 mtu 1400 address 02:00:00:00:00:01 broadcast ff:ff:ff:ff:ff:ff txqueuelen 0 numtxqueues 1 ` +
		`numrxqueues 2 master 4 group 5 alias "a b" netns fd 6 set up clear noarp`
	if got := c.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (link.Config{MTU: 7}).String(); got != "mtu 7" {
		t.Error(got)
	}
}

// TestParse reads what the kernel does not show of the links in live tests.
func TestParse(t *testing.T) {
	parse := func(h rtattr.IfInfomsg, put func(rtattr.LinkEncoder)) (link.Link, error) {
		var e rtattr.Encoder
		w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, h)
		put(w)
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.LinkView
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			t.Fatal(err)
		}
		return link.Parse(&v)
	}
	l, err := parse(rtattr.IfInfomsg{Index: 7, Type: 1, Flags: rtattr.IFF_UP}, func(w rtattr.LinkEncoder) {
		w.IfName("x0")
		w.Address([]byte{2, 0, 0, 0, 0, 1})
		w.LinkNetNSID(0)
		w.Link(3)
		w.Uint32(999, 7)
		i := w.LinkInfo()
		i.Kind("never-heard-of")
		i.SlaveKind("bridge")
		i.End()
	})
	want := link.Link{Index: 7, HWType: 1, Flags: rtattr.IFF_UP, Name: "x0", Address: mac("02:00:00:00:00:01"),
		LinkNetNSID: link.Some[int32](0), Parent: 3, Kind: "never-heard-of", MasterKind: "bridge"}
	if err != nil || l != want {
		t.Errorf("got %#v, %v", l, err)
	}
	if !l.Up() || l.String() != "7: x0: mtu 0 state unknown type never-heard-of link 3 address 02:00:00:00:00:01" {
		t.Error(l)
	}
	_, err = parse(rtattr.IfInfomsg{Index: 7, Family: rtattr.AF_BRIDGE}, func(rtattr.LinkEncoder) {})
	if err == nil || err.Error() != "link: message of address family 7: it is about a port or a protocol of a link" {
		t.Error(err)
	}
	_, err = parse(rtattr.IfInfomsg{Index: 7}, func(w rtattr.LinkEncoder) { w.Bytes(rtattr.IFLA_ADDRESS, make([]byte, 33)) })
	if err == nil || err.Error() != "link: 7: : a hardware address of more than 32 bytes" {
		t.Error(err)
	}
	_, err = parse(rtattr.IfInfomsg{Index: 7}, func(w rtattr.LinkEncoder) { w.Bytes(rtattr.IFLA_LINKINFO, []byte{1}) })
	if err == nil || !strings.HasPrefix(err.Error(), "link: 7: : rtattr: ") {
		t.Error(err)
	}
}

func TestAllocs(t *testing.T) {
	buf := make([]byte, 4096)
	full := link.Config{Name: "v0", Address: v0.Address, MTU: 1400, TxQLen: link.Some[uint32](10), Master: link.Some[uint32](4)}
	change := full
	change.Alias = link.Some(strings.Repeat("a", 200))
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
