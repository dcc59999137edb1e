//go:build linux

// Package verify holds attribute tables against the running kernel: against the
// policies that its refusals and CTRL_CMD_GETPOLICY show.
//
// A policy says what the kernel accepts in requests. It knows neither byte order
// nor what bytes mean, and nothing of attributes that the kernel only sends.
package verify

import (
	"fmt"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// forms are the table types that a policy's type may stand for. Numbers in
// another byte order have the policies of those in host order. IPv4 addresses are
// u32 to many policies, fixed numbers and structs are bytes of one length to some.
var forms = map[rtattr.PolicyType][]rtattr.Type{
	rtattr.NL_ATTR_TYPE_FLAG: {rtattr.Flag},
	rtattr.NL_ATTR_TYPE_U8:   {rtattr.U8},
	rtattr.NL_ATTR_TYPE_U16:  {rtattr.U16, rtattr.U16BE, rtattr.U16LE},
	rtattr.NL_ATTR_TYPE_U32:  {rtattr.U32, rtattr.U32BE, rtattr.U32LE, rtattr.Address},
	rtattr.NL_ATTR_TYPE_U64:  {rtattr.U64, rtattr.U64BE, rtattr.U64LE},
	rtattr.NL_ATTR_TYPE_S8:   {rtattr.S8},
	rtattr.NL_ATTR_TYPE_S16:  {rtattr.S16},
	rtattr.NL_ATTR_TYPE_S32:  {rtattr.S32},
	rtattr.NL_ATTR_TYPE_S64:  {rtattr.S64},
	rtattr.NL_ATTR_TYPE_UINT: {rtattr.Uint, rtattr.U64}, // NLA_MSECS is 8 bytes and shown as UINT
	rtattr.NL_ATTR_TYPE_SINT: {rtattr.Sint},
	rtattr.NL_ATTR_TYPE_BINARY: {rtattr.Binary, rtattr.Address, rtattr.HWAddr, rtattr.StructT, rtattr.StructArr,
		rtattr.Arr, rtattr.Tail},
	rtattr.NL_ATTR_TYPE_STRING:       {rtattr.String},
	rtattr.NL_ATTR_TYPE_NUL_STRING:   {rtattr.String},
	rtattr.NL_ATTR_TYPE_NESTED:       {rtattr.NestT, rtattr.SubMsg, rtattr.Indexed, rtattr.TypeValue},
	rtattr.NL_ATTR_TYPE_NESTED_ARRAY: {rtattr.Indexed},
	rtattr.NL_ATTR_TYPE_BITFIELD32:   {rtattr.BitField},
}

// Compare returns how a policy contradicts the table.
func Compare(a *rtattr.Attr, p rtnl.Policy) error {
	lo, hi := int(p.MinLength), int(p.MaxLength)
	switch {
	case p.Type == rtattr.NL_ATTR_TYPE_NESTED && a.Nested != nil: // whatever it is in replies
	case !slices.Contains(forms[p.Type], a.Type):
		return fmt.Errorf("is %s in the table, the kernel wants %s", TypeName(a), p)
	case p.Type == rtattr.NL_ATTR_TYPE_U32 && !fits(a, 4):
		return fmt.Errorf("has %s bytes in the table, the kernel wants %s", lengths(a), p)
	case hi != 0 && int(a.Min) > hi, int(a.Max) < lo:
		return fmt.Errorf("has %s bytes in the table, the kernel wants %s", lengths(a), p)
	}
	return nil
}

// fits reports whether the table allows a payload of n bytes.
func fits(a *rtattr.Attr, n int) bool { return n >= int(a.Min) && n <= int(a.Max) }

func lengths(a *rtattr.Attr) string {
	if a.Min == a.Max {
		return fmt.Sprint(a.Min)
	}
	return fmt.Sprintf("%d to %d", a.Min, a.Max)
}

var typeNames = map[rtattr.Type]string{
	rtattr.Binary: "binary", rtattr.Unused: "unused", rtattr.Pad: "pad", rtattr.Flag: "flag",
	rtattr.U8: "u8", rtattr.U16: "u16", rtattr.U32: "u32", rtattr.U64: "u64",
	rtattr.S8: "s8", rtattr.S16: "s16", rtattr.S32: "s32", rtattr.S64: "s64",
	rtattr.U16BE: "be16", rtattr.U32BE: "be32", rtattr.U64BE: "be64",
	rtattr.U16LE: "le16", rtattr.U32LE: "le32", rtattr.U64LE: "le64",
	rtattr.Uint: "uint", rtattr.Sint: "sint", rtattr.String: "string", rtattr.Address: "address",
	rtattr.HWAddr: "hwaddr", rtattr.BitField: "bitfield32", rtattr.StructT: "struct",
	rtattr.StructArr: "structs", rtattr.Arr: "array", rtattr.Tail: "struct+address",
	rtattr.NestT: "nest", rtattr.SubMsg: "sub-message", rtattr.Sequence: "sequence",
	rtattr.Indexed: "indexed", rtattr.TypeValue: "type-value",
}

// TypeName is the table's type of an attribute: "be16", "struct rtvia", "indexed u32".
func TypeName(a *rtattr.Attr) string {
	name := typeNames[a.Type]
	if a.Struct != nil {
		name += " " + a.Struct.Name
	}
	if a.Type == rtattr.Arr || a.Type == rtattr.Indexed {
		name += " " + typeNames[a.Elem]
	}
	return name
}
