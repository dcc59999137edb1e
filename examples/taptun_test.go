// Package examples holds what is to be read beside the programs in its folders.
package examples

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTapTun compiles what taptun.md says: each cell of the columns called nlwire,
// and each program.
func TestTapTun(t *testing.T) {
	page, err := os.ReadFile("taptun.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, programs := extract(t, string(page))
	if len(rows) < 40 || len(programs) != 3 {
		t.Errorf("%d rows and %d programs: the page is read wrongly", len(rows), len(programs))
	}

	// What is compiled seems to be in folders of this module.
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// This compiles and does not link.
	args := []string{"list", "-export", "-overlay", filepath.Join(dir, "overlay.json")}
	add := func(name, source string) {
		file := filepath.Join(dir, name+".go")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(here, name, "main.go")] = file
		args = append(args, "./"+name)
	}
	add("taptun-rows", harness(t, rows))
	for i, p := range programs {
		add(fmt.Sprintf("taptun-program%d", i+1), p)
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A row is the line of the page and the Go in its second column.
type row struct {
	line int
	code string
}

func extract(t *testing.T, page string) (rows []row, programs []string) {
	t.Helper()
	var program *strings.Builder
	fenced := false
	line := 0
	for text := range strings.Lines(page) {
		line++
		text = strings.TrimRight(text, "\n")
		switch {
		case strings.HasPrefix(text, "```") && fenced:
			if program != nil {
				programs = append(programs, program.String())
			}
			program, fenced = nil, false
		case strings.HasPrefix(text, "```"):
			fenced = true
			if text == "```go" {
				program = new(strings.Builder)
			}
		case program != nil:
			program.WriteString(text + "\n")
		case !fenced && strings.HasPrefix(text, "| "):
			cells := strings.Split(strings.ReplaceAll(text, `\|`, "OR"), "|")
			if len(cells) != 5 {
				t.Errorf("line %d: %d cells", line, len(cells)-2)
				continue
			}
			code := strings.TrimSpace(cells[2])
			if code == "nlwire" || code == "none" {
				continue
			}
			inner, ok := strings.CutPrefix(code, "`")
			inner, ok2 := strings.CutSuffix(inner, "`")
			if !ok || !ok2 || strings.Contains(inner, "`") {
				t.Errorf("line %d: %q is not one piece of code", line, code)
				continue
			}
			rows = append(rows, row{line, inner})
		}
	}
	return rows, programs
}

// harness makes a file of the rows, in which each has what the page promises.
func harness(t *testing.T, rows []row) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, p := range []string{"context", "errors", "io/fs", "net/netip", "os", "time", "github.com/nlwire/nlwire/address",
		"github.com/nlwire/nlwire/link", "github.com/nlwire/nlwire/rtnl", "github.com/nlwire/nlwire/tun"} {
		fmt.Fprintf(&b, "\t%q\n", p)
	}
	b.WriteString(")\n\nfunc main() {}\n\nvar links rtnl.Object[int32, string]\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "\nfunc _(ctx context.Context, conn *rtnl.Conn, dev *tun.Device, q *tun.Queue, b []byte, bufs [][]byte, sizes []int, f *os.File, err error) {\n"+
			"\t{\n//line taptun.md:%d\n%s\n", r.line, r.code)
		for _, name := range defined(t, r) {
			fmt.Fprintf(&b, "_ = %s\n", name)
		}
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

// defined returns the variables that a row defines and does not use.
func defined(t *testing.T, r row) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+r.code+"\n}", 0)
	if err != nil {
		t.Errorf("line %d: %v", r.line, err)
		return nil
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, x := range a.Lhs {
				if id := x.(*ast.Ident); id.Name != "_" {
					names = append(names, id.Name)
				}
			}
		}
		return true
	})
	return names
}
