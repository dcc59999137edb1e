package link

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/nlwire/nlwire/rtattr"
)

// A codec goes over the attributes of a kind or of a port in one of two
// directions: it puts the fields of a value, or fills them from a message. So
// each attribute is named once; how wide it is and in which byte order it is sent
// is known to the tables, rtattr.Set.
type codec struct {
	*state
	w rtattr.Nest // where attributes are put
}

// A state is all of a codec that changes. It is apart from the Nest, which would
// else drag the Encoder to the heap: escape analysis does not tell fields apart.
type state struct {
	what   string // "vxlan", of errors
	set    *rtattr.Set
	change bool // the link exists

	reading bool
	shown   bool // by the kernel, which leaves out what a request may leave out too
	data    []byte
	attrs   rtattr.Attrs
	at      [64]uint32 // offsets in attrs by type, 0 is absent
	err     error
}

// begin puts a kind into IFLA_LINKINFO and opens its data. The codec is closed if
// there is nothing to put: then there is no IFLA_INFO_DATA, as ip-link(8) does it.
func (c codec) begin(kind string, nothing bool) codec {
	c.what = kind
	rtattr.LinkInfoEncoder{Nest: c.w}.Kind(kind)
	if nothing {
		return codec{}
	}
	return codec{c.state, c.w.Nest(rtattr.IFLA_INFO_DATA)}
}

func (c codec) open() bool { return c.state != nil }

// use says which attributes follow.
func (c *codec) use(set *rtattr.Set) {
	c.set = set
	if !c.reading {
		return
	}
	var err error
	if c.attrs, err = set.Index(nil, c.data, c.at[:len(set.Attrs)]); err != nil {
		c.fail(err)
	}
}

// fail keeps the first failure.
func (c *codec) fail(err error) {
	if !c.reading {
		c.w.Encoder().Fail(err)
	} else if c.err == nil {
		c.err = err
	}
}

// invalid is told what is wrong with a value that is to be put, "" if nothing.
func (c *codec) invalid(reason string) {
	if reason != "" && !c.reading {
		c.fail(fmt.Errorf("link: %s: %s", c.what, reason))
	}
}

func (c *codec) bytes(typ uint16) ([]byte, bool) { return c.attrs.Bytes(c.at[typ]) }

// An integer is a number of an attribute.
type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32
}

// put puts a number as the table has it.
func (c *codec) put(typ uint16, v uint64) {
	switch c.set.Attrs[typ].Type {
	case rtattr.U8:
		c.w.Uint8(typ, uint8(v))
	case rtattr.U16:
		c.w.Uint16(typ, uint16(v))
	case rtattr.U16BE:
		c.w.Uint16BE(typ, uint16(v))
	case rtattr.U32, rtattr.S32:
		c.w.Uint32(typ, uint32(v))
	case rtattr.U32BE:
		c.w.Uint32BE(typ, uint32(v))
	case rtattr.U64:
		c.w.Uint64(typ, v)
	case rtattr.U64BE:
		c.w.Uint64BE(typ, v)
	case rtattr.Flag:
		c.w.Flag(typ)
	default:
		c.w.Fail(typ, "no number in the table")
	}
}

// number reads a number as the table has it. A flag is 1.
func (c *codec) number(typ uint16) (v uint64, ok bool) {
	b, ok := c.bytes(typ)
	if !ok {
		return 0, false
	}
	switch c.set.Attrs[typ].Type {
	case rtattr.U8:
		v = uint64(b[0])
	case rtattr.U16:
		v = uint64(binary.NativeEndian.Uint16(b))
	case rtattr.U16BE:
		v = uint64(binary.BigEndian.Uint16(b))
	case rtattr.U32, rtattr.S32:
		v = uint64(binary.NativeEndian.Uint32(b))
	case rtattr.U32BE:
		v = uint64(binary.BigEndian.Uint32(b))
	case rtattr.U64:
		v = binary.NativeEndian.Uint64(b)
	case rtattr.U64BE:
		v = binary.BigEndian.Uint64(b)
	case rtattr.Flag:
		v = 1
	}
	return v, true
}

// num is a number that is sent unless it is 0.
func num[T integer](c *codec, typ uint16, p *T) {
	if c.reading {
		if v, ok := c.number(typ); ok {
			*p = T(v)
		}
	} else if *p != 0 {
		c.put(typ, uint64(*p))
	}
}

