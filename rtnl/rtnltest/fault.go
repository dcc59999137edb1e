package rtnltest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// A Fault is something that goes wrong with the answers to one system call.
type Fault int

const (
	None        Fault = iota
	Lost              // a datagram is missing, and ENOBUFS says so
	Overrun           // NLMSG_OVERRUN in front of a datagram
	Foreign           // another process sends a forged answer
	Stale             // an answer to an earlier message comes first
	Sequence          // an answer has a sequence number that was not used
	Cut               // a message is longer than its datagram
	Truncated         // a datagram is larger than the reader's memory
	Interrupted       // a message has NLM_F_DUMP_INTR
	Swapped           // two datagrams change places
	Doubled           // a datagram comes twice
	Broken            // receive fails with EIO
	faults
)

// Mangle returns a function for Kernel.Tamper that does one of the faults, at
// random, to a random datagram. Without faults named it chooses among all of them.
func Mangle(rng *rand.Rand, of ...Fault) func([]Datagram) []Datagram {
	return func(answers []Datagram) []Datagram {
		f := Fault(rng.IntN(int(faults)))
		if len(of) > 0 {
			f = of[rng.IntN(len(of))]
		}
		return f.Apply(rng, answers)
	}
}

// Apply does f to a random one of the answers. Without answers most faults do
// nothing.
func (f Fault) Apply(rng *rand.Rand, answers []Datagram) []Datagram {
	answers = slices.Clone(answers)
	switch f {
	case Broken:
		return slices.Insert(answers, rng.IntN(len(answers)+1), Datagram{Err: unix.EIO})
	case Foreign:
		forged := message(rtattr.NLMSG_ERROR, rtattr.NlMsgerr{Errno: -int32(unix.EPERM)}.Append(nil))
		if i, ok := choose(rng, answers); ok {
			forged.SetSeq(rtattr.Msg(answers[i].Data).Seq())
		}
		return slices.Insert(answers, rng.IntN(len(answers)+1), Datagram{Port: 1 + rng.Uint32N(1<<20), Data: forged})
	}
	i, ok := choose(rng, answers)
	if !ok {
		return answers
	}
	d := &answers[i]
	switch f {
	case Lost:
		answers = slices.Delete(answers, i, i+1)
		return slices.Insert(answers, 0, Datagram{Err: unix.ENOBUFS})
	case Overrun:
		return slices.Insert(answers, i, Datagram{Data: message(rtattr.NLMSG_OVERRUN, nil)})
	case Stale:
		return slices.Insert(answers, 0, Datagram{Data: sequence(d.Data, -(1<<20 + rng.Uint32N(1<<20)))})
	case Sequence:
		d.Data = sequence(d.Data, 1<<20+rng.Uint32N(1<<20))
	case Cut:
		d.Data = d.Data[:len(d.Data)-1-rng.IntN(12)]
	case Truncated:
		d.Data = append(slices.Clone(d.Data), make([]byte, 1<<20)...)
	case Interrupted:
		d.Data = slices.Clone(d.Data)
		m := rtattr.Msg(d.Data)
		m.SetFlags(m.Flags() | rtattr.NLM_F_DUMP_INTR)
	case Swapped:
		j := rng.IntN(len(answers))
		answers[i], answers[j] = answers[j], answers[i]
	case Doubled:
		return slices.Insert(answers, i, *d)
	}
	return answers
}

// choose returns the index of a datagram that begins with a message.
func choose(rng *rand.Rand, answers []Datagram) (i int, ok bool) {
	var whole []int
	for i, d := range answers {
		if len(d.Data) >= 16 {
			whole = append(whole, i)
		}
	}
	if len(whole) == 0 {
		return 0, false
	}
	return whole[rng.IntN(len(whole))], true
}

// sequence returns b with another sequence number in its first message.
func sequence(b []byte, add uint32) []byte {
	b = slices.Clone(b)
	binary.NativeEndian.PutUint32(b[8:], rtattr.Msg(b).Seq()+add)
	return b
}
