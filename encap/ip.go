package encap

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// IP is metadata for an IPv4 tunnel device that is in external mode
// (net/ipv4/ip_tunnel_core.c). The kernel makes no difference between what is zero
// and what is left out; zero fields are not sent.
type IP struct {
	ID       uint64
	Src, Dst netip.Addr
	TTL, TOS uint8
	Flags    rtattr.IPTunnelFlags // key, csum, seq and the like; the kernel sets those of options itself
	Options  Options
}

// IP6 is IP for an IPv6 tunnel device.
type IP6 struct {
	ID           uint64
	Src, Dst     netip.Addr
	HopLimit     uint8
	TrafficClass uint8
	Flags        rtattr.IPTunnelFlags
	Options      Options
}

// Type returns LWTUNNEL_ENCAP_IP.
func (IP) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_IP }

// Type returns LWTUNNEL_ENCAP_IP6.
func (IP6) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_IP6 }

func (IP) encap()  {}
func (IP6) encap() {}

// String returns "ip id 5 src 192.0.2.1 dst 192.0.2.2 ttl 7 tos 4 key".
func (x IP) String() string {
	return tunnelString("ip", x.ID, x.Src, x.Dst, "ttl", x.TTL, "tos", x.TOS, x.Flags, x.Options)
}

// String returns "ip6 id 5 src 2001:db8::1 dst 2001:db8::2 hoplimit 7 tc 4 key".
func (x IP6) String() string {
	return tunnelString("ip6", x.ID, x.Src, x.Dst, "hoplimit", x.HopLimit, "tc", x.TrafficClass, x.Flags, x.Options)
}

func tunnelString(kind string, id uint64, src, dst netip.Addr, ttlName string, ttl uint8, tosName string, tos uint8, flags rtattr.IPTunnelFlags, o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s id %d", kind, id)
	if src.IsValid() {
		fmt.Fprintf(&b, " src %s", src)
	}
	if dst.IsValid() {
		fmt.Fprintf(&b, " dst %s", dst)
	}
	if ttl != 0 {
		fmt.Fprintf(&b, " %s %d", ttlName, ttl)
	}
	if tos != 0 {
		fmt.Fprintf(&b, " %s %d", tosName, tos)
	}
	if o != nil {
		b.WriteString(" " + o.String())
	}
	if flags != 0 {
		b.WriteString(" " + strings.ReplaceAll(flags.String(), "|", " "))
	}
	return b.String()
}

func (x IP) put(w rtattr.EncapIPEncoder) {
	if x.ID != 0 {
		w.ID(x.ID)
	}
	if x.Src.IsValid() {
		w.Src(x.Src)
	}
	if x.Dst.IsValid() {
		w.Dst(x.Dst)
	}
	if x.TTL != 0 {
		w.TTL(x.TTL)
	}
	if x.TOS != 0 {
		w.TOS(x.TOS)
	}
	if x.Options != nil {
		n := w.Opts()
		putOptions(n, x.Options)
		n.End()
	}
	if x.Flags != 0 {
		w.Flags(x.Flags)
	}
}

func (x IP6) put(w rtattr.EncapIP6Encoder) {
	if x.ID != 0 {
		w.ID(x.ID)
	}
	if x.Src.IsValid() {
		w.Src(x.Src)
	}
	if x.Dst.IsValid() {
		w.Dst(x.Dst)
	}
	if x.HopLimit != 0 {
		w.HopLimit(x.HopLimit)
	}
	if x.TrafficClass != 0 {
		w.TrafficClass(x.TrafficClass)
	}
	if x.Options != nil {
		n := w.Opts()
		putOptions(n, x.Options)
		n.End()
	}
	if x.Flags != 0 {
		w.Flags(x.Flags)
	}
}

// optionFlags are those that the kernel derives from options.
const optionFlags = rtattr.TUNNEL_GENEVE_OPT | rtattr.TUNNEL_VXLAN_OPT | rtattr.TUNNEL_ERSPAN_OPT | rtattr.TUNNEL_GTP_OPT

