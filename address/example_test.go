package address_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/nlwire/nlwire/address"
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

	a := address.Address{
		Index: 3,
		Local: netip.MustParsePrefix("10.66.66.1/32"),
		Peer:  netip.MustParsePrefix("10.66.66.2/32"),
	}
	if err := address.Add(ctx, conn, a); err != nil {
		log.Fatal(err)
	}
	list, err := address.List(ctx, conn, address.Filter{Index: 3})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range list {
		fmt.Println(a)
	}
}

// Two addresses as one batch, first as bytes.
func ExampleAppendAdd() {
	var e rtattr.Encoder
	address.AppendAdd(&e, address.Address{Index: 3, Local: netip.MustParsePrefix("10.66.66.1/24")})
	address.AppendAdd(&e, address.Address{Index: 3, Local: netip.MustParsePrefix("fd00::1/64"), Flags: rtattr.IFA_F_NODAD})
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 104 <nil>
}

// An attribute that Address does not name: what ip sends for "anycast".
func ExampleBegin() {
	var e rtattr.Encoder
	w := address.Begin(&e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL,
		address.Address{Index: 3, Local: netip.MustParsePrefix("fd00:1::1/64")})
	w.Anycast(netip.MustParseAddr("fd00:1::77"))
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 84 <nil>
}

// Lifetimes change and the address stays, with its routes and connections.
func ExampleReplace() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	list, err := address.List(ctx, conn, address.Filter{Index: 3, Without: rtattr.IFA_F_PERMANENT})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range list {
		a.Valid, a.Preferred = 3600, 1800
		if err := address.Replace(ctx, conn, a); err != nil {
			log.Fatal(err)
		}
	}
}

// The views of All are read in place.
func ExampleAll() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	for v, err := range address.All(ctx, conn, address.Filter{Family: rtattr.AF_INET6}) {
		if err != nil {
			log.Fatal(err)
		}
		if ci, ok := v.CacheInfo(); ok {
			fmt.Println(v.Header.Index, ci.Created)
		}
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

	w, err := rtnl.Watch(ctx, conn, nil, address.Object(address.Filter{Index: 3}))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Key.Local, ev.Value.Flags)
	}
}
