//go:build linux

package tun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
)

// soon is a deadline for what is there, or comes at once.
func soon(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
}

// empty wants that nothing waits to be read.
func empty(t testing.TB, q *Queue) {
	t.Helper()
	raw, err := q.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	raw.Control(func(fd uintptr) {
		if n, err := unix.Read(int(fd), b); err != unix.EAGAIN {
			t.Errorf("read % x, %v; want nothing", b[:max(n, 0)], err)
		}
	})
}

func TestDetach(t *testing.T) {
	nstest.TUN(t)
	for _, napi := range []bool{false, true} {
		t.Run(fmt.Sprintf("NAPI %v", napi), func(t *testing.T) { testDetach(t, napi) })
	}
	single := device(t, Config{})
	if err := single.Queues()[0].Detach(); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "MultiQueue") {
		t.Errorf("the only queue: %v", err)
	}
}

func testDetach(t *testing.T, napi bool) {
	dev := device(t, Config{Queues: 2, NAPI: napi})
	up(t, dev)
	conn := dial(t)
	packet := reply(append([]byte{0x45, 0, 0, 28}, make([]byte, 24)...))
	b := make([]byte, 100)
	queues := dev.Queues()
	for i, q := range queues {
		other := queues[1-i]
		if err := q.Detach(); err != nil {
			t.Fatal(err)
		}
		if data := show(t, dev.Name()).LinkInfo.Data; data.NumQueues != 1 || data.Disabled != 1 {
			t.Errorf("%+v, want a queue and a disabled one", data)
		}
		if err := q.Detach(); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "so already") {
			t.Errorf("detached twice: %v", err)
		}
		if _, err := q.Write(packet); errors.Is(err, ErrDetached) != napi || (err != nil) != napi || errors.Is(err, unix.EBUSY) != napi {
			t.Errorf("write: %v", err)
		}
		soon(t, other)
		for range 20 { // as many flows as would find a second queue
			flow := dial(t)
			if _, err := flow.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if n, err := other.Read(b); n != 29 || err != nil {
				t.Fatal(n, err)
			}
		}
		empty(t, q)
		if dev.Name() != "tun0" {
			t.Errorf("the name is %q", dev.Name())
		}

		// A read that waits gets what comes after Attach.
		if err := other.Detach(); err != nil {
			t.Fatal(err)
		}
		if err := dev.SetCarrier(true); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "all queues are detached") {
			t.Errorf("carrier of nobody: %v", err)
		}
		soon(t, q)
		got := make(chan error)
		go func() {
			_, err := q.Read(make([]byte, 100))
			got <- err
		}()
		if err := q.Attach(); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Errorf("read after Attach: %v", err)
		}
		if _, err := q.Write(packet); err != nil {
			t.Errorf("write after Attach: %v", err)
		}
		if err := q.Attach(); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "so already") {
			t.Errorf("attached twice: %v", err)
		}
		if err := other.Attach(); err != nil {
			t.Fatal(err)
		}
	}

	// Close ends the read of a detached queue too, and lets the device vanish.
	if err := queues[1].Detach(); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	for _, q := range queues {
		if err := q.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := q.Read(make([]byte, 100))
			got <- err
		}()
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	for range queues {
		if err := <-got; !errors.Is(err, os.ErrClosed) {
			t.Errorf("a waiting read: %v", err)
		}
	}
	if exists(t, "tun0") {
		t.Error("it outlives Close")
	}
}

