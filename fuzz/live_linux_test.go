package fuzz

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rule"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// A live is a network namespace with a socket of each library.
type live struct {
	*nstest.NS
	ours   *rtnl.Conn
	theirs *rtnetlink.Conn
	far    *nstest.NS // another namespace
}

var ctx = context.Background()

func newLive(t *testing.T) live {
	t.Helper()
	l := live{NS: nstest.New(t), far: nstest.New(t)}
	var err error
	if l.ours, err = rtnl.Dial(&rtnl.Config{NetNS: l.FD()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.ours.Close() })
	if l.theirs, err = rtnetlink.Dial(&netlink.Config{NetNS: l.FD()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.theirs.Close() })
	return l
}

// A loss makes equal what rtnetlink, in theirs, is known not to tell as we do.
type loss[T any] struct {
	what, why string
	level     func(theirs, ours *T)
}

// What happens in some places only.
const (
	permanent = "permanent addresses"
	userIDs   = "ranges of user IDs"
)

var linkLists = []loss[link.Link]{
	{"alternative names", "rtnetlink has no field", func(theirs, ours *link.Link) { theirs.AltNames = ours.AltNames }},
	{"numbers of queues, limits of the MTU and of segmentation", "rtnetlink has no field", func(theirs, ours *link.Link) {
		theirs.NumTxQueues, theirs.NumRxQueues, theirs.MinMTU, theirs.MaxMTU = ours.NumTxQueues, ours.NumRxQueues, ours.MinMTU, ours.MaxMTU
		theirs.GSOMaxSize, theirs.GSOMaxSegs, theirs.GROMaxSize = ours.GSOMaxSize, ours.GSOMaxSegs, ours.GROMaxSize
		theirs.GSOIPv4MaxSize, theirs.GROIPv4MaxSize = ours.GSOIPv4MaxSize, ours.GROIPv4MaxSize
	}},
	{"how IPv6 makes addresses", "rtnetlink does not read IFLA_AF_SPEC", func(theirs, ours *link.Link) { theirs.AddrGenMode = ours.AddrGenMode }},
	{permanent, "rtnetlink has no field", func(theirs, ours *link.Link) { theirs.PermAddress = ours.PermAddress }},
	{"the namespace of the link below", "rtnetlink has no field", func(theirs, ours *link.Link) { theirs.LinkNetNSID = ours.LinkNetNSID }},
}

var addressLists = []loss[address.Address]{
	{"metric and protocol", "rtnetlink has no field", func(theirs, ours *address.Address) { theirs.Metric, theirs.Protocol = ours.Metric, ours.Protocol }},
}

var neighLists = []loss[neigh.Neigh]{
	{"protocol", "rtnetlink has no field", func(theirs, ours *neigh.Neigh) { theirs.Protocol = ours.Protocol }},
}

var routeLists = []loss[route.Route]{
	{"gateways of the other family", "rtnetlink does not read RTA_VIA", func(theirs, ours *route.Route) {
		if ours.Gateway.Is6() && ours.Dst.Addr().Is4() {
			theirs.Gateway = ours.Gateway
		}
	}},
	{"realms", "rtnetlink does not read RTA_FLOW", func(theirs, ours *route.Route) { theirs.Flow = ours.Flow }},
	{"sources of packets", "rtnetlink does not read RTA_SRC", func(theirs, ours *route.Route) { theirs.Src = ours.Src }},
	{"lifetimes", "rtnetlink reads RTA_EXPIRES, which is sent; listed is RTA_CACHEINFO", func(theirs, ours *route.Route) { theirs.Expires = ours.Expires }},
	{"most metrics", "rtnetlink has five of 17", func(theirs, ours *route.Route) {
		m := ours.Metrics
		m.AdvMSS, m.Features, m.InitCwnd, m.InitRwnd, m.MTU = theirs.Metrics.AdvMSS, theirs.Metrics.Features, theirs.Metrics.InitCwnd, theirs.Metrics.InitRwnd, theirs.Metrics.MTU
		theirs.Metrics = m
	}},
	{"nexthop objects", "rtnetlink does not read RTA_NH_ID, and shows what the object says", func(theirs, ours *route.Route) {
		if ours.NexthopID != 0 {
			theirs.NexthopID, theirs.Gateway, theirs.Index = ours.NexthopID, netip.Addr{}, 0
		}
	}},
}

var ruleLists = []loss[rule.Rule]{
	{"keys of tunnels", "rtnetlink reads them in host byte order, they are big endian", func(theirs, _ *rule.Rule) {
		theirs.TunnelID = binary.BigEndian.Uint64(binary.NativeEndian.AppendUint64(nil, theirs.TunnelID))
	}},
	{userIDs, "rtnetlink reads two of 16 bits, they have 32", func(theirs, ours *rule.Rule) { theirs.UIDRange = ours.UIDRange }},
}

