package link

import (
	"fmt"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Link is a network interface as the kernel shows it. Two Links are equal (==)
// if all fields are. What has no field here is in the view that All yields.
type Link struct {
	Index  uint32
	Name   string
	Kind   string // "veth", "" of a link without a kind, such as lo
	HWType uint16 // ARPHRD_*
	Flags  rtattr.IfFlags

	MTU    uint32 // bytes
	TxQLen uint32 // packets

	Address     HardwareAddr
	Broadcast   HardwareAddr
	PermAddress HardwareAddr // that of the hardware

	Parent      uint32     // index of the link below or, of a veth, of the peer; 0 is none
	LinkNetNSID Opt[int32] // namespace of Parent, if it is another one
	Master      uint32     // index of the bridge or bond; 0 is none
	MasterKind  string     // "bridge"
	Group       uint32
	OperState   rtattr.OperState
	Alias       string

	NumTxQueues, NumRxQueues uint32
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
	name, _ := v.IfName()
	l.Name = string(name)
	l.MTU, _ = v.MTU()
	l.TxQLen, _ = v.TxQLen()
	l.Parent, _ = v.Link()
	if id, ok := v.LinkNetNSID(); ok {
		l.LinkNetNSID = Some(id)
	}
	l.Master, _ = v.Master()
	l.Group, _ = v.Group()
	l.OperState, _ = v.OperState()
	alias, _ := v.IfAlias()
	l.Alias = string(alias)
	l.NumTxQueues, _ = v.NumTxQueues()
	l.NumRxQueues, _ = v.NumRxQueues()
	var ok [3]bool
	l.Address, ok[0] = hardwareAddr(v.Address())
	l.Broadcast, ok[1] = hardwareAddr(v.Broadcast())
	l.PermAddress, ok[2] = hardwareAddr(v.PermAddress())
	if ok != [3]bool{true, true, true} {
		return l, fmt.Errorf("link: %d: %s: a hardware address of more than 32 bytes", l.Index, l.Name)
	}
	info, err := v.LinkInfo()
	kind, _ := info.Kind()
	l.Kind = string(kind)
	kind, _ = info.SlaveKind()
	l.MasterKind = string(kind)
	if err != nil {
		return l, fmt.Errorf("link: %d: %s: %w", l.Index, l.Name, err)
	}
	return l, nil
}

func hardwareAddr(b []byte, _ bool) (HardwareAddr, bool) { return HardwareAddrFrom(b) }
