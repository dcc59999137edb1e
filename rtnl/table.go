package rtnl

import (
	"errors"

	"github.com/nlwire/nlwire/rtattr"
)

// ErrSkip is what Object.Parse returns for a message about something else.
var ErrSkip = errors.New("rtnl: a message about something else")

// An Object tells Watch how to follow one kind of object: K identifies one, V is
// what is known about it. K must be unique, or the deletion of one object passes
// for that of another: the destination and priority of a route, for one, are not
// (IPv4 routes can be appended, IPv6 has ff00::/8 on each link).
type Object[K comparable, V any] struct {
	// Groups are where the kernel announces changes.
	Groups []rtattr.Group

	// List appends the request, one message, that lists all objects.
	List func(e *rtattr.Encoder)

	// Parse reads an entry of the list or a notification. It sees the messages of
	// all groups of the Watch and returns ErrSkip for those that are not about
	// its objects. Of a message that deletes (RTM_DEL*) K is enough.
	Parse func(m rtattr.Msg) (K, V, error)

	// Apply, if not nil, is called instead of Parse: for objects of which a
	// notification does not say all. Without it a message that deletes is
	// Table.Delete, any other is Table.Put.
	//
	// The kernel flushes IPv4 routes without a word, for one, if their link goes
	// down or a local address goes: following routes takes the groups of links and
	// addresses too, and an Apply that calls Table.Relist for such messages.
	Apply func(t *Table[K, V], m rtattr.Msg) error

	// Equal reports whether a change is one. nil is ==. Counters and times that
	// change by themselves do not belong into V, or must be passed over here.
	Equal func(a, b V) bool

	// Unmarked says that the kernel does not mark lists of these objects that were
	// interrupted by changes (NLM_F_DUMP_INTR), as those of routes, neighbours and
	// rules: a list during which a change was announced is then not relied upon.
	Unmarked bool
}

// Any returns o with types that several kinds of object can share, so that one
// Watch follows them all.
func (o Object[K, V]) Any() Object[any, any] {
	equal := o.Equal
	if equal == nil {
		equal = same[V]
	}
	parse := o.Parse
	a := Object[any, any]{
		Groups: o.Groups, List: o.List, Unmarked: o.Unmarked,
		Parse: func(m rtattr.Msg) (any, any, error) {
			k, v, err := parse(m)
			return k, v, err
		},
		Equal: func(a, b any) bool { return equal(a.(V), b.(V)) },
	}
	if apply := o.Apply; apply != nil {
		a.Apply = func(t *Table[any, any], m rtattr.Msg) error {
			return apply(&Table[K, V]{any: t}, m)
		}
	}
	return a
}

func same[V any](a, b V) bool { return any(a) == any(b) }

// A Table is what a Watch knows of one kind of object. Its methods are for
// Object.Apply.
type Table[K comparable, V any] struct {
	any *Table[any, any] // the table behind one of Object.Any
	o   Object[K, V]
	w   *Watcher[K, V]

	state map[K]entry[V] // as told by events

	// While listing, what is known in addition, and its keys in the order in
	// which they came. Events are told when the list is complete, so that no
	// change is told that an older notification would undo.
	listing bool
	list    uint32 // number of the list
	next    map[K]entry[V]
	order   []K

	// Left to tell when the list is complete.
	gone []K
	told int // of order

	listed  bool // a list was complete once
	stale   bool // list again now, notifications are of no use before
	later   bool // list again as soon as there is no notification
	touched bool // by a notification
	tries   int  // lists in a row that were interrupted
}

type entry[V any] struct {
	v    V
	list uint32 // the last one that had it
	gone bool   // in next
}

// Get returns what is known of k.
func (t *Table[K, V]) Get(k K) (v V, ok bool) {
	if t.any != nil {
		a, ok := t.any.Get(k)
		if ok {
			v = a.(V)
		}
		return v, ok
	}
	if t.listing {
		if e, ok := t.next[k]; ok {
			return e.v, !e.gone
		}
	}
	e, ok := t.state[k]
	if t.listing && e.list != t.list {
		return v, false // not seen yet in this list
	}
	return e.v, ok
}

