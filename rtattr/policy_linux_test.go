package rtattr_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/verify"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// absent is the index of an interface that does not exist.
const absent = 0x7ffffff0

// Devices of the namespace in which the kernel is asked.
const (
	bridgeIndex = 10 + iota // runs, with VLANs
	portIndex               // of the bridge, has VLAN 1
	vethIndex
	mstIndex // a bridge with spanning trees by VLAN, and its port
	mstPort
	vxlanIndex // with VNIs
)

const probeSetup = `
	ip link set lo up
	ip link add br0 index 10 type bridge
	ip link add p0 index 11 type veth peer name v0 index 12
	ip link set p0 master br0 up
	ip link set br0 up
	ip link add br1 index 13 type bridge
	ip link add p1 index 14 type veth peer name v1
	ip link set p1 master br1
	ip link add vx0 index 15 type vxlan dstport 4789 external vnifilter
	may ip link set br0 type bridge vlan_filtering 1
	may bridge vlan add vid 7 dev p0
`

// run runs commands, one a line, in the namespace of the thread, and calls behind
// after each. It returns those that the kernel refused; "may" stands before what is
// not in every kernel.
func run(t *testing.T, commands string, behind func()) (refused []string) {
	t.Helper()
	for line := range strings.Lines(commands) {
		args := strings.Fields(line)
		if len(args) == 0 {
			continue
		}
		may := args[0] == "may"
		if may {
			args = args[1:]
		}
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		command := strings.Join(args, " ")
		switch {
		case err == nil:
		case may:
			t.Logf("%s: %s", command, bytes.TrimSpace(out))
			refused = append(refused, command)
		default:
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		behind()
	}
	return refused
}

// block is the attributes that are probed, the last ones of a message.
type block = []byte

func u16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func nest(typ uint16, payload ...[]byte) []byte {
	return verify.NLA(typ|rtattr.NLA_F_NESTED, payload...)
}

// head returns the fixed header of a set with some members that are not zero.
func head(set *rtattr.Set, fields fields) []byte {
	b := make([]byte, (set.Header.Size+3)&^3)
	for name, v := range fields {
		found := false
		for _, m := range set.Header.Members {
			if m.Name == name {
				found = true
				copy(b[m.Off:m.Off+m.Len], binary.LittleEndian.AppendUint32(nil, v))
				if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
					copy(b[m.Off:m.Off+m.Len], binary.BigEndian.AppendUint64(nil, uint64(v))[8-m.Len:])
				}
			}
		}
		if !found {
			panic(set.Header.Name + " has no " + name)
		}
	}
	return b
}

type fields map[string]uint32

// inside returns the set of the attributes in an attribute: "IFLA_LINKINFO", or
// "IFLA_INFO_DATA(vxlan)" with a selector's value.
func inside(set *rtattr.Set, path ...string) *rtattr.Set {
	for _, step := range path {
		name, value, _ := strings.Cut(strings.TrimSuffix(step, ")"), "(")
		set = nested(set, name, value)
	}
	return set
}

func nested(set *rtattr.Set, name, value string) *rtattr.Set {
	for i := range set.Attrs {
		a := &set.Attrs[i]
		if set.CName(a) != name {
			continue
		}
		for _, v := range a.Variants {
			if v.Attr.Name == value {
				a = &v.Attr
			}
		}
		if a.Sub == nil {
			return a.Nested.Set()
		}
		for _, f := range a.Sub.Formats {
			if f.Value == value {
				return f.Nested.Set()
			}
		}
	}
	panic(set.Name + " has no " + name + "(" + value + ")")
}

