package rtnl

import (
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// A Policy is what the kernel accepts in the place of an attribute that it
// refused (NLMSGERR_ATTR_POLICY). The zero Policy is none.
type Policy struct {
	Type rtattr.PolicyType

	MinSigned, MaxSigned     int64  // of S8 to S64 and SINT
	MinUnsigned, MaxUnsigned uint64 // of U8 to U64 and UINT, unless Mask is given
	Mask                     uint64 // bits that a number or a BITFIELD32 may have
	MinLength, MaxLength     uint32 // bytes, 0 if not given
	MaxType                  uint32 // highest attribute type inside of a NESTED, 0 if not given
}

func policyOf(v *rtattr.PolicyView) (p Policy) {
	p.Type, _ = v.Type()
	p.MinSigned, _ = v.MinSigned()
	p.MaxSigned, _ = v.MaxSigned()
	p.MinUnsigned, _ = v.MinUnsigned()
	p.MaxUnsigned, _ = v.MaxUnsigned()
	mask, ok := v.Mask()
	if bits, bitfield := v.Bitfield32Mask(); !ok && bitfield {
		mask = uint64(bits)
	}
	p.Mask = mask
	p.MinLength, _ = v.MinLength()
	p.MaxLength, _ = v.MaxLength()
	p.MaxType, _ = v.PolicyMaxType()
	return p
}

// String returns "u32 68 to 65535", "string of at most 15 bytes".
func (p Policy) String() string {
	s := p.Type.String()
	switch {
	case p.Mask != 0:
		s += fmt.Sprintf(" of the bits %#x", p.Mask)
	case p.ranged() && p.signed():
		s += fmt.Sprintf(" %d to %d", p.MinSigned, p.MaxSigned)
	case p.ranged():
		s += fmt.Sprintf(" %d to %d", p.MinUnsigned, p.MaxUnsigned)
	}
	switch lo, hi := p.MinLength, p.MaxLength; {
	case lo != 0 && lo == hi:
		s += fmt.Sprintf(" of %d bytes", lo)
	case lo != 0 && hi != 0:
		s += fmt.Sprintf(" of %d to %d bytes", lo, hi)
	case lo != 0:
		s += fmt.Sprintf(" of at least %d bytes", lo)
	case hi != 0:
		s += fmt.Sprintf(" of at most %d bytes", hi)
	}
	return s
}

func (p Policy) signed() bool {
	return p.Type >= rtattr.NL_ATTR_TYPE_S8 && p.Type <= rtattr.NL_ATTR_TYPE_S64 || p.Type == rtattr.NL_ATTR_TYPE_SINT
}

// ranged reports whether the range is narrower than the type.
func (p Policy) ranged() bool {
	bits := 64
	switch t := p.Type; {
	case t >= rtattr.NL_ATTR_TYPE_U8 && t <= rtattr.NL_ATTR_TYPE_U64:
		bits = 8 << (t - rtattr.NL_ATTR_TYPE_U8)
	case t >= rtattr.NL_ATTR_TYPE_S8 && t <= rtattr.NL_ATTR_TYPE_S64:
		bits = 8 << (t - rtattr.NL_ATTR_TYPE_S8)
	}
	if p.signed() {
		low := int64(-1) << (bits - 1)
		return p.MinSigned != low || p.MaxSigned != ^low
	}
	high := ^uint64(0) >> (64 - bits)
	return p.MaxUnsigned != 0 && (p.MinUnsigned != 0 || p.MaxUnsigned != high)
}