// always is a number without which there is no link: 0 is sent too.
func always[T integer](c *codec, typ uint16, p *T) {
	if !c.reading && !c.change {
		c.put(typ, uint64(*p))
	} else {
		num(c, typ, p)
	}
}

// opt is a number that is sent if it is there.
func opt[T integer](c *codec, typ uint16, p *Opt[T]) {
	if c.reading {
		if v, ok := c.number(typ); ok {
			*p = Some(T(v))
		}
	} else if v, ok := p.Get(); ok {
		c.put(typ, uint64(v))
	}
}

// yes is a number or flag that is sent if it is true.
func (c *codec) yes(typ uint16, p *bool) {
	if c.reading {
		if v, ok := c.number(typ); ok {
			*p = v != 0
		}
	} else if *p {
		c.put(typ, 1)
	}
}

// optYes is a number 0 or 1 that is sent if it is there.
func (c *codec) optYes(typ uint16, p *Opt[bool]) {
	if c.reading {
		if v, ok := c.number(typ); ok {
			*p = Some(v != 0)
		}
	} else if v, ok := p.Get(); ok {
		var n uint64
		if v {
			n = 1
		}
		c.put(typ, n)
	}
}

// The units of times.
const (
	tick   = 10 * time.Millisecond // USER_HZ of a bridge
	milli  = time.Millisecond
	second = time.Second
)

// duration is a time that is sent, as a number of units, unless it is 0.
func (c *codec) duration(typ uint16, name string, p *time.Duration, unit time.Duration) {
	if c.reading {
		if d, ok := c.readDuration(typ, unit); ok {
			*p = d
		}
	} else if *p != 0 {
		c.putDuration(typ, name, *p, unit)
	}
}

// optDuration is a time that is sent if it is there.
func (c *codec) optDuration(typ uint16, name string, p *Opt[time.Duration], unit time.Duration) {
	if c.reading {
		if d, ok := c.readDuration(typ, unit); ok {
			*p = Some(d)
		}
	} else if d, ok := p.Get(); ok {
		c.putDuration(typ, name, d, unit)
	}
}

func (c *codec) putDuration(typ uint16, name string, d, unit time.Duration) {
	n := d / unit
	switch {
	case d < 0 || d%unit != 0:
		c.fail(fmt.Errorf("link: %s: %s is %v, want a multiple of %d ms", c.what, name, d, unit.Milliseconds()))
	case n > math.MaxUint32 && c.set.Attrs[typ].Max == 4:
		c.fail(fmt.Errorf("link: %s: %s is %v, too long", c.what, name, d))
	default:
		c.put(typ, uint64(n))
	}
}

func (c *codec) readDuration(typ uint16, unit time.Duration) (time.Duration, bool) {
	v, ok := c.number(typ)
	if v > uint64(math.MaxInt64/unit) {
		c.fail(fmt.Errorf("link: %s: %s is %d, which is no time.Duration", c.what, c.set.CName(&c.set.Attrs[typ]), v))
		return 0, false
	}
	return time.Duration(v) * unit, ok
}

// addr is an address that is sent if it is one. The kernel shows 0.0.0.0 and ::
// where there is none.
func (c *codec) addr(typ uint16, p *netip.Addr) {
	if c.reading {
		if a, ok := c.attrs.Addr(c.at[typ]); ok && !a.IsUnspecified() {
			*p = a
		}
	} else if p.IsValid() {
		if c.set.Attrs[typ].Max == 4 {
			c.w.Addr4(typ, *p)
		} else {
			c.w.Addr6(typ, *p)
		}
	}
}

// addr46 is an address with an attribute for each family.
func (c *codec) addr46(typ4, typ6 uint16, p *netip.Addr) {
	if c.reading || p.Is4() {
		c.addr(typ4, p)
	}
	if c.reading || p.Is6() {
		c.addr(typ6, p)
	}
}

// hwaddr is a link layer address that is sent if it is one.
func (c *codec) hwaddr(typ uint16, p *HardwareAddr) {
	if c.reading {
		if b, ok := c.bytes(typ); ok {
			c.readHWAddr(b, p)
		}
	} else if p.n > 0 {
		c.w.Bytes(typ, p.b[:p.n])
	}
}

func (c *codec) readHWAddr(b []byte, p *HardwareAddr) {
	a, ok := HardwareAddrFrom(b)
	if !ok {
		c.fail(fmt.Errorf("link: %s: a hardware address of %d bytes, at most %d fit", c.what, len(b), len(a.b)))
		return
	}
	*p = a
}
