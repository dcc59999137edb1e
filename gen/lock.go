package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A lock is the Go names of a package.
type lock struct {
	file   string
	blocks []*lockBlock
}

// A lockBlock is a set, enum, struct ... and what is in it.
type lockBlock struct {
	line
	kind  string
	lines []*line
}

// A line is one thing with Go names.
type line struct {
	num   int // in the file, 0 if new
	key   string
	names []string
	name  string // in the spec
}

// A lockNode is a thing of a model that contains others with Go names.
type lockNode struct {
	id     any // the same however it is reached
	kind   string
	name   string // in the spec
	idents []ident
	items  func() []lockItem
	edges  []lockEdge
	subset bool
}

// A lockItem is an attribute, entry, member ... in a lockNode.
type lockItem struct {
	key    string
	name   string
	idents []ident
}

// An ident is a Go name.
type ident struct {
	now  func() string // as the model has it
	said *string       // where a table, or the lock, says another one than the rule
	from func() string // whose name it takes where nothing is said; nil for none
}

func (id ident) give(name string) {
	if id.now() != name {
		*id.said = name
	}
}

// A lockEdge leads from a lockNode to another one.
type lockEdge struct {
	step   string
	to     *lockNode
	byName bool // for what no message leads to
}

// step makes a step of a word, which may have a dot in it.
func step(prefix, word string) string {
	return prefix + strings.NewReplacer("%", "%25", ".", "%2e").Replace(word)
}

// readLock reads a lock. A file that does not exist is an empty one.
func readLock(file string) (*lock, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &lock{file: file}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseLock(file, b)
}

const lockHead = "# The Go names of this package, by what the kernel sees. Written by gen, see its documentation.\n"

func parseLock(file string, b []byte) (*lock, error) {
	l := &lock{file: file}
	seen := map[string]bool{}
	var errs []error
	wrong := func(num int, what string) {
		errs = append(errs, fmt.Errorf("%s:%d: %s", file, num, what))
	}
	num := 0
	for text := range strings.Lines(string(b)) {
		num++
		text = strings.TrimSuffix(text, "\n")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		f := strings.Split(text, "\t")
		if len(f) != 4 {
			wrong(num, "not a block (kind, place, Go name, name) nor an item (key, Go names, name)")
			continue
		}
		x := line{num: num, key: f[1], names: strings.Fields(f[2]), name: f[3]}
		item := f[0] == ""
		if !item {
			l.blocks = append(l.blocks, &lockBlock{line: x, kind: f[0]})
		} else if len(l.blocks) == 0 {
			wrong(num, "an item before the first block")
			continue
		}
		last := l.blocks[len(l.blocks)-1]
		place := last.kind + "\t" + last.key
		if item {
			last.lines = append(last.lines, &x)
			place += "\t" + x.key
		}
		if seen[place] {
			wrong(num, "a second line of "+strings.ReplaceAll(place, "\t", " "))
		}
		seen[place] = true
	}
	return l, errors.Join(errs...)
}

// bytes returns the lock as it stands in its file.
func (l *lock) bytes() []byte {
	var b bytes.Buffer
	b.WriteString(lockHead)
	for _, k := range l.blocks {
		fmt.Fprintf(&b, "\n%s\t%s\t%s\t%s\n", k.kind, k.key, strings.Join(k.names, " "), k.name)
		for _, x := range k.lines {
			fmt.Fprintf(&b, "\t%s\t%s\t%s\n", x.key, strings.Join(x.names, " "), x.name)
		}
	}
	return b.Bytes()
}

// A lockReport is what a model has to tell of the lock.
type lockReport struct {
	gone    []error  // lines whose place has gone, with a Go name
	renamed []string // what kept its Go name under a new name
}

// apply gives a model the names of the lock, lets the model name the rest, and
// gives these names to the lock. The tables are the roots of the model.
func (l *lock) apply(tables []*lockNode, rest func()) (report lockReport, err error) {
	p := pinner{lock: l, blocks: map[any]*lockBlock{}}
	for _, k := range slices.Clone(l.blocks) {
		p.resolve(tables, k)
	}
	for _, byName := range []bool{false, true} {
		for _, t := range tables {
			p.fresh(t, byName)
		}
	}
	for _, subset := range []bool{false, true} { // which has the names of others
		for _, n := range p.order {
			if n.subset == subset {
				p.items(n, p.blocks[n.id])
			}
		}
	}
	rest()
	for _, x := range p.pins {
		p.record(x)
	}
	return p.lockReport, errors.Join(p.errs...)
}

// A pinner gives names to a model.
type pinner struct {
	lockReport
	lock   *lock
	blocks map[any]*lockBlock // of the nodes in order
	order  []*lockNode
	pins   []pin
	errs   []error
}

// A pin is a thing of the model and its line.
type pin struct {
	*line
	what   string
	idents []ident
}

