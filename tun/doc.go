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
// With [Config].Offload the kernel hands over, and takes, up to 64 KiB of a TCP or UDP
// flow at once: [Device.ReadBatch] splits it into packets, [Device.WriteBatch] merges
// packets that follow each other, and [Device.ReadSuper] and [Device.WriteSuper] pass
// it on as it is. [Splitter] and [Coalescer] are the packet code alone, for packets from
// elsewhere.
//
// The kernel decides where a device is when /dev/net/tun is opened: in the
// network namespace of the opening thread, or in [Config.NetNS]. A descriptor that
// another process has attached becomes a Device by [FromFile].
//
// Errors are of type [*Error] and say what to do. What the kernel lacks is
// [errors.ErrUnsupported]; [Probe] asks beforehand. The first packets that come out
// of a device that goes up are often not the caller's: IPv6 router solicitations,
// unless [Setup].AddrGenMode prevents them.
//
// [Configure] does all of a set-up that goes through netlink. What the driver alone
// can do are methods of Device: queues at run time, the carrier, filters, programs.
//
// Of the driver's requests (include/uapi/linux/if_tun.h) these have no method:
//
//   - TUNATTACHFILTER, the classic filter of TAP, since the kernel keeps a pointer
//     into the memory of the process that has set it, and reads the filter again from
//     there when a queue is attached, by whichever process, which then does not get
//     attached though it is told so (drivers/net/tun.c, tun_attach).
//     [Device.SetFilterEBPF] does the same for TUN and TAP.
//   - TUNSETLINK, the ARPHRD_* type of the device, of which TUN and TAP have their own.
//   - TUNSETVNETLE and TUNSETVNETBE, the byte order of headers before the packets, for
//     hypervisors with guests of another one: here it is the machine's.
//   - TUNSETDEBUG and TUNSETNOCSUM, which do nothing or next to it.
//
// [Device.SyscallConn] has the descriptor for them.
package tun
