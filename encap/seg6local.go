package encap

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A Prog is a BPF program.
type Prog struct {
	FD   uint32 // descriptor; needed to write, and not in what the kernel lists
	ID   uint32 // number of the program in what the kernel lists of a SEG6Local; not sent
	Name string // for people; the kernel wants one
}

// BPF runs programs on packets (net/core/lwt_bpf.c). The kernel lists the names of
// its programs alone, so that what is listed identifies a route to be deleted, but
// cannot be added again without descriptors.
type BPF struct {
	In, Out, Xmit Prog
	Headroom      uint32 // bytes before the packet that Xmit needs, at most 256; not listed
}

// Type returns LWTUNNEL_ENCAP_BPF.
func (BPF) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_BPF }

// String returns "bpf in a out b xmit c headroom 14".
func (x BPF) String() string {
	s := "bpf"
	for _, p := range [...]struct {
		hook string
		Prog
	}{{"in", x.In}, {"out", x.Out}, {"xmit", x.Xmit}} {
		if p.Prog != (Prog{}) {
			s += " " + p.hook + " " + p.Name
		}
	}
	if x.Headroom != 0 {
		s += fmt.Sprintf(" headroom %d", x.Headroom)
	}
	return s
}

func (BPF) encap() {}

func (x BPF) put(w rtattr.EncapBPFEncoder) {
	if x.In != (Prog{}) {
		x.In.put(w.In())
	}
	if x.Out != (Prog{}) {
		x.Out.put(w.Out())
	}
	if x.Xmit != (Prog{}) {
		x.Xmit.put(w.Xmit())
	}
	if x.Headroom != 0 {
		w.XmitHeadroom(x.Headroom)
	}
}

func (p Prog) put(w rtattr.EncapBPFProgEncoder) {
	if p.FD != 0 {
		w.FD(p.FD)
	}
	if p.Name != "" {
		w.Name(p.Name)
	}
	w.End()
}

func parseBPF(b []byte) (x BPF, ok bool) {
	var v rtattr.EncapBPFView
	if err := v.Parse(b); !known(&rtattr.EncapBPFSet, v.Attrs(), err) {
		return x, false
	}
	ok = true
	prog := func(n rtattr.EncapBPFProgView, err error) (p Prog) {
		ok = ok && known(&rtattr.EncapBPFProgSet, n.Attrs(), err)
		p.FD, _ = n.FD()
		name, _ := n.Name()
		p.Name = string(name)
		return p
	}
	x.In, x.Out, x.Xmit = prog(v.In()), prog(v.Out()), prog(v.Xmit())
	x.Headroom, _ = v.XmitHeadroom()
	return x, ok
}

// SEG6Local is a local action of segment routing (RFC 8986), of packets to the
// destination of the route (net/ipv6/seg6_local.c). Each action has fields that it
// wants; zero fields are not sent.
type SEG6Local struct {
	Action   rtattr.SEG6LocalAction
	SRH      SRH               // of End.B6 and End.B6.Encaps
	Table    rtattr.RouteTable // of End.T and End.DT6; End.T has it in any case
	VRFTable rtattr.RouteTable // table of a VRF, of End.DT4, End.DT6 and End.DT46
	NH4      netip.Addr        // IPv4 nexthop, of End.DX4
	NH6      netip.Addr        // IPv6 nexthop, of End.X and End.DX6
	IIF, OIF uint32            // indexes of interfaces; End.DX2 has OIF
	BPF      Prog              // of End.BPF
	Count    bool              // count packets, bytes and errors
	Flavors  Flavors           // of End and End.X
}

// Flavors change an action.
type Flavors struct {
	Ops rtattr.SEG6LocalFlavorFlags

	// Lengths in bits, multiples of 8, for compressed segments (RFC 9800). 0 is
	// what the kernel takes: 32 and 16.
	LocatorBlockBits, NodeFunctionBits uint8
}

// Type returns LWTUNNEL_ENCAP_SEG6_LOCAL.
func (SEG6Local) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_SEG6_LOCAL }

