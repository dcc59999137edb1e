package rtnl

import (
	"errors"
	"iter"
	"runtime"
	"slices"
	"testing"
)

// dump yields 1 and 2, and ErrDumpInterrupted at the end of the first bad ones.
func dump(asked *int, bad int) iter.Seq2[*int, error] {
	return func(yield func(*int, error) bool) {
		*asked++
		for i := 1; i <= 2; i++ {
			if !yield(&i, nil) {
				return
			}
		}
		if *asked <= bad {
			yield(nil, ErrDumpInterrupted)
		}
	}
}

func TestCollect(t *testing.T) {
	double := func(v *int) (int, error) { return 2 * *v, nil }
	for bad, wantErr := range []error{nil, nil, nil, ErrDumpInterrupted, ErrDumpInterrupted} {
		asked := 0
		list, err := Collect(dump(&asked, bad), double)
		if !slices.Equal(list, []int{2, 4}) || !errors.Is(err, wantErr) || asked != min(bad+1, 3) {
			t.Errorf("%d interrupted: %v, %v after %d dumps", bad, list, err, asked)
		}
	}
	odd := errors.New("odd")
	asked := 0
	list, err := Collect(dump(&asked, 0), func(v *int) (int, error) {
		if *v%2 == 1 {
			return 0, odd
		}
		return *v, nil
	})
	if !slices.Equal(list, []int{2}) || !errors.Is(err, odd) || asked != 1 {
		t.Errorf("%v, %v after %d dumps", list, err, asked)
	}
}

// perEntry are the bytes that the test itself takes for each entry.
var perEntry = 64

// A list of any length is complete, and takes little more than twice its memory.
func TestCollectLong(t *testing.T) {
	type large [16]int
	for _, n := range []int{0, 1, 16, 17, 48, 49, 4096, 8176, 50000} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		list, err := Collect(func(yield func(*int, error) bool) {
			for i := range n {
				if !yield(&i, nil) {
					return
				}
			}
		}, func(v *int) (large, error) { return large{*v}, nil })
		runtime.ReadMemStats(&after)
		if err != nil || len(list) != n || n == 0 && list != nil {
			t.Fatalf("%d of %d: %v", len(list), n, err)
		}
		for i, v := range list {
			if v[0] != i {
				t.Fatalf("%d: entry %d is %d", n, i, v[0])
			}
		}
		const size = 16 * 8
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(2*size*n+size*4096+perEntry*n+4096); got > most {
			t.Errorf("%d entries took %d bytes, want at most %d", n, got, most)
		}
	}
}
