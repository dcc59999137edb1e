package link

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// VXLAN is an Ethernet in UDP, RFC 7348 (drivers/net/vxlan; vxlan_nl2conf of
// vxlan_core.c has the defaults, and what can be changed: TTL, TOS, FlowLabel,
// LabelPolicy, DF, Group, Local, Link, Learning, Ageing, LocalBypass, McRoute).
type VXLAN struct {
	ID       uint32     // network identifier, VNI, of 24 bits
	Group    netip.Addr // multicast group, or the one remote end
	Local    netip.Addr // source address
	Link     uint32     // index of the link below
	Port     uint16     // UDP destination. Default 8472, with GPE 4790; IANA's number is 4789
	PortLow  uint16     // UDP source, from. Default the system's range
	PortHigh uint16     // and to

	TTL         Opt[uint8]                   // 0 is 1 for multicast and the system's default otherwise. Default 0
	TTLInherit  bool                         // the TTL of the inner packet
	TOS         Opt[uint8]                   // 1 is that of the inner packet. Default 0
	FlowLabel   Opt[uint32]                  // of 20 bits; IPv6. Default 0
	LabelPolicy Opt[rtattr.VXLANLabelPolicy] // whether that is it; IPv6. Default VXLAN_LABEL_FIXED
	DF          Opt[rtattr.VXLANDF]          // default VXLAN_DF_UNSET

	Learning Opt[bool]          // learn addresses. Default true
	Ageing   Opt[time.Duration] // until an idle address is forgotten, in seconds; 0 is the default of 300 s
	Limit    uint32             // of addresses learned; 0 is none

	Proxy     bool // answer ARP and neighbour solicitations
	RSC       bool // route short circuit
	L2Miss    bool // notify of unknown link layer addresses
	L3Miss    bool // notify of unknown IP addresses
	External  bool // by the metadata of each packet, and without an ID
	VNIFilter bool // External, but only for configured identifiers
	GBP       bool // group policy extension
	GPE       bool // generic protocol extension, needs External

	UDPCsum          Opt[bool] // checksums over IPv4. Default true
	UDPZeroCsum6Tx   bool      // send none over IPv6
	UDPZeroCsum6Rx   bool      // accept none over IPv6
	RemCsumTx        bool      // leave checksums to the remote end
	RemCsumRx        bool      // make checksums for the remote end
	RemCsumNoPartial bool      // make them at once

	LocalBypass Opt[bool] // packets to an own address bypass the network. Default true
	McRoute     Opt[bool] // multicast is routed by the multicast tables. Default false

	// ReservedBits are those of the header that may be set in received packets.
	ReservedBits Opt[rtattr.VXLANHeader]
}

