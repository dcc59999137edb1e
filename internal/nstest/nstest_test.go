//go:build linux

package nstest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/internal/private"
)

func TestMain(m *testing.M) { Main(m) }

// TestHelper is a test for the other tests to run in a process of its own.
func TestHelper(t *testing.T) {
	switch os.Getenv("NSTEST_HELPER") {
	case "where":
		name, err := os.Readlink("/proc/thread-self/ns/net")
		fmt.Println("namespace", name, err, private.Inside(), capable())
	case "fail":
		t.Error("on purpose")
	case "leak fd":
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			t.Fatal(err)
		}
	case "leak eventfd":
		if _, err := unix.Eventfd(0, 0); err != nil {
			t.Fatal(err)
		}
	case "leak goroutine":
		go leaker()
	case "kill":
		unix.Kill(os.Getpid(), unix.SIGKILL)
	case "sleep":
		fmt.Println("pid", os.Getpid()) // there is no new pid namespace
		time.Sleep(time.Minute)
	case "absent":
		absent = "for the test's sake"
		Live(t)
		fmt.Println("not reached")
	case "Do FailNow":
		New(t).Do(t, func() { t.Fatal("inside") })
		fmt.Println("not reached")
	case "Do SkipNow":
		New(t).Do(t, func() { t.Skip("inside") })
		fmt.Println("not reached")
	case "IP":
		IP(t, "link", "set", "nosuch0", "up")
		fmt.Println("not reached")
	case "no ip":
		t.Setenv("PATH", t.TempDir())
		IP(t, "link")
		fmt.Println("not reached")
	}
}

func leaker() { select {} }

// FuzzNothing is for TestFuzz.
func FuzzNothing(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if !private.Inside() {
			t.Error("a fuzz worker runs outside")
		}
	})
}

// helper returns a command that runs TestHelper in a namespace of its own, as
// go test would run it on a machine.
func helper(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^TestHelper$"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "NLWIRE_")
	})
	cmd.Env = append(cmd.Env, "NSTEST_HELPER="+name)
	return cmd
}

func TestPrivate(t *testing.T) {
	Live(t)
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if out := os.Getenv("NLWIRE_OUTSIDE"); out == here || !private.Inside() {
		t.Errorf("this is %s, and so is the outside: %s", here, out)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 1 || links[0].Name != "lo" || links[0].Flags&net.FlagUp != 0 {
		t.Errorf("links are %v, want lo alone and down", links)
	}
	out, err := helper("where").CombinedOutput()
	if err != nil || !strings.Contains(string(out), " <nil> true true") || strings.Contains(string(out), here) {
		t.Errorf("a second run in here: %v\n%s", err, out)
	}
}

// A variable that was set by hand must not make tests run on the machine's network.
func TestMarker(t *testing.T) {
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Skip(err)
	}
	for _, v := range []string{"", "1", "true", here} {
		t.Setenv("NLWIRE_OUTSIDE", v)
		if private.Inside() {
			t.Errorf("NLWIRE_OUTSIDE=%s: taken for a private namespace", v)
		}
	}
}

