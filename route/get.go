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
	Dst netip.Addr
	Src netip.Addr
	IIF uint32 // index of the interface that the packet comes in by; needs Src
	OIF uint32 // index of the interface that it shall leave by
	TOS uint8

	Mark     uint32
	UID      uint32 // of the sender, where rules ask for it; 0 is the caller's
	IPProto  uint8  // protocol and ports, where rules or multipath hashes ask for them
	SPort    uint16
	DPort    uint16
	FIBMatch bool // the route of the table, not what it makes of the packet
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
	err := fmt.Errorf("route: get %v: no answer", l.Dst)
	for m, qerr := range conn.Query(ctx, e) { // to its end, or its socket is lost
		if qerr != nil {
			return Route{}, rtnl.Annotate(qerr, "route: get", l.Dst.String())
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
	switch {
	case !l.Dst.IsValid():
		e.Fail(errors.New("route: get: no destination"))
		return
	case l.Src.IsValid() && l.Src.Is4() != l.Dst.Is4():
		e.Fail(fmt.Errorf("route: get %s: source %s is of another family", l.Dst, l.Src))
		return
	}
	h := rtattr.RtMsg{Family: family(l.Dst), DstLen: uint8(l.Dst.BitLen()), TOS: l.TOS}
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
	w.Dst(l.Dst)
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
	if l.UID != 0 {
		w.UID(l.UID)
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
	w.End()
}
