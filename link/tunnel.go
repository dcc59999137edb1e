package link

import (
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
)

// Encap is a further header between the outer IP header and a tunnel: FOU or GUE.
type Encap struct {
	Type       rtattr.TunnelEncap
	Flags      rtattr.TunnelEncapFlags
	SourcePort uint16 // UDP; 0 is by flow
	DestPort   uint16 // UDP
}

// encap puts all four attributes: the kernel takes those that are missing for 0.
func (c *codec) encap(typ, flags, sport, dport uint16, p *Opt[Encap]) {
	if c.reading {
		var v Encap
		num(c, typ, &v.Type)
		num(c, flags, &v.Flags)
		num(c, sport, &v.SourcePort)
		num(c, dport, &v.DestPort)
		if c.at[typ]|c.at[flags]|c.at[sport]|c.at[dport] != 0 {
			*p = Some(v)
		}
	} else if v, ok := p.Get(); ok {
		c.put(typ, uint64(v.Type))
		c.put(flags, uint64(v.Flags))
		c.put(sport, uint64(v.SourcePort))
		c.put(dport, uint64(v.DestPort))
	}
}

// GRE is a tunnel of IP in IPv4, RFC 2784 and 2890 (net/ipv4/ip_gre.c). [GRETap]
// is one of Ethernet, [IP6GRE] one over IPv6.
//
// A change of a tunnel sets all of it: what is not sent becomes 0. Only Encap,
// IgnoreDF and the prefixes of 6rd stay, and over IPv4 FWMark and what an ERSPAN
// has besides. This holds for [GRE], [ERSPAN], [IPIP], [SIT], [VTI], [XFRM] and
// those over IPv6.
type GRE struct {
	Link          uint32     // index of the link below, 0 is any
	Local, Remote netip.Addr // IPv4, none is any

	IFlags, OFlags rtattr.GREFlags // what received and sent packets have; GRE_KEY is needed for a key
	IKey, OKey     uint32          // of received and sent packets

	TTL      uint8     // 0 is that of the inner packet
	TOS      uint8     // 1 is that of the inner packet
	PMTUDisc Opt[bool] // set the bit that forbids fragments. Default true
	IgnoreDF Opt[bool] // do not look at that of the inner packet; not with PMTUDisc. Default false

	FWMark   Opt[uint32] // of sent packets. Default 0
	Encap    Opt[Encap]  // default none
	External bool        // by the metadata of each packet
}

// GRETap is a tunnel of Ethernet in IPv4, as [GRE].
type GRETap GRE

func (k *GRETap) walk(c *codec) { (*GRE)(k).walk(c) }

func (k *GRE) walk(c *codec) {
	c.use(&rtattr.GRESet)
	num(c, rtattr.IFLA_GRE_LINK, &k.Link)
	c.addr(rtattr.IFLA_GRE_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_GRE_REMOTE, &k.Remote)
	num(c, rtattr.IFLA_GRE_IFLAGS, &k.IFlags)
	num(c, rtattr.IFLA_GRE_OFLAGS, &k.OFlags)
	num(c, rtattr.IFLA_GRE_IKEY, &k.IKey)
	num(c, rtattr.IFLA_GRE_OKEY, &k.OKey)
	num(c, rtattr.IFLA_GRE_TTL, &k.TTL)
	num(c, rtattr.IFLA_GRE_TOS, &k.TOS)
	c.optYes(rtattr.IFLA_GRE_PMTUDISC, &k.PMTUDisc)
	c.optYes(rtattr.IFLA_GRE_IGNORE_DF, &k.IgnoreDF)
	opt(c, rtattr.IFLA_GRE_FWMARK, &k.FWMark)
	c.encap(rtattr.IFLA_GRE_ENCAP_TYPE, rtattr.IFLA_GRE_ENCAP_FLAGS, rtattr.IFLA_GRE_ENCAP_SPORT, rtattr.IFLA_GRE_ENCAP_DPORT, &k.Encap)
	c.yes(rtattr.IFLA_GRE_COLLECT_METADATA, &k.External)
}

// ERSPAN is a tunnel of mirrored Ethernet in IPv4 (net/ipv4/ip_gre.c). Versions 1
// and 2 want GRE_SEQ and GRE_KEY in the flags, and keys of 10 bits.
type ERSPAN struct {
	GRE
	Version   Opt[uint8] // 0, 1 (type II) or 2 (type III). Default 1
	Index     uint32     // of 20 bits; version 1
	Direction uint8      // 0 ingress, 1 egress; version 2
	HWID      uint16     // hardware identifier of 6 bits; version 2
}

