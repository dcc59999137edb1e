//go:build vm && linux

package matrix

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

// An encap is how a route with an encapsulation is made and changed.
type encap struct {
	name           string
	v4             bool // 10.9.0.0/16, else fd09::/64
	create, change func(*testing.T, rtattr.RouteEncoder)
	// lethal: a 6.18 kernel stops for good, so it is sent in a machine only.
	lethal bool
}

// seg6 is a segment routing header with segments in the order of the path.
func seg6(w rtattr.RouteEncoder, mode rtattr.SEG6Mode, segments ...netip.Addr) {
	n := w.EncapSEG6()
	h, tail := srh(segments)
	n.SRH(rtattr.SEG6Encap{Mode: mode, Header: h}, tail)
	n.End()
}

func srh(segments []netip.Addr) (rtattr.SRHeader, []byte) {
	var tail []byte
	for _, s := range slices.Backward(segments) {
		tail = append(tail, s.AsSlice()...)
	}
	last := uint8(len(segments) - 1)
	return rtattr.SRHeader{HdrLen: 2 * uint8(len(segments)), Type: 4, SegmentsLeft: last, FirstSegment: last}, tail
}

// local is one action of segment routing.
func local(name string, action rtattr.SEG6LocalAction, with func(*testing.T, rtattr.EncapSEG6LocalEncoder)) encap {
	put := func(action rtattr.SEG6LocalAction, with func(*testing.T, rtattr.EncapSEG6LocalEncoder)) func(*testing.T, rtattr.RouteEncoder) {
		return func(t *testing.T, w rtattr.RouteEncoder) {
			n := w.EncapSEG6Local()
			n.Action(action)
			with(t, n)
			n.End()
		}
	}
	return encap{name: "seg6local " + name, create: put(action, with),
		change: put(rtattr.SEG6_LOCAL_ACTION_END_X, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.NH6(far) })}
}

// program loads one that does nothing.
func program(t *testing.T, typ ebpf.ProgramType) uint32 {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: typ, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return uint32(p.FD())
}

// tunnel is encap ip with options.
func tunnel(w rtattr.RouteEncoder, id uint64, flags rtattr.IPTunnelFlags, put func(rtattr.EncapOptsEncoder)) {
	n := w.EncapIP()
	n.ID(id)
	n.Dst(there)
	n.Src(here)
	n.TTL(7)
	n.Flags(flags)
	if put != nil {
		o := n.Opts()
		put(o)
		o.End()
	}
	n.End()
}

func tunnel6(w rtattr.RouteEncoder, id uint64, flags rtattr.IPTunnelFlags, put func(rtattr.EncapOptsEncoder)) {
	n := w.EncapIP6()
	n.ID(id)
	n.Dst(there6)
	n.Src(here6)
	n.HopLimit(7)
	n.Flags(flags)
	if put != nil {
		o := n.Opts()
		put(o)
		o.End()
	}
	n.End()
}

func geneve(o rtattr.EncapOptsEncoder) {
	for i := range 2 { // one option each
		g := o.Geneve()
		g.Class(uint16(0x102 + i))
		g.Type(uint8(3 + i))
		g.Data([]byte{10, 11, 12, byte(i)})
		g.End()
	}
}

func vxlan(o rtattr.EncapOptsEncoder) { x := o.VXLAN(); x.GBP(0x123456); x.End() }

func erspan1(o rtattr.EncapOptsEncoder) {
	x := o.ERSPAN()
	x.Version(1)
	x.Index(0x10203)
	x.End()
}

func erspan2(o rtattr.EncapOptsEncoder) {
	x := o.ERSPAN()
	x.Version(2)
	x.Direction(1)
	x.HWID(63)
	x.End()
}

// options are encap ip and ip6 with some.
func options(name string, put func(rtattr.EncapOptsEncoder)) []encap {
	return []encap{
		{name: "ip " + name, v4: true, lethal: true,
			create: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel(w, 5, rtattr.TUNNEL_KEY, put) },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel(w, 6, rtattr.TUNNEL_CSUM, nil) }},
		{name: "ip6 " + name, lethal: true,
			create: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel6(w, 5, rtattr.TUNNEL_KEY, put) },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel6(w, 6, rtattr.TUNNEL_CSUM, nil) }},
	}
}

func mpls(ttl uint8, labels ...uint32) func(*testing.T, rtattr.RouteEncoder) {
	return func(_ *testing.T, w rtattr.RouteEncoder) {
		n := w.EncapMPLS()
		for i := range labels {
			labels[i] = labels[i]&^0xfff | labels[i]&0xe00 // label and class
		}
		labels[len(labels)-1] |= 1 << 8 // bottom of stack
		n.Labels(labels)
		n.TTL(ttl)
		n.End()
	}
}

