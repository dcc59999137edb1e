//go:build linux

// Tunforward joins two network namespaces: it makes a TUN device in each, carries
// every packet that comes out of one into the other, counts them, and shows how much
// TCP gets through.
//
//	go run ./examples/tunforward
//	go run ./examples/tunforward -time 10s -mtu 9000 -streams 4
//	go run ./examples/tunforward -carry singles
//
// Packets are carried in batches, as a tunnel does that looks at each: the kernel hands
// over segments of a connection merged into one (Config.Offload), ReadBatch splits
// them, and WriteBatch merges them again. Singles are a system call for each packet,
// supers are what the kernel has merged, passed on as it is.
//
// It runs in a private namespace, as anybody.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/demo"
	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: tunforward [flags]\n\n"+
			"Joins two private network namespaces with a TUN device in each, and sends TCP\n"+
			"from the first to the second.\n\n")
		flag.PrintDefaults()
	}
	duration := flag.Duration("time", 3*time.Second, "how long TCP is sent")
	streams := flag.Int("streams", 1, "`number` of TCP connections")
	mtu := flag.Uint("mtu", 1500, "largest packet, in `bytes`, 68 to 65535")
	carry := flag.String("carry", "batches", "`what` is carried: batches, supers or singles")
	flag.Parse()
	how, ok := carriers[*carry]
	switch {
	case flag.NArg() > 0:
		usage("argument %q: there are only flags", flag.Arg(0))
	case *duration <= 0:
		usage("-time %v: want a time to send in", *duration)
	case *streams < 1:
		usage("-streams %d: want 1 or more", *streams)
	case *mtu < 68 || *mtu > 65535:
		usage("-mtu %d: want 68 to 65535", *mtu)
	case !ok:
		usage("-carry %s: want batches, supers or singles", *carry)
	}
	demo.Enter("tunforward")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *duration, *streams, uint32(*mtu), how); err != nil {
		demo.Fatal("tunforward", err)
	}
}

func usage(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "tunforward: "+format+"\n", args...)
	os.Exit(2)
}

// A side is a namespace with a device.
type side struct {
	ns  *os.File
	dev *tun.Device
	out counter // of what came out of the device
}

// A counter counts packets.
type counter struct{ packets, bytes atomic.Uint64 }

// newSide makes a namespace and a device in it.
func newSide(ctx context.Context, name string, local, peer netip.Addr, mtu uint32, offload tun.Offload) (_ *side, err error) {
	s := &side{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.ns, err = netns.New(); err != nil {
		return nil, err
	}
	fd := int(s.ns.Fd())
	if s.dev, err = tun.Create(tun.Config{Name: name, NetNS: fd, Offload: offload}); err != nil {
		return nil, err
	}
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: fd})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	setup := tun.Setup{
		Addresses: []address.Address{{
			Local: netip.PrefixFrom(local, local.BitLen()),
			Peer:  netip.PrefixFrom(peer, peer.BitLen()),
		}},
		MTU:    mtu,
		TxQLen: link.Some[uint32](1000), // a burst that does not fit is lost
		Up:     true,
	}
	if mtu >= 1280 {
		setup.AddrGenMode = link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)
	}
	return s, tun.Configure(ctx, conn, s.dev, setup)
}

func (s *side) close() error {
	var err error
	if s.dev != nil {
		err = s.dev.Close()
	}
	if s.ns != nil {
		err = errors.Join(err, s.ns.Close())
	}
	return err
}

// A carrier is a way to carry packets.
type carrier struct {
	offload tun.Offload // what the devices are to merge

	// prepare returns a function that carries once, and how many packets of how
	// many bytes it has read.
	prepare func(from, to *tun.Device) func() (packets, bytes int, err error)
}

var carriers = map[string]carrier{
	"batches": {tun.OffloadAll, batches},
	"supers":  {tun.OffloadAll, supers},
	"singles": {0, singles},
}

func batches(from, to *tun.Device) func() (packets, bytes int, err error) {
	bufs, sizes := make([][]byte, 64), make([]int, 64)
	for i := range bufs {
		bufs[i] = make([]byte, 65535)
	}
	read := make([][]byte, 0, len(bufs))
	return func() (packets, bytes int, err error) {
		n, err := from.ReadBatch(bufs, sizes, 0)
		if err != nil {
			return 0, 0, err
		}
		read = read[:0]
		for i, size := range sizes[:n] {
			read = append(read, bufs[i][:size])
			bytes += size
		}
		_, err = to.WriteBatch(read, 0)
		return n, bytes, err
	}
}

