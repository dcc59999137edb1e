package link_test

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// rawKinds are the kinds of the tables without a type, and why.
var rawKinds = map[string]string{
	"openvswitch": "made by its daemon over generic netlink, not by RTM_NEWLINK",
	"vsockmon":    "no parameters",
	"virt_wifi":   "no parameters",
	"lowpan":      "no parameters",
}

// noField are attributes that no field of a kind or port sends, and why.
var noField = map[string]string{
	"bridge.root-id": "shown", "bridge.bridge-id": "shown", "bridge.root-port": "shown", "bridge.root-path-cost": "shown",
	"bridge.topology-change": "shown", "bridge.topology-change-detected": "shown", "bridge.hello-timer": "shown",
	"bridge.tcn-timer": "shown", "bridge.topology-change-timer": "shown", "bridge.gc-timer": "shown",
	"bridge.mcast-querier-state": "shown", "bridge.fdb-n-learned": "shown",
	"bridge.mcast-hash-elasticity": "without effect since Linux 4.16",

	"bond.ad-info": "shown",

	"macvlan.macaddr-count": "shown", "macvlan.bc-queue-len-used": "shown",
	"macvtap.macaddr-count": "shown", "macvtap.bc-queue-len-used": "shown",

	"can.bittiming-const": "shown", "can.clock": "shown", "can.state": "shown", "can.berr-counter": "shown",
	"can.data-bittiming-const": "shown", "can.termination-const": "shown", "can.bitrate-const": "shown",
	"can.data-bitrate-const": "shown", "can.bitrate-max": "shown", "can.ctrlmode-ext": "shown",
	"can.tdc.tdcv-min": "shown", "can.tdc.tdcv-max": "shown", "can.tdc.tdco-min": "shown", "can.tdc.tdco-max": "shown",
	"can.tdc.tdcf-min": "shown", "can.tdc.tdcf-max": "shown",

	"netkit.primary": "shown", "hsr.supervision-addr": "shown, read into MulticastSpec", "hsr.seq-nr": "shown", "amt.remote-ip": "shown",

	"gre.encap-limit": "IPv6", "gre.flowinfo": "IPv6", "gre.flags": "IPv6",
	"gretap.encap-limit": "IPv6", "gretap.flowinfo": "IPv6", "gretap.flags": "IPv6",
	"erspan.encap-limit": "IPv6", "erspan.flowinfo": "IPv6", "erspan.flags": "IPv6",
	"gre.erspan-index": "of erspan", "gre.erspan-ver": "of erspan", "gre.erspan-dir": "of erspan", "gre.erspan-hwid": "of erspan",
	"gretap.erspan-index": "of erspan", "gretap.erspan-ver": "of erspan", "gretap.erspan-dir": "of erspan", "gretap.erspan-hwid": "of erspan",
	"ip6gre.erspan-index": "of ip6erspan", "ip6gre.erspan-ver": "of ip6erspan", "ip6gre.erspan-dir": "of ip6erspan", "ip6gre.erspan-hwid": "of ip6erspan",
	"ip6gretap.erspan-index": "of ip6erspan", "ip6gretap.erspan-ver": "of ip6erspan", "ip6gretap.erspan-dir": "of ip6erspan", "ip6gretap.erspan-hwid": "of ip6erspan",
	"ipip.encap-limit": "IPv6", "ipip.flowinfo": "IPv6", "sit.encap-limit": "IPv6", "sit.flowinfo": "IPv6",
	"ipip.flags": "of sit", "ipip.6rd-prefix": "of sit", "ipip.6rd-relay-prefix": "of sit", "ipip.6rd-prefixlen": "of sit", "ipip.6rd-relay-prefixlen": "of sit",
	"sit.collect-metadata": "not of sit",

	"port bridge.learning-sync": "of drivers of switches, over AF_BRIDGE", "port bridge.root-id": "shown", "port bridge.bridge-id": "shown",
	"port bridge.designated-port": "shown", "port bridge.designated-cost": "shown", "port bridge.id": "shown", "port bridge.no": "shown",
	"port bridge.topology-change-ack": "shown", "port bridge.config-pending": "shown", "port bridge.message-age-timer": "shown",
	"port bridge.forward-delay-timer": "shown", "port bridge.hold-timer": "shown", "port bridge.mrp-ring-open": "shown",
	"port bridge.mrp-in-open": "shown", "port bridge.mcast-eht-hosts-cnt": "shown", "port bridge.mcast-n-groups": "shown",

	"port bond.state": "shown", "port bond.mii-status": "shown", "port bond.link-failure-count": "shown", "port bond.perm-hwaddr": "shown",
	"port bond.ad-aggregator-id": "shown", "port bond.ad-actor-oper-port-state": "shown", "port bond.ad-partner-oper-port-state": "shown",
	"port bond.ad-churn-actor-state": "shown", "port bond.ad-churn-partner-state": "shown",
}

