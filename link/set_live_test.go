//go:build linux

package link_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// on returns flags as ip shows them: those of want, and none of not.
func on(s second, want, not string) bool {
	for _, f := range strings.Fields(want) {
		if !slices.Contains(s.Flags, f) {
			return false
		}
	}
	for _, f := range strings.Fields(not) {
		if slices.Contains(s.Flags, f) {
			return false
		}
	}
	return true
}

// TestSetEverything changes everything that ip-link(8) can, one thing at a time, and has
// ip read it back.
func TestSetEverything(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"macvlan", "ifb"} {
		nstest.Kind(t, name)
	}
	var e rtattr.Encoder
	link.AppendAdd(&e, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: v1})
	link.AppendAdd(&e, with(br0, func(c *link.Config) { c.Index = 71 }), link.Bridge{})
	link.AppendAdd(&e, with(m0, func(c *link.Config) { c.Index, c.Parent = 72, 70 }), link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE})
	link.AppendAdd(&e, link.Config{Name: "x0", Index: 73, Set: rtattr.IFF_UP}, link.Ifb{})
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	some := link.Some[uint32]
	for _, tt := range []struct {
		index uint32
		c     link.Config
		ok    func(second) bool
	}{
		{70, link.Config{MTU: 1400}, func(s second) bool { return s.MTU == 1400 }},
		{70, link.Config{Address: mac("02:00:00:00:00:77")}, func(s second) bool { return s.Address == "02:00:00:00:00:77" }},
		{70, link.Config{Broadcast: mac("02:ff:ff:ff:ff:ff")}, func(s second) bool { return s.Broadcast == "02:ff:ff:ff:ff:ff" }},
		{70, link.Config{TxQLen: some(0)}, func(s second) bool { return s.TxQLen == 0 }},
		{70, link.Config{TxQLen: some(32767)}, func(s second) bool { return s.TxQLen == 32767 }},
		{70, link.Config{Group: some(42)}, func(s second) bool { return s.Group == "42" }},
		{70, link.Config{Group: some(0)}, func(s second) bool { return s.Group == "default" }},
		{70, link.Config{Alias: link.Some("uplink to rack 7")}, func(s second) bool { return s.Alias == "uplink to rack 7" }},
		{70, link.Config{Alias: link.Some("")}, func(s second) bool { return s.Alias == "" }},
		{70, link.Config{GSOMaxSize: 40000}, func(s second) bool { return s.GSOMaxSize == 40000 }},
		{70, link.Config{GSOMaxSegs: 64}, func(s second) bool { return s.GSOMaxSegs == 64 }},
		{70, link.Config{GROMaxSize: 30000}, func(s second) bool { return s.GROMaxSize == 30000 }},
		{70, link.Config{LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT)}, func(s second) bool { return s.LinkMode == "DORMANT" }},
		{70, link.Config{LinkMode: link.Some(rtattr.IF_LINK_MODE_DEFAULT)}, func(s second) bool { return s.LinkMode == "DEFAULT" }},
		{70, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)}, func(s second) bool { return s.AddrGenMode == "none" }},
		{70, link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_EUI64)}, func(s second) bool { return s.AddrGenMode == "eui64" }},
		{72, link.Config{SetReasons: 5}, func(s second) bool { return len(s.Reasons) == 2 }},
		{72, link.Config{SetReasons: 2, ClearReasons: 4}, func(s second) bool { return len(s.Reasons) == 2 }},
		{72, link.Config{ProtoDown: link.Some(true)}, func(s second) bool { return s.ProtoDown }},
		{72, link.Config{ProtoDown: link.Some(false), ClearReasons: 7}, func(s second) bool { return !s.ProtoDown && len(s.Reasons) == 0 }},
		{70, link.Config{Set: rtattr.IFF_NOARP | rtattr.IFF_PROMISC | rtattr.IFF_ALLMULTI | rtattr.IFF_DYNAMIC | rtattr.IFF_NOTRAILERS, Clear: rtattr.IFF_MULTICAST},
			func(s second) bool { return on(s, "NOARP PROMISC ALLMULTI DYNAMIC NOTRAILERS", "MULTICAST UP") }},
		{70, link.Config{Clear: rtattr.IFF_NOARP | rtattr.IFF_PROMISC | rtattr.IFF_ALLMULTI | rtattr.IFF_DYNAMIC | rtattr.IFF_NOTRAILERS, Set: rtattr.IFF_MULTICAST | rtattr.IFF_UP},
			func(s second) bool { return on(s, "MULTICAST UP", "NOARP PROMISC ALLMULTI DYNAMIC NOTRAILERS") }},
		{70, link.Config{Clear: rtattr.IFF_UP}, func(s second) bool { return on(s, "", "UP") }},
		{73, link.Config{OperState: rtattr.IF_OPER_TESTING}, func(s second) bool { return s.OperState == "TESTING" }},
		{73, link.Config{OperState: rtattr.IF_OPER_UP}, func(s second) bool { return s.OperState == "UP" }},
		{73, link.Config{OperState: rtattr.IF_OPER_DORMANT}, func(s second) bool { return s.OperState == "DORMANT" }},
		{72, link.Config{Master: some(71)}, func(s second) bool { return s.Master == "br0" && s.Info.Slave == "bridge" }},
		{72, link.Config{Master: some(0)}, func(s second) bool { return s.Master == "" && s.Info.Slave == "" }},
		{70, link.Config{Name: "w0"}, func(s second) bool { return s.Name == "w0" }},
	} {
		if err := link.Set(ctx, l.conn, tt.index, tt.c); err != nil {
			t.Errorf("%v: %v", tt.c, err)
			continue
		}
		got, err := link.Get(ctx, l.conn, tt.index)
		if err != nil {
			t.Fatal(err)
		}
		s := l.show(t, got.Name)
		if !tt.ok(s) {
			t.Errorf("%v: ip shows %+v", tt.c, s)
		}
		l.agree(t, got, s)
	}
	// What ip of iproute2 6.1 does not know.
	if err := link.Set(ctx, l.conn, 70, link.Config{GSOIPv4MaxSize: 20000, GROIPv4MaxSize: 10000}); err != nil {
		t.Fatal(err)
	}
	got, err := link.Get(ctx, l.conn, 70)
	if known := got.GSOIPv4MaxSize != 0; err != nil || known && (got.GSOIPv4MaxSize != 20000 || got.GROIPv4MaxSize != 10000) || got.GSOMaxSize != 40000 {
		t.Errorf("%#v, %v", got, err) // Linux before 6.3 does not know them
	}
	if err := link.Set(ctx, l.conn, 70, link.Config{Carrier: link.Some(false)}); err == nil || !strings.Contains(err.Error(), "operation not supported") {
		t.Errorf("carrier of a veth: %v", err)
	}
}