// listsAlike wants two lists to have the same objects in the same order, but for
// losses, and notes which of them happened.
func listsAlike[T comparable](t *testing.T, theirs, ours []T, losses []loss[T], happened map[string]bool) {
	t.Helper()
	if len(theirs) != len(ours) || len(ours) == 0 {
		t.Fatalf("rtnetlink lists %d objects, we list %d:\n%+v\n%+v", len(theirs), len(ours), theirs, ours)
	}
	for i, was := range theirs {
		full := was
		for _, l := range losses {
			l.level(&full, &ours[i])
		}
		if full != ours[i] {
			t.Errorf("rtnetlink lists\n%+v\n%#v\nwe list\n%+v\n%#v", full, full, ours[i], ours[i])
		}
		for j := range losses {
			one := was
			for k, l := range losses {
				if k != j {
					l.level(&one, &ours[i])
				}
			}
			if one != ours[i] {
				happened[losses[j].what] = true
			}
		}
	}
}

// lists are all objects of a namespace.
type lists struct {
	links     []link.Link
	addresses []address.Address
	neighs    []neigh.Neigh
	routes    []route.Route
	rules     []rule.Rule
}

func (l live) listOurs(t *testing.T) (all lists) {
	t.Helper()
	var err [5]error
	all.links, err[0] = link.List(ctx, l.ours, link.Filter{})
	all.addresses, err[1] = address.List(ctx, l.ours, address.Filter{})
	all.neighs, err[2] = neigh.List(ctx, l.ours, neigh.Filter{State: rtattr.NUD_PERMANENT})
	all.routes, err[3] = route.List(ctx, l.ours, route.Filter{})
	all.rules, err[4] = rule.List(ctx, l.ours, rule.Filter{})
	if err := errors.Join(err[:]...); err != nil {
		t.Fatal(err)
	}
	ageless(all.neighs)
	return all
}

// ageless takes away what changes from list to list.
func ageless(all []neigh.Neigh) {
	for i := range all {
		all[i].Cache = rtattr.NeighCacheInfo{Refs: all[i].Cache.Refs}
	}
}

func (l live) listTheirs(t *testing.T) (all lists) {
	t.Helper()
	all.links = toldAll(t, l.theirs.Link.List, toldLink)
	all.addresses = toldAll(t, l.theirs.Address.List, toldAddress)
	all.neighs = slices.DeleteFunc(toldAll(t, l.theirs.Neigh.List, toldNeigh), func(n neigh.Neigh) bool { return n.State != rtattr.NUD_PERMANENT })
	ageless(all.neighs)
	all.routes = toldAll(t, l.theirs.Route.List, toldRoute)
	all.rules = slices.DeleteFunc(toldAll(t, l.theirs.Rule.List, toldRule), func(r rule.Rule) bool {
		return r.Family != rtattr.AF_INET && r.Family != rtattr.AF_INET6 // those of multicast routing
	})
	return all
}

func toldAll[M, T any](t *testing.T, list func() ([]M, error), told func(M) (T, error)) (all []T) {
	t.Helper()
	messages, err := list()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		x, err := told(m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// both lists with each library, while nothing changes.
func (l live) both(t *testing.T) (theirs, ours lists) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		ours = l.listOurs(t)
		theirs = l.listTheirs(t)
		if l.steady(ours) && reflect.DeepEqual(ours, l.listOurs(t)) {
			return theirs, ours
		}
	}
	t.Fatalf("the namespace does not come to rest: %+v", ours)
	return
}

// steady reports whether the links that are up have a carrier, and IPv6 addresses
// their routes: the kernel makes them later (net/ipv6/addrconf.c, addrconf_dad_work).
func (l live) steady(all lists) bool {
	for _, k := range all.links {
		if k.Flags&rtattr.IFF_UP != 0 && k.Flags&rtattr.IFF_RUNNING == 0 {
			return false
		}
	}
	routed := func(dst netip.Addr) bool {
		return slices.ContainsFunc(all.routes, func(r route.Route) bool { return r.Dst == netip.PrefixFrom(dst, 128) })
	}
	for _, a := range all.addresses {
		if a.Local.Addr().Is6() && (!routed(a.Local.Addr()) || a.Peer.IsValid() && !routed(a.Peer.Addr())) {
			return false
		}
	}
	return true
}

// A step makes or changes something.
type step struct {
	name   string
	ours   func(live) error
	theirs func(live) error // nil: rtnetlink cannot
	why    string           // it cannot
}

func newLink(c link.Config, k link.Kind) step {
	return step{c.Name, func(l live) error { return link.Add(ctx, l.ours, c, k) }, func(l live) error {
		return l.theirs.Link.New(&rtnetlink.LinkMessage{Index: c.Index, Attributes: &rtnetlink.LinkAttributes{
			Name: c.Name, MTU: c.MTU, Address: c.Address.Bytes(), Type: c.Parent, Info: Info(k),
		}})
	}, ""}
}

