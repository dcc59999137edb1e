package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	vish "github.com/vishvananda/netlink"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/fuzz"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

// vishvananda/netlink is the third reader of messages, beside those of package fuzz:
// what it makes of a link, an address, a route or a neighbour is compared with what
// our packages make of it, as far as both have a field. Where one of them refuses a
// message or panics there is nothing to compare. Its rules are read in its list
// alone, so that these are compared live.

// seen is what a reader has made of a message: fields that both readers have.
// What is not there is not in it.
type seen map[string]any

// put adds a field unless it is zero: in one library or the other zero is absence.
func (s seen) put(name string, v any) {
	if r := reflect.ValueOf(v); r.IsValid() && !r.IsZero() {
		s[name] = v
	}
}

// An agreed difference makes equal what the readers, for a known reason, see
// differently: it changes what vishvananda is given, or what has been seen.
type agreed struct {
	what, why string
	input     func(*fuzz.Tree)
	output    func(t *fuzz.Tree, theirs, ours seen)
	hidden    bool // in the tests' namespace there is nothing to see of it
}

// A reader reads the messages of one type with both libraries. ok is false if a
// library refuses the message.
type reader struct {
	types    []uint16
	families []uint8 // that are read
	ours     func(payload []byte) (s seen, ok bool)
	theirs   func(payload []byte) (s seen, ok bool)
	agreed   []agreed
	extra    []rtattr.Msg // messages with differences that few messages have
}

// Of all messages.
var everywhere = []agreed{
	{what: "vishvananda knows an attribute by its type with flags",
		why: "flags say nothing; the kernel sends IFLA_PROP_LIST with NLA_F_NESTED and nearly all others without",
		input: func(t *fuzz.Tree) {
			walk(t.Attrs, func(a *fuzz.Attr) { a.Type &= rtattr.NLA_TYPE_MASK })
			for _, a := range t.Attrs {
				if a.Set == &rtattr.LinkSet && a.Type == rtattr.IFLA_PROP_LIST {
					a.Type |= rtattr.NLA_F_NESTED
				}
			}
		}},
	{what: "vishvananda adds up some of an attribute that is there several times, and depends on the order of some",
		why: "the last of several counts, and the order says nothing",
		input: func(t *fuzz.Tree) {
			t.Attrs = once(t.Attrs)
			walk(t.Attrs, func(a *fuzz.Attr) { a.Attrs = once(a.Attrs) })
		}},
	{what: "vishvananda cuts the last byte of a string",
		why: "it ends at its first NUL, or with the attribute",
		input: func(t *fuzz.Tree) {
			walk(t.Attrs, func(a *fuzz.Attr) {
				if a.Table != nil && a.Table.Type == rtattr.String && !a.Nested {
					s, _, _ := bytes.Cut(a.Payload, []byte{0})
					a.Payload = append(bytes.Clone(s), 0)
				}
			})
		}},
	{what: "vishvananda reads a struct that is short on into what follows, or panics",
		why: "kernels of other ages send shorter ones; what is missing is 0",
		input: func(t *fuzz.Tree) {
			walk(t.Attrs, func(a *fuzz.Attr) {
				if a.Table != nil && a.Table.Struct != nil && !a.Nested && len(a.Payload) < a.Table.Struct.Size {
					a.Payload = append(bytes.Clone(a.Payload), make([]byte, a.Table.Struct.Size-len(a.Payload))...)
				}
			})
		}},
}

// walk calls f for all attributes.
func walk(attrs []*fuzz.Attr, f func(*fuzz.Attr)) {
	for _, a := range attrs {
		f(a)
		walk(a.Attrs, f)
	}
}

// once keeps the last attribute of each type, in the order of the types, but for
// lists.
func once(attrs []*fuzz.Attr) (kept []*fuzz.Attr) {
	last := map[uint16]*fuzz.Attr{}
	for _, a := range attrs {
		if a.Form != rtattr.IsAttr || a.Set == &rtattr.PropListSet || a.Set == &rtattr.MacvlanAddrsSet || a.Set == &rtattr.VLANQoSSet {
			return attrs
		}
		last[a.Type&rtattr.NLA_TYPE_MASK] = a
	}
	for _, typ := range slices.Sorted(maps.Keys(last)) {
		kept = append(kept, last[typ])
	}
	return kept
}

