//go:build linux

package address_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/roundtrip"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

var trip = roundtrip.Test[address.Address]{
	List: func(conn *rtnl.Conn) ([]address.Address, error) {
		return address.List(ctx, conn, address.Filter{})
	},
	Append: address.AppendAdd,
	Delete: address.AppendDelete,
	// IPv6 puts a new address in front of others of its scope (ipv6_link_dev_addr).
	Order: func(list []address.Address) {
		i := slices.IndexFunc(list, func(a address.Address) bool { return a.Local.Addr().Is6() })
		if i >= 0 {
			slices.Reverse(list[i:])
		}
	},
	// What is left of a lifetime, to 100 seconds.
	Steady: func(a address.Address) address.Address {
		for _, l := range []*address.Lifetime{&a.Valid, &a.Preferred} {
			if *l > 0 && *l < address.Forever {
				*l = (*l + 50) / 100 * 100
			}
		}
		return a
	},
	JSON:     []string{"ip -d -json address show"},
	Volatile: []string{"valid_life_time", "preferred_life_time"},
}

// TestRoundTrip writes what ip has made.
func TestRoundTrip(t *testing.T) { roundtrip.Run(t, "testdata/roundtrip.txt", trip) }

// TestSent makes of what is listed the attributes that ip has sent. The kernel adds the
// label and lifetimes.
func TestSent(t *testing.T) {
	files := slices.DeleteFunc(loadGoldens(t), func(f golden.File) bool {
		return !strings.Contains(f.Name, "-add") || f.Result != "ok" ||
			f.Name == "addr6-add-anycast" || // IFA_ANYCAST is ignored
			strings.Contains(f.Name, "optimistic") || // so is that, unless the interface allows it
			strings.Contains(f.Name, "-tun-") // needs /dev/net/tun
	})
	trip.Sent(t, files, 8, rtattr.IFA_LABEL, rtattr.IFA_CACHEINFO)
}

// dial opens a namespace with v0 (10) and v1 (11), up.
func dial(t *testing.T) (*rtnl.Conn, *nstest.NS) {
	t.Helper()
	ns := nstest.New(t)
	for _, line := range []string{
		"link add v0 index 10 type veth peer name v1 index 11",
		// Not in one: a link goes up before its mode is set (do_setlink).
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
	return conn, ns
}

// sysctl writes a file of /proc/sys/net in a namespace.
func sysctl(t *testing.T, ns *nstest.NS, file, value string) {
	t.Helper()
	ns.Do(t, func() { t.Helper(); nstest.Shell(t, fmt.Sprintf("echo %s > /proc/sys/net/%s", value, file)) })
}

// TestWatch follows random changes, while links go up and down and change their names,
// IPv4 secondaries are promoted on one of them, and IPv6 addresses stay on a link that
// is down.
func TestWatch(t *testing.T) {
	conn, ns := dial(t)
	sysctl(t, ns, "ipv4/conf/v0/promote_secondaries", "1")
	sysctl(t, ns, "ipv6/conf/v0/keep_addr_on_down", "1")
	roundtrip.Follow(t, conn, address.Object(address.Filter{}), 20, func() {
		rng := rand.New(rand.NewPCG(1, 2))
		e := &rtattr.Encoder{}
		run := func() {
			var cut *rtnl.Incomplete
			if err := conn.Exec(ctx, e); errors.As(err, &cut) {
				t.Error(err)
			}
			e.Reset(nil)
		}
		name := "v1"
		for i := range 800 {
			a := address.Address{Index: uint32(10 + rng.IntN(2)), Local: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 66, byte(rng.IntN(3)), byte(1 + rng.IntN(9))}), 24)}
			switch rng.IntN(5) {
			case 0:
				a.Local, a.Peer = netip.PrefixFrom(a.Local.Addr(), 32), pfx(fmt.Sprintf("10.77.0.%d/32", rng.IntN(3)))
			case 1, 2:
				a.Local = pfx(fmt.Sprintf("fd00::%x/64", 1+rng.IntN(20)))
				if rng.IntN(3) > 0 {
					a.Flags = rtattr.IFA_F_NODAD
				}
				if rng.IntN(4) == 0 {
					a.Local, a.Peer = netip.PrefixFrom(a.Local.Addr(), 128), pfx(fmt.Sprintf("fd00:1::%x/64", 1+rng.IntN(3)))
				}
			}
			a.Metric = uint32(rng.IntN(3))
			a.Protocol = rtattr.AddrProto(rng.IntN(3))
			if rng.IntN(4) == 0 {
				a.Valid, a.Preferred = 9000, address.Expired
			}
			switch rng.IntN(4) {
			case 0:
				address.AppendDelete(e, a)
			case 1:
				address.AppendAdd(e, a)
			default:
				address.AppendReplace(e, a)
			}
			switch {
			case i%200 == 99:
				for _, to := range []string{"down", "up"} {
					ns.IP(t, "link", "set", "v0", to)
					run()
				}
			case i%200 == 199:
				next := fmt.Sprintf("w%d", i)
				if !nstest.Since(t, 6, 2) { // only a link that is down has its name changed
					ns.IP(t, "link", "set", name, "down")
				}
				ns.IP(t, "link", "set", name, "name", next, "up")
				name = next
			case rng.IntN(30) == 0:
				run()
			}
		}
		for i := range 30 {
			address.AppendReplace(e, address.Address{Index: 10, Local: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 99, 0, byte(i)}), 32)})
		}
		run()
	})
}

