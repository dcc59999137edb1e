package address

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// An Address is an IPv4 or IPv6 address of an interface. Zero fields are not
// given to the kernel. Two Addresses are equal (==) if all fields are.
type Address struct {
	// Index is that of the interface.
	Index uint32

	// Local is the own address. Its length is that of the prefix which is on
	// the link, for which the kernel adds a route: 10.66.66.1/24. With a Peer
	// it must be the full length: 10.66.66.1/32.
	//
	// 10.66.66.2/31 needs no Peer: the other end is 10.66.66.3 (RFC 3021).
	Local netip.Prefix

	// Peer is the other end of a point-to-point link, and the prefix that is
	// on the link: 10.66.66.2/32. It need not have to do with Local.
	//
	// In IPv4 0.0.0.0/32 is a peer that is not known, as pppd sets it.
	Peer netip.Prefix

	// Broadcast is the broadcast address, IPv4 only. The kernel needs none: it
	// accepts packets to the last address of the prefix in any case.
	Broadcast netip.Addr

	// Label is the name that ifconfig shows, at most 15 bytes, IPv4 only. The
	// kernel takes the name of the interface if there is none.
	Label string

	// Scope is how far the address is valid. The zero Scope is
	// RT_SCOPE_UNIVERSE, what ip calls global. IPv6 derives it from the address.
	Scope rtattr.Scope

	// Flags are all flags, those above 0xff included. The kernel alone sets
	// IFA_F_SECONDARY, DADFAILED, DEPRECATED, TENTATIVE, PERMANENT and
	// STABLE_PRIVACY, which are listed and not sent.
	Flags rtattr.AddrFlags

	// Metric is that of the route to the prefix; 0 is the kernel's default.
	Metric uint32

	// Protocol tells where the address comes from, Linux 5.18 and later.
	Protocol rtattr.AddrProto

	// Valid and Preferred are the lifetimes left. If only one is given, the
	// other is Forever.
	Valid, Preferred Lifetime
}

// computed are the flags that the kernel sets by itself, whatever is sent
// (set_ifa_lifetime, __inet_insert_ifa, inet6_rtm_newaddr).
const computed = rtattr.IFA_F_SECONDARY | rtattr.IFA_F_DADFAILED | rtattr.IFA_F_DEPRECATED |
	rtattr.IFA_F_TENTATIVE | rtattr.IFA_F_PERMANENT | rtattr.IFA_F_STABLE_PRIVACY

// String returns the address as the arguments of ip-address(8), with the index
// in the place of the interface's name: "10.66.66.1 peer 10.66.66.2/32 dev 3".
func (a Address) String() string {
	var b strings.Builder
	if a.Peer != (netip.Prefix{}) {
		fmt.Fprintf(&b, "%v peer %v", a.Local.Addr(), a.Peer)
	} else {
		b.WriteString(a.Local.String())
	}
	if a.Broadcast.IsValid() {
		fmt.Fprintf(&b, " broadcast %v", a.Broadcast)
	}
	if a.Label != "" {
		fmt.Fprintf(&b, " label %q", a.Label)
	}
	if a.Scope != rtattr.RT_SCOPE_UNIVERSE {
		fmt.Fprintf(&b, " scope %v", a.Scope)
	}
	if a.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", a.Metric)
	}
	if a.Protocol != 0 {
		fmt.Fprintf(&b, " proto %v", a.Protocol)
	}
	if a.Flags != 0 {
		fmt.Fprintf(&b, " flags %v", a.Flags)
	}
	if a.Valid != 0 {
		fmt.Fprintf(&b, " valid_lft %v", a.Valid)
	}
	if a.Preferred != 0 {
		fmt.Fprintf(&b, " preferred_lft %v", a.Preferred)
	}
	fmt.Fprintf(&b, " dev %d", a.Index)
	return b.String()
}

// AppendAdd appends the message that adds a: RTM_NEWADDR, which fails with
// EEXIST if the interface has the address already.
func AppendAdd(e *rtattr.Encoder, a Address) {
	Begin(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, a).End()
}

