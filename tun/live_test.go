//go:build linux

package tun

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// device makes a device for the test.
func device(t testing.TB, c Config) *Device {
	t.Helper()
	dev, err := Create(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// up gives the device an address, an imagined peer and no IPv6, and sets it up.
// All that comes out of it then is what the test sends.
func up(t testing.TB, dev *Device) {
	t.Helper()
	nstest.IP(t, "link", "set", dev.Name(), "addrgenmode", "none")
	nstest.IP(t, "address", "add", local.String(), "peer", peer.String(), "dev", dev.Name())
	nstest.IP(t, "link", "set", dev.Name(), "up")
}

var (
	local = net.IPv4(10, 66, 66, 1)
	peer  = net.IPv4(10, 66, 66, 2)
)

// dial returns a UDP socket whose packets leave through the device that is up.
func dial(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: local}, &net.UDPAddr{IP: peer, Port: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// reply turns a UDP packet around.
func reply(packet []byte) []byte {
	b := bytes.Clone(packet)
	copy(b[12:16], packet[16:20])
	copy(b[16:20], packet[12:16])
	copy(b[20:22], packet[22:24])
	copy(b[22:24], packet[20:22])
	return b // the checksums are sums: they stay
}

// a kernelLink is what ip reads of a device.
type kernelLink struct {
	IfIndex  int
	IfName   string
	LinkType string `json:"link_type"`
	LinkInfo struct {
		Kind string `json:"info_kind"`
		Data struct {
			Type       string
			PI         bool
			VNetHdr    bool `json:"vnet_hdr"`
			MultiQueue bool `json:"multi_queue"`
			NumQueues  int
			Disabled   int `json:"numdisabled"`
			Persist    bool
			User       any
			Group      any
		} `json:"info_data"`
	}
}

func show(t testing.TB, name string) kernelLink {
	t.Helper()
	return parse(t, nstest.IP(t, "-details", "-json", "link", "show", name))
}

func parse(t testing.TB, b []byte) kernelLink {
	t.Helper()
	var links []kernelLink
	if err := json.Unmarshal(b, &links); err != nil || len(links) != 1 {
		t.Fatalf("%v: %s", err, b)
	}
	return links[0]
}

func exists(t testing.TB, name string) bool {
	t.Helper()
	return bytes.Contains(nstest.IP(t, "-json", "link", "show"), []byte(strconv.Quote(name)))
}

func TestCreate(t *testing.T) {
	nstest.TUN(t)
	for _, c := range []struct {
		config   Config
		name     string
		linkType string
		kind     string
		queues   int
	}{
		{Config{}, "tun0", "none", "tun", 1},
		{Config{TAP: true}, "tap0", "ether", "tap", 1},
		{Config{Name: "t%dx", Queues: 1}, "t0x", "none", "tun", 1},
		{Config{Name: "fifteen-bytes-x", Index: 4711}, "fifteen-bytes-x", "none", "tun", 1},
		{Config{Name: "t1", Queues: 3}, "t1", "none", "tun", 3},
		{Config{Name: "t2", Queues: 2, TAP: true, Index: 1 << 30}, "t2", "ether", "tap", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dev := device(t, c.config)
			if dev.Name() != c.name {
				t.Errorf("name %q", dev.Name())
			}
			if n := len(dev.Queues()); n != c.queues {
				t.Errorf("%d queues", n)
			}
			link := show(t, c.name)
			if dev.Index() != link.IfIndex {
				t.Errorf("index %d, the kernel's is %d", dev.Index(), link.IfIndex)
			}
			if want := c.config.Index; want != 0 && dev.Index() != want {
				t.Errorf("index %d, want %d", dev.Index(), want)
			}
			var want kernelLink
			want.IfIndex, want.IfName, want.LinkType = link.IfIndex, c.name, c.linkType
			want.LinkInfo.Kind, want.LinkInfo.Data.Type = "tun", c.kind
			if c.queues > 1 {
				want.LinkInfo.Data.MultiQueue, want.LinkInfo.Data.NumQueues = true, c.queues
			}
			if diff := cmp.Diff(want, link); diff != "" {
				t.Errorf("-want +kernel:\n%s", diff)
			}
			for _, q := range dev.Queues() {
				conn, err := q.SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				conn.Control(func(fd uintptr) {
					if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
						t.Errorf("a child process would inherit it and keep it busy: %#x, %v", flags, err)
					}
				})
			}
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
			if exists(t, c.name) {
				t.Error("it outlives Close")
			}
		})
	}
}

// The kernel takes the names that checkName takes, and no others.
func TestNames(t *testing.T) {
	nstest.TUN(t)
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, c := range names {
		if strings.Contains(c.wrong, "15 bytes") || c.wrong == "NUL" {
			continue // the kernel does not get to see it
		}
		// The index of lo: so nothing is made, but only after the name was looked at.
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, loopback); err != nil {
			t.Fatal(err)
		}
		_, err := setIFF(fd, c.name, Config{}.flags())
		want := unix.EBUSY
		if c.wrong != "" {
			want = unix.EINVAL
		}
		if err != want {
			t.Errorf("%q: the kernel says %v, want %v", c.name, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	nstest.TUN(t)
	tap := device(t, Config{Name: "errtap", TAP: true})
	single := device(t, Config{Name: "errone", Persist: true})
	defer nstest.IP(t, "link", "delete", "errone")
	single.Close()

	// What another program may have left: a queue with headers.
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := setIFF(fd, "errvnet", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR|unix.IFF_MULTI_QUEUE); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		do     func(Config) (*Device, error)
		config Config
		is     []error
		text   string
	}{
		{Create, Config{Name: "errtap", TAP: true}, []error{fs.ErrExist, unix.EBUSY}, `tun: create "errtap": a network device of this name exists`},
		{Create, Config{Name: "errone"}, []error{fs.ErrExist, unix.EBUSY}, "exists"},
		{Create, Config{Name: "lo"}, []error{fs.ErrExist}, "exists"},
		{Create, Config{Index: tap.Index()}, []error{unix.EBUSY}, fmt.Sprintf("tun: create: interface index %d is taken", tap.Index())},
		{Create, Config{Name: "errlo", Index: 1}, []error{unix.EBUSY}, "interface index 1 is taken"},
		{Attach, Config{Name: "errnone"}, []error{fs.ErrNotExist, unix.ENODEV}, `tun: attach "errnone": there is no such network device`},
		{Attach, Config{Name: "errnone", Queues: 2}, []error{fs.ErrNotExist}, "no such"},
		{Attach, Config{Name: "errtap", TAP: true}, []error{unix.EBUSY}, "fuser"},
		{Attach, Config{Name: "errtap"}, []error{unix.EINVAL}, "set Config.TAP"},
		{Attach, Config{Name: "errone", TAP: true}, []error{unix.EINVAL}, "do not set Config.TAP"},
		{Attach, Config{Name: "errone", Queues: 2}, []error{unix.EINVAL}, "single queue"},
		{Attach, Config{Name: "errvnet"}, []error{unix.EBUSY}, "IFF_VNET_HDR"},
		{Attach, Config{Name: "lo"}, []error{unix.EINVAL}, `tun: attach "lo": this device is neither TUN nor TAP`},
		{Create, Config{NetNS: fd}, []error{unix.EINVAL}, "network namespace"},
		{Create, Config{NetNS: 1 << 20}, []error{unix.EBADF}, "network namespace"},
	} {
		dev, err := c.do(c.config)
		if err == nil {
			dev.Close()
			t.Errorf("%+v: no error, want %q", c.config, c.text)
			continue
		}
		if !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.text)
		}
		for _, is := range c.is {
			if !errors.Is(err, is) {
				t.Errorf("%+v: %v, which is not %v", c.config, err, is)
			}
		}
	}
	for _, name := range []string{"errnone", "errlo"} {
		if exists(t, name) {
			t.Errorf("a refused call has left %s", name)
		}
	}
	if nstest.Has(t, "veth") {
		nstest.IP(t, "link", "add", "errveth", "type", "veth", "peer", "name", "errpeer")
		defer nstest.IP(t, "link", "delete", "errveth")
		if _, err := Attach(Config{Name: "errveth"}); err == nil || !strings.Contains(err.Error(), "kind veth: neither TUN nor TAP") {
			t.Errorf("a veth: %v", err)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A call that fails closes what it has opened, wherever it fails.
func TestFailuresCloseDescriptors(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "leak0"})
	before := descriptors(t)
	failures := []struct {
		do     func(Config) (*Device, error)
		config Config
	}{
		{Create, Config{Name: "leak0"}},
		{Create, Config{Name: "leak1", Queues: 3, Index: dev.Index()}},
		{Attach, Config{Name: "leak0", Queues: 2}},
		{Attach, Config{Name: "leak2"}},
		{Create, Config{Name: "leak3", NetNS: 1 << 20}},
	}
	n := 1000
	if testing.Short() { // in an emulated machine, a device takes half a second
		n = 100
	}
	for i := range n {
		c := failures[i%len(failures)]
		if _, err := c.do(c.config); err == nil {
			t.Fatalf("%+v: no error", c.config)
		}
	}
	if !nstest.Root() { // a user who is not mapped: the device is there when it fails, and goes
		for i := range 20 {
			c := Config{Name: "leak4", Owner: IDFrom(12345)}
			if i%2 == 0 {
				c.Owner, c.Group = c.Group, c.Owner
			}
			if _, err := Create(c); !errors.Is(err, unix.EINVAL) {
				t.Fatalf("%+v: %v", c, err)
			}
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors became %d", before, after)
	}
}

func TestPersist(t *testing.T) {
	nstest.TUN(t)
	for _, config := range []Config{
		{Name: "p0"},
		{Name: "p1", TAP: true},
		{Name: "p2", Queues: 2},
	} {
		t.Run(config.Name, func(t *testing.T) {
			c := config
			c.Persist, c.Owner, c.Group = true, IDFrom(0), IDFrom(0)
			dev := device(t, c)
			index := dev.Index()
			dev.Close()
			defer nstest.IP(t, "link", "delete", c.Name)

			nstest.IP(t, "link", "property", "add", "dev", c.Name, "altname", c.Name+"-alt")
			for _, attach := range []Config{
				config,
				{Name: c.Name, TAP: c.TAP},
				{Name: c.Name + "-alt", TAP: c.TAP},
			} {
				dev, err := Attach(attach)
				if err != nil {
					t.Fatal(err)
				}
				if dev.Name() != c.Name || dev.Index() != index {
					t.Errorf("attached to %s, index %d; want %s, %d", dev.Name(), dev.Index(), c.Name, index)
				}
				if err := dev.Close(); err != nil {
					t.Error(err)
				}
			}
			data := show(t, c.Name).LinkInfo.Data
			if ids := fmt.Sprintf("%v %v", data.User, data.Group); !data.Persist || ids != "root root" && ids != "0 0" {
				t.Errorf("%+v, want a persistent device of user and group 0", data)
			}
		})
	}
}

// Attach can change a device, as far as it is asked to.
func TestAttachSets(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "as0", Queues: 2})
	second, err := Attach(Config{Name: "as0", Persist: true, Group: IDFrom(0)})
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
	second.Close()
	defer nstest.IP(t, "link", "delete", "as0")
	data := show(t, "as0").LinkInfo.Data
	if !data.Persist || data.Group == nil || data.User != nil {
		t.Errorf("%+v, want a persistent device of group 0 and of no user", data)
	}
}

