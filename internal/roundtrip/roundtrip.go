//go:build linux

// Package roundtrip checks that objects can be written back as they are listed.
//
// A corpus is a text file of set-ups: shell lines that hold for all entries of a
// section (base), then entries, each a name and a command; an indented line is a
// further command of the entry above.
//
//	base: ip link add v0 index 10 address 02:00:00:00:00:10 type veth peer name v1 index 11 address 02:00:00:00:00:11
//	base: ip link set v0 up
//	own           ip address add 10.66.66.1/24 dev v0
//	secondary     ip address add 10.66.66.1/24 dev v0
//		ip address add 10.66.66.2/24 dev v0
//
//	kind: vxlan
//	base: ip link add vx0 index 12 type vxlan id 7 dstport 4789 dev lo
//	fdb           bridge fdb add 02:00:00:00:00:99 dev vx0 dst 192.0.2.9
//
// A section whose kind of link the kernel lacks is skipped, and one with root and a
// reason unless it is root who runs the test, and not in a user namespace. Everything that the
// kernel would choose at random (indices, hardware addresses) is fixed.
//
// Run makes two network namespaces for each entry, A with base and commands, B
// with base alone, and wants that
//
//   - what List returns of A can be written with Append into B,
//   - List of B then returns the same, and
//   - so does `ip -json` (JSON);
//   - what was written can be deleted as it is listed (Delete), the last one first,
//     after which B is what it was.
//
// A package has one test of this form:
//
//	func TestRoundTrip(t *testing.T) {
//		roundtrip.Run(t, "testdata/roundtrip.txt", roundtrip.Test[address.Address]{
//			List: func(conn *rtnl.Conn) ([]address.Address, error) {
//				return address.List(ctx, conn, address.Filter{})
//			},
//			Append: address.AppendAdd,
//			Delete: address.AppendDelete,
//			JSON:   []string{"ip -d -json address show"},
//		})
//	}
//
// Follow is the other half: what Watch tells of changes amounts to what is listed.
package roundtrip

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Test says how objects of type T are read and written.
type Test[T any] struct {
	// List returns all objects of the namespace.
	List func(*rtnl.Conn) ([]T, error)

	// Append appends the message that makes an object, or none. What B has from
	// the beginning, as the kernel's own rules, is not written.
	Append func(*rtattr.Encoder, T)

	// Delete, if not nil, appends the message that deletes an object, or none. It is
	// for what B has and A has not, and to undo what was written.
	Delete func(*rtattr.Encoder, T)

	// Order, if not nil, puts the objects of A into the order in which they are
	// written, if that is not the order in which they are listed.
	Order func([]T)

	// Steady, if not nil, returns an object without what changes by itself, such as
	// the time that is left. Objects are compared like that, and written in full.
	Steady func(T) T

	// Unordered says that the kernel lists in no order, as out of a hash.
	Unordered bool

	// JSON are the shell lines whose output is to be the same in A and B.
	JSON []string

	// Volatile are the names of the members that are left out of JSON.
	Volatile []string
}

// Run runs t for each entry of a corpus, as subtests. It fails if there are fewer
// than one.
func Run[T any](t *testing.T, corpus string, test Test[T]) {
	t.Helper()
	nstest.Live(t)
	text, err := os.ReadFile(corpus)
	if err != nil {
		t.Fatal(err)
	}
	setups, err := parse(corpus, string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(setups) == 0 {
		t.Fatalf("%s: no entries", corpus)
	}
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // the kernel makes one wait, when links and namespaces come and go
			for _, kind := range s.kinds {
				if !nstest.Has(t, kind) {
					t.Skipf("the kernel has no links of kind %s", kind)
				}
			}
			if s.root != "" && !nstest.Root() {
				t.Skip("this needs root: " + s.root)
			}
			test.run(t, s)
		})
	}
}

// A side is one of the two namespaces.
type side struct {
	*nstest.NS
	conn *rtnl.Conn
}

func newSide(t *testing.T, lines ...[]string) side {
	t.Helper()
	ns := nstest.New(t)
	for _, c := range commands(slices.Concat(lines...)) {
		ns.Do(t, func() { t.Helper(); c.run(t) })
	}
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return side{ns, conn}
}

