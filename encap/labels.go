package encap

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// Labels are a stack of MPLS labels, the outermost first. They cannot be changed,
// and unlike a slice can be compared. The zero Labels are none.
type Labels struct {
	labels string // 4 bytes each, in network byte order
}

// LabelsOf returns a stack of labels of 20 bits.
func LabelsOf(labels ...uint32) Labels {
	var b []byte
	for _, l := range labels {
		b = binary.BigEndian.AppendUint32(b, l)
	}
	return Labels{string(b)}
}

// Len returns how many labels there are.
func (l Labels) Len() int { return len(l.labels) / 4 }

// at returns label i.
func (l Labels) at(i int) uint32 {
	return uint32(l.labels[4*i])<<24 | uint32(l.labels[4*i+1])<<16 | uint32(l.labels[4*i+2])<<8 | uint32(l.labels[4*i+3])
}

// All returns the labels, the outermost first.
func (l Labels) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range l.Len() {
			if !yield(l.at(i)) {
				return
			}
		}
	}
}

// String returns "100/200".
func (l Labels) String() string {
	var parts []string
	for x := range l.All() {
		parts = append(parts, strconv.FormatUint(uint64(x), 10))
	}
	return strings.Join(parts, "/")
}

const (
	labelShift  = 12
	labelBottom = 1 << 8 // of the stack
)

// Put puts an attribute of label stack entries (RFC 3032): the labels, and the
// bottom of stack bit in the last.
func (l Labels) Put(n rtattr.Nest, typ uint16) {
	b := n.Space(typ, 4*l.Len())
	for i := range l.Len() {
		x := l.at(i)
		if x >= 1<<20 {
			n.Fail(typ, fmt.Sprintf("label %d has more than 20 bits", x))
			return
		}
		x <<= labelShift
		if i == l.Len()-1 {
			x |= labelBottom
		}
		binary.BigEndian.PutUint32(b[4*i:], x)
	}
}

// ParseLabels reads label stack entries. It reports false if they hold more than
// labels and the bottom of the stack.
func ParseLabels(entries rtattr.Array[uint32]) (Labels, bool) {
	b := make([]byte, 0, 4*entries.Len())
	for i := range entries.Len() {
		x := entries.At(i)
		bottom := uint32(0)
		if i == entries.Len()-1 {
			bottom = labelBottom
		}
		if x&(1<<labelShift-1) != bottom {
			return Labels{}, false
		}
		b = binary.BigEndian.AppendUint32(b, x>>labelShift)
	}
	return Labels{string(b)}, true
}

// A TTL is one that is given, or none.
type TTL struct {
	v   uint8
	set bool
}

// TTLOf returns the TTL of a number; that of 0 is not the zero TTL.
func TTLOf(v uint8) TTL { return TTL{v, true} }

// Value returns the number and whether there is one.
func (t TTL) Value() (uint8, bool) { return t.v, t.set }

// MPLS puts labels on IP packets (net/mpls/mpls_iptunnel.c).
type MPLS struct {
	Labels Labels
	TTL    TTL // of the labels; 0 copies that of the packet, none is up to net.mpls.ip_ttl_propagate
}

// Type returns LWTUNNEL_ENCAP_MPLS.
func (MPLS) Type() rtattr.EncapType { return rtattr.LWTUNNEL_ENCAP_MPLS }

// String returns "mpls 100/200 ttl 64".
func (x MPLS) String() string {
	s := "mpls " + x.Labels.String()
	if ttl, ok := x.TTL.Value(); ok {
		s += fmt.Sprintf(" ttl %d", ttl)
	}
	return s
}

func (MPLS) encap() {}

func (x MPLS) put(w rtattr.EncapMPLSEncoder) {
	x.Labels.Put(w.Nest, rtattr.MPLS_IPTUNNEL_DST)
	if x.TTL.set {
		w.TTL(x.TTL.v)
	}
}

func parseMPLS(b []byte) (x MPLS, ok bool) {
	var v rtattr.EncapMPLSView
	if err := v.Parse(b); !known(&rtattr.EncapMPLSSet, v.Attrs(), err) {
		return x, false
	}
	entries, ok := v.Labels()
	if !ok {
		return x, false
	}
	if x.Labels, ok = ParseLabels(entries); !ok {
		return x, false
	}
	x.TTL.v, x.TTL.set = v.TTL()
	return x, true
}
