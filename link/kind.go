package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Kind is the driver of a virtual link and its parameters. It is a value that
// can be compared:
//
//   - Ethernet: [Veth], [Netkit], [Bridge], [Bond], [Team], [VLAN], [Macvlan],
//     [Macvtap], [IPVLAN], [IPVTAP], [MACsec], [HSR], [Batadv], [Dummy], [Ifb],
//     [Nlmon], [Netdevsim], [DSA], [Tun]
//   - tunnels: [VXLAN], [Geneve], [GRE], [GRETap], [ERSPAN], [IP6GRE],
//     [IP6GRETap], [IP6ERSPAN], [IPIP], [SIT], [IP6Tnl], [VTI], [VTI6], [XFRM],
//     [WireGuard], [OVPN], [BareUDP], [AMT], [GTP], [PFCP]
//   - others: [VRF], [IPoIB], [CAN], [VCAN], [VXCAN], [PPP], [WWAN], [Rmnet],
//     [CAIF], and [Raw] for what has no type here
//
// A field that is zero is not sent: a new link gets the kernel's default, which is
// 0 or false where the field does not say otherwise; one that exists keeps what
// it has, or gets the default where the kind says that a change sets all of it. An
// [Opt] is sent whatever its value.
//
// The fields are what can be set. What a link shows besides, such as counters,
// timers and limits, is in the views of rtattr:
//
//	info, err := v.LinkInfo()
//	b, err := info.Bridge()
//	root, ok := b.RootID()
type Kind interface{ isKind() }

// Raw is any kind by its name, with its IFLA_INFO_DATA as bytes. ParseKind returns
// it for kinds that have no type here.
type Raw struct {
	Kind string      // "vsockmon"
	Data Opt[string] // attributes as they are sent
}

func (Raw) isKind()       {}
func (Dummy) isKind()     {}
func (Ifb) isKind()       {}
func (WireGuard) isKind() {}
func (Nlmon) isKind()     {}
func (VCAN) isKind()      {}
func (Team) isKind()      {}
func (Netdevsim) isKind() {}
func (PFCP) isKind()      {}
func (Veth) isKind()      {}
func (VXCAN) isKind()     {}
func (Netkit) isKind()    {}
func (Bridge) isKind()    {}
func (Bond) isKind()      {}
func (VLAN) isKind()      {}
func (Macvlan) isKind()   {}
func (Macvtap) isKind()   {}
func (IPVLAN) isKind()    {}
func (IPVTAP) isKind()    {}
func (MACsec) isKind()    {}
func (VXLAN) isKind()     {}
func (Geneve) isKind()    {}
func (BareUDP) isKind()   {}
func (AMT) isKind()       {}
func (GTP) isKind()       {}
func (GRE) isKind()       {}
func (GRETap) isKind()    {}
func (ERSPAN) isKind()    {}
func (IP6GRE) isKind()    {}
func (IP6GRETap) isKind() {}
func (IP6ERSPAN) isKind() {}
func (IPIP) isKind()      {}
func (SIT) isKind()       {}
func (IP6Tnl) isKind()    {}
func (VTI) isKind()       {}
func (VTI6) isKind()      {}
func (XFRM) isKind()      {}
func (VRF) isKind()       {}
func (HSR) isKind()       {}
func (IPoIB) isKind()     {}
func (Rmnet) isKind()     {}
func (PPP) isKind()       {}
func (DSA) isKind()       {}
func (WWAN) isKind()      {}
func (CAIF) isKind()      {}
func (Batadv) isKind()    {}
func (OVPN) isKind()      {}
func (CAN) isKind()       {}
func (Tun) isKind()       {}

// AppendChange appends the message that changes the kind's parameters of the link
// of an index: RTM_NEWLINK. k has what is to change; the kernel refuses other kinds
// than that of the link, and parameters that cannot change.
func AppendChange(e *rtattr.Encoder, index uint32, k Kind) {
	w := BeginSet(e, index, Config{})
	putKindOf(w, k, true)
	w.End()
}

// Change changes the kind's parameters of the link of an index, as AppendChange
// says.
func Change(ctx context.Context, conn *rtnl.Conn, index uint32, k Kind) error {
	return exec(ctx, conn, "link: set", func(e *rtattr.Encoder) { AppendChange(e, index, k) }, func() string { return dev(index) })
}

// putKind puts the IFLA_LINKINFO of a new link.
func putKind(w rtattr.LinkEncoder, k Kind) { putKindOf(w, k, false) }