func (k *VXLAN) walk(c *codec) {
	c.invalid(k.wrong())
	c.use(&rtattr.VXLANSet)
	if k.External {
		num(c, rtattr.IFLA_VXLAN_ID, &k.ID)
	} else {
		always(c, rtattr.IFLA_VXLAN_ID, &k.ID)
	}
	c.addr46(rtattr.IFLA_VXLAN_GROUP, rtattr.IFLA_VXLAN_GROUP6, &k.Group)
	c.addr46(rtattr.IFLA_VXLAN_LOCAL, rtattr.IFLA_VXLAN_LOCAL6, &k.Local)
	num(c, rtattr.IFLA_VXLAN_LINK, &k.Link)
	num(c, rtattr.IFLA_VXLAN_PORT, &k.Port)
	if b, ok := c.bytes(rtattr.IFLA_VXLAN_PORT_RANGE); ok {
		var r rtattr.VXLANPortRange
		r.Parse(b)
		k.PortLow, k.PortHigh = r.Low, r.High
	} else if k.PortHigh != 0 && !c.reading {
		rtattr.VXLANEncoder{Nest: c.w}.PortRange(rtattr.VXLANPortRange{Low: k.PortLow, High: k.PortHigh})
	}
	opt(c, rtattr.IFLA_VXLAN_TTL, &k.TTL)
	if b, ok := c.bytes(rtattr.IFLA_VXLAN_TTL_INHERIT); ok {
		k.TTLInherit = len(b) == 0 || b[0] != 0 // a flag in requests, a number in answers
	} else if k.TTLInherit && !c.reading {
		c.w.Flag(rtattr.IFLA_VXLAN_TTL_INHERIT)
	}
	opt(c, rtattr.IFLA_VXLAN_TOS, &k.TOS)
	opt(c, rtattr.IFLA_VXLAN_LABEL, &k.FlowLabel)
	opt(c, rtattr.IFLA_VXLAN_LABEL_POLICY, &k.LabelPolicy)
	opt(c, rtattr.IFLA_VXLAN_DF, &k.DF)
	c.optYes(rtattr.IFLA_VXLAN_LEARNING, &k.Learning)
	c.optDuration(rtattr.IFLA_VXLAN_AGEING, "Ageing", &k.Ageing, second)
	num(c, rtattr.IFLA_VXLAN_LIMIT, &k.Limit)
	c.yes(rtattr.IFLA_VXLAN_PROXY, &k.Proxy)
	c.yes(rtattr.IFLA_VXLAN_RSC, &k.RSC)
	c.yes(rtattr.IFLA_VXLAN_L2MISS, &k.L2Miss)
	c.yes(rtattr.IFLA_VXLAN_L3MISS, &k.L3Miss)
	c.yes(rtattr.IFLA_VXLAN_COLLECT_METADATA, &k.External)
	c.yes(rtattr.IFLA_VXLAN_VNIFILTER, &k.VNIFilter)
	c.yes(rtattr.IFLA_VXLAN_GBP, &k.GBP)
	c.yes(rtattr.IFLA_VXLAN_GPE, &k.GPE)
	c.optYes(rtattr.IFLA_VXLAN_UDP_CSUM, &k.UDPCsum)
	c.yes(rtattr.IFLA_VXLAN_UDP_ZERO_CSUM6_TX, &k.UDPZeroCsum6Tx)
	c.yes(rtattr.IFLA_VXLAN_UDP_ZERO_CSUM6_RX, &k.UDPZeroCsum6Rx)
	c.yes(rtattr.IFLA_VXLAN_REMCSUM_TX, &k.RemCsumTx)
	c.yes(rtattr.IFLA_VXLAN_REMCSUM_RX, &k.RemCsumRx)
	c.yes(rtattr.IFLA_VXLAN_REMCSUM_NOPARTIAL, &k.RemCsumNoPartial)
	c.optYes(rtattr.IFLA_VXLAN_LOCALBYPASS, &k.LocalBypass)
	c.optYes(rtattr.IFLA_VXLAN_MC_ROUTE, &k.McRoute)
	if b, ok := c.bytes(rtattr.IFLA_VXLAN_RESERVED_BITS); ok {
		var h rtattr.VXLANHeader
		h.Parse(b)
		k.ReservedBits = Some(h)
	} else if h, ok := k.ReservedBits.Get(); ok && !c.reading {
		rtattr.VXLANEncoder{Nest: c.w}.ReservedBits(h)
	}
}

func (k *VXLAN) wrong() string {
	ttl, _ := k.TTL.Get()
	label, _ := k.FlowLabel.Get()
	switch {
	case k.ID >= 1<<24:
		return fmt.Sprintf("ID is %d, which has more than 24 bits", k.ID)
	case k.Group.IsValid() && k.Local.IsValid() && k.Group.Is4() != k.Local.Is4():
		return "Group and Local are of different address families"
	case k.PortLow > k.PortHigh:
		return fmt.Sprintf("PortLow is %d, PortHigh is %d", k.PortLow, k.PortHigh)
	case ttl != 0 && k.TTLInherit:
		return "both TTL and TTLInherit are given"
	case label >= 1<<20:
		return fmt.Sprintf("FlowLabel is %#x, which has more than 20 bits", label)
	}
	return ""
}

