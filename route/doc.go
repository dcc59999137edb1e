// Package route adds, deletes, lists and looks up IPv4 and IPv6 routes.
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
// What is listed can be written back. The kernel's side of all this is
// net/ipv4/fib_frontend.c, net/ipv4/fib_semantics.c and net/ipv6/route.c.
package route