// TestCarrier wants a driver that lets one set the carrier.
func TestCarrier(t *testing.T) {
	nstest.TUN(t)
	l := newLab(t)
	l.Do(t, func() {
		f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		ifr, err := unix.NewIfreq("t0")
		if err != nil {
			t.Fatal(err)
		}
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(int(f.Fd()), unix.TUNSETIFF, ifr); err != nil {
			t.Fatal(err)
		}
	})
	got, err := link.GetName(ctx, l.conn, "t0")
	if err != nil {
		t.Fatal(err)
	}
	for _, carrier := range []bool{true, false, true} {
		if err := link.Set(ctx, l.conn, got.Index, link.Config{Carrier: link.Some(carrier)}); err != nil {
			t.Fatal(err)
		}
		if got, err = link.Get(ctx, l.conn, got.Index); err != nil || got.Carrier != carrier {
			t.Errorf("%#v, %v", got, err)
		}
	}
}

// TestIgnored shows that what Config refuses of a new link has no effect there,
// or is refused.
func TestIgnored(t *testing.T) {
	l := newLab(t)
	nstest.Kind(t, "macvlan")
	var e rtattr.Encoder
	link.AppendAdd(&e, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: v1})
	w := link.BeginAdd(&e, link.Config{Name: "m0", Index: 71, Parent: 70})
	w.IfAlias("uplink")
	w.Carrier(0)
	w.ProtoDown(1)
	n := w.ProtoDownReason()
	n.Value(1)
	n.End()
	i := w.LinkInfo()
	i.Kind("macvlan")
	i.End()
	w.End()
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	got, err := link.Get(ctx, l.conn, 71)
	if err != nil {
		t.Fatal(err)
	}
	if got.Alias != "" || got.ProtoDown || got.ProtoDownReason != 0 {
		t.Errorf("%#v: the kernel takes it, and so should Config", got)
	}
	e.Reset(nil)
	w = link.BeginAdd(&e, link.Config{Name: "x0"})
	genMode(w, rtattr.IN6_ADDR_GEN_MODE_NONE)
	i = w.LinkInfo()
	i.Kind("ifb")
	i.End()
	w.End()
	err = l.conn.Exec(ctx, &e)
	if err == nil { // before Linux 6.4 it is ignored
		got, err = link.GetName(ctx, l.conn, "x0")
		if err != nil || got.AddrGenMode != link.Some(rtattr.IN6_ADDR_GEN_MODE_EUI64) {
			t.Errorf("%#v, %v", got, err)
		}
	} else if !errors.Is(err, unix.EAFNOSUPPORT) {
		t.Errorf("AddrGenMode of a new link: %v", err)
	}
}

