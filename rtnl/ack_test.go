package rtnl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// forge returns a message as the kernel writes it.
func forge(typ, flags uint16, seq uint32, payload []byte) rtattr.Msg {
	h := rtattr.NlMsghdr{Len: uint32(16 + len(payload)), Type: typ, Flags: flags, Seq: seq}
	return append(h.Append(nil), payload...)
}

// ackPayload returns struct nlmsgerr and the attributes that put puts.
func ackPayload(errno int32, put func(rtattr.ErrorAckEncoder)) []byte {
	var e rtattr.Encoder
	if put != nil {
		put(rtattr.ErrorAckEncoder{Nest: e.Root()})
	}
	attrs, err := e.Finish()
	if err != nil {
		panic(err)
	}
	h := rtattr.NlMsghdr{Len: 16, Type: rtattr.RTM_NEWLINK}
	b := rtattr.NlMsgerr{Errno: errno, Msg: h}.Append(nil)
	return append(b, attrs...)
}

const capped = rtattr.NLM_F_CAPPED | rtattr.NLM_F_ACK_TLVS

// request returns a RTM_NEWLINK with .mtu at 32, .linkinfo at 40 and .kind at 44.
func request() rtattr.Msg {
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{})
	w.MTU(1)
	n := w.LinkInfo()
	n.Kind("veth")
	n.End()
	w.End()
	b, err := e.Finish()
	if err != nil {
		panic(err)
	}
	return b
}

