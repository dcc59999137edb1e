//go:build linux

package address_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

// lab is a namespace with v0 (index 3) and v1, up and without addresses.
type lab struct {
	*nstest.NS
	conn *rtnl.Conn
}

func newLab(t *testing.T) lab {
	t.Helper()
	ns := nstest.New(t)
	for _, line := range []string{
		"link add v0 index 3 type veth peer name v1",
		// Not in one message: some kernels set a link up before its addrgenmode.
		"link set v1 addrgenmode none",
		"link set v0 addrgenmode none",
		"link set v1 up",
		"link set v0 up",
	} {
		ns.IP(t, strings.Fields(line)...)
	}
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return lab{ns, conn}
}

// second is an address as ip shows it.
type second struct {
	Local     string `json:"local"`
	Address   string `json:"address"`
	PrefixLen int    `json:"prefixlen"`
	Broadcast string `json:"broadcast"`
	Metric    uint32 `json:"metric"`
	Scope     string `json:"scope"`
	Label     string `json:"label"`
	NoDAD     bool   `json:"nodad"`
	NoRoute   bool   `json:"noprefixroute"`
	Old       bool   `json:"deprecated"`
	Valid     int64  `json:"valid_life_time"`
	Preferred int64  `json:"preferred_life_time"`
}

func (l lab) show(t *testing.T) []second {
	t.Helper()
	var links []struct {
		Addrs []second `json:"addr_info"`
	}
	if err := json.Unmarshal(l.IP(t, "-json", "address", "show", "dev", "v0"), &links); err != nil {
		t.Fatal(err)
	}
	if len(links) != 1 {
		t.Fatalf("%d links", len(links))
	}
	return links[0].Addrs
}

const forever = 1<<32 - 1

var live = []struct {
	name string
	a    address.Address
	want second
}{
	{"own", address.Address{Index: 3, Local: pfx("10.66.66.1/24")},
		second{Local: "10.66.66.1", PrefixLen: 24, Scope: "global", Label: "v0", Valid: forever, Preferred: forever}},
	{"31", address.Address{Index: 3, Local: pfx("10.66.66.2/31")},
		second{Local: "10.66.66.2", PrefixLen: 31, Scope: "global", Label: "v0", Valid: forever, Preferred: forever}},
	{"peer", address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")},
		second{Local: "10.66.66.1", Address: "10.66.66.2", PrefixLen: 32, Scope: "global", Label: "v0", Valid: forever, Preferred: forever}},
	{"31peer", address.Address{Index: 3, Local: pfx("10.66.66.2/32"), Peer: pfx("10.66.66.3/31")},
		second{Local: "10.66.66.2", Address: "10.66.66.3", PrefixLen: 31, Scope: "global", Label: "v0", Valid: forever, Preferred: forever}},
	{"all", all,
		second{Local: "192.0.2.1", Address: "198.51.100.1", PrefixLen: 24, Broadcast: "198.51.100.255", Metric: 77, Scope: "link", Label: "v0:all", NoRoute: true, Valid: 86400, Preferred: 3600}},
	{"unknownPeer", address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("0.0.0.0/32")},
		second{Local: "10.66.66.1", PrefixLen: 32, Scope: "global", Label: "v0", Valid: forever, Preferred: forever}},
	{"deprecated", address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Preferred: address.Expired},
		second{Local: "10.66.66.1", PrefixLen: 24, Scope: "global", Label: "v0", Old: true, Valid: forever, Preferred: forever}},
	{"own6", address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_NODAD, Metric: 4096},
		second{Local: "fd00:1::1", PrefixLen: 64, Metric: 4096, Scope: "global", NoDAD: true, Valid: forever, Preferred: forever}},
	{"peer6", address.Address{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:2::2/64"), Flags: rtattr.IFA_F_NODAD | rtattr.IFA_F_NOPREFIXROUTE},
		second{Local: "fd00:1::1", Address: "fd00:2::2", PrefixLen: 64, Scope: "global", NoDAD: true, NoRoute: true, Valid: forever, Preferred: forever}},
	{"linkLocal", address.Address{Index: 3, Local: pfx("fe80::7/64"), Flags: rtattr.IFA_F_NODAD, Valid: 86400, Preferred: 3600},
		second{Local: "fe80::7", PrefixLen: 64, Scope: "link", NoDAD: true, Valid: 86400, Preferred: 3600}},
}

