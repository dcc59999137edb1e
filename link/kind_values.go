package link

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
)

// Values is a list of values that cannot change and can be compared. Like [Opt]
// it may be absent, which the zero Values is; a list without values is one too.
type Values[T element] struct {
	s  string // of each value the length, 4 bytes, and the value
	ok bool
}

type element interface {
	netip.Addr | HardwareAddr | rtattr.VLANQoSMapping
}

// ValuesOf returns a list that is there: link.ValuesOf[link.HardwareAddr]() is an
// empty one.
func ValuesOf[T element](v ...T) Values[T] {
	var s []byte
	for _, x := range v {
		at := len(s)
		s = appendElement(append(s, 0, 0, 0, 0), x)
		binary.BigEndian.PutUint32(s[at:], uint32(len(s)-at-4))
	}
	return Values[T]{string(s), true}
}

func appendElement[T element](b []byte, x T) []byte {
	switch x := any(x).(type) {
	case netip.Addr:
		b, _ = x.AppendBinary(b) // which never fails
	case HardwareAddr:
		b = append(b, x.b[:x.n]...)
	case rtattr.VLANQoSMapping:
		b = x.Append(b)
	}
	return b
}

// next cuts the first value off s, which is not empty.
func next[T element](s string) (x T, rest string) {
	n := int(uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3]))
	v, rest := s[4:4+n], s[4+n:]
	switch p := any(&x).(type) {
	case *netip.Addr:
		var b [16]byte
		switch copy(b[:], v) {
		case 4:
			*p = netip.AddrFrom4([4]byte(b[:4]))
		case 16:
			*p = netip.AddrFrom16(b).WithZone(v[16:])
		}
	case *HardwareAddr:
		p.n = uint8(copy(p.b[:], v))
	case *rtattr.VLANQoSMapping:
		var b [8]byte
		copy(b[:], v)
		p.Parse(b[:])
	}
	return x, rest
}

// Present reports whether there is a list.
func (l Values[T]) Present() bool { return l.ok }

// All returns the values in their order.
func (l Values[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for s := l.s; s != ""; {
			var x T
			if x, s = next[T](s); !yield(x) {
				return
			}
		}
	}
}

// String returns "[192.0.2.1 192.0.2.2]", or "-" if there is no list.
func (l Values[T]) String() string {
	if !l.ok {
		return "-"
	}
	return fmt.Sprint(slices.Collect(l.All()))
}
