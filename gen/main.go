package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	pathpkg "path"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "report stale output, write nothing")
	strict := flag.Bool("strict", false, "unknown keys and other oddities of a specification are errors, not warnings")
	out := flag.String("o", "", "`directory` of the package to write (without SPEC: rtattr)")
	pkg := flag.String("pkg", "", "`name` of the package, if it is not the directory's")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `usage: gen [-check]                                            package rtattr from gen/tables
       gen [-strict] [-check] -o DIR [-pkg NAME] SPEC [OVERLAY]   a package from one specification
`)
		flag.PrintDefaults()
	}
	flag.Parse()
	err := run(job{tables: "gen/tables", out: *out, pkg: *pkg, spec: flag.Arg(0), overlay: flag.Arg(1), strict: *strict, check: *check})
	if flag.NArg() > 2 {
		err = fmt.Errorf("one SPEC and one OVERLAY, not %d files", flag.NArg())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lockFile has the Go names of a package, beside its code.
const lockFile = "names.lock"

// A job is one run of gen.
type job struct {
	tables        string // directory of the package's own tables
	out, pkg      string
	spec, overlay string // of a package from one specification
	strict, check bool
}

func run(j job) error {
	own := j.spec == ""
	switch {
	case own && j.out == "":
		j.out = "rtattr"
	case j.out == "":
		return errors.New("-o DIR is missing")
	}
	if j.pkg == "" {
		abs, err := filepath.Abs(j.out)
		if err != nil {
			return err
		}
		j.pkg = filepath.Base(abs)
	}
	if !token.IsIdentifier(j.pkg) || j.pkg == "_" {
		return fmt.Errorf("%q is no name for a package: use -pkg", j.pkg)
	}
	specs, err := j.specs()
	if err != nil {
		return err
	}
	taken, err := declared(j.out)
	if err != nil {
		return err
	}
	l, err := readLock(filepath.Join(j.out, lockFile))
	if err != nil {
		return err
	}
	m, report, err := newModel(specs, own || j.strict, taken, l)
	if err = errors.Join(append(report.gone, err)...); err != nil {
		return err
	}
	for _, w := range m.warns {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	for _, w := range report.renamed {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	p := pack{name: j.pkg, dir: module + "/rtattr"}
	if !own {
		p.q = "rtattr."
		if p.dir, err = importPath(j.out); err != nil {
			return err
		}
	}
	want, err := m.files(p)
	if err != nil {
		return err
	}
	want[lockFile] = l.bytes()
	if j.check {
		return compare(j.out, want)
	}
	return store(j.out, want)
}

// specs reads the tables of the job.
func (j job) specs() ([]*spec, error) {
	files := []string{j.spec}
	if j.spec == "" {
		var err error
		if files, err = filepath.Glob(filepath.Join(j.tables, "*.yaml")); err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s: no tables", j.tables)
		}
	}
	var specs []*spec
	var errs []error
	for _, f := range files {
		s, err := readSpec(f, j.overlay)
		errs = append(errs, err)
		specs = append(specs, s)
	}
	return specs, errors.Join(errs...)
}

// declared returns the names that the hand-written files of a directory declare.
func declared(dir string) (map[string]Pos, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	names := map[string]Pos{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(file, "_test.go") || isGenerated(b) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, b, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			for _, id := range identifiers(d) {
				names[id] = Pos{file: filepath.ToSlash(file)}
			}
		}
	}
	return names, nil
}

func identifiers(d ast.Decl) []string {
	var ids []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			ids = append(ids, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				ids = append(ids, s.Name.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					ids = append(ids, id.Name)
				}
			}
		}
	}
	return ids
}

// importPath asks the go command for the import path of a directory, which may
// have no Go file yet.
func importPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	at, rest := abs, ""
	for {
		if st, err := os.Stat(at); err == nil && st.IsDir() {
			break
		}
		at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest)
	}
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Path}}\n{{.Dir}}")
	cmd.Dir = at
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	b, err := cmd.Output()
	path, root, ok := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if err != nil || !ok {
		return "", fmt.Errorf("%s is in no Go module: go mod init there first", dir)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", err
	}
	if at, err = filepath.EvalSymlinks(at); err != nil {
		return "", err
	}
	below, err := filepath.Rel(root, at)
	if err != nil {
		return "", err
	}
	return pathpkg.Join(path, filepath.ToSlash(below), filepath.ToSlash(rest)), nil
}

// A pack is the package that is written.
type pack struct {
	name string
	dir  string // import path
	q    string // qualifier of the runtime, "" in package rtattr
}

// files writes the files of the package.
func (m *model) files(p pack) (map[string][]byte, error) {
	var errs []error
	want := map[string][]byte{}
	add := func(name, pkg, from string, write func(*emitter)) {
		g := &emitter{m: m, pkg: pkg, dir: p.dir, q: p.q}
		write(g)
		b, err := g.source(from)
		errs = append(errs, err)
		want[name] = b
	}
	from := "tables"
	for _, s := range m.specs {
		base := strings.ReplaceAll(strings.TrimPrefix(s.Name, "rt-"), "-", "_")
		file := "tables/" + filepath.Base(s.file)
		if p.q != "" {
			file, from = filepath.Base(s.file), filepath.Base(s.file)
		}
		add(base+"_gen.go", p.name, file, func(g *emitter) { g.spec(s) })
		add(base+"_gen_test.go", p.name+"_test", file, func(g *emitter) { g.tests(s) })
	}
	add("msg_gen.go", p.name, from, (*emitter).messages)
	add("allocs_gen_test.go", p.name+"_test", from, (*emitter).allocsTest)
	if p.q == "" {
		add("numbers_gen_test.go", p.name, from, (*emitter).numbersTest)
	}
	want[p.name+".txt"] = m.page()
	if err := errors.Join(m.errs...); err != nil {
		return nil, err // what is written is wrong then
	}
	return want, errors.Join(errs...)
}

// store writes the files and removes those that are no longer generated.
func store(dir string, want map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range stale(dir, want) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, b := range want {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare reports every file that generating would change.
func compare(dir string, want map[string][]byte) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s is missing: run go run ./gen", filepath.Join(dir, name)))
		case err != nil:
			errs = append(errs, err)
		case !bytes.Equal(got, want[name]):
			errs = append(errs, fmt.Errorf("%s is stale: run go run ./gen", filepath.Join(dir, name)))
		}
	}
	for _, name := range stale(dir, want) {
		errs = append(errs, fmt.Errorf("%s belongs to no table: run go run ./gen", filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

func isGenerated(b []byte) bool { return bytes.HasPrefix(b, []byte("// Code generated by gen ")) }

// stale returns the generated files in dir that are no longer generated.
func stale(dir string, want map[string][]byte) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	var names []string
	for _, f := range files {
		name := filepath.Base(f)
		b, err := os.ReadFile(f)
		if _, ok := want[name]; !ok && err == nil && isGenerated(b) {
			names = append(names, name)
		}
	}
	return names
}
