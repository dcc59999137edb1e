// Package neigh adds, changes, lists and deletes neighbours: the link-layer
// addresses of IP addresses (ARP, neighbour discovery), proxy entries, and the
// forwarding entries of bridges and VXLAN devices.
//
//	err := neigh.Add(ctx, conn, neigh.Neigh{Index: 3, Dst: netip.MustParseAddr("10.66.66.9"), LLAddr: mac, State: rtattr.NUD_PERMANENT})
//	list, err := neigh.List(ctx, conn, neigh.Filter{Index: 3})
//	err = neigh.Delete(ctx, conn, list[0])
//
// A forwarding entry has the family AF_BRIDGE. That of a bridge names the port, or
// the bridge itself with NTF_SELF; that of a VXLAN device the remote end:
//
//	neigh.Neigh{Family: rtattr.AF_BRIDGE, Index: port, LLAddr: mac, State: rtattr.NUD_NOARP, Flags: rtattr.NTF_MASTER}
//	neigh.Neigh{Family: rtattr.AF_BRIDGE, Index: vxlan, LLAddr: mac, State: rtattr.NUD_PERMANENT, Flags: rtattr.NTF_SELF, Dst: remote}
//
// What is listed can be written back. Where a VXLAN device has several remote ends
// for one address it takes AppendAppend, and AppendReplace where a bridge port has
// VLANs: an entry without one makes those of all VLANs too (br_fdb_add).
//
// Each verb is one message, but for [Flush]. The Append functions give its bytes to
// an [rtattr.Encoder], which holds any number of them as a batch. [Begin] leaves the
// message open for attributes that Neigh does not name.
//
// The kernel's side of all this is net/core/neighbour.c, rtnl_fdb_add in
// net/core/rtnetlink.c, net/bridge/br_fdb.c and drivers/net/vxlan/vxlan_core.c.
package neigh
