//go:build linux

package rule_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/roundtrip"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rule"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

// dial opens a namespace of its own.
func dial(t *testing.T) (*rtnl.Conn, *nstest.NS) {
	t.Helper()
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ns
}

func listed(t *testing.T, conn *rtnl.Conn, f rule.Filter) []rule.Rule {
	t.Helper()
	rules, err := rule.List(ctx, conn, f)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

var trip = roundtrip.Test[rule.Rule]{
	List:   func(conn *rtnl.Conn) ([]rule.Rule, error) { return rule.List(ctx, conn, rule.Filter{}) },
	Append: rule.AppendAdd,
	Delete: rule.AppendDelete,
	JSON:   []string{"ip -d -json rule show", "ip -6 -d -json rule show"},
}

// TestRoundTrip writes what ip has made.
func TestRoundTrip(t *testing.T) { roundtrip.Run(t, "testdata/roundtrip.txt", trip) }

// TestSent makes of what is listed the attributes that ip has sent.
func TestSent(t *testing.T) {
	files := slices.DeleteFunc(loadGoldens(t), func(f golden.File) bool {
		if strings.Contains(f.Command, "uidrange 1") && !nstest.Root() {
			t.Logf("%s: a user namespace has its own users", f.Command)
			return true
		}
		return !strings.Contains(f.Name, "-add") || f.Result != "ok" ||
			strings.Contains(f.Name, "multicast") || f.Name == "rule-add-nat" // not listed
	})
	trip.Sent(t, files, 12, rtattr.FRA_PRIORITY)
}

// TestLive writes what iproute2 6.1 cannot.
func TestLive(t *testing.T) {
	conn, _ := dial(t)
	for _, tt := range []struct {
		name  string
		since int // Linux 6.n, before which the kernel ignores it
		r     rule.Rule
	}{
		{"priority 0", 0, rule.Rule{Family: inet, Priority: rule.Zero, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"dscp 0", 13, rule.Rule{Family: inet, Priority: 77, DSCP: rule.Zero, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"dscp", 13, rule.Rule{Family: inet6, Priority: 77, DSCP: 63, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"dscp mask", 15, rule.Rule{Family: inet, Priority: 77, DSCP: 8, DSCPMask: 0x38, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"flow label", 14, rule.Rule{Family: inet6, Priority: 77, FlowLabel: 0xabcde, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"flow label mask", 14, rule.Rule{Family: inet6, Priority: 77, FlowLabel: 0x50, FlowLabelMask: 0xf0, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"port masks", 15, rule.Rule{Family: inet, Priority: 77, SPort: rule.Ports{Start: 80, End: 80, Mask: 0xfff0}, DPort: rule.Ports{Start: 512, End: 512, Mask: 0xff00}, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
		{"source address", 0, rule.Rule{Family: inet6, Priority: 77, Src: pfx("fd09::/64"), Flags: rtattr.FIB_RULE_FIND_SADDR, Table: 100, Action: rtattr.FR_ACT_TO_TBL}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !nstest.Since(t, 6, tt.since) {
				t.Skipf("Linux 6.%d has it", tt.since)
			}
			before := listed(t, conn, rule.Filter{})
			if err := rule.Add(ctx, conn, tt.r); err != nil {
				t.Fatal(err)
			}
			if err := rule.Add(ctx, conn, tt.r); !errors.Is(err, fs.ErrExist) {
				t.Errorf("second add: %v", err)
			}
			if got := listed(t, conn, rule.Filter{Family: tt.r.Family, Priority: tt.r.Priority, Table: 100}); len(got) != 1 || got[0] != tt.r {
				t.Errorf("got  %+v\nwant %+v", got, tt.r)
			}
			if err := rule.Delete(ctx, conn, tt.r); err != nil {
				t.Fatal(err)
			}
			if err := rule.Delete(ctx, conn, tt.r); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("second delete: %v", err)
			}
			if after := listed(t, conn, rule.Filter{}); !slices.Equal(before, after) {
				t.Errorf("before %v\nafter  %v", before, after)
			}
		})
	}
}

// Every rule can be deleted as it is listed, those of the kernel included; with
// vishvananda/netlink what is listed cannot (fuzz/defects.md, issues V#568, V#670).
func TestDeleteWhatWasListed(t *testing.T) {
	conn, ns := dial(t)
	ns.IP(t, "rule", "add", "pref", "0", "fwmark", "0/0xff", "blackhole")
	rules := listed(t, conn, rule.Filter{})
	if len(rules) < 6 {
		t.Fatalf("%d rules", len(rules))
	}
	for _, r := range rules {
		if err := rule.Delete(ctx, conn, r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if left := listed(t, conn, rule.Filter{}); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Rules are listed under strict checking, with filters of all kinds: strict mode
// breaks RuleList of vishvananda/netlink (fuzz/defects.md, B-V8).
func TestFilterStrict(t *testing.T) {
	conn, _ := dial(t)
	for _, r := range []rule.Rule{
		{Src: pfx("10.9.0.0/16"), Priority: 100, Table: 1000, Protocol: rtattr.RTPROT_STATIC},
		{Src: pfx("fd09::/64"), Priority: 100, Table: 1000},
	} {
		if err := rule.Add(ctx, conn, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		f    rule.Filter
		want int
	}{
		{rule.Filter{}, 7},
		{rule.Filter{Family: inet}, 4},
		{rule.Filter{Family: inet6}, 3},
		{rule.Filter{Table: 1000}, 2},
		{rule.Filter{Table: 1000, Family: inet6}, 1},
		{rule.Filter{Priority: 100, Protocol: rtattr.RTPROT_STATIC}, 1},
		{rule.Filter{Priority: rule.Zero}, 2},
		{rule.Filter{Priority: 9}, 0},
	} {
		if got := listed(t, conn, tt.f); len(got) != tt.want {
			t.Errorf("%v: %v, want %d", tt.f, got, tt.want)
		}
	}
	for range rule.All(ctx, conn, rule.Filter{}) {
		break // and the Conn is as good as new
	}
	if n, err := rule.Flush(ctx, conn, rule.Filter{Priority: 100}); n != 2 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
	if n, err := rule.Flush(ctx, conn, rule.Filter{}); n != 3 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
	if got := listed(t, conn, rule.Filter{}); len(got) != 2 || got[0].Priority != rule.Zero || got[1].Priority != rule.Zero {
		t.Errorf("left %v", got)
	}
	if n, err := rule.Flush(ctx, conn, rule.Filter{}); n != 0 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
}

func TestErrors(t *testing.T) {
	conn, _ := dial(t)
	for _, tt := range []struct {
		err  error
		is   error
		want string
	}{
		{rule.Delete(ctx, conn, rule.Rule{Src: pfx("10.9.0.0/16")}), fs.ErrNotExist, "rule: delete from 10.9.0.0/16 lookup main: no such file or directory"},
		{rule.Add(ctx, conn, rule.Rule{Family: inet, Priority: 77, Goto: 7}), nil, "rule: add 77: from all goto 7: invalid argument: Backward goto not supported"},
		{rule.Add(ctx, conn, rule.Rule{}), nil, "rule: from all lookup main: no Family, nor an address that tells it"},
	} {
		if tt.err == nil || tt.err.Error() != tt.want || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("got  %v\nwant %s", tt.err, tt.want)
		}
	}
	if _, err := rule.List(ctx, conn, rule.Filter{Family: 77}); err == nil {
		t.Error("list of family 77")
	}
}

// TestWatch follows random changes, rules that are there twice among them.
func TestWatch(t *testing.T) {
	conn, ns := dial(t)
	roundtrip.Follow(t, conn, rule.Object(rule.Filter{}), 20, func() {
		rng := rand.New(rand.NewPCG(1, 2))
		e := &rtattr.Encoder{}
		run := func() {
			var cut *rtnl.Incomplete
			if err := conn.Exec(ctx, e); errors.As(err, &cut) {
				t.Error(err)
			}
			e.Reset(nil)
		}
		for i := range 600 {
			r := rule.Rule{Priority: rule.Number(1 + rng.IntN(20)), Table: rtattr.RouteTable(300 + rng.IntN(2)), IIF: "gone"}
			r.Src = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rng.IntN(4))}), 16)
			if rng.IntN(2) == 0 {
				r.Src = pfx("fd09::/64")
			}
			switch rng.IntN(8) {
			case 0, 1, 2:
				rule.AppendAdd(e, r)
			case 3: // without NLM_F_EXCL it may be there twice
				rule.Begin(e, rtattr.RTM_NEWRULE, rtattr.NLM_F_CREATE, r).End()
			default:
				rule.AppendDelete(e, r)
			}
			switch {
			case i%100 == 99:
				// Detaches or attaches the rules of an interface, unannounced.
				if i%200 == 99 {
					ns.IP(t, "link", "add", "gone", "type", "veth", "peer", "name", "v1")
				} else {
					ns.IP(t, "link", "delete", "gone")
				}
			case rng.IntN(30) == 0:
				run()
			}
		}
		for i := range 30 {
			rule.AppendAdd(e, rule.Rule{Family: inet, Priority: rule.Number(1000 + i), Table: 100})
		}
		run()
	})
}

func TestWatchFamily(t *testing.T) {
	conn, _ := dial(t)
	w, err := rtnl.Watch(ctx, conn, nil, rule.Object(rule.Filter{Family: inet6, Table: 100}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := rule.Rule{Family: inet6, Src: pfx("fd09::/64"), Priority: 7, Action: rtattr.FR_ACT_TO_TBL, Table: 100}
	for _, r := range []rule.Rule{
		{Family: inet, Priority: 7, Table: 100},
		{Family: inet6, Priority: 7, Table: 101},
		want,
	} {
		if err := rule.Add(ctx, conn, r); err != nil {
			t.Fatal(err)
		}
	}
	for ev, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Type == rtnl.Synced {
			continue
		}
		if ev.Type != rtnl.Added || ev.Key != want || ev.Value != want {
			t.Errorf("%+v", ev)
		}
		break
	}
}

// TestVerbAllocs wants a verb that succeeds to allocate nothing.
func TestVerbAllocs(t *testing.T) {
	conn, _ := dial(t)
	r := rule.Rule{Src: pfx("10.9.0.0/16"), Priority: 100, Table: 1000}
	n := testing.AllocsPerRun(20, func() {
		if err := rule.Add(ctx, conn, r); err != nil {
			t.Error(err)
		}
		if err := rule.Delete(ctx, conn, r); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("Add and Delete: %v allocations", n)
	}
}
