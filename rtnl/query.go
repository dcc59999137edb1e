package rtnl

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// ErrDumpInterrupted says that what a dump listed changed while it was listed:
// entries may be missing or twice. It comes after the data.
var ErrDumpInterrupted = errors.New("rtnl: the dump was interrupted by a change: entries may be missing or twice")

// Query sends the request of e, exactly one, and yields the answers: those of a
// dump, of a single request for data, or of a change with NLM_F_ECHO. A Msg is
// valid until the next step of the loop. e must not change before the loop ends,
// and Query writes a sequence number and flags into it; each loop sends it again.
//
// An error is the last thing yielded, with a nil Msg: an [Error] if the kernel
// refused, ErrDumpInterrupted after the data of a dump that was.
//
// The loop has a socket of its own, so that its body may use the Conn. Leaving
// the loop early closes that socket; the next call opens another one.
//
// When ctx ends, the loop ends at the next datagram of up to 32 KiB.
func (c *Conn) Query(ctx context.Context, e *rtattr.Encoder) iter.Seq2[rtattr.Msg, error] {
	return func(yield func(rtattr.Msg, error) bool) {
		if err := c.query(ctx, e, yield); err != nil {
			yield(nil, err)
		}
	}
}

// query returns nil when yield has had enough.
func (c *Conn) query(ctx context.Context, e *rtattr.Encoder, yield func(rtattr.Msg, error) bool) error {
	b, err := e.Finish()
	if err != nil {
		return err
	}
	req, dump, err := checkRequest(b)
	if err != nil {
		return err
	}
	k, err := c.begin(ctx)
	if err != nil {
		return err
	}
	inStep := false
	defer func() { k.end(inStep) }() // the loop's body may panic

	k.s.seq++
	req.SetSeq(k.s.seq)
	flags := (req.Flags() | rtattr.NLM_F_REQUEST) &^ rtattr.NLM_F_ACK
	if !dump {
		flags |= rtattr.NLM_F_ACK // or there is no end to see
	}
	req.SetFlags(flags)
	if err := k.s.t.Send(b); err != nil {
		return queryError(req, k.cause(err))
	}

	l := listing{seq: k.s.seq, dump: dump}
	for {
		b, err := k.recv(true)
		if err == nil {
			err = k.ended()
		}
		if err != nil {
			return queryError(req, err)
		}
		for len(b) > 0 {
			var m rtattr.Msg
			if m, b, err = rtattr.NextMsg(b); err != nil {
				return queryError(req, err)
			}
			if l.entry(m) {
				if !yield(m, nil) {
					return nil
				}
				continue
			}
			switch verdict, a, err := l.next(m); {
			case err != nil:
				return queryError(req, err)
			case verdict == end:
				inStep = true
				return c.conclude(a, e, req, l.interrupted)
			}
		}
	}
}

// conclude returns the error that the last message of an answer stands for.
func (c *Conn) conclude(a ack, e *rtattr.Encoder, req rtattr.Msg, interrupted bool) error {
	switch {
	case a.errno != 0:
		return a.decode(req, e.Set(0), 0, 1)
	case len(a.attrs) > 0 && c.cfg.Warn != nil:
		c.cfg.Warn(a.decode(req, e.Set(0), 0, 1))
	}
	if interrupted {
		return ErrDumpInterrupted
	}
	return nil
}

// checkRequest returns the one message of b, and whether it asks for a dump.
func checkRequest(b []byte) (m rtattr.Msg, dump bool, err error) {
	if len(b) == 0 {
		return nil, false, errors.New("rtnl: Query wants a message, the Encoder has none")
	}
	m, rest, err := rtattr.NextMsg(b)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("rtnl: %w", err)
	case len(rest) > 0:
		return nil, false, errors.New("rtnl: Query wants one message, the Encoder has more")
	}
	dump = isDump(m)
	if dump && len(m.Payload()) == 0 {
		// The kernel would not answer at all.
		return nil, false, fmt.Errorf("rtnl: %s has no payload, struct rtgenmsg is the least", rtattr.MsgName(m.Type()))
	}
	return m, dump, nil
}

// A listing reads the answers to one request.
type listing struct {
	seq         uint32
	dump        bool
	interrupted bool // a message had NLM_F_DUMP_INTR
}

type verdict int

const (
	skip verdict = iota
	end
)

// entry reports whether m is an object, as nearly all messages are.
func (l *listing) entry(m rtattr.Msg) bool {
	if m.Type() < rtattr.NLMSG_MIN_TYPE || m.Seq() != l.seq {
		return false
	}
	l.interrupted = l.interrupted || m.Flags()&rtattr.NLM_F_DUMP_INTR != 0
	return true
}

// next says what another message is. The ack is that of the end. Control messages
// that the kernel has not got yet are passed over.
func (l *listing) next(m rtattr.Msg) (verdict, ack, error) {
	switch m.Type() {
	case rtattr.NLMSG_NOOP:
		return skip, ack{}, nil
	case rtattr.NLMSG_OVERRUN:
		return end, ack{}, unix.ENOBUFS
	}
	if m.Seq() != l.seq {
		return end, ack{}, foreign(m, l.seq, 1)
	}
	switch m.Type() {
	case rtattr.NLMSG_ERROR:
		a, err := parseAck(m)
		if err == nil && a.errno == 0 && l.dump {
			return skip, a, nil // NLMSG_DONE is the end of a dump
		}
		return end, a, err
	case rtattr.NLMSG_DONE:
		l.interrupted = l.interrupted || m.Flags()&rtattr.NLM_F_DUMP_INTR != 0
		a, err := parseAck(m)
		return end, a, err
	}
	return skip, ack{}, nil
}

func queryError(req rtattr.Msg, err error) error {
	return fmt.Errorf("rtnl: %s: %w", rtattr.MsgName(req.Type()), err)
}
