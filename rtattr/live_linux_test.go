package rtattr_test

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/verify"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtattr/rtattrtest"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// liveSetup makes one of everything that ip and bridge can make, but routes with
// encap ip and ip6 (an option in them can stop a 6.18 kernel for good).
const liveSetup = `
	ip link set lo up
	ip address add 192.0.2.53/32 dev lo
	ip link add v0 index 20 address 02:00:00:00:00:01 type veth peer name v1
	ip link set v1 up alias uplink
	ip link set v0 up group 7 txqueuelen 77
	ip link property add dev v0 altname a-longer-name altname another
	ip address add 10.66.66.1 peer 10.66.66.2/32 dev v0 label v0:x
	ip address add 192.0.2.1/24 broadcast 192.0.2.255 dev v0 valid_lft 86400 preferred_lft 3600
	ip address add fd00:1::1/64 dev v0 nodad
	ip address add fd00:2::1 peer fd00:2::2 dev v0 nodad valid_lft 86400 preferred_lft 0
	ip address add ff05::77/128 dev v0 autojoin
	ip address add 224.0.0.77/32 dev v0 autojoin

	may ip tuntap add mode tun name tun0 pi user 7 group 8
	may ip tuntap add mode tap name tap0 multi_queue vnet_hdr
	ip link add ifb0 type ifb
	ip link add mv0 link v1 type macvlan mode source
	ip link set mv0 type macvlan macaddr set 02:00:00:00:00:a1 02:00:00:00:00:a2
	ip link add mv1 link v0 type macvlan mode bridge bcqueuelen 100
	may ip link add mt0 link v0 type macvtap mode vepa
	may ip link add d0 type dummy
	may ip link add vl0 link v0 type vlan id 7 ingress 1:2 egress 3:4
	may ip link add vrf0 type vrf table 77
	may ip link add bo0 type bond mode 802.3ad
	may ip link add iv0 link v0 type ipvlan mode l3
	may ip link add g0 type geneve id 7 remote 192.0.2.9
	may ip link add gre1 type gre local 192.0.2.1 remote 192.0.2.9 key 7
	may ip link add ipip1 type ipip local 192.0.2.1 remote 192.0.2.9
	may ip link add sit1 type sit local 192.0.2.1 remote 192.0.2.9
	may ip link add wg0 type wireguard
	may ip link add xfrm0 type xfrm dev v0 if_id 7

	ip link add br0 type bridge stp_state 1 mcast_querier 1
	ip link add p0 type veth peer name p1
	ip link set p0 master br0 up
	ip link set p1 up
	ip link set br0 up
	ip link set p0 type bridge_slave isolated on cost 7 group_fwd_mask 8
	may ip link set br0 type bridge vlan_filtering 1 mcast_vlan_snooping 1 vlan_stats_enabled 1 vlan_stats_per_port 1
	may bridge vlan add vid 7 dev p0 pvid untagged
	may bridge vlan add vid 10-20 dev p0
	bridge fdb add 02:00:00:00:00:b1 dev p0 master static
	bridge fdb add 02:00:00:00:00:b2 dev p0 self permanent
	may bridge mdb add dev br0 port p0 grp 239.1.1.1 permanent
	may bridge mdb add dev br0 port p0 grp ff15::1 temp
	may bridge mdb add dev br0 port p0 grp 239.1.1.2 src 192.0.2.7 permanent

	ip link add vx0 type vxlan id 42 remote 192.0.2.9 local 192.0.2.1 dev v0 dstport 4789 ttl 7 tos 4 ageing 300 maxaddress 100
	ip link add vx6 type vxlan id 43 group ff05::1 dev v0 dstport 4790 udp6zerocsumtx udp6zerocsumrx gbp
	ip link add vx1 type vxlan dstport 4791 external vnifilter
	ip link set vx1 up
	bridge vni add vni 100-110 dev vx1
	bridge vni add vni 200 remote 192.0.2.9 dev vx1
	bridge fdb append 02:00:00:00:00:c1 dev vx0 dst 192.0.2.10 port 5000 vni 77 via v0
	ip link set vx0 protodown on protodown_reason 3 on
	bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.11

	ip route add 198.51.100.0/24 via 192.0.2.9 dev v0 metric 7 mtu 1400 advmss 1300 rto_min 5s initcwnd 9 hoplimit 8
	ip route add 198.51.101.0/24 nexthop via 192.0.2.9 dev v0 weight 3 nexthop via 192.0.2.10 dev v0 weight 5
	ip route add 198.51.102.0/24 via inet6 fd00:1::9 dev v0
	ip route add 198.51.103.0/24 dev v0 src 192.0.2.1 table 1000 scope link realm 3/4 congctl reno
	ip route add blackhole 198.51.104.0/24
	ip route add unreachable 198.51.105.0/24
	ip route add prohibit 198.51.106.0/24
	ip route add throw 198.51.107.0/24
	ip route add multicast 239.0.0.0/24 dev v0
	ip -6 route add fd00:5::/64 via fd00:1::9 dev v0 metric 7 mtu lock 1400 expires 3600 pref high
	ip -6 route add fd00:6::/64 nexthop via fd00:1::9 dev v0 weight 3 nexthop via fd00:1::a dev v0
	ip -6 route add blackhole fd00:7::/64
	may ip -6 route add fd00:8::/64 from fd00:1::/64 dev v0
	may ip route add 198.51.108.0/24 encap mpls 100/200 ttl 9 via 192.0.2.9 dev v0
	may ip -6 route add fd00:9::/64 encap seg6 mode encap segs fd00:1::9,fd00:1::a dev v0
	may ip -6 route add fd00:a::/64 encap seg6local action End.X nh6 fd00:1::9 count dev v0
	may ip -6 route add fd00:b::/64 encap seg6local action End.DT6 table 77 dev v0
	may ip -6 route add fd00:c::/64 encap ila 1:2:3:4 csum-mode no-action via fd00:1::9 dev v0
	may ip -6 route add fd00:d::/64 encap rpl segs fd00:1::9 dev v0
	may ip -6 route add fd00:e::/64 encap ioam6 trace prealloc type 0x800000 ns 0 size 4 dev v0
	may ip -6 route add fd00:f::/64 encap xfrm if_id 7 dev v0
	may ip -f mpls route add 100 as 200/300 via inet 192.0.2.9 dev v0

	ip nexthop add id 1 via 192.0.2.9 dev v0
	ip nexthop add id 2 via 192.0.2.10 dev v0 onlink
	ip nexthop add id 3 via fd00:1::9 dev v0
	ip nexthop add id 4 blackhole
	ip nexthop add id 5 via 192.0.2.9 fdb
	ip nexthop add id 10 group 1,3/2,7
	ip nexthop add id 11 group 1/2 type resilient buckets 8 idle_timer 60 unbalanced_timer 300
	may ip nexthop add id 12 encap mpls 100 via 192.0.2.9 dev v0
	ip nexthop add id 13 group 5 fdb
	ip route add 198.51.111.0/24 nhid 10
	ip -6 route add fd00:10::/64 nhid 3
	may bridge fdb add 02:00:00:00:00:c2 dev vx0 nhid 13

	ip rule add from 192.0.2.0/24 to 198.51.100.0/24 iif v0 table 1000 priority 100 fwmark 7/0xff tos 8
	ip rule add oif v0 ipproto tcp sport 100-200 dport 53 uidrange 0-0 goto 32767 priority 200
	ip rule add suppress_prefixlength 8 table main priority 300
	ip rule add suppress_ifgroup 7 table main priority 301
	may ip rule add l3mdev priority 400
	ip rule add blackhole from 192.0.2.99 priority 401 realms 3/4 protocol static
	ip rule add tun_id 7 table main priority 402
	ip -6 rule add from fd00::/16 table 1000 priority 100

	ip neighbour add 192.0.2.20 lladdr 02:00:00:00:00:d1 dev v0 nud permanent protocol static
	ip neighbour add 192.0.2.21 lladdr 02:00:00:00:00:d2 dev v0 nud reachable
	ip neighbour add 192.0.2.22 dev v0 extern_learn lladdr 02:00:00:00:00:d3
	may ip neighbour add 192.0.2.23 dev v0 managed extern_learn
	ip neighbour add fd00:1::20 lladdr 02:00:00:00:00:d4 dev v0 nud stale router
	ip neighbour add proxy 192.0.2.30 dev v0
	ip neighbour add proxy fd00:1::30 dev v0
	ip ntable change name arp_cache dev v0 base_reachable 20000
	ip addrlabel add prefix fd00:1::/64 dev v0 label 77
	ip token set ::77 dev v1
`

