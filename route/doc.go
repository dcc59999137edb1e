// Package route adds, deletes, lists, follows and looks up routes of IPv4, IPv6 and
// MPLS.
//
//	r := route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: netip.MustParseAddr("10.66.66.2")}
//	err := route.Add(ctx, conn, r)
//	routes, err := route.List(ctx, conn, route.Filter{})
//
// A default route has the destination 0.0.0.0/0 or ::/0, in what is written as in
// what is listed. Where a field is left zero, the message says what `ip route`
// says: table main (local for local, broadcast and anycast routes), protocol
// boot, type unicast, and for IPv4 the scope that [Scope] tells.
//
// What is listed can be written back, and deleted as it is listed. Exceptions are
// what the kernel keeps for itself: a listed BPF program has no descriptor, a
// cached route cannot be added, and the metric 0 of its own IPv6 routes is 1024 in
// those of others.
//
// Package encap has what packets can be wrapped into, package nexthop the objects
// of NexthopID. The kernel's side of all this is net/ipv4/fib_frontend.c,
// net/ipv4/fib_semantics.c, net/ipv6/route.c and net/mpls/af_mpls.c.
package route
