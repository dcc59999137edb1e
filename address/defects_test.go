package address_test

import (
	"net/netip"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/rtattr"
)

// What other libraries of this kind have been found to do wrong about addresses, and is
// right here; fuzz/defects.md has the list.

// written returns a view of the message that adds a.
func written(t *testing.T, a address.Address) *rtattr.AddrView {
	t.Helper()
	var e rtattr.Encoder
	address.AppendAdd(&e, a)
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

// Issues V#329, V#471, V#472, V#496, V#1037, defect B-V6: a broadcast address is
// computed, a wrong one of a peer, and written back into the caller's struct.
func TestNoBroadcastIsInvented(t *testing.T) {
	for _, a := range []address.Address{
		{Index: 3, Local: pfx("10.66.66.1/24")},
		{Index: 3, Local: pfx("10.66.66.2/31")},
		{Index: 3, Local: pfx("10.66.66.1/32")},
		{Index: 3, Local: pfx("10.8.0.1/32"), Peer: pfx("10.8.5.0/24")},
	} {
		if got, ok := written(t, a).Broadcast(); ok {
			t.Errorf("%v: broadcast %v", a, got)
		}
	}
	want := ip("10.66.66.200")
	if got, _ := written(t, address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Broadcast: want}).Broadcast(); got != want {
		t.Errorf("broadcast %v", got)
	}
}

// Issues V#98, V#360: which of IFA_LOCAL and IFA_ADDRESS is the own address, and whose
// the prefix length is.
func TestPeerHasThePrefixLength(t *testing.T) {
	for _, a := range []address.Address{
		{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")},
		{Index: 3, Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24")},
		{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:2::2/64")},
	} {
		v := written(t, a)
		local, _ := v.Local()
		far, _ := v.Address()
		if local != a.Local.Addr() || far != a.Peer.Addr() || int(v.Header.PrefixLen) != a.Peer.Bits() {
			t.Errorf("%v: local %v, address %v, length %d", a, local, far, v.Header.PrefixLen)
		}
		if got, err := address.Parse(v); err != nil || got != a {
			t.Errorf("got  %v, %v\nwant %v", got, err, a)
		}
	}
}

// Issue V#664: a message of an IPv4 address without IFA_ADDRESS, as that of ppp0, is a
// nil dereference.
func TestPPPAddressWithoutFarEnd(t *testing.T) {
	v := view(t, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Index: 3}, func(w rtattr.AddrEncoder) { w.Local(ip("10.0.0.1")) })
	want := address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: pfx("0.0.0.0/32")}
	if got, err := address.Parse(v); err != nil || got != want {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
}

// Issues V#951, V#605: a lifetime is sent if it is not 0, so that 0 and for ever cannot
// both be said; jsimonetti/rtnetlink sends none.
func TestLifetimesAreExact(t *testing.T) {
	own := address.Address{Index: 3, Local: pfx("10.66.66.1/24")}
	if _, ok := written(t, own).CacheInfo(); ok {
		t.Error("lifetimes are sent that nobody has given")
	}
	const forever = 1<<32 - 1
	for _, tt := range []struct {
		valid, preferred address.Lifetime
		want             rtattr.AddrCacheInfo
	}{
		{address.Forever, address.Forever, rtattr.AddrCacheInfo{Valid: forever, Preferred: forever}},
		{address.Forever, address.Expired, rtattr.AddrCacheInfo{Valid: forever}},
		{0, address.Expired, rtattr.AddrCacheInfo{Valid: forever}},
		{60, address.Expired, rtattr.AddrCacheInfo{Valid: 60}},
		{60, 30, rtattr.AddrCacheInfo{Valid: 60, Preferred: 30}},
		{address.Forever, 1<<32 - 2, rtattr.AddrCacheInfo{Valid: forever, Preferred: forever - 1}},
	} {
		a := own
		a.Valid, a.Preferred = tt.valid, tt.preferred
		if got, ok := written(t, a).CacheInfo(); !ok || got != tt.want {
			t.Errorf("%v: %+v, want %+v", a, got, tt.want)
		}
	}
}

// Issues V#105, V#1151, defect B-J3: IFA_FLAGS of 0 beside flags in the header, which
// it overrides.
func TestFlagsAreInOnePlace(t *testing.T) {
	for _, tt := range []struct {
		flags  rtattr.AddrFlags
		header uint8
		wide   bool
	}{
		{0, 0, false},
		{rtattr.IFA_F_NODAD, 2, false},
		{rtattr.IFA_F_NODAD | rtattr.IFA_F_NOPREFIXROUTE, 0, true},
	} {
		v := written(t, address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: tt.flags})
		wide, ok := v.Flags()
		if v.Header.Flags != tt.header || ok != tt.wide || ok && wide != tt.flags {
			t.Errorf("%v: header %#x, IFA_FLAGS %v %v", tt.flags, v.Header.Flags, wide, ok)
		}
	}
}

// jsimonetti/rtnetlink sends IFA_UNSPEC with each address (defect F-J-unspec).
func TestOnlyGivenAttributesAreSent(t *testing.T) {
	var got []uint16
	for typ := range written(t, address.Address{Index: 3, Local: pfx("10.66.66.1/24")}).Attrs().All() {
		got = append(got, typ)
	}
	if len(got) != 2 || got[0] != rtattr.IFA_LOCAL || got[1] != rtattr.IFA_ADDRESS {
		t.Errorf("attributes %v", got)
	}
}

// Defect B-V7: the attribute parser below all others of vishvananda/netlink panics if
// the last one is not padded; so did mdlayher/netlink (issues M#279, M#280).
func TestLastAttributeWithoutPadding(t *testing.T) {
	b := rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3}.Append(nil)
	b = append(b, 8, 0, rtattr.IFA_LOCAL, 0, 10, 66, 66, 1)
	b = append(b, 8, 0, rtattr.IFA_ADDRESS, 0, 10, 66, 66, 1)
	b = append(b, 7, 0, rtattr.IFA_LABEL, 0, 'v', '0', 0)
	if got, err := parseBytes(b); err != nil || got.Label != "v0" || got.Local != pfx("10.66.66.1/24") {
		t.Errorf("%v, %v", got, err)
	}
}

