// Package address adds, lists and removes the IPv4 and IPv6 addresses of
// interfaces over rtnetlink.
//
//	err = address.Add(ctx, conn, address.Address{Index: 3, Local: netip.MustParsePrefix("10.66.66.1/24")})
//	list, err := address.List(ctx, conn, address.Filter{Index: 3})
//	err = address.Delete(ctx, conn, list[0])
//
// A point-to-point address names both ends:
//
//	address.Address{
//		Index: 3,
//		Local: netip.MustParsePrefix("10.66.66.1/32"),
//		Peer:  netip.MustParsePrefix("10.66.66.2/32"),
//	}
//
// Nothing is derived: there is no broadcast address, scope, label or flag but
// those in the struct. What List returns can be given to Add as it is.
//
// Each verb is one message, but for [Flush]. AppendAdd, AppendReplace and
// AppendDelete give its bytes to an [rtattr.Encoder], which holds any number of them
// as a batch. [Begin] leaves the message open for attributes that Address does not
// name.
//
// Anycast and multicast addresses of interfaces come and go with others and with
// sockets: [ListAnycast] and [ListMulticast] list them, no message makes them. (The
// kernel has never looked at IFA_ANYCAST, which `ip address add` sends.)
//
// The kernel's side of all this is net/ipv4/devinet.c and net/ipv6/addrconf.c.
package address