// find returns an attribute by its path.
func find(attrs []*fuzz.Attr, path ...uint16) (found *fuzz.Attr) {
	for _, a := range attrs {
		if a.Form == rtattr.IsAttr && a.Type&rtattr.NLA_TYPE_MASK == path[0] {
			found = a
		}
	}
	if found == nil || len(path) == 1 {
		return found
	}
	return find(found.Attrs, path[1:]...)
}

// remove removes the attributes of a type.
func remove(attrs *[]*fuzz.Attr, types ...uint16) {
	*attrs = slices.DeleteFunc(slices.Clone(*attrs), func(a *fuzz.Attr) bool {
		return a.Form == rtattr.IsAttr && slices.Contains(types, a.Type&rtattr.NLA_TYPE_MASK)
	})
}

// num reads what vishvananda and we see of a number.
func num[T ~uint8 | ~uint16 | ~uint32 | ~int32 | ~int](v T) int { return int(uint32(v)) }

func some[T comparable](o link.Opt[T]) (v T) {
	v, _ = o.Get()
	return v
}

// ipText is an address as text, "" for none. The unspecified one is one.
func ipText(ip net.IP) string {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return ""
	}
	return a.String()
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// netText is a prefix as text, which net.IPNet does not tell of a 4in6 address.
func netText(n *net.IPNet) string {
	if n == nil {
		return ""
	}
	ip := n.IP
	if len(n.Mask) == net.IPv4len {
		ip = ip.To4() // net.IPv4zero has 16 bytes
	}
	ones, _ := n.Mask.Size()
	return fmt.Sprintf("%s/%d", ipText(ip), ones)
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return fmt.Sprintf("%s/%d", p.Addr(), p.Bits())
}

var addressReader = reader{
	extra: []rtattr.Msg{built(func(e *rtattr.Encoder) {
		w := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, 0, rtattr.IfAddrmsg{Family: rtattr.AF_INET})
		w.Local(netip.AddrFrom4([4]byte{192, 0, 2, 1}))
		w.Bytes(rtattr.IFA_CACHEINFO, make([]byte, 4))
		w.Flags(rtattr.IFA_F_NODAD)
		w.End()
	})},
	types:    []uint16{rtattr.RTM_NEWADDR, rtattr.RTM_DELADDR},
	families: []uint8{rtattr.AF_INET, rtattr.AF_INET6},
	ours: func(b []byte) (seen, bool) {
		var v rtattr.AddrView
		if v.Parse(b) != nil {
			return nil, false
		}
		a, err := address.Parse(&v)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("index", num(a.Index))
		s.put("local", prefixText(a.Local))
		s.put("peer", prefixText(a.Peer))
		s.put("broadcast", addrText(a.Broadcast))
		s.put("label", a.Label)
		s.put("scope", num(a.Scope))
		s.put("flags", num(a.Flags))
		s.put("valid", num(uint32(max(a.Valid, 0))))
		s.put("preferred", num(uint32(max(a.Preferred, 0))))
		return s, true
	},
	theirs: func(b []byte) (seen, bool) {
		a, _, err := vishParseAddr(b)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("index", num(a.LinkIndex))
		s.put("local", netText(a.IPNet))
		s.put("peer", netText(a.Peer))
		s.put("broadcast", ipText(a.Broadcast))
		s.put("label", a.Label)
		s.put("scope", num(a.Scope))
		s.put("flags", num(a.Flags))
		s.put("valid", num(a.ValidLft))
		s.put("preferred", num(a.PreferedLft))
		return s, true
	},
	agreed: []agreed{
		{what: "vishvananda does not read the flags of the header", why: "there are those alone before Linux 3.14",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if find(t.Attrs, rtattr.IFA_FLAGS) == nil {
					theirs.put("flags", ours["flags"])
				}
			}},
		{what: "vishvananda gives an IPv6 address that is sent twice itself as peer, and one alone in IFA_LOCAL the length 128",
			why: "it looks for that in IPv4 only; the kernel takes the length of the header for both",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				l, a := find(t.Attrs, rtattr.IFA_LOCAL), find(t.Attrs, rtattr.IFA_ADDRESS)
				if t.Header[0] == rtattr.AF_INET6 && l != nil && (a == nil || bytes.Equal(a.Payload, l.Payload)) {
					delete(theirs, "peer")
					theirs["local"] = ours["local"]
				}
			}},
		{what: "vishvananda has no peer where IFA_ADDRESS is missing", why: "in IPv4 the peer is 0.0.0.0 then (inet_fill_ifaddr)",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if t.Header[0] == rtattr.AF_INET && find(t.Attrs, rtattr.IFA_ADDRESS) == nil {
					theirs.put("peer", ours["peer"])
				}
			}},
		{what: "vishvananda shows an endless preferred lifetime of a deprecated address", why: "it is over; the kernel says so by the flag (inet_fill_ifaddr)",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if flags, ok := ours["flags"].(int); ok && flags&int(rtattr.IFA_F_DEPRECATED) != 0 && theirs["preferred"] == num(uint32(1<<32-1)) {
					delete(theirs, "preferred")
				}
			}},
	},
}

