package link

import (
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// Bridge is an Ethernet bridge (net/bridge; its defaults are in br_dev_setup of
// br_device.c and br_multicast_ctx_init of br_multicast.c). Times are multiples of
// 10 ms. What a bridge finds out itself, such as its root and its timers, is in
// rtattr.BridgeView.
type Bridge struct {
	Ageing       Opt[time.Duration]   // until an idle address is forgotten; 0 is at once. Default 300 s
	ForwardDelay Opt[time.Duration]   // of the spanning tree; 0 only without it. Default 15 s
	HelloTime    time.Duration        // of the spanning tree, 1 to 10 s. Default 2 s
	MaxAge       time.Duration        // of the spanning tree, 6 to 40 s. Default 20 s
	Priority     Opt[uint16]          // in the election of the root, 0 is the best. Default 32768
	STP          Opt[bool]            // speak the spanning tree protocol. Default false
	GroupAddress HardwareAddr         // of that protocol, 01:80:c2:00:00:0n. Default n is 0, of ETH_P_8021AD 8
	GroupFwdMask Opt[uint16]          // bit n: forward packets to 01:80:c2:00:00:0n. Default 0
	MaxLearned   Opt[uint32]          // addresses, 0 is no limit. Default 0
	FlushFDB     bool                 // forget all learned addresses, now
	Options      rtattr.BridgeOptions // those of Mask get the bits of Value, BR_BOOLOPT_*

	VLANFiltering    Opt[bool]           // forward by VLAN. Default false
	VLANProtocol     rtattr.VLANProtocol // default ETH_P_8021Q
	DefaultPVID      Opt[uint16]         // VLAN of untagged packets, 0 is none. Default 1
	VLANStats        Opt[bool]           // count by VLAN. Default false
	VLANStatsPerPort Opt[bool]           // count by VLAN and port. Default false

	McastSnooping        Opt[bool]                         // forward multicast only where it is listened to. Default true
	McastRouter          Opt[rtattr.BridgeMulticastRouter] // whether the bridge is a router. Default MDB_RTR_TYPE_TEMP_QUERY
	McastQuerier         Opt[bool]                         // send queries. Default false
	McastQueryUseIfAddr  Opt[bool]                         // with an address of the bridge, not 0.0.0.0. Default false
	McastStats           Opt[bool]                         // count by type of packet. Default false
	McastHashMax         Opt[uint32]                       // groups. Default 4096
	McastLastMemberCount Opt[uint32]                       // queries until a group is given up. Default 2
	McastStartupCount    Opt[uint32]                       // queries at the start. Default 2

	McastLastMemberInterval    Opt[time.Duration] // default 1 s
	McastMembershipInterval    Opt[time.Duration] // until a silent listener is forgotten. Default 260 s
	McastQuerierInterval       Opt[time.Duration] // until a silent querier is forgotten. Default 255 s
	McastQueryInterval         Opt[time.Duration] // default 125 s
	McastQueryResponseInterval Opt[time.Duration] // default 10 s
	McastStartupInterval       Opt[time.Duration] // between queries at the start. Default 31.25 s

	IGMPVersion uint8 // 2 or 3. Default 2
	MLDVersion  uint8 // 1 or 2. Default 1

	NFCallIPTables  Opt[bool] // let netfilter see IPv4 packets. Default false
	NFCallIP6Tables Opt[bool] // let netfilter see IPv6 packets. Default false
	NFCallARPTables Opt[bool] // let netfilter see ARP packets. Default false
}

func (k *Bridge) walk(c *codec) {
	c.use(&rtattr.BridgeSet)
	c.optDuration(rtattr.IFLA_BR_AGEING_TIME, "Ageing", &k.Ageing, tick)
	c.optDuration(rtattr.IFLA_BR_FORWARD_DELAY, "ForwardDelay", &k.ForwardDelay, tick)
	c.duration(rtattr.IFLA_BR_HELLO_TIME, "HelloTime", &k.HelloTime, tick)
	c.duration(rtattr.IFLA_BR_MAX_AGE, "MaxAge", &k.MaxAge, tick)
	opt(c, rtattr.IFLA_BR_PRIORITY, &k.Priority)
	c.optYes(rtattr.IFLA_BR_STP_STATE, &k.STP)
	opt(c, rtattr.IFLA_BR_GROUP_FWD_MASK, &k.GroupFwdMask)
	opt(c, rtattr.IFLA_BR_FDB_MAX_LEARNED, &k.MaxLearned)
	c.yes(rtattr.IFLA_BR_FDB_FLUSH, &k.FlushFDB)
	if b, ok := c.bytes(rtattr.IFLA_BR_MULTI_BOOLOPT); ok {
		k.Options.Parse(b)
	} else if !c.reading && k.Options != (rtattr.BridgeOptions{}) {
		rtattr.BridgeEncoder{Nest: c.w}.Options(k.Options)
	}
	c.optYes(rtattr.IFLA_BR_VLAN_FILTERING, &k.VLANFiltering)
	num(c, rtattr.IFLA_BR_VLAN_PROTOCOL, &k.VLANProtocol)
	opt(c, rtattr.IFLA_BR_VLAN_DEFAULT_PVID, &k.DefaultPVID)
	c.optYes(rtattr.IFLA_BR_VLAN_STATS_ENABLED, &k.VLANStats)
	c.optYes(rtattr.IFLA_BR_VLAN_STATS_PER_PORT, &k.VLANStatsPerPort)
	k.groupAddress(c)
	c.optYes(rtattr.IFLA_BR_MCAST_SNOOPING, &k.McastSnooping)
	opt(c, rtattr.IFLA_BR_MCAST_ROUTER, &k.McastRouter)
	c.optYes(rtattr.IFLA_BR_MCAST_QUERIER, &k.McastQuerier)
	c.optYes(rtattr.IFLA_BR_MCAST_QUERY_USE_IFADDR, &k.McastQueryUseIfAddr)
	c.optYes(rtattr.IFLA_BR_MCAST_STATS_ENABLED, &k.McastStats)
	opt(c, rtattr.IFLA_BR_MCAST_HASH_MAX, &k.McastHashMax)
	opt(c, rtattr.IFLA_BR_MCAST_LAST_MEMBER_CNT, &k.McastLastMemberCount)
	opt(c, rtattr.IFLA_BR_MCAST_STARTUP_QUERY_CNT, &k.McastStartupCount)
	c.optDuration(rtattr.IFLA_BR_MCAST_LAST_MEMBER_INTVL, "McastLastMemberInterval", &k.McastLastMemberInterval, tick)
	c.optDuration(rtattr.IFLA_BR_MCAST_MEMBERSHIP_INTVL, "McastMembershipInterval", &k.McastMembershipInterval, tick)
	c.optDuration(rtattr.IFLA_BR_MCAST_QUERIER_INTVL, "McastQuerierInterval", &k.McastQuerierInterval, tick)
	c.optDuration(rtattr.IFLA_BR_MCAST_QUERY_INTVL, "McastQueryInterval", &k.McastQueryInterval, tick)
	c.optDuration(rtattr.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, "McastQueryResponseInterval", &k.McastQueryResponseInterval, tick)
	c.optDuration(rtattr.IFLA_BR_MCAST_STARTUP_QUERY_INTVL, "McastStartupInterval", &k.McastStartupInterval, tick)
	num(c, rtattr.IFLA_BR_MCAST_IGMP_VERSION, &k.IGMPVersion)
	num(c, rtattr.IFLA_BR_MCAST_MLD_VERSION, &k.MLDVersion)
	c.optYes(rtattr.IFLA_BR_NF_CALL_IPTABLES, &k.NFCallIPTables)
	c.optYes(rtattr.IFLA_BR_NF_CALL_IP6TABLES, &k.NFCallIP6Tables)
	c.optYes(rtattr.IFLA_BR_NF_CALL_ARPTABLES, &k.NFCallARPTables)
	if c.shown {
		k.writable()
	}
}

// writable leaves out what a kernel shows to be off for want of
// CONFIG_BRIDGE_VLAN_FILTERING or CONFIG_BRIDGE_IGMP_SNOOPING, and refuses to
// switch off.
func (k *Bridge) writable() {
	if k.VLANProtocol == 0 {
		k.VLANFiltering = Opt[bool]{}
	}
	if k.VLANProtocol == 0 || k.McastSnooping == (Opt[bool]{}) {
		k.Options.Mask &= k.Options.Value
	}
}

// groupAddress leaves out the address that the kernel chooses by the VLAN
// protocol: once sent, it no longer follows the protocol (BROPT_GROUP_ADDR_SET).
func (k *Bridge) groupAddress(c *codec) {
	c.hwaddr(rtattr.IFLA_BR_GROUP_ADDR, &k.GroupAddress)
	if !c.reading {
		return
	}
	chosen := HardwareAddr{b: [32]byte{0x01, 0x80, 0xc2}, n: 6}
	if k.VLANProtocol == rtattr.ETH_P_8021AD {
		chosen.b[5] = 8
	}
	if k.GroupAddress == chosen {
		k.GroupAddress = HardwareAddr{}
	}
}

// BridgePort is a port of a bridge (net/bridge/br_netlink.c; the defaults are in
// new_nbp of br_if.c).
type BridgePort struct {
	// State can be set while the port is up and the kernel does not speak the
	// spanning tree protocol; without a daemon that does, only
	// BR_STATE_DISABLED lasts. ParsePort leaves it out, for a new port has a
	// state of its own; rtattr.BridgePortView shows it.
	State Opt[rtattr.BridgePortState]

	Priority Opt[uint16] // in the spanning tree, 0 to 63. Default 32
	Cost     uint32      // in the spanning tree, 1 to 65535. Default by the speed of the link

	Hairpin      Opt[bool] // send packets back where they came from. Default false
	Guard        Opt[bool] // go down when another bridge shows up. Default false
	RootBlock    Opt[bool] // do not become the root port. Default false
	FastLeave    Opt[bool] // end a multicast group at once. Default false
	Learning     Opt[bool] // learn addresses. Default true
	Flood        Opt[bool] // send unicast to unknown addresses. Default true
	McastFlood   Opt[bool] // send multicast to unknown groups. Default true
	BcastFlood   Opt[bool] // send broadcast. Default true
	McastToUcast Opt[bool] // send multicast to each member alone. Default false

	ProxyARP          Opt[bool] // answer ARP for known neighbours. Default false
	ProxyARPWiFi      Opt[bool] // answer ARP as IEEE 802.11 and Hotspot 2.0 want. Default false
	NeighSuppress     Opt[bool] // answer ARP and neighbour discovery, do not send it on. Default false
	NeighVLANSuppress Opt[bool] // by VLAN. Default false
	VLANTunnel        Opt[bool] // map VLANs to tunnels. Default false
	Isolated          Opt[bool] // talk to ports that are not isolated only. Default false
	Locked            Opt[bool] // hosts that are unknown may not send. Default false
	MAB               Opt[bool] // they get a locked entry; needs Locked and Learning. Default false

	McastRouter        Opt[rtattr.BridgeMulticastRouter] // default MDB_RTR_TYPE_TEMP_QUERY
	McastMaxGroups     Opt[uint32]                       // 0 is no limit. Default 0
	McastEHTHostsLimit uint32                            // tracked hosts. Default 512

	GroupFwdMask Opt[uint16] // bit n: forward packets to 01:80:c2:00:00:0n. Default 0

	BackupPort      Opt[uint32] // index of the port that takes over, 0 is none. Default 0
	BackupNexthopID Opt[uint32] // nexthop object of packets that it sends, 0 is none. Default 0

	FlushFDB bool // forget the addresses learned here, now
}

func (p *BridgePort) walk(c *codec) {
	c.use(&rtattr.BridgePortSet)
	if !c.reading {
		opt(c, rtattr.IFLA_BRPORT_STATE, &p.State)
	}
	opt(c, rtattr.IFLA_BRPORT_PRIORITY, &p.Priority)
	num(c, rtattr.IFLA_BRPORT_COST, &p.Cost)
	c.optYes(rtattr.IFLA_BRPORT_MODE, &p.Hairpin)
	c.optYes(rtattr.IFLA_BRPORT_GUARD, &p.Guard)
	c.optYes(rtattr.IFLA_BRPORT_PROTECT, &p.RootBlock)
	c.optYes(rtattr.IFLA_BRPORT_FAST_LEAVE, &p.FastLeave)
	c.optYes(rtattr.IFLA_BRPORT_LEARNING, &p.Learning)
	c.optYes(rtattr.IFLA_BRPORT_UNICAST_FLOOD, &p.Flood)
	c.optYes(rtattr.IFLA_BRPORT_MCAST_FLOOD, &p.McastFlood)
	c.optYes(rtattr.IFLA_BRPORT_BCAST_FLOOD, &p.BcastFlood)
	c.optYes(rtattr.IFLA_BRPORT_MCAST_TO_UCAST, &p.McastToUcast)
	c.optYes(rtattr.IFLA_BRPORT_PROXYARP, &p.ProxyARP)
	c.optYes(rtattr.IFLA_BRPORT_PROXYARP_WIFI, &p.ProxyARPWiFi)
	c.optYes(rtattr.IFLA_BRPORT_NEIGH_SUPPRESS, &p.NeighSuppress)
	c.optYes(rtattr.IFLA_BRPORT_NEIGH_VLAN_SUPPRESS, &p.NeighVLANSuppress)
	c.optYes(rtattr.IFLA_BRPORT_VLAN_TUNNEL, &p.VLANTunnel)
	c.optYes(rtattr.IFLA_BRPORT_ISOLATED, &p.Isolated)
	c.optYes(rtattr.IFLA_BRPORT_LOCKED, &p.Locked)
	c.optYes(rtattr.IFLA_BRPORT_MAB, &p.MAB)
	opt(c, rtattr.IFLA_BRPORT_MULTICAST_ROUTER, &p.McastRouter)
	opt(c, rtattr.IFLA_BRPORT_MCAST_MAX_GROUPS, &p.McastMaxGroups)
	num(c, rtattr.IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, &p.McastEHTHostsLimit)
	opt(c, rtattr.IFLA_BRPORT_GROUP_FWD_MASK, &p.GroupFwdMask)
	opt(c, rtattr.IFLA_BRPORT_BACKUP_PORT, &p.BackupPort)
	opt(c, rtattr.IFLA_BRPORT_BACKUP_NHID, &p.BackupNexthopID)
	c.yes(rtattr.IFLA_BRPORT_FLUSH, &p.FlushFDB)
}
