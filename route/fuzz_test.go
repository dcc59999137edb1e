package route_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

// FuzzParse reads any payload of a route; what can be written reads the same.
func FuzzParse(f *testing.F) {
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if m := rtattr.Msg(file.Wire); m.Type() == rtattr.RTM_NEWROUTE || m.Type() == rtattr.RTM_DELROUTE {
			f.Add(m.Payload())
		}
	}
	// All that a kernel may list, also what ip 6.1 does not know.
	for _, r := range []route.Route{
		{Dst: pfx("fd09::/64"), Multipath: route.Hops(route.NextHop{Gateway: ip("fd00::2"), Encap: encap.SEG6{SRH: segs("fd00::3")}}, route.NextHop{Index: 3, Flags: rtattr.RTNH_F_ONLINK})},
		{Label: 16, As: encap.LabelsOf(16, 17), Gateway: ip("fd00::2"), TTLPropagate: route.PropagateOff},
		{Dst: pfx("10.9.0.0/16"), Encap: encap.IP{Options: encap.VXLANOption{GBP: 7}}, Index: 3},
		{Dst: pfx("10.9.0.0/16"), Encap: encap.Raw{Kind: 99, Attrs: "\x05\x00\x01\x00a"}, Index: 3},
	} {
		var e rtattr.Encoder
		route.AppendAdd(&e, r)
		b, err := e.Finish()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(b[16:]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v rtattr.RouteView
		if v.Parse(b) != nil {
			return
		}
		if m, err := route.ParseMulticast(&v); err == nil && m.String() == "" {
			t.Fatal("no text")
		}
		r, err := route.Parse(&v)
		if err != nil {
			return
		}
		if key := r.Key(); r.String() == "" || key != r.Key() {
			t.Fatalf("%+v", r)
		}
		var e rtattr.Encoder
		route.Begin(&e, rtattr.RTM_NEWROUTE, 0, r).End()
		w, err := e.Finish()
		if err != nil {
			return // what the kernel would refuse, or does not list
		}
		var again rtattr.RouteView
		if err := again.Parse(w[16:]); err != nil {
			t.Fatalf("%v\n% x\nwas written as\n% x", err, b, w)
		}
		x, err := route.Parse(&again)
		if err != nil {
			t.Fatal(err)
		}
		if steady(x) != steady(r) {
			t.Fatalf("%+v\nbecame\n%+v", r, x)
		}
	})
}

// steady is r as it is written: with what a message cannot leave out, and without the
// numbers of programs.
func steady(r route.Route) route.Route {
	if r.Table == 0 {
		r.Table = rtattr.RT_TABLE_MAIN
		switch r.Type {
		case rtattr.RTN_LOCAL, rtattr.RTN_BROADCAST, rtattr.RTN_ANYCAST, rtattr.RTN_NAT:
			r.Table = rtattr.RT_TABLE_LOCAL
		}
	}
	if r.Type == 0 {
		r.Type = rtattr.RTN_UNICAST
	}
	if r.Protocol == 0 {
		r.Protocol = rtattr.RTPROT_BOOT
	}
	if r.Src.IsValid() && r.Src.Bits() == 0 {
		r.Src = netip.Prefix{}
	}
	r.Encap = unnumbered(r.Encap)
	var hops []route.NextHop
	for h := range r.Multipath.All() {
		h.Encap = unnumbered(h.Encap)
		hops = append(hops, h)
	}
	r.Multipath = route.Hops(hops...)
	return r
}

func unnumbered(x encap.Encap) encap.Encap {
	if x, ok := x.(encap.SEG6Local); ok {
		x.BPF.ID = 0
		return x
	}
	return x
}
