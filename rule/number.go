package rule

import (
	"fmt"
	"math"
	"strconv"
)

// A Number is a number of 32 bits, or none: that is its zero value.
type Number int64

// Zero is the Number 0.
const Zero Number = -1

// NumberOf returns the Number of n.
func NumberOf(n uint32) Number {
	if n == 0 {
		return Zero
	}
	return Number(n)
}

// Value returns the number, and whether there is one.
func (n Number) Value() (uint32, bool) {
	if n == Zero {
		return 0, true
	}
	return uint32(n), n != 0
}

// String returns "77", "0", "" for none.
func (n Number) String() string {
	switch n {
	case 0:
		return ""
	case Zero:
		return "0"
	}
	return strconv.FormatInt(int64(n), 10)
}

// outside returns what is wrong with n, whose largest value is limit.
func (n Number) outside(name string, limit uint32) string {
	if n < Zero || n > Number(limit) {
		return fmt.Sprintf("%s is %d, not in 0 to %d", name, int64(n), limit)
	}
	return ""
}

// without returns what n is in a field where mask is what the kernel makes of none.
func (n Number) without(mask uint32) Number {
	if n == Number(mask) {
		return 0
	}
	return n
}

const (
	maxNumber    = math.MaxUint32
	maxDSCP      = 1<<6 - 1
	maxFlowLabel = 1<<20 - 1
)