// drop takes capabilities from the thread until the test ends.
func drop(t *testing.T, capabilities ...int) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	old := data
	for _, c := range capabilities {
		data[0].Effective &^= 1 << c
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&header, &old[0]); err != nil {
			t.Error(err)
			return // and the thread ends with the test
		}
		runtime.UnlockOSThread()
	})
}

func TestPrivileges(t *testing.T) {
	nstest.TUN(t)
	device(t, Config{Name: "mine", Persist: true, Owner: IDFrom(0)}).Close()
	defer nstest.IP(t, "link", "delete", "mine")
	other, err := Create(Config{Name: "other", Persist: true, Owner: IDFrom(12345)})
	if err == nil {
		other.Close()
		defer nstest.IP(t, "link", "delete", "other")
	} else if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "mapped in this user namespace") {
		t.Fatal(err)
	}
	t.Run("dropped", func(t *testing.T) {
		drop(t, unix.CAP_NET_ADMIN)
		if _, err := Create(Config{}); !errors.Is(err, unix.EPERM) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("create: %v", err)
		}
		if _, err := Attach(Config{Name: "nosuch"}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("attach to nothing: %v", err)
		}
		if dev, err := Attach(Config{Name: "mine"}); err != nil {
			t.Errorf("attach to one's own: %v", err)
		} else {
			dev.Close()
		}
		if other == nil {
			return // user 12345 does not exist here
		}
		if _, err := Attach(Config{Name: "other"}); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "another user") {
			t.Errorf("attach to somebody's: %v", err)
		}
	})
}

