package link_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

var ip, mac = netip.MustParseAddr, link.MustParseHardwareAddr

type builder = func(*rtattr.Encoder)

func add(c link.Config, k link.Kind) builder {
	return func(e *rtattr.Encoder) { link.AppendAdd(e, c, k) }
}

func set(index uint32, c link.Config) builder {
	return func(e *rtattr.Encoder) { link.AppendSet(e, index, c) }
}

func xdp(flags rtattr.XDPFlags) builder {
	return func(e *rtattr.Encoder) { link.AppendSetXDP(e, 3, -1, flags) }
}

func vf(vfs ...link.VF) builder {
	return func(e *rtattr.Encoder) { link.AppendSetVF(e, 3, vfs...) }
}

func del(index uint32) builder { return func(e *rtattr.Encoder) { link.AppendDelete(e, index) } }

// named returns a Config as the setups of the corpus have it.
func named(name, address string) link.Config {
	c := link.Config{Name: name, NumTxQueues: 1, NumRxQueues: 1}
	if address != "" {
		c.Address = mac(address)
	}
	return c
}

func with(c link.Config, f func(*link.Config)) link.Config { f(&c); return c }

var (
	v0  = named("v0", "02:00:00:00:00:01")
	v1  = named("v1", "02:00:00:00:00:02")
	br0 = link.Config{Name: "br0", Address: mac("02:00:00:00:00:10")}
	vx0 = link.Config{Name: "vx0", Address: mac("02:00:00:00:00:20")}
	m0  = with(named("m0", "02:00:00:00:00:30"), func(c *link.Config) { c.Parent = 3 })
	vl7 = link.Config{Name: "vl7", Parent: 3}
)

// data is the rest of what a kind has: INFO_DATA by the encoders of rtattr.
func data(c link.Config, put func(rtattr.LinkInfoEncoder)) builder {
	return func(e *rtattr.Encoder) {
		w := link.BeginAdd(e, c)
		i := w.LinkInfo()
		put(i)
		i.End()
		w.End()
	}
}

