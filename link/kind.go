package link

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// A Kind is the driver of a virtual link and its parameters: [Veth], [Bridge],
// [VLAN], [VXLAN], [Macvlan], [Dummy], [Ifb], [WireGuard] or [Raw].
//
// For parameters that these types do not have, take [BeginAdd] and the encoders
// of rtattr.
type Kind interface{ isKind() }

// Dummy is a link that drops what it is given (drivers/net/dummy.c).
type Dummy struct{}

// Ifb is a link to which traffic control redirects packets (drivers/net/ifb.c).
type Ifb struct{}

// WireGuard is a WireGuard tunnel; keys and peers are set over its own generic
// netlink family.
type WireGuard struct{}

// Raw is any kind by its name, with its IFLA_INFO_DATA as bytes.
type Raw struct {
	Kind string       // "amt"
	Data rtattr.Attrs // nil is no IFLA_INFO_DATA
}

// Veth is a pair of links: what enters one leaves the other (drivers/net/veth.c).
type Veth struct {
	// Peer is the other end. The kernel chooses all of a zero Peer.
	Peer Config
}

// Bridge is an Ethernet bridge (net/bridge). Its times are multiples of 10 ms.
type Bridge struct {
	Ageing       Opt[time.Duration] // until an idle address is forgotten; 0 is at once. Default 300 s
	ForwardDelay Opt[time.Duration] // of the spanning tree. Default 15 s
	HelloTime    time.Duration      // of the spanning tree. Default 2 s
	MaxAge       time.Duration      // of the spanning tree. Default 20 s
	Priority     Opt[uint16]        // in the election of the root, 0 is the best. Default 32768
	STP          bool               // speak the spanning tree protocol

	McastSnooping Opt[bool] // forward multicast only where it is listened to. Default true
	GroupFwdMask  uint16    // bit n: forward packets to 01:80:c2:00:00:0n

	VLANFiltering bool                // forward by VLAN
	VLANProtocol  rtattr.VLANProtocol // default ETH_P_8021Q
	DefaultPVID   Opt[uint16]         // VLAN of untagged packets, 0 is none. Default 1
}

// VLAN is one VLAN of the link Config.Parent (net/8021q).
type VLAN struct {
	ID       uint16              // 0 to 4094
	Protocol rtattr.VLANProtocol // default ETH_P_8021Q

	// Set and Clear are flags to change; a new VLAN has REORDER_HDR.
	Set, Clear rtattr.VLANFlags
}

// VXLAN is an Ethernet in UDP, RFC 7348 (drivers/net/vxlan).
type VXLAN struct {
	ID       uint32     // network identifier, VNI, of 24 bits
	Group    netip.Addr // multicast group, or the one remote end
	Local    netip.Addr // source address
	Link     uint32     // index of the link below
	Port     uint16     // UDP destination; the kernel's default is 8472, IANA's number is 4789
	PortLow  uint16     // UDP source, from
	PortHigh uint16     // and to

	TTL        uint8 // 0 is 1 for multicast and the system's default otherwise
	TTLInherit bool  // the TTL of the inner packet
	TOS        uint8 // 1 is that of the inner packet
	FlowLabel  uint32
	DF         rtattr.VXLANDF

	NoLearning bool   // forward by what is configured only
	Ageing     uint32 // until an idle address is forgotten, in seconds; 0 is the default of 300
	Limit      uint32 // of addresses learned; 0 is none

	Proxy     bool // answer ARP and neighbour solicitations
	RSC       bool // route short circuit
	L2Miss    bool // notify of unknown link layer addresses
	L3Miss    bool // notify of unknown IP addresses
	External  bool // by the metadata of each packet, and without an ID
	VNIFilter bool // External, but only for configured identifiers
	GBP       bool // group policy extension
	GPE       bool // generic protocol extension, needs External

	UDPCsum        Opt[bool] // checksums over IPv4
	UDPZeroCsum6Tx Opt[bool] // send none over IPv6
	UDPZeroCsum6Rx Opt[bool] // accept none over IPv6
}

// Macvlan is a link with an address of its own on Config.Parent
// (drivers/net/macvlan.c).
type Macvlan struct {
	Mode  rtattr.MacvlanMode // default MACVLAN_MODE_VEPA
	Flags rtattr.MacvlanFlags
	Tap   bool // kind macvtap: a character device in the place of the network stack

	// BroadcastQueueLen is the length of the queue of broadcasts and
	// multicasts, in packets; 0 is the default of 1000.
	BroadcastQueueLen uint32
}

