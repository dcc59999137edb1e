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

	// Master is the index of the bridge or bond of which the link becomes a
	// port. 0 is none, which ends that.
	Master Opt[uint32]

	// Group is the group of links that the link belongs to. 0 is the default.
	Group Opt[uint32]

	// Alias is a description, up to 255 bytes. "" removes it. Set only.
	Alias Opt[string]

	// NetNS is a descriptor of the network namespace that the link is created
	// in or moves to; 0 is none. A link that moves goes down and loses its
	// addresses and routes.
	NetNS int

	// Set and Clear are flags to change. rtattr.IFF_UP in Set brings the link
	// up, in Clear takes it down.
	Set, Clear rtattr.IfFlags
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
	if c.Set != 0 {
		add("set %v", c.Set)
	}
	if c.Clear != 0 {
		add("clear %v", c.Clear)
	}
	return strings.TrimPrefix(b.String(), " ")
}

// invalid returns what is wrong with c: what the kernel would cut, or ignore.
func (c *Config) invalid(op operation) string {
	if c.Name != "" {
		if reason := badName(c.Name); reason != "" {
			return reason
		}
	}
	alias, hasAlias := c.Alias.Get()
	switch {
	case c.Index > math.MaxInt32:
		return "Index is too large"
	case c.NetNS < 0:
		return "NetNS is no descriptor"
	case c.Set&c.Clear != 0:
		return fmt.Sprintf("%v is both in Set and in Clear", c.Set&c.Clear)
	case op != set && hasAlias:
		return "the kernel ignores the Alias of a new link: Set it"
	case op == set && c.Index != 0:
		return "Index cannot change"
	case op == set && c.Parent != 0:
		return "Parent cannot change"
	case op == set && (c.NumTxQueues != 0 || c.NumRxQueues != 0):
		return "the numbers of queues cannot change"
	case op == peer && (c.Parent != 0 || c.Master != (Opt[uint32]{})):
		return "the kernel ignores Parent and Master of a peer"
	case len(alias) > maxAlias:
		return fmt.Sprintf("Alias has %d bytes, at most %d fit", len(alias), maxAlias)
	case strings.IndexByte(alias, 0) >= 0:
		return "NUL inside the Alias"
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
	if c.Name != "" {
		w.IfName(c.Name)
	}
}
