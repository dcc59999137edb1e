package neigh_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/nlwire/nlwire/neigh"
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
	err = neigh.Add(ctx, conn, neigh.Neigh{
		Index:  3,
		Dst:    netip.MustParseAddr("10.66.66.9"),
		LLAddr: neigh.MustParseLLAddr("02:00:00:00:00:99"),
		State:  rtattr.NUD_PERMANENT,
	})
	if err != nil {
		log.Fatal(err)
	}
	list, err := neigh.List(ctx, conn, neigh.Filter{Index: 3})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range list {
		fmt.Println(n)
	}
}

// Where a VXLAN device sends what it knows no other way for, as bytes.
func ExampleAppendAppend() {
	var e rtattr.Encoder
	for _, remote := range []string{"192.0.2.9", "192.0.2.10"} {
		neigh.AppendAppend(&e, neigh.Neigh{
			Family: rtattr.AF_BRIDGE,
			Index:  5,
			LLAddr: neigh.MustParseLLAddr("00:00:00:00:00:00"),
			State:  rtattr.NUD_PERMANENT,
			Flags:  rtattr.NTF_SELF,
			Dst:    netip.MustParseAddr(remote),
		})
	}
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 96 <nil>
}

func ExampleSetTable() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	err = neigh.SetTable(context.Background(), conn, neigh.Table{Name: "arp_cache", Index: 3, BaseReachableTime: 20000, AppProbes: neigh.Zero})
	if err != nil {
		log.Fatal(err)
	}
}

// First all there are, then each change.
func ExampleObject() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	w, err := rtnl.Watch(ctx, conn, nil, neigh.Object(neigh.Filter{Index: 3}))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Key.Dst, ev.Value.LLAddr, ev.Value.State)
	}
}