// TestAddrGenModeFirst shows why AddrGenMode takes a message of its own: in one
// message, the link comes up first.
func TestAddrGenModeFirst(t *testing.T) {
	nstest.Kind(t, "ifb")
	none := link.Config{AddrGenMode: link.Some(rtattr.IN6_ADDR_GEN_MODE_NONE)}
	up := link.Config{Set: rtattr.IFF_UP}
	for _, tt := range []struct {
		name    string
		configs []link.Config
		address bool
	}{
		{"one message", []link.Config{{AddrGenMode: none.AddrGenMode, Set: rtattr.IFF_UP}}, true},
		{"two", []link.Config{none, up}, false},
	} {
		l := newLab(t)
		var e rtattr.Encoder
		link.AppendAdd(&e, link.Config{Name: "x0", Index: 70}, link.Ifb{})
		for _, c := range tt.configs {
			link.AppendSet(&e, 70, c)
		}
		if err := l.conn.Exec(ctx, &e); err != nil {
			t.Fatal(err)
		}
		if out := l.IP(t, "-6", "address", "show", "dev", "x0"); strings.Contains(string(out), "fe80:") != tt.address {
			t.Errorf("%s: a link-local address: want %v\n%s", tt.name, tt.address, out)
		}
	}
}

func TestSetAll(t *testing.T) {
	l := newLab(t)
	var e rtattr.Encoder
	link.AppendAdd(&e, with(v0, func(c *link.Config) { c.Index, c.Group = 70, link.Some[uint32](7) }), link.Veth{Peer: v1})
	link.AppendAdd(&e, link.Config{Name: "x0", Index: 71, Group: link.Some[uint32](7)}, link.Ifb{})
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	if err := link.SetAll(ctx, l.conn, 7, link.Config{MTU: 1400, Set: rtattr.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	if err := link.SetAll(ctx, l.conn, 8, link.Config{MTU: 1300}); err != nil {
		t.Errorf("a group without links: %v", err)
	}
	for _, name := range []string{"v0", "x0", "v1"} {
		s := l.show(t, name)
		if in := name != "v1"; (s.MTU == 1400) != in || on(s, "UP", "") != in {
			t.Errorf("%+v", s)
		}
	}
	if err := link.SetAll(ctx, l.conn, 7, link.Config{MTU: 1}); err == nil || !strings.HasPrefix(err.Error(), "link: set group 7: invalid argument: mtu less") {
		t.Error(err)
	}
}

// TestNSID gives numbers to namespaces and uses them.
func TestNSID(t *testing.T) {
	l, other, third := newLab(t), newLab(t), newLab(t)
	nstest.Kind(t, "macvlan")
	if id, err := link.GetNSID(ctx, l.conn, other.FD()); err != nil || id != (link.Opt[int32]{}) {
		t.Errorf("%v, %v", id, err)
	}
	if ids, err := link.ListNSIDs(ctx, l.conn); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
	if err := link.SetNSID(ctx, l.conn, other.FD(), 7); err != nil {
		t.Fatal(err)
	}
	if id, err := link.GetNSID(ctx, l.conn, other.FD()); err != nil || id != link.Some[int32](7) {
		t.Errorf("%v, %v", id, err)
	}
	if err := link.SetNSID(ctx, l.conn, third.FD(), -1); err != nil {
		t.Fatal(err)
	}
	ids, err := link.ListNSIDs(ctx, l.conn)
	if slices.Sort(ids); err != nil || !slices.Equal(ids, []int32{0, 7}) {
		t.Errorf("%v, %v", ids, err)
	}
	if out := l.IP(t, "netns", "list-id"); !strings.Contains(string(out), "nsid 7") || !strings.Contains(string(out), "nsid 0") {
		t.Errorf("ip shows %s", out)
	}
	for _, tt := range []struct {
		err  error
		is   error
		want string
	}{
		{link.SetNSID(ctx, l.conn, other.FD(), 8), fs.ErrExist, "file exists: Peer netns already has a nsid assigned (.fd)"},
		{link.SetNSID(ctx, l.conn, l.FD(), 7), fs.ErrExist, "file exists: The specified nsid is already used (.nsid)"},
		{link.SetNSID(ctx, l.conn, -1, 8), nil, "link: -1 is no descriptor of a network namespace"},
		{link.SetNSID(ctx, l.conn, 3, -2), nil, "link: set netns: -2 is no number of a network namespace"},
		{func() error { _, err := link.GetNSID(ctx, l.conn, 1<<20); return err }(), nil, "link: get netns fd 1048576: bad file descriptor: Peer netns reference is invalid (.fd)"},
	} {
		if tt.err == nil || !strings.HasSuffix(tt.err.Error(), tt.want) || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("got  %v\nwant %s", tt.err, tt.want)
		}
	}

	// A link moves by the number, and by a process.
	var e rtattr.Encoder
	link.AppendAdd(&e, link.Config{Name: "x0", NetNSID: link.Some[int32](7)}, link.Ifb{})
	link.AppendAdd(&e, link.Config{Name: "x1", Index: 70}, link.Ifb{})
	link.AppendSet(&e, 70, link.Config{NetNSID: link.Some[int32](7)})
	link.AppendAdd(&e, link.Config{Name: "nlwire0", NetNSPID: uint32(os.Getpid())}, link.Ifb{})
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	nstest.IP(t, "link", "del", "nlwire0") // in the namespace of all tests
	for _, name := range []string{"x0", "x1"} {
		if _, err := link.GetName(ctx, other.conn, name); err != nil {
			t.Error(err)
		}
	}

	// A macvlan in this namespace on a link of another one.
	below, err := link.GetName(ctx, other.conn, "x0")
	if err != nil {
		t.Fatal(err)
	}
	err = link.Add(ctx, l.conn, link.Config{Name: "m0", Parent: below.Index, LinkNetNSID: link.Some[int32](7)}, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE})
	if err != nil {
		t.Fatal(err)
	}
	got, err := link.GetName(ctx, l.conn, "m0")
	if err != nil || got.Parent != below.Index || got.LinkNetNSID != link.Some[int32](7) {
		t.Errorf("%#v, %v", got, err)
	}
	l.agree(t, got, l.show(t, "m0"))
}

