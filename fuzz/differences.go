package fuzz

import (
	"encoding/binary"
	"strings"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/rtattr"
)

// A difference is agreed on: level makes equal what two readers, for a known
// reason, see differently in the bytes b of a message's payload.
type difference[M any] struct {
	what, why string
	level     func(b []byte, theirs, ours *M)
}

// Beside those below: a panic of rtnetlink is no result, and where one of the readers
// refuses the bytes there is nothing to compare. rtattr refuses an attribute of
// a wrong length even if rtnetlink does not know it, and rtnetlink refuses what
// kernels of other ages may send (structs of other lengths). A registered driver of
// rtnetlink keeps no bytes that could be compared.

// An attrsResult is what a reader of attributes has made of a block.
type attrsResult struct {
	Attrs []netlink.Attribute // types without flags
	Bad   bool                // the framing
}

var attrsDifferences = []difference[attrsResult]{
	{"mdlayher reads on behind an nla_len of 0", "the kernel refuses less than 4, and so do we; 0 would loop",
		func(b []byte, theirs, ours *attrsResult) {
			off := 0
			for _, a := range ours.Attrs {
				off += (int(a.Length) + 3) &^ 3
			}
			if off+4 <= len(b) && binary.NativeEndian.Uint16(b[off:]) == 0 && len(theirs.Attrs) >= len(ours.Attrs) {
				*theirs = attrsResult{theirs.Attrs[:len(ours.Attrs)], true}
			}
		}},
	{"mdlayher counts the attributes first and returns none if bytes are left over", "we return what stands before the fault",
		func(_ []byte, theirs, ours *attrsResult) {
			if theirs.Bad && theirs.Attrs == nil && ours.Bad {
				ours.Attrs = nil
			}
		}},
}

var addrDifferences = []difference[rtnetlink.AddressMessage]{
	{"rtnetlink trims NULs at the end of a label only", "a C string ends at its first NUL",
		func(_ []byte, theirs, _ *rtnetlink.AddressMessage) {
			if a := theirs.Attributes; a != nil {
				a.Label = cString(a.Label)
			}
		}},
}

var linkDifferences = []difference[rtnetlink.LinkMessage]{
	{"rtnetlink reads the family as 16 bits, with the pad behind it", "ifi_family is 8 bits",
		func(b []byte, theirs, _ *rtnetlink.LinkMessage) { theirs.Family = uint16(b[0]) }},
	{"rtnetlink trims NULs at the end of a string only", "a C string ends at its first NUL",
		func(_ []byte, theirs, _ *rtnetlink.LinkMessage) {
			a := theirs.Attributes
			if a == nil {
				return
			}
			a.Name, a.QueueDisc = cString(a.Name), cString(a.QueueDisc)
			cStringPtr(a.Alias)
			cStringPtr(a.PhysPortName)
			if a.Info != nil {
				a.Info.Kind, a.Info.SlaveKind = cString(a.Info.Kind), cString(a.Info.SlaveKind)
			}
		}},
	{"rtnetlink reads physical port and switch ids as strings without the NULs at their end", "they are bytes",
		func(_ []byte, _, ours *rtnetlink.LinkMessage) {
			if a := ours.Attributes; a != nil {
				trimPtr(a.PhysPortID)
				trimPtr(a.PhysSwitchID)
			}
		}},
	{"rtnetlink stops at a bad nest and returns no error", "the last of several counts for us, and only that one is read",
		func(b []byte, theirs, ours *rtnetlink.LinkMessage) {
			for _, typ := range []uint16{rtattr.IFLA_LINKINFO, rtattr.IFLA_XDP} {
				n := 0
				for range rtattr.Attrs(b[16:]).Of(typ) {
					n++
				}
				if n > 1 {
					*theirs, *ours = rtnetlink.LinkMessage{}, rtnetlink.LinkMessage{}
				}
			}
		}},
	{"rtnetlink names INFO_DATA by the kind that it has read so far", "the order of attributes means nothing, the last kind counts",
		func(_ []byte, theirs, ours *rtnetlink.LinkMessage) {
			if a := theirs.Attributes; a != nil && a.Info != nil {
				unname(a.Info)
				unname(ours.Attributes.Info)
			}
		}},
}