// AppendReplace appends the message that adds a, or changes the address that
// exists: in IPv4 that of the same Local and prefix, of which lifetimes, Metric
// and Protocol become those of a; in IPv6 that of the same Local, of which a Peer,
// a Metric and the flags IFA_F_NODAD, HOMEADDRESS, MANAGETEMPADDR and NOPREFIXROUTE
// do too, but not the length of the prefix.
//
// So to change nothing but lifetimes, take what List has returned, set Valid and
// Preferred, and replace: the address stays, with its routes and connections.
func AppendReplace(e *rtattr.Encoder, a Address) {
	Begin(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, a).End()
}

// AppendChange is AppendReplace without NLM_F_CREATE, as `ip address change` has it.
// The kernel does not look at that flag: what is not there is added all the same
// (inet_rtm_newaddr, inet6_rtm_newaddr).
func AppendChange(e *rtattr.Encoder, a Address) {
	Begin(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_REPLACE, a).End()
}

// AppendDelete appends the message that removes a. Index, Local, Peer and Label
// say which one; a Label that is not given fits all. Other fields do not matter.
func AppendDelete(e *rtattr.Encoder, a Address) {
	Begin(e, rtattr.RTM_DELADDR, 0, Address{Index: a.Index, Local: a.Local, Peer: a.Peer, Label: a.Label}).End()
}

// Begin begins a message of type typ about a, and puts all of a. The caller
// adds what Address does not name, and ends the message:
//
//	w := address.Begin(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, a)
//	w.Uint32(77, 7)
//	w.End()
//
// NLM_F_REQUEST is set in any case. If a contradicts itself, it is e that fails.
func Begin(e *rtattr.Encoder, typ, flags uint16, a Address) rtattr.AddrEncoder {
	if reason := a.invalid(); reason != "" {
		e.Fail(fmt.Errorf("address: %v: %s", a, reason))
	}
	// The kernel has one prefix length, that of IFA_ADDRESS; which is the peer,
	// or the own address once more (linux/if_addr.h).
	far := a.Local
	if a.Peer.IsValid() {
		far = a.Peer
	}
	h := rtattr.IfAddrmsg{
		Family:    family(a.Local.Addr()),
		PrefixLen: uint8(far.Bits()),
		Scope:     a.Scope,
		Index:     a.Index,
	}
	// The header has room for eight flags, and IFA_FLAGS overrides them.
	flags32 := a.Flags &^ computed
	wide := flags32 > 0xff
	if !wide {
		h.Flags = uint8(flags32)
	}
	w := rtattr.AppendAddr(e, typ, rtattr.NLM_F_REQUEST|flags, h)
	w.Local(a.Local.Addr())
	w.Address(far.Addr())
	if a.Broadcast.IsValid() {
		w.Broadcast(a.Broadcast)
	}
	if a.Label != "" {
		w.Label(a.Label)
	}
	if a.Metric != 0 {
		w.Priority(a.Metric)
	}
	if a.Protocol != 0 {
		w.Proto(a.Protocol)
	}
	if wide {
		w.Flags(flags32)
	}
	if a.Valid != 0 || a.Preferred != 0 {
		valid, _ := a.Valid.wire()
		preferred, _ := a.Preferred.wire()
		w.CacheInfo(rtattr.AddrCacheInfo{Valid: valid, Preferred: preferred})
	}
	return w
}

