package rtnl_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

var ctx = context.Background()

var maxPeak = 16 << 10 // KiB

// A tap is a socket that tells what goes on.
type tap struct {
	rtnl.Transport
	unknown int         // this option of SOL_NETLINK
	receive func(n int) // a datagram of n bytes
	lost    func()      // ENOBUFS
}

func (t tap) SetOption(option, value int) error {
	if option == t.unknown {
		return unix.ENOPROTOOPT
	}
	return t.Transport.SetOption(option, value)
}

func (t tap) Receive(b []byte, wait bool) (int, uint32, error) {
	n, port, err := t.Transport.Receive(b, wait)
	if err == nil && t.receive != nil {
		t.receive(n)
	}
	if errors.Is(err, unix.ENOBUFS) && t.lost != nil {
		t.lost()
	}
	return n, port, err
}

// dial returns a Conn in a namespace of its own, with t around its sockets.
func dial(t *testing.T, with tap) (*rtnl.Conn, *nstest.NS) {
	t.Helper()
	ns := nstest.New(t)
	plain, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	c, err := rtnl.Dial(&rtnl.Config{Open: func() (rtnl.Transport, error) {
		inner, err := rtnl.OpenLike(plain)()
		with := with
		with.Transport = inner
		return with, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, ns
}

func addRoutes(t *testing.T, c *rtnl.Conn, n int) {
	t.Helper()
	e := &rtattr.Encoder{}
	for i := range n {
		w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, rtattr.RtMsg{
			Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
		w.Dst(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		w.End()
	}
	if err := c.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
}

// The kernel fills almost 32 KiB per datagram, since that much was asked for
// (the first one is allocated before, and smaller), and a list takes no memory.
func TestDumpDatagrams(t *testing.T) {
	const n = 50000
	datagrams, bytes, largest := 0, 0, 0
	c, _ := dial(t, tap{receive: func(n int) {
		datagrams++
		bytes += n
		largest = max(largest, n)
	}})
	addRoutes(t, c, n)
	datagrams, bytes, largest = 0, 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := c.Encoder()
	defer c.Release(e)
	rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: rtattr.AF_INET}).End()
	got := 0
	for m, err := range c.Query(ctx, e) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Type() == rtattr.RTM_NEWROUTE {
			got++
		}
	}
	runtime.ReadMemStats(&after)
	if got != n {
		t.Errorf("%d routes, want %d", got, n)
	}
	if largest < 30<<10 || largest > 32<<10 || datagrams > bytes/(30<<10)+3 {
		t.Errorf("%d bytes in %d datagrams, the largest of %d", bytes, datagrams, largest)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<10 {
		t.Errorf("%d bytes allocated", took)
	}
}

// Asked for more than 32 KiB, the kernel fills no more (net/netlink/af_netlink.c,
// netlink_recvmsg: max_recvmsg_len).
func TestDumpLargeBuffer(t *testing.T) {
	largest := 0
	c, _ := dial(t, tap{receive: func(n int) { largest = max(largest, n) }})
	addRoutes(t, c, 10000)
	rtnl.GrowBuffers(c, 1<<20)
	if n := walk(t, c); n != 10000 {
		t.Errorf("%d routes", n)
	}
	if largest > 32<<10 {
		t.Errorf("a datagram of %d bytes: a larger buffer than 32 KiB pays in this kernel", largest)
	}
}

// dumpRoutes is a million in a check of its own:
//
//	go test ./rtnl -run TestPeakMemory -dump.routes 1000000
var dumpRoutes = flag.Int("dump.routes", 50000, "routes that TestPeakMemory walks")

// walk reads all IPv4 routes and returns how many of them are blackholes.
func walk(t *testing.T, c *rtnl.Conn) (n int) {
	t.Helper()
	e := c.Encoder()
	defer c.Release(e)
	rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: rtattr.AF_INET}).End()
	for m, err := range c.Query(ctx, e) {
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.RouteView
		if err := v.Parse(m.Payload()); err != nil {
			t.Fatal(err)
		}
		if v.Header.Type == rtattr.RTN_BLACKHOLE {
			n++
		}
	}
	return n
}

// A process that walks a table of any size has at most 16 MiB in memory, its own
// code and the Go runtime included.
func TestPeakMemory(t *testing.T) {
	const child = "RTNL_PEAK_MEMORY"
	if os.Getenv(child) != "" {
		nstest.Live(t)
		c, err := rtnl.Dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n := walk(t, c)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		peak, _, _ = strings.Cut(peak, "kB")
		fmt.Printf("peak %d %s\n", n, strings.TrimSpace(peak))
		return
	}
	c, ns := dial(t, tap{})
	addRoutes(t, c, *dumpRoutes)
	var out []byte
	ns.Do(t, func() {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestPeakMemory$")
		cmd.Env = append(os.Environ(), child+"=1")
		var err error
		if out, err = cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	var n, kib int
	if _, err := fmt.Sscanf(string(out), "peak %d %d", &n, &kib); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d routes, %d KiB", n, kib)
	if n != *dumpRoutes || kib == 0 || kib > maxPeak {
		t.Errorf("%d routes were walked in %d KiB, want %d in at most %d KiB", n, kib, *dumpRoutes, maxPeak)
	}
}

// A list is the same whether the kernel filters or not.
func TestFilters(t *testing.T) {
	type result struct {
		routes    [][]route.Route
		addresses [][]address.Address
		links     [][]link.Link
	}
	var want result
	for i, unknown := range []int{0, unix.NETLINK_GET_STRICT_CHK} {
		bytes := 0
		c, ns := dial(t, tap{unknown: unknown, receive: func(n int) { bytes += n }})
		for _, line := range []string{
			"link set lo up",
			"link add v0 index 3 address 02:00:00:00:00:03 type veth peer name v1 index 2 address 02:00:00:00:00:02",
			"link add br0 index 9 address 02:00:00:00:00:09 type bridge",
			"link set v1 master br0", "link set v0 up",
			"address add 10.66.66.1/24 dev v0", "address add fd00:1::1/64 dev v0 nodad",
			"address add 10.66.67.1/24 dev lo",
			"route add 10.1.0.0/16 via 10.66.66.2 table 100 proto bird",
			"route add 10.2.0.0/16 dev v0 proto bird",
			"route add blackhole 10.3.0.0/16",
			"-6 route add fd00:2::/64 via fd00:1::2 table 100",
		} {
			ns.IP(t, strings.Fields(line)...)
		}
		// The kernel notices a little later that v0, whose peer is down, does not run.
		for range 1000 {
			l, err := link.Get(ctx, c, 3)
			if err != nil {
				t.Fatal(err)
			}
			if l.OperState == rtattr.IF_OPER_LOWERLAYERDOWN {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		var got result
		bytes = 0
		for _, f := range []route.Filter{
			{Family: rtattr.AF_INET}, {Family: rtattr.AF_INET6, Table: 100}, {Table: 100}, {Table: 77}, {Index: 3},
			{Protocol: rtattr.RTPROT_BIRD}, {Type: rtattr.RTN_BLACKHOLE}, {Family: rtattr.AF_INET, Table: 254, Index: 3, Protocol: rtattr.RTPROT_BIRD},
		} {
			list, err := route.List(ctx, c, f)
			if err != nil {
				t.Fatal(f, err)
			}
			got.routes = append(got.routes, list)
		}
		for _, f := range []address.Filter{{}, {Family: rtattr.AF_INET}, {Index: 3}, {Family: rtattr.AF_INET6, Index: 3}} {
			list, err := address.List(ctx, c, f)
			if err != nil {
				t.Fatal(f, err)
			}
			got.addresses = append(got.addresses, list)
		}
		for _, f := range []link.Filter{{}, {Kind: "veth"}, {Master: 9}, {Kind: "bridge"}} {
			list, err := link.List(ctx, c, f)
			if err != nil {
				t.Fatal(f, err)
			}
			got.links = append(got.links, list)
		}
		t.Logf("option %d unknown: %d bytes", unknown, bytes)
		if i == 0 {
			want = got
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("without strict checking:\n%+v\nwith it:\n%+v", got, want)
		}
	}
}
