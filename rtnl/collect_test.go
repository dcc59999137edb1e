package rtnl

import (
	"errors"
	"iter"
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
