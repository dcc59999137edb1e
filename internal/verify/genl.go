//go:build linux

package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rtnl/genl"
)

// Of linux/genetlink.h.
const (
	ctrlID         = 16 // GENL_ID_CTRL
	ctrlGetPolicy  = 10 // CTRL_CMD_GETPOLICY
	ctrlFamilyName = 2  // CTRL_ATTR_FAMILY_NAME
	ctrlPolicy     = 8  // CTRL_ATTR_POLICY
	ctrlOpPolicy   = 9  // CTRL_ATTR_OP_POLICY
)

// policies are those of a generic netlink family.
type policies struct {
	ops   map[uint16][]uint16               // numbers of policies, by command
	attrs map[uint16]map[uint16]*attrPolicy // by policy and attribute type
}

type attrPolicy struct {
	rtnl.Policy
	inside *uint16 // number of the policy of what is nested
}

// Family compares a set with the policies that the kernel shows of a generic
// netlink family, those of some commands or of all, and of the sets inside. It
// returns how many attributes were compared. Linux 6.18 shows command 0 in place of
// some that only dump.
func Family(c *netlink.Conn, family string, set *rtattr.Set, commands ...uint8) (n int, err error) {
	p, err := familyPolicies(c, family)
	if err != nil {
		return 0, err
	}
	cmp := comparison{policies: p, done: map[pair]bool{}}
	for cmd, numbers := range p.ops {
		if len(commands) > 0 && !slices.Contains(commands, uint8(cmd)) {
			continue
		}
		for _, number := range numbers {
			cmp.compare(number, set)
		}
	}
	return cmp.n, errors.Join(cmp.errs...)
}

// familyPolicies asks for the policies. All of the answer's attributes hold nests
// whose types are numbers: attributes in policies, kinds of requests in commands.
func familyPolicies(c *netlink.Conn, family string) (policies, error) {
	p := policies{map[uint16][]uint16{}, map[uint16]map[uint16]*attrPolicy{}}
	var e rtattr.Encoder
	w := e.Message(ctrlID, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP)
	w.Raw([]byte{ctrlGetPolicy, 2, 0, 0})
	w.String(ctrlFamilyName, family)
	w.End()
	replies, err := genl.Execute(c, &e)
	if err != nil {
		return p, fmt.Errorf("verify: policies of %q: %w", family, err)
	}
	for _, m := range replies {
		for typ, b := range rtattr.Attrs(m.Data[4:]).All() { // behind struct genlmsghdr
			if typ != ctrlPolicy && typ != ctrlOpPolicy {
				continue
			}
			for outer, b := range rtattr.Attrs(b).All() {
				for inner, b := range rtattr.Attrs(b).All() {
					if typ == ctrlOpPolicy {
						p.ops[outer] = append(p.ops[outer], uint16(binary.NativeEndian.Uint32(b)))
						continue
					}
					if p.attrs[outer] == nil {
						p.attrs[outer] = map[uint16]*attrPolicy{}
					}
					if p.attrs[outer][inner], err = parsePolicy(b); err != nil {
						return p, fmt.Errorf("verify: policies of %q: %w", family, err)
					}
				}
			}
		}
	}
	return p, nil
}

func parsePolicy(b []byte) (*attrPolicy, error) {
	var v rtattr.PolicyView
	if err := v.Parse(b); err != nil {
		return nil, err
	}
	p := &attrPolicy{}
	p.Type, _ = v.Type()
	p.MinSigned, _ = v.MinSigned()
	p.MaxSigned, _ = v.MaxSigned()
	p.MinUnsigned, _ = v.MinUnsigned()
	p.MaxUnsigned, _ = v.MaxUnsigned()
	p.Mask, _ = v.Mask()
	p.MinLength, _ = v.MinLength()
	p.MaxLength, _ = v.MaxLength()
	if number, ok := v.PolicyIndex(); ok {
		inside := uint16(number)
		p.inside = &inside
	}
	return p, nil
}

// A pair is a policy and the set that it was compared with. Policies may contain
// themselves.
type pair struct {
	number uint16
	set    *rtattr.Set
}

type comparison struct {
	policies
	done map[pair]bool
	n    int
	errs []error
}

func (c *comparison) compare(number uint16, set *rtattr.Set) {
	if c.done[pair{number, set}] {
		return
	}
	c.done[pair{number, set}] = true
	for typ, p := range c.attrs[number] {
		if int(typ) >= len(set.Attrs) || set.Attrs[typ].Name == "" {
			c.errs = append(c.errs, fmt.Errorf("%s: attribute %d is not in the table, the kernel wants %s", set.Name, typ, p))
			continue
		}
		a := &set.Attrs[typ]
		c.n++
		if err := Compare(a, p.Policy); err != nil {
			c.errs = append(c.errs, fmt.Errorf("%s %w", set.CName(a), err))
			continue
		}
		// What NLA_NESTED says of an array is the array itself.
		if p.inside != nil && a.Nested != nil && (a.Type == rtattr.NestT || p.Type == rtattr.NL_ATTR_TYPE_NESTED_ARRAY) {
			c.compare(*p.inside, a.Nested.Set())
		}
	}
}
