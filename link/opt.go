package link

import "fmt"

// An Opt is a value that may be absent, where zero is a value of its own. The
// zero Opt is absent. Opts can be compared.
type Opt[T comparable] struct {
	v  T
	ok bool
}

// Some returns v as a value that is there: link.Some[uint32](0).
func Some[T comparable](v T) Opt[T] { return Opt[T]{v, true} }

// Get returns the value and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.v, o.ok }

// String returns the value, or "-" if there is none.
func (o Opt[T]) String() string {
	if !o.ok {
		return "-"
	}
	return fmt.Sprint(o.v)
}

// bit is 1 for true: many flags are numbers on the wire.
func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