// TestLive adds an address, lets ip show it, and writes what was listed again.
func TestLive(t *testing.T) {
	for _, tt := range live {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			if err := address.Add(ctx, l.conn, tt.a); err != nil {
				t.Fatal(err)
			}
			if got := l.show(t); len(got) != 1 || !near(got[0], tt.want) {
				t.Errorf("ip shows\n%+v\nwant\n%+v", got, tt.want)
			}
			before := l.list(t)
			if len(before) != 1 {
				t.Fatalf("listed %v", before)
			}
			if before[0].Local != tt.a.Local || before[0].Peer != tt.a.Peer {
				t.Errorf("listed %v, want %v", before[0], tt.a)
			}
			if err := address.Add(ctx, l.conn, tt.a); !errors.Is(err, fs.ErrExist) {
				t.Errorf("second add: %v", err)
			}
			if err := address.Delete(ctx, l.conn, before[0]); err != nil {
				t.Fatal(err)
			}
			if got := l.list(t); len(got) != 0 {
				t.Fatalf("after delete: %v", got)
			}
			if err := address.Add(ctx, l.conn, before[0]); err != nil {
				t.Fatalf("what was listed cannot be added: %v", err)
			}
			if after := l.list(t); !slices.EqualFunc(before, after, nearly) {
				t.Errorf("before %v\nafter  %v", before, after)
			}
			if err := address.Replace(ctx, l.conn, before[0]); err != nil {
				t.Errorf("replace: %v", err)
			}
			if got := l.show(t); len(got) != 1 || !near(got[0], tt.want) {
				t.Errorf("in the end, ip shows\n%+v\nwant\n%+v", got, tt.want)
			}
		})
	}
}