// limits are values that a field must have where another one would be refused, or
// not be read.
var limits = map[string]any{
	"VLAN.ID": uint16(4094), "VLAN.Set": rtattr.VLAN_FLAG_GVRP, "VLAN.Clear": rtattr.VLAN_FLAG_MVRP,
	"VXLAN.ID": uint32(1<<24 - 1), "VXLAN.FlowLabel": link.Some[uint32](1<<20 - 1), "VXLAN.PortLow": uint16(7), "VXLAN.PortHigh": uint16(9),
	"Geneve.ID": uint32(1<<24 - 1), "Geneve.FlowLabel": link.Some[uint32](1<<20 - 1), "Geneve.PortLow": uint16(7), "Geneve.PortHigh": uint16(9),
	"Rmnet.Set": rtattr.RMNET_FLAGS_INGRESS_MAP_COMMANDS, "Rmnet.Clear": rtattr.RMNET_FLAGS_INGRESS_DEAGGREGATION,
	"CAN.Set": rtattr.CAN_CTRLMODE_FD | rtattr.CAN_CTRLMODE_TDC_MANUAL, "CAN.Clear": rtattr.CAN_CTRLMODE_LOOPBACK,
	"CANBitTiming.BitRate": uint32(0), // beside TQ
	"IP6GRE.Flags":         rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT, "IP6GRETap.Flags": rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT, "IP6Tnl.Flags": rtattr.IP6_TNL_F_USE_ORIG_TCLASS,
	"Bond.Mode": link.Opt[rtattr.BondMode]{}, // no mode has all options
	"Veth.Peer": fullPeer, "VXCAN.Peer": fullPeer, "Netkit.Peer": fullPeer,
	"Batadv.AlgoName": "BATMAN_V",
	"SIT.SixRDPrefix": prefix("2001:db8::/32"), "SIT.SixRDRelay": prefix("10.0.0.0/8"),
	"Bond.ARPTargets":  link.ValuesOf(ip("192.0.2.1"), ip("192.0.2.2")),
	"Bond.NSTargets":   link.ValuesOf(ip("fd00::1"), ip("fd00::2")),
	"Bond.ActiveSlave": link.Opt[uint32]{}, "BridgePort.State": link.Opt[rtattr.BridgePortState]{}, // not read
}

var fullPeer = link.Config{Index: 71, Name: "v1", MTU: 1300, Address: mac("02:00:00:00:00:02"), Broadcast: mac("02:ff:ff:ff:ff:ff"),
	TxQLen: link.Some[uint32](0), NumTxQueues: 2, NumRxQueues: 3, Group: link.Some[uint32](5), NetNS: 4, Set: rtattr.IFF_UP, Clear: rtattr.IFF_MULTICAST,
	GSOMaxSize: 40000, GSOMaxSegs: 64, GROMaxSize: 30000, GSOIPv4MaxSize: 20000, GROIPv4MaxSize: 10000,
	LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT), OperState: rtattr.IF_OPER_DORMANT}

// A filler gives each field of a value another number, or the largest one.
type filler struct {
	n    uint64
	max  bool
	six  bool // IPv6 addresses
	skip func(path string) bool
}

func (f *filler) fill(v reflect.Value, path string) {
	if f.skip != nil && f.skip(path) {
		return
	}
	if x, ok := limits[path]; ok {
		v.Set(reflect.ValueOf(x))
		return
	}
	f.n++
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		*p = time.Duration(f.n) * time.Second
		return
	case *netip.Addr:
		if *p = netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)}); f.six {
			*p = netip.AddrFrom16([16]byte{0xfd, 15: byte(f.n)})
		}
		return
	case *link.HardwareAddr:
		*p, _ = link.HardwareAddrFrom([]byte{2, 0, 0, 0, 0, byte(f.n)})
		return
	case *link.Values[link.HardwareAddr]:
		*p = link.ValuesOf(mac("02:00:00:00:00:77"), mac("02:00:00:00:00:78"))
		return
	case *link.Values[rtattr.VLANQoSMapping]:
		*p = link.ValuesOf(rtattr.VLANQoSMapping{From: uint32(f.n), To: 7}, rtattr.VLANQoSMapping{From: 1<<32 - 1, To: 1})
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(int64(f.n))
		if f.max {
			v.SetInt(math.MinInt32)
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.n)
		if f.max {
			v.SetUint(1<<v.Type().Bits() - 1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := reflect.NewAt(v.Field(i).Type(), unsafe.Pointer(v.Field(i).UnsafeAddr())).Elem() // those of an Opt are not exported
			if strings.HasPrefix(v.Type().Name(), "Opt[") {
				f.fill(field, "")
				continue
			}
			f.fill(field, v.Type().Name()+"."+v.Type().Field(i).Name)
		}
	default:
		panic(fmt.Sprintf("%s: no value of %v", path, v.Type()))
	}
}

// fillings are values of a type that together have all fields set.
func fillings(typ reflect.Type) (all []any) {
	name := strings.TrimSuffix(typ.Name(), "TAP")
	ends := func(field string) func(string) bool { return func(path string) bool { return path == name+field } }
	v6 := strings.HasPrefix(name, "IP6") || name == "VTI6"
	for _, f := range []filler{
		{six: v6, skip: ends(".TTL")},
		{six: v6, skip: ends(".TTLInherit")},
		{six: v6 || name == "VXLAN" || name == "Geneve" || name == "GTP", max: true, skip: ends(".TTLInherit")},
	} {
		v := reflect.New(typ).Elem()
		f.fill(v, "")
		all = append(all, v.Interface())
	}
	return all
}

// kindTypes returns a value of the type of each kind in the tables.
func kindTypes(t testing.TB) map[string]link.Kind {
	t.Helper()
	types := map[string]link.Kind{}
	for _, f := range rtattr.LinkInfoSet.Attrs[rtattr.IFLA_INFO_DATA].Sub.Formats {
		var e rtattr.Encoder
		link.AppendAdd(&e, link.Config{}, link.Raw{Kind: f.Value})
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.LinkView
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			t.Fatal(err)
		}
		if types[f.Value], err = link.ParseKind(&v); err != nil {
			t.Fatal(err)
		}
	}
	return types
}

// TestKindTypes wants a type for each kind of the tables, or a reason.
func TestKindTypes(t *testing.T) {
	for name, k := range kindTypes(t) {
		if _, raw := k.(link.Raw); raw != (rawKinds[name] != "") {
			t.Errorf("%s: %T, %q", name, k, rawKinds[name])
		}
	}
}

