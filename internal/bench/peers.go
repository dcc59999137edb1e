package bench

import (
	"encoding"
	"net"
	"net/netip"
	_ "unsafe" // for go:linkname

	mdlayher "github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/rtattr"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

// message is a netlink.Message with the header of nlwire's messages.
func message(typ, flags uint16, data []byte) []byte {
	m := mdlayher.Message{
		Header: mdlayher.Header{Length: uint32(16 + len(data)), Type: mdlayher.HeaderType(typ), Flags: mdlayher.HeaderFlags(flags)},
		Data:   data,
	}
	b, err := m.MarshalBinary()
	check(err)
	return b
}

// attributes is a message by mdlayher's AttributeEncoder, behind a fixed header.
func attributes(typ, flags uint16, header []byte, put func(*mdlayher.AttributeEncoder)) []byte {
	ae := mdlayher.NewAttributeEncoder()
	put(ae)
	b, err := ae.Encode()
	check(err)
	return message(typ, flags, append(header, b...))
}

func rtnetlinkMessage(typ, flags uint16, m encoding.BinaryMarshaler) []byte {
	b, err := m.MarshalBinary()
	check(err)
	return message(typ, flags, b)
}

// vishRequest is a request with the header of nlwire's messages.
func vishRequest(typ, flags uint16) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(int(typ), int(flags))
	req.Seq = 0
	return req
}

// The decoders of vishvananda/netlink that only its lists can reach.

//go:linkname vishParseAddr github.com/vishvananda/netlink.parseAddr
func vishParseAddr(m []byte) (vish.Addr, int, error)

//go:linkname vishDeserializeRoute github.com/vishvananda/netlink.deserializeRoute
func vishDeserializeRoute(m []byte) (vish.Route, error)

// create is the flags of a request that creates something.
const create = rtattr.NLM_F_REQUEST | rtattr.NLM_F_ACK | rtattr.NLM_F_CREATE | rtattr.NLM_F_EXCL

// stdIP converts an address to what the peers take.
func stdIP(a netip.Addr) net.IP { return a.AsSlice() }

// fromIP converts an address that a peer has read.
func fromIP(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}
