package specs

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/mdlayher/netlink"

	"example.com/specs/ethtool"
	"example.com/specs/mptcppm"
	"example.com/specs/netdev"
	"example.com/specs/nlctrl"
	"example.com/specs/tcpmetrics"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl/genl"
)

// TestPolicies asks the running kernel, with the generated package of its
// controller, for the policies of the families, and compares every type with the
// other generated packages.
func TestPolicies(t *testing.T) {
	c, err := netlink.Dial(16, nil) // NETLINK_GENERIC
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctrl, err := nlctrl.Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, f := range []struct {
		name string
		set  func(cmd uint8) *rtattr.Set
	}{
		{ethtool.FamilyName, ethtool.RequestSet},
		{mptcppm.FamilyName, mptcppm.RequestSet},
		{netdev.FamilyName, netdev.RequestSet},
		{nlctrl.FamilyName, nlctrl.RequestSet},
		{tcpmetrics.FamilyName, tcpmetrics.RequestSet},
	} {
		family, err := genl.Resolve(c, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("%s: not in this kernel", f.name)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p := policies{t: t, of: map[uint16]map[uint16]nlctrl.PolicyView{}, seen: map[visit]bool{}}
		ops := p.ask(c, ctrl, family)
		for cmd, policy := range ops {
			if set := f.set(uint8(cmd)); set != nil {
				p.compare(policy, set, f.name)
			}
		}
		t.Logf("%s: %d attributes of %d operations", f.name, p.n, len(ops))
		all += p.n
	}
	if all < 100 {
		t.Errorf("only %d attributes compared", all)
	}
}

type visit struct {
	policy uint16
	set    *rtattr.Set
}

// policies are those of one family: by their number, then by attribute.
type policies struct {
	t    *testing.T
	of   map[uint16]map[uint16]nlctrl.PolicyView
	seen map[visit]bool
	n    int
}

// ask returns the number of the policy of each command's requests.
func (p *policies) ask(c *netlink.Conn, ctrl, family genl.Family) map[uint16]uint16 {
	var e rtattr.Encoder
	w := nlctrl.AppendGetpolicy(&e, ctrl.ID, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP)
	w.FamilyID(family.ID)
	w.End()
	replies, err := genl.Execute(c, &e)
	if err != nil {
		p.t.Fatal(err)
	}
	ops := map[uint16]uint16{}
	for _, m := range replies {
		var v nlctrl.CtrlView
		if err := v.Parse(m.Data); err != nil {
			p.t.Fatal(err)
		}
		for cmd, attrs := range v.OpPolicy() {
			var op nlctrl.OpPolicyView
			if err := op.Parse(attrs); err != nil {
				p.t.Fatal(err)
			}
			if do, ok := op.Do(); ok {
				ops[cmd[0]] = uint16(do)
			}
		}
		for at, attrs := range v.Policy() {
			var policy nlctrl.PolicyView
			if err := policy.Parse(attrs); err != nil {
				p.t.Fatal(err)
			}
			if p.of[at[0]] == nil {
				p.of[at[0]] = map[uint16]nlctrl.PolicyView{}
			}
			p.of[at[0]][at[1]] = policy
		}
	}
	return ops
}

// types are the forms that a type of the kernel's policies stands for.
var types = map[nlctrl.AttrType][]rtattr.Type{
	nlctrl.NLCTRL_ATTR_TYPE_FLAG:         {rtattr.Flag},
	nlctrl.NLCTRL_ATTR_TYPE_U8:           {rtattr.U8},
	nlctrl.NLCTRL_ATTR_TYPE_U16:          {rtattr.U16, rtattr.U16BE},
	nlctrl.NLCTRL_ATTR_TYPE_U32:          {rtattr.U32, rtattr.U32BE},
	nlctrl.NLCTRL_ATTR_TYPE_U64:          {rtattr.U64, rtattr.U64BE},
	nlctrl.NLCTRL_ATTR_TYPE_S8:           {rtattr.S8},
	nlctrl.NLCTRL_ATTR_TYPE_S16:          {rtattr.S16},
	nlctrl.NLCTRL_ATTR_TYPE_S32:          {rtattr.S32},
	nlctrl.NLCTRL_ATTR_TYPE_S64:          {rtattr.S64},
	nlctrl.NLCTRL_ATTR_TYPE_BINARY:       {rtattr.Binary, rtattr.StructT, rtattr.StructArr, rtattr.Arr},
	nlctrl.NLCTRL_ATTR_TYPE_STRING:       {rtattr.String},
	nlctrl.NLCTRL_ATTR_TYPE_NUL_STRING:   {rtattr.String},
	nlctrl.NLCTRL_ATTR_TYPE_NESTED:       {rtattr.NestT, rtattr.Indexed, rtattr.TypeValue, rtattr.SubMsg},
	nlctrl.NLCTRL_ATTR_TYPE_NESTED_ARRAY: {rtattr.Indexed},
	nlctrl.NLCTRL_ATTR_TYPE_BITFIELD32:   {rtattr.BitField},
	nlctrl.NLCTRL_ATTR_TYPE_SINT:         {rtattr.Sint},
	nlctrl.NLCTRL_ATTR_TYPE_UINT:         {rtattr.Uint},
}

func (p *policies) compare(policy uint16, set *rtattr.Set, at string) {
	if p.seen[visit{policy, set}] {
		return
	}
	p.seen[visit{policy, set}] = true
	for typ, kernel := range p.of[policy] {
		k, ok := kernel.Type()
		if !ok || int(typ) >= len(set.Attrs) || set.Attrs[typ].Name == "" {
			continue // a kernel newer than the specification
		}
		a := &set.Attrs[typ]
		path := at + "." + a.Name
		want := types[k]
		if !slices.Contains(want, a.Type) {
			p.t.Errorf("%s: type %d in the table, %v in the kernel", path, a.Type, k)
		}
		p.n++
		if in, ok := kernel.PolicyIdx(); ok && a.Nested != nil && a.Type == rtattr.NestT {
			p.compare(uint16(in), a.Nested.Set(), path)
		}
	}
}
