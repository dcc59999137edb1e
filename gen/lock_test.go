package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// locked generates a table under a lock.
func locked(t *testing.T, l *lock, file string, table []byte) (lockReport, map[string][]byte) {
	t.Helper()
	m, report, err := lockModel(t, l, file, table)
	if err != nil {
		t.Fatal(err)
	}
	files, err := m.files(pack{name: "addr", dir: "example.com/addr", q: "rtattr."})
	if err != nil {
		t.Fatal(err)
	}
	return report, files
}

func lockModel(t *testing.T, l *lock, file string, table []byte) (*model, lockReport, error) {
	t.Helper()
	s, err := parseSpec(file, table)
	if err != nil {
		t.Fatal(err)
	}
	return newModel([]*spec{s}, false, nil, l)
}

// exported returns what a user of the generated files can name: constants, types
// and their fields, functions and methods.
func exported(t *testing.T, files map[string][]byte) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	add := func(prefix string, ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() && (prefix == "" || token.IsExported(prefix)) {
				names[prefix+id.Name] = true
			}
		}
	}
	for name, b := range files {
		if strings.HasSuffix(name, "_test.go") || filepath.Ext(name) != ".go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, b, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				prefix := ""
				if d.Recv != nil {
					ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok {
							prefix = id.Name + "."
						}
						return true
					})
				}
				add(prefix, d.Name)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						add("", s.Names...)
					case *ast.TypeSpec:
						add("", s.Name)
						if st, ok := s.Type.(*ast.StructType); ok {
							for _, f := range st.Fields.List {
								add(s.Name.Name+".", f.Names...)
							}
						}
					}
				}
			}
		}
	}
	return names
}

func missing(from, in map[string]bool) []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for name := range from {
			if !in[name] && !yield(name, true) {
				return
			}
		}
	})))
}

// TestLockRenames wants a table in which everything has another name to keep every
// Go name of the one before.
func TestLockRenames(t *testing.T) {
	a := archives(t, "lock/rename.txtar")[0]
	v1, v2 := a.Files[0].Data, a.Files[1].Data

	l := &lock{file: "names.lock"}
	report, files := locked(t, l, "v1.yaml", v1)
	if len(report.gone) > 0 || len(report.renamed) > 0 {
		t.Errorf("an empty lock: %v, %v", report.gone, report.renamed)
	}
	old := exported(t, files)
	first := l.bytes()
	a.want(t, "v1.lock", first)

	_, files = locked(t, &lock{}, "v2.yaml", v2)
	if gone := missing(old, exported(t, files)); len(gone) < 40 {
		t.Errorf("without the lock only these names go, the test shows little: %v", gone)
	}

	l, err := parseLock("names.lock", first)
	if err != nil {
		t.Fatal(err)
	}
	if again := l.bytes(); !bytes.Equal(again, first) {
		t.Errorf("read and written again:\n%s", again)
	}
	report, files = locked(t, l, "v2.yaml", v2)
	if gone := missing(old, exported(t, files)); len(gone) > 0 {
		t.Errorf("Go names that have gone: %v", gone)
	}
	if len(report.gone) > 0 {
		t.Errorf("gone from the lock: %v", report.gone)
	}
	second := l.bytes()
	a.want(t, "v2.lock", second)
	a.want(t, "v2.renamed", []byte(strings.Join(report.renamed, "\n")+"\n"))

	if l, err = parseLock("names.lock", second); err != nil {
		t.Fatal(err)
	}
	report, again := locked(t, l, "v2.yaml", v2)
	if len(report.gone) > 0 || len(report.renamed) > 0 || !bytes.Equal(l.bytes(), second) {
		t.Errorf("a second run changes the lock: %v, %v\n%s", report.gone, report.renamed, l.bytes())
	}
	if !maps.EqualFunc(files, again, bytes.Equal) {
		t.Error("a second run generates something else")
	}

	// Back to the first: what only the second has is gone.
	report, files = locked(t, l, "v1.yaml", v1)
	if gone := missing(old, exported(t, files)); len(gone) > 0 {
		t.Errorf("back again, Go names that have gone: %v", gone)
	}
	var gone []string
	for _, err := range report.gone {
		gone = append(gone, err.Error())
	}
	a.want(t, "v1.gone", []byte(strings.Join(gone, "\n")+"\n"))
}

