package neigh_test

import (
	"math"
	"testing"

	"github.com/nlwire/nlwire/neigh"
	"github.com/nlwire/nlwire/rtattr"
)

func TestInvalid(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		n          neigh.Neigh
	}{
		{"zero", "?: no Family, nor a Dst that tells it", neigh.Neigh{}},
		{"Family", "? dev 3: there are no neighbours of address family 28", neigh.Neigh{Family: 28, Index: 3}},
		{"NoDst", "? dev 3: no Dst", neigh.Neigh{Family: inet, Index: 3}},
		{"DstFamily", "fd00::1 dev 3: Dst is of another address family", neigh.Neigh{Family: inet, Index: 3, Dst: ip("fd00::1")}},
		{"Zone", "fe80::1%v0 dev 3: Dst has a zone: Index says the interface", neigh.Neigh{Index: 3, Dst: ip("fe80::1%v0")}},
		{"NoIndex", "10.0.0.1: no interface: Index is 0", neigh.Neigh{Dst: ip("10.0.0.1")}},
		{"VLAN", "10.0.0.1 dev 3 vlan 7: VLAN, Port, VNI, SrcVNI, Via, NexthopID, Activity and DontRefresh are for forwarding entries", neigh.Neigh{Index: 3, Dst: ip("10.0.0.1"), VLAN: 7}},
		{"FDB", " dev 3: LLAddr has 0 bytes, that of a forwarding entry has 6", neigh.Neigh{Family: fdb, Index: 3}},
		{"FDBIndex", "02:00:00:00:00:99 dev 0: no interface: Index is 0", neigh.Neigh{Family: fdb, LLAddr: mac}},
		{"VNI", "02:00:00:00:00:99 dev 3 vni 4294967296: VNI has more than 32 bits", neigh.Neigh{Family: fdb, Index: 3, LLAddr: mac, VNI: 1 << 32}},
		{"Proxy", "", neigh.Neigh{Dst: ip("10.0.0.1"), Flags: rtattr.NTF_PROXY}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e rtattr.Encoder
			neigh.AppendAdd(&e, tt.n)
			_, err := e.Finish()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || err.Error() != "neigh: "+tt.want {
				t.Errorf("got  %v\nwant neigh: %s", err, tt.want)
			}
		})
	}
	for name, put := range map[string]build{
		"neigh: list: there are no neighbours of address family 28":           list(neigh.Filter{Family: 28}),
		"neigh: set table: no Name":                                           set(neigh.Table{}),
		"neigh:  dev 0: LLAddr has 0 bytes, that of a forwarding entry has 6": get(neigh.Neigh{Family: fdb, Master: 2}),
		"rtattr: neightbl.thresh1: 4294967296 has more than 32 bits":          set(neigh.Table{Name: "x", Thresh1: 1 << 32}),
		"neigh: ? dev 3: no Dst":                                              get(neigh.Neigh{Family: inet, Index: 3}),
		"neigh: 10.0.0.1: no interface: Index is 0":                           get(neigh.Neigh{Dst: ip("10.0.0.1")}),
		"neigh:  dev 0: no interface: Index is 0":                             flushFDB(neigh.Neigh{}, 0, 0),
		"neigh: watch: neighbours can be followed by Family and Index alone":  neigh.Object(neigh.Filter{Proxy: true}).List,
	} {
		var e rtattr.Encoder
		put(&e)
		if _, err := e.Finish(); err == nil || err.Error() != name {
			t.Errorf("got  %v\nwant %s", err, name)
		}
	}
}

var fullFDB = neigh.Neigh{
	Family: fdb, Index: 5, Dst: ip("fd00:1::9"), LLAddr: mac, State: local, Flags: rtattr.NTF_SELF | rtattr.NTF_ROUTER,
	FlagsExt: rtattr.NTF_EXT_LOCKED, Protocol: rtattr.RTPROT_ZEBRA, VLAN: 7, Port: 8472, VNI: neigh.Zero, SrcVNI: 100, Via: 4, NexthopID: 9,
	Activity: rtattr.FDB_NOTIFY_BIT, DontRefresh: true,
}