func TestPackets(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{})
	up(t, dev)
	conn := dial(t)
	deadline := time.Now().Add(10 * time.Second)
	dev.SetDeadline(deadline)
	conn.SetDeadline(deadline)

	b := make([]byte, 2000)
	for _, size := range []int{0, 1, 100, 1472} {
		payload := bytes.Repeat([]byte{0xa5}, size)
		if _, err := conn.Write(payload); err != nil {
			t.Fatal(err)
		}
		n, err := dev.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		packet := b[:n]
		if n != 28+size || packet[0] != 0x45 || int(binary.BigEndian.Uint16(packet[2:])) != n || !bytes.Equal(packet[28:], payload) {
			t.Fatalf("payload of %d: read % x", size, packet)
		}
		if n, err := dev.Write(reply(packet)); n != len(packet) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := conn.Read(b); err != nil || !bytes.Equal(b[:n], payload) {
			t.Fatalf("payload of %d: the socket has got % x, %v", size, b[:n], err)
		}
	}

	// A packet that is too long for the buffer is cut, and only that one.
	for _, payload := range []string{"a long one", "next"} {
		if _, err := conn.Write([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := dev.Read(b[:30]); n != 30 || err != nil {
		t.Errorf("a cut packet: %d, %v", n, err)
	}
	if n, err := dev.Read(b); err != nil || string(b[28:n]) != "next" {
		t.Errorf("after a cut packet: %q, %v", b[:n], err)
	}

	// The kernel takes what only begins like a packet, and what is longer than
	// the MTU, and drops it.
	for _, n := range []int{1, 3000, maxPacket} {
		odd := make([]byte, n)
		odd[0] = 0x45
		if got, err := dev.Write(odd); got != n || err != nil {
			t.Errorf("%d bytes: %d, %v", n, got, err)
		}
	}
	for _, bad := range [][]byte{{}, {0x15}} {
		if n, err := dev.Write(bad); n != 0 || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "IP version") {
			t.Errorf("% x: %d, %v", bad, n, err)
		}
	}
}

func TestFrames(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{TAP: true})
	up(t, dev)
	nstest.IP(t, "neighbor", "add", peer.String(), "lladdr", "02:00:00:00:00:02", "dev", dev.Name())
	conn := dial(t)
	deadline := time.Now().Add(10 * time.Second)
	dev.SetDeadline(deadline)
	conn.SetDeadline(deadline)

	if _, err := conn.Write([]byte("frame")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	n, err := dev.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	frame := b[:n]
	if !bytes.Equal(frame[:6], []byte{2, 0, 0, 0, 0, 2}) || !bytes.Equal(frame[12:15], []byte{8, 0, 0x45}) || string(frame[42:]) != "frame" {
		t.Fatalf("read % x", frame)
	}
	answer := append(bytes.Clone(frame[6:12]), frame[:6]...)
	answer = append(answer, frame[12:14]...)
	answer = append(answer, reply(frame[14:])...)
	if _, err := dev.Write(answer); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "frame" {
		t.Fatalf("the socket has got %q, %v", b[:n], err)
	}
	if _, err := dev.Write(frame[:13]); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "Ethernet") {
		t.Errorf("13 bytes: %v", err)
	}
}