// With a classic filter the kernel says that it has attached the queue, and has not.
func TestClassicFilter(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{TAP: true, Queues: 2})
	filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16}}
	var pinner runtime.Pinner // the kernel reads it again
	pinner.Pin(&filter[0])
	defer pinner.Unpin()
	q := dev.Queues()[1]
	if err := q.ioctl("test", func(fd int) error {
		prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNATTACHFILTER, uintptr(unsafe.Pointer(&prog))); errno != 0 {
			return errno
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := q.Detach(); err != nil {
		t.Fatal(err)
	}
	attachErr := q.Attach()
	var flags uint16
	if err := q.ioctl("test", func(fd int) (err error) {
		_, flags, err = getIFF(fd)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if detached := flags&unix.IFF_DETACH_QUEUE != 0; detached != (attachErr != nil) {
		t.Errorf("detached is %v, and Attach says %v", detached, attachErr)
	}
	if attachErr != nil && (!errors.Is(attachErr, unix.EBUSY) || !strings.Contains(attachErr.Error(), "classic filter")) {
		t.Error(attachErr)
	}
	if _, err := dev.AddQueue(); err != nil { // with IFF_NO_PI, which is IFF_NOFILTER too
		t.Error(err)
	}
}

func TestAddQueue(t *testing.T) {
	nstest.TUN(t)
	ns := nstest.New(t)
	for _, tap := range []bool{false, true} {
		dev := device(t, Config{Name: "aq0", TAP: tap, MultiQueue: true, NAPI: true})
		nstest.IP(t, "link", "set", "aq0", "name", "aq1")
		for range 2 {
			q, err := dev.AddQueue()
			if err != nil {
				t.Fatal(err)
			}
			raw, err := q.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("a child process would inherit it: %#x, %v", flags, err)
				}
				if name, _, err := getIFF(int(fd)); name != "aq1" || err != nil {
					t.Errorf("attached to %q, %v", name, err)
				}
			})
		}
		if n := show(t, "aq1").LinkInfo.Data.NumQueues; n != 3 || len(dev.Queues()) != 3 {
			t.Errorf("%d queues, %d to the kernel", len(dev.Queues()), n)
		}
		if err := dev.Queues()[0].Close(); err != nil {
			t.Error(err)
		}
		if n := show(t, "aq1").LinkInfo.Data.NumQueues; n != 2 || len(dev.Queues()) != 2 {
			t.Errorf("%d queues, %d to the kernel", len(dev.Queues()), n)
		}
		if _, err := dev.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("read from the first queue: %v", err)
		}

		// Where the device is now.
		if err := dev.SetCarrier(true); err != nil { // through another queue than the first
			t.Error(err)
		}
		nstest.IP(t, "link", "set", "aq1", "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.FD()))
		if _, err := dev.AddQueue(); err != nil {
			t.Error(err)
		}
		if n := parse(t, ns.IP(t, "-details", "-json", "link", "show", "aq1")).LinkInfo.Data.NumQueues; n != 3 {
			t.Errorf("%d queues in the other namespace", n)
		}
		for _, q := range dev.Queues() {
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		}
		if out := ns.IP(t, "-json", "link", "show"); bytes.Contains(out, []byte("aq1")) {
			t.Error("the device outlives its last queue")
		}
		if _, err := dev.AddQueue(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after the last queue was closed: %v", err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}

	single := device(t, Config{})
	if _, err := single.AddQueue(); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "MultiQueue") {
		t.Errorf("a second queue: %v", err)
	}
	single.Close()
	if _, err := single.AddQueue(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	gone := device(t, Config{Name: "aq2", MultiQueue: true})
	nstest.IP(t, "link", "delete", "aq2")
	if _, err := gone.AddQueue(); !errors.Is(err, ErrGone) {
		t.Errorf("of a deleted device: %v", err)
	}
	if exists(t, "aq2") {
		t.Error("AddQueue has made a device")
	}
}

func TestCarrier(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "nc0", NoCarrier: true, Persist: true})
	defer nstest.IP(t, "link", "delete", "nc0")
	up(t, dev)
	carrier := func(want bool) {
		t.Helper()
		out := string(nstest.IP(t, "-o", "link", "show", "nc0"))
		if strings.Contains(out, "NO-CARRIER") == want || strings.Contains(out, "LOWER_UP") != want {
			t.Errorf("want carrier %v: %s", want, out)
		}
	}
	carrier(false)
	for _, on := range []bool{true, false, true} {
		if err := dev.SetCarrier(on); err != nil {
			t.Fatal(err)
		}
		carrier(on)
	}
	dev.Close()
	carrier(false)
	for _, c := range []Config{{Name: "nc0", NoCarrier: true}, {Name: "nc0"}} {
		dev, err := Attach(c)
		if err != nil {
			t.Fatal(err)
		}
		carrier(!c.NoCarrier)
		dev.Close()
	}
}

