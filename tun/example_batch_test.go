//go:build linux

package tun_test

import (
	"log"

	"github.com/nlwire/nlwire/tun"
)

// Carry packets between two devices, 64 at a time. The 32 bytes in front of each
// packet are for a tunnel's own header, so that it can encrypt in place. Most of the
// work is saved by the offloads: up to 64 KiB of a connection are one system call.
func ExampleDevice_ReadBatch() {
	from, err := tun.Create(tun.Config{Offload: tun.OffloadAll})
	if err != nil {
		log.Fatal(err)
	}
	defer from.Close()
	to, err := tun.Create(tun.Config{Offload: tun.OffloadAll})
	if err != nil {
		log.Fatal(err)
	}
	defer to.Close()

	const headroom = 32
	bufs, sizes := make([][]byte, 64), make([]int, 64)
	for i := range bufs {
		bufs[i] = make([]byte, headroom+1500)
	}
	packets := make([][]byte, 0, 64)
	for {
		n, err := from.ReadBatch(bufs, sizes, headroom)
		if err != nil {
			log.Fatal(err)
		}
		packets = packets[:0]
		for i, b := range bufs[:n] {
			packets = append(packets, b[:headroom+sizes[i]])
		}
		if _, err := to.WriteBatch(packets, headroom); err != nil {
			log.Print(err) // of one packet, the others were written
		}
	}
}

// Who does not look into packets need not split them.
func ExampleDevice_ReadSuper() {
	var from, to *tun.Device // made with Config.Offload

	b := make([]byte, 65597)
	for {
		super, err := from.ReadSuper(b)
		if err != nil {
			log.Fatal(err)
		}
		if err := to.WriteSuper(super); err != nil {
			log.Print(err)
		}
	}
}

// UDP offloads are switched off where a kernel or a tunnel behind it does them wrong.
func ExampleDevice_SetOffload() {
	dev, err := tun.Create(tun.Config{Offload: tun.OffloadAll})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	if err := dev.SetOffload(tun.OffloadTCP); err != nil {
		log.Fatal(err)
	}
	log.Print("in force: ", dev.Offload())
}
