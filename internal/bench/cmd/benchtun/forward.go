//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/tun"
	"golang.org/x/sys/unix"
	wireguard "golang.zx2c4.com/wireguard/tun"
)

// forwardRows measures a TCP connection between two namespaces, the packets of
// which somebody carries from one TUN device to another. Both ends and the C
// forwarder are processes of their own.
func forwardRows() []row {
	plain := newLink("plain", func(name string) endpoint { return ours(name, 0, 0) })
	offload := newLink("off", func(name string) endpoint { return ours(name, tun.OffloadAll, 0) })
	wg := newLink("wg", func(name string) endpoint { return theirs(name) })
	cplain := newLink("c", func(name string) endpoint { return os.NewFile(uintptr(open(name, 0)), name) })
	csuper := newLink("cs", func(name string) endpoint { return os.NewFile(uintptr(open(name, unix.IFF_VNET_HDR)), name) })
	all := func(f figure) []way {
		return []way{
			{"C", cplain.measure(forwardC, f)},
			{"C, super-packets", csuper.measure(forwardC, f)},
			{"nlwire, super-packets", offload.measure(forwardSuper, f)},
			{"nlwire, split and merged", offload.measure(forwardBatch, f)},
			{"wireguard-go", wg.measure(forwardWireguard, f)},
			{"nlwire, one by one", plain.measure(forwardSingle, f)},
		}
	}
	return []row{
		{"forward a TCP connection", "Gbit/s (best)", true, all(throughput)},
		{"forward a TCP connection, split and merged", "Gbit/s (best)", true, []way{
			{"wireguard-go", wg.measure(forwardWireguard, throughput)},
			{"nlwire", offload.measure(forwardBatch, throughput)},
		}},
		{"forward a TCP connection, the forwarder's work", "CPU ns/KiB (best)", false, all(work)},
	}
}

// A figure is what is taken of a connection: it has carried n bytes in ns
// nanoseconds, which have cost the forwarder cpu nanoseconds.
type figure func(n, ns, cpu float64) float64

func throughput(n, ns, _ float64) float64 { return n * 8 / ns }
func work(n, _, cpu float64) float64      { return cpu / (n / 1024) }

// An endpoint is a device of any kind.
type endpoint interface{ Close() error }

// A link is two namespaces with a device each.
type link struct {
	ns  [2]*os.File
	dev [2]endpoint

	start sync.Once // the goroutines that forward
}

var addresses = [2]string{"10.9.0.1", "10.9.0.2"}

func newLink(name string, make func(name string) endpoint) *link {
	l := new(link)
	for i := range l.ns {
		var err error
		l.ns[i], err = netns.New()
		check(err)
		dev := fmt.Sprint(name, i)
		check(netns.Do(int(l.ns[i].Fd()), func() error {
			l.dev[i] = make(dev)
			ip("link", "set", dev, "addrgenmode", "none")
			ip("address", "add", addresses[i], "peer", addresses[1-i], "dev", dev)
			ip("link", "set", dev, "txqueuelen", "2000", "up")
			return nil
		}))
	}
	return l
}

// measure returns a way that carries a connection's bytes for a while.
func (l *link) measure(forward func(*link) (stop func() time.Duration), f figure) func() float64 {
	return func() float64 {
		stop := forward(l)
		var listener *net.TCPListener
		check(netns.Do(int(l.ns[1].Fd()), func() (err error) {
			listener, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.ParseIP(addresses[1])})
			return err
		}))
		defer listener.Close()
		var from, to *net.TCPConn
		check(netns.Do(int(l.ns[0].Fd()), func() (err error) {
			from, err = net.DialTCP("tcp4", nil, listener.Addr().(*net.TCPAddr))
			return err
		}))
		defer from.Close()
		to, err := listener.AcceptTCP()
		check(err)
		defer to.Close()

		source, sink := end(from, "source", "700"), end(to, "sink")
		var out bytes.Buffer
		sink.Stdout = &out
		before := used()
		check(sink.Start())
		check(source.Run())
		from.Close()
		check(sink.Wait())
		cpu := used() - before + stop()
		var n, ns float64
		_, err = fmt.Sscan(out.String(), &n, &ns)
		check(err)
		return f(n, ns, float64(cpu.Nanoseconds()))
	}
}

