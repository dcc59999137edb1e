package link_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// The tests of this file each show right what some netlink library has, or had,
// wrong.

// attribute returns an attribute of a kind as it is sent.
func attribute(t *testing.T, k link.Kind, typ uint16) []byte {
	t.Helper()
	_, data := kindData(t, built(t, add(link.Config{}, k)))
	b, ok := data.Find(typ)
	if !ok {
		t.Fatalf("%#v does not send attribute %d", k, typ)
	}
	return b
}

func words(v ...uint32) (b []byte) {
	for _, n := range v {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	return b
}

// TestVLANFlagsAreAStruct: struct ifla_vlan_flags is {flags, mask}, not attributes.
func TestVLANFlagsAreAStruct(t *testing.T) {
	got := attribute(t, link.VLAN{ID: 7, Set: rtattr.VLAN_FLAG_GVRP, Clear: rtattr.VLAN_FLAG_REORDER_HDR}, rtattr.IFLA_VLAN_FLAGS)
	if want := words(2, 3); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

// TestVLANMappingsAreStructs: struct ifla_vlan_qos_mapping is {from, to}, all of one type.
func TestVLANMappingsAreStructs(t *testing.T) {
	k := link.VLAN{ID: 7, Egress: link.ValuesOf(rtattr.VLANQoSMapping{From: 1, To: 2}, rtattr.VLANQoSMapping{From: 5, To: 6})}
	for typ, b := range rtattr.Attrs(attribute(t, k, rtattr.IFLA_VLAN_EGRESS_QOS)).All() {
		if typ != rtattr.IFLA_VLAN_QOS_MAPPING || len(b) != 8 {
			t.Errorf("%d: % x", typ, b)
		}
	}
	if got, want := attribute(t, k, rtattr.IFLA_VLAN_EGRESS_QOS)[4:12], words(1, 2); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

// TestMacvlanSourcesHaveOneType: the addresses are IFLA_MACVLAN_MACADDR each, not 0, 1, 2.
func TestMacvlanSourcesHaveOneType(t *testing.T) {
	k := link.Macvlan{SourceMode: link.Some(rtattr.MACVLAN_MACADDR_SET), Sources: link.ValuesOf(mac("02:00:00:00:00:31"), mac("02:00:00:00:00:32"))}
	n := 0
	for typ, b := range rtattr.Attrs(attribute(t, k, rtattr.IFLA_MACVLAN_MACADDR_DATA)).All() {
		if n++; typ != rtattr.IFLA_MACVLAN_MACADDR || len(b) != 6 {
			t.Errorf("%d: % x", typ, b)
		}
	}
	if n != 2 {
		t.Errorf("%d addresses", n)
	}
}

// TestMacvlanQueueLenUsed: it has 32 bits, and what follows the kind is read.
func TestMacvlanQueueLenUsed(t *testing.T) {
	v := parsed(t, built(t, func(e *rtattr.Encoder) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 7, Type: 1})
		i := w.LinkInfo()
		n := i.Macvlan()
		n.Mode(rtattr.MACVLAN_MODE_BRIDGE)
		n.BroadcastQueueLenUsed(1000)
		n.End()
		i.End()
		w.IfName("m0")
		w.End()
	}))
	l, err := link.Parse(v)
	k, kindErr := link.ParseKind(v)
	if err != nil || kindErr != nil || l.Name != "m0" || k != (link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE}) {
		t.Errorf("%v, %v; %#v, %v", l, err, k, kindErr)
	}
}

// TestIP6TnlIsAligned: every attribute begins at a multiple of 4, those of one byte too.
func TestIP6TnlIsAligned(t *testing.T) {
	b := built(t, add(link.Config{}, link.IP6Tnl{Remote: ip("fd00::1"), HopLimit: 64, EncapLimit: 4, Proto: 41, Flags: rtattr.IP6_TNL_F_IGN_ENCAP_LIMIT}))
	if len(b)%4 != 0 {
		t.Errorf("%d bytes", len(b))
	}
	_, data := kindData(t, b)
	left := len(data)
	for a := data; len(a) > 0; {
		_, v, rest := a.Next()
		if v == nil || (left-len(a))%4 != 0 {
			t.Fatalf("an attribute at %d of % x", left-len(a), data)
		}
		a = rest
	}
}

