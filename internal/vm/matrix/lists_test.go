//go:build vm && linux

package matrix

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/verify"
	"github.com/nlwire/nlwire/rtattr"
)

// A list is a request for all objects of a sort.
type list struct {
	typ     uint16
	payload []byte // header and attributes
}

// families asks for each of the families, in the first byte of a header.
func families(typ uint16, header int, families ...byte) (all []list) {
	for _, f := range families {
		b := make([]byte, header)
		b[0] = f
		all = append(all, list{typ, b})
	}
	return all
}

// lists are by the type that makes an object.
var lists = map[uint16][]list{
	rtattr.RTM_NEWLINK: {
		{rtattr.RTM_GETLINK, linkRequest(unix.AF_UNSPEC, uint32(rtattr.RTEXT_FILTER_VF))},
		{rtattr.RTM_GETLINK, linkRequest(unix.AF_BRIDGE, uint32(rtattr.RTEXT_FILTER_BRVLAN))},
		{rtattr.RTM_GETLINK, linkRequest(unix.AF_BRIDGE, uint32(rtattr.RTEXT_FILTER_BRVLAN_COMPRESSED))},
	},
	rtattr.RTM_NEWADDR:      families(rtattr.RTM_GETADDR, 8, unix.AF_UNSPEC),
	rtattr.RTM_NEWROUTE:     families(rtattr.RTM_GETROUTE, 12, unix.AF_INET, unix.AF_INET6, unix.AF_MPLS),
	rtattr.RTM_NEWNEIGH:     append(families(rtattr.RTM_GETNEIGH, 12, unix.AF_UNSPEC, unix.AF_BRIDGE), proxies()),
	rtattr.RTM_NEWRULE:      families(rtattr.RTM_GETRULE, 12, unix.AF_INET, unix.AF_INET6, 128, 129), // RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR
	rtattr.RTM_NEWNEIGHTBL:  families(rtattr.RTM_GETNEIGHTBL, 4, unix.AF_UNSPEC),
	rtattr.RTM_NEWADDRLABEL: families(rtattr.RTM_GETADDRLABEL, 12, unix.AF_INET6),
	rtattr.RTM_NEWNETCONF:   families(rtattr.RTM_GETNETCONF, 4, unix.AF_INET, unix.AF_INET6),
	rtattr.RTM_NEWMDB:       families(rtattr.RTM_GETMDB, 8, unix.AF_BRIDGE),
	rtattr.RTM_NEWNSID:      families(rtattr.RTM_GETNSID, 4, unix.AF_UNSPEC),
	rtattr.RTM_NEWNEXTHOP:   families(rtattr.RTM_GETNEXTHOP, 8, unix.AF_UNSPEC),
	rtattr.RTM_NEWVLAN:      {vlans(0), vlans(1), vlans(2)}, // BRIDGE_VLANDB_DUMPF_STATS, BRIDGE_VLANDB_DUMPF_GLOBAL
	rtattr.RTM_NEWTUNNEL:    families(rtattr.RTM_GETTUNNEL, 8, unix.AF_BRIDGE),
}

func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func linkRequest(family byte, mask uint32) []byte {
	header := make([]byte, 16) // struct ifinfomsg
	header[0] = family
	return append(header, verify.NLA(rtattr.IFLA_EXT_MASK, u32(mask))...)
}

// proxies asks for neighbours that are answered for.
func proxies() list {
	header := make([]byte, 12) // struct ndmsg
	header[10] = unix.NTF_PROXY
	return list{rtattr.RTM_GETNEIGH, header}
}

func vlans(flags uint32) list {
	header := make([]byte, 8) // struct br_vlan_msg
	header[0] = unix.AF_BRIDGE
	return list{rtattr.RTM_GETVLAN, append(header, verify.NLA(rtattr.BRIDGE_VLANDB_DUMP_FLAGS, u32(flags))...)}
}