// Packets come out of whichever queue the kernel chooses and go in through any.
func TestQueues(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Queues: 3})
	up(t, dev)
	conn := dial(t)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	type result struct {
		packet []byte
		err    error
	}
	packets := make(chan result)
	for _, q := range dev.Queues() {
		go func() {
			b := make([]byte, 2000)
			n, err := q.Read(b)
			packets <- result{b[:n], err}
		}()
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	got := <-packets
	if got.err != nil || len(got.packet) != 29 {
		t.Fatalf("% x, %v", got.packet, got.err)
	}
	for i, q := range dev.Queues() {
		answer := reply(got.packet)
		binary.BigEndian.PutUint16(answer[26:], 0) // no checksum
		answer[28] = byte(i)
		if _, err := q.Write(answer); err != nil {
			t.Fatal(err)
		}
		var b [9]byte
		if n, err := conn.Read(b[:]); err != nil || n != 1 || b[0] != byte(i) {
			t.Errorf("through queue %d: % x, %v", i, b[:n], err)
		}
	}

	// Close ends the other two reads.
	dev.Close()
	for range 2 {
		if got := <-packets; !errors.Is(got.err, os.ErrClosed) {
			t.Errorf("% x, %v", got.packet, got.err)
		}
	}
}

func TestClose(t *testing.T) {
	nstest.TUN(t)
	for _, c := range []Config{{}, {Queues: 2}} {
		dev := device(t, c)
		name := dev.Name()
		errs := make(chan error)
		for _, q := range dev.Queues() {
			go func() {
				_, err := q.Read(make([]byte, 2000))
				errs <- err
			}()
		}
		time.Sleep(10 * time.Millisecond) // usually they wait by then; both must work
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		for range dev.Queues() {
			if err := <-errs; !errors.Is(err, os.ErrClosed) {
				t.Errorf("a waiting read: %v", err)
			}
		}
		if exists(t, name) {
			t.Error("the device is there after Close")
		}
		for _, q := range dev.Queues() {
			_, read := q.Read(make([]byte, 1))
			_, write := q.Write([]byte{0x45})
			for _, err := range []error{read, write, q.SetDeadline(time.Time{}), q.SetReadDeadline(time.Time{}), q.SetWriteDeadline(time.Time{}), dev.Close()} {
				if e := (*Error)(nil); !errors.Is(err, os.ErrClosed) || !errors.As(err, &e) || e.Name != name {
					t.Errorf("after Close: %v", err)
				}
			}
		}
		if dev.Name() != name {
			t.Errorf("after Close the name is %q", dev.Name())
		}
	}
}

