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

var (
	u8      = link.Some[uint8]
	u16     = link.Some[uint16]
	u32     = link.Some[uint32]
	yes, no = link.Some(true), link.Some(false)
	prefix  = netip.MustParsePrefix

	// What ip says of a further header where there is none.
	noEncap  = link.Some(link.Encap{})
	noEncap6 = link.Some(link.Encap{Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6})
)

// newKinds are the kinds of all recorded commands that make a link.
var newKinds = map[string]link.Kind{
	"link-add-amt":               link.AMT{Link: 3, Local: ip("192.0.2.2"), Discovery: ip("192.0.2.1"), RelayPort: 2268},
	"link-add-bareudp":           link.BareUDP{Port: 6635, EtherType: 0x8847, SrcPortMin: 1024, MultiProto: true},
	"link-add-batadv":            link.Batadv{AlgoName: "BATMAN_V"},
	"link-add-bond-802.3ad":      link.Bond{Mode: link.Some(rtattr.BOND_MODE_8023AD), MIIMon: link.Some(100 * time.Millisecond), UpDelay: link.Some(200 * time.Millisecond), DownDelay: link.Some(300 * time.Millisecond), XmitHashPolicy: link.Some(rtattr.BOND_XMIT_POLICY_LAYER34), MinLinks: u32(1), LACPRate: u8(1), ADSelect: u8(1), ADActorSysPrio: 7, ADUserPortKey: u16(9), ADActorSystem: mac("02:00:00:00:00:50")},
	"link-add-bond-backup":       link.Bond{Mode: link.Some(rtattr.BOND_MODE_ACTIVEBACKUP), ARPInterval: link.Some(100 * time.Millisecond), ARPTargets: link.ValuesOf(ip("192.0.2.1"), ip("192.0.2.2")), ARPValidate: u32(3), ARPAllTargets: no, PrimaryReselect: u8(0), FailOverMAC: u8(1), NumPeerNotif: u8(3)},
	"link-add-bond-rr":           link.Bond{Mode: link.Some(rtattr.BOND_MODE_ROUNDROBIN), MIIMon: link.Some(100 * time.Millisecond), PeerNotifyDelay: link.Some(200 * time.Millisecond), UseCarrier: yes, ResendIGMP: u32(2), AllSlavesActive: yes, LPInterval: 5 * time.Second, PacketsPerSlave: u32(4)},
	"link-add-bond-tlb":          link.Bond{Mode: link.Some(rtattr.BOND_MODE_TLB), TLBDynamicLB: no},
	"link-add-bond":              link.Bond{},
	"link-add-bridge-address":    link.Bridge{},
	"link-add-bridge-boolopt":    link.Bridge{Options: rtattr.BridgeOptions{Value: 1, Mask: 1}},
	"link-add-bridge-fwd-mask":   link.Bridge{GroupAddress: mac("01:80:c2:00:00:0a"), GroupFwdMask: u16(16392)},
	"link-add-bridge-mcast-vlan": link.Bridge{Options: rtattr.BridgeOptions{Value: 2, Mask: 2}},
	"link-add-bridge-mcast":      link.Bridge{McastSnooping: yes, McastRouter: link.Some(rtattr.MDB_RTR_TYPE_PERM), McastQuerier: yes, McastQueryUseIfAddr: yes, McastStats: yes, McastHashMax: u32(1024), McastLastMemberCount: u32(3), McastStartupCount: u32(4), McastLastMemberInterval: link.Some(2 * time.Second), McastMembershipInterval: link.Some(200 * time.Second), McastQuerierInterval: link.Some(200 * time.Second), McastQueryInterval: link.Some(100 * time.Second), McastQueryResponseInterval: link.Some(9 * time.Second), McastStartupInterval: link.Some(25 * time.Second), IGMPVersion: 3, MLDVersion: 2},
	"link-add-bridge-netfilter":  link.Bridge{NFCallIPTables: yes, NFCallIP6Tables: yes, NFCallARPTables: yes},
	"link-add-bridge-stp":        link.Bridge{Ageing: link.Some(time.Minute), ForwardDelay: link.Some(4 * time.Second), HelloTime: time.Second, MaxAge: 7 * time.Second, Priority: u16(4096), STP: yes},
	"link-add-bridge-vlan":       link.Bridge{VLANFiltering: yes, VLANProtocol: rtattr.ETH_P_8021AD, DefaultPVID: u16(77), VLANStats: yes, VLANStatsPerPort: yes},
	"link-add-bridge":            link.Bridge{},
	"link-add-can":               link.CAN{BitTiming: rtattr.CANBitTiming{BitRate: 500000, SamplePoint: 875}, DataBitTiming: rtattr.CANBitTiming{BitRate: 2000000}, Set: rtattr.CAN_CTRLMODE_LOOPBACK | rtattr.CAN_CTRLMODE_FD, RestartDelay: link.Some(100 * time.Millisecond)},
	"link-add-dummy-many":        link.Dummy{},
	"link-add-dummy":             link.Dummy{},
	"link-add-erspan":            link.ERSPAN{GRE: link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 7, OKey: 7, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(1), Index: 123},
	"link-add-erspan2":           link.ERSPAN{GRE: link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 7, OKey: 7, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(2), Direction: 1, HWID: 7},
	"link-add-geneve-external":   link.Geneve{TTL: u8(0), TOS: u8(0), FlowLabel: u32(0), External: true},
	"link-add-geneve":            link.Geneve{ID: 7, Remote: ip("192.0.2.2"), Port: 6081, TTL: u8(64), TOS: u8(4), FlowLabel: u32(0), DF: link.Some(rtattr.GENEVE_DF_UNSET)},
	"link-add-gre-fou":           link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM, DestPort: 5555})},
	"link-add-gre":               link.GRE{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, IKey: 7, OKey: 7, TTL: 64, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"link-add-gretap":            link.GRETap{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), PMTUDisc: no, IgnoreDF: yes, FWMark: u32(0), Encap: noEncap},
	"link-add-gtp":               link.GTP{Role: rtattr.GTP_ROLE_SGSN, CreateSockets: true, PDPHashSize: 1024, RestartCount: 7},
	"link-add-hsr":               link.HSR{Slave1: 3, Slave2: 2, MulticastSpec: 45, Version: 1},
	"link-add-ifb":               link.Ifb{},
	"link-add-many-generic":      link.Ifb{},
	"link-add-link-netnsid":      link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE},
	"link-add-ip6gre":            link.IP6GRE{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 7, OKey: 8, HopLimit: 64, EncapLimit: 4, FlowInfo: 0x12345, FWMark: u32(0), Encap: noEncap6},
	"link-add-ip6gretap":         link.IP6GRETap{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FlowInfo: 0x1000000, FWMark: u32(0), Encap: noEncap6},
	"link-add-ip6tnl":            link.IP6Tnl{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT | rtattr.IP6_TNL_F_RCV_DSCP_COPY, Proto: 4, FWMark: u32(0), Encap: noEncap6},
	"link-add-ipip":              link.IPIP{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"link-add-ipvlan":            link.IPVLAN{Mode: link.Some(rtattr.IPVLAN_MODE_L3S), Flags: link.Some(rtattr.IPVLAN_F_VEPA)},
	"link-add-ipvtap":            link.IPVTAP{Mode: link.Some(rtattr.IPVLAN_MODE_L2), Flags: link.Some[rtattr.IPVLANFlags](0)},
	"link-add-macsec":            link.MACsec{SCI: 0x0200000000010001, ICVLen: 16, CipherSuite: 0x0080c20001000002, Window: u32(32), Encrypt: yes, Protect: yes, ReplayProtect: yes, Validation: link.Some(rtattr.MACSEC_VALIDATE_CHECK)},
	"link-add-macvlan-bridge":    link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE},
	"link-add-macvlan-passthru":  link.Macvlan{Mode: rtattr.MACVLAN_MODE_PASSTHRU, Flags: link.Some(rtattr.MACVLAN_FLAG_NOPROMISC)},
	"link-add-macvlan-private":   link.Macvlan{Mode: rtattr.MACVLAN_MODE_PRIVATE},
	"link-add-macvlan-source":    link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE},
	"link-add-macvlan-vepa":      link.Macvlan{Mode: rtattr.MACVLAN_MODE_VEPA, BroadcastQueueLen: u32(100)},
	"link-add-macvlan":           link.Macvlan{},
	"link-add-macvtap":           link.Macvtap{Mode: rtattr.MACVLAN_MODE_BRIDGE},
	"link-add-netdevsim":         link.Netdevsim{},
	"link-add-nlmon":             link.Nlmon{},
	"link-add-queues":            link.Ifb{},
	"link-add-rmnet":             link.Rmnet{MuxID: 7},
	"link-add-sit-6rd":           link.SIT{Local: ip("192.0.2.1"), TTL: u8(64), Proto: u8(0), PMTUDisc: yes, SixRDPrefix: prefix("2001:db8::/32"), SixRDRelay: prefix("192.0.0.0/8"), FWMark: u32(0), Encap: noEncap},
	"link-add-sit":               link.SIT{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(0), PMTUDisc: yes, Flags: rtattr.SIT_ISATAP, FWMark: u32(0), Encap: noEncap},
	"link-add-team":              link.Team{},
	"link-add-vcan":              link.VCAN{},
	"link-add-veth-exists":       link.Veth{Peer: link.Config{Name: "v1"}},
	"link-add-veth-index":        link.Veth{Peer: link.Config{Index: 71, Name: "v1", Address: mac("02:00:00:00:00:02"), NumTxQueues: 1, NumRxQueues: 1}},
	"link-add-veth-nameless":     link.Veth{},
	"link-add-veth-netns":        link.Veth{Peer: link.Config{Name: "v1", Address: mac("02:00:00:00:00:02"), NumTxQueues: 1, NumRxQueues: 1, NetNS: 4}},
	"link-add-veth-peer-name":    link.Veth{Peer: link.Config{Name: "v1"}},
	"link-add-veth-peer":         link.Veth{Peer: link.Config{Name: "v1", MTU: 1300, Address: mac("02:00:00:00:00:02"), TxQLen: u32(20), NumTxQueues: 3, NumRxQueues: 2}},
	"link-add-veth-up":           link.Veth{Peer: link.Config{Name: "v1", Address: mac("02:00:00:00:00:02"), NumTxQueues: 1, NumRxQueues: 1}},
	"link-add-veth":              link.Veth{},
	"link-add-vlan-flags":        link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_GVRP | rtattr.VLAN_FLAG_LOOSE_BINDING | rtattr.VLAN_FLAG_MVRP | rtattr.VLAN_FLAG_BRIDGE_BINDING, Clear: rtattr.VLAN_FLAG_REORDER_HDR},
	"link-add-vlan-many":         link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_REORDER_HDR},
	"link-add-vlan-maps":         link.VLAN{ID: 7, Ingress: link.ValuesOf(rtattr.VLANQoSMapping{From: 0, To: 7}, rtattr.VLANQoSMapping{From: 3, To: 4}), Egress: link.ValuesOf(rtattr.VLANQoSMapping{From: 1, To: 2}, rtattr.VLANQoSMapping{From: 5, To: 6})},
	"link-add-vlan-qinq":         link.VLAN{ID: 4094, Protocol: rtattr.ETH_P_8021AD},
	"link-add-vlan":              link.VLAN{ID: 7},
	"link-add-vrf":               link.VRF{Table: 1000},
	"link-add-vti":               link.VTI{Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IKey: 7, OKey: 8, FWMark: u32(9)},
	"link-add-vti6":              link.VTI6{Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IKey: 7, OKey: 7, FWMark: u32(0)},
	"link-add-vxcan":             link.VXCAN{Peer: link.Config{Name: "x1"}},
	"link-add-vxlan-checksum":    link.VXLAN{ID: 7, Port: 4789, Learning: yes, UDPCsum: yes, UDPZeroCsum6Rx: true, RemCsumTx: true, RemCsumRx: true},
	"link-add-vxlan-external":    link.VXLAN{Port: 4789, Learning: no, External: true},
	"link-add-vxlan-gbp":         link.VXLAN{ID: 7, Port: 4789, Learning: yes, GBP: true},
	"link-add-vxlan-gpe":         link.VXLAN{Port: 4790, Learning: no, External: true, GPE: true},
	"link-add-vxlan-group":       link.VXLAN{ID: 1<<24 - 1, Group: ip("239.7.7.7"), Link: 3, Port: 4789, TTL: u8(8), Learning: yes},
	"link-add-vxlan-group6":      link.VXLAN{ID: 7, Group: ip("ff05::77"), Link: 3, Port: 4789, Learning: yes},
	"link-add-vxlan-inherit":     link.VXLAN{ID: 7, Port: 4789, TTLInherit: true, TOS: u8(1), Learning: yes},
	"link-add-vxlan-label":       link.VXLAN{ID: 7, Group: ip("fd00:1::2"), Link: 3, Port: 4789, FlowLabel: u32(0x12345), Learning: yes},
	"link-add-vxlan-many":        link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Link: 3, Port: 8472, PortLow: 32768, PortHigh: 61000, TTL: u8(64), TOS: u8(22), Learning: no, Ageing: link.Some(77 * time.Second), Limit: 100, Proxy: true, RSC: true, L2Miss: true, L3Miss: true},
	"link-add-vxlan-remote":      link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Link: 3, Port: 4789, Learning: yes},
	"link-add-vxlan-remote6":     link.VXLAN{ID: 7, Group: ip("fd00:1::2"), Local: ip("fd00:1::1"), Link: 3, Port: 4789, Learning: yes},
	"link-add-vxlan-ttl-auto":    link.VXLAN{ID: 7, Port: 4789, TTL: u8(0), DF: link.Some(rtattr.VXLAN_DF_SET), Learning: yes},
	"link-add-vxlan-vnifilter":   link.VXLAN{Port: 4789, Learning: no, External: true, VNIFilter: true},
	"link-add-vxlan":             link.VXLAN{ID: 7, Learning: yes},
	"link-add-wireguard":         link.WireGuard{},
	"link-add-xfrm":              link.XFRM{Link: 3, IfID: 7},

	"tunnel-amt-gateway":            link.AMT{Link: 3, Local: ip("192.0.2.1"), Discovery: ip("192.0.2.2"), RelayPort: 2268, GatewayPort: 2269},
	"tunnel-amt-relay":              link.AMT{Mode: rtattr.AMT_MODE_RELAY, Link: 3, Local: ip("192.0.2.1"), RelayPort: 2269, MaxTunnels: 77},
	"tunnel-bareudp-many":           link.BareUDP{Port: 6635, EtherType: 0x0800, SrcPortMin: 49152, MultiProto: true},
	"tunnel-bareudp-nomultiproto":   link.BareUDP{Port: 6635, EtherType: 0x86dd},
	"tunnel-bareudp":                link.BareUDP{Port: 6635, EtherType: 0x8847},
	"tunnel-erspan-0":               link.ERSPAN{GRE: link.GRE{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 77, OKey: 77, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(0)},
	"tunnel-erspan-1":               link.ERSPAN{GRE: link.GRE{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(1), Index: 1048575},
	"tunnel-erspan-2-ingress":       link.ERSPAN{GRE: link.GRE{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(2), HWID: 7},
	"tunnel-erspan-2":               link.ERSPAN{GRE: link.GRE{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap}, Version: u8(2), Direction: 1, HWID: 63},
	"tunnel-erspan-external":        link.ERSPAN{GRE: link.GRE{External: true}},
	"tunnel-geneve-external":        link.Geneve{TTL: u8(0), TOS: u8(0), FlowLabel: u32(0), External: true},
	"tunnel-geneve-inherit":         link.Geneve{ID: 7, Remote: ip("192.0.2.2"), TTLInherit: true, TOS: u8(1), FlowLabel: u32(0), DF: link.Some(rtattr.GENEVE_DF_INHERIT)},
	"tunnel-geneve-many":            link.Geneve{ID: 1<<24 - 1, Remote: ip("192.0.2.2"), Port: 6082, TTL: u8(64), TOS: u8(22), FlowLabel: u32(0), DF: link.Some(rtattr.GENEVE_DF_SET), UDPCsum: true},
	"tunnel-geneve-proto":           link.Geneve{TTL: u8(0), TOS: u8(0), FlowLabel: u32(0), External: true, InnerProtoInherit: true},
	"tunnel-geneve-remote6-nocsum":  link.Geneve{ID: 7, Remote: ip("fd00:1::2"), TTL: u8(0), TOS: u8(0), FlowLabel: u32(0), UDPZeroCsum6Tx: true},
	"tunnel-geneve-remote6":         link.Geneve{ID: 7, Remote: ip("fd00:1::2"), TTL: u8(0), TOS: u8(0), FlowLabel: u32(0x12345), UDPZeroCsum6Rx: true},
	"tunnel-geneve-ttl-auto":        link.Geneve{ID: 7, Remote: ip("192.0.2.2"), Port: 6082, TTL: u8(0), TOS: u8(0), FlowLabel: u32(0), DF: link.Some(rtattr.GENEVE_DF_UNSET)},
	"tunnel-geneve":                 link.Geneve{ID: 7, Remote: ip("192.0.2.2"), TTL: u8(0), TOS: u8(0), FlowLabel: u32(0)},
	"tunnel-gre-any":                link.GRE{PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-ends":               link.GRE{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: 64, TOS: 22, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-external":           link.GRE{External: true},
	"tunnel-gre-fou":                link.GRE{Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM, DestPort: 5555})},
	"tunnel-gre-gue":                link.GRE{Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_GUE, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6 | rtattr.TUNNEL_ENCAP_FLAG_REMCSUM, SourcePort: 4444, DestPort: 5555})},
	"tunnel-gre-inherit":            link.GRE{Remote: ip("192.0.2.2"), TOS: 1, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-key":                link.GRE{Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, IKey: 77, OKey: 77, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-keys":               link.GRE{Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 7, OKey: 10<<24 | 8, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-mark":               link.GRE{Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(119), Encap: noEncap},
	"tunnel-gre-noencap":            link.GRE{Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-nopmtudisc":         link.GRE{Remote: ip("192.0.2.2"), PMTUDisc: no, IgnoreDF: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre-one-way":            link.GRE{Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ, OFlags: rtattr.GRE_CSUM, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gre":                    link.GRE{},
	"tunnel-gretap-ends":            link.GRETap{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 77, OKey: 77, TTL: 64, TOS: 22, PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-gretap-external":        link.GRETap{External: true},
	"tunnel-gretap-fou":             link.GRETap{Remote: ip("192.0.2.2"), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM, DestPort: 5555})},
	"tunnel-gretap-mark":            link.GRETap{Remote: ip("192.0.2.2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_CSUM, OFlags: rtattr.GRE_SEQ | rtattr.GRE_CSUM, PMTUDisc: no, IgnoreDF: yes, FWMark: u32(7), Encap: noEncap},
	"tunnel-gretap":                 link.GRETap{},
	"tunnel-gtp-many":               link.GTP{CreateSockets: true, PDPHashSize: 4096, RestartCount: 77},
	"tunnel-gtp":                    link.GTP{Role: rtattr.GTP_ROLE_SGSN, CreateSockets: true, PDPHashSize: 1024},
	"tunnel-ip6erspan-1":            link.IP6ERSPAN{IP6GRE: link.IP6GRE{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6}, Version: u8(1), Index: 1048575},
	"tunnel-ip6erspan-2-ingress":    link.IP6ERSPAN{IP6GRE: link.IP6GRE{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6}, Version: u8(2), HWID: 7},
	"tunnel-ip6erspan-2":            link.IP6ERSPAN{IP6GRE: link.IP6GRE{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY, IKey: 77, OKey: 77, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6}, Version: u8(2), Direction: 1, HWID: 63},
	"tunnel-ip6erspan-external":     link.IP6ERSPAN{IP6GRE: link.IP6GRE{External: true}},
	"tunnel-ip6gre-encaplimit-none": link.IP6GRE{Remote: ip("fd00:1::2"), EncapLimit: 4, Flags: rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-ends":            link.IP6GRE{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 3, FlowInfo: 0x2012345, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-external":        link.IP6GRE{External: true},
	"tunnel-ip6gre-fou":             link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6, DestPort: 5555})},
	"tunnel-ip6gre-gue":             link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_GUE, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM | rtattr.TUNNEL_ENCAP_FLAG_REMCSUM, SourcePort: 4444, DestPort: 5555})},
	"tunnel-ip6gre-inherit":         link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_USE_ORIG_TCLASS | rtattr.IP6_TNL_F_USE_ORIG_FLOWLABEL | rtattr.IP6_TNL_F_RCV_DSCP_COPY, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-key":             link.IP6GRE{Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, OFlags: rtattr.GRE_SEQ | rtattr.GRE_KEY | rtattr.GRE_CSUM, IKey: 77, OKey: 77, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-keys":            link.IP6GRE{Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 7, OKey: 10<<24 | 8, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-localremote":     link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_ALLOW_LOCAL_REMOTE, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-mark-inherit":    link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_USE_ORIG_FWMARK, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre-mark":            link.IP6GRE{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(119), Encap: noEncap6},
	"tunnel-ip6gre-one-way":         link.IP6GRE{Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ, OFlags: rtattr.GRE_CSUM, HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gre":                 link.IP6GRE{},
	"tunnel-ip6gretap-ends":         link.IP6GRETap{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_KEY, IKey: 77, OKey: 77, HopLimit: 64, EncapLimit: 3, FlowInfo: 0x2012345, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6gretap-external":     link.IP6GRETap{External: true},
	"tunnel-ip6gretap-mark":         link.IP6GRETap{Remote: ip("fd00:1::2"), IFlags: rtattr.GRE_SEQ | rtattr.GRE_CSUM, OFlags: rtattr.GRE_SEQ | rtattr.GRE_CSUM, HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_RCV_DSCP_COPY | rtattr.IP6_TNL_F_ALLOW_LOCAL_REMOTE, FWMark: u32(7), Encap: noEncap6},
	"tunnel-ip6gretap":              link.IP6GRETap{},
	"tunnel-ip6tnl-any":             link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-encaplimit-none": link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-ends":            link.IP6Tnl{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 3, FlowInfo: 0x2012345, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-external":        link.IP6Tnl{External: true},
	"tunnel-ip6tnl-fou":             link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6, DestPort: 5555})},
	"tunnel-ip6tnl-gue":             link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_GUE, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6 | rtattr.TUNNEL_ENCAP_FLAG_REMCSUM, SourcePort: 4444, DestPort: 5555})},
	"tunnel-ip6tnl-inherit":         link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_USE_ORIG_TCLASS | rtattr.IP6_TNL_F_USE_ORIG_FLOWLABEL | rtattr.IP6_TNL_F_RCV_DSCP_COPY, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-ip6ip6":          link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Proto: 41, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-ipip6":           link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Proto: 4, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-mark-inherit":    link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_USE_ORIG_FWMARK, FWMark: u32(0), Encap: noEncap6},
	"tunnel-ip6tnl-mark":            link.IP6Tnl{Remote: ip("fd00:1::2"), HopLimit: 64, EncapLimit: 4, Flags: rtattr.IP6_TNL_F_ALLOW_LOCAL_REMOTE, FWMark: u32(119), Encap: noEncap6},
	"tunnel-ip6tnl":                 link.IP6Tnl{},
	"tunnel-ipip-ends":              link.IPIP{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: 64, TOS: 22, Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-ipip-external":          link.IPIP{Proto: u8(0), External: true},
	"tunnel-ipip-fou":               link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM, DestPort: 5555})},
	"tunnel-ipip-gue":               link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_GUE, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM6 | rtattr.TUNNEL_ENCAP_FLAG_REMCSUM, SourcePort: 4444, DestPort: 5555})},
	"tunnel-ipip-inherit":           link.IPIP{Remote: ip("192.0.2.2"), TOS: 1, Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-ipip-ipip":              link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(4), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-ipip-mpls":              link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(137), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-ipip-noencap":           link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-ipip-nopmtudisc":        link.IPIP{Remote: ip("192.0.2.2"), Proto: u8(0), PMTUDisc: no, FWMark: u32(119), Encap: noEncap},
	"tunnel-ipip":                   link.IPIP{},
	"tunnel-pfcp":                   link.PFCP{},
	"tunnel-sit-6rd-relay":          link.SIT{Local: ip("10.66.66.1"), TTL: u8(0), Proto: u8(0), PMTUDisc: yes, SixRDPrefix: prefix("2001:db8::/40"), SixRDRelay: prefix("10.0.0.0/8"), FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-6rd":                link.SIT{Local: ip("192.0.2.1"), TTL: u8(64), Proto: u8(0), PMTUDisc: yes, SixRDPrefix: prefix("2001:db8::/32"), FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-ends":               link.SIT{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), TTL: u8(64), TOS: 22, Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-fou":                link.SIT{Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(0), PMTUDisc: yes, FWMark: u32(0), Encap: link.Some(link.Encap{Type: rtattr.TUNNEL_ENCAP_FOU, Flags: rtattr.TUNNEL_ENCAP_FLAG_CSUM, DestPort: 5555})},
	"tunnel-sit-ip6ip":              link.SIT{Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(41), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-ipip":               link.SIT{Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(4), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-isatap":             link.SIT{Local: ip("192.0.2.1"), TTL: u8(0), Proto: u8(0), PMTUDisc: yes, Flags: rtattr.SIT_ISATAP, FWMark: u32(0), Encap: noEncap},
	"tunnel-sit-mpls":               link.SIT{Remote: ip("192.0.2.2"), TTL: u8(0), Proto: u8(137), PMTUDisc: yes, FWMark: u32(0), Encap: noEncap},
	"tunnel-sit":                    link.SIT{},
	"tunnel-vti-ends":               link.VTI{Link: 3, Local: ip("192.0.2.1"), Remote: ip("192.0.2.2"), IKey: 77, OKey: 77, FWMark: u32(0)},
	"tunnel-vti-keys":               link.VTI{Remote: ip("192.0.2.2"), IKey: 7, OKey: 10<<24 | 8, FWMark: u32(119)},
	"tunnel-vti":                    link.VTI{},
	"tunnel-vti6-ends":              link.VTI6{Link: 3, Local: ip("fd00:1::1"), Remote: ip("fd00:1::2"), IKey: 77, OKey: 77, FWMark: u32(0)},
	"tunnel-vti6-keys":              link.VTI6{Remote: ip("fd00:1::2"), IKey: 7, OKey: 10<<24 | 8, FWMark: u32(119)},
	"tunnel-vti6":                   link.VTI6{},
	"tunnel-xfrm-external":          link.XFRM{External: true},
	"tunnel-xfrm":                   link.XFRM{Link: 3, IfID: 119},
}

// changedKinds are those of all recorded commands that change a kind.
var changedKinds = map[string]link.Kind{
	"link-set-bridge-flush":  link.Bridge{FlushFDB: true},
	"link-set-bridge-vlan":   link.Bridge{VLANFiltering: yes},
	"link-set-bridge":        link.Bridge{Ageing: link.Some(time.Duration(0)), STP: yes},
	"link-set-macvlan-add":   link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_ADD), Source: mac("02:00:00:00:00:31")},
	"link-set-macvlan-del":   link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_DEL), Source: mac("02:00:00:00:00:31")},
	"link-set-macvlan-flags": link.Macvlan{Mode: rtattr.MACVLAN_MODE_SOURCE, Flags: link.Some(rtattr.MACVLAN_FLAG_NODST)},
	"link-set-macvlan-flush": link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_FLUSH)},
	"link-set-macvlan-mode":  link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE},
	"link-set-macvlan-queue": link.Macvlan{BroadcastQueueLen: u32(4096)},
	"link-set-macvlan-set":   link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET), Sources: link.ValuesOf(mac("02:00:00:00:00:31"), mac("02:00:00:00:00:32"))},
	"link-set-vxlan":         link.VXLAN{Group: ip("192.0.2.3"), Learning: no, Ageing: link.Some(time.Minute)},
}