func (l lab) list(t *testing.T) []address.Address {
	t.Helper()
	got, err := address.List(ctx, l.conn, address.Filter{Index: 3})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// nearly is == but for a few seconds of lifetime.
func nearly(a, b address.Address) bool {
	if !close(a.Valid, b.Valid) || !close(a.Preferred, b.Preferred) {
		return false
	}
	a.Valid, a.Preferred = b.Valid, b.Preferred
	return a == b
}

func near(a, b second) bool {
	if !close(a.Valid, b.Valid) || !close(a.Preferred, b.Preferred) {
		return false
	}
	a.Valid, a.Preferred = b.Valid, b.Preferred
	return a == b
}

func close[T int64 | address.Lifetime](a, b T) bool { return max(a-b, b-a) < 15 }

func TestReplace(t *testing.T) {
	l := newLab(t)
	a := address.Address{Index: 3, Local: pfx("10.66.66.1/24")}
	for _, metric := range []uint32{0, 77, 9} {
		a.Metric = metric
		if err := address.Replace(ctx, l.conn, a); err != nil {
			t.Fatal(err)
		}
		if got := l.show(t); len(got) != 1 || got[0].Metric != metric {
			t.Errorf("metric %d: ip shows %+v", metric, got)
		}
	}
}

// Issue V#951: a replacement leaves the lifetimes as they were. Each of them counts, 0 and
// for ever too (V#605).
func TestReplaceLifetimes(t *testing.T) {
	for _, local := range []string{"10.66.66.1/24", "fd00:1::1/64"} {
		l := newLab(t)
		a := address.Address{Index: 3, Local: pfx(local)}
		if a.Local.Addr().Is6() {
			a.Flags = rtattr.IFA_F_NODAD
		}
		for _, tt := range []struct {
			valid, preferred address.Lifetime
			want             second
		}{
			{9000, 8000, second{Valid: 9000, Preferred: 8000}},
			{600, 500, second{Valid: 600, Preferred: 500}},
			{7000, address.Expired, second{Valid: 7000, Old: true}},
			{address.Forever, address.Expired, second{Valid: forever, Old: true}},
			{address.Forever, 3600, second{Valid: forever, Preferred: 3600}},
			{address.Forever, address.Forever, second{Valid: forever, Preferred: forever}},
			{60, 30, second{Valid: 60, Preferred: 30}},
			{0, 0, second{Valid: forever, Preferred: forever}},
		} {
			a.Valid, a.Preferred = tt.valid, tt.preferred
			if err := address.Replace(ctx, l.conn, a); err != nil {
				t.Fatal(err)
			}
			if tt.want.Valid == forever && a.Local.Addr().Is4() {
				tt.want.Preferred = forever // shown, if Valid is: inet_fill_ifaddr
			}
			got := l.show(t)
			if len(got) != 1 || got[0].Old != tt.want.Old || !close(got[0].Valid, tt.want.Valid) || !close(got[0].Preferred, tt.want.Preferred) {
				t.Errorf("%v: ip shows %+v, want %+v", a, got, tt.want)
			}
		}
	}
}

func TestFilter(t *testing.T) {
	l := newLab(t)
	v0 := address.Address{Index: 3, Local: pfx("10.66.66.1/24")}
	v0six := address.Address{Index: 3, Local: pfx("fd00::1/64"), Flags: rtattr.IFA_F_NODAD}
	lo := address.Address{Index: 1, Local: pfx("127.0.0.1/8"), Scope: rtattr.RT_SCOPE_HOST}
	for _, a := range []address.Address{v0, v0six, lo} {
		if err := address.Add(ctx, l.conn, a); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		f    address.Filter
		want []netip.Prefix
	}{
		{address.Filter{}, []netip.Prefix{lo.Local, v0.Local, v0six.Local}},
		{address.Filter{Index: 3}, []netip.Prefix{v0.Local, v0six.Local}},
		{address.Filter{Index: 1}, []netip.Prefix{lo.Local}},
		{address.Filter{Family: rtattr.AF_INET}, []netip.Prefix{lo.Local, v0.Local}},
		{address.Filter{Family: rtattr.AF_INET6}, []netip.Prefix{v0six.Local}},
		{address.Filter{Family: rtattr.AF_INET6, Index: 1}, nil},
	} {
		got, err := address.List(ctx, l.conn, tt.f)
		if err != nil {
			t.Fatal(err)
		}
		var locals []netip.Prefix
		for _, a := range got {
			locals = append(locals, a.Local)
		}
		if !slices.Equal(locals, tt.want) {
			t.Errorf("%+v: got %v, want %v", tt.f, locals, tt.want)
		}
	}
}

// TestAll leaves the loop early and uses the Conn inside of it.
func TestAll(t *testing.T) {
	l := newLab(t)
	for i := range 5 {
		if err := address.Add(ctx, l.conn, address.Address{Index: 3, Local: pfx(fmt.Sprintf("10.66.%d.1/24", i))}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for v, err := range address.All(ctx, l.conn, address.Filter{Index: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		if label, _ := v.Label(); string(label) != "v0" {
			t.Errorf("label %q", label)
		}
		if got := l.list(t); len(got) != 5 {
			t.Errorf("%d addresses", len(got))
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d steps", n)
	}
}

func TestErrors(t *testing.T) {
	l := newLab(t)
	a := address.Address{Index: 3, Local: pfx("10.66.66.1/24")}
	for _, tt := range []struct {
		name string
		err  error
		is   error
		want string
	}{
		{"absent", address.Delete(ctx, l.conn, a), fs.ErrNotExist, "address: delete 10.66.66.1/24 dev 3: cannot assign requested address: ipv4: Address not found"},
		{"device", address.Add(ctx, l.conn, address.Address{Index: 77, Local: a.Local}), fs.ErrNotExist, "address: add 10.66.66.1/24 dev 77: no such device: ipv4: Device not found"},
		{"invalid", address.Add(ctx, l.conn, address.Address{Local: a.Local}), nil, "address: 10.66.66.1/24 dev 0: no interface: Index is 0"},
	} {
		// Some kernels give no reasons here, only the error's number.
		if refusal := (*rtnl.Error)(nil); errors.As(tt.err, &refusal) && refusal.Message == "" {
			tt.want, _, _ = strings.Cut(tt.want, ": ipv4: ")
		}
		if tt.err == nil || tt.err.Error() != tt.want || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.name, tt.err, tt.want)
		}
	}
	if _, err := address.List(ctx, l.conn, address.Filter{Family: 77}); err == nil {
		t.Error("list of family 77")
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := address.List(canceled, l.conn, address.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
}

// TestVerbAllocs wants a verb that succeeds to allocate nothing.
func TestVerbAllocs(t *testing.T) {
	l := newLab(t)
	a := address.Address{Index: 3, Local: pfx("10.66.66.1/24")}
	n := testing.AllocsPerRun(20, func() {
		if err := address.Replace(ctx, l.conn, a); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("Replace: %v allocations", n)
	}
}

// TestStd lets the standard library read what was written.
func TestStd(t *testing.T) {
	l := newLab(t)
	if err := address.Add(ctx, l.conn, address.Address{Index: 3, Local: pfx("10.66.66.7/24")}); err != nil {
		t.Fatal(err)
	}
	l.Do(t, func() {
		ifi, err := net.InterfaceByIndex(3)
		if err != nil {
			t.Fatal(err)
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(addrs); got != "[10.66.66.7/24]" {
			t.Error(got)
		}
	})
}