// A queue that is closed on its own while the device is closed is no failure of
// the device's.
func TestCloseBoth(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Queues: 2})
	name, second := dev.Name(), dev.Queues()[1]
	if err := second.close(); err != nil { // what Queue.Close does last
		t.Fatal(err)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	if err := second.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the queue once more: %v", err)
	}
	if exists(t, name) {
		t.Error("the device is there after Close")
	}
}

func TestDeadline(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Queues: 2})
	for _, q := range dev.Queues() {
		b := make([]byte, 2000)
		if err := q.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) || !os.IsTimeout(err) {
			t.Errorf("read: %v", err)
		}
		if err := q.SetDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Write([]byte{0x45}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		if err := q.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Write([]byte{0x45}); !errors.Is(err, ErrLinkDown) {
			t.Errorf("write without a deadline: %v", err)
		}
	}
	if err := dev.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("first queue: %v", err)
	}
}

// The descriptor that SyscallConn gives is non-blocking and stays so.
func TestSyscallConn(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{})
	up(t, dev)
	raw, err := dev.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("flags %#x, %v", flags, err)
		}
	}); err != nil {
		t.Error(err)
	}
	if _, err := dial(t).Write([]byte("raw")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	calls, n := 0, 0
	read := func(fd uintptr) bool { // waits once, as if the packet came late
		calls++
		n, err = unix.Read(int(fd), b)
		return err != unix.EAGAIN
	}
	if rawErr := raw.Read(read); rawErr != nil || err != nil || string(b[28:n]) != "raw" {
		t.Errorf("read % x, %v, %v", b[:max(n, 0)], err, rawErr)
	}
	if err := dev.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	calls = 0
	if err := raw.Read(read); !errors.Is(err, os.ErrDeadlineExceeded) || calls == 0 {
		t.Errorf("%d calls: %v", calls, err)
	}
	dev.Close()
	if err := raw.Control(func(uintptr) { t.Error("called after Close") }); err == nil {
		t.Error("after Close: no error")
	}
}

