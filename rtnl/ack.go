package rtnl

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// An ack is the verdict of an NLMSG_ERROR or NLMSG_DONE.
type ack struct {
	errno unix.Errno // 0 is success
	attrs []byte     // the extended ACK, in place
}

// parseAck reads an NLMSG_ERROR (struct nlmsgerr, perhaps the request, perhaps
// an extended ACK) or an NLMSG_DONE (an int, perhaps an extended ACK).
func parseAck(m rtattr.Msg) (ack, error) {
	b := m.Payload()
	size := 20 // struct nlmsgerr
	if m.Type() == rtattr.NLMSG_DONE {
		if size = 4; len(b) < size {
			return ack{}, nil // gVisor's carries nothing
		}
	}
	if len(b) < size {
		return ack{}, fmt.Errorf("%s of %d bytes, at least %d belong to it", rtattr.MsgName(m.Type()), len(b), size)
	}
	v := int32(binary.NativeEndian.Uint32(b))
	if v > 0 {
		if m.Type() == rtattr.NLMSG_ERROR {
			return ack{}, fmt.Errorf("%s with error %d, which is not negative", rtattr.MsgName(m.Type()), v)
		}
		v = 0 // NLMSG_DONE with a length
	}
	a := ack{errno: unix.Errno(-int64(v))}
	if m.Flags()&rtattr.NLM_F_ACK_TLVS == 0 {
		return a, nil
	}
	if m.Type() == rtattr.NLMSG_ERROR && m.Flags()&rtattr.NLM_F_CAPPED == 0 {
		// The request is repeated, its length in its header.
		n := int64(binary.NativeEndian.Uint32(b[4:]))
		size = int(min(max(int64(size), 4+(n+3)&^3), int64(len(b))))
	}
	a.attrs = b[size:]
	return a, nil
}

// decode explains the verdict on message m, the index-th of total. What is
// malformed in the extended ACK is left out: the errno stands anyway.
func (a ack) decode(m rtattr.Msg, set *rtattr.Set, index, total int) *Error {
	err := &Error{Type: m.Type(), Index: index, Errno: a.errno, Offset: -1, total: total}
	var v rtattr.ErrorAckView
	v.Parse(a.attrs)
	if s, ok := v.Message(); ok {
		err.Message = string(s)
	}
	if off, ok := v.Offset(); ok {
		err.Offset = int(off)
		err.Path = set.Path(m, int(off))
	}
	if typ, ok := v.MissingType(); ok {
		nest, ok := v.MissingNest()
		if !ok {
			nest = 0
		}
		err.Missing = set.MissingPath(m, int(nest), typ)
	}
	if b, ok := v.Cookie(); ok {
		err.Cookie = bytes.Clone(b)
	}
	if p, perr := v.Policy(); perr == nil {
		err.Policy = policyOf(&p)
	}
	return err
}
