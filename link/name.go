package link

import (
	"fmt"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

const (
	maxName    = 15  // IFNAMSIZ-1
	maxAltName = 127 // ALTIFNAMSIZ-1
)

// badName returns what is wrong with the name of an interface, as dev_valid_name
// in net/core/dev.c sees it.
func badName(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxName:
		return fmt.Sprintf("the name has %d bytes, at most %d fit", len(name), maxName)
	case name == "." || name == "..":
		return fmt.Sprintf("the name is %q", name)
	}
	for _, c := range []byte(name) {
		switch c {
		case 0, '/', ':', ' ', '\t', '\n', '\v', '\f', '\r', 0xa0: // isspace, lib/ctype.c
			return fmt.Sprintf("the name contains %q", []byte{c})
		}
	}
	return ""
}

// putName puts a name to look a link up by. IFLA_IFNAME finds alternative names
// too, but has no room for those that are longer (rtnl_dev_get).
func putName(w rtattr.LinkEncoder, name string) {
	switch {
	case name == "" || len(name) > maxAltName || strings.IndexByte(name, 0) >= 0:
		w.Encoder().Fail(fmt.Errorf("link: %q: no name of a link", name))
	case len(name) <= maxName:
		w.IfName(name)
	default:
		w.AltIfName(name)
	}
}
