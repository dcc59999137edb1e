package link_test

import (
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// FuzzParse reads anything as a link. What a link says of itself is written and
// read again: the same comes out.
func FuzzParse(f *testing.F) {
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range files {
		if m := rtattr.Msg(g.Wire); m.Type() == rtattr.RTM_NEWLINK {
			f.Add([]byte(m.Payload()))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var v rtattr.LinkView
		v.Parse(b) // what it leaves out is no reason to stop
		l, err := link.Parse(&v)
		vfs, _ := link.ParseVFs(&v)
		if m, _, err := rtattr.NextMsg(b); err == nil {
			link.Object(link.Filter{Kind: "veth"}).Parse(m)
		}
		if err != nil {
			return
		}
		again := func(build builder) (w rtattr.LinkView, ok bool) {
			var e rtattr.Encoder
			build(&e)
			b, err := e.Finish()
			if err != nil {
				return w, false // an index or a name that no link has
			}
			if err := w.Parse(rtattr.Msg(b).Payload()); err != nil {
				t.Fatal(err)
			}
			return w, true
		}
		if w, ok := again(add(l.Config(), link.Raw{Kind: l.Kind})); ok {
			got, err := link.Parse(&w)
			got.HWType = l.HWType // not in a request
			if err != nil || got.Config() != l.Config() {
				t.Errorf("%v\ngot  %#v\nwant %#v", err, got.Config(), l.Config())
			}
		}
		if w, ok := again(set(l.Index, l.Rest())); ok {
			got, err := link.Parse(&w)
			if err != nil || got.Rest() != l.Rest() {
				t.Errorf("%v\ngot  %#v\nwant %#v", err, got.Rest(), l.Rest())
			}
		}
		for _, want := range vfs {
			want.MAC, want.VLAN, want.PortGUID = link.HardwareAddr{}, link.Opt[link.VFVLAN]{}, link.Opt[uint64]{} // need not come out alike
			if w, ok := again(vf(want)); ok {
				if got, err := link.ParseVFs(&w); err != nil || len(got) != 1 || got[0] != want {
					t.Errorf("%v\ngot  %#v\nwant %#v", err, got, want)
				}
			}
		}
	})
}
