//go:build linux

package tun_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/nlwire/nlwire/tun"
)

// Read what the kernel sends through a new device until another goroutine calls
// Close.
func Example() {
	dev, err := tun.Create(tun.Config{Name: "tun%d"})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	fmt.Println("reading from", dev.Name())

	packet := make([]byte, 65535)
	for {
		n, err := dev.Read(packet)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d bytes of IPv%d\n", n, packet[0]>>4)
	}
}

// A device that user 1000 may use without privileges, ready for that user's program
// to Attach to.
func ExampleCreate_persistent() {
	dev, err := tun.Create(tun.Config{Name: "vm0", TAP: true, Persist: true, Owner: tun.IDFrom(1000)})
	if err != nil {
		log.Fatal(err)
	}
	dev.Close() // vm0 stays
}

func ExampleAttach() {
	dev, err := tun.Attach(tun.Config{Name: "vm0", TAP: true})
	if errors.Is(err, os.ErrNotExist) {
		dev, err = tun.Create(tun.Config{Name: "vm0", TAP: true})
	}
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
}

// A goroutine per queue.
func ExampleDevice_Queues() {
	dev, err := tun.Create(tun.Config{Queues: 4})
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range dev.Queues() {
		go func() {
			packet := make([]byte, 65535)
			for {
				if _, err := q.Read(packet); err != nil {
					return
				}
			}
		}()
	}
}

// A queue is out of service while its reader is not there.
func ExampleQueue_Detach() {
	dev, err := tun.Create(tun.Config{Queues: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	second := dev.Queues()[1]
	if err := second.Detach(); err != nil {
		log.Fatal(err)
	}
	// All packets come out of the first one, until
	if err := second.Attach(); err != nil {
		log.Fatal(err)
	}
}

// A device that is up, but not running until there is a connection.
func ExampleDevice_SetCarrier() {
	dev, err := tun.Create(tun.Config{NoCarrier: true})
	if errors.Is(err, errors.ErrUnsupported) {
		dev, err = tun.Create(tun.Config{}) // before Linux 6.1
	}
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	if err := dev.SetCarrier(true); err != nil {
		log.Fatal(err)
	}
}

// Make the device in another network namespace.
func ExampleCreate_netns() {
	ns, err := os.Open("/run/netns/blue")
	if err != nil {
		log.Fatal(err)
	}
	defer ns.Close()
	dev, err := tun.Create(tun.Config{NetNS: int(ns.Fd())})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
}

func ExampleDevice_Write() {
	dev, err := tun.Create(tun.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	var packet []byte
	if _, err := dev.Write(packet); errors.Is(err, tun.ErrLinkDown) {
		fmt.Println("nobody has set", dev.Name(), "up")
	}
}
