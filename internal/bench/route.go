package bench

import (
	"net"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	mdlayher "github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/rtattr"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

var route4In = struct {
	dst                    netip.Prefix
	gateway, prefSrc       netip.Addr
	oif, table, priority   uint32
	mtu, advMSS, initCwnd  uint32
	protocol, scope, rtype uint8
}{
	dst: netip.MustParsePrefix("10.1.0.0/16"), gateway: netip.MustParseAddr("10.66.66.2"), prefSrc: netip.MustParseAddr("10.66.66.1"),
	oif: 3, table: 1000, priority: 100, mtu: 1400, advMSS: 1360, initCwnd: 10, protocol: unix.RTPROT_BOOT, rtype: unix.RTN_UNICAST,
}

// rtmsg is struct rtmsg of a unicast route.
func rtmsg(family uint8, dst netip.Prefix, table uint8) []byte {
	b := make([]byte, unix.SizeofRtMsg)
	b[0], b[1], b[4], b[5], b[7] = family, uint8(dst.Bits()), table, unix.RTPROT_BOOT, unix.RTN_UNICAST
	return b
}

func encodeRoute4() []Contestant {
	in := &route4In
	dst, gateway, prefSrc := stdIP(in.dst.Addr()), stdIP(in.gateway), stdIP(in.prefSrc)

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create, rtattr.RtMsg{
			Family: rtattr.AF_INET, DstLen: uint8(in.dst.Bits()),
			Protocol: rtattr.Protocol(in.protocol), Scope: rtattr.Scope(in.scope), Type: rtattr.RouteType(in.rtype),
		})
		w.Dst(in.dst.Addr())
		w.Gateway(in.gateway)
		w.Table(rtattr.RouteTable(in.table))
		w.Priority(in.priority)
		w.PrefSrc(in.prefSrc)
		w.OIF(in.oif)
		m := w.Metrics()
		m.MTU(in.mtu)
		m.AdvMSS(in.advMSS)
		m.InitCwnd(in.initCwnd)
		m.End()
		w.End()
	})
	rtnl := peer("rtnetlink", func() []byte {
		return rtnetlinkMessage(rtattr.RTM_NEWROUTE, create, &rtnetlink.RouteMessage{
			Family: rtattr.AF_INET, DstLength: uint8(in.dst.Bits()), Protocol: in.protocol, Scope: in.scope, Type: in.rtype,
			Attributes: rtnetlink.RouteAttributes{
				Dst: dst, Gateway: gateway, Table: in.table, Priority: in.priority, Src: prefSrc, OutIface: in.oif,
				Metrics: &rtnetlink.RouteMetrics{MTU: in.mtu, AdvMSS: in.advMSS, InitCwnd: in.initCwnd},
			},
		})
	})
	rtnl.Diff = "order"
	vishvananda := peer("vishvananda", func() []byte { // what prepareRouteReq does
		req := vishRequest(rtattr.RTM_NEWROUTE, create)
		msg := nl.NewRtMsg()
		msg.Family, msg.Dst_len, msg.Table = rtattr.AF_INET, uint8(in.dst.Bits()), unix.RT_TABLE_UNSPEC
		attrs := []*nl.RtAttr{
			nl.NewRtAttr(unix.RTA_DST, dst.To4()),
			nl.NewRtAttr(unix.RTA_PREFSRC, prefSrc.To4()),
			nl.NewRtAttr(unix.RTA_GATEWAY, gateway.To4()),
			nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(in.table)),
			nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(in.priority)),
		}
		metrics := nl.NewRtAttr(unix.RTA_METRICS, nil)
		metrics.AddChild(nl.NewRtAttr(unix.RTAX_MTU, nl.Uint32Attr(in.mtu)))
		metrics.AddChild(nl.NewRtAttr(unix.RTAX_ADVMSS, nl.Uint32Attr(in.advMSS)))
		metrics.AddChild(nl.NewRtAttr(unix.RTAX_INITCWND, nl.Uint32Attr(in.initCwnd)))
		req.AddData(msg)
		for _, a := range append(attrs, metrics) {
			req.AddData(a)
		}
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(in.oif)))
		return req.Serialize()
	})
	vishvananda.Diff = "order, nested"
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWROUTE, create)
			b = append(b, rtattr.AF_INET, uint8(in.dst.Bits()), 0, 0, 0, in.protocol, in.scope, in.rtype, 0, 0, 0, 0)
			b = handAddr4(b, rtattr.RTA_DST, in.dst.Addr())
			b = handAddr4(b, rtattr.RTA_GATEWAY, in.gateway)
			b = handUint32(b, rtattr.RTA_TABLE, in.table)
			b = handUint32(b, rtattr.RTA_PRIORITY, in.priority)
			b = handAddr4(b, rtattr.RTA_PREFSRC, in.prefSrc)
			b = handUint32(b, rtattr.RTA_OIF, in.oif)
			metrics := len(b)
			b = handNest(b, rtattr.RTA_METRICS|rtattr.NLA_F_NESTED)
			b = handUint32(b, rtattr.RTAX_MTU, in.mtu)
			b = handUint32(b, rtattr.RTAX_ADVMSS, in.advMSS)
			b = handUint32(b, rtattr.RTAX_INITCWND, in.initCwnd)
			handEnd(b, metrics)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			return attributes(rtattr.RTM_NEWROUTE, create, rtmsg(rtattr.AF_INET, in.dst, 0), func(ae *mdlayher.AttributeEncoder) {
				ae.Bytes(rtattr.RTA_DST, dst)
				ae.Bytes(rtattr.RTA_GATEWAY, gateway)
				ae.Uint32(rtattr.RTA_TABLE, in.table)
				ae.Uint32(rtattr.RTA_PRIORITY, in.priority)
				ae.Bytes(rtattr.RTA_PREFSRC, prefSrc)
				ae.Uint32(rtattr.RTA_OIF, in.oif)
				ae.Nested(rtattr.RTA_METRICS, func(ae *mdlayher.AttributeEncoder) error {
					ae.Uint32(rtattr.RTAX_MTU, in.mtu)
					ae.Uint32(rtattr.RTAX_ADVMSS, in.advMSS)
					ae.Uint32(rtattr.RTAX_INITCWND, in.initCwnd)
					return nil
				})
			})
		}),
		rtnl,
		vishvananda,
		memcpy(nlwire),
	}
}