func TestSetPersist(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "sp0"})
	for _, persist := range []bool{true, false, true} {
		if err := dev.SetPersist(persist); err != nil {
			t.Fatal(err)
		}
		if got := show(t, "sp0").LinkInfo.Data.Persist; got != persist {
			t.Errorf("persist is %v, want %v", got, persist)
		}
	}
	dev.Close()
	dev, err := Attach(Config{Name: "sp0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.SetPersist(false); err != nil {
		t.Error(err)
	}
	dev.Close()
	if exists(t, "sp0") {
		t.Error("it is persistent still")
	}
	if err := dev.SetPersist(true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSendBuffer(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{})
	if n, err := dev.SendBuffer(); n != 1<<31-1 || err != nil {
		t.Errorf("at first: %d, %v", n, err)
	}
	for _, n := range []int{1, 1 << 20, 1<<31 - 1} {
		if err := dev.SetSendBuffer(n); err != nil {
			t.Error(err)
		}
		if got, err := dev.SendBuffer(); got != n || err != nil {
			t.Errorf("%d, %v; want %d", got, err, n)
		}
	}
	for _, n := range []int{0, -1} {
		if err := dev.SetSendBuffer(n); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "no size") {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// frames returns a function that sends an empty Ethernet frame through the device.
func frames(t *testing.T, dev *Device) func(to string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	at := &unix.SockaddrLinklayer{Ifindex: dev.Index()}
	return func(to string) {
		t.Helper()
		mac, err := net.ParseMAC(to)
		if err != nil {
			t.Fatal(err)
		}
		frame := append(slices.Clone(mac), 2, 0, 0, 0, 0, 9, 0x88, 0xb5) // for experiments
		if err := unix.Sendto(fd, frame, 0, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTxFilter(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{TAP: true})
	nstest.IP(t, "link", "set", dev.Name(), "addrgenmode", "none")
	nstest.IP(t, "link", "set", dev.Name(), "up")
	send := frames(t, dev)
	const host, group, broadcast = "02:00:00:00:00:01", "33:33:00:00:00:07", "ff:ff:ff:ff:ff:ff"
	const end = "02:00:00:00:00:ff" // let through always
	var many []string
	for i := range 7 {
		many = append(many, fmt.Sprintf("02:00:00:00:01:%02x", i))
	}
	for _, c := range []struct {
		name      string
		addresses []string
		all       bool
		want      []string
	}{
		{"none", nil, false, []string{host, group, broadcast}},
		{"nobody", []string{end}, false, nil},
		{"host", []string{end, host}, false, []string{host}},
		{"groups", []string{end}, true, []string{group, broadcast}},
		{"group", []string{group, end}, false, []string{group}},
		{"hashed group", append([]string{"33:33:00:00:00:09", group, end}, many...), false, []string{group}},
		{"none again", nil, false, []string{host, group, broadcast}},
		{"all groups", nil, true, []string{group, broadcast}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := TxFilter{AllMulticast: c.all}
			for _, a := range c.addresses {
				f.Addresses = append(f.Addresses, link.MustParseHardwareAddr(a))
			}
			if err := dev.SetTxFilter(f); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{host, group, broadcast} {
				send(to)
			}
			var got []string
			raw, err := dev.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) { // what is sent is there at once
				b := make([]byte, 2000)
				for {
					n, err := unix.Read(int(fd), b)
					if err != nil {
						return
					}
					if n == 14 { // not the kernel's own
						got = append(got, net.HardwareAddr(b[:6]).String())
					}
				}
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("read frames to %v, want %v", got, c.want)
			}
		})
	}
	nine := TxFilter{}
	for i := range 9 {
		nine.Addresses = append(nine.Addresses, link.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:02:%02x", i)))
	}
	if err := dev.SetTxFilter(nine); !errors.Is(err, unix.E2BIG) {
		t.Errorf("nine hosts: %v", err)
	}
	if err := dev.SetTxFilter(TxFilter{Addresses: make([]link.HardwareAddr, 1)}); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "Ethernet") {
		t.Errorf("no address: %v", err)
	}
	if err := device(t, Config{}).SetTxFilter(TxFilter{}); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "only TAP") {
		t.Errorf("TUN: %v", err)
	}
}

// program loads an eBPF program that returns n.
func program(t *testing.T, kind ebpf.ProgramType, n int32) int {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         kind,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, n), asm.Return()},
		License:      "MIT",
	})
	if errors.Is(err, unix.EPERM) {
		t.Skip("the kernel lets only real root load programs (kernel.unprivileged_bpf_disabled)")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.FD()
}

