package fuzz

import (
	"encoding"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/nlwire/nlwire/rtattr"
)

// Messages that say everything that rtattr and rtnetlink can both say.

var (
	local = netip.MustParseAddr("10.66.66.1")
	peer  = netip.MustParseAddr("10.66.66.2")
	ula   = netip.MustParseAddr("fd00::1")
	mac   = net.HardwareAddr{2, 0, 0, 0, 0, 1}
)

var interop = []struct {
	name  string
	put   func(*rtattr.Encoder)
	want  encoding.BinaryMarshaler
	empty func() encoding.BinaryUnmarshaler
	read  func([]byte) (any, bool)
}{
	{
		name: "address",
		put: func(e *rtattr.Encoder) {
			w := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, 0, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Scope: rtattr.RT_SCOPE_LINK, Index: 3})
			w.Local(local)
			w.Address(peer)
			w.Label("tun0:vpn")
			w.Broadcast(netip.MustParseAddr("10.66.66.3"))
			w.Flags(rtattr.IFA_F_NODAD | rtattr.IFA_F_NOPREFIXROUTE)
			w.End()
		},
		want: &rtnetlink.AddressMessage{
			Family: rtattr.AF_INET, PrefixLength: 32, Scope: 253, Index: 3,
			Attributes: &rtnetlink.AddressAttributes{
				Local: net.IP{10, 66, 66, 1}, Address: net.IP{10, 66, 66, 2}, Label: "tun0:vpn", Broadcast: net.IP{10, 66, 66, 3},
				Flags: 0x202,
			},
		},
		empty: func() encoding.BinaryUnmarshaler { return new(rtnetlink.AddressMessage) },
		read:  func(b []byte) (any, bool) { return addrMessage(b) },
	},
	{
		name: "link",
		put: func(e *rtattr.Encoder) {
			w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Type: 1, Index: 5, Flags: rtattr.IFF_UP, Change: rtattr.IFF_UP})
			w.IfName("veth0")
			w.Link(4)
			w.Qdisc("noqueue")
			w.MTU(1400)
			w.Address(mac)
			w.Broadcast([]byte{255, 255, 255, 255, 255, 255})
			w.OperState(rtattr.IF_OPER_UP)
			info := w.LinkInfo()
			info.Kind("ipip")
			info.Bytes(rtattr.IFLA_INFO_DATA, []byte{8, 0, 1, 0, 4, 0, 0, 0})
			info.End()
			w.Master(7)
			w.End()
		},
		want: &rtnetlink.LinkMessage{
			Type: 1, Index: 5, Flags: 1, Change: 1,
			Attributes: &rtnetlink.LinkAttributes{
				Name: "veth0", Type: 4, QueueDisc: "noqueue", MTU: 1400, Address: mac, Broadcast: net.HardwareAddr{255, 255, 255, 255, 255, 255},
				OperationalState: rtnetlink.OperStateUp, Master: ptr(uint32(7), true),
				Info: &rtnetlink.LinkInfo{Kind: "ipip", Data: &rtnetlink.LinkData{Name: "ipip", Data: []byte{8, 0, 1, 0, 4, 0, 0, 0}}},
			},
		},
		empty: func() encoding.BinaryUnmarshaler { return new(rtnetlink.LinkMessage) },
		read:  func(b []byte) (any, bool) { return linkMessage(b) },
	},
	{
		name: "neigh",
		put: func(e *rtattr.Encoder) {
			w := rtattr.AppendNeigh(e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: rtattr.AF_INET6, IfIndex: 3, State: rtattr.NUD_PERMANENT, Flags: rtattr.NTF_ROUTER, Type: rtattr.RTN_UNICAST})
			w.Dst(ula)
			w.LLAddr(mac)
			w.IfIndex(4)
			w.End()
		},
		want: &rtnetlink.NeighMessage{
			Family: rtattr.AF_INET6, Index: 3, State: 0x80, Flags: 0x80, Type: 1,
			Attributes: &rtnetlink.NeighAttributes{Address: ula.AsSlice(), LLAddress: mac, IfIndex: 4},
		},
		empty: func() encoding.BinaryUnmarshaler { return new(rtnetlink.NeighMessage) },
		read:  func(b []byte) (any, bool) { return neighMessage(b) },
	},
	{
		name: "route",
		put: func(e *rtattr.Encoder) {
			w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, 0, rtattr.RtMsg{
				Family: rtattr.AF_INET6, DstLen: 48, TOS: 4, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_UNICAST, Flags: rtattr.RTM_F_NOTIFY,
			})
			w.Dst(netip.MustParseAddr("2001:db8:1::"))
			w.PrefSrc(ula)
			w.Gateway(ula.Next())
			w.OIF(3)
			w.Priority(100)
			w.Table(1000)
			w.Mark(9)
			w.Pref(rtattr.ICMPV6_ROUTER_PREF_LOW)
			w.Expires(600)
			n := w.Metrics()
			n.AdvMSS(1360)
			n.Features(rtattr.RTAX_FEATURE_ECN)
			n.InitCwnd(10)
			n.InitRwnd(20)
			n.MTU(1400)
			n.End()
			m := w.Multipath()
			for i := range 2 {
				h := m.Elem(rtattr.RtNexthop{Flags: rtattr.RTNH_F_ONLINK, Hops: uint8(i), IfIndex: int32(3 + i)})
				h.Gateway(ula)
				h.End()
			}
			m.End()
			w.End()
		},
		want: &rtnetlink.RouteMessage{
			Family: rtattr.AF_INET6, DstLength: 48, Tos: 4, Table: 254, Protocol: 4, Type: 1, Flags: 0x100,
			Attributes: rtnetlink.RouteAttributes{
				Dst: netip.MustParseAddr("2001:db8:1::").AsSlice(), Src: ula.AsSlice(), Gateway: ula.Next().AsSlice(),
				OutIface: 3, Priority: 100, Table: 1000, Mark: 9, Pref: ptr(uint8(3), true), Expires: ptr(uint32(600), true),
				Metrics: &rtnetlink.RouteMetrics{AdvMSS: 1360, Features: 1, InitCwnd: 10, InitRwnd: 20, MTU: 1400},
				Multipath: []rtnetlink.NextHop{
					{Hop: rtnetlink.RTNextHop{Length: 28, Flags: 4, Hops: 0, IfIndex: 3}, Gateway: ula.AsSlice()},
					{Hop: rtnetlink.RTNextHop{Length: 28, Flags: 4, Hops: 1, IfIndex: 4}, Gateway: ula.AsSlice()},
				},
			},
		},
		empty: func() encoding.BinaryUnmarshaler { return new(rtnetlink.RouteMessage) },
		read:  func(b []byte) (any, bool) { return routeMessage(b) },
	},
}

// TestOursToTheirs parses with rtnetlink what our encoders have put.
func TestOursToTheirs(t *testing.T) {
	for _, tt := range interop {
		t.Run(tt.name, func(t *testing.T) {
			var e rtattr.Encoder
			tt.put(&e)
			b, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			got := tt.empty()
			if err := got.UnmarshalBinary(rtattr.Msg(b).Payload()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("want -, rtnetlink reads +:\n%s", diff)
			}
		})
	}
}

// TestTheirsToOurs parses with our views what rtnetlink has marshalled.
func TestTheirsToOurs(t *testing.T) {
	for _, tt := range interop {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.want.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			got, ok := tt.read(b)
			if !ok {
				t.Fatalf("refused: %x", b)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("want -, we read +:\n%s", diff)
			}
		})
	}
}
