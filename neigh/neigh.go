package neigh

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Neigh is a neighbour or a forwarding entry. Fields that are zero are not sent.
// Two Neighs are equal (==) if all fields are.
type Neigh struct {
	// Family is AF_INET, AF_INET6, or AF_BRIDGE for a forwarding entry. It may be
	// left out of what is written if Dst tells it.
	Family uint8

	// Index is that of the interface: for a forwarding entry the port, the bridge
	// itself or the VXLAN device. A proxy entry may have none.
	Index uint32

	Dst    netip.Addr // address of the neighbour; the remote end in a VXLAN entry
	LLAddr LLAddr

	// State is one of NUD_PERMANENT, NUD_NOARP, NUD_REACHABLE, NUD_STALE and others;
	// none at all is NUD_NONE. Of a bridge's entries NUD_PERMANENT is the host's own
	// address, NUD_NOARP a static and NUD_REACHABLE a dynamic one, NUD_STALE one
	// that is about to be removed. A VXLAN device wants NUD_PERMANENT or
	// NUD_REACHABLE. A proxy entry with NUD_PERMANENT outlasts the loss of carrier,
	// but is listed without.
	State rtattr.NeighState

	// Flags of an entry of a bridge have NTF_MASTER, or NTF_SELF if it is about the
	// bridge itself, which are also what it takes to write it; the kernel lists
	// neither.
	Flags    rtattr.NeighFlags
	FlagsExt rtattr.NeighFlagsExt // Linux 5.16
	Protocol rtattr.Protocol

	// The rest is for forwarding entries.

	VLAN      uint16
	Port      uint16 // UDP port of the remote end, if not the device's
	VNI       Number // VXLAN network identifier towards the remote end, if not the device's
	SrcVNI    uint32 // VXLAN network identifier where the entry is valid, of a device of all of them
	Via       uint32 // index of the interface towards the remote end
	NexthopID uint32 // of a group of remote ends, instead of all that

	Activity    rtattr.FDBNotify // notices of whether the entry is in use
	DontRefresh bool             // a change leaves the age; never listed

	// What follows is listed, and not sent.

	Master      uint32           // index of the bridge
	LinkNetNSID Number           // namespace of the remote ends, if another one
	Type        rtattr.RouteType // of Dst
	Probes      uint32           // sent so far
	Cache       rtattr.NeighCacheInfo
}

// family returns the family of n, 0 if nothing tells it.
func (n *Neigh) family() uint8 {
	switch {
	case n.Family != 0:
		return n.Family
	case n.Dst.Is4():
		return rtattr.AF_INET
	case n.Dst.Is6():
		return rtattr.AF_INET6
	}
	return 0
}

// invalid returns what is wrong with n. It is what the kernel would refuse without a
// word, take for something else, or ignore. many says that n need not be one entry.
func (n *Neigh) invalid(many bool) string {
	switch fam := n.family(); fam {
	case 0:
		return "no Family, nor a Dst that tells it"
	case rtattr.AF_BRIDGE:
		switch {
		case many:
		case n.LLAddr.n != 6:
			return fmt.Sprintf("LLAddr has %d bytes, that of a forwarding entry has 6", n.LLAddr.n)
		}
		if n.Index == 0 {
			return "no interface: Index is 0"
		}
		return ""
	case rtattr.AF_INET, rtattr.AF_INET6:
		switch {
		case !n.Dst.IsValid():
			return "no Dst"
		case n.Dst.Is4() != (fam == rtattr.AF_INET):
			return "Dst is of another address family"
		case n.Dst.Zone() != "":
			return "Dst has a zone: Index says the interface"
		case n.Index == 0 && n.Flags&rtattr.NTF_PROXY == 0:
			return "no interface: Index is 0"
		case n.VLAN != 0 || n.Port != 0 || n.VNI != 0 || n.SrcVNI != 0 || n.Via != 0 || n.NexthopID != 0 || n.Activity != 0 || n.DontRefresh:
			return "VLAN, Port, VNI, SrcVNI, Via, NexthopID, Activity and DontRefresh are for forwarding entries"
		}
		return ""
	default:
		return fmt.Sprintf("there are no neighbours of address family %d", fam)
	}
}

