// Package rtnl is the rtnetlink socket: it runs the messages of an
// [rtattr.Encoder], reads dumps in place, and reports failures by message and
// attribute.
//
//	conn, err := rtnl.Dial(nil)
//	...
//	e := conn.Encoder()
//	defer conn.Release(e)
//	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 7})
//	w.MTU(1400)
//	w.End()
//	err = conn.Exec(ctx, e)
//
// A batch is an Encoder with several messages. Exec sends it in as few system
// calls as the receive buffer allows and says of each message whether it failed;
// Query sends one request and yields the answers.
//
// In the steady state neither allocates: buffers and sockets are reused.
package rtnl