func setLink(index uint32, c link.Config) step {
	return step{"set link", func(l live) error { return link.Set(ctx, l.ours, index, c) }, func(l live) error {
		m := &rtnetlink.LinkMessage{Index: index, Flags: uint32(c.Set), Change: uint32(c.Set | c.Clear), Attributes: &rtnetlink.LinkAttributes{MTU: c.MTU}}
		if master, ok := c.Master.Get(); ok {
			m.Attributes.Master = &master
		}
		return l.theirs.Link.Set(m)
	}, ""}
}

func changeKind(index uint32, k link.Kind) step {
	return step{"change kind", func(l live) error { return link.Change(ctx, l.ours, index, k) }, func(l live) error {
		d := &Driver{Params: k, Change: true}
		return l.theirs.Link.Set(&rtnetlink.LinkMessage{Index: index, Attributes: &rtnetlink.LinkAttributes{Info: &rtnetlink.LinkInfo{Kind: d.Kind(), Data: d}}})
	}, ""}
}

func setPort(index uint32, p link.Port) step {
	return step{"set port", func(l live) error { return link.SetPort(ctx, l.ours, index, p) }, func(l live) error {
		d := &PortDriver{Params: p}
		return l.theirs.Link.Set(&rtnetlink.LinkMessage{Index: index, Attributes: &rtnetlink.LinkAttributes{Info: &rtnetlink.LinkInfo{SlaveKind: d.Kind(), SlaveData: d}}})
	}, ""}
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return rtattr.AF_INET
	}
	return rtattr.AF_INET6
}

func addAddress(a address.Address) step {
	return step{a.Local.String(), func(l live) error { return address.Add(ctx, l.ours, a) }, func(l live) error {
		far := a.Local
		if a.Peer.IsValid() {
			far = a.Peer
		}
		return l.theirs.Address.New(&rtnetlink.AddressMessage{
			Family: family(far.Addr()), PrefixLength: uint8(far.Bits()), Scope: uint8(a.Scope), Index: a.Index,
			Attributes: &rtnetlink.AddressAttributes{
				Local: a.Local.Addr().AsSlice(), Address: far.Addr().AsSlice(), Broadcast: a.Broadcast.AsSlice(), Label: a.Label, Flags: uint32(a.Flags),
			},
		})
	}, ""}
}

func addNeigh(n neigh.Neigh) step {
	return step{n.Dst.String(), func(l live) error { return neigh.Add(ctx, l.ours, n) }, func(l live) error {
		return l.theirs.Neigh.New(&rtnetlink.NeighMessage{
			Family: uint16(family(n.Dst)), Index: n.Index, State: uint16(n.State), Flags: uint8(n.Flags),
			Attributes: &rtnetlink.NeighAttributes{Address: n.Dst.AsSlice(), LLAddress: n.LLAddr.Bytes()},
		})
	}, ""}
}

func addRoute(r route.Route) step {
	return step{r.Dst.String(), func(l live) error { return route.Add(ctx, l.ours, r) }, func(l live) error {
		scope, _ := r.Scope.Value()
		m := &rtnetlink.RouteMessage{
			Family: family(r.Dst.Addr()), DstLength: uint8(r.Dst.Bits()), Tos: r.TOS, Table: uint8(min(r.Table, rtattr.RT_TABLE_COMPAT)), Protocol: uint8(r.Protocol), Scope: uint8(scope), Type: uint8(r.Type), Flags: uint32(r.Flags),
			Attributes: rtnetlink.RouteAttributes{
				Dst: r.Dst.Addr().AsSlice(), Src: r.PrefSrc.AsSlice(), Gateway: r.Gateway.AsSlice(), OutIface: r.Index, Priority: r.Priority, Table: uint32(r.Table),
			},
		}
		a := &m.Attributes
		if r.Pref != 0 {
			a.Pref = ptr(uint8(r.Pref), true)
		}
		if r.Expires != 0 {
			a.Expires = &r.Expires
		}
		if x := r.Metrics; x != (route.Metrics{}) {
			a.Metrics = &rtnetlink.RouteMetrics{AdvMSS: x.AdvMSS, Features: uint32(x.Features), InitCwnd: x.InitCwnd, InitRwnd: x.InitRwnd, MTU: x.MTU}
		}
		for h := range r.Multipath.All() {
			a.Multipath = append(a.Multipath, rtnetlink.NextHop{
				Hop: rtnetlink.RTNextHop{Flags: uint8(h.Flags), Hops: uint8(h.Weight - 1), IfIndex: h.Index}, Gateway: h.Gateway.AsSlice(),
			})
		}
		return l.theirs.Route.Add(m)
	}, ""}
}

