package fuzz

import (
	"testing"

	"github.com/nlwire/nlwire/rtattr"
)

func FuzzAgain(f *testing.F) {
	for _, m := range recorded(f) {
		switch m.Type() {
		case rtattr.RTM_NEWADDR, rtattr.RTM_NEWROUTE, rtattr.RTM_NEWRULE, rtattr.RTM_NEWNEXTHOP, rtattr.RTM_NEWNEIGH, rtattr.RTM_NEWLINK:
			f.Add([]byte(m))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := Again(b[:len(b):len(b)]); err != nil {
			t.Error(err)
		}
	})
}
