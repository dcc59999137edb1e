package rtattr_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/nlwire/nlwire/rtattr"
)

// A message is built in a buffer and needs no socket.
func ExampleEncoder() {
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Index: 2})
	w.MTU(1400)
	w.End()
	b, err := e.Finish()
	fmt.Println(len(b), err)
	// Output: 40 <nil>
}

// The first mistake is what Finish returns, with the path of the attribute.
func ExampleEncoder_Finish() {
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{})
	info := w.LinkInfo()
	vxlan := info.VXLAN()
	vxlan.ID(42)
	vxlan.Group(netip.MustParseAddr("fd00::1"))
	vxlan.End()
	info.End()
	w.End()
	_, err := e.Finish()
	fmt.Println(err)
	// Output: rtattr: link.linkinfo.data(vxlan).group: fd00::1 is not an IPv4 address
}

// A view reads a message in place; the second result of a getter is presence.
func ExampleLinkView() {
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 7, Flags: rtattr.IFF_UP | rtattr.IFF_POINTOPOINT})
	w.IfName("tun0")
	w.End()
	b, err := e.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	m, _, err := rtattr.NextMsg(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	var v rtattr.LinkView
	if err := v.Parse(m.Payload()); err != nil {
		fmt.Println(err)
		return
	}
	name, _ := v.IfName()
	_, ok := v.MTU()
	fmt.Println(v.Header.Index, string(name), v.Header.Flags, ok)
	// Output: 7 tun0 up|pointopoint false
}

// Dump shows every byte of a message and what it means.
func ExampleDump() {
	var e rtattr.Encoder
	w := rtattr.AppendAddr(&e, rtattr.RTM_NEWADDR, rtattr.NLM_F_REQUEST|rtattr.NLM_F_CREATE, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Index: 2})
	w.Local(netip.MustParseAddr("10.66.66.1"))
	w.Address(netip.MustParseAddr("10.66.66.2"))
	w.End()
	b, err := e.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := rtattr.Dump(os.Stdout, b); err != nil {
		fmt.Println(err)
	}
}
