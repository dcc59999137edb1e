package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/nlwire/nlwire/internal/kernelspecs"
)

func parseNode(t testing.TB, b []byte) *yaml.Node {
	t.Helper()
	n := new(yaml.Node)
	if err := yaml.Unmarshal(b, n); err != nil {
		t.Fatal(err)
	}
	return n
}

// resolved returns a copy of n without aliases, which says on every line of the
// overlay that it is from there.
func resolved(n *yaml.Node, from origins) *yaml.Node {
	c := *content(n)
	c.Anchor, c.HeadComment, c.LineComment, c.FootComment = "", "", "", ""
	if _, ok := from[content(n)]; ok && c.Kind == yaml.ScalarNode {
		c.LineComment = fmt.Sprintf("# overlay:%d", c.Line)
	}
	c.Style &^= yaml.FlowStyle
	c.Content = nil
	for _, x := range content(n).Content {
		c.Content = append(c.Content, resolved(x, from))
	}
	if c.Kind == yaml.MappingNode {
		for i := 0; i < len(c.Content); i += 2 {
			c.Content[i].LineComment = ""
		}
	}
	return &c
}

func encode(t testing.TB, n *yaml.Node, from origins) []byte {
	t.Helper()
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(resolved(n, from)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var overlayPosition = regexp.MustCompile(`^[\w-]+\.yaml:[1-9]\d*:([1-9]\d*:)? `)

// TestOverlay applies each overlay of an archive to its spec.yaml: the result, or
// the errors, stand behind it there.
func TestOverlay(t *testing.T) {
	for _, a := range archives(t, "overlay/*.txtar") {
		spec := a.Files[0]
		if spec.Name != "spec.yaml" {
			t.Fatalf("%s: %s is first", a.path, spec.Name)
		}
		for _, f := range slices.Clone(a.Files[1:]) {
			name, isOverlay := strings.CutSuffix(f.Name, ".yaml")
			if !isOverlay {
				continue
			}
			t.Run(filepath.Base(a.path)+"/"+name, func(t *testing.T) {
				n := parseNode(t, spec.Data)
				before := encode(t, n, nil)
				from, err := applyOverlay(n, spec.Name, parseNode(t, f.Data), f.Name)
				if err == nil {
					a.want(t, name+".want", encode(t, n, from))
					return
				}
				if after := encode(t, n, nil); !bytes.Equal(before, after) {
					t.Errorf("an overlay with errors changes the spec:\n%s", after)
				}
				for line := range strings.Lines(err.Error()) {
					if !overlayPosition.MatchString(line) {
						t.Errorf("no position: %s", line)
					}
				}
				a.want(t, name+".err", []byte(err.Error()+"\n"))
			})
		}
	}
}

// numbers returns the number of every item of the numbered lists of a spec, by
// its name.
func numbers(t testing.TB, spec *yaml.Node) map[string]string {
	t.Helper()
	all := map[string]string{}
	var visit func(sh *shape, path string, n *yaml.Node)
	visit = func(sh *shape, path string, n *yaml.Node) {
		for key, inner := range sh.inside {
			v := value(n, key)
			switch {
			case v == nil:
			case inner.key == "":
				visit(inner, path+"/"+key, v)
			default:
				var c *counter
				if inner.count != nil {
					var err error
					if c, err = inner.count(n); err != nil {
						t.Fatal(err)
					}
				}
				for _, x := range v.Content {
					at := path + "/" + key + "/" + itemName(content(x), inner.key)
					got, err := c.number(x)
					if err != nil {
						t.Fatal(err)
					}
					var text string
					for _, num := range got {
						if num != nil {
							text += fmt.Sprint(*num)
						}
						text += " "
					}
					if c != nil {
						all[at] = text
					}
					if inner.item != nil {
						visit(inner.item, at, content(x))
					}
				}
			}
		}
	}
	visit(specShape, "", content(spec))
	return all
}

// TestOverlayNumbers deletes each item of a spec in turn, and puts one more behind
// it: the numbers of all others are what they were.
func TestOverlayNumbers(t *testing.T) {
	a := archives(t, "overlay/numbers.txtar")[0]
	spec := a.Files[0].Data
	was := numbers(t, parseNode(t, spec))
	if len(was) < 20 {
		t.Fatalf("only %d numbers", len(was))
	}
	family := value(content(parseNode(t, spec)), "name").Value
	for at := range was {
		parts := strings.Split(at, "/")[1:]
		name := parts[len(parts)-1]
		for _, correction := range []string{
			"!delete " + name,
			fmt.Sprintf("!add {name: new, $after: %s, value: 1000, type: u8}", name),
			fmt.Sprintf("!replace {name: %s, type: u8}", name),
		} {
			if parts[0] == "operations" && strings.HasPrefix(correction, "!replace") {
				continue // without its mode it has no number
			}
			over := "[" + correction + "]"
			for i := len(parts) - 2; i >= 0; i-- {
				switch {
				case value(parseNode(t, spec), parts[:i+1]...) != nil || i == 0 || parts[i] == "entries" || parts[i] == "attributes":
					over = "{" + parts[i] + ": " + over + "}"
				default:
					over = "[{name: " + parts[i] + ", " + strings.TrimPrefix(over, "{") + "]"
				}
			}
			over = "{name: " + family + ", " + strings.TrimPrefix(over, "{")
			n := parseNode(t, spec)
			if _, err := applyOverlay(n, "spec.yaml", parseNode(t, []byte(over)), "overlay.yaml"); err != nil {
				t.Errorf("%s: %v", over, err)
				continue
			}
			now := numbers(t, n)
			for other, num := range was {
				if got := now[other]; got != num && other != at {
					t.Errorf("%s: the number of %s is %q, was %q", over, other, got, num)
				}
			}
		}
	}
}

// TestOverlayCircle wants aliases that lead to themselves to be refused, in the spec
// where the overlay comes across them.
func TestOverlayCircle(t *testing.T) {
	const plain = "name: x\ndefinitions: [{name: a, type: enum, entries: [b]}]\n"
	const circle = "name: x\ndefinitions: &x [{name: a, type: enum, entries: *x}]\n"
	const was = "name: x\ndefinitions: [{name: a, $was: {entries: [b]}}]\n"
	for _, c := range []struct{ spec, overlay string }{{plain, circle}, {circle, was}} {
		_, err := applyOverlay(parseNode(t, []byte(c.spec)), "spec.yaml", parseNode(t, []byte(c.overlay)), "overlay.yaml")
		if err == nil || !strings.Contains(err.Error(), "anchor 'x' value contains itself") {
			t.Errorf("%s\n%v", c.overlay, err)
		}
	}
}

// TestOverlayOrigins wants an error of a corrected spec to name the file at fault.
func TestOverlayOrigins(t *testing.T) {
	n := parseNode(t, []byte("name: x\nattribute-sets:\n  - name: a\n    attributes: [{name: b, type: u8}]\n"))
	from, err := applyOverlay(n, "spec.yaml", parseNode(t, []byte("name: x\nattribute-sets: [{name: a, attributes: [{name: b, type: u16}]}]\n")), "overlay.yaml")
	if err != nil {
		t.Fatal(err)
	}
	attr := value(content(n), "attribute-sets").Content[0]
	attr = value(attr, "attributes").Content[0]
	if got := from.file(value(attr, "type"), "spec.yaml"); got != "overlay.yaml" || value(attr, "type").Line != 2 {
		t.Errorf("the type is from %s", got)
	}
	if got := from.file(value(attr, "name"), "spec.yaml"); got != "spec.yaml" {
		t.Errorf("the name is from %s", got)
	}
}

// TestOverlaySpecs deletes the first item of every numbered list of every construct:
// all others keep their numbers.
func TestOverlaySpecs(t *testing.T) {
	for _, a := range archives(t, "emit/*.txtar") {
		deleteFirst(t, a.path, a.Files[0].Data)
	}
}

// TestOverlayKernel is TestOverlaySpecs for the kernel's own.
func TestOverlayKernel(t *testing.T) {
	files, err := kernelspecs.List(kernelspecs.Need(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		deleteFirst(t, f, b)
	}
}

func deleteFirst(t *testing.T, file string, b []byte) {
	t.Helper()
	spec := parseNode(t, b)
	was := numbers(t, spec)
	over := map[string]any{"name": value(spec, "name").Value}
	deleted := map[string]bool{}
	// first returns the deletion of the first item of a list, if it is numbered.
	first := func(at string, list *yaml.Node) []*yaml.Node {
		if list == nil || len(list.Content) == 0 {
			return nil
		}
		name := itemName(content(list.Content[0]), "name")
		if was[at+name] == "" {
			return nil
		}
		deleted[at+name] = true
		return []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!delete", Value: name}}
	}
	for _, lists := range [][2]string{{"definitions", "entries"}, {"attribute-sets", "attributes"}} {
		all := value(spec, lists[0])
		if all == nil {
			continue
		}
		var items []any
		for _, x := range all.Content {
			name := itemName(content(x), "name")
			if gone := first("/"+lists[0]+"/"+name+"/"+lists[1]+"/", value(x, lists[1])); gone != nil {
				items = append(items, map[string]any{"name": name, lists[1]: gone})
			}
		}
		over[lists[0]] = items
	}
	over["operations"] = map[string]any{"list": first("/operations/list/", value(spec, "operations", "list"))}
	b, err := yaml.Marshal(over)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := applyOverlay(spec, file, parseNode(t, b), "overlay.yaml"); err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	now := numbers(t, spec)
	for at, num := range was {
		if now[at] != num && !deleted[at] {
			t.Errorf("%s: the number of %s is %q, was %q", file, at, now[at], num)
		}
	}
	if len(deleted) < 2 || len(now) != len(was)-len(deleted) {
		t.Errorf("%s: %d numbers, want %d without %d deleted", file, len(now), len(was), len(deleted))
	}
}