// places are where requests are parsed with policies, and how the request fails if
// the policies let it pass (functions of Linux 6.12).
func places() []verify.Place {
	var all []verify.Place
	add := func(name string, set *rtattr.Set, typ, flags uint16, header fields, wrap func(block) []byte) {
		request := rtattr.RequestSet(typ)
		all = append(all, verify.Place{
			Name: strings.TrimSpace(rtattr.MsgName(typ) + " " + name), Set: set, Type: typ, Flags: flags,
			Wrap: func(b block) []byte {
				if wrap != nil {
					b = wrap(b)
				}
				return append(head(request, header), b...)
			},
		})
	}
	// root is the attributes of a message itself.
	root := func(typ uint16, name string, header fields) {
		add(name, rtattr.RequestSet(typ), typ, 0, header, nil)
	}
	link := &rtattr.LinkSet

	// rtnl_newlink: there is no such link, and NLM_F_CREATE is not given.
	root(rtattr.RTM_NEWLINK, "", fields{"index": absent})
	linkInfo := inside(link, "IFLA_LINKINFO")
	for _, f := range linkInfo.Attrs[rtattr.IFLA_INFO_DATA].Sub.Formats {
		if f.Nested == nil {
			continue
		}
		add("data("+f.Value+")", f.Nested.Set(), rtattr.RTM_NEWLINK, 0, fields{"index": absent}, func(b block) []byte {
			return nest(rtattr.IFLA_LINKINFO,
				verify.NLA(rtattr.IFLA_INFO_KIND, []byte(f.Value+"\x00")), nest(rtattr.IFLA_INFO_DATA, b))
		})
	}
	// The master decides about the policy of a port's data. validate_linkmsg comes
	// next, and to it the address is too short.
	add("slave-data(bridge)", inside(linkInfo, "IFLA_INFO_SLAVE_DATA(bridge)"), rtattr.RTM_NEWLINK, 0,
		fields{"index": portIndex}, func(b block) []byte {
			return append(verify.NLA(rtattr.IFLA_ADDRESS, []byte{2}), nest(rtattr.IFLA_LINKINFO, nest(rtattr.IFLA_INFO_SLAVE_DATA, b))...)
		})
	// validate_linkmsg looks into every family before do_setlink changes something;
	// the second one does not exist.
	for family, name := range map[uint16]string{unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6"} {
		add("af-spec "+name, inside(link, "IFLA_AF_SPEC", name), rtattr.RTM_SETLINK, 0,
			fields{"index": vethIndex}, func(b block) []byte {
				return nest(rtattr.IFLA_AF_SPEC, nest(family, b))
			})
	}
	// br_mst_process: one entry, refused without a tree's number and state.
	add("af-spec-bridge mst", inside(link, "IFLA_AF_SPEC(af-spec-bridge)", "IFLA_BRIDGE_MST", "IFLA_BRIDGE_MST_ENTRY"),
		rtattr.RTM_SETLINK, 0, fields{"family": unix.AF_BRIDGE, "index": mstPort}, func(b block) []byte {
			return nest(rtattr.IFLA_AF_SPEC, nest(rtattr.IFLA_BRIDGE_MST, nest(rtattr.IFLA_BRIDGE_MST_ENTRY, b)))
		})

	// inet_rtm_newaddr, inet6_rtm_newaddr: there is no such link.
	root(rtattr.RTM_NEWADDR, "inet", fields{"family": unix.AF_INET, "index": absent})
	root(rtattr.RTM_NEWADDR, "inet6", fields{"family": unix.AF_INET6, "index": absent})

	// rtm_to_fib_config, rtm_to_fib6_config, rtm_to_route_config: a bad tos is the
	// first thing that is looked at behind the policy.
	root(rtattr.RTM_NEWROUTE, "inet", fields{"family": unix.AF_INET, "tos": 3})
	root(rtattr.RTM_NEWROUTE, "inet6", fields{"family": unix.AF_INET6, "tos": 3})
	root(rtattr.RTM_NEWROUTE, "mpls", fields{"family": unix.AF_MPLS, "tos": 3})

	// fib6_add_1: NLM_F_REPLACE, but there is no such route. Only numbers and
	// addresses are probed: an option in encap ip can stop a 6.18 kernel for good.
	if sub := rtattr.RouteSet.Attrs[rtattr.RTA_ENCAP].Sub; sub != nil {
		for _, f := range sub.Formats {
			if f.Nested == nil {
				continue
			}
			add("encap("+f.Value+")", f.Nested.Set(), rtattr.RTM_NEWROUTE, rtattr.NLM_F_REPLACE,
				fields{"family": unix.AF_INET6, "dst-len": 128, "type": unix.RTN_UNICAST, "table": unix.RT_TABLE_MAIN},
				func(b block) []byte {
					return slices.Concat(verify.NLA(rtattr.RTA_DST, []byte{0xfd, 15: 0x77}), verify.NLA(rtattr.RTA_OIF, u32(1)),
						verify.NLA(rtattr.RTA_ENCAP_TYPE, u16(uint16(f.Num))), nest(rtattr.RTA_ENCAP, b))
				})
			all[len(all)-1].Only = func(a *rtattr.Attr) bool {
				return a.Type >= rtattr.U8 && a.Type <= rtattr.U64LE || a.Type == rtattr.Address
			}
		}
	}

	// neigh_add: without an address, or there is no such link. rtnl_fdb_get only asks.
	root(rtattr.RTM_NEWNEIGH, "inet", fields{"family": unix.AF_INET, "ifindex": absent})
	root(rtattr.RTM_GETNEIGH, "bridge", fields{"family": unix.AF_BRIDGE, "ifindex": absent})
	// br_fdb_add: VLAN 4000 is not configured on the port.
	add("bridge fdb-ext", inside(&rtattr.NeighSet, "NDA_FDB_EXT_ATTRS"), rtattr.RTM_NEWNEIGH, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": portIndex, "state": unix.NUD_NOARP, "flags": unix.NTF_MASTER},
		func(b block) []byte {
			return append(append(verify.NLA(rtattr.NDA_LLADDR, []byte{2, 0, 0, 0, 0, 9}), verify.NLA(rtattr.NDA_VLAN, u16(4000))...),
				nest(rtattr.NDA_FDB_EXT_ATTRS, b)...)
		})

	// neightbl_set: without a name; there is no such link.
	root(rtattr.RTM_SETNEIGHTBL, "", nil)
	add("parms", inside(&rtattr.NeighTableSet, "NDTA_PARMS"), rtattr.RTM_SETNEIGHTBL, 0, nil, func(b block) []byte {
		return append(verify.NLA(rtattr.NDTA_NAME, []byte("arp_cache\x00")),
			nest(rtattr.NDTA_PARMS, verify.NLA(rtattr.NDTPA_IFINDEX, u32(absent)), b)...)
	})

	// rtnl_mdb_add, rtnl_mdb_get: there is no such link.
	root(rtattr.RTM_NEWMDB, "", fields{"family": unix.AF_BRIDGE, "ifindex": absent})
	root(rtattr.RTM_GETMDB, "", fields{"family": unix.AF_BRIDGE, "ifindex": absent})
	// br_mdb_add: an entry for a MAC address has to be permanent; this one is not.
	entry := func(index uint32, family uint16) []byte {
		b := make([]byte, 28) // struct br_mdb_entry
		copy(b, u32(index))
		switch copy(b[8:], []byte{1, 0, 0x5e, 1, 2, 3}); family {
		case unix.AF_INET:
			copy(b[8:], []byte{239, 1, 1, 1})
			binary.BigEndian.PutUint16(b[24:], unix.ETH_P_IP)
		}
		return b
	}
	add("entry-attrs", inside(&rtattr.MDBSetSet, "MDBA_SET_ENTRY_ATTRS"), rtattr.RTM_NEWMDB, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": bridgeIndex}, func(b block) []byte {
			return append(verify.NLA(rtattr.MDBA_SET_ENTRY, entry(portIndex, unix.AF_UNSPEC)), nest(rtattr.MDBA_SET_ENTRY_ATTRS, b)...)
		})
	// vxlan_mdb_add: without a remote address.
	add("vxlan entry-attrs", inside(&rtattr.MDBSetSet, "MDBA_SET_ENTRY_ATTRS"), rtattr.RTM_NEWMDB, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": vxlanIndex}, func(b block) []byte {
			return append(verify.NLA(rtattr.MDBA_SET_ENTRY, entry(vxlanIndex, unix.AF_INET)), nest(rtattr.MDBA_SET_ENTRY_ATTRS, b)...)
		})
	// br_mdb_config_src_entry_init: the source comes without a filter mode.
	add("source", inside(&rtattr.MDBSetSet, "MDBA_SET_ENTRY_ATTRS", "MDBE_ATTR_SRC_LIST", "MDBE_SRC_LIST_ENTRY"), rtattr.RTM_NEWMDB, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": bridgeIndex}, func(b block) []byte {
			return append(verify.NLA(rtattr.MDBA_SET_ENTRY, entry(portIndex, unix.AF_INET)), nest(rtattr.MDBA_SET_ENTRY_ATTRS,
				nest(rtattr.MDBE_ATTR_SRC_LIST, nest(rtattr.MDBE_SRC_LIST_ENTRY, b)))...)
		})

	// br_vlan_rtm_process_one, br_vlan_rtm_process_global_options: no VLAN is named.
	add("entry", inside(&rtattr.BridgeVLANSet, "BRIDGE_VLANDB_ENTRY"), rtattr.RTM_NEWVLAN, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": portIndex}, func(b block) []byte { return nest(rtattr.BRIDGE_VLANDB_ENTRY, b) })
	add("global", inside(&rtattr.BridgeVLANSet, "BRIDGE_VLANDB_GLOBAL_OPTIONS"), rtattr.RTM_NEWVLAN, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": bridgeIndex}, func(b block) []byte { return nest(rtattr.BRIDGE_VLANDB_GLOBAL_OPTIONS, b) })
	// br_vlan_modify_tunnel: the port is not for tunnels.
	add("tunnel-info", inside(&rtattr.BridgeVLANSet, "BRIDGE_VLANDB_ENTRY", "BRIDGE_VLANDB_ENTRY_TUNNEL_INFO"), rtattr.RTM_NEWVLAN, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": portIndex}, func(b block) []byte {
			info := append(u16(uint16(rtattr.BRIDGE_VLAN_INFO_ONLY_OPTS)), u16(7)...)
			return nest(rtattr.BRIDGE_VLANDB_ENTRY,
				verify.NLA(rtattr.BRIDGE_VLANDB_ENTRY_INFO, info), nest(rtattr.BRIDGE_VLANDB_ENTRY_TUNNEL_INFO, b))
		})
	// vxlan_process_vni_filter: no VNI is named.
	add("entry", inside(&rtattr.VNIFilterSet, "VXLAN_VNIFILTER_ENTRY"), rtattr.RTM_NEWTUNNEL, 0,
		fields{"family": unix.AF_BRIDGE, "ifindex": vxlanIndex}, func(b block) []byte { return nest(rtattr.VXLAN_VNIFILTER_ENTRY, b) })

	// fib_nl2rule: there is no source to the source's length.
	root(rtattr.RTM_NEWRULE, "inet", fields{"family": unix.AF_INET, "src-len": 200})
	root(rtattr.RTM_NEWRULE, "inet6", fields{"family": unix.AF_INET6, "src-len": 200})

	// rtm_to_nh_config: the scope is not for users to say. The others have no number.
	root(rtattr.RTM_NEWNEXTHOP, "", fields{"scope": 1})
	root(rtattr.RTM_DELNEXTHOP, "", nil)
	root(rtattr.RTM_GETNEXTHOP, "", nil)
	root(rtattr.RTM_GETNEXTHOPBUCKET, "", nil)
	// There is no nexthop of this number.
	id := u32(absent)
	add("res-group", inside(rtattr.RequestSet(rtattr.RTM_NEWNEXTHOP), "NHA_RES_GROUP"), rtattr.RTM_NEWNEXTHOP, 0, nil, func(b block) []byte {
		return slices.Concat(verify.NLA(rtattr.NHA_GROUP, id, []byte{0, 0, 0, 0}), // struct nexthop_grp
			verify.NLA(rtattr.NHA_GROUP_TYPE, u16(uint16(rtattr.NEXTHOP_GRP_TYPE_RES))), nest(rtattr.NHA_RES_GROUP, b))
	})
	add("res-bucket", inside(rtattr.RequestSet(rtattr.RTM_GETNEXTHOPBUCKET), "NHA_RES_BUCKET"), rtattr.RTM_GETNEXTHOPBUCKET, 0, nil, func(b block) []byte {
		return append(verify.NLA(rtattr.NHA_ID, id), nest(rtattr.NHA_RES_BUCKET, b)...)
	})

	// inet_netconf_get_devconf only asks.
	root(rtattr.RTM_GETNETCONF, "inet", fields{"family": unix.AF_INET})
	// ip6addrlbl_newdel: the prefix is too long. rtnl_net_newid: no namespace is named.
	root(rtattr.RTM_NEWADDRLABEL, "", fields{"family": unix.AF_INET6, "prefixlen": 200})
	root(rtattr.RTM_NEWNSID, "", nil)

	// dcb_doit: no link is named.
	root(rtattr.RTM_GETDCB, "", nil)
	return all
}