var neighReader = reader{
	extra: []rtattr.Msg{
		built(func(e *rtattr.Encoder) {
			w := rtattr.AppendNeigh(e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: rtattr.AF_INET})
			w.LLAddr(make([]byte, 16))
			w.End()
		}),
		built(func(e *rtattr.Encoder) {
			w := rtattr.AppendNeigh(e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: rtattr.AF_INET})
			w.Bytes(rtattr.NDA_CACHEINFO, make([]byte, 4))
			w.Probes(7)
			w.End()
		}),
	},
	types:    []uint16{rtattr.RTM_NEWNEIGH, rtattr.RTM_DELNEIGH},
	families: []uint8{rtattr.AF_INET, rtattr.AF_INET6, rtattr.AF_BRIDGE},
	ours: func(b []byte) (seen, bool) {
		var v rtattr.NeighView
		if v.Parse(b) != nil {
			return nil, false
		}
		n, err := neigh.Parse(&v)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("family", num(n.Family))
		s.put("index", num(n.Index))
		s.put("state", num(n.State))
		s.put("type", num(n.Type))
		s.put("flags", num(n.Flags))
		s.put("extended flags", num(n.FlagsExt))
		s.put("dst", addrText(n.Dst))
		s.put("lladdr", string(n.LLAddr.Bytes()))
		s.put("vlan", num(n.VLAN))
		vni, _ := n.VNI.Value()
		s.put("vni", num(uint32(vni)))
		s.put("master", num(n.Master))
		s.put("cache", [3]uint32{n.Cache.Confirmed, n.Cache.Used, n.Cache.Updated})
		return s, true
	},
	theirs: func(b []byte) (seen, bool) {
		n, err := vish.NeighDeserialize(b)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("family", num(n.Family))
		s.put("index", num(n.LinkIndex))
		s.put("state", num(n.State))
		s.put("type", num(n.Type))
		s.put("flags", num(n.Flags))
		s.put("extended flags", num(n.FlagsExt))
		s.put("dst", ipText(n.IP))
		s.put("lladdr", string(n.HardwareAddr)+string(n.LLIPAddr))
		s.put("vlan", num(n.Vlan))
		s.put("vni", num(n.VNI))
		s.put("master", num(n.MasterIndex))
		s.put("cache", [3]uint32{n.Confirmed, n.Used, n.Updated})
		return s, true
	},
	agreed: []agreed{
		{what: "vishvananda asks the kernel about a link-layer address of 16 bytes", hidden: true, why: "a message is to be read without; it may be IPv6 or of FireWire",
			input: func(t *fuzz.Tree) {
				if a := find(t.Attrs, rtattr.NDA_LLADDR); a != nil && len(a.Payload) == 16 {
					remove(&t.Attrs, rtattr.NDA_LLADDR)
				}
			},
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if a := find(t.Attrs, rtattr.NDA_LLADDR); a != nil && len(a.Payload) == 16 {
					delete(ours, "lladdr")
				}
			}},
		{what: "vishvananda shows entries of a bridge without NTF_SELF and NTF_MASTER", why: "the kernel shows who has the entry by NDA_MASTER, and wants the flag to delete it",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if t.Header[0] == rtattr.AF_BRIDGE && ours["master"] != nil {
					const who = rtattr.NTF_SELF | rtattr.NTF_MASTER
					if was, _ := theirs["flags"].(int); was&int(who) == 0 {
						theirs.put("flags", ours["flags"])
					}
				}
			}},
	},
}