func TestParseAck(t *testing.T) {
	text := func(w rtattr.ErrorAckEncoder) { w.Message("no") }
	long := ackPayload(-22, nil)
	binary.NativeEndian.PutUint32(long[4:], 16+7) // the request has 7 bytes of payload
	long = append(long, "payload\x00"...)
	long = append(long, ackPayload(0, text)[20:]...)
	for _, c := range []struct {
		name  string
		m     rtattr.Msg
		errno unix.Errno
		attrs int
		bad   bool
	}{
		{"success", forge(rtattr.NLMSG_ERROR, rtattr.NLM_F_CAPPED, 1, ackPayload(0, nil)), 0, 0, false},
		{"failure", forge(rtattr.NLMSG_ERROR, rtattr.NLM_F_CAPPED, 1, ackPayload(-17, nil)), unix.EEXIST, 0, false},
		{"extended", forge(rtattr.NLMSG_ERROR, capped, 1, ackPayload(-17, text)), unix.EEXIST, 8, false},
		{"not flagged", forge(rtattr.NLMSG_ERROR, rtattr.NLM_F_CAPPED, 1, ackPayload(-17, text)), unix.EEXIST, 0, false},
		{"request repeated", forge(rtattr.NLMSG_ERROR, rtattr.NLM_F_ACK_TLVS, 1, long), unix.EINVAL, 8, false},
		{"request cut", forge(rtattr.NLMSG_ERROR, rtattr.NLM_F_ACK_TLVS, 1, long[:22]), unix.EINVAL, 0, false},
		{"unknown errno", forge(rtattr.NLMSG_ERROR, 0, 1, ackPayload(-12345, nil)), 12345, 0, false},
		{"least errno", forge(rtattr.NLMSG_ERROR, 0, 1, ackPayload(-1<<31, nil)), 1 << 31, 0, false},
		{"positive", forge(rtattr.NLMSG_ERROR, 0, 1, ackPayload(1, nil)), 0, 0, true},
		{"empty", forge(rtattr.NLMSG_ERROR, 0, 1, nil), 0, 0, true},
		{"short", forge(rtattr.NLMSG_ERROR, 0, 1, ackPayload(0, nil)[:19]), 0, 0, true},
		{"done", forge(rtattr.NLMSG_DONE, 0, 1, make([]byte, 4)), 0, 0, false},
		{"done without payload", forge(rtattr.NLMSG_DONE, 0, 1, nil), 0, 0, false},
		{"done with length", forge(rtattr.NLMSG_DONE, 0, 1, ackPayload(9, nil)[:4]), 0, 0, false},
		{"done with error", forge(rtattr.NLMSG_DONE, 0, 1, ackPayload(-12, nil)[:4]), unix.ENOMEM, 0, false},
		{"done with text", forge(rtattr.NLMSG_DONE, rtattr.NLM_F_ACK_TLVS, 1, append(ackPayload(-12, nil)[:4], ackPayload(0, text)[20:]...)), unix.ENOMEM, 8, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := parseAck(c.m)
			if a.errno != c.errno || len(a.attrs) != c.attrs || (err != nil) != c.bad {
				t.Errorf("got %v, %d bytes, %v", a.errno, len(a.attrs), err)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	req := request()
	set := rtattr.MsgSet(rtattr.RTM_NEWLINK)
	for _, c := range []struct {
		errno int32
		put   func(rtattr.ErrorAckEncoder)
		want  string
	}{
		{-22, nil, "rtnl: RTM_NEWLINK: invalid argument"},
		{-1, nil, "rtnl: RTM_NEWLINK: operation not permitted: CAP_NET_ADMIN is needed in the user namespace that owns the network namespace"},
		{-1, func(w rtattr.ErrorAckEncoder) { w.Message("other reason") }, "rtnl: RTM_NEWLINK: operation not permitted: other reason"},
		{-12345, nil, "rtnl: RTM_NEWLINK: errno 12345"},
		{0, func(w rtattr.ErrorAckEncoder) { w.Message("beware") }, "rtnl: RTM_NEWLINK: warning: beware"},
		{-22, func(w rtattr.ErrorAckEncoder) { w.Message("no"); w.Offset(44) }, "rtnl: RTM_NEWLINK: invalid argument: no (.linkinfo.kind)"},
		{-22, func(w rtattr.ErrorAckEncoder) { w.Offset(4000) }, "rtnl: RTM_NEWLINK: invalid argument (+4000)"},
		{-22, func(w rtattr.ErrorAckEncoder) { w.MissingType(rtattr.IFLA_IFNAME) }, "rtnl: RTM_NEWLINK: invalid argument (.ifname is missing)"},
		{-22, func(w rtattr.ErrorAckEncoder) { w.MissingType(4000000000) }, "rtnl: RTM_NEWLINK: invalid argument (.4000000000 is missing)"},
		{-34, func(w rtattr.ErrorAckEncoder) {
			w.Offset(32)
			p := w.Policy()
			p.Type(rtattr.NL_ATTR_TYPE_U32)
			p.MinUnsigned(68)
			p.MaxUnsigned(65535)
			p.End()
		}, "rtnl: RTM_NEWLINK: numerical result out of range (.mtu: want u32 68 to 65535)"},
	} {
		a, err := parseAck(forge(rtattr.NLMSG_ERROR, capped, 1, ackPayload(c.errno, c.put)))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.decode(req, set, 0, 1).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	// A nest, whose scope rtattr would have to name.
	a, _ := parseAck(forge(rtattr.NLMSG_ERROR, capped, 1, ackPayload(-22, func(w rtattr.ErrorAckEncoder) {
		w.MissingType(2)
		w.MissingNest(40)
		w.Cookie([]byte{1, 2, 3})
	})))
	e := a.decode(req, set, 3, 5)
	if !strings.HasPrefix(e.Missing, ".linkinfo.") || !bytes.Equal(e.Cookie, []byte{1, 2, 3}) || e.Offset != -1 || e.Index != 3 {
		t.Errorf("got %#v", e)
	}
	// Without a table there are numbers.
	a, _ = parseAck(forge(rtattr.NLMSG_ERROR, capped, 1, ackPayload(-22, func(w rtattr.ErrorAckEncoder) { w.Offset(32); w.MissingType(3) })))
	if e := a.decode(req, nil, 0, 1); e.Missing != ".3" || e.Path == "" {
		t.Errorf("got %#v", e)
	}
}

func TestPolicyText(t *testing.T) {
	for _, c := range []struct {
		p    Policy
		want string
	}{
		{Policy{}, "invalid"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_FLAG}, "flag"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_U8, MaxUnsigned: 255}, "u8"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_U8, MaxUnsigned: 1}, "u8 0 to 1"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_U64, MaxUnsigned: 1<<64 - 1}, "u64"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_UINT, MinUnsigned: 1, MaxUnsigned: 1<<64 - 1}, "uint 1 to 18446744073709551615"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_S32, MinSigned: -1 << 31, MaxSigned: 1<<31 - 1}, "s32"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_S8, MinSigned: -5, MaxSigned: 5}, "s8 -5 to 5"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_U16, Mask: 3}, "u16 of the bits 0x3"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_BINARY, MinLength: 6, MaxLength: 6}, "binary of 6 bytes"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_BINARY, MinLength: 6}, "binary of at least 6 bytes"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_STRING, MaxLength: 15}, "string of at most 15 bytes"},
		{Policy{Type: rtattr.NL_ATTR_TYPE_STRING, MinLength: 2, MaxLength: 15}, "string of 2 to 15 bytes"},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	for _, c := range []struct {
		typ    uint16
		errno  unix.Errno
		target error
		want   bool
	}{
		{rtattr.RTM_NEWROUTE, unix.EEXIST, fs.ErrExist, true},
		{rtattr.RTM_NEWROUTE, unix.EEXIST, unix.EEXIST, true},
		{rtattr.RTM_NEWROUTE, unix.EEXIST, fs.ErrNotExist, false},
		{rtattr.RTM_DELROUTE, unix.ESRCH, fs.ErrNotExist, true},
		{rtattr.RTM_NEWROUTE, unix.ESRCH, fs.ErrNotExist, false},
		{rtattr.RTM_DELADDR, unix.EADDRNOTAVAIL, fs.ErrNotExist, true},
		{rtattr.RTM_NEWADDR, unix.EADDRNOTAVAIL, fs.ErrNotExist, false},
		{rtattr.RTM_NEWADDR, unix.ENODEV, fs.ErrNotExist, true},
		{rtattr.RTM_DELNEIGH, unix.ENOENT, fs.ErrNotExist, true},
		{rtattr.RTM_NEWLINK, unix.EPERM, fs.ErrPermission, true},
		{rtattr.RTM_NEWLINK, unix.EOPNOTSUPP, errors.ErrUnsupported, true},
	} {
		err := fmt.Errorf("around: %w", Errors{{Type: c.typ, Errno: c.errno}})
		if got := errors.Is(err, c.target); got != c.want {
			t.Errorf("%s %v is %v: %v", rtattr.MsgName(c.typ), c.errno, c.target, got)
		}
	}
	if err := (&Error{Type: rtattr.RTM_NEWLINK}).Unwrap(); err != nil {
		t.Errorf("a warning wraps %v", err)
	}
}