func addRule(r rule.Rule) step {
	return step{r.Priority.String(), func(l live) error { return rule.Add(ctx, l.ours, r) }, func(l live) error { return l.theirs.Rule.Add(askRule(r)) }, ""}
}

// askRule makes a message of rtnetlink of what one asks for.
func askRule(r rule.Rule) *rtnetlink.RuleMessage {
	a := &rtnetlink.RuleAttributes{Protocol: ptr(uint8(r.Protocol), r.Protocol != 0), IPProto: ptr(r.IPProto, r.IPProto != 0)}
	m := &rtnetlink.RuleMessage{Family: r.Family, TOS: r.TOS, Action: uint8(r.Action), Flags: uint32(r.Flags), Attributes: a}
	number := func(n rule.Number) *uint32 {
		v, ok := n.Value()
		return ptr(v, ok)
	}
	if r.Src.IsValid() {
		m.SrcLength, a.Src = uint8(r.Src.Bits()), ptr(net.IP(r.Src.Addr().AsSlice()), true)
	}
	if r.Dst.IsValid() {
		m.DstLength, a.Dst = uint8(r.Dst.Bits()), ptr(net.IP(r.Dst.Addr().AsSlice()), true)
	}
	a.Priority, a.FwMask, a.SuppressPrefixLen, a.SuppressIFGroup = number(r.Priority), number(r.FwMask), number(r.SuppressPrefixLen), number(r.SuppressIfGroup)
	a.FwMark, a.Goto = ptr(r.FwMark, r.FwMark != 0), ptr(r.Goto, r.Goto != 0)
	a.Table, a.IIFName, a.OIFName = ptr(uint32(r.Table), r.Table != 0), ptr(r.IIF, r.IIF != ""), ptr(r.OIF, r.OIF != "")
	a.L3MDev = ptr(uint8(1), r.L3MDev)
	if r.Flow != 0 {
		a.SrcRealm, a.DstRealm = ptr(uint16(r.Flow>>16), true), ptr(uint16(r.Flow), true)
	}
	if r.UIDRange != (rule.UIDs{}) {
		start, _ := r.UIDRange.Start.Value()
		end, _ := r.UIDRange.End.Value()
		a.UIDRange = &rtnetlink.RuleUIDRange{Start: uint16(start), End: uint16(end)}
	}
	if p := r.SPort; p != (rule.Ports{}) {
		a.SPortRange = &rtnetlink.RulePortRange{Start: p.Start, End: p.End}
	}
	return m
}

// uid is a user that there is.
func uid() uint32 {
	if nstest.Root() {
		return 1000
	}
	return 0
}

// only is for what rtnetlink cannot make.
func only(why string, s step) step {
	s.theirs, s.why = nil, why
	return s
}

const v0, v1, br0, ifb0, mv0, vx0, p0, p1, far0 = 10, 11, 12, 13, 14, 15, 16, 17, 18