// TestStats reads counters in each of the ways there are.
func TestStats(t *testing.T) {
	l := newLab(t)
	var e rtattr.Encoder
	link.AppendAdd(&e, with(br0, func(c *link.Config) { c.Index, c.Set = 70, rtattr.IFF_UP }), link.Bridge{})
	link.AppendAdd(&e, with(v0, func(c *link.Config) { c.Index, c.Set = 71, rtattr.IFF_UP }),
		link.Veth{Peer: with(v1, func(c *link.Config) { c.Index = 72 })})
	link.AppendSet(&e, 72, link.Config{Set: rtattr.IFF_UP})
	link.AppendSet(&e, 71, link.Config{Master: link.Some[uint32](70)})
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	l.IP(t, "link", "set", "lo", "up")
	var s rtattr.LinkStats64
	for end := time.Now().Add(20 * time.Second); s.TxPackets == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if s, err = link.GetStats(ctx, l.conn, 72); err != nil { // of neighbour discovery
			t.Fatal(err)
		}
	}
	if s.TxPackets == 0 || s.TxBytes < 40*s.TxPackets {
		t.Errorf("%+v", s)
	}
	seen := map[uint32]bool{}
	for v, err := range link.AllStats(ctx, l.conn, rtattr.IFLA_STATS_LINK_64, rtattr.IFLA_STATS_LINK_XSTATS, rtattr.IFLA_STATS_LINK_XSTATS_SLAVE) {
		if err != nil {
			t.Fatal(err)
		}
		seen[v.Header.IfIndex] = true
		own, err := v.LinkXStats()
		if err != nil {
			t.Error(err)
		}
		port, err := v.LinkXStatsSlave()
		if err != nil {
			t.Error(err)
		}
		bridge, _ := own.Bridge()
		_, isBridge := bridge.Mcast()
		bridge, _ = port.Bridge()
		_, isPort := bridge.Mcast()
		if isBridge != (v.Header.IfIndex == 70) || isPort != (v.Header.IfIndex == 71) {
			t.Errorf("%d: bridge %v, port %v", v.Header.IfIndex, isBridge, isPort)
		}
		if s, ok := v.Link64(); !ok || v.Header.IfIndex == 72 && s.TxPackets == 0 {
			t.Errorf("%d: %+v, %v", v.Header.IfIndex, s, ok)
		}
	}
	if len(seen) != 4 {
		t.Errorf("links %v", seen)
	}
	if _, err := link.GetStats(ctx, l.conn, 77); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "link: get stats dev 77: no such device") {
		t.Error(err)
	}
	for _, err := range link.AllStats(ctx, l.conn) {
		if err == nil || err.Error() != "link: get stats: no attributes" {
			t.Error(err)
		}
	}
}

