package neigh

import (
	"math"
	"strconv"
)

// A Number is a number of up to 63 bits, or none: that is its zero value.
type Number int64

// Zero is the Number 0.
const Zero Number = -1

// NumberOf returns the Number of n. One that does not fit is the largest that does.
func NumberOf(n uint64) Number {
	if n == 0 {
		return Zero
	}
	return Number(min(n, math.MaxInt64))
}

// Value returns the number, and whether there is one.
func (n Number) Value() (uint64, bool) {
	if n == Zero {
		return 0, true
	}
	return uint64(n), n != 0
}

// String returns "77", "0", "" for none.
func (n Number) String() string {
	v, ok := n.Value()
	if !ok {
		return ""
	}
	return strconv.FormatUint(v, 10)
}
