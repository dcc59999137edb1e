package link

import (
	"fmt"
	"math"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Config is what Add gives to a new link and what Set changes of one. Zero
// fields are not given to the kernel: it chooses, or nothing changes.
type Config struct {
	// Index is the number that a new link shall have. Add only.
	Index uint32

	// Name is of 1 to 15 bytes. In that of a new link the kernel replaces %d
	// by a number: "v%d".
	Name string

	// MTU is the largest packet, in bytes, without the link layer's header.
	MTU uint32

	Address   HardwareAddr
	Broadcast HardwareAddr

	// TxQLen is the length of the transmit queue, in packets. 0 is no queue.
	TxQLen Opt[uint32]

	// NumTxQueues and NumRxQueues are numbers of queues. Add only.
	NumTxQueues, NumRxQueues uint32

	// Parent is the index of the link below, of a VLAN or macvlan. Add only.
	Parent uint32

	// LinkNetNSID is the number of the network namespace of Parent, and of what a
	// tunnel sends, if it is another one than that of the link. Add only.
	LinkNetNSID Opt[int32]

	// Master is the index of the bridge or bond of which the link becomes a
	// port. 0 is none, which ends that.
	Master Opt[uint32]

	// Group is the group of links that the link belongs to. 0 is the default.
	Group Opt[uint32]

	// Alias is a description, up to 255 bytes. "" removes it. Set only.
	Alias Opt[string]

	// The network namespace that the link is created in or moves to, at most one
	// of them: a descriptor, the namespace of a process, or a number ([GetNSID]).
	// The zero of the first two is none. A link that moves goes down and loses
	// its addresses and routes.
	NetNS    int
	NetNSPID uint32
	NetNSID  Opt[int32]

	// Set and Clear are flags to change. rtattr.IFF_UP in Set brings the link
	// up, in Clear takes it down. Others of use are IFF_NOARP, IFF_MULTICAST,
	// IFF_ALLMULTI, IFF_PROMISC, IFF_DYNAMIC and IFF_NOTRAILERS. The message that
	// makes a pair of links cannot bring the peer up: ENOTCONN.
	Set, Clear rtattr.IfFlags

	// GSOMaxSize is the largest packet that is given to the driver to be cut into
	// segments, in bytes, and GSOMaxSegs the most segments of one. GROMaxSize is
	// the largest packet that received segments are joined to, in bytes. GSOMaxSize
	// and GROMaxSize up to 65536 hold for IPv4 too; beyond that IPv4 has its own.
	GSOMaxSize, GSOMaxSegs, GROMaxSize uint32
	GSOIPv4MaxSize, GROIPv4MaxSize     uint32

	// LinkMode says whether the link works as soon as it has a carrier, or waits
	// for OperState to be set, as 802.1X does. Of OperState the kernel takes
	// IF_OPER_UP, IF_OPER_DORMANT and IF_OPER_TESTING.
	LinkMode  Opt[rtattr.LinkMode]
	OperState rtattr.OperState

	// Carrier is what few drivers let one set: those of dummy, team, TUN. Set only.
	Carrier Opt[bool]

	// ProtoDown holds a VXLAN or macvlan down for a protocol such as VRRP.
	// SetReasons and ClearReasons are reasons to change, a bit for each; which bit is
	// which is for user space to say. The kernel does not end ProtoDown while there
	// are reasons. Set only.
	ProtoDown                Opt[bool]
	SetReasons, ClearReasons uint32

	// AddrGenMode is how IPv6 makes the identifiers of addresses.
	// IN6_ADDR_GEN_MODE_NONE leaves the link without a link-local address if it
	// comes before the message that brings the link up. Set only.
	AddrGenMode Opt[rtattr.AddrGenMode]
}

// String returns what is given as the arguments of ip-link(8), with indices in
// the place of names: "v0 mtu 1400 master 4 up".
func (c Config) String() string {
	var b strings.Builder
	b.WriteString(c.Name)
	add := func(format string, v any) { fmt.Fprintf(&b, " "+format, v) }
	if c.Index != 0 {
		add("index %d", c.Index)
	}
	if c.Parent != 0 {
		add("link %d", c.Parent)
	}
	if v, ok := c.LinkNetNSID.Get(); ok {
		add("link-netnsid %d", v)
	}
	if c.MTU != 0 {
		add("mtu %d", c.MTU)
	}
	if c.Address != (HardwareAddr{}) {
		add("address %v", c.Address)
	}
	if c.Broadcast != (HardwareAddr{}) {
		add("broadcast %v", c.Broadcast)
	}
	if v, ok := c.TxQLen.Get(); ok {
		add("txqueuelen %d", v)
	}
	if c.NumTxQueues != 0 {
		add("numtxqueues %d", c.NumTxQueues)
	}
	if c.NumRxQueues != 0 {
		add("numrxqueues %d", c.NumRxQueues)
	}
	if v, ok := c.Master.Get(); ok {
		add("master %d", v)
	}
	if v, ok := c.Group.Get(); ok {
		add("group %d", v)
	}
	if v, ok := c.Alias.Get(); ok {
		add("alias %q", v)
	}
	if c.NetNS != 0 {
		add("netns fd %d", c.NetNS)
	}
	if c.NetNSPID != 0 {
		add("netns %d", c.NetNSPID)
	}
	if v, ok := c.NetNSID.Get(); ok {
		add("netns id %d", v)
	}
	if c.Set != 0 {
		add("set %v", c.Set)
	}
	if c.Clear != 0 {
		add("clear %v", c.Clear)
	}
	for _, size := range []struct {
		name string
		v    uint32
	}{
		{"gso_max_size", c.GSOMaxSize}, {"gso_max_segs", c.GSOMaxSegs}, {"gro_max_size", c.GROMaxSize},
		{"gso_ipv4_max_size", c.GSOIPv4MaxSize}, {"gro_ipv4_max_size", c.GROIPv4MaxSize},
	} {
		if size.v != 0 {
			add(size.name+" %d", size.v)
		}
	}
	if v, ok := c.LinkMode.Get(); ok {
		add("mode %v", v)
	}
	if c.OperState != 0 {
		add("state %v", c.OperState)
	}
	if v, ok := c.Carrier.Get(); ok {
		add("carrier %s", onOff(v))
	}
	if v, ok := c.ProtoDown.Get(); ok {
		add("protodown %s", onOff(v))
	}
	if c.SetReasons != 0 {
		add("protodown_reason set %#x", c.SetReasons)
	}
	if c.ClearReasons != 0 {
		add("protodown_reason clear %#x", c.ClearReasons)
	}
	if v, ok := c.AddrGenMode.Get(); ok {
		add("addrgenmode %v", v)
	}
	return strings.TrimPrefix(b.String(), " ")
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

// invalid returns what is wrong with c: what the kernel would cut, or ignore.
func (c *Config) invalid(op operation) string {
	if c.Name != "" {
		if reason := badName(c.Name); reason != "" {
			return reason
		}
	}
	alias, _ := c.Alias.Get()
	id, hasID := c.NetNSID.Get()
	ignored := ""
	if op != set {
		ignored = c.ignored()
	}
	switch {
	case c.Index > math.MaxInt32:
		return "Index is too large"
	case c.NetNS < 0:
		return "NetNS is no descriptor"
	case c.Set&c.Clear != 0:
		return fmt.Sprintf("%v is both in Set and in Clear", c.Set&c.Clear)
	case c.SetReasons&c.ClearReasons != 0:
		return fmt.Sprintf("%#x is both in SetReasons and in ClearReasons", c.SetReasons&c.ClearReasons)
	case c.NetNS != 0 && (c.NetNSPID != 0 || hasID) || c.NetNSPID != 0 && hasID:
		return "NetNS, NetNSPID and NetNSID exclude each other"
	case hasID && id < 0:
		return "NetNSID is no number of a network namespace"
	case ignored != "":
		return "the kernel takes no " + ignored + " of a new link: Set it"
	case op == set && c.Index != 0:
		return "Index cannot change"
	case op == set && c.Parent != 0:
		return "Parent cannot change"
	case op == set && c.LinkNetNSID != Opt[int32]{}:
		return "LinkNetNSID cannot change"
	case op == set && (c.NumTxQueues != 0 || c.NumRxQueues != 0):
		return "the numbers of queues cannot change"
	case op == peer && (c.Parent != 0 || c.Master != (Opt[uint32]{}) || c.LinkNetNSID != Opt[int32]{} || hasID):
		return "the kernel ignores Parent, LinkNetNSID, Master and NetNSID of a peer"
	case len(alias) > maxAlias:
		return fmt.Sprintf("Alias has %d bytes, at most %d fit", len(alias), maxAlias)
	case strings.IndexByte(alias, 0) >= 0:
		return "NUL inside the Alias"
	}
	return ""
}

// ignored returns which field the kernel looks at only if the link exists
// (rtnl_create_link and rtnl_newlink_create in net/core/rtnetlink.c); it refuses
// AddrGenMode (inet6_validate_link_af).
func (c *Config) ignored() string {
	switch {
	case c.Alias != (Opt[string]{}):
		return "Alias"
	case c.Carrier != (Opt[bool]{}):
		return "Carrier"
	case c.ProtoDown != (Opt[bool]{}):
		return "ProtoDown"
	case c.SetReasons|c.ClearReasons != 0:
		return "SetReasons and ClearReasons"
	case c.AddrGenMode != (Opt[rtattr.AddrGenMode]{}):
		return "AddrGenMode"
	}
	return ""
}

// An operation says which fields of a Config the kernel looks at.
type operation uint8

const (
	add operation = iota
	peer
	set
)

const maxAlias = 255 // IFALIASZ-1

func (c *Config) header() rtattr.IfInfomsg {
	return rtattr.IfInfomsg{Index: int32(c.Index), Flags: c.Set, Change: c.Set | c.Clear}
}

// put puts all of c but what is in the header.
func (c *Config) put(w rtattr.LinkEncoder) {
	if c.Address.n > 0 {
		w.Address(c.Address.b[:c.Address.n])
	}
	if c.Broadcast.n > 0 {
		w.Broadcast(c.Broadcast.b[:c.Broadcast.n])
	}
	if c.MTU != 0 {
		w.MTU(c.MTU)
	}
	if v, ok := c.TxQLen.Get(); ok {
		w.TxQLen(v)
	}
	if c.NumTxQueues != 0 {
		w.NumTxQueues(c.NumTxQueues)
	}
	if c.NumRxQueues != 0 {
		w.NumRxQueues(c.NumRxQueues)
	}
	if c.NetNS != 0 {
		w.NetNSFD(uint32(c.NetNS))
	}
	if c.NetNSPID != 0 {
		w.NetNSPID(c.NetNSPID)
	}
	if v, ok := c.NetNSID.Get(); ok {
		w.TargetNetNSID(v)
	}
	if v, ok := c.Master.Get(); ok {
		w.Master(v)
	}
	if v, ok := c.Group.Get(); ok {
		w.Group(v)
	}
	if v, ok := c.Alias.Get(); ok {
		w.IfAlias(v)
	}
	if c.Parent != 0 {
		w.Link(c.Parent)
	}
	if v, ok := c.LinkNetNSID.Get(); ok {
		w.LinkNetNSID(v)
	}
	if c.Name != "" {
		w.IfName(c.Name)
	}
	if c.GSOMaxSize != 0 {
		w.GSOMaxSize(c.GSOMaxSize)
	}
	if c.GSOMaxSegs != 0 {
		w.GSOMaxSegs(c.GSOMaxSegs)
	}
	if c.GROMaxSize != 0 {
		w.GROMaxSize(c.GROMaxSize)
	}
	if c.GSOIPv4MaxSize != 0 {
		w.GSOIPv4MaxSize(c.GSOIPv4MaxSize)
	}
	if c.GROIPv4MaxSize != 0 {
		w.GROIPv4MaxSize(c.GROIPv4MaxSize)
	}
	if v, ok := c.LinkMode.Get(); ok {
		w.LinkMode(v)
	}
	if c.OperState != 0 {
		w.OperState(c.OperState)
	}
	if v, ok := c.Carrier.Get(); ok {
		w.Carrier(bit(v))
	}
	if v, ok := c.ProtoDown.Get(); ok {
		w.ProtoDown(bit(v))
	}
	if mask := c.SetReasons | c.ClearReasons; mask != 0 {
		n := w.ProtoDownReason()
		n.Mask(mask)
		n.Value(c.SetReasons)
		n.End()
	}
	if v, ok := c.AddrGenMode.Get(); ok {
		n := w.AFSpec()
		six := n.Inet6()
		six.AddrGenMode(v)
		six.End()
		n.End()
	}
}