func (k *ERSPAN) walk(c *codec) {
	k.GRE.walk(c)
	opt(c, rtattr.IFLA_GRE_ERSPAN_VER, &k.Version)
	num(c, rtattr.IFLA_GRE_ERSPAN_INDEX, &k.Index)
	num(c, rtattr.IFLA_GRE_ERSPAN_DIR, &k.Direction)
	num(c, rtattr.IFLA_GRE_ERSPAN_HWID, &k.HWID)
}

// IP6GRE is a tunnel of IP in IPv6 (net/ipv6/ip6_gre.c), as [GRE]. [IP6GRETap] is
// one of Ethernet.
type IP6GRE struct {
	Link          uint32     // index of the link below, 0 is any
	Local, Remote netip.Addr // IPv6, none is any

	IFlags, OFlags rtattr.GREFlags // what received and sent packets have; GRE_KEY is needed for a key
	IKey, OKey     uint32          // of received and sent packets

	HopLimit   uint8                 // 0 is that of the inner packet or of the route
	EncapLimit uint8                 // tunnels in this one; not with IP6_TNL_F_IGN_ENCAP_LIMIT
	FlowInfo   uint32                // traffic class, 8 bits, and flow label, 20 bits
	Flags      rtattr.IP6TunnelFlags // IP6_TNL_F_CAP_* are the kernel's: ParseKind leaves them out

	FWMark   Opt[uint32] // of sent packets. Default 0
	Encap    Opt[Encap]  // default none
	External bool        // by the metadata of each packet
}

// IP6GRETap is a tunnel of Ethernet in IPv6, as [IP6GRE].
type IP6GRETap IP6GRE

func (k *IP6GRETap) walk(c *codec) { (*IP6GRE)(k).walk(c) }

func (k *IP6GRE) walk(c *codec) {
	c.use(&rtattr.GRE6Set)
	num(c, rtattr.IFLA_GRE_LINK, &k.Link)
	c.addr(rtattr.IFLA_GRE_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_GRE_REMOTE, &k.Remote)
	num(c, rtattr.IFLA_GRE_IFLAGS, &k.IFlags)
	num(c, rtattr.IFLA_GRE_OFLAGS, &k.OFlags)
	num(c, rtattr.IFLA_GRE_IKEY, &k.IKey)
	num(c, rtattr.IFLA_GRE_OKEY, &k.OKey)
	num(c, rtattr.IFLA_GRE_TTL, &k.HopLimit)
	num(c, rtattr.IFLA_GRE_ENCAP_LIMIT, &k.EncapLimit)
	num(c, rtattr.IFLA_GRE_FLOWINFO, &k.FlowInfo)
	c.ip6Flags(rtattr.IFLA_GRE_FLAGS, &k.Flags)
	opt(c, rtattr.IFLA_GRE_FWMARK, &k.FWMark)
	c.encap(rtattr.IFLA_GRE_ENCAP_TYPE, rtattr.IFLA_GRE_ENCAP_FLAGS, rtattr.IFLA_GRE_ENCAP_SPORT, rtattr.IFLA_GRE_ENCAP_DPORT, &k.Encap)
	c.yes(rtattr.IFLA_GRE_COLLECT_METADATA, &k.External)
}

func (c *codec) ip6Flags(typ uint16, p *rtattr.IP6TunnelFlags) {
	num(c, typ, p)
	if c.reading {
		*p &^= rtattr.IP6_TNL_F_CAP_XMIT | rtattr.IP6_TNL_F_CAP_RCV | rtattr.IP6_TNL_F_CAP_PER_PACKET
	}
}

// IP6ERSPAN is a tunnel of mirrored Ethernet in IPv6 (net/ipv6/ip6_gre.c). It wants
// GRE_SEQ and GRE_KEY in the flags, and keys of 10 bits.
type IP6ERSPAN struct {
	IP6GRE
	Version   Opt[uint8] // 1 (type II) or 2 (type III). Default 1
	Index     uint32     // of 20 bits; version 1
	Direction uint8      // 0 ingress, 1 egress; version 2
	HWID      uint16     // hardware identifier of 6 bits; version 2
}

func (k *IP6ERSPAN) walk(c *codec) {
	k.IP6GRE.walk(c)
	opt(c, rtattr.IFLA_GRE_ERSPAN_VER, &k.Version)
	num(c, rtattr.IFLA_GRE_ERSPAN_INDEX, &k.Index)
	num(c, rtattr.IFLA_GRE_ERSPAN_DIR, &k.Direction)
	num(c, rtattr.IFLA_GRE_ERSPAN_HWID, &k.HWID)
}

