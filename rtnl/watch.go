package rtnl

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

const (
	// watchBuffer is the default of WatchConfig.ReadBuffer.
	watchBuffer = 4 << 20
	// maxBacklog is how many bytes of notifications are kept while a list is
	// read; further ones stay in the receive buffer.
	maxBacklog = 64 << 20
	// listStep is how many entries of a list are read between two looks for
	// notifications, and told at once.
	listStep = 256
	// quickLists is how many lists in a row may be interrupted before the next one
	// waits for a moment without notifications.
	quickLists = 3
	// minReply is what a datagram takes of SO_RCVBUF at least.
	minReply = 512
)

// An EventType says what an Event tells.
type EventType uint8

const (
	// Added: the object Key exists, and is Value. Each object of the first list is
	// told like this.
	Added EventType = iota + 1
	// Changed: the object Key was Old and is Value.
	Changed
	// Removed: the object Key was Old and does not exist any more.
	Removed
	// Resync: notifications were lost, or a list was interrupted. The events up to
	// Synced are the difference that new lists have brought. Changes in between are
	// left out: of an object that came and went nothing is told.
	Resync
	// Synced: the first list, or the difference, is complete.
	Synced
)

var eventNames = [...]string{"0", "added", "changed", "removed", "resync", "synced"}

func (t EventType) String() string {
	if int(t) < len(eventNames) {
		return eventNames[t]
	}
	return fmt.Sprint(uint8(t))
}

// An Event is one step of what a Watch follows.
type Event[K comparable, V any] struct {
	Type  EventType
	Key   K
	Value V // of Added and Changed
	Old   V // of Changed and Removed
}

// WatchConfig holds what Watch may be told. The zero WatchConfig is the default.
type WatchConfig struct {
	// ReadBuffer is SO_RCVBUF in bytes as in Config: what is changed while the
	// reader is busy must fit. 0 is 4 MiB, some 5,000 to 10,000 notifications;
	// net.core.rmem_max is the limit without CAP_NET_ADMIN in the initial user
	// namespace. A buffer that overruns costs a new list, not events.
	ReadBuffer int

	// Filter, if there is one, is a classic BPF program that the kernel runs on each
	// notification, which begins with struct nlmsghdr: one for which it returns 0 is
	// not received. It pays where most notifications are about something else, such
	// as the routes of other tables: they take no room in the receive buffer, and
	// none of the two microseconds that receiving and parsing one costs.
	//
	// It may decide by what belongs to K, alone, and as List does: an object that
	// stops to pass without a change of its K is not seen to go. Loads of 16 and 32
	// bits are big endian, the fields are in the order of the host.
	Filter []unix.SockFilter
}

// A Watcher follows objects. It is safe for concurrent use.
type Watcher[K comparable, V any] struct {
	c    *Conn
	s    *socket
	ctx  context.Context
	over atomic.Bool

	mu        sync.Mutex
	unwatch   func() bool // of the watch on ctx
	tables    []*Table[K, V]
	events    []Event[K, V]
	head      int // of events
	phase     phase
	resyncing bool   // between Resync and Synced
	backlog   []byte // notifications that came during a list
	lost      bool   // notifications, since the tables became stale
	congested bool   // the socket may take in nothing until it has been read empty
	err       error
	closed    bool
}

// A phase is what a Watcher does next.
type phase int

const (
	toFollow phase = iota // receive
	toList                // the next table that wants it
	toTell                // what the list has brought
)

