package route

import (
	"errors"
	"net/netip"
	"slices"
	"unique"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Key tells routes apart. IPv4 has any number of routes to the same destination
// with the same Priority and TOS in one table; they are told apart by all the
// rest. IPv6 makes one route of those that have a Gateway, whose nexthops come and
// go; it stays the same.
type Key struct {
	Dst, Src netip.Prefix
	Label    uint32
	Table    rtattr.RouteTable
	Priority uint32
	TOS      uint8

	other unique.Handle[Route] // what tells routes of the same group apart
}

// Key returns that of a listed route.
func (r Route) Key() Key {
	k := Key{Dst: r.Dst, Src: r.Src, Label: r.Label, Table: r.Table, Priority: r.Priority, TOS: r.TOS}
	switch {
	case r.Label != 0:
	case r.Dst.Addr().Is4():
		r.Dst, r.Table, r.Priority, r.TOS = netip.Prefix{}, 0, 0, 0
		k.other = unique.Make(r)
	case !r.ecmp():
		k.other = unique.Make(Route{Gateway: r.Gateway, Index: r.Index, NexthopID: r.NexthopID, Encap: r.Encap})
	}
	return k
}

// group returns what the routes that the kernel takes for alternatives have in
// common.
func (k Key) group() Key {
	k.other = unique.Handle[Route]{}
	return k
}

// ecmp reports whether IPv6 merges r with others (rt6_qualify_for_ecmp in
// include/net/ip6_route.h). Those of router advertisements are not told from
// others by more than their protocol.
func (r *Route) ecmp() bool {
	return r.Multipath != (NextHops{}) || r.Gateway.IsValid() && r.NexthopID == 0 && r.Protocol != rtattr.RTPROT_RA
}

// Object follows the routes of f with [rtnl.Watch]. Each Watch wants an Object of
// its own. A difference in Expires alone is no change: nobody announces it.
//
// What the kernel announces does not say all, so that an Object looks at links,
// addresses and nexthop objects too, and has the Watch list all routes again:
//   - IPv4 routes go without a word if their link goes down, or the last address
//     of it, or their nexthop object (fib_flush in net/ipv4/fib_frontend.c).
//   - IPv6 routes lose their PrefSrc with the address, and get another MTU with
//     their link, without a word (rt6_remove_prefsrc, rt6_mtu_change_route).
//   - A replaced route is the first of its group, whichever that is
//     (fib_table_insert in net/ipv4/fib_trie.c, fib6_add_rt2node in
//     net/ipv6/ip6_fib.c): if there are several, a list shows it.
//   - With the first nexthop of an IPv6 route goes what the list shows of the whole
//     route: its protocol and its metrics are then those of the next one.
//
// The list has the routes of all families, whatever f says. That is the one which
// waits for the lock of rtnetlink: the kernel announces that a link goes down
// before it deletes the routes, and a list without the lock could still have them.
func Object(f Filter) rtnl.Object[Key, Route] {
	o := &follower{f: f}
	o.begin(0)
	obj := rtnl.Object[Key, Route]{
		Groups:   []rtattr.Group{rtattr.RTNLGRP_LINK},
		List:     o.list,
		Parse:    o.parse,
		Apply:    o.apply,
		Unmarked: true,
		Equal: func(a, b Route) bool {
			a.Expires, b.Expires = 0, 0
			return a == b
		},
	}
	if f.Family == rtattr.AF_UNSPEC || f.Family == rtattr.AF_INET {
		obj.Groups = append(obj.Groups, rtattr.RTNLGRP_IPV4_ROUTE, rtattr.RTNLGRP_IPV4_IFADDR)
	}
	if f.Family == rtattr.AF_UNSPEC || f.Family == rtattr.AF_INET6 {
		obj.Groups = append(obj.Groups, rtattr.RTNLGRP_IPV6_ROUTE, rtattr.RTNLGRP_IPV6_IFADDR)
	}
	if f.Family == rtattr.AF_MPLS {
		obj.Groups = append(obj.Groups, rtattr.RTNLGRP_MPLS_ROUTE)
	} else {
		obj.Groups = append(obj.Groups, rtattr.RTNLGRP_NEXTHOP)
	}
	return obj
}

// A follower keeps what Apply needs beyond a Table.
type follower struct {
	f   Filter
	seq uint32 // of the list that is or was read

	// The keys of each group that has any: one here, further ones there. Some may
	// be gone; the Table knows.
	one  map[Key]unique.Handle[Route]
	more map[Key][]unique.Handle[Route]

	// How often a list has shown a key again. IPv6 replaces a route by the copy of
	// another without looking.
	again map[Key]int
}

func (o *follower) list(e *rtattr.Encoder) {
	switch {
	case o.f.Cloned || o.f.Prefix:
		e.Fail(errors.New("route: watch: nobody announces cached routes, and which ones are those of router advertisements"))
	case o.f.Family > rtattr.AF_UNSPEC && o.f.Family != rtattr.AF_INET && o.f.Family != rtattr.AF_INET6 && o.f.Family != rtattr.AF_MPLS:
		AppendList(e, o.f) // says what is wrong
		return
	}
	AppendList(e, Filter{})
}

// read reads a message about a route of the family.
func (o *follower) read(m rtattr.Msg) (r Route, match bool, err error) {
	if !routes(m) {
		return r, false, rtnl.ErrSkip
	}
	var v rtattr.RouteView
	if err := v.Parse(m.Payload()); err != nil {
		return r, false, err
	}
	family := v.Header.Family
	if v.Header.Flags&rtattr.RTM_F_CLONED != 0 || o.f.Family != family && (o.f.Family != 0 || family == rtattr.AF_MPLS) {
		return r, false, rtnl.ErrSkip
	}
	if r, err = Parse(&v); err != nil {
		return r, false, err
	}
	return r, o.f.match(&v, 0, o.f.rest()), nil
}

func (o *follower) parse(m rtattr.Msg) (Key, Route, error) {
	r, match, err := o.read(m)
	if err == nil && !match {
		err = rtnl.ErrSkip
	}
	return r.Key(), r, err
}

type table = rtnl.Table[Key, Route]

func (o *follower) apply(t *table, m rtattr.Msg) error {
	switch m.Type() {
	case rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK:
		if changesRoutes(m) {
			t.Relist()
		}
	case rtattr.RTM_DELADDR, rtattr.RTM_DELNEXTHOP:
		t.Relist()
	case rtattr.RTM_NEWNEXTHOP:
		if m.Flags()&rtattr.NLM_F_REPLACE != 0 {
			t.Relist()
		}
	case rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE:
		r, match, err := o.read(m)
		switch {
		case err == rtnl.ErrSkip:
		case err != nil:
			return err
		case m.Flags()&rtattr.NLM_F_MULTI != 0:
			o.listed(t, r, match, m.Seq())
		case m.Type() == rtattr.RTM_DELROUTE:
			o.deleted(t, r)
		case m.Flags()&rtattr.NLM_F_REPLACE != 0:
			o.replaced(t, r, match)
		default:
			o.added(t, r, match)
		}
	}
	return nil
}

// changesRoutes reports whether a message about a link may be one about its state:
// not one of a bridge about a port, nor of an event that is none of routing.
func changesRoutes(m rtattr.Msg) bool {
	var h rtattr.IfInfomsg
	h.Parse(m.Payload())
	if h.Family != rtattr.AF_UNSPEC {
		return false
	}
	attrs, _ := rtattr.ParseAttrs(m.Payload()[min(len(m.Payload()), 16):])
	for typ := range attrs.All() {
		if typ == rtattr.IFLA_EVENT || typ == rtattr.IFLA_WIRELESS {
			return false
		}
	}
	return true
}

// put and remove are those of t, and keep the keys of groups.
func (o *follower) put(t *table, r Route) {
	k := r.Key()
	g := k.group()
	switch h, ok := o.one[g]; {
	case !ok:
		o.one[g] = k.other
	case h != k.other && !slices.Contains(o.more[g], k.other):
		o.more[g] = append(o.more[g], k.other)
	}
	t.Put(k, r)
}

func (o *follower) remove(t *table, k Key) {
	g := k.group()
	rest := o.more[g]
	if i := slices.Index(rest, k.other); i >= 0 {
		rest = slices.Delete(rest, i, i+1)
	}
	if h, ok := o.one[g]; ok && h == k.other {
		delete(o.one, g)
		if len(rest) > 0 {
			o.one[g], rest = rest[0], rest[1:]
		}
	}
	if o.more[g] = rest; len(rest) == 0 {
		delete(o.more, g)
	}
	t.Delete(k)
}

// known returns the keys of a group that t has.
func (o *follower) known(t *table, g Key) (keys []Key) {
	look := func(h unique.Handle[Route]) {
		k := g
		k.other = h
		if _, ok := t.Get(k); ok {
			keys = append(keys, k)
		}
	}
	if h, ok := o.one[g]; ok {
		look(h)
	}
	for _, h := range o.more[g] {
		look(h)
	}
	return keys
}

// listed takes an entry of a list.
func (o *follower) listed(t *table, r Route, match bool, seq uint32) {
	if seq != o.seq {
		o.begin(seq)
	}
	if !match {
		return
	}
	if _, ok := t.Get(r.Key()); ok {
		o.again[r.Key()]++
	}
	o.put(t, r)
}

func (o *follower) begin(seq uint32) {
	o.seq = seq
	o.one = map[Key]unique.Handle[Route]{}
	o.more = map[Key][]unique.Handle[Route]{}
	o.again = map[Key]int{}
}

// set makes r what is known of k, which may have been another route.
func (o *follower) set(t *table, k Key, r Route, match bool) {
	if !match || r.Key() != k {
		o.remove(t, k)
	}
	if match {
		o.put(t, r)
	}
}

// added takes a new route, or IPv6 nexthops that a route has got.
func (o *follower) added(t *table, r Route, match bool) {
	k := r.Key()
	if k.other != (unique.Handle[Route]{}) || r.Label != 0 {
		o.set(t, k, r, match)
		return
	}
	for _, x := range o.known(t, k) {
		// One of a router, by its protocol, that has turned out to be like others.
		if v, _ := t.Get(x); x != k && v.Protocol == rtattr.RTPROT_RA && r.wayOf(v) >= 0 {
			o.remove(t, x)
		}
	}
	if old, ok := t.Get(k); ok {
		r = old.with(r)
	} else if match && o.narrow() && r.Multipath != (NextHops{}) {
		t.Relist() // it may have been there, and its oldest nexthop is not known
	}
	o.set(t, k, r, o.f.has(r))
}

// ways returns the nexthops of r.
func (r *Route) ways() []NextHop {
	if r.Multipath == (NextHops{}) {
		return []NextHop{{Gateway: r.Gateway, Index: r.Index, Encap: r.Encap, Flags: rtattr.NexthopFlags(r.Flags)}}
	}
	return slices.Collect(r.Multipath.All())
}

// wayOf returns which nexthop of r is the only one of x; -1 is none
// (rt6_duplicate_nexthop in net/ipv6/ip6_fib.c).
func (r *Route) wayOf(x Route) int {
	return slices.IndexFunc(r.ways(), func(h NextHop) bool {
		return h.Gateway == x.Gateway && h.Index == x.Index && h.Encap == x.Encap
	})
}

// with returns old with all nexthops of r, which the kernel tells from that one on
// that was added, in a circle. A list begins with the oldest.
func (old Route) with(r Route) Route {
	hops := r.ways()
	for _, h := range old.ways() {
		i := slices.IndexFunc(hops, func(x NextHop) bool {
			return h.Gateway == x.Gateway && h.Index == x.Index && h.Encap == x.Encap
		})
		switch {
		case i == 0:
			return r
		case i > 0:
			return old.through(slices.Concat(hops[i:], hops[:i]))
		}
	}
	return r
}

// through returns r with other nexthops.
func (r Route) through(hops []NextHop) Route {
	r.Gateway, r.Index, r.Flags, r.Encap, r.Multipath = netip.Addr{}, 0, 0, nil, NextHops{}
	if len(hops) == 1 {
		r.Gateway, r.Index, r.Flags, r.Encap = hops[0].Gateway, hops[0].Index, rtattr.RouteFlags(hops[0].Flags), hops[0].Encap
	} else {
		r.Multipath = Hops(hops...)
	}
	return r
}

// deleted takes a route that is gone, or a nexthop of IPv6.
func (o *follower) deleted(t *table, r Route) {
	k := r.Key()
	_, ok := t.Get(k)
	switch {
	case o.again[k] > 0:
		o.again[k]--
		t.Relist()
	case ok && k.other == (unique.Handle[Route]{}) && r.Label == 0, !ok && r.Gateway.Is6() && r.Dst.Addr().Is6():
		o.deletedHop(t, r)
	case ok:
		o.remove(t, k)
	case !o.narrow() && len(o.known(t, k.group())) > 0:
		t.Relist()
	}
}

// deletedHop takes an IPv6 route that is gone, all of it or one nexthop.
func (o *follower) deletedHop(t *table, r Route) {
	k := r.Key().group()
	old, ok := t.Get(k)
	if !ok {
		return
	}
	if r.Multipath != (NextHops{}) {
		o.remove(t, k)
		return
	}
	hops, i := old.ways(), old.wayOf(r)
	switch {
	case i < 0:
		return
	case len(hops) == 1:
		o.remove(t, k)
		return
	case i == 0:
		t.Relist()
	}
	r = old.through(slices.Delete(hops, i, i+1))
	o.set(t, k, r, o.f.has(r))
}

// replaced takes a route that was put in the place of another.
func (o *follower) replaced(t *table, r Route, match bool) {
	k := r.Key()
	g := k.group()
	others := o.known(t, g)
	if r.Dst.Addr().Is6() && k != g {
		// One without siblings goes first, if there is any.
		if alone := slices.DeleteFunc(slices.Clone(others), func(x Key) bool { return x == g }); len(alone) > 0 {
			others = alone
		}
	}
	if slices.Contains(others, k) {
		if r.Dst.Addr().Is6() && k != g && len(others) > 1 {
			t.Relist() // a change of k, or a second one
		}
		o.set(t, k, r, match)
		return
	}
	switch {
	case len(others) == 1 && !o.narrow():
		o.remove(t, others[0])
	case len(others) > 0:
		t.Relist()
	}
	if match {
		o.put(t, r)
	}
}

// narrow reports whether a group may have routes that are not followed.
func (o *follower) narrow() bool { return o.f != (Filter{Family: o.f.Family, Table: o.f.Table}) }
