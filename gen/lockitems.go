package main

import (
	"fmt"
	"strconv"
)

// lock gives the model the Go names of l, and l what is new; in between the model
// names the rest.
func (m *model) lock(l *lock, rest func()) (lockReport, error) {
	g := lockGraph{m: m, nodes: map[any]*lockNode{}}
	var tables []*lockNode
	for _, s := range m.specs {
		tables = append(tables, g.table(s))
	}
	return l.apply(tables, func() {
		for _, s := range m.specs {
			for _, set := range s.Sets {
				for _, a := range set.Attrs {
					if of := set.inParent(a); of != nil {
						a.CName = of.CName // one constant serves both
					}
				}
			}
		}
		for _, do := range g.before {
			do()
		}
		rest()
	})
}

// inParent returns the attribute that an attribute of a subset is, nil if the set
// is none.
func (s *attrSet) inParent(a *attr) *attr {
	if s.parent == nil {
		return nil
	}
	for _, x := range s.parent.Attrs {
		if x.num == a.num {
			return x
		}
	}
	return nil
}

// A lockGraph is a model as the lock sees it: one node for each thing.
type lockGraph struct {
	m     *model
	nodes map[any]*lockNode

	before []func() // what to do with the lock's names before others are made
}

// node returns the node of id; fill makes it if there is none yet.
func (g *lockGraph) node(id any, kind, name string, fill func(*lockNode)) *lockNode {
	n := g.nodes[id]
	if n == nil {
		n = &lockNode{id: id, kind: kind, name: name, items: func() []lockItem { return nil }}
		g.nodes[id] = n
		fill(n)
	}
	return n
}

func (n *lockNode) edge(step string, to *lockNode) {
	n.edges = append(n.edges, lockEdge{step: step, to: to})
}

// table is all messages and constants of a table.
func (g *lockGraph) table(s *spec) *lockNode {
	return g.node(s, "table", s.Name, func(n *lockNode) {
		var items []lockItem
		for _, o := range s.Operations.List {
			at := strconv.Itoa(o.value)
			if o.value < 0 {
				at = "<" + strconv.Itoa(o.reply)
			}
			it := lockItem{at, o.Name, []ident{{now: func() string { return o.cName(s) }, said: &o.CName}}}
			if s.generic() && o.requests() {
				it.idents = append(it.idents, ident{now: o.goName, said: &o.GoName})
			}
			if o.value >= 0 || o.reply >= 0 {
				items = append(items, it)
			}
			if o.set != nil {
				n.edge(at, g.set(o.set))
			}
			if o.request != nil {
				n.edge(at+"?request", g.set(o.request))
			}
			if o.header != nil {
				n.edge(at, g.structure(o.header))
			}
		}
		for _, x := range s.McastGroups.List {
			items = append(items, lockItem{"group " + x.Name, x.Name, []ident{{now: func() string { return x.cName(s) }, said: &x.CName}}})
		}
		byName := func(name string, to *lockNode) {
			n.edges = append(n.edges, lockEdge{step("=", name), to, true})
		}
		for _, d := range s.Definitions {
			switch d.Type {
			case "const":
				if d.text {
					continue
				}
				items = append(items, lockItem{"=" + d.Name, d.Name, []ident{{now: func() string { return d.cConst(s.Name) }, said: &d.CName}}})
			case "struct":
				byName(d.Name, g.structure(d))
			default:
				byName(d.Name, g.enum(s, d))
			}
		}
		for _, set := range s.Sets {
			byName(set.Name, g.set(set))
		}
		n.items = func() []lockItem { return items }
	})
}

