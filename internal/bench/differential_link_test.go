package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	vish "github.com/vishvananda/netlink"

	"github.com/nlwire/nlwire/fuzz"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

var linkReader = reader{
	types:    []uint16{rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK},
	families: []uint8{rtattr.AF_UNSPEC},
	extra: []rtattr.Msg{
		linkOf("vxlan", func(n rtattr.Nest) {
			n.Bytes(rtattr.IFLA_VXLAN_LOCAL, []byte{192, 0, 2, 1})
			n.Bytes(rtattr.IFLA_VXLAN_LOCAL6, make([]byte, 16))
		}),
		linkOf("geneve", func(n rtattr.Nest) {
			n.Uint8(rtattr.IFLA_GENEVE_TTL, 7)
			n.Uint8(rtattr.IFLA_GENEVE_TTL_INHERIT, 1)
		}),
		linkOf("bridge", func(n rtattr.Nest) { n.Uint8(rtattr.IFLA_BR_MCAST_SNOOPING, 2) }),
		linkOf("macvlan", func(n rtattr.Nest) { n.Uint32(rtattr.IFLA_MACVLAN_MODE, 32) }),
		linkOf("macvlan", func(n rtattr.Nest) {
			list := n.Nest(rtattr.IFLA_MACVLAN_MACADDR_DATA)
			list.Flag(rtattr.IFLA_MACVLAN_MODE)
			list.End()
		}),
		linkOf("ip6gre", func(n rtattr.Nest) { n.Uint8(rtattr.IFLA_GRE_PMTUDISC, 1) }),
		built(func(e *rtattr.Encoder) {
			w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 1})
			w.Address(make([]byte, 6))
			w.Bytes(rtattr.IFLA_PHYS_SWITCH_ID, nil)
			w.End()
		}),
	},
	ours: func(b []byte) (seen, bool) {
		var v rtattr.LinkView
		if v.Parse(b) != nil {
			return nil, false
		}
		v.Header.Type = 0 // as in a request: of what is shown some is left out that the kernel would refuse
		l, err := link.Parse(&v)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("index", num(l.Index))
		s.put("raw flags", num(l.Flags))
		s.put("name", l.Name)
		s.put("mtu", num(l.MTU))
		s.put("txqlen", num(l.TxQLen))
		s.put("address", string(l.Address.Bytes()))
		s.put("permanent address", string(l.PermAddress.Bytes()))
		s.put("parent", num(l.Parent))
		s.put("master", num(l.Master))
		s.put("alias", l.Alias)
		s.put("alternative names", fmt.Sprint(slices.Collect(l.AltNames.All())))
		s.put("group", num(l.Group))
		s.put("state", num(l.OperState))
		if id, ok := l.LinkNetNSID.Get(); ok {
			s["namespace"] = num(id)
		}
		s.put("queues", [2]int{num(l.NumTxQueues), num(l.NumRxQueues)})
		s.put("segmentation", [5]uint32{l.GSOMaxSize, l.GSOMaxSegs, l.GROMaxSize, l.GSOIPv4MaxSize, l.GROIPv4MaxSize})
		s.put("device", l.ParentDev+" "+l.ParentBus)
		s.put("xdp", num(l.XDP.Mode))
		ourKind(s, l.Data)
		if p, ok := l.Port.(link.BondPort); ok {
			s.put("port queue", num(some(p.QueueID)))
		}
		if p, ok := l.Port.(link.VRFPort); ok {
			s.put("port table", num(p.Table))
		}
		return s, true
	},
	theirs: func(b []byte) (seen, bool) {
		l, err := vish.LinkDeserialize(nil, b)
		if err != nil {
			return nil, false
		}
		a := l.Attrs()
		s := seen{}
		s.put("index", num(a.Index))
		s.put("raw flags", num(a.RawFlags))
		s.put("name", a.Name)
		s.put("mtu", num(a.MTU))
		s.put("txqlen", num(max(a.TxQLen, 0))) // -1 is none
		s.put("address", string(a.HardwareAddr))
		s.put("permanent address", string(a.PermHWAddr))
		s.put("parent", num(a.ParentIndex))
		s.put("master", num(a.MasterIndex))
		s.put("alias", a.Alias)
		s.put("alternative names", fmt.Sprint(a.AltNames))
		s.put("group", num(a.Group))
		s.put("state", num(uint8(a.OperState)))
		if a.NetNsID != -1 {
			s["namespace"] = num(a.NetNsID)
		}
		s.put("queues", [2]int{num(a.NumTxQueues), num(a.NumRxQueues)})
		s.put("segmentation", [5]uint32{a.GSOMaxSize, a.GSOMaxSegs, a.GROMaxSize, a.GSOIPv4MaxSize, a.GROIPv4MaxSize})
		s.put("device", a.ParentDev+" "+a.ParentDevBus)
		if a.Xdp != nil {
			s.put("xdp", num(a.Xdp.AttachMode))
		}
		theirKind(s, l)
		switch p := a.Slave.(type) {
		case *vish.BondSlave:
			s.put("port queue", num(p.QueueId))
		case *vish.VrfSlave:
			s.put("port table", num(p.Table))
		}
		return s, true
	},
	agreed: []agreed{
		{what: "vishvananda makes room for as many addresses of a macvlan as a message says, and forgets those that it has read", why: "the number is no more than a hint, and any number of 32 bits",
			input: func(t *fuzz.Tree) {
				kindData(t, func(kind string, data *fuzz.Attr) {
					if strings.HasPrefix(kind, "macv") {
						remove(&data.Attrs, rtattr.IFLA_MACVLAN_MACADDR_COUNT)
					}
				})
			}},
		{what: "vishvananda takes whatever is in the list of a macvlan's addresses for one, and reads on where it is short", why: "the kernel takes IFLA_MACVLAN_MACADDR of 6 bytes alone (macvlan_changelink_sources); we show those of other lengths",
			input: func(t *fuzz.Tree) {
				walk(t.Attrs, func(a *fuzz.Attr) {
					a.Attrs = slices.DeleteFunc(slices.Clone(a.Attrs), func(x *fuzz.Attr) bool {
						return x.Set == &rtattr.MacvlanAddrsSet && (x.Type&rtattr.NLA_TYPE_MASK != rtattr.IFLA_MACVLAN_MACADDR || len(x.Payload) != 6)
					})
				})
			}},
		{what: "vishvananda asks sysfs about a TUN device", hidden: true, why: "a message is to be read without",
			input: func(t *fuzz.Tree) {
				if kindOf(t) == "tun" {
					remove(&find(t.Attrs, rtattr.IFLA_LINKINFO).Attrs, rtattr.IFLA_INFO_KIND, rtattr.IFLA_INFO_DATA)
				}
			}},
		{what: "vishvananda has the keys of a GRETAP the wrong way round", why: "it reads IFLA_GRE_OKEY into IKey, and IFLA_GRE_IKEY into OKey",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if theirs["kind"] == "gretap" {
					ikey, okey := theirs["ikey"], theirs["okey"]
					delete(theirs, "ikey")
					delete(theirs, "okey")
					theirs.put("ikey", okey)
					theirs.put("okey", ikey)
				}
			}},
		{what: "vishvananda reads TOS and PMTUDISC of a GRE tunnel in IPv6", why: "ip6gre takes neither (ip6gre_netlink_parms)",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if strings.HasPrefix(kindOf(t), "ip6gre") {
					delete(theirs, "pmtudisc")
					theirs.put("numbers", ours["numbers"])
					if ours["numbers"] == nil {
						delete(theirs, "numbers")
					}
				}
			}},
		{what: "vishvananda takes switches of a bridge for on only if they are 1", why: "any number but 0 is (br_changelink)",
			input: func(t *fuzz.Tree) {
				kindData(t, func(kind string, data *fuzz.Attr) {
					for _, typ := range []uint16{rtattr.IFLA_BR_MCAST_SNOOPING, rtattr.IFLA_BR_VLAN_FILTERING} {
						if a := find(data.Attrs, typ); kind == "bridge" && a != nil && len(a.Payload) == 1 {
							a.Payload = []byte{bit(a.Payload[0] != 0)}
						}
					}
				})
			}},
		{what: "vishvananda knows five modes of a macvlan and takes the others for none", why: "what the kernel says is told",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if strings.HasPrefix(kindOf(t), "macv") && theirs["mode"] == nil {
					delete(ours, "mode")
				}
			}},
		{what: "vishvananda reads the number of a switch as 32 bits", why: "it has up to 32 bytes; fewer than four panic",
			input: func(t *fuzz.Tree) { remove(&t.Attrs, rtattr.IFLA_PHYS_SWITCH_ID) }},
		{what: "vishvananda shows all times of a bond", why: "in some modes, and without a monitor, the kernel refuses to set what it shows",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if theirs["kind"] == "bond" {
					shown, _ := theirs["times"].([4]time.Duration)
					kept, _ := ours["times"].([4]time.Duration)
					for i := range shown {
						if kept[i] == 0 {
							shown[i] = 0
						}
					}
					delete(theirs, "times")
					theirs.put("times", shown)
				}
			}},
		{what: "vishvananda takes :: of IPv6 for the address where there is one of IPv4", why: "the unspecified address is none",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				for name, types := range map[string][2]uint16{
					"group": {rtattr.IFLA_VXLAN_GROUP, rtattr.IFLA_VXLAN_GROUP6}, "local": {rtattr.IFLA_VXLAN_LOCAL, rtattr.IFLA_VXLAN_LOCAL6},
					"remote": {rtattr.IFLA_GENEVE_REMOTE, rtattr.IFLA_GENEVE_REMOTE6},
				} {
					kindData(t, func(kind string, data *fuzz.Attr) {
						if (kind == "vxlan" || kind == "geneve") && theirs[name] == nil && find(data.Attrs, types[0]) != nil && find(data.Attrs, types[1]) != nil {
							delete(ours, name)
						}
					})
				}
			}},
		{what: "vishvananda shows a TTL of a GENEVE that inherits it", why: "the kernel shows both, and takes the number for nothing then (geneve_nl2info)",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if kindOf(t) == "geneve" && ours["ttl"] == nil {
					kindData(t, func(_ string, data *fuzz.Attr) {
						if a := find(data.Attrs, rtattr.IFLA_GENEVE_TTL_INHERIT); a != nil && !bytes.Equal(a.Payload, []byte{0}) {
							delete(theirs, "ttl")
						}
					})
				}
			}},
		{what: "vishvananda leaves out hardware addresses of zeros", why: "lo has one, and a new link may be given one",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				for _, name := range []string{"address", "permanent address"} {
					if text, _ := ours[name].(string); theirs[name] == nil && strings.Trim(text, "\x00") == "" {
						delete(ours, name)
					}
				}
			}},
	},
}

