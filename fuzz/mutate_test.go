package fuzz

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/rtattr"
)

// TestBreak wants each fault in generated and recorded messages to be one, and no
// more than one.
func TestBreak(t *testing.T) {
	messages := recorded(t)
	for seed := range uint64(500) {
		messages = append(messages, new(Generator).Seed(seed))
	}
	for _, kind := range FaultKinds {
		n, found := 0, 0
		for i, m := range messages {
			if messageSet(m) == nil {
				continue
			}
			tree, err := Parse(m)
			if err != nil {
				t.Fatal(err)
			}
			m = tree.Bytes() // ip leaves dirt in pads
			before := bytes.Clone(m)
			b, fault, ok := Break(m, kind, Steer(uint64(i))[:8])
			if !bytes.Equal(m, before) {
				t.Fatalf("%v: the message was changed", kind)
			}
			if !ok {
				continue
			}
			n++
			if bytes.Equal(b, m) || fault.Kind != kind || fault.Path == "" || fault.What == "" {
				t.Fatalf("%v: %v:\n%x\n%x", kind, fault, []byte(m), []byte(b))
			}
			if Check(m) == nil && Check(b) != nil {
				found++
			}
			switch kind {
			case Order:
				if !bytes.Equal(sorted(m), sorted(b)) {
					t.Fatalf("%v:\n%s\n%s", fault, dump(m), dump(b))
				}
			case Duplicate:
				if len(b) <= len(m) {
					t.Fatalf("%v: %d bytes of %d", fault, len(b), len(m))
				}
			case Truncation:
				if !bytes.HasPrefix(m[16:], b[16:]) {
					t.Fatalf("%v:\n%s\n%s", fault, dump(m), dump(b))
				}
			case Length, NestFlag:
				if different := differences(m, b); different < 1 || different > 2 {
					t.Fatalf("%v: %d bytes differ", fault, different)
				}
			}
		}
		t.Logf("%v: %d messages, the tables object to %d", kind, n, found)
		if n < 300 {
			t.Errorf("%v: only %d messages", kind, n)
		}
		switch kind { // the tables must see most of these
		case Length, Alignment, Size, Unknown:
			if found < n/4 {
				t.Errorf("%v: Check finds %d of %d", kind, found, n)
			}
		}
	}
	if _, _, ok := Break(nil, Size, nil); ok {
		t.Error("nothing can be broken")
	}
	if got := FaultKind(99).String(); got != "fault 99" {
		t.Error(got)
	}
}

func dump(b []byte) string {
	var s strings.Builder
	rtattr.Dump(&s, b)
	return s.String()
}

func sorted(b []byte) []byte { return slices.Sorted(slices.Values(b)) }

func differences(a, b []byte) (n int) {
	if len(a) != len(b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func TestMinimize(t *testing.T) {
	g := Generator{Types: []uint16{rtattr.RTM_NEWLINK}}
	done := 0
	for seed := uint64(0); seed < 50_000 && done < 3; seed++ {
		m := g.Seed(seed)
		has := func(b rtattr.Msg) bool { // a VLAN id of a link kind
			for n := range messageSet(b).Walk(b) {
				if n.Set != nil && n.Attr != nil && n.Set.CName(n.Attr) == "IFLA_VLAN_ID" && n.Err == nil {
					return true
				}
			}
			return false
		}
		if !has(m) {
			continue
		}
		done++
		small := Minimize(m, has)
		const want = 16 + 16 + 4 + 4 + 8 + 4 + 8 // headers, LINKINFO, KIND "vlan", DATA, ID
		if !has(small) || len(small) > want+4 {
			t.Errorf("seed %d: %d bytes\n%s", seed, len(small), dump(small))
		}
	}
	if done == 0 {
		t.Error("no message has a VLAN")
	}

	// Broken framing: words are left out.
	m := append(new(Generator).Seed(3), make([]byte, 100)...)
	odd := func(b rtattr.Msg) bool { return bytes.Contains(b, []byte{0xde, 0xad, 0xbe, 0xef}) }
	copy(m[len(m)-8:], []byte{0xde, 0xad, 0xbe, 0xef})
	if small := Minimize(m, odd); len(small) > 16+8 || !odd(small) {
		t.Errorf("%x", []byte(small))
	}
}
