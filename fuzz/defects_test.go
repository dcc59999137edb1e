package fuzz

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testFiles parses the test files of a folder of the module.
func testFiles(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = f
	}
	return files
}

// tests returns the test and fuzz functions of a file.
func tests(f *ast.File) map[string]*ast.FuncDecl {
	all := map[string]*ast.FuncDecl{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || len(fn.Type.Params.List) != 1 {
			continue
		}
		ptr, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		sel, ok := ptr.X.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if sel.Sel.Name == "T" && strings.HasPrefix(name, "Test") || sel.Sel.Name == "F" && strings.HasPrefix(name, "Fuzz") {
			all[name] = fn
		}
	}
	return all
}

// subtests are the strings of a function, and of the variables of its package that it
// looks at, as the names of subtests.
func subtests(files map[string]*ast.File, fn *ast.FuncDecl) map[string]bool {
	names, found := map[string]bool{}, map[string]bool{}
	look := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			names[n.Name] = true
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				found[strings.ReplaceAll(s, " ", "_")] = true
			}
		}
		return true
	}
	ast.Inspect(fn.Body, look)
	used := names
	names = map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if slices.ContainsFunc(v.Names, func(n *ast.Ident) bool { return used[n.Name] }) {
					ast.Inspect(v, look)
				}
			}
		}
	}
	return found
}

var (
	// An issue, or the number or name of a defect without one.
	identifier = regexp.MustCompile(`^([A-Za-z-]+#[0-9]+|B-[VJ][0-9]*(-[a-z]+)*|F-[VJM]+(-[a-z0-9]+)+)$`)
	testLink   = regexp.MustCompile(`^\[([a-z/0-9]+)\.((?:Test|Fuzz)[A-Za-z0-9]*)(?:/([^\]]+))?\]\(([^)]+)\)$`)
)

// cells returns the cells of a row of a table, none for other lines.
func cells(line string) []string {
	if !strings.HasPrefix(line, "| ") || !strings.HasSuffix(line, " |") {
		return nil
	}
	parts := strings.Split(line[2:len(line)-2], " | ")
	if strings.Trim(parts[0], "-|") == "" {
		return nil
	}
	return parts
}

// TestDefects wants every row of the page to have a test that exists, each identifier
// to be in one row, and each test that was written for a peer's defect to be in the page.
func TestDefects(t *testing.T) {
	page, err := os.ReadFile("defects.md")
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]map[string]*ast.File{}
	rows, linked := map[string]int{}, map[string]bool{}
	listed := map[string]bool{}
	ours, count := false, 0 // ours is a table of defects
	fenced := false         // the list of identifiers
	for i, line := range strings.Split(string(page), "\n") {
		complain := func(format string, args ...any) {
			t.Helper()
			t.Errorf("defects.md:%d: "+format, append([]any{i + 1}, args...)...)
		}
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			for _, id := range strings.Fields(line) {
				if listed[id] {
					complain("%s is listed twice", id)
				}
				listed[id] = true
			}
			continue
		}
		parts := cells(line)
		if parts == nil {
			if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|-") {
				complain("no row: %s", line)
			}
			continue
		}
		if parts[0] == "which" {
			ours = len(parts) == 4
			continue
		}
		if want := map[bool]int{true: 4, false: 2}[ours]; len(parts) != want {
			complain("%d cells, want %d", len(parts), want)
			continue
		}
		for _, id := range strings.Split(parts[0], ", ") {
			if !identifier.MatchString(id) {
				complain("%q is no identifier", id)
			}
			if at := rows[id]; at != 0 {
				complain("%s is in line %d too", id, at)
			}
			rows[id] = i + 1
		}
		for _, text := range parts[1:] {
			if len(text) < 10 {
				complain("%s says nothing: %q", parts[0], text)
			}
		}
		if !ours {
			continue
		}
		count++
		for _, link := range strings.Split(parts[3], ", ") {
			m := testLink.FindStringSubmatch(link)
			if m == nil {
				complain("%s: %q is no link to a test", parts[0], link)
				continue
			}
			pkg, name, sub, file := m[1], m[2], m[3], path.Join("fuzz", m[4])
			if path.Dir(file) != pkg {
				complain("%s is in %s, not in %s", name, path.Dir(file), pkg)
				continue
			}
			if packages[pkg] == nil {
				packages[pkg] = testFiles(t, pkg)
			}
			f := packages[pkg][path.Base(file)]
			if f == nil {
				complain("there is no %s", file)
				continue
			}
			fn := tests(f)[name]
			if fn == nil {
				complain("%s has no %s", file, name)
				continue
			}
			if sub != "" && !subtests(packages[pkg], fn)[sub] {
				complain("%s has no subtest %s", name, sub)
			}
			linked[pkg+"."+name] = true
		}
	}
	if fenced {
		t.Error("defects.md: the list of identifiers has no end")
	}
	if count < 90 {
		t.Errorf("defects.md: %d rows", count)
	}
	for id, line := range rows {
		if !listed[id] {
			t.Errorf("defects.md:%d: %s is not in the list of identifiers", line, id)
		}
	}
	for id := range listed {
		if rows[id] == 0 {
			t.Errorf("defects.md: %s has no row", id)
		}
	}
	for _, dir := range folders(t) {
		for file, f := range testFiles(t, dir) {
			if !strings.Contains(file, "defects") && file != "peers_test.go" || dir == "fuzz" {
				continue
			}
			for name := range tests(f) {
				if !linked[dir+"."+name] {
					t.Errorf("defects.md: no row has %s of %s/%s", name, dir, file)
				}
			}
		}
	}
}

// folders returns those of the module that have tests.
func folders(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../"); strings.HasSuffix(name, "_test.go") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestNoCopiedTargets: of the five fuzz targets of jsimonetti/rtnetlink four decode the
// message of the first (issue J#140).
func TestNoCopiedTargets(t *testing.T) {
	n := 0
	for _, dir := range folders(t) {
		bodies := map[string]string{}
		for _, f := range testFiles(t, dir) {
			for name, fn := range tests(f) {
				if !strings.HasPrefix(name, "Fuzz") {
					continue
				}
				n++
				var b bytes.Buffer
				if err := format.Node(&b, token.NewFileSet(), fn.Body); err != nil {
					t.Fatal(err)
				}
				if other, ok := bodies[b.String()]; ok {
					t.Errorf("%s: %s and %s do the same", dir, name, other)
				}
				bodies[b.String()] = name
			}
		}
	}
	if n < 100 {
		t.Errorf("%d targets", n)
	}
}