// TestWatchDuplicate changes an address that another link has, and of whose changes
// the kernel says nothing. In the end the events say what a list does.
func TestWatchDuplicate(t *testing.T) {
	conn, _ := dial(t)
	f := address.Filter{Family: rtattr.AF_INET6, Index: 10}
	w, err := rtnl.Watch(ctx, conn, nil, address.Object(f))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	next := func(w *rtnl.Watcher[address.Key, address.Address]) rtnl.Event[address.Key, address.Address] {
		t.Helper()
		for {
			ev, err := w.Next()
			if err != nil {
				t.Fatal(err)
			}
			if ev.Type != rtnl.Synced && ev.Type != rtnl.Resync {
				return ev
			}
		}
	}
	failed := address.Address{Index: 10, Local: pfx("fd00::8/64"), Metric: 5}
	if err := address.Add(ctx, conn, address.Address{Index: 11, Local: failed.Local, Flags: rtattr.IFA_F_NODAD}); err != nil {
		t.Fatal(err)
	}
	if err := address.Add(ctx, conn, failed); err != nil {
		t.Fatal(err)
	}
	want := address.Address{Index: 10, Local: failed.Local, Flags: rtattr.IFA_F_DADFAILED | rtattr.IFA_F_TENTATIVE}
	if got := next(w).Value; got != want {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
	failed.Local, failed.Peer, failed.Metric = pfx("fd00::8/128"), pfx("fd00:1::8/64"), 7
	failed.Flags, failed.Protocol = rtattr.IFA_F_NODAD, 2
	failed.Valid, failed.Preferred = 9000, address.Expired
	if err := address.Replace(ctx, conn, failed); err != nil {
		t.Fatal(err)
	}
	list, err := address.List(ctx, conn, f)
	if err != nil || len(list) != 1 || list[0].Peer != failed.Peer || list[0].Metric != 7 {
		t.Fatalf("the list has %v, %v", list, err)
	}
	again, err := rtnl.Watch(ctx, conn, nil, address.Object(f))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := next(again).Value; got != want {
		t.Errorf("a new list has\n%+v\nwant %+v", got, want)
	}
	// Nothing has come in between.
	other := address.Address{Index: 10, Local: pfx("fd00::9/64"), Flags: rtattr.IFA_F_NODAD}
	if err := address.Add(ctx, conn, other); err != nil {
		t.Fatal(err)
	}
	if got := next(w).Value; got.Local != other.Local {
		t.Errorf("%+v", got)
	}
	if err := address.Delete(ctx, conn, failed); err != nil {
		t.Fatal(err)
	}
	if ev := next(w); ev.Type != rtnl.Removed || ev.Old != want {
		t.Errorf("%+v", ev)
	}
}

// An update tells all of the address: that of vishvananda/netlink has neither peer,
// label nor broadcast (fuzz/defects.md, issue V#220).
func TestUpdateHasTheWholeAddress(t *testing.T) {
	conn, _ := dial(t)
	w, err := rtnl.Watch(ctx, conn, nil, address.Object(address.Filter{Family: rtattr.AF_INET, Label: "v0:all"}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := all
	want.Index = 10
	if err := address.Add(ctx, conn, address.Address{Index: 10, Local: pfx("10.66.66.1/24")}); err != nil {
		t.Fatal(err)
	}
	if err := address.Add(ctx, conn, want); err != nil {
		t.Fatal(err)
	}
	want.Valid, want.Preferred = 0, 0
	for ev, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Type == rtnl.Synced {
			continue
		}
		key := address.Key{Index: 10, Local: ip("192.0.2.1"), Bits: 24, Peer: ip("198.51.100.1")}
		if ev.Type != rtnl.Added || ev.Key != key || ev.Value != want {
			t.Errorf("%+v\nwant %+v", ev, want)
		}
		break
	}
	refused, err := rtnl.Watch(ctx, conn, nil, address.Object(address.Filter{Flags: rtattr.IFA_F_PERMANENT}))
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	if ev, err := refused.Next(); err == nil {
		t.Errorf("%v", ev)
	}
}

// TestFlush flushes primaries with secondaries, which go with them or are promoted.
func TestFlush(t *testing.T) {
	for _, promote := range []string{"0", "1"} {
		t.Run("promote "+promote, func(t *testing.T) {
			conn, ns := dial(t)
			sysctl(t, ns, "ipv4/conf/v0/promote_secondaries", promote)
			e := &rtattr.Encoder{}
			for _, a := range []address.Address{
				{Index: 10, Local: pfx("10.66.66.1/24")},
				{Index: 10, Local: pfx("10.66.67.1/24")},
				{Index: 10, Local: pfx("10.66.66.2/24"), Label: "v0:a"},
				{Index: 10, Local: pfx("10.66.66.3/24"), Valid: 9000, Preferred: 8000},
				{Index: 10, Local: pfx("fd00::1/64"), Flags: rtattr.IFA_F_NODAD},
				{Index: 11, Local: pfx("fd00::1/64"), Flags: rtattr.IFA_F_NODAD},
				{Index: 11, Local: pfx("10.66.66.1/24")},
			} {
				address.AppendAdd(e, a)
			}
			if err := conn.Exec(ctx, e); err != nil {
				t.Fatal(err)
			}
			for _, tt := range []struct {
				f       address.Filter
				n, left int
			}{
				{address.Filter{Label: "v0:a"}, 1, 6},
				{address.Filter{Without: rtattr.IFA_F_PERMANENT}, 1, 5},
				{address.Filter{To: pfx("10.66.67.0/24")}, 1, 4},
				{address.Filter{Index: 11, Flags: rtattr.IFA_F_PERMANENT, Family: rtattr.AF_INET}, 1, 3},
				{address.Filter{Index: 10}, 2, 1},
				{address.Filter{Index: 10}, 0, 1},
				{address.Filter{}, 1, 0},
			} {
				if n, err := address.Flush(ctx, conn, tt.f); n != tt.n || err != nil {
					t.Errorf("%v: flushed %d, %v, want %d", tt.f, n, err, tt.n)
				}
				if got, err := address.List(ctx, conn, address.Filter{}); err != nil || len(got) != tt.left {
					t.Errorf("%v: left %v, %v, want %d", tt.f, got, err, tt.left)
				}
			}
			// All at once.
			e.Reset(nil)
			for i := range 20 {
				address.AppendAdd(e, address.Address{Index: 10, Local: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 66, byte(i % 3), byte(1 + i)}), 24)})
			}
			if err := conn.Exec(ctx, e); err != nil {
				t.Fatal(err)
			}
			if n, err := address.Flush(ctx, conn, address.Filter{Index: 10, Family: rtattr.AF_INET}); n != 20 || err != nil {
				t.Errorf("flushed %d, %v", n, err)
			}
			if got, err := address.List(ctx, conn, address.Filter{Family: rtattr.AF_INET, Index: 10}); err != nil || len(got) != 0 {
				t.Errorf("left %v, %v", got, err)
			}
			if _, err := address.Flush(ctx, conn, address.Filter{NetNS: address.NSIDOf(7)}); err == nil {
				t.Error("flush in another namespace")
			}
		})
	}
}

