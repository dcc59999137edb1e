//go:build linux

package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Place is somewhere in a request where the kernel parses a set.
//
// The request must be one that fails in any case, say because of an interface that
// does not exist, but not before the kernel has come to the place.
type Place struct {
	Name        string // "RTM_NEWLINK data(vxlan)"
	Set         *rtattr.Set
	Type, Flags uint16
	// Wrap returns the payload of a message that ends with the attributes of the set.
	Wrap func(block []byte) []byte
	// Only says which attributes may be probed; nil is all.
	Only func(*rtattr.Attr) bool
}

// An Answer is what the kernel showed of an attribute at a place.
type Answer struct {
	Policy rtnl.Policy // none if its Type is 0
	// MinLen is the length that the kernel wants at least of an attribute that has no
	// policy to show (bytes of a fixed length, numbers declared big-endian); 0 if
	// unknown.
	MinLen int
	// Refused is the kernel's word on an attribute that it takes with no length.
	Refused string
}

func (a Answer) String() string {
	switch {
	case a.Policy.Type != 0:
		return a.Policy.String()
	case a.MinLen != 0:
		return fmt.Sprintf("at least %d bytes", a.MinLen)
	}
	return "refused: " + a.Refused
}

// Typed reports whether the answer tells of the attribute's type.
func (a Answer) Typed() bool { return a.Policy.Type != 0 || a.MinLen != 0 }

// Compare returns how the answer contradicts the table.
func (a Answer) Compare(attr *rtattr.Attr) error {
	switch {
	case a.Policy.Type != 0:
		return Compare(attr, a.Policy)
	case a.MinLen != 0 && !fits(attr, a.MinLen):
		return fmt.Errorf("has %s bytes in the table (%s), the kernel wants %s", lengths(attr), TypeName(attr), a)
	}
	return nil
}

// ErrNoSentinel says that the kernel refuses no attribute of the set in a way that
// names it: it does not parse the set there, or not with an extended ACK.
var ErrNoSentinel = errors.New("no sentinel")

// NLA returns an attribute with its pad.
func NLA(typ uint16, payload ...[]byte) []byte {
	b := make([]byte, 4)
	for _, p := range payload {
		b = append(b, p...)
	}
	binary.NativeEndian.PutUint16(b, uint16(len(b)))
	binary.NativeEndian.PutUint16(b[2:], typ)
	return append(b, make([]byte, -len(b)&3)...)
}

// Probe asks what the kernel accepts as each attribute of a place, by attributes of
// lengths that it should refuse. Those without an answer are accepted with any
// length there, or not looked at.
//
// Nothing takes effect: behind each probed attribute stands another of the same
// set, the sentinel, which the kernel is known to refuse, so that its parse of the
// set always fails.
func Probe(ctx context.Context, c *rtnl.Conn, p Place) (map[uint16]Answer, error) {
	x := &prober{ctx: ctx, c: c, p: p, answers: map[uint16]Answer{}}
	if err := x.findSentinel(); err != nil {
		return nil, err
	}
	var open []uint16
	for typ := range p.Set.Attrs {
		a := &p.Set.Attrs[typ]
		if typ != 0 && a.Name != "" && (p.Only == nil || p.Only(a)) {
			open = append(open, uint16(typ))
		}
	}
	silent := map[uint16]string{} // refused without a policy
	// Nothing is too short for numbers and strings, one byte for nests and too much
	// for flags, thousands for bytes with a limit.
	for _, payload := range [][]byte{nil, {0xff}, ones(5000)} {
		var probes []probe
		for _, typ := range open {
			probes = append(probes, probe{typ, payload})
		}
		refusals, err := x.send(probes)
		if err != nil {
			return nil, err
		}
		open = open[:0]
		for i, r := range refusals {
			typ := probes[i].typ
			switch {
			case r == nil:
				open = append(open, typ)
			case r.Policy.Type != 0:
				x.answers[typ] = Answer{Policy: r.Policy}
			default:
				silent[typ] = r.Message
				open = append(open, typ)
			}
		}
	}
	for _, typ := range open {
		if why, ok := silent[typ]; ok {
			if err := x.minLen(typ, why); err != nil {
				return nil, err
			}
		}
	}
	return x.answers, nil
}

func ones(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xff
	}
	return b
}

type prober struct {
	ctx      context.Context
	c        *rtnl.Conn
	p        Place
	sentinel []byte
	answers  map[uint16]Answer
}

type probe struct {
	typ     uint16
	payload []byte
}

// findSentinel looks for an attribute that the kernel refuses: one without bytes
// that the table gives some, or else a nest, or what may be one, of one byte.
func (x *prober) findSentinel() error {
	var empty, short []probe
	for typ := range x.p.Set.Attrs {
		switch a := &x.p.Set.Attrs[typ]; {
		case typ == 0 || a.Name == "" || x.p.Only != nil && !x.p.Only(a):
		case a.Min > 0:
			empty = append(empty, probe{uint16(typ), nil})
		case a.Type != rtattr.Unused && a.Type != rtattr.Pad:
			short = append(short, probe{uint16(typ), []byte{0xff}})
		}
	}
	for _, p := range append(empty, short...) {
		refusals, err := x.send([]probe{p})
		if err != nil {
			return err
		}
		if refusals[0] != nil {
			x.sentinel = NLA(p.typ, p.payload)
			return nil
		}
	}
	return ErrNoSentinel
}

// send sends a request for each probe, with the sentinel behind it once there is
// one, and returns the refusals that name the probe; nil for those that do not.
func (x *prober) send(probes []probe) ([]*rtnl.Error, error) {
	var e rtattr.Encoder
	at := make([]int, len(probes)) // of the probes in their messages
	for i, p := range probes {
		attr := NLA(p.typ, p.payload)
		payload := x.p.Wrap(append(attr, x.sentinel...))
		at[i] = 16 + len(payload) - len(attr) - len(x.sentinel)
		w := e.Message(x.p.Type, x.p.Flags)
		w.Raw(payload)
		w.End()
	}
	if len(probes) == 0 {
		return nil, nil
	}
	err := x.c.ExecFunc(x.ctx, &e, func(int, rtattr.Msg) {})
	var failed rtnl.Errors
	if err != nil && !errors.As(err, &failed) {
		return nil, fmt.Errorf("%s: %w", x.p.Name, err)
	}
	if x.sentinel != nil && len(failed) != len(probes) {
		return nil, fmt.Errorf("%s: only %d of %d requests failed", x.p.Name, len(failed), len(probes))
	}
	refusals := make([]*rtnl.Error, len(probes))
	for _, f := range failed {
		if f.Offset == at[f.Index] {
			refusals[f.Index] = f
		} else if x.sentinel != nil && f.Offset != at[f.Index]+len(NLA(probes[f.Index].typ, probes[f.Index].payload)) {
			return nil, fmt.Errorf("%s: attribute %d: neither the probe nor the sentinel is refused: %w", x.p.Name, probes[f.Index].typ, f)
		}
	}
	return refusals, nil
}

// minLen looks for the shortest payload that is accepted.
func (x *prober) minLen(typ uint16, why string) error {
	var probes []probe
	for n := range 257 {
		probes = append(probes, probe{typ, make([]byte, n)})
	}
	refusals, err := x.send(probes)
	if err != nil {
		return err
	}
	x.answers[typ] = Answer{Refused: why}
	for n, r := range refusals {
		if r == nil {
			if n > 0 {
				x.answers[typ] = Answer{MinLen: n}
			}
			break
		}
	}
	return nil
}
