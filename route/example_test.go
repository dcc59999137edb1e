package route_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func Example() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	err = route.Add(ctx, conn, route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: netip.MustParseAddr("10.66.66.2")})
	if err != nil {
		log.Fatal(err)
	}
	routes, err := route.List(ctx, conn, route.Filter{Table: rtattr.RT_TABLE_MAIN})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range routes {
		fmt.Println(r)
	}
}

// The bytes of a route, without a socket.
func ExampleAppendAdd() {
	var e rtattr.Encoder
	route.AppendAdd(&e, route.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.66.66.2"), Index: 3})
	b, err := e.Finish()
	if err != nil {
		log.Fatal(err)
	}
	if err := rtattr.Dump(os.Stdout, b); err != nil {
		log.Fatal(err)
	}
}

func ExampleGet() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	r, err := route.Get(context.Background(), conn, route.Lookup{Dst: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("source address", r.PrefSrc, "interface", r.Index)
}
