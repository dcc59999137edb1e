//go:build linux

package link_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

var ctx = context.Background()

type lab struct {
	*nstest.NS
	conn *rtnl.Conn
}

func newLab(t *testing.T) lab {
	t.Helper()
	ns := nstest.New(t)
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return lab{ns, conn}
}

// second is a link as ip shows it.
type second struct {
	Index       uint32   `json:"ifindex"`
	Name        string   `json:"ifname"`
	Link        string   `json:"link"`
	LinkIndex   uint32   `json:"link_index"`
	LinkNetNSID *int32   `json:"link_netnsid"`
	Flags       []string `json:"flags"`
	MTU         uint32   `json:"mtu"`
	MinMTU      uint32   `json:"min_mtu"`
	MaxMTU      uint32   `json:"max_mtu"`
	Qdisc       string   `json:"qdisc"`
	Master      string   `json:"master"`
	Group       string   `json:"group"`
	TxQLen      uint32   `json:"txqlen"`
	OperState   string   `json:"operstate"`
	LinkMode    string   `json:"linkmode"`
	ProtoDown   bool     `json:"proto_down"`
	Reasons     []any    `json:"proto_down_reason"`
	Address     string   `json:"address"`
	Broadcast   string   `json:"broadcast"`
	Alias       string   `json:"ifalias"`
	AltNames    []string `json:"altnames"`
	TxQueues    uint32   `json:"num_tx_queues"`
	RxQueues    uint32   `json:"num_rx_queues"`
	GSOMaxSize  uint32   `json:"gso_max_size"`
	GSOMaxSegs  uint32   `json:"gso_max_segs"`
	GROMaxSize  uint32   `json:"gro_max_size"`
	AddrGenMode string   `json:"inet6_addr_gen_mode"`
	XDP         *struct {
		Mode int `json:"mode"`
		Prog struct {
			ID uint32 `json:"id"`
		} `json:"prog"`
	} `json:"xdp"`
	Info struct {
		Kind  string         `json:"info_kind"`
		Data  map[string]any `json:"info_data"`
		Slave string         `json:"info_slave_kind"`
	} `json:"linkinfo"`
}

func (l lab) show(t *testing.T, name string) second {
	t.Helper()
	var links []second
	if err := json.Unmarshal(l.IP(t, "-d", "-json", "link", "show", "dev", name), &links); err != nil {
		t.Fatal(err)
	}
	if len(links) != 1 {
		t.Fatalf("%d links", len(links))
	}
	return links[0]
}

