package bench

import (
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/jsimonetti/rtnetlink/v2/driver"
	mdlayher "github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/rtattr"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

var vxlanIn = struct {
	name                                 string
	mtu, id                              uint32
	group, local                         netip.Addr
	ttl, tos                             uint8
	learning, proxy, rsc, l2miss, l3miss uint8
	udpCsum                              uint8
	port                                 uint16
}{
	name: "vx0", mtu: 1450, id: 42, group: netip.MustParseAddr("239.1.1.1"), local: netip.MustParseAddr("192.0.2.1"),
	ttl: 64, tos: 0, learning: 1, udpCsum: 1, port: 4789,
}

func encodeVXLAN() []Contestant {
	in := &vxlanIn
	group, local := stdIP(in.group), stdIP(in.local)

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, create, rtattr.IfInfomsg{})
		w.IfName(in.name)
		w.MTU(in.mtu)
		info := w.LinkInfo()
		d := info.VXLAN()
		d.ID(in.id)
		d.Group(in.group)
		d.Local(in.local)
		d.TTL(in.ttl)
		d.TOS(in.tos)
		d.Learning(in.learning)
		d.Proxy(in.proxy)
		d.RSC(in.rsc)
		d.L2Miss(in.l2miss)
		d.L3Miss(in.l3miss)
		d.UDPCsum(in.udpCsum)
		d.Port(in.port)
		d.End()
		info.End()
		w.End()
	})
	data := func(ae *mdlayher.AttributeEncoder) error {
		ae.Uint32(rtattr.IFLA_VXLAN_ID, in.id)
		ae.Bytes(rtattr.IFLA_VXLAN_GROUP, group)
		ae.Bytes(rtattr.IFLA_VXLAN_LOCAL, local)
		ae.Uint8(rtattr.IFLA_VXLAN_TTL, in.ttl)
		ae.Uint8(rtattr.IFLA_VXLAN_TOS, in.tos)
		ae.Uint8(rtattr.IFLA_VXLAN_LEARNING, in.learning)
		ae.Uint8(rtattr.IFLA_VXLAN_PROXY, in.proxy)
		ae.Uint8(rtattr.IFLA_VXLAN_RSC, in.rsc)
		ae.Uint8(rtattr.IFLA_VXLAN_L2MISS, in.l2miss)
		ae.Uint8(rtattr.IFLA_VXLAN_L3MISS, in.l3miss)
		ae.Uint8(rtattr.IFLA_VXLAN_UDP_CSUM, in.udpCsum)
		ae.Bytes(rtattr.IFLA_VXLAN_PORT, []byte{byte(in.port >> 8), byte(in.port)})
		return nil
	}
	rtnl := peer("rtnetlink", func() []byte {
		ae := mdlayher.NewAttributeEncoder() // it has no vxlan driver: raw INFO_DATA
		check(data(ae))
		b, err := ae.Encode()
		check(err)
		return rtnetlinkMessage(rtattr.RTM_NEWLINK, create, &rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{
			Name: in.name, MTU: in.mtu,
			Info: &rtnetlink.LinkInfo{Kind: "vxlan", Data: &rtnetlink.LinkData{Name: "vxlan", Data: b}},
		}})
	})
	rtnl.Diff = "nested"
	vishvananda := peer("vishvananda", func() []byte { // what linkModify and addVxlanAttrs do
		req := vishRequest(rtattr.RTM_NEWLINK, create)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(in.name)))
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(in.mtu)))
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("vxlan"))
		d := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		d.AddRtAttr(nl.IFLA_VXLAN_ID, nl.Uint32Attr(in.id))
		d.AddRtAttr(nl.IFLA_VXLAN_LOCAL, local.To4())
		d.AddRtAttr(nl.IFLA_VXLAN_GROUP, group.To4())
		d.AddRtAttr(nl.IFLA_VXLAN_TTL, nl.Uint8Attr(in.ttl))
		d.AddRtAttr(nl.IFLA_VXLAN_TOS, nl.Uint8Attr(in.tos))
		d.AddRtAttr(nl.IFLA_VXLAN_LEARNING, nl.Uint8Attr(in.learning))
		d.AddRtAttr(nl.IFLA_VXLAN_PROXY, nl.Uint8Attr(in.proxy))
		d.AddRtAttr(nl.IFLA_VXLAN_RSC, nl.Uint8Attr(in.rsc))
		d.AddRtAttr(nl.IFLA_VXLAN_L2MISS, nl.Uint8Attr(in.l2miss))
		d.AddRtAttr(nl.IFLA_VXLAN_L3MISS, nl.Uint8Attr(in.l3miss))
		d.AddRtAttr(nl.IFLA_VXLAN_UDP_CSUM, nl.Uint8Attr(in.udpCsum))
		d.AddRtAttr(nl.IFLA_VXLAN_PORT, []byte{byte(in.port >> 8), byte(in.port)})
		req.AddData(info)
		return req.Serialize()
	})
	vishvananda.Diff = "order, nested, NUL"
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWLINK, create)
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			b = handString(b, rtattr.IFLA_IFNAME, in.name)
			b = handUint32(b, rtattr.IFLA_MTU, in.mtu)
			info := len(b)
			b = handNest(b, rtattr.IFLA_LINKINFO|rtattr.NLA_F_NESTED)
			b = handString(b, rtattr.IFLA_INFO_KIND, "vxlan")
			data := len(b)
			b = handNest(b, rtattr.IFLA_INFO_DATA|rtattr.NLA_F_NESTED)
			b = handUint32(b, rtattr.IFLA_VXLAN_ID, in.id)
			b = handAddr4(b, rtattr.IFLA_VXLAN_GROUP, in.group)
			b = handAddr4(b, rtattr.IFLA_VXLAN_LOCAL, in.local)
			b = handUint8(b, rtattr.IFLA_VXLAN_TTL, in.ttl)
			b = handUint8(b, rtattr.IFLA_VXLAN_TOS, in.tos)
			b = handUint8(b, rtattr.IFLA_VXLAN_LEARNING, in.learning)
			b = handUint8(b, rtattr.IFLA_VXLAN_PROXY, in.proxy)
			b = handUint8(b, rtattr.IFLA_VXLAN_RSC, in.rsc)
			b = handUint8(b, rtattr.IFLA_VXLAN_L2MISS, in.l2miss)
			b = handUint8(b, rtattr.IFLA_VXLAN_L3MISS, in.l3miss)
			b = handUint8(b, rtattr.IFLA_VXLAN_UDP_CSUM, in.udpCsum)
			b = handUint16BE(b, rtattr.IFLA_VXLAN_PORT, in.port)
			handEnd(b, data)
			handEnd(b, info)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			return attributes(rtattr.RTM_NEWLINK, create, make([]byte, unix.SizeofIfInfomsg), func(ae *mdlayher.AttributeEncoder) {
				ae.String(rtattr.IFLA_IFNAME, in.name)
				ae.Uint32(rtattr.IFLA_MTU, in.mtu)
				ae.Nested(rtattr.IFLA_LINKINFO, func(ae *mdlayher.AttributeEncoder) error {
					ae.String(rtattr.IFLA_INFO_KIND, "vxlan")
					ae.Nested(rtattr.IFLA_INFO_DATA, data)
					return nil
				})
			})
		}),
		rtnl,
		vishvananda,
		memcpy(nlwire),
	}
}