// Geneve is a tunnel over UDP, RFC 8926 (drivers/net/geneve.c; Remote, TTL,
// TTLInherit, TOS, FlowLabel and DF can be changed).
type Geneve struct {
	ID       uint32     // network identifier, VNI, of 24 bits
	Remote   netip.Addr // the other end
	Port     uint16     // UDP destination. Default 6081
	PortLow  uint16     // UDP source, from. Default 1
	PortHigh uint16     // and to. Default 65535

	TTL        Opt[uint8]           // 0 is the system's default; ends TTLInherit. Default 0
	TTLInherit bool                 // the TTL of the inner packet; TTL is not looked at
	TOS        Opt[uint8]           // 1 is that of the inner packet. Default 0
	FlowLabel  Opt[uint32]          // of 20 bits; IPv6. Default 0
	DF         Opt[rtattr.GeneveDF] // default GENEVE_DF_UNSET

	External          bool // by the metadata of each packet, and without ID and Remote
	InnerProtoInherit bool // the protocol is that of the inner packet, not Ethernet

	UDPCsum        bool // checksums over IPv4
	UDPZeroCsum6Tx bool // send none over IPv6
	UDPZeroCsum6Rx bool // accept none over IPv6
}

func (k *Geneve) walk(c *codec) {
	c.invalid(k.wrong())
	c.use(&rtattr.GeneveSet)
	num(c, rtattr.IFLA_GENEVE_ID, &k.ID)
	c.addr46(rtattr.IFLA_GENEVE_REMOTE, rtattr.IFLA_GENEVE_REMOTE6, &k.Remote)
	num(c, rtattr.IFLA_GENEVE_PORT, &k.Port)
	if b, ok := c.bytes(rtattr.IFLA_GENEVE_PORT_RANGE); ok {
		var r rtattr.GenevePortRange
		r.Parse(b)
		k.PortLow, k.PortHigh = r.Low, r.High
	} else if k.PortHigh != 0 && !c.reading {
		rtattr.GeneveEncoder{Nest: c.w}.PortRange(rtattr.GenevePortRange{Low: k.PortLow, High: k.PortHigh})
	}
	opt(c, rtattr.IFLA_GENEVE_TTL, &k.TTL)
	c.yes(rtattr.IFLA_GENEVE_TTL_INHERIT, &k.TTLInherit)
	if c.reading && k.TTLInherit {
		k.TTL = Opt[uint8]{}
	}
	opt(c, rtattr.IFLA_GENEVE_TOS, &k.TOS)
	opt(c, rtattr.IFLA_GENEVE_LABEL, &k.FlowLabel)
	opt(c, rtattr.IFLA_GENEVE_DF, &k.DF)
	c.yes(rtattr.IFLA_GENEVE_COLLECT_METADATA, &k.External)
	c.yes(rtattr.IFLA_GENEVE_INNER_PROTO_INHERIT, &k.InnerProtoInherit)
	c.yes(rtattr.IFLA_GENEVE_UDP_CSUM, &k.UDPCsum)
	c.yes(rtattr.IFLA_GENEVE_UDP_ZERO_CSUM6_TX, &k.UDPZeroCsum6Tx)
	c.yes(rtattr.IFLA_GENEVE_UDP_ZERO_CSUM6_RX, &k.UDPZeroCsum6Rx)
}

func (k *Geneve) wrong() string {
	label, _ := k.FlowLabel.Get()
	switch {
	case k.ID >= 1<<24:
		return fmt.Sprintf("ID is %d, which has more than 24 bits", k.ID)
	case k.PortLow > k.PortHigh:
		return fmt.Sprintf("PortLow is %d, PortHigh is %d", k.PortLow, k.PortHigh)
	case k.TTL != (Opt[uint8]{}) && k.TTLInherit:
		return "both TTL and TTLInherit are given"
	case label >= 1<<20:
		return fmt.Sprintf("FlowLabel is %#x, which has more than 20 bits", label)
	}
	return ""
}

