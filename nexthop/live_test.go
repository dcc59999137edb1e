//go:build linux

package nexthop_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/internal/roundtrip"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

// newLab has v0 (10) with the peer v1 (11) in the bridge br0 (14), and v2 (12), up.
func newLab(t *testing.T) (*nstest.NS, *rtnl.Conn) {
	t.Helper()
	ns := nstest.New(t)
	for _, line := range []string{
		"link set lo up",
		"link add v0 index 10 type veth peer name v1 index 11",
		"link add v2 index 12 type veth peer name v3 index 13",
		"link add br0 index 14 type bridge",
		"link set v0 addrgenmode none", "link set v1 addrgenmode none", "link set v2 addrgenmode none", "link set v3 addrgenmode none",
		"link set v1 master br0",
		"link set v1 up", "link set v0 up", "link set v3 up", "link set v2 up", "link set br0 up",
		"address add 10.66.66.1/24 dev v0", "address add 10.66.67.1/24 dev v2",
		"address add fd00:1::1/64 dev v0 nodad",
	} {
		optguard.IP(t, ns, line)
	}
	return ns, optguard.Dial(t, ns)
}

func TestRoundTrip(t *testing.T) {
	roundtrip.Run(t, "testdata/roundtrip.txt", roundtrip.Test[nexthop.Nexthop]{
		List: func(conn *rtnl.Conn) ([]nexthop.Nexthop, error) {
			return nexthop.List(ctx, conn, nexthop.Filter{})
		},
		Append: func(e *rtattr.Encoder, n nexthop.Nexthop) {
			if x, ok := n.Encap.(encap.IP); ok && x.Options != nil {
				e.Fail(errors.New("options of tunnels stop the kernel"))
				return
			}
			nexthop.AppendAdd(e, n)
		},
		Delete: func(e *rtattr.Encoder, n nexthop.Nexthop) { nexthop.AppendDelete(e, n.ID) },
		Order: func(list []nexthop.Nexthop) {
			slices.SortStableFunc(list, func(a, b nexthop.Nexthop) int { return min(a.Group.Len(), 1) - min(b.Group.Len(), 1) })
		},
		JSON: []string{"ip -d -json nexthop show"},
	})
}

func TestVerbs(t *testing.T) {
	_, conn := newLab(t)
	n := nexthop.Nexthop{ID: 7, Gateway: ip("10.66.66.2"), Index: 10}
	if err := nexthop.Add(ctx, conn, n); err != nil {
		t.Fatal(err)
	}
	if err := nexthop.Add(ctx, conn, n); !errors.Is(err, fs.ErrExist) || err.Error() != "nexthop: add id 7 via 10.66.66.2 dev 10: file exists" {
		t.Errorf("added twice: %v", err)
	}
	n.Gateway = ip("10.66.66.3")
	if err := nexthop.Replace(ctx, conn, n); err != nil {
		t.Error(err)
	}
	if got, err := nexthop.Get(ctx, conn, 7); err != nil || got != n {
		t.Errorf("%v, %v, want %v", got, err, n)
	}
	made, err := nexthop.Create(ctx, conn, nexthop.Nexthop{Gateway: ip("10.66.67.2"), Index: 12})
	if err != nil || made.ID == 0 || made.Gateway != ip("10.66.67.2") {
		t.Errorf("created %v, %v", made, err)
	}
	if got, err := nexthop.Get(ctx, conn, made.ID); err != nil || got != made {
		t.Errorf("%v, %v, want %v", got, err, made)
	}
	if err := nexthop.Delete(ctx, conn, 7); err != nil {
		t.Error(err)
	}
	if err := nexthop.Delete(ctx, conn, 7); !errors.Is(err, fs.ErrNotExist) || err.Error() != "nexthop: delete id 7: no such file or directory" {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := nexthop.Get(ctx, conn, 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got what is deleted: %v", err)
	}
	if err := nexthop.Add(ctx, conn, nexthop.Nexthop{ID: 9, Group: group(nexthop.Member{ID: 77})}); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "Invalid nexthop id") {
		t.Error(err)
	}
}

// fill makes objects and groups of many kinds.
func fill(t *testing.T, ns *nstest.NS) {
	t.Helper()
	for _, line := range []string{
		"nexthop add id 1 via 10.66.66.2 dev v0", "nexthop add id 2 via 10.66.67.2 dev v2 protocol static",
		"nexthop add id 3 via fd00:1::2 dev v0", "nexthop add id 4 blackhole", "nexthop add id 5 via 192.0.2.77 fdb",
		"nexthop add id 6 dev v3", "nexthop add id 11 group 1/2", "nexthop add id 12 group 5 fdb protocol static",
		"nexthop add id 13 group 1/2,3 type resilient buckets 8",
	} {
		optguard.IP(t, ns, line)
	}
}

