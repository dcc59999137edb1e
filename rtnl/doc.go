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
// A batch is an Encoder with any number of messages. Exec sends it in as few system
// calls as possible and says of each message whether it failed; ExecFunc also hands
// out the answers to NLM_F_ECHO. Query sends one request and yields the answers;
// Watch follows objects as one stream of events without gaps.
//
// In the steady state none of them allocates per message: buffers and sockets are
// reused.
//
// # How it is done
//
// rtnetlink works synchronously: when sendto returns, its messages have been
// processed and failures can be received. So messages are sent without NLM_F_ACK,
// and what has not failed is done. One message at a time takes as much as bare
// system calls with a confirmation do, a batch 0.9 to 1.4 times what one in C
// does that is confirmed once, on a machine under load (internal/bench).
//
// An answer that does not fit into the receive buffer would be lost. A batch is cut
// so that all answers fit, even if each message fails; the buffer, 1 MiB by default
// as far as the system allows, is a limit and not memory in use.
//
// Dumps are received with 32 KiB, which is as much as the kernel fills; the size of
// the first receive counts, so that peeking for the length makes for small ones.
//
// What a full Internet table costs to load, dump, replace and follow, and how many
// namespaces one process can serve, is measured in scale.md, in this folder.
//
// A socket whose answers make no sense (another sequence number, a second outcome,
// a cut message, an overrun) is closed after the call that saw it; the next call
// opens another one. Datagrams of other processes are ignored.
//
// # Testing
//
// Package rtnltest stands in for the kernel, so that users of this package can test
// without privileges.
package rtnl