// The objects that both libraries make. Indices and hardware addresses are the same
// in all namespaces.
func steps(t *testing.T, l live) []step {
	pfx, addr := netip.MustParsePrefix, netip.MustParseAddr
	hw := func(index uint32) link.HardwareAddr {
		a, _ := link.HardwareAddrFrom([]byte{2, 0, 0, 0, 0, byte(index)})
		return a
	}
	conf := func(name string, index uint32) link.Config {
		return link.Config{Name: name, Index: index, Address: hw(index)}
	}
	v0conf := conf("v0", v0)
	v0conf.MTU = 1400
	all := []step{
		newLink(v0conf, link.Veth{Peer: conf("v1", v1)}),
		newLink(conf("p0", p0), link.Veth{Peer: conf("p1", p1)}),
	}
	indices := []uint32{1, v0, v1, p0, p1}
	for _, k := range []struct {
		kind string
		c    link.Config
		k    link.Kind
	}{
		{"bridge", conf("br0", br0), link.Bridge{ForwardDelay: link.Some(4 * time.Second), Priority: link.Some[uint16](4096), McastSnooping: link.Some(false)}},
		{"ifb", conf("ifb0", ifb0), link.Ifb{}},
		{"macvlan", func() link.Config { c := conf("mv0", mv0); c.Parent = v0; return c }(), link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE}},
		{"vxlan", conf("vx0", vx0), link.VXLAN{ID: 7, Group: addr("192.0.2.2"), Local: addr("192.0.2.1"), Link: v0, Port: 4789, Learning: link.Some(false), Ageing: link.Some(time.Minute)}},
		{"dummy", conf("dummy0", 20), link.Dummy{}},
		{"vlan", func() link.Config { c := conf("vlan7", 21); c.Parent = v0; return c }(), link.VLAN{ID: 7}},
		{"bond", conf("bond0", 22), link.Bond{Mode: link.Some(rtattr.BOND_MODE_ACTIVEBACKUP)}},
		{"ipip", link.Config{Name: "tun7", Index: 23}, link.IPIP{Local: addr("192.0.2.1"), Remote: addr("192.0.2.2"), TTL: 64}},
		{"vrf", conf("vrf7", 24), link.VRF{Table: 77}},
	} {
		if !nstest.Has(t, k.kind) {
			t.Logf("the kernel has no links of kind %s", k.kind)
			continue
		}
		all = append(all, newLink(k.c, k.k))
		if k.kind != "bond" && k.kind != "ipip" { // no carrier; an address of its own
			indices = append(indices, k.c.Index)
		}
	}
	farAway := link.Veth{Peer: link.Config{Name: "far1", Index: 19, Address: hw(19), NetNS: l.far.FD()}}
	all = append(all,
		newLink(conf("far0", far0), farAway),
		step{"alternative name", func(l live) error { return link.AddAltNames(ctx, l.ours, v0, "uplink") }, nil, "rtnetlink has no RTM_NEWLINKPROP"},
		only("rtnetlink does not put them", setLink(v1, link.Config{Alias: link.Some("the far end"), Group: link.Some[uint32](7), TxQLen: link.Some[uint32](77)})),
		setLink(p0, link.Config{Master: link.Some[uint32](br0), MTU: 1300}),
		setPort(p0, link.BridgePort{Cost: 77, Priority: link.Some[uint16](9), Hairpin: link.Some(true)}),
		changeKind(br0, link.Bridge{Ageing: link.Some(70 * time.Second), Priority: link.Some[uint16](8192)}),
	)
	for _, i := range indices {
		if i != 1 { // rtnetlink does not put it, and link-local addresses come late
			all = append(all, only("rtnetlink does not put IFLA_AF_SPEC", setLink(i, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)})))
		}
	}
	for _, i := range indices {
		all = append(all, setLink(i, link.Config{Set: rtattr.IFF_UP}))
	}

	nodad := rtattr.IFA_F_NODAD
	all = append(all,
		addAddress(address.Address{Index: v0, Local: pfx("192.0.2.1/24")}),
		addAddress(address.Address{Index: v0, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}),
		addAddress(address.Address{Index: v0, Local: pfx("10.66.67.1/32"), Peer: pfx("10.66.67.0/24"), Flags: rtattr.IFA_F_NOPREFIXROUTE}),
		addAddress(address.Address{Index: v0, Local: pfx("10.1.0.1/24"), Broadcast: addr("10.1.0.255"), Label: "v0:vpn", Scope: rtattr.RT_SCOPE_LINK}),
		addAddress(address.Address{Index: v0, Local: pfx("fd00:1::1/64"), Flags: nodad}),
		addAddress(address.Address{Index: v0, Local: pfx("fd00:2::1/128"), Peer: pfx("fd00:2::2/128"), Flags: nodad}),
		only("rtnetlink does not put IFA_CACHEINFO", addAddress(address.Address{Index: v0, Local: pfx("10.2.0.1/24"), Valid: 3000, Preferred: 1000})),
		only("rtnetlink does not put IFA_CACHEINFO", addAddress(address.Address{Index: v0, Local: pfx("fd00:3::1/64"), Flags: nodad, Valid: 3000, Preferred: address.Expired})),
		only("rtnetlink has no field", addAddress(address.Address{Index: v1, Local: pfx("10.3.0.1/24"), Metric: 7, Protocol: 77})),

		addNeigh(neigh.Neigh{Index: v0, Dst: addr("192.0.2.8"), LLAddr: neigh.MustParseLLAddr("02:00:00:00:00:88"), State: rtattr.NUD_PERMANENT}),
		addNeigh(neigh.Neigh{Index: v0, Dst: addr("fd00:1::8"), LLAddr: neigh.MustParseLLAddr("02:00:00:00:00:88"), State: rtattr.NUD_PERMANENT, Flags: rtattr.NTF_ROUTER}),
		only("rtnetlink has no field", addNeigh(neigh.Neigh{Index: v0, Dst: addr("192.0.2.9"), LLAddr: neigh.MustParseLLAddr("02:00:00:00:00:99"), State: rtattr.NUD_PERMANENT, Protocol: rtattr.RTPROT_STATIC})),
	)

	add := func(r route.Route) step {
		r.Protocol = rtattr.RTPROT_STATIC
		if r.Table == 0 {
			r.Table = rtattr.RT_TABLE_MAIN
		}
		if r.Type == 0 {
			r.Type = rtattr.RTN_UNICAST
		}
		return addRoute(r)
	}
	all = append(all,
		add(route.Route{Dst: pfx("0.0.0.0/0"), Gateway: addr("192.0.2.9")}),
		add(route.Route{Dst: pfx("10.9.0.0/16"), Gateway: addr("192.0.2.9"), Index: v0, PrefSrc: addr("192.0.2.1"), Priority: 50, Table: 1000,
			Metrics: route.Metrics{MTU: 1300, AdvMSS: 1200, InitCwnd: 10, InitRwnd: 20, Features: rtattr.RTAX_FEATURE_ECN}}),
		add(route.Route{Dst: pfx("10.10.0.0/16"), Index: v0, Scope: route.ScopeOf(rtattr.RT_SCOPE_LINK)}),
		add(route.Route{Dst: pfx("10.11.0.0/16"), Multipath: route.Hops(route.NextHop{Gateway: addr("192.0.2.8"), Index: v0, Weight: 10}, route.NextHop{Gateway: addr("192.0.2.9"), Index: v0})}),
		add(route.Route{Dst: pfx("10.12.0.0/16"), Type: rtattr.RTN_BLACKHOLE}),
		add(route.Route{Dst: pfx("10.13.0.0/16"), Gateway: addr("203.0.113.1"), Index: v0, Flags: rtattr.RouteFlags(rtattr.RTNH_F_ONLINK)}),
		add(route.Route{Dst: pfx("2001:db8:9::/48"), Gateway: addr("fd00:1::9"), Index: v0, Priority: 1024}),
		add(route.Route{Dst: pfx("2001:db8:a::/48"), Priority: 7, Multipath: route.Hops(route.NextHop{Gateway: addr("fd00:1::8"), Index: v0}, route.NextHop{Gateway: addr("fd00:1::9"), Index: v0, Weight: 3})}),
		add(route.Route{Dst: pfx("2001:db8:b::/48"), Gateway: addr("fd00:1::9"), Index: v0, Priority: 7, Expires: 3000, Pref: rtattr.ICMPV6_ROUTER_PREF_LOW, Metrics: route.Metrics{MTU: 1300}}),
		only("rtnetlink does not put RTA_VIA", add(route.Route{Dst: pfx("10.20.0.0/16"), Gateway: addr("fd00:1::9"), Index: v0})),
		only("rtnetlink has no field", add(route.Route{Dst: pfx("10.21.0.0/16"), Gateway: addr("192.0.2.9"), Flow: 3<<16 | 7})),
		only("rtnetlink has no field", add(route.Route{Dst: pfx("10.22.0.0/16"), Gateway: addr("192.0.2.9"), Metrics: route.Metrics{MTU: 1300, HopLimit: 33, Lock: 1 << rtattr.RTAX_MTU}})),
		only("rtnetlink puts no RTA_SRC", add(route.Route{Dst: pfx("2001:db8:c::/48"), Src: pfx("fd00:1::/64"), Gateway: addr("fd00:1::9"), Index: v0, Priority: 7})),
		step{"nexthop object", func(l live) error {
			return nexthop.Add(ctx, l.ours, nexthop.Nexthop{ID: 7, Gateway: addr("192.0.2.9"), Index: v0})
		}, nil, "rtnetlink has no RTM_NEWNEXTHOP"},
		only("rtnetlink has no field", add(route.Route{Dst: pfx("10.23.0.0/16"), NexthopID: 7})),

		addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 100, Src: pfx("10.0.0.0/8"), Table: 1000, Action: rtattr.FR_ACT_TO_TBL, Protocol: rtattr.RTPROT_STATIC}),
		addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 101, FwMark: 7, FwMask: rule.NumberOf(0xff), IIF: "v0", OIF: "v1", TOS: 0x10, Table: 1000, Action: rtattr.FR_ACT_TO_TBL}),
		addRule(rule.Rule{Family: rtattr.AF_INET6, Priority: 102, Dst: pfx("2001:db8::/32"), Table: 77, Action: rtattr.FR_ACT_TO_TBL, SuppressPrefixLen: rule.NumberOf(8), IPProto: 6}),
		addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 103, Goto: 32766, Action: rtattr.FR_ACT_GOTO, Flags: rtattr.FIB_RULE_INVERT}),
		addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 104, Table: 1000, Action: rtattr.FR_ACT_TO_TBL, Flow: 3<<16 | 7}),
		addRule(rule.Rule{Family: rtattr.AF_INET6, Priority: 105, Action: rtattr.FR_ACT_BLACKHOLE, SuppressIfGroup: rule.NumberOf(7)}),
		only("rtnetlink puts it in host byte order", addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 106, TunnelID: 7, Table: 1000, Action: rtattr.FR_ACT_TO_TBL})),
		only("rtnetlink puts two numbers of 16 bits", addRule(rule.Rule{Family: rtattr.AF_INET, Priority: 107, UIDRange: rule.User(uid()), Table: 1000, Action: rtattr.FR_ACT_TO_TBL})),
	)
	return all
}