func TestAnnotate(t *testing.T) {
	if Annotate(nil, "a", "b") != nil {
		t.Error("nil became an error")
	}
	if got := Annotate(fs.ErrClosed, "link: add", `"v0"`); !errors.Is(got, fs.ErrClosed) || got.Error() != `link: add "v0": file already closed` {
		t.Error(got)
	}
	one := &Error{Type: rtattr.RTM_NEWLINK, Errno: unix.EBUSY, total: 1}
	if got := Annotate(fmt.Errorf("around: %w", one), "link: list", ""); got.Error() == "" || one.Op != "link: list" || one.Error() != "link: list: device or resource busy" {
		t.Error(got, one)
	}
	batch := errors.Join(
		Errors{{Type: rtattr.RTM_NEWLINK, Index: 1, Errno: unix.EBUSY, total: 3}, {Type: rtattr.RTM_SETLINK, Index: 2, Errno: unix.EIO, total: 3}},
		&Incomplete{Answered: 1, Sent: 3, Total: 9, Err: fs.ErrClosed})
	want := `2 messages failed
link: add "v0": message 1 (RTM_NEWLINK): device or resource busy
link: add "v0": message 2 (RTM_SETLINK): input/output error
rtnl: messages 1 to 2 of 9: outcome unknown: file already closed`
	if got := Annotate(batch, "link: add", `"v0"`).Error(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// The answers of a query, without a kernel.
func TestListing(t *testing.T) {
	const entry = verdict(-1)
	done := make([]byte, 4)
	for _, c := range []struct {
		name        string
		dump        bool
		m           rtattr.Msg
		want        verdict
		bad         bool
		interrupted bool
	}{
		{"data", true, forge(rtattr.RTM_NEWLINK, 0, 7, nil), entry, false, false},
		{"interrupted", true, forge(rtattr.RTM_NEWLINK, rtattr.NLM_F_DUMP_INTR, 7, nil), entry, false, true},
		{"foreign", true, forge(rtattr.RTM_NEWLINK, 0, 8, nil), end, true, false},
		{"unknown control message", true, forge(rtattr.NLMSG_MIN_TYPE-1, 0, 7, nil), skip, false, false},
		{"noop", true, forge(rtattr.NLMSG_NOOP, 0, 0, nil), skip, false, false},
		{"overrun", true, forge(rtattr.NLMSG_OVERRUN, 0, 7, nil), end, true, false},
		{"done", true, forge(rtattr.NLMSG_DONE, rtattr.NLM_F_DUMP_INTR, 7, done), end, false, true},
		{"ack of a dump", true, forge(rtattr.NLMSG_ERROR, 0, 7, ackPayload(0, nil)), skip, false, false},
		{"ack", false, forge(rtattr.NLMSG_ERROR, 0, 7, ackPayload(0, nil)), end, false, false},
		{"failure", true, forge(rtattr.NLMSG_ERROR, 0, 7, ackPayload(-22, nil)), end, false, false},
		{"cut short", false, forge(rtattr.NLMSG_ERROR, 0, 7, nil), end, true, false},
	} {
		l := listing{seq: 7, dump: c.dump}
		got, err := entry, error(nil)
		if !l.entry(c.m) {
			got, _, err = l.next(c.m)
		}
		if got != c.want || (err != nil) != c.bad || l.interrupted != c.interrupted {
			t.Errorf("%s: %v %v, interrupted %v", c.name, got, err, l.interrupted)
		}
	}
}

// The answers to a batch, without a kernel.
func TestAnswer(t *testing.T) {
	var e rtattr.Encoder
	for range 3 {
		rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{}).End()
	}
	b, _ := e.Finish()
	const first = 1<<32 - 2 // wraps around
	var warned *Error
	conn := &Conn{cfg: Config{Warn: func(e *Error) { warned = e }}}
	x := exchange{call: call{c: conn}, e: &e, total: 13, sent: 13, b: b, count: 3, first: first}
	for _, c := range []struct {
		m   rtattr.Msg
		bad bool
	}{
		{forge(rtattr.NLMSG_NOOP, 0, 0, nil), false},
		{forge(rtattr.NLMSG_ERROR, capped, first, ackPayload(-17, nil)), false},
		{forge(rtattr.NLMSG_ERROR, capped, first+1, ackPayload(0, nil)), false},
		{forge(rtattr.RTM_NEWLINK, 0, first+1, nil), false},
		{forge(rtattr.NLMSG_ERROR, capped, 0, ackPayload(0, func(w rtattr.ErrorAckEncoder) { w.Message("beware") })), false},
		{forge(rtattr.NLMSG_ERROR, capped, 1, ackPayload(0, nil)), true},
		{forge(rtattr.NLMSG_ERROR, capped, first-1&(1<<32-1), ackPayload(0, nil)), true},
		{forge(rtattr.NLMSG_ERROR, capped, first, nil), true},
		{forge(rtattr.NLMSG_OVERRUN, 0, first, nil), true},
	} {
		if err := x.answer(c.m); (err != nil) != c.bad {
			t.Errorf("%v: %v", c.m, err)
		}
	}
	if len(x.failed) != 1 || x.failed[0].Index != 10 {
		t.Errorf("failed: %v", x.failed)
	}
	if warned == nil || warned.Error() != "rtnl: message 12 (RTM_NEWLINK): warning: beware" {
		t.Errorf("warned: %v", warned)
	}
}

// FuzzReply reads any datagram as the answer to a batch and to a query.
func FuzzReply(f *testing.F) {
	f.Add([]byte(forge(rtattr.NLMSG_ERROR, capped, 7, ackPayload(-22, func(w rtattr.ErrorAckEncoder) {
		w.Message("no")
		w.Offset(44)
		w.MissingType(3)
		w.MissingNest(40)
		w.Cookie([]byte{1})
		p := w.Policy()
		p.Type(rtattr.NL_ATTR_TYPE_U32)
		p.MaxUnsigned(5)
		p.End()
	}))))
	f.Add([]byte(forge(rtattr.NLMSG_DONE, rtattr.NLM_F_ACK_TLVS, 7, ackPayload(-12, nil)[:4])))
	f.Add([]byte(forge(rtattr.RTM_NEWLINK, rtattr.NLM_F_DUMP_INTR, 7, make([]byte, 16))))
	req := request()
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		var e rtattr.Encoder
		x := exchange{call: call{c: &Conn{}}, e: &e, total: 1, sent: 1, b: req, count: 1, first: 7}
		l := listing{seq: 7, dump: true}
		for len(b) > 0 {
			m, rest, err := rtattr.NextMsg(b)
			if err != nil {
				return
			}
			x.answer(m)
			b = rest
			if l.entry(m) {
				continue
			}
			if _, a, err := l.next(m); err == nil {
				e := a.decode(req, rtattr.MsgSet(req.Type()), 0, 1)
				if e.Error() == "" {
					t.Error("no text")
				}
			}
		}
		for _, e := range x.failed {
			if e.Errno == 0 || e.Error() == "" {
				t.Errorf("%#v", e)
			}
		}
	})
}
