package rtattr_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/verify"
	"github.com/nlwire/nlwire/rtattr"
)

// coveragePage says of every attribute how its number and its type were verified.
const coveragePage = "testdata/coverage.txt"

// coverage is what the tests have learnt of the attributes.
type coverage struct {
	refused  []string // commands and places that this kernel does not know
	policies map[attrKey]string
	live     map[attrKey]bool // in what the kernel sends
	golden   map[attrKey]bool // in what iproute2 sends
}

type attrKey struct {
	set *rtattr.Set
	typ uint16
}

// answer notes the first answer of the kernel.
func (c *coverage) answer(key attrKey, place string, a verify.Answer) {
	if c.policies[key] == "" {
		c.policies[key] = a.String() + " (" + place + ")"
	}
}

// TestKernel holds the tables against the running kernel: against the policies of
// what it accepts, and against all that it sends.
func TestKernel(t *testing.T) {
	nstest.Live(t)
	c := &coverage{policies: map[attrKey]string{}, live: map[attrKey]bool{}, golden: map[attrKey]bool{}}
	all := t.Run("Policies", c.probe) && t.Run("Live", c.lists)
	if !all || len(c.policies) == 0 || len(c.live) == 0 {
		return // failed, or not asked for
	}
	for _, f := range loadGoldens(t) {
		m, _, err := rtattr.NextMsg(f.Wire)
		if err != nil {
			t.Fatal(err)
		}
		if set := rtattr.RequestSet(m.Type()); set != nil {
			rtattr.Walk(set, m.Payload(), func(s *rtattr.Set, typ uint16) { c.golden[attrKey{s, typ}] = true })
		}
	}
	t.Run("Coverage", c.compare)
}