// TestLockConflict wants a go-name that differs from the lock to be refused: one of
// the two would be ignored.
func TestLockConflict(t *testing.T) {
	const table = "name: x\nattribute-sets: [{name: a, attributes: [{name: id, go-name: Ident, type: u8}]}]\noperations: {list: [{name: get, attribute-set: a}]}\n"
	l, err := parseLock("names.lock", []byte("set\tx:1\tA\ta\n\t1\tX_A_A_ID ID\tid\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = lockModel(t, l, "x.yaml", []byte(table))
	const want = "names.lock:2: 1 of set x:1 is ID here, and Ident by its table: change the one or the other"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestLockGone wants a lock to tell of every name that goes, and of sets that
// become one.
func TestLockGone(t *testing.T) {
	const text = `table	x		x
	1	X_GET	get
	2	X_SET	set
set	x:1	A	a
	1	X_A_A_ID ID	id
	9	X_A_A_OLD Old	old
set	x:1.1	B	b
set	x:1.2	C	c
set	y:1	D	d
`
	l, err := parseLock("names.lock", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, report, err := lockModel(t, l, "x.yaml", []byte(`name: x
attribute-sets:
  - name: a
    attributes: [{name: id, type: nest, nested-attributes: n}, {name: pad, type: pad}, {name: other, type: nest, nested-attributes: n}]
  - {name: n, attributes: []}
operations: {list: [{name: get, attribute-set: a}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, err := range report.gone {
		got = append(got, err.Error())
	}
	const want = `names.lock:8: no set is at x:1.2 any more, and C goes with it; delete the block if that is meant
names.lock:9: no set is at y:1 any more, and D goes with it; delete the block if that is meant
names.lock:3: 2 of table x has gone, and X_SET with it; delete the line if that is meant
names.lock:6: 9 of set x:1 has gone, and X_A_A_OLD Old with it; delete the line if that is meant`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}

	l, err = parseLock("names.lock", []byte("set\tx:1.1\tB\tb\nset\tx:1.3\tC\tc\n"))
	if err != nil {
		t.Fatal(err)
	}
	const both = `name: x
attribute-sets:
  - name: a
    attributes: [{name: id, type: nest, nested-attributes: n}, {name: pad, type: pad}, {name: other, type: nest, nested-attributes: n}]
  - {name: n, attributes: []}
operations: {list: [{name: get, attribute-set: a}]}
`
	_, report, err = lockModel(t, l, "x.yaml", []byte(both))
	if err != nil || len(report.gone) != 1 || report.gone[0].Error() != `names.lock:2: x:1.1 and x:1.3 are one set now, "n": delete one of the blocks` {
		t.Errorf("two sets that are one: %v, %v", report.gone, err)
	}
}

// TestLockFile wants a file that gen did not write to be refused line by line.
func TestLockFile(t *testing.T) {
	_, err := parseLock("names.lock", []byte("# head\n\t1\tA\ta\n\nset\tx:1\tA\ta\n\t1\tA_B B\tb\n\t1\tA_C C\tc\nset x:2 B b\nset\tx:1\tA\ta\n"))
	const want = `names.lock:2: an item before the first block
names.lock:6: a second line of set x:1 1
names.lock:7: not a block (kind, place, Go name, name) nor an item (key, Go names, name)
names.lock:8: a second line of set x:1`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	file := filepath.Join(t.TempDir(), "names.lock")
	l, err := readLock(file)
	if err != nil || len(l.blocks) != 0 {
		t.Errorf("no file: %v, %v", l, err)
	}
	write(t, file, "set\tx:1\tA\ta\n")
	if l, err = readLock(file); err != nil || len(l.blocks) != 1 || l.blocks[0].names[0] != "A" {
		t.Errorf("%v, %v", l, err)
	}
}

// TestLockTables wants the package's own tables to be the same under a lock of
// their own names, and every exported method and constant to be in it.
func TestLockTables(t *testing.T) {
	paths, err := filepath.Glob("tables/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no tables, ", err)
	}
	load := func(l *lock) (*model, lockReport) {
		var specs []*spec
		for _, p := range paths {
			s, err := readSpec(p, "")
			if err != nil {
				t.Fatal(err)
			}
			specs = append(specs, s)
		}
		m, report, err := newModel(specs, true, nil, l)
		if err != nil {
			t.Fatal(err)
		}
		return m, report
	}
	p := pack{name: "rtattr", dir: module + "/rtattr"}
	m, _ := load(&lock{})
	want, err := m.files(p)
	if err != nil {
		t.Fatal(err)
	}
	l := &lock{file: "names.lock"}
	for range 2 {
		m, report := load(l)
		if len(report.gone) > 0 || len(report.renamed) > 0 {
			t.Errorf("%v, %v", report.gone, report.renamed)
		}
		got, err := m.files(p)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(got, want, bytes.Equal) {
			t.Error("the lock changes what is generated")
		}
		if l, err = parseLock("names.lock", l.bytes()); err != nil {
			t.Fatal(err)
		}
	}
	held := map[string]bool{}
	for _, k := range l.blocks {
		for _, x := range append(k.lines, &k.line) {
			for _, name := range x.names {
				held[name] = true
			}
		}
	}
	// What every set, enum or struct has, under its own name.
	derived := regexp.MustCompile(`^(Append(.+)|(.+)(Encoder|View|Set)|.*\.(End|Parse|ParseAttrs|Attrs|Header|Tail|Append|String|Elem)|Msg(Set|Name))$`)
	for name := range exported(t, want) {
		short := name[strings.LastIndex(name, ".")+1:]
		if d := derived.FindStringSubmatch(name); d != nil && (d[2]+d[3] == "" || held[d[2]+d[3]]) {
			continue
		}
		if !held[short] {
			t.Errorf("%s is not in the lock", name)
		}
	}
}
