package arch

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/api")

// TestAPI wants what each package exports to be what testdata/api says, so that
// a change of it is seen in review. Of rtattr it is the part that is written by
// hand: names.lock and rtattr.txt list what is generated.
func TestAPI(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if p.Name == "main" || strings.Contains("/"+name, "/internal/") {
			continue
		}
		file := filepath.Join("testdata", "api", strings.ReplaceAll(name, "/", "_")+".txt")
		seen[file] = true
		got := exported(t, p)
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s exports something else than %s: go test ./internal/arch -run API -update\n%s", name, file, changed(want, got))
		}
	}
	files, err := filepath.Glob("testdata/api/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f] {
			t.Errorf("%s is of no package", f)
		}
	}
}

// changed lists the lines that only one of two texts has.
func changed(was, now []byte) string {
	a, b := strings.Split(string(was), "\n"), strings.Split(string(now), "\n")
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, "- "+s)
		}
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			out = append(out, "+ "+s)
		}
	}
	return strings.Join(out, "\n")
}

// exported returns what a package exports as Go without comments.
func exported(t *testing.T, p pkg) []byte {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		b, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte("// Code generated ")) {
			continue
		}
		f, err := parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, p.ImportPath)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("package " + d.Name + "\n")
	decl := func(x ast.Decl) {
		switch x := x.(type) {
		case *ast.FuncDecl:
			x.Doc, x.Body = nil, nil
		case *ast.GenDecl:
			x.Doc = nil
		}
		ast.Inspect(x, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				n.Doc, n.Comment = nil, nil
			case *ast.ValueSpec:
				n.Doc, n.Comment = nil, nil
				for _, v := range n.Values {
					ast.Inspect(v, func(x ast.Node) bool {
						if f, ok := x.(*ast.FuncLit); ok {
							f.Body = &ast.BlockStmt{}
						}
						return true
					})
				}
			case *ast.TypeSpec:
				n.Doc, n.Comment = nil, nil
			}
			return true
		})
		out.WriteByte('\n')
		var b bytes.Buffer
		if err := format.Node(&b, token.NewFileSet(), x); err != nil {
			t.Fatal(err)
		}
		out.Write(b.Bytes())
		out.WriteByte('\n')
	}
	values := func(all []*doc.Value) {
		for _, v := range all {
			decl(v.Decl)
		}
	}
	funcs := func(all []*doc.Func) {
		for _, f := range all {
			decl(f.Decl)
		}
	}
	values(d.Consts)
	values(d.Vars)
	funcs(d.Funcs)
	for _, x := range d.Types {
		decl(x.Decl)
		values(x.Consts)
		values(x.Vars)
		funcs(x.Funcs)
		funcs(x.Methods)
	}
	return out.Bytes()
}