var route6In = struct {
	dst      netip.Prefix
	priority uint32
	hops     [4]struct {
		gateway netip.Addr
		ifIndex int32
		weight  uint8
	}
}{dst: netip.MustParsePrefix("2001:db8:1::/48"), priority: 1024}

func init() {
	a := netip.MustParseAddr("2001:db8::1")
	for i := range route6In.hops {
		a = a.Next()
		h := &route6In.hops[i]
		h.gateway, h.ifIndex, h.weight = a, 3, uint8(i)
	}
}

func encodeRoute6() []Contestant {
	in := &route6In
	dst := stdIP(in.dst.Addr())
	var gateways [4]net.IP
	for i := range in.hops {
		gateways[i] = stdIP(in.hops[i].gateway)
	}

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create, rtattr.RtMsg{
			Family: rtattr.AF_INET6, DstLen: uint8(in.dst.Bits()), Table: uint8(rtattr.RT_TABLE_MAIN),
			Protocol: rtattr.RTPROT_BOOT, Type: rtattr.RTN_UNICAST,
		})
		w.Dst(in.dst.Addr())
		w.Priority(in.priority)
		m := w.Multipath()
		for i := range in.hops {
			h := &in.hops[i]
			n := m.Elem(rtattr.RtNexthop{IfIndex: h.ifIndex, Hops: h.weight})
			n.Gateway(h.gateway)
			n.End()
		}
		m.End()
		w.End()
	})
	rtnl := peer("rtnetlink", func() []byte {
		hops := make([]rtnetlink.NextHop, len(in.hops))
		for i := range in.hops {
			h := &in.hops[i]
			hops[i] = rtnetlink.NextHop{Hop: rtnetlink.RTNextHop{IfIndex: uint32(h.ifIndex), Hops: h.weight}, Gateway: gateways[i]}
		}
		return rtnetlinkMessage(rtattr.RTM_NEWROUTE, create, &rtnetlink.RouteMessage{
			Family: rtattr.AF_INET6, DstLength: uint8(in.dst.Bits()), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT, Type: unix.RTN_UNICAST,
			Attributes: rtnetlink.RouteAttributes{Dst: dst, Priority: in.priority, Multipath: hops},
		})
	})
	vishvananda := peer("vishvananda", func() []byte { // what prepareRouteReq does
		req := vishRequest(rtattr.RTM_NEWROUTE, create)
		msg := nl.NewRtMsg()
		msg.Family, msg.Dst_len = rtattr.AF_INET6, uint8(in.dst.Bits())
		attrs := []*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, dst.To16())}
		var buf []byte
		for i := range in.hops {
			h := &in.hops[i]
			nh := &nl.RtNexthop{RtNexthop: unix.RtNexthop{Hops: h.weight, Ifindex: h.ifIndex}}
			nh.Children = []nl.NetlinkRequestData{nl.NewRtAttr(unix.RTA_GATEWAY, gateways[i].To16())}
			buf = append(buf, nh.Serialize()...)
		}
		attrs = append(attrs, nl.NewRtAttr(unix.RTA_MULTIPATH, buf), nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(in.priority)))
		req.AddData(msg)
		for _, a := range attrs {
			req.AddData(a)
		}
		return req.Serialize()
	})
	vishvananda.Diff = "order"
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWROUTE, create)
			b = append(b, rtattr.AF_INET6, uint8(in.dst.Bits()), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, 0, unix.RTN_UNICAST, 0, 0, 0, 0)
			b = handAddr6(b, rtattr.RTA_DST, in.dst.Addr())
			b = handUint32(b, rtattr.RTA_PRIORITY, in.priority)
			multipath := len(b)
			b = handNest(b, rtattr.RTA_MULTIPATH)
			for i := range in.hops {
				h := &in.hops[i]
				hop := len(b)
				b = append(b, 0, 0, 0, h.weight)
				b = native.AppendUint32(b, uint32(h.ifIndex))
				b = handAddr6(b, rtattr.RTA_GATEWAY, h.gateway)
				handEnd(b, hop)
			}
			handEnd(b, multipath)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			return attributes(rtattr.RTM_NEWROUTE, create, rtmsg(rtattr.AF_INET6, in.dst, unix.RT_TABLE_MAIN), func(ae *mdlayher.AttributeEncoder) {
				ae.Bytes(rtattr.RTA_DST, dst)
				ae.Uint32(rtattr.RTA_PRIORITY, in.priority)
				ae.Do(rtattr.RTA_MULTIPATH, func() ([]byte, error) {
					var b []byte
					for i := range in.hops {
						h := &in.hops[i]
						nae := mdlayher.NewAttributeEncoder()
						nae.Bytes(rtattr.RTA_GATEWAY, gateways[i])
						attrs, err := nae.Encode()
						check(err)
						b = native.AppendUint16(b, uint16(unix.SizeofRtNexthop+len(attrs)))
						b = append(b, 0, h.weight)
						b = native.AppendUint32(b, uint32(h.ifIndex))
						b = append(b, attrs...)
					}
					return b, nil
				})
			})
		}),
		rtnl,
		vishvananda,
		memcpy(nlwire),
	}
}

