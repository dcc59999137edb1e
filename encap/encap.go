package encap

import (
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// An Encap is [MPLS], [IP], [IP6], [ILA], [SEG6], [SEG6Local], [BPF], [RPL],
// [IOAM6], [XFRM] or [Raw], as a value and not a pointer. Two Encaps are equal (==)
// if their kinds and all fields are. A nil Encap is none.
type Encap interface {
	// Type returns the kind: RTA_ENCAP_TYPE, NHA_ENCAP_TYPE.
	Type() rtattr.EncapType

	// String returns what ip wants behind "encap".
	String() string

	encap()
}

// Append puts attribute typ, RTA_ENCAP or NHA_ENCAP, with x. The kind of x is another
// attribute, beside that one.
func Append(n rtattr.Nest, typ uint16, x Encap) {
	if x, ok := x.(Raw); ok {
		copy(n.Space(typ|rtattr.NLA_F_NESTED, len(x.Attrs)), x.Attrs)
		return
	}
	n = n.Nest(typ)
	switch x := x.(type) {
	case MPLS:
		x.put(rtattr.EncapMPLSEncoder{Nest: n})
	case IP:
		x.put(rtattr.EncapIPEncoder{Nest: n})
	case IP6:
		x.put(rtattr.EncapIP6Encoder{Nest: n})
	case ILA:
		x.put(rtattr.EncapILAEncoder{Nest: n})
	case SEG6:
		x.put(rtattr.EncapSEG6Encoder{Nest: n})
	case SEG6Local:
		x.put(rtattr.EncapSEG6LocalEncoder{Nest: n})
	case BPF:
		x.put(rtattr.EncapBPFEncoder{Nest: n})
	case RPL:
		x.put(rtattr.EncapRPLEncoder{Nest: n})
	case IOAM6:
		x.put(rtattr.EncapIOAM6Encoder{Nest: n})
	case XFRM:
		x.put(rtattr.EncapXFRMEncoder{Nest: n})
	default:
		n.Fail(0, fmt.Sprintf("a %T is no encapsulation: not a pointer?", x))
	}
	n.End()
}

// Parse reads the payload of RTA_ENCAP or NHA_ENCAP of a kind. What has no place in
// the type of the kind makes it a Raw.
func Parse(typ rtattr.EncapType, b []byte) Encap {
	var x Encap
	var ok bool
	switch typ {
	case rtattr.LWTUNNEL_ENCAP_MPLS:
		x, ok = parseMPLS(b)
	case rtattr.LWTUNNEL_ENCAP_IP:
		x, ok = parseIP(b)
	case rtattr.LWTUNNEL_ENCAP_IP6:
		x, ok = parseIP6(b)
	case rtattr.LWTUNNEL_ENCAP_ILA:
		x, ok = parseILA(b)
	case rtattr.LWTUNNEL_ENCAP_SEG6:
		x, ok = parseSEG6(b)
	case rtattr.LWTUNNEL_ENCAP_SEG6_LOCAL:
		x, ok = parseSEG6Local(b)
	case rtattr.LWTUNNEL_ENCAP_BPF:
		x, ok = parseBPF(b)
	case rtattr.LWTUNNEL_ENCAP_RPL:
		x, ok = parseRPL(b)
	case rtattr.LWTUNNEL_ENCAP_IOAM6:
		x, ok = parseIOAM6(b)
	case rtattr.LWTUNNEL_ENCAP_XFRM:
		x, ok = parseXFRM(b)
	}
	if !ok {
		return Raw{Kind: typ, Attrs: string(b)}
	}
	return x
}

// known reports whether the attributes of a nest are all in its set.
func known(set *rtattr.Set, attrs rtattr.Attrs, err error) bool {
	if err != nil {
		return false
	}
	for typ := range attrs.All() {
		if int(typ) >= len(set.Attrs) || set.Attrs[typ].Name == "" {
			return false
		}
	}
	return true
}

// A Raw is an encapsulation as the attributes that it is on the wire.
type Raw struct {
	Kind  rtattr.EncapType
	Attrs string
}

// Type returns Kind.
func (x Raw) Type() rtattr.EncapType { return x.Kind }

// String returns "77 24 bytes".
func (x Raw) String() string { return fmt.Sprintf("%s %d bytes", x.Kind, len(x.Attrs)) }

func (Raw) encap() {}