// settable are the flags that users set.
const settable = int(rtattr.RTNH_F_ONLINK | rtattr.RTNH_F_PERVASIVE)

func labels(l encap.Labels) (text string) {
	for label := range l.All() {
		text += fmt.Sprintf("/%d", label)
	}
	return text
}

func vishLabels(list []int) (text string) {
	for _, label := range list {
		text += fmt.Sprintf("/%d", label)
	}
	return text
}

func vishVia(gw net.IP, via vish.Destination) string {
	if v, ok := via.(*vish.Via); ok && v != nil {
		return ipText(v.Addr)
	}
	return ipText(gw)
}

func vishEncap(e vish.Encap) string {
	if m, ok := e.(*vish.MPLSEncap); ok {
		return vishLabels(m.Labels)
	}
	return ""
}

func vishNewDst(d vish.Destination) string {
	if m, ok := d.(*vish.MPLSDestination); ok {
		return vishLabels(m.Labels)
	}
	return ""
}

func ourEncap(e encap.Encap) string {
	m, ok := e.(encap.MPLS)
	if _, ttl := m.TTL.Value(); ok && !ttl {
		return labels(m.Labels)
	}
	return ""
}

var routeReader = reader{
	types:    []uint16{rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE},
	families: []uint8{rtattr.AF_INET, rtattr.AF_INET6, rtattr.AF_INET, rtattr.AF_MPLS},
	ours: func(b []byte) (seen, bool) {
		var v rtattr.RouteView
		if v.Parse(b) != nil {
			return nil, false
		}
		r, err := route.Parse(&v)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("dst", prefixText(r.Dst))
		s.put("label", num(r.Label))
		s.put("gateway", addrText(r.Gateway))
		s.put("index", num(r.Index))
		s.put("source", addrText(r.PrefSrc))
		s.put("priority", num(r.Priority))
		s.put("table", num(r.Table))
		scope, _ := r.Scope.Value()
		s.put("scope", num(scope))
		s.put("type", num(r.Type))
		s.put("protocol", num(r.Protocol))
		s.put("tos", num(r.TOS))
		s.put("realms", num(r.Flow))
		s.put("as", labels(r.As))
		s.put("encap", ourEncap(r.Encap))
		hops := ""
		for h := range r.Multipath.All() {
			hops += fmt.Sprintf("%d*%s dev %d flags %d as %s encap %s\n", h.Weight, addrText(h.Gateway), h.Index, int(h.Flags)&settable, labels(h.As), ourEncap(h.Encap))
		}
		s.put("hops", hops)
		if hops == "" {
			s.put("flags", int(r.Flags)&settable)
		}
		m := r.Metrics
		s.put("mtu", num(m.MTU))
		s.put("mtu lock", m.Lock>>rtattr.RTAX_MTU&1 != 0)
		s.put("rto_min lock", m.Lock>>rtattr.RTAX_RTO_MIN&1 != 0)
		s.put("metrics", [...]int{num(m.Window), num(m.RTT), num(m.RTTVar), num(m.SsThresh), num(m.Cwnd), num(m.AdvMSS), num(m.Reordering), num(m.HopLimit),
			num(m.InitCwnd), num(m.Features), num(m.RTOMin), num(m.InitRwnd), num(m.QuickAck), num(m.FastOpenNoCookie)})
		s.put("congestion control", m.CongestionControl)
		return s, true
	},
	theirs: func(b []byte) (seen, bool) {
		r, err := vishDeserializeRoute(b)
		if err != nil {
			return nil, false
		}
		s := seen{}
		s.put("dst", netText(r.Dst))
		if r.MPLSDst != nil {
			s.put("label", num(*r.MPLSDst))
		}
		s.put("gateway", vishVia(r.Gw, r.Via))
		s.put("index", num(r.LinkIndex))
		s.put("source", ipText(r.Src))
		s.put("priority", num(r.Priority))
		s.put("table", num(r.Table))
		s.put("scope", num(r.Scope))
		s.put("type", num(r.Type))
		s.put("protocol", num(r.Protocol))
		s.put("tos", num(r.Tos))
		s.put("realms", num(r.Realm))
		s.put("as", vishNewDst(r.NewDst))
		s.put("encap", vishEncap(r.Encap))
		hops := ""
		for _, h := range r.MultiPath {
			hops += fmt.Sprintf("%d*%s dev %d flags %d as %s encap %s\n", h.Hops+1, vishVia(h.Gw, h.Via), num(h.LinkIndex), h.Flags&settable, vishNewDst(h.NewDst), vishEncap(h.Encap))
		}
		s.put("hops", hops)
		if hops == "" {
			s.put("flags", r.Flags&settable)
		}
		s.put("mtu", num(r.MTU))
		s.put("mtu lock", r.MTULock)
		s.put("rto_min lock", r.RtoMinLock)
		s.put("metrics", [...]int{num(r.Window), num(r.Rtt), num(r.RttVar), num(r.Ssthresh), num(r.Cwnd), num(r.AdvMSS), num(r.Reordering), num(r.Hoplimit),
			num(r.InitCwnd), num(r.Features), num(r.RtoMin), num(r.InitRwnd), num(r.QuickACK), num(r.FastOpenNoCookie)})
		s.put("congestion control", r.Congctl)
		return s, true
	},
	agreed: []agreed{
		{what: "vishvananda shows what a nexthop object says, and not its number", why: "the route has the number, and cannot be made again of the rest",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				if a := find(t.Attrs, rtattr.RTA_NH_ID); a != nil && !bytes.Equal(a.Payload, []byte{0, 0, 0, 0}) {
					for _, name := range []string{"gateway", "index", "hops", "flags", "encap", "realms"} {
						delete(theirs, name)
						delete(ours, name)
					}
				}
			}},
		{what: "vishvananda sees a lock only if it is the only one", why: "the locks are bits",
			output: func(t *fuzz.Tree, theirs, ours seen) {
				for _, name := range []string{"mtu lock", "rto_min lock"} {
					theirs.put(name, ours[name])
				}
			}},
		{what: "vishvananda takes what is behind the address of RTA_VIA, and refuses a route for an unknown family", why: "we go by the length of the address; the kernel sends the right one (fib_nexthop_info)",
			input: func(t *fuzz.Tree) {
				via(&t.Attrs)
				walk(t.Attrs, func(a *fuzz.Attr) {
					if a.Form == rtattr.IsElem {
						via(&a.Attrs)
					}
				})
			}},
		{what: "vishvananda reads some encapsulations wrongly, refuses or panics", why: "of SEG6, SEG6 local and BPF the whole route is lost; of MPLS all but the labels",
			input: func(t *fuzz.Tree) {
				unwrap(&t.Attrs)
				walk(t.Attrs, func(a *fuzz.Attr) {
					if a.Form == rtattr.IsElem {
						unwrap(&a.Attrs)
					}
				})
			}},
	},
}

