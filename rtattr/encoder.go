package rtattr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strings"
)

const (
	attrHeaderLen = 4     // struct nlattr, NLA_HDRLEN
	msgHeaderLen  = 16    // struct nlmsghdr, NLMSG_HDRLEN
	maxAttrLen    = 65535 // nla_len is a __u16
	maxDepth      = 16    // the kernel's own nests end at 6
)

// An Encoder appends netlink messages to a buffer: any number of them, one
// after the other, each padded to 4 bytes. The zero Encoder is ready for use.
//
// The first failure sticks: it is what Finish returns, so that there is no
// check between two attributes. An Encoder is not safe for concurrent use and
// must not be copied while a message is open.
type Encoder struct {
	buf   []byte // up to its capacity
	n     int    // bytes in use
	err   error
	top   int // payload offset of the innermost open frame, 0 for none
	depth int
	open  [maxDepth]frame

	msgs  int // messages begun
	nruns int
	runs  [4]run // sets of the first messages; the rest is in more
	more  []run
}

// A frame is an open message, nest or array element.
type frame struct {
	start int // of the header whose length End patches
	at    int // of the payload
	kind  frameKind
}

type frameKind uint8

const (
	frameMsg  frameKind = iota // u32 length
	frameNest                  // u16 length, an attribute
	frameElem                  // u16 length, not an attribute (rtnexthop)
)

// A run says that the messages from first on, up to the next run, have this set.
type run struct {
	first int
	set   *Set
}

// Reset makes e empty and lets it append to buf[:0], which it may outgrow. With
// a nil buf it keeps the buffer that it has.
func (e *Encoder) Reset(buf []byte) {
	if buf != nil {
		e.buf = buf[:cap(buf)]
	}
	e.n, e.err = 0, nil
	e.top, e.depth = 0, 0
	e.msgs, e.nruns, e.more = 0, 0, e.more[:0]
}

// Finish returns the messages. They alias e's buffer until the next Reset. It
// returns an error if a put has failed, or if a message or nest is still open.
func (e *Encoder) Finish() ([]byte, error) {
	if e.err == nil && e.depth > 0 {
		e.fail(e.path(e.depth, 0), "still open: End is missing")
	}
	if e.err != nil {
		return nil, e.err
	}
	return e.buf[:e.n], nil
}

// reserve makes room for n more bytes, whose content is what was there before.
func (e *Encoder) reserve(n int) []byte {
	e.n += n
	if e.n > len(e.buf) {
		e.grow()
	}
	return e.buf[e.n-n : e.n]
}

// grow makes buf longer than e.n. Inlined, it would give every put a large stack
// frame.
//
//go:noinline
func (e *Encoder) grow() {
	b := make([]byte, max(2*len(e.buf), e.n, 512))
	copy(b, e.buf)
	e.buf = b
}

// Len returns how many messages have been begun.
func (e *Encoder) Len() int { return e.msgs }

// Err returns the first failure, without looking for open nests.
func (e *Encoder) Err() error { return e.err }

// Fail records a failure that the caller has found, if it is the first.
func (e *Encoder) Fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// Message begins a message whose attributes have no name table. Sequence number
// and port id are left 0 for the socket. Generated functions such as AppendLink
// begin a typed one.
func (e *Encoder) Message(typ, flags uint16) Nest { return e.Begin(nil, typ, flags) }

// Begin begins a message whose attributes are those of set, with Raw room for a
// fixed header.
func (e *Encoder) Begin(set *Set, typ, flags uint16) Nest {
	n, _ := e.BeginHeader(set, typ, flags, 0)
	return n
}