// TestLiveInterop makes the same objects in two namespaces, in one by our packages,
// in the other one by rtnetlink as far as it can. Each library lists in both what the
// other one lists, but for what rtnetlink is known to lose.
func TestLiveInterop(t *testing.T) {
	happened := map[string]bool{}
	var made [2]lists
	for i, who := range []string{"made by us", "made by rtnetlink"} {
		t.Run(who, func(t *testing.T) {
			l := newLive(t)
			unable := 0
			for _, s := range steps(t, l) {
				do := s.ours
				if i == 1 && s.theirs != nil {
					do = s.theirs
				} else if s.theirs == nil {
					unable++
				}
				if err := do(l); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
			theirs, ours := l.both(t)
			listsAlike(t, theirs.links, ours.links, linkLists, happened)
			listsAlike(t, theirs.addresses, ours.addresses, addressLists, happened)
			listsAlike(t, theirs.neighs, ours.neighs, neighLists, happened)
			listsAlike(t, theirs.routes, ours.routes, routeLists, happened)
			listsAlike(t, theirs.rules, ours.rules, ruleLists, happened)
			t.Logf("%d links, %d addresses, %d neighbours, %d routes, %d rules; rtnetlink cannot do %d steps",
				len(ours.links), len(ours.addresses), len(ours.neighs), len(ours.routes), len(ours.rules), unable)
			made[i] = ours
		})
	}
	for i := range made { // time has gone by
		for j := range made[i].links {
			made[i].links[j].OperState = 0
		}
		for j := range made[i].addresses {
			a := &made[i].addresses[j]
			a.Valid, a.Preferred = min(a.Valid, 1000), min(a.Preferred, 500)
		}
		for j := range made[i].neighs {
			made[i].neighs[j].Cache.Refs = 0
		}
		for j := range made[i].routes {
			made[i].routes[j].Expires = min(made[i].routes[j].Expires, 1000)
		}
	}
	alike(t, made[1].links, made[0].links)
	alike(t, made[1].addresses, made[0].addresses)
	alike(t, made[1].neighs, made[0].neighs)
	alike(t, made[1].routes, made[0].routes)
	alike(t, made[1].rules, made[0].rules)
	for _, what := range slices.Concat(whats(linkLists), whats(addressLists), whats(neighLists), whats(routeLists), whats(ruleLists)) {
		switch {
		case happened[what]:
		case what == userIDs && uid() == 0: // all 0 looks the same
		case what == permanent && !nstest.Has(t, "ipip"): // of the links here only tunnels have one
		default:
			t.Errorf("rtnetlink no longer loses %s", what)
		}
	}
}

func whats[T any](losses []loss[T]) (all []string) {
	for _, l := range losses {
		all = append(all, l.what)
	}
	return all
}

// alike wants the same objects. Their order may be that of a hash or of events.
func alike[T comparable](t *testing.T, theirs, ours []T) {
	t.Helper()
	for _, list := range [][]T{theirs, ours} {
		slices.SortFunc(list, func(a, b T) int { return strings.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) })
	}
	if len(theirs) != len(ours) {
		t.Errorf("%d objects made by rtnetlink, %d by us:\n%+v\n%+v", len(theirs), len(ours), theirs, ours)
		return
	}
	for i := range ours {
		if theirs[i] != ours[i] {
			t.Errorf("made by rtnetlink\n%+v\nmade by us\n%+v", theirs[i], ours[i])
		}
	}
}

