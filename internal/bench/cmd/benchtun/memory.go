//go:build linux

package main

import (
	"io"
	"slices"
	"unsafe"

	"github.com/nlwire/nlwire/tun"
	_ "golang.zx2c4.com/wireguard/tun"
)

// What wireguard-go does not export.

type virtioNetHdr struct {
	flags, gsoType                         uint8
	hdrLen, gsoSize, csumStart, csumOffset uint16
}

//go:linkname gsoSplit golang.zx2c4.com/wireguard/tun.gsoSplit
func gsoSplit(in []byte, hdr virtioNetHdr, outBuffs [][]byte, sizes []int, outOffset int, isV6 bool) (int, error)

//go:linkname handleGRO golang.zx2c4.com/wireguard/tun.handleGRO
func handleGRO(bufs [][]byte, offset int, tcpTable, udpTable unsafe.Pointer, canUDPGRO bool, toWrite *[]int) error

//go:linkname newTCPGROTable golang.zx2c4.com/wireguard/tun.newTCPGROTable
func newTCPGROTable() unsafe.Pointer

//go:linkname newUDPGROTable golang.zx2c4.com/wireguard/tun.newUDPGROTable
func newUDPGROTable() unsafe.Pointer

//go:linkname resetTCP golang.zx2c4.com/wireguard/tun.(*tcpGROTable).reset
func resetTCP(unsafe.Pointer)

//go:linkname resetUDP golang.zx2c4.com/wireguard/tun.(*udpGROTable).reset
func resetUDP(unsafe.Pointer)

const offset = 16

// memoryRows measures splitting and merging alone.
func memoryRows() []row {
	var rows []row
	for _, p := range []struct {
		name    string
		proto   byte
		payload int
		n       int
	}{{"TCP, 45 x 1448 B", 6, 1448, 45}, {"TCP, 64 x 64 B", 6, 64, 64}, {"UDP, 45 x 1372 B", 17, 1372, 45}, {"UDP, 64 x 64 B", 17, 64, 64}} {
		packets := behind(offset, train(p.proto, 9, p.n, p.payload))
		var c tun.Coalescer
		c.Reset(packets, offset, tun.OffloadAll, false)
		super, n := c.Next()
		if n != p.n {
			panic("not all packets were merged")
		}
		super.Packet = slices.Clone(super.Packet)
		rows = append(rows, row{"split " + p.name, "CPU ns/packet (best)", false, []way{
			{"nlwire", ourSplit(super, p.n)},
			{"wireguard-go", theirSplit(super, p.n)},
		}}, row{"merge " + p.name, "CPU ns/packet (best)", false, []way{
			{"nlwire", ourMerge(packets, 1)},
			{"wireguard-go", theirMerge(packets, 1)},
		}})
	}
	alone := behind(offset, flows(6, 9, 64, 1448))
	return append(rows, row{"merge nothing, 64 flows of TCP, 1448 B", "CPU ns/packet (best)", false, []way{
		{"nlwire", ourMerge(alone, 64)},
		{"wireguard-go", theirMerge(alone, 64)},
	}})
}

// repeat returns the CPU time per packet of f, which handles n.
func repeat(n int, f func()) func() float64 {
	return func() float64 {
		times := max(1, 40000/n)
		start := cpu()
		for range times {
			f()
		}
		return (cpu() - start) / float64(times*n)
	}
}

func outputs() ([][]byte, []int) {
	bufs := make([][]byte, 128)
	for i := range bufs {
		bufs[i] = make([]byte, offset+2000)
	}
	return bufs, make([]int, len(bufs))
}

func ourSplit(super tun.Super, n int) func() float64 {
	bufs, sizes := outputs()
	var s tun.Splitter
	return repeat(n, func() {
		check(s.Reset(super, false))
		i := 0
		for ; ; i++ {
			size, err := s.Next(bufs[i][offset:])
			if err == io.EOF {
				break
			}
			check(err)
			sizes[i] = size
		}
		if i != n {
			panic("packets were lost")
		}
	})
}

func theirSplit(super tun.Super, n int) func() float64 {
	bufs, sizes := outputs()
	h := virtioNetHdr{super.Flags, super.GSOType, super.HdrLen, super.GSOSize, super.CsumStart, super.CsumOffset}
	packet := slices.Clone(super.Packet)
	return repeat(n, func() {
		i, err := gsoSplit(packet, h, bufs, sizes, offset, false)
		check(err)
		if i != n {
			panic("packets were lost")
		}
	})
}

func ourMerge(packets [][]byte, want int) func() float64 {
	var c tun.Coalescer
	return repeat(len(packets), func() {
		c.Reset(packets, offset, tun.OffloadAll, false)
		got := 0
		for ; ; got++ {
			if _, n := c.Next(); n == 0 {
				break
			}
		}
		if got != want {
			panic("not merged as they should be")
		}
	})
}

// theirMerge has to give the first packet its old header back, each time.
func theirMerge(packets [][]byte, want int) func() float64 {
	packets = slices.Clone(packets)
	for i := range packets {
		packets[i] = append(make([]byte, 0, 1<<16+100), packets[i]...)
	}
	first := slices.Clone(packets[0])
	tcp, udp := newTCPGROTable(), newUDPGROTable()
	write := make([]int, 0, len(packets))
	return repeat(len(packets), func() {
		packets[0] = packets[0][:len(first)]
		copy(packets[0][:offset+60], first)
		write = write[:0]
		check(handleGRO(packets, offset, tcp, udp, true, &write))
		resetTCP(tcp)
		resetUDP(udp)
		if len(write) != want {
			panic("not merged as they should be")
		}
	})
}
