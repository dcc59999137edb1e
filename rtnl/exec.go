package rtnl

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// maxSend is how many bytes go into one sendto. 16 to 64 KiB cost the least
// per message; a single message may be larger.
const maxSend = 64 << 10

// maxReply is what one failure takes of SO_RCVBUF at most: the true size of an
// skb, not of its data. netlink_ack (net/netlink/af_netlink.c) allocates 36 bytes
// and the extended ACK, some 100 to 400 bytes. With struct skb_shared_info (320)
// behind it, __alloc_skb takes 576 to 1024 bytes, plus 256 for struct sk_buff.
// Mostly it is 832.
const maxReply = 1024 + 256

// maxEcho is what the object takes that answers a message, beside what the
// message says of it: a link has 1 to 4 KiB, in an skb of up to twice that.
const maxEcho = 8 << 10

// Exec runs the messages of e, of which there may be any number. They are
// processed in their order; one that fails does not keep the others from being
// applied. The error is then an [Errors], with an [Error] for each message that
// failed; it wraps an [Incomplete] if the outcome of some messages is not known
// or some were not sent.
//
// Messages go out in as few system calls as possible: up to 64 KiB in each, and
// as many messages as their failures, if all failed, would fit into the receive
// buffer; 1638 by default, 332 where net.core.rmem_max (212,992) limits it. So
// no failure can be lost. Exec sets sequence numbers and NLM_F_REQUEST in the
// messages, and clears NLM_F_ACK, since the kernel answers failures without it: e
// may be run again but not by two at once.
//
// A request for data, dump or not, and NLM_F_ECHO have answers: they are for
// ExecFunc and Query.
//
// When ctx ends, Exec stops between two system calls. One in which the kernel is
// busy is not interrupted: sendto returns when its messages have been processed.
func (c *Conn) Exec(ctx context.Context, e *rtattr.Encoder) error { return c.exec(ctx, e, nil) }

// ExecFunc is Exec for messages that have answers: changes with NLM_F_ECHO, which
// answer with the object that was made or deleted (its index, its number), and
// requests for one object. It calls reply with the index of the message and each
// answer to it, in order. The answer is valid until reply returns; reply may use
// the Conn.
//
// Room for the answers is kept as for the failures, so that fewer messages go
// into one system call. The kernel may answer with more than one object, as if an
// address is deleted that has secondary ones: should so many answers overrun the
// receive buffer, the error says so.
func (c *Conn) ExecFunc(ctx context.Context, e *rtattr.Encoder, reply func(i int, m rtattr.Msg)) error {
	return c.exec(ctx, e, reply)
}

func (c *Conn) exec(ctx context.Context, e *rtattr.Encoder, reply func(int, rtattr.Msg)) error {
	b, err := e.Finish()
	if err != nil {
		return err
	}
	total, err := checkBatch(b, reply != nil)
	if total == 0 || err != nil {
		return err
	}
	k, err := c.begin(ctx)
	if err != nil {
		return err
	}
	x := exchange{call: k, e: e, total: total, reply: reply}
	inStep := false
	defer func() { x.end(inStep) }() // reply may panic

	for len(b) > 0 {
		if err := x.ended(); err != nil {
			return x.result(err)
		}
		b = x.take(b)
		if err := x.s.t.Send(x.b); err != nil {
			return x.result(x.cause(err))
		}
		x.sent += x.count
		if err := x.receive(); err != nil {
			return x.result(err)
		}
		x.answered = x.sent
	}
	inStep = true
	return x.result(nil)
}

// checkBatch counts the messages of b and returns an error if one is not for
// Exec, or for ExecFunc if answers are welcome.
func checkBatch(b []byte, answers bool) (n int, err error) {
	for ; len(b) > 0; n++ {
		m, rest, err := rtattr.NextMsg(b)
		if err != nil {
			return n, fmt.Errorf("rtnl: message %d: %w", n, err)
		}
		if isDump(m) || isAnswered(m) && !answers {
			return n, fmt.Errorf("rtnl: message %d: %s with flags %#x has answers: use Query",
				n, rtattr.MsgName(m.Type()), m.Flags())
		}
		b = rest
	}
	return n, nil
}

// isGet reports whether m asks for data: the low bits of an rtnetlink type say
// whether it is new, del, get or set (net/core/rtnetlink.c, rtnl_msgtype_kind).
func isGet(m rtattr.Msg) bool {
	return m.Type() >= rtattr.NLMSG_MIN_TYPE && m.Type()&3 == 2
}

// isDump reports whether m asks for a list. One of the two bits of NLM_F_DUMP is
// enough (rtnetlink_rcv_msg).
func isDump(m rtattr.Msg) bool { return isGet(m) && m.Flags()&rtattr.NLM_F_DUMP != 0 }

// isAnswered reports whether m is answered with more than its outcome.
func isAnswered(m rtattr.Msg) bool { return isGet(m) || m.Flags()&rtattr.NLM_F_ECHO != 0 }

