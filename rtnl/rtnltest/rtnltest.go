// Package rtnltest is a scripted rtnetlink: programs that use package rtnl test
// themselves with it, without privileges, network namespaces or netlink.
//
//	k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
//		if r.Msg.Type() == rtattr.RTM_NEWROUTE {
//			r.Fail(unix.ENETUNREACH, "Nexthop has invalid gateway")
//		}
//	}}
//	conn, err := k.Dial()
//	...
//	err = route.Add(ctx, conn, ...)
//
// What the kernel does to datagrams, a Kernel does too: it counts what waits in
// a receive buffer, loses what does not fit and says so with ENOBUFS, cuts what
// is larger than the reader's memory, and leaves out extended ACKs that were not
// asked for. What else may go wrong, Tamper does.
package rtnltest

import (
	"math/bits"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Kernel answers the messages of any number of Conns. Its fields must not be
// changed while a Conn is in use, except by Handle. The zero Kernel agrees to
// everything and lists nothing.
type Kernel struct {
	// Handle answers a message, if it is not nil. The calls come one after the
	// other, as if under the RTNL lock, and may call Notify.
	Handle func(r *Request)

	// Tamper, if not nil, is called with the answers to all that was sent in one
	// datagram, and returns what the socket receives in their place. Mangle
	// returns one at random.
	Tamper func(answers []Datagram) []Datagram

	// Unknown are the options of SOL_NETLINK that end in ENOPROTOOPT:
	// NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK and NETLINK_CAP_ACK make a gVisor.
	Unknown []int

	// MaxBuffer is net.core.rmem_max and wmem_max, 0 is no limit.
	MaxBuffer int

	rtnl sync.Mutex // held by Handle

	mu      sync.Mutex
	ports   uint32 // port ids given away
	sockets []*socket
}

// A Datagram is what one receive returns.
type Datagram struct {
	Port uint32 // id of the sender's port; 0 is the kernel
	Data []byte
	Err  error // is returned in the place of Data

	dump bool // was written into room of its own, as the kernel does
}

// Dial returns a Conn on k.
func (k *Kernel) Dial() (*rtnl.Conn, error) { return rtnl.Dial(&rtnl.Config{Open: k.Open}) }

// Open opens a socket: it is what rtnl.Config.Open wants.
func (k *Kernel) Open() (rtnl.Transport, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ports++
	s := &socket{k: k, port: k.ports, rcvbuf: 212992, sndbuf: 212992}
	s.arrival.L = &s.mu
	k.sockets = append(k.sockets, s)
	return s, nil
}

// Sockets returns how many sockets are open.
func (k *Kernel) Sockets() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sockets)
}

// Notify sends each message of e to all sockets that have joined group.
func (k *Kernel) Notify(group rtattr.Group, e *rtattr.Encoder) error {
	b, err := e.Finish()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(b) > 0 {
		var m rtattr.Msg
		if m, b, err = rtattr.NextMsg(b); err != nil {
			return err
		}
		for _, s := range k.sockets {
			s.notify(group, m)
		}
	}
	return nil
}

// Lose makes the sockets that have joined group lose notifications, as if one
// had not fitted: they lose all further ones until they have been read empty.
func (k *Kernel) Lose(group rtattr.Group) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sockets {
		s.mu.Lock()
		if slices.Contains(s.groups, int(group)) {
			s.overrun()
		}
		s.mu.Unlock()
	}
}

// A socket is a rtnl.Transport.
type socket struct {
	k    *Kernel
	port uint32
	req  Request

	mu                sync.Mutex
	arrival           sync.Cond
	queue             []Datagram
	head              int // of queue
	charged           int // of rcvbuf
	rcvbuf, sndbuf    int
	options           []int
	groups            []int
	lost              bool // ENOBUFS has not been told yet
	congested         bool // NETLINK_S_CONGESTED: nothing is taken in until all is read
	interrupted, shut bool
}