func rpl(segments ...netip.Addr) func(*testing.T, rtattr.RouteEncoder) {
	return func(_ *testing.T, w rtattr.RouteEncoder) {
		var tail []byte
		for _, s := range segments {
			tail = append(tail, s.AsSlice()...)
		}
		n := w.EncapRPL()
		n.SRH(rtattr.RPLHeader{HdrLen: 2 * uint8(len(segments)), Type: 3, SegmentsLeft: uint8(len(segments))}, tail)
		n.End()
	}
}

func ioam6(room uint8) func(*testing.T, rtattr.RouteEncoder) {
	return func(_ *testing.T, w rtattr.RouteEncoder) {
		n := w.EncapIOAM6()
		n.Mode(rtattr.IOAM6_IPTUNNEL_MODE_INLINE)
		n.Trace(rtattr.IOAM6Trace{NamespaceID: 0, RemainingLen: room, Type: 0x800000 << 8})
		n.End()
	}
}

func ila(checksum rtattr.ILACsumMode) func(*testing.T, rtattr.RouteEncoder) {
	return func(_ *testing.T, w rtattr.RouteEncoder) {
		n := w.EncapILA()
		n.Locator(0x20010db800070009)
		n.CsumMode(checksum)
		n.End()
	}
}

var far = netip.MustParseAddr("fd00:1::a")

func encaps() []encap {
	all := []encap{
		{name: "mpls", v4: true, create: mpls(9, 100<<12, 200<<12), change: mpls(7, 300<<12)},
		{name: "ip", v4: true,
			create: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel(w, 5, rtattr.TUNNEL_KEY|rtattr.TUNNEL_CSUM, nil) },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel(w, 6, rtattr.TUNNEL_SEQ, nil) }},
		{name: "ip6",
			create: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel6(w, 1<<40, rtattr.TUNNEL_KEY, nil) },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { tunnel6(w, 6, rtattr.TUNNEL_SEQ, nil) }},
		{name: "ila", create: ila(rtattr.ILA_CSUM_NO_ACTION), change: ila(rtattr.ILA_CSUM_NEUTRAL_MAP)},
		{name: "rpl", create: rpl(there6), change: rpl(there6, far)},
		{name: "ioam6", create: ioam6(1), change: ioam6(2)},
		{name: "xfrm", create: func(_ *testing.T, w rtattr.RouteEncoder) { n := w.EncapXFRM(); n.IfID(7); n.Link(v0); n.End() },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { n := w.EncapXFRM(); n.IfID(8); n.End() }},
		{name: "bpf",
			create: func(t *testing.T, w rtattr.RouteEncoder) {
				n := w.EncapBPF()
				in := n.In()
				in.FD(program(t, ebpf.LWTIn))
				in.Name("nothing")
				in.End()
				n.End()
			},
			change: func(t *testing.T, w rtattr.RouteEncoder) {
				n := w.EncapBPF()
				out := n.Out()
				out.FD(program(t, ebpf.LWTOut))
				out.Name("out")
				out.End()
				xmit := n.Xmit()
				xmit.FD(program(t, ebpf.LWTXmit))
				xmit.Name("xmit")
				xmit.End()
				n.XmitHeadroom(14)
				n.End()
			}},
		local("End", rtattr.SEG6_LOCAL_ACTION_END, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) {}),
		local("End.X", rtattr.SEG6_LOCAL_ACTION_END_X, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.NH6(there6) }),
		local("End.T", rtattr.SEG6_LOCAL_ACTION_END_T, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.Table(254) }),
		local("End.DX2", rtattr.SEG6_LOCAL_ACTION_END_DX2, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.OIF(v1) }),
		local("End.DX4", rtattr.SEG6_LOCAL_ACTION_END_DX4, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.NH4(there) }),
		local("End.DX6", rtattr.SEG6_LOCAL_ACTION_END_DX6, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.NH6(there6) }),
		local("End.DT4", rtattr.SEG6_LOCAL_ACTION_END_DT4, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.VRFTable(77) }),
		local("End.DT6", rtattr.SEG6_LOCAL_ACTION_END_DT6, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.Table(254) }),
		local("End.DT46", rtattr.SEG6_LOCAL_ACTION_END_DT46, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.VRFTable(77) }),
		local("End.B6", rtattr.SEG6_LOCAL_ACTION_END_B6, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) { n.SRH(srh([]netip.Addr{far, there6})) }),
		local("End.B6.Encaps", rtattr.SEG6_LOCAL_ACTION_END_B6_ENCAP, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) {
			n.SRH(srh([]netip.Addr{far, there6}))
		}),
		local("End.BPF", rtattr.SEG6_LOCAL_ACTION_END_BPF, func(t *testing.T, n rtattr.EncapSEG6LocalEncoder) {
			b := n.BPF()
			b.Prog(program(t, ebpf.LWTSeg6Local))
			b.ProgName("nothing")
			b.End()
		}),
		local("counters", rtattr.SEG6_LOCAL_ACTION_END, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) {
			c := n.Counters()
			c.Packets(0)
			c.ByteCount(0)
			c.Errors(0)
			c.End()
		}),
		local("PSP", rtattr.SEG6_LOCAL_ACTION_END, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) {
			f := n.Flavors()
			f.Operation(rtattr.SEG6_LOCAL_FLV_OP_PSP_BIT)
			f.End()
		}),
		local("NEXT-C-SID", rtattr.SEG6_LOCAL_ACTION_END, func(_ *testing.T, n rtattr.EncapSEG6LocalEncoder) {
			f := n.Flavors()
			f.Operation(rtattr.SEG6_LOCAL_FLV_OP_NEXT_CSID_BIT)
			f.LocatorBlockBits(48)
			f.LocatorNodeFunctionBits(16)
			f.End()
		}),
	}
	for mode, name := range map[rtattr.SEG6Mode]string{
		rtattr.SEG6_IPTUN_MODE_ENCAP: "encap", rtattr.SEG6_IPTUN_MODE_ENCAP_RED: "encap.red", rtattr.SEG6_IPTUN_MODE_INLINE: "inline",
		rtattr.SEG6_IPTUN_MODE_L2ENCAP: "l2encap", rtattr.SEG6_IPTUN_MODE_L2ENCAP_RED: "l2encap.red",
	} {
		all = append(all, encap{name: "seg6 " + name,
			create: func(_ *testing.T, w rtattr.RouteEncoder) { seg6(w, mode, there6, far) },
			change: func(_ *testing.T, w rtattr.RouteEncoder) { seg6(w, rtattr.SEG6_IPTUN_MODE_ENCAP, far) }})
	}
	return slices.Concat(all, options("geneve", geneve), options("vxlan", vxlan), options("erspan 1", erspan1), options("erspan 2", erspan2))
}