func (p *pinner) errorf(x *line, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.lock.file, x.num, fmt.Sprintf(format, args...))
}

// resolve finds what a block of the lock is in the model.
func (p *pinner) resolve(tables []*lockNode, k *lockBlock) {
	table, way, _ := strings.Cut(k.key, ":")
	var at []*lockNode
	for _, t := range tables {
		if t.name == table {
			at = append(at, t)
		}
	}
	for _, step := range strings.FieldsFunc(way, func(r rune) bool { return r == '.' }) {
		var next []*lockNode
		for _, n := range at {
			for _, e := range n.edges {
				if e.step == step {
					next = append(next, e.to)
				}
			}
		}
		at = next
	}
	i := slices.IndexFunc(at, func(n *lockNode) bool { return n.kind == k.kind })
	if i < 0 {
		p.gone = append(p.gone, p.errorf(&k.line, "no %s is at %s any more, and %s goes with it; delete the block if that is meant", k.kind, k.key, strings.Join(k.names, " ")))
		return
	}
	n := at[i]
	if other := p.blocks[n.id]; other != nil {
		p.gone = append(p.gone, p.errorf(&k.line, "%s and %s are one %s now, %q: delete one of the blocks", other.key, k.key, k.kind, n.name))
		return
	}
	p.take(n, k)
}

// take joins a node and its block.
func (p *pinner) take(n *lockNode, k *lockBlock) {
	p.blocks[n.id] = k
	p.order = append(p.order, n)
	p.pin(&k.line, k.kind+" "+k.key, n.name, n.idents)
}

// pin gives a thing its names in the lock.
func (p *pinner) pin(x *line, what, name string, idents []ident) {
	if x.name != name && len(x.names) > 0 {
		p.renamed = append(p.renamed, fmt.Sprintf("%s:%d: %s was %q and is %q now, it stays %s", p.lock.file, x.num, what, x.name, name, strings.Join(x.names, " ")))
	}
	x.name = name
	for i, id := range idents {
		switch {
		case i >= len(x.names):
			if id.from != nil && *id.said == "" {
				id.give(id.from())
			}
		case *id.said != "" && *id.said != x.names[i]:
			p.errs = append(p.errs, p.errorf(x, "%s is %s here, and %s by its table: change the one or the other", what, x.names[i], *id.said))
		default:
			id.give(x.names[i])
		}
	}
	p.pins = append(p.pins, pin{x, what, idents})
}

// record gives the lock the names that the model has in the end.
func (p *pinner) record(x pin) {
	for i, id := range x.idents {
		switch now := id.now(); {
		case i >= len(x.names):
			x.names = append(x.names, now)
		case now != x.names[i] && len(p.errs) == 0:
			p.errs = append(p.errs, p.errorf(x.line, "%s is %s here, and something else has that name: give it a go-name", x.what, x.names[i]))
		}
	}
	if n := len(x.idents); n < len(x.names) {
		p.gone = append(p.gone, p.errorf(x.line, "%s is no %s any more; delete the name if that is meant", x.what, strings.Join(x.names[n:], " ")))
	}
}

// fresh adds what is reached from a table and has no block yet, the nearest first.
func (p *pinner) fresh(table *lockNode, byName bool) {
	type reached struct {
		n   *lockNode
		way string
	}
	queue := []reached{{table, ""}}
	for seen := map[any]bool{table.id: true}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if p.blocks[at.n.id] == nil {
			k := &lockBlock{kind: at.n.kind, line: line{key: table.name, name: at.n.name}}
			if at.way != "" {
				k.key += ":" + at.way
			}
			p.lock.blocks = append(p.lock.blocks, k)
			p.take(at.n, k)
		}
		for _, e := range at.n.edges {
			if !seen[e.to.id] && (byName || !e.byName) {
				seen[e.to.id] = true
				queue = append(queue, reached{e.to, strings.TrimPrefix(at.way+"."+e.step, ".")})
			}
		}
	}
}

// items gives the items of a node their names, and its block what is new.
func (p *pinner) items(n *lockNode, k *lockBlock) {
	all := n.items()
	for _, x := range k.lines {
		i := slices.IndexFunc(all, func(it lockItem) bool { return it.key == x.key })
		what := fmt.Sprintf("%s of %s %s", x.key, k.kind, k.key)
		if i < 0 {
			p.gone = append(p.gone, p.errorf(x, "%s has gone, and %s with it; delete the line if that is meant", what, strings.Join(x.names, " ")))
			continue
		}
		p.pin(x, what, all[i].name, all[i].idents)
		all = slices.Delete(all, i, i+1)
	}
	for _, it := range all {
		x := &line{key: it.key, name: it.name}
		k.lines = append(k.lines, x)
		p.pin(x, "", it.name, it.idents)
	}
}
