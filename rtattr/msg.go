package rtattr

import (
	"encoding/binary"
	"fmt"
)

// A Msg is one netlink message, header and payload, without the pad behind it.
type Msg []byte

// NextMsg cuts the first message off b, which holds any number of them, each
// padded to 4 bytes.
func NextMsg(b []byte) (m Msg, rest []byte, err error) {
	if len(b) >= msgHeaderLen {
		n := int(binary.NativeEndian.Uint32(b))
		if n >= msgHeaderLen && n <= len(b) {
			return Msg(b[:n:n]), b[min(align4(n), len(b)):], nil
		}
	}
	return nil, nil, badMsg(b)
}

func badMsg(b []byte) error {
	if len(b) < msgHeaderLen {
		return fmt.Errorf("rtattr: %d bytes, struct nlmsghdr has %d", len(b), msgHeaderLen)
	}
	return fmt.Errorf("rtattr: nlmsg_len is %d, %d bytes are left", binary.NativeEndian.Uint32(b), len(b))
}

// Type returns nlmsg_type.
func (m Msg) Type() uint16 { return binary.NativeEndian.Uint16(m[4:]) }

// Flags returns nlmsg_flags.
func (m Msg) Flags() uint16 { return binary.NativeEndian.Uint16(m[6:]) }

// Seq returns nlmsg_seq.
func (m Msg) Seq() uint32 { return binary.NativeEndian.Uint32(m[8:]) }

// PID returns nlmsg_pid, the port id of the sender's socket.
func (m Msg) PID() uint32 { return binary.NativeEndian.Uint32(m[12:]) }

// SetFlags sets nlmsg_flags.
func (m Msg) SetFlags(flags uint16) { binary.NativeEndian.PutUint16(m[6:], flags) }

// SetSeq sets nlmsg_seq.
func (m Msg) SetSeq(seq uint32) { binary.NativeEndian.PutUint32(m[8:], seq) }

// Payload returns what follows the header: a fixed header and attributes.
func (m Msg) Payload() []byte { return m[msgHeaderLen:] }
