//go:build vm && linux

package fuzz

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/vm/plan"
	"github.com/nlwire/nlwire/rtattr"
)

var (
	messageCount = flag.Int("messages", 2000, "generated and recorded messages of the campaign, each also broken in one way")
	firstSeed    = flag.Uint64("seed", 1, "of the campaign's first message")
	forTime      = flag.Duration("for", 0, "end the campaign after this time; 0 is only after -messages")
	perNamespace = flag.Int("namespace", 100, "messages before a new namespace")
	typesFlag    = flag.String("types", "", "only messages whose names begin with one of these, separated by commas: RTM_NEWROUTE,RTM_NEWLINK")
)

// openKernel skips on every other machine. That is no failure, NLWIRE_LIVE=1 or not: such
// messages must not be sent there.
func openKernel(t *testing.T) *Kernel {
	t.Helper()
	if err := machine(""); err != nil {
		t.Skip(err)
	}
	k, err := OpenKernel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// TestKernelCampaign sends generated and recorded messages, whole and broken. Every
// hit is minimised, and saved on the host at once.
func TestKernelCampaign(t *testing.T) {
	k := openKernel(t)
	var types []uint16
	for _, typ := range messageTypes {
		if *typesFlag == "" || slices.ContainsFunc(strings.Split(*typesFlag, ","), func(name string) bool { return strings.HasPrefix(rtattr.MsgName(typ), name) }) {
			types = append(types, typ)
		}
	}
	g := Generator{Types: types}
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []rtattr.Msg
	for _, f := range files {
		m, _, err := rtattr.NextMsg(f.Wire)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(types, m.Type()) {
			goldens = append(goldens, m)
		}
	}
	c := campaign{t: t, k: k, found: map[string]bool{}, types: map[uint16]int{}}
	start := time.Now()
	seeds := uint64(0)
	for i := range *messageCount {
		if *forTime > 0 && time.Since(start) > *forTime {
			break
		}
		seed := *firstSeed + seeds
		seeds++
		var m rtattr.Msg
		if i%2 > 0 && len(goldens) > 0 {
			m = goldens[i/2%len(goldens)]
		} else {
			s := source(Steer(seed))
			tree := g.Tree(s[16:])
			aim(tree, &s)
			m = tree.Bytes()
		}
		c.send(m, fmt.Sprint(seed))
		kind := FaultKinds[seed%uint64(len(FaultKinds))]
		if i%3 == 0 {
			kind = Size // what the verdicts are about
		}
		if b, fault, ok := Break(m, kind, Steer(seed)[:8]); ok {
			c.send(b, fmt.Sprintf("%d %v %v", seed, kind, fault))
		}
		if k.dead != nil {
			break
		}
	}
	took := time.Since(start)
	t.Logf("Linux %s: seeds %d to %d: %d messages of %d types in %.0fs, %.0f a second: %d accepted, %d refused by policy for a length", k.Release,
		*firstSeed, *firstSeed+seeds-1, c.n, len(c.types), took.Seconds(), float64(c.n)/took.Seconds(), k.accepted, k.refused)
	for _, why := range slices.Sorted(maps.Keys(k.Agreed())) {
		n := 0
		for _, times := range k.Agreed()[why] {
			n += times
		}
		t.Logf("%d agreed: %s: %s", n, why, strings.Join(slices.Sorted(maps.Keys(k.Agreed()[why])), " "))
	}
	if len(c.types) != len(types) {
		t.Errorf("messages of %d types, want %d", len(c.types), len(types))
	}
	if k.dead == nil && (k.accepted < c.n/100 || k.refused < c.n/100) {
		t.Errorf("the kernel accepted %d and refused %d of %d: the campaign goes nowhere", k.accepted, k.refused, c.n)
	}
}

type campaign struct {
	t     *testing.T
	k     *Kernel
	n     int
	found map[string]bool
	types map[uint16]int
}

func (c *campaign) send(m rtattr.Msg, seed string) {
	c.t.Helper()
	if c.n%*perNamespace == 0 {
		if err := c.k.Reset(); err != nil {
			c.t.Fatal(err)
		}
	}
	c.n++
	c.types[m.Type()]++
	if err := c.k.Note("%s", seed); err != nil {
		c.t.Fatal(err)
	}
	var h *Hit
	switch err := c.k.Check(m); {
	case err == nil:
	case !errors.As(err, &h):
		c.t.Fatalf("seed %s: %v", seed, err)
	case !c.found[h.Name()]:
		c.found[h.Name()] = true
		save(h, seed) // as it is, should the rest be the end of the machine
		small, err := c.k.Minimize(h)
		if err != nil {
			c.t.Fatalf("seed %s: %v", seed, err)
		}
		save(small, seed)
		c.t.Errorf("seed %s: %v, %d messages before it:\n%s%s", seed, small, len(small.Before), text(small.Message), small.Log)
	}
}

// save makes the host write a file into testdata.
func save(h *Hit, seed string) {
	name := filepath.Join("fuzz", "testdata", "kernel", h.Name()+".txtar")
	fmt.Printf("\n%ssave %s %s\n", plan.Mark, name, base64.StdEncoding.EncodeToString(h.Reproducer(seed)))
}

// aim turns numbers of interfaces into those of devices that are there, and
// addresses into some that are near.
func aim(t *Tree, s *source) {
	if set := rtattr.RequestSet(t.Type); set != nil && set.Header != nil {
		for _, m := range set.Header.Members {
			if (m.Name == "index" || m.Name == "ifindex") && m.Len == 4 && s.intn(8) > 0 {
				put(t.Header[m.Off:], rtattr.U32, 4, uint64(s.intn(7)))
			}
		}
	}
	for _, p := range t.places() {
		a := p.attr()
		switch {
		case a.Table == nil || a.Nested:
		case len(a.Payload) == 4 && slices.Contains([]string{"link", "master", "oif", "iif", "ifindex", "if-index"}, a.Table.Name) && s.intn(4) > 0:
			put(a.Payload, rtattr.U32, 4, uint64(s.intn(7)))
		case a.Table.Type == rtattr.Address && len(a.Payload) == 4 && s.intn(2) > 0:
			copy(a.Payload, []byte{10, 0, 0, uint8(s.intn(256))})
		case a.Table.Type == rtattr.Address && len(a.Payload) == 16 && s.intn(2) > 0:
			copy(a.Payload, []byte{0xfd, 15: uint8(s.intn(256))})
		}
	}
}

// TestKernelReproducers sends what earlier campaigns have found: nothing of it is a
// hit any longer.
func TestKernelReproducers(t *testing.T) {
	k := openKernel(t)
	files, err := filepath.Glob("testdata/kernel/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("testdata/kernel has none")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Reset(); err != nil {
				t.Fatal(err)
			}
			var messages []rtattr.Msg
			for _, section := range []string{"before", "raw"} {
				for _, f := range txtar.Parse(b).Files {
					if f.Name != section {
						continue
					}
					for line := range strings.Lines(string(f.Data)) {
						m, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
						if err != nil {
							t.Fatal(err)
						}
						messages = append(messages, m)
					}
				}
			}
			if len(messages) == 0 {
				t.Fatal("no message")
			}
			for _, m := range messages {
				if err := k.Check(m); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestKernelFinds plants what a Kernel is there to find: wrong tables, a complaint in
// the log, a kernel that does not answer.
func TestKernelFinds(t *testing.T) {
	k := openKernel(t)
	set := rtattr.RequestSet(rtattr.RTM_SETLINK)
	mtu := func(n int) rtattr.Msg {
		tree := &Tree{Type: rtattr.RTM_SETLINK, Flags: rtattr.NLM_F_REQUEST, Header: make([]byte, 16),
			Attrs: []*Attr{{Type: rtattr.IFLA_TXQLEN, Payload: make([]byte, 4)}, {Type: rtattr.IFLA_MTU, Payload: make([]byte, n)}}}
		put(tree.Header[4:], rtattr.S32, 4, 2)
		if n >= 4 {
			put(tree.Attrs[1].Payload, rtattr.U32, 4, 1400)
		}
		return tree.Bytes()
	}
	row := &set.Attrs[rtattr.IFLA_MTU]
	right := *row
	defer func() { *row = right }()
	find := func(name string, m rtattr.Msg, want HitKind) *Hit {
		t.Helper()
		err := k.Check(m)
		var h *Hit
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "" && (!errors.As(err, &h) || h.Kind != want):
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		return h
	}
	find("as it is", mtu(4), "")
	find("too short", mtu(2), "")
	find("longer, which is agreed on", mtu(8), "")
	if len(k.Agreed()[agreedLonger]) == 0 {
		t.Errorf("agreed: %v", k.Agreed())
	}
	row.Type, row.Min, row.Max = rtattr.U16, 2, 2
	if h := find("u16", mtu(2), Refused); h != nil {
		if small, err := k.Minimize(h); err != nil || len(small.Message) > 16+16+8 || !small.Same(h) { // the one attribute
			t.Errorf("%v\n%s", err, text(small.Message))
		}
	}
	row.Type, row.Min, row.Max = rtattr.U64, 8, 8
	find("u64", mtu(4), Accepted)
	*row = right
	// Too quiet for the console, from which the host would take it.
	if _, err := k.log.WriteString("<7>WARNING: CPU: 0 PID: 1 at planted.c:1\n"); err != nil {
		t.Fatal(err)
	}
	if h := find("complaint", mtu(4), Complaint); h != nil {
		if !strings.Contains(string(h.Reproducer("x")), "planted.c:1") {
			t.Errorf("%s", h.Reproducer("x"))
		}
		// It was not the message: there is nothing to make smaller.
		if small, err := k.Minimize(h); err != nil || small != h {
			t.Errorf("%v, %v", small, err)
		}
	}
	find("after it", mtu(4), "")
	k.Patience = 1
	find("hang", mtu(4), Hang)
	find("after it", mtu(4), Hang) // for good
	if err := k.Reset(); err == nil {
		t.Error("Reset after a hang")
	}
}

// TestKernelLethal sends the message that stops Linux 6.18. A kernel that answers is
// one that lives.
func TestKernelLethal(t *testing.T) {
	k := openKernel(t)
	m := Lethal()
	err := k.Check(m)
	var h *Hit
	if errors.As(err, &h) {
		save(h, "Lethal")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Linux %s answers: %v %s", k.Release, k.last.errno, k.last.text)
	if k.last.errno != 0 {
		t.Errorf("%v: %s", k.last.errno, k.last.text)
	}
	again := bytes.Clone(m)
	rtattr.Msg(again).SetFlags(rtattr.NLM_F_REQUEST | rtattr.NLM_F_CREATE | rtattr.NLM_F_REPLACE)
	if err := k.Check(again); err != nil {
		t.Error(err)
	}
}