// via gives RTA_VIA the family of its length, and removes one of no family.
func via(attrs *[]*fuzz.Attr) {
	a := find(*attrs, rtattr.RTA_VIA)
	if a == nil {
		return
	}
	family := uint16(rtattr.AF_INET)
	switch len(a.Payload) {
	case 6:
	case 18:
		family = rtattr.AF_INET6
	default:
		remove(attrs, rtattr.RTA_VIA, rtattr.RTA_GATEWAY) // RTA_VIA goes first
		return
	}
	a.Payload = append(native.AppendUint16(nil, family), a.Payload[2:]...)
}

// unwrap removes encapsulations but those in MPLS labels without traffic class and
// TTL.
func unwrap(attrs *[]*fuzz.Attr) {
	typ, in := find(*attrs, rtattr.RTA_ENCAP_TYPE), find(*attrs, rtattr.RTA_ENCAP)
	if typ != nil && len(typ.Payload) == 2 && rtattr.EncapType(native.Uint16(typ.Payload)) == rtattr.LWTUNNEL_ENCAP_MPLS && in != nil && len(in.Attrs) == 1 {
		if dst := find(in.Attrs, rtattr.MPLS_IPTUNNEL_DST); dst != nil && labelled(dst.Payload) {
			return
		}
	}
	remove(attrs, rtattr.RTA_ENCAP, rtattr.RTA_ENCAP_TYPE)
}

