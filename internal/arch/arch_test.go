// Package arch holds the rules about who imports whom, as a test.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nlwire/nlwire"

// mayImport lists what each package of the module may import, from the module
// and from other modules. The standard library is free to all.
var mayImport = map[string][]string{
	"rtattr":            {},
	"rtnl":              {"rtattr", "internal/netns", "github.com/mdlayher/netlink", "golang.org/x/sys/unix"},
	"rtattr/rtattrtest": {"rtattr"},
	"rtnl/genl":         {"rtattr", "github.com/mdlayher/netlink"},
	"rtnl/rtnltest":     {"rtattr", "rtnl", "golang.org/x/sys/unix"},
	"address":           {"rtattr", "rtnl", "internal/flush", "golang.org/x/sys/unix"},
	"neigh":             {"rtattr", "rtnl", "internal/flush"},
	"rule":              {"rtattr", "rtnl", "internal/flush"},
	"link":              {"rtattr", "rtnl", "golang.org/x/sys/unix"},
	"encap":             {"rtattr"},
	"route":             {"rtattr", "rtnl", "encap", "golang.org/x/sys/unix"},
	"nexthop":           {"rtattr", "rtnl", "encap", "golang.org/x/sys/unix"},
	"tun":               {"rtattr", "rtnl", "address", "link", "route", "internal/netns", "golang.org/x/sys/unix", "golang.org/x/sys/cpu"},
	"gen":               {"go.yaml.in/yaml/v3"},
	"fuzz":              {"rtattr", "address", "link", "neigh", "nexthop", "route", "rule", "internal/netns", "internal/vm/plan", "golang.org/x/sys/unix", "github.com/jsimonetti/rtnetlink/v2", "github.com/mdlayher/netlink", "github.com/google/go-cmp/cmp", "github.com/google/go-cmp/cmp/cmpopts"},
	"fuzz/campaign":     {"golang.org/x/tools/txtar"},
	"fuzz/seeds":        {"rtattr", "internal/golden"},
	"internal/arch":     {},
	"internal/readme":   {},
	"internal/golden":   {"rtattr", "rtnl", "golang.org/x/tools/txtar"},
	"internal/verify":   {"rtattr", "rtnl", "rtnl/genl", "github.com/mdlayher/netlink"},
	"internal/netns":    {"golang.org/x/sys/unix"},
	"internal/nstest":   {"internal/private", "internal/netns", "golang.org/x/sys/unix"},
	"internal/private":  {"golang.org/x/sys/unix"},
	"internal/optguard": {"rtattr", "rtnl", "internal/netns", "internal/nstest", "golang.org/x/sys/unix"},

	"internal/flush":     {"rtattr", "rtnl"},
	"internal/roundtrip": {"rtattr", "rtnl", "internal/golden", "internal/nstest"},

	"internal/kernelspecs": {},
	"internal/sizes":       {"rtattr"},

	"internal/vm":      {"internal/vm/plan"},
	"internal/vm/init": {"internal/vm/plan", "golang.org/x/sys/unix"},
	"internal/vm/plan": {},

	"internal/vm/matrix": {},

	"internal/golden/record": {"internal/golden", "internal/private", "golang.org/x/sys/unix"},
	"internal/demo":          {"rtattr", "rtnl", "address", "route", "internal/private"},
	"internal/demo/demotest": {},
	"examples":               {},
	"examples/pointopoint":   {"rtattr", "rtnl", "address", "link", "route", "tun", "internal/demo"},
	"examples/tunping":       {"rtattr", "rtnl", "address", "link", "tun", "internal/demo"},
	"examples/tunforward":    {"rtattr", "rtnl", "address", "link", "tun", "internal/demo", "internal/netns"},
}

// A pkg is what go list tells of a package.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Module       *struct{ Path string }
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func TestImports(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("%s: a new package needs a row in mayImport", name)
			continue
		}
		for _, i := range p.Imports {
			if !standard(i) && !slices.Contains(allowed, strings.TrimPrefix(i, module+"/")) {
				t.Errorf("%s imports %s", name, i)
			}
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			switch short := strings.TrimPrefix(i, module+"/"); {
			case short == "gen" || short == "fuzz":
				t.Errorf("%s imports %s", name, i)
			case strings.HasPrefix(i, "github.com/jsimonetti/") && name != "fuzz":
				t.Errorf("%s imports %s: only fuzz may", name, i)
			}
		}
		for _, word := range []string{"util", "utils", "common", "types", "helpers"} {
			if path.Base(name) == word {
				t.Errorf("%s is no name for a package", name)
			}
		}
	}
}

// TestConsumer lists what comes along with the packages that users import.
func TestConsumer(t *testing.T) {
	modules := map[string]bool{}
	for _, p := range list(t, "-deps", "./link", "./address", "./neigh", "./route", "./rule", "./nexthop", "./tun") {
		if !p.Standard && p.Module != nil {
			modules[p.Module.Path] = true
		}
	}
	want := []string{module, "github.com/mdlayher/netlink", "github.com/mdlayher/socket", "golang.org/x/net", "golang.org/x/sync", "golang.org/x/sys"}
	for m := range modules {
		if !slices.Contains(want, m) {
			t.Errorf("a program that imports link, address, neigh, route, rule and tun builds %s", m)
		}
	}
	for _, m := range want {
		if !modules[m] {
			t.Errorf("%s is listed here, but not built", m)
		}
	}
}

// TestLinked wants a program that only adds an address not to carry the tables of
// links and routes, nor their methods.
func TestLinked(t *testing.T) {
	file := path.Join(t.TempDir(), "address")
	cmd := exec.Command("go", "build", "-o", file, "./internal/sizes/testdata/address")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "tool", "nm", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(out)) {
		_, name, ok := strings.Cut(line, module+"/rtattr.")
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		found = found || name == "AddrSet"
		for _, other := range []string{"Link", "Route", "VXLAN", "Bridge", "Neigh"} {
			if strings.HasPrefix(strings.TrimLeft(name, "(*"), other) {
				t.Errorf("%s is linked into a program that only adds an address", name)
			}
		}
	}
	if !found {
		t.Error("AddrSet is not there: nm shows something else")
	}
}

// TestUnsafe wants messages to be read and written without unsafe: no struct is laid
// over bytes of another length.
func TestUnsafe(t *testing.T) {
	pkgs := list(t, "./rtattr", "./encap", "./link", "./address", "./neigh", "./route", "./rule", "./nexthop")
	if len(pkgs) != 8 {
		t.Errorf("%d packages", len(pkgs))
	}
	for _, p := range pkgs {
		if slices.Contains(p.Imports, "unsafe") {
			t.Errorf("%s imports unsafe", p.ImportPath)
		}
	}
}
