package link

import (
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// VLAN is one VLAN of the link Config.Parent (net/8021q).
type VLAN struct {
	ID       uint16              // 0 to 4094
	Protocol rtattr.VLANProtocol // default ETH_P_8021Q

	// Set and Clear are flags to change; a new VLAN has VLAN_FLAG_REORDER_HDR.
	Set, Clear rtattr.VLANFlags

	// Ingress maps priorities of tags, 0 to 7, to those of packets in the kernel,
	// Egress the other way round. What is not named stays, in a new VLAN 0.
	Ingress, Egress Values[rtattr.VLANQoSMapping]
}

func (k *VLAN) walk(c *codec) {
	c.invalid(k.wrong())
	c.use(&rtattr.VLANSet)
	num(c, rtattr.IFLA_VLAN_PROTOCOL, &k.Protocol)
	always(c, rtattr.IFLA_VLAN_ID, &k.ID)
	if c.reading {
		k.readFlags(c)
	} else if mask := k.Set | k.Clear; mask != 0 {
		rtattr.VLANEncoder{Nest: c.w}.Flags(rtattr.VLANFlagsMask{Flags: k.Set, Mask: mask})
	}
	c.mappings(rtattr.IFLA_VLAN_INGRESS_QOS, &k.Ingress)
	c.mappings(rtattr.IFLA_VLAN_EGRESS_QOS, &k.Egress)
}

// readFlags takes the mask of the kernel, all ones, for none: it refuses this mask
// itself. A VLAN without flags is shown without the attribute.
func (k *VLAN) readFlags(c *codec) {
	var f rtattr.VLANFlagsMask
	if b, ok := c.bytes(rtattr.IFLA_VLAN_FLAGS); ok {
		f.Parse(b)
	}
	k.Set = f.Flags
	if f.Mask != ^rtattr.VLANFlags(0) {
		k.Set, k.Clear = f.Flags&f.Mask, f.Mask&^f.Flags
	}
	if c.shown && f.Flags&rtattr.VLAN_FLAG_REORDER_HDR == 0 {
		k.Clear |= rtattr.VLAN_FLAG_REORDER_HDR
	}
}

func (k *VLAN) wrong() string {
	switch {
	case k.ID > 4094:
		return fmt.Sprintf("ID is %d, at most 4094", k.ID)
	case k.Set&k.Clear != 0:
		return fmt.Sprintf("%v is both in Set and in Clear", k.Set&k.Clear)
	}
	return ""
}

// mappings is a list of priorities.
func (c *codec) mappings(typ uint16, p *Values[rtattr.VLANQoSMapping]) {
	if c.reading {
		b, ok := c.bytes(typ)
		if !ok {
			return
		}
		var v rtattr.VLANQoSView
		if err := v.Parse(b); err != nil {
			c.fail(err)
		}
		var list []rtattr.VLANQoSMapping
		for m := range v.Mapping() {
			list = append(list, m)
		}
		*p = ValuesOf(list...)
		return
	}
	if !p.ok {
		return
	}
	n := rtattr.VLANQoSEncoder{Nest: c.w.Nest(typ)}
	for s := p.s; s != ""; {
		var m rtattr.VLANQoSMapping
		m, s = next[rtattr.VLANQoSMapping](s)
		n.Mapping(m)
	}
	n.End()
}

// Macvlan is a link with an address of its own on Config.Parent
// (drivers/net/macvlan.c). [Macvtap] is one with a character device.
type Macvlan struct {
	Mode  rtattr.MacvlanMode       // default MACVLAN_MODE_VEPA
	Flags Opt[rtattr.MacvlanFlags] // default none

	// SourceMode says what happens to the list of source addresses, in
	// MACVLAN_MODE_SOURCE: MACVLAN_MACADDR_ADD and MACVLAN_MACADDR_DEL concern
	// Source, MACVLAN_MACADDR_SET takes Sources in the place of what there was,
	// MACVLAN_MACADDR_FLUSH empties it.
	SourceMode Opt[rtattr.MacvlanAddrMode]
	Source     HardwareAddr
	Sources    Values[HardwareAddr]

	BroadcastQueueLen Opt[uint32] // of broadcasts and multicasts, in packets. Default 1000
	BroadcastCutoff   Opt[int32]  // links from which on these are queued, negative is never. Default 1
}

// Macvtap is a [Macvlan] with a character device in the place of the network
// stack (drivers/net/macvtap.c).
type Macvtap Macvlan

func (k *Macvtap) walk(c *codec) { (*Macvlan)(k).walk(c) }

func (k *Macvlan) walk(c *codec) {
	c.use(&rtattr.MacvlanSet)
	num(c, rtattr.IFLA_MACVLAN_MODE, &k.Mode)
	opt(c, rtattr.IFLA_MACVLAN_FLAGS, &k.Flags)
	opt(c, rtattr.IFLA_MACVLAN_MACADDR_MODE, &k.SourceMode)
	c.hwaddr(rtattr.IFLA_MACVLAN_MACADDR, &k.Source)
	k.sources(c)
	opt(c, rtattr.IFLA_MACVLAN_BC_QUEUE_LEN, &k.BroadcastQueueLen)
	opt(c, rtattr.IFLA_MACVLAN_BC_CUTOFF, &k.BroadcastCutoff)
}

// sources reads the list as one to be set: the kernel shows no mode.
func (k *Macvlan) sources(c *codec) {
	if c.reading {
		b, ok := c.bytes(rtattr.IFLA_MACVLAN_MACADDR_DATA)
		if !ok {
			return
		}
		var v rtattr.MacvlanAddrsView
		if err := v.Parse(b); err != nil {
			c.fail(err)
		}
		var list []HardwareAddr
		for b := range v.MacAddr() {
			var a HardwareAddr
			c.readHWAddr(b, &a)
			list = append(list, a)
		}
		k.Sources = ValuesOf(list...)
		if k.SourceMode == (Opt[rtattr.MacvlanAddrMode]{}) {
			k.SourceMode = Some(rtattr.MACVLAN_MACADDR_SET)
		}
		return
	}
	if !k.Sources.ok {
		return
	}
	n := c.w.Nest(rtattr.IFLA_MACVLAN_MACADDR_DATA)
	for s := k.Sources.s; s != ""; {
		var a HardwareAddr
		a, s = next[HardwareAddr](s)
		n.Bytes(rtattr.IFLA_MACVLAN_MACADDR, a.b[:a.n])
	}
	n.End()
}

// IPVLAN is a link with the hardware address of Config.Parent
// (drivers/net/ipvlan). [IPVTAP] is one with a character device.
type IPVLAN struct {
	Mode  Opt[rtattr.IPVLANMode]  // default IPVLAN_MODE_L3
	Flags Opt[rtattr.IPVLANFlags] // of all links of Parent. Default none: they reach each other
}

// IPVTAP is an [IPVLAN] with a character device in the place of the network stack
// (drivers/net/ipvlan/ipvtap.c).
type IPVTAP IPVLAN

func (k *IPVTAP) walk(c *codec) { (*IPVLAN)(k).walk(c) }

func (k *IPVLAN) walk(c *codec) {
	c.use(&rtattr.IPVLANSet)
	opt(c, rtattr.IFLA_IPVLAN_MODE, &k.Mode)
	opt(c, rtattr.IFLA_IPVLAN_FLAGS, &k.Flags)
}

// MACsec is IEEE 802.1AE on Config.Parent (drivers/net/macsec.c); keys are set over
// its own generic netlink family. All but SCI, Port, ICVLen and CipherSuite can be
// changed.
type MACsec struct {
	SCI  uint64 // secure channel identifier: an address of 6 bytes and a port of 2. Needs IncSCI
	Port uint16 // in the identifier, behind the link's own address. Default 1

	ICVLen      uint8       // of the check value, 8 to 16 bytes. Default 16
	CipherSuite uint64      // default GCM-AES-128, 0x0080c20001000001; shown as 0x0080020001000001
	Window      Opt[uint32] // packets; is needed with ReplayProtect

	EncodingSA    Opt[uint8]                       // association that encrypts, 0 to 3. Default 0
	Encrypt       Opt[bool]                        // default false
	Protect       Opt[bool]                        // default true
	IncSCI        Opt[bool]                        // frames carry the identifier. Default true
	ES            Opt[bool]                        // end station; not with IncSCI. Default false
	SCB           Opt[bool]                        // single copy broadcast; not with IncSCI or ES. Default false
	ReplayProtect Opt[bool]                        // default false
	Validation    Opt[rtattr.MacsecValidationType] // default MACSEC_VALIDATE_STRICT
	Offload       Opt[rtattr.MacsecOffload]        // default MACSEC_OFFLOAD_OFF
}

func (k *MACsec) walk(c *codec) {
	c.use(&rtattr.MACsecSet)
	num(c, rtattr.IFLA_MACSEC_SCI, &k.SCI)
	num(c, rtattr.IFLA_MACSEC_PORT, &k.Port)
	num(c, rtattr.IFLA_MACSEC_ICV_LEN, &k.ICVLen)
	num(c, rtattr.IFLA_MACSEC_CIPHER_SUITE, &k.CipherSuite)
	opt(c, rtattr.IFLA_MACSEC_WINDOW, &k.Window)
	opt(c, rtattr.IFLA_MACSEC_ENCODING_SA, &k.EncodingSA)
	c.optYes(rtattr.IFLA_MACSEC_ENCRYPT, &k.Encrypt)
	c.optYes(rtattr.IFLA_MACSEC_PROTECT, &k.Protect)
	c.optYes(rtattr.IFLA_MACSEC_INC_SCI, &k.IncSCI)
	c.optYes(rtattr.IFLA_MACSEC_ES, &k.ES)
	c.optYes(rtattr.IFLA_MACSEC_SCB, &k.SCB)
	c.optYes(rtattr.IFLA_MACSEC_REPLAY_PROTECT, &k.ReplayProtect)
	opt(c, rtattr.IFLA_MACSEC_VALIDATION, &k.Validation)
	opt(c, rtattr.IFLA_MACSEC_OFFLOAD, &k.Offload)
	if c.reading && k.IncSCI == Some(false) && k.SCI != 0 {
		// The kernel shows an identifier that it refuses: it was made of the
		// address and the port, and can be again.
		k.SCI, k.Port = 0, uint16(k.SCI)
	}
}