var vethIn = struct {
	name, peer string
	mtu        uint32
}{"veth0", "eth0", 1400}

func encodeVeth() []Contestant {
	in := &vethIn

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, create, rtattr.IfInfomsg{})
		w.IfName(in.name)
		w.MTU(in.mtu)
		info := w.LinkInfo()
		veth := info.Veth()
		p := veth.Peer(rtattr.IfInfomsg{})
		p.IfName(in.peer)
		p.MTU(in.mtu)
		p.End()
		veth.End()
		info.End()
		w.End()
	})
	rtnl := peer("rtnetlink", func() []byte {
		return rtnetlinkMessage(rtattr.RTM_NEWLINK, create, &rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{
			Name: in.name, MTU: in.mtu,
			Info: &rtnetlink.LinkInfo{Kind: "veth", Data: &driver.Veth{PeerInfo: &rtnetlink.LinkMessage{
				Attributes: &rtnetlink.LinkAttributes{Name: in.peer, MTU: in.mtu},
			}}},
		}})
	})
	rtnl.Diff = "nested"
	vishvananda := peer("vishvananda", func() []byte { // what linkModify does
		req := vishRequest(rtattr.RTM_NEWLINK, create)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(in.name)))
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(in.mtu)))
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
		d := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		p := d.AddRtAttr(nl.VETH_INFO_PEER, nil)
		nl.NewIfInfomsgChild(p, unix.AF_UNSPEC)
		p.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(in.peer))
		p.AddRtAttr(unix.IFLA_MTU, nl.Uint32Attr(in.mtu))
		req.AddData(info)
		return req.Serialize()
	})
	vishvananda.Diff = "nested, NUL"
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWLINK, create)
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			b = handString(b, rtattr.IFLA_IFNAME, in.name)
			b = handUint32(b, rtattr.IFLA_MTU, in.mtu)
			info := len(b)
			b = handNest(b, rtattr.IFLA_LINKINFO|rtattr.NLA_F_NESTED)
			b = handString(b, rtattr.IFLA_INFO_KIND, "veth")
			data := len(b)
			b = handNest(b, rtattr.IFLA_INFO_DATA|rtattr.NLA_F_NESTED)
			peer := len(b)
			b = handNest(b, rtattr.VETH_INFO_PEER)
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			b = handString(b, rtattr.IFLA_IFNAME, in.peer)
			b = handUint32(b, rtattr.IFLA_MTU, in.mtu)
			handEnd(b, peer)
			handEnd(b, data)
			handEnd(b, info)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			return attributes(rtattr.RTM_NEWLINK, create, make([]byte, unix.SizeofIfInfomsg), func(ae *mdlayher.AttributeEncoder) {
				ae.String(rtattr.IFLA_IFNAME, in.name)
				ae.Uint32(rtattr.IFLA_MTU, in.mtu)
				ae.Nested(rtattr.IFLA_LINKINFO, func(ae *mdlayher.AttributeEncoder) error {
					ae.String(rtattr.IFLA_INFO_KIND, "veth")
					ae.Nested(rtattr.IFLA_INFO_DATA, func(ae *mdlayher.AttributeEncoder) error {
						ae.Do(rtattr.VETH_INFO_PEER, func() ([]byte, error) {
							nae := mdlayher.NewAttributeEncoder()
							nae.String(rtattr.IFLA_IFNAME, in.peer)
							nae.Uint32(rtattr.IFLA_MTU, in.mtu)
							attrs, err := nae.Encode()
							return append(make([]byte, unix.SizeofIfInfomsg), attrs...), err
						})
						return nil
					})
					return nil
				})
			})
		}),
		rtnl,
		vishvananda,
		memcpy(nlwire),
	}
}