// unlike are the attributes to which the kernel's policy gives another type than
// the table, and why.
var unlike = map[string]string{
	"IFLA_IFALIAS":           "text, but the kernel wants no NUL behind it: NLA_BINARY",
	"IFLA_VXLAN_TTL_INHERIT": "u8 in answers, a flag in requests",
	"DCB_ATTR_PERM_HWADDR":   "an address in answers, a flag in requests",
}

// unparsed are the places that cannot be asked about on some kernels, and why.
var unparsed = map[string]string{
	"RTM_NEWLINK data(tun)":          "the kernel has no policy",
	"RTM_SETLINK af-spec-bridge mst": "CONFIG_BRIDGE_VLAN_FILTERING",
	"RTM_NEWVLAN entry":              "CONFIG_BRIDGE_VLAN_FILTERING",
	"RTM_NEWVLAN global":             "CONFIG_BRIDGE_VLAN_FILTERING",
	"RTM_NEWVLAN tunnel-info":        "CONFIG_BRIDGE_VLAN_FILTERING",
	"RTM_NEWROUTE encap(mpls)":       "CONFIG_MPLS_IPTUNNEL",
	"RTM_NEWROUTE encap(ila)":        "CONFIG_IPV6_ILA",
	"RTM_NEWROUTE encap(rpl)":        "CONFIG_IPV6_RPL_LWTUNNEL",
	"RTM_NEWROUTE encap(ioam6)":      "CONFIG_IPV6_IOAM6_LWTUNNEL",
	"RTM_NEWROUTE encap(xfrm)":       "CONFIG_XFRM_INTERFACE",
	"RTM_NEWROUTE encap(seg6)":       "bytes without a limit",
	"RTM_NEWROUTE encap(bpf)":        "CONFIG_LWTUNNEL_BPF",
	"RTM_NEWMDB entry-attrs":         "CONFIG_BRIDGE_IGMP_SNOOPING",
	"RTM_NEWMDB":                     "Linux 6.1: bridges alone parse it, without a policy",
	"RTM_GETMDB":                     "Linux 6.1: it only lists",
	"RTM_NEWMDB vxlan entry-attrs":   "Linux 6.1: of bridges alone",
	"RTM_NEWLINK slave-data(bridge)": "Linux 6.1 looks at the address first",
	"RTM_NEWNEXTHOP res-group":       "Linux 6.1 looks for the members first",
	"RTM_NEWMDB source":              "CONFIG_BRIDGE_IGMP_SNOOPING",
	"RTM_NEWROUTE mpls":              "CONFIG_MPLS_ROUTING",
	"RTM_GETDCB":                     "CONFIG_DCB",
}

