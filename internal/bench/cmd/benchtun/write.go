//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"unsafe"

	"github.com/nlwire/nlwire/tun"
	"golang.org/x/sys/unix"
	wireguard "golang.zx2c4.com/wireguard/tun"
)

// A device under test: one of nlwire's, plain or with headers, a descriptor for
// C and os.File, or wireguard-go's. All have the same address, one at a time.

func up(name string) {
	ip("link", "set", name, "addrgenmode", "none")
	ip("address", "add", net.IP(own[:]).String(), "peer", net.IP(peer[:]).String(), "dev", name)
	ip("link", "set", name, "txqueuelen", "2000", "up")
}

func down(name string) { ip("link", "set", name, "down") }

// ours makes a device of nlwire.
func ours(name string, o tun.Offload, netns int) *tun.Device {
	dev, err := tun.Create(tun.Config{Name: name, Offload: o, NetNS: netns})
	check(err)
	return dev
}

// open makes a device as C programs do. It blocks.
func open(name string, flags uint16) int {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	check(err)
	ifr, err := unix.NewIfreq(name)
	check(err)
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | flags)
	check(unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr))
	if flags&unix.IFF_VNET_HDR != 0 {
		check(unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(tun.OffloadAll)))
	}
	return fd
}

// theirs makes a device of wireguard-go, whose events must be read.
func theirs(name string) wireguard.Device {
	dev, err := wireguard.CreateTUN(name, 1500)
	check(err)
	go func() {
		for range dev.Events() {
		}
	}()
	return dev
}

// dropping returns the port of a UDP socket that drops what it gets: its buffer is full.
func dropping() uint16 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	check(unix.Bind(fd, &unix.SockaddrInet4{}))
	name, err := unix.Getsockname(fd)
	check(err)
	return uint16(name.(*unix.SockaddrInet4).Port)
}

// isUp is the device that is up: all have the same address, and take turns.
var isUp string

// with returns a way that has the device up while it runs.
func with(name, dev string, run func() float64) way {
	return way{name, func() float64 {
		if isUp != dev {
			if isUp != "" {
				down(isUp)
			}
			ip("link", "set", dev, "up")
			isUp = dev
		}
		return run()
	}}
}

// bare is a loop's step without a library, and without the scheduler.
func bare(trap uintptr, fd int) func([]byte) (int, error) {
	return func(b []byte) (int, error) {
		n, _, errno := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno != 0 {
			return 0, errno
		}
		return int(n), nil
	}
}

func writeRows() []row {
	const count = 20000
	port := dropping()

	plain := ours("nlplain", 0, 0)
	offload := ours("nloff", tun.OffloadAll, 0)
	wg := theirs("wg")
	cfd := open("cplain", 0)
	cfile := os.NewFile(uintptr(cfd), "c") // blocking: only for the C program
	pollable := open("osfile", 0)
	check(unix.SetNonblock(pollable, true))
	file := os.NewFile(uintptr(pollable), "os")
	for _, name := range []string{"nlplain", "nloff", "wg", "cplain", "osfile"} {
		up(name)
		down(name)
	}

	var rows []row
	for _, size := range []int{64, 1400} {
		p := packet(17, 1000, port, 1, 0, size-28)
		loopOf := func(write func([]byte) (int, error)) func() float64 {
			return func() float64 {
				start := cpu()
				for range count {
					n, err := write(p)
					if n != len(p) || err != nil {
						panic(fmt.Sprint(n, err))
					}
				}
				return (cpu() - start) / count
			}
		}
		rows = append(rows, row{fmt.Sprintf("write one packet of %d B", size), "CPU ns/packet (best)", false, []way{
			with("C", "cplain", func() float64 { return c(p, []*os.File{cfile}, "write", fmt.Sprint(count))[0] / count }),
			with("C with two threads", "cplain", func() float64 { return c(p, []*os.File{cfile}, "threads", "write", fmt.Sprint(count))[0] / count }),
			with("Go, bare system calls", "cplain", loopOf(bare(unix.SYS_WRITE, cfd))),
			with("nlwire", "nlplain", loopOf(plain.Write)),
			with("os.File", "osfile", loopOf(file.Write)),
		}})
	}
	for _, b := range []struct {
		name    string
		packets [][]byte
	}{
		{"64 B, one flow", train(17, port, 64, 36)},
		{"1400 B, one flow", train(17, port, 64, 1372)},
		{"64 B, 64 flows", flows(17, port, 64, 36)},
		{"1400 B, 64 flows", flows(17, port, 64, 1372)},
	} {
		var bufs [][]byte
		for _, p := range b.packets {
			bufs = append(bufs, append(make([]byte, offset, 1<<16+100), p...))
		}
		batch := func(dev *tun.Device) func() float64 {
			return repeat(len(bufs), func() {
				if n, err := dev.WriteBatch(bufs, offset); n != len(bufs) || err != nil {
					panic(fmt.Sprint(n, err))
				}
			})
		}
		growing := make([][]byte, len(bufs))
		for i, b := range bufs {
			growing[i] = append(make([]byte, 0, 1<<16+100), b...)
		}
		rows = append(rows, row{"write 64 packets, " + b.name, "CPU ns/packet (best)", false, []way{
			with("nlwire, offload", "nloff", batch(offload)),
			with("wireguard-go", "wg", repeat(len(bufs), func() {
				for i, b := range bufs { // it merges in place
					if len(growing[i]) != len(b) {
						growing[i] = growing[i][:len(b)]
						copy(growing[i][:offset+60], b)
					}
				}
				_, err := wg.Write(growing, offset)
				check(err)
			})),
			with("nlwire, none", "nlplain", batch(plain)),
		}})
	}
	return rows
}

