// Package link lists network interfaces over rtnetlink, creates, configures and
// deletes them.
//
//	l, err := link.Create(ctx, conn, link.Config{Name: "vx7", Set: rtattr.IFF_UP}, link.VXLAN{ID: 7, Port: 4789})
//	err = link.SetMTU(ctx, conn, l.Index, 1400)
//	list, err := link.List(ctx, conn, link.Filter{Kind: "vxlan"})
//
// Interfaces are named by index; GetName looks one up. A kind of link with its
// parameters is a value: [Veth], [Bridge], [VLAN], [VXLAN], [Macvlan], [Bond], [VRF],
// [GRE], [WireGuard] and all others that [Kind] names; [Raw] is any that it does not.
// What a master keeps about a port is a value too: [BridgePort], [BondPort].
//
// Each verb is one message. AppendAdd, AppendSet, AppendDelete give its bytes to
// an [rtattr.Encoder], which holds any number of them as a batch. What a [Config]
// names can be set, what a [Link] names is read back; the zero of a field is not
// sent. BeginAdd and BeginSet leave the message open, for attributes that Config
// does not name, and All yields the view of rtattr that has those that Link does
// not name.
//
// A listed link is made again by [Link.Config], [Link.Rest], its Data and its Port. [Object] follows
// links as they change. Virtual functions are [VF] values, XDP programs go through
// SetXDP, counters through GetStats and AllStats. [SetNSID] gives a number to
// another network namespace, by which Config.NetNSID and Config.LinkNetNSID name
// it.
//
// A TUN or TAP device is made by opening /dev/net/tun; all else works as with
// other links.
package link
