package fuzz

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlwire/nlwire/rtattr"
)

// TestGenerator wants generated messages to be as the tables say, and a Tree of
// one to be that message.
func TestGenerator(t *testing.T) {
	const seeds = 4_000
	for _, replies := range []bool{false, true} {
		g := Generator{Replies: replies}
		types := map[uint16]bool{}
		seen := map[*rtattr.Attr]bool{}
		largest, deepest := 0, 0
		for seed := range uint64(seeds) {
			m := g.Seed(seed)
			if err := Check(m); err != nil {
				var text strings.Builder
				rtattr.Dump(&text, m)
				t.Fatalf("seed %d: %v\n%s", seed, err, &text)
			}
			if !bytes.Equal(m, g.Seed(seed)) {
				t.Fatalf("seed %d gives two messages", seed)
			}
			types[m.Type()] = true
			largest = max(largest, len(m))
			for n := range messageSet(m).Walk(m) {
				seen[n.Attr] = true
				deepest = max(deepest, n.Depth)
			}
			tree, err := Parse(m)
			if err != nil {
				t.Fatal(err)
			}
			if got := tree.Bytes(); !bytes.Equal(got, m) {
				t.Fatalf("seed %d: %s", seed, cmp.Diff([]byte(m), []byte(got)))
			}
		}
		if len(types) != len(messageTypes) {
			t.Errorf("%d of %d message types", len(types), len(messageTypes))
		}
		t.Logf("replies %v: %d message types, %d attributes, up to %d bytes and %d deep", replies, len(types), len(seen), largest, deepest)
		if largest < 1000 || deepest < 4 {
			t.Errorf("up to %d bytes, %d deep", largest, deepest)
		}
	}
}

// TestGeneratorReach wants every attribute of every set to be generated.
func TestGeneratorReach(t *testing.T) {
	for _, replies := range []bool{false, true} {
		n := 0
		done := map[*rtattr.Set]bool{}
		for _, typ := range messageTypes {
			g := Generator{Types: []uint16{typ}, Replies: replies}
			set := rtattr.MsgSet(typ)
			if !replies {
				set = rtattr.RequestSet(typ)
			}
			if done[set] {
				continue
			}
			done[set] = true
			want := map[*rtattr.Attr]string{}
			reach(set, want, map[*rtattr.Set]bool{})
			n += len(want)
			for seed := uint64(0); seed < 50_000 && len(want) > 0; seed++ {
				for n := range set.Walk(g.Seed(seed)) {
					delete(want, n.Attr)
				}
			}
			for _, name := range want {
				t.Errorf("replies %v: %s: never %s", replies, rtattr.MsgName(typ), name)
			}
		}
		t.Logf("replies %v: %d attributes of %d sets", replies, n, len(done))
	}
}

// reach adds what can be in a set.
func reach(set *rtattr.Set, all map[*rtattr.Attr]string, seen map[*rtattr.Set]bool) {
	if seen[set] {
		return
	}
	seen[set] = true
	for i := range set.Attrs {
		a := &set.Attrs[i]
		forms := []*rtattr.Attr{a}
		for k := range a.Variants {
			forms = append(forms, &a.Variants[k].Attr)
		}
		for _, a := range forms {
			if a.Name == "" || a.Type == rtattr.Pad || a.Type == rtattr.Unused {
				continue
			}
			all[a] = set.CName(a)
			if a.Nested != nil {
				reach(a.Nested.Set(), all, seen)
			}
			if a.Sub != nil {
				for _, f := range a.Sub.Formats {
					if f.Nested != nil {
						reach(f.Nested.Set(), all, seen)
					}
				}
			}
		}
	}
}

// TestGeneratorSteer wants the decisions to matter, and none to be a message.
func TestGeneratorSteer(t *testing.T) {
	var g Generator
	if err := Check(g.Message(nil)); err != nil {
		t.Error(err)
	}
	steer := Steer(7)
	different := 0
	for i := range steer {
		b := bytes.Clone(steer)
		b[i]++
		if !bytes.Equal(g.Message(b), g.Message(steer)) {
			different++
		}
	}
	if different < 10 {
		t.Errorf("%d of %d decisions change the message", different, len(steer))
	}
	g = Generator{Types: []uint16{rtattr.RTM_NEWROUTE}, Depth: 1}
	for seed := range uint64(500) {
		m := g.Seed(seed)
		if m.Type() != rtattr.RTM_NEWROUTE {
			t.Fatalf("type %d", m.Type())
		}
		for n := range messageSet(m).Walk(m) {
			if n.Depth > 2 { // an element of a sequence is a level of Walk
				t.Fatalf("seed %d: %d deep", seed, n.Depth)
			}
		}
	}
}

func FuzzGenerator(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(Steer(seed))
	}
	f.Fuzz(func(t *testing.T, steer []byte) {
		var g Generator
		m := g.Message(steer)
		if err := Check(m); err != nil {
			t.Errorf("%x: %v", []byte(m), err)
		}
		tree, err := Parse(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Bytes(); !bytes.Equal(got, m) {
			t.Errorf("%x becomes %x", []byte(m), []byte(got))
		}
	})
}