// Watch follows objects: first all there are, then each change, as one stream of
// events without gaps and duplicates. Who applies the events of Next holds the
// kernel's state at a moment between the last two calls.
//
// The Watcher has joined all groups when Watch returns, and has a socket of its
// own. It starts no goroutine and reads when Next does. Where it falls behind, or
// the kernel's list is not to be relied upon, it lists again and tells the
// difference between Resync and Synced.
//
// It keeps what it knows in memory: K, V and a map's entry for each object, and
// twice that for what changes within one list.
//
// The end of ctx, Close and Conn.Close end it and close its socket.
func Watch[K comparable, V any](ctx context.Context, c *Conn, cfg *WatchConfig, objects ...Object[K, V]) (*Watcher[K, V], error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("rtnl: watch: %w", err)
	}
	w := &Watcher[K, V]{c: c, ctx: ctx, phase: toList}
	w.mu.Lock()
	defer w.unlock()
	for _, o := range objects {
		if o.Equal == nil {
			if typ := reflect.TypeFor[V](); !typ.Comparable() {
				return nil, fmt.Errorf("rtnl: watch: %v cannot be compared: Object.Equal is missing", typ)
			}
			o.Equal = same[V]
		}
		w.tables = append(w.tables, &Table[K, V]{o: o, w: w, state: map[K]entry[V]{}, stale: true})
	}
	buffer := watchBuffer
	if cfg != nil && cfg.ReadBuffer > 0 {
		buffer = cfg.ReadBuffer
	}
	var err error
	if w.s, err = c.openSocket(buffer); err == nil {
		err = c.onClose(w.s, w.end)
	}
	if err != nil {
		return nil, fmt.Errorf("rtnl: watch: %w", err)
	}
	if cfg != nil && len(cfg.Filter) > 0 {
		if err := attach(w.s.t, cfg.Filter); err != nil {
			w.over.Store(true)
			return nil, fmt.Errorf("rtnl: watch: filter: %w", err)
		}
	}
	for i, t := range w.tables {
		for _, g := range t.o.Groups {
			if slices.ContainsFunc(w.tables[:i], func(t *Table[K, V]) bool { return slices.Contains(t.o.Groups, g) }) {
				continue
			}
			if err := w.s.t.SetOption(unix.NETLINK_ADD_MEMBERSHIP, int(g)); err != nil {
				w.over.Store(true)
				return nil, fmt.Errorf("rtnl: watch: join %v: %w", g, err)
			}
		}
	}
	w.unwatch = context.AfterFunc(ctx, w.end)
	return w, nil
}

