package address

import (
	"errors"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Key is what identifies an address.
type Key struct {
	Index uint32 // of the interface
	Local netip.Addr
	Bits  uint8 // length of the prefix

	// Peer is that of an IPv4 address, which the interface may have several times. It
	// is not valid if there is none, 0.0.0.0 if it is not known.
	Peer netip.Addr
}

// Object is for [rtnl.Watch]: it follows the addresses that f matches by Family, Index,
// To and Label; NetNS, Flags and Without are an error of the Watcher's first Next.
//
// Valid and Preferred change by themselves and are zero: the flags IFA_F_PERMANENT and
// IFA_F_DEPRECATED tell. An IPv6 address exists when duplicate address detection is
// over: what happens to a tentative one, the kernel does not announce
// (inet6_addr_modify, addrconf_dad_start). Where it is over with IFA_F_DADFAILED the
// address stays tentative, and has Index, Local and Scope alone beside these flags.
func Object(f Filter) rtnl.Object[Key, Address] {
	o := rtnl.Object[Key, Address]{
		List: func(e *rtattr.Encoder) {
			if _, ok := f.NetNS.Value(); ok || f.Flags != 0 || f.Without != 0 {
				e.Fail(errors.New("address: watch: addresses can be followed by Family, Index, To and Label alone"))
			}
			AppendList(e, f)
		},
	}
	if f.Family != rtattr.AF_INET6 {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_IPV4_IFADDR)
	}
	if f.Family != rtattr.AF_INET {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_IPV6_IFADDR, rtattr.RTNLGRP_LINK)
	}
	parse := func(m rtattr.Msg) (k Key, a Address, err error) {
		if !f.match(m, rtattr.RTM_NEWADDR, rtattr.RTM_DELADDR) {
			return k, a, rtnl.ErrSkip
		}
		var v rtattr.AddrView
		if err := v.Parse(m.Payload()); err != nil {
			return k, a, err
		}
		if a, err = Parse(&v); err != nil {
			return k, a, err
		}
		if f.To != (netip.Prefix{}) && !f.To.Contains(a.Local.Addr()) {
			return k, a, rtnl.ErrSkip
		}
		a.Valid, a.Preferred = 0, 0
		k = Key{Index: a.Index, Local: a.Local.Addr(), Bits: v.Header.PrefixLen}
		if k.Local.Is4() {
			k.Peer = a.Peer.Addr()
		}
		if a.Flags&rtattr.IFA_F_DADFAILED != 0 {
			a = Address{
				Index: a.Index,
				Local: netip.PrefixFrom(k.Local, int(k.Bits)),
				Scope: a.Scope,
				Flags: a.Flags & (rtattr.IFA_F_DADFAILED | rtattr.IFA_F_TENTATIVE),
			}
		}
		return k, a, nil
	}
	o.Parse = func(m rtattr.Msg) (Key, Address, error) {
		k, a, err := parse(m)
		if err == nil && m.Type() == rtattr.RTM_NEWADDR && !f.counts(&a) {
			err = rtnl.ErrSkip
		}
		return k, a, err
	}
	o.Apply = func(t *rtnl.Table[Key, Address], m rtattr.Msg) error {
		if m.Type() == rtattr.RTM_NEWLINK || m.Type() == rtattr.RTM_DELLINK {
			// A link that goes down may keep its IPv6 addresses (keep_addr_on_down),
			// which are tentative from then on.
			var h rtattr.IfInfomsg
			h.Parse(m.Payload())
			if h.Flags&rtattr.IFF_UP == 0 {
				t.Relist()
			}
			return nil
		}
		k, a, err := parse(m)
		switch {
		case err == rtnl.ErrSkip:
		case err != nil:
			return err
		case m.Type() == rtattr.RTM_DELADDR, !f.counts(&a):
			t.Delete(k)
		default:
			t.Put(k, a)
		}
		return nil
	}
	return o
}

// counts reports whether an address exists as yet, and still: its label changes with
// the name of the interface.
func (f *Filter) counts(a *Address) bool {
	tentative := a.Flags&(rtattr.IFA_F_TENTATIVE|rtattr.IFA_F_DADFAILED) == rtattr.IFA_F_TENTATIVE
	return !tentative && (f.Label == "" || f.Label == a.Label)
}