// TestAFSpec sets and reads what address families have of a link, by the encoders
// and views of rtattr.
func TestAFSpec(t *testing.T) {
	l := newLab(t)
	var e rtattr.Encoder
	link.AppendAdd(&e, with(v0, func(c *link.Config) { c.Index, c.Set = 70, rtattr.IFF_UP }), link.Veth{Peer: v1})
	w := link.BeginSet(&e, 70, link.Config{})
	families := w.AFSpec()
	four := families.Inet()
	conf := four.SetConf()
	conf.Forwarding(0)
	conf.ProxyARP(1)
	conf.RpFilter(2)
	conf.End()
	four.End()
	six := families.Inet6()
	six.Token(ip("::7"))
	six.End()
	families.End()
	w.End()
	if err := l.conn.Exec(ctx, &e); err != nil {
		t.Fatal(err)
	}
	if out := l.IP(t, "token", "list", "dev", "v0"); !strings.Contains(string(out), "token ::7 dev v0") {
		t.Errorf("ip shows %s", out)
	}
	if out := l.IP(t, "netconf", "show", "dev", "v0"); !strings.Contains(string(out), "rp_filter loose") || !strings.Contains(string(out), "forwarding off") {
		t.Errorf("ip shows %s", out)
	}
	for v, err := range link.All(ctx, l.conn, link.Filter{Kind: "veth", Up: true}) {
		if err != nil {
			t.Fatal(err)
		}
		families, err := v.AFSpec()
		if err != nil {
			t.Fatal(err)
		}
		four, err := families.Inet()
		if err != nil {
			t.Fatal(err)
		}
		conf, ok := four.Conf()
		if !ok || conf.At(rtattr.IPV4_DEVCONF_PROXY_ARP-1) != 1 || conf.At(rtattr.IPV4_DEVCONF_RP_FILTER-1) != 2 || conf.At(rtattr.IPV4_DEVCONF_FORWARDING-1) != 0 {
			t.Errorf("%v, %v", conf, ok)
		}
		six, err := families.Inet6()
		if err != nil {
			t.Fatal(err)
		}
		if token, ok := six.Token(); !ok || token != ip("::7") {
			t.Errorf("%v, %v", token, ok)
		}
		all, ok := six.Conf()
		if !ok || all.At(int(rtattr.DEVCONF_MTU6)) != 1500 {
			t.Errorf("%v, %v", all, ok)
		}
		if n, _ := v.MinMTU(); n == 0 {
			t.Error("no MinMTU")
		}
		for name, ok := range map[string]bool{"promiscuity": there(v.Promiscuity()), "allmulti": there(v.AllMulti()), "carrier changes": there(v.CarrierChanges()),
			"ups": there(v.CarrierUpCount()), "downs": there(v.CarrierDownCount()), "TSO size": there(v.TSOMaxSize()), "TSO segments": there(v.TSOMaxSegs())} {
			if !ok {
				t.Errorf("the view has no %s", name)
			}
		}
	}
}

func there(_ uint32, ok bool) bool { return ok }

// TestCreateMaster shows what Create returns of a link that becomes a port.
func TestCreateMaster(t *testing.T) {
	l := newLab(t)
	br, err := link.Create(ctx, l.conn, br0, link.Bridge{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := link.Create(ctx, l.conn, link.Config{Name: "v0", Master: link.Some(br.Index)}, link.Veth{})
	if err != nil || made.Index == 0 || made.Name != "v0" || made.Master != 0 && made.Master != br.Index {
		t.Errorf("%#v, %v", made, err)
	}
	if got, err := link.Get(ctx, l.conn, made.Index); err != nil || got.Master != br.Index {
		t.Errorf("%#v, %v", got, err)
	}
}
