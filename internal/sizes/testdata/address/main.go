// Address adds an address and does nothing else.
package main

import (
	"context"
	"net/netip"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/rtnl"
)

func main() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if err := address.Add(context.Background(), conn, address.Address{Index: 1, Local: netip.MustParsePrefix("127.0.0.2/8")}); err != nil {
		panic(err)
	}
}