func (Dummy) isKind()     {}
func (Ifb) isKind()       {}
func (WireGuard) isKind() {}
func (Raw) isKind()       {}
func (Veth) isKind()      {}
func (Bridge) isKind()    {}
func (VLAN) isKind()      {}
func (VXLAN) isKind()     {}
func (Macvlan) isKind()   {}

// putKind puts the IFLA_LINKINFO of k. The switch keeps k and the Encoder off
// the heap, where a method call through the interface would put them.
func putKind(w rtattr.LinkEncoder, k Kind) {
	e := w.Encoder()
	i := w.LinkInfo()
	switch k := k.(type) {
	case Dummy:
		i.Kind("dummy")
	case Ifb:
		i.Kind("ifb")
	case WireGuard:
		i.Kind("wireguard")
	case Raw:
		k.put(e, i)
	case Veth:
		k.put(e, i)
	case Bridge:
		k.put(e, i)
	case VLAN:
		k.put(e, i)
	case VXLAN:
		k.put(e, i)
	case Macvlan:
		k.put(i)
	default:
		e.Fail(errors.New("link: no kind of link: it is nil or a pointer"))
	}
	i.End()
}

func (k *Raw) put(e *rtattr.Encoder, i rtattr.LinkInfoEncoder) {
	if k.Kind == "" {
		e.Fail(errors.New("link: Raw without a Kind"))
	}
	i.Kind(k.Kind)
	if k.Data != nil {
		n := i.Nest.Nest(rtattr.IFLA_INFO_DATA)
		n.Raw(k.Data)
		n.End()
	}
}

func (k *Veth) put(e *rtattr.Encoder, i rtattr.LinkInfoEncoder) {
	if k.Peer == (Config{}) {
		i.Kind("veth")
		return
	}
	if reason := k.Peer.invalid(peer); reason != "" {
		e.Fail(fmt.Errorf("link: veth: peer %v: %s", k.Peer, reason))
	}
	n := i.Veth()
	w := n.Peer(k.Peer.header())
	k.Peer.put(w)
	w.End()
	n.End()
}

func (k *Bridge) put(e *rtattr.Encoder, i rtattr.LinkInfoEncoder) {
	if *k == (Bridge{}) {
		i.Kind("bridge")
		return
	}
	n := i.Bridge()
	if v, ok := k.Ageing.Get(); ok {
		n.AgeingTime(ticks(e, "Ageing", v))
	}
	if v, ok := k.ForwardDelay.Get(); ok {
		n.ForwardDelay(ticks(e, "ForwardDelay", v))
	}
	if k.HelloTime != 0 {
		n.HelloTime(ticks(e, "HelloTime", k.HelloTime))
	}
	if k.MaxAge != 0 {
		n.MaxAge(ticks(e, "MaxAge", k.MaxAge))
	}
	if v, ok := k.Priority.Get(); ok {
		n.Priority(v)
	}
	if k.STP {
		n.STPState(1)
	}
	if v, ok := k.McastSnooping.Get(); ok {
		n.McastSnooping(bit(v))
	}
	if k.GroupFwdMask != 0 {
		n.GroupFwdMask(k.GroupFwdMask)
	}
	if k.VLANFiltering {
		n.VLANFiltering(1)
	}
	if k.VLANProtocol != 0 {
		n.VLANProtocol(k.VLANProtocol)
	}
	if v, ok := k.DefaultPVID.Get(); ok {
		n.VLANDefaultPVID(v)
	}
	n.End()
}

