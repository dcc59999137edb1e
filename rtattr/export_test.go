package rtattr

import (
	"fmt"
)

// Walk calls f with each attribute of a message's payload that a table has, and
// returns what the tables do not explain.
func Walk(set *Set, payload []byte, f func(s *Set, typ uint16)) (odd []string) {
	w := walker{f: f}
	if n := set.headerLen(payload); n > len(payload) {
		w.oddf("%s", set.BadHeader(set.Header, len(payload)))
	}
	w.attrs(newScope(set, payload), set.Name)
	return w.odd
}

type walker struct {
	f   func(s *Set, typ uint16)
	odd []string
}

func (w *walker) oddf(format string, args ...any) {
	w.odd = append(w.odd, fmt.Sprintf(format, args...))
}

func (w *walker) attrs(s *scope, path string) {
	if s.elems != nil {
		for b := s.attrs; len(b) > 0; {
			n := elemLen(b, s.elems.Size)
			if n == 0 {
				w.oddf("%s: no complete %s", path, s.elems.Name)
				return
			}
			w.attrs(s.elem(b[s.elems.Size:n]), path+"[]")
			b = b[min(align4(n), len(b)):]
		}
		return
	}
	for b := s.attrs; len(b) > 0; {
		n, reason := frameLen(b)
		if reason != "" {
			w.oddf("%s: %s", path, reason)
			return
		}
		raw := host.Uint16(b[2:])
		w.attr(s, path, raw&NLA_TYPE_MASK, raw&NLA_F_NESTED != 0, b[attrHeaderLen:n])
		b = b[min(align4(n), len(b)):]
	}
}

func (w *walker) attr(s *scope, path string, typ uint16, flagged bool, payload []byte) {
	path += s.name(typ)
	a := s.attr(typ)
	if s.each == nil && a != nil {
		w.f(s.set, typ)
	}
	switch {
	case a == nil:
		w.oddf("%s: no table has it: % x", path, payload)
	case a.Type == Unused:
		w.oddf("%s: unused, but here it is: % x", path, payload)
	case a.Sub != nil && s.format(a.Sub) == nil:
		w.oddf("%s: no format for selector %q", path, s.selector(a.Sub))
	case s.nested(typ, flagged):
		w.attrs(s.enter(typ, payload), path)
	case flagged && len(payload) > 0:
		w.oddf("%s: attributes, but not in the table", path)
	case !a.fits(len(payload)):
		w.oddf("%s: %s", path, a.lengths(len(payload)))
	}
}
