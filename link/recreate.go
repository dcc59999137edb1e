package link

import "github.com/nlwire/nlwire/rtattr"

// kept are the flags that one can set, but IFF_UP (__dev_change_flags in
// net/core/dev.c).
const kept = rtattr.IFF_DEBUG | rtattr.IFF_NOTRAILERS | rtattr.IFF_NOARP | rtattr.IFF_DYNAMIC | rtattr.IFF_MULTICAST |
	rtattr.IFF_PORTSEL | rtattr.IFF_AUTOMEDIA | rtattr.IFF_PROMISC | rtattr.IFF_ALLMULTI

// Config returns what creates the link again, together with its Data: the first
// of three steps. [Link.Rest] and its Port are the second one, which all links have
// to be there for, and IFF_UP the third one:
//
//	link.AppendAdd(e, l.Config(), l.Data)
//	link.AppendSet(e, l.Index, l.Rest())
//	link.AppendSetPort(e, l.Index, l.Port) // if there is one
//	link.AppendSet(e, l.Index, link.Config{Set: rtattr.IFF_UP}) // if l.Up()
//
// It has the Index. Parent is left out of a link whose Parent is the other end of
// a pair (veth, netkit, vxcan): both ends are made by one message, with the
// Config of the other one as the peer.
func (l Link) Config() Config {
	c := Config{
		Index: l.Index, Name: l.Name, MTU: l.MTU, TxQLen: Some(l.TxQLen), NumTxQueues: l.NumTxQueues, NumRxQueues: l.NumRxQueues,
		Group: Some(l.Group), LinkMode: Some(l.LinkMode),
		Set: l.Flags & kept, Clear: kept &^ l.Flags,
	}
	if l.HWType == etherType { // the addresses of tunnels are their ends
		c.Address, c.Broadcast = l.Address, l.Broadcast
	}
	switch l.Kind {
	case "veth", "netkit", "vxcan":
	default:
		c.Parent, c.LinkNetNSID = l.Parent, l.LinkNetNSID
	}
	return c
}

const etherType = 1 // ARPHRD_ETHER

// Rest returns what a link takes only when it exists: its Master, Alias, limits of
// segmentation, ProtoDown and AddrGenMode. Alternative names are for
// AppendAddAltNames; an XDP program and the settings of virtual functions are not
// in a Link as what sets them.
func (l Link) Rest() Config {
	c := Config{
		GSOMaxSize: l.GSOMaxSize, GSOMaxSegs: l.GSOMaxSegs, GROMaxSize: l.GROMaxSize,
		GSOIPv4MaxSize: l.GSOIPv4MaxSize, GROIPv4MaxSize: l.GROIPv4MaxSize,
		AddrGenMode: l.AddrGenMode, SetReasons: l.ProtoDownReason,
	}
	if l.Master != 0 {
		c.Master = Some(l.Master)
	}
	if l.Alias != "" {
		c.Alias = Some(l.Alias)
	}
	if l.ProtoDown {
		c.ProtoDown = Some(true)
	}
	return c
}