func parse(t *testing.T, b []byte) neigh.Neigh {
	t.Helper()
	var v rtattr.NeighView
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		t.Fatal(err)
	}
	n, err := neigh.Parse(&v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestParse(t *testing.T) {
	var e rtattr.Encoder
	neigh.AppendAdd(&e, fullFDB)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(t, b); got != fullFDB {
		t.Errorf("got  %+v\nwant %+v", got, fullFDB)
	}

	// What a bridge lists, and cannot be written without a flag.
	e = rtattr.Encoder{}
	for _, index := range []int32{3, 2} {
		w := rtattr.AppendNeigh(&e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: fdb, IfIndex: index, State: rtattr.NUD_NOARP})
		w.LLAddr(mac.Bytes())
		w.Master(2)
		w.FlagsExt(0)
		w.CacheInfo(rtattr.NeighCacheInfo{Used: 7})
		w.LinkNetNSID(0)
		w.Probes(3)
		w.Uint32(777, 7) // an attribute of a later kernel
		w.End()
	}
	if b, err = e.Finish(); err != nil {
		t.Fatal(err)
	}
	want := neigh.Neigh{
		Family: fdb, Index: 3, LLAddr: mac, State: rtattr.NUD_NOARP, Flags: rtattr.NTF_MASTER, Master: 2,
		LinkNetNSID: neigh.Zero, Probes: 3, Cache: rtattr.NeighCacheInfo{Used: 7},
	}
	if got := parse(t, b[:len(b)/2]); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.Index, want.Flags = 2, rtattr.NTF_SELF
	if got := parse(t, b[len(b)/2:]); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A link-layer address may have any length: a check of it has broken users of
// jsimonetti/rtnetlink (fuzz/defects.md, issue J#208).
func TestLinkLayerAddressOfAnyLength(t *testing.T) {
	for n := range 34 {
		var e rtattr.Encoder
		w := rtattr.AppendNeigh(&e, rtattr.RTM_NEWNEIGH, 0, rtattr.NdMsg{Family: inet, IfIndex: 3})
		w.Dst(ip("10.66.66.9"))
		want := make([]byte, n)
		if n > 0 {
			want[n-1] = 7
		}
		w.LLAddr(want)
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.NeighView
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			if n <= 32 {
				t.Errorf("%d bytes: %v", n, err)
			}
			continue
		}
		got, err := neigh.Parse(&v)
		if n > 32 {
			if err == nil {
				t.Errorf("%d bytes are no error", n)
			}
		} else if err != nil || string(got.LLAddr.Bytes()) != string(want) {
			t.Errorf("%d bytes: %v, %v", n, got.LLAddr, err)
		}
	}
}

// Nothing is sent but what is given: jsimonetti/rtnetlink adds NDA_UNSPEC (defect
// F-J-unspec of fuzz/defects.md).
func TestZeroFieldsAreNotSent(t *testing.T) {
	var e rtattr.Encoder
	neigh.AppendAdd(&e, neigh.Neigh{Index: 3, Dst: ip("10.66.66.9")})
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v rtattr.NeighView
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
		t.Fatal(err)
	}
	if len(v.Attrs()) != 8 {
		t.Errorf("attributes % x", []byte(v.Attrs()))
	}
}