// encapText is of what a tunnel is wrapped into.
func encapText(typ, flags, sport, dport uint16) string {
	if typ|flags|sport|dport == 0 {
		return ""
	}
	return fmt.Sprint(typ, flags, sport, dport)
}

func ourEncapText(o link.Opt[link.Encap]) string {
	e := some(o)
	return encapText(uint16(e.Type), uint16(e.Flags), e.SourcePort, e.DestPort)
}

// unspecified is no address, the kernel shows it where there is none.
func specified(text string) string {
	if text == "0.0.0.0" || text == "::" {
		return ""
	}
	return text
}

func bool8(v uint8) bool { return v != 0 }

func ourKind(s seen, k link.Kind) {
	end := func(name string, text string) { s.put(name, specified(text)) }
	switch k := k.(type) {
	case link.VLAN:
		s.put("kind", "vlan")
		s.put("id", num(k.ID))
		s.put("protocol", num(k.Protocol))
		for name, values := range map[string]link.Values[rtattr.VLANQoSMapping]{"ingress": k.Ingress, "egress": k.Egress} {
			m := map[uint32]uint32{}
			for v := range values.All() {
				m[v.From] = v.To
			}
			if len(m) > 0 {
				s.put(name, fmt.Sprint(m))
			}
		}
	case link.VXLAN:
		s.put("kind", "vxlan")
		s.put("id", num(k.ID))
		end("group", addrText(k.Group))
		end("local", addrText(k.Local))
		s.put("link", num(k.Link))
		s.put("ports", [3]uint16{k.Port, k.PortLow, k.PortHigh})
		s.put("ttl", num(some(k.TTL)))
		s.put("tos", num(some(k.TOS)))
		s.put("ageing", num(uint32(some(k.Ageing)/time.Second)))
		s.put("limit", num(k.Limit))
		s.put("switches", [10]bool{some(k.Learning), k.Proxy, k.RSC, k.L2Miss, k.L3Miss, k.External, k.GBP, some(k.UDPCsum), k.UDPZeroCsum6Tx, k.UDPZeroCsum6Rx})
	case link.Geneve:
		s.put("kind", "geneve")
		s.put("id", num(k.ID))
		end("remote", addrText(k.Remote))
		s.put("ports", [3]uint16{k.Port, k.PortLow, k.PortHigh})
		s.put("ttl", num(some(k.TTL)))
		s.put("tos", num(some(k.TOS)))
		s.put("switches", [2]bool{k.External, k.InnerProtoInherit})
	case link.BareUDP:
		s.put("kind", "bareudp")
		s.put("ports", [3]uint16{k.Port, k.EtherType, k.SrcPortMin})
		s.put("multiproto", k.MultiProto)
	case link.Macvlan:
		ourMacvlan(s, "macvlan", k)
	case link.Macvtap:
		ourMacvlan(s, "macvtap", link.Macvlan(k))
	case link.IPVLAN:
		s.put("kind", "ipvlan")
		s.put("mode", [2]int{num(some(k.Mode)), num(some(k.Flags))})
	case link.VRF:
		s.put("kind", "vrf")
		s.put("table", num(k.Table))
	case link.XFRM:
		s.put("kind", "xfrm")
		s.put("id", num(k.IfID))
	case link.IPoIB:
		s.put("kind", "ipoib")
		s.put("pkey", num(k.PKey))
		s.put("mode", num(some(k.Mode)))
	case link.GTP:
		s.put("kind", "gtp")
		s.put("role", [4]int{num(k.Role), num(some(k.FD0)), num(some(k.FD1)), num(k.PDPHashSize)})
	case link.Bridge:
		s.put("kind", "bridge")
		s.put("times", [2]time.Duration{some(k.Ageing), k.HelloTime})
		s.put("switches", [2]bool{some(k.McastSnooping), some(k.VLANFiltering)})
		s.put("masks", [2]uint16{some(k.DefaultPVID), some(k.GroupFwdMask)})
	case link.Bond:
		s.put("kind", "bond")
		s.put("mode", num(some(k.Mode)))
		s.put("times", [4]time.Duration{some(k.MIIMon), some(k.UpDelay), some(k.DownDelay), k.LPInterval})
		s.put("numbers", [3]int{num(some(k.ResendIGMP)), num(some(k.NumPeerNotif)), num(some(k.MinLinks))})
	case link.Netkit:
		s.put("kind", "netkit")
		s.put("policies", [4]int{num(some(k.Policy)), num(some(k.PeerPolicy)), num(some(k.Scrub)), num(some(k.PeerScrub))})
		s.put("mode", num(some(k.Mode)))
	case link.GRE:
		ourGRE(s, "gre", k)
	case link.GRETap:
		ourGRE(s, "gretap", link.GRE(k))
	case link.IP6GRE:
		ourGRE6(s, "gre", k)
	case link.IP6GRETap:
		ourGRE6(s, "gretap", link.IP6GRE(k))
	case link.IPIP:
		s.put("kind", "ipip")
		end("local", addrText(k.Local))
		end("remote", addrText(k.Remote))
		s.put("numbers", [4]uint8{k.TTL, k.TOS, some(k.Proto), bit(some(k.PMTUDisc))})
		s.put("external", k.External)
		s.put("wrap", ourEncapText(k.Encap))
	case link.SIT:
		s.put("kind", "sit")
		end("local", addrText(k.Local))
		end("remote", addrText(k.Remote))
		s.put("numbers", [4]uint8{some(k.TTL), k.TOS, some(k.Proto), bit(some(k.PMTUDisc))})
		s.put("wrap", ourEncapText(k.Encap))
	case link.IP6Tnl:
		s.put("kind", "ip6tnl")
		end("local", addrText(k.Local))
		end("remote", addrText(k.Remote))
		s.put("numbers", [3]uint8{k.HopLimit, k.EncapLimit, k.Proto})
		s.put("external", k.External)
		s.put("wrap", ourEncapText(k.Encap))
	case link.VTI:
		s.put("kind", "vti")
		end("local", addrText(k.Local))
		end("remote", addrText(k.Remote))
		s.put("keys", [2]uint32{k.IKey, k.OKey})
	case link.VTI6:
		s.put("kind", "vti")
		end("local", addrText(k.Local))
		end("remote", addrText(k.Remote))
		s.put("keys", [2]uint32{k.IKey, k.OKey})
	}
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func ourMacvlan(s seen, kind string, k link.Macvlan) {
	s.put("kind", kind)
	s.put("mode", num(k.Mode))
	s.put("queue", num(some(k.BroadcastQueueLen)))
	var all []string
	for a := range k.Sources.All() {
		if b := a.Bytes(); len(b) == 6 { // see linkReader
			all = append(all, string(b))
		}
	}
	s.put("sources", strings.Join(all, " "))
}

func ourGRE(s seen, kind string, k link.GRE) {
	s.put("kind", kind)
	s.put("local", specified(addrText(k.Local)))
	s.put("remote", specified(addrText(k.Remote)))
	s.put("ikey", num(k.IKey))
	s.put("okey", num(k.OKey))
	s.put("flags", [2]uint16{uint16(k.IFlags), uint16(k.OFlags)})
	s.put("numbers", [2]uint8{k.TTL, k.TOS})
	s.put("pmtudisc", some(k.PMTUDisc))
	s.put("external", k.External)
	s.put("wrap", ourEncapText(k.Encap))
}

func ourGRE6(s seen, kind string, k link.IP6GRE) {
	ourGRE(s, kind, link.GRE{Local: k.Local, Remote: k.Remote, IKey: k.IKey, OKey: k.OKey, IFlags: k.IFlags, OFlags: k.OFlags, TTL: k.HopLimit, External: k.External, Encap: k.Encap})
}

// macvlanModes are the kernel's numbers of vishvananda's.
var macvlanModes = map[vish.MacvlanMode]int{
	vish.MACVLAN_MODE_PRIVATE: 1, vish.MACVLAN_MODE_VEPA: 2, vish.MACVLAN_MODE_BRIDGE: 4, vish.MACVLAN_MODE_PASSTHRU: 8, vish.MACVLAN_MODE_SOURCE: 16,
}

func theirKind(s seen, l vish.Link) {
	end := func(name string, text string) { s.put(name, specified(text)) }
	const tick = 10 * time.Millisecond // USER_HZ
	switch k := l.(type) {
	case *vish.Vlan:
		s.put("kind", "vlan")
		s.put("id", num(k.VlanId))
		s.put("protocol", num(k.VlanProtocol))
		for name, m := range map[string]map[uint32]uint32{"ingress": k.IngressQosMap, "egress": k.EgressQosMap} {
			if len(m) > 0 {
				s.put(name, fmt.Sprint(m))
			}
		}
	case *vish.Vxlan:
		s.put("kind", "vxlan")
		s.put("id", num(k.VxlanId))
		end("group", ipText(k.Group))
		end("local", ipText(k.SrcAddr))
		s.put("link", num(k.VtepDevIndex))
		s.put("ports", [3]uint16{uint16(k.Port), uint16(k.PortLow), uint16(k.PortHigh)})
		s.put("ttl", num(k.TTL))
		s.put("tos", num(k.TOS))
		s.put("ageing", num(k.Age))
		s.put("limit", num(k.Limit))
		s.put("switches", [10]bool{k.Learning, k.Proxy, k.RSC, k.L2miss, k.L3miss, k.FlowBased, k.GBP, k.UDPCSum, k.UDP6ZeroCSumTx, k.UDP6ZeroCSumRx})
	case *vish.Geneve:
		s.put("kind", "geneve")
		s.put("id", num(k.ID))
		end("remote", ipText(k.Remote))
		s.put("ports", [3]uint16{k.Dport, uint16(k.PortLow), uint16(k.PortHigh)})
		s.put("ttl", num(k.Ttl))
		s.put("tos", num(k.Tos))
		s.put("switches", [2]bool{k.FlowBased, k.InnerProtoInherit})
	case *vish.BareUDP:
		s.put("kind", "bareudp")
		s.put("ports", [3]uint16{k.Port, k.EtherType, k.SrcPortMin})
		s.put("multiproto", k.MultiProto)
	case *vish.Macvlan:
		theirMacvlan(s, "macvlan", k)
	case *vish.Macvtap:
		theirMacvlan(s, "macvtap", &k.Macvlan)
	case *vish.IPVlan:
		s.put("kind", "ipvlan")
		s.put("mode", [2]int{num(k.Mode), num(k.Flag)})
	case *vish.Vrf:
		s.put("kind", "vrf")
		s.put("table", num(k.Table))
	case *vish.Xfrmi:
		s.put("kind", "xfrm")
		s.put("id", num(k.Ifid))
	case *vish.IPoIB:
		s.put("kind", "ipoib")
		s.put("pkey", num(k.Pkey))
		s.put("mode", num(k.Mode))
	case *vish.GTP:
		s.put("kind", "gtp")
		s.put("role", [4]int{num(k.Role), num(k.FD0), num(k.FD1), num(k.PDPHashsize)})
	case *vish.Bridge:
		s.put("kind", "bridge")
		s.put("times", [2]time.Duration{tick * time.Duration(deref(k.AgeingTime)), tick * time.Duration(deref(k.HelloTime))})
		s.put("switches", [2]bool{deref(k.MulticastSnooping), deref(k.VlanFiltering)})
		s.put("masks", [2]uint16{deref(k.VlanDefaultPVID), deref(k.GroupFwdMask)})
	case *vish.Bond:
		s.put("kind", "bond")
		s.put("mode", num(k.Mode))
		milli := func(n int) time.Duration { return time.Duration(uint32(n)) * time.Millisecond }
		s.put("times", [4]time.Duration{milli(k.Miimon), milli(k.UpDelay), milli(k.DownDelay), time.Duration(uint32(k.LpInterval)) * time.Second})
		s.put("numbers", [3]int{num(k.ResendIgmp), num(k.NumPeerNotif), num(k.MinLinks)})
	case *vish.Netkit:
		s.put("kind", "netkit")
		s.put("policies", [4]int{num(k.Policy), num(k.PeerPolicy), num(k.Scrub), num(k.PeerScrub)})
		s.put("mode", num(k.Mode))
	case *vish.Gretun:
		theirGRE(s, "gre", *k)
	case *vish.Gretap:
		theirGRE(s, "gretap", vish.Gretun{Local: k.Local, Remote: k.Remote, IKey: k.IKey, OKey: k.OKey, IFlags: k.IFlags, OFlags: k.OFlags, Ttl: k.Ttl, Tos: k.Tos, PMtuDisc: k.PMtuDisc,
			FlowBased: k.FlowBased, EncapType: k.EncapType, EncapFlags: k.EncapFlags, EncapSport: k.EncapSport, EncapDport: k.EncapDport})
	case *vish.Iptun:
		s.put("kind", "ipip")
		end("local", ipText(k.Local))
		end("remote", ipText(k.Remote))
		s.put("numbers", [4]uint8{k.Ttl, k.Tos, k.Proto, bit(bool8(k.PMtuDisc))})
		s.put("external", k.FlowBased)
		s.put("wrap", encapText(k.EncapType, k.EncapFlags, k.EncapSport, k.EncapDport))
	case *vish.Sittun:
		s.put("kind", "sit")
		end("local", ipText(k.Local))
		end("remote", ipText(k.Remote))
		s.put("numbers", [4]uint8{k.Ttl, k.Tos, k.Proto, bit(bool8(k.PMtuDisc))})
		s.put("wrap", encapText(k.EncapType, k.EncapFlags, k.EncapSport, k.EncapDport))
	case *vish.Ip6tnl:
		s.put("kind", "ip6tnl")
		end("local", ipText(k.Local))
		end("remote", ipText(k.Remote))
		s.put("numbers", [3]uint8{k.Ttl, k.EncapLimit, k.Proto})
		s.put("external", k.FlowBased)
		s.put("wrap", encapText(k.EncapType, k.EncapFlags, k.EncapSport, k.EncapDport))
	case *vish.Vti:
		s.put("kind", "vti")
		end("local", ipText(k.Local))
		end("remote", ipText(k.Remote))
		s.put("keys", [2]uint32{k.IKey, k.OKey})
	}
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func theirMacvlan(s seen, kind string, k *vish.Macvlan) {
	s.put("kind", kind)
	s.put("mode", macvlanModes[k.Mode])
	s.put("queue", num(k.BCQueueLen))
	var all []string
	for _, a := range k.MACAddrs {
		all = append(all, string(a))
	}
	s.put("sources", strings.Join(all, " "))
}

func theirGRE(s seen, kind string, k vish.Gretun) {
	s.put("kind", kind)
	s.put("local", specified(ipText(k.Local)))
	s.put("remote", specified(ipText(k.Remote)))
	s.put("ikey", num(k.IKey))
	s.put("okey", num(k.OKey))
	s.put("flags", [2]uint16{k.IFlags, k.OFlags})
	s.put("numbers", [2]uint8{k.Ttl, k.Tos})
	s.put("pmtudisc", k.PMtuDisc != 0)
	s.put("external", k.FlowBased)
	s.put("wrap", encapText(k.EncapType, k.EncapFlags, k.EncapSport, k.EncapDport))
}

// kindData calls f with the kind of a link and its IFLA_INFO_DATA.
func kindData(t *fuzz.Tree, f func(kind string, data *fuzz.Attr)) {
	if data := find(t.Attrs, rtattr.IFLA_LINKINFO, rtattr.IFLA_INFO_DATA); data != nil {
		f(kindOf(t), data)
	}
}

func kindOf(t *fuzz.Tree) (name string) {
	if kind := find(t.Attrs, rtattr.IFLA_LINKINFO, rtattr.IFLA_INFO_KIND); kind != nil {
		name, _, _ = strings.Cut(string(kind.Payload), "\x00")
	}
	return name
}

// linkOf is a link of a kind.
func linkOf(kind string, put func(data rtattr.Nest)) rtattr.Msg {
	return built(func(e *rtattr.Encoder) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 1})
		info := w.LinkInfo()
		info.Kind(kind)
		data := info.Nest.Nest(rtattr.IFLA_INFO_DATA)
		put(data)
		data.End()
		info.End()
		w.End()
	})
}
