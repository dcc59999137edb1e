package rtnl

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// minBuffer is what the kernel fills with a dump at most, unless a single
// message is larger (net/netlink/af_netlink.c, netlink_dump). The size of the
// first receive decides about the datagrams that follow: never peek.
const minBuffer = 32 << 10

// readBuffer is the default of Config.ReadBuffer, of which the kernel makes
// twice as much: the failures of 64 KiB of the shortest messages. It is a limit;
// memory is taken by answers that wait, alone.
const readBuffer = 1 << 20

// A socket is a Transport in one call's hands, and what the call needs to know.
type socket struct {
	t      Transport
	seq    uint32 // last sequence number used
	buf    []byte // of recv
	rcvbuf int    // SO_RCVBUF as the kernel counts it
	sndbuf int    // SO_SNDBUF
	capped bool   // failures do not repeat the request (NETLINK_CAP_ACK)

	onClose func() // of the Conn, under its mu
}

// newSocket configures t, and closes it if that fails.
func newSocket(t Transport, read, write, bufSize int) (*socket, error) {
	s := &socket{t: t, seq: rand.Uint32(), buf: make([]byte, bufSize)}
	if err := s.configure(read, write); err != nil {
		t.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) configure(read, write int) (err error) {
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK, unix.NETLINK_CAP_ACK} {
		// ENOPROTOOPT: an older kernel, or gVisor. All of it works without.
		err := s.t.SetOption(option, 1)
		if err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
			return err
		}
		if option == unix.NETLINK_CAP_ACK {
			s.capped = err == nil
		}
	}
	if read == 0 {
		read = readBuffer
	}
	s.rcvbuf, s.sndbuf, err = s.t.Buffers(read, write)
	return err
}

func (s *socket) grow(n int) {
	if len(s.buf) < n {
		s.buf = make([]byte, n)
	}
}

// recv receives a datagram of the kernel's into s.buf and returns it, valid
// until the next recv. If there is none it waits, or returns EAGAIN. What other
// processes send to the socket is passed over.
func (s *socket) recv(wait bool) ([]byte, error) {
	for {
		n, port, err := s.t.Receive(s.buf, wait)
		switch {
		case err != nil:
			return nil, err
		case port != 0:
			continue
		case n > len(s.buf):
			return nil, &truncatedError{n, len(s.buf)}
		}
		return s.buf[:n:n], nil
	}
}

// A truncatedError says that an answer did not fit. The next socket's buffer is
// large enough.
type truncatedError struct{ size, buf int }

func (e *truncatedError) Error() string {
	return fmt.Sprintf("an answer of %d bytes was cut to %d; the buffer has been enlarged: ask again", e.size, e.buf)
}