type linkOut struct {
	index                    int32
	flags                    uint32
	name, address, kind      []byte
	mtu, txQLen, group, link uint32
	operState                uint8
	stats                    [23]uint64
}

// A linkRead is what the contestants of the row have to read.
type linkRead struct {
	index                    int32
	flags                    uint32
	name, address, kind      string
	mtu, txQLen, group, link uint32
	operState                uint8
	stats                    [23]uint64
}

func (v *linkOut) same() any {
	return linkRead{v.index, v.flags, string(v.name), string(v.address), string(v.kind), v.mtu, v.txQLen, v.group, v.link, v.operState, v.stats}
}

func decodeLink() []Contestant {
	msg := reply("link").Payload()
	return []Contestant{
		read("nlwire", new(linkOut), func(v *linkOut) {
			var view rtattr.LinkView
			check(view.Parse(msg))
			v.index, v.flags = view.Header.Index, uint32(view.Header.Flags)
			v.name, _ = view.IfName()
			v.address, _ = view.Address()
			v.mtu, _ = view.MTU()
			v.txQLen, _ = view.TxQLen()
			v.group, _ = view.Group()
			v.link, _ = view.Link()
			state, _ := view.OperState()
			v.operState = uint8(state)
			info, err := view.LinkInfo()
			check(err)
			v.kind, _ = info.Kind()
			s, _ := view.Stats64()
			v.stats = [...]uint64{
				s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes, s.RxErrors, s.TxErrors, s.RxDropped, s.TxDropped,
				s.Multicast, s.Collisions, s.RxLengthErrors, s.RxOverErrors, s.RxCRCErrors, s.RxFrameErrors,
				s.RxFifoErrors, s.RxMissedErrors, s.TxAbortedErrors, s.TxCarrierErrors, s.TxFifoErrors,
				s.TxHeartbeatErrors, s.TxWindowErrors, s.RxCompressed, s.TxCompressed,
			}
		}, (*linkOut).same),
		read("hand", new(linkOut), func(v *linkOut) {
			var at [rtattr.IFLA_TAILROOM + 1]uint32
			b := msg[16:]
			if !handIndex(b, at[:]) {
				panic("framing")
			}
			v.index, v.flags = int32(native.Uint32(msg[4:])), native.Uint32(msg[8:])
			v.name = handGetString(b, at[rtattr.IFLA_IFNAME])
			v.address = handPayload(b, at[rtattr.IFLA_ADDRESS], -1)
			v.mtu = handGet32(b, at[rtattr.IFLA_MTU])
			v.txQLen = handGet32(b, at[rtattr.IFLA_TXQLEN])
			v.group = handGet32(b, at[rtattr.IFLA_GROUP])
			v.link = handGet32(b, at[rtattr.IFLA_LINK])
			v.operState = handGet8(b, at[rtattr.IFLA_OPERSTATE])
			info := handPayload(b, at[rtattr.IFLA_LINKINFO], -1)
			var infoAt [rtattr.IFLA_INFO_SLAVE_DATA + 1]uint32
			if !handIndex(info, infoAt[:]) {
				panic("framing")
			}
			v.kind = handGetString(info, infoAt[rtattr.IFLA_INFO_KIND])
			if s := handPayload(b, at[rtattr.IFLA_STATS64], -1); len(s) >= 8*len(v.stats) {
				for i := range v.stats {
					v.stats[i] = native.Uint64(s[8*i:])
				}
			}
		}, (*linkOut).same),
		read("mdlayher", new(linkOut), func(v *linkOut) {
			v.index, v.flags = int32(native.Uint32(msg[4:])), native.Uint32(msg[8:])
			ad, err := mdlayher.NewAttributeDecoder(msg[16:])
			check(err)
			for ad.Next() {
				switch ad.Type() {
				case rtattr.IFLA_IFNAME:
					v.name = []byte(ad.String())
				case rtattr.IFLA_ADDRESS:
					v.address = ad.Bytes()
				case rtattr.IFLA_MTU:
					v.mtu = ad.Uint32()
				case rtattr.IFLA_TXQLEN:
					v.txQLen = ad.Uint32()
				case rtattr.IFLA_GROUP:
					v.group = ad.Uint32()
				case rtattr.IFLA_LINK:
					v.link = ad.Uint32()
				case rtattr.IFLA_OPERSTATE:
					v.operState = ad.Uint8()
				case rtattr.IFLA_LINKINFO:
					ad.Nested(func(ad *mdlayher.AttributeDecoder) error {
						for ad.Next() {
							if ad.Type() == rtattr.IFLA_INFO_KIND {
								v.kind = []byte(ad.String())
							}
						}
						return nil
					})
				case rtattr.IFLA_STATS64:
					ad.Do(func(b []byte) error {
						for i := range v.stats {
							v.stats[i] = native.Uint64(b[8*i:])
						}
						return nil
					})
				}
			}
			check(ad.Err())
		}, (*linkOut).same),
		read("rtnetlink", new(rtnetlink.LinkMessage), func(m *rtnetlink.LinkMessage) {
			*m = rtnetlink.LinkMessage{}
			check(m.UnmarshalBinary(msg))
		}, func(m *rtnetlink.LinkMessage) any {
			a := m.Attributes
			s := a.Stats64
			return linkRead{
				int32(m.Index), m.Flags, a.Name, string(a.Address), a.Info.Kind, a.MTU, *a.TxQueueLen, *a.NetDevGroup, a.Type, uint8(a.OperationalState),
				[...]uint64{
					s.RXPackets, s.TXPackets, s.RXBytes, s.TXBytes, s.RXErrors, s.TXErrors, s.RXDropped, s.TXDropped,
					s.Multicast, s.Collisions, s.RXLengthErrors, s.RXOverErrors, s.RXCRCErrors, s.RXFrameErrors,
					s.RXFIFOErrors, s.RXMissedErrors, s.TXAbortedErrors, s.TXCarrierErrors, s.TXFIFOErrors,
					s.TXHeartbeatErrors, s.TXWindowErrors, s.RXCompressed, s.TXCompressed,
				},
			}
		}),
		read("vishvananda", new(vish.Link), func(l *vish.Link) {
			var err error
			*l, err = vish.LinkDeserialize(nil, msg)
			check(err)
		}, func(l *vish.Link) any {
			a := (*l).Attrs()
			s := a.Statistics
			return linkRead{
				int32(a.Index), a.RawFlags, a.Name, string(a.HardwareAddr), (*l).Type(), uint32(a.MTU), uint32(a.TxQLen), a.Group, uint32(a.ParentIndex), uint8(a.OperState),
				[...]uint64{
					s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes, s.RxErrors, s.TxErrors, s.RxDropped, s.TxDropped,
					s.Multicast, s.Collisions, s.RxLengthErrors, s.RxOverErrors, s.RxCrcErrors, s.RxFrameErrors,
					s.RxFifoErrors, s.RxMissedErrors, s.TxAbortedErrors, s.TxCarrierErrors, s.TxFifoErrors,
					s.TxHeartbeatErrors, s.TxWindowErrors, s.RxCompressed, s.TxCompressed,
				},
			}
		}),
	}
}