// BeginHeader begins a message whose attributes are those of set, and returns the
// size bytes of its fixed header, to be filled. The generated Append functions call it.
func (e *Encoder) BeginHeader(set *Set, typ, flags uint16, size int) (Nest, []byte) {
	if e.depth > 0 {
		e.fail(e.path(e.depth, 0), "still open: End is missing before the next message")
		return Nest{e, -1}, make([]byte, size)
	}
	if n := e.nruns; n == 0 || e.run(n-1).set != set {
		e.addRun(set)
	}
	e.msgs++
	room := align4(size)
	b := e.reserve(msgHeaderLen + room)
	clear(b[msgHeaderLen+size:])
	host.PutUint32(b, 0)
	host.PutUint16(b[4:], typ)
	host.PutUint16(b[6:], flags)
	host.PutUint64(b[8:], 0)
	start := e.n - msgHeaderLen - room
	e.open[0] = frame{start, start + msgHeaderLen, frameMsg}
	e.depth = 1
	e.top = start + msgHeaderLen
	return Nest{e, e.top}, b[msgHeaderLen : msgHeaderLen+size]
}

func (e *Encoder) addRun(set *Set) {
	if e.nruns < len(e.runs) {
		e.runs[e.nruns] = run{e.msgs, set}
	} else {
		e.more = append(e.more, run{e.msgs, set})
	}
	e.nruns++
}

func (e *Encoder) run(i int) run {
	if i < len(e.runs) {
		return e.runs[i]
	}
	return e.more[i-len(e.runs)]
}

// Set returns the set that message i was begun with, nil if there was none.
func (e *Encoder) Set(i int) *Set {
	if i < 0 || i >= e.msgs {
		return nil
	}
	after := sort.Search(e.nruns, func(j int) bool { return e.run(j).first > i })
	return e.run(after - 1).set
}

func (e *Encoder) push(start, at int, kind frameKind) Nest {
	if e.depth == maxDepth {
		e.fail(e.path(e.depth, 0), "nested too deep")
		return Nest{e, -1}
	}
	e.open[e.depth] = frame{start, at, kind}
	e.depth++
	e.top = at
	return Nest{e, at}
}

// A Nest is an open message, an open nested attribute or an open array element:
// the place where attributes are put. End closes it. A put while a nest inside
// it is open, or after its End, is an error: no attribute can land in the wrong
// place.
type Nest struct {
	e  *Encoder
	at int
}

// Root is the place outside of all messages, for attributes that stand alone.
func (e *Encoder) Root() Nest { return Nest{e, 0} }

// End closes the nest or the message and writes its length.
func (n Nest) End() {
	e := n.e
	if n.at != e.top || e.depth == 0 {
		e.misplaced(n, 0)
		return
	}
	f := e.open[e.depth-1]
	size := e.n - f.start
	switch {
	case f.kind == frameMsg:
		host.PutUint32(e.buf[f.start:], uint32(size))
		clear(e.reserve(-size & 3)) // only Raw leaves a rest
	case size > maxAttrLen:
		e.fail(e.path(e.depth, 0), fmt.Sprintf("%d bytes, a nest holds %d", size-attrHeaderLen, maxAttrLen-attrHeaderLen))
	default:
		host.PutUint16(e.buf[f.start:], uint16(size))
	}
	e.depth--
	e.top = 0
	if e.depth > 0 {
		e.top = e.open[e.depth-1].at
	}
}

// Encoder returns the Encoder that n appends to.
func (n Nest) Encoder() *Encoder { return n.e }

// ok reports whether attribute typ may be put into n now.
func (n Nest) ok(typ uint16) bool {
	if n.at == n.e.top {
		return true
	}
	n.e.misplaced(n, typ)
	return false
}

// fits is ok for size bytes of payload.
func (n Nest) fits(typ uint16, size int) bool {
	if !n.ok(typ) {
		return false
	}
	if size > maxAttrLen-attrHeaderLen {
		n.tooLong(typ, size, maxAttrLen-attrHeaderLen)
		return false
	}
	return true
}

// host is the byte order of this machine.
var host = binary.NativeEndian

func storeHeader(b []byte, size int, typ uint16) {
	host.PutUint16(b, uint16(attrHeaderLen+size))
	host.PutUint16(b[2:], typ)
}