// TestIP6TunnelFlagsAreBits: they are 0x10, 0x20 and 0x40, not 10, 20 and 40.
func TestIP6TunnelFlagsAreBits(t *testing.T) {
	k := link.IP6Tnl{Flags: rtattr.IP6_TNL_F_RCV_DSCP_COPY | rtattr.IP6_TNL_F_USE_ORIG_FWMARK | rtattr.IP6_TNL_F_ALLOW_LOCAL_REMOTE}
	if got, want := attribute(t, k, rtattr.IFLA_IPTUN_FLAGS), words(0x70); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

// TestGREWithoutEnds: which IP is below is said by the kind, not guessed by an address.
func TestGREWithoutEnds(t *testing.T) {
	for want, k := range map[string]link.Kind{"gre": link.GRE{}, "gretap": link.GRETap{}, "ip6gre": link.IP6GRE{}, "ip6gretap": link.IP6GRETap{}} {
		if got, data := kindData(t, built(t, add(link.Config{}, k))); got != want || data != nil {
			t.Errorf("%s % x, want %s", got, data, want)
		}
	}
}

// TestGREKeysAndFlags: both are in network byte order, and apart from each other.
func TestGREKeysAndFlags(t *testing.T) {
	k := link.GRE{IFlags: rtattr.GRE_KEY, OFlags: rtattr.GRE_SEQ | rtattr.GRE_CSUM, IKey: 7}
	for typ, want := range map[uint16][]byte{
		rtattr.IFLA_GRE_IFLAGS: {0x20, 0}, rtattr.IFLA_GRE_OFLAGS: {0x90, 0}, rtattr.IFLA_GRE_IKEY: {0, 0, 0, 7},
	} {
		if got := attribute(t, k, typ); !bytes.Equal(got, want) {
			t.Errorf("%d: % x, want % x", typ, got, want)
		}
	}
	if _, data := kindData(t, built(t, add(link.Config{}, k))); len(data) != 3*8 {
		t.Errorf("% x", data)
	}
}

// TestVXLANPorts: the port and the range, from low to high, are in network byte order.
func TestVXLANPorts(t *testing.T) {
	k := link.VXLAN{ID: 7, Port: 4789, PortLow: 32768, PortHigh: 61000}
	if got := attribute(t, k, rtattr.IFLA_VXLAN_PORT); !bytes.Equal(got, []byte{0x12, 0xb5}) {
		t.Errorf("% x", got)
	}
	if got := attribute(t, k, rtattr.IFLA_VXLAN_PORT_RANGE); !bytes.Equal(got, []byte{0x80, 0, 0xee, 0x48}) {
		t.Errorf("% x", got)
	}
}

// TestPeersAreAlike: a peer has the same attributes in all kinds of pairs, such as
// the numbers of queues.
func TestPeersAreAlike(t *testing.T) {
	veth := attribute(t, link.Veth{Peer: fullPeer}, rtattr.VETH_INFO_PEER)
	for _, b := range [][]byte{
		attribute(t, link.VXCAN{Peer: fullPeer}, rtattr.VXCAN_INFO_PEER),
		attribute(t, link.Netkit{Peer: fullPeer}, rtattr.IFLA_NETKIT_PEER_INFO),
	} {
		if !bytes.Equal(b, veth) {
			t.Errorf("% x\n% x", b, veth)
		}
	}
	var v rtattr.LinkView
	if err := v.Parse(veth); err != nil {
		t.Fatal(err)
	}
	if tx, _ := v.NumTxQueues(); tx != 2 {
		t.Errorf("%d transmit queues", tx)
	}
	if rx, _ := v.NumRxQueues(); rx != 3 {
		t.Errorf("%d receive queues", rx)
	}
}

// TestPeerSaysNothing: the queue of a peer is not set to 0 packets by nobody's wish.
func TestPeerSaysNothing(t *testing.T) {
	b := attribute(t, link.Veth{Peer: link.Config{Name: "v1"}}, rtattr.VETH_INFO_PEER)
	for typ := range rtattr.Attrs(b[16:]).All() {
		if typ != rtattr.IFLA_IFNAME {
			t.Errorf("attribute %d", typ)
		}
	}
}

// TestBondSaysZero: there is no number that stands for "not set": 0 can be sent, and
// a zero Bond sends nothing.
func TestBondSaysZero(t *testing.T) {
	zero := link.Some(time.Duration(0))
	_, data := kindData(t, built(t, add(link.Config{}, link.Bond{Mode: link.Some(rtattr.BOND_MODE_ROUNDROBIN), MIIMon: zero, MinLinks: u32(0), UseCarrier: no})))
	n := 0
	for range data.All() {
		n++
	}
	if n != 4 {
		t.Errorf("% x", data)
	}
	if _, data := kindData(t, built(t, add(link.Config{}, link.Bond{}))); data != nil {
		t.Errorf("% x", data)
	}
}

// TestBondNewOptions: options that came late are there.
func TestBondNewOptions(t *testing.T) {
	k := link.Bond{NSTargets: link.ValuesOf(ip("fd00::1")), PeerNotifyDelay: link.Some(time.Second), LACPActive: no, MissedMax: 3, CoupledControl: no, BroadcastNeigh: yes}
	for _, typ := range []uint16{rtattr.IFLA_BOND_NS_IP6_TARGET, rtattr.IFLA_BOND_PEER_NOTIF_DELAY, rtattr.IFLA_BOND_AD_LACP_ACTIVE, rtattr.IFLA_BOND_MISSED_MAX,
		rtattr.IFLA_BOND_COUPLED_CONTROL, rtattr.IFLA_BOND_BROADCAST_NEIGH} {
		attribute(t, k, typ)
	}
	if got, err := link.ParseKind(parsed(t, built(t, add(link.Config{}, k)))); err != nil || got != k {
		t.Errorf("%#v, %v", got, err)
	}
}

// TestRawCarriesData: a kind without a type has its parameters all the same.
func TestRawCarriesData(t *testing.T) {
	k := link.Raw{Kind: "of tomorrow", Data: link.Some(string(words(nlattr(8, 1), 7)))}
	if got := attribute(t, k, 1); !bytes.Equal(got, words(7)) {
		t.Errorf("% x", got)
	}
}

// nlattr is the header of an attribute as one number.
func nlattr(size, typ uint16) uint32 {
	b := binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, size), typ)
	return binary.NativeEndian.Uint32(b)
}

