package fuzz

import (
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
)

// Check returns what the tables of rtattr have against a message, nil if
// nothing: lengths of attributes, bytes that are none, types that no table has.
func Check(m rtattr.Msg) error {
	set := messageSet(m)
	if set == nil {
		return fmt.Errorf("no table has message type %d", m.Type())
	}
	if h := set.Header; h != nil && len(m.Payload()) > 0 && len(m.Payload()) < h.Size {
		return fmt.Errorf("%s has %d bytes, there are %d", h.Name, h.Size, len(m.Payload()))
	}
	for n := range set.Walk(m) {
		switch {
		case n.Err != nil:
			return fmt.Errorf("%s: %w", set.Path(m, n.Off), n.Err)
		case n.Form == rtattr.IsAttr && n.Attr == nil && n.Set != nil:
			return fmt.Errorf("%s: not in the table", set.Path(m, n.Off))
		}
	}
	return nil
}
