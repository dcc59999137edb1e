package route_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/encap"
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

// Routes with labels and segments, and one that pops a label.
func ExampleRoute_encap() {
	var e rtattr.Encoder
	gateway := netip.MustParseAddr("10.66.66.2")
	route.AppendAdd(&e, route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: gateway, Encap: encap.MPLS{Labels: encap.LabelsOf(100, 200)}})
	route.AppendAdd(&e, route.Route{Dst: netip.MustParsePrefix("fd09::/64"), Index: 3, Encap: encap.SEG6{
		Mode: rtattr.SEG6_IPTUN_MODE_ENCAP,
		SRH:  encap.SRH{Segments: encap.SegmentsOf(netip.MustParseAddr("fd00:1::2"), netip.MustParseAddr("fd00:1::3"))},
	}})
	route.AppendAdd(&e, route.Route{Label: 100, As: encap.LabelsOf(300), Gateway: gateway})
	route.AppendAdd(&e, route.Route{Label: 200, Index: 1})
	b, err := e.Finish()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(b), "bytes,", e.Len(), "messages")
	// Output: 284 bytes, 4 messages
}

// Follow the routes of a table: all there are, then each change.
func ExampleObject() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	w, err := rtnl.Watch(context.Background(), conn, nil, route.Object(route.Filter{Table: rtattr.RT_TABLE_MAIN}))
	if err != nil {
		log.Fatal(err)
	}
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Value)
	}
}
