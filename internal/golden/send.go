//go:build linux

package golden

import (
	"context"
	"slices"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Send sends the bytes of a golden, and returns the answers if it [Asks] for some.
func Send(conn *rtnl.Conn, wire []byte) ([]rtattr.Msg, error) {
	m, _, err := rtattr.NextMsg(wire)
	if err != nil {
		return nil, err
	}
	e := conn.Encoder()
	defer conn.Release(e)
	n := e.Begin(rtattr.MsgSet(m.Type()), m.Type(), m.Flags())
	n.Raw(m.Payload())
	n.End()
	if !Asks(m) {
		return nil, conn.Exec(context.Background(), e)
	}
	return Answers(conn, e)
}

// Asks reports whether the kernel answers a message with others.
func Asks(m rtattr.Msg) bool {
	const get = 2 // of the four types of an object: new, delete, get, set
	return m.Type()&3 == get || m.Flags()&rtattr.NLM_F_ECHO != 0
}

// Answers returns copies of all answers to the one request of e. Like any list, a
// dump is asked for again if the kernel changes what it lists, as it does when it
// has probed an IPv6 address.
func Answers(conn *rtnl.Conn, e *rtattr.Encoder) ([]rtattr.Msg, error) {
	return rtnl.Collect(func(yield func(*rtattr.Msg, error) bool) {
		for m, err := range conn.Query(context.Background(), e) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&m, nil) {
				return
			}
		}
	}, func(m *rtattr.Msg) (rtattr.Msg, error) { return slices.Clone(*m), nil })
}
