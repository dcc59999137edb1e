package golden

import (
	"encoding/binary"
	"fmt"
)

const (
	headerLen = 16 // struct nlmsghdr
	lineLen   = 16 // bytes in a line of hex

	nestedFlags = 0xc000 // NLA_F_NESTED, NLA_F_NET_BYTEORDER
)

// fixedLen is the length of the header after nlmsghdr by the message's group:
// each object has four types, RTM_NEW, RTM_DEL, RTM_GET, RTM_SET.
var fixedLen = map[uint16]int{
	16:  16, // RTM_NEWLINK: ifinfomsg
	20:  8,  // RTM_NEWADDR: ifaddrmsg
	24:  12, // RTM_NEWROUTE: rtmsg
	28:  12, // RTM_NEWNEIGH: ndmsg
	32:  12, // RTM_NEWRULE: fib_rule_hdr
	64:  4,  // RTM_NEWNEIGHTBL: ndtmsg
	72:  12, // RTM_NEWADDRLABEL: ifaddrlblmsg
	76:  4,  // RTM_GETDCB: dcbmsg
	80:  4,  // RTM_NEWNETCONF: netconfmsg, padded
	84:  8,  // RTM_NEWMDB: br_port_msg
	88:  4,  // RTM_NEWNSID: rtgenmsg, padded
	92:  12, // RTM_NEWSTATS: if_stats_msg
	104: 8,  // RTM_NEWNEXTHOP: nhmsg
	108: 16, // RTM_NEWLINKPROP: ifinfomsg
	112: 8,  // RTM_NEWVLAN: br_vlan_msg
	116: 8,  // RTM_NEWNEXTHOPBUCKET: nhmsg
	120: 8,  // RTM_NEWTUNNEL: tunnel_msg
}

// Hex lays out a message: a line for each header and attribute, in groups of
// four bytes, long payloads continued.
func Hex(wire []byte) []byte {
	var b []byte
	if len(wire) < headerLen {
		return appendLines(b, wire)
	}
	b = appendLines(b, wire[:headerLen])
	group := binary.LittleEndian.Uint16(wire[4:]) &^ 3
	wire = wire[headerLen:]
	n := min(fixedLen[group], len(wire))
	b = appendLines(b, wire[:n])
	return appendAttrs(b, wire[n:])
}

// appendAttrs takes a payload for a nest if it is framed like one, since
// iproute2 seldom sets NLA_F_NESTED. Four bytes are rather a number.
func appendAttrs(b, attrs []byte) []byte {
	for len(attrs) > 0 {
		n, ok := attrLen(attrs)
		if !ok {
			return appendLines(b, attrs)
		}
		size := min(align(n), len(attrs))
		if n >= 4+8 && framed(attrs[4:n]) {
			b = appendLines(b, attrs[:4])
			b = appendAttrs(b, attrs[4:size])
		} else {
			b = appendLines(b, attrs[:size])
		}
		attrs = attrs[size:]
	}
	return b
}

func attrLen(b []byte) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	return n, n >= 4 && n <= len(b)
}

func align(n int) int { return (n + 3) &^ 3 }

// framed reports whether b is one attribute after another, of types that occur.
func framed(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		n, ok := attrLen(b)
		if !ok {
			return false
		}
		if typ := binary.LittleEndian.Uint16(b[2:]) &^ nestedFlags; typ == 0 || typ > 255 {
			return false
		}
		b = b[min(align(n), len(b)):]
	}
	return true
}

func appendLines(b, data []byte) []byte {
	for i, c := range data {
		switch {
		case i == 0:
		case i%lineLen == 0:
			b = append(b, '\n')
		case i%4 == 0:
			b = append(b, "  "...)
		default:
			b = append(b, ' ')
		}
		b = fmt.Appendf(b, "%02x", c)
	}
	if len(data) > 0 {
		b = append(b, '\n')
	}
	return b
}
