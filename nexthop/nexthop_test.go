package nexthop_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/nexthop"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	seven := group(nexthop.Member{ID: 7})
	for want, n := range map[string]nexthop.Nexthop{
		"nexthop: id 1 via 0.0.0.0: Gateway is the unspecified address":                                                  {ID: 1, Gateway: ip("0.0.0.0")},
		"nexthop: id 1 via fe80::1%v0: Gateway fe80::1%v0 has a zone: Index says the interface":                          {ID: 1, Gateway: ip("fe80::1%v0")},
		"nexthop: id 1 via ::ffff:10.0.0.1: an IPv4 Gateway in IPv6 form":                                                {ID: 1, Gateway: ip("::ffff:10.0.0.1")},
		"nexthop: id 1 via fe80::1: Family is not that of Gateway":                                                       {ID: 1, Gateway: ip("fe80::1"), Family: rtattr.AF_INET},
		"nexthop: id 1 dev 3: Type, Buckets, timers and HWStats are for groups":                                          {ID: 1, Index: 3, Buckets: 7},
		"nexthop: id 1 group 7 dev 3: a Group has no Gateway, Index, Blackhole, Family, Flags and Encap: its members do": {ID: 1, Group: seven, Index: 3},
		"nexthop: id 1 group 7: Buckets and timers are for resilient groups: Type is NEXTHOP_GRP_TYPE_RES":               {ID: 1, Group: seven, Buckets: 8},
		"nexthop: id 1 group 7,65536: the weight of member 7 is 65536, at most 65535":                                    {ID: 1, Group: group(nexthop.Member{ID: 7, Weight: 65536})},
		"nexthop: id 1 group 7,2147483647: the weight of member 7 is 2147483647, at most 65535":                          {ID: 1, Group: group(nexthop.Member{ID: 7, Weight: math.MaxInt})},
		"nexthop: id 1 group 7 type resilient buckets 8 idle_timer 1ms: IdleTimer is 1ms: a multiple of 10ms, at most 11930h27m52.95s": {ID: 1, Group: seven,
			Type: rtattr.NEXTHOP_GRP_TYPE_RES, Buckets: 8, IdleTimer: nexthop.TimerOf(time.Millisecond)},
		"nexthop: id 1 group 7 type resilient buckets 8 unbalanced_timer -10ms: UnbalancedTimer is -10ms: a multiple of 10ms, at most 11930h27m52.95s": {ID: 1, Group: seven,
			Type: rtattr.NEXTHOP_GRP_TYPE_RES, Buckets: 8, UnbalancedTimer: nexthop.TimerOf(-10 * time.Millisecond)},
	} {
		var e rtattr.Encoder
		nexthop.AppendAdd(&e, n)
		if _, err := e.Finish(); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	for want, put := range map[string]func(*rtattr.Encoder){
		"nexthop: delete: no ID":     func(e *rtattr.Encoder) { nexthop.AppendDelete(e, 0) },
		"nexthop: get: no ID":        func(e *rtattr.Encoder) { nexthop.AppendGet(e, 0, 0) },
		"nexthop: get bucket: no ID": func(e *rtattr.Encoder) { nexthop.AppendGetBucket(e, 0, 1) },
	} {
		var e rtattr.Encoder
		put(&e)
		if _, err := e.Finish(); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestString(t *testing.T) {
	for want, n := range map[string]nexthop.Nexthop{
		"id 7 via 10.66.66.2 dev 3 proto static onlink": {ID: 7, Gateway: ip("10.66.66.2"), Index: 3, Protocol: rtattr.RTPROT_STATIC, Flags: rtattr.RTNH_F_ONLINK},
		"id 7 blackhole":                          {ID: 7, Blackhole: true},
		"id 9 group 7/8,5 fdb":                    {ID: 9, Group: group(nexthop.Member{ID: 7}, nexthop.Member{ID: 8, Weight: 5}), FDB: true},
		"id 7 encap mpls 16 via 10.66.66.2 dev 3": {ID: 7, Encap: encap.MPLS{Labels: encap.LabelsOf(16)}, Gateway: ip("10.66.66.2"), Index: 3},
	} {
		if got := n.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, want := (nexthop.Filter{Family: 10, ID: 7, Index: 3, Master: 4, Protocol: 4, Groups: true, FDB: true}).String(), "inet6 id 7 dev 3 master 4 proto static groups fdb"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMembers(t *testing.T) {
	want := []nexthop.Member{{ID: 1, Weight: 1}, {ID: 1<<32 - 1, Weight: 65535}}
	if got := slices.Collect(group(want...).All()); !slices.Equal(got, want) {
		t.Error(got)
	}
	if group(want...) != group(nexthop.Member{ID: 1}, want[1]) || group(want...) == group(want[0]) || group() != (nexthop.Members{}) {
		t.Error("equal Members differ, or different ones are equal")
	}
	for range group(want...).All() {
		break
	}
}

func TestAllocs(t *testing.T) {
	n := nexthop.Nexthop{ID: 7, Gateway: ip("fd00::2"), Index: 3, Encap: encap.SEG6{SRH: encap.SRH{Segments: encap.SegmentsOf(ip("fd00::3"))}}}
	g := nexthop.Nexthop{ID: 9, Group: group(nexthop.Member{ID: 7}, nexthop.Member{ID: 8, Weight: 300}), Type: rtattr.NEXTHOP_GRP_TYPE_RES,
		Buckets: 8, IdleTimer: nexthop.TimerOf(time.Minute)}
	buf := make([]byte, 0, 4096)
	var e rtattr.Encoder
	for name, f := range map[string]func(){
		"AppendAdd":         func() { nexthop.AppendAdd(&e, n) },
		"AppendAdd/group":   func() { nexthop.AppendAdd(&e, g) },
		"AppendReplace":     func() { nexthop.AppendReplace(&e, n) },
		"AppendDelete":      func() { nexthop.AppendDelete(&e, 7) },
		"AppendGet":         func() { nexthop.AppendGet(&e, 7, rtattr.NHA_OP_FLAG_DUMP_STATS) },
		"AppendList":        func() { nexthop.AppendList(&e, nexthop.Filter{Index: 3}, 0) },
		"AppendListBuckets": func() { nexthop.AppendListBuckets(&e, nexthop.BucketFilter{ID: 9}) },
		"AppendGetBucket":   func() { nexthop.AppendGetBucket(&e, 9, 3) },
	} {
		if n := testing.AllocsPerRun(100, func() { e.Reset(buf); f() }); n != 0 || e.Err() != nil {
			t.Errorf("%s: %v allocations, %v", name, n, e.Err())
		}
	}
}

// FuzzParse reads any payload of a nexthop; what can be written reads the same.
func FuzzParse(f *testing.F) {
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		switch m := rtattr.Msg(file.Wire); m.Type() {
		case rtattr.RTM_NEWNEXTHOP, rtattr.RTM_DELNEXTHOP, rtattr.RTM_GETNEXTHOP, rtattr.RTM_GETNEXTHOPBUCKET:
			f.Add(m.Payload())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v rtattr.NexthopView
		if v.Parse(b) != nil {
			return
		}
		nexthop.ParseBucket(&v)
		nexthop.ParseStats(&v)
		n, err := nexthop.Parse(&v)
		if err != nil {
			return
		}
		if n.String() == "" {
			t.Fatal("no text")
		}
		var e rtattr.Encoder
		nexthop.Begin(&e, rtattr.RTM_NEWNEXTHOP, 0, n).End()
		w, err := e.Finish()
		if err != nil {
			return // what the kernel would refuse, or does not list
		}
		var again rtattr.NexthopView
		if err := again.Parse(w[16:]); err != nil {
			t.Fatalf("%v\n% x\nwas written as\n% x", err, b, w)
		}
		x, err := nexthop.Parse(&again)
		if err != nil {
			t.Fatal(err)
		}
		if steady(x) != steady(n) {
			t.Fatalf("%+v\nbecame\n%+v", n, x)
		}
	})
}

// steady is n as it is written: with the family that a message cannot leave out, and
// without the numbers of programs.
func steady(n nexthop.Nexthop) nexthop.Nexthop {
	if n.Group == (nexthop.Members{}) && !n.Gateway.IsValid() && n.Family == 0 {
		n.Family = rtattr.AF_INET
	}
	if x, ok := n.Encap.(encap.SEG6Local); ok {
		x.BPF.ID = 0
		n.Encap = x
	}
	return n
}