// payload appends the header of an attribute and returns its payload of size
// bytes, to be filled. The pad behind it is zero.
func (n Nest) payload(typ uint16, size int) []byte {
	b := n.e.reserve(attrHeaderLen + align4(size))
	host.PutUint32(b[len(b)-4:], 0)
	storeHeader(b, size, typ)
	return b[attrHeaderLen : attrHeaderLen+size]
}

// Uint8 puts v, padded to 4 bytes as every attribute is.
func (n Nest) Uint8(typ uint16, v uint8) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 1, typ)
		b[4], b[5], b[6], b[7] = v, 0, 0, 0
	}
}

// Uint16 puts v in host byte order.
func (n Nest) Uint16(typ uint16, v uint16) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 2, typ)
		host.PutUint16(b[4:], v)
		host.PutUint16(b[6:], 0)
	}
}

// Uint32 puts v in host byte order.
func (n Nest) Uint32(typ uint16, v uint32) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 4, typ)
		host.PutUint32(b[4:], v)
	}
}

// Uint64 puts v in host byte order. It is aligned to 4 bytes, not to 8, as the
// kernel accepts.
func (n Nest) Uint64(typ uint16, v uint64) {
	if n.ok(typ) {
		b := n.e.reserve(12)
		storeHeader(b, 8, typ)
		host.PutUint64(b[4:], v)
	}
}

// Uint16BE puts v in network byte order.
func (n Nest) Uint16BE(typ uint16, v uint16) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 2, typ)
		binary.BigEndian.PutUint16(b[4:], v)
		host.PutUint16(b[6:], 0)
	}
}

// Uint32BE puts v in network byte order.
func (n Nest) Uint32BE(typ uint16, v uint32) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 4, typ)
		binary.BigEndian.PutUint32(b[4:], v)
	}
}

// Uint64BE puts v in network byte order.
func (n Nest) Uint64BE(typ uint16, v uint64) {
	if n.ok(typ) {
		b := n.e.reserve(12)
		storeHeader(b, 8, typ)
		binary.BigEndian.PutUint64(b[4:], v)
	}
}

// Uint16LE puts v in little-endian byte order.
func (n Nest) Uint16LE(typ uint16, v uint16) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 2, typ)
		binary.LittleEndian.PutUint16(b[4:], v)
		host.PutUint16(b[6:], 0)
	}
}

// Uint32LE puts v in little-endian byte order.
func (n Nest) Uint32LE(typ uint16, v uint32) {
	if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 4, typ)
		binary.LittleEndian.PutUint32(b[4:], v)
	}
}

// Uint64LE puts v in little-endian byte order.
func (n Nest) Uint64LE(typ uint16, v uint64) {
	if n.ok(typ) {
		b := n.e.reserve(12)
		storeHeader(b, 8, typ)
		binary.LittleEndian.PutUint64(b[4:], v)
	}
}

// Uint puts a YNL uint: 4 bytes where v fits, else 8.
func (n Nest) Uint(typ uint16, v uint64) {
	if v>>32 == 0 {
		n.Uint32(typ, uint32(v))
	} else {
		n.Uint64(typ, v)
	}
}

// Int puts a YNL sint: 4 bytes where v fits, else 8.
func (n Nest) Int(typ uint16, v int64) {
	if int64(int32(v)) == v {
		n.Uint32(typ, uint32(v))
	} else {
		n.Uint64(typ, uint64(v))
	}
}

// Flag puts an attribute without payload: its presence is its value.
func (n Nest) Flag(typ uint16) {
	if n.ok(typ) {
		storeHeader(n.e.reserve(attrHeaderLen), 0, typ)
	}
}

// Bytes puts a copy of v.
func (n Nest) Bytes(typ uint16, v []byte) {
	if n.fits(typ, len(v)) {
		copy(n.payload(typ, len(v)), v)
	}
}

// String puts s and a final NUL. A NUL inside s is an error.
func (n Nest) String(typ uint16, s string) { n.StringMax(typ, s, maxAttrLen-attrHeaderLen-1) }