// goldens says for each message recorded from ip how it is written here.
var goldens = map[string]builder{
	"link-add-veth":           add(link.Config{Name: "v0"}, link.Veth{}),
	"link-add-veth-exists":    add(link.Config{Name: "lo"}, link.Veth{Peer: link.Config{Name: "v1"}}),
	"link-add-veth-index":     add(with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: with(v1, func(c *link.Config) { c.Index = 71 })}),
	"link-add-veth-nameless":  add(link.Config{}, link.Veth{}),
	"link-add-veth-netns":     add(v0, link.Veth{Peer: with(v1, func(c *link.Config) { c.NetNS = 4 })}),
	"link-add-veth-peer-name": add(link.Config{Name: "v0"}, link.Veth{Peer: link.Config{Name: "v1"}}),
	"link-add-veth-peer": add(
		link.Config{Name: "v0", Address: v0.Address, MTU: 1400, TxQLen: link.Some[uint32](10), NumTxQueues: 2, NumRxQueues: 3},
		link.Veth{Peer: link.Config{Name: "v1", Address: v1.Address, MTU: 1300, TxQLen: link.Some[uint32](20), NumTxQueues: 3, NumRxQueues: 2}}),
	"link-add-veth-up": add(with(v0, func(c *link.Config) { c.Set = rtattr.IFF_UP }), link.Veth{Peer: v1}),

	"link-add-bridge":         add(link.Config{Name: "br0"}, link.Bridge{}),
	"link-add-bridge-address": add(br0, link.Bridge{}),
	"link-add-bridge-stp": add(br0, link.Bridge{STP: link.Some(true), ForwardDelay: link.Some(4 * time.Second), HelloTime: time.Second, MaxAge: 7 * time.Second,
		Ageing: link.Some(time.Minute), Priority: link.Some[uint16](4096)}),
	"link-add-bridge-vlan": data(br0, func(i rtattr.LinkInfoEncoder) {
		n := i.Bridge()
		n.VLANFiltering(1)
		n.VLANDefaultPVID(77)
		n.VLANProtocol(rtattr.ETH_P_8021AD)
		n.VLANStatsEnabled(1)
		n.VLANStatsPerPort(1)
		n.End()
	}),

	"link-add-vlan":      add(vl7, link.VLAN{ID: 7}),
	"link-add-vlan-qinq": add(vl7, link.VLAN{ID: 4094, Protocol: rtattr.ETH_P_8021AD}),
	"link-add-vlan-many": add(with(vl7, func(c *link.Config) {
		c.Address, c.MTU, c.Set = mac("02:00:00:00:00:07"), 1400, rtattr.IFF_UP
	}), link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_REORDER_HDR}),
	"link-add-vlan-flags": add(vl7, link.VLAN{ID: 7, Clear: rtattr.VLAN_FLAG_REORDER_HDR,
		Set: rtattr.VLAN_FLAG_GVRP | rtattr.VLAN_FLAG_MVRP | rtattr.VLAN_FLAG_LOOSE_BINDING | rtattr.VLAN_FLAG_BRIDGE_BINDING}),

	"link-add-vxlan":          add(vx0, link.VXLAN{ID: 7, Learning: link.Some(true)}),
	"link-add-vxlan-external": add(vx0, link.VXLAN{Port: 4789, External: true, Learning: link.Some(false)}),
	"link-add-vxlan-gbp":      add(vx0, link.VXLAN{ID: 7, Port: 4789, GBP: true, Learning: link.Some(true)}),
	"link-add-vxlan-gpe":      add(link.Config{Name: "vx0"}, link.VXLAN{Port: 4790, GPE: true, Learning: link.Some(false), External: true}),
	"link-add-vxlan-group":    add(vx0, link.VXLAN{ID: 1<<24 - 1, Group: ip("239.7.7.7"), Link: 3, Port: 4789, TTL: link.Some[uint8](8), Learning: link.Some(true)}),
	"link-add-vxlan-group6":   add(vx0, link.VXLAN{ID: 7, Group: ip("ff05::77"), Link: 3, Port: 4789, Learning: link.Some(true)}),
	"link-add-vxlan-inherit":  add(vx0, link.VXLAN{ID: 7, Port: 4789, TTLInherit: true, TOS: link.Some[uint8](1), Learning: link.Some(true)}),
	"link-add-vxlan-label":    add(vx0, link.VXLAN{ID: 7, Group: ip("fd00:1::2"), Link: 3, Port: 4789, FlowLabel: link.Some[uint32](0x12345), Learning: link.Some(true)}),
	"link-add-vxlan-many": add(vx0, link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Link: 3, Port: 8472, PortLow: 32768, PortHigh: 61000, TTL: link.Some[uint8](64), TOS: link.Some[uint8](22),
		Ageing: link.Some(77 * time.Second), Limit: 100, Learning: link.Some(false), Proxy: true, RSC: true, L2Miss: true, L3Miss: true}),
	"link-add-vxlan-remote":    add(vx0, link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Link: 3, Port: 4789, Learning: link.Some(true)}),
	"link-add-vxlan-remote6":   add(vx0, link.VXLAN{ID: 7, Group: ip("fd00:1::2"), Local: ip("fd00:1::1"), Link: 3, Port: 4789, Learning: link.Some(true)}),
	"link-add-vxlan-vnifilter": add(vx0, link.VXLAN{Port: 4789, External: true, VNIFilter: true, Learning: link.Some(false)}),
	"link-add-vxlan-checksum": data(vx0, func(i rtattr.LinkInfoEncoder) {
		n := i.VXLAN()
		n.UDPCsum(1)
		n.UDPZeroCsum6Tx(0)
		n.UDPZeroCsum6Rx(1)
		n.RemCsumTx(1)
		n.RemCsumRx(1)
		n.ID(7)
		n.Learning(1)
		n.Port(4789)
		n.End()
	}),

	"link-add-macvlan":          add(m0, link.Macvlan{}),
	"link-add-macvlan-bridge":   add(m0, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE}),
	"link-add-macvlan-passthru": add(m0, link.Macvlan{Mode: rtattr.MACVLAN_MODE_PASSTHRU, Flags: link.Some(rtattr.MACVLAN_FLAG_NOPROMISC)}),
	"link-add-macvlan-private":  add(m0, link.Macvlan{Mode: rtattr.MACVLAN_MODE_PRIVATE}),
	"link-add-macvlan-source":   add(m0, link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE}),
	"link-add-macvlan-vepa":     add(m0, link.Macvlan{Mode: rtattr.MACVLAN_MODE_VEPA, BroadcastQueueLen: link.Some[uint32](100)}),

	"link-add-dummy": add(link.Config{Name: "x0"}, link.Dummy{}),
	"link-add-dummy-many": add(link.Config{Name: "x0", Address: mac("02:00:00:00:00:40"), MTU: 9000, Group: link.Some[uint32](5), Set: rtattr.IFF_UP},
		link.Dummy{}),
	"link-add-ifb": add(named("x0", "02:00:00:00:00:40"), link.Ifb{}),
	"link-add-queues": add(link.Config{Name: "x0", Address: mac("02:00:00:00:00:40"), NumTxQueues: 4, NumRxQueues: 2,
		TxQLen: link.Some[uint32](99), Group: link.Some[uint32](5)}, link.Ifb{}),
	"link-add-wireguard": add(link.Config{Name: "x0"}, link.WireGuard{}),

	"link-set-address":            set(3, link.Config{Address: mac("02:00:00:00:00:77")}),
	"link-set-alias":              set(3, link.Config{Alias: link.Some("uplink to rack 7")}),
	"link-set-alias-empty":        set(3, link.Config{Alias: link.Some("")}),
	"link-set-allmulticast-on":    set(3, link.Config{Set: rtattr.IFF_ALLMULTI}),
	"link-set-arp-off":            set(3, link.Config{Set: rtattr.IFF_NOARP}),
	"link-set-broadcast":          set(3, link.Config{Broadcast: mac("02:ff:ff:ff:ff:ff")}),
	"link-set-by-altname":         set(3, link.Config{MTU: 1390}),
	"link-set-carrier-off":        set(3, link.Config{Carrier: link.Some(false)}),
	"link-set-down":               set(3, link.Config{Clear: rtattr.IFF_UP}),
	"link-set-gro":                set(3, link.Config{GROMaxSize: 32768}),
	"link-set-group":              set(3, link.Config{Group: link.Some[uint32](42)}),
	"link-set-gso":                set(3, link.Config{GSOMaxSize: 32768, GSOMaxSegs: 64}),
	"link-set-many":               set(3, link.Config{MTU: 1380, TxQLen: link.Some[uint32](500), Alias: link.Some("many"), Set: rtattr.IFF_UP | rtattr.IFF_NOARP}),
	"link-set-master":             set(3, link.Config{Master: link.Some[uint32](4)}),
	"link-set-master-refused":     set(3, link.Config{Master: link.Some[uint32](2)}),
	"link-set-mode-dormant":       set(3, link.Config{LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT)}),
	"link-set-mtu":                set(3, link.Config{MTU: 1400}),
	"link-set-mtu-bad":            set(3, link.Config{MTU: 67}),
	"link-set-multicast-off":      set(3, link.Config{Clear: rtattr.IFF_MULTICAST}),
	"link-set-name":               set(3, link.Config{Name: "w0"}),
	"link-set-netns-name":         set(3, link.Config{NetNS: 4}),
	"link-set-netns-pid":          set(3, link.Config{NetNSPID: 1}),
	"link-set-nomaster":           set(3, link.Config{Master: link.Some[uint32](0)}),
	"link-set-promisc-off":        set(3, link.Config{Clear: rtattr.IFF_PROMISC}),
	"link-set-promisc-on":         set(3, link.Config{Set: rtattr.IFF_PROMISC}),
	"link-set-protodown":          set(3, link.Config{ProtoDown: link.Some(true)}),
	"link-set-tun-up":             set(2, link.Config{MTU: 1420, Set: rtattr.IFF_UP}),
	"link-set-txqueuelen":         set(3, link.Config{TxQLen: link.Some[uint32](77)}),
	"link-set-txqueuelen-0":       set(3, link.Config{TxQLen: link.Some[uint32](0)}),
	"link-set-up":                 set(3, link.Config{Set: rtattr.IFF_UP}),
	"link-set-addrgenmode-eui64":  set(3, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_EUI64)}),
	"link-set-addrgenmode-none":   set(2, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)}),
	"link-set-addrgenmode-random": set(3, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_RANDOM)}),
	"link-set-allmulticast-off":   set(3, link.Config{Clear: rtattr.IFF_ALLMULTI}),
	"link-set-arp-on":             set(3, link.Config{Clear: rtattr.IFF_NOARP}),
	"link-set-carrier-on":         set(3, link.Config{Carrier: link.Some(true)}),
	"link-set-dynamic":            set(3, link.Config{Set: rtattr.IFF_DYNAMIC}),
	"link-set-group-all":          func(e *rtattr.Encoder) { link.AppendSetAll(e, 0, link.Config{MTU: 1300}) },
	"link-set-group-up":           func(e *rtattr.Encoder) { link.AppendSetAll(e, 7, link.Config{Set: rtattr.IFF_UP}) },
	"link-set-mode-default":       set(3, link.Config{LinkMode: link.Some(rtattr.IF_LINK_MODE_DEFAULT)}),
	"link-set-multicast-on":       set(3, link.Config{Set: rtattr.IFF_MULTICAST}),
	"link-set-protodown-off":      set(3, link.Config{ProtoDown: link.Some(false)}),
	"link-set-protodown-reason":   set(3, link.Config{SetReasons: 1 << 3}),
	"link-set-state":              set(3, link.Config{OperState: rtattr.IF_OPER_DORMANT}),
	"link-set-trailers":           set(3, link.Config{Set: rtattr.IFF_NOTRAILERS}),

	"link-set-xdp-off":         xdp(rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST),
	"link-set-xdp-drv-off":     xdp(rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST | rtattr.XDP_FLAGS_DRV_MODE),
	"link-set-xdp-force-off":   xdp(0),
	"link-set-xdp-generic-off": xdp(rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST | rtattr.XDP_FLAGS_SKB_MODE),
	"link-set-xdp-offload-off": xdp(rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST | rtattr.XDP_FLAGS_HW_MODE),

	"link-set-vf":            vf(link.VF{MAC: mac("02:00:00:00:00:99"), VLAN: link.Some(link.VFVLAN{ID: 7, QoS: 3})}),
	"link-set-vf-guid":       vf(link.VF{Num: 5, NodeGUID: link.Some[uint64](0x0011223344556677)}),
	"link-set-vf-port-guid":  vf(link.VF{Num: 5, PortGUID: link.Some[uint64](0x0011223344556688)}),
	"link-set-vf-rate":       vf(link.VF{Num: 1, Rate: link.Some(link.VFRate{Min: 10, Max: 100}), SpoofChk: link.Some(true)}),
	"link-set-vf-state":      vf(link.VF{Num: 3, LinkState: link.Some(rtattr.IFLA_VF_LINK_STATE_DISABLE), RSSQuery: link.Some(true)}),
	"link-set-vf-trust":      vf(link.VF{Num: 2, Trust: link.Some(true), SpoofChk: link.Some(false)}),
	"link-set-vf-vlan-none":  vf(link.VF{Num: 4, VLAN: link.Some(link.VFVLAN{})}),
	"link-set-vf-vlan-proto": vf(link.VF{Num: 4, VLAN: link.Some(link.VFVLAN{ID: 7, QoS: 3, Protocol: rtattr.ETH_P_8021AD})}),

	"link-add-link-netnsid": add(with(m0, func(c *link.Config) { c.LinkNetNSID = link.Some[int32](7) }), link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE}),
	"link-add-many-generic": add(link.Config{Name: "x0", Address: mac("02:00:00:00:00:40"), MTU: 1400, TxQLen: link.Some[uint32](77), Group: link.Some[uint32](7),
		LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT), NumTxQueues: 1, NumRxQueues: 1, GSOMaxSize: 40000, GSOMaxSegs: 64, GROMaxSize: 30000,
		Set: rtattr.IFF_UP}, link.Ifb{}),

	"nsid-set":              func(e *rtattr.Encoder) { link.AppendSetNSID(e, 6, 7) },
	"nsid-set-auto":         func(e *rtattr.Encoder) { link.AppendSetNSID(e, 6, -1) },
	"nsid-get-dump":         link.AppendListNSIDs,
	"stats-get":             func(e *rtattr.Encoder) { link.AppendGetStats(e, 3, rtattr.IFLA_STATS_LINK_64) },
	"stats-get-afstats":     func(e *rtattr.Encoder) { link.AppendListStats(e, rtattr.IFLA_STATS_AF_SPEC) },
	"stats-get-xstats":      func(e *rtattr.Encoder) { link.AppendListStats(e, rtattr.IFLA_STATS_LINK_XSTATS) },
	"stats-get-xstats-port": func(e *rtattr.Encoder) { link.AppendListStats(e, rtattr.IFLA_STATS_LINK_XSTATS_SLAVE) },

	"link-del":         del(3),
	"link-del-altname": del(3),
	"link-del-bridge":  del(2),
	"link-del-group":   func(e *rtattr.Encoder) { link.AppendDeleteGroup(e, 7) },
	"link-del-ifb":     del(4),
	"link-del-macvlan": del(4),
	"link-del-vxlan":   del(4),

	"link-prop-add": func(e *rtattr.Encoder) { link.AppendAddAltNames(e, 3, "uplink") },
	"link-prop-add-two": func(e *rtattr.Encoder) {
		link.AppendAddAltNames(e, 3, "uplink", "a-name-longer-than-sixteen-bytes")
	},
	"link-prop-add-long": func(e *rtattr.Encoder) {
		link.AppendAddAltNames(e, 3, "a-name-longer-than-sixteen-bytes")
	},
	"link-prop-del": func(e *rtattr.Encoder) { link.AppendDeleteAltNames(e, 3, "uplink") },
}