// BareUDP is a tunnel of one protocol over UDP (drivers/net/bareudp.c).
type BareUDP struct {
	Port       uint16 // UDP destination
	EtherType  uint16 // of the inner packets: 0x8847 is MPLS
	SrcPortMin uint16 // UDP source, from. Default 0
	MultiProto bool   // multicast MPLS beside unicast, IPv6 beside IPv4
}

func (k *BareUDP) walk(c *codec) {
	c.use(&rtattr.BareUDPSet)
	num(c, rtattr.IFLA_BAREUDP_PORT, &k.Port)
	num(c, rtattr.IFLA_BAREUDP_ETHERTYPE, &k.EtherType)
	num(c, rtattr.IFLA_BAREUDP_SRCPORT_MIN, &k.SrcPortMin)
	c.yes(rtattr.IFLA_BAREUDP_MULTIPROTO_MODE, &k.MultiProto)
}

// AMT is an automatic multicast tunnel, RFC 7450 (drivers/net/amt.c). The relay
// that a gateway has found is in rtattr.AMTView.
type AMT struct {
	Mode        rtattr.AMTMode
	Link        uint32     // index of the link below
	Local       netip.Addr // IPv4 source address
	Discovery   netip.Addr // IPv4 address where a gateway asks for a relay
	RelayPort   uint16     // UDP port. Default 2268
	GatewayPort uint16     // UDP port. Default 2268
	MaxTunnels  uint32     // gateways at a relay. Default 128
}

func (k *AMT) walk(c *codec) {
	c.use(&rtattr.AMTSet)
	always(c, rtattr.IFLA_AMT_MODE, &k.Mode)
	num(c, rtattr.IFLA_AMT_LINK, &k.Link)
	c.addr(rtattr.IFLA_AMT_LOCAL_IP, &k.Local)
	c.addr(rtattr.IFLA_AMT_DISCOVERY_IP, &k.Discovery)
	num(c, rtattr.IFLA_AMT_RELAY_PORT, &k.RelayPort)
	num(c, rtattr.IFLA_AMT_GATEWAY_PORT, &k.GatewayPort)
	num(c, rtattr.IFLA_AMT_MAX_TUNNELS, &k.MaxTunnels)
}

// GTP is a tunnel of a mobile network, 3GPP TS 29.060 (drivers/net/gtp.c). Its
// sockets are given, or made by the kernel. They are not shown: whoever makes a
// listed link again says which.
type GTP struct {
	Role          rtattr.GTPRole
	FD0, FD1      Opt[uint32] // descriptors of UDP sockets, of GTP version 0 and 1
	CreateSockets bool
	Local         netip.Addr // of the sockets that the kernel makes. Default 0.0.0.0
	PDPHashSize   uint32     // buckets of the table of contexts. Default 1024
	RestartCount  uint8      // in echo responses. Default 0
}

func (k *GTP) walk(c *codec) {
	c.use(&rtattr.GTPSet)
	num(c, rtattr.IFLA_GTP_ROLE, &k.Role)
	opt(c, rtattr.IFLA_GTP_FD0, &k.FD0)
	opt(c, rtattr.IFLA_GTP_FD1, &k.FD1)
	c.yes(rtattr.IFLA_GTP_CREATE_SOCKETS, &k.CreateSockets)
	c.addr46(rtattr.IFLA_GTP_LOCAL, rtattr.IFLA_GTP_LOCAL6, &k.Local)
	num(c, rtattr.IFLA_GTP_PDP_HASHSIZE, &k.PDPHashSize)
	num(c, rtattr.IFLA_GTP_RESTART_COUNT, &k.RestartCount)
}
