//go:build linux

// Tunping is the host at the far end of a TUN device: it answers every ping that is
// sent to it, IPv4 or IPv6.
//
//	go run ./examples/tunping                       pings itself three times
//	go run ./examples/tunping ping -c 3 10.66.66.2  runs a program beside it
//	go run ./examples/tunping -host                 on this machine, as root, until Ctrl-C
//
// The first two run in a private namespace, as anybody.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/demo"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

// options are what the flags say.
type options struct {
	name        string
	local, peer netip.Addr
	count       int
	verbose     bool
	wait        bool     // until a signal
	command     []string // to run
}

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: tunping [flags] [command [arguments]]\n\n"+
			"Makes a TUN device and answers the pings to its peer, while the command runs.\n"+
			"Without a command it pings the peer itself; with -host it waits for Ctrl-C.\n\n")
		flag.PrintDefaults()
	}
	o := options{local: netip.MustParseAddr("10.66.66.1"), peer: netip.MustParseAddr("10.66.66.2")}
	host := flag.Bool("host", false, "work on this machine instead of in a private namespace; needs root")
	flag.StringVar(&o.name, "name", "tun%d", "`name` of the device; %d is a number that the kernel chooses")
	flag.TextVar(&o.local, "local", o.local, "own `address`")
	flag.TextVar(&o.peer, "peer", o.peer, "`address` of the host that answers")
	flag.IntVar(&o.count, "c", 3, "`number` of pings, without a command")
	flag.BoolVar(&o.verbose, "v", false, "print each answer")
	flag.Parse()
	o.command = flag.Args()
	o.wait = *host && len(o.command) == 0
	if !*host {
		demo.Enter("tunping")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		demo.Fatal("tunping", err)
	}
}

func run(ctx context.Context, o options) error {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	dev, err := tun.Create(tun.Config{Name: o.name})
	if err != nil {
		return err
	}
	defer dev.Close()
	err = tun.Configure(ctx, conn, dev, tun.Setup{
		Addresses: []address.Address{{
			Local: netip.PrefixFrom(o.local, o.local.BitLen()),
			Peer:  netip.PrefixFrom(o.peer, o.peer.BitLen()),
		}},
		AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE), // nothing is to come out but what is sent
		Up:          true,
	})
	if err != nil {
		return err
	}
	if err := demo.Settle(ctx, conn, dev.Index(), o.peer); err != nil {
		return err
	}
	fmt.Printf("%s: %s answers at the far end of %s\n", dev.Name(), o.peer, o.local)

	var answers atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Answer(dev, func(packet []byte) {
			answers.Add(1)
			if o.verbose {
				fmt.Printf("answered an echo request of %d bytes\n", len(packet))
			}
		})
	}()
	err = ask(ctx, o)
	err = errors.Join(err, dev.Close(), <-ended)
	fmt.Printf("answered %d echo requests\n", answers.Load())
	return err
}

// ask does what lets pings arrive: it waits for others, runs a command, or pings.
func ask(ctx context.Context, o options) error {
	switch {
	case o.wait:
		fmt.Printf("try: ping %s\nCtrl-C ends\n", o.peer)
		<-ctx.Done()
		return nil
	case len(o.command) > 0:
		cmd := exec.CommandContext(ctx, o.command[0], o.command[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", o.command[0], err)
		}
		return nil
	}
	for i := 0; i < o.count && ctx.Err() == nil; i++ {
		line, err := demo.PingLine(o.peer)
		if err != nil {
			return err
		}
		fmt.Println(line)
	}
	return nil
}
