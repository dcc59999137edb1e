package rule

import (
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
)

// AppendAdd appends the message that adds r: RTM_NEWRULE, which fails with EEXIST
// if there is the same rule already. Flags make no difference there, and a rule
// without Src, Dst, TOS, DSCP or Flow is the same as one with them.
func AppendAdd(e *rtattr.Encoder, r Rule) {
	Begin(e, rtattr.RTM_NEWRULE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, r).End()
}

// AppendDelete appends the message that deletes the first rule that matches r:
// fields that are zero match any, and so do Flags.
func AppendDelete(e *rtattr.Encoder, r Rule) {
	Begin(e, rtattr.RTM_DELRULE, 0, r).End()
}

// Begin begins a message of type typ about r, and puts all of r. The caller adds
// what Rule does not name, and ends the message:
//
//	w := rule.Begin(e, rtattr.RTM_NEWRULE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, r)
//	w.Uint32(77, 7)
//	w.End()
//
// NLM_F_REQUEST is set in any case. If r contradicts itself, it is e that fails.
func Begin(e *rtattr.Encoder, typ, flags uint16, r Rule) rtattr.RuleEncoder {
	if reason := r.invalid(); reason != "" {
		e.Fail(fmt.Errorf("rule: %v: %s", r, reason))
		return rtattr.AppendRule(e, typ, rtattr.NLM_F_REQUEST|flags, rtattr.FibRuleHdr{})
	}
	h := rtattr.FibRuleHdr{
		Family: r.family(),
		TOS:    r.TOS,
		Action: r.Action,
		Flags:  r.Flags &^ computed, // the kernel would keep them for good
	}
	table := r.Table
	if typ == rtattr.RTM_NEWRULE {
		h.Action, table = r.action(), r.table()
	}
	if table <= math.MaxUint8 {
		h.Table = uint8(table)
	}
	if r.Src.IsValid() {
		h.SrcLen = uint8(r.Src.Bits())
	}
	if r.Dst.IsValid() {
		h.DstLen = uint8(r.Dst.Bits())
	}
	w := rtattr.AppendRule(e, typ, rtattr.NLM_F_REQUEST|flags, h)
	if n, ok := r.Priority.Value(); ok {
		w.Priority(n)
	}
	if h.SrcLen > 0 {
		w.Src(r.Src.Addr())
	}
	if h.DstLen > 0 {
		w.Dst(r.Dst.Addr())
	}
	mask, masked := r.FwMask.Value()
	if r.FwMark != 0 || masked {
		w.FwMark(r.FwMark)
	}
	if masked {
		w.FwMask(mask)
	}
	if r.IIF != "" {
		w.IIFName(r.IIF)
	}
	if r.OIF != "" {
		w.OIFName(r.OIF)
	}
	if r.IPProto != 0 {
		w.IPProto(r.IPProto)
	}
	if r.SPort != (Ports{}) {
		w.SPortRange(rtattr.PortRange{Start: r.SPort.Start, End: r.SPort.End})
	}
	if r.SPort.Mask != 0 {
		w.SPortMask(r.SPort.Mask)
	}
	if r.DPort != (Ports{}) {
		w.DPortRange(rtattr.PortRange{Start: r.DPort.Start, End: r.DPort.End})
	}
	if r.DPort.Mask != 0 {
		w.DPortMask(r.DPort.Mask)
	}
	if start, ok := r.UIDRange.Start.Value(); ok {
		end, _ := r.UIDRange.End.Value()
		w.UIDRange(rtattr.UIDRange{Start: start, End: end})
	}
	if r.TunnelID != 0 {
		w.TunnelID(r.TunnelID)
	}
	if r.Protocol != 0 {
		w.Protocol(r.Protocol)
	}
	if n, ok := r.SuppressPrefixLen.Value(); ok {
		w.SuppressPrefixLen(n)
	}
	if n, ok := r.SuppressIfGroup.Value(); ok {
		w.SuppressIfGroup(n)
	}
	if table > math.MaxUint8 {
		w.Table(table)
	}
	if r.L3MDev {
		w.L3MDev(1)
	}
	if r.Goto != 0 {
		w.Goto(r.Goto)
	}
	if r.Flow != 0 {
		w.Flow(r.Flow)
	}
	if n, ok := r.DSCP.Value(); ok {
		w.DSCP(uint8(n))
	}
	if r.DSCPMask != 0 {
		w.DSCPMask(r.DSCPMask)
	}
	if n, ok := r.FlowLabel.Value(); ok {
		w.FlowLabel(n)
		mask, ok := r.FlowLabelMask.Value()
		if !ok {
			mask = maxFlowLabel // or the kernel refuses
		}
		w.FlowLabelMask(mask)
	}
	if r.Unknown != "" {
		w.Raw([]byte(r.Unknown))
	}
	return w
}