// changedPorts are the ports of all recorded commands that change one.
var changedPorts = map[string]link.Port{
	"link-set-bond-slave":    link.BondPort{QueueID: u16(3), Prio: link.Some[int32](7)},
	"link-set-port":          link.BridgePort{Cost: 5, Priority: u16(7), Hairpin: yes, Guard: yes, Isolated: yes},
	"link-set-port-backup":   link.BridgePort{BackupPort: u32(6)},
	"link-set-port-nobackup": link.BridgePort{BackupPort: u32(0)},
	"link-set-port-flush":    link.BridgePort{FlushFDB: true},
	"link-set-port-state":    link.BridgePort{State: link.Some(rtattr.BR_STATE_DISABLED)},
	"link-set-port-mcast":    link.BridgePort{McastRouter: link.Some(rtattr.MDB_RTR_TYPE_PERM), GroupFwdMask: u16(0x4008)},
	"link-set-port-neigh":    link.BridgePort{ProxyARP: yes, ProxyARPWiFi: yes, NeighSuppress: yes, VLANTunnel: yes, Locked: yes},
	"link-set-port-flags": link.BridgePort{RootBlock: yes, FastLeave: yes, Learning: no, Flood: no, McastFlood: no, BcastFlood: no,
		McastToUcast: yes},
	"link-bridge-set":          link.BridgePort{Cost: 9, Priority: u16(3), Guard: yes, Hairpin: yes, FastLeave: yes, Learning: no, Flood: no},
	"link-bridge-set-isolated": link.BridgePort{Isolated: yes, NeighSuppress: yes, McastFlood: no, McastToUcast: yes},
}

