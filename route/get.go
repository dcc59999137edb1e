package route

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Lookup asks which route a packet takes. Fields that are zero are not asked
// about.
type Lookup struct {
	Dst   netip.Addr
	Src   netip.Addr
	Label uint32 // of an MPLS packet, which has no Dst
	IIF   uint32 // index of the interface that the packet comes in by; IPv4 wants Src then
	OIF   uint32 // index of the interface that it shall leave by, or of a VRF to look up in
	TOS   uint8

	Mark      uint32
	UID       UID    // of the sender, where rules ask for it; none is that of the caller
	IPProto   uint8  // protocol and ports, where rules or multipath hashes ask for them
	SPort     uint16 // source port
	DPort     uint16 // destination port
	FlowLabel uint32 // 20 bits; IPv6, Linux 6.14
	FIBMatch  bool   // the route of the table, not what it makes of the packet
}

// A UID is that of a user, or none.
type UID struct {
	v   uint32
	set bool
}

// UIDOf returns the UID of a number; that of root is not the zero UID.
func UIDOf(v uint32) UID { return UID{v, true} }

// Value returns the number and whether there is one.
func (u UID) Value() (uint32, bool) { return u.v, u.set }

// String returns "192.0.2.1 from 10.0.0.1".
func (l Lookup) String() string {
	s := l.Dst.String()
	if l.Label != 0 {
		s = fmt.Sprintf("mpls %d", l.Label)
	}
	if l.Src.IsValid() {
		s += " from " + l.Src.String()
	}
	return s
}

// Get returns the route that a packet takes, as `ip route get` shows it. An
// unreachable destination is an error: its errno is what connect would say.
func Get(ctx context.Context, conn *rtnl.Conn, l Lookup) (Route, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGet(e, l)
	if err := e.Err(); err != nil {
		return Route{}, err
	}
	var r Route
	err := fmt.Errorf("route: get %v: no answer", l)
	for m, qerr := range conn.Query(ctx, e) { // to its end, or its socket is lost
		if qerr != nil {
			return Route{}, rtnl.Annotate(qerr, "route: get", l.String())
		}
		if m.Type() != rtattr.RTM_NEWROUTE {
			continue
		}
		var v rtattr.RouteView
		if err = v.Parse(m.Payload()); err == nil {
			r, err = Parse(&v)
		}
	}
	return r, err
}

// AppendGet appends the request of Get: RTM_GETROUTE.
func AppendGet(e *rtattr.Encoder, l Lookup) {
	h := rtattr.RtMsg{TOS: l.TOS}
	switch {
	case l.Label != 0 && l.Dst.IsValid():
		e.Fail(fmt.Errorf("route: get %s: a packet has a Label or a Dst", l))
		return
	case l.Label != 0:
		h.Family, h.DstLen = rtattr.AF_MPLS, labelBits
	case !l.Dst.IsValid():
		e.Fail(errors.New("route: get: no destination"))
		return
	case l.Src.IsValid() && l.Src.Is4() != l.Dst.Is4():
		e.Fail(fmt.Errorf("route: get %s: source %s is of another family", l.Dst, l.Src))
		return
	default:
		h.Family, h.DstLen = family(l.Dst), uint8(l.Dst.BitLen())
	}
	if l.Dst.Is4() {
		h.Flags = rtattr.RTM_F_LOOKUP_TABLE // or the answer names table main, whichever it is
	}
	if l.Src.IsValid() {
		h.SrcLen = uint8(l.Src.BitLen())
	}
	if l.FIBMatch {
		h.Flags |= rtattr.RTM_F_FIB_MATCH
	}
	w := rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_REQUEST, h)
	if l.Label != 0 {
		putLabel(w, l.Label)
	} else {
		w.Dst(l.Dst)
	}
	if l.Src.IsValid() {
		w.Src(l.Src)
	}
	if l.IIF != 0 {
		w.IIF(l.IIF)
	}
	if l.OIF != 0 {
		w.OIF(l.OIF)
	}
	if l.Mark != 0 {
		w.Mark(l.Mark)
	}
	if l.UID.set {
		w.UID(l.UID.v)
	}
	if l.IPProto != 0 {
		w.IPProto(l.IPProto)
	}
	if l.SPort != 0 {
		w.SPort(l.SPort)
	}
	if l.DPort != 0 {
		w.DPort(l.DPort)
	}
	if l.FlowLabel != 0 {
		w.FlowLabel(l.FlowLabel)
	}
	w.End()
}
