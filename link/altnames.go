package link

import (
	"iter"
	"slices"
	"strings"
)

// AltNames are the alternative names of a link, in the order in which they were
// given to it. AltNames can be compared; the zero AltNames are none.
type AltNames struct {
	s string // each name with a NUL behind it
}

// AltNamesOf returns names as AltNames.
func AltNamesOf(names ...string) AltNames {
	return altNamesOf(slices.Values(names))
}

func altNamesOf[T string | []byte](names iter.Seq[T]) AltNames {
	var b strings.Builder
	for name := range names {
		b.WriteString(string(name))
		b.WriteByte(0)
	}
	return AltNames{b.String()}
}

// All yields the names.
func (a AltNames) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := a.s; s != ""; {
			name, rest, _ := strings.Cut(s, "\x00")
			if !yield(name) {
				return
			}
			s = rest
		}
	}
}

// String returns the names with spaces between them.
func (a AltNames) String() string {
	return strings.ReplaceAll(strings.TrimSuffix(a.s, "\x00"), "\x00", " ")
}
