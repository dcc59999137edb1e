//go:build linux

// Package nstest runs tests against the real kernel, away from the machine's own
// network. TestMain runs the test binary again in a private network namespace:
//
//	func TestMain(m *testing.M) { nstest.Main(m) }
//
// The whole process is in there, so that tests need no locked threads and no
// root. A test that talks to the kernel begins with Live, which skips it where
// there is no such namespace; with NLWIRE_LIVE=1 in the environment such a skip
// is a failure.
package nstest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/internal/private"
)

// absent is why this process may not run live tests, "" if it may.
var absent = "TestMain does not call nstest.Main"

// Main runs the tests in a private network namespace, or in place if that is
// refused, and exits. The run fails if it leaves file descriptors open or
// goroutines running.
func Main(m *testing.M) {
	if !private.Inside() {
		code, err := private.Run()
		if err == nil {
			// Not os.Exit, whose hooks write this process's coverage, of
			// which there is none, or complain that they cannot.
			unix.Exit(code)
		}
		absent = err.Error()
	} else if !capable() {
		absent = "no CAP_NET_ADMIN in the private network namespace: a security module forbids it (kernel.apparmor_restrict_unprivileged_userns?)"
	} else {
		absent = ""
	}
	os.Exit(run(m))
}

// capable reports whether this process may configure its network namespace.
func capable() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}

// Live skips the test if this process is not in a private network namespace.
func Live(t testing.TB) {
	t.Helper()
	if absent != "" {
		refuse(t, absent)
	}
}

// refuse skips the test, or fails it where live tests are required.
func refuse(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("NLWIRE_LIVE") == "1" {
		t.Fatal("NLWIRE_LIVE=1: " + why)
	}
	t.Skip(why)
}

// TUN is Live for tests that open /dev/net/tun.
func TUN(t testing.TB) {
	t.Helper()
	Live(t)
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		unix.Close(fd)
	case err == unix.EACCES && !Root():
		// A skip under NLWIRE_LIVE=1 too: the mode of a file of the machine
		// is not this test's to change, and root in a user namespace has no
		// power over it.
		t.Skip("/dev/net/tun is not open to this user: chmod 0666 /dev/net/tun, as udev does")
	default:
		refuse(t, fmt.Sprintf("/dev/net/tun: %v", err))
	}
}

// Root reports whether this process is root in the initial user namespace, the only
// one with the identity map, and not one who is called so in a namespace of his own.
func Root() bool {
	b, _ := os.ReadFile("/proc/self/uid_map")
	return os.Geteuid() == 0 && strings.Join(strings.Fields(string(b)), " ") == "0 0 4294967295"
}

// Since reports whether the running kernel is of a version ("6.2": 6, 2) or a later
// one.
func Since(t testing.TB, major, minor int) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	var x, y int
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d.%d", &x, &y)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x > major || x == major && y >= minor
}

// An NS is a further network namespace, empty but for its loopback device.
type NS struct {
	// File refers to the namespace and keeps it in existence.
	File *os.File
}

// New makes a network namespace for one test.
func New(t testing.TB) *NS {
	t.Helper()
	Live(t)
	file, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &NS{file}
}

// FD returns the descriptor of File.
func (ns *NS) FD() int { return int(ns.File.Fd()) }

// Do calls f on a thread in the namespace and waits for it. Goroutines that f
// starts are not in the namespace; sockets and processes are. f may end the test.
func (ns *NS) Do(t testing.TB, f func()) {
	t.Helper()
	err := netns.Do(ns.FD(), func() error { f(); return nil })
	switch {
	case err == netns.ErrExited && t.Skipped():
		t.SkipNow()
	case err == netns.ErrExited:
		t.FailNow()
	case err != nil:
		t.Fatal(err)
	}
}

// IP runs the ip program (iproute2) in the process's namespace and returns what
// it prints. The test fails if ip does.
func IP(t testing.TB, args ...string) []byte {
	t.Helper()
	Live(t)
	out, err := ip(t, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// IP runs the ip program in the namespace.
func (ns *NS) IP(t testing.TB, args ...string) (out []byte) {
	t.Helper()
	ns.Do(t, func() { t.Helper(); out = IP(t, args...) })
	return out
}

// ip returns an error that holds the command and what it complained of.
func ip(t testing.TB, args []string) ([]byte, error) {
	t.Helper()
	path, err := exec.LookPath("ip")
	if err != nil {
		refuse(t, "the ip program is missing: install iproute2")
	}
	var stderr strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, err
}

// Shell runs a line of the shell in the namespace of the calling thread and returns
// what it prints. The test fails if it does.
func Shell(t testing.TB, line string) []byte {
	t.Helper()
	Live(t)
	if _, err := exec.LookPath("ip"); err != nil {
		refuse(t, "the ip program is missing: install iproute2")
	}
	var stderr strings.Builder
	cmd := exec.Command("sh", "-c", line)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, strings.TrimSpace(stderr.String()))
	}
	return out
}

// Kind skips the test, or fails it where live tests are required, if the kernel
// lacks a kind of link.
func Kind(t testing.TB, kind string) {
	t.Helper()
	if !Has(t, kind) {
		refuse(t, "the kernel has no links of kind "+kind)
	}
}

var kinds struct {
	sync.Mutex
	known map[string]bool
}

// Has reports whether the kernel knows a kind of link ("veth"), or can load it.
func Has(t testing.TB, kind string) bool {
	t.Helper()
	Live(t)
	kinds.Lock()
	defer kinds.Unlock()
	if has, ok := kinds.known[kind]; ok {
		return has
	}
	var err error
	New(t).Do(t, func() {
		t.Helper()
		_, err = ip(t, []string{"link", "add", "nstest0", "type", kind})
	})
	// Most kinds want attributes and refuse to be made; only a kind that is
	// not there is unknown (net/core/rtnetlink.c, rtnl_newlink).
	has := err == nil || !strings.Contains(err.Error(), "Unknown device type")
	if err != nil && has && !strings.Contains(err.Error(), "RTNETLINK answers:") && !strings.Contains(err.Error(), "Error:") {
		t.Fatalf("this is not the kernel's answer: %v", err)
	}
	if kinds.known == nil {
		kinds.known = make(map[string]bool)
	}
	kinds.known[kind] = has
	return has
}