// Issues V#509, V#672, V#780: structs of another length than expected are read beyond
// their end. A shorter one is of an older kernel, a longer one of a later.
func TestStructsOfOtherLengths(t *testing.T) {
	for n := range 24 {
		b := rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3}.Append(nil)
		b = append(b, 8, 0, rtattr.IFA_LOCAL, 0, 10, 66, 66, 1)
		b = append(b, byte(4+n), 0, rtattr.IFA_CACHEINFO, 0)
		for i := range n {
			b = append(b, []byte{30, 0, 0, 0, 60, 0, 0, 0}[i%8])
		}
		got, err := parseBytes(b)
		if err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if n >= 8 && (got.Valid != 60 || got.Preferred != 30) {
			t.Errorf("%d bytes: %v", n, got)
		}
	}
}

// Defect B-J7: a malformed attribute is no error, and the rest is lost.
func TestMalformedAttributeIsAnErrorAndTheRestIsRead(t *testing.T) {
	b := rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 3}.Append(nil)
	b = append(b, 6, 0, rtattr.IFA_RT_PRIORITY, 0, 7, 7, 0, 0)
	b = append(b, 8, 0, rtattr.IFA_LOCAL, 0, 10, 66, 66, 1)
	b = append(b, 8, 0, rtattr.IFA_ADDRESS, 0, 10, 66, 66, 1)
	var v rtattr.AddrView
	if err := v.Parse(b); err == nil {
		t.Error("no error")
	}
	if got, err := address.Parse(&v); err != nil || got.Local != pfx("10.66.66.1/24") || got.Metric != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func parseBytes(b []byte) (address.Address, error) {
	var v rtattr.AddrView
	if err := v.Parse(b); err != nil {
		return address.Address{}, err
	}
	return address.Parse(&v)
}

// Defect B-V6: a peer of another family makes an attribute without payload, a prefix of
// the wrong length an error of the kernel that names nothing.
func TestPeerOfAnotherFamilyIsRefused(t *testing.T) {
	for _, peer := range []netip.Prefix{pfx("fd00::2/128"), pfx("::ffff:10.0.0.2/128"), netip.PrefixFrom(ip("10.0.0.2"), 128)} {
		var e rtattr.Encoder
		address.AppendAdd(&e, address.Address{Index: 3, Local: pfx("10.0.0.1/32"), Peer: peer})
		if _, err := e.Finish(); err == nil {
			t.Errorf("peer %v is no error", peer)
		}
	}
}
