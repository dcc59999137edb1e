// Package nexthop adds, deletes, lists and looks up nexthop objects, which routes
// refer to by number, and groups of them.
//
//	err := nexthop.Add(ctx, conn, nexthop.Nexthop{ID: 7, Gateway: netip.MustParseAddr("10.66.66.2"), Index: 3})
//	err = nexthop.Add(ctx, conn, nexthop.Nexthop{ID: 9, Group: nexthop.MembersOf(nexthop.Member{ID: 7}, nexthop.Member{ID: 8, Weight: 5})})
//	err = route.Add(ctx, conn, route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), NexthopID: 9})
//
// The kernel deletes nexthop objects by itself when their interface goes down or
// loses its carrier, and groups that have lost all members; routes go with them.
//
// What is listed can be written back. The kernel's side of all this is
// net/ipv4/nexthop.c.
package nexthop
