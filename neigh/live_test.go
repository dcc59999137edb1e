//go:build linux

package neigh_test

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

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/roundtrip"
	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

// noVLAN is for bridges: else a kernel that has VLANs makes of one entry another in
// VLAN 1 (br_fdb_add).
const noVLAN = " vlan_default_pvid 0"

// dial opens a namespace with br0 (2), v0 (10), its port v1 (11), up.
func dial(t *testing.T) (*rtnl.Conn, *nstest.NS) {
	t.Helper()
	ns := nstest.New(t)
	for _, line := range []string{
		"link add br0 index 2 address 02:00:00:00:00:02 type bridge" + noVLAN,
		"link add v0 index 10 address 02:00:00:00:00:10 type veth peer name v1 index 11 address 02:00:00:00:00:11",
		"link set v1 addrgenmode none master br0 up",
		"link set br0 addrgenmode none up",
		"link set v0 addrgenmode none up",
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

// everything lists neighbours, proxy entries and forwarding entries.
func everything(conn *rtnl.Conn) (all []neigh.Neigh, err error) {
	for _, f := range []neigh.Filter{{}, {Proxy: true}, {Family: fdb}} {
		list, err := neigh.List(ctx, conn, f)
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			if !byTheKernel(n) {
				all = append(all, n)
			}
		}
	}
	return all, nil
}

// byTheKernel reports whether n comes with something else: the neighbours of groups to
// which the kernel has sent a report, the solicited-node addresses that devices
// listen to.
func byTheKernel(n neigh.Neigh) bool {
	return n.Type == rtattr.RTN_MULTICAST && n.State == rtattr.NUD_NOARP ||
		n.Family == fdb && strings.HasPrefix(n.LLAddr.String(), "33:33:ff:")
}

var trip = roundtrip.Test[neigh.Neigh]{
	List: everything,
	Append: func(e *rtattr.Encoder, n neigh.Neigh) {
		if n.Family == fdb && n.Dst.IsValid() {
			neigh.AppendAppend(e, n) // VXLAN, perhaps one of several remote ends
		} else {
			neigh.AppendAdd(e, n)
		}
	},
	Delete: neigh.AppendDelete,
	Steady: func(n neigh.Neigh) neigh.Neigh {
		n.Cache, n.Probes = rtattr.NeighCacheInfo{}, 0
		return n
	},
	Unordered: true,
	JSON:      []string{"ip -json neigh show nud permanent nud reachable nud stale", "ip -json neigh show proxy", "ip -6 -json neigh show proxy", "bridge -json fdb show"},
}

// TestRoundTrip writes what ip and bridge have made.
func TestRoundTrip(t *testing.T) { roundtrip.Run(t, "testdata/roundtrip.txt", trip) }

// TestSent makes of what is listed the attributes that ip and bridge have sent.
func TestSent(t *testing.T) {
	files := slices.DeleteFunc(loadGoldens(t), func(f golden.File) bool {
		switch f.Name {
		case "neigh-add-failed", "neigh-add-managed", "neigh-add-use", // the link-layer address is ignored
			"fdb-add-master-self", // makes two entries
			"fdb-append-vxlan6",   // changes the state of another one
			"fdb-add-use":         // makes none if the port does not learn
			return true
		}
		return !strings.Contains(f.Name, "-add") && !strings.Contains(f.Name, "-append") || f.Result != "ok"
	})
	for _, f := range files {
		for i, line := range f.Setup {
			if strings.HasSuffix(line, " type bridge") {
				f.Setup[i] += noVLAN
			}
		}
	}
	trip.Sent(t, files, 12)
}

func TestVerbs(t *testing.T) {
	conn, _ := dial(t)
	n := neigh.Neigh{Family: inet, Index: 10, Dst: ip("10.66.66.9"), LLAddr: mac, State: permanent}
	check := func(want neigh.Neigh) {
		t.Helper()
		got, err := neigh.Get(ctx, conn, want)
		// The kernel takes an address without a route for a broadcast.
		got.Cache, got.Probes, got.Type = rtattr.NeighCacheInfo{}, 0, 0
		if err != nil || got != want {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
	if err := neigh.Change(ctx, conn, n); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("change: %v", err)
	}
	if err := neigh.Add(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	check(n)
	if err := neigh.Add(ctx, conn, n); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second add: %v", err)
	}
	n.LLAddr, n.State = neigh.MustParseLLAddr("02:00:00:00:00:98"), rtattr.NUD_NOARP
	if err := neigh.Change(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	check(n)
	n.State, n.Flags, n.Protocol = permanent, rtattr.NTF_EXT_LEARNED, 77
	if err := neigh.Replace(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	check(n)
	if err := neigh.Delete(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	if err := neigh.Delete(ctx, conn, n); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second delete: %v", err)
	}
	if got, err := neigh.Get(ctx, conn, n); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get: %v, %v", got, err)
	}
	proxy := neigh.Neigh{Family: inet6, Index: 10, Dst: ip("fd00::9"), Flags: rtattr.NTF_PROXY}
	if err := neigh.Add(ctx, conn, proxy); err != nil {
		t.Fatal(err)
	}
	check(proxy)
}

// A managed neighbour is kept resolved.
func TestManaged(t *testing.T) {
	conn, _ := dial(t)
	n := neigh.Neigh{Index: 10, Dst: ip("10.66.66.9"), Flags: rtattr.NTF_EXT_LEARNED, FlagsExt: rtattr.NTF_EXT_MANAGED}
	if err := neigh.Add(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	got, err := neigh.Get(ctx, conn, n)
	if err != nil || got.FlagsExt != rtattr.NTF_EXT_MANAGED || got.Flags != rtattr.NTF_EXT_LEARNED || got.State == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestForwarding(t *testing.T) {
	conn, _ := dial(t)
	n := neigh.Neigh{Family: fdb, Index: 11, LLAddr: mac, State: rtattr.NUD_NOARP, Flags: rtattr.NTF_MASTER | rtattr.NTF_STICKY, Activity: rtattr.FDB_NOTIFY_BIT, Master: 2}
	if err := neigh.Add(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]neigh.Neigh{"as listed": n, "by bridge": {Family: fdb, LLAddr: mac, Master: 2}} {
		got, err := neigh.Get(ctx, conn, q)
		got.Cache = rtattr.NeighCacheInfo{}
		if err != nil || got != n {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, n)
		}
	}
	quiet := n
	quiet.Activity, quiet.DontRefresh, quiet.Flags = 0, true, rtattr.NTF_MASTER
	if err := neigh.Replace(ctx, conn, quiet); err != nil {
		t.Fatal(err)
	}
	if got, err := neigh.Get(ctx, conn, n); err != nil || got.Flags != rtattr.NTF_MASTER {
		t.Errorf("%+v, %v", got, err)
	}
	count := func(f neigh.Filter) int {
		t.Helper()
		list, err := neigh.List(ctx, conn, f)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	static := neigh.Filter{Family: fdb, Index: 11, Master: 2, State: rtattr.NUD_NOARP}
	if got := count(static); got != 1 {
		t.Errorf("%d static entries", got)
	}
	if all, local := count(neigh.Filter{Family: fdb}), count(neigh.Filter{Family: fdb, Index: 2}); local == 0 || all <= local {
		t.Errorf("%d entries, %d of the bridge", all, local)
	}
	e := conn.Encoder()
	defer conn.Release(e)
	neigh.AppendFlushFDB(e, neigh.Neigh{Index: 11, Flags: rtattr.NTF_MASTER, State: rtattr.NUD_NOARP}, rtattr.NUD_NOARP|permanent, 0)
	if err := conn.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	if got := count(static); got != 0 {
		t.Errorf("%d static entries are left", got)
	}
	if got := count(neigh.Filter{Family: fdb, Index: 11}); got == 0 {
		t.Error("the port's own address is gone too")
	}
}

// Neighbours are listed under strict checking, with filters of all kinds, and are
// deleted as listed: strict mode breaks NeighList of vishvananda/netlink, and Delete
// of jsimonetti/rtnetlink always fails (fuzz/defects.md, B-V8, B-J4).
func TestFilterStrictAndFlush(t *testing.T) {
	conn, _ := dial(t)
	e := &rtattr.Encoder{}
	for i := range 8 {
		a := netip.AddrFrom4([4]byte{10, 66, 66, byte(100 + i)})
		if i%2 == 1 {
			a = ip(fmt.Sprintf("fd00::%d", i))
		}
		n := neigh.Neigh{Index: uint32(10 + i/4), Dst: a, LLAddr: mac, State: permanent}
		if i%4 == 0 {
			n.State = rtattr.NUD_STALE
		}
		neigh.AppendAdd(e, n)
		n.State, n.Flags, n.LLAddr = 0, rtattr.NTF_PROXY, neigh.LLAddr{}
		neigh.AppendAdd(e, n)
	}
	if err := conn.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	// The kernel's own, for groups to which it has sent a report, are NUD_NOARP.
	const ours = permanent | rtattr.NUD_STALE
	for _, tt := range []struct {
		f    neigh.Filter
		want int
	}{
		{neigh.Filter{}, 8},
		{neigh.Filter{Family: inet}, 4},
		{neigh.Filter{Family: inet6, Index: 10}, 2},
		{neigh.Filter{Index: 11}, 4},
		{neigh.Filter{Master: 2}, 4},
		{neigh.Filter{Master: 2, Family: inet6}, 2},
		{neigh.Filter{State: rtattr.NUD_STALE}, 2},
		{neigh.Filter{Proxy: true}, 8},
		{neigh.Filter{Proxy: true, Index: 10, Family: inet}, 2},
	} {
		if !tt.f.Proxy && tt.f.State == 0 {
			tt.f.State = ours
		}
		got, err := neigh.List(ctx, conn, tt.f)
		if err != nil || len(got) != tt.want {
			t.Errorf("%v: %v, %v, want %d", tt.f, got, err, tt.want)
		}
	}
	for range neigh.All(ctx, conn, neigh.Filter{}) {
		break // and the Conn is as good as new
	}
	for _, tt := range []struct {
		f    neigh.Filter
		n    int
		left int
	}{
		{neigh.Filter{State: rtattr.NUD_STALE}, 2, 6},
		{neigh.Filter{Family: inet, State: ours}, 2, 4},
		{neigh.Filter{Proxy: true}, 8, 4},
		{neigh.Filter{State: ours}, 4, 0},
		{neigh.Filter{State: ours}, 0, 0},
	} {
		if n, err := neigh.Flush(ctx, conn, tt.f); n != tt.n || err != nil {
			t.Errorf("%v: flushed %d, %v, want %d", tt.f, n, err, tt.n)
		}
		if got, err := neigh.List(ctx, conn, neigh.Filter{State: ours}); err != nil || len(got) != tt.left {
			t.Errorf("%v: left %v, %v, want %d", tt.f, got, err, tt.left)
		}
	}
	if got, err := neigh.List(ctx, conn, neigh.Filter{Proxy: true}); err != nil || len(got) != 0 {
		t.Errorf("left %v, %v", got, err)
	}
}

func TestTables(t *testing.T) {
	conn, _ := dial(t)
	find := func(index uint32) neigh.Table {
		t.Helper()
		list, err := neigh.ListTables(ctx, conn, inet)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if x.Index == index {
				return x
			}
		}
		t.Fatalf("nothing of interface %d among %v", index, list)
		return neigh.Table{}
	}
	want := find(10)
	if want.Name != "arp_cache" || want.Family != inet || want.BaseReachableTime != 30000 || want.MulticastReprobes != neigh.Zero {
		t.Errorf("%+v", want)
	}
	want.AppProbes, want.UnicastProbes, want.LockTime, want.QueueLenBytes = 7, neigh.Zero, neigh.Zero, 1<<16
	want.BaseReachableTime, want.IntervalProbeTime, want.MulticastReprobes = 20000, 9000, 2
	change := want
	change.QueueLen = 0 // another way to say QueueLenBytes
	if err := neigh.SetTable(ctx, conn, change); err != nil {
		t.Fatal(err)
	}
	got := find(10)
	want.ReachableTime, want.QueueLen = got.ReachableTime, got.QueueLen
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	whole := find(0)
	if whole.Thresh1 == 0 || whole.Thresh3 == 0 || whole.GCInterval == 0 || whole.Config.KeyLen != 4 {
		t.Errorf("%+v", whole)
	}
	if err := neigh.SetTable(ctx, conn, neigh.Table{Name: "none"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if all, err := neigh.ListTables(ctx, conn, 0); err != nil || len(all) < 6 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestErrors(t *testing.T) {
	conn, _ := dial(t)
	for _, tt := range []struct {
		err  error
		is   error
		want string
	}{
		{neigh.Delete(ctx, conn, neigh.Neigh{Index: 10, Dst: ip("10.0.0.1")}), fs.ErrNotExist, "neigh: delete 10.0.0.1 dev 10: no such file or directory"},
		{neigh.Add(ctx, conn, neigh.Neigh{Index: 77, Dst: ip("10.0.0.1")}), fs.ErrNotExist, "neigh: add 10.0.0.1 dev 77: no such device"},
		{neigh.Add(ctx, conn, neigh.Neigh{}), nil, "neigh: ?: no Family, nor a Dst that tells it"},
	} {
		if tt.err == nil || tt.err.Error() != tt.want || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("got  %v\nwant %s", tt.err, tt.want)
		}
	}
	if _, err := neigh.Get(ctx, conn, neigh.Neigh{}); err == nil {
		t.Error("get of nothing")
	}
	if _, err := neigh.List(ctx, conn, neigh.Filter{Family: 77}); err == nil {
		t.Error("list of family 77")
	}
}

// run applies what e holds, whatever fails.
func run(t *testing.T, conn *rtnl.Conn, e *rtattr.Encoder) {
	t.Helper()
	var cut *rtnl.Incomplete
	if err := conn.Exec(ctx, e); errors.As(err, &cut) {
		t.Error(err)
	}
	e.Reset(nil)
}

// TestWatch follows random changes of IP neighbours, while links go up and down.
func TestWatch(t *testing.T) {
	conn, ns := dial(t)
	roundtrip.Follow(t, conn, neigh.Object(neigh.Filter{}), 20, func() {
		rng := rand.New(rand.NewPCG(1, 2))
		e := &rtattr.Encoder{}
		states := []rtattr.NeighState{permanent, rtattr.NUD_STALE, rtattr.NUD_REACHABLE, rtattr.NUD_NOARP, rtattr.NUD_FAILED, 0}
		for i := range 800 {
			n := neigh.Neigh{Index: uint32(10 + rng.IntN(2)), Dst: netip.AddrFrom4([4]byte{10, 66, 66, byte(rng.IntN(30))}), LLAddr: mac, State: states[rng.IntN(len(states))]}
			if rng.IntN(2) == 0 {
				n.Dst = ip(fmt.Sprintf("fd00::%x", rng.IntN(30)))
			}
			if rng.IntN(4) == 0 {
				n.Flags, n.Protocol = rtattr.NTF_EXT_LEARNED|rtattr.NTF_ROUTER, rtattr.Protocol(rng.IntN(9))
			}
			if rng.IntN(3) == 0 {
				n.LLAddr = neigh.MustParseLLAddr("02:00:00:00:00:98")
			}
			switch rng.IntN(4) {
			case 0:
				neigh.AppendDelete(e, n)
			case 1:
				neigh.AppendAdd(e, n)
			default:
				neigh.AppendReplace(e, n)
			}
			if i%200 == 99 {
				ns.IP(t, "link", "set", "v0", "down")
				ns.IP(t, "link", "set", "v0", "up")
			}
			if rng.IntN(30) == 0 {
				run(t, conn, e)
			}
		}
		for i := range 30 {
			neigh.AppendReplace(e, neigh.Neigh{Index: 10, Dst: netip.AddrFrom4([4]byte{10, 77, 0, byte(i)}), LLAddr: mac, State: permanent})
		}
		run(t, conn, e)
	})
}

// TestWatchForwarding follows random changes of forwarding entries, among them those
// of nexthops, which go without a word.
func TestWatchForwarding(t *testing.T) {
	nstest.Kind(t, "vxlan")
	conn, ns := dial(t)
	for _, line := range []string{
		"link add w0 index 20 address 02:00:00:00:00:20 type veth peer name w1 index 21 address 02:00:00:00:00:21",
		"link set w0 addrgenmode none up",
		"link set w1 addrgenmode none master br0 up",
		"link add vx0 index 30 address 02:00:00:00:00:30 type vxlan id 7 dev v0 dstport 4789",
		"link set vx0 addrgenmode none up",
	} {
		ns.IP(t, strings.Fields(line)...)
	}
	roundtrip.Follow(t, conn, neigh.Object(neigh.Filter{Family: fdb}), 20, func() {
		rng := rand.New(rand.NewPCG(1, 2))
		e := &rtattr.Encoder{}
		states := []rtattr.NeighState{permanent, rtattr.NUD_NOARP, rtattr.NUD_REACHABLE, rtattr.NUD_REACHABLE | rtattr.NUD_NOARP}
		for i := range 1000 {
			a, _ := neigh.LLAddrFrom([]byte{2, 0, 0, 0, 1, byte(rng.IntN(30))})
			n := neigh.Neigh{Family: fdb, Index: 11, LLAddr: a, State: states[rng.IntN(len(states))], Flags: rtattr.NTF_MASTER}
			switch rng.IntN(6) {
			case 0:
				n.Index = 21
			case 1:
				n.Index, n.Flags = 2, rtattr.NTF_SELF
			case 2: // what the device listens to
				n.Index, n.Flags = 10, rtattr.NTF_SELF
			case 3, 4:
				n.Index, n.Flags = 30, rtattr.NTF_SELF
				n.Dst = netip.AddrFrom4([4]byte{192, 0, 2, byte(rng.IntN(9))})
				n.VNI = neigh.Number(rng.IntN(3) - 1)
				if rng.IntN(2) == 0 {
					n.Flags |= rtattr.NTF_ROUTER
				}
				if rng.IntN(2) == 0 {
					n.LLAddr = neigh.MustParseLLAddr([]string{"00:00:00:00:00:00", "01:00:5e:00:00:63"}[rng.IntN(2)])
				}
				if rng.IntN(4) == 0 {
					n.Dst, n.VNI, n.NexthopID = netip.Addr{}, 0, 9
				}
			case 5:
				if rng.IntN(2) == 0 {
					n.Flags |= rtattr.NTF_EXT_LEARNED
				}
			}
			switch rng.IntN(6) {
			case 0, 1:
				neigh.AppendDelete(e, n)
			case 2:
				neigh.AppendAdd(e, n)
			case 3:
				neigh.AppendAppend(e, n)
			default:
				neigh.AppendReplace(e, n)
			}
			switch {
			case i%200 == 0:
				ns.IP(t, "nexthop", "replace", "id", "7", "via", "192.0.2.77", "fdb")
				ns.IP(t, "nexthop", "replace", "id", "9", "group", "7", "fdb")
			case i%200 == 130:
				run(t, conn, e)
				ns.IP(t, "nexthop", "delete", "id", "9")
			case i%300 == 50: // that of v1, whose entry the bridge may move to it
				ns.IP(t, "link", "set", "w1", "address", "02:00:00:00:00:11")
			case i%300 == 100:
				ns.IP(t, "link", "set", "v1", "address", "02:00:00:00:00:22")
			case i%300 == 200:
				ns.IP(t, "link", "set", "w1", "address", "02:00:00:00:00:21")
				ns.IP(t, "link", "set", "v1", "address", "02:00:00:00:00:11")
			case i%300 == 299:
				ns.IP(t, "link", "set", "w1", "nomaster")
				ns.IP(t, "link", "set", "w1", "master", "br0")
			case rng.IntN(40) == 0:
				run(t, conn, e)
			}
		}
		for i := range 30 {
			a, _ := neigh.LLAddrFrom([]byte{2, 0, 0, 0, 2, byte(i)})
			neigh.AppendReplace(e, neigh.Neigh{Family: fdb, Index: 11, LLAddr: a, State: rtattr.NUD_NOARP, Flags: rtattr.NTF_MASTER})
		}
		run(t, conn, e)
	})
}

// TestVerbAllocs wants a verb that succeeds to allocate nothing.
func TestVerbAllocs(t *testing.T) {
	conn, _ := dial(t)
	n := neigh.Neigh{Index: 10, Dst: ip("10.66.66.9"), LLAddr: mac, State: permanent}
	if got := testing.AllocsPerRun(20, func() {
		if err := neigh.Replace(ctx, conn, n); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("Replace: %v allocations", got)
	}
}