func TestLinkDown(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{})
	packet := reply(append([]byte{0x45, 0, 0, 28}, make([]byte, 24)...))
	if _, err := dev.Write(packet); !errors.Is(err, ErrLinkDown) || !errors.Is(err, unix.EIO) {
		t.Errorf("down: %v", err)
	}
	for _, bad := range [][]byte{{}, {0x15}} { // the kernel looks at the packet first
		if _, err := dev.Write(bad); !errors.Is(err, unix.EINVAL) || errors.Is(err, ErrLinkDown) {
			t.Errorf("% x while down: %v", bad, err)
		}
	}
	up(t, dev)
	if _, err := dev.Write(packet); err != nil {
		t.Errorf("up: %v", err)
	}
	nstest.IP(t, "link", "set", dev.Name(), "down")
	if _, err := dev.Write(packet); !errors.Is(err, ErrLinkDown) {
		t.Errorf("down again: %v", err)
	}
}

func TestDeleted(t *testing.T) {
	nstest.TUN(t)
	for _, c := range []Config{{}, {Queues: 2}} {
		dev := device(t, c)
		name := dev.Name()
		errs := make(chan error)
		for _, q := range dev.Queues() {
			go func() {
				_, err := q.Read(make([]byte, 2000))
				errs <- err
			}()
		}
		time.Sleep(10 * time.Millisecond)
		nstest.IP(t, "link", "delete", name)
		for range dev.Queues() {
			if err := <-errs; !errors.Is(err, ErrGone) || errors.Is(err, os.ErrClosed) {
				t.Errorf("a waiting read: %v", err)
			}
		}
		for _, q := range dev.Queues() {
			for range 2 { // the poller gives other answers than the kernel
				if _, err := q.Read(make([]byte, 1)); !errors.Is(err, ErrGone) {
					t.Errorf("read: %v", err)
				}
				if _, err := q.Write([]byte{0x45}); !errors.Is(err, ErrGone) {
					t.Errorf("write: %v", err)
				}
			}
		}
		if dev.Name() != name {
			t.Errorf("the name is %q", dev.Name())
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRename(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "before"})
	nstest.IP(t, "link", "set", "before", "name", "after")
	if dev.Name() != "after" || dev.Index() != show(t, "after").IfIndex {
		t.Errorf("%s, index %d", dev.Name(), dev.Index())
	}
}

// Two devices exchange their names all the time: the index must be that of the
// device which the descriptor is attached to, whatever that is called.
func TestRenameRace(t *testing.T) {
	nstest.TUN(t)
	a := device(t, Config{Name: "x0", MultiQueue: true})
	b := device(t, Config{Name: "x1", MultiQueue: true, NAPI: true})
	conn, err := rtnl.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		defer close(stopped)
		for first, second := a, b; ; first, second = second, first {
			select {
			case <-stop:
				return
			default:
			}
			var e rtattr.Encoder
			link.AppendSet(&e, uint32(first.Index()), link.Config{Name: "x2"})
			link.AppendSet(&e, uint32(second.Index()), link.Config{Name: "x0"})
			link.AppendSet(&e, uint32(first.Index()), link.Config{Name: "x1"})
			if err := conn.Exec(context.Background(), &e); err != nil {
				stopped <- err
				return
			}
		}
	}()
	attached := map[*Device]int{}
	for range 100 {
		dev, err := Attach(Config{Name: "x0"})
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EBUSY) {
			continue // there was no x0 at this moment, or it went on changing
		}
		if err != nil {
			t.Error(err)
			break
		}
		which := a
		dev.ioctl("test", func(fd int) error {
			// The flag is the device's, not this descriptor's.
			_, flags, err := getIFF(fd)
			if flags&unix.IFF_NAPI != 0 {
				which = b
			}
			return err
		})
		attached[which]++
		if dev.Index() != which.Index() {
			t.Errorf("index %d of the device %d", dev.Index(), which.Index())
		}
		dev.Close()
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if len(attached) == 0 {
		t.Error("Attach has never succeeded")
	}
}