func supers(from, to *tun.Device) func() (packets, bytes int, err error) {
	b := make([]byte, 65597) // what ReadSuper wants
	return func() (packets, bytes int, err error) {
		super, err := from.ReadSuper(b)
		if err != nil {
			return 0, 0, err
		}
		return 1, len(super.Packet), to.WriteSuper(super)
	}
}

func singles(from, to *tun.Device) func() (packets, bytes int, err error) {
	packet := make([]byte, 65535)
	return func() (packets, bytes int, err error) {
		n, err := from.Read(packet)
		if err != nil {
			return 0, 0, err
		}
		_, err = to.Write(packet[:n])
		return 1, n, err
	}
}

// forward carries packets from one device to the other until one is closed.
func forward(from, to *side, c carrier) error {
	once := c.prepare(from.dev, to.dev)
	for {
		packets, bytes, err := once()
		from.out.packets.Add(uint64(packets))
		from.out.bytes.Add(uint64(bytes))
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func run(ctx context.Context, duration time.Duration, streams int, mtu uint32, c carrier) (err error) {
	first, second := netip.MustParseAddr("10.66.66.1"), netip.MustParseAddr("10.66.66.2")
	a, err := newSide(ctx, "a", first, second, mtu, c.offload)
	if err != nil {
		return err
	}
	b, err := newSide(ctx, "b", second, first, mtu, c.offload)
	if err != nil {
		return errors.Join(err, a.close())
	}
	fmt.Printf("namespace 1: %s, namespace 2: %s, MTU %d\n", first, second, mtu)

	ended := make(chan error, 2)
	go func() { ended <- forward(a, b, c) }()
	go func() { ended <- forward(b, a, c) }()
	received, elapsed, err := traffic(ctx, a, b, netip.AddrPortFrom(second, 0), streams, duration)

	// The devices close and both loops end, whatever has happened.
	err = errors.Join(err, a.close(), b.close(), <-ended, <-ended)
	if err == nil {
		fmt.Printf("%.2f s: %.3f Gbit/s of TCP payload received\n", elapsed.Seconds(), gigabits(received, elapsed))
	}
	fmt.Printf("1 > 2: %s\n2 > 1: %s\n", &a.out, &b.out)
	return err
}

func gigabits(bytes uint64, d time.Duration) float64 {
	return float64(bytes) * 8 / 1e9 / d.Seconds()
}

func (c *counter) String() string {
	return fmt.Sprintf("%d packets, %d bytes", c.packets.Load(), c.bytes.Load())
}

// traffic sends TCP from one namespace to the other, reports every second, and
// returns how much has arrived.
func traffic(ctx context.Context, from, to *side, at netip.AddrPort, streams int, duration time.Duration) (received uint64, elapsed time.Duration, err error) {
	// A socket belongs to the namespace of the thread that makes it.
	var listener net.Listener
	err = netns.Do(int(to.ns.Fd()), func() (err error) {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false) // plain TCP is what there is to measure
		listener, err = lc.Listen(ctx, "tcp", at.String())
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	defer listener.Close()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range streams {
		var c net.Conn
		err := netns.Do(int(from.ns.Fd()), func() (err error) {
			d := net.Dialer{Timeout: 5 * time.Second} // if nothing is forwarded
			c, err = d.DialContext(ctx, "tcp", listener.Addr().String())
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		conns = append(conns, c)
		if c, err = listener.Accept(); err != nil {
			return 0, 0, err
		}
		conns = append(conns, c)
	}

	var total atomic.Uint64
	var wg sync.WaitGroup
	start := time.Now()
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	for i := 0; i < len(conns); i += 2 {
		sender, receiver := conns[i], conns[i+1]
		wg.Go(func() {
			b := make([]byte, 256<<10)
			for {
				if _, err := sender.Write(b); err != nil {
					return // closed below
				}
			}
		})
		wg.Go(func() {
			b := make([]byte, 256<<10)
			for {
				n, err := receiver.Read(b)
				total.Add(uint64(n))
				if err != nil {
					return
				}
			}
		})
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before uint64
	for second := 1; ctx.Err() == nil; second++ {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			now := total.Load()
			fmt.Printf("%4d s  %.3f Gbit/s  1 > 2: %s\n", second, gigabits(now-before, time.Second), &from.out)
			before = now
		}
	}
	elapsed = time.Since(start)
	received = total.Load()
	for _, c := range conns {
		c.Close()
	}
	wg.Wait()
	return received, elapsed, nil
}