// encodeRoutes puts 1000 routes, as for one sendmsg.
func encodeRoutes() []Contestant {
	var dsts [1000]netip.Addr
	var ips [1000]net.IP
	for i := range dsts {
		dsts[i] = netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		ips[i] = stdIP(dsts[i])
	}
	in := &route4In
	gateway := stdIP(in.gateway)

	nlwire := ours(func(e *rtattr.Encoder) {
		for i := range dsts {
			w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create, rtattr.RtMsg{
				Family: rtattr.AF_INET, DstLen: 24, Table: uint8(rtattr.RT_TABLE_MAIN), Protocol: rtattr.RTPROT_BOOT, Type: rtattr.RTN_UNICAST,
			})
			w.Dst(dsts[i])
			w.Gateway(in.gateway)
			w.OIF(in.oif)
			w.End()
		}
	})
	buf := make([]byte, 0, bufSize)
	each := func(name string, one func(dst net.IP) []byte) Contestant {
		return peer(name, func() []byte {
			b := buf
			for _, ip := range ips {
				b = append(b, one(ip)...)
			}
			return b
		})
	}
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			for i := range dsts {
				at := len(b)
				b = handMsg(b, rtattr.RTM_NEWROUTE, create)
				b = append(b, rtattr.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, 0, unix.RTN_UNICAST, 0, 0, 0, 0)
				b = handAddr4(b, rtattr.RTA_DST, dsts[i])
				b = handAddr4(b, rtattr.RTA_GATEWAY, in.gateway)
				b = handUint32(b, rtattr.RTA_OIF, in.oif)
				handMsgEnd(b, at)
			}
			return b
		}),
		each("mdlayher", func(dst net.IP) []byte {
			h := rtmsg(rtattr.AF_INET, netip.PrefixFrom(dsts[0], 24), unix.RT_TABLE_MAIN)
			return attributes(rtattr.RTM_NEWROUTE, create, h, func(ae *mdlayher.AttributeEncoder) {
				ae.Bytes(rtattr.RTA_DST, dst)
				ae.Bytes(rtattr.RTA_GATEWAY, gateway)
				ae.Uint32(rtattr.RTA_OIF, in.oif)
			})
		}),
		each("rtnetlink", func(dst net.IP) []byte {
			return rtnetlinkMessage(rtattr.RTM_NEWROUTE, create, &rtnetlink.RouteMessage{
				Family: rtattr.AF_INET, DstLength: 24, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT, Type: unix.RTN_UNICAST,
				Attributes: rtnetlink.RouteAttributes{Dst: dst, Gateway: gateway, OutIface: in.oif},
			})
		}),
		each("vishvananda", func(dst net.IP) []byte {
			req := vishRequest(rtattr.RTM_NEWROUTE, create)
			msg := nl.NewRtMsg()
			msg.Family, msg.Dst_len = rtattr.AF_INET, 24
			req.AddData(msg)
			req.AddData(nl.NewRtAttr(unix.RTA_DST, dst.To4()))
			req.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, gateway.To4()))
			req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(in.oif)))
			return req.Serialize()
		}),
		memcpy(nlwire),
	}
}

