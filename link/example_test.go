package link_test

import (
	"context"
	"fmt"
	"log"

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

// No IPv6 link-local address, in the message that brings the link up.
func ExampleBeginSet() {
	var e rtattr.Encoder
	w := link.BeginSet(&e, 3, link.Config{Set: rtattr.IFF_UP})
	a := w.AFSpec()
	six := a.Inet6()
	six.AddrGenMode(rtattr.IN6_ADDR_GEN_MODE_NONE)
	six.End()
	a.End()
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 48 <nil>
}