func TestFilterEBPF(t *testing.T) {
	nstest.TUN(t)
	for _, tap := range []bool{false, true} {
		dev := device(t, Config{TAP: tap})
		up(t, dev)
		if tap {
			nstest.IP(t, "neighbor", "add", peer.String(), "lladdr", "02:00:00:00:00:02", "dev", dev.Name())
		}
		conn := dial(t)
		q := dev.Queues()[0]
		soon(t, q)
		b := make([]byte, 100)
		for _, c := range []struct {
			prog, want int
		}{
			{program(t, ebpf.SocketFilter, 24), 24},
			{program(t, ebpf.SocketFilter, 0), 0},
			{-1, 29 + 14*number(tap)},
		} {
			if err := dev.SetFilterEBPF(c.prog); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if c.want == 0 {
				empty(t, q)
			} else if n, err := q.Read(b); n != c.want || err != nil {
				t.Errorf("read %d bytes, %v; want %d", n, err, c.want)
			}
		}
		for prog, text := range map[int]string{
			-2:                           "no descriptor of a program",
			1 << 20:                      "no descriptor of a program",
			program(t, ebpf.SchedCLS, 0): "no program of type BPF_PROG_TYPE_SOCKET_FILTER",
		} {
			err := dev.SetFilterEBPF(prog)
			if err == nil || !strings.Contains(err.Error(), text) || errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%d: %v, want %q", prog, err, text)
			}
		}
		dev.Close()
	}
}

func TestSteeringEBPF(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Queues: 3})
	up(t, dev)
	conn := dial(t)
	queues := dev.Queues()
	b := make([]byte, 100)
	for _, n := range []int{2, 0, 1, 5} {
		if err := dev.SetSteeringEBPF(program(t, ebpf.SocketFilter, int32(n))); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		q := queues[n%3]
		soon(t, q)
		if got, err := q.Read(b); got != 29 || err != nil {
			t.Errorf("queue %d: %d, %v", n%3, got, err)
		}
	}
	if err := dev.SetSteeringEBPF(-1); err != nil {
		t.Error(err)
	}
}

func TestNAPI(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{NAPI: true})
	up(t, dev)
	conn := dial(t)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	soon(t, dev.Queues()[0])
	b := make([]byte, 100)
	if _, err := conn.Write([]byte("napi")); err != nil {
		t.Fatal(err)
	}
	n, err := dev.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Write(reply(b[:n])); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "napi" {
		t.Errorf("the socket has got %q, %v", b[:n], err)
	}

	for _, c := range []Config{{NAPIFrags: true}, {NAPIFrags: true, NAPI: true}, {NAPIFrags: true, TAP: true}} {
		if _, err := Create(c); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "NAPIFrags") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	frags, err := Create(Config{NAPI: true, NAPIFrags: true, TAP: true})
	if err != nil {
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "initial user namespace") {
			t.Error(err)
		}
		return
	}
	defer frags.Close()
	nstest.IP(t, "link", "set", frags.Name(), "up")
	if n, err := frags.Write(make([]byte, 60)); n != 60 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
}

