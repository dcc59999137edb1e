package link_test

import (
	"fmt"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// A kind that was listed makes the same link again.
func ExampleParseKind() {
	var e rtattr.Encoder
	link.AppendAdd(&e, link.Config{Name: "gre7"}, link.GRE{Remote: ip("192.0.2.2"), TTL: 64, IFlags: rtattr.GRE_KEY, IKey: 7})
	b, err := e.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	var v rtattr.LinkView // or one of link.All
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		fmt.Println(err)
		return
	}
	k, err := link.ParseKind(&v)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch k := k.(type) {
	case link.GRE:
		fmt.Println("GRE to", k.Remote, "key", k.IKey)
		k.TTL = 32
		e.Reset(nil)
		link.AppendAdd(&e, link.Config{Name: "gre8"}, k)
	case link.Raw:
		fmt.Println(k.Kind, "has no type")
	}
	fmt.Println(e.Err())
	// Output:
	// GRE to 192.0.2.2 key 7
	// <nil>
}