func TestFilter(t *testing.T) {
	ns, conn := newLab(t)
	optguard.IP(t, ns, "nexthop add id 7 via 10.66.66.9 dev v0")
	fill(t, ns)
	optguard.IP(t, ns, "link set v2 master br0")
	for _, tt := range []struct {
		f    nexthop.Filter
		want []uint32
	}{
		{nexthop.Filter{}, []uint32{1, 2, 3, 4, 5, 6, 7, 11, 12, 13}},
		{nexthop.Filter{Index: 10}, []uint32{1, 3, 7}},
		{nexthop.Filter{Index: 99}, nil},
		{nexthop.Filter{Master: 14}, []uint32{2}},
		{nexthop.Filter{Groups: true}, []uint32{11, 12, 13}},
		{nexthop.Filter{FDB: true}, []uint32{5, 12}},
		{nexthop.Filter{FDB: true, Groups: true}, []uint32{12}},
		{nexthop.Filter{Protocol: rtattr.RTPROT_STATIC}, []uint32{2, 12}},
		{nexthop.Filter{ID: 3}, []uint32{3}},
		{nexthop.Filter{Family: rtattr.AF_INET6}, []uint32{3}},
		{nexthop.Filter{Family: rtattr.AF_INET, Index: 10}, []uint32{1, 7}},
	} {
		list, err := nexthop.List(ctx, conn, tt.f)
		var got []uint32
		for _, n := range list {
			got = append(got, n.ID)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, %v, want %v", tt.f, got, err, tt.want)
		}
	}
}

func TestFlush(t *testing.T) {
	ns, conn := newLab(t)
	fill(t, ns)
	if n, err := nexthop.Flush(ctx, conn, nexthop.Filter{Protocol: rtattr.RTPROT_STATIC}); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	// 11 and 13 have lost a member, and go with the other.
	n, err := nexthop.Flush(ctx, conn, nexthop.Filter{})
	if list, lerr := nexthop.List(ctx, conn, nexthop.Filter{}); n != 5 || err != nil || len(list) != 0 || lerr != nil {
		t.Errorf("%d, %v; left %v, %v", n, err, list, lerr)
	}
}

func TestBuckets(t *testing.T) {
	ns, conn := newLab(t)
	fill(t, ns)
	all, err := nexthop.ListBuckets(ctx, conn, nexthop.BucketFilter{})
	if err != nil || len(all) != 8 {
		t.Fatalf("%v, %v", all, err)
	}
	weights := map[uint32]int{}
	for i, b := range all {
		if b.ID != 13 || int(b.Index) != i || b.Idle < 0 || b.Idle > time.Minute {
			t.Errorf("%d: %+v", i, b)
		}
		weights[b.NexthopID]++
	}
	if weights[1] != 2 || weights[2] != 6 {
		t.Errorf("buckets by nexthop: %v", weights)
	}
	for f, want := range map[nexthop.BucketFilter]int{{ID: 13}: 8, {NexthopID: 1}: 2, {Index: 12}: 6, {Index: 99}: 0, {ID: 13, NexthopID: 2}: 6, {Master: 14}: 0} {
		if got, err := nexthop.ListBuckets(ctx, conn, f); len(got) != want || err != nil {
			t.Errorf("%+v: %v, %v, want %d", f, got, err, want)
		}
	}
	b, err := nexthop.GetBucket(ctx, conn, 13, 3)
	b.Idle = all[3].Idle
	if err != nil || b != all[3] {
		t.Errorf("%+v, %v, want %+v", b, err, all[3])
	}
	if _, err := nexthop.GetBucket(ctx, conn, 13, 8); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := nexthop.ListBuckets(ctx, conn, nexthop.BucketFilter{ID: 11}); err == nil || !strings.HasPrefix(err.Error(), "nexthop: list buckets of id 11: ") {
		t.Error(err)
	}
}

// Weights above 256 and counters came with Linux 6.12 and 6.9.
func TestRecent(t *testing.T) {
	ns, conn := newLab(t)
	fill(t, ns)
	heavy := nexthop.Nexthop{ID: 20, Group: group(nexthop.Member{ID: 1, Weight: 257}, nexthop.Member{ID: 2, Weight: 65535})}
	err := nexthop.Add(ctx, conn, heavy)
	if errors.Is(err, unix.EINVAL) && strings.Contains(err.Error(), "Reserved fields in nexthop_grp") {
		t.Skip("the kernel has weights of 8 bits")
	}
	if got, gerr := nexthop.Get(ctx, conn, 20); err != nil || gerr != nil || got != heavy {
		t.Errorf("%v, %v, %v", got, err, gerr)
	}
	for _, hw := range []bool{false, true} {
		s, err := nexthop.GetStats(ctx, conn, 11, hw)
		if err != nil || len(s.Members) != 2 || s.Members[0] != (nexthop.MemberStats{ID: 1}) || s.HWEnabled || s.HWUsed {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if err := nexthop.Add(ctx, conn, nexthop.Nexthop{ID: 21, Group: group(nexthop.Member{ID: 1}), HWStats: true}); err != nil {
		t.Fatal(err)
	}
	s, err := nexthop.GetStats(ctx, conn, 21, true)
	if err != nil || !s.HWEnabled || s.HWUsed {
		t.Errorf("%+v, %v", s, err)
	}
}
