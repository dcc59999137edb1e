package fuzz

import (
	"bytes"
	"encoding"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

// seeds adds the payloads of all recorded messages of these types, behind skip bytes.
func seeds(f *testing.F, skip int, types ...uint16) {
	f.Helper()
	n := 0
	for _, dir := range []string{"../rtattr/testdata/wire", "../internal/bench/testdata"} {
		files, err := golden.Load(dir)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			m, _, err := rtattr.NextMsg(file.Wire)
			if err != nil {
				f.Fatal(err)
			}
			for _, typ := range types {
				if m.Type() == typ && len(m.Payload()) >= skip {
					f.Add(m.Payload()[skip:])
					n++
				}
			}
		}
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
}

// same wants two results equal but for the differences that are agreed on.
func same[M any](t *testing.T, b []byte, theirs, ours *M, agreed []difference[M]) {
	t.Helper()
	for _, d := range agreed {
		d.level(b, theirs, ours)
	}
	if reflect.DeepEqual(theirs, ours) { // fast; cmp.Diff also takes nil for empty
		return
	}
	if diff := cmp.Diff(theirs, ours, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%x\nthe peer reads -, we read +:\n%s", b, diff)
	}
}

// unmarshal reports whether rtnetlink accepts b. It may panic; we may not.
func unmarshal(m encoding.BinaryUnmarshaler, b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return m.UnmarshalBinary(bytes.Clone(b)) == nil
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
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		ours, theirs := parseAttrs(t, b), decodeAttrs(b)
		same(t, b, theirs, ours, attrsDifferences)
	})
}

// parseAttrs reads b with rtattr and checks that its iterators agree.
func parseAttrs(t *testing.T, b []byte) *attrsResult {
	a, err := rtattr.ParseAttrs(b)
	r := &attrsResult{Bad: err != nil}
	var last uint16
	var want []byte
	for typ, v := range a.All() {
		if cap(v) != len(v) {
			t.Errorf("attribute %d: %d bytes, capacity %d", typ, len(v), cap(v))
		}
		r.Attrs = append(r.Attrs, netlink.Attribute{Length: uint16(4 + len(v)), Type: typ, Data: v})
		last, want = typ, v
	}
	if len(r.Attrs) == 0 {
		return r
	}
	if got, ok := a.Find(last); !ok || !bytes.Equal(got, want) {
		t.Errorf("Find(%d) is %x, %v, want %x", last, got, ok, want)
	}
	var of []byte
	for of = range a.Of(last) {
	}
	if !bytes.Equal(of, want) {
		t.Errorf("Of(%d) ends with %x, want %x", last, of, want)
	}
	return r
}

// decodeAttrs reads b with mdlayher, as far as that goes.
func decodeAttrs(b []byte) *attrsResult {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return &attrsResult{Bad: true}
	}
	r := &attrsResult{}
	for ad.Next() {
		v := ad.Bytes()
		r.Attrs = append(r.Attrs, netlink.Attribute{Length: uint16(4 + len(v)), Type: ad.Type(), Data: v})
	}
	r.Bad = ad.Err() != nil
	return r
}

func FuzzAddr(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWADDR, rtattr.RTM_DELADDR, rtattr.RTM_GETADDR)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var theirs rtnetlink.AddressMessage
		ours, ok := addrMessage(b)
		if ok && unmarshal(&theirs, b) {
			same(t, b, &theirs, ours, addrDifferences)
		}
	})
}

func FuzzLink(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK, rtattr.RTM_GETLINK, rtattr.RTM_SETLINK)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var theirs rtnetlink.LinkMessage
		ours, ok := linkMessage(b)
		if ok && unmarshal(&theirs, b) {
			same(t, b, &theirs, ours, linkDifferences)
		}
	})
}

func FuzzNeigh(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWNEIGH, rtattr.RTM_DELNEIGH, rtattr.RTM_GETNEIGH)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var theirs rtnetlink.NeighMessage
		ours, ok := neighMessage(b)
		if ok && unmarshal(&theirs, b) {
			same(t, b, &theirs, ours, neighDifferences)
		}
	})
}

func FuzzRoute(f *testing.F) {
	seeds(f, 0, rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE, rtattr.RTM_GETROUTE)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var theirs rtnetlink.RouteMessage
		ours, ok := routeMessage(b)
		if ok && unmarshal(&theirs, b) {
			same(t, b, &theirs, ours, routeDifferences)
		}
	})
}