// labelled reports whether b has labels alone, the last of which ends the stack.
func labelled(b []byte) bool {
	for len(b) >= 4 {
		rest := binary.BigEndian.Uint32(b) & 0xfff
		if b = b[4:]; len(b) == 0 {
			return rest == 0x100
		}
		if rest != 0 {
			return false
		}
	}
	return false
}

// compare returns what both readers make of a message, but for one of the
// differences, -1 for none.
func (r reader) compare(m rtattr.Msg, leftOut int) (theirs, ours seen, ok bool) {
	t, err := fuzz.Parse(m)
	if err != nil {
		return nil, nil, false
	}
	if ours, ok = r.ours(bytes.Clone(m.Payload())); !ok {
		return nil, nil, false
	}
	given, _ := fuzz.Parse(m)
	all := slices.Concat(everywhere, r.agreed)
	for i, d := range all {
		if d.input != nil && i != leftOut {
			d.input(given)
		}
	}
	if theirs, ok = tolerant(r.theirs, given.Bytes().Payload()); !ok {
		return nil, nil, false
	}
	for i, d := range all {
		if d.output != nil && i != leftOut {
			d.output(t, theirs, ours)
		}
	}
	return theirs, ours, true
}

// tolerant takes a panic for a refusal.
func tolerant(read func([]byte) (seen, bool), b []byte) (s seen, ok bool) {
	defer func() {
		if recover() != nil {
			s, ok = nil, false
		}
	}()
	return read(b[:len(b):len(b)])
}

// same returns an error if the readers differ in a way that is not agreed on.
func (r reader) same(m rtattr.Msg) error {
	theirs, ours, ok := r.compare(m, -1)
	if ok && !maps.Equal(theirs, ours) {
		return fmt.Errorf("%x\nvishvananda reads %v\nwe read           %v", []byte(m), theirs, ours)
	}
	return nil
}

// built is a message that e has.
func built(put func(*rtattr.Encoder)) rtattr.Msg {
	var e rtattr.Encoder
	put(&e)
	b, err := e.Finish()
	check(err)
	return b
}

// readers are compared by name.
var readers = map[string]reader{"address": addressReader, "neigh": neighReader, "route": routeReader, "link": linkReader}

// recorded are the recorded messages of a reader.
func (r reader) recorded(tb testing.TB) (all []rtattr.Msg) {
	tb.Helper()
	for _, dir := range []string{"testdata", "../../rtattr/testdata/wire"} {
		files, err := golden.Load(dir)
		if err != nil {
			tb.Fatal(err)
		}
		for _, f := range files {
			if m, _, err := rtattr.NextMsg(f.Wire); err == nil && slices.Contains(r.types, m.Type()) {
				all = append(all, m)
			}
		}
	}
	if len(all) < 10 {
		tb.Fatalf("%d messages are recorded", len(all))
	}
	return all
}

// messages are the recorded messages of a reader, generated ones, and its own.
func (r reader) messages(tb testing.TB) []rtattr.Msg {
	tb.Helper()
	all := append(r.recorded(tb), r.extra...)
	for seed := range uint64(4000) {
		m := r.generate(fuzz.Steer(seed))
		if seed%4 == 0 {
			kinds := []fuzz.FaultKind{fuzz.NestFlag, fuzz.Duplicate, fuzz.Order, fuzz.Size}
			if b, _, ok := fuzz.Break(m, kinds[seed/4%4], fuzz.Steer(seed)[:8]); ok {
				m = b
			}
		}
		all = append(all, m)
	}
	return all
}

