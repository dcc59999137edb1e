package link_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func Example() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	vx, err := link.Create(ctx, conn, link.Config{Name: "vx7", Set: rtattr.IFF_UP}, link.VXLAN{ID: 7, Port: 4789})
	if err != nil {
		log.Fatal(err)
	}
	if err := link.SetMTU(ctx, conn, vx.Index, 1400); err != nil {
		log.Fatal(err)
	}
	list, err := link.List(ctx, conn, link.Filter{Kind: "vxlan"})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range list {
		fmt.Println(l)
	}
}

// A pair of links, the far end of which is in another network namespace.
func ExampleAdd() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	var netns int // a descriptor of /run/netns/other
	err = link.Add(ctx, conn,
		link.Config{Name: "v0", Set: rtattr.IFF_UP},
		link.Veth{Peer: link.Config{Name: "eth0", NetNS: netns}})
	if err != nil {
		log.Fatal(err)
	}
}

// Parameters that VXLAN does not have.
func ExampleBeginAdd() {
	var e rtattr.Encoder
	w := link.BeginAdd(&e, link.Config{Name: "vx7"})
	i := w.LinkInfo()
	v := i.VXLAN()
	v.ID(7)
	v.LocalBypass(0)
	v.End()
	i.End()
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 76 <nil>
}

// The IPv6 token of a link, with which addresses of advertised prefixes end: an
// attribute that Config does not name. The link has to accept advertisements.
func ExampleBeginSet() {
	var e rtattr.Encoder
	w := link.BeginSet(&e, 3, link.Config{})
	families := w.AFSpec()
	six := families.Inet6()
	six.Token(netip.MustParseAddr("::7"))
	six.End()
	families.End()
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 60 <nil>
}

// Settings that are IPv4's own: IPV4_DEVCONF_PROXY_ARP and IPV4_DEVCONF_FORWARDING,
// which sysctl has as net.ipv4.conf.v0.
func ExampleBeginSet_ipv4() {
	var e rtattr.Encoder
	w := link.BeginSet(&e, 3, link.Config{})
	families := w.AFSpec()
	four := families.Inet()
	conf := four.SetConf()
	conf.Forwarding(1)
	conf.ProxyARP(1)
	conf.End()
	four.End()
	families.End()
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 60 <nil>
}

// A link without an IPv6 link-local address, as one batch. AddrGenMode takes a
// message of its own: within one, the kernel brings the link up first.
func ExampleAppendSet() {
	var e rtattr.Encoder
	link.AppendAdd(&e, link.Config{Name: "x0", Index: 70}, link.Dummy{})
	link.AppendSet(&e, 70, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)})
	link.AppendSet(&e, 70, link.Config{Set: rtattr.IFF_UP})
	_, err := e.Finish()
	fmt.Println(e.Len(), err)
	// Output: 3 <nil>
}

// A link moves to the network namespace that ip calls "blue", with the index 77
// there: an attribute that Config does not name.
func ExampleBeginSet_netns() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	blue, err := os.Open("/run/netns/blue")
	if err != nil {
		log.Fatal(err)
	}
	defer blue.Close()
	var e rtattr.Encoder
	w := link.BeginSet(&e, 3, link.Config{NetNS: int(blue.Fd())})
	w.NewIfIndex(77)
	w.End()
	if err := conn.Exec(ctx, &e); err != nil {
		log.Fatal(err)
	}
}

// All links, one after the other as they come and go.
func ExampleObject() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	w, err := rtnl.Watch(ctx, conn, nil, link.Object(link.Filter{}))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		switch ev.Type {
		case rtnl.Added, rtnl.Changed:
			fmt.Println(ev.Type, ev.Value)
		case rtnl.Removed:
			fmt.Println(ev.Type, ev.Old)
		}
	}
}

// Links of a namespace are made again in another one: first all links, then what
// they take only when they are all there, then those come up that were.
func ExampleLink_Config() {
	// As link.List returns them: a bridge, and a port of it.
	list := []link.Link{
		{Index: 10, Name: "x0", Kind: "ifb", MTU: 1400, Master: 20, Flags: rtattr.IFF_UP},
		{Index: 20, Name: "br0", Kind: "bridge", MTU: 1400, Flags: rtattr.IFF_UP | rtattr.IFF_MULTICAST},
	}
	var e rtattr.Encoder
	for _, l := range list {
		link.AppendAdd(&e, l.Config(), link.Raw{Kind: l.Kind})
	}
	for _, l := range list {
		link.AppendSet(&e, l.Index, l.Rest())
		for name := range l.AltNames.All() {
			link.AppendAddAltNames(&e, l.Index, name)
		}
	}
	for _, l := range list {
		if l.Up() {
			link.AppendSet(&e, l.Index, link.Config{Set: rtattr.IFF_UP})
		}
	}
	_, err := e.Finish()
	fmt.Println(e.Len(), err)
	// Output: 6 <nil>
}

// Virtual functions: what they are set to, a change, and their counters.
func ExampleParseVFs() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	for v, err := range link.All(ctx, conn, link.Filter{Ext: rtattr.RTEXT_FILTER_VF}) {
		if err != nil {
			log.Fatal(err)
		}
		vfs, err := link.ParseVFs(v)
		if err != nil {
			log.Fatal(err)
		}
		for _, vf := range vfs {
			fmt.Println(v.Header.Index, vf.Num, vf.MAC, vf.VLAN)
		}
	}
	err = link.SetVF(ctx, conn, 3, link.VF{Num: 0, Trust: link.Some(true), VLAN: link.Some(link.VFVLAN{ID: 7})})
	if err != nil {
		log.Fatal(err)
	}
}