func genMode(w rtattr.LinkEncoder, mode rtattr.AddrGenMode) {
	n := w.AFSpec()
	six := n.Inet6()
	six.AddrGenMode(mode)
	six.End()
	n.End()
}

// odd are the messages whose attributes differ from ours, and why.
var odd = map[string]string{
	"link-get-dump":          "ip asks by AF_PACKET and for VFs; we leave out the counters",
	"link-get-dump-bridge":   "AF_BRIDGE: the ports' settings, not links",
	"link-get-dump-group":    "as link-get-dump",
	"link-get-dump-master":   "as link-get-dump",
	"link-get-dump-type":     "as link-get-dump",
	"link-get-name":          "ip asks for VFs",
	"link-get-stats":         "ip asks for VFs",
	"link-get-altname":       "ip asks for VFs, and by the index that it looked up",
	"link-get-dump-up":       "as link-get-dump; the kernel does not filter",
	"link-get-dump-nomaster": "as link-get-dump; IFLA_MASTER -1 is nothing for kernels before 5.15",
	"link-del-type":          "the kind of a link that is deleted by index",

	"link-set-vf-two": "ip puts two lists, of which the kernel sees the last; AppendSetVF puts one list of two",

	// Settings of an existing link's kind and of a port: kinds_golden_test.go has them.
	"link-set-bond-slave": "kind", "link-set-bridge": "kind", "link-set-bridge-flush": "kind", "link-set-bridge-vlan": "kind",
	"link-set-macvlan-add": "kind", "link-set-macvlan-del": "kind", "link-set-macvlan-flags": "kind", "link-set-macvlan-flush": "kind",
	"link-set-macvlan-mode": "kind", "link-set-macvlan-queue": "kind", "link-set-macvlan-set": "kind", "link-set-vxlan": "kind",
	"link-set-port": "kind", "link-set-port-backup": "kind", "link-set-port-flags": "kind", "link-set-port-flush": "kind",
	"link-set-port-mcast": "kind", "link-set-port-neigh": "kind", "link-set-port-nobackup": "kind", "link-set-port-state": "kind",
}