// IPIP is a tunnel of IPv4 or MPLS in IPv4, RFC 2003 (net/ipv4/ipip.c).
type IPIP struct {
	Link          uint32     // index of the link below, 0 is any
	Local, Remote netip.Addr // IPv4, none is any
	TTL           uint8      // 0 is that of the inner packet
	TOS           uint8      // 1 is that of the inner packet
	Proto         Opt[uint8] // of the inner packets: 4 IPv4, 137 MPLS, 0 both. Default 4
	PMTUDisc      Opt[bool]  // set the bit that forbids fragments; with a TTL it is. Default true

	FWMark   Opt[uint32] // of sent packets. Default 0
	Encap    Opt[Encap]  // default none
	External bool        // by the metadata of each packet
}

func (k *IPIP) walk(c *codec) {
	c.use(&rtattr.IPTunSet)
	num(c, rtattr.IFLA_IPTUN_LINK, &k.Link)
	c.addr(rtattr.IFLA_IPTUN_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_IPTUN_REMOTE, &k.Remote)
	num(c, rtattr.IFLA_IPTUN_TTL, &k.TTL)
	num(c, rtattr.IFLA_IPTUN_TOS, &k.TOS)
	opt(c, rtattr.IFLA_IPTUN_PROTO, &k.Proto)
	c.optYes(rtattr.IFLA_IPTUN_PMTUDISC, &k.PMTUDisc)
	opt(c, rtattr.IFLA_IPTUN_FWMARK, &k.FWMark)
	c.ipEncap(&k.Encap)
	c.yes(rtattr.IFLA_IPTUN_COLLECT_METADATA, &k.External)
}

func (c *codec) ipEncap(p *Opt[Encap]) {
	c.encap(rtattr.IFLA_IPTUN_ENCAP_TYPE, rtattr.IFLA_IPTUN_ENCAP_FLAGS, rtattr.IFLA_IPTUN_ENCAP_SPORT, rtattr.IFLA_IPTUN_ENCAP_DPORT, p)
}

// SIT is a tunnel of IPv6, IPv4 or MPLS in IPv4, RFC 4213, also for 6rd, RFC 5969
// (net/ipv6/sit.c).
type SIT struct {
	Link          uint32     // index of the link below, 0 is any
	Local, Remote netip.Addr // IPv4, none is any
	TTL           Opt[uint8] // 0 is that of the inner packet. Default 64
	TOS           uint8      // 1 is that of the inner packet
	Proto         Opt[uint8] // of the inner packets: 41 IPv6, 4 IPv4, 137 MPLS, 0 all. Default 41
	PMTUDisc      Opt[bool]  // set the bit that forbids fragments; with a TTL it is. Default true
	Flags         rtattr.SITFlags

	// SixRDPrefix is the IPv6 prefix of the 6rd domain, SixRDRelay the IPv4 prefix
	// that all of its addresses share. Default 2002::/16 and 0.0.0.0/0, 6to4.
	SixRDPrefix, SixRDRelay netip.Prefix

	FWMark Opt[uint32] // of sent packets. Default 0
	Encap  Opt[Encap]  // default none
}

func (k *SIT) walk(c *codec) {
	c.use(&rtattr.IPTunSet)
	num(c, rtattr.IFLA_IPTUN_LINK, &k.Link)
	c.addr(rtattr.IFLA_IPTUN_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_IPTUN_REMOTE, &k.Remote)
	opt(c, rtattr.IFLA_IPTUN_TTL, &k.TTL)
	num(c, rtattr.IFLA_IPTUN_TOS, &k.TOS)
	opt(c, rtattr.IFLA_IPTUN_PROTO, &k.Proto)
	c.optYes(rtattr.IFLA_IPTUN_PMTUDISC, &k.PMTUDisc)
	num(c, rtattr.IFLA_IPTUN_FLAGS, &k.Flags)
	c.prefix(rtattr.IFLA_IPTUN_6RD_PREFIX, rtattr.IFLA_IPTUN_6RD_PREFIXLEN, &k.SixRDPrefix)
	c.prefix(rtattr.IFLA_IPTUN_6RD_RELAY_PREFIX, rtattr.IFLA_IPTUN_6RD_RELAY_PREFIXLEN, &k.SixRDRelay)
	opt(c, rtattr.IFLA_IPTUN_FWMARK, &k.FWMark)
	c.ipEncap(&k.Encap)
}