func parseIP(b []byte) (x IP, ok bool) {
	var v rtattr.EncapIPView
	if err := v.Parse(b); !known(&rtattr.EncapIPSet, v.Attrs(), err) {
		return x, false
	}
	x.ID, _ = v.ID()
	x.Src, x.Dst = given(v.Src()), given(v.Dst())
	x.TTL, _ = v.TTL()
	x.TOS, _ = v.TOS()
	x.Flags, _ = v.Flags()
	x.Flags &^= optionFlags
	opts, err := v.Opts()
	x.Options, ok = parseOptions(&opts, err)
	return x, ok
}

func parseIP6(b []byte) (x IP6, ok bool) {
	var v rtattr.EncapIP6View
	if err := v.Parse(b); !known(&rtattr.EncapIP6Set, v.Attrs(), err) {
		return x, false
	}
	x.ID, _ = v.ID()
	x.Src, x.Dst = given(v.Src()), given(v.Dst())
	x.HopLimit, _ = v.HopLimit()
	x.TrafficClass, _ = v.TrafficClass()
	x.Flags, _ = v.Flags()
	x.Flags &^= optionFlags
	opts, err := v.Opts()
	x.Options, ok = parseOptions(&opts, err)
	return x, ok
}

// given is an address that is not the unspecified one, which the kernel lists for
// one that was left out.
func given(a netip.Addr, ok bool) netip.Addr {
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// Options are those of a protocol: [GeneveOptions], [VXLANOption] or
// [ERSPANOption]. nil is none.
//
// Linux 6.18.44 stops for good at a route or nexthop with options, also at its
// deletion: "memcpy: detected buffer overflow" in ip_tun_parse_opts, with the lock
// of rtnetlink held.
type Options interface {
	// String returns what ip wants: "geneve_opts 258:3:0a0b0c0d".
	String() string

	options()
}

// GeneveOptions are options of GENEVE (RFC 8926), in their order. They cannot be
// changed, and can be compared. [Geneve] makes them.
type GeneveOptions struct{ records string }

// A GeneveOption is one option.
type GeneveOption struct {
	Class uint16
	Type  uint8  // bit 7 marks a critical one
	Data  string // a multiple of 4 bytes, at most 124
}

// A VXLANOption is that of VXLAN.
type VXLANOption struct {
	GBP uint32 // group policy
}

// An ERSPANOption is the header of ERSPAN.
type ERSPANOption struct {
	Version   uint8  // 1 or 2
	Index     uint32 // of the port, version 1
	Direction uint8  // 0 ingress or 1 egress, version 2
	HWID      uint8  // of the mirroring engine, version 2
}

// Geneve returns the GeneveOptions of some.
func Geneve(opts ...GeneveOption) GeneveOptions {
	var b []byte
	for _, o := range opts {
		data := o.Data[:min(len(o.Data), 1<<16-1)] // too long in any case
		b = append(b, byte(o.Class>>8), byte(o.Class), o.Type, byte(len(data)>>8), byte(len(data)))
		b = append(b, data...)
	}
	return GeneveOptions{string(b)}
}

// All returns the options in their order.
func (g GeneveOptions) All() iter.Seq[GeneveOption] {
	return func(yield func(GeneveOption) bool) {
		for s := g.records; s != ""; {
			var o GeneveOption
			if o, s = cutOption(s); !yield(o) {
				return
			}
		}
	}
}

// cutOption takes the first record off s.
func cutOption(s string) (o GeneveOption, rest string) {
	n := 5 + int(s[3])<<8 + int(s[4])
	return GeneveOption{Class: uint16(s[0])<<8 | uint16(s[1]), Type: s[2], Data: s[5:n]}, s[n:]
}

func (GeneveOptions) options() {}
func (VXLANOption) options()   {}
func (ERSPANOption) options()  {}

// String returns "geneve_opts 258:3:0a0b0c0d,515:131:01020304".
func (g GeneveOptions) String() string {
	var parts []string
	for o := range g.All() {
		parts = append(parts, fmt.Sprintf("%d:%d:%x", o.Class, o.Type, o.Data))
	}
	return "geneve_opts " + strings.Join(parts, ",")
}

// String returns "vxlan_opts 5".
func (o VXLANOption) String() string { return fmt.Sprintf("vxlan_opts %d", o.GBP) }

// String returns "erspan_opts 2:0:1:63".
func (o ERSPANOption) String() string {
	return fmt.Sprintf("erspan_opts %d:%d:%d:%d", o.Version, o.Index, o.Direction, o.HWID)
}

func putOptions(w rtattr.EncapOptsEncoder, o Options) {
	switch o := o.(type) {
	case GeneveOptions:
		for s := o.records; s != ""; {
			var x GeneveOption
			x, s = cutOption(s)
			if len(x.Data)%4 != 0 || len(x.Data) > 124 {
				w.Fail(rtattr.LWTUNNEL_IP_OPTS_GENEVE, fmt.Sprintf("data of %d bytes: a multiple of 4, at most 124", len(x.Data)))
				return
			}
			n := w.Geneve()
			n.Class(x.Class)
			n.Type(x.Type)
			copy(n.Space(rtattr.LWTUNNEL_IP_OPT_GENEVE_DATA, len(x.Data)), x.Data)
			n.End()
		}
	case VXLANOption:
		n := w.VXLAN()
		n.GBP(o.GBP)
		n.End()
	case ERSPANOption:
		n := w.ERSPAN()
		n.Version(o.Version)
		n.Index(o.Index)
		n.Direction(o.Direction)
		n.HWID(o.HWID)
		n.End()
	default:
		w.Fail(0, fmt.Sprintf("a %T is no option: not a pointer?", o))
	}
}

// parseOptions reads the options of one protocol. The kernel lists all GENEVE
// options in one attribute and wants one attribute for each.
func parseOptions(v *rtattr.EncapOptsView, err error) (Options, bool) {
	if !known(&rtattr.EncapOptsSet, v.Attrs(), err) {
		return nil, false
	}
	var o Options
	protocol := uint16(0)
	for typ := range v.Attrs().All() {
		if protocol != 0 && protocol != typ {
			return nil, false
		}
		protocol = typ
	}
	switch protocol {
	case rtattr.LWTUNNEL_IP_OPTS_GENEVE:
		return parseGeneve(v)
	case rtattr.LWTUNNEL_IP_OPTS_VXLAN:
		n, err := v.VXLAN()
		gbp, ok := n.GBP()
		if !ok || !known(&rtattr.EncapVXLANSet, n.Attrs(), err) {
			return nil, false
		}
		o = VXLANOption{gbp}
	case rtattr.LWTUNNEL_IP_OPTS_ERSPAN:
		n, err := v.ERSPAN()
		if !known(&rtattr.EncapERSPANSet, n.Attrs(), err) {
			return nil, false
		}
		var x ERSPANOption
		x.Version, _ = n.Version()
		x.Index, _ = n.Index()
		x.Direction, _ = n.Direction()
		x.HWID, _ = n.HWID()
		o = x
	}
	return o, true
}

func parseGeneve(v *rtattr.EncapOptsView) (Options, bool) {
	var opts []GeneveOption
	for n, err := range v.Geneve() {
		if !known(&rtattr.EncapGeneveSet, n.Attrs(), err) {
			return nil, false
		}
		first := len(opts)
		for class := range n.Class() {
			opts = append(opts, GeneveOption{Class: class})
		}
		types, datas := first, first
		for typ := range n.Type() {
			if types++; types <= len(opts) {
				opts[types-1].Type = typ
			}
		}
		for data := range n.Data() {
			if datas++; datas <= len(opts) {
				opts[datas-1].Data = string(data)
			}
		}
		if types != len(opts) || datas != len(opts) {
			return nil, false
		}
	}
	if opts == nil {
		return nil, true // as if there were no nest
	}
	return Geneve(opts...), true
}