func loadGoldens(t *testing.T) []golden.File {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the goldens were recorded on a little-endian machine")
	}
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	var mine []golden.File
	for _, f := range files {
		_, ok := goldens[f.Name]
		if ok || strings.HasPrefix(f.Name, "link-") && !strings.HasPrefix(f.Name, "link-bridge-") { // AF_BRIDGE
			mine = append(mine, f)
		}
	}
	return mine
}

// TestGolden wants for each message of ip the same attributes, and the same
// bytes where there are no nests.
func TestGolden(t *testing.T) {
	seen := 0
	for _, f := range loadGoldens(t) {
		build := goldens[f.Name]
		if build == nil {
			continue
		}
		seen++
		t.Run(f.Name, func(t *testing.T) { compare(t, f, build) })
	}
	if seen != len(goldens) {
		t.Errorf("%d builders have a golden, of %d", seen, len(goldens))
	}
}

func compare(t *testing.T, f golden.File, build builder) {
	t.Helper()
	var e rtattr.Encoder
	build(&e)
	got, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	m := rtattr.Msg(got)
	m.SetFlags(m.Flags() | rtattr.Msg(f.Wire).Flags()&rtattr.NLM_F_ACK) // the socket sets it
	diff, err := golden.Compare(got, f.Wire)
	if err != nil {
		t.Errorf("%s: %v", f.Command, err)
	}
	if diff != "" && !strings.Contains(diff, "nested") { // ip leaves NLA_F_NESTED off nests
		t.Errorf("%s: the bytes differ from those of ip: %s", f.Command, diff)
	}
}