// StringMax is String for an attribute that the kernel limits to max bytes
// without the final NUL.
func (n Nest) StringMax(typ uint16, s string, max int) {
	if n.stringOK(typ, s, max) {
		copy(n.payload(typ, len(s)+1), s) // the last byte is zero as the pad is
	}
}

// Chars puts s without a final NUL, for an attribute whose length the kernel
// takes for that of the text, and limits to max bytes.
func (n Nest) Chars(typ uint16, s string, max int) {
	if n.stringOK(typ, s, max) {
		copy(n.payload(typ, len(s)), s)
	}
}

func (n Nest) stringOK(typ uint16, s string, max int) bool {
	switch {
	case !n.ok(typ):
		return false
	case len(s) > max:
		n.tooLong(typ, len(s), max)
		return false
	case strings.IndexByte(s, 0) >= 0:
		n.Fail(typ, fmt.Sprintf("NUL inside the string %q", s))
		return false
	}
	return true
}

// Addr puts the 4 or 16 bytes of an address. An IPv4-mapped IPv6 address is
// put as the 16 bytes that it is. A zone or an invalid Addr is an error: a zone
// has an attribute of its own, the interface index.
func (n Nest) Addr(typ uint16, a netip.Addr) {
	if a.Is4() {
		n.Addr4(typ, a)
	} else {
		n.Addr6(typ, a)
	}
}

// Addr4 is Addr for an attribute that holds an IPv4 address only.
func (n Nest) Addr4(typ uint16, a netip.Addr) {
	if !a.Is4() {
		n.badAddr(typ, a, "IPv4")
	} else if n.ok(typ) {
		b := n.e.reserve(8)
		storeHeader(b, 4, typ)
		v := a.As4()
		copy(b[4:], v[:])
	}
}

// Addr6 is Addr for an attribute that holds an IPv6 address only.
func (n Nest) Addr6(typ uint16, a netip.Addr) {
	if !a.Is6() || a.Zone() != "" {
		n.badAddr(typ, a, "IPv6")
	} else if n.ok(typ) {
		b := n.e.reserve(20)
		storeHeader(b, 16, typ)
		v := a.As16()
		copy(b[4:], v[:])
	}
}

// TailAddr puts a struct with the 4 or 16 bytes of an address behind it.
func (n Nest) TailAddr(typ uint16, st []byte, a netip.Addr) {
	if !a.IsValid() || a.Zone() != "" {
		n.badAddr(typ, a, "IP")
	} else if n.ok(typ) {
		b := n.payload(typ, len(st)+a.BitLen()/8)
		b = b[copy(b, st):]
		if v := a.As16(); a.Is4() {
			copy(b, v[12:])
		} else {
			copy(b, v[:])
		}
	}
}

func (n Nest) badAddr(typ uint16, a netip.Addr, want string) {
	if !n.ok(typ) {
		return
	}
	switch {
	case !a.IsValid():
		n.Fail(typ, "no address: the netip.Addr is invalid")
	case a.Zone() != "":
		n.Fail(typ, fmt.Sprintf("address %s has a zone, which the attribute cannot carry", a))
	default:
		n.Fail(typ, fmt.Sprintf("%s is not an %s address", a, want))
	}
}

// BitField32 puts a bit field.
func (n Nest) BitField32(typ uint16, v BitField32) {
	if n.ok(typ) {
		b := n.payload(typ, 8)
		host.PutUint32(b, v.Value)
		host.PutUint32(b[4:], v.Selector)
	}
}

// Nest opens a nested attribute, with NLA_F_NESTED set.
func (n Nest) Nest(typ uint16) Nest { return n.Open(typ | NLA_F_NESTED) }

// Open opens an attribute whose payload is what is put until its End, without
// NLA_F_NESTED: for payloads that do not begin with an attribute.
func (n Nest) Open(typ uint16) Nest {
	if !n.ok(typ) {
		return Nest{n.e, -1}
	}
	storeHeader(n.e.reserve(attrHeaderLen), 0, typ)
	return n.e.push(n.e.n-attrHeaderLen, n.e.n, frameNest)
}

