package bench

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/jsimonetti/rtnetlink/v2"
	vish "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	own "github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/rtnl"
)

// childEnv makes a process one that lists routes and prints what memory that took.
const childEnv = "NLWIRE_BENCH_CHILD"

// children are what such a process does, by the value of childEnv.
var children = []struct {
	how, column string
	f           func(k kind) (int, error)
}{
	{"walk", Ours, func(k kind) (int, error) { return withOurs(k, walkOurs) }},
	{"list", Ours, func(k kind) (int, error) { return withOurs(k, listOurs) }},
	{"list", RTNetlink, func(k kind) (int, error) {
		c, err := rtnetlink.Dial(nil)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return listRTNetlink(c, k)
	}},
	{"walk", Vishvananda, func(k kind) (int, error) { return withVish(k, walkVish) }},
	{"list", Vishvananda, func(k kind) (int, error) { return withVish(k, listVish) }},
}

func withOurs(k kind, f func(*rtnl.Conn, kind) (int, error)) (int, error) {
	c, err := rtnl.Dial(nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return f(c, k)
}

func withVish(k kind, f func(*vish.Handle, kind) (int, error)) (int, error) {
	h, err := vish.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	return f(h, k)
}

// Child does the work of a process that peaks has started, and ends it. Elsewhere
// it does nothing. It is the first thing in main.
func Child() {
	for _, c := range children {
		if os.Getenv(childEnv) != c.how+" "+c.column {
			continue
		}
		n, err := c.f(route6)
		if err == nil {
			var mib float64
			if mib, err = peakMemory(os.Getpid()); err == nil {
				fmt.Println(n, mib)
				os.Exit(0)
			}
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// peaks measures the memory of processes that read n objects.
func peaks(k kind, n int, p *Programs) Group {
	g := Group{Name: "peak", Slow: true, Rows: []KernelRow{
		{Title: fmt.Sprintf("MiB of a process that dumps %d %s in place", n, kinds[k].title), Limit: "C, recv alone"},
		{Title: fmt.Sprintf("MiB of a process that dumps %d %s into a list", n, kinds[k].title)},
	}}
	g.open = func(s *space) (all []Contender, err error) {
		if err := s.fill(k, n); err != nil {
			return nil, err
		}
		for _, c := range children {
			rows := [][]int{{0}}
			if c.how == "list" {
				rows = [][]int{{1}}
			}
			all = append(all, Contender{Name: c.column, Rows: rows, Run: func() ([]Sample, error) {
				mib, err := s.child(c.how+" "+c.column, n)
				return []Sample{{mib, -1}}, err
			}})
		}
		for _, lib := range p.compiled() {
			all = append(all, Contender{Name: lib.column, Rows: [][]int{{0}}, Run: func() ([]Sample, error) {
				c, err := s.start(lib.path)
				if err != nil {
					return nil, err
				}
				defer c.end()
				if _, _, err := c.command("dump %v", k); err != nil {
					return nil, err
				}
				mib, err := peakMemory(c.cmd.Process.Pid)
				return []Sample{{mib, -1}}, err
			}})
		}
		return all, nil
	}
	return g
}

// child runs this program again in s.
func (s *space) child(what string, n int) (mib float64, err error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.Stderr = os.Stderr
	var out []byte
	if err := own.Do(s.fd(), func() (err error) { out, err = cmd.Output(); return err }); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	var got int
	if _, err := fmt.Sscan(string(out), &got, &mib); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if got < n {
		return 0, fmt.Errorf("%s: %d of %d", what, got, n)
	}
	return mib, nil
}
