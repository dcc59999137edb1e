package rtnltest

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// maxDump is how much of a dump goes into one datagram.
const maxDump = 32 << 10

// A Request is a message on its way to Handle, which answers it with the methods.
// Without any of them the message is a success.
type Request struct {
	// Msg is what was sent, valid during Handle.
	Msg rtattr.Msg

	port        uint32
	answers     []Datagram
	from        int // of answers: the first one to Msg
	errno       unix.Errno
	ext         func(rtattr.ErrorAckEncoder)
	interrupted bool
}

// Dump reports whether the message asks for a list.
func (r *Request) Dump() bool {
	return r.Msg.Type()&3 == 2 && r.Msg.Flags()&rtattr.NLM_F_DUMP != 0
}

// Reply answers with the messages of e: the entries of a list, or an object. They
// get the sequence number of the request.
func (r *Request) Reply(e *rtattr.Encoder) error {
	b, err := e.Finish()
	if err != nil {
		return err
	}
	for len(b) > 0 {
		var m rtattr.Msg
		if m, b, err = rtattr.NextMsg(b); err != nil {
			return err
		}
		if r.Dump() {
			r.append(m, m.Flags()|rtattr.NLM_F_MULTI)
		} else {
			r.append(m, m.Flags())
		}
	}
	return nil
}

// Fail answers with an errno and a text, which may be empty.
func (r *Request) Fail(errno unix.Errno, text string) {
	r.FailExt(errno, func(w rtattr.ErrorAckEncoder) {
		if text != "" {
			w.Message(text)
		}
	})
}

// FailExt answers with an errno and an extended ACK; errno 0 is a warning, which
// is sent if the request asks for a confirmation.
func (r *Request) FailExt(errno unix.Errno, put func(rtattr.ErrorAckEncoder)) {
	r.errno, r.ext = errno, put
}

// Interrupted says that what is listed has changed meanwhile: NLM_F_DUMP_INTR.
func (r *Request) Interrupted() { r.interrupted = true }

func (r *Request) begin(m rtattr.Msg) {
	r.Msg, r.from = m, len(r.answers)
	r.errno, r.ext, r.interrupted = 0, nil, false
}

// end appends the outcome.
func (r *Request) end(ext, capped bool) {
	if r.Dump() && r.errno == 0 {
		flags := uint16(rtattr.NLM_F_MULTI)
		if r.interrupted {
			flags |= rtattr.NLM_F_DUMP_INTR
		}
		r.append(message(rtattr.NLMSG_DONE, make([]byte, 4)), flags)
		return
	}
	if r.errno == 0 && r.Msg.Flags()&rtattr.NLM_F_ACK == 0 {
		return
	}
	var flags uint16
	payload := binaryErrno(r.errno)
	if r.errno != 0 && !capped {
		payload = append(payload, r.Msg...)
		payload = append(payload, make([]byte, -len(payload)&3)...)
	} else {
		flags |= rtattr.NLM_F_CAPPED
		payload = append(payload, r.Msg[:16]...)
	}
	if ext && r.ext != nil {
		var e rtattr.Encoder
		r.ext(rtattr.ErrorAckEncoder{Nest: e.Root()})
		if attrs, err := e.Finish(); err == nil && len(attrs) > 0 {
			flags |= rtattr.NLM_F_ACK_TLVS
			payload = append(payload, attrs...)
		}
	}
	r.appendDatagram(message(rtattr.NLMSG_ERROR, payload), flags, false)
}

// append appends an answer: to the last datagram, if it is one of the same dump
// and has room, or as another one.
func (r *Request) append(m rtattr.Msg, flags uint16) {
	if n := len(r.answers); r.Dump() && n > r.from {
		if last := &r.answers[n-1]; len(last.Data)+len(m)+3 <= maxDump {
			last.Data = r.appendTo(last.Data, m, flags)
			return
		}
	}
	r.appendDatagram(m, flags, r.Dump())
}

func (r *Request) appendDatagram(m rtattr.Msg, flags uint16, dump bool) {
	var b []byte
	if dump {
		b = make([]byte, 0, maxDump)
	}
	r.answers = append(r.answers, Datagram{Data: r.appendTo(b, m, flags), dump: dump})
}

func (r *Request) appendTo(b []byte, m rtattr.Msg, flags uint16) []byte {
	start := len(b)
	b = append(b, m...)
	h := rtattr.NlMsghdr{Len: uint32(len(m)), Type: m.Type(), Flags: flags, Seq: r.Msg.Seq(), PortID: r.port}
	copy(b[start:], h.Append(nil))
	return append(b, make([]byte, -len(m)&3)...)
}

func message(typ uint16, payload []byte) rtattr.Msg {
	h := rtattr.NlMsghdr{Len: uint32(16 + len(payload)), Type: typ}
	return append(h.Append(nil), payload...)
}

// binaryErrno is the first member of struct nlmsgerr.
func binaryErrno(errno unix.Errno) []byte {
	b := rtattr.NlMsgerr{Errno: -int32(errno)}.Append(nil)
	return slices.Clip(b[:4])
}
