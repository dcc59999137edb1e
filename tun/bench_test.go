//go:build linux

package tun_test

import (
	"context"
	"encoding/binary"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/tun"
)

// A contestant makes a device 10.66.66.1 peer 10.66.66.2 with an MTU of 1420, sets
// it up, and returns what closes it.
type contestant func(testing.TB) (closeDevice func())

// ours is the package.
func ours(conn *rtnl.Conn) contestant {
	setup := tun.Setup{
		Addresses: []address.Address{{Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}},
		MTU:       1420, Up: true,
	}
	return func(t testing.TB) func() {
		dev, err := tun.Create(tun.Config{Name: "bench0"})
		if err != nil {
			t.Fatal(err)
		}
		if err := tun.Configure(context.Background(), conn, dev, setup); err != nil {
			t.Fatal(err)
		}
		return func() { dev.Close() }
	}
}

// bare is the least that a program can do: the ioctls it cannot do without, and
// hand-made bytes in one sendto over a socket of its own. Like ours it ends with a
// file that the runtime's poller waits for, and knows that nothing failed.
func bare(socket int) contestant {
	ne := binary.NativeEndian
	header := func(typ, flags uint16, seq uint32) []byte {
		b := make([]byte, 16, 64)
		ne.PutUint16(b[4:], typ)
		ne.PutUint16(b[6:], flags|unix.NLM_F_REQUEST)
		ne.PutUint32(b[8:], seq)
		return b
	}
	attr := func(b []byte, typ uint16, v ...byte) []byte {
		b = ne.AppendUint16(b, uint16(4+len(v)))
		return append(ne.AppendUint16(b, typ), v...)
	}
	reply := make([]byte, 4096)
	return func(t testing.TB) func() {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		ifr, err := unix.NewIfreq("bench0")
		if err != nil {
			t.Fatal(err)
		}
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			t.Fatal(err)
		}
		// No socket but the one there is.
		if err := unix.IoctlIfreq(socket, unix.SIOCGIFINDEX, ifr); err != nil {
			t.Fatal(err)
		}
		index := ifr.Uint32()
		file := os.NewFile(uintptr(fd), "tun")

		a := header(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, 1)
		a = ne.AppendUint32(append(a, unix.AF_INET, 32, 0, 0), index)
		a = attr(a, unix.IFA_LOCAL, 10, 66, 66, 1)
		a = attr(a, unix.IFA_ADDRESS, 10, 66, 66, 2)
		ne.PutUint32(a, uint32(len(a)))
		l := header(unix.RTM_NEWLINK, unix.NLM_F_ACK, 2)
		l = ne.AppendUint32(append(l, unix.AF_UNSPEC, 0, 0, 0), index)
		l = ne.AppendUint32(ne.AppendUint32(l, unix.IFF_UP), unix.IFF_UP)
		l = attr(l, unix.IFLA_MTU, ne.AppendUint32(nil, 1420)...)
		ne.PutUint32(l, uint32(len(l)))
		if err := unix.Sendto(socket, append(a, l...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			t.Fatal(err)
		}
		n, _, err := unix.Recvfrom(socket, reply, 0)
		// An NLMSG_ERROR of the second message, with the number 0.
		if err != nil || n < 20 || ne.Uint16(reply[4:]) != unix.NLMSG_ERROR || ne.Uint32(reply[8:]) != 2 || ne.Uint32(reply[16:]) != 0 {
			t.Fatalf("% x, %v", reply[:max(n, 0)], err)
		}
		return func() { file.Close() }
	}
}

// contestants returns both, each with a socket that is open already.
func contestants(t testing.TB) (our, their contestant) {
	nstest.TUN(t)
	conn, err := rtnl.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(socket) })
	return ours(conn), bare(socket)
}

// BenchmarkCreateConfigure has the time of both in turn, without Close, and the
// ratio of their medians. What Create does more is to open a socket, which finds the
// index and learns of renames, and to ask for the name before and after.
func BenchmarkCreateConfigure(b *testing.B) {
	our, their := contestants(b)
	var times [2][]float64
	for i := 0; b.Loop(); i++ {
		for j := range times {
			who := (i + j) % 2 // each is as often the first
			start := time.Now()
			closeDevice := []contestant{our, their}[who](b)
			times[who] = append(times[who], float64(time.Since(start).Nanoseconds()))
			closeDevice()
		}
	}
	b.ReportMetric(median(times[0])/1000, "nlwire-us")
	b.ReportMetric(median(times[1])/1000, "bare-us")
	b.ReportMetric(median(times[0])/median(times[1]), "ratio")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// maxAllocs is what a device's whole life may allocate.
var maxAllocs = 20.0

// TestCreateConfigureAllocs counts a device's whole life.
func TestCreateConfigureAllocs(t *testing.T) {
	our, _ := contestants(t)
	if got := testing.AllocsPerRun(20, func() { our(t)() }); got > maxAllocs {
		t.Errorf("%v allocations, want %v at the most", got, maxAllocs)
	}
}