// agree wants a Link to be what ip showed after it was read.
func (l lab) agree(t *testing.T, got link.Link, s second) {
	t.Helper()
	if !strings.EqualFold(got.OperState.String(), s.OperState) { // the kernel may have changed it since (linkwatch)
		now, err := link.Get(ctx, l.conn, got.Index)
		if err != nil {
			t.Fatal(err)
		}
		got.OperState = now.OperState
	}
	modes := map[string]rtattr.AddrGenMode{"eui64": rtattr.IN6_ADDR_GEN_MODE_EUI64, "none": rtattr.IN6_ADDR_GEN_MODE_NONE,
		"stable_secret": rtattr.IN6_ADDR_GEN_MODE_STABLE_PRIVACY, "random": rtattr.IN6_ADDR_GEN_MODE_RANDOM}
	var mode link.Opt[rtattr.AddrGenMode]
	if m, ok := modes[s.AddrGenMode]; ok {
		mode = link.Some(m)
	}
	id, hasID := got.LinkNetNSID.Get()
	for _, tt := range []struct {
		name      string
		is, shown any
	}{
		{"Index", got.Index, s.Index}, {"Name", got.Name, s.Name}, {"Kind", got.Kind, s.Info.Kind}, {"MasterKind", got.MasterKind, s.Info.Slave},
		{"AltNames", got.AltNames, link.AltNamesOf(s.AltNames...)}, {"Alias", got.Alias, s.Alias}, {"Up", got.Up(), slices.Contains(s.Flags, "UP")},
		{"NOARP", got.Flags&rtattr.IFF_NOARP != 0, slices.Contains(s.Flags, "NOARP")},
		{"MTU", got.MTU, s.MTU}, {"MinMTU", got.MinMTU, s.MinMTU}, {"MaxMTU", got.MaxMTU, s.MaxMTU},
		{"TxQLen", got.TxQLen, s.TxQLen}, {"Qdisc", got.Qdisc, s.Qdisc}, {"NumTxQueues", got.NumTxQueues, s.TxQueues}, {"NumRxQueues", got.NumRxQueues, s.RxQueues},
		{"Address", got.Address.String(), s.Address}, {"Broadcast", got.Broadcast.String(), s.Broadcast},
		{"Master", got.Master != 0, s.Master != ""}, {"Parent", got.Parent != 0, s.Link != "" || s.LinkIndex != 0},
		{"LinkNetNSID", hasID, s.LinkNetNSID != nil}, {"LinkMode", strings.ToUpper(got.LinkMode.String()), s.LinkMode},
		{"OperState", strings.ToUpper(got.OperState.String()), s.OperState},
		{"ProtoDown", got.ProtoDown, s.ProtoDown}, {"ProtoDownReason", got.ProtoDownReason != 0, len(s.Reasons) > 0},
		{"GSOMaxSize", got.GSOMaxSize, s.GSOMaxSize}, {"GSOMaxSegs", got.GSOMaxSegs, s.GSOMaxSegs}, {"GROMaxSize", got.GROMaxSize, s.GROMaxSize},
		{"AddrGenMode", got.AddrGenMode, mode}, {"XDP", got.XDP != link.XDP{}, s.XDP != nil},
	} {
		if tt.is != tt.shown {
			t.Errorf("%s is %v, ip shows %v", tt.name, tt.is, tt.shown)
		}
	}
	if s.LinkNetNSID != nil && *s.LinkNetNSID != id {
		t.Errorf("LinkNetNSID is %d, ip shows %d", id, *s.LinkNetNSID)
	}
	if s.LinkIndex != 0 && s.LinkIndex != got.Parent {
		t.Errorf("Parent is %d, ip shows %d", got.Parent, s.LinkIndex)
	}
	if s.XDP != nil && s.XDP.Prog.ID != got.XDP.SKB+got.XDP.Drv {
		t.Errorf("XDP is %v, ip shows %+v", got.XDP, s.XDP)
	}
}

func TestVeth(t *testing.T) {
	l := newLab(t)
	l0, err := link.Create(ctx, l.conn,
		link.Config{Index: 70, Name: "v0", MTU: 1400, Address: mac("02:00:00:00:00:01"), TxQLen: link.Some[uint32](0), NumTxQueues: 2, NumRxQueues: 2, Set: rtattr.IFF_UP},
		link.Veth{Peer: link.Config{Index: 71, Name: "v1", MTU: 1300, Address: mac("02:00:00:00:00:02"), NumTxQueues: 1, NumRxQueues: 1}})
	if err != nil {
		t.Fatal(err)
	}
	l1, err := link.GetName(ctx, l.conn, "v1")
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := link.Get(ctx, l.conn, 70)
	if err != nil {
		t.Fatal(err)
	}
	l.agree(t, fresh, l.show(t, "v0"))
	l.agree(t, l1, l.show(t, "v1"))
	fresh.OperState, fresh.Flags = l0.OperState, l0.Flags // known a moment later
	if l0 != fresh {
		t.Errorf("created %#v\nthen    %#v", l0, fresh)
	}
	if l0.Index != 70 || l1.Index != 71 || l0.Parent != 71 || l0.MTU != 1400 || l1.MTU != 1300 || !l0.Up() || l1.Up() ||
		l0.TxQLen != 0 || l0.Address.String() != "02:00:00:00:00:01" || l0.NumTxQueues != 2 {
		t.Errorf("%#v\n%#v", l0, l1)
	}
	if err := link.Delete(ctx, l.conn, 70); err != nil {
		t.Fatal(err)
	}
	if _, err := link.Get(ctx, l.conn, 71); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the peer is still there: %v", err)
	}
}

