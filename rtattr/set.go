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

// headerLen is where the attributes of a message begin, whose payload is b.
func (s *Set) headerLen(b []byte) int {
	if s == nil || s.Header == nil {
		return 0
	}
	n := s.Header.Size
	if size := s.Header.TailSize; size > 0 && n <= len(b) {
		n += int(min(scalar(b[s.Header.TailOff:], s.Header.TailType, size), uint64(len(b))))
	}
	return align4(n)
}

func align4(n int) int { return (n + 3) &^ 3 }

// An Attr describes one attribute type of a Set.
type Attr struct {
	Type     Type
	Elem     Type   // of an array
	ElemSize uint16 // of an Indexed: the length of each element, 0 for any
	Depth    uint8  // of a TypeValue
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

// The types of a payload. BE is network byte order, LE little-endian, the others
// are in host order.
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
	U16LE
	U32LE
	U64LE
	Uint // 4 or 8 bytes
	Sint // 4 or 8 bytes
	String
	Address   // IPv4 or IPv6, in network byte order
	HWAddr    // link-layer address
	BitField  // struct nla_bitfield32
	StructT   // a C struct; kernels of other ages send shorter and longer ones
	StructArr // an array of a C struct
	Arr       // an array of Elem
	Tail      // a C struct followed by addresses or other bytes
	NestT     // attributes, behind a fixed struct if there is one
	SubMsg    // what a selector decides about
	Sequence  // elements of a struct and attributes, with a length in front
	Indexed   // attributes whose types are indexes, each an Elem
	TypeValue // Depth levels of attributes whose types are values, then attributes
)

// A SubMessage tells the formats of an attribute by the value of another, the
// selector, which stands in the same set or further out, before or behind it.
type SubMessage struct {
	Selector string
	Formats  []Format
}

// A Format is the meaning of a sub-message for one selector value.
type Format struct {
	Value  string  // of a string selector, the name of a scalar one
	Num    uint64  // of a scalar selector
	Header *Struct // fixed header before the attributes, or nil
	Nested SetRef  // nil: no attributes are inside
}

// A Variant is another meaning that an attribute has where a member of the
// message's fixed header has a value (ifi_family is AF_BRIDGE).
type Variant struct {
	Off, Size int
	Type      Type // of the member
	Is        uint64
	Attr      Attr
}

func (a *Attr) variant(header []byte) *Attr {
	for i := range a.Variants {
		v := &a.Variants[i]
		if v.Off+v.Size > len(header) {
			continue
		}
		is := uint64(header[v.Off])
		if v.Size != 1 { // nearly all are an address family
			is = scalar(header[v.Off:], v.Type, v.Size)
		}
		if is == v.Is {
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
	// TailOff and TailSize are where a header says how many bytes follow it before
	// the attributes; TailSize is 0 if there are none (struct nduseroptmsg has them).
	TailOff, TailSize int
	TailType          Type
}

// A Member is a member of a Struct.
type Member struct {
	Name string
	Off  int
	Len  int // bytes
	Type Type
	Enum *Enum
	// Struct is the type of a member that is a struct itself.
	Struct *Struct
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

func (t Type) order() binary.ByteOrder {
	switch t {
	case U16BE, U32BE, U64BE:
		return binary.BigEndian
	case U16LE, U32LE, U64LE:
		return binary.LittleEndian
	}
	return binary.NativeEndian
}

// size is the length of a scalar of fixed size, 0 for other types.
func (t Type) size() int {
	switch t {
	case U8, S8:
		return 1
	case U16, S16, U16BE, U16LE:
		return 2
	case U32, S32, U32BE, U32LE:
		return 4
	case U64, S64, U64BE, U64LE:
		return 8
	}
	return 0
}

// scalar reads the first n bytes of b as an unsigned number.
func scalar(b []byte, t Type, n int) uint64 {
	if n > len(b) {
		return 0
	}
	o := t.order()
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