func TestString(t *testing.T) {
	for _, tt := range []struct {
		n    neigh.Neigh
		want string
	}{
		{four(func(n *neigh.Neigh) { n.State, n.Protocol = permanent, rtattr.RTPROT_STATIC }), "10.66.66.9 dev 3 lladdr 02:00:00:00:00:99 proto static permanent"},
		{neigh.Neigh{Index: 3, Dst: ip("fd00::1"), Flags: rtattr.NTF_PROXY | rtattr.NTF_ROUTER}, "proxy fd00::1 dev 3 router"},
		{fullFDB, "02:00:00:00:00:99 dev 5 dst fd00:1::9 vlan 7 port 8472 vni 0 src_vni 100 via 4 nhid 9 self|router locked proto zebra noarp|permanent"},
	} {
		if got := tt.n.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	if got := (neigh.Filter{Family: fdb, Index: 3, Master: 2, State: permanent}).String(); got != "fdb dev 3 master 2 nud permanent" {
		t.Error(got)
	}
	if got := (neigh.Filter{Family: inet, Proxy: true}).String(); got != "inet proxy" {
		t.Error(got)
	}
}

func TestLLAddr(t *testing.T) {
	for _, s := range []string{"", "02:00:00:00:00:99", "0a:42:42:01"} {
		if a, err := neigh.ParseLLAddr(s); err != nil || a.String() != s {
			t.Errorf("%q: %v, %v", s, a, err)
		}
	}
	if a, err := neigh.ParseLLAddr("02:00:00:00:00:AB"); err != nil || a.String() != "02:00:00:00:00:ab" {
		t.Error(a, err)
	}
	for _, s := range []string{"0", "02:0", "02-00", "020000000099", "02::00", "x", ":", "02:00:"} {
		if a, err := neigh.ParseLLAddr(s); err == nil || a != (neigh.LLAddr{}) {
			t.Errorf("%q: %v", s, a)
		}
	}
	if _, ok := neigh.LLAddrFrom(make([]byte, 33)); ok {
		t.Error("33 bytes")
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		want neigh.Number
		s    string
	}{{0, neigh.Zero, "0"}, {7, 7, "7"}, {math.MaxUint64, math.MaxInt64, "9223372036854775807"}} {
		n := neigh.NumberOf(tt.n)
		if v, ok := n.Value(); n != tt.want || !ok || v != min(tt.n, math.MaxInt64) || n.String() != tt.s {
			t.Errorf("%d: %d, %d, %v, %s", tt.n, n, v, ok, n)
		}
	}
	if v, ok := neigh.Number(0).Value(); v != 0 || ok || neigh.Number(0).String() != "" {
		t.Error(v, ok)
	}
}

func TestAllocs(t *testing.T) {
	buf := make([]byte, 4096)
	var e rtattr.Encoder
	neigh.AppendAdd(&e, fullFDB)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	table := neigh.Table{Name: "arp_cache", Index: 3, BaseReachableTime: 20000, QueueLen: 9}
	ipv4 := four(func(n *neigh.Neigh) { n.State = permanent })
	var v rtattr.NeighView
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"AppendAdd", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendAdd(&e, ipv4) }},
		{"AppendReplace", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendReplace(&e, fullFDB) }},
		{"AppendChange", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendChange(&e, ipv4) }},
		{"AppendAppend", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendAppend(&e, fullFDB) }},
		{"AppendDelete", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendDelete(&e, fullFDB) }},
		{"AppendGet", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendGet(&e, ipv4) }},
		{"AppendFlushFDB", func() {
			var e rtattr.Encoder
			e.Reset(buf)
			neigh.AppendFlushFDB(&e, neigh.Neigh{Index: 3}, permanent, 0)
		}},
		{"AppendList", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendList(&e, neigh.Filter{Index: 3}) }},
		{"AppendListTables", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendListTables(&e, inet) }},
		{"AppendSetTable", func() { var e rtattr.Encoder; e.Reset(buf); neigh.AppendSetTable(&e, table) }},
		{"Parse", func() {
			v.Parse(rtattr.Msg(b).Payload())
			if _, err := neigh.Parse(&v); err != nil {
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
		neigh.AppendAdd(&e, fullFDB)
	}
}

// A message that is cut anywhere, or has no bytes at all, is an error at most:
// NeighDeserialize of vishvananda/netlink panics (defect B-V7).
func TestShortMessages(t *testing.T) {
	for _, whole := range []neigh.Neigh{fullFDB, four(func(n *neigh.Neigh) { n.Family, n.State = inet, permanent })} {
		var e rtattr.Encoder
		neigh.AppendAdd(&e, whole)
		m, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		b := rtattr.Msg(m).Payload()
		for n := range len(b) + 1 {
			var v rtattr.NeighView
			bad := v.Parse(b[:n:n])
			got, err := neigh.Parse(&v)
			if n < 12 && bad == nil {
				t.Errorf("%d bytes: no error, %v", n, got)
			}
			if n == len(b) && (bad != nil || err != nil || got != whole) {
				t.Errorf("%v, %v, %v\nwant %v", got, bad, err, whole)
			}
			if n >= 12 && (got.Family != b[0] || got.Index != whole.Index || got.State != whole.State) {
				t.Errorf("%d bytes: %+v", n, got)
			}
		}
	}
}
