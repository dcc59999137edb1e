//go:build vm && linux

package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// inMachine: these tests run in a machine of internal/vm, which may die.
var inMachine = os.Getenv("NLWIRE_VM") != ""

// modules are those without which the kernel refuses what they have, since it
// does not ask for them (fou_encap_ops, lwtunnel_encap_str), or not each time.
var modules = []string{"fou", "fou6", "xfrm_interface", "vrf", "mpls_router", "mpls_iptunnel"}

// TestFacts finds the facts of the running kernel and compares them with testdata.
func TestFacts(t *testing.T) {
	nstest.Live(t)
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	if inMachine {
		// What other tests have loaded makes no difference to what these find.
		for _, module := range modules {
			if out, err := exec.Command("modprobe", module).CombinedOutput(); err != nil {
				t.Fatalf("modprobe %s: %v\n%s", module, err, out)
			}
		}
	}
	x := &finder{f: newFacts()}
	x.f.Release = unix.ByteSliceToString(uts.Release[:])
	x.f.Kernel = regexp.MustCompile(`^\d+\.\d+`).FindString(x.f.Release)
	t.Run("Messages", x.messages)
	t.Run("Kinds", x.kinds)
	t.Run("Encaps", x.encaps)
	if len(x.f.Messages) == 0 || len(x.f.Kinds) == 0 || len(x.f.Encaps) == 0 {
		return // not all of them were asked for
	}
	name := file(x.f.Kernel)
	if *update {
		if err := os.WriteFile(name, x.f.Format(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(name, b)
	if err != nil {
		t.Fatal(err)
	}
	report := t.Errorf
	if x.f.Release != want.Release { // what another kernel does is news, not a failure
		report = t.Logf
	}
	for i, s := range x.f.sections() {
		for _, line := range diff(s.facts, want.sections()[i].facts) {
			report("%s %s", s.name, line)
		}
	}
	if t.Failed() || x.f.Release != want.Release {
		t.Logf("%s is of %s, this is %s; go doc ./internal/vm/matrix says how it is written anew", name, want.Release, x.f.Release)
	}
}

func diff(got, want map[string]string) (lines []string) {
	names := maps.Clone(want)
	maps.Copy(names, got)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if got[name] != want[name] {
			lines = append(lines, fmt.Sprintf("%s: got %q, want %q", name, got[name], want[name]))
		}
	}
	return lines
}

// A finder collects facts.
type finder struct {
	mu sync.Mutex
	f  *Facts
}

func (x *finder) note(section map[string]string, name, fact string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	section[name] = fact
}

// attribute notes what became of an attribute, if it is better than what is known.
func (x *finder) attribute(path, fact string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	order := []string{"", Accepted, Present, Same}
	if slices.Index(order, fact) > slices.Index(order, x.f.Attributes[path]) {
		x.f.Attributes[path] = fact
	}
}

// mark writes into the kernel's log, so that what stands there has a context.
func mark(t *testing.T) {
	t.Helper()
	if !inMachine {
		return
	}
	if err := os.WriteFile("/dev/kmsg", []byte("<5>"+t.Name()+"\n"), 0); err != nil {
		t.Fatal(err)
	}
}

// A place is a namespace of a test, and a socket in it.
type place struct {
	*testing.T
	ns   *nstest.NS
	conn *rtnl.Conn
}

// newPlace runs commands of a shell in a new namespace.
func newPlace(t *testing.T, setup ...string) place {
	t.Helper()
	p := place{t, nstest.New(t), nil}
	for len(setup) > 0 {
		line, n := setup[0], 1
		var out []byte
		var err error
		if plain(line) { // as many as possible in one process, since they cost most of the time
			for n < len(setup) && plain(setup[n]) {
				n++
			}
			var batch strings.Builder
			for _, l := range setup[:n] {
				batch.WriteString(strings.TrimPrefix(l, "ip ") + "\n")
			}
			out, err = p.run(batch.String(), "ip", "-batch", "-")
			line = batch.String()
		} else {
			out, err = p.shell(line)
		}
		setup = setup[n:]
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: p.ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p.conn = conn
	return p
}

// words reports whether a line means the same without a shell.
func words(line string) bool { return !strings.ContainsAny(line, "$;&|'\"\\()<>*`") }

// plain reports whether a line is one of ip's that may stand in a batch.
func plain(line string) bool {
	return strings.HasPrefix(line, "ip ") && !strings.HasPrefix(line, "ip -") && !strings.HasPrefix(line, "ip netns") && words(line)
}

// shell runs a command in the namespace and returns all that it printed.
func (p place) shell(line string) (out []byte, err error) {
	p.Helper()
	if words(line) {
		return p.run("", strings.Fields(line)...)
	}
	return p.run("", "sh", "-c", line)
}

func (p place) run(stdin string, args ...string) (out []byte, err error) {
	p.Helper()
	p.ns.Do(p, func() {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err = cmd.CombinedOutput()
	})
	return out, err
}

// A leaf is one attribute of a message: the names from the message's down, and
// its value as a dump shows it.
type leaf struct{ path, value string }

var (
	index    = regexp.MustCompile(`^\[\d+\]`)
	selector = regexp.MustCompile(`^ \(([^)]*)\)`)
)

// leaves returns the attributes of a message, from its dump.
func leaves(t *testing.T, m rtattr.Msg) []leaf {
	t.Helper()
	var dump bytes.Buffer
	if err := rtattr.Dump(&dump, m); err != nil {
		t.Fatal(err)
	}
	root := rtattr.MsgName(object(m.Type()))
	if m.Type()&3 == 2 {
		root = rtattr.MsgName(m.Type())
	}
	names := []string{root}
	var all []leaf
	for line := range strings.Lines(dump.String()) {
		_, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "# ")
		name := strings.TrimLeft(text, " ")
		depth := (len(text) - len(name)) / 2
		if !ok || depth == 0 && !strings.Contains(name, "_") {
			continue // more bytes of the line above, or a header
		}
		if strings.HasPrefix(name, "RTM_") {
			continue
		}
		name, value, _ := strings.Cut(name, " ")
		if value != "" {
			value = " " + value
		}
		if s := selector.FindStringSubmatch(value); s != nil {
			name, value = name+"("+s[1]+")", value[len(s[0]):]
		}
		name = index.ReplaceAllString(name, "[]")
		names = append(names[:min(depth+1, len(names))], name)
		if name != strings.ToUpper(name) && !strings.Contains(name, "(") && name != "[]" {
			continue // a header, "ifinfomsg", or a number: no attribute of a table
		}
		all = append(all, leaf{strings.Join(names, " "), strings.TrimSpace(value)})
	}
	return all
}

// object is the type of the messages that show what messages of another type make.
func object(typ uint16) uint16 {
	typ &^= 3
	if typ == rtattr.RTM_NEWLINKPROP {
		return rtattr.RTM_NEWLINK
	}
	return typ
}

// list returns all messages that show objects of the type that a message is about.
func (p place) list(typ uint16) map[string]rtattr.Msg {
	p.Helper()
	found := map[string]rtattr.Msg{}
	for _, r := range lists[object(typ)] {
		var e rtattr.Encoder
		w := e.Message(r.typ, rtattr.NLM_F_DUMP)
		w.Raw(r.payload)
		w.End()
		all, err := golden.Answers(p.conn, &e)
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.ENOENT) {
			p.Fatalf("%s: %v", rtattr.MsgName(r.typ), err)
		}
		for _, m := range all {
			found[string(m[16:])] = m
		}
	}
	return found
}

// accepted notes the attributes of a message that succeeded, and what came of them
// in the objects that are not as before. It returns how many came back as sent, of
// how many.
func (x *finder) accepted(p place, m rtattr.Msg, before map[string]rtattr.Msg) (same, sent int) {
	p.Helper()
	now := map[string]map[string]bool{}
	for key, reply := range p.list(m.Type()) {
		if before[key] != nil {
			continue
		}
		for _, l := range leaves(p.T, reply) {
			if now[l.path] == nil {
				now[l.path] = map[string]bool{}
			}
			now[l.path][l.value] = true
		}
	}
	for _, l := range leaves(p.T, m) {
		sent++
		switch values := now[l.path]; {
		case values[l.value]:
			same++
			x.attribute(l.path, Same)
		case values != nil:
			x.attribute(l.path, Present)
		default:
			x.attribute(l.path, Accepted)
		}
	}
	return same, sent
}
