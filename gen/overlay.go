package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// origins are the nodes of a spec that come from elsewhere: the file of each.
type origins map[*yaml.Node]string

// file returns where a node stands; otherwise is the file of the spec.
func (o origins) file(n *yaml.Node, otherwise string) string {
	if f, ok := o[n]; ok {
		return f
	}
	return otherwise
}

// A shape says which values of a spec are lists of named items, and which lead to
// such lists.
type shape struct {
	key    string // of a list: the key of an item that names it
	item   *shape // of a list
	bare   bool   // of a list: an item may be only its name
	count  func(parent *yaml.Node) (*counter, error)
	inside map[string]*shape // of a mapping
}

var specShape = &shape{inside: map[string]*shape{
	"definitions": {key: "name", item: &shape{inside: map[string]*shape{
		"entries": {key: "name", bare: true, count: countEntries},
		"members": {key: "name"},
	}}},
	"attribute-sets": {key: "name", item: &shape{inside: map[string]*shape{
		"attributes": {key: "name", count: countAttributes},
	}}},
	"sub-messages": {key: "name", item: &shape{inside: map[string]*shape{
		"formats": {key: "value"},
	}}},
	"operations": {inside: map[string]*shape{
		"list": {key: "name", count: countOperations},
	}},
	"mcast-groups": {inside: map[string]*shape{
		"list": {key: "name"},
	}},
}}

// applyOverlay corrects spec. Nodes of the spec that are used in several places
// by aliases change only where the overlay says. With an error, spec is as it was.
func applyOverlay(spec *yaml.Node, specFile string, overlay *yaml.Node, overlayFile string) (origins, error) {
	o := &overlayer{specFile: specFile, file: overlayFile, from: origins{}}
	root, over := content(spec), content(overlay)
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: not a spec", specFile)
	}
	if over == nil || over.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: not an overlay", overlayFile)
	}
	var whole any
	if err := over.Decode(&whole); err != nil { // a key twice, an alias inside of itself
		return nil, yamlError(overlayFile, err)
	}
	name, want := value(over, "name"), value(root, "name")
	if name == nil || want == nil || name.Value != want.Value {
		at := over
		if name != nil {
			at = name
		}
		return nil, Pos{overlayFile, at}.errorf("the overlay is not for %s: its name is not that of the spec", specFile)
	}
	merged := o.mapping(nil, specShape, root, over, "name")
	if len(o.errs) > 0 {
		return nil, errors.Join(o.errs...)
	}
	*root = *merged
	return o.from, nil
}

// content returns the node that a document or an alias stands for.
func content(n *yaml.Node) *yaml.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
		return content(n.Content[0])
	case n.Kind == yaml.DocumentNode:
		return nil
	case n.Kind == yaml.AliasNode:
		return content(n.Alias)
	}
	return n
}

// keyIndex returns the index of a key in the content of a mapping, or -1.
func keyIndex(m *yaml.Node, key string) int {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// value follows keys into mappings; nil if they do not lead to a value.
func value(n *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		if n = content(n); n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		i := keyIndex(n, k)
		if i < 0 {
			return nil
		}
		n = n.Content[i+1]
	}
	return content(n)
}

// An overlayer applies one overlay. It changes no node of the spec: what it merges
// is a copy.
type overlayer struct {
	specFile, file string
	from           origins
	errs           []error
}

// edit returns a copy of a node, without its anchor: aliases keep the original.
func (o *overlayer) edit(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor = ""
	c.Content = slices.Clone(n.Content)
	if f, ok := o.from[n]; ok {
		o.from[&c] = f
	}
	return &c
}

// empty returns a mapping or a list without content, which stands where at does.
func (o *overlayer) empty(kind yaml.Kind, at *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: kind, Line: at.Line, Column: at.Column}
	if f, ok := o.from[at]; ok {
		o.from[n] = f
	}
	return n
}

// word returns a plain value, which stands where at does.
func (o *overlayer) word(text string, at *yaml.Node) *yaml.Node {
	n := o.empty(yaml.ScalarNode, at)
	n.Value = text
	return n
}

// named returns an item that may be only its name as a mapping.
func (o *overlayer) named(key string, n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode {
		return n
	}
	m := o.empty(yaml.MappingNode, n)
	m.Content = []*yaml.Node{o.word(key, n), n}
	return m
}