func (s *socket) Send(b []byte) error {
	s.mu.Lock()
	interrupted, sndbuf := s.interrupted, s.sndbuf
	ext, capped := slices.Contains(s.options, unix.NETLINK_EXT_ACK), slices.Contains(s.options, unix.NETLINK_CAP_ACK)
	s.mu.Unlock()
	switch {
	case interrupted:
		return os.ErrDeadlineExceeded
	case len(b) > sndbuf-32:
		return os.NewSyscallError("sendto", unix.EMSGSIZE)
	}
	k, r := s.k, &s.req
	k.rtnl.Lock()
	defer k.rtnl.Unlock()
	r.answers, r.port = nil, s.port
	for len(b) > 0 {
		m, rest, err := rtattr.NextMsg(b)
		if err != nil {
			break // netlink_rcv_skb ignores the rest
		}
		b = rest
		r.begin(m)
		if k.Handle != nil {
			k.Handle(r)
		}
		r.end(ext, capped)
	}
	answers := r.answers
	if k.Tamper != nil {
		answers = k.Tamper(answers)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range answers {
		s.deliver(d)
	}
	return nil
}

// charge is what a datagram takes of SO_RCVBUF: its skb with struct
// skb_shared_info and struct sk_buff.
func charge(d Datagram) int {
	if d.Err != nil {
		return 0
	}
	return max(576, 1<<bits.Len(uint(len(d.Data)+319))) + 256
}

// deliver queues d, or loses it.
func (s *socket) deliver(d Datagram) {
	n := charge(d)
	switch {
	case s.shut:
		return
	case d.dump || d.Err != nil:
	case s.congested || s.charged > 0 && s.charged+n > s.rcvbuf:
		s.overrun()
		return
	}
	s.charged += n
	s.queue = append(s.queue, d)
	s.arrival.Broadcast()
}

func (s *socket) overrun() {
	if !s.congested {
		s.congested, s.lost = true, true
		s.arrival.Broadcast()
	}
}

func (s *socket) notify(group rtattr.Group, m rtattr.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.groups, int(group)) {
		s.deliver(Datagram{Data: slices.Clone(m)})
	}
}

func (s *socket) Receive(b []byte, wait bool) (n int, port uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.lost:
			s.lost = false
			s.drained()
			return 0, 0, os.NewSyscallError("recvfrom", unix.ENOBUFS)
		case s.head < len(s.queue):
			d := s.queue[s.head]
			s.queue[s.head] = Datagram{}
			s.head++
			s.charged -= charge(d)
			s.drained()
			if d.Err != nil {
				return 0, 0, d.Err
			}
			copy(b, d.Data)
			return len(d.Data), d.Port, nil
		case !wait:
			return 0, 0, unix.EAGAIN
		case s.interrupted:
			return 0, 0, os.ErrDeadlineExceeded
		}
		s.arrival.Wait()
	}
}

// drained is netlink_rcv_wake.
func (s *socket) drained() {
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
		s.congested = false
	}
}

func (s *socket) SetOption(option, value int) error {
	if slices.Contains(s.k.Unknown, option) {
		return os.NewSyscallError("setsockopt", unix.ENOPROTOOPT)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if option == unix.NETLINK_ADD_MEMBERSHIP {
		s.groups = append(s.groups, value)
	} else if value != 0 {
		s.options = append(s.options, option)
	}
	return nil
}

func (s *socket) Buffers(read, write int) (rcvbuf, sndbuf int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcvbuf, s.sndbuf = s.size(s.rcvbuf, read), s.size(s.sndbuf, write)
	return s.rcvbuf, s.sndbuf, nil
}

func (s *socket) size(old, size int) int {
	if size == 0 {
		return old
	}
	if limit := s.k.MaxBuffer; limit > 0 {
		size = min(size, limit)
	}
	return max(2*size, 2304) // SOCK_MIN_RCVBUF
}

func (s *socket) Interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = true
	s.arrival.Broadcast()
}

func (s *socket) Close() error {
	s.k.mu.Lock()
	if i := slices.Index(s.k.sockets, s); i >= 0 {
		s.k.sockets = slices.Delete(s.k.sockets, i, i+1)
	}
	s.k.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return os.ErrClosed
	}
	s.shut, s.interrupted, s.queue = true, true, nil
	s.head = 0
	s.arrival.Broadcast()
	return nil
}