func (test *Test[T]) run(t *testing.T, s setup) {
	a := newSide(t, s.base, s.commands)
	b := newSide(t, s.base)
	made, had := test.list(t, a), test.list(t, b)

	write, gone := test.without(made, had), test.without(had, made)
	if len(write) == 0 && len(gone) == 0 {
		t.Fatal("the commands make no difference")
	}
	if len(gone) > 0 {
		if test.Delete == nil {
			t.Fatalf("not in A: %v", gone)
		}
		test.exec(t, b, test.Delete, gone)
	}
	if test.Order != nil {
		test.Order(write)
	}
	test.exec(t, b, test.Append, write)

	if now := test.list(t, b); !test.same(made, now) {
		t.Errorf("written again, the list is\n%s\nand was\n%s", lines(now), lines(made))
	}
	for _, line := range test.JSON {
		want, got := test.json(t, a, line), test.json(t, b, line)
		if !bytes.Equal(want, got) {
			t.Errorf("%s: written again\n%s\nand was\n%s", line, got, want)
		}
	}
	if test.Delete == nil || len(write) == 0 {
		return
	}
	// As they are listed now: what is written may be changed by what comes after it. The
	// last one first, since objects may go with those before them.
	left := test.without(test.list(t, b), had)
	if test.Order != nil {
		test.Order(left)
	}
	slices.Reverse(left)
	test.exec(t, b, test.Delete, left)
	test.exec(t, b, test.Append, gone)
	if now := test.list(t, b); !test.same(had, now) {
		t.Errorf("deleted again, the list is\n%s\nand was\n%s", lines(now), lines(had))
	}
}

func (test *Test[T]) list(t *testing.T, s side) []T {
	t.Helper()
	list, err := test.List(s.conn)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// exec runs one batch of the messages that put makes of list.
func (test *Test[T]) exec(t *testing.T, s side, put func(*rtattr.Encoder, T), list []T) {
	t.Helper()
	var e rtattr.Encoder
	for _, x := range list {
		put(&e, x)
	}
	if e.Err() == nil && e.Len() == 0 {
		return
	}
	if err := s.conn.Exec(context.Background(), &e); err != nil {
		t.Fatalf("%v\nof\n%s", err, lines(list))
	}
}

func (test *Test[T]) equal(a, b T) bool {
	if test.Steady != nil {
		a, b = test.Steady(a), test.Steady(b)
	}
	return reflect.DeepEqual(a, b)
}

// without returns the objects of list that are not in other, where each counts once.
func (test *Test[T]) without(list, other []T) (rest []T) {
	other = slices.Clone(other)
	for _, x := range list {
		if i := slices.IndexFunc(other, func(y T) bool { return test.equal(x, y) }); i >= 0 {
			other = slices.Delete(other, i, i+1)
		} else {
			rest = append(rest, x)
		}
	}
	return rest
}

func (test *Test[T]) same(a, b []T) bool {
	if test.Unordered {
		return len(a) == len(b) && len(test.without(a, b)) == 0
	}
	return slices.EqualFunc(a, b, test.equal)
}

func (test *Test[T]) json(t *testing.T, s side, line string) []byte {
	t.Helper()
	var out []byte
	s.Do(t, func() {
		t.Helper()
		out = nstest.Shell(t, line)
	})
	var v any
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	b, err := json.MarshalIndent(test.steady(v), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// steady removes what is volatile, and orders what has no order.
func (test *Test[T]) steady(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if slices.Contains(test.Volatile, name) {
				delete(v, name)
			} else {
				v[name] = test.steady(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = test.steady(v[i])
		}
		if test.Unordered {
			slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return v
}

func lines[T any](list []T) string {
	var b strings.Builder
	for _, x := range list {
		fmt.Fprintf(&b, "\t%+v\n", x)
	}
	return b.String()
}

// A command is lines that one process can run.
type command struct {
	prefix []string // "ip -6" of lines for ip -6 -batch; nil for the shell
	lines  []string
}

// commands puts together what follows one another and is for the same program:
// a process for each line would take most of the time.
func commands(lines []string) (list []command) {
	for _, line := range lines {
		prefix, rest := split(line)
		if n := len(list); n > 0 && slices.Equal(list[n-1].prefix, prefix) {
			list[n-1].lines = append(list[n-1].lines, rest)
		} else {
			list = append(list, command{prefix, []string{rest}})
		}
	}
	return list
}

// split returns program and options of a line of ip or bridge, and the rest.
func split(line string) (prefix []string, rest string) {
	words := strings.Fields(line)
	if words[0] != "ip" && words[0] != "bridge" || strings.ContainsAny(line, "|&;<>$`(){}*?") {
		return nil, line
	}
	n := 1
	for n < len(words) && strings.HasPrefix(words[n], "-") {
		n++
	}
	return words[:n], strings.Join(words[n:], " ")
}

// run runs c in the namespace of the calling thread.
func (c command) run(t *testing.T) {
	t.Helper()
	if c.prefix == nil {
		nstest.Shell(t, "set -e\n"+strings.Join(c.lines, "\n"))
		return
	}
	cmd := exec.Command(c.prefix[0], append(slices.Clone(c.prefix[1:]), "-batch", "-")...)
	cmd.Stdin = strings.NewReader(strings.Join(c.lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s -batch -: %v: %s\nof\n%s", strings.Join(c.prefix, " "), err, out, strings.Join(c.lines, "\n"))
	}
}
