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

var neighIn = struct {
	index  int32
	dst    netip.Addr
	lladdr net.HardwareAddr
}{3, netip.MustParseAddr("10.66.66.2"), net.HardwareAddr{2, 0, 0, 0, 0, 2}}

func encodeNeigh() []Contestant {
	in := &neighIn
	dst := stdIP(in.dst)

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendNeigh(e, rtattr.RTM_NEWNEIGH, create, rtattr.NdMsg{
			Family: rtattr.AF_INET, IfIndex: in.index, State: rtattr.NUD_PERMANENT, Type: rtattr.RTN_UNICAST,
		})
		w.Dst(in.dst)
		w.LLAddr(in.lladdr)
		w.End()
	})
	rtnl := peer("rtnetlink", func() []byte {
		return rtnetlinkMessage(rtattr.RTM_NEWNEIGH, create, &rtnetlink.NeighMessage{
			Family: rtattr.AF_INET, Index: uint32(in.index), State: unix.NUD_PERMANENT, Type: unix.RTN_UNICAST,
			Attributes: &rtnetlink.NeighAttributes{Address: dst, LLAddress: in.lladdr, IfIndex: uint32(in.index)},
		})
	})
	rtnl.Adds = []uint16{0, rtattr.NDA_IFINDEX}
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWNEIGH, create)
			b = append(b, rtattr.AF_INET, 0, 0, 0)
			b = native.AppendUint32(b, uint32(in.index))
			b = native.AppendUint16(b, unix.NUD_PERMANENT)
			b = append(b, 0, unix.RTN_UNICAST)
			b = handAddr4(b, rtattr.NDA_DST, in.dst)
			b = handBytes(b, rtattr.NDA_LLADDR, in.lladdr)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			h := make([]byte, unix.SizeofNdMsg)
			h[0], h[11] = rtattr.AF_INET, unix.RTN_UNICAST
			native.PutUint32(h[4:], uint32(in.index))
			native.PutUint16(h[8:], unix.NUD_PERMANENT)
			return attributes(rtattr.RTM_NEWNEIGH, create, h, func(ae *mdlayher.AttributeEncoder) {
				ae.Bytes(rtattr.NDA_DST, dst)
				ae.Bytes(rtattr.NDA_LLADDR, in.lladdr)
			})
		}),
		rtnl,
		peer("vishvananda", func() []byte { // what neighHandle does
			req := vishRequest(rtattr.RTM_NEWNEIGH, create)
			req.AddData(&vish.Ndmsg{Family: rtattr.AF_INET, Index: uint32(in.index), State: unix.NUD_PERMANENT, Type: unix.RTN_UNICAST})
			req.AddData(nl.NewRtAttr(vish.NDA_DST, dst.To4()))
			req.AddData(nl.NewRtAttr(vish.NDA_LLADDR, []byte(in.lladdr)))
			return req.Serialize()
		}),
		memcpy(nlwire),
	}
}

type neighOut struct {
	index           uint32
	state           uint16
	dst             netip.Addr
	lladdr          []byte
	confirmed, used uint32
}

// A neighRead is what the contestants of the row have to read.
type neighRead struct {
	index           uint32
	state           uint16
	dst             netip.Addr
	lladdr          string
	confirmed, used uint32
}

func (v *neighOut) same() any {
	return neighRead{v.index, v.state, v.dst, string(v.lladdr), v.confirmed, v.used}
}

func decodeNeigh() []Contestant {
	msg := reply("neigh").Payload()
	return []Contestant{
		read("nlwire", new(neighOut), func(v *neighOut) {
			var view rtattr.NeighView
			check(view.Parse(msg))
			v.index, v.state = uint32(view.Header.IfIndex), uint16(view.Header.State)
			v.dst, _ = view.Dst()
			v.lladdr, _ = view.LLAddr()
			ci, _ := view.CacheInfo()
			v.confirmed, v.used = ci.Confirmed, ci.Used
		}, (*neighOut).same),
		read("hand", new(neighOut), func(v *neighOut) {
			var at [rtattr.NDA_NDM_FLAGS_MASK + 1]uint32
			b := msg[12:]
			if !handIndex(b, at[:]) {
				panic("framing")
			}
			v.index, v.state = native.Uint32(msg[4:]), native.Uint16(msg[8:])
			v.dst = handGetAddr(b, at[rtattr.NDA_DST])
			v.lladdr = handPayload(b, at[rtattr.NDA_LLADDR], -1)
			if p := handPayload(b, at[rtattr.NDA_CACHEINFO], 16); p != nil {
				v.confirmed, v.used = native.Uint32(p), native.Uint32(p[4:])
			}
		}, (*neighOut).same),
		read("mdlayher", new(neighOut), func(v *neighOut) {
			v.index, v.state = native.Uint32(msg[4:]), native.Uint16(msg[8:])
			ad, err := mdlayher.NewAttributeDecoder(msg[12:])
			check(err)
			for ad.Next() {
				switch ad.Type() {
				case rtattr.NDA_DST:
					v.dst = fromIP(ad.Bytes())
				case rtattr.NDA_LLADDR:
					v.lladdr = ad.Bytes()
				case rtattr.NDA_CACHEINFO:
					b := ad.Bytes()
					v.confirmed, v.used = native.Uint32(b), native.Uint32(b[4:])
				}
			}
			check(ad.Err())
		}, (*neighOut).same),
		read("rtnetlink", new(rtnetlink.NeighMessage), func(m *rtnetlink.NeighMessage) {
			*m = rtnetlink.NeighMessage{}
			check(m.UnmarshalBinary(msg))
		}, func(m *rtnetlink.NeighMessage) any {
			a := m.Attributes
			return neighRead{m.Index, m.State, fromIP(a.Address), string(a.LLAddress), a.CacheInfo.Confirmed, a.CacheInfo.Used}
		}),
		read("vishvananda", new(*vish.Neigh), func(n **vish.Neigh) {
			var err error
			*n, err = vish.NeighDeserialize(msg)
			check(err)
		}, func(n **vish.Neigh) any {
			v := *n
			return neighRead{uint32(v.LinkIndex), uint16(v.State), fromIP(v.IP), string(v.HardwareAddr), v.Confirmed, v.Used}
		}),
	}
}
