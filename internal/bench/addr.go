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

var addrIn = struct {
	index                  uint32
	local, peer, broadcast netip.Addr
	label                  string
	preferred, valid       uint32
}{3, netip.MustParseAddr("10.66.66.1"), netip.MustParseAddr("10.66.66.2"), netip.MustParseAddr("10.66.66.3"), "tun0:vpn", 1800, 3600}

func encodeAddr() []Contestant {
	in := &addrIn
	local, remote, broadcast := stdIP(in.local), stdIP(in.peer), stdIP(in.broadcast)

	nlwire := ours(func(e *rtattr.Encoder) {
		w := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, create, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Index: in.index})
		w.Local(in.local)
		w.Address(in.peer)
		w.Broadcast(in.broadcast)
		w.Label(in.label)
		w.CacheInfo(rtattr.AddrCacheInfo{Preferred: in.preferred, Valid: in.valid})
		w.End()
	})
	return []Contestant{
		nlwire,
		hand(func(b []byte) []byte {
			b = handMsg(b, rtattr.RTM_NEWADDR, create)
			b = append(b, rtattr.AF_INET, 32, 0, 0)
			b = native.AppendUint32(b, in.index)
			b = handAddr4(b, rtattr.IFA_LOCAL, in.local)
			b = handAddr4(b, rtattr.IFA_ADDRESS, in.peer)
			b = handAddr4(b, rtattr.IFA_BROADCAST, in.broadcast)
			b = handString(b, rtattr.IFA_LABEL, in.label)
			b = native.AppendUint16(b, 20)
			b = native.AppendUint16(b, rtattr.IFA_CACHEINFO)
			b = native.AppendUint32(b, in.preferred)
			b = native.AppendUint32(b, in.valid)
			b = native.AppendUint64(b, 0)
			handMsgEnd(b, 0)
			return b
		}),
		peer("mdlayher", func() []byte {
			h := make([]byte, unix.SizeofIfAddrmsg)
			h[0], h[1] = rtattr.AF_INET, 32
			native.PutUint32(h[4:], in.index)
			return attributes(rtattr.RTM_NEWADDR, create, h, func(ae *mdlayher.AttributeEncoder) {
				ae.Bytes(rtattr.IFA_LOCAL, local)
				ae.Bytes(rtattr.IFA_ADDRESS, remote)
				ae.Bytes(rtattr.IFA_BROADCAST, broadcast)
				ae.String(rtattr.IFA_LABEL, in.label)
				c := make([]byte, unix.SizeofIfaCacheinfo)
				native.PutUint32(c, in.preferred)
				native.PutUint32(c[4:], in.valid)
				ae.Bytes(rtattr.IFA_CACHEINFO, c)
			})
		}),
		func() Contestant {
			c := peer("rtnetlink", func() []byte {
				return rtnetlinkMessage(rtattr.RTM_NEWADDR, create, &rtnetlink.AddressMessage{
					Family: rtattr.AF_INET, PrefixLength: 32, Index: in.index,
					Attributes: &rtnetlink.AddressAttributes{Local: local, Address: remote, Broadcast: broadcast, Label: in.label},
				})
			})
			c.Adds, c.Lacks, c.Diff = []uint16{0, rtattr.IFA_FLAGS}, []uint16{rtattr.IFA_CACHEINFO}, "order"
			return c
		}(),
		peer("vishvananda", func() []byte { // what addrHandle does
			req := vishRequest(rtattr.RTM_NEWADDR, create)
			msg := nl.NewIfAddrmsg(nl.GetIPFamily(local))
			msg.Index = in.index
			msg.Prefixlen = 32
			req.AddData(msg)
			req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, local.To4()))
			req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, remote.To4()))
			req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, broadcast))
			req.AddData(nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(in.label)))
			ci := nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Valid: in.valid, Prefered: in.preferred}}
			req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, ci.Serialize()))
			return req.Serialize()
		}),
		memcpy(nlwire),
	}
}

