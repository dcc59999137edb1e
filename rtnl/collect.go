package rtnl

import (
	"errors"
	"iter"
	"slices"
	"unsafe"
)

// tries is how often Collect asks if objects change while they are listed.
const tries = 3

// Collect makes a list of owned values of the views of a dump: the List of an
// object is Collect of its All and Parse. A dump that ends in ErrDumpInterrupted,
// or that had an entry larger than the buffer, which then grows, is asked for
// again, three times in all; each range over all sends it anew.
//
// An error beside a view is about one entry, one with a nil view is the end of a
// list. All errors are returned, joined, and beside them what could be read.
func Collect[V, T any](all iter.Seq2[*V, error], parse func(*V) (T, error)) ([]T, error) {
	for try := 1; ; try++ {
		var list chunks[T]
		var errs []error
		for v, err := range all {
			if err != nil {
				errs = append(errs, err)
			}
			if v == nil {
				continue
			}
			if x, err := parse(v); err != nil {
				errs = append(errs, err)
			} else {
				list.append(x)
			}
		}
		err := errors.Join(errs...)
		var cut *truncatedError
		if try == tries || !errors.Is(err, ErrDumpInterrupted) && !errors.As(err, &cut) {
			return list.all(), err
		}
	}
}

// Chunks are a list of unknown length: each value is copied once, not each time
// that a slice grows.
type chunks[T any] struct {
	full [][]T
	last []T
}

func (c *chunks[T]) append(x T) {
	if len(c.last) == cap(c.last) {
		const first, most = 16, 4096
		if c.last != nil {
			c.full = append(c.full, c.last)
		}
		c.last = fresh[T](min(max(2*cap(c.last), first), most))
	}
	c.last = append(c.last, x)
}

func (c *chunks[T]) all() []T {
	if c.full == nil {
		return slices.Clip(c.last)
	}
	full, n := append(c.full, c.last), 0
	for _, chunk := range full {
		n += len(chunk)
	}
	list := fresh[T](n)
	for _, chunk := range full {
		list = append(list, chunk...)
	}
	return list
}

// fresh returns room for n values, in pages that are there.
//
// A write barrier reads the pointers that are replaced. The first read of a page
// maps the kernel's page of zeros, so that the write that follows faults once more,
// and flushes the TLBs of all processors: half the time of a long list.
func fresh[T any](n int) []T {
	s := make([]T, 0, n)
	var one T
	start := unsafe.Pointer(unsafe.SliceData(s))
	for i := uintptr(0); i < uintptr(n)*unsafe.Sizeof(one); i += 4096 {
		*(*byte)(unsafe.Add(start, i)) = 0
	}
	return s
}