// TestLiveErrors wants what rtnetlink is known to do wrong to be still so; else there
// is more to compare.
func TestLiveErrors(t *testing.T) {
	pfx := netip.MustParsePrefix
	l := newLive(t)
	if err := link.Add(ctx, l.ours, link.Config{Name: "v0", Index: v0}, link.Veth{}); err != nil {
		t.Fatal(err)
	}
	list := func() lists { t.Helper(); return l.listOurs(t) }

	// IFA_FLAGS is always there and wins over the header, devinet.c and addrconf.c.
	if err := l.theirs.Address.New(&rtnetlink.AddressMessage{
		Family: rtattr.AF_INET6, PrefixLength: 64, Index: v0, Flags: uint8(rtattr.IFA_F_NODAD),
		Attributes: &rtnetlink.AddressAttributes{Local: net.ParseIP("fd00:9::1"), Address: net.ParseIP("fd00:9::1")},
	}); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, a := range list().addresses {
		if a.Local == pfx("fd00:9::1/64") {
			found = true
			if a.Flags&rtattr.IFA_F_NODAD != 0 {
				t.Error("rtnetlink no longer loses the flags of an address's header")
			}
		}
	}
	if !found {
		t.Error("rtnetlink has added no address")
	}

	// NeighService.Delete takes an index and sends none.
	if err := neigh.Add(ctx, l.ours, neigh.Neigh{Index: v0, Dst: netip.MustParseAddr("192.0.2.8"), LLAddr: neigh.MustParseLLAddr("02:00:00:00:00:88"), State: rtattr.NUD_PERMANENT}); err != nil {
		t.Fatal(err)
	}
	if err := l.theirs.Neigh.Delete(v0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("rtnetlink deletes neighbours: %v", err)
	}
	if n := list().neighs; len(n) != 1 {
		t.Errorf("%d neighbours, want 1", len(n))
	}

	// The key of a tunnel arrives in the other byte order, where there are two.
	if err := l.theirs.Rule.Add(askRule(rule.Rule{Family: rtattr.AF_INET, Priority: 106, Table: 1000, Action: rtattr.FR_ACT_TO_TBL})); err != nil {
		t.Fatal(err)
	}
	m := askRule(rule.Rule{Family: rtattr.AF_INET, Priority: 107, Table: 1000, Action: rtattr.FR_ACT_TO_TBL})
	m.Attributes.TunID = ptr(uint64(7), true)
	if err := l.theirs.Rule.Add(m); err != nil {
		t.Fatal(err)
	}
	for _, r := range list().rules {
		if want := binary.BigEndian.Uint64(binary.NativeEndian.AppendUint64(nil, 7)); r.Priority == 106 && r.TunnelID != 0 || r.Priority == 107 && r.TunnelID != want {
			t.Errorf("the key of %v is %#x", r, r.TunnelID)
		}
	}

	// A range of user IDs has half of its length.
	if err := l.theirs.Rule.Add(askRule(rule.Rule{Family: rtattr.AF_INET, Priority: 108, Table: 1000, Action: rtattr.FR_ACT_TO_TBL, UIDRange: rule.User(0)})); err == nil {
		t.Error("the kernel takes rtnetlink's range of user IDs")
	}

	// One attribute that it does not know, and rtnetlink lists no rules.
	if err := rule.Add(ctx, l.ours, rule.Rule{Family: rtattr.AF_INET, Priority: 109, IPProto: 6, DPort: rule.Ports{Start: 80, End: 80}, Table: 1000}); err != nil {
		t.Fatal(err)
	}
	unknown := false
	for v, err := range rule.All(ctx, l.ours, rule.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		for typ := range v.Attrs().All() {
			unknown = unknown || typ > rtattr.FRA_DPORT_RANGE // Linux 6.15 tells the mask
		}
	}
	if _, err := l.theirs.Rule.List(); (err != nil) != unknown {
		t.Errorf("attributes that rtnetlink does not know %v, and List has %v", unknown, err)
	}
}

