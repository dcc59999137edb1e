package address_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	local4, local6 := pfx("10.0.0.1/24"), pfx("fd00::1/64")
	for _, tt := range []struct {
		name string
		a    address.Address
		want string
	}{
		{"zero", address.Address{}, "invalid Prefix dev 0: no Local address, or no prefix length"},
		{"NoLength", address.Address{Index: 3, Local: netip.PrefixFrom(ip("10.0.0.1"), 33)}, "invalid Prefix dev 3: no Local address, or no prefix length"},
		{"NoIndex", address.Address{Local: local4}, "10.0.0.1/24 dev 0: no interface: Index is 0"},
		{"Unspecified4", address.Address{Index: 3, Local: pfx("0.0.0.0/0")}, "0.0.0.0/0 dev 3: Local is the unspecified address"},
		{"Unspecified6", address.Address{Index: 3, Local: pfx("::/64")}, "::/64 dev 3: Local is the unspecified address"},
		{"PeerNoLength", address.Address{Index: 3, Local: local4, Peer: netip.PrefixFrom(ip("10.0.0.2"), 33)}, "10.0.0.1 peer invalid Prefix dev 3: Peer has no prefix length"},
		{"PeerFamily", address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: pfx("fd00::2/128")}, "10.0.0.1 peer fd00::2/128 dev 3: Peer is of another address family than Local"},
		{"PeerMapped", address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: pfx("::ffff:10.0.0.2/128")}, "10.0.0.1 peer ::ffff:10.0.0.2/128 dev 3: Peer is of another address family than Local"},
		{"PeerIsLocal", address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: local4}, "10.0.0.1 peer 10.0.0.1/24 dev 3: Peer is the Local address"},
		{"PeerUnspecified6", address.Address{Index: 3, Local: pfx("fd00::1/128"), Peer: pfx("::/128")}, "fd00::1 peer ::/128 dev 3: Peer is the unspecified address, which is no peer in IPv6"},
		{"PeerAndLength", address.Address{Index: 3, Local: local4, Peer: pfx("10.0.0.2/24")}, "10.0.0.1 peer 10.0.0.2/24 dev 3: Local is a /24: with a Peer it is a /32, and the length of the prefix is in Peer"},
		{"PeerAndLength6", address.Address{Index: 3, Local: local6, Peer: pfx("fd00::2/64")}, "fd00::1 peer fd00::2/64 dev 3: Local is a /64: with a Peer it is a /128, and the length of the prefix is in Peer"},
		{"Broadcast6", address.Address{Index: 3, Local: local6, Broadcast: ip("fd00::ff")}, "fd00::1/64 broadcast fd00::ff dev 3: IPv6 has no Broadcast address"},
		{"BroadcastFamily", address.Address{Index: 3, Local: local4, Broadcast: ip("fd00::ff")}, "10.0.0.1/24 broadcast fd00::ff dev 3: Broadcast is of another address family than Local"},
		{"Label6", address.Address{Index: 3, Local: local6, Label: "v0:a"}, `fd00::1/64 label "v0:a" dev 3: an IPv6 address has no Label`},
		{"LabelLong", address.Address{Index: 3, Local: local4, Label: "v0:567890123456"}, ""},
		{"LabelTooLong", address.Address{Index: 3, Local: local4, Label: "v0:5678901234567"}, `10.0.0.1/24 label "v0:5678901234567" dev 3: Label has 16 bytes, at most 15 fit`},
		{"LabelNUL", address.Address{Index: 3, Local: local4, Label: "v0\x00"}, `10.0.0.1/24 label "v0\x00" dev 3: NUL inside the Label`},
		{"ValidNegative", address.Address{Index: 3, Local: local4, Valid: -2}, "10.0.0.1/24 valid_lft -2 dev 3: Valid is -2 seconds"},
		{"ValidTooLong", address.Address{Index: 3, Local: local4, Valid: 1 << 32}, "10.0.0.1/24 valid_lft 4294967296 dev 3: Valid is 4294967296 seconds"},
		{"ValidExpired", address.Address{Index: 3, Local: local4, Valid: address.Expired}, "10.0.0.1/24 valid_lft 0 dev 3: Valid is Expired"},
		{"PreferredTooLong", address.Address{Index: 3, Local: local4, Preferred: 1 << 32}, "10.0.0.1/24 preferred_lft 4294967296 dev 3: Preferred is 4294967296 seconds"},
		{"PreferredOverValid", address.Address{Index: 3, Local: local4, Valid: 60, Preferred: 61}, "10.0.0.1/24 valid_lft 60 preferred_lft 61 dev 3: the address is preferred for longer (61) than valid (60)"},
		{"PreferredForever", address.Address{Index: 3, Local: local4, Valid: 60}, "10.0.0.1/24 valid_lft 60 dev 3: the address is preferred for longer (forever) than valid (60)"},
		{"PeerUnspecified4", address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: pfx("0.0.0.0/32")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, put := range []func(*rtattr.Encoder, address.Address){address.AppendAdd, address.AppendReplace} {
				var e rtattr.Encoder
				put(&e, tt.a)
				_, err := e.Finish()
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
				} else if err == nil || err.Error() != "address: "+tt.want {
					t.Errorf("got  %v\nwant address: %s", err, tt.want)
				}
			}
		})
	}
}

