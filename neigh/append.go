package neigh

import (
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
)

// AppendAdd appends the message that adds n: RTM_NEWNEIGH, which fails with EEXIST
// if there is an entry of the same Dst, or of the same LLAddr, VLAN and SrcVNI. A
// proxy entry that exists is changed.
func AppendAdd(e *rtattr.Encoder, n Neigh) {
	Begin(e, rtattr.RTM_NEWNEIGH, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, n).End()
}

// AppendReplace appends the message that adds n or changes the entry that exists.
func AppendReplace(e *rtattr.Encoder, n Neigh) {
	Begin(e, rtattr.RTM_NEWNEIGH, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, n).End()
}

// AppendChange is AppendReplace for an entry that must exist.
func AppendChange(e *rtattr.Encoder, n Neigh) {
	Begin(e, rtattr.RTM_NEWNEIGH, rtattr.NLM_F_REPLACE, n).End()
}

// AppendAppend appends the message that adds n, or a further remote end to the
// VXLAN entry of a multicast address or of 00:00:00:00:00:00, which stands for all
// that are not known.
func AppendAppend(e *rtattr.Encoder, n Neigh) {
	Begin(e, rtattr.RTM_NEWNEIGH, rtattr.NLM_F_CREATE|rtattr.NLM_F_APPEND, n).End()
}

// AppendDelete appends the message that deletes n. Index, Dst and NTF_PROXY say
// which one. Of a forwarding entry it is Index, NTF_MASTER and NTF_SELF, LLAddr, VLAN
// and SrcVNI, and Dst, Port, VNI and Via if it is one remote end of several; none
// of those is all of them.
func AppendDelete(e *rtattr.Encoder, n Neigh) {
	Begin(e, rtattr.RTM_DELNEIGH, 0, n).End()
}

// AppendFlushFDB appends the message that deletes all forwarding entries of a bridge,
// a bridge port (with NTF_MASTER) or a VXLAN device that have the fields of n other
// than zero. Of the states and flags, those in the masks must be as they are in n. A
// bridge looks at VLAN and Via, which is the port; a VXLAN device at Dst, Port, VNI,
// SrcVNI and NexthopID (Linux 6.7). NLM_F_BULK, Linux 6.0.
func AppendFlushFDB(e *rtattr.Encoder, n Neigh, state rtattr.NeighState, flags rtattr.NeighFlags) {
	n.Family = rtattr.AF_BRIDGE
	w := Begin(e, rtattr.RTM_DELNEIGH, rtattr.NLM_F_BULK, n)
	if flags != 0 {
		w.FlagsMask(flags)
	}
	if state != 0 {
		w.StateMask(state)
	}
	w.End()
}

// AppendGet appends the request for one entry: RTM_GETNEIGH. Index, Dst and NTF_PROXY
// say which one. Of a forwarding entry it is LLAddr, VLAN and Master, the bridge, or
// Index and NTF_MASTER or NTF_SELF; VNI is where a VXLAN device shall look.
func AppendGet(e *rtattr.Encoder, n Neigh) {
	q := Neigh{Family: n.family(), Index: n.Index, Flags: n.Flags & rtattr.NTF_PROXY, Dst: n.Dst}
	if q.Family == rtattr.AF_BRIDGE {
		q = Neigh{Family: q.Family, Index: n.Index, Flags: n.Flags & (rtattr.NTF_MASTER | rtattr.NTF_SELF), LLAddr: n.LLAddr, VLAN: n.VLAN, VNI: n.VNI}
		if n.Index == 0 && n.Master != 0 && n.LLAddr.n == 6 {
			w := begin(e, rtattr.RTM_GETNEIGH, 0, q)
			w.Master(n.Master)
			w.End()
			return
		}
	}
	Begin(e, rtattr.RTM_GETNEIGH, 0, q).End()
}

// Begin begins a message of type typ about n, and puts all of n. The caller adds what
// Neigh does not name, and ends the message:
//
//	w := neigh.Begin(e, rtattr.RTM_NEWNEIGH, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, n)
//	w.Uint32(77, 7)
//	w.End()
//
// NLM_F_REQUEST is set in any case. If n contradicts itself, it is e that fails.
func Begin(e *rtattr.Encoder, typ, flags uint16, n Neigh) rtattr.NeighEncoder {
	many := typ == rtattr.RTM_DELNEIGH && flags&rtattr.NLM_F_BULK != 0
	if reason := n.invalid(many); reason != "" {
		e.Fail(fmt.Errorf("neigh: %v: %s", n, reason))
	}
	return begin(e, typ, flags, n)
}

func begin(e *rtattr.Encoder, typ, flags uint16, n Neigh) rtattr.NeighEncoder {
	w := rtattr.AppendNeigh(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.NdMsg{
		Family: n.family(), IfIndex: int32(n.Index), State: n.State, Flags: n.Flags,
	})
	if n.Protocol != 0 {
		w.Protocol(n.Protocol)
	}
	if n.Family == rtattr.AF_BRIDGE && n.LLAddr.n > 0 {
		w.LLAddr(n.LLAddr.b[:n.LLAddr.n])
	}
	if n.Dst.IsValid() {
		w.Dst(n.Dst)
	}
	if n.FlagsExt != 0 {
		w.FlagsExt(n.FlagsExt)
	}
	if n.Family != rtattr.AF_BRIDGE && n.LLAddr.n > 0 {
		w.LLAddr(n.LLAddr.b[:n.LLAddr.n])
	}
	if n.VLAN != 0 {
		w.VLAN(n.VLAN)
	}
	if n.NexthopID != 0 {
		w.NexthopID(n.NexthopID)
	}
	if n.Port != 0 {
		w.Port(n.Port)
	}
	if vni, ok := n.VNI.Value(); ok {
		if vni > math.MaxUint32 {
			e.Fail(fmt.Errorf("neigh: %v: VNI has more than 32 bits", n))
		}
		w.VNI(uint32(vni))
	}
	if n.SrcVNI != 0 {
		w.SrcVNI(n.SrcVNI)
	}
	if n.Via != 0 {
		w.IfIndex(n.Via)
	}
	if n.Activity != 0 || n.DontRefresh {
		x := w.FDBExt()
		if n.Activity != 0 {
			x.ActivityNotify(n.Activity)
		}
		if n.DontRefresh {
			x.DontRefresh()
		}
		x.End()
	}
	return w
}
