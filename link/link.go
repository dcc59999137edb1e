package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Link is a network interface as the kernel shows it. Two Links are equal (==)
// if all fields are. What has no field here is in the view that All yields:
// counters of all kinds, hardware limits, and the settings of address families.
type Link struct {
	Index    uint32
	Name     string
	AltNames AltNames
	Kind     string // "veth", "" of a link without a kind, such as lo
	Data     Kind   // parameters of the Kind, as AppendAdd wants them; nil without a kind
	HWType   uint16 // ARPHRD_*
	Flags    rtattr.IfFlags

	MTU            uint32 // bytes
	MinMTU, MaxMTU uint32 // limits of MTU; a MaxMTU of 0 is none
	TxQLen         uint32 // packets
	Qdisc          string // "noqueue", "mq"

	Address     HardwareAddr
	Broadcast   HardwareAddr
	PermAddress HardwareAddr // that of the hardware

	Parent      uint32     // index of the link below or, of a veth, of the peer; 0 is none
	LinkNetNSID Opt[int32] // namespace of Parent, if it is another one
	Master      uint32     // index of the bridge or bond; 0 is none
	MasterKind  string     // "bridge"
	Port        Port       // what the master keeps about the link, as AppendSetPort wants it; nil without
	Group       uint32
	Alias       string

	OperState rtattr.OperState
	LinkMode  rtattr.LinkMode
	Carrier   bool

	ProtoDown       bool
	ProtoDownReason uint32 // a bit for each reason

	NumTxQueues, NumRxQueues uint32

	// As in Config.
	GSOMaxSize, GSOMaxSegs, GROMaxSize uint32
	GSOIPv4MaxSize, GROIPv4MaxSize     uint32

	AddrGenMode Opt[rtattr.AddrGenMode] // absent of a link without IPv6
	XDP         XDP

	ParentDev, ParentBus string // the hardware: "0000:01:00.0", "pci"

	// Port and switch of the hardware, the numbers in hexadecimal as ip shows them.
	PhysPortName, PhysPortID, PhysSwitchID string
}

// Up reports whether the link is switched on. Whether it works is OperState.
func (l Link) Up() bool { return l.Flags&rtattr.IFF_UP != 0 }

// String returns "3: v0: mtu 1500 state up type veth address 02:00:00:00:00:01".
func (l Link) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: %s: mtu %d state %v", l.Index, l.Name, l.MTU, l.OperState)
	if l.Kind != "" {
		fmt.Fprintf(&b, " type %s", l.Kind)
	}
	if l.Parent != 0 {
		fmt.Fprintf(&b, " link %d", l.Parent)
	}
	if l.Master != 0 {
		fmt.Fprintf(&b, " master %d", l.Master)
	}
	if l.Address != (HardwareAddr{}) {
		fmt.Fprintf(&b, " address %v", l.Address)
	}
	return b.String()
}

// Parse reads a link out of an RTM_NEWLINK or RTM_DELLINK message. Attributes
// that Link has no field for are no error.
func Parse(v *rtattr.LinkView) (Link, error) {
	h := v.Header
	if h.Family != rtattr.AF_UNSPEC {
		return Link{}, fmt.Errorf("link: message of address family %d: it is about a port or a protocol of a link", h.Family)
	}
	l := Link{Index: uint32(h.Index), HWType: h.Type, Flags: h.Flags}
	l.Name = text(v.IfName())
	l.MTU, _ = v.MTU()
	l.MinMTU, _ = v.MinMTU()
	l.MaxMTU, _ = v.MaxMTU()
	l.TxQLen, _ = v.TxQLen()
	l.Qdisc = text(v.Qdisc())
	l.Parent, _ = v.Link()
	if id, ok := v.LinkNetNSID(); ok {
		l.LinkNetNSID = Some(id)
	}
	l.Master, _ = v.Master()
	l.Group, _ = v.Group()
	l.Alias = text(v.IfAlias())
	l.OperState, _ = v.OperState()
	l.LinkMode, _ = v.LinkMode()
	carrier, _ := v.Carrier()
	l.Carrier = carrier != 0
	down, _ := v.ProtoDown()
	l.ProtoDown = down != 0
	l.NumTxQueues, _ = v.NumTxQueues()
	l.NumRxQueues, _ = v.NumRxQueues()
	l.GSOMaxSize, _ = v.GSOMaxSize()
	l.GSOMaxSegs, _ = v.GSOMaxSegs()
	l.GROMaxSize, _ = v.GROMaxSize()
	l.GSOIPv4MaxSize, _ = v.GSOIPv4MaxSize()
	l.GROIPv4MaxSize, _ = v.GROIPv4MaxSize()
	l.ParentDev = text(v.ParentDevName())
	l.ParentBus = text(v.ParentDevBusName())
	l.PhysPortName = text(v.PhysPortName())
	l.PhysPortID = hexadecimal(v.PhysPortID())
	l.PhysSwitchID = hexadecimal(v.PhysSwitchID())
	var bad error // the first; what else can be read is
	note := func(err error) {
		if bad == nil && err != nil {
			bad = fmt.Errorf("link: %d: %s: %w", l.Index, l.Name, err)
		}
	}
	var ok [3]bool
	l.Address, ok[0] = hardwareAddr(v.Address())
	l.Broadcast, ok[1] = hardwareAddr(v.Broadcast())
	l.PermAddress, ok[2] = hardwareAddr(v.PermAddress())
	if ok != [3]bool{true, true, true} {
		note(errors.New("a hardware address of more than 32 bytes"))
	}
	info, err := v.LinkInfo()
	note(err)
	l.Kind = text(info.Kind())
	l.MasterKind = text(info.SlaveKind())
	l.Data, err = ParseKind(v)
	note(err)
	l.Port, err = ParsePort(v)
	note(err)
	reason, err := v.ProtoDownReason()
	note(err)
	l.ProtoDownReason, _ = reason.Value()
	names, err := v.PropList()
	note(err)
	l.AltNames = parseAltNames(&names)
	l.XDP, err = parseXDP(v)
	note(err)
	families, err := v.AFSpec()
	note(err)
	six, err := families.Inet6()
	note(err)
	if mode, ok := six.AddrGenMode(); ok {
		l.AddrGenMode = Some(mode)
	}
	return l, bad
}

func hardwareAddr(b []byte, _ bool) (HardwareAddr, bool) { return HardwareAddrFrom(b) }

func text(b []byte, _ bool) string        { return string(b) }
func hexadecimal(b []byte, _ bool) string { return hex.EncodeToString(b) }
