// Package link lists network interfaces over rtnetlink, creates, configures and
// deletes them.
//
//	l, err := link.Create(ctx, conn, link.Config{Name: "vx7", Set: rtattr.IFF_UP}, link.VXLAN{ID: 7, Port: 4789})
//	err = link.SetMTU(ctx, conn, l.Index, 1400)
//	list, err := link.List(ctx, conn, link.Filter{Kind: "vxlan"})
//
// Interfaces are named by index; GetName looks one up. A kind of link with
// parameters is a value: [Veth], [Bridge], [VLAN], [VXLAN], [Macvlan], [Dummy],
// [Ifb], [WireGuard], and [Raw] for all others.
//
// Each verb is one message. AppendAdd, AppendSet, AppendDelete give its bytes to
// an [rtattr.Encoder], which holds any number of them as a batch. BeginAdd and
// BeginSet leave the message open, for attributes that [Config] does not name.
//
// A TUN or TAP device is made by opening /dev/net/tun; all else works as with
// other links.
package link