// A place is where the overlay is: names and keys from the top.
type place []string

func (p place) in(s string) place { return append(slices.Clone(p), s) }

func (o *overlayer) errorf(n *yaml.Node, at place, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if len(at) > 0 {
		msg = strings.Join(at, ", ") + ": " + msg
	}
	o.errs = append(o.errs, Pos{o.file, n}.errorf("%s", msg))
}

// there returns where a node of the spec stands.
func (o *overlayer) there(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d", o.specFile, n.Line)
}

// tag returns the local tag of a node, "" if it has none.
func (o *overlayer) tag(at place, n *yaml.Node) string {
	switch {
	case !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!"):
		return ""
	case n.Tag != "!add" && n.Tag != "!replace" && n.Tag != "!delete":
		o.errorf(n, at, "the tags are !add, !replace and !delete, not %s", n.Tag)
		return ""
	}
	return n.Tag
}

// take returns a value of the overlay as it goes into the spec, without tag and
// special keys of its own; further inside there may be none.
func (o *overlayer) take(at place, n *yaml.Node) *yaml.Node {
	c := *content(n)
	c.Anchor, c.Content = "", nil
	if strings.HasPrefix(c.Tag, "!") && !strings.HasPrefix(c.Tag, "!!") {
		c.Tag = ""
	}
	c.Style &^= yaml.TaggedStyle
	o.from[&c] = o.file
	for i, x := range content(n).Content {
		if c.Kind == yaml.MappingNode && i%2 == 0 {
			if strings.HasPrefix(x.Value, "$") {
				if x.Value != "$after" && x.Value != "$was" {
					o.errorf(x, at, "the special keys are $after and $was, not %s", x.Value)
				}
				continue
			}
		} else if c.Kind == yaml.MappingNode && strings.HasPrefix(content(n).Content[i-1].Value, "$") {
			continue
		}
		o.plain(at, x)
		c.Content = append(c.Content, o.take(at, x))
	}
	return &c
}

// plain refuses what means a correction, where there is nothing to correct.
func (o *overlayer) plain(at place, n *yaml.Node) {
	n = content(n)
	if tag := o.tag(at, n); tag != "" {
		o.errorf(n, at, "%s inside of what is new as a whole", tag)
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			if strings.HasPrefix(n.Content[i].Value, "$") {
				o.errorf(n.Content[i], at, "%s inside of what is new as a whole", n.Content[i].Value)
			}
		}
	}
}

// mapping returns target with the keys of over merged into it. The key that names
// the mapping stays as it is.
func (o *overlayer) mapping(at place, sh *shape, target, over *yaml.Node, name string) *yaml.Node {
	out := o.edit(target)
	var lists []int
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, v := over.Content[i], content(over.Content[i+1])
		switch {
		case key.Value == name:
		case key.Value == "$was":
			o.was(at, target, v)
		case strings.HasPrefix(key.Value, "$"):
			o.errorf(key, at, "%s means nothing here", key.Value)
		case sh != nil && sh.inside[key.Value] != nil:
			lists = append(lists, i) // once what they are counted by is merged
		default:
			o.key(at, nil, out, key, v)
		}
	}
	for _, i := range lists {
		key := over.Content[i]
		o.key(at, sh.inside[key.Value], out, key, content(over.Content[i+1]))
	}
	return out
}

// key corrects one value of a mapping.
func (o *overlayer) key(at place, sh *shape, out, key, v *yaml.Node) {
	i := keyIndex(out, key.Value)
	var target *yaml.Node
	if i >= 0 {
		target = content(out.Content[i+1])
	}
	in := at.in(key.Value)
	tag := o.tag(in, v)
	switch {
	case tag == "!add" && target != nil:
		o.errorf(v, in, "%s already has it", o.there(target))
		return
	case (tag == "!delete" || tag == "!replace") && target == nil:
		o.errorf(v, in, "%s has nothing to %s", o.specFile, strings.TrimPrefix(tag, "!"))
		return
	case tag == "!delete":
		if v.Value != "" || v.Kind != yaml.ScalarNode {
			o.errorf(v, in, "!delete instead of a value: it takes none")
		}
		out.Content = slices.Delete(out.Content, i, i+2)
		return
	}
	merged := o.merged(in, sh, out, target, v, tag)
	if i >= 0 {
		out.Content[i+1] = merged
		return
	}
	k := *key
	o.from[&k] = o.file
	out.Content = append(out.Content, &k, merged)
}