// prefix is an address and its length in attributes of their own.
func (c *codec) prefix(addr, bits uint16, p *netip.Prefix) {
	if c.reading {
		a, ok := c.attrs.Addr(c.at[addr])
		n, _ := c.number(bits)
		if !ok {
			return
		}
		if *p = netip.PrefixFrom(a, int(n)); !p.IsValid() {
			c.fail(&rtattr.AttrError{Path: c.set.Name + "." + c.set.Attrs[bits].Name, Reason: "longer than the address"})
		}
	} else if p.IsValid() {
		a := p.Addr()
		c.addr(addr, &a)
		c.put(bits, uint64(p.Bits()))
	}
}

// IP6Tnl is a tunnel of IPv6 or IPv4 in IPv6, RFC 2473 (net/ipv6/ip6_tunnel.c).
type IP6Tnl struct {
	Link          uint32     // index of the link below, 0 is any
	Local, Remote netip.Addr // IPv6, none is any

	HopLimit   uint8                 // 0 is that of the inner packet or of the route
	EncapLimit uint8                 // tunnels in this one; not with IP6_TNL_F_IGN_ENCAP_LIMIT
	FlowInfo   uint32                // traffic class, 8 bits, and flow label, 20 bits
	Flags      rtattr.IP6TunnelFlags // IP6_TNL_F_CAP_* are the kernel's: ParseKind leaves them out
	Proto      uint8                 // of the inner packets: 41 IPv6, 4 IPv4, 0 both

	FWMark   Opt[uint32] // of sent packets. Default 0
	Encap    Opt[Encap]  // default none
	External bool        // by the metadata of each packet
}

func (k *IP6Tnl) walk(c *codec) {
	c.use(&rtattr.IP6TnlSet)
	num(c, rtattr.IFLA_IPTUN_LINK, &k.Link)
	c.addr(rtattr.IFLA_IPTUN_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_IPTUN_REMOTE, &k.Remote)
	num(c, rtattr.IFLA_IPTUN_TTL, &k.HopLimit)
	num(c, rtattr.IFLA_IPTUN_ENCAP_LIMIT, &k.EncapLimit)
	num(c, rtattr.IFLA_IPTUN_FLOWINFO, &k.FlowInfo)
	c.ip6Flags(rtattr.IFLA_IPTUN_FLAGS, &k.Flags)
	num(c, rtattr.IFLA_IPTUN_PROTO, &k.Proto)
	opt(c, rtattr.IFLA_IPTUN_FWMARK, &k.FWMark)
	c.ipEncap(&k.Encap)
	c.yes(rtattr.IFLA_IPTUN_COLLECT_METADATA, &k.External)
}

// VTI is a tunnel whose packets IPsec handles (net/ipv4/ip_vti.c). [VTI6] is one
// over IPv6.
type VTI struct {
	Link          uint32      // index of the link below, 0 is any
	Local, Remote netip.Addr  // IPv4, none is any
	IKey, OKey    uint32      // marks of the policies for received and sent packets
	FWMark        Opt[uint32] // of sent packets. Default 0
}

// VTI6 is a tunnel over IPv6 whose packets IPsec handles (net/ipv6/ip6_vti.c).
type VTI6 VTI

func (k *VTI) walk(c *codec) {
	c.use(&rtattr.VTISet)
	k.fields(c)
}

func (k *VTI6) walk(c *codec) {
	c.use(&rtattr.VTI6Set)
	(*VTI)(k).fields(c)
}

func (k *VTI) fields(c *codec) {
	num(c, rtattr.IFLA_VTI_LINK, &k.Link)
	c.addr(rtattr.IFLA_VTI_LOCAL, &k.Local)
	c.addr(rtattr.IFLA_VTI_REMOTE, &k.Remote)
	num(c, rtattr.IFLA_VTI_IKEY, &k.IKey)
	num(c, rtattr.IFLA_VTI_OKEY, &k.OKey)
	opt(c, rtattr.IFLA_VTI_FWMARK, &k.FWMark)
}

// XFRM is a link whose packets IPsec handles (net/xfrm/xfrm_interface_core.c).
type XFRM struct {
	Link     uint32 // index of the link below, 0 is any
	IfID     uint32 // of the policies and states; not 0 unless External
	External bool   // by the metadata of each packet, and without Link and IfID
}

func (k *XFRM) walk(c *codec) {
	c.use(&rtattr.XFRMSet)
	num(c, rtattr.IFLA_XFRM_LINK, &k.Link)
	num(c, rtattr.IFLA_XFRM_IF_ID, &k.IfID)
	c.yes(rtattr.IFLA_XFRM_COLLECT_METADATA, &k.External)
}
