package rule_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rule"
)

// What wg-quick sets: all but the tunnel's own packets, which are marked, go by
// another table, unless the main one knows better than its default route.
func Example() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	e := conn.Encoder()
	defer conn.Release(e)
	rule.AppendAdd(e, rule.Rule{Family: rtattr.AF_INET, FwMark: 51820, Flags: rtattr.FIB_RULE_INVERT, Table: 51820})
	rule.AppendAdd(e, rule.Rule{Family: rtattr.AF_INET, Table: rtattr.RT_TABLE_MAIN, SuppressPrefixLen: rule.Zero})
	if err := conn.Exec(ctx, e); err != nil {
		log.Fatal(err)
	}
}

func ExampleAppendAdd() {
	var e rtattr.Encoder
	rule.AppendAdd(&e, rule.Rule{Src: netip.MustParsePrefix("10.9.0.0/16"), Priority: 100, Table: 1000})
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 52 <nil>
}

func ExampleList() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	rules, err := rule.List(context.Background(), conn, rule.Filter{Family: rtattr.AF_INET})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rules {
		fmt.Println(r)
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

	w, err := rtnl.Watch(ctx, conn, nil, rule.Object(rule.Filter{Family: rtattr.AF_INET}))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Key)
	}
}
