// Link lists links with all that belongs to them.
package main

import (
	"context"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtnl"
)

func main() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	links, err := link.List(context.Background(), conn, link.Filter{})
	if err != nil {
		panic(err)
	}
	println(len(links))
}
