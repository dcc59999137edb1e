package link

import (
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// Veth is a pair of links: what enters one leaves the other (drivers/net/veth.c).
type Veth struct {
	// Peer is the other end. The kernel chooses all of a zero Peer. It does not
	// show the peer with the link: Link.Parent is its index.
	Peer Config
}

func (k *Veth) walk(c *codec) {
	c.use(&rtattr.VethSet)
	c.peer(rtattr.VETH_INFO_PEER, &k.Peer)
}

// VXCAN is a pair of CAN links: what enters one leaves the other
// (drivers/net/can/vxcan.c).
type VXCAN struct {
	Peer Config // as that of a Veth
}

func (k *VXCAN) walk(c *codec) {
	c.use(&rtattr.VXCANSet)
	c.peer(rtattr.VXCAN_INFO_PEER, &k.Peer)
}

// Netkit is a pair of links with BPF programs (drivers/net/netkit.c). Policy and
// PeerPolicy can be changed. Which end is the first one is in rtattr.NetkitView.
type Netkit struct {
	Peer       Config                   // as that of a Veth
	Mode       Opt[rtattr.NetkitMode]   // default NETKIT_L3
	Policy     Opt[rtattr.NetkitAction] // for packets without a program. Default NETKIT_PASS
	PeerPolicy Opt[rtattr.NetkitAction] // of the other end
	Scrub      Opt[rtattr.NetkitScrub]  // of mark and priority. Default NETKIT_SCRUB_DEFAULT
	PeerScrub  Opt[rtattr.NetkitScrub]  // of the other end
	Headroom   uint16                   // left before a packet, in bytes
	Tailroom   uint16                   // left after a packet, in bytes
}

func (k *Netkit) walk(c *codec) {
	c.use(&rtattr.NetkitSet)
	c.peer(rtattr.IFLA_NETKIT_PEER_INFO, &k.Peer)
	opt(c, rtattr.IFLA_NETKIT_MODE, &k.Mode)
	opt(c, rtattr.IFLA_NETKIT_POLICY, &k.Policy)
	opt(c, rtattr.IFLA_NETKIT_PEER_POLICY, &k.PeerPolicy)
	opt(c, rtattr.IFLA_NETKIT_SCRUB, &k.Scrub)
	opt(c, rtattr.IFLA_NETKIT_PEER_SCRUB, &k.PeerScrub)
	num(c, rtattr.IFLA_NETKIT_HEADROOM, &k.Headroom)
	num(c, rtattr.IFLA_NETKIT_TAILROOM, &k.Tailroom)
}

// peer is the other end of a pair: the header of a link and its attributes.
func (c *codec) peer(typ uint16, p *Config) {
	if c.reading {
		b, ok := c.bytes(typ)
		if !ok {
			return
		}
		var v rtattr.LinkView
		if err := v.Parse(b); err != nil {
			c.fail(err)
		}
		*p = c.readPeer(&v)
		return
	}
	if *p == (Config{}) {
		return
	}
	if reason := p.invalid(peer); reason != "" {
		c.fail(fmt.Errorf("link: %s: peer %v: %s", c.what, *p, reason))
	}
	n, b := c.w.OpenHeader(typ, c.set.Attrs[typ].Struct.Size)
	p.header().Append(b[:0])
	w := rtattr.LinkEncoder{Nest: n}
	p.put(w)
	w.End()
}

// readPeer returns what a request says of a peer.
func (c *codec) readPeer(v *rtattr.LinkView) (p Config) {
	h := v.Header
	p.Index, p.Set, p.Clear = uint32(h.Index), h.Flags, h.Change&^h.Flags
	name, _ := v.IfName()
	p.Name = string(name)
	p.MTU, _ = v.MTU()
	if b, ok := v.Address(); ok {
		c.readHWAddr(b, &p.Address)
	}
	if b, ok := v.Broadcast(); ok {
		c.readHWAddr(b, &p.Broadcast)
	}
	if n, ok := v.TxQLen(); ok {
		p.TxQLen = Some(n)
	}
	p.NumTxQueues, _ = v.NumTxQueues()
	p.NumRxQueues, _ = v.NumRxQueues()
	if n, ok := v.Group(); ok {
		p.Group = Some(n)
	}
	fd, _ := v.NetNSFD()
	p.NetNS = int(fd)
	p.NetNSPID, _ = v.NetNSPID()
	p.GSOMaxSize, _ = v.GSOMaxSize()
	p.GSOMaxSegs, _ = v.GSOMaxSegs()
	p.GROMaxSize, _ = v.GROMaxSize()
	p.GSOIPv4MaxSize, _ = v.GSOIPv4MaxSize()
	p.GROIPv4MaxSize, _ = v.GROIPv4MaxSize()
	if mode, ok := v.LinkMode(); ok {
		p.LinkMode = Some(mode)
	}
	p.OperState, _ = v.OperState()
	return p
}