// probe asks the kernel what it accepts as each attribute, and compares.
func (c *coverage) probe(t *testing.T) {
	ns := nstest.New(t)
	ns.Do(t, func() { c.refused = append(c.refused, run(t, probeSetup, func() {})...) })
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n := 0
	for _, p := range places() {
		answers, err := verify.Probe(context.Background(), conn, p)
		_, kind, isKind := strings.Cut(strings.TrimSuffix(p.Name, ")"), " data(")
		if errors.Is(err, verify.ErrNoSentinel) && isKind && nstest.Has(t, kind) { // loaded by now
			answers, err = verify.Probe(context.Background(), conn, p)
		}
		if errors.Is(err, verify.ErrNoSentinel) {
			c.refused = append(c.refused, p.Name)
			if why := unparsed[p.Name]; why == "" && !(isKind && !nstest.Has(t, kind)) {
				t.Errorf("%s: the kernel does not parse it", p.Name)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for typ, answer := range answers {
			if !answer.Typed() {
				continue // not for requests, whatever it is
			}
			n++
			a := &p.Set.Attrs[typ]
			name := p.Set.CName(a)
			err := answer.Compare(a)
			if why := unlike[name]; why != "" && err == nil {
				t.Errorf("%s: %s is as in the table: it does not belong to unlike (%s)", p.Name, name, why)
			} else if why == "" && err != nil {
				t.Errorf("%s: %s %v", p.Name, name, err)
			}
			c.answer(attrKey{p.Set, typ}, p.Name, answer)
		}
	}
	t.Logf("%d answers", n)
	if n < 300 {
		t.Errorf("only %d answers, want 300", n)
	}
}
