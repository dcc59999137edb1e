package fuzz

import (
	"encoding"
	"encoding/binary"
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rule"
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

// What rtnetlink loses when it marshals what it has read.

var addrLosses = []difference[rtnetlink.AddressMessage]{
	{"rtnetlink does not put IFA_CACHEINFO", "lifetimes cannot be set with it",
		func(_ []byte, theirs, _ *rtnetlink.AddressMessage) {
			if a := theirs.Attributes; a != nil {
				a.CacheInfo = rtnetlink.CacheInfo{}
			}
		}},
}

var linkLosses = []difference[rtnetlink.LinkMessage]{
	{"rtnetlink puts AF_UNSPEC", "whatever the family",
		func(_ []byte, theirs, _ *rtnetlink.LinkMessage) { theirs.Family = 0 }},
	{"rtnetlink does not put what it takes for the kernel's", "alias, group, link mode and transmit queue length can be set",
		func(_ []byte, theirs, _ *rtnetlink.LinkMessage) {
			if a := theirs.Attributes; a != nil {
				a.Alias, a.NetDevGroup, a.LinkMode, a.TxQueueLen = nil, nil, nil, nil
				a.Carrier, a.CarrierChanges, a.CarrierUpCount, a.CarrierDownCount = nil, nil, nil, nil
				a.PhysPortID, a.PhysPortName, a.PhysSwitchID, a.Stats, a.Stats64 = nil, nil, nil, nil, nil
				if a.XDP != nil {
					a.XDP.Attached, a.XDP.ProgID = 0, 0
				}
				if reflect.ValueOf(*a).IsZero() {
					theirs.Attributes = nil
				}
			}
		}},
	{"rtnetlink does not put empty data, nor a kind of port without data", "the kernel takes no data for empty data",
		func(_ []byte, theirs, ours *rtnetlink.LinkMessage) {
			if a := theirs.Attributes; a != nil && a.Info != nil {
				i := a.Info
				if d, ok := i.Data.(*rtnetlink.LinkData); ok && len(d.Data) == 0 {
					i.Data = nil
				}
				if d, ok := i.SlaveData.(*rtnetlink.LinkData); ok && len(d.Data) == 0 {
					i.SlaveData = nil
				}
				if i.SlaveData == nil {
					i.SlaveKind, ours.Attributes.Info.SlaveKind = "", ""
				}
			}
		}},
}

var neighLosses = []difference[rtnetlink.NeighMessage]{
	{"rtnetlink does not put NDA_CACHEINFO", "it is the kernel's",
		func(_ []byte, theirs, _ *rtnetlink.NeighMessage) {
			if a := theirs.Attributes; a != nil {
				a.CacheInfo = nil
			}
		}},
}

var routeLosses = []difference[rtnetlink.RouteMessage]{
	routeDifferences[0],
	{"rtnetlink reads no encapsulation of nexthops but MPLS", "the nexthops are shorter, and have none then",
		func(_ []byte, theirs, ours *rtnetlink.RouteMessage) {
			for _, m := range []*rtnetlink.RouteMessage{theirs, ours} {
				for i := range m.Attributes.Multipath {
					m.Attributes.Multipath[i].Hop.Length = 0
					m.Attributes.Multipath[i].MPLS = nil
				}
			}
		}},
}

var ruleLosses = []difference[rtnetlink.RuleMessage]{
	{"rtnetlink puts two user IDs of 16 bits", "the kernel refuses what is shorter than two of 32 bits",
		func(_ []byte, theirs, ours *rtnetlink.RuleMessage) {
			if a := theirs.Attributes; a != nil && a.UIDRange != nil {
				a.UIDRange, ours.Attributes.UIDRange = nil, nil
			}
		}},
	{"rtnetlink puts the key of a tunnel in host byte order", "the kernel takes big endian",
		func(_ []byte, theirs, _ *rtnetlink.RuleMessage) {
			if a := theirs.Attributes; a != nil && a.TunID != nil {
				*a.TunID = binary.BigEndian.Uint64(binary.NativeEndian.AppendUint64(nil, *a.TunID))
			}
		}},
}

// messagesOf are the payloads of the recorded messages of a type and of generated
// ones.
func messagesOf(t *testing.T, typ uint16) (payloads [][]byte) {
	t.Helper()
	n := 0
	for _, m := range recorded(t) {
		if m.Type()&^3 == typ {
			payloads = append(payloads, m.Payload())
			n++
		}
	}
	if n < 10 {
		t.Fatalf("%d messages are recorded", n)
	}
	for _, replies := range []bool{false, true} {
		g := Generator{Types: []uint16{typ}, Replies: replies}
		for seed := range uint64(1000) {
			payloads = append(payloads, g.Seed(seed).Payload())
		}
	}
	return payloads
}

// levelled applies n differences, and reports whether both results are the same.
func levelled[M any](b []byte, theirs, ours *M, agreed []difference[M]) bool {
	for _, d := range agreed {
		d.level(b, theirs, ours)
	}
	return cmp.Equal(theirs, ours, cmpopts.EquateEmpty())
}

// both wants readings of payloads by rtnetlink and by us, which pair makes, to
// differ as agreed on, and each agreed difference to happen.
func both[M any](t *testing.T, payloads [][]byte, agreed []difference[M], pair func(b []byte) (theirs, ours *M)) {
	t.Helper()
	happened := make([]bool, len(agreed))
	n := 0
	for _, b := range payloads {
		theirs, ours := pair(b)
		if theirs == nil {
			continue
		}
		n++
		if cmp.Equal(theirs, ours, cmpopts.EquateEmpty()) {
			continue
		}
		if err := same(b, theirs, ours, agreed); err != nil {
			t.Fatal(err)
		}
		for i := range agreed {
			without := append(agreed[:i:i], agreed[i+1:]...)
			if theirs, ours := pair(b); !levelled(b, theirs, ours, without) {
				happened[i] = true
			}
		}
	}
	t.Logf("%d of %d messages", n, len(payloads))
	if n < len(payloads)/10 {
		t.Errorf("only %d of %d messages were compared", n, len(payloads))
	}
	for i, d := range agreed {
		if !happened[i] {
			t.Errorf("no longer so: %s", d.what)
		}
	}
}

// marshalAgain marshals with rtnetlink what it has read of b, and reads that with our view:
// (nil, nil) if rtnetlink does not take b, or one of both not what it makes of it.
func marshalAgain[M any](read func([]byte) (*M, bool)) func(b []byte) (theirs, ours *M) {
	return func(b []byte) (theirs, ours *M) {
		theirs = new(M)
		if !unmarshal(any(theirs).(encoding.BinaryUnmarshaler), b) {
			return nil, nil
		}
		out, err := any(theirs).(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return nil, nil
		}
		ours, ok := read(out)
		if !ok {
			return nil, nil
		}
		return theirs, ours
	}
}

// TestTheirsAgain gives our views what rtnetlink makes of recorded and generated
// messages.
func TestTheirsAgain(t *testing.T) {
	t.Run("address", func(t *testing.T) {
		both(t, messagesOf(t, rtattr.RTM_NEWADDR), addrLosses, marshalAgain(addrMessage))
	})
	t.Run("link", func(t *testing.T) {
		both(t, messagesOf(t, rtattr.RTM_NEWLINK), linkLosses, marshalAgain(linkMessage))
	})
	t.Run("neigh", func(t *testing.T) {
		both(t, messagesOf(t, rtattr.RTM_NEWNEIGH), neighLosses, marshalAgain(neighMessage))
	})
	t.Run("route", func(t *testing.T) {
		both(t, messagesOf(t, rtattr.RTM_NEWROUTE), routeLosses, marshalAgain(routeMessage))
	})
	t.Run("rule", func(t *testing.T) {
		both(t, messagesOf(t, rtattr.RTM_NEWRULE), ruleLosses, marshalAgain(ruleMessage))
	})
}

// TestDifferences wants each difference that is agreed on to happen, in recorded
// messages, in generated ones, and in broken ones.
func TestDifferences(t *testing.T) {
	t.Run("address", func(t *testing.T) { differ(t, rtattr.RTM_NEWADDR, addrDifferences, addrMessage) })
	t.Run("link", func(t *testing.T) {
		dirty := make([]byte, 16)
		dirty[1] = 1 // __ifi_pad
		differ(t, rtattr.RTM_NEWLINK, linkDifferences, linkMessage, dirty)
	})
	t.Run("neigh", func(t *testing.T) {
		var e rtattr.Encoder
		w := rtattr.AppendNeigh(&e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{})
		w.LLAddr(mac)
		w.LLAddr(nil)
		w.End()
		differ(t, rtattr.RTM_NEWNEIGH, neighDifferences, neighMessage, payload(t, &e))
	})
	t.Run("route", func(t *testing.T) {
		var e rtattr.Encoder
		w := rtattr.AppendRoute(&e, rtattr.RTM_NEWROUTE, 0, rtattr.RtMsg{})
		// A nexthop with an attribute of 5 bytes. The next one is at 16; to
		// rtnetlink it is at 13, where another one is.
		hops := make([]byte, 28)
		for at, length := range map[int]uint16{0: 13, 8: 5, 16: 12, 24: 4, 13: 15, 21: 7} {
			binary.NativeEndian.PutUint16(hops[at:], length)
		}
		w.Bytes(rtattr.RTA_MULTIPATH, hops)
		w.End()
		differ(t, rtattr.RTM_NEWROUTE, routeDifferences, routeMessage, payload(t, &e))
	})
	t.Run("rule", func(t *testing.T) {
		var e rtattr.Encoder
		w := rtattr.AppendRule(&e, rtattr.RTM_NEWRULE, 0, rtattr.FibRuleHdr{})
		w.Bytes(rtattr.FRA_IIFNAME, []byte("a\x00b\x00"))
		w.End()
		differ(t, rtattr.RTM_NEWRULE, ruleDifferences, ruleMessage, payload(t, &e))
	})
}

func payload(t *testing.T, e *rtattr.Encoder) []byte {
	t.Helper()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return rtattr.Msg(b).Payload()
}

func differ[M any](t *testing.T, typ uint16, agreed []difference[M], read func([]byte) (*M, bool), more ...[]byte) {
	t.Helper()
	payloads := append(messagesOf(t, typ), more...)
	g := Generator{Types: []uint16{typ}}
	for seed := range uint64(2000) {
		if b, _, ok := Break(g.Seed(seed), FaultKinds[int(seed)%len(FaultKinds)], Steer(seed)[:8]); ok && len(b) > 16 {
			payloads = append(payloads, b[16:])
		}
	}
	both(t, payloads, agreed, func(b []byte) (theirs, ours *M) {
		theirs = new(M)
		ours, ok := read(b)
		if !ok || !unmarshal(any(theirs).(encoding.BinaryUnmarshaler), b) {
			return nil, nil
		}
		return theirs, ours
	})
}

// TestOursAgain gives rtnetlink what the thin packages make of recorded and
// generated messages.
func TestOursAgain(t *testing.T) {
	t.Run("address", func(t *testing.T) {
		oursAgain(t, rtattr.RTM_NEWADDR, (*rtattr.AddrView).Parse, address.Parse, address.AppendAdd, DiffAddr)
	})
	t.Run("link", func(t *testing.T) {
		oursAgain(t, rtattr.RTM_NEWLINK, (*rtattr.LinkView).Parse, link.ParseKind,
			func(e *rtattr.Encoder, k link.Kind) { link.AppendAdd(e, link.Config{Name: "v0", MTU: 1400}, k) }, DiffLink)
	})
	t.Run("neigh", func(t *testing.T) {
		oursAgain(t, rtattr.RTM_NEWNEIGH, (*rtattr.NeighView).Parse, neigh.Parse, neigh.AppendAdd, DiffNeigh)
	})
	t.Run("route", func(t *testing.T) {
		oursAgain(t, rtattr.RTM_NEWROUTE, (*rtattr.RouteView).Parse, route.Parse, route.AppendAdd, DiffRoute)
	})
	t.Run("rule", func(t *testing.T) {
		oursAgain(t, rtattr.RTM_NEWRULE, (*rtattr.RuleView).Parse, rule.Parse, rule.AppendAdd, DiffRule)
	})
}

func oursAgain[T, V any](t *testing.T, typ uint16, read func(*V, []byte) error, parse func(*V) (T, error), add func(*rtattr.Encoder, T), check func([]byte) error) {
	t.Helper()
	n := 0
	payloads := messagesOf(t, typ)
	for _, b := range payloads {
		v := new(V)
		if read(v, b) != nil {
			continue
		}
		x, err := parse(v)
		if err != nil {
			continue
		}
		var e rtattr.Encoder
		add(&e, x)
		out, err := e.Finish()
		if err != nil {
			continue // what the kernel shows and cannot be asked for
		}
		if err := check(rtattr.Msg(out).Payload()); err != nil {
			t.Fatalf("%+v: %v", x, err)
		}
		n++
	}
	t.Logf("%d of %d messages", n, len(payloads))
	if n < 20 {
		t.Errorf("only %d of %d messages were compared", n, len(payloads))
	}
}