// OpenHeader is Open for a payload that begins with a fixed struct of size bytes,
// which are to be filled; attributes follow.
func (n Nest) OpenHeader(typ uint16, size int) (Nest, []byte) {
	in := n.Open(typ)
	if in.at < 0 {
		return in, make([]byte, size)
	}
	b := n.e.reserve(align4(size))
	clear(b[size:])
	return in, b[:size]
}

// Elem appends a struct of size bytes, which are to be filled, and opens the
// attributes that follow it. The first two bytes of the struct are the length that
// End writes (struct rtnexthop).
func (n Nest) Elem(size int) (Nest, []byte) {
	if !n.ok(0) {
		return Nest{n.e, -1}, make([]byte, size)
	}
	b := n.e.reserve(size)
	return n.e.push(n.e.n-size, n.e.n, frameElem), b
}

// Space puts an attribute of size bytes and returns them, to be filled.
func (n Nest) Space(typ uint16, size int) []byte {
	if !n.fits(typ, size) {
		return make([]byte, size)
	}
	return n.payload(typ, size)
}

// Raw appends b as it is: fixed headers, and deliberately odd bytes. Nothing is
// checked and nothing padded.
func (n Nest) Raw(b []byte) {
	if n.ok(0) {
		copy(n.e.reserve(len(b)), b)
	}
}

// Fail records a failure of attribute typ, under its path, if it is the first.
func (n Nest) Fail(typ uint16, reason string) {
	n.e.fail(n.e.path(n.e.depth, typ), reason)
}

func (n Nest) tooLong(typ uint16, got, max int) {
	n.Fail(typ, fmt.Sprintf("%d bytes, at most %d fit", got, max))
}

// An AttrError says what is wrong with an attribute.
type AttrError struct {
	Path   string // ".linkinfo.data(vxlan).id"; numbers where there is no name
	Reason string
}

func (err *AttrError) Error() string { return "rtattr: " + err.Path + ": " + err.Reason }

var errClosed = errors.New("rtattr: put or End on a nest that is not open")

func (e *Encoder) fail(path, reason string) {
	if e.err == nil {
		e.err = &AttrError{path, reason}
	}
}

// misplaced explains why n is not the innermost open frame.
func (e *Encoder) misplaced(n Nest, typ uint16) {
	if e.err != nil {
		return
	}
	for _, f := range e.open[:e.depth] {
		if f.at == n.at {
			e.fail(e.path(e.depth, 0), "still open: End is missing")
			return
		}
	}
	e.Fail(errClosed)
}

// path names attribute typ in the depth-th open frame, or that frame if typ is 0.
func (e *Encoder) path(depth int, typ uint16) string {
	s, b := &scope{}, []byte(nil)
	for i, f := range e.open[:depth] {
		inside := e.buf[f.at:e.n] // up to the next open frame, whose length is not known yet
		if i+1 < depth {
			inside = e.buf[f.at:e.open[i+1].start]
		}
		switch f.kind {
		case frameMsg:
			s = newScope(e.Set(e.msgs-1), inside)
			b = append(b, "message"...)
			if s.set != nil {
				b = append(b[:0], s.set.Name...)
			}
			if e.msgs > 1 {
				b = fmt.Appendf(b, "[%d]", e.msgs-1)
			}
		case frameNest:
			t := host.Uint16(e.buf[f.start+2:]) & NLA_TYPE_MASK
			b = append(b, s.name(t)...)
			s = s.enter(t, inside)
		case frameElem:
			n := 0
			for at := e.open[i-1].at; at < f.start; n++ {
				at += align4(max(4, int(host.Uint16(e.buf[at:]))))
			}
			b = fmt.Appendf(b, "[%d]", n)
			s = s.elem(inside)
		}
	}
	if typ != 0 {
		b = append(b, s.name(typ)...)
	}
	return string(b)
}