// TestChangeLifetimes wants nothing else of an address to change, nor its creation.
func TestChangeLifetimes(t *testing.T) {
	conn, _ := dial(t)
	for _, a := range []address.Address{
		{Index: 10, Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24"), Broadcast: ip("198.51.100.255"), Label: "v0:x", Scope: rtattr.RT_SCOPE_LINK, Flags: rtattr.IFA_F_NOPREFIXROUTE, Metric: 77, Protocol: 9},
		{Index: 10, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:2::2/64"), Flags: rtattr.IFA_F_NODAD | rtattr.IFA_F_NOPREFIXROUTE | rtattr.IFA_F_HOMEADDRESS, Metric: 77, Protocol: 9},
	} {
		if err := address.Add(ctx, conn, a); err != nil {
			t.Fatal(err)
		}
		f := address.Filter{Index: 10, To: a.Local}
		first, created := only(t, conn, f)
		for _, tt := range []struct {
			valid, preferred address.Lifetime
			flags            rtattr.AddrFlags
		}{
			{9000, 8000, 0},
			{9000, address.Expired, rtattr.IFA_F_DEPRECATED},
			{address.Forever, address.Forever, rtattr.IFA_F_PERMANENT},
		} {
			want := first
			want.Valid, want.Preferred = tt.valid, tt.preferred
			if err := address.Change(ctx, conn, want); err != nil {
				t.Fatal(err)
			}
			want.Flags = want.Flags&^rtattr.IFA_F_PERMANENT | tt.flags
			got, now := only(t, conn, f)
			if !nearly(got, want) || now != created {
				t.Errorf("got  %v, created %d\nwant %v, created %d", got, now, want, created)
			}
		}
	}
	// What is not there is added.
	if err := address.Change(ctx, conn, address.Address{Index: 11, Local: pfx("10.66.66.1/24")}); err != nil {
		t.Error(err)
	}
}

// only returns the one address that f matches, and when it was made.
func only(t *testing.T, conn *rtnl.Conn, f address.Filter) (_ address.Address, created uint32) {
	t.Helper()
	list, err := rtnl.Collect(address.All(ctx, conn, f), func(v *rtattr.AddrView) (address.Address, error) {
		ci, _ := v.CacheInfo()
		created = ci.Created
		return address.Parse(v)
	})
	if err != nil || len(list) != 1 {
		t.Fatalf("%v: %v, %v", f, list, err)
	}
	return list[0], created
}

// TestNetNS lists the addresses of another namespace.
func TestNetNS(t *testing.T) {
	conn, _ := dial(t)
	other, ns := dial(t)
	a := address.Address{Index: 10, Local: pfx("10.66.66.1/24")}
	if err := address.Add(ctx, other, a); err != nil {
		t.Fatal(err)
	}
	e := conn.Encoder()
	defer conn.Release(e)
	w := rtattr.AppendNSID(e, rtattr.RTM_NEWNSID, 0, rtattr.RtGenmsg{})
	w.NSID(0)
	w.FD(uint32(ns.FD()))
	w.End()
	if err := conn.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	f := address.Filter{Family: rtattr.AF_INET, Index: 10, NetNS: address.NSIDOf(0)}
	if f.String() != "inet dev 10 netns 0" {
		t.Error(f)
	}
	if got, err := address.List(ctx, conn, f); err != nil || len(got) != 1 || got[0].Local != a.Local {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := address.List(ctx, conn, address.Filter{}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	groups := address.Filter{Family: rtattr.AF_INET6, Index: 10, NetNS: address.NSIDOf(0)}
	if got, err := address.ListMulticast(ctx, conn, groups); err != nil || len(got) == 0 {
		t.Errorf("%v, %v", got, err)
	}
	f.NetNS = address.NSIDOf(7)
	if got, err := address.List(ctx, conn, f); err == nil {
		t.Errorf("%v", got)
	}
}

func TestMembers(t *testing.T) {
	conn, ns := dial(t)
	sysctl(t, ns, "ipv6/conf/v0/forwarding", "1") // makes subnet-router anycast addresses
	if err := address.Add(ctx, conn, address.Address{Index: 10, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_NODAD}); err != nil {
		t.Fatal(err)
	}
	f := address.Filter{Family: rtattr.AF_INET6, Index: 10}
	// The interface joins them when it has the address, a moment later.
	all := func(list func(context.Context, *rtnl.Conn, address.Filter) ([]address.Member, error), f address.Filter, want ...string) []address.Member {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			got, err := list(ctx, conn, f)
			if err != nil {
				t.Fatal(err)
			}
			missing := slices.DeleteFunc(slices.Clone(want), func(s string) bool {
				return slices.ContainsFunc(got, func(m address.Member) bool { return m.String() == s })
			})
			if len(missing) == 0 {
				return got
			}
			if time.Now().After(deadline) {
				t.Fatalf("%v: %v are not among %v", f, missing, got)
			}
		}
	}
	groups := all(address.ListMulticast, f, "ff02::1 dev 10", "ff02::1:ff00:1 dev 10", "ff02::2 dev 10")
	f.To = pfx("ff02::1:0:0/96")
	if got := all(address.ListMulticast, f, "ff02::1:ff00:1 dev 10"); len(got) >= len(groups) {
		t.Errorf("%v: %v", f, got)
	}
	f.To = netip.Prefix{}
	if got := all(address.ListAnycast, f, "fd00:1:: dev 10"); len(got) != 1 {
		t.Errorf("anycast %v", got)
	}
	f.Family = rtattr.AF_INET
	got, err := address.ListMulticast(ctx, conn, f)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err == nil && (len(got) == 0 || got[0].Addr != ip("224.0.0.1")) {
		t.Errorf("IPv4 multicast %v", got)
	}
	if _, err := address.ListAnycast(ctx, conn, f); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("IPv4 anycast: %v", err)
	}
	f.Family = 0
	if _, err := address.ListMulticast(ctx, conn, f); err == nil {
		t.Error("no Family")
	}
}
