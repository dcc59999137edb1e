package route

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/rtattr"
)

// AppendAdd appends the message that adds r: RTM_NEWROUTE, which fails with
// EEXIST if there is a route to the same destination with the same Priority and
// TOS.
func AppendAdd(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, r).End()
}

// AppendAppend appends the message that adds r behind routes to the same
// destination; in IPv6 they become one multipath route.
func AppendAppend(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_APPEND, r).End()
}

// AppendPrepend appends the message that adds r in front of routes to the same
// destination.
func AppendPrepend(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE, r).End()
}

// AppendReplace appends the message that puts r in the place of the first route to
// the same destination with the same Priority and TOS, or adds it.
func AppendReplace(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, r).End()
}

// AppendChange is AppendReplace for a route that must exist.
func AppendChange(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_REPLACE, r).End()
}

// AppendDelete appends the message that deletes the first route that matches r;
// fields that are zero match any, but for Dst and Table.
func AppendDelete(e *rtattr.Encoder, r Route) {
	Begin(e, rtattr.RTM_DELROUTE, 0, r).End()
}

// Begin begins a message of type typ about r, and puts all of r. The caller adds
// what Route does not name, and ends the message:
//
//	w := route.Begin(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, r)
//	w.FlowLabel(7)
//	w.End()
//
// NLM_F_REQUEST is set in any case. If r contradicts itself, it is e that fails.
func Begin(e *rtattr.Encoder, typ, flags uint16, r Route) rtattr.RouteEncoder {
	if reason := r.invalid(typ); reason != "" {
		e.Fail(fmt.Errorf("route: %v: %s", r, reason))
		return rtattr.AppendRoute(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.RtMsg{})
	}
	h := rtattr.RtMsg{
		Family: r.family(), TOS: r.TOS, Protocol: r.Protocol, Scope: r.scope(typ), Type: r.Type, Flags: r.Flags,
	}
	if typ == rtattr.RTM_NEWROUTE && h.Protocol == rtattr.RTPROT_UNSPEC {
		h.Protocol = rtattr.RTPROT_BOOT
	}
	switch {
	case h.Type == rtattr.RTN_UNSPEC && (typ == rtattr.RTM_NEWROUTE || h.Family == rtattr.AF_MPLS):
		h.Type = rtattr.RTN_UNICAST
	case h.Type == rtattr.RTN_BLACKHOLE && typ == rtattr.RTM_DELROUTE && r.NexthopID != 0:
		h.Type = rtattr.RTN_UNSPEC // it may be the nexthop object that is one, and the kernel compares
	}
	table := r.table()
	if table <= math.MaxUint8 {
		h.Table = uint8(table)
	}
	if r.Label != 0 {
		h.DstLen = labelBits
	} else {
		h.DstLen = uint8(r.Dst.Bits())
	}
	if r.Src.IsValid() {
		h.SrcLen = uint8(r.Src.Bits())
	}
	w := rtattr.AppendRoute(e, typ, rtattr.NLM_F_REQUEST|flags, h)
	switch {
	case r.Label != 0:
		putLabel(w, r.Label)
	case r.Dst.Bits() > 0 || h.Family == rtattr.AF_INET6:
		w.Dst(r.Dst.Addr())
	}
	if r.Src.IsValid() && r.Src.Bits() > 0 {
		w.Src(r.Src.Addr())
	}
	putAs(w, r.As)
	putGateway(w, h.Family, r.Gateway)
	if r.PrefSrc.IsValid() {
		w.PrefSrc(r.PrefSrc)
	}
	if r.Priority != 0 {
		w.Priority(r.Priority)
	}
	if table > math.MaxUint8 {
		w.Table(table)
	}
	if r.Flow != 0 {
		w.Flow(r.Flow)
	}
	if r.Pref != 0 {
		w.Pref(r.Pref)
	}
	if r.Expires != 0 {
		w.Expires(r.Expires)
	}
	if r.TTLPropagate != PropagateDefault {
		w.TTLPropagate(uint8(PropagateOff - r.TTLPropagate))
	}
	if r.NexthopID != 0 {
		w.NexthopID(r.NexthopID)
	}
	putEncap(w, r.Encap)
	if r.Index != 0 {
		w.OIF(r.Index)
	}
	if r.Metrics != (Metrics{}) {
		r.Metrics.put(w)
	}
	if r.Multipath != (NextHops{}) {
		r.Multipath.put(w, h.Family)
	}
	return w
}

// labelBits is the length of an MPLS label: rtm_dst_len.
const labelBits = 20

// putLabel puts RTA_DST of MPLS: a label that is the bottom of its stack.
func putLabel(w rtattr.RouteEncoder, label uint32) { w.Label(label<<12 | 1<<8) }

// putGateway puts RTA_GATEWAY, or RTA_VIA for a gateway of another family.
func putGateway(w rtattr.RouteEncoder, fam uint8, a netip.Addr) {
	switch {
	case !a.IsValid():
	case family(a) == fam:
		w.Gateway(a)
	default:
		w.Via(rtattr.RtVia{Family: uint16(family(a))}, a)
	}
}

func putAs(w rtattr.RouteEncoder, as encap.Labels) {
	if as != (encap.Labels{}) {
		as.Put(w.Nest, rtattr.RTA_NEWDST)
	}
}

func putEncap(w rtattr.RouteEncoder, x encap.Encap) {
	if x != nil {
		encap.Append(w.Nest, rtattr.RTA_ENCAP, x)
		w.EncapType(x.Type())
	}
}

func (m *Metrics) put(w rtattr.RouteEncoder) {
	n := w.Metrics()
	for _, x := range [...]struct {
		typ uint16
		v   uint32
	}{
		{rtattr.RTAX_LOCK, m.Lock},
		{rtattr.RTAX_MTU, m.MTU},
		{rtattr.RTAX_WINDOW, m.Window},
		{rtattr.RTAX_RTT, m.RTT},
		{rtattr.RTAX_RTTVAR, m.RTTVar},
		{rtattr.RTAX_SSTHRESH, m.SsThresh},
		{rtattr.RTAX_CWND, m.Cwnd},
		{rtattr.RTAX_ADVMSS, m.AdvMSS},
		{rtattr.RTAX_REORDERING, m.Reordering},
		{rtattr.RTAX_HOPLIMIT, m.HopLimit},
		{rtattr.RTAX_INITCWND, m.InitCwnd},
		{rtattr.RTAX_FEATURES, uint32(m.Features)},
		{rtattr.RTAX_RTO_MIN, m.RTOMin},
		{rtattr.RTAX_INITRWND, m.InitRwnd},
		{rtattr.RTAX_QUICKACK, m.QuickAck},
		{rtattr.RTAX_FASTOPEN_NO_COOKIE, m.FastOpenNoCookie},
	} {
		if x.v != 0 {
			n.Uint32(x.typ, x.v)
		}
	}
	if m.CongestionControl != "" {
		n.CCAlgo(m.CongestionControl)
	}
	n.End()
}