// TestGoldenRead reads what ip sends about links of any kind, and writes it again.
func TestGoldenRead(t *testing.T) {
	for _, f := range loadGoldens(t) {
		m := rtattr.Msg(f.Wire)
		if goldens[f.Name] == nil && odd[f.Name] == "" && !strings.HasPrefix(f.Name, "link-add-") {
			t.Errorf("%s: no builder", f.Name)
		}
		if m.Type() != rtattr.RTM_NEWLINK || odd[f.Name] != "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var v rtattr.LinkView
			if err := v.Parse(m.Payload()); err != nil {
				t.Fatal(err)
			}
			l, err := link.Parse(&v)
			if err != nil {
				t.Fatal(err)
			}
			vfs, err := link.ParseVFs(&v)
			if err != nil {
				t.Fatal(err)
			}
			c := configOf(t, l, &v)
			switch {
			case m.Flags()&rtattr.NLM_F_CREATE != 0:
				k := link.Raw{Kind: l.Kind}
				info, _ := v.LinkInfo()
				if b, ok := info.Attrs().Find(rtattr.IFLA_INFO_DATA); ok {
					k.Data = link.Some(string(b))
				}
				compare(t, f, add(c, k))
			case l.Index == 0:
				c.Group = link.Opt[uint32]{}
				compare(t, f, func(e *rtattr.Encoder) { link.AppendSetAll(e, l.Group, c) })
			case vfs != nil:
				compare(t, f, func(e *rtattr.Encoder) { link.AppendSetVF(e, l.Index, vfs...) })
			default:
				if n, err := v.XDP(); err != nil || n.Attrs() != nil {
					flags, _ := n.Flags()
					compare(t, f, xdp(flags))
					return
				}
				c.Index = 0
				compare(t, f, set(l.Index, c))
			}
		})
	}
}