// generate makes a message of a family that is read.
func (r reader) generate(steer []byte) rtattr.Msg {
	g := fuzz.Generator{Types: r.types[:1], Replies: len(steer)%2 == 0}
	t := g.Tree(steer)
	if len(t.Header) > 1 && len(steer) > 0 {
		t.Header[0] = r.families[int(steer[len(steer)-1])%len(r.families)]
		t.Header[1] %= 33 // prefix length, or not used
		t.Attrs = slices.DeleteFunc(t.Attrs, func(a *fuzz.Attr) bool { return !fit(a, t.Header) })
	}
	return t.Bytes()
}

// fit gives an address the length of the family. Without it most messages are
// refused. It reports whether an attribute may be there at all.
func fit(a *fuzz.Attr, header []byte) bool {
	if a.Table == nil || a.Nested {
		return true
	}
	size := 4
	if header[0] == rtattr.AF_INET6 {
		size = 16
	}
	resize := func(n int) { a.Payload = append(bytes.Clone(a.Payload), make([]byte, n)...)[:n] }
	switch route := a.Set == &rtattr.RouteSet; {
	case route && a.Type&rtattr.NLA_TYPE_MASK == rtattr.RTA_VIA:
		resize(6)
		native.PutUint16(a.Payload, rtattr.AF_INET)
	case route && a.Type&rtattr.NLA_TYPE_MASK == rtattr.RTA_NEWDST:
		return header[0] == rtattr.AF_MPLS
	case a.Table.Min == 4 && a.Table.Max == 16:
		resize(size)
	}
	return true
}

// TestDifferential wants the readers to see the same in recorded and generated
// messages, and each agreed difference to happen.
func TestDifferential(t *testing.T) {
	happened := map[string]bool{}
	for name, r := range readers {
		t.Run(name, func(t *testing.T) {
			n := 0
			messages := r.messages(t)
			for _, m := range messages {
				if _, _, ok := r.compare(m, -1); ok {
					n++
				}
				if err := r.same(m); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d of %d messages are compared", n, len(messages))
			if n < len(messages)/10 {
				t.Errorf("only %d of %d messages were compared", n, len(messages))
			}
			for i, d := range slices.Concat(everywhere, r.agreed) {
				if !d.hidden && slices.ContainsFunc(messages, func(m rtattr.Msg) bool {
					if _, _, ok := r.compare(m, -1); !ok {
						return false
					}
					theirs, ours, ok := r.compare(m, i)
					return !ok || !maps.Equal(theirs, ours)
				}) {
					happened[d.what] = true
				}
			}
			for _, d := range r.agreed {
				if !happened[d.what] && !d.hidden {
					t.Errorf("no longer so: %s", d.what)
				}
			}
		})
	}
	for _, d := range everywhere {
		if !happened[d.what] {
			t.Errorf("no longer so: %s", d.what)
		}
	}
}

// fuzzReader compares the readings of any message of a type: what the fuzzer says,
// or what it steers a generator to.
func fuzzReader(f *testing.F, r reader) {
	for _, m := range slices.Concat(r.recorded(f), r.extra) {
		f.Add(false, m.Payload())
	}
	for seed := range uint64(8) {
		f.Add(true, fuzz.Steer(seed))
	}
	f.Fuzz(func(t *testing.T, generate bool, b []byte) {
		m := rtattr.Msg(fuzzMessage(r.types[0], b))
		if generate {
			m = r.generate(b)
		}
		if err := r.same(m); err != nil {
			t.Error(err)
		}
	})
}

// fuzzMessage puts a header before a payload.
func fuzzMessage(typ uint16, payload []byte) []byte {
	b := native.AppendUint32(nil, uint32(16+len(payload)))
	b = native.AppendUint16(b, typ)
	return append(append(b, make([]byte, 10)...), payload...)
}

func FuzzVishAddress(f *testing.F) { fuzzReader(f, addressReader) }
func FuzzVishNeigh(f *testing.F)   { fuzzReader(f, neighReader) }
func FuzzVishRoute(f *testing.F)   { fuzzReader(f, routeReader) }
func FuzzVishLink(f *testing.F)    { fuzzReader(f, linkReader) }