// Events yields what Next returns. An error is the last thing yielded. The loop
// may be left, and another one goes on from there.
func (w *Watcher[K, V]) Events() iter.Seq2[Event[K, V], error] {
	return func(yield func(Event[K, V], error) bool) {
		for {
			ev, err := w.Next()
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Next returns the next event, and waits for it. An error is final: that of ctx,
// os.ErrClosed, an Error if the kernel refuses a list, or that of Object.Parse.
func (w *Watcher[K, V]) Next() (ev Event[K, V], err error) {
	w.mu.Lock()
	defer w.unlock()
	for w.head == len(w.events) {
		w.events, w.head = w.events[:0], 0
		if w.err == nil {
			w.err = w.reason()
		}
		if w.err == nil {
			w.err = w.step()
		}
		if w.err != nil && len(w.events) == 0 {
			w.over.Store(true)
			return ev, w.err
		}
	}
	ev = w.events[w.head]
	w.events[w.head] = Event[K, V]{}
	w.head++
	return ev, nil
}

// Close ends the Watcher. A Next that waits returns os.ErrClosed.
func (w *Watcher[K, V]) Close() error {
	if w.over.Load() {
		return os.ErrClosed
	}
	w.end()
	return nil
}

// end makes Next return, and closes the socket unless Next is at work, which
// closes it then.
func (w *Watcher[K, V]) end() {
	w.over.Store(true)
	w.s.t.Interrupt()
	if w.mu.TryLock() {
		w.unlock()
	}
}

// unlock releases mu, and closes what is over.
func (w *Watcher[K, V]) unlock() {
	for {
		if w.over.Load() && !w.closed && w.s != nil {
			w.closed = true
			if w.unwatch != nil {
				w.unwatch()
			}
			w.c.release(w.s, false)
		}
		closed := w.closed
		w.mu.Unlock()
		// end may have come in between and found mu locked.
		if closed || !w.over.Load() || !w.mu.TryLock() {
			return
		}
	}
}

// reason returns why the Watcher is over.
func (w *Watcher[K, V]) reason() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.over.Load() || w.c.closed.Load() {
		return os.ErrClosed
	}
	return nil
}

func (w *Watcher[K, V]) tell(ev Event[K, V]) { w.events = append(w.events, ev) }

// step does a piece of work that may lead to events.
func (w *Watcher[K, V]) step() error {
	switch w.phase {
	case toList:
		return w.list()
	case toTell:
		for _, t := range w.tables {
			if !t.flush(listStep) {
				return nil
			}
		}
		w.phase = toList
		return nil
	}
	b, err := w.recv(false)
	if err == unix.EAGAIN {
		for _, t := range w.tables {
			if t.later {
				t.stale, w.phase = true, toList
			}
		}
		if w.phase == toList {
			return nil
		}
		b, err = w.recv(true)
	}
	if err != nil {
		err = w.loss(err)
	} else {
		err = w.apply(b)
	}
	if w.lost {
		w.phase = toList
	}
	return err
}

func (w *Watcher[K, V]) recv(wait bool) ([]byte, error) {
	b, err := w.s.recv(wait)
	if err == unix.EAGAIN {
		w.congested = false
	}
	return b, err
}

// loss notes what an error of the socket says about notifications, and returns
// those errors that end the Watcher.
func (w *Watcher[K, V]) loss(err error) error {
	var cut *truncatedError
	switch {
	case errors.As(err, &cut):
		w.c.growTo(cut.size)
		w.s.grow(int(w.c.bufSize.Load()))
	case !errors.Is(err, unix.ENOBUFS):
		if ended := w.reason(); ended != nil {
			return ended
		}
		return fmt.Errorf("rtnl: watch: %w", err)
	}
	w.lost, w.congested = true, true
	return nil
}

// apply takes notifications: those of tables that are going to be listed are
// older than the list.
func (w *Watcher[K, V]) apply(b []byte) error {
	for len(b) > 0 {
		m, rest, err := rtattr.NextMsg(b)
		if err != nil {
			return fmt.Errorf("rtnl: watch: %w", err)
		}
		b = rest
		if m.Type() == rtattr.NLMSG_OVERRUN {
			w.lost = true
		}
		if m.Type() < rtattr.NLMSG_MIN_TYPE {
			continue
		}
		for _, t := range w.tables {
			if t.stale {
				continue
			}
			if err := t.apply(m); err != nil {
				return fmt.Errorf("rtnl: watch: %s: %w", rtattr.MsgName(m.Type()), err)
			}
		}
	}
	return nil
}

// list lists the next stale table. When there is none left the tables are in
// step with the kernel.
func (w *Watcher[K, V]) list() error {
	// A socket that has overrun takes in nothing until it has been read empty, and
	// does not say so again (netlink_rcv_wake).
	for again := true; again; again = w.congested {
		w.outdate()
		if err := w.drain(w.apply); err != nil {
			return err
		}
	}
	w.outdate()
	i := slices.IndexFunc(w.tables, func(t *Table[K, V]) bool { return t.stale })
	if i < 0 {
		w.phase, w.resyncing = toFollow, false
		w.tell(Event[K, V]{Type: Synced})
		return nil
	}
	t := w.tables[i]
	if t.listed && !w.resyncing {
		w.resyncing = true
		w.tell(Event[K, V]{Type: Resync})
	}
	w.phase = toTell
	t.begin()
	complete, err := w.read(t)
	if err != nil {
		return err
	}
	// A notification of the backlog may be older than the entry of the list, but
	// the last one of each object is not.
	t.touched = false
	if err := w.apply(w.backlog); err != nil {
		return err
	}
	if w.backlog = w.backlog[:0]; cap(w.backlog) > maxEncoder {
		w.backlog = nil
	}
	t.end(complete && !(t.o.Unmarked && t.touched))
	return nil
}

// outdate makes all tables stale if notifications have been lost.
func (w *Watcher[K, V]) outdate() {
	for _, t := range w.tables {
		t.stale = t.stale || w.lost
	}
	w.lost = false
}

// read reads a list of t, and keeps the notifications that come meanwhile. It
// reports whether the list is complete.
func (w *Watcher[K, V]) read(t *Table[K, V]) (complete bool, err error) {
	e := w.c.Encoder()
	defer w.c.Release(e)
	t.o.List(e)
	keep := func(b []byte) error {
		w.backlog = append(w.backlog, b...)
		w.backlog = append(w.backlog, make([]byte, -len(b)&3)...)
		return nil
	}
	n := 0
	for m, err := range w.c.Query(w.ctx, e) {
		var cut *truncatedError
		switch {
		case err == ErrDumpInterrupted || errors.As(err, &cut) || errors.Is(err, unix.ENOBUFS):
			return false, w.drain(keep)
		case err != nil:
			if ended := w.reason(); ended != nil {
				return false, ended
			}
			return false, err
		}
		if err := t.apply(m); err != nil {
			return false, fmt.Errorf("rtnl: watch: %s: %w", rtattr.MsgName(m.Type()), err)
		}
		if n++; n%listStep == 0 && len(w.backlog) < maxBacklog {
			if err := w.drain(keep); err != nil {
				return false, err
			}
		}
	}
	return true, w.drain(keep)
}

// drain passes what has been received to take, up to what the receive buffer
// held at the beginning.
func (w *Watcher[K, V]) drain(take func([]byte) error) error {
	for range 2 + w.s.rcvbuf/minReply {
		b, err := w.recv(false)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			err = w.loss(err)
		default:
			err = take(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
