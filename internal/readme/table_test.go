//go:build linux

package readme

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nlwire/nlwire/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// A row is one line of README's table: a command of iproute2, and an expression
// that does the same.
type row struct{ ip, code string }

func rows(t *testing.T) []row {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| `ip ") && !strings.HasPrefix(line, "| `bridge ") {
			continue
		}
		cell := func(s string) string { return strings.Trim(s, "| `") }
		all = append(all, row{cell(cells[0]), cell(cells[1])})
	}
	return all
}

// base is what the rows stand on, in each namespace.
const base = `
link add v0 index 10 address 02:00:00:00:00:10 type veth peer name v1 index 11 address 02:00:00:00:00:11
link add v2 index 12 address 02:00:00:00:00:12 type veth peer name v3 index 13 address 02:00:00:00:00:13
link add br0 index 20 address 02:00:00:00:00:20 type bridge
link set lo up
link set v0 addrgenmode none
link set v1 addrgenmode none
link set br0 addrgenmode none
link set v0 up
link set v1 up
address add 192.0.2.1/24 dev v0
address add 2001:db8::1/64 dev v0 nodad
route add 198.51.100.0/24 via 192.0.2.9
rule add from 203.0.113.0/24 table 100 priority 100
neighbour add 192.0.2.7 lladdr 02:00:00:00:00:77 dev v0
`

// program runs the row that its argument says, in its network namespace.
const program = `package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"

%s
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

var (
	addr   = netip.MustParseAddr
	prefix = netip.MustParsePrefix
	_      = rtattr.IFF_UP
)

// failed returns the error of what an expression gives.
func failed(results ...any) error {
	err, _ := results[len(results)-1].(error)
	return err
}

func main() {
	ctx := context.Background()
	conn, err := rtnl.Dial(nil)
	if err != nil {
		fail(err)
	}
	const v0, v1, br0 = 10, 11, 20
	row, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fail(err)
	}
	switch row {
%s	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
`

// TestTable runs each ip command in one namespace and the Go beside it in another,
// and wants ip to show the same in both.
func TestTable(t *testing.T) {
	nstest.Live(t)
	all := rows(t)
	if len(all) < 40 {
		t.Errorf("README's table has %d rows", len(all))
	}
	bin := build(t, all)
	for i, r := range all {
		t.Run(r.ip, func(t *testing.T) {
			theirs, ours := stage(t), stage(t)
			theirs.Do(t, func() { run(t, strings.Fields(r.ip)...) })
			ours.Do(t, func() { run(t, bin, fmt.Sprint(i)) })
			var want, got string
			// The kernel finishes some things later: routes of IPv6 addresses, carriers.
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				theirs.Do(t, func() { want = state(t) })
				ours.Do(t, func() { got = state(t) })
				if got == want {
					return
				}
				if time.Now().After(end) {
					break
				}
			}
			t.Errorf("%s\n%s\nip makes the lines -, ours +:\n%s", r.ip, r.code, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
		})
	}
}

// build makes the program, in the module but not on the disk.
func build(t *testing.T, all []row) string {
	t.Helper()
	var imports, cases strings.Builder
	for _, p := range []string{"address", "link", "neigh", "nexthop", "route", "rule"} {
		for _, r := range all {
			if strings.Contains(r.code, p+".") {
				fmt.Fprintf(&imports, "\t%q\n", "github.com/nlwire/nlwire/"+p)
				break
			}
		}
	}
	for i, r := range all {
		fmt.Fprintf(&cases, "\tcase %d:\n\t\terr = failed(%s)\n", i, r.code)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, fmt.Appendf(nil, program, &imports, &cases), 0o666); err != nil {
		t.Fatal(err)
	}
	at, err := filepath.Abs("program/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{at: file}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o666); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "program")
	if out, err := exec.Command("go", "build", "-overlay", list, "-o", bin, "github.com/nlwire/nlwire/internal/readme/program").CombinedOutput(); err != nil {
		t.Fatalf("the Go of README's table: %v\n%s", err, out)
	}
	return bin
}

// stage returns a new namespace with the base.
func stage(t *testing.T) *nstest.NS {
	t.Helper()
	ns := nstest.New(t)
	ns.Do(t, func() {
		cmd := exec.Command("ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.TrimSpace(base))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	return ns
}

func run(t *testing.T, args ...string) {
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// state is all that ip shows, without what the kernel chooses at random.
func state(t *testing.T) string {
	var all bytes.Buffer
	for _, what := range []string{"-d link", "-d address", "route show table all", "-6 route show table all", "-d rule", "-6 rule", "neighbour", "nexthop"} {
		out, err := exec.Command("ip", strings.Fields("-json "+what)...).Output()
		if err != nil {
			t.Fatalf("ip %s: %v", what, err)
		}
		if len(bytes.TrimSpace(out)) == 0 {
			continue
		}
		var v any
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatalf("ip %s: %v", what, err)
		}
		v = steady(v)
		if list, ok := v.([]any); ok && what == "neighbour" { // out of a hash
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", what, b)
	}
	return all.String()
}

// steady leaves out random hardware addresses and what is made of them, times,
// and what the kernel finds out about the carrier a moment later (linkwatch).
func steady(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			switch s, _ := x.(string); {
			case key == "address" && strings.Contains(s, ":") && !strings.HasPrefix(s, "02:00:00:00:00:"),
				key == "operstate", key == "linkmode", key == "qdisc", strings.HasSuffix(key, "_timer"), key == "bridge_id", key == "root_id", key == "valid_life_time", key == "preferred_life_time":
				delete(v, key)
			default:
				v[key] = steady(x)
			}
		}
		return v
	case []any:
		var rest []any
		for _, x := range v {
			if x == "LOWER_UP" || x == "NO-CARRIER" || x == "M-DOWN" || x == "linkdown" {
				continue
			}
			if m, ok := x.(map[string]any); ok && (strings.HasPrefix(fmt.Sprint(m["local"]), "fe80:") || strings.HasPrefix(fmt.Sprint(m["dst"]), "fe80:") || m["dst"] == "ff00::/8") {
				continue
			}
			rest = append(rest, steady(x))
		}
		return rest
	}
	return v
}