// configOf returns what a message of ip says, as Config.
func configOf(t *testing.T, l link.Link, v *rtattr.LinkView) link.Config {
	t.Helper()
	c := link.Config{
		Index: l.Index, Name: l.Name, MTU: l.MTU, Address: l.Address, Broadcast: l.Broadcast, NumTxQueues: l.NumTxQueues, NumRxQueues: l.NumRxQueues,
		Parent: l.Parent, LinkNetNSID: l.LinkNetNSID, OperState: l.OperState, AddrGenMode: l.AddrGenMode,
		GSOMaxSize: l.GSOMaxSize, GSOMaxSegs: l.GSOMaxSegs, GROMaxSize: l.GROMaxSize, GSOIPv4MaxSize: l.GSOIPv4MaxSize, GROIPv4MaxSize: l.GROIPv4MaxSize,
		Set: v.Header.Flags, Clear: v.Header.Change &^ v.Header.Flags,
	}
	if _, ok := v.TxQLen(); ok {
		c.TxQLen = link.Some(l.TxQLen)
	}
	if _, ok := v.Group(); ok {
		c.Group = link.Some(l.Group)
	}
	if _, ok := v.Master(); ok {
		c.Master = link.Some(l.Master)
	}
	if _, ok := v.IfAlias(); ok {
		c.Alias = link.Some(l.Alias)
	}
	if _, ok := v.LinkMode(); ok {
		c.LinkMode = link.Some(l.LinkMode)
	}
	if _, ok := v.Carrier(); ok {
		c.Carrier = link.Some(l.Carrier)
	}
	if _, ok := v.ProtoDown(); ok {
		c.ProtoDown = link.Some(l.ProtoDown)
	}
	if n, err := v.ProtoDownReason(); err != nil {
		t.Error(err)
	} else {
		mask, _ := n.Mask()
		c.SetReasons, c.ClearReasons = l.ProtoDownReason, mask&^l.ProtoDownReason
	}
	fd, _ := v.NetNSFD()
	c.NetNS = int(fd)
	c.NetNSPID, _ = v.NetNSPID()
	return c
}