// putKindOf puts an IFLA_LINKINFO. The switch keeps k and the Encoder off the
// heap, where a method call through the interface would put them.
func putKindOf(w rtattr.LinkEncoder, k Kind, change bool) {
	info := w.LinkInfo()
	c := codec{&state{change: change}, info.Nest}
	var d codec // in IFLA_INFO_DATA
	switch k := k.(type) {
	case Raw:
		k.put(&c)
	case Dummy:
		c.begin("dummy", true)
	case Ifb:
		c.begin("ifb", true)
	case WireGuard:
		c.begin("wireguard", true)
	case Nlmon:
		c.begin("nlmon", true)
	case VCAN:
		c.begin("vcan", true)
	case Team:
		c.begin("team", true)
	case Netdevsim:
		c.begin("netdevsim", true)
	case PFCP:
		c.begin("pfcp", true)
	case Veth:
		if d = c.begin("veth", k == Veth{}); d.open() {
			k.walk(&d)
		}
	case VXCAN:
		if d = c.begin("vxcan", k == VXCAN{}); d.open() {
			k.walk(&d)
		}
	case Netkit:
		if d = c.begin("netkit", k == Netkit{}); d.open() {
			k.walk(&d)
		}
	case Bridge:
		if d = c.begin("bridge", k == Bridge{}); d.open() {
			k.walk(&d)
		}
	case Bond:
		if d = c.begin("bond", k == Bond{}); d.open() {
			k.walk(&d)
		}
	case VLAN:
		if d = c.begin("vlan", false); d.open() {
			k.walk(&d)
		}
	case Macvlan:
		if d = c.begin("macvlan", k == Macvlan{}); d.open() {
			k.walk(&d)
		}
	case Macvtap:
		if d = c.begin("macvtap", k == Macvtap{}); d.open() {
			k.walk(&d)
		}
	case IPVLAN:
		if d = c.begin("ipvlan", k == IPVLAN{}); d.open() {
			k.walk(&d)
		}
	case IPVTAP:
		if d = c.begin("ipvtap", k == IPVTAP{}); d.open() {
			k.walk(&d)
		}
	case MACsec:
		if d = c.begin("macsec", k == MACsec{}); d.open() {
			k.walk(&d)
		}
	case VXLAN:
		if d = c.begin("vxlan", false); d.open() {
			k.walk(&d)
		}
	case Geneve:
		if d = c.begin("geneve", false); d.open() {
			k.walk(&d)
		}
	case BareUDP:
		if d = c.begin("bareudp", false); d.open() {
			k.walk(&d)
		}
	case AMT:
		if d = c.begin("amt", false); d.open() {
			k.walk(&d)
		}
	case GTP:
		if d = c.begin("gtp", false); d.open() {
			k.walk(&d)
		}
	case GRE:
		if d = c.begin("gre", k == GRE{}); d.open() {
			k.walk(&d)
		}
	case GRETap:
		if d = c.begin("gretap", k == GRETap{}); d.open() {
			k.walk(&d)
		}
	case ERSPAN:
		if d = c.begin("erspan", k == ERSPAN{}); d.open() {
			k.walk(&d)
		}
	case IP6GRE:
		if d = c.begin("ip6gre", k == IP6GRE{}); d.open() {
			k.walk(&d)
		}
	case IP6GRETap:
		if d = c.begin("ip6gretap", k == IP6GRETap{}); d.open() {
			k.walk(&d)
		}
	case IP6ERSPAN:
		if d = c.begin("ip6erspan", k == IP6ERSPAN{}); d.open() {
			k.walk(&d)
		}
	case IPIP:
		if d = c.begin("ipip", k == IPIP{}); d.open() {
			k.walk(&d)
		}
	case SIT:
		if d = c.begin("sit", k == SIT{}); d.open() {
			k.walk(&d)
		}
	case IP6Tnl:
		if d = c.begin("ip6tnl", k == IP6Tnl{}); d.open() {
			k.walk(&d)
		}
	case VTI:
		if d = c.begin("vti", k == VTI{}); d.open() {
			k.walk(&d)
		}
	case VTI6:
		if d = c.begin("vti6", k == VTI6{}); d.open() {
			k.walk(&d)
		}
	case XFRM:
		if d = c.begin("xfrm", false); d.open() {
			k.walk(&d)
		}
	case VRF:
		if d = c.begin("vrf", false); d.open() {
			k.walk(&d)
		}
	case HSR:
		if d = c.begin("hsr", false); d.open() {
			k.walk(&d)
		}
	case IPoIB:
		if d = c.begin("ipoib", k == IPoIB{}); d.open() {
			k.walk(&d)
		}
	case Rmnet:
		if d = c.begin("rmnet", false); d.open() {
			k.walk(&d)
		}
	case PPP:
		if d = c.begin("ppp", false); d.open() {
			k.walk(&d)
		}
	case DSA:
		if d = c.begin("dsa", false); d.open() {
			k.walk(&d)
		}
	case WWAN:
		if d = c.begin("wwan", false); d.open() {
			k.walk(&d)
		}
	case CAIF:
		if d = c.begin("caif", k == CAIF{}); d.open() {
			k.walk(&d)
		}
	case Batadv:
		if d = c.begin("batadv", k == Batadv{}); d.open() {
			k.walk(&d)
		}
	case OVPN:
		if d = c.begin("ovpn", k == OVPN{}); d.open() {
			k.walk(&d)
		}
	case CAN:
		if d = c.begin("can", k == CAN{}); d.open() {
			k.walk(&d)
		}
	case Tun:
		k.walk(&c)
	default:
		c.fail(errors.New("link: no kind of link: it is nil or a pointer"))
	}
	if d.open() {
		d.w.End()
	}
	info.End()
}