// TestDelete wants AppendDelete to look at nothing but what names the address.
func TestDelete(t *testing.T) {
	a := all
	a.Valid = -7
	var e rtattr.Encoder
	address.AppendDelete(&e, a)
	got, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	e = rtattr.Encoder{}
	address.AppendDelete(&e, address.Address{Index: 3, Local: all.Local, Peer: all.Peer, Label: all.Label})
	want, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	e = rtattr.Encoder{}
	address.AppendDelete(&e, address.Address{Index: 3})
	if _, err := e.Finish(); err == nil {
		t.Error("no error without a Local")
	}
}

func TestListFamily(t *testing.T) {
	var e rtattr.Encoder
	address.AppendList(&e, address.Filter{Family: rtattr.AF_BRIDGE, Index: 3})
	const want = "address: list: family 7 dev 3, neither IPv4 nor IPv6"
	if _, err := e.Finish(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// view returns a view of the message that put makes.
func view(t *testing.T, h rtattr.IfAddrmsg, put func(rtattr.AddrEncoder)) *rtattr.AddrView {
	t.Helper()
	var e rtattr.Encoder
	w := rtattr.AppendAddr(&e, rtattr.RTM_NEWADDR, 0, h)
	put(w)
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v rtattr.AddrView
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		t.Fatal(err)
	}
	return &v
}

// TestParse has the forms that the kernel lists and ip does not send.
func TestParse(t *testing.T) {
	inet := func(n uint8) rtattr.IfAddrmsg {
		return rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: n, Index: 3}
	}
	inet6 := func(n uint8) rtattr.IfAddrmsg {
		return rtattr.IfAddrmsg{Family: rtattr.AF_INET6, PrefixLen: n, Index: 3}
	}
	for _, tt := range []struct {
		name string
		h    rtattr.IfAddrmsg
		put  func(rtattr.AddrEncoder)
		want address.Address
		err  string
	}{
		{"IPv6WithoutLocal", inet6(64), func(w rtattr.AddrEncoder) { w.Address(ip("fd00::1")) },
			address.Address{Index: 3, Local: pfx("fd00::1/64")}, ""},
		{"IPv6WithoutAddress", inet6(64), func(w rtattr.AddrEncoder) { w.Local(ip("fd00::1")) },
			address.Address{Index: 3, Local: pfx("fd00::1/64")}, ""},
		{"PPP", inet(32), func(w rtattr.AddrEncoder) { w.Local(ip("10.0.0.1")) },
			address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: pfx("0.0.0.0/32")}, ""},
		{"IPv4WithoutLocal", inet(24), func(w rtattr.AddrEncoder) { w.Address(ip("10.0.0.1")) },
			address.Address{Index: 3, Local: pfx("10.0.0.1/24")}, ""},
		{"FlagsInHeader", rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3, Flags: 0x80}, func(w rtattr.AddrEncoder) { w.Address(ip("10.0.0.1")) },
			address.Address{Index: 3, Local: pfx("10.0.0.1/24"), Flags: rtattr.IFA_F_PERMANENT}, ""},
		{"FlagsOverride", rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3, Flags: 0x80}, func(w rtattr.AddrEncoder) { w.Address(ip("10.0.0.1")); w.Flags(0) },
			address.Address{Index: 3, Local: pfx("10.0.0.1/24")}, ""},
		{"Unknown", inet(24), func(w rtattr.AddrEncoder) {
			w.Local(ip("10.0.0.1"))
			w.Address(ip("10.0.0.1"))
			w.TargetNetNSID(7)
			w.Uint32(777, 7)
		}, address.Address{Index: 3, Local: pfx("10.0.0.1/24")}, ""},
		{"Lifetimes", inet(24), func(w rtattr.AddrEncoder) {
			w.Address(ip("10.0.0.1"))
			w.CacheInfo(rtattr.AddrCacheInfo{Valid: 0xffffffff, Preferred: 0, Created: 7, Updated: 8})
		}, address.Address{Index: 3, Local: pfx("10.0.0.1/24"), Valid: address.Forever, Preferred: address.Expired}, ""},
		{"Empty", inet(24), func(rtattr.AddrEncoder) {},
			address.Address{}, "address: no address in the message (interface 3)"},
		{"Family", rtattr.IfAddrmsg{Family: 45, PrefixLen: 8}, func(w rtattr.AddrEncoder) {},
			address.Address{}, "address: message of address family 45, neither IPv4 nor IPv6"},
		{"WrongFamily", inet(24), func(w rtattr.AddrEncoder) { w.Local(ip("10.0.0.1")); w.Address(ip("fd00::1")) },
			address.Address{}, "address: 10.0.0.1 and fd00::1 in a message of address family 2"},
		{"PrefixLen", inet(33), func(w rtattr.AddrEncoder) { w.Local(ip("10.0.0.1")); w.Address(ip("10.0.0.1")) },
			address.Address{}, "address: 10.0.0.1 of interface 3: prefix length 33"},
		{"PeerPrefixLen", inet(33), func(w rtattr.AddrEncoder) { w.Local(ip("10.0.0.1")); w.Address(ip("10.0.0.2")) },
			address.Address{}, "address: 10.0.0.1 of interface 3: prefix length 33"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := address.Parse(view(t, tt.h, tt.put))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a != tt.want {
				t.Errorf("got %v, want %v", a, tt.want)
			}
			var e rtattr.Encoder
			address.AppendAdd(&e, a)
			if _, err := e.Finish(); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		})
	}
}

