package rtnltest_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl/rtnltest"
)

// A program's answer to a gateway that cannot be reached, tested without one.
func Example() {
	k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
		if r.Msg.Type() == rtattr.RTM_NEWROUTE {
			r.Fail(unix.ENETUNREACH, "Nexthop has invalid gateway")
		}
	}}
	conn, err := k.Dial()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	err = route.Add(context.Background(), conn, route.Route{
		Dst:     netip.MustParsePrefix("203.0.113.0/24"),
		Gateway: netip.MustParseAddr("192.0.2.9"),
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, unix.ENETUNREACH))
	// Output:
	// route: add 203.0.113.0/24 via 192.0.2.9: network is unreachable: Nexthop has invalid gateway
	// true
}