// merged returns what becomes of a value; target is nil if the spec has none.
func (o *overlayer) merged(at place, sh *shape, parent, target, v *yaml.Node, tag string) *yaml.Node {
	switch {
	case tag != "":
		return o.take(at, v)
	case target != nil && target.Kind != v.Kind && (target.Kind != yaml.ScalarNode || target.Tag != "!!null"):
		o.errorf(v, at, "%s has something else than %s; !replace it", o.there(target), kindNames[v.Kind])
		return target
	case v.Kind == yaml.MappingNode:
		if target == nil || target.Kind != v.Kind {
			target = o.empty(v.Kind, v)
			o.from[target] = o.file
		}
		return o.mapping(at, sh, target, v, "")
	case v.Kind == yaml.SequenceNode:
		if target == nil || target.Kind != v.Kind {
			target = o.empty(v.Kind, v)
			o.from[target] = o.file
		}
		switch {
		case sh != nil && sh.key != "":
			return o.list(at, sh, parent, target, v)
		case slices.ContainsFunc(v.Content, func(x *yaml.Node) bool { return o.tag(at, content(x)) != "" }):
			return o.words(at, target, v)
		}
	}
	return o.take(at, v)
}

var kindNames = map[yaml.Kind]string{yaml.MappingNode: "keys", yaml.SequenceNode: "a list", yaml.ScalarNode: "a plain value"}

// was compares what a mapping is said to be with what it is.
func (o *overlayer) was(at place, target, was *yaml.Node) {
	if was.Kind != yaml.MappingNode {
		o.errorf(was, at, "$was holds the keys of the spec and their values")
		return
	}
	for i := 0; i+1 < len(was.Content); i += 2 {
		key, v := was.Content[i], content(was.Content[i+1])
		now := value(target, key.Value)
		var a, b any
		if now != nil {
			if err := now.Decode(&a); err != nil {
				o.errorf(v, at.in(key.Value), "%s: %v", o.there(now), err)
			}
		}
		if err := v.Decode(&b); err != nil {
			o.errorf(v, at.in(key.Value), "%v", err)
		}
		switch {
		case reflect.DeepEqual(a, b):
		case now == nil:
			o.errorf(key, at.in(key.Value), "$was %v, now %s has none", b, o.specFile)
		default:
			o.errorf(key, at.in(key.Value), "$was %v, now %s has %v", b, o.there(now), a)
		}
	}
}

// words adds plain items to a list and deletes some.
func (o *overlayer) words(at place, target, over *yaml.Node) *yaml.Node {
	out := o.edit(target)
	for _, x := range over.Content {
		x = content(x)
		in := at.in(x.Value)
		i := slices.IndexFunc(out.Content, func(n *yaml.Node) bool {
			return content(n).Kind == yaml.ScalarNode && content(n).Value == x.Value
		})
		switch tag := o.tag(in, x); {
		case x.Kind != yaml.ScalarNode || tag != "!add" && tag != "!delete":
			o.errorf(x, in, "beside !add and !delete of words there is nothing else; !replace the list")
		case tag == "!add" && i >= 0:
			o.errorf(x, in, "%s already has it", o.there(out.Content[i]))
		case tag == "!add":
			out.Content = append(out.Content, o.take(in, x))
		case i < 0:
			o.errorf(x, in, "%s has nothing to delete", o.specFile)
		default:
			out.Content = slices.Delete(out.Content, i, i+1)
		}
	}
	return out
}

// A slot is an item of a numbered list while it is corrected.
type slot struct {
	node *yaml.Node
	old  *[2]*int64 // its numbers in the spec; nil if it is new
	over *yaml.Node // its correction
	at   place
}

func (s *slot) is(key, name string) bool {
	n := content(s.node)
	if v := value(n, key); v != nil {
		return v.Value == name
	}
	return n.Kind == yaml.ScalarNode && n.Value == name
}