func TestString(t *testing.T) {
	full := all
	full.Protocol = rtattr.IFAPROT_KERNEL_LL
	full.Flags |= rtattr.IFA_F_PERMANENT
	full.Preferred = address.Expired
	full.Valid = address.Forever
	for _, tt := range []struct {
		a    address.Address
		want string
	}{
		{address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}, "10.66.66.1 peer 10.66.66.2/32 dev 3"},
		{address.Address{Index: 3, Local: pfx("fd00::1/64")}, "fd00::1/64 dev 3"},
		{full, `192.0.2.1 peer 198.51.100.1/24 broadcast 198.51.100.255 label "v0:all" scope link metric 77 proto kernel-ll flags permanent|noprefixroute valid_lft forever preferred_lft 0 dev 3`},
	} {
		if got := tt.a.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestAllocs(t *testing.T) {
	six := address.Address{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128"), Flags: rtattr.IFA_F_NODAD}
	buf := make([]byte, 4096)
	var v rtattr.AddrView
	var e rtattr.Encoder
	address.AppendAdd(&e, six)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"AppendAdd", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendAdd(&e, all) }},
		{"AppendAdd6", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendAdd(&e, six) }},
		{"AppendReplace", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendReplace(&e, all) }},
		{"AppendChange", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendChange(&e, all) }},
		{"AppendListMulticast", func() {
			var e rtattr.Encoder
			e.Reset(buf)
			address.AppendListMulticast(&e, address.Filter{Family: rtattr.AF_INET6, NetNS: address.NSIDOf(0)})
		}},
		{"AppendListAnycast", func() {
			var e rtattr.Encoder
			e.Reset(buf)
			address.AppendListAnycast(&e, address.Filter{Family: rtattr.AF_INET6})
		}},
		{"AppendDelete", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendDelete(&e, all) }},
		{"AppendList", func() { var e rtattr.Encoder; e.Reset(buf); address.AppendList(&e, address.Filter{Index: 3}) }},
		{"Begin", func() {
			var e rtattr.Encoder
			e.Reset(buf)
			w := address.Begin(&e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE, all)
			w.TargetNetNSID(7)
			w.End()
		}},
		{"Parse", func() {
			v.Parse(rtattr.Msg(b).Payload())
			if _, err := address.Parse(&v); err != nil {
				t.Error(err)
			}
		}},
	} {
		if n := testing.AllocsPerRun(100, tt.f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func BenchmarkAppendAdd(b *testing.B) {
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		var e rtattr.Encoder
		e.Reset(buf)
		address.AppendAdd(&e, all)
	}
}

func TestLifetimeString(t *testing.T) {
	var got []string
	for _, l := range []address.Lifetime{0, address.Expired, 60, address.Forever} {
		got = append(got, l.String())
	}
	if s := strings.Join(got, ","); s != ",0,60,forever" {
		t.Error(s)
	}
}
