package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPlants wants every planted defect to fit the code, and its target to exist.
func TestPlants(t *testing.T) {
	t.Chdir("../..")
	all, err := plants(regexp.MustCompile("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Errorf("%d defects", len(all))
	}
	known, err := targets(context.Background(), regexp.MustCompile("."))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, x := range known {
		names[x.String()] = true
	}
	for _, p := range all {
		if _, err := p.overlay(t.TempDir()); err != nil {
			t.Error(err)
		}
		if !names["github.com/nlwire/nlwire/"+p.target.dir+"."+p.target.name] {
			t.Errorf("%s: there is no target %s %s", p.name, p.target.pkg, p.target.name)
		}
		if p.what == "" {
			t.Errorf("%s does not say what it is", p.name)
		}
	}
	if _, err := (plant{name: "x", file: "go.mod", old: "no such text"}).overlay(t.TempDir()); err == nil || !strings.Contains(err.Error(), "0 times in go.mod") {
		t.Error(err)
	}
}

// TestCampaign runs a target of its own, which fails, and one that does not.
func TestCampaign(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	// FUNC keeps them from passing for targets of this package.
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n",
		"x_test.go": `package x

import "testing"

FUNC FuzzFine(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }

FUNC FuzzBad(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 2 {
			t.Error("three bytes")
		}
	})
}
`} {
		if err := os.WriteFile(dir+"/"+name, []byte(strings.ReplaceAll(text, "FUNC", "func")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	ok, err := campaign(context.Background(), 2_000_000_000, out, ".", false)
	if err != nil || ok {
		t.Fatalf("%v, %v", ok, err)
	}
	summary, err := os.ReadFile(out + "/summary.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 targets, 1s each", "example.com/x.FuzzFine", "three bytes", "the input is in " + out + "/findings/FuzzBad/"} {
		if !strings.Contains(string(summary), want) {
			t.Errorf("no %q in\n%s", want, summary)
		}
	}
	if _, err := os.Stat(dir + "/testdata"); !os.IsNotExist(err) {
		t.Errorf("the finding was left in testdata: %v", err)
	}
	if _, err := campaign(context.Background(), 1, out, "nothing", false); err == nil {
		t.Error("no target is no error")
	}
}
