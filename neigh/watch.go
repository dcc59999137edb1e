package neigh

import (
	"errors"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Key is what identifies a neighbour.
type Key struct {
	Family uint8
	Index  uint32 // of the interface; of the bridge, whose entries move from port to port
	Dst    netip.Addr
	LLAddr LLAddr // and the rest, of forwarding entries
	VLAN   uint16
	SrcVNI uint32

	// With Dst, of VXLAN entries that may have several remote ends.
	Port uint16
	VNI  Number
	Via  uint32
}

// valid are the states in which a neighbour is of use (NUD_VALID), but for NUD_NOARP:
// the kernel makes such entries without a word (arp_constructor, ndisc_constructor).
const valid = rtattr.NUD_PERMANENT | rtattr.NUD_REACHABLE | rtattr.NUD_PROBE | rtattr.NUD_STALE | rtattr.NUD_DELAY

// Object is for [rtnl.Watch]: it follows the neighbours of the Family and Index of f.
// Not all of them are announced:
//
//   - An IP neighbour exists for it once it has an address, in the states
//     NUD_PERMANENT, NUD_REACHABLE, NUD_STALE, NUD_DELAY and NUD_PROBE. A change to
//     NUD_DELAY is no change, nor is one of Protocol alone.
//   - Forwarding entries are those of bridges and VXLAN devices, and not the
//     addresses that devices listen to; that one grows old (NUD_STALE) or is offloaded
//     is no change. A bridge moves the entries of its ports' addresses, and a nexthop
//     takes its entries along, without a word (fdb_delete_local,
//     vxlan_fdb_nh_flush): when a link changes or a nexthop goes, there is a new list.
//   - Proxy entries are never announced, nor can one tell by an announcement which
//     Master an interface belongs to. An f with Proxy, Master or State is an error of
//     the Watcher's first Next.
//
// Probes and Cache are zero.
func Object(f Filter) rtnl.Object[Key, Neigh] {
	o := rtnl.Object[Key, Neigh]{
		Groups:   []rtattr.Group{rtattr.RTNLGRP_NEIGH},
		Unmarked: true,
		Equal:    equal,
		List: func(e *rtattr.Encoder) {
			if f.Proxy || f.Master != 0 || f.State != 0 {
				e.Fail(errors.New("neigh: watch: neighbours can be followed by Family and Index alone"))
			}
			AppendList(e, f)
		},
	}
	if f.Family == rtattr.AF_BRIDGE {
		o.Groups = append(o.Groups, rtattr.RTNLGRP_LINK, rtattr.RTNLGRP_NEXTHOP)
	}
	parse := func(m rtattr.Msg) (n Neigh, err error) {
		if m.Type() != rtattr.RTM_NEWNEIGH && m.Type() != rtattr.RTM_DELNEIGH {
			return n, rtnl.ErrSkip
		}
		var v rtattr.NeighView
		if err := v.Parse(m.Payload()); err != nil {
			return n, err
		}
		_, cached := v.CacheInfo()
		if !f.match(&v) || v.Header.Family == rtattr.AF_BRIDGE && !cached {
			return n, rtnl.ErrSkip
		}
		n, err = Parse(&v)
		n.Probes, n.Cache = 0, rtattr.NeighCacheInfo{}
		return n, err
	}
	o.Parse = func(m rtattr.Msg) (Key, Neigh, error) {
		n, err := parse(m)
		if err == nil && m.Type() == rtattr.RTM_NEWNEIGH && n.Family != rtattr.AF_BRIDGE && n.State&valid == 0 {
			err = rtnl.ErrSkip
		}
		return n.key(), n, err
	}
	o.Apply = func(t *rtnl.Table[Key, Neigh], m rtattr.Msg) error {
		switch m.Type() {
		case rtattr.RTM_NEWLINK, rtattr.RTM_DELLINK, rtattr.RTM_DELNEXTHOP:
			t.Relist()
			return nil
		}
		n, err := parse(m)
		switch {
		case err == rtnl.ErrSkip:
			return nil
		case err != nil:
			return err
		}
		k := n.key()
		if m.Type() == rtattr.RTM_DELNEIGH || n.Family != rtattr.AF_BRIDGE && n.State&valid == 0 {
			t.Delete(k)
			return nil
		}
		t.Put(k, n)
		// State and flags are those of all remote ends, of which one is announced
		// (vxlan_fdb_update_existing).
		if n.several() && m.Flags()&rtattr.NLM_F_MULTI == 0 {
			t.Relist()
		}
		return nil
	}
	return o
}

// several reports whether n may be one of several remote ends of a VXLAN entry.
func (n *Neigh) several() bool {
	return n.Family == rtattr.AF_BRIDGE && n.Master == 0 && n.Dst.IsValid() && n.LLAddr.flood()
}

func (n *Neigh) key() Key {
	k := Key{Family: n.Family, Index: n.Index}
	switch {
	case n.Family != rtattr.AF_BRIDGE:
		k.Dst = n.Dst
		return k
	case n.Master != 0:
		k.Index = n.Master
	case n.several():
		k.Dst, k.Port, k.VNI, k.Via = n.Dst, n.Port, n.VNI, n.Via
	}
	k.LLAddr, k.VLAN, k.SrcVNI = n.LLAddr, n.VLAN, n.SrcVNI
	return k
}

// equal passes over what changes without a word.
func equal(a, b Neigh) bool {
	const young = rtattr.NUD_REACHABLE | rtattr.NUD_STALE
	switch {
	case a.Family == rtattr.AF_BRIDGE && a.State&young != 0 && b.State&young != 0:
		b.State = a.State
	case a.Family != rtattr.AF_BRIDGE && (delayed(a.State, b.State) || delayed(b.State, a.State)):
		b.State = a.State
	}
	b.Protocol = a.Protocol
	b.Flags = b.Flags&^rtattr.NTF_OFFLOADED | a.Flags&rtattr.NTF_OFFLOADED
	return a == b
}

// delayed reports whether a may have come to b without a word, or the other way round
// (neigh_timer_handler, __neigh_event_send).
func delayed(a, b rtattr.NeighState) bool {
	return a == rtattr.NUD_DELAY && (b == rtattr.NUD_REACHABLE || b == rtattr.NUD_STALE)
}