// compare wants the page to be what was found here. One that was written on
// another kernel must have the same tables.
func (c *coverage) compare(t *testing.T) {
	got := c.page(t)
	if *update {
		if err := os.WriteFile(coveragePage, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(coveragePage)
	if err != nil {
		t.Fatal(err)
	}
	gotHead, gotBody, _ := bytes.Cut(got, []byte("\n\n"))
	wantHead, wantBody, _ := bytes.Cut(want, []byte("\n\n"))
	what := "the page"
	if !bytes.Equal(gotHead, wantHead) {
		t.Logf("the page is of another kernel: only its types are compared\n%s", gotHead)
		what, gotBody, wantBody = "its types", types(gotBody), types(wantBody)
	}
	if !bytes.Equal(gotBody, wantBody) {
		t.Errorf("%s: %s changed: go test ./rtattr -run TestKernel -update\n%s", coveragePage, what, firstDiff(gotBody, wantBody))
	}
}

var attrLine = regexp.MustCompile(`(?m)^(  \S+ +\S+(?: \S+)*)  .*$`)

// types is the page without what the kernel has to do with it.
func types(page []byte) []byte {
	page, _, _ = bytes.Cut(page, []byte("\nSum"))
	return attrLine.ReplaceAll(page, []byte("$1"))
}

func firstDiff(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("got  %s\nwant %s", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func (c *coverage) page(t *testing.T) []byte {
	t.Helper()
	sources, noSources := rtattr.NumberSources(t)
	var b bytes.Buffer
	fmt.Fprintf(&b, `# How the number and the type of every attribute were verified, written by
# go test ./rtattr -run TestKernel -update
#
# Numbers: who else knows them, btf (the running kernel's types), x/sys
# (golang.org/x/sys/unix), header (the installed uapi headers). Types: the policy that the kernel shows of requests,
# and where; live, in what the kernel sends; golden, in what iproute2 sends; source
# only, read in the kernel's source.
#
# Linux %s, headers %s, %s. Not here:
`, release(t), headerVersion(), bytes.TrimSpace(nstest.IP(t, "-V")))
	refused := append(noSources, c.refused...)
	slices.Sort(refused)
	for _, r := range slices.Compact(refused) {
		fmt.Fprintln(&b, "#  ", r)
	}
	var sums []sum
	for _, set := range allSets() {
		s := sum{name: set.Name}
		fmt.Fprintf(&b, "\n%s:\n", set.Name)
		for typ := range set.Attrs {
			a := &set.Attrs[typ]
			if a.Name == "" {
				continue
			}
			key := attrKey{set, uint16(typ)}
			number := sources(set.CName(a))
			how := c.how(key, a)
			s.add(number, how)
			line := fmt.Sprintf("  %-40s %-28s  %-16s  %s", set.CName(a), verify.TypeName(a), cmp.Or(number, "nobody"), strings.Join(how, "; "))
			fmt.Fprintln(&b, strings.TrimRight(line, " "))
		}
		sums = append(sums, s)
	}
	total := sum{name: "all"}
	fmt.Fprintf(&b, "\n%-24s  attributes  number  policy    live  golden  source only  no type\n", "Sum")
	for _, s := range append(sums, total) {
		if s.name == "all" {
			s = total
		}
		fmt.Fprintf(&b, "%-24s  %10d  %6d  %6d  %6d  %6d  %11d  %7d\n", s.name, s.attrs, s.number, s.policy, s.live, s.golden, s.source, s.none)
		total.join(s)
	}
	return b.Bytes()
}

// how says how the type was verified; nothing for what has none.
func (c *coverage) how(key attrKey, a *rtattr.Attr) (how []string) {
	if a.Type == rtattr.Unused || a.Type == rtattr.Pad {
		return nil
	}
	if p := c.policies[key]; p != "" {
		how = append(how, "policy "+p)
	}
	if c.live[key] {
		how = append(how, "live")
	}
	if c.golden[key] {
		how = append(how, "golden")
	}
	if how == nil {
		how = append(how, "source only")
	}
	return how
}

// A sum counts the attributes of a set by how they were verified.
type sum struct {
	name                                              string
	attrs, number, policy, live, golden, source, none int
}

func (s *sum) add(number string, how []string) {
	s.attrs++
	if number != "" {
		s.number++
	}
	if how == nil {
		s.none++
	}
	for _, h := range how {
		switch word, _, _ := strings.Cut(h, " "); word {
		case "policy":
			s.policy++
		case "live":
			s.live++
		case "golden":
			s.golden++
		case "source":
			s.source++
		}
	}
}

func (s *sum) join(x sum) {
	s.attrs += x.attrs
	s.number += x.number
	s.policy += x.policy
	s.live += x.live
	s.golden += x.golden
	s.source += x.source
	s.none += x.none
}

// allSets returns the sets of all messages and those inside, in the order of the
// message types.
func allSets() (sets []*rtattr.Set) {
	var add func(rtattr.SetRef)
	addAttr := func(a *rtattr.Attr) {
		if a.Nested != nil {
			add(a.Nested)
		}
		if a.Sub != nil {
			for _, f := range a.Sub.Formats {
				if f.Nested != nil {
					add(f.Nested)
				}
			}
		}
	}
	add = func(ref rtattr.SetRef) {
		set := ref.Set()
		if slices.Contains(sets, set) {
			return
		}
		sets = append(sets, set)
		for i := range set.Attrs {
			addAttr(&set.Attrs[i])
			for j := range set.Attrs[i].Variants {
				addAttr(&set.Attrs[i].Variants[j].Attr)
			}
		}
	}
	add(&rtattr.ErrorAckSet)
	for typ := range uint16(1024) {
		for _, set := range []*rtattr.Set{rtattr.MsgSet(typ), rtattr.RequestSet(typ)} {
			if set != nil {
				add(set)
			}
		}
	}
	return sets
}

func release(t *testing.T) string {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(name.Release[:])
}

// headerVersion is that of the installed uapi headers.
func headerVersion() string {
	b, err := os.ReadFile("/usr/include/linux/version.h")
	if err != nil {
		return "none"
	}
	m := regexp.MustCompile(`LINUX_VERSION_CODE (\d+)`).FindSubmatch(b)
	if m == nil {
		return "unknown"
	}
	var code int
	fmt.Sscan(string(m[1]), &code)
	return fmt.Sprintf("%d.%d.%d", code>>16, code>>8&0xff, code&0xff)
}