// habits are attributes of a kind that ip sends though they are those of another
// one, by which the kernel does not go.
var habits = map[string]uint16{
	"ip6gre":    rtattr.IFLA_GRE_ERSPAN_VER,
	"ip6gretap": rtattr.IFLA_GRE_ERSPAN_VER,
}

func kindGoldens(t *testing.T, prefixes ...string) []golden.File {
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
		for _, p := range prefixes {
			if strings.HasPrefix(f.Name, p) {
				mine = append(mine, f)
			}
		}
	}
	return mine
}

func parsed(t *testing.T, wire []byte) *rtattr.LinkView {
	t.Helper()
	v := new(rtattr.LinkView)
	if err := v.Parse(rtattr.Msg(wire).Payload()); err != nil {
		t.Fatal(err)
	}
	return v
}

func built(t *testing.T, build builder) []byte {
	t.Helper()
	var e rtattr.Encoder
	build(&e)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kindData returns the kind of a message and its data, nil if there is none.
func kindData(t *testing.T, wire []byte) (string, rtattr.Attrs) {
	t.Helper()
	info, err := parsed(t, wire).LinkInfo()
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := info.Kind()
	data, _ := info.Data()
	return string(kind), data
}

// TestKindGolden wants each kind to be what ip sends, and to be read from it. What
// is not sent is 0 for the kernel: ip may send a 0 that we do not.
func TestKindGolden(t *testing.T) {
	seen := 0
	for _, f := range kindGoldens(t, "link-add-", "tunnel-") {
		t.Run(f.Name, func(t *testing.T) {
			k := newKinds[f.Name]
			if k == nil {
				t.Fatalf("%s: no kind", f.Command)
			}
			seen++
			sameKind(t, f, k, func(e *rtattr.Encoder, k link.Kind) { link.AppendAdd(e, link.Config{}, k) })
		})
	}
	for _, f := range kindGoldens(t, "link-set-") {
		if k := changedKinds[f.Name]; k != nil {
			seen++
			t.Run(f.Name, func(t *testing.T) {
				sameKind(t, f, k, func(e *rtattr.Encoder, k link.Kind) { link.AppendChange(e, 4, k) })
			})
		}
	}
	if want := len(newKinds) + len(changedKinds); seen != want {
		t.Errorf("%d kinds have a golden, of %d", seen, want)
	}
}

func sameKind(t *testing.T, f golden.File, k link.Kind, put func(*rtattr.Encoder, link.Kind)) {
	t.Helper()
	got, err := link.ParseKind(parsed(t, f.Wire))
	if err != nil || got != k {
		t.Errorf("%s\nread %#v, %v\nwant %#v", f.Command, got, err, k)
	}
	ours := built(t, func(e *rtattr.Encoder) { put(e, k) })
	if got, err := link.ParseKind(parsed(t, ours)); err != nil || got != k {
		t.Errorf("%s\nread %#v, %v\nfrom our own message for %#v", f.Command, got, err, k)
	}
	kind, data := kindData(t, f.Wire)
	_, mine := kindData(t, ours)
	theirs := link.Raw{Kind: kind}
	if kept := without(data, mine, habits[kind]); len(kept) > 0 || mine != nil {
		theirs.Data = link.Some(string(kept))
	}
	want := built(t, func(e *rtattr.Encoder) { put(e, theirs) })
	diff, err := golden.Compare(ours, want)
	if err != nil {
		t.Errorf("%s: %v", f.Command, err)
	}
	if diff != "" && diff != "order" && !strings.Contains(diff, "nested") {
		t.Errorf("%s: the bytes differ from those of ip: %s", f.Command, diff)
	}
}

// without returns the attributes of ip but for zeros that we do not send, and a
// habit.
func without(data, mine rtattr.Attrs, habit uint16) (kept rtattr.Attrs) {
	for a := data; len(a) > 0; {
		typ, v, rest := a.Next()
		_, sent := mine.Find(typ)
		if sent || len(v) == 0 || typ != habit && strings.Trim(string(v), "\x00") != "" {
			kept = append(kept, a[:len(a)-len(rest)]...)
		}
		a = rest
	}
	return kept
}

// TestPortGolden wants each port to have the attributes that ip sends: the bytes of
// bridge(8), and those within the message of ip, which is RTM_NEWLINK with the kind
// "bridge_slave" that the kernel does not know.
func TestPortGolden(t *testing.T) {
	seen := 0
	for _, f := range kindGoldens(t, "link-set-", "link-bridge-set") {
		want := changedPorts[f.Name]
		if want == nil {
			continue
		}
		seen++
		t.Run(f.Name, func(t *testing.T) {
			ours := built(t, func(e *rtattr.Encoder) { link.AppendSetPort(e, 4, want) })
			theirs := f.Wire
			info, _ := parsed(t, f.Wire).LinkInfo()
			if data, ok := info.SlaveData(); ok {
				theirs = built(t, func(e *rtattr.Encoder) {
					if _, ok := want.(link.BondPort); ok {
						link.AppendSetPort(e, 4, link.RawPort{Master: "bond", Data: link.Some(string(data))})
						return
					}
					w := rtattr.AppendLink(e, rtattr.RTM_SETLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: 4})
					n := w.BridgePort()
					n.Raw(data)
					n.End()
					w.End()
				})
			} else {
				m := rtattr.Msg(ours)
				m.SetFlags(m.Flags() | rtattr.NLM_F_ACK) // the socket sets it
			}
			if diff, err := golden.Compare(ours, theirs); err != nil || diff != "" && diff != "order" {
				t.Errorf("%s: %s, %v", f.Command, diff, err)
			}
			if p, ok := want.(link.BridgePort); ok { // ParsePort leaves the state out
				p.State = link.Opt[rtattr.BridgePortState]{}
				want = p
			}
			if got, err := link.ParsePort(parsed(t, theirs)); err != nil || got != want {
				t.Errorf("%s\nread %#v, %v\nwant %#v", f.Command, got, err, want)
			}
		})
	}
	if seen != len(changedPorts) {
		t.Errorf("%d ports have a golden, of %d", seen, len(changedPorts))
	}
}