func TestNetNS(t *testing.T) {
	nstest.TUN(t)
	ns := nstest.New(t)
	for _, c := range []Config{{Name: "other", Index: 77}, {Name: "other", Queues: 2}} {
		c.NetNS = ns.FD()
		dev := device(t, c)
		if exists(t, "other") {
			t.Error("the device is in this namespace")
		}
		if link := parse(t, ns.IP(t, "-details", "-json", "link", "show", "other")); link.IfIndex != dev.Index() {
			t.Errorf("index %d, the kernel's is %d", dev.Index(), link.IfIndex)
		}
		ns.Do(t, func() {
			up(t, dev)
			conn := dial(t)
			if _, err := conn.Write([]byte("there")); err != nil {
				t.Fatal(err)
			}
		})
		got := make(chan []byte, len(dev.Queues()))
		for _, q := range dev.Queues() {
			go func() {
				b := make([]byte, 2000)
				n, _ := q.Read(b)
				got <- b[:n]
			}()
		}
		if b := <-got; !bytes.HasSuffix(b, []byte("there")) {
			t.Errorf("read % x", b)
		}
		dev.Close()
	}
	dev := device(t, Config{Name: "other", NetNS: ns.FD(), Persist: true})
	dev.Close()
	if _, err := Attach(Config{Name: "other"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("attach in the wrong namespace: %v", err)
	}
	dev, err := Attach(Config{Name: "other", NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
}

// The offload mask of a device outlives the program that has set it.
func TestAttachResetsOffloads(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "stale", Persist: true})
	defer nstest.IP(t, "link", "delete", "stale")
	conn, err := dev.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno error
	conn.Control(func(fd uintptr) {
		errno = unix.IoctlSetInt(int(fd), unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_USO4|unix.TUN_F_USO6)
	})
	if errno == unix.EINVAL {
		t.Skip("this kernel has no UDP segmentation offload: Linux 6.2 has")
	} else if errno != nil {
		t.Fatal(errno)
	}
	dev.Close()

	if dev, err = Attach(Config{Name: "stale"}); err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	up(t, dev)
	raw, err := dial(t).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if errno = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000); errno == nil {
			_, errno = unix.Write(int(fd), make([]byte, 5000))
		}
	})
	if errno != nil {
		t.Fatal(errno)
	}
	dev.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 65535)
	for range 5 {
		if n, err := dev.Read(b); n != 1028 || err != nil {
			t.Errorf("read %d bytes, %v; want 1028", n, err)
		}
	}
}

// rw are the calls that must not allocate.
func rw(t testing.TB) (read, write func()) {
	dev := device(t, Config{})
	up(t, dev)
	raw, err := dial(t).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	send := func(fd uintptr) {
		if _, err := unix.Write(int(fd), b[:1000]); err != nil {
			t.Fatal(err)
		}
	}
	read = func() {
		raw.Control(send)
		if n, err := dev.Read(b); n != 1028 || err != nil {
			t.Fatal(n, err)
		}
	}
	read()
	packet := reply(b[:1028])
	binary.BigEndian.PutUint16(packet[22:], 9) // to no one
	packet[10], packet[11] = 0, 0              // and with a bad header, so that there is no answer
	write = func() {
		if n, err := dev.Write(packet); n != len(packet) || err != nil {
			t.Fatal(n, err)
		}
	}
	return read, write
}

func TestAllocs(t *testing.T) {
	nstest.TUN(t)
	read, write := rw(t)
	for _, c := range []struct {
		name string
		want float64
		fn   func()
	}{
		{"Read", 0, read},
		{"Write", 0, write},
	} {
		if got := testing.AllocsPerRun(200, c.fn); got != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	nstest.TUN(b)
	read, _ := rw(b)
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}

func BenchmarkWrite(b *testing.B) {
	nstest.TUN(b)
	_, write := rw(b)
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
}

func BenchmarkClose(b *testing.B) {
	nstest.TUN(b)
	for b.Loop() {
		b.StopTimer()
		dev, err := Create(Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := dev.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
