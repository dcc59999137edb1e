// Package tun creates and drives TUN and TAP devices, through /dev/net/tun.
//
//	dev, err := tun.Create(tun.Config{Name: "tun0"})
//	if err != nil {
//		return err
//	}
//	defer dev.Close()
//	packet := make([]byte, 65535)
//	n, err := dev.Read(packet) // what the kernel sends through tun0
//
// Each Read and Write is one packet without any header of the driver's: an IP
// packet for TUN, an Ethernet frame for TAP. Reads and writes wait in the
// runtime's poller, so that Close ends them and deadlines work.
//
// The kernel decides where a device is when /dev/net/tun is opened: in the
// network namespace of the opening thread, or in [Config.NetNS].
//
// Errors are of type [*Error] and say what to do. The first packets that come
// out of a device that goes up are often not the caller's: IPv6 router
// solicitations.
package tun