func (k *Raw) put(c *codec) {
	if k.Kind == "" {
		c.fail(errors.New("link: Raw without a Kind"))
	}
	c.begin(k.Kind, true)
	if data, ok := k.Data.Get(); ok {
		copy(c.w.Space(rtattr.IFLA_INFO_DATA|rtattr.NLA_F_NESTED, len(data)), data)
	}
}

// ParseKind returns the kind of a listed link, so that AppendAdd makes it again;
// nil for one without a kind, such as lo. What the kernel shows but would refuse is
// left out. Indices of other links and descriptors are those of the message.
// Attributes that no field is for are no error.
func ParseKind(v *rtattr.LinkView) (Kind, error) {
	info, err := v.LinkInfo()
	kind, ok := info.Kind()
	if !ok || len(kind) == 0 {
		return nil, parseError(v, err)
	}
	data, ok := info.Data()
	// A request leaves ifi_type 0, the kernel fills it in.
	c := codec{state: &state{what: string(kind), reading: true, shown: v.Header.Type != 0, data: data, err: err}}
	k := parseKind(&c, ok)
	return k, parseError(v, c.err)
}

func parseError(v *rtattr.LinkView, err error) error {
	if err == nil {
		return nil
	}
	name, _ := v.IfName()
	return fmt.Errorf("link: %d: %s: %w", v.Header.Index, name, err)
}

// read is for reading alone: the method call puts the codec on the heap.
func read[K any, P interface {
	*K
	walk(*codec)
}](c *codec) (k K) {
	P(&k).walk(c)
	return k
}

// parseKind reads the attributes of a kind.
func parseKind(c *codec, data bool) Kind {
	switch c.what {
	case "dummy":
		return Dummy{}
	case "ifb":
		return Ifb{}
	case "wireguard":
		return WireGuard{}
	case "nlmon":
		return Nlmon{}
	case "vcan":
		return VCAN{}
	case "team":
		return Team{}
	case "netdevsim":
		return Netdevsim{}
	case "pfcp":
		return PFCP{}
	case "veth":
		return read[Veth](c)
	case "vxcan":
		return read[VXCAN](c)
	case "netkit":
		return read[Netkit](c)
	case "bridge":
		return read[Bridge](c)
	case "bond":
		return read[Bond](c)
	case "vlan":
		return read[VLAN](c)
	case "macvlan":
		return read[Macvlan](c)
	case "macvtap":
		return read[Macvtap](c)
	case "ipvlan":
		return read[IPVLAN](c)
	case "ipvtap":
		return read[IPVTAP](c)
	case "macsec":
		return read[MACsec](c)
	case "vxlan":
		return read[VXLAN](c)
	case "geneve":
		return read[Geneve](c)
	case "bareudp":
		return read[BareUDP](c)
	case "amt":
		return read[AMT](c)
	case "gtp":
		return read[GTP](c)
	case "gre":
		return read[GRE](c)
	case "gretap":
		return read[GRETap](c)
	case "erspan":
		return read[ERSPAN](c)
	case "ip6gre":
		return read[IP6GRE](c)
	case "ip6gretap":
		return read[IP6GRETap](c)
	case "ip6erspan":
		return read[IP6ERSPAN](c)
	case "ipip":
		return read[IPIP](c)
	case "sit":
		return read[SIT](c)
	case "ip6tnl":
		return read[IP6Tnl](c)
	case "vti":
		return read[VTI](c)
	case "vti6":
		return read[VTI6](c)
	case "xfrm":
		return read[XFRM](c)
	case "vrf":
		return read[VRF](c)
	case "hsr":
		return read[HSR](c)
	case "ipoib":
		return read[IPoIB](c)
	case "rmnet":
		return read[Rmnet](c)
	case "ppp":
		return read[PPP](c)
	case "dsa":
		return read[DSA](c)
	case "wwan":
		return read[WWAN](c)
	case "caif":
		return read[CAIF](c)
	case "batadv":
		return read[Batadv](c)
	case "ovpn":
		return read[OVPN](c)
	case "can":
		return read[CAN](c)
	case "tun":
		return read[Tun](c)
	}
	k := Raw{Kind: c.what}
	if data {
		k.Data = Some(string(c.data))
	}
	return k
}
