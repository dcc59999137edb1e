//go:build linux

package tun

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel's answer to every one of these names is checked by TestNames.
var names = []struct {
	name  string
	wrong string // part of the error, "" if the name is good
}{
	{"tun0", ""},
	{"t", ""},
	{"fifteen-bytes-x", ""},
	{"t-._~!@#$&*()[]", ""},
	{"é0", ""}, // C3 A9
	{"...", ""},
	{"\x01", ""},
	{"tt%d", ""},
	{"%d", ""},
	{"thirteen-byt%d", ""},
	{"t%dx", ""},
	{"sixteen-bytes-xy", "15 bytes"},
	{"fourteen-byte%d-", "15 bytes"},
	{strings.Repeat("x", 1000), "15 bytes"},
	{".", "sysfs"},
	{"..", "sysfs"},
	{"t/0", "holds /"},
	{"t:0", "holds :"},
	{"t 0", "space"},
	{"t0\n", "space"},
	{"\t", "space"},
	{"\v", "space"},
	{"\f", "space"},
	{"\r", "space"},
	{"à0", "space"}, // C3 A0
	{"t\x000", "NUL"},
	{"t%d%d", "one %d"},
	{"t%s", "one %d"},
	{"t%", "one %d"},
	{"%%d", "one %d"},
	{"t%5d", "one %d"},
}

func TestCheckName(t *testing.T) {
	for _, c := range names {
		err := checkName(c.name, true)
		if c.wrong == "" {
			if err != nil {
				t.Errorf("%q: %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.wrong) || !errors.Is(err, unix.EINVAL) {
			t.Errorf("%q: %v, want EINVAL and %q", c.name, err, c.wrong)
		}
	}
	if err := checkName("", true); err == nil {
		t.Error("no name: no error")
	}
	if err := checkName("tun%d", false); err == nil || !strings.Contains(err.Error(), "template") {
		t.Errorf("a template where a name is wanted: %v", err)
	}
}

func TestInstance(t *testing.T) {
	for _, c := range []struct {
		template, name string
		want           bool
	}{
		{"tun0", "tun0", true},
		{"tun0", "tun1", false},
		{"tun%d", "tun0", true},
		{"tun%d", "tun123", true},
		{"tun%d", "tun", false},
		{"tun%d", "tunx", false},
		{"tun%d", "tap0", false},
		{"%d", "7", true},
		{"a%db", "a0b", true},
		{"a%da", "a", false},
		{"abcdefghijk%dxx", "abcdefghijk100x", false}, // cut
	} {
		if got := instance(c.template, c.name); got != c.want {
			t.Errorf("instance(%q, %q) = %v", c.template, c.name, got)
		}
	}
}