var neighDifferences = []difference[rtnetlink.NeighMessage]{
	{"rtnetlink ignores an empty link-layer address", "the last of several counts, empty or not",
		func(b []byte, theirs, ours *rtnetlink.NeighMessage) {
			for typ, v := range rtattr.Attrs(b[12:]).All() {
				if typ == rtattr.NDA_LLADDR && len(v) == 0 {
					theirs.Attributes.LLAddress, ours.Attributes.LLAddress = nil, nil
				}
			}
		}},
}

var routeDifferences = []difference[rtnetlink.RouteMessage]{
	{"rtnetlink reads RTA_DST of an MPLS route as an IPv4 address", "it is a label; RouteView.Label has it",
		func(b []byte, theirs, _ *rtnetlink.RouteMessage) {
			if b[0] == rtattr.AF_MPLS {
				theirs.Attributes.Dst = nil
			}
		}},
	{"rtnetlink joins several RTA_MULTIPATH", "the last of several counts",
		func(_ []byte, theirs, ours *rtnetlink.RouteMessage) {
			if t, o := &theirs.Attributes, &ours.Attributes; len(t.Multipath) > len(o.Multipath) {
				t.Multipath = t.Multipath[len(t.Multipath)-len(o.Multipath):]
			}
		}},
	{"rtnetlink does not align the length of a nexthop", "the kernel does, as for attributes (RTNH_NEXT)",
		func(_ []byte, theirs, ours *rtnetlink.RouteMessage) {
			for _, h := range append(ours.Attributes.Multipath, theirs.Attributes.Multipath...) {
				if h.Hop.Length%4 != 0 {
					ours.Attributes.Multipath, theirs.Attributes.Multipath = nil, nil
				}
			}
		}},
	{"rtnetlink reads the MPLS labels of a nexthop", "in RTA_ENCAP; the comparison fills in no encapsulation from rtattr's view",
		func(_ []byte, theirs, _ *rtnetlink.RouteMessage) {
			for i := range theirs.Attributes.Multipath {
				theirs.Attributes.Multipath[i].MPLS = nil
			}
		}},
}

var ruleDifferences = []difference[rtnetlink.RuleMessage]{
	{"rtnetlink reads two user IDs of 16 bits out of the first one", "struct fib_rule_uid_range has two of 32 bits",
		func(_ []byte, theirs, ours *rtnetlink.RuleMessage) {
			if a := theirs.Attributes; a != nil && a.UIDRange != nil {
				a.UIDRange, ours.Attributes.UIDRange = nil, nil
			}
		}},
	{"rtnetlink reads the key of a tunnel in host byte order", "it is sent and taken as big endian (fib_nl_fill_rule)",
		func(_ []byte, theirs, _ *rtnetlink.RuleMessage) {
			if a := theirs.Attributes; a != nil && a.TunID != nil {
				*a.TunID = binary.BigEndian.Uint64(binary.NativeEndian.AppendUint64(nil, *a.TunID))
			}
		}},
	{"rtnetlink trims NULs at the end of a name only", "a C string ends at its first NUL",
		func(_ []byte, theirs, _ *rtnetlink.RuleMessage) {
			if a := theirs.Attributes; a != nil {
				cStringPtr(a.IIFName)
				cStringPtr(a.OIFName)
			}
		}},
}

func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

func cStringPtr(s *string) {
	if s != nil {
		*s = cString(*s)
	}
}

func trimPtr(s *string) {
	if s != nil {
		*s = strings.TrimRight(*s, "\x00")
	}
}

func unname(i *rtnetlink.LinkInfo) {
	for _, d := range []rtnetlink.LinkDriver{i.Data, i.SlaveData} {
		if d, ok := d.(*rtnetlink.LinkData); ok {
			d.Name = ""
		}
	}
}