// A route4Read is what the contestants of the row have to read.
type route4Read struct {
	dstLen                uint8
	dst, gateway, prefSrc netip.Addr
	oif, table, priority  uint32
	mtu, advMSS, initCwnd uint32
}

func (v *route4Read) same() any { return *v }

func decodeRoute4() []Contestant {
	msg := reply("route").Payload()
	return []Contestant{
		read("nlwire", new(route4Read), func(v *route4Read) {
			var view rtattr.RouteView
			check(view.Parse(msg))
			v.dstLen = view.Header.DstLen
			v.dst, _ = view.Dst()
			v.gateway, _ = view.Gateway()
			v.prefSrc, _ = view.PrefSrc()
			v.oif, _ = view.OIF()
			table, _ := view.Table()
			v.table = uint32(table)
			v.priority, _ = view.Priority()
			m, err := view.Metrics()
			check(err)
			v.mtu, _ = m.MTU()
			v.advMSS, _ = m.AdvMSS()
			v.initCwnd, _ = m.InitCwnd()
		}, (*route4Read).same),
		read("hand", new(route4Read), func(v *route4Read) {
			var at [rtattr.RTA_FLOWLABEL + 1]uint32
			b := msg[12:]
			if !handIndex(b, at[:]) {
				panic("framing")
			}
			v.dstLen = msg[1]
			v.dst = handGetAddr(b, at[rtattr.RTA_DST])
			v.gateway = handGetAddr(b, at[rtattr.RTA_GATEWAY])
			v.prefSrc = handGetAddr(b, at[rtattr.RTA_PREFSRC])
			v.oif = handGet32(b, at[rtattr.RTA_OIF])
			v.table = handGet32(b, at[rtattr.RTA_TABLE])
			v.priority = handGet32(b, at[rtattr.RTA_PRIORITY])
			m := handPayload(b, at[rtattr.RTA_METRICS], -1)
			var metrics [rtattr.RTAX_FASTOPEN_NO_COOKIE + 1]uint32
			if !handIndex(m, metrics[:]) {
				panic("framing")
			}
			v.mtu = handGet32(m, metrics[rtattr.RTAX_MTU])
			v.advMSS = handGet32(m, metrics[rtattr.RTAX_ADVMSS])
			v.initCwnd = handGet32(m, metrics[rtattr.RTAX_INITCWND])
		}, (*route4Read).same),
		read("mdlayher", new(route4Read), func(v *route4Read) {
			v.dstLen = msg[1]
			ad, err := mdlayher.NewAttributeDecoder(msg[12:])
			check(err)
			for ad.Next() {
				switch ad.Type() {
				case rtattr.RTA_DST:
					v.dst = fromIP(ad.Bytes())
				case rtattr.RTA_GATEWAY:
					v.gateway = fromIP(ad.Bytes())
				case rtattr.RTA_PREFSRC:
					v.prefSrc = fromIP(ad.Bytes())
				case rtattr.RTA_OIF:
					v.oif = ad.Uint32()
				case rtattr.RTA_TABLE:
					v.table = ad.Uint32()
				case rtattr.RTA_PRIORITY:
					v.priority = ad.Uint32()
				case rtattr.RTA_METRICS:
					ad.Nested(func(ad *mdlayher.AttributeDecoder) error {
						for ad.Next() {
							switch ad.Type() {
							case rtattr.RTAX_MTU:
								v.mtu = ad.Uint32()
							case rtattr.RTAX_ADVMSS:
								v.advMSS = ad.Uint32()
							case rtattr.RTAX_INITCWND:
								v.initCwnd = ad.Uint32()
							}
						}
						return nil
					})
				}
			}
			check(ad.Err())
		}, (*route4Read).same),
		read("rtnetlink", new(rtnetlink.RouteMessage), func(m *rtnetlink.RouteMessage) {
			*m = rtnetlink.RouteMessage{}
			check(m.UnmarshalBinary(msg))
		}, func(m *rtnetlink.RouteMessage) any {
			a := &m.Attributes
			return route4Read{m.DstLength, fromIP(a.Dst), fromIP(a.Gateway), fromIP(a.Src), a.OutIface, a.Table, a.Priority, a.Metrics.MTU, a.Metrics.AdvMSS, a.Metrics.InitCwnd}
		}),
		read("vishvananda", new(vish.Route), func(r *vish.Route) {
			var err error
			*r, err = vishDeserializeRoute(msg)
			check(err)
		}, func(r *vish.Route) any {
			bits, _ := r.Dst.Mask.Size()
			return route4Read{uint8(bits), fromIP(r.Dst.IP), fromIP(r.Gw), fromIP(r.Src), uint32(r.LinkIndex), uint32(r.Table), uint32(r.Priority), uint32(r.MTU), uint32(r.AdvMSS), uint32(r.InitCwnd)}
		}),
	}
}