// ticks returns d in the kernel's unit for times of a bridge, 1/100 s (USER_HZ).
func ticks(e *rtattr.Encoder, field string, d time.Duration) uint32 {
	const tick = 10 * time.Millisecond
	if n := d / tick; d%tick == 0 && n >= 0 && n < 1<<32 {
		return uint32(n)
	}
	e.Fail(fmt.Errorf("link: bridge: %s is %v, want a multiple of 10 ms", field, d))
	return 0
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (k *VLAN) put(e *rtattr.Encoder, i rtattr.LinkInfoEncoder) {
	switch {
	case k.ID > 4094:
		e.Fail(fmt.Errorf("link: vlan: ID is %d, at most 4094", k.ID))
	case k.Set&k.Clear != 0:
		e.Fail(fmt.Errorf("link: vlan: %v is both in Set and in Clear", k.Set&k.Clear))
	}
	n := i.VLAN()
	if k.Protocol != 0 {
		n.Protocol(k.Protocol)
	}
	n.ID(k.ID)
	if mask := k.Set | k.Clear; mask != 0 {
		n.Flags(rtattr.VLANFlagsMask{Flags: k.Set, Mask: mask})
	}
	n.End()
}

func (k *VXLAN) put(e *rtattr.Encoder, i rtattr.LinkInfoEncoder) {
	if reason := k.invalid(); reason != "" {
		e.Fail(fmt.Errorf("link: vxlan: %s", reason))
	}
	n := i.VXLAN()
	if k.ID != 0 || !k.External {
		n.ID(k.ID)
	}
	switch {
	case k.Group.Is4():
		n.Group(k.Group)
	case k.Group.Is6():
		n.Group6(k.Group)
	}
	switch {
	case k.Local.Is4():
		n.Local(k.Local)
	case k.Local.Is6():
		n.Local6(k.Local)
	}
	if k.Link != 0 {
		n.Link(k.Link)
	}
	if k.Port != 0 {
		n.Port(k.Port)
	}
	if k.PortHigh != 0 {
		n.PortRange(rtattr.VXLANPortRange{Low: k.PortLow, High: k.PortHigh})
	}
	if k.TTL != 0 {
		n.TTL(k.TTL)
	}
	if k.TTLInherit {
		n.SetTTLInherit()
	}
	if k.TOS != 0 {
		n.TOS(k.TOS)
	}
	if k.FlowLabel != 0 {
		n.Label(k.FlowLabel)
	}
	if k.DF != 0 {
		n.DF(k.DF)
	}
	// A new VXLAN learns if this is not sent; ip sends it, and so do we.
	n.Learning(bit(!k.NoLearning))
	if k.Ageing != 0 {
		n.Ageing(k.Ageing)
	}
	if k.Limit != 0 {
		n.Limit(k.Limit)
	}
	if k.Proxy {
		n.Proxy(1)
	}
	if k.RSC {
		n.RSC(1)
	}
	if k.L2Miss {
		n.L2Miss(1)
	}
	if k.L3Miss {
		n.L3Miss(1)
	}
	if k.External {
		n.CollectMetadata(1)
	}
	if k.VNIFilter {
		n.VNIFilter(1)
	}
	if k.GBP {
		n.GBP()
	}
	if k.GPE {
		n.GPE()
	}
	if v, ok := k.UDPCsum.Get(); ok {
		n.UDPCsum(bit(v))
	}
	if v, ok := k.UDPZeroCsum6Tx.Get(); ok {
		n.UDPZeroCsum6Tx(bit(v))
	}
	if v, ok := k.UDPZeroCsum6Rx.Get(); ok {
		n.UDPZeroCsum6Rx(bit(v))
	}
	n.End()
}

func (k *VXLAN) invalid() string {
	switch {
	case k.ID >= 1<<24:
		return fmt.Sprintf("ID is %d, which has more than 24 bits", k.ID)
	case k.Group.IsValid() && k.Local.IsValid() && k.Group.Is4() != k.Local.Is4():
		return "Group and Local are of different address families"
	case k.PortLow > k.PortHigh:
		return fmt.Sprintf("PortLow is %d, PortHigh is %d", k.PortLow, k.PortHigh)
	case k.TTL != 0 && k.TTLInherit:
		return "both TTL and TTLInherit are given"
	case k.FlowLabel >= 1<<20:
		return fmt.Sprintf("FlowLabel is %#x, which has more than 20 bits", k.FlowLabel)
	}
	return ""
}

func (k *Macvlan) put(i rtattr.LinkInfoEncoder) {
	var n rtattr.MacvlanEncoder
	switch {
	case *k == (Macvlan{}):
		i.Kind("macvlan")
		return
	case *k == (Macvlan{Tap: true}):
		i.Kind("macvtap")
		return
	case k.Tap:
		n = i.Macvtap()
	default:
		n = i.Macvlan()
	}
	if k.BroadcastQueueLen != 0 {
		n.BroadcastQueueLen(k.BroadcastQueueLen)
	}
	if k.Mode != 0 {
		n.Mode(k.Mode)
	}
	if k.Flags != 0 {
		n.Flags(k.Flags)
	}
	n.End()
}