// list corrects a list of named items.
func (o *overlayer) list(at place, sh *shape, parent, target, over *yaml.Node) *yaml.Node {
	var counts, again *counter
	if sh.count != nil {
		var err error
		if counts, err = sh.count(parent); err != nil {
			o.errorf(over, at, "%s: %v", o.there(parent), err)
			return target
		}
		if counts != nil {
			c := *counts
			again = &c
		}
	}
	taken := [2]map[int64]*slot{{}, {}}
	var slots []*slot
	for _, x := range target.Content {
		n, err := counts.number(x)
		if err != nil {
			o.errorf(over, at, "%s: %v", o.there(x), err)
			return target
		}
		s := &slot{node: x, old: &n}
		for dir, v := range n {
			if v != nil {
				taken[dir][*v] = s
			}
		}
		slots = append(slots, s)
	}
	last := at[len(at)-1]
	seen := map[string]bool{}
	for _, x := range over.Content {
		x = content(x)
		name := itemName(x, sh.key)
		in := append(slices.Clone(at[:len(at)-1]), last+" "+name)
		tag := o.tag(in, x)
		switch {
		case name == "":
			o.errorf(x, at, "an item without %s", sh.key)
			continue
		case seen[name]:
			o.errorf(x, in, "a second correction of it")
			continue
		}
		seen[name] = true
		slots = o.item(in, sh, slots, x, name, tag)
	}
	o.renumber(again, slots, taken)
	out := o.edit(target)
	out.Content = nil
	for _, s := range slots {
		out.Content = append(out.Content, s.node)
	}
	return out
}

// itemName returns the name of an item of a list; "" if it has none.
func itemName(n *yaml.Node, key string) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	if v := value(n, key); v != nil {
		return v.Value
	}
	return ""
}

// item corrects one item of a list, or adds it.
func (o *overlayer) item(at place, sh *shape, slots []*slot, x *yaml.Node, name, tag string) []*slot {
	is := func(name string) func(*slot) bool {
		return func(s *slot) bool { return s.is(sh.key, name) }
	}
	i := slices.IndexFunc(slots, is(name))
	switch {
	case tag == "!add" && i >= 0:
		o.errorf(x, at, "%s already has it", o.there(slots[i].node))
		return slots
	case tag == "!add":
		if x.Kind == yaml.ScalarNode && !sh.bare {
			o.errorf(x, at, "!add needs more than a name")
			return slots
		}
		end := len(slots)
		if after := value(x, "$after"); after != nil {
			end = slices.IndexFunc(slots, is(after.Value)) + 1
			if end == 0 {
				o.errorf(after, at, "$after %s: %s has none of that name", after.Value, o.specFile)
			}
		}
		o.only(at, x, "$after")
		return slices.Insert(slots, end, &slot{node: o.take(at, x), over: x, at: at})
	case i < 0:
		o.errorf(x, at, "%s has none of that name; a new one is an !add", o.specFile)
		return slots
	case slices.ContainsFunc(slots[i+1:], is(name)):
		o.errorf(x, at, "%s has several of that name", o.there(slots[i].node))
		return slots
	}
	s := slots[i]
	target := content(s.node)
	if was := value(x, "$was"); was != nil && tag != "" {
		o.was(at, target, was)
	}
	switch {
	case tag == "!delete":
		if x.Kind == yaml.MappingNode {
			for i := 0; i < len(x.Content); i += 2 {
				if k := x.Content[i]; k.Value != sh.key && k.Value != "$was" {
					o.errorf(k, at, "!delete takes a name and $was, no %s", k.Value)
				}
			}
		}
		return slices.Delete(slots, i, i+1)
	case x.Kind == yaml.ScalarNode:
		o.errorf(x, at, "this corrects nothing")
	case tag == "!replace":
		o.only(at, x, "$was")
		s.node, s.over, s.at = o.take(at, x), x, at
	default:
		s.node, s.over, s.at = o.mapping(at, sh.item, o.named(sh.key, target), x, sh.key), x, at
	}
	return slots
}

// only refuses the special keys of an item but one.
func (o *overlayer) only(at place, x *yaml.Node, key string) {
	for i := 0; x.Kind == yaml.MappingNode && i < len(x.Content); i += 2 {
		if k := x.Content[i]; strings.HasPrefix(k.Value, "$") && k.Value != key {
			o.errorf(k, at, "%s means nothing here", k.Value)
		}
	}
}