// TestUnknownAttributes: a kernel of tomorrow is no error.
func TestUnknownAttributes(t *testing.T) {
	got, err := link.ParseKind(shown(t, func(i rtattr.LinkInfoEncoder) {
		n := i.VXLAN()
		n.Uint32(999, 7)
		n.ID(7)
		n.Uint8(60, 7)
		n.End()
	}))
	if err != nil || got != (link.VXLAN{ID: 7}) {
		t.Errorf("%#v, %v", got, err)
	}
}

// TestUnpaddedAttribute: the last attribute need not be padded, and may be empty.
func TestUnpaddedAttribute(t *testing.T) {
	unpadded := func(typ uint16, payload ...byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(payload)))
		return append(binary.NativeEndian.AppendUint16(b, typ), payload...)
	}
	for _, tt := range []struct {
		data []byte
		want link.VXLAN
	}{
		{nil, link.VXLAN{}},
		{unpadded(rtattr.IFLA_VXLAN_TTL, 64), link.VXLAN{TTL: u8(64)}},
		{unpadded(rtattr.IFLA_VXLAN_GBP), link.VXLAN{GBP: true}},
	} {
		if got, err := link.ParseKind(shown(t, func(i rtattr.LinkInfoEncoder) { i.Kind("vxlan"); i.Data(tt.data) })); err != nil || got != tt.want {
			t.Errorf("% x: %#v, %v", tt.data, got, err)
		}
	}
}

// TestKindAttributesOfAnyLength: an attribute that is shorter or longer than this
// library knows it costs that attribute at most, and no panic.
func TestKindAttributesOfAnyLength(t *testing.T) {
	payload := bytes.Repeat([]byte{1}, 24)
	for _, name := range []string{"ipip", "sit", "ip6tnl", "gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan", "vti", "vti6", "vxlan", "geneve", "gtp", "bareudp", "amt", "xfrm",
		"vlan", "bridge", "bond", "macvlan", "macvtap", "ipvlan", "vrf", "macsec", "hsr", "can", "veth", "vxcan", "netkit", "tun", "ipoib", "rmnet"} {
		empty, err := link.ParseKind(shown(t, func(i rtattr.LinkInfoEncoder) { i.Kind(name) }))
		if err != nil {
			t.Fatal(err)
		}
		for typ := range uint16(48) {
			for n := range len(payload) {
				var e rtattr.Encoder
				w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 7, Type: 1})
				w.IfName("x0")
				i := w.LinkInfo()
				i.Kind(name)
				data := i.Nest.Nest(rtattr.IFLA_INFO_DATA)
				data.Bytes(typ, payload[:n])
				data.End()
				i.End()
				w.IfAlias("behind")
				w.End()
				b, err := e.Finish()
				if err != nil {
					t.Fatal(err)
				}
				var v rtattr.LinkView
				if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
					t.Fatal(err)
				}
				l, err := link.Parse(&v) // tells of the kind, too
				k, kindErr := link.ParseKind(&v)
				if err != nil && kindErr == nil || l.Name != "x0" || l.Alias != "behind" || l.Kind != name || reflect.TypeOf(k) != reflect.TypeOf(empty) {
					t.Fatalf("%s, attribute %d of %d bytes: %v, %v, %#v", name, typ, n, l, err, k)
				}
			}
		}
	}
}
