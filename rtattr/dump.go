package rtattr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Dump writes the rtnetlink messages of b as annotated hex: one line for each
// header and attribute, nested ones indented, long payloads continued.
//
//	38 00 00 00  14 00 05 06  00 00 00 00  00 00 00 00  # RTM_NEWADDR len=56 flags=request|ack|excl|create seq=0 pid=0
//	02 20 00 00  02 00 00 00                            # ifaddrmsg family=2 prefixlen=32 flags=0 scope=universe index=2
//	08 00 02 00  0a 42 42 01                            # IFA_LOCAL 10.66.66.1
//
// Bytes that make no sense are shown as such. The error is w's.
func Dump(w io.Writer, b []byte) error {
	d := dumper{}
	for len(b) > 0 {
		m, rest, err := NextMsg(b)
		if err != nil {
			d.line(b, "%s", strings.TrimPrefix(err.Error(), "rtattr: "))
			break
		}
		d.message(m)
		if pad := b[len(m) : len(b)-len(rest)]; len(pad) > 0 {
			d.line(pad, "pad behind the message")
		}
		b = rest
	}
	_, err := w.Write(d.out.Bytes())
	return err
}

type dumper struct {
	out   bytes.Buffer
	depth int
}

// Width of 16 bytes of hex in groups of four.
const hexWidth = 4*11 + 3*2

// 64 KiB can be nested 16,000 deep: the output would be of 256 MB.
const maxIndent = 32

func (d *dumper) line(b []byte, format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	for first := true; first || len(b) > 0; first = false {
		n := min(len(b), 16)
		var hex []byte
		for i, c := range b[:n] {
			switch {
			case i == 0:
			case i%4 == 0:
				hex = append(hex, "  "...)
			default:
				hex = append(hex, ' ')
			}
			hex = fmt.Appendf(hex, "%02x", c)
		}
		if first {
			fmt.Fprintf(&d.out, "%-*s  # %s%s\n", hexWidth, hex, strings.Repeat("  ", min(d.depth, maxIndent)), note)
		} else {
			fmt.Fprintf(&d.out, "%s\n", hex)
		}
		b = b[n:]
	}
}

// flag names by the kind of message, for the bits that have several meanings.
var (
	flagNames    = [8]string{"request", "multi", "ack", "echo", "dump-intr", "dump-filtered"}
	flagsNew     = [8]string{"replace", "excl", "create", "append"}
	flagsDel     = [8]string{"nonrec", "bulk"}
	flagsGet     = [8]string{"root", "match", "atomic"}
	flagsAck     = [8]string{"capped", "ack-tlvs"}
	flagsUnknown [8]string
)

func msgFlags(typ, flags uint16) string {
	high := &flagsUnknown
	switch {
	case typ == NLMSG_ERROR || typ == NLMSG_DONE:
		high = &flagsAck
	case typ >= RTM_NEWLINK:
		high = [4]*[8]string{&flagsNew, &flagsDel, &flagsGet, &flagsUnknown}[typ&3]
	}
	e := Enum{Flags: true}
	for i, names := range []*[8]string{&flagNames, high} {
		for bit, name := range names {
			if name != "" {
				e.Values = append(e.Values, EnumValue{1 << (8*i + bit), name})
			}
		}
	}
	return e.Format(uint64(flags))
}

func (d *dumper) message(m Msg) {
	name := MsgName(m.Type())
	d.line(m[:msgHeaderLen], "%s len=%d flags=%s seq=%d pid=%d", name, len(m), msgFlags(m.Type(), m.Flags()), m.Seq(), m.PID())
	b := m.Payload()
	switch m.Type() {
	case NLMSG_ERROR:
		d.ack(m, b)
		return
	case NLMSG_DONE:
		if len(b) >= 4 {
			d.line(b[:4], "error=%d", int32(binary.NativeEndian.Uint32(b)))
			b = b[4:]
		}
		d.attrs(&scope{set: &ErrorAckSet, attrs: b})
		return
	}
	set := MsgSet(m.Type())
	if m.Flags()&NLM_F_REQUEST != 0 {
		set = RequestSet(m.Type())
	}
	if set == nil {
		if len(b) > 0 {
			d.line(b, "%d bytes, no table", len(b))
		}
		return
	}
	d.payload(set, b)
}

// Dump writes the payload of a message of set s, its fixed header and its
// attributes, as the function Dump does. The error is w's.
func (s *Set) Dump(w io.Writer, payload []byte) error {
	d := dumper{}
	d.payload(s, payload)
	_, err := w.Write(d.out.Bytes())
	return err
}

func (d *dumper) payload(set *Set, b []byte) {
	if n := set.headerLen(b); n > 0 {
		if len(b) < set.Header.Size {
			if len(b) > 0 {
				d.line(b, "%s is cut short, it has %d bytes", set.Header.Name, set.Header.Size)
			}
			return
		}
		d.line(b[:min(n, len(b))], "%s", set.Header.text(b))
	}
	d.attrs(newScope(set, b))
}

// ack shows struct nlmsgerr: an errno, the header or all of the request, and
// the extended ACK's attributes.
func (d *dumper) ack(m Msg, b []byte) {
	if len(b) < 4+msgHeaderLen {
		d.line(b, "nlmsgerr is cut short")
		return
	}
	d.line(b[:4], "error=%d", int32(binary.NativeEndian.Uint32(b)))
	n := msgHeaderLen
	req := Msg(b[4:])
	if m.Flags()&NLM_F_CAPPED == 0 {
		n = min(max(n, int(binary.NativeEndian.Uint32(req))), len(req))
	}
	d.depth++
	d.line(req[:msgHeaderLen], "request %s seq=%d", MsgName(req.Type()), req.Seq())
	if n > msgHeaderLen {
		d.line(req[msgHeaderLen:n], "its payload")
	}
	d.depth--
	end := min(align4(n), len(req))
	d.pad(req[n:end])
	d.attrs(&scope{set: &ErrorAckSet, attrs: req[end:]})
}

