package nexthop

import (
	"errors"
	"fmt"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// AppendAdd appends the message that adds n: RTM_NEWNEXTHOP, which fails with
// EEXIST if there is one of the same ID.
func AppendAdd(e *rtattr.Encoder, n Nexthop) {
	Begin(e, rtattr.RTM_NEWNEXTHOP, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, n).End()
}

// AppendReplace appends the message that puts n in the place of the one of the same
// ID, or adds it. Routes and groups that refer to it stay. The kernel refuses to put
// a group in the place of an object, or of a group of another Type.
func AppendReplace(e *rtattr.Encoder, n Nexthop) {
	Begin(e, rtattr.RTM_NEWNEXTHOP, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, n).End()
}

// AppendDelete appends the message that deletes the nexthop of an ID, with the
// routes that refer to it; groups lose it, and go with their last member.
func AppendDelete(e *rtattr.Encoder, id uint32) {
	request(e, rtattr.RTM_DELNEXTHOP, "delete", id).End()
}

// AppendGet appends the request for the nexthop of an ID: RTM_GETNEXTHOP. Flags ask
// for counters; Linux before 6.9 refuses any.
func AppendGet(e *rtattr.Encoder, id uint32, flags rtattr.NexthopOpFlags) {
	w := request(e, rtattr.RTM_GETNEXTHOP, "get", id)
	if flags != 0 {
		w.OpFlags(flags)
	}
	w.End()
}

func request(e *rtattr.Encoder, typ uint16, op string, id uint32) rtattr.NexthopEncoder {
	if id == 0 {
		e.Fail(fmt.Errorf("nexthop: %s: %w", op, errNoID))
	}
	w := rtattr.AppendNexthop(e, typ, rtattr.NLM_F_REQUEST, rtattr.NhMsg{})
	w.ID(id)
	return w
}

var errNoID = errors.New("no ID")

// Begin begins a message of type typ about n, and puts all of n. The caller adds
// what Nexthop does not name, and ends the message. NLM_F_REQUEST is set in any
// case. If n contradicts itself, it is e that fails.
func Begin(e *rtattr.Encoder, typ, flags uint16, n Nexthop) rtattr.NexthopEncoder {
	if reason := n.invalid(); reason != "" {
		e.Fail(fmt.Errorf("nexthop: %v: %s", n, reason))
		return rtattr.AppendNexthop(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.NhMsg{})
	}
	w := rtattr.AppendNexthop(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.NhMsg{Family: n.family(), Protocol: n.Protocol, Flags: uint32(n.Flags)})
	if n.ID != 0 {
		w.ID(n.ID)
	}
	if n.Group != (Members{}) {
		n.putGroup(w)
	}
	if n.Encap != nil {
		encap.Append(w.Nest, rtattr.NHA_ENCAP, n.Encap)
		w.EncapType(n.Encap.Type())
	}
	if n.Gateway.IsValid() {
		w.Gateway(n.Gateway)
	}
	if n.Index != 0 {
		w.OIF(n.Index)
	}
	if n.Blackhole {
		w.Blackhole()
	}
	if n.FDB {
		w.FDB()
	}
	return w
}

func (n *Nexthop) putGroup(w rtattr.NexthopEncoder) {
	b := w.Space(rtattr.NHA_GROUP, memberLen*n.Group.Len())
	for i := range n.Group.Len() {
		m := n.Group.at(i)
		rtattr.NexthopGrp{ID: m.ID, Weight: uint8(m.Weight - 1), WeightHigh: uint8((m.Weight - 1) >> 8)}.Append(b[memberLen*i : memberLen*i])
	}
	if n.Buckets != 0 || n.IdleTimer.set || n.UnbalancedTimer.set {
		x := w.ResilientGroup()
		if n.Buckets != 0 {
			x.Buckets(n.Buckets)
		}
		if n.IdleTimer.set {
			x.IdleTimer(uint32(n.IdleTimer.d / tick))
		}
		if n.UnbalancedTimer.set {
			x.UnbalancedTimer(uint32(n.UnbalancedTimer.d / tick))
		}
		x.End()
	}
	if n.Type != rtattr.NEXTHOP_GRP_TYPE_MPATH {
		w.GroupType(n.Type)
	}
	if n.HWStats {
		w.HWStatsEnable(1)
	}
}
