//go:build linux

package nstest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long what is about to end may take: a goroutine on its way out,
// a TUN device (12 to 30 ms to close), a loaded machine.
const patience = 15 * time.Second

// run runs the tests and returns the exit code.
func run(m *testing.M) int {
	// The first pipe makes the runtime open its epoll and eventfd, which
	// stay; then they are no leak, but a test's own are.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	before := survey()
	code := m.Run()
	if code != 0 {
		return code // a failed test is excused from tidying up
	}
	left := before.leaks()
	for deadline := time.Now().Add(patience); left != "" && time.Now().Before(deadline); left = before.leaks() {
		time.Sleep(10 * time.Millisecond)
	}
	if left != "" {
		fmt.Fprint(os.Stderr, "nstest: the tests left behind:\n"+left)
		return 1
	}
	return 0
}

// A state is what a process has open and running.
type state struct {
	files      map[string]string // descriptor -> what it refers to
	goroutines map[string]string // "goroutine 1" -> its stack
}

func survey() state {
	s := state{map[string]string{}, map[string]string{}}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The descriptor that read the folder is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			s.files[e.Name()] = target
		}
	}
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		name, _, _ := strings.Cut(stack, " [")
		if !strings.Contains(stack, "os/signal.loop(") { // started by the first signal.Notify, for good
			s.goroutines[name] = strings.TrimSpace(stack)
		}
	}
	return s
}

// stacks returns the stacks of all goroutines.
func stacks() string {
	b := make([]byte, 64<<10)
	for {
		if n := runtime.Stack(b, true); n < len(b) {
			return string(b[:n])
		}
		b = make([]byte, 2*len(b))
	}
}

// leaks describes what is there now and was not in s, "" if nothing.
func (s state) leaks() string {
	now := survey()
	var lines []string
	for fd, target := range now.files {
		if s.files[fd] != target {
			lines = append(lines, fmt.Sprintf("descriptor %s: %s\n", fd, target))
		}
	}
	for name, stack := range now.goroutines {
		if _, ok := s.goroutines[name]; !ok {
			lines = append(lines, stack+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
