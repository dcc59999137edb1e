package fuzz

import (
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

// seeds adds the payloads of all recorded messages of these types, behind skip bytes.
func seeds(f *testing.F, skip int, types ...uint16) {
	f.Helper()
	n := 0
	for _, m := range recorded(f) {
		for _, typ := range types {
			if m.Type() == typ && len(m.Payload()) >= skip {
				f.Add(m.Payload()[skip:])
				n++
			}
		}
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
}

// recorded returns the first message of each golden.
func recorded(tb testing.TB) (all []rtattr.Msg) {
	tb.Helper()
	for _, dir := range []string{"../rtattr/testdata/wire", "../internal/bench/testdata"} {
		files, err := golden.Load(dir)
		if err != nil {
			tb.Fatal(err)
		}
		for _, file := range files {
			m, _, err := rtattr.NextMsg(file.Wire)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, m)
		}
	}
	return all
}

// target fuzzes one check of a payload.
func target(f *testing.F, check func([]byte) error) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := check(b[:len(b):len(b)]); err != nil {
			t.Error(err)
		}
	})
}

func FuzzAttrs(f *testing.F) {
	seeds(f, 8, rtattr.RTM_NEWADDR, rtattr.RTM_DELADDR)
	seeds(f, 12, rtattr.RTM_NEWROUTE, rtattr.RTM_NEWNEIGH)
	seeds(f, 16, rtattr.RTM_NEWLINK)
	f.Add([]byte{4, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0})       // a length of 0
	f.Add([]byte{5, 0, 1, 0, 1})                            // no pad
	f.Add([]byte{4, 0, 1, 0, 9})                            // a stray byte
	f.Add([]byte{3, 0, 1, 0, 4, 0, 1, 0})                   // less than a header
	f.Add([]byte{8, 0, 1, 0x80, 4, 0, 2, 0, 9, 0, 3, 0x40}) // flags; a length beyond the end
	target(f, DiffAttrs)
}

func FuzzAddr(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWADDR, rtattr.RTM_DELADDR, rtattr.RTM_GETADDR)
	target(f, DiffAddr)
}

func FuzzLink(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK, rtattr.RTM_GETLINK, rtattr.RTM_SETLINK)
	target(f, DiffLink)
}

func FuzzNeigh(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWNEIGH, rtattr.RTM_DELNEIGH, rtattr.RTM_GETNEIGH)
	target(f, DiffNeigh)
}

func FuzzRoute(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE, rtattr.RTM_GETROUTE)
	target(f, DiffRoute)
}

func FuzzRule(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWRULE, rtattr.RTM_DELRULE, rtattr.RTM_GETRULE)
	target(f, DiffRule)
}

// FuzzMessage gives whole messages, any bytes, to every oracle.
func FuzzMessage(f *testing.F) {
	for _, m := range recorded(f) {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) { ask(t, b) })
}

// FuzzBroken gives generated messages to every oracle, as they are and broken in
// one way.
func FuzzBroken(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(uint8(seed), Steer(seed), Steer(seed + 100)[:8])
	}
	f.Fuzz(func(t *testing.T, kind uint8, steer, where []byte) {
		g := Generator{Replies: kind&0x80 != 0}
		m := g.Message(steer)
		ask(t, m)
		if b, _, ok := Break(m, FaultKinds[int(kind&0x7f)%len(FaultKinds)], where); ok {
			ask(t, b)
		}
	})
}

// ask wants every oracle content.
func ask(t *testing.T, b []byte) {
	t.Helper()
	for _, o := range Oracles {
		if err := o.Check(b[:len(b):len(b)]); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
	}
}