// request is a message that asks for a list.
type request struct {
	typ    uint16
	header fields
	attrs  []byte
}

// Families of multicast routes (linux/rtnetlink.h).
const ipmr, ip6mr = 128, 129

// allFamilies have lists of one kind or another in rtnetlink.
var allFamilies = []uint32{unix.AF_UNSPEC, unix.AF_INET, unix.AF_INET6, unix.AF_BRIDGE, unix.AF_MPLS,
	ipmr, ip6mr}

func requests() []request {
	var all []request
	byFamily := func(typ uint16, attrs []byte) {
		for _, family := range allFamilies {
			all = append(all, request{typ, fields{"family": family}, attrs})
		}
	}
	extMask := func(mask uint32) []byte { return verify.NLA(rtattr.IFLA_EXT_MASK, u32(mask)) }
	byFamily(rtattr.RTM_GETLINK, nil)
	all = append(all, request{rtattr.RTM_GETLINK, nil, extMask(uint32(rtattr.RTEXT_FILTER_VF))})
	for mask := uint32(1); mask <= 1<<7; mask <<= 1 {
		all = append(all, request{rtattr.RTM_GETLINK, fields{"family": unix.AF_BRIDGE}, extMask(mask)})
	}
	byFamily(rtattr.RTM_GETADDR, nil)
	byFamily(unix.RTM_GETMULTICAST, nil)
	byFamily(unix.RTM_GETANYCAST, nil)
	byFamily(rtattr.RTM_GETROUTE, nil)
	byFamily(rtattr.RTM_GETNEIGH, nil)
	all = append(all, request{rtattr.RTM_GETNEIGH, fields{"flags": unix.NTF_PROXY}, nil})
	byFamily(rtattr.RTM_GETNEIGHTBL, nil)
	byFamily(unix.RTM_GETRULE, nil)
	byFamily(unix.RTM_GETNEXTHOP, nil)
	byFamily(unix.RTM_GETNEXTHOPBUCKET, nil)
	byFamily(unix.RTM_GETNETCONF, nil)
	byFamily(unix.RTM_GETADDRLABEL, nil)
	byFamily(unix.RTM_GETNSID, nil)
	all = append(all, request{unix.RTM_GETSTATS, fields{"filter-mask": 0x1f}, nil})
	byFamily(rtattr.RTM_GETMDB, nil)
	for _, flags := range []uint32{0, 1, 2} { // BRIDGE_VLANDB_DUMPF_
		all = append(all, request{rtattr.RTM_GETVLAN, fields{"family": unix.AF_BRIDGE}, verify.NLA(rtattr.BRIDGE_VLANDB_DUMP_FLAGS, u32(flags))})
	}
	for _, flags := range []uint32{0, 1} { // TUNNEL_MSG_FLAG_STATS
		all = append(all, request{rtattr.RTM_GETTUNNEL, fields{"family": unix.AF_BRIDGE, "flags": flags}, nil})
	}
	all = append(all, request{rtattr.RTM_GETDCB, nil, nil})
	return all
}

