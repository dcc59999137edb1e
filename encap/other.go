package encap

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
)

// ILA is identifier-locator addressing (net/ipv6/ila/ila_lwt.c). All fields are
// sent, so that a zero field is the value 0. What ip leaves out is, for the kernel,
// no-action, use-format and output.
type ILA struct {
	Locator   uint64 // upper half of an address: 0x20010db800070009 is 2001:db8:7:9
	CsumMode  rtattr.ILACsumMode
	IdentType rtattr.ILAIdentType
	HookType  rtattr.ILAHookType
}

// Type returns LWTUNNEL_ENCAP_ILA.
func (ILA) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_ILA }

// String returns "ila 2001:db8:7:9 csum-mode no-action ident-type luid hook-type
// output".
func (x ILA) String() string {
	l := x.Locator
	return fmt.Sprintf("ila %x:%x:%x:%x csum-mode %s ident-type %s hook-type %s",
		l>>48, l>>32&0xffff, l>>16&0xffff, l&0xffff, x.CsumMode, x.IdentType, x.HookType)
}

func (ILA) encap() {}

func (x ILA) put(w rtattr.EncapILAEncoder) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], x.Locator)
	w.Locator(binary.NativeEndian.Uint64(b[:]))
	w.CsumMode(x.CsumMode)
	w.IdentType(x.IdentType)
	w.HookType(x.HookType)
}

func parseILA(b []byte) (x ILA, ok bool) {
	var v rtattr.EncapILAView
	if err := v.Parse(b); !known(&rtattr.EncapILASet, v.Attrs(), err) {
		return x, false
	}
	for typ := range v.Attrs().All() {
		switch typ {
		case rtattr.ILA_ATTR_LOCATOR, rtattr.ILA_ATTR_PAD, rtattr.ILA_ATTR_CSUM_MODE, rtattr.ILA_ATTR_IDENT_TYPE, rtattr.ILA_ATTR_HOOK_TYPE:
		default: // attributes of translation tables
			return x, false
		}
	}
	locator, ok := v.Locator()
	var be [8]byte
	binary.NativeEndian.PutUint64(be[:], locator)
	x = ILA{binary.BigEndian.Uint64(be[:]), rtattr.ILA_CSUM_NO_ACTION, rtattr.ILA_ATYPE_USE_FORMAT, rtattr.ILA_HOOK_ROUTE_OUTPUT}
	if mode, ok := v.CsumMode(); ok {
		x.CsumMode = mode
	}
	if typ, ok := v.IdentType(); ok {
		x.IdentType = typ
	}
	if hook, ok := v.HookType(); ok {
		x.HookType = hook
	}
	return x, ok
}

// IOAM6 puts a trace of in-situ OAM (RFC 9197) on packets
// (net/ipv6/ioam6_iptunnel.c).
type IOAM6 struct {
	Mode         rtattr.IOAM6Mode
	FreqK, FreqN uint32     // K of N packets get a trace; without both, all
	Src, Dst     netip.Addr // of the new header, which inline has not; the kernel chooses a Src
	Trace        rtattr.IOAM6Trace
}

// Type returns LWTUNNEL_ENCAP_IOAM6.
func (IOAM6) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_IOAM6 }

// String returns "ioam6 freq 1/3 mode encap tundst fd00::2 trace prealloc type
// 0xc00000 ns 7 size 24".
func (x IOAM6) String() string {
	s := fmt.Sprintf("ioam6 freq %d/%d mode %s", max(x.FreqK, 1), max(x.FreqN, 1), x.Mode)
	if x.Src.IsValid() {
		s += " tunsrc " + x.Src.String()
	}
	if x.Dst.IsValid() {
		s += " tundst " + x.Dst.String()
	}
	return s + fmt.Sprintf(" trace prealloc type %#06x ns %d size %d", x.Trace.Type>>8, x.Trace.NamespaceID, 4*int(x.Trace.RemainingLen))
}

func (IOAM6) encap() {}

func (x IOAM6) put(w rtattr.EncapIOAM6Encoder) {
	if x.FreqK != 0 || x.FreqN != 0 {
		w.FreqK(x.FreqK)
		w.FreqN(x.FreqN)
	}
	w.Mode(x.Mode)
	if x.Src.IsValid() {
		w.Src(x.Src)
	}
	if x.Dst.IsValid() {
		w.Dst(x.Dst)
	}
	w.Trace(x.Trace)
}

func parseIOAM6(b []byte) (x IOAM6, ok bool) {
	var v rtattr.EncapIOAM6View
	if err := v.Parse(b); !known(&rtattr.EncapIOAM6Set, v.Attrs(), err) {
		return x, false
	}
	if x.Mode, ok = v.Mode(); !ok {
		x.Mode = rtattr.IOAM6_IPTUNNEL_MODE_INLINE
	}
	x.FreqK, _ = v.FreqK()
	x.FreqN, _ = v.FreqN()
	x.Src, _ = v.Src()
	x.Dst, _ = v.Dst()
	x.Trace, ok = v.Trace()
	return x, ok
}

// XFRM is metadata for an IPsec interface that is in external mode
// (net/xfrm/xfrm_interface_core.c).
type XFRM struct {
	IfID uint32
	Link uint32 // index of the underlying interface
}

// Type returns LWTUNNEL_ENCAP_XFRM.
func (XFRM) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_XFRM }

// String returns "xfrm if_id 7 link_dev 3".
func (x XFRM) String() string {
	s := fmt.Sprintf("xfrm if_id %d", x.IfID)
	if x.Link != 0 {
		s += fmt.Sprintf(" link_dev %d", x.Link)
	}
	return s
}

func (XFRM) encap() {}

func (x XFRM) put(w rtattr.EncapXFRMEncoder) {
	w.IfID(x.IfID)
	if x.Link != 0 {
		w.Link(x.Link)
	}
}

func parseXFRM(b []byte) (x XFRM, ok bool) {
	var v rtattr.EncapXFRMView
	if err := v.Parse(b); !known(&rtattr.EncapXFRMSet, v.Attrs(), err) {
		return x, false
	}
	x.IfID, ok = v.IfID()
	x.Link, _ = v.Link()
	return x, ok
}
