//go:build linux

package fuzz

import (
	"bytes"
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
)

// What is agreed on of a length about which table and kernel differ, and why.
const (
	// Accepted, not in the table:
	agreedUnread  = "not in requests: the kernel does not read the attribute there, or takes any length"
	agreedLonger  = "longer: a policy gives the least length where strict checking does not begin with the type; the rest is ignored"
	agreedFraming = "framing: kernels ignore what does not fit behind the last good attribute"
	// In the table, refused:
	agreedStruct = "struct: kernels of other ages send shorter and longer ones, this one wants its own in requests"
	agreedAnswer = "answer: the table has the form in answers beside the nest in requests"
	agreedEmpty  = "empty: readers take strings and arrays of nothing, a request's has a byte, or an element, at least"
	agreedLimit  = "limit: writers are held to max-len of gen/tables, readers take any length"
	agreedNest   = "nest: a sub-message whose selector is missing may hold anything here, to the kernel it is a nest and has no bytes or a header at least"
	agreedFamily = "family: the table has both lengths of an address, the message's family decides"
)

// refusal returns what is agreed on of an attribute of n bytes that is right in the
// table and that the kernel refuses.
func refusal(a *rtattr.Attr, n int, v verdict) string {
	switch {
	case a.Struct != nil && n != a.Struct.Size:
		return agreedStruct
	case a.Type == rtattr.String && n == 0, a.Type == rtattr.Arr && n < size(a.Elem):
		return agreedEmpty
	case a.Max == math.MaxUint16 && v.policy != nil && v.policy.hi > 0 && n > v.policy.hi:
		return fmt.Sprintf("%s (%d here)", agreedLimit, v.policy.hi)
	case a.Type == rtattr.Address && (v.policy == nil && n == 4 || v.policy != nil && v.policy.size(a) != n):
		return agreedFamily
	case a.Type == rtattr.SubMsg && n < 4 && v.policy != nil && v.policy.typ == rtattr.NL_ATTR_TYPE_NESTED:
		return agreedNest
	case a.Nested != nil && a.Type != rtattr.NestT && v.policy != nil && v.policy.typ == rtattr.NL_ATTR_TYPE_NESTED:
		return agreedAnswer
	}
	return ""
}

// agreedAttrs are the attributes of whose length the kernel has another opinion than
// the table, and why.
var agreedAttrs = map[string]string{
	"IFLA_VXLAN_TTL_INHERIT": "u8 in answers, a flag in requests",
	"DCB_ATTR_PERM_HWADDR":   "an address in answers, a flag in requests",
	"NDA_DST":                "the policy has the most bytes of any address, neigh_add and ndisc take what is longer than theirs",
}

// An opinion is what the kernel thinks of an attribute: the policy, if it has shown
// one, or the difference that explains it.
type opinion struct {
	policy *policy
	agreed string
}

// policy asks what the kernel wants instead of attribute i, in the order of Walk, by
// no bytes and by too many.
func (k *Kernel) policy(m rtattr.Msg, i int) (opinion, error) {
	t, err := Parse(m)
	if err != nil {
		return opinion{}, err
	}
	if !bytes.Equal(t.Bytes(), m) {
		return opinion{agreed: agreedFraming}, nil
	}
	a := t.places()[i].attr()
	was, now := len(a.Payload), opinion{agreed: agreedUnread}
	for _, n := range []int{0, 5000} {
		a.Nested, a.Payload = false, make([]byte, n)
		b := t.Bytes()
		off := 0
		at := -1
		for node := range messageSet(b).Walk(b) {
			if at++; at == i {
				off = node.Off
			}
		}
		v, err := k.ask(b)
		switch {
		case err != nil:
			return opinion{}, err
		case !v.lengthRefused() || v.off != off:
			continue
		}
		now = opinion{policy: v.policy}
		// No bytes are too few, and more than the table has are not too many.
		if size := v.policy.size(a.Table); n == 0 && was > size && (size == int(a.Table.Min) || size == int(a.Table.Max)) {
			now.agreed = agreedLonger
		}
		return now, nil
	}
	return now, nil
}

// size is the least length that the policy demands of a; what has none to show,
// demands that of the table.
func (p *policy) size(a *rtattr.Attr) int {
	if p == nil {
		return int(a.Min)
	}
	switch p.typ {
	case rtattr.NL_ATTR_TYPE_U8, rtattr.NL_ATTR_TYPE_S8:
		return 1
	case rtattr.NL_ATTR_TYPE_U16, rtattr.NL_ATTR_TYPE_S16:
		return 2
	case rtattr.NL_ATTR_TYPE_U32, rtattr.NL_ATTR_TYPE_S32:
		return 4
	case rtattr.NL_ATTR_TYPE_U64, rtattr.NL_ATTR_TYPE_S64:
		return 8
	}
	return p.lo
}