type addrOut struct {
	index                  uint32
	local, peer, broadcast netip.Addr
	label                  []byte
	preferred, valid       uint32
}

// An addrRead is what the contestants of the row have to read.
type addrRead struct {
	index                  uint32
	local, peer, broadcast netip.Addr
	label                  string
	preferred, valid       uint32
}

func (v *addrOut) same() any {
	return addrRead{v.index, v.local, v.peer, v.broadcast, string(v.label), v.preferred, v.valid}
}

func decodeAddr() []Contestant {
	msg := reply("addr").Payload()
	return []Contestant{
		read("nlwire", new(addrOut), func(v *addrOut) {
			var view rtattr.AddrView
			check(view.Parse(msg))
			v.index = view.Header.Index
			v.local, _ = view.Local()
			v.peer, _ = view.Address()
			v.broadcast, _ = view.Broadcast()
			v.label, _ = view.Label()
			ci, _ := view.CacheInfo()
			v.preferred, v.valid = ci.Preferred, ci.Valid
		}, (*addrOut).same),
		read("hand", new(addrOut), func(v *addrOut) {
			var at [rtattr.IFA_PROTO + 1]uint32
			b := msg[8:]
			if !handIndex(b, at[:]) {
				panic("framing")
			}
			v.index = native.Uint32(msg[4:])
			v.local = handGetAddr(b, at[rtattr.IFA_LOCAL])
			v.peer = handGetAddr(b, at[rtattr.IFA_ADDRESS])
			v.broadcast = handGetAddr(b, at[rtattr.IFA_BROADCAST])
			v.label = handGetString(b, at[rtattr.IFA_LABEL])
			if p := handPayload(b, at[rtattr.IFA_CACHEINFO], 16); p != nil {
				v.preferred, v.valid = native.Uint32(p), native.Uint32(p[4:])
			}
		}, (*addrOut).same),
		read("mdlayher", new(addrRead), func(v *addrRead) {
			v.index = native.Uint32(msg[4:])
			ad, err := mdlayher.NewAttributeDecoder(msg[8:])
			check(err)
			ip := func(a *netip.Addr) func([]byte) error {
				return func(b []byte) error {
					*a, _ = netip.AddrFromSlice(b)
					return nil
				}
			}
			for ad.Next() {
				switch ad.Type() {
				case rtattr.IFA_LOCAL:
					ad.Do(ip(&v.local))
				case rtattr.IFA_ADDRESS:
					ad.Do(ip(&v.peer))
				case rtattr.IFA_BROADCAST:
					ad.Do(ip(&v.broadcast))
				case rtattr.IFA_LABEL:
					v.label = ad.String()
				case rtattr.IFA_CACHEINFO:
					b := ad.Bytes()
					v.preferred, v.valid = native.Uint32(b), native.Uint32(b[4:])
				}
			}
			check(ad.Err())
		}, func(v *addrRead) any { return *v }),
		read("rtnetlink", new(rtnetlink.AddressMessage), func(m *rtnetlink.AddressMessage) {
			*m = rtnetlink.AddressMessage{}
			check(m.UnmarshalBinary(msg))
		}, func(m *rtnetlink.AddressMessage) any {
			a := m.Attributes
			return addrRead{m.Index, fromIP(a.Local), fromIP(a.Address), fromIP(a.Broadcast), a.Label, a.CacheInfo.Preferred, a.CacheInfo.Valid}
		}),
		read("vishvananda", new(vish.Addr), func(v *vish.Addr) {
			var err error
			*v, _, err = vishParseAddr(msg)
			check(err)
		}, func(v *vish.Addr) any {
			return addrRead{uint32(v.LinkIndex), netFrom(v.IPNet), netFrom(v.Peer), fromIP(v.Broadcast), v.Label, uint32(v.PreferedLft), uint32(v.ValidLft)}
		}),
	}
}

func netFrom(n *net.IPNet) netip.Addr {
	if n == nil {
		return netip.Addr{}
	}
	return fromIP(n.IP)
}
