// Package rtattr is the wire format of rtnetlink: encoders that append typed
// attributes to a buffer, and views that read them in place, both generated
// from the tables in gen/tables.
//
//	var e rtattr.Encoder
//	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Index: 2})
//	w.MTU(1400)
//	w.End()
//	b, err := e.Finish()
//
// An encoder method appends at once: what is called is sent, 0 and "" included.
// A view is parsed in one pass, which checks every payload against the table;
// its getters cannot fail and tell presence by their second result. Encoders and
// views allocate nothing (TestAllocs). Bytes that a view returns alias the
// message and hold as long as its buffer.
//
// Numbers are in host byte order unless the kernel says otherwise; their
// encoders and getters convert. Constants are spelled as in the kernel's uapi
// headers.
package rtattr