// renumber gives what would be counted anew its old number as a value.
func (o *overlayer) renumber(counts *counter, slots []*slot, taken [2]map[int64]*slot) {
	for _, s := range slots {
		n, err := counts.number(s.node)
		if err != nil {
			o.errorf(s.over, s.at, "%v", err)
			return
		}
		for dir, v := range n {
			if v == nil {
				continue
			}
			keys := counts.keys(s.node, dir)
			switch {
			case s.over != nil && value(s.over, keys...) != nil: // the overlay says it
			case s.old != nil && s.old[dir] != nil:
				if want := *s.old[dir]; *v != want {
					s.node = o.setNumber(s.node, keys, want)
					counts.next[dir] = want + 1
				}
			case taken[dir][*v] != nil:
				o.errorf(s.over, s.at, "counting makes it %d, the number of %s: it needs a %s", *v,
					itemName(content(taken[dir][*v].node), "name"), strings.Join(keys, " "))
			}
		}
	}
}

// setNumber returns an item with a number at the end of keys.
func (o *overlayer) setNumber(n *yaml.Node, keys []string, v int64) *yaml.Node {
	if len(keys) == 0 {
		return o.word(strconv.FormatUint(uint64(v), 10), n)
	}
	out := o.edit(o.named("name", content(n)))
	i := keyIndex(out, keys[0])
	if i < 0 {
		i = len(out.Content)
		out.Content = append(out.Content, o.word(keys[0], out), o.empty(yaml.MappingNode, out))
	}
	out.Content[i+1] = o.setNumber(out.Content[i+1], keys[1:], v)
	return out
}

// A counter numbers the items of a list, in each direction.
type counter struct {
	next        [2]int64
	directional bool
}

// countAttributes counts from 1; a subset has the numbers of another set.
func countAttributes(set *yaml.Node) (*counter, error) {
	if value(set, "subset-of") != nil {
		return nil, nil
	}
	return &counter{next: [2]int64{1}}, nil
}

// countEntries counts the entries of an enum, or the bits of flags.
func countEntries(def *yaml.Node) (*counter, error) {
	c := new(counter)
	if v := value(def, "value-start"); v != nil {
		var ok bool
		if c.next[0], ok = integer(v); !ok {
			return nil, fmt.Errorf("value-start %s is no number to count from", v.Value)
		}
	}
	return c, nil
}

// countOperations counts all messages, or those of each direction.
func countOperations(ops *yaml.Node) (*counter, error) {
	model := value(ops, "enum-model")
	switch {
	case model == nil || model.Value == "unified":
		return &counter{next: [2]int64{1, 1}}, nil
	case model.Value == "directional":
		return &counter{next: [2]int64{1, 1}, directional: true}, nil
	}
	return nil, fmt.Errorf("operations of the enum-model %s cannot be counted", model.Value)
}

// keys lead to the number of an item: to the kernel, or unified (0), and from the
// kernel (1). There are none where it has no such number.
func (c *counter) keys(item *yaml.Node, dir int) []string {
	switch {
	case c == nil:
		return nil
	case !c.directional && dir == 0:
		return []string{"value"}
	case !c.directional:
		return nil
	case value(item, "notify") != nil || value(item, "event") != nil:
		if dir == 0 {
			return nil
		}
		return []string{"value"}
	}
	for _, mode := range []string{"do", "dump"} {
		switch how := value(item, mode); {
		case how == nil:
		case dir == 0:
			return []string{mode, "request", "value"}
		case value(how, "reply") != nil:
			return []string{mode, "reply", "value"}
		default:
			return nil
		}
	}
	return nil
}

// integer reads a number, which may be in quotes. Very large ones wrap.
func integer(n *yaml.Node) (int64, bool) {
	if v, err := strconv.ParseUint(n.Value, 0, 64); err == nil {
		return int64(v), true
	}
	v, err := strconv.ParseInt(n.Value, 0, 64)
	return v, err == nil
}

// number counts one more item. The numbers that it has not are nil.
func (c *counter) number(item *yaml.Node) (n [2]*int64, err error) {
	for dir := range n {
		keys := c.keys(item, dir)
		if keys == nil {
			continue
		}
		if v := value(item, keys...); v != nil {
			var ok bool
			if c.next[dir], ok = integer(v); !ok {
				return n, fmt.Errorf("%s %s is no number", strings.Join(keys, " "), v.Value)
			}
		}
		v := c.next[dir]
		n[dir] = &v
		c.next[dir]++
	}
	return n, nil
}
