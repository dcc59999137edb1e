package link

import (
	"errors"
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// Kinds without parameters.
type (
	Dummy     struct{} // Dummy drops what it is given (drivers/net/dummy.c).
	Ifb       struct{} // Ifb is a link to which traffic control redirects packets (drivers/net/ifb.c).
	WireGuard struct{} // WireGuard is a tunnel; keys and peers are set over its own generic netlink family.
	Nlmon     struct{} // Nlmon shows all netlink messages to packet sockets (drivers/net/nlmon.c).
	VCAN      struct{} // VCAN is a CAN link that gives back what it is given (drivers/net/can/vcan.c).
	Team      struct{} // Team is made of several links; it is set over its own generic netlink family (drivers/net/team).
	Netdevsim struct{} // Netdevsim is a simulated device; Linux makes those over sysfs alone (drivers/net/netdevsim).
	PFCP      struct{} // PFCP is a tunnel whose packets have their metadata from traffic control (drivers/net/pfcp.c).
)

// VRF is a virtual router: its ports use a routing table of their own
// (drivers/net/vrf.c).
type VRF struct {
	Table rtattr.RouteTable
}

func (k *VRF) walk(c *codec) {
	c.use(&rtattr.VRFSet)
	num(c, rtattr.IFLA_VRF_TABLE, &k.Table)
}

// HSR is a redundant ring, IEC 62439-3 (net/hsr/hsr_netlink.c). The sequence number
// is in rtattr.HSRView. Linux 6.12 does not show Version and Interlink: whoever makes
// a listed link again says them.
type HSR struct {
	Slave1, Slave2 uint32             // indices of the ports
	Interlink      uint32             // index of the port to another ring or network
	MulticastSpec  uint8              // last byte of the supervision address. Default 0
	Version        uint8              // of HSR, 0 or 1. Default 0
	Protocol       rtattr.HSRProtocol // default HSR_PROTOCOL_HSR
}

func (k *HSR) walk(c *codec) {
	c.use(&rtattr.HSRSet)
	num(c, rtattr.IFLA_HSR_SLAVE1, &k.Slave1)
	num(c, rtattr.IFLA_HSR_SLAVE2, &k.Slave2)
	num(c, rtattr.IFLA_HSR_INTERLINK, &k.Interlink)
	num(c, rtattr.IFLA_HSR_MULTICAST_SPEC, &k.MulticastSpec)
	num(c, rtattr.IFLA_HSR_VERSION, &k.Version)
	num(c, rtattr.IFLA_HSR_PROTOCOL, &k.Protocol)
	if b, ok := c.bytes(rtattr.IFLA_HSR_SUPERVISION_ADDR); ok && len(b) == 6 {
		k.MulticastSpec = b[5] // which the kernel does not show otherwise
	}
}

// IPoIB is IP over InfiniBand on Config.Parent (drivers/infiniband/ulp/ipoib). Mode
// and UMcast can be changed.
type IPoIB struct {
	PKey   uint16                // partition key. Default that of Parent
	Mode   Opt[rtattr.IPoIBMode] // default that of Parent
	UMcast Opt[bool]             // user space manages multicast groups. Default that of Parent
}

func (k *IPoIB) walk(c *codec) {
	c.use(&rtattr.IPoIBSet)
	num(c, rtattr.IFLA_IPOIB_PKEY, &k.PKey)
	opt(c, rtattr.IFLA_IPOIB_MODE, &k.Mode)
	c.optYes(rtattr.IFLA_IPOIB_UMCAST, &k.UMcast)
}

// Rmnet is a channel of a modem on Config.Parent
// (drivers/net/ethernet/qualcomm/rmnet).
type Rmnet struct {
	MuxID uint16 // number of the channel, 0 to 254

	// Set and Clear are formats of Parent to change; a new Rmnet has
	// RMNET_FLAGS_INGRESS_DEAGGREGATION.
	Set, Clear rtattr.RmnetFlags
}

func (k *Rmnet) walk(c *codec) {
	c.use(&rtattr.RmnetSet)
	always(c, rtattr.IFLA_RMNET_MUX_ID, &k.MuxID)
	if b, ok := c.bytes(rtattr.IFLA_RMNET_FLAGS); ok {
		var f rtattr.RmnetFlagsMask
		f.Parse(b)
		k.Set, k.Clear = f.Flags&f.Mask, f.Mask&^f.Flags
	} else if mask := k.Set | k.Clear; mask != 0 && !c.reading {
		rtattr.RmnetEncoder{Nest: c.w}.Flags(rtattr.RmnetFlagsMask{Flags: k.Set, Mask: mask})
	}
}

// PPP is a point-to-point link (drivers/net/ppp/ppp_generic.c), which the kernel
// does not show the descriptor of.
type PPP struct {
	DevFD int32 // descriptor of /dev/ppp
}

func (k *PPP) walk(c *codec) {
	c.use(&rtattr.PPPSet)
	always(c, rtattr.IFLA_PPP_DEV_FD, &k.DevFD)
}

// DSA is a port of a switch (net/dsa/netlink.c). It cannot be made, but changed.
type DSA struct {
	Conduit uint32 // index of the link that leads to the switch
}

func (k *DSA) walk(c *codec) {
	c.use(&rtattr.DSASet)
	num(c, rtattr.IFLA_DSA_CONDUIT, &k.Conduit)
}

// WWAN is a data channel of a modem (drivers/net/wwan/wwan_core.c).
type WWAN struct {
	LinkID uint32 // number of the channel
}

func (k *WWAN) walk(c *codec) {
	c.use(&rtattr.WWANSet)
	always(c, rtattr.IFLA_WWAN_LINK_ID, &k.LinkID)
}

// CAIF is a channel of a CAIF modem (net/caif/chnl_net.c).
type CAIF struct {
	IPv4ConnID uint32    // number of the IPv4 connection
	IPv6ConnID uint32    // number of the IPv6 connection
	Loopback   Opt[bool] // packets come back. Default false
}

func (k *CAIF) walk(c *codec) {
	c.use(&rtattr.CAIFSet)
	num(c, rtattr.IFLA_CAIF_IPV4_CONNID, &k.IPv4ConnID)
	num(c, rtattr.IFLA_CAIF_IPV6_CONNID, &k.IPv6ConnID)
	c.optYes(rtattr.IFLA_CAIF_LOOPBACK, &k.Loopback)
}

// Batadv is a mesh of B.A.T.M.A.N. (net/batman-adv/soft-interface.c); it is set
// over its own generic netlink family, which shows the algorithm too.
type Batadv struct {
	AlgoName string // routing algorithm: "BATMAN_IV". Default is a parameter of the module
}

func (k *Batadv) walk(c *codec) {
	c.use(&rtattr.BatadvSet)
	if c.reading {
		name, _ := c.attrs.String(c.at[rtattr.IFLA_BATADV_ALGO_NAME])
		k.AlgoName = string(name)
	} else if k.AlgoName != "" {
		c.w.String(rtattr.IFLA_BATADV_ALGO_NAME, k.AlgoName)
	}
}

// OVPN is a data channel of OpenVPN (drivers/net/ovpn); it is set over its own
// generic netlink family.
type OVPN struct {
	Mode rtattr.OvpnMode // default OVPN_MODE_P2P
}

func (k *OVPN) walk(c *codec) {
	c.use(&rtattr.OVPNSet)
	num(c, rtattr.IFLA_OVPN_MODE, &k.Mode)
}

// CAN is a CAN controller (drivers/net/can/dev/netlink.c). It cannot be made, but
// changed while it is down. Its state and limits are in rtattr.CANView.
type CAN struct {
	// BitTiming is the bit rate and perhaps the sample point, of which the kernel
	// makes the rest, or else the time quantum and the segments. DataBitTiming is
	// that of the data phase, and needs CAN_CTRLMODE_FD in Set.
	BitTiming, DataBitTiming rtattr.CANBitTiming

	Set, Clear rtattr.CANControlMode // modes to change

	RestartDelay Opt[time.Duration] // after bus-off, 0 is no restart
	Restart      bool               // now, while the link is up
	Termination  Opt[uint16]        // in ohms, 0 is none
	TDC          CANTDC
}

// CANTDC is the compensation of the transmitter delay, in periods of the clock. It
// needs CAN_CTRLMODE_TDC_AUTO or CAN_CTRLMODE_TDC_MANUAL in CAN.Set.
type CANTDC struct {
	Value  Opt[uint32] // delay; with CAN_CTRLMODE_TDC_MANUAL
	Offset Opt[uint32]
	Filter Opt[uint32] // window
}

func (k *CAN) walk(c *codec) {
	c.use(&rtattr.CANSet)
	c.bitTiming(rtattr.IFLA_CAN_BITTIMING, &k.BitTiming)
	c.bitTiming(rtattr.IFLA_CAN_DATA_BITTIMING, &k.DataBitTiming)
	if b, ok := c.bytes(rtattr.IFLA_CAN_CTRLMODE); ok {
		var m rtattr.CANControl
		m.Parse(b)
		if c.shown { // without a mask
			m.Mask = m.Flags
		}
		k.Set, k.Clear = m.Flags&m.Mask, m.Mask&^m.Flags
	} else if mask := k.Set | k.Clear; mask != 0 && !c.reading {
		rtattr.CANEncoder{Nest: c.w}.CtrlMode(rtattr.CANControl{Mask: mask, Flags: k.Set})
	}
	c.optDuration(rtattr.IFLA_CAN_RESTART_MS, "RestartDelay", &k.RestartDelay, milli)
	c.yes(rtattr.IFLA_CAN_RESTART, &k.Restart)
	opt(c, rtattr.IFLA_CAN_TERMINATION, &k.Termination)
	k.tdc(c)
}

// bitTiming reads a timing as one that the kernel takes: not both the bit rate
// and the time quantum (can_get_bittiming).
func (c *codec) bitTiming(typ uint16, p *rtattr.CANBitTiming) {
	if b, ok := c.bytes(typ); ok {
		p.Parse(b)
		if p.BitRate != 0 && p.TQ != 0 {
			p.BitRate = 0
		}
	} else if *p != (rtattr.CANBitTiming{}) && !c.reading {
		w := rtattr.CANEncoder{Nest: c.w}
		if typ == rtattr.IFLA_CAN_BITTIMING {
			w.BitTiming(*p)
		} else {
			w.DataBitTiming(*p)
		}
	}
}

func (k *CAN) tdc(c *codec) {
	in := codec{state: &state{what: c.what, reading: c.reading}}
	if c.reading {
		b, ok := c.bytes(rtattr.IFLA_CAN_TDC)
		if !ok {
			return
		}
		in.data = b
	} else if k.TDC == (CANTDC{}) {
		return
	} else {
		in.w = c.w.Nest(rtattr.IFLA_CAN_TDC)
	}
	in.use(&rtattr.CANTDCSet)
	opt(&in, rtattr.IFLA_CAN_TDC_TDCV, &k.TDC.Value)
	opt(&in, rtattr.IFLA_CAN_TDC_TDCO, &k.TDC.Offset)
	opt(&in, rtattr.IFLA_CAN_TDC_TDCF, &k.TDC.Filter)
	switch {
	case !c.reading:
		in.w.End()
	case in.err != nil:
		c.fail(in.err)
	}
	if c.reading && k.Set&rtattr.CAN_CTRLMODE_TDC_AUTO != 0 {
		k.TDC.Value = Opt[uint32]{} // as measured
	}
}

// Tun is a TUN or TAP device as it is shown (drivers/net/tun.c). It is made by
// opening /dev/net/tun: AppendAdd and AppendChange fail.
type Tun struct {
	Owner, Group      Opt[uint32] // user and group who may open it, if not everybody with CAP_NET_ADMIN
	Type              rtattr.TunType
	PI                bool // packets begin with protocol information
	VnetHdr           bool // packets begin with a virtio header
	Persist           bool // outlives its process
	MultiQueue        bool // may have several queues
	NumQueues         uint32
	NumDisabledQueues uint32
}

var errTun = errors.New("link: tun: the kernel takes no such message: open /dev/net/tun")

func (k *Tun) walk(c *codec) {
	if !c.reading {
		c.fail(errTun)
		return
	}
	c.use(&rtattr.TunSet)
	opt(c, rtattr.IFLA_TUN_OWNER, &k.Owner)
	opt(c, rtattr.IFLA_TUN_GROUP, &k.Group)
	num(c, rtattr.IFLA_TUN_TYPE, &k.Type)
	c.yes(rtattr.IFLA_TUN_PI, &k.PI)
	c.yes(rtattr.IFLA_TUN_VNET_HDR, &k.VnetHdr)
	c.yes(rtattr.IFLA_TUN_PERSIST, &k.Persist)
	c.yes(rtattr.IFLA_TUN_MULTI_QUEUE, &k.MultiQueue)
	num(c, rtattr.IFLA_TUN_NUM_QUEUES, &k.NumQueues)
	num(c, rtattr.IFLA_TUN_NUM_DISABLED_QUEUES, &k.NumDisabledQueues)
}