// pad shows the bytes behind a payload whose length is no multiple of 4, unless
// they were shown with it.
func (d *dumper) pad(b []byte) {
	if len(b) > 0 {
		d.line(b, "pad")
	}
}

func (d *dumper) attrs(s *scope) {
	if s.elems != nil {
		d.elems(s)
		return
	}
	for b := s.attrs; len(b) > 0; {
		n, reason := frameLen(b)
		if reason != "" {
			d.line(b, "%s", reason)
			return
		}
		end := min(align4(n), len(b))
		d.attr(s, binary.NativeEndian.Uint16(b[2:]), b[:end], b[attrHeaderLen:n])
		b = b[end:]
	}
}

// attr shows one attribute: whole is its header, payload and pad.
func (d *dumper) attr(s *scope, raw uint16, whole, payload []byte) {
	typ := raw & NLA_TYPE_MASK
	a := s.attr(typ)
	var name string
	switch {
	case a == nil:
		name = fmt.Sprintf("attribute %d", typ)
	case s.each != nil:
		name = fmt.Sprintf("[%d]", typ)
	default:
		name = s.set.CName(a)
	}
	if s.nested(typ, raw&NLA_F_NESTED != 0) {
		in := s.enter(typ, payload)
		head := len(payload) - len(in.attrs)
		if head > 0 {
			name += " " + in.head.text(payload)
		}
		if a != nil && a.Sub != nil {
			name += " (" + s.selector(a.Sub) + ")"
		}
		if len(in.attrs) == 0 {
			d.line(whole, "%s", name) // with the pad
			return
		}
		d.line(whole[:attrHeaderLen+head], "%s", name)
		d.depth++
		d.attrs(in)
		d.depth--
		d.pad(whole[attrHeaderLen+len(payload):])
		return
	}
	if a == nil {
		d.line(whole, "%s, %d bytes", name, len(payload))
		return
	}
	if !a.fits(len(payload)) {
		d.line(whole, "%s: %s", name, a.lengths(len(payload)))
		return
	}
	d.line(whole, "%s", strings.TrimSuffix(name+" "+a.format(payload), " "))
}

func (d *dumper) elems(s *scope) {
	b := s.attrs
	for i := 0; len(b) > 0; i++ {
		n := elemLen(b, s.elems.Size)
		if n == 0 {
			d.line(b, "no complete %s", s.elems.Name)
			return
		}
		d.line(b[:s.elems.Size], "[%d] %s", i, s.elems.text(b))
		d.depth++
		d.attrs(s.elem(b[s.elems.Size:n]))
		d.depth--
		end := min(align4(n), len(b))
		d.pad(b[n:end])
		b = b[end:]
	}
}

// text returns "ifaddrmsg family=2 prefixlen=32"; a short b is zero-filled.
func (st *Struct) text(b []byte) string {
	if len(b) < st.Size {
		b = append(bytes.Clone(b), make([]byte, st.Size-len(b))...)
	}
	out := []byte(st.Name)
	for _, m := range st.Members {
		a := Attr{Type: m.Type, Enum: m.Enum, Struct: m.Struct}
		out = fmt.Appendf(out, " %s=%s", m.Name, a.format(b[m.Off:m.Off+m.Len]))
	}
	return string(out)
}

// format returns a payload as text, for Dump and for selectors in a Path.
func (a *Attr) format(b []byte) string {
	switch t := a.Type; {
	case t.scalar():
		v := scalar(b, t, len(b))
		switch {
		case a.Enum != nil:
			return a.Enum.Format(v)
		case t.signed():
			shift := 64 - 8*len(b)
			return fmt.Sprint(int64(v<<shift) >> shift)
		}
		return fmt.Sprint(v)
	case t == Flag:
		return ""
	case t == String:
		return fmt.Sprintf("%q", cString(b))
	case t == Address:
		return addrText(b)
	case t == HWAddr:
		return strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":")
	case t == StructT:
		return a.Struct.text(b)
	case t == StructArr:
		var parts []string
		for len(b) >= a.Struct.Size {
			parts = append(parts, a.Struct.text(b))
			b = b[a.Struct.Size:]
		}
		return strings.Join(parts, ", ")
	case t == Tail:
		text := a.Struct.text(b)
		b = b[min(a.Struct.Size, len(b)):]
		for len(b) > 16 && len(b)%16 == 0 {
			text += " " + addrText(b[:16]) // segments of a routing header
			b = b[16:]
		}
		return text + " " + addrText(b)
	case t == BitField && len(b) == 8:
		e := a.Enum
		if e == nil {
			e = &Enum{Flags: true}
		}
		return fmt.Sprintf("value=%s selector=%s", e.Format(uint64(host.Uint32(b))), e.Format(uint64(host.Uint32(b[4:]))))
	case t == Arr:
		elem := Attr{Type: a.Elem, Enum: a.Enum}
		n := a.Elem.size()
		var out []string
		for ; len(b) >= n; b = b[n:] {
			out = append(out, elem.format(b[:n]))
		}
		return strings.Join(out, " ")
	case t == Pad:
		return ""
	}
	return fmt.Sprintf("%d bytes", len(b))
}

func addrText(b []byte) string {
	if a, ok := netip.AddrFromSlice(b); ok {
		return a.String()
	}
	return fmt.Sprintf("%d bytes", len(b))
}
