package link

import (
	"net/netip"
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// Bond is a link made of several (drivers/net/bonding; its options, and in which
// modes there are which, are in bond_options.c). Times are multiples of 1 ms,
// LPInterval is one of 1 s. What a bond finds out itself, such as its aggregate, is
// in rtattr.BondView.
//
// The kernel refuses options that the Mode does not have. ParseKind leaves out
// those that it shows nevertheless.
type Bond struct {
	Mode Opt[rtattr.BondMode] // default BOND_MODE_ROUNDROBIN

	MIIMon          Opt[time.Duration] // between checks of the links, 0 is never. Default 0, 100 ms of 802.3ad, TLB and ALB
	UpDelay         Opt[time.Duration] // until a link that is back is used; needs MIIMon. Default 0
	DownDelay       Opt[time.Duration] // until a link that is lost is given up; needs MIIMon. Default 0
	PeerNotifyDelay Opt[time.Duration] // between notices to peers; needs MIIMon. Default 0
	UseCarrier      Opt[bool]          // ask for the carrier, not by MII; Linux 6.18 knows true only. Default true

	ARPInterval   Opt[time.Duration] // between checks by ARP, 0 is never; not with MIIMon. Default 0
	ARPTargets    Values[netip.Addr] // up to 16 IPv4 addresses to ask for; a list replaces what there was
	NSTargets     Values[netip.Addr] // up to 16 IPv6 addresses to ask for
	ARPValidate   Opt[uint32]        // check ARP: 0 not, 1 on the active port, 2 on backup ports, 3 on all; 4 to 6 drop other packets. Default 0
	ARPAllTargets Opt[bool]          // all targets must answer, not any. Default false
	MissedMax     uint8              // failed checks by ARP until a port is down. Default 2

	// ActiveSlave is the index of the port in use, 0 lets the kernel choose. A
	// bond has no ports when it is made: this is for Change only, and ParseKind
	// leaves it out.
	ActiveSlave     Opt[uint32]
	Primary         Opt[uint32] // index of the preferred port, 0 is none
	PrimaryReselect Opt[uint8]  // when it is chosen again: 0 always, 1 if better, 2 on failure. Default 0
	FailOverMAC     Opt[uint8]  // address on a change: 0 none, 1 active, 2 follow. Default 0

	XmitHashPolicy  Opt[rtattr.BondXmitPolicy] // default BOND_XMIT_POLICY_LAYER2
	ResendIGMP      Opt[uint32]                // reports after a change. Default 1
	NumPeerNotif    Opt[uint8]                 // notices to peers after a change. Default 1
	AllSlavesActive Opt[bool]                  // take duplicates on inactive ports. Default false
	MinLinks        Opt[uint32]                // ports that are up for a carrier. Default 0
	LPInterval      time.Duration              // between learning packets. Default 1 s
	PacketsPerSlave Opt[uint32]                // through one port in turn, 0 is at random. Default 1
	TLBDynamicLB    Opt[bool]                  // move flows between ports. Default true
	BroadcastNeigh  Opt[bool]                  // send ARP and neighbour discovery through all ports. Default false

	LACPActive     Opt[bool]    // send LACP unasked. Default true
	LACPRate       Opt[uint8]   // ask for LACP: 0 slowly, 1 fast. Default 0
	ADSelect       Opt[uint8]   // aggregate: 0 stable, 1 bandwidth, 2 count. Default 0
	ADActorSysPrio uint16       // priority of the system. Default 65535
	ADUserPortKey  Opt[uint16]  // upper 10 bits of the key of a port. Default 0
	ADActorSystem  HardwareAddr // of the system. Default that of the bond
	CoupledControl Opt[bool]    // collect and distribute at the same time. Default true
}

func (k *Bond) walk(c *codec) {
	c.use(&rtattr.BondSet)
	opt(c, rtattr.IFLA_BOND_MODE, &k.Mode)
	c.optDuration(rtattr.IFLA_BOND_MIIMON, "MIIMon", &k.MIIMon, milli)
	c.optDuration(rtattr.IFLA_BOND_UPDELAY, "UpDelay", &k.UpDelay, milli)
	c.optDuration(rtattr.IFLA_BOND_DOWNDELAY, "DownDelay", &k.DownDelay, milli)
	c.optDuration(rtattr.IFLA_BOND_PEER_NOTIF_DELAY, "PeerNotifyDelay", &k.PeerNotifyDelay, milli)
	c.optYes(rtattr.IFLA_BOND_USE_CARRIER, &k.UseCarrier)
	c.optDuration(rtattr.IFLA_BOND_ARP_INTERVAL, "ARPInterval", &k.ARPInterval, milli)
	c.targets(rtattr.IFLA_BOND_ARP_IP_TARGET, &k.ARPTargets)
	c.targets(rtattr.IFLA_BOND_NS_IP6_TARGET, &k.NSTargets)
	opt(c, rtattr.IFLA_BOND_ARP_VALIDATE, &k.ARPValidate)
	c.optYes(rtattr.IFLA_BOND_ARP_ALL_TARGETS, &k.ARPAllTargets)
	num(c, rtattr.IFLA_BOND_MISSED_MAX, &k.MissedMax)
	if !c.reading {
		opt(c, rtattr.IFLA_BOND_ACTIVE_SLAVE, &k.ActiveSlave)
	}
	opt(c, rtattr.IFLA_BOND_PRIMARY, &k.Primary)
	opt(c, rtattr.IFLA_BOND_PRIMARY_RESELECT, &k.PrimaryReselect)
	opt(c, rtattr.IFLA_BOND_FAIL_OVER_MAC, &k.FailOverMAC)
	opt(c, rtattr.IFLA_BOND_XMIT_HASH_POLICY, &k.XmitHashPolicy)
	opt(c, rtattr.IFLA_BOND_RESEND_IGMP, &k.ResendIGMP)
	opt(c, rtattr.IFLA_BOND_NUM_PEER_NOTIF, &k.NumPeerNotif)
	c.optYes(rtattr.IFLA_BOND_ALL_SLAVES_ACTIVE, &k.AllSlavesActive)
	opt(c, rtattr.IFLA_BOND_MIN_LINKS, &k.MinLinks)
	c.duration(rtattr.IFLA_BOND_LP_INTERVAL, "LPInterval", &k.LPInterval, second)
	opt(c, rtattr.IFLA_BOND_PACKETS_PER_SLAVE, &k.PacketsPerSlave)
	c.optYes(rtattr.IFLA_BOND_TLB_DYNAMIC_LB, &k.TLBDynamicLB)
	c.optYes(rtattr.IFLA_BOND_BROADCAST_NEIGH, &k.BroadcastNeigh)
	c.optYes(rtattr.IFLA_BOND_AD_LACP_ACTIVE, &k.LACPActive)
	opt(c, rtattr.IFLA_BOND_AD_LACP_RATE, &k.LACPRate)
	opt(c, rtattr.IFLA_BOND_AD_SELECT, &k.ADSelect)
	num(c, rtattr.IFLA_BOND_AD_ACTOR_SYS_PRIO, &k.ADActorSysPrio)
	opt(c, rtattr.IFLA_BOND_AD_USER_PORT_KEY, &k.ADUserPortKey)
	c.hwaddr(rtattr.IFLA_BOND_AD_ACTOR_SYSTEM, &k.ADActorSystem)
	c.optYes(rtattr.IFLA_BOND_COUPLED_CONTROL, &k.CoupledControl)
	if c.reading {
		k.writable()
	}
}

// writable leaves out what the kernel shows in every mode, but takes in some only
// (unsuppmodes in bond_options.c), and what stands for nothing.
func (k *Bond) writable() {
	mode, ok := k.Mode.Get()
	if !ok {
		return // not shown by the kernel: it always tells the mode
	}
	if mode != rtattr.BOND_MODE_ROUNDROBIN {
		k.PacketsPerSlave = Opt[uint32]{}
	}
	switch mode {
	case rtattr.BOND_MODE_8023AD, rtattr.BOND_MODE_TLB, rtattr.BOND_MODE_ALB:
		k.ARPInterval, k.ARPValidate, k.MissedMax = Opt[time.Duration]{}, Opt[uint32]{}, 0
	}
	switch mode {
	case rtattr.BOND_MODE_ACTIVEBACKUP, rtattr.BOND_MODE_TLB, rtattr.BOND_MODE_ALB:
	default:
		k.Primary = Opt[uint32]{}
	}
	switch mode {
	case rtattr.BOND_MODE_TLB, rtattr.BOND_MODE_ALB:
	default:
		k.TLBDynamicLB = Opt[bool]{}
	}
	if mode != rtattr.BOND_MODE_8023AD {
		k.LACPActive, k.LACPRate, k.CoupledControl, k.BroadcastNeigh = Opt[bool]{}, Opt[uint8]{}, Opt[bool]{}, Opt[bool]{}
		k.ADActorSysPrio, k.ADUserPortKey, k.ADActorSystem = 0, Opt[uint16]{}, HardwareAddr{}
	}
	if d, _ := k.MIIMon.Get(); d == 0 { // _bond_option_delay_set
		k.UpDelay, k.DownDelay, k.PeerNotifyDelay = Opt[time.Duration]{}, Opt[time.Duration]{}, Opt[time.Duration]{}
	}
	if k.ADActorSystem == (HardwareAddr{n: 6}) { // none
		k.ADActorSystem = HardwareAddr{}
	}
}

// targets is a list of addresses, each with its index.
func (c *codec) targets(typ uint16, p *Values[netip.Addr]) {
	if c.reading {
		if c.at[typ] == 0 {
			return
		}
		var list []netip.Addr
		for _, off := range c.attrs.Elems(c.at[typ]) {
			if a, ok := c.attrs.Addr(off); ok {
				list = append(list, a)
			}
		}
		*p = ValuesOf(list...)
		return
	}
	if !p.ok {
		return
	}
	n := c.w.Nest(typ)
	i := uint16(0)
	for s := p.s; s != ""; i++ {
		var a netip.Addr
		a, s = next[netip.Addr](s)
		if c.set.Attrs[typ].ElemSize == 4 {
			n.Addr4(i, a)
		} else {
			n.Addr6(i, a)
		}
	}
	n.End()
}

// BondPort is a port of a bond (drivers/net/bonding/bond_netlink.c). What a bond
// finds out about it is in rtattr.BondSlaveView.
type BondPort struct {
	QueueID       Opt[uint16] // transmit queue of the bond that leads here, 0 is none. Default 0
	Prio          Opt[int32]  // the highest is the active one; in active-backup, TLB and ALB. Default 0
	ActorPortPrio Opt[uint16] // in link aggregation; in 802.3ad. Default 255
}

func (p *BondPort) walk(c *codec) {
	c.use(&rtattr.BondSlaveSet)
	opt(c, rtattr.IFLA_BOND_SLAVE_QUEUE_ID, &p.QueueID)
	opt(c, rtattr.IFLA_BOND_SLAVE_PRIO, &p.Prio)
	opt(c, rtattr.IFLA_BOND_SLAVE_ACTOR_PORT_PRIO, &p.ActorPortPrio)
	if c.reading && p.Prio == Some[int32](0) {
		p.Prio = Opt[int32]{} // shown in all modes, refused in some
	}
}
