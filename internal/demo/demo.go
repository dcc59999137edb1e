//go:build linux

// Package demo is what the programs in examples share.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/private"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Enter returns in a private network namespace. Elsewhere it runs the program again
// in one, and exits with its code.
func Enter(program string) {
	if private.Inside() {
		return
	}
	who := "a private network namespace"
	if os.Geteuid() != 0 {
		who = "a private user and network namespace"
	}
	fmt.Printf("running in %s; the machine's network is not touched\n", who)
	code, err := private.Run()
	if err != nil {
		Fatal(program, err)
	}
	os.Exit(code)
}

// Fatal ends the program with an error.
func Fatal(program string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
	os.Exit(1)
}

// Settle waits until the kernel has finished with IPv6: no address is tentative,
// and there is a route to the far end, unless that is the zero Addr. There is no
// duplicate address detection on a link without neighbours, but the kernel decides
// that a little later, and adds the route to a peer only then.
func Settle(ctx context.Context, conn *rtnl.Conn, index int, far netip.Addr) error {
	deadline := time.Now().Add(2 * time.Second)
	for {
		addresses, err := address.List(ctx, conn, address.Filter{Family: rtattr.AF_INET6, Index: uint32(index)})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(addresses, func(a address.Address) bool { return a.Flags&rtattr.IFA_F_TENTATIVE != 0 }) {
			err = errors.New("an IPv6 address is still tentative")
		} else if far.IsValid() {
			_, err = route.Get(ctx, conn, route.Lookup{Dst: far})
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