// readRows measures reads of packets that are there. What is measured sends them
// first, unmeasured.
func readRows() []row {
	const burst, bursts = 500, 40
	plain := ours("nlplainr", 0, 0)
	offload := ours("nloffr", tun.OffloadAll, 0)
	wg := theirs("wgr")
	cfd := open("cplainr", 0)
	cfile := os.NewFile(uintptr(cfd), "c")
	pollable := open("osfiler", 0)
	check(unix.SetNonblock(pollable, true))
	file := os.NewFile(uintptr(pollable), "os")

	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<24))
	for _, name := range []string{"nlplainr", "nloffr", "wgr", "cplainr", "osfiler"} {
		up(name)
		down(name)
	}
	sockFile := os.NewFile(uintptr(sock), "socket")

	connected := func(run func() float64) func() float64 {
		return func() float64 { // the route of a connected socket ends with its device
			check(unix.Connect(sock, &unix.SockaddrInet4{Addr: peer, Port: 9}))
			return run()
		}
	}
	send := func(payload []byte, n, segment int) {
		check(unix.SetsockoptInt(sock, unix.SOL_UDP, unix.UDP_SEGMENT, segment))
		for range n {
			// No escape to the heap, no scheduler: as C does.
			if _, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(sock), uintptr(unsafe.Pointer(&payload[0])), uintptr(len(payload))); errno != 0 {
				panic(errno)
			}
		}
	}
	measured := func(fill func(), n int, drain func()) func() float64 {
		return connected(func() float64 {
			var sum float64
			for range bursts {
				fill()
				start := cpu()
				drain()
				sum += cpu() - start
			}
			return sum / float64(bursts*n)
		})
	}
	var rows []row
	for _, size := range []int{64, 1400} {
		payload := make([]byte, size-28)
		fill := func() { send(payload, burst, 0) }
		b := make([]byte, 2000)
		one := func(read func([]byte) (int, error)) func() float64 {
			return measured(fill, burst, func() {
				for range burst {
					n, err := read(b)
					if n != size || err != nil {
						panic(fmt.Sprint(n, err))
					}
				}
			})
		}
		inC := func(mode ...string) func() float64 {
			args := append(mode, fmt.Sprint(bursts), fmt.Sprint(burst), fmt.Sprint(len(payload)))
			return connected(func() float64 {
				check(unix.SetsockoptInt(sock, unix.SOL_UDP, unix.UDP_SEGMENT, 0))
				return c(nil, []*os.File{cfile, sockFile}, args...)[0] / (bursts * burst)
			})
		}
		bufs, sizes := outputs()
		bufs = bufs[:64]
		batch := func(read func([][]byte, []int, int) (int, error)) func() float64 {
			return measured(fill, burst, func() {
				for got := 0; got < burst; {
					n, err := read(bufs, sizes, offset)
					check(err)
					got += n
				}
			})
		}
		rows = append(rows, row{fmt.Sprintf("read one packet of %d B", size), "CPU ns/packet (best)", false, []way{
			with("C", "cplainr", inC("read")),
			with("C with two threads", "cplainr", inC("threads", "read")),
			with("Go, bare system calls", "cplainr", one(bare(unix.SYS_READ, cfd))),
			with("nlwire", "nlplainr", one(plain.Read)),
			with("nlwire, ReadBatch", "nlplainr", batch(plain.ReadBatch)),
			with("os.File", "osfiler", one(file.Read)),
		}}, row{fmt.Sprintf("read up to 64 packets of %d B", size), "CPU ns/packet (best)", false, []way{
			with("nlwire, offload", "nloffr", batch(offload.ReadBatch)),
			with("wireguard-go", "wgr", batch(wg.Read)),
			with("nlwire, none", "nlplainr", batch(plain.ReadBatch)),
		}})
	}
	for _, size := range []int{64, 1400} {
		segments := min(64, 64000/(size-28))
		payload := make([]byte, (size-28)*segments)
		n := 50 * segments
		bufs, sizes := outputs()
		batch := func(read func([][]byte, []int, int) (int, error)) func() float64 {
			return measured(func() { send(payload, 50, size-28) }, n, func() {
				for got := 0; got < n; {
					m, err := read(bufs, sizes, offset)
					check(err)
					got += m
				}
			})
		}
		rows = append(rows, row{fmt.Sprintf("read super-packets of %d B UDP, split", size), "CPU ns/packet (best)", false, []way{
			with("nlwire, offload", "nloffr", batch(offload.ReadBatch)),
			with("wireguard-go", "wgr", batch(wg.Read)),
		}})
	}
	return rows
}