// TestKindRoundTrip wants all that a kind says to be read from its message again,
// and each attribute of the tables to be sent by some field.
func TestKindRoundTrip(t *testing.T) {
	unused := maps.Clone(noField)
	formats := rtattr.LinkInfoSet.Attrs[rtattr.IFLA_INFO_DATA].Sub.Formats
	for name, zero := range kindTypes(t) {
		if _, raw := zero.(link.Raw); raw || name == "tun" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			sent := map[string]bool{}
			values := append(fillings(reflect.TypeOf(zero)), zero)
			if name == "bond" {
				values = append(values, link.Bond{Mode: link.Some(rtattr.BOND_MODE_XOR)})
			}
			for _, x := range values {
				k := x.(link.Kind)
				b := built(t, add(link.Config{}, k))
				got, err := link.ParseKind(parsed(t, b))
				if err != nil || got != k {
					t.Errorf("got  %#v, %v\nwant %#v", got, err, k)
				}
				_, data := kindData(t, b)
				set := setOf(formats, name)
				note(sent, name, set, data)
				if reflect.DeepEqual(k, zero) {
					continue
				}
				change := built(t, func(e *rtattr.Encoder) { link.AppendChange(e, 7, k) })
				if got, err := link.ParseKind(parsed(t, change)); err != nil || got != k {
					t.Errorf("a change: got %#v, %v\nwant %#v", got, err, k)
				}
			}
			covered(t, name, setOf(formats, name), sent, unused)
		})
	}
	ports := map[string]link.Port{"bridge": link.BridgePort{}, "bond": link.BondPort{}}
	formats = rtattr.LinkInfoSet.Attrs[rtattr.IFLA_INFO_SLAVE_DATA].Sub.Formats
	for name, zero := range ports {
		t.Run("port "+name, func(t *testing.T) {
			sent := map[string]bool{}
			for _, x := range append(fillings(reflect.TypeOf(zero)), zero) {
				p := x.(link.Port)
				v := parsed(t, built(t, func(e *rtattr.Encoder) { link.AppendSetPort(e, 7, p) }))
				if got, err := link.ParsePort(v); err != nil || got != p {
					t.Errorf("got  %#v, %v\nwant %#v", got, err, p)
				}
				data, ok := v.Attrs().Find(rtattr.IFLA_PROTINFO)
				if !ok {
					info, _ := v.LinkInfo()
					data, _ = info.SlaveData()
				}
				note(sent, "port "+name, setOf(formats, name), data)
			}
			if name == "bridge" {
				sent["port bridge.state"] = true // TestPortGolden: it is not read
			}
			covered(t, "port "+name, setOf(formats, name), sent, unused)
		})
	}
	for path := range unused {
		t.Errorf("%s is sent, or is no attribute", path)
	}
}

func setOf(formats []rtattr.Format, name string) *rtattr.Set {
	for _, f := range formats {
		if f.Value == name && f.Nested != nil {
			return f.Nested.Set()
		}
	}
	return nil
}

// note records which attributes there are.
func note(sent map[string]bool, path string, set *rtattr.Set, data rtattr.Attrs) {
	for typ, b := range data.All() {
		at := path + "." + set.Attrs[typ].Name
		sent[at] = true
		if in := inner(&set.Attrs[typ]); in != nil {
			note(sent, at, in, b)
		}
	}
}

// inner is the set of a nest of the kind's own.
func inner(a *rtattr.Attr) *rtattr.Set {
	if a.Nested == nil || a.Nested.Set() == &rtattr.LinkSet {
		return nil
	}
	return a.Nested.Set()
}

func covered(t *testing.T, path string, set *rtattr.Set, sent map[string]bool, unused map[string]string) {
	t.Helper()
	if set == nil {
		return
	}
	for i := range set.Attrs {
		a := &set.Attrs[i]
		at := path + "." + a.Name
		if path == "bond" && a.Name == "active-slave" {
			continue // TestBondWritable: it is not read
		}
		switch {
		case a.Name == "" || a.Type == rtattr.Pad || a.Type == rtattr.Unused:
		case !sent[at] && noField[at] == "":
			t.Errorf("no field sends %s", at)
		case sent[at]:
			if in := inner(a); in != nil {
				covered(t, at, in, sent, unused)
			}
		default:
			delete(unused, at)
		}
	}
}

func TestKindErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		build builder
		want  string
	}{
		{"Tun", add(link.Config{}, link.Tun{}), "link: tun: the kernel takes no such message: open /dev/net/tun"},
		{"VRFPort", func(e *rtattr.Encoder) { link.AppendSetPort(e, 3, link.VRFPort{}) }, "link: port: nothing can be set of a port of a VRF"},
		{"NoPort", func(e *rtattr.Encoder) { link.AppendSetPort(e, 3, nil) }, "link: no port: it is nil or a pointer"},
		{"PortPointer", func(e *rtattr.Encoder) { link.AppendSetPort(e, 3, &link.BondPort{}) }, "link: no port: it is nil or a pointer"},
		{"PortIndex", func(e *rtattr.Encoder) { link.AppendSetPort(e, 0, link.BondPort{}) }, "link: 0 is no index of a link"},
		{"ChangeIndex", func(e *rtattr.Encoder) { link.AppendChange(e, 0, link.Dummy{}) }, "link: 0 is no index of a link"},
		{"ChangeNothing", func(e *rtattr.Encoder) { link.AppendChange(e, 3, nil) }, "link: no kind of link: it is nil or a pointer"},
		{"Milliseconds", add(link.Config{}, link.Bond{MIIMon: link.Some(time.Microsecond)}), "link: bond: MIIMon is 1µs, want a multiple of 1 ms"},
		{"Seconds", add(link.Config{}, link.Bond{LPInterval: time.Millisecond}), "link: bond: LPInterval is 1ms, want a multiple of 1000 ms"},
		{"Long", add(link.Config{}, link.Bond{MIIMon: link.Some(1 << 32 * time.Millisecond)}), "link: bond: MIIMon is 1193h2m47.296s, too long"},
		{"Long64", add(link.Config{}, link.Bridge{McastQueryInterval: link.Some(1 << 32 * time.Second)}), ""},
		{"GeneveID", add(link.Config{}, link.Geneve{ID: 1 << 24}), "link: geneve: ID is 16777216, which has more than 24 bits"},
		{"GenevePorts", add(link.Config{}, link.Geneve{PortLow: 1}), "link: geneve: PortLow is 1, PortHigh is 0"},
		{"GeneveTTL", add(link.Config{}, link.Geneve{TTL: u8(0), TTLInherit: true}), "link: geneve: both TTL and TTLInherit are given"},
		{"GeneveLabel", add(link.Config{}, link.Geneve{FlowLabel: u32(1 << 20)}), "link: geneve: FlowLabel is 0x100000, which has more than 20 bits"},
		{"Family4", add(link.Config{}, link.GRE{Remote: ip("fd00::1")}), "rtattr: link.linkinfo.data(gre).remote: fd00::1 is not an IPv4 address"},
		{"Family6", add(link.Config{}, link.IP6GRE{Remote: ip("192.0.2.1")}), "rtattr: link.linkinfo.data(ip6gre).remote: 192.0.2.1 is not an IPv6 address"},
		{"Targets", add(link.Config{}, link.Bond{NSTargets: link.ValuesOf(ip("192.0.2.1"))}), "rtattr: link.linkinfo.data(bond).ns-ip6-target: 192.0.2.1 is not an IPv6 address"},
		{"NetkitPeer", add(link.Config{}, link.Netkit{Peer: link.Config{Name: "a/b"}}), `link: netkit: peer a/b: the name contains "/"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e rtattr.Encoder
			tt.build(&e)
			_, err := e.Finish()
			if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// shown is a listing of the kernel, with data of rtattr's own encoders.
func shown(t *testing.T, put func(rtattr.LinkInfoEncoder)) *rtattr.LinkView {
	t.Helper()
	return parsed(t, built(t, func(e *rtattr.Encoder) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 7, Type: 1})
		w.IfName("x0")
		i := w.LinkInfo()
		put(i)
		i.End()
		w.End()
	}))
}

// TestParseKindShown reads what the kernel shows and would refuse.
func TestParseKindShown(t *testing.T) {
	for _, tt := range []struct {
		name string
		put  func(rtattr.LinkInfoEncoder)
		want link.Kind
	}{
		{"None", func(rtattr.LinkInfoEncoder) {}, nil},
		{"Unknown", func(i rtattr.LinkInfoEncoder) { i.Kind("never-heard-of"); i.Data([]byte{1, 2, 3}) },
			link.Raw{Kind: "never-heard-of", Data: link.Some("\x01\x02\x03")}},
		{"UnknownEmpty", func(i rtattr.LinkInfoEncoder) { i.Kind("never-heard-of"); i.Data(nil) },
			link.Raw{Kind: "never-heard-of", Data: link.Some("")}},
		{"UnknownBare", func(i rtattr.LinkInfoEncoder) { i.Kind("never-heard-of") }, link.Raw{Kind: "never-heard-of"}},
		{"Tun", func(i rtattr.LinkInfoEncoder) {
			n := i.Tun()
			n.Owner(0)
			n.Type(rtattr.IFF_TAP)
			n.PI(1)
			n.VnetHdr(1)
			n.Persist(1)
			n.MultiQueue(1)
			n.NumQueues(3)
			n.NumDisabledQueues(2)
			n.End()
		}, link.Tun{Owner: u32(0), Type: rtattr.IFF_TAP, PI: true, VnetHdr: true, Persist: true, MultiQueue: true, NumQueues: 3, NumDisabledQueues: 2}},

		// vlan_fill_info: all ones for a mask, nothing for no flags.
		{"VLAN", func(i rtattr.LinkInfoEncoder) {
			n := i.VLAN()
			n.Protocol(rtattr.ETH_P_8021Q)
			n.ID(7)
			n.Flags(rtattr.VLANFlagsMask{Flags: rtattr.VLAN_FLAG_REORDER_HDR | rtattr.VLAN_FLAG_GVRP, Mask: ^rtattr.VLANFlags(0)})
			n.End()
		}, link.VLAN{ID: 7, Protocol: rtattr.ETH_P_8021Q, Set: rtattr.VLAN_FLAG_REORDER_HDR | rtattr.VLAN_FLAG_GVRP}},
		{"VLANNoFlags", func(i rtattr.LinkInfoEncoder) {
			n := i.VLAN()
			n.ID(7)
			n.End()
		}, link.VLAN{ID: 7, Clear: rtattr.VLAN_FLAG_REORDER_HDR}},
		{"VLANNoReorder", func(i rtattr.LinkInfoEncoder) {
			n := i.VLAN()
			n.ID(7)
			n.Flags(rtattr.VLANFlagsMask{Flags: rtattr.VLAN_FLAG_GVRP, Mask: ^rtattr.VLANFlags(0)})
			n.End()
		}, link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_GVRP, Clear: rtattr.VLAN_FLAG_REORDER_HDR}},

		{"BridgeGroup", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.GroupAddr([]byte{1, 0x80, 0xc2, 0, 0, 0})
			n.HelloTimer(7)
			n.End()
		}, link.Bridge{}},
		{"BridgeGroupAD", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.GroupAddr([]byte{1, 0x80, 0xc2, 0, 0, 8})
			n.VLANProtocol(rtattr.ETH_P_8021AD)
			n.End()
		}, link.Bridge{VLANProtocol: rtattr.ETH_P_8021AD}},
		{"BridgeGroupOwn", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.GroupAddr([]byte{1, 0x80, 0xc2, 0, 0, 8})
			n.VLANProtocol(rtattr.ETH_P_8021Q)
			n.End()
		}, link.Bridge{VLANProtocol: rtattr.ETH_P_8021Q, GroupAddress: mac("01:80:c2:00:00:08")}},
		{"BridgeVLAN", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.VLANFiltering(0)
			n.VLANProtocol(rtattr.ETH_P_8021Q)
			n.McastSnooping(1)
			n.Options(rtattr.BridgeOptions{Value: 1, Mask: 0x1f})
			n.End()
		}, link.Bridge{VLANFiltering: no, VLANProtocol: rtattr.ETH_P_8021Q, McastSnooping: yes, Options: rtattr.BridgeOptions{Value: 1, Mask: 0x1f}}},
		{"BridgeNoVLAN", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.VLANFiltering(0)
			n.McastSnooping(1)
			n.Options(rtattr.BridgeOptions{Value: 1, Mask: 0x1f})
			n.End()
		}, link.Bridge{McastSnooping: yes, Options: rtattr.BridgeOptions{Value: 1, Mask: 1}}},
		{"BridgeNoMcast", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.VLANFiltering(0)
			n.VLANProtocol(rtattr.ETH_P_8021Q)
			n.Options(rtattr.BridgeOptions{Value: 1, Mask: 0x1f})
			n.End()
		}, link.Bridge{VLANFiltering: no, VLANProtocol: rtattr.ETH_P_8021Q, Options: rtattr.BridgeOptions{Value: 1, Mask: 1}}},
		{"BridgeSTPUser", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.STPState(2)
			n.End()
		}, link.Bridge{STP: yes}},

		{"Macvlan", func(i rtattr.LinkInfoEncoder) {
			n := i.Macvlan()
			n.Mode(rtattr.MACVLAN_MODE_SOURCE)
			n.Flags(0)
			n.MacAddrCount(1)
			a := n.MacAddrData()
			a.MacAddr([]byte{2, 0, 0, 0, 0, 0x31})
			a.End()
			n.BroadcastQueueLen(1000)
			n.BroadcastQueueLenUsed(1000)
			n.End()
		}, link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE, Flags: link.Some[rtattr.MacvlanFlags](0), SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET),
			Sources: link.ValuesOf(mac("02:00:00:00:00:31")), BroadcastQueueLen: u32(1000)}},

		// geneve_nl2info looks at TTL where there is no TTL_INHERIT, be it 0.
		{"GeneveTTL", func(i rtattr.LinkInfoEncoder) {
			n := i.Geneve()
			n.TTL(64)
			n.TTLInherit(0)
			n.Remote(ip("0.0.0.0"))
			n.End()
		}, link.Geneve{TTL: u8(64)}},
		{"GeneveInherit", func(i rtattr.LinkInfoEncoder) {
			n := i.Geneve()
			n.TTL(64)
			n.TTLInherit(1)
			n.End()
		}, link.Geneve{TTLInherit: true}},
		{"VXLANInherit", func(i rtattr.LinkInfoEncoder) {
			n := i.VXLAN()
			n.ID(7)
			n.TTL(0)
			n.TTLInherit(1)
			n.RemCsumTx(0)
			n.End()
		}, link.VXLAN{ID: 7, TTL: u8(0), TTLInherit: true}},
		{"VXLANNoInherit", func(i rtattr.LinkInfoEncoder) {
			n := i.VXLAN()
			n.ID(7)
			n.TTLInherit(0)
			n.End()
		}, link.VXLAN{ID: 7}},

		// macsec_newlink refuses an identifier where frames do not carry it.
		{"MACsecSCI", func(i rtattr.LinkInfoEncoder) {
			n := i.MACsec()
			n.SCI(0x0200000000010007)
			n.IncSCI(0)
			n.End()
		}, link.MACsec{Port: 7, IncSCI: no}},
		{"HSR", func(i rtattr.LinkInfoEncoder) {
			n := i.HSR()
			n.Slave1(3)
			n.Slave2(4)
			n.SupervisionAddr([]byte{1, 0x15, 0x4e, 0, 1, 0x2d})
			n.SeqNr(7)
			n.Protocol(rtattr.HSR_PROTOCOL_PRP)
			n.End()
		}, link.HSR{Slave1: 3, Slave2: 4, MulticastSpec: 0x2d, Protocol: rtattr.HSR_PROTOCOL_PRP}},
		{"Netkit", func(i rtattr.LinkInfoEncoder) {
			n := i.Netkit()
			n.Primary(1)
			n.Mode(rtattr.NETKIT_L2)
			n.Policy(rtattr.NETKIT_DROP)
			n.End()
		}, link.Netkit{Mode: link.Some(rtattr.NETKIT_L2), Policy: link.Some(rtattr.NETKIT_DROP)}},
		{"AMT", func(i rtattr.LinkInfoEncoder) {
			n := i.AMT()
			n.RemoteIP(ip("192.0.2.9"))
			n.DiscoveryIP(ip("0.0.0.0"))
			n.End()
		}, link.AMT{}},
		{"CAN", func(i rtattr.LinkInfoEncoder) {
			n := i.CAN()
			n.State(rtattr.CAN_STATE_STOPPED)
			n.CtrlMode(rtattr.CANControl{Flags: rtattr.CAN_CTRLMODE_FD | rtattr.CAN_CTRLMODE_TDC_AUTO})
			n.BitTiming(rtattr.CANBitTiming{BitRate: 500000, SamplePoint: 875, TQ: 125, PropSeg: 6, PhaseSeg1: 7, PhaseSeg2: 2, SJW: 1, BRP: 5})
			n.DataBitTiming(rtattr.CANBitTiming{BitRate: 2000000})
			d := n.TDC()
			d.TDCV(3)
			d.TDCO(5)
			d.TDCOMax(127)
			d.End()
			n.End()
		}, link.CAN{BitTiming: rtattr.CANBitTiming{SamplePoint: 875, TQ: 125, PropSeg: 6, PhaseSeg1: 7, PhaseSeg2: 2, SJW: 1, BRP: 5},
			DataBitTiming: rtattr.CANBitTiming{BitRate: 2000000}, Set: rtattr.CAN_CTRLMODE_FD | rtattr.CAN_CTRLMODE_TDC_AUTO, TDC: link.CANTDC{Offset: u32(5)}}},
		{"Rmnet", func(i rtattr.LinkInfoEncoder) {
			n := i.Rmnet()
			n.MuxID(7)
			n.Flags(rtattr.RmnetFlagsMask{Flags: rtattr.RMNET_FLAGS_INGRESS_MAP_CKSUMV4, Mask: ^rtattr.RmnetFlags(0)})
			n.End()
		}, link.Rmnet{MuxID: 7, Set: rtattr.RMNET_FLAGS_INGRESS_MAP_CKSUMV4, Clear: ^rtattr.RMNET_FLAGS_INGRESS_MAP_CKSUMV4}},
		{"SITWide", func(i rtattr.LinkInfoEncoder) {
			n := i.SIT()
			n.SixRDPrefix(ip("2002::"))
			n.SixRDPrefixLen(16)
			n.SixRDRelayPrefix(ip("0.0.0.0"))
			n.SixRDRelayPrefixLen(0)
			n.End()
		}, link.SIT{SixRDPrefix: prefix("2002::/16"), SixRDRelay: prefix("0.0.0.0/0")}},
		{"IP6Caps", func(i rtattr.LinkInfoEncoder) {
			n := i.IP6Tnl()
			n.Flags(rtattr.IP6_TNL_F_CAP_XMIT | rtattr.IP6_TNL_F_CAP_RCV | rtattr.IP6_TNL_F_CAP_PER_PACKET | rtattr.IP6_TNL_F_RCV_DSCP_COPY)
			n.Local(ip("::"))
			n.End()
		}, link.IP6Tnl{Flags: rtattr.IP6_TNL_F_RCV_DSCP_COPY}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := link.ParseKind(shown(t, tt.put)); err != nil || got != tt.want {
				t.Errorf("got  %#v, %v\nwant %#v", got, err, tt.want)
			}
		})
	}
}

// TestParseKindErrors wants the rest of a kind beside an error.
func TestParseKindErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		put  func(rtattr.LinkInfoEncoder)
		kind link.Kind
		want string
	}{
		{"Length", func(i rtattr.LinkInfoEncoder) {
			n := i.VXLAN()
			n.Uint8(rtattr.IFLA_VXLAN_ID, 7)
			n.Port(4789)
			n.End()
		}, link.VXLAN{Port: 4789}, "link: 7: x0: rtattr: linkinfo-vxlan.id: 1 bytes, want 4"},
		{"Framing", func(i rtattr.LinkInfoEncoder) { i.Kind("bond"); i.Data([]byte{9}) }, link.Bond{},
			"link: 7: x0: rtattr: linkinfo-bond+0: 1 stray bytes, an attribute has at least 4"},
		{"Time", func(i rtattr.LinkInfoEncoder) {
			n := i.Bridge()
			n.McastQueryInterval(1 << 63)
			n.MaxAge(100)
			n.End()
		}, link.Bridge{MaxAge: time.Second}, "link: 7: x0: link: bridge: IFLA_BR_MCAST_QUERY_INTVL is 9223372036854775808, which is no time.Duration"},
		{"Address", func(i rtattr.LinkInfoEncoder) {
			n := i.Macvlan()
			n.MacAddr(make([]byte, 33))
			n.End()
		}, link.Macvlan{}, "link: 7: x0: link: macvlan: a hardware address of 33 bytes, at most 32 fit"},
		{"Prefix", func(i rtattr.LinkInfoEncoder) {
			n := i.SIT()
			n.SixRDPrefix(ip("2002::"))
			n.SixRDPrefixLen(129)
			n.End()
		}, link.SIT{}, "link: 7: x0: rtattr: linkinfo-iptun.6rd-prefixlen: longer than the address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := link.ParseKind(shown(t, tt.put))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if tt.name != "Prefix" && got != tt.kind {
				t.Errorf("%#v", got)
			}
		})
	}
}

// TestParsePortShown reads ports as the kernel shows them.
func TestParsePortShown(t *testing.T) {
	for _, tt := range []struct {
		name string
		put  func(rtattr.LinkInfoEncoder)
		want link.Port
	}{
		{"None", func(i rtattr.LinkInfoEncoder) { i.Kind("veth") }, nil},
		{"Bridge", func(i rtattr.LinkInfoEncoder) {
			n := i.BridgePort()
			n.State(rtattr.BR_STATE_FORWARDING)
			n.Cost(2)
			n.MRPRingOpen(1)
			n.McastGroups(7)
			n.HoldTimer(7)
			n.End()
		}, link.BridgePort{Cost: 2}},
		{"Bond", func(i rtattr.LinkInfoEncoder) {
			n := i.BondSlave()
			n.State(rtattr.BOND_STATE_BACKUP)
			n.PermHWAddr([]byte{2, 0, 0, 0, 0, 1})
			n.QueueID(0)
			n.Prio(0)
			n.End()
		}, link.BondPort{QueueID: u16(0)}},
		{"BondPrio", func(i rtattr.LinkInfoEncoder) {
			n := i.BondSlave()
			n.Prio(-7)
			n.ActorPortPrio(255)
			n.End()
		}, link.BondPort{Prio: link.Some[int32](-7), ActorPortPrio: u16(255)}},
		{"VRF", func(i rtattr.LinkInfoEncoder) {
			n := i.VRFPort()
			n.Table(1000)
			n.End()
		}, link.VRFPort{Table: 1000}},
		{"Unknown", func(i rtattr.LinkInfoEncoder) { i.SlaveKind("team") }, link.RawPort{Master: "team"}},
		{"UnknownData", func(i rtattr.LinkInfoEncoder) { i.SlaveKind("team"); i.SlaveData([]byte{1}) }, link.RawPort{Master: "team", Data: link.Some("\x01")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := link.ParsePort(shown(t, tt.put)); err != nil || got != tt.want {
				t.Errorf("got  %#v, %v\nwant %#v", got, err, tt.want)
			}
		})
	}
	none := parsed(t, built(t, func(e *rtattr.Encoder) {
		rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: 7}).End()
	}))
	if got, err := link.ParsePort(none); got != nil || err != nil {
		t.Errorf("%#v, %v", got, err)
	}
	got, err := link.ParsePort(shown(t, func(i rtattr.LinkInfoEncoder) {
		n := i.BridgePort()
		n.Uint8(rtattr.IFLA_BRPORT_COST, 7)
		n.End()
	}))
	if got != (link.BridgePort{}) || err == nil || err.Error() != "link: 7: x0: rtattr: linkinfo-bridge-port.cost: 1 bytes, want 4" {
		t.Errorf("%#v, %v", got, err)
	}
}

// TestBondWritable reads a bond as bond_fill_info shows it in each mode, and wants
// only options that bond_options.c has for the mode.
func TestBondWritable(t *testing.T) {
	all := func(mode rtattr.BondMode, mii uint32) func(rtattr.LinkInfoEncoder) {
		return func(i rtattr.LinkInfoEncoder) {
			n := i.Bond()
			n.Mode(mode)
			n.ActiveSlave(7)
			n.MIIMon(mii)
			n.UpDelay(0)
			n.DownDelay(0)
			n.PeerNotifDelay(0)
			n.ARPInterval(0)
			n.ARPValidate(0)
			n.MissedMax(2)
			n.Primary(8)
			n.PacketsPerSlave(1)
			n.ADLACPActive(1)
			n.ADLACPRate(0)
			n.TLBDynamicLB(1)
			n.CoupledControl(1)
			n.BroadcastNeigh(0)
			n.ADActorSysPrio(65535)
			n.ADUserPortKey(0)
			n.ADActorSystem(make([]byte, 6))
			n.End()
		}
	}
	var zero link.Opt[time.Duration]
	ms0, ms100 := link.Some(time.Duration(0)), link.Some(100*time.Millisecond)
	for _, tt := range []struct {
		mode rtattr.BondMode
		mii  uint32
		want link.Bond
	}{
		{rtattr.BOND_MODE_ROUNDROBIN, 0, link.Bond{MIIMon: ms0, ARPInterval: ms0, ARPValidate: u32(0), MissedMax: 2, PacketsPerSlave: u32(1)}},
		{rtattr.BOND_MODE_ACTIVEBACKUP, 0, link.Bond{MIIMon: ms0, ARPInterval: ms0, ARPValidate: u32(0), MissedMax: 2, Primary: u32(8)}},
		{rtattr.BOND_MODE_XOR, 0, link.Bond{MIIMon: ms0, ARPInterval: ms0, ARPValidate: u32(0), MissedMax: 2}},
		{rtattr.BOND_MODE_8023AD, 100, link.Bond{MIIMon: ms100, UpDelay: ms0, DownDelay: ms0, PeerNotifyDelay: ms0,
			LACPActive: yes, LACPRate: u8(0), CoupledControl: yes, BroadcastNeigh: no, ADActorSysPrio: 65535, ADUserPortKey: u16(0)}},
		{rtattr.BOND_MODE_TLB, 100, link.Bond{MIIMon: ms100, UpDelay: ms0, DownDelay: ms0, PeerNotifyDelay: ms0, Primary: u32(8), TLBDynamicLB: yes}},
		{rtattr.BOND_MODE_ALB, 0, link.Bond{MIIMon: ms0, UpDelay: zero, Primary: u32(8), TLBDynamicLB: yes}},
	} {
		tt.want.Mode = link.Some(tt.mode)
		if got, err := link.ParseKind(shown(t, all(tt.mode, tt.mii))); err != nil || got != tt.want {
			t.Errorf("%v\ngot  %#v, %v\nwant %#v", tt.mode, got, err, tt.want)
		}
	}
	// What is not read can be sent.
	_, data := kindData(t, built(t, func(e *rtattr.Encoder) { link.AppendChange(e, 7, link.Bond{ActiveSlave: u32(0)}) }))
	if b, ok := data.Find(rtattr.IFLA_BOND_ACTIVE_SLAVE); !ok || len(b) != 4 {
		t.Errorf("% x", data)
	}
}

// TestChangeSendsWhatIsGiven wants nothing in a change that the caller has not said.
func TestChangeSendsWhatIsGiven(t *testing.T) {
	for name, zero := range kindTypes(t) {
		if name == "tun" {
			continue
		}
		if kind, data := kindData(t, built(t, func(e *rtattr.Encoder) { link.AppendChange(e, 7, zero) })); kind != name || len(data) != 0 {
			t.Errorf("%s, % x", name, data)
		}
	}
}

// TestKindsCompare wants kinds and ports to be comparable, as map keys are.
func TestKindsCompare(t *testing.T) {
	seen := map[any]string{}
	for name, k := range kindTypes(t) {
		if other := seen[k]; other != "" {
			t.Errorf("%s is %s", name, other)
		}
		seen[k] = name
	}
	for _, p := range []link.Port{link.BridgePort{}, link.BondPort{}, link.VRFPort{}, link.RawPort{}} {
		seen[p] = "port"
	}
	if want := len(kindTypes(t)) + 4; len(seen) != want {
		t.Errorf("%d values, want %d", len(seen), want)
	}
}

func TestValues(t *testing.T) {
	var none link.Values[netip.Addr]
	if none.Present() || none.String() != "-" || none == link.ValuesOf[netip.Addr]() {
		t.Error(none)
	}
	for range none.All() {
		t.Error("a value")
	}
	addrs := []netip.Addr{ip("192.0.2.1"), ip("fe80::1%eth0"), {}, ip("::ffff:192.0.2.1"), ip("fd00::1")}
	l := link.ValuesOf(addrs...)
	if got := slices.Collect(l.All()); !slices.Equal(got, addrs) || !l.Present() {
		t.Error(got)
	}
	for a := range l.All() {
		if a != addrs[0] {
			t.Error(a)
		}
		break
	}
	if link.ValuesOf(addrs[:2]...) == l || link.ValuesOf(addrs...) != l {
		t.Error("equality")
	}
	macs := link.ValuesOf(mac("02:00:00:00:00:31"), link.HardwareAddr{}, mac("0a"))
	if got := macs.String(); got != "[02:00:00:00:00:31  0a]" {
		t.Error(got)
	}
	maps := link.ValuesOf(rtattr.VLANQoSMapping{From: 1, To: 2})
	if got := maps.String(); got != "[{1 2}]" {
		t.Error(got)
	}
}

// TestKindAllocs wants no kind and no port on the heap when it is sent.
func TestKindAllocs(t *testing.T) {
	buf := make([]byte, 4096)
	for name, zero := range kindTypes(t) {
		if name == "tun" {
			continue
		}
		var full link.Kind = link.Raw{Kind: name, Data: link.Some(strings.Repeat("a", 100))}
		if _, raw := zero.(link.Raw); !raw {
			full = fillings(reflect.TypeOf(zero))[1].(link.Kind)
		}
		if n := testing.AllocsPerRun(20, func() {
			var e rtattr.Encoder
			e.Reset(buf)
			link.AppendAdd(&e, link.Config{}, full)
			link.AppendChange(&e, 7, full)
			if e.Err() != nil {
				t.Error(e.Err())
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for name, p := range map[string]link.Port{
		"bridge": fillings(reflect.TypeFor[link.BridgePort]())[0].(link.Port),
		"bond":   fillings(reflect.TypeFor[link.BondPort]())[0].(link.Port),
		"raw":    link.RawPort{Master: "team", Data: link.Some("abcd")},
	} {
		if n := testing.AllocsPerRun(20, func() {
			var e rtattr.Encoder
			e.Reset(buf)
			link.AppendSetPort(&e, 7, p)
			if e.Err() != nil {
				t.Error(e.Err())
			}
		}); n != 0 {
			t.Errorf("port %s: %v allocations", name, n)
		}
	}
}

// FuzzKind reads any data of any kind and port. What is accepted can be sent, or
// refused with a reason, and is read from that as it was.
func FuzzKind(f *testing.F) {
	for name, zero := range kindTypes(f) {
		f.Add(name, []byte{}, true)
		if _, raw := zero.(link.Raw); raw || name == "tun" {
			continue
		}
		for i, x := range fillings(reflect.TypeOf(zero)) {
			var e rtattr.Encoder
			link.AppendAdd(&e, link.Config{}, x.(link.Kind))
			b, err := e.Finish()
			if err != nil {
				f.Fatal(err)
			}
			var v rtattr.LinkView
			v.Parse(rtattr.Msg(b).Payload())
			info, _ := v.LinkInfo()
			data, _ := info.Data()
			f.Add(name, data, i == 0)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte, listed bool) {
		var e rtattr.Encoder
		h := rtattr.IfInfomsg{Index: 7}
		if listed {
			h.Type = 1
		}
		w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, h)
		i := w.LinkInfo()
		i.Kind(name)
		i.Data(data)
		i.SlaveKind(name)
		i.SlaveData(data)
		i.End()
		w.End()
		b, err := e.Finish()
		if err != nil {
			return // a NUL in the name, or too long
		}
		var v rtattr.LinkView
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			t.Fatal(err)
		}
		if k, err := link.ParseKind(&v); err == nil && k != nil {
			again(t, k, func(e *rtattr.Encoder) { link.AppendAdd(e, link.Config{}, k) },
				func(v *rtattr.LinkView) (any, error) { return link.ParseKind(v) })
		}
		if p, err := link.ParsePort(&v); err == nil && p != nil {
			again(t, p, func(e *rtattr.Encoder) { link.AppendSetPort(e, 7, p) },
				func(v *rtattr.LinkView) (any, error) { return link.ParsePort(v) })
		}
	})
}

func again(t *testing.T, x any, put builder, parse func(*rtattr.LinkView) (any, error)) {
	t.Helper()
	var e rtattr.Encoder
	put(&e)
	b, err := e.Finish()
	if err != nil {
		if !strings.HasPrefix(err.Error(), "link: ") && !strings.HasPrefix(err.Error(), "rtattr: link") {
			t.Errorf("%#v: %v", x, err)
		}
		return
	}
	var v rtattr.LinkView
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		t.Fatal(err)
	}
	if got, err := parse(&v); err != nil || got != x {
		t.Errorf("got  %#v, %v\nwant %#v", got, err, x)
	}
}

// TestPeerFields wants a value in fullPeer for each field of a Config that a peer
// can have: what is sent of a peer is to be read too.
func TestPeerFields(t *testing.T) {
	// NetNSPID stands for NetNS.
	notOfPeers := []string{"Parent", "LinkNetNSID", "Master", "Alias", "NetNSPID", "NetNSID", "Carrier", "ProtoDown", "SetReasons", "ClearReasons", "AddrGenMode"}
	v := reflect.ValueOf(fullPeer)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != slices.Contains(notOfPeers, name) {
			t.Errorf("%s: readPeer or fullPeer lacks it", name)
		}
	}
}