// encaps makes a route with every encapsulation that the kernel has, reads it
// back, replaces it and deletes it.
func (x *finder) encaps(t *testing.T) {
	for _, c := range encaps() {
		t.Run(c.name, func(t *testing.T) {
			if c.lethal && !inMachine {
				x.note(x.f.Encaps, c.name, "not sent: a 6.18 kernel stops for good")
				return
			}
			mark(t)
			x.encap(t, c)
		})
	}
}

func (x *finder) encap(t *testing.T, c encap) {
	p := wired(t)
	// DT4 and DT46 want a VRF that owns its table; not every kernel has it.
	inVRF := strings.HasPrefix(c.name, "seg6local End.DT")
	if inVRF {
		if out, err := p.shell(vrf + "77"); inMachine && err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	step := func(typ, flags uint16, put func(*testing.T, rtattr.RouteEncoder)) (same, sent int, err error) {
		t.Helper()
		h := rtattr.RtMsg{Family: rtattr.AF_INET6, DstLen: 64, Table: unix.RT_TABLE_MAIN, Protocol: rtattr.RTPROT_BOOT, Type: rtattr.RTN_UNICAST}
		dst := netip.MustParseAddr("fd09::")
		if c.v4 {
			h.Family, h.DstLen, h.Scope, dst = rtattr.AF_INET, 16, rtattr.RT_SCOPE_LINK, netip.MustParseAddr("10.9.0.0")
		}
		var e rtattr.Encoder
		w := rtattr.AppendRoute(&e, typ, rtattr.NLM_F_REQUEST|rtattr.NLM_F_ACK|flags, h)
		w.Dst(dst)
		w.OIF(v0)
		if put != nil {
			put(t, w)
		}
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		before := p.list(typ)
		if _, err := golden.Send(p.conn, b); err != nil || put == nil {
			return 0, 0, err
		}
		same, sent = x.accepted(p, b, before)
		return same, sent, nil
	}
	same, sent, err := step(rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, c.create)
	if err != nil {
		x.note(x.f.Encaps, c.name, "refused: "+outcome(err))
		if !errors.Is(err, unix.EOPNOTSUPP) && (inMachine || !inVRF) {
			t.Error(err)
		}
		return
	}
	fact := fmt.Sprintf("created (%d/%d)", same, sent)
	if same, sent, err = step(rtattr.RTM_NEWROUTE, rtattr.NLM_F_REPLACE, c.change); err != nil {
		t.Fatalf("change: %v", err)
	}
	fact += fmt.Sprintf(", changed (%d/%d)", same, sent)
	if _, _, err := step(rtattr.RTM_DELROUTE, 0, nil); err != nil {
		t.Fatalf("delete: %v", err)
	}
	for _, m := range p.list(rtattr.RTM_NEWROUTE) {
		for _, l := range leaves(t, m) {
			if l.path == "RTM_NEWROUTE RTA_DST" && (l.value == "fd09::" || l.value == "10.9.0.0") {
				t.Errorf("deleted, but it is still there")
			}
		}
	}
	x.note(x.f.Encaps, c.name, fact+", deleted")
}