// An exchange is the messages of one Exec on their way.
type exchange struct {
	call
	e        *rtattr.Encoder
	reply    func(int, rtattr.Msg)
	total    int // messages of the batch
	sent     int // messages sent
	answered int // messages whose outcome is known
	failed   Errors

	// Of the current sendto:
	b     []byte
	count int    // messages in b
	first uint32 // sequence number of the first
	next  int    // message of b that may have an outcome next

	// The last message that decode has looked up. Failures come in order.
	at   int
	msg  rtattr.Msg
	rest []byte
}

// take cuts off b what goes into the next sendto, numbers it and returns the rest.
func (x *exchange) take(b []byte) (rest []byte) {
	s := x.s
	room := s.rcvbuf
	limit := min(maxSend, s.sndbuf-32) // netlink_sendmsg
	x.count, x.first = 0, s.seq+1
	confirm := uint16(0)
	if x.c != nil && x.c.cfg.Warn != nil {
		confirm = rtattr.NLM_F_ACK
	}
	for rest = b; len(rest) > 0; {
		m, next, _ := rtattr.NextMsg(rest) // checkBatch has seen them
		if room -= s.replySize(m); x.count > 0 && (room < 0 || len(b)-len(next) > limit) {
			break
		}
		s.seq++
		m.SetSeq(s.seq)
		m.SetFlags((m.Flags()|rtattr.NLM_F_REQUEST)&^rtattr.NLM_F_ACK | confirm)
		x.count++
		rest = next
	}
	x.b = b[:len(b)-len(rest)]
	x.next = 0
	x.at, x.msg, x.rest = -1, nil, x.b
	return rest
}

// replySize returns what the answers to m take of SO_RCVBUF.
func (s *socket) replySize(m rtattr.Msg) int {
	size := maxReply
	if !s.capped {
		size += 2 * len(m) // repeated in the reply; kmalloc rounds up
	}
	if isAnswered(m) {
		size += maxEcho + 4*len(m)
	}
	return size
}

var errOverrun = fmt.Errorf("the receive buffer overran and answers were lost (raise Config.ReadBuffer): %w", unix.ENOBUFS)

// receive receives the answers to x.b. They are all there: the kernel has
// processed the messages within the system call that sent them (netlink_unicast
// calls rtnetlink_rcv), so that those without a failure are known to be done
// without a confirmation.
func (x *exchange) receive() error {
	overrun := false
	for {
		b, err := x.recv(false)
		switch {
		case err == unix.EAGAIN && overrun:
			return errOverrun
		case err == unix.EAGAIN:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			overrun = true // what is queued can still be had
			continue
		case err != nil:
			return err
		}
		for len(b) > 0 {
			var m rtattr.Msg
			if m, b, err = rtattr.NextMsg(b); err != nil {
				return err
			}
			if err := x.answer(m); err != nil {
				return err
			}
		}
	}
}

// answer takes one message of the kernel's.
func (x *exchange) answer(m rtattr.Msg) error {
	switch m.Type() {
	case rtattr.NLMSG_NOOP:
		return nil
	case rtattr.NLMSG_OVERRUN:
		return errOverrun
	}
	i := int(m.Seq() - x.first) // unsigned difference: numbers wrap around
	if i >= x.count || i < 0 {
		return foreign(m, x.first, x.count)
	}
	if m.Type() != rtattr.NLMSG_ERROR {
		if x.reply != nil {
			x.reply(x.sent-x.count+i, m)
		}
		return nil // without reply an answer that nobody asked for
	}
	if i < x.next {
		return fmt.Errorf("a second outcome of message %d: %w", x.sent-x.count+i, os.NewSyscallError("netlink", unix.EPROTO))
	}
	x.next = i + 1
	a, err := parseAck(m)
	if err != nil {
		return err
	}
	if a.errno != 0 {
		x.failed = append(x.failed, x.decode(a, i))
	} else if len(a.attrs) > 0 && x.c.cfg.Warn != nil {
		x.c.cfg.Warn(x.decode(a, i))
	}
	return nil
}

// decode explains the answer to message i of the current sendto.
func (x *exchange) decode(a ack, i int) *Error {
	if i < x.at || x.msg == nil {
		x.at, x.msg, x.rest = -1, nil, x.b
	}
	for ; x.at < i; x.at++ {
		x.msg, x.rest, _ = rtattr.NextMsg(x.rest)
	}
	index := x.sent - x.count + i
	return a.decode(x.msg, x.e.Set(index), index, x.total)
}

// result returns the error of Exec: what failed, and err if it was cut short.
func (x *exchange) result(err error) error {
	if err == nil {
		if x.failed == nil {
			return nil
		}
		return x.failed
	}
	cut := &Incomplete{Answered: x.answered, Sent: x.sent, Total: x.total, Err: err}
	if x.failed == nil {
		return cut
	}
	return errors.Join(x.failed, cut)
}

func foreign(m rtattr.Msg, first uint32, count int) error {
	return fmt.Errorf("%s with sequence number %d, not one of the %d from %d on: %w",
		rtattr.MsgName(m.Type()), m.Seq(), count, first, os.NewSyscallError("netlink", unix.EPROTO))
}