func TestProbe(t *testing.T) {
	nstest.TUN(t)
	f, err := Probe()
	if err != nil || !f.MultiQueue || !f.VNetHdr {
		t.Errorf("%+v, %v", f, err)
	}
	for name, c := range map[string]struct {
		has    bool
		config Config
	}{
		"NoCarrier": {f.NoCarrier, Config{NoCarrier: true}},
		"NAPI":      {f.NAPI, Config{NAPI: true}},
	} {
		dev, err := Create(c.config)
		if c.has != (err == nil) || err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s is %v, but Create says %v", name, c.has, err)
		}
		if err == nil {
			dev.Close()
		}
	}
}

// What a kernel lacks is errors.ErrUnsupported, whatever number it answers with.
func TestUnsupported(t *testing.T) {
	all := unix.IFF_MULTI_QUEUE | unix.IFF_NAPI | unix.IFF_NAPI_FRAGS | unix.IFF_NO_CARRIER
	for _, f := range newer {
		if err := lacks(uint32(all)&^uint32(f.flag), uint16(all)); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), f.name) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	if err := lacks(uint32(all), uint16(all)); err != nil {
		t.Errorf("nothing lacks: %v", err)
	}
	for _, errno := range []error{unix.EINVAL, unix.ENOTTY, unix.EOPNOTSUPP} {
		if err := explain(errno, "carriers"); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, errno) || !strings.Contains(err.Error(), "this kernel has no carriers") {
			t.Errorf("%v: %v", errno, err)
		}
	}
	for _, errno := range []error{unix.EPERM, unix.EBADFD} {
		if err := explain(errno, "carriers"); errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := explain(nil, "carriers"); err != nil {
		t.Error(err)
	}
}

// A device goes on working where it was moved to, until that ends.
func TestMoved(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "mv0", MultiQueue: true})
	same := func(file *os.File, path string) bool {
		a, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return os.SameFile(a, b)
	}
	here, err := dev.NetNS()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if !same(here, "/proc/self/ns/net") {
		t.Error("the device is not in the process's namespace")
	}

	ns := nstest.New(t)
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.FD())
	nstest.IP(t, "link", "set", "mv0", "netns", path)
	there, err := dev.NetNS()
	if err != nil {
		t.Fatal(err)
	}
	if !same(there, path) {
		t.Error("the device is not where it was moved to")
	}
	there.Close()
	if _, err := dev.Write([]byte{0x45}); !errors.Is(err, ErrLinkDown) {
		t.Errorf("a move sets the link down: %v", err)
	}
	ns.IP(t, "link", "set", "mv0", "name", "mv1")
	if dev.Name() != "mv1" {
		t.Errorf("the name is %q", dev.Name())
	}
	ns.Do(t, func() {
		up(t, dev)
		conn := dial(t)
		defer conn.Close() // it keeps the namespace too
		if _, err := conn.Write([]byte("there")); err != nil {
			t.Fatal(err)
		}
	})
	soon(t, dev.Queues()[0])
	b := make([]byte, 100)
	n, err := dev.Read(b)
	if err != nil || !bytes.HasSuffix(b[:n], []byte("there")) {
		t.Errorf("read % x, %v", b[:n], err)
	}
	if _, err := dev.Write(reply(b[:n])); err != nil {
		t.Errorf("write: %v", err)
	}

	// The namespace ends with its last reference; this takes the kernel a while.
	if err := dev.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := ns.File.Close(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = dev.Read(b)
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("after the end of the namespace: %v", err)
	}
	for name, err := range map[string]error{"carrier": dev.SetCarrier(true), "persist": dev.SetPersist(true), "detach": dev.Queues()[0].Detach()} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ns, err := dev.NetNS(); !errors.Is(err, ErrGone) || ns != nil {
		t.Errorf("namespace: %v, %v", ns, err)
	}
	if dev.Name() != "mv0" {
		t.Errorf("the name is %q", dev.Name())
	}
}

