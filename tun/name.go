//go:build linux

package tun

import (
	"strings"

	"golang.org/x/sys/unix"
)

// A template holds one %d, for which the kernel puts the lowest free number.
const verb = "%d"

// checkName applies the kernel's rules (net/core/dev.c, dev_valid_name and
// __dev_alloc_name) before the kernel can: it cuts a long name without a word.
// The error is a *cause.
func checkName(name string, template bool) error {
	bad := func(text string) error { return &cause{text: text, errs: []error{unix.EINVAL}} }
	switch {
	case name == "":
		return bad("a device needs a name")
	case len(name) >= unix.IFNAMSIZ:
		return bad("the name is too long: the kernel takes 15 bytes")
	case name == "." || name == "..":
		return bad("this name means a folder in sysfs: choose another one")
	case strings.IndexByte(name, 0) >= 0:
		return bad("the name holds a NUL byte, where it would be cut")
	}
	for i := range len(name) {
		switch c := name[i]; c {
		case '/', ':':
			return bad("the name holds " + string(c) + ": choose another one")
		// 0xA0 is a space in Latin-1, and to the kernel; it is the second byte of "à".
		case ' ', '\t', '\n', '\v', '\f', '\r', 0xA0:
			return bad("the name holds a byte that is a space to the kernel: choose another one")
		}
	}
	if n := strings.Count(name, "%"); n > 0 {
		if !template {
			return bad("a template does not name a device: give the name itself")
		}
		if n > 1 || !strings.Contains(name, verb) {
			return bad("a template holds one %d and no other %")
		}
	}
	return nil
}

// instance reports whether name is what template stands for.
func instance(template, name string) bool {
	prefix, suffix, ok := strings.Cut(template, verb)
	if !ok {
		return name == template
	}
	number, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	number, ok = strings.CutSuffix(number, suffix)
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