// registered makes a process one in which drivers are registered: there is one
// registry, which every other test would see.
const registered = "NLWIRE_FUZZ_DRIVERS"

// TestDriverLive registers drivers of links and ports with rtnetlink, in a process of
// its own, makes links with them, and lists them with both libraries.
func TestDriverLive(t *testing.T) {
	nstest.Live(t)
	if os.Getenv(registered) == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestDriverLive$", "-test.v")
		cmd.Env = append(os.Environ(), registered+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestDriverLive") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for name := range kindNames(t) {
		if err := rtnetlink.RegisterDriver(NewDriver(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, master := range []string{"bridge", "bond", "vrf"} {
		if err := rtnetlink.RegisterDriver(NewPortDriver(master)); err != nil {
			t.Fatal(err)
		}
	}
	l := newLive(t)
	for _, s := range steps(t, l) {
		do := s.theirs
		if do == nil {
			do = s.ours
		}
		if err := do(l); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	messages, err := l.theirs.Link.List()
	if err != nil {
		t.Fatal(err)
	}
	data, ports := 0, 0
	ours := l.listOurs(t).links
	if len(messages) != len(ours) {
		t.Fatalf("rtnetlink lists %d links, we list %d", len(messages), len(ours))
	}
	for i, m := range messages {
		info := m.Attributes.Info
		if info == nil {
			continue
		}
		if d, ok := info.Data.(*Driver); ok {
			data++
			if d.Params != ours[i].Data {
				t.Errorf("%s: rtnetlink lists %#v, we list %#v", m.Attributes.Name, d.Params, ours[i].Data)
			}
		} else if info.Data != nil {
			t.Errorf("%s: read by %T", m.Attributes.Name, info.Data)
		}
		if d, ok := info.SlaveData.(*PortDriver); ok {
			ports++
			if d.Params != ours[i].Port {
				t.Errorf("%s: rtnetlink lists %#v, we list %#v", m.Attributes.Name, d.Params, ours[i].Port)
			}
		}
	}
	if data < 2 || ports != 1 {
		t.Errorf("drivers have read %d links and %d ports", data, ports)
	}
	// What a driver has read is not compared byte by byte.
	g := Generator{Types: []uint16{rtattr.RTM_NEWLINK}, Replies: true}
	for seed := range uint64(200) {
		if err := DiffLink(g.Seed(seed).Payload()); err != nil {
			t.Error(err)
		}
	}
}