// String returns n roughly as ip-neighbour(8) and bridge(8) print it: "10.66.66.9
// dev 3 lladdr 02:00:00:00:00:99 permanent".
func (n Neigh) String() string {
	var b strings.Builder
	if n.Family == rtattr.AF_BRIDGE {
		fmt.Fprintf(&b, "%v dev %d", n.LLAddr, n.Index)
		if n.Dst.IsValid() {
			fmt.Fprintf(&b, " dst %v", n.Dst)
		}
	} else {
		if n.Flags&rtattr.NTF_PROXY != 0 {
			b.WriteString("proxy ")
		}
		if n.Dst.IsValid() {
			b.WriteString(n.Dst.String())
		} else {
			b.WriteString("?")
		}
		if n.Index != 0 {
			fmt.Fprintf(&b, " dev %d", n.Index)
		}
		if n.LLAddr.n > 0 {
			fmt.Fprintf(&b, " lladdr %v", n.LLAddr)
		}
	}
	for _, p := range [...]struct {
		name string
		n    uint32
	}{
		{"vlan", uint32(n.VLAN)}, {"port", uint32(n.Port)},
	} {
		if p.n != 0 {
			fmt.Fprintf(&b, " %s %d", p.name, p.n)
		}
	}
	if n.VNI != 0 {
		fmt.Fprintf(&b, " vni %v", n.VNI)
	}
	for _, p := range [...]struct {
		name string
		n    uint32
	}{
		{"src_vni", n.SrcVNI}, {"via", n.Via}, {"nhid", n.NexthopID}, {"master", n.Master},
	} {
		if p.n != 0 {
			fmt.Fprintf(&b, " %s %d", p.name, p.n)
		}
	}
	if f := n.Flags &^ rtattr.NTF_PROXY; f != 0 {
		fmt.Fprintf(&b, " %v", f)
	}
	if n.FlagsExt != 0 {
		fmt.Fprintf(&b, " %v", n.FlagsExt)
	}
	if n.Protocol != 0 {
		fmt.Fprintf(&b, " proto %v", n.Protocol)
	}
	if n.State != 0 {
		fmt.Fprintf(&b, " %v", n.State)
	}
	return b.String()
}

// Parse reads a neighbour out of an RTM_NEWNEIGH or RTM_DELNEIGH message. Attributes
// that Neigh has no field for are no error.
func Parse(v *rtattr.NeighView) (Neigh, error) {
	h := v.Header
	n := Neigh{Family: h.Family, Index: uint32(h.IfIndex), State: h.State, Flags: h.Flags, Type: h.Type}
	n.Dst, _ = v.Dst()
	if b, ok := v.LLAddr(); ok {
		if n.LLAddr, ok = LLAddrFrom(b); !ok {
			return n, fmt.Errorf("neigh: a link-layer address of %d bytes", len(b))
		}
	}
	n.FlagsExt, _ = v.FlagsExt()
	n.Protocol, _ = v.Protocol()
	n.VLAN, _ = v.VLAN()
	n.Port, _ = v.Port()
	if vni, ok := v.VNI(); ok {
		n.VNI = NumberOf(uint64(vni))
	}
	n.SrcVNI, _ = v.SrcVNI()
	n.Via, _ = v.IfIndex()
	n.NexthopID, _ = v.NexthopID()
	ext, err := v.FDBExt()
	if err != nil {
		return n, err
	}
	n.Activity, _ = ext.ActivityNotify()
	n.DontRefresh = ext.DontRefresh()
	n.Master, _ = v.Master()
	if id, ok := v.LinkNetNSID(); ok && id >= 0 {
		n.LinkNetNSID = NumberOf(uint64(id))
	}
	n.Probes, _ = v.Probes()
	n.Cache, _ = v.CacheInfo()
	if n.Family == rtattr.AF_BRIDGE && n.Master != 0 && n.Flags&(rtattr.NTF_SELF|rtattr.NTF_MASTER) == 0 {
		if n.Index == n.Master {
			n.Flags |= rtattr.NTF_SELF
		} else {
			n.Flags |= rtattr.NTF_MASTER
		}
	}
	return n, nil
}