// invalid returns what is wrong with a. It is what the kernel would refuse
// without a word, take for something else, or ignore.
func (a *Address) invalid() string {
	local, peer := a.Local.Addr(), a.Peer.Addr()
	switch {
	case !a.Local.IsValid():
		return "no Local address, or no prefix length"
	case a.Index == 0:
		return "no interface: Index is 0"
	case local.IsUnspecified():
		return "Local is the unspecified address"
	}
	if a.Peer != (netip.Prefix{}) {
		switch {
		case !a.Peer.IsValid():
			return "Peer has no prefix length"
		case peer.Is4() != local.Is4():
			return "Peer is of another address family than Local"
		case peer == local:
			return "Peer is the Local address"
		case peer.IsUnspecified() && peer.Is6():
			return "Peer is the unspecified address, which is no peer in IPv6"
		case a.Local.Bits() != local.BitLen():
			return fmt.Sprintf("Local is a /%d: with a Peer it is a /%d, and the length of the prefix is in Peer", a.Local.Bits(), local.BitLen())
		}
	}
	switch {
	case a.Broadcast.IsValid() && !local.Is4():
		return "IPv6 has no Broadcast address"
	case a.Broadcast.IsValid() && !a.Broadcast.Is4():
		return "Broadcast is of another address family than Local"
	case a.Label != "" && !local.Is4():
		return "an IPv6 address has no Label"
	case len(a.Label) > 15:
		return fmt.Sprintf("Label has %d bytes, at most 15 fit", len(a.Label))
	case strings.IndexByte(a.Label, 0) >= 0:
		return "NUL inside the Label"
	}
	valid, ok := a.Valid.wire()
	if !ok {
		return fmt.Sprintf("Valid is %d seconds", int64(a.Valid))
	}
	preferred, ok := a.Preferred.wire()
	switch {
	case !ok:
		return fmt.Sprintf("Preferred is %d seconds", int64(a.Preferred))
	case valid == 0:
		return "Valid is Expired"
	case valid < preferred:
		return fmt.Sprintf("the address is preferred for longer (%v) than valid (%v)", lifetime(preferred), a.Valid)
	}
	return ""
}

// Parse reads an address out of an RTM_NEWADDR or RTM_DELADDR message.
// Attributes that Address has no field for are no error.
func Parse(v *rtattr.AddrView) (Address, error) {
	h := v.Header
	if h.Family != rtattr.AF_INET && h.Family != rtattr.AF_INET6 {
		return Address{}, fmt.Errorf("address: message of address family %d, neither IPv4 nor IPv6", h.Family)
	}
	a := Address{Index: h.Index, Scope: h.Scope}
	local, hasLocal := v.Local()
	far, hasFar := v.Address()
	bits := int(h.PrefixLen)
	switch {
	case hasLocal && family(local) != h.Family, hasFar && family(far) != h.Family:
		return a, fmt.Errorf("address: %v and %v in a message of address family %d", local, far, h.Family)
	case !hasLocal && !hasFar:
		return a, fmt.Errorf("address: no address in the message (interface %d)", h.Index)
	case !hasLocal: // IPv6 without a peer, inet6_fill_ifaddr
		a.Local = netip.PrefixFrom(far, bits)
	case far == local:
		a.Local = netip.PrefixFrom(local, bits)
	case !hasFar && local.Is4(): // the peer is 0.0.0.0, inet_fill_ifaddr
		a.Local = netip.PrefixFrom(local, 32)
		a.Peer = netip.PrefixFrom(netip.IPv4Unspecified(), bits)
	case !hasFar:
		a.Local = netip.PrefixFrom(local, bits)
	default:
		a.Local = netip.PrefixFrom(local, local.BitLen())
		a.Peer = netip.PrefixFrom(far, bits)
	}
	if !a.Local.IsValid() || a.Peer != (netip.Prefix{}) && !a.Peer.IsValid() {
		return a, fmt.Errorf("address: %v of interface %d: prefix length %d", a.Local.Addr(), h.Index, bits)
	}
	a.Broadcast, _ = v.Broadcast()
	if label, ok := v.Label(); ok {
		a.Label = string(label)
	}
	a.Flags = flagsOf(v)
	a.Metric, _ = v.Priority()
	a.Protocol, _ = v.Proto()
	if ci, ok := v.CacheInfo(); ok {
		a.Valid, a.Preferred = lifetime(ci.Valid), lifetime(ci.Preferred)
	}
	// IPv4 shows no lifetimes of an address without end, and only this flag if
	// it is not preferred (inet_fill_ifaddr, set_ifa_lifetime).
	if a.Flags&rtattr.IFA_F_DEPRECATED != 0 && a.Preferred == Forever {
		a.Preferred = Expired
	}
	return a, nil
}

// flagsOf returns all flags: the header has room for eight of them.
func flagsOf(v *rtattr.AddrView) rtattr.AddrFlags {
	if flags, ok := v.Flags(); ok {
		return flags
	}
	return rtattr.AddrFlags(v.Header.Flags)
}

func family(a netip.Addr) uint8 {
	switch {
	case a.Is4():
		return rtattr.AF_INET
	case a.Is6():
		return rtattr.AF_INET6
	}
	return rtattr.AF_UNSPEC
}