// Put says that k exists and is v.
func (t *Table[K, V]) Put(k K, v V) {
	if t.any != nil {
		t.any.Put(k, v)
		return
	}
	t.touched = true
	old, ok := t.state[k]
	if !t.listing {
		switch {
		case !ok:
			t.w.tell(Event[K, V]{Type: Added, Key: k, Value: v})
		case !t.o.Equal(old.v, v):
			t.w.tell(Event[K, V]{Type: Changed, Key: k, Value: v, Old: old.v})
		default:
			return
		}
		t.state[k] = entry[V]{v: v, list: t.list}
		return
	}
	if _, pending := t.next[k]; !pending {
		if ok && t.o.Equal(old.v, v) {
			if old.list != t.list {
				old.list = t.list
				t.state[k] = old
			}
			return
		}
		t.order = append(t.order, k)
	}
	t.next[k] = entry[V]{v: v, list: t.list}
}

// Delete says that k does not exist.
func (t *Table[K, V]) Delete(k K) {
	if t.any != nil {
		t.any.Delete(k)
		return
	}
	t.touched = true
	old, ok := t.state[k]
	if !t.listing {
		if ok {
			delete(t.state, k)
			t.w.tell(Event[K, V]{Type: Removed, Key: k, Old: old.v})
		}
		return
	}
	if _, pending := t.next[k]; !pending {
		if !ok {
			return
		}
		t.order = append(t.order, k)
	}
	t.next[k] = entry[V]{gone: true, list: t.list}
}

// Relist asks for a new list, as soon as no notification waits: objects may have
// changed that were not announced.
func (t *Table[K, V]) Relist() {
	if t.any != nil {
		t.any.Relist()
		return
	}
	t.touched = true
	t.later = true
}

// apply takes a message, of the list or not.
func (t *Table[K, V]) apply(m rtattr.Msg) error {
	if t.o.Apply != nil {
		return t.o.Apply(t, m)
	}
	k, v, err := t.o.Parse(m)
	switch {
	case err == ErrSkip:
		return nil
	case err != nil:
		return err
	case m.Type()&3 == 1: // net/core/rtnetlink.c, rtnl_msgtype_kind
		t.Delete(k)
	default:
		t.Put(k, v)
	}
	return nil
}

// begin begins a list.
func (t *Table[K, V]) begin() {
	t.list++
	t.listing, t.stale, t.later, t.touched = true, false, false, false
	t.next = make(map[K]entry[V])
}

// end ends a list. What a complete one does not have is gone; an incomplete one
// says nothing about that.
func (t *Table[K, V]) end(complete bool) {
	t.listing = false
	switch t.tries++; {
	case complete:
		t.tries = 0
	case t.tries < quickLists:
		t.stale = true
	default:
		t.later = true
	}
	if !t.listed {
		t.listed = true
		t.state, t.next = t.next, nil // all of it is to be told
		return
	}
	if !complete {
		return
	}
	for k, e := range t.state {
		if _, pending := t.next[k]; !pending && e.list != t.list {
			t.gone = append(t.gone, k)
		}
	}
}

// flush tells some of what a list has brought and reports whether that was all.
func (t *Table[K, V]) flush(n int) bool {
	for ; n > 0 && len(t.gone) > 0; n-- {
		k := t.gone[len(t.gone)-1]
		t.gone = t.gone[:len(t.gone)-1]
		t.Delete(k)
	}
	for ; n > 0 && t.told < len(t.order); n-- {
		k := t.order[t.told]
		t.told++
		if t.next == nil { // the first list
			if e := t.state[k]; e.gone {
				delete(t.state, k)
			} else {
				t.w.tell(Event[K, V]{Type: Added, Key: k, Value: e.v})
			}
			continue
		}
		if e := t.next[k]; e.gone {
			t.Delete(k)
		} else {
			t.Put(k, e.v)
		}
	}
	if len(t.gone) > 0 || t.told < len(t.order) {
		return false
	}
	t.gone, t.order, t.told, t.next = nil, nil, 0, nil
	return true
}
