package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	var x index
	for _, line := range []string{
		"m ip_gre /vm/ko/ip_gre.ko ip_tunnel,gre,ip_gre",
		"m veth /vm/ko/veth.ko veth",
		"m twofish /vm/ko/twofish.ko twofish",
		"m twofish_x86 /vm/ko/twofish_x86.ko twofish,twofish_x86",
		"a rtnl_link_gre ip_gre",
		"a rtnl_link_gretap ip_gre",
		"a twofish twofish_x86",
		"a nf_conntrack_[0-9] veth",
		"b ipv6",
	} {
		x = append(x, strings.Fields(line))
	}
	for name, want := range map[string][]string{
		"rtnl-link-gretap": {"ip_tunnel", "gre", "ip_gre"},
		"veth":             {"veth"},
		"twofish":          {"twofish", "twofish", "twofish_x86"}, // itself, and what calls itself so
		"nf-conntrack-7":   {"veth"},
		"ipv6":             nil, // there already
	} {
		got, err := x.find(name)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := x.find("rtnl-link-nosuch"); err == nil {
		t.Errorf("rtnl-link-nosuch: %v", got)
	}
}

// Marks begin lines, whatever tests print.
func TestMark(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := &lines{f: f}
	l.mark("start %d", 0)
	l.Write([]byte("no newline"))
	l.Write(nil)
	l.mark("end %d", 0)
	l.mark("done")
	got, err := os.ReadFile(f.Name())
	if want := "@@vm start 0\nno newline\n@@vm end 0\n@@vm done\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}
