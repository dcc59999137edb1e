package route_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

// payload returns what is behind the header of a message that adds r.
func payload(t *testing.T, r route.Route) []byte {
	t.Helper()
	var e rtattr.Encoder
	route.AppendAdd(&e, r)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b[16:])
}

func parsed(t *testing.T, b []byte) route.Route {
	t.Helper()
	var v rtattr.RouteView
	if err := v.Parse(b); err != nil {
		t.Fatal(err)
	}
	r, err := route.Parse(&v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A default route has one form in what is written and in what is listed, whether the
// message names its destination or not.
func TestDefaultRouteForms(t *testing.T) {
	for _, zero := range []string{"0.0.0.0/0", "::/0"} {
		r := route.Route{Dst: pfx(zero), Index: 3}
		b := payload(t, r)
		with := append(bytes.Clone(b), 4+byte(len(r.Dst.Addr().AsSlice())), 0, rtattr.RTA_DST, 0)
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			with[len(b)], with[len(b)+1], with[len(b)+2], with[len(b)+3] = 0, with[len(b)], 0, rtattr.RTA_DST
		}
		with = append(with, r.Dst.Addr().AsSlice()...)
		without := rtattr.RtMsg{Family: b[0], Table: uint8(rtattr.RT_TABLE_MAIN)}.Append(nil)
		for name, b := range map[string][]byte{"as written": b, "with": with, "without": without} {
			if got := parsed(t, b); got.Dst != pfx(zero) {
				t.Errorf("%s %s: %v", zero, name, got.Dst)
			}
		}
	}
}

// The last attribute need not be padded.
func TestUnpaddedLastAttribute(t *testing.T) {
	r := route.Route{Dst: pfx("fd09::/64"), Index: 3, Pref: rtattr.ICMPV6_ROUTER_PREF_HIGH}
	b := rtattr.RtMsg{Family: rtattr.AF_INET6, Table: uint8(rtattr.RT_TABLE_MAIN)}.Append(nil)
	b = binary.NativeEndian.AppendUint16(b, 5)
	b = binary.NativeEndian.AppendUint16(b, rtattr.RTA_PREF)
	if got := parsed(t, append(b, byte(r.Pref))); got.Pref != r.Pref {
		t.Error(got)
	}
	// Nor that of an encapsulation, written again in front of others.
	r = route.Route{Dst: pfx("10.9.0.0/16"), Index: 3, Encap: encap.Raw{Kind: 99, Attrs: "\x05\x00\x01\x00a"}}
	got := parsed(t, payload(t, r))
	if got.Index != 3 || got.Encap != r.Encap {
		t.Errorf("%+v", got)
	}
}

// Unknown attributes and encapsulations, and labels where they do not belong, do not
// make a list fail.
func TestUnknownAttributes(t *testing.T) {
	r := route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("10.66.66.2"), Encap: encap.Raw{Kind: 65535, Attrs: "\x04\x00\xff\x3f"}}
	b := payload(t, r)
	for _, typ := range []uint16{rtattr.RTA_NEWDST, rtattr.RTA_PROTOINFO, rtattr.RTA_MP_ALGO, 31, 200} {
		b = binary.NativeEndian.AppendUint16(b, 8)
		b = binary.NativeEndian.AppendUint16(b, typ)
		b = append(b, 0, 1, 1, 0) // a label with the bottom of the stack
	}
	got := parsed(t, b)
	if got.Dst != r.Dst || got.Gateway != r.Gateway || got.Encap != r.Encap {
		t.Errorf("%+v", got)
	}
}

// Locked metrics are bits of one attribute, for each of the metrics.
func TestLockedMetrics(t *testing.T) {
	want := route.Metrics{MTU: 1400, RTOMin: 40, HopLimit: 7, CongestionControl: "reno",
		Lock: 1<<rtattr.RTAX_MTU | 1<<rtattr.RTAX_RTO_MIN | 1<<rtattr.RTAX_HOPLIMIT | 1<<rtattr.RTAX_CC_ALGO}
	b := payload(t, route.Route{Dst: pfx("10.9.0.0/16"), Index: 3, Metrics: want})
	if got := parsed(t, b).Metrics; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	var v rtattr.RouteView
	if err := v.Parse(b); err != nil {
		t.Fatal(err)
	}
	m, err := v.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	locks := 0
	for range m.Attrs().Of(rtattr.RTAX_LOCK) {
		locks++
	}
	if locks != 1 {
		t.Errorf("%d RTAX_LOCK", locks)
	}
}

// A gateway of the other family has the bytes of its own, 4 or 16.
func TestViaLength(t *testing.T) {
	for _, tt := range []struct {
		r    route.Route
		want int
	}{
		{route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("fe80::2"), Index: 3}, 2 + 16},
		{route.Route{Label: 16, Gateway: ip("10.66.66.2")}, 2 + 4},
		{route.Route{Label: 16, Gateway: ip("fe80::2")}, 2 + 16},
	} {
		b := payload(t, tt.r)
		via, ok := rtattr.Attrs(b[12:]).Find(rtattr.RTA_VIA)
		if !ok || len(via) != tt.want || parsed(t, b).Gateway != tt.r.Gateway {
			t.Errorf("%v: RTA_VIA % x", tt.r, via)
		}
	}
	var e rtattr.Encoder
	route.AppendAdd(&e, route.Route{Dst: pfx("10.9.0.0/16"), Gateway: ip("::ffff:10.66.66.2")})
	if err := e.Err(); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("an IPv4 gateway in IPv6 form: %v", err)
	}
}

// A source prefix is RTA_SRC and not the preferred source address.
func TestSourceRoute(t *testing.T) {
	r := route.Route{Dst: pfx("::/0"), Src: pfx("fd00:1::/64"), Gateway: ip("fd00:1::2")}
	b := payload(t, r)
	if _, ok := rtattr.Attrs(b[12:]).Find(rtattr.RTA_PREFSRC); ok || b[2] != 64 {
		t.Errorf("% x", b)
	}
	if got := parsed(t, b); got.Src != r.Src || got.PrefSrc.IsValid() {
		t.Errorf("%+v", got)
	}
}
