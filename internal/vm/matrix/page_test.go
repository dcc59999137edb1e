package matrix

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what was found")

const pageFile = "../proven.txt"

// TestPage wants the page to be made of what testdata holds.
func TestPage(t *testing.T) {
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("%d kernels, want two at least", len(all))
	}
	got := Page(all)
	if *update {
		if err := os.WriteFile(pageFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./internal/vm/matrix -update", pageFile)
	}
}

func TestParse(t *testing.T) {
	f := newFacts()
	f.Kernel, f.Release = "6.1", "6.1.0-1"
	f.Kinds["vlan"] = "created"
	f.Encaps["mpls"] = "created, deleted"
	f.Messages["addr-add"] = "Error: with: a colon."
	f.Attributes["RTM_NEWLINK IFLA_LINKINFO IFLA_INFO_DATA(vlan) IFLA_VLAN_ID"] = Same
	got, err := Parse("x", f.Format())
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, f)
	}
	for text, want := range map[string]string{
		"kind vlan created\n":            "x:1: ",
		"# a\nrelease 6: 1\nmood x: y\n": "x:3: ",
		"kind vlan: created\n":           "no release",
	} {
		if _, err := Parse("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The page says where kernels differ, and counts.
func TestTable(t *testing.T) {
	a, b := newFacts(), newFacts()
	a.Kernel, b.Kernel = "6.1", "6.12"
	a.Messages = map[string]string{"same": "ok", "new": "Error: no.", "both": "Error: no."}
	b.Messages = map[string]string{"same": "ok", "new": "ok", "both": "Error: no."}
	a.Attributes = map[string]string{"A": Same, "B": Accepted}
	b.Attributes = map[string]string{"A": Same, "B": Same, "C": Present}
	page := string(Page([]*Facts{a, b}))
	for _, want := range []string{
		"  new  Error: no.  ok\n",
		"refuses alike: 1\n        6.1         6.12\n  both  Error: no.  Error: no.\n",
		"Attributes that differ between the kernels: 2\n",
		"  B  accepted   read back\n",
		"  C  -          read back changed\n",
		"1 of 3 messages ok, 2 attributes taken, 1 of them read back as sent\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "  same ") {
		t.Errorf("a message without a difference is in\n%s", page)
	}
}