func (g *lockGraph) set(set *attrSet) *lockNode {
	return g.node(set, "set", set.Name, func(n *lockNode) {
		n.idents = []ident{{now: set.goName, said: &set.GoName}}
		n.subset = set.parent != nil
		for _, a := range set.Attrs {
			at := strconv.Itoa(a.num)
			g.attr(n, at, a)
			for _, v := range a.Variants {
				g.attr(n, at+v.at(), &v.attr)
			}
			if a.Request != nil {
				g.attr(n, at+"?request", a.Request)
			}
		}
		n.items = func() (items []lockItem) {
			for _, a := range set.Attrs {
				at := strconv.Itoa(a.num)
				it := lockItem{key: at, name: a.Name}
				method := ident{now: a.goName, said: &a.GoName}
				if of := set.inParent(a); of != nil {
					method.from = of.goName
				} else {
					it.idents = append(it.idents, ident{now: a.cName, said: &a.CName})
				}
				if !a.skip() {
					it.idents = append(it.idents, method)
				}
				if len(it.idents) > 0 {
					items = append(items, it)
				}
				for _, f := range a.formats() {
					pinned := new(string)
					g.before = append(g.before, func() {
						if *pinned != "" {
							if a.names == nil {
								a.names = map[*subFormat]string{}
							}
							a.names[f] = *pinned
						}
					})
					items = append(items, lockItem{at + "=" + f.Value, f.Value, []ident{{now: func() string {
						if n := a.names[f]; n != "" {
							return n
						}
						return a.formatName(f)
					}, said: pinned}}})
				}
				for _, v := range a.Variants {
					items = append(items, lockItem{at + v.at(), v.Name, []ident{{now: v.goName, said: &v.GoName}}})
				}
				if r := a.Request; r != nil {
					items = append(items, lockItem{at + "?request", r.Name, []ident{{now: r.goName, said: &r.GoName}}})
				}
			}
			return items
		}
	})
}

// at tells a variant from its attribute.
func (v *variant) at() string { return fmt.Sprintf("?%s=%d", v.When, v.Is) }

// attr adds where an attribute leads to.
func (g *lockGraph) attr(n *lockNode, at string, a *attr) {
	if a.nested != nil {
		n.edge(at, g.set(a.nested))
	}
	if a.st != nil {
		n.edge(at, g.structure(a.st))
	}
	if a.enum != nil {
		n.edge(at, g.enum(g.specOf(a.enum), a.enum))
	}
	for _, f := range a.formats() {
		if f.set != nil {
			n.edge(at+step("=", f.Value), g.set(f.set))
		}
		if f.header != nil {
			n.edge(at+step("=", f.Value), g.structure(f.header))
		}
	}
}

func (g *lockGraph) specOf(d *def) *spec {
	for _, x := range g.m.defs[d.Name] {
		if x.v == d {
			return x.spec
		}
	}
	return nil
}

func (g *lockGraph) enum(s *spec, d *def) *lockNode {
	return g.node(d, "enum", d.Name, func(n *lockNode) {
		n.idents = []ident{{now: d.goName, said: &d.GoName}}
		n.items = func() (items []lockItem) {
			seen := map[string]int{}
			for _, e := range d.Entries {
				key := strconv.FormatUint(e.value, 10)
				if seen[key]++; seen[key] > 1 { // another name of one value
					key += "/" + strconv.Itoa(seen[key])
				}
				items = append(items, lockItem{key, e.Name, []ident{{now: func() string { return d.cEntry(s.Name, e) }, said: &e.CName}}})
			}
			return items
		}
	})
}

func (g *lockGraph) structure(d *def) *lockNode {
	return g.node(d, "struct", d.Name, func(n *lockNode) {
		n.idents = []ident{{now: d.goName, said: &d.GoName}}
		for _, x := range d.Members {
			if x.st != nil {
				n.edge("@"+strconv.Itoa(x.off), g.structure(x.st))
			}
			if x.enum != nil {
				n.edge("@"+strconv.Itoa(x.off), g.enum(g.specOf(x.enum), x.enum))
			}
		}
		n.items = func() (items []lockItem) {
			for _, x := range d.Members {
				if x.Type != "pad" {
					items = append(items, lockItem{strconv.Itoa(x.off), x.Name, []ident{{now: x.goName, said: &x.GoName}}})
				}
			}
			return items
		}
	})
}