// String returns "seg6local action end-x nh6 fd00::2 count".
func (x SEG6Local) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seg6local action %s", x.Action)
	if x.SRH != (SRH{}) {
		fmt.Fprintf(&b, " srh %s", x.SRH)
	}
	if x.Table != 0 {
		fmt.Fprintf(&b, " table %s", x.Table)
	}
	if x.VRFTable != 0 {
		fmt.Fprintf(&b, " vrftable %s", x.VRFTable)
	}
	if x.NH4.IsValid() {
		fmt.Fprintf(&b, " nh4 %s", x.NH4)
	}
	if x.NH6.IsValid() {
		fmt.Fprintf(&b, " nh6 %s", x.NH6)
	}
	if x.IIF != 0 {
		fmt.Fprintf(&b, " iif %d", x.IIF)
	}
	if x.OIF != 0 {
		fmt.Fprintf(&b, " oif %d", x.OIF)
	}
	if x.BPF != (Prog{}) {
		fmt.Fprintf(&b, " endpoint %s", x.BPF.Name)
	}
	if x.Flavors.Ops != 0 {
		fmt.Fprintf(&b, " flavors %s", strings.ReplaceAll(x.Flavors.Ops.String(), "|", ","))
	}
	if x.Flavors.LocatorBlockBits != 0 {
		fmt.Fprintf(&b, " lblen %d", x.Flavors.LocatorBlockBits)
	}
	if x.Flavors.NodeFunctionBits != 0 {
		fmt.Fprintf(&b, " nflen %d", x.Flavors.NodeFunctionBits)
	}
	if x.Count {
		b.WriteString(" count")
	}
	return b.String()
}

func (SEG6Local) encap() {}

func (x SEG6Local) put(w rtattr.EncapSEG6LocalEncoder) {
	w.Action(x.Action)
	if x.SRH != (SRH{}) {
		x.SRH.put(w.Nest, rtattr.SEG6_LOCAL_SRH, 0, x.Action == rtattr.SEG6_LOCAL_ACTION_END_B6)
	}
	if x.Table != 0 || x.Action == rtattr.SEG6_LOCAL_ACTION_END_T {
		w.Table(x.Table)
	}
	if x.VRFTable != 0 {
		w.VRFTable(x.VRFTable)
	}
	if x.NH4.IsValid() {
		w.NH4(x.NH4)
	}
	if x.NH6.IsValid() {
		w.NH6(x.NH6)
	}
	if x.IIF != 0 {
		w.IIF(x.IIF)
	}
	if x.OIF != 0 {
		w.OIF(x.OIF)
	}
	if x.BPF != (Prog{}) {
		n := w.BPF()
		if x.BPF.FD != 0 {
			n.Prog(x.BPF.FD)
		}
		if x.BPF.Name != "" {
			n.ProgName(x.BPF.Name)
		}
		n.End()
	}
	if x.Flavors != (Flavors{}) {
		n := w.Flavors()
		n.Operation(x.Flavors.Ops)
		if x.Flavors.LocatorBlockBits != 0 {
			n.LocatorBlockBits(x.Flavors.LocatorBlockBits)
		}
		if x.Flavors.NodeFunctionBits != 0 {
			n.LocatorNodeFunctionBits(x.Flavors.NodeFunctionBits)
		}
		n.End()
	}
	if x.Count {
		n := w.Counters() // the kernel wants them all
		n.Packets(0)
		n.ByteCount(0)
		n.Errors(0)
		n.End()
	}
}

func parseSEG6Local(b []byte) (x SEG6Local, ok bool) {
	var v rtattr.EncapSEG6LocalView
	if err := v.Parse(b); !known(&rtattr.EncapSEG6LocalSet, v.Attrs(), err) {
		return x, false
	}
	if x.Action, ok = v.Action(); !ok {
		return x, false
	}
	if head, tail, there := v.SRH(); there {
		if x.SRH, ok = parseSRH(head, tail, x.Action == rtattr.SEG6_LOCAL_ACTION_END_B6); !ok {
			return x, false
		}
	}
	x.Table, _ = v.Table()
	x.VRFTable, _ = v.VRFTable()
	x.NH4, _ = v.NH4()
	x.NH6, _ = v.NH6()
	x.IIF, _ = v.IIF()
	x.OIF, _ = v.OIF()
	prog, err := v.BPF()
	ok = known(&rtattr.SEG6LocalBPFSet, prog.Attrs(), err)
	x.BPF.ID, _ = prog.Prog()
	name, _ := prog.ProgName()
	x.BPF.Name = string(name)
	flavors, err := v.Flavors()
	ok = ok && known(&rtattr.SEG6LocalFlavorsSet, flavors.Attrs(), err)
	x.Flavors.Ops, _ = flavors.Operation()
	x.Flavors.LocatorBlockBits, _ = flavors.LocatorBlockBits()
	x.Flavors.NodeFunctionBits, _ = flavors.LocatorNodeFunctionBits()
	counters, err := v.Counters()
	ok = ok && known(&rtattr.SEG6LocalCountersSet, counters.Attrs(), err)
	x.Count = counters.Attrs() != nil
	return x, ok
}