// A hopRead is a nexthop of a route6Read.
type hopRead struct {
	ifIndex int32
	hops    uint8
	gateway netip.Addr
}

// A route6Read is what the contestants of the row have to read.
type route6Read struct {
	dstLen          uint8
	dst             netip.Addr
	table, priority uint32
	n               int
	hops            [4]hopRead
}

func (v *route6Read) same() any { return *v }

func decodeRoute6() []Contestant {
	msg := reply("route6").Payload()
	return []Contestant{
		read("nlwire", new(route6Read), func(v *route6Read) {
			var view rtattr.RouteView
			check(view.Parse(msg))
			v.dstLen = view.Header.DstLen
			v.dst, _ = view.Dst()
			table, _ := view.Table()
			v.table = uint32(table)
			v.priority, _ = view.Priority()
			v.n = 0
			var hop rtattr.RouteView
			for h, attrs := range view.Multipath() {
				check(hop.ParseAttrs(attrs))
				gateway, _ := hop.Gateway()
				v.hops[v.n] = hopRead{h.IfIndex, h.Hops, gateway}
				v.n++
			}
		}, (*route6Read).same),
		read("hand", new(route6Read), func(v *route6Read) {
			var at, hop [rtattr.RTA_FLOWLABEL + 1]uint32
			b := msg[12:]
			if !handIndex(b, at[:]) {
				panic("framing")
			}
			v.dstLen = msg[1]
			v.dst = handGetAddr(b, at[rtattr.RTA_DST])
			v.table = handGet32(b, at[rtattr.RTA_TABLE])
			v.priority = handGet32(b, at[rtattr.RTA_PRIORITY])
			v.n = 0
			for m := handPayload(b, at[rtattr.RTA_MULTIPATH], -1); len(m) >= 8; {
				n := int(native.Uint16(m))
				if n < 8 || n > len(m) {
					panic("framing")
				}
				clear(hop[:])
				if !handIndex(m[8:n], hop[:]) {
					panic("framing")
				}
				v.hops[v.n] = hopRead{int32(native.Uint32(m[4:])), m[3], handGetAddr(m[8:n], hop[rtattr.RTA_GATEWAY])}
				v.n++
				m = m[min((n+3)&^3, len(m)):]
			}
		}, (*route6Read).same),
		read("mdlayher", new(route6Read), func(v *route6Read) {
			v.dstLen = msg[1]
			ad, err := mdlayher.NewAttributeDecoder(msg[12:])
			check(err)
			for ad.Next() {
				switch ad.Type() {
				case rtattr.RTA_DST:
					v.dst = fromIP(ad.Bytes())
				case rtattr.RTA_TABLE:
					v.table = ad.Uint32()
				case rtattr.RTA_PRIORITY:
					v.priority = ad.Uint32()
				case rtattr.RTA_MULTIPATH:
					v.n = 0
					for m := ad.Bytes(); len(m) >= 8; v.n++ {
						n := int(native.Uint16(m))
						nad, err := mdlayher.NewAttributeDecoder(m[8:n])
						check(err)
						h := &v.hops[v.n]
						h.ifIndex, h.hops = int32(native.Uint32(m[4:])), m[3]
						for nad.Next() {
							if nad.Type() == rtattr.RTA_GATEWAY {
								h.gateway = fromIP(nad.Bytes())
							}
						}
						check(nad.Err())
						m = m[min((n+3)&^3, len(m)):]
					}
				}
			}
			check(ad.Err())
		}, (*route6Read).same),
		read("rtnetlink", new(rtnetlink.RouteMessage), func(m *rtnetlink.RouteMessage) {
			*m = rtnetlink.RouteMessage{}
			check(m.UnmarshalBinary(msg))
		}, func(m *rtnetlink.RouteMessage) any {
			a := &m.Attributes
			v := route6Read{dstLen: m.DstLength, dst: fromIP(a.Dst), table: a.Table, priority: a.Priority, n: len(a.Multipath)}
			for i, h := range a.Multipath {
				v.hops[i] = hopRead{int32(h.Hop.IfIndex), h.Hop.Hops, fromIP(h.Gateway)}
			}
			return v
		}),
		read("vishvananda", new(vish.Route), func(r *vish.Route) {
			var err error
			*r, err = vishDeserializeRoute(msg)
			check(err)
		}, func(r *vish.Route) any {
			bits, _ := r.Dst.Mask.Size()
			v := route6Read{dstLen: uint8(bits), dst: fromIP(r.Dst.IP), table: uint32(r.Table), priority: uint32(r.Priority), n: len(r.MultiPath)}
			for i, h := range r.MultiPath {
				v.hops[i] = hopRead{int32(h.LinkIndex), uint8(h.Hops), fromIP(h.Gw)}
			}
			return v
		}),
	}
}
