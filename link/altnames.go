package link

import (
	"bytes"
	"iter"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// AltNames are the alternative names of a link, in the order in which they were
// given to it. AltNames can be compared; the zero AltNames are none.
type AltNames struct {
	s string // each name with a NUL behind it
}

// AltNamesOf returns names as AltNames.
func AltNamesOf(names ...string) AltNames {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name)
		b.WriteByte(0)
	}
	return AltNames{b.String()}
}

func parseAltNames(v *rtattr.PropListView) AltNames {
	var buf [256]byte
	b := buf[:0]
	for typ, name := range v.Attrs().All() {
		if typ == rtattr.IFLA_ALT_IFNAME {
			name, _, _ = bytes.Cut(name, []byte{0})
			b = append(append(b, name...), 0)
		}
	}
	return AltNames{string(b)}
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