func TestRun(t *testing.T) {
	Live(t)
	for _, c := range []struct {
		helper string
		env    string
		code   int
		output []string
	}{
		{"", "", 0, []string{"PASS"}},
		{"fail", "", 1, []string{"on purpose", "FAIL"}},
		{"leak fd", "", 1, []string{"nstest: the tests left behind:", "descriptor ", ": /dev/null"}},
		{"leak eventfd", "", 1, []string{"nstest: the tests left behind:", ": anon_inode:[eventfd]"}},
		{"leak goroutine", "", 1, []string{"nstest: the tests left behind:", "nstest.leaker"}},
		{"kill", "", 128 + 9, nil},
		{"absent", "", 0, []string{"--- SKIP", "for the test's sake", "!not reached"}},
		{"absent", "NLWIRE_LIVE=1", 1, []string{"--- FAIL", "for the test's sake", "!not reached"}},
		{"Do FailNow", "", 1, []string{"--- FAIL", "inside", "!not reached"}},
		{"Do SkipNow", "", 0, []string{"--- SKIP", "inside", "!not reached"}},
		{"IP", "", 1, []string{"ip link set nosuch0 up: exit status 1: Cannot find device", "!not reached"}},
		{"no ip", "", 0, []string{"--- SKIP", "install iproute2", "!not reached"}},
		{"no ip", "NLWIRE_LIVE=1", 1, []string{"--- FAIL", "install iproute2", "!not reached"}},
	} {
		t.Run(c.helper+c.env, func(t *testing.T) {
			t.Parallel()
			cmd := helper(c.helper, "-test.v")
			cmd.Env = append(cmd.Env, c.env)
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.output {
				text, not := strings.CutPrefix(want, "!")
				if strings.Contains(string(out), text) == not {
					t.Errorf("output lacks (or with ! has) %q", want)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

// Signals reach the process inside, and it does not outlive the one outside.
func TestSignals(t *testing.T) {
	Live(t)
	for _, c := range []struct {
		signal unix.Signal
		code   int
	}{
		{unix.SIGTERM, 128 + 15},
		{unix.SIGINT, 128 + 2},
		{unix.SIGKILL, -1}, // dies itself
	} {
		t.Run(c.signal.String(), func(t *testing.T) {
			cmd := helper("sleep")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pid int
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Fatal(err)
			} else if _, err := fmt.Sscanf(line, "pid %d", &pid); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if pid == cmd.Process.Pid {
				t.Fatal("there is one process only")
			}
			cmd.Process.Signal(c.signal)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for end := time.Now().Add(patience); unix.Kill(pid, 0) == nil && !zombie(pid); time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the process inside lives on")
				}
			}
		})
	}
}

// zombie reports whether the process has ended, unnoticed by its new parent.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || bytes.Contains(b, []byte(") Z "))
}

// The workers of a fuzzing run are this binary too, and talk to it over
// descriptors that must get through.
func TestFuzz(t *testing.T) {
	Live(t)
	cmd := helper("", "-test.run=^$", "-test.fuzz=^FuzzNothing$", "-test.fuzztime=20x", "-test.parallel=2",
		"-test.fuzzcachedir="+t.TempDir())
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNS(t *testing.T) {
	ns := New(t)
	var inside string
	ns.Do(t, func() {
		inside, _ = os.Readlink("/proc/thread-self/ns/net")
	})
	outside, _ := os.Readlink("/proc/thread-self/ns/net")
	if inside == "" || inside == outside {
		t.Errorf("in %q, the process is in %q", inside, outside)
	}
	if process, _ := os.Readlink("/proc/self/ns/net"); process != outside {
		t.Errorf("the main thread is in %q, the process in %q", process, outside)
	}
	ns.IP(t, "link", "set", "lo", "up")
	if out := ns.IP(t, "-json", "link", "show", "lo"); !bytes.Contains(out, []byte(`"UP"`)) {
		t.Errorf("inside, lo is down:\n%s", out)
	}
	if out := IP(t, "-json", "link", "show", "lo"); bytes.Contains(out, []byte(`"UP"`)) {
		t.Errorf("outside, lo is up:\n%s", out)
	}
}

func TestHas(t *testing.T) {
	for range 2 { // the second answer is remembered
		if Has(t, "nosuch") {
			t.Error("the kernel knows a kind that does not exist")
		}
	}
	ns := New(t)
	var err error
	ns.Do(t, func() { _, err = ip(t, []string{"link", "add", "t0", "type", "bridge"}) })
	if has := Has(t, "bridge"); has != (err == nil) {
		t.Errorf("Has(bridge) is %v; making one: %v", has, err)
	}
}

func TestTUN(t *testing.T) {
	TUN(t)
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

// Joining what is no namespace is an error, and the thread is not lost.
func TestDoErrors(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	called := false
	err = netns.Do(int(null.Fd()), func() error { called = true; return nil })
	if !errors.Is(err, unix.EINVAL) || called {
		t.Errorf("%v, called: %v", err, called)
	}
}

func TestSince(t *testing.T) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(uts.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		major, minor int
		want         bool
	}{
		{major, minor, true},
		{major, minor + 1, false},
		{major + 1, 0, false},
		{major - 1, minor + 1, true},
		{major, 0, true},
	} {
		if got := Since(t, tt.major, tt.minor); got != tt.want {
			t.Errorf("%d.%d on %d.%d: %v", tt.major, tt.minor, major, minor, got)
		}
	}
}