// used returns the CPU time that this process has used.
func used() time.Duration {
	var u unix.Rusage
	check(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// end makes a command of a connection's end. The descriptor is a blocking copy.
func end(conn *net.TCPConn, args ...string) *exec.Cmd {
	file, err := conn.File()
	check(err)
	file.Fd() // makes it blocking, for the copy of the child too
	cmd := exec.Command(loop, args...)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{file}
	return cmd
}

// The functions that follow start to forward. What they return ends that, and
// returns the CPU time that was used outside of this process.

func forwardC(l *link) func() time.Duration {
	cmd := exec.Command(loop, "forward")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{l.dev[0].(*os.File), l.dev[1].(*os.File)}
	check(cmd.Start())
	return func() time.Duration {
		cmd.Process.Kill()
		cmd.Wait()
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
}

// ways starts a goroutine for either direction of devices that know deadlines,
// and returns what ends them.
func ways(l *link, forward func(from, to *tun.Device) error) func() time.Duration {
	var wg sync.WaitGroup
	a, b := l.dev[0].(*tun.Device), l.dev[1].(*tun.Device)
	for _, w := range [][2]*tun.Device{{a, b}, {b, a}} {
		check(w[0].SetReadDeadline(time.Time{}))
		wg.Go(func() {
			if err := forward(w[0], w[1]); !errors.Is(err, os.ErrDeadlineExceeded) {
				check(err)
			}
		})
	}
	return func() time.Duration {
		check(a.SetReadDeadline(time.Unix(1, 0)))
		check(b.SetReadDeadline(time.Unix(1, 0)))
		wg.Wait()
		return 0
	}
}

func forwardSingle(l *link) func() time.Duration {
	return ways(l, func(from, to *tun.Device) error {
		b := make([]byte, 2000)
		for {
			n, err := from.Read(b)
			if err != nil {
				return err
			}
			if _, err := to.Write(b[:n]); err != nil {
				return err
			}
		}
	})
}

func forwardSuper(l *link) func() time.Duration {
	return ways(l, func(from, to *tun.Device) error {
		b := make([]byte, 1<<16+100)
		for {
			s, err := from.ReadSuper(b)
			if err != nil {
				return err
			}
			if err := to.WriteSuper(s); err != nil {
				return err
			}
		}
	})
}

func forwardBatch(l *link) func() time.Duration {
	return ways(l, func(from, to *tun.Device) error {
		bufs, sizes := outputs()
		packets := make([][]byte, 0, len(bufs))
		for {
			n, err := from.ReadBatch(bufs, sizes, offset)
			if err != nil {
				return err
			}
			packets = packets[:0]
			for i, b := range bufs[:n] {
				packets = append(packets, b[:offset+sizes[i]])
			}
			if _, err := to.WriteBatch(packets, offset); err != nil {
				return err
			}
		}
	})
}

// forwardWireguard cannot be stopped but by Close: its goroutines wait for the
// next round.
func forwardWireguard(l *link) func() time.Duration {
	l.start.Do(func() {
		a, b := l.dev[0].(wireguard.Device), l.dev[1].(wireguard.Device)
		for _, w := range [][2]wireguard.Device{{a, b}, {b, a}} {
			go func() {
				bufs, sizes := make([][]byte, 128), make([]int, 128)
				for i := range bufs {
					bufs[i] = make([]byte, 1<<16+100) // it merges in place
				}
				packets := make([][]byte, 0, len(bufs))
				for {
					n, err := w[0].Read(bufs, sizes, offset)
					check(err)
					packets = packets[:0]
					for i, b := range bufs[:n] {
						packets = append(packets, b[:offset+sizes[i]])
					}
					_, err = w[1].Write(packets, offset)
					check(err)
				}
			}()
		}
	})
	return func() time.Duration { return 0 }
}
