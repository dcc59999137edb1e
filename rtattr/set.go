package rtattr

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// A Set describes one attribute set: what each attribute type is called and
// holds. The generated sets serve Parse, Path and Dump; encoders and getters
// do not look at them.
type Set struct {
	Name   string  // YNL name without "-attrs"
	Prefix string  // of the C constants: "IFLA_"
	Header *Struct // fixed header before the attributes of a message, or nil
	Attrs  []Attr  // by type; an entry without name is a gap
}

// Set returns s: a *Set is its own SetRef.
func (s *Set) Set() *Set { return s }

// A SetRef leads to a Set. Sets that contain each other refer by a type with a
// Set method, since Go variables may not be initialised in a circle.
type SetRef interface{ Set() *Set }

func (s *Set) headerLen() int {
	if s == nil || s.Header == nil {
		return 0
	}
	return align4(s.Header.Size)
}

func align4(n int) int { return (n + 3) &^ 3 }

// An Attr describes one attribute type of a Set.
type Attr struct {
	Type     Type
	Min, Max uint16 // payload lengths that Parse accepts
	Name     string
	Variants []Variant
	Const    string // C constant, if it is not the set's Prefix and Name
	Enum     *Enum
	Struct   *Struct // payload, or what stands before nested attributes
	Nested   SetRef
	Sub      *SubMessage
}

// CName returns the C constant of a: "IFLA_MTU".
func (s *Set) CName(a *Attr) string {
	if a.Const != "" {
		return a.Const
	}
	return s.Prefix + strings.ToUpper(strings.ReplaceAll(a.Name, "-", "_"))
}

// A Type is the form of a payload.
type Type uint8

// The types of a payload. BE is network byte order, the others are in host order.
const (
	Binary Type = iota
	Unused
	Pad
	Flag
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	U16BE
	U32BE
	U64BE
	Uint // 4 or 8 bytes
	Sint // 4 or 8 bytes
	String
	Address   // IPv4 or IPv6, in network byte order
	HWAddr    // link-layer address
	StructT   // a C struct; kernels of other ages send shorter and longer ones
	StructArr // an array of a C struct
	U32Arr
	S32Arr
	U64Arr
	U32BEArr
	Tail     // a C struct followed by an address
	NestT    // attributes, behind a fixed struct if there is one
	SubMsg   // attributes that a selector decides about
	Sequence // elements of a struct and attributes, with a length in front
)

// A SubMessage tells the formats of an attribute by the value of another, the
// selector, which stands in the same set or further out, before or behind it.
type SubMessage struct {
	Selector string
	Formats  []Format
}

// A Format is the meaning of a sub-message for one selector value.
type Format struct {
	Value  string // of a string selector
	Num    uint64 // of a scalar selector
	Nested SetRef // nil: nothing is inside
}

// A Variant is another meaning that an attribute has where a member of the
// message's fixed header has a value (ifi_family is AF_BRIDGE).
type Variant struct {
	Off, Size int
	Is        uint64
	Attr      Attr
}

func (a *Attr) variant(header []byte) *Attr {
	for i := range a.Variants {
		v := &a.Variants[i]
		if v.Off+v.Size <= len(header) && scalar(header[v.Off:], U32, v.Size) == v.Is {
			return &v.Attr
		}
	}
	return a
}

// A Struct describes a fixed C struct.
type Struct struct {
	Name    string // in C
	Size    int
	Members []Member
}

// A Member is a member of a Struct.
type Member struct {
	Name string
	Off  int
	Len  int // bytes
	Type Type
	Enum *Enum
}

// An Enum names the values, or the bits, of a C enum or a group of defines.
type Enum struct {
	Flags  bool
	Values []EnumValue
}

// An EnumValue is one value, or one bit, of an Enum.
type EnumValue struct {
	Value uint64
	Name  string
}

// Format names v: "up", for flags "up|broadcast". What has no name is a number.
func (e *Enum) Format(v uint64) string {
	if !e.Flags {
		for _, x := range e.Values {
			if x.Value == v {
				return x.Name
			}
		}
		return strconv.FormatUint(v, 10)
	}
	if v == 0 {
		return "0"
	}
	var names []string
	for _, x := range e.Values {
		if v&x.Value != 0 {
			names = append(names, x.Name)
			v &^= x.Value
		}
	}
	if v != 0 {
		names = append(names, "0x"+strconv.FormatUint(v, 16))
	}
	return strings.Join(names, "|")
}

// scalar reads the first n bytes of b as an unsigned number.
func scalar(b []byte, t Type, n int) uint64 {
	if n > len(b) {
		return 0
	}
	var o binary.ByteOrder = binary.NativeEndian
	switch t {
	case U16BE, U32BE, U64BE:
		o = binary.BigEndian
	}
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(o.Uint16(b))
	case 4:
		return uint64(o.Uint32(b))
	case 8:
		return o.Uint64(b)
	}
	return 0
}

func (t Type) scalar() bool { return t >= U8 && t <= Sint }
func (t Type) signed() bool { return t >= S8 && t <= S64 || t == Sint }
