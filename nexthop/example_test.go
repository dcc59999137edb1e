package nexthop_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Two ways for a route, the second with three quarters of the flows.
func Example() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	var e rtattr.Encoder
	nexthop.AppendAdd(&e, nexthop.Nexthop{ID: 7, Gateway: netip.MustParseAddr("10.66.66.2"), Index: 3})
	nexthop.AppendAdd(&e, nexthop.Nexthop{ID: 8, Gateway: netip.MustParseAddr("10.66.67.2"), Index: 5})
	nexthop.AppendAdd(&e, nexthop.Nexthop{ID: 9, Group: nexthop.MembersOf(nexthop.Member{ID: 7}, nexthop.Member{ID: 8, Weight: 3})})
	route.AppendAdd(&e, route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), NexthopID: 9})
	if err := conn.Exec(context.Background(), &e); err != nil {
		log.Fatal(err)
	}
}

// Follow the nexthop objects of the kernel.
func ExampleObject() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	w, err := rtnl.Watch(context.Background(), conn, nil, nexthop.Object(nexthop.Filter{}))
	if err != nil {
		log.Fatal(err)
	}
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Key, ev.Value)
	}
}

// The bytes of a group, without a socket.
func ExampleAppendAdd() {
	var e rtattr.Encoder
	nexthop.AppendAdd(&e, nexthop.Nexthop{ID: 9, Group: nexthop.MembersOf(nexthop.Member{ID: 7}, nexthop.Member{ID: 8, Weight: 3})})
	b, err := e.Finish()
	if err != nil {
		log.Fatal(err)
	}
	if err := rtattr.Dump(os.Stdout, b); err != nil {
		log.Fatal(err)
	}
}