// TUNGETDEVNETNS wants to know who asks.
func TestNetNSPermission(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "perm0", MultiQueue: true, Owner: IDFrom(0)})
	drop(t, unix.CAP_NET_ADMIN)
	if _, err := dev.NetNS(); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("without CAP_NET_ADMIN: %v", err)
	}
	if _, err := dev.AddQueue(); err != nil { // the owner may
		t.Error(err)
	}
}

// The byte order of headers outlives the program that has set it.
func TestAttachResetsByteOrder(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "order", Persist: true})
	defer nstest.IP(t, "link", "delete", "order")
	order := func() (n uint32, err error) {
		dev.ioctl("test", func(fd int) error {
			n, err = unix.IoctlGetUint32(fd, unix.TUNGETVNETLE)
			return nil
		})
		return n, err
	}
	if err := dev.ioctl("test", func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETLE, 1) }); err != nil {
		t.Fatal(err)
	}
	if n, err := order(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	dev.Close()
	var err error
	if dev, err = Attach(Config{Name: "order"}); err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if n, err := order(); n != 0 || err != nil {
		t.Errorf("after Attach: %d, %v", n, err)
	}
}

func TestCreateStartsNoGoroutine(t *testing.T) {
	nstest.TUN(t)
	before := runtime.NumGoroutine()
	dev := device(t, Config{Queues: 4})
	if after := runtime.NumGoroutine(); after != before {
		t.Errorf("%d goroutines became %d", before, after)
	}
	if _, err := dev.AddQueue(); err != nil {
		t.Fatal(err)
	}
	if after := runtime.NumGoroutine(); after != before {
		t.Errorf("AddQueue: %d goroutines became %d", before, after)
	}
}

// The mode of /dev/net/tun may shut a user out.
func TestOpenRefused(t *testing.T) {
	nstest.Live(t)
	file := filepath.Join(t.TempDir(), "tun")
	if err := os.WriteFile(file, nil, 0); err != nil {
		t.Fatal(err)
	}
	drop(t, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH)
	if _, err := (Config{}).open(file); !errors.Is(err, fs.ErrPermission) || !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "mode 0000") {
		t.Errorf("a file of mode 0: %v", err)
	}
}

// Everything at once, and Close in the middle of it: for the race detector.
func TestConcurrency(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Queues: 2})
	up(t, dev)
	conn := dial(t)
	packet := reply(append([]byte{0x45, 0, 0, 28}, make([]byte, 24)...))
	binary.BigEndian.PutUint16(packet[22:], 9)
	allowed := func(err error) {
		if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, ErrDetached) && !errors.Is(err, unix.EINVAL) {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	until := func(f func() error) {
		wg.Go(func() {
			for {
				err := f()
				allowed(err)
				if errors.Is(err, os.ErrClosed) {
					return
				}
			}
		})
	}
	for _, q := range dev.Queues() {
		until(func() error { _, err := q.Read(make([]byte, 100)); return err })
		until(func() error { _, err := q.Write(packet); return err })
		until(func() error { return q.SetDeadline(time.Now().Add(time.Hour)) })
	}
	second := dev.Queues()[1]
	until(func() error {
		if err := second.Detach(); err != nil {
			return err
		}
		return second.Attach()
	})
	until(func() error { return dev.SetCarrier(true) })
	until(func() error {
		q, err := dev.AddQueue()
		if err != nil {
			return err
		}
		allowed(q.Close())
		return nil
	})
	for range 20 {
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		dev.Name()
		for _, q := range dev.Queues() {
			_, err := q.SyscallConn()
			allowed(err)
		}
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
