package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Sizes say how much is measured.
type Sizes struct {
	Routes        int   // added, replaced and deleted
	Addresses     int   // likewise
	Links         int   // listed
	Notifications int   // of routes, followed; fewer if the receive buffer is too small
	Dumps         []int // of routes
	Peak          int   // routes dumped while the memory is watched
}

// The columns of what the kernel does, beside those of encoding.
const (
	Ours        = "nlwire"
	Limit       = "limit"
	LibMNL      = "libmnl (C)"
	RTNetlink   = "rtnetlink"
	Vishvananda = "vishvananda"
	IPBatch     = "ip -batch"
)

// MinVish is how many times faster than vishvananda's Handle each row is to be.
const MinVish = 4

// A KernelRow is one operation in the kernel.
type KernelRow struct {
	Title string // with the unit
	Limit string // what the column Limit is; "" if there is none
	Goal  float64
}

// A Group are operations that are measured together, in a network namespace of
// their own.
type Group struct {
	Name string
	Rows []KernelRow
	Slow bool // a few rounds are enough

	open func(s *space) ([]Contender, error)
}

// A Contender measures some rows of its group at once.
type Contender struct {
	Name string
	Rows [][]int // of the group: those that each Sample is for
	Run  func() ([]Sample, error)
}

// A Sample is what one item took.
type Sample struct {
	Value  float64 // nanoseconds, or the unit of the row
	Allocs float64 // -1 for another process
}

// Groups returns what is measured of the kernel. Programs that are missing are
// named in without.
func Groups(sizes Sizes, p *Programs) (groups []Group) {
	for _, k := range []kind{route4, route6} {
		groups = append(groups, changes(k, sizes.Routes, p))
	}
	groups = append(groups, changes(addr4, sizes.Addresses, p), changes(addr6, sizes.Addresses, p))
	for _, n := range sizes.Dumps {
		groups = append(groups, dumps(route4, n, p), dumps(route6, n, p))
	}
	groups = append(groups, dumps(links, sizes.Links, p), dumps(addr4, sizes.Addresses, p), dumps(addr6, sizes.Addresses, p))
	groups = append(groups, monitors(route4, sizes.Notifications, p), monitors(route6, sizes.Notifications, p))
	return append(groups, peaks(route6, sizes.Peak, p))
}