// TestNameless lets the kernel choose the name, and learns it.
func TestNameless(t *testing.T) {
	l := newLab(t)
	for _, want := range []string{"v0", "v1"} {
		got, err := link.Create(ctx, l.conn, link.Config{Name: "v%d"}, link.Ifb{})
		if err != nil && strings.HasPrefix(err.Error(), `link: get v%d`) { // this kernel does not tell of what it has made
			got, err = link.GetName(ctx, l.conn, want)
		}
		if err != nil || got.Name != want || got.Kind != "ifb" || got.Index == 0 {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestBridge(t *testing.T) {
	l := newLab(t)
	br, err := link.Create(ctx, l.conn, br0, link.Bridge{
		Ageing: link.Some(time.Duration(0)), ForwardDelay: link.Some(4 * time.Second), HelloTime: time.Second, MaxAge: 7 * time.Second,
		Priority: link.Some[uint16](0), McastSnooping: link.Some(false), GroupFwdMask: link.Some[uint16](0x4008)})
	if err != nil {
		t.Fatal(err)
	}
	d := l.show(t, "br0").Info.Data
	for key, want := range map[string]float64{
		"ageing_time": 0, "forward_delay": 400, "hello_time": 100, "max_age": 700, "priority": 0, "mcast_snooping": 0,
	} {
		if d[key] != want {
			t.Errorf("%s is %v, want %v", key, d[key], want)
		}
	}
	if err := link.Add(ctx, l.conn, link.Config{Name: "v0", Master: link.Some(br.Index)}, link.Veth{Peer: link.Config{Name: "v1"}}); err != nil {
		t.Fatal(err)
	}
	port, err := link.GetName(ctx, l.conn, "v0")
	if err != nil || port.Master != br.Index || port.MasterKind != "bridge" {
		t.Errorf("%#v, %v", port, err)
	}
	l.agree(t, port, l.show(t, "v0"))
	for _, tt := range []struct {
		f    link.Filter
		want string
	}{
		{link.Filter{}, "lo br0 v1 v0"},
		{link.Filter{Kind: "veth"}, "v1 v0"},
		{link.Filter{Kind: "bridge"}, "br0"},
		{link.Filter{Master: br.Index}, "v0"},
		{link.Filter{Master: br.Index, Kind: "veth"}, "v0"},
		{link.Filter{Master: br.Index, Kind: "bridge"}, ""},
		{link.Filter{Kind: "never-heard-of"}, ""},
	} {
		list, err := link.List(ctx, l.conn, tt.f)
		if err != nil {
			t.Errorf("%v: %v", tt.f, err)
		}
		var names []string
		for _, l := range list {
			names = append(names, l.Name)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.f, got, tt.want)
		}
	}
	if err := link.SetMaster(ctx, l.conn, port.Index, 0); err != nil {
		t.Fatal(err)
	}
	if s := l.show(t, "v0"); s.Master != "" {
		t.Errorf("master %s", s.Master)
	}
}

func TestVXLAN(t *testing.T) {
	l := newLab(t)
	nstest.Kind(t, "vxlan")
	got, err := link.Create(ctx, l.conn, vx0, link.VXLAN{ID: 7, Group: ip("192.0.2.2"), Local: ip("192.0.2.1"), Port: 4789,
		PortLow: 32768, PortHigh: 61000, TTL: link.Some[uint8](64), Learning: link.Some(false), Ageing: link.Some(time.Minute), UDPCsum: link.Some(false)})
	if err != nil {
		t.Fatal(err)
	}
	s := l.show(t, "vx0")
	l.agree(t, got, s)
	for key, want := range map[string]any{"id": 7.0, "remote": "192.0.2.2", "local": "192.0.2.1", "port": 4789.0, "ttl": 64.0, "learning": false, "ageing": 60.0, "udp_csum": false} {
		if s.Info.Data[key] != want {
			t.Errorf("%s is %v, want %v", key, s.Info.Data[key], want)
		}
	}
}

func TestMacvlan(t *testing.T) {
	l := newLab(t)
	nstest.Kind(t, "macvlan")
	if err := link.Add(ctx, l.conn, v0, link.Veth{Peer: v1}); err != nil {
		t.Fatal(err)
	}
	parent, err := link.GetName(ctx, l.conn, "v0")
	if err != nil {
		t.Fatal(err)
	}
	got, err := link.Create(ctx, l.conn, link.Config{Name: "m0", Parent: parent.Index}, link.Macvlan{Mode: rtattr.MACVLAN_MODE_BRIDGE})
	if err != nil || got.Parent != parent.Index || got.Kind != "macvlan" {
		t.Fatalf("%v, %v", got, err)
	}
	if s := l.show(t, "m0"); s.Info.Data["mode"] != "bridge" {
		t.Errorf("%+v", s)
	}
}

// TestKinds makes each kind that this kernel has.
func TestKinds(t *testing.T) {
	l := newLab(t)
	for name, k := range map[string]link.Kind{"dummy": link.Dummy{}, "ifb": link.Ifb{}, "wireguard": link.WireGuard{}, "nlmon": link.Raw{Kind: "nlmon"}} {
		err := link.Add(ctx, l.conn, link.Config{Name: name}, k)
		if !nstest.Has(t, name) {
			if err == nil || !strings.Contains(err.Error(), "link: add "+name+": operation not supported: Unknown device type") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s := l.show(t, name); s.Info.Kind != name {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestSet(t *testing.T) {
	l := newLab(t)
	if err := link.Add(ctx, l.conn, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: v1}); err != nil {
		t.Fatal(err)
	}
	alias := strings.Repeat("a", 255)
	for _, tt := range []struct {
		name string
		err  error
		ok   func(second) bool
	}{
		{"up", link.SetUp(ctx, l.conn, 70), func(s second) bool { return slices.Contains(s.Flags, "UP") }},
		{"down", link.SetDown(ctx, l.conn, 70), func(s second) bool { return !slices.Contains(s.Flags, "UP") }},
		{"mtu", link.SetMTU(ctx, l.conn, 70, 1400), func(s second) bool { return s.MTU == 1400 }},
		{"master", link.SetMaster(ctx, l.conn, 70, 0), func(s second) bool { return s.Master == "" }},
		{"address", link.SetAddress(ctx, l.conn, 70, mac("02:00:00:00:00:77")), func(s second) bool { return s.Address == "02:00:00:00:00:77" }},
		{"alias", link.SetAlias(ctx, l.conn, 70, alias), func(s second) bool { return s.Alias == alias }},
		{"group", link.SetGroup(ctx, l.conn, 70, 42), func(s second) bool { return s.Group == "42" }},
		{"txqlen", link.SetTxQLen(ctx, l.conn, 70, 0), func(s second) bool { return s.TxQLen == 0 }},
		{"altnames", link.AddAltNames(ctx, l.conn, 70, "uplink", strings.Repeat("b", 127)), func(s second) bool {
			return slices.Equal(s.AltNames, []string{"uplink", strings.Repeat("b", 127)})
		}},
	} {
		if tt.err != nil {
			t.Errorf("%s: %v", tt.name, tt.err)
		}
		if tt.name == "up" { // taken down since
			continue
		}
		if s := l.show(t, "v0"); !tt.ok(s) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	for _, name := range []string{"v0", "uplink", strings.Repeat("b", 127)} {
		got, err := link.GetName(ctx, l.conn, name)
		if err != nil || got.Index != 70 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if err := link.DeleteAltNames(ctx, l.conn, 70, "uplink"); err != nil {
		t.Error(err)
	}
	if err := link.SetAlias(ctx, l.conn, 70, ""); err != nil {
		t.Error(err)
	}
	if err := link.SetName(ctx, l.conn, 70, "w0"); err != nil {
		t.Error(err)
	}
	if err := link.Set(ctx, l.conn, 70, link.Config{MTU: 1380, Set: rtattr.IFF_UP | rtattr.IFF_NOARP}); err != nil {
		t.Error(err)
	}
	s := l.show(t, "w0")
	if len(s.AltNames) != 1 || s.Alias != "" || s.MTU != 1380 || !slices.Contains(s.Flags, "NOARP") || !slices.Contains(s.Flags, "UP") {
		t.Errorf("%+v", s)
	}
	got, err := link.Get(ctx, l.conn, 70)
	if err != nil {
		t.Fatal(err)
	}
	l.agree(t, got, s)
}

func TestNetNS(t *testing.T) {
	l, other := newLab(t), newLab(t)
	if err := link.Add(ctx, l.conn, v0, link.Veth{Peer: with(v1, func(c *link.Config) { c.NetNS = other.FD() })}); err != nil {
		t.Fatal(err)
	}
	moved, err := link.GetName(ctx, other.conn, "v1")
	if err != nil {
		t.Fatal(err)
	}
	near, err := link.GetName(ctx, l.conn, "v0")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := near.LinkNetNSID.Get(); !ok || near.Parent != moved.Index {
		t.Errorf("%#v", near)
	}
	if err := link.SetNetNS(ctx, l.conn, near.Index, other.FD()); err != nil {
		t.Fatal(err)
	}
	if _, err := link.GetName(ctx, other.conn, "v0"); err != nil {
		t.Error(err)
	}
	if _, err := link.GetName(ctx, l.conn, "v0"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := link.Create(ctx, l.conn, link.Config{Name: "x0", NetNS: other.FD()}, link.Ifb{}); err == nil {
		t.Error("create in another namespace")
	}
}

func TestDelete(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"x0", "x1", "x2"} {
		if err := link.Add(ctx, l.conn, link.Config{Name: name, Group: link.Some[uint32](7)}, link.Ifb{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := link.DeleteName(ctx, l.conn, "x0"); err != nil {
		t.Error(err)
	}
	if err := link.DeleteGroup(ctx, l.conn, 7); err != nil {
		t.Error(err)
	}
	if list, err := link.List(ctx, l.conn, link.Filter{Kind: "ifb"}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestTUN configures a TUN device, which refuses every message with a kind.
func TestTUN(t *testing.T) {
	nstest.TUN(t)
	l := newLab(t)
	l.IP(t, "tuntap", "add", "dev", "t0", "mode", "tun")
	got, err := link.GetName(ctx, l.conn, "t0")
	if err != nil {
		t.Fatal(err)
	}
	if err := link.Set(ctx, l.conn, got.Index, link.Config{MTU: 1420, TxQLen: link.Some[uint32](100), Set: rtattr.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	if s := l.show(t, "t0"); s.MTU != 1420 || s.TxQLen != 100 || !slices.Contains(s.Flags, "UP") || got.Kind != "tun" {
		t.Errorf("%+v", s)
	}
	if err := link.Delete(ctx, l.conn, got.Index); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	l := newLab(t)
	if err := link.Add(ctx, l.conn, with(v0, func(c *link.Config) { c.Index = 70 }), link.Veth{Peer: v1}); err != nil {
		t.Fatal(err)
	}
	ignore := func(_ link.Link, err error) error { return err }
	for _, tt := range []struct {
		name string
		err  error
		is   error
		want string
	}{
		{"exists", link.Add(ctx, l.conn, link.Config{Name: "v0"}, link.Ifb{}), fs.ErrExist, "link: add v0: file exists"},
		{"mtu", link.SetMTU(ctx, l.conn, 70, 67), nil, "link: set dev 70: invalid argument: mtu less than device minimum"},
		{"mtu0", link.SetMTU(ctx, l.conn, 70, 0), nil, "link: set dev 70: invalid argument: mtu less than device minimum"},
		{"absent", link.SetUp(ctx, l.conn, 77), fs.ErrNotExist, "link: set dev 77: no such device"},
		{"delete", link.Delete(ctx, l.conn, 77), fs.ErrNotExist, "link: delete dev 77: no such device"},
		{"deleteName", link.DeleteName(ctx, l.conn, "w0"), fs.ErrNotExist, "link: delete w0: no such device"},
		{"deleteGroup0", link.DeleteGroup(ctx, l.conn, 0), fs.ErrPermission, "link: delete group 0: operation not permitted"},
		{"get", ignore(link.Get(ctx, l.conn, 77)), fs.ErrNotExist, "link: get dev 77: no such device"},
		{"getName", ignore(link.GetName(ctx, l.conn, "w0")), fs.ErrNotExist, "link: get w0: no such device"},
		{"name", link.SetName(ctx, l.conn, 70, ""), nil, `link: set dev 70 name "": the name is empty`},
		{"longName", link.SetName(ctx, l.conn, 70, "1234567890123456"), nil, `link: set dev 70 name "1234567890123456": the name has 16 bytes, at most 15 fit`},
		{"noAddress", link.SetAddress(ctx, l.conn, 70, link.HardwareAddr{}), nil, "link: set dev 70: the hardware address is empty"},
		{"noNetNS", link.SetNetNS(ctx, l.conn, 70, -1), nil, "link: set dev 70: -1 is no descriptor of a network namespace"},
		{"createInvalid", ignore(link.Create(ctx, l.conn, link.Config{Name: "/"}, link.Ifb{})), nil, `link: add /: the name contains "/"`},
		{"createExists", ignore(link.Create(ctx, l.conn, link.Config{Name: "v0"}, link.Ifb{})), fs.ErrExist, "link: create v0: file exists"},
	} {
		if tt.err == nil || !strings.HasPrefix(tt.err.Error(), tt.want) || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.name, tt.err, tt.want)
		}
	}
}

// TestAll reads counters, leaves the loop early and uses the Conn inside of it.
func TestAll(t *testing.T) {
	l := newLab(t)
	var size [2]int
	for i, stats := range []bool{false, true} {
		for v, err := range link.All(ctx, l.conn, link.Filter{Stats: stats}) {
			if err != nil {
				t.Fatal(err)
			}
			size[i] = len(v.Attrs())
			if _, ok := v.Stats64(); !ok {
				t.Error("no counters")
			}
			if got, err := link.Get(ctx, l.conn, uint32(v.Header.Index)); err != nil || got.Name != "lo" || got.HWType != 772 {
				t.Errorf("%v, %v", got, err)
			}
			break
		}
	}
	if size[0] >= size[1] {
		t.Errorf("%d bytes of attributes without the counters of IPv6, %d with them", size[0], size[1])
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := link.List(canceled, l.conn, link.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
}

// TestVerbAllocs wants a verb that succeeds to allocate nothing.
func TestVerbAllocs(t *testing.T) {
	l := newLab(t)
	for _, tt := range []struct {
		name string
		f    func() error
	}{
		{"SetMTU", func() error { return link.SetMTU(ctx, l.conn, 1, 1500) }},
		{"SetUp", func() error { return link.SetUp(ctx, l.conn, 1) }},
		{"Set", func() error { return link.Set(ctx, l.conn, 1, link.Config{MTU: 1500, Set: rtattr.IFF_UP}) }},
		{"SetAlias", func() error { return link.SetAlias(ctx, l.conn, 1, "loop") }},
		{"SetAll", func() error { return link.SetAll(ctx, l.conn, 7, link.Config{MTU: 1500}) }},
		{"SetXDP", func() error { return link.SetXDP(ctx, l.conn, 1, -1, 0) }},
	} {
		if n := testing.AllocsPerRun(20, func() {
			if err := tt.f(); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
