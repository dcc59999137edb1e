// Sizes reports how large the generated code of package rtattr is: for each
// attribute set its attributes, lines and lines an attribute, the bytes of its
// compiled methods and of its name table; and what a program has to link.
//
//	go run ./internal/sizes
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

// A set is one attribute set.
type set struct {
	name         string
	attrs, lines int
	code, table  int
}

func run() error {
	sets, other, err := count("rtattr")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sizes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := compiled(dir, sets); err != nil {
		return err
	}
	rows := slices.SortedFunc(values(sets), func(a, b *set) int { return cmp.Or(b.attrs-a.attrs, strings.Compare(a.name, b.name)) })
	fmt.Printf("%-28s %6s %6s %10s %8s %8s\n", "set", "attrs", "lines", "lines/attr", "code B", "table B")
	var all set
	for _, s := range rows {
		fmt.Printf("%-28s %6d %6d %10.1f %8d %8d\n", s.name, s.attrs, s.lines, float64(s.lines)/float64(max(1, s.attrs)), s.code, s.table)
		all.attrs += s.attrs
		all.lines += s.lines
		all.code += s.code
		all.table += s.table
	}
	fmt.Printf("%-28s %6d %6d %10.1f %8d %8d\n\n", fmt.Sprint(len(rows), " sets"), all.attrs, all.lines, float64(all.lines)/float64(all.attrs), all.code, all.table)
	fmt.Printf("constants, enums and structs: %d lines more\n", other)
	return programs(dir)
}

func values(m map[string]*set) func(func(*set) bool) {
	return func(yield func(*set) bool) {
		for _, s := range m {
			if !yield(s) {
				return
			}
		}
	}
}

// count reads the generated files. A declaration belongs to the set whose encoder,
// view or description it is.
func count(dir string) (map[string]*set, int, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil {
		return nil, 0, err
	}
	fset := token.NewFileSet()
	sets := map[string]*set{}
	var decls []ast.Decl
	total := 0
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			return nil, 0, err
		}
		decls = append(decls, f.Decls...)
		total += fset.Position(f.End()).Line
		for _, d := range f.Decls {
			if name, ok := strings.CutSuffix(declared(d), "View"); ok {
				sets[name] = &set{name: name}
			}
		}
	}
	mine := 0
	for _, d := range decls {
		name := declared(d)
		for _, end := range []string{"Encoder", "View", "Set"} {
			if s := sets[strings.TrimSuffix(name, end)]; s != nil && strings.HasSuffix(name, end) {
				from := d.Pos()
				if doc := docOf(d); doc != nil {
					from = doc.Pos()
				}
				n := fset.Position(d.End()).Line - fset.Position(from).Line + 2 // with the empty line
				s.lines += n
				mine += n
				if end == "Set" {
					s.attrs, s.table = table(d)
				}
			}
		}
	}
	for _, s := range sets {
		s.lines += s.attrs // their constants
		mine += s.attrs
	}
	return sets, total - mine, nil
}

// declared is what a declaration is of: the receiver's type, or its own name.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			t := d.Recv.List[0].Type
			if p, ok := t.(*ast.StarExpr); ok {
				t = p.X
			}
			if id, ok := t.(*ast.Ident); ok {
				return id.Name
			}
		}
		if name, ok := strings.CutPrefix(d.Name.Name, "Append"); ok {
			return name + "Encoder"
		}
	case *ast.GenDecl:
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return s.Name.Name
		case *ast.ValueSpec:
			return s.Names[0].Name
		}
	}
	return ""
}

func docOf(d ast.Decl) *ast.CommentGroup {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

// table counts the attributes of a description, and their bytes in memory.
func table(d ast.Decl) (attrs, size int) {
	ast.Inspect(d, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if id, ok := kv.Key.(*ast.Ident); ok && id.Name == "Attrs" {
			attrs = len(kv.Value.(*ast.CompositeLit).Elts)
			return false
		}
		return true
	})
	return attrs, attrs * int(reflect.TypeFor[rtattr.Attr]().Size())
}

var method = regexp.MustCompile(`rtattr\.\(?\*?(\w+?)(Encoder|View)\)?\.`)

// compiled adds the code of every method.
func compiled(dir string, sets map[string]*set) error {
	archive := filepath.Join(dir, "rtattr.a")
	if out, err := exec.Command("go", "build", "-o", archive, "./rtattr").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	out, err := exec.Command("go", "tool", "nm", "-size", archive).Output()
	if err != nil {
		return err
	}
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		if len(f) < 4 || f[2] != "T" {
			continue
		}
		m := method.FindStringSubmatch(f[3])
		if m == nil || sets[m[1]] == nil {
			continue
		}
		n, err := strconv.Atoi(f[1])
		if err != nil {
			return err
		}
		sets[m[1]].code += n
	}
	return nil
}

// programs builds what users build, and looks at what they get.
func programs(dir string) error {
	size := map[string]int64{}
	for _, name := range []string{"empty", "address", "link"} {
		file := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", file, "./internal/sizes/testdata/"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		st, err := os.Stat(file)
		if err != nil {
			return err
		}
		size[name] = st.Size()
	}
	fmt.Printf("program that opens a connection: %d KiB; and adds an address: %d KiB more; and lists links: %d KiB more\n",
		size["empty"]>>10, (size["address"]-size["empty"])>>10, (size["link"]-size["empty"])>>10)
	return nil
}