// Open makes the namespace of g, and the contenders, which close ends.
func (g Group) Open() (c []Contender, close func(), err error) {
	s, err := newSpace()
	if err != nil {
		return nil, nil, err
	}
	if c, err = g.open(s); err != nil {
		s.close()
		return nil, nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	return c, s.close, nil
}

// A kind is what is changed, listed and followed.
type kind int

// The order is that of c/object.h.
const (
	route4 kind = iota
	route6
	addr4
	addr6
	links
)

var kinds = [...]struct{ name, title string }{
	{"route4", "IPv4 routes"}, {"route6", "IPv6 routes"}, {"addr4", "IPv4 addresses"}, {"addr6", "IPv6 addresses"}, {"links", "links"},
}

func (k kind) String() string { return kinds[k].name }

func (k kind) isRoute() bool { return k <= route6 }

func (k kind) family() uint8 {
	switch k {
	case route4, addr4:
		return rtattr.AF_INET
	case links:
		return rtattr.AF_UNSPEC
	}
	return rtattr.AF_INET6
}

// bits is the prefix length.
func (k kind) bits() int { return [...]int{32, 48, 32, 128}[k] }

// addr returns the address of object i.
func (k kind) addr(i int) netip.Addr {
	if k.family() == rtattr.AF_INET {
		return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	b := [16]byte{0: 0xfd}
	at := 12
	if k == route6 {
		at = 2
	}
	binary.BigEndian.PutUint32(b[at:], uint32(i))
	return netip.AddrFrom16(b)
}

func (k kind) prefix(i int) netip.Prefix { return netip.PrefixFrom(k.addr(i), k.bits()) }

// An op is what is done with objects.
type op int

const (
	add op = iota
	replace
	del
)

var ops = [...]string{"add", "replace", "delete"}

func (o op) String() string { return ops[o] }

func (o op) flags() uint16 {
	return [...]uint16{rtattr.NLM_F_CREATE | rtattr.NLM_F_EXCL, rtattr.NLM_F_CREATE | rtattr.NLM_F_REPLACE, 0}[o]
}

// protocol is what a replaced route differs in.
func (o op) protocol() uint8 {
	return [...]uint8{unix.RTPROT_STATIC, unix.RTPROT_BIRD, 0}[o]
}

func (k kind) scope() uint8 {
	if k == route4 {
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_UNIVERSE
}

// addrFlags avoids duplicate address detection.
func (k kind) addrFlags() rtattr.AddrFlags {
	if k == addr6 {
		return rtattr.IFA_F_NODAD
	}
	return 0
}

// appendChange appends the message that changes object i.
func appendChange(e *rtattr.Encoder, o op, k kind, index uint32, i int) {
	if !k.isRoute() {
		typ := uint16(rtattr.RTM_NEWADDR)
		if o == del {
			typ = rtattr.RTM_DELADDR
		}
		w := rtattr.AppendAddr(e, typ, o.flags(), rtattr.IfAddrmsg{
			Family: k.family(), PrefixLen: uint8(k.bits()), Flags: uint8(k.addrFlags()), Index: index})
		a := k.addr(i)
		w.Local(a)
		w.Address(a)
		w.End()
		return
	}
	typ := uint16(rtattr.RTM_NEWROUTE)
	if o == del {
		typ = rtattr.RTM_DELROUTE
	}
	w := rtattr.AppendRoute(e, typ, o.flags(), rtattr.RtMsg{
		Family: k.family(), DstLen: uint8(k.bits()), Table: unix.RT_TABLE_MAIN,
		Type: rtattr.RTN_UNICAST, Scope: rtattr.Scope(k.scope()), Protocol: rtattr.Protocol(o.protocol())})
	w.Dst(k.addr(i))
	w.OIF(index)
	w.End()
}

var background = context.Background()

// A space is a network namespace with a link that is up.
type space struct {
	file   *os.File
	conn   *rtnl.Conn
	index  uint32 // of the link
	closes []func()
}

func newSpace() (*space, error) {
	file, err := netns.New()
	if err != nil {
		return nil, err
	}
	s := &space{file: file}
	s.onClose(func() { file.Close() })
	if s.conn, err = rtnl.Dial(&rtnl.Config{NetNS: s.fd()}); err == nil {
		s.onClose(func() { s.conn.Close() })
		err = s.setUp()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *space) fd() int { return int(s.file.Fd()) }

// setUp makes a pair of veth, and keeps the kernel from giving them addresses,
// which would be notified of during the measurement.
func (s *space) setUp() error {
	e := s.conn.Encoder()
	defer s.conn.Release(e)
	s.index = 10
	link.AppendAdd(e, link.Config{Name: "v0", Index: s.index}, link.Veth{Peer: link.Config{Name: "v1", Index: s.index + 1}})
	for i := range uint32(2) {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: int32(s.index + i)})
		af := w.AFSpec()
		inet6 := af.Inet6()
		inet6.AddrGenMode(rtattr.IN6_ADDR_GEN_MODE_NONE)
		inet6.End()
		af.End()
		w.End()
	}
	for i := range uint32(2) {
		link.AppendSet(e, s.index+i, link.Config{Set: rtattr.IFF_UP})
	}
	return s.conn.Exec(background, e)
}

func (s *space) onClose(f func()) { s.closes = append(s.closes, f) }

func (s *space) close() {
	for i := len(s.closes) - 1; i >= 0; i-- {
		s.closes[i]()
	}
	s.closes = nil
}

// do changes n objects in batches of 10,000.
func (s *space) do(o op, k kind, n int) error {
	e := s.conn.Encoder()
	defer s.conn.Release(e)
	for i := 0; i < n; {
		e.Reset(nil)
		for end := min(i+10000, n); i < end; i++ {
			appendChange(e, o, k, s.index, i)
		}
		if err := s.conn.Exec(background, e); err != nil {
			return err
		}
	}
	return nil
}

// addLinks adds links until there are n.
func (s *space) addLinks(n int) error {
	e := s.conn.Encoder()
	defer s.conn.Release(e)
	for i := 3; i < n; i += 2 { // lo, v0, v1
		link.AppendAdd(e, link.Config{}, link.Veth{})
	}
	return s.conn.Exec(background, e)
}

// fill makes n objects.
func (s *space) fill(k kind, n int) error {
	if k == links {
		return s.addLinks(n)
	}
	return s.do(add, k, n)
}

// Wall makes samples of the time that has gone by. Without it they are the time
// that the processors have spent on a contender, which other programs on the
// machine affect less; nothing here waits for anything else.
var Wall bool

// now is the clock of samples, in nanoseconds.
func now() float64 {
	clock := int32(unix.CLOCK_PROCESS_CPUTIME_ID)
	if Wall {
		clock = unix.CLOCK_MONOTONIC
	}
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(err) // both clocks exist
	}
	return float64(t.Nano())
}

// sample runs f in this process, for each of n items.
func sample(n int, f func() error) (Sample, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := now()
	err := f()
	ns := now() - start
	runtime.ReadMemStats(&after)
	return Sample{ns / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)}, err
}