// look checks one message of the kernel: the tables explain all of it, and views
// and encoders give the same bytes again.
func (c *coverage) look(t *testing.T, m rtattr.Msg) {
	t.Helper()
	set := rtattr.MsgSet(m.Type())
	if set == nil {
		return
	}
	for _, odd := range rtattr.Walk(set, m.Payload(), func(s *rtattr.Set, typ uint16) { c.live[attrKey{s, typ}] = true }) {
		t.Errorf("%s: %s", rtattr.MsgName(m.Type()), odd)
	}
	again, err := rtattrtest.Recode(set, m.Payload())
	if err != nil {
		t.Errorf("%s: %v", rtattr.MsgName(m.Type()), err)
	} else if diff, err := golden.Compare(message(m, again), m); err != nil || strings.Contains(diff, "order") || strings.Contains(diff, "nested") {
		t.Errorf("%s: views and encoders write something else: %s %v", rtattr.MsgName(m.Type()), diff, err)
	}
}

// message returns m with another payload.
func message(m rtattr.Msg, payload []byte) rtattr.Msg {
	b := append(slices.Clone(m[:16]), payload...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// lists makes everything in a namespace, listens to the notices, and asks for all
// lists.
func (c *coverage) lists(t *testing.T) {
	ns := nstest.New(t)
	ns.Do(t, func() {
		notices := subscribe(t)
		c.refused = append(c.refused, run(t, liveSetup, func() {
			for _, m := range notices() {
				c.look(t, m)
			}
		})...)
	})
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := map[string]int{}
	for _, r := range requests() {
		name, set := rtattr.MsgName(r.typ), rtattr.RequestSet(r.typ)
		if set == nil {
			t.Fatalf("%s has no table", name)
		}
		var e rtattr.Encoder
		w := e.Message(r.typ, rtattr.NLM_F_DUMP)
		w.Raw(head(set, r.header))
		w.Raw(r.attrs)
		w.End()
		all, err := golden.Answers(conn, &e)
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) { // not this family
			t.Errorf("%s %v: %v", name, r.header, err)
		}
		answers[name] += len(all)
		for _, m := range all {
			c.look(t, m)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		t.Logf("%s: %d answers", name, answers[name])
	}
	if n := len(c.live); n < 250 {
		t.Errorf("only %d attributes, want 250", n)
	}
}

// subscribe joins all groups of rtnetlink. The function it returns reads what has
// come since.
func subscribe(t *testing.T) func() []rtattr.Msg {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	group := 1
	for unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group) == nil {
		group++ // the first one that fails is not in this kernel
	}
	if group < 30 {
		t.Errorf("only %d groups", group)
	}
	return func() (all []rtattr.Msg) {
		for {
			b := make([]byte, 64<<10)
			n, err := unix.Read(fd, b)
			if err == unix.EAGAIN {
				return all
			}
			if err != nil {
				t.Fatal("notices: ", err)
			}
			for b = b[:n]; len(b) > 0; {
				m, rest, err := rtattr.NextMsg(b)
				if err != nil {
					t.Fatal("notices: ", err)
				}
				all, b = append(all, m), rest
			}
		}
	}
}
