package rtnl

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// minBuffer is what the kernel fills with a dump at most, unless a single
// message is larger (net/netlink/af_netlink.c, netlink_dump). The size of the
// first receive decides about the datagrams that follow: never peek.
const minBuffer = 32 << 10

// A socket is one rtnetlink socket in one call's hands. It is opened by
// netlink.Dial and driven through its descriptor, since netlink.Conn allocates
// per message.
type socket struct {
	nc     *netlink.Conn
	rc     syscall.RawConn
	seq    uint32 // last sequence number used
	buf    []byte // of recv
	rcvbuf int    // SO_RCVBUF as the kernel counts it
	sndbuf int    // SO_SNDBUF
	capped bool   // failures do not repeat the request (NETLINK_CAP_ACK)

	// Closures that are made once, and what they work on.
	send, wait func(fd uintptr) bool
	try        func(fd uintptr)
	out        []byte
	n          int
	errno      unix.Errno
	from       unix.RawSockaddrNetlink
}

func openSocket(ns namespace, cfg *Config, bufSize int) (*socket, error) {
	nc, err := ns.dial()
	if err != nil {
		return nil, err
	}
	s := &socket{nc: nc, seq: rand.Uint32(), buf: make([]byte, bufSize)}
	if err := s.configure(cfg); err != nil {
		nc.Close()
		return nil, err
	}
	s.send, s.wait = s.sendOnce, s.receiveOnce
	s.try = func(fd uintptr) { s.receiveOnce(fd) }
	return s, nil
}

func (s *socket) configure(cfg *Config) (err error) {
	for _, o := range []netlink.ConnOption{
		netlink.ExtendedAcknowledge, netlink.GetStrictCheck, netlink.CapAcknowledge,
	} {
		// ENOPROTOOPT: an older kernel, or gVisor. All of it works without.
		err := s.nc.SetOption(o, true)
		if err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
			return err
		}
		if o == netlink.CapAcknowledge {
			s.capped = err == nil
		}
	}
	if cfg.ReadBuffer > 0 {
		if err := s.nc.SetReadBuffer(cfg.ReadBuffer); err != nil {
			return err
		}
	}
	if cfg.WriteBuffer > 0 {
		if err := s.nc.SetWriteBuffer(cfg.WriteBuffer); err != nil {
			return err
		}
	}
	if s.rcvbuf, err = s.nc.ReadBuffer(); err != nil {
		return err
	}
	if s.sndbuf, err = s.nc.WriteBuffer(); err != nil {
		return err
	}
	s.rc, err = s.nc.SyscallConn()
	return err
}

func (s *socket) close() error { return s.nc.Close() }

// interrupt makes a waiting recv return. The socket is of no use afterwards.
func (s *socket) interrupt() { s.nc.SetReadDeadline(time.Unix(1, 0)) }

func (s *socket) grow(n int) {
	if len(s.buf) < n {
		s.buf = make([]byte, n)
	}
}

// sendAll sends b, whole messages, as one datagram. The kernel has processed
// them when it returns.
func (s *socket) sendAll(b []byte) error {
	s.out = b
	err := s.rc.Write(s.send)
	s.out = nil
	switch {
	case err != nil:
		return err
	case s.errno != 0:
		return os.NewSyscallError("sendto", s.errno)
	case s.n != len(b):
		return fmt.Errorf("sendto took %d of %d bytes", s.n, len(b))
	}
	return nil
}

// kernel is the address of the kernel's sockets: port 0.
var kernel = unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}

// sendOnce and receiveOnce tell the scheduler of the system call (no
// RawSyscall): it may wait for the kernel's RTNL lock.
func (s *socket) sendOnce(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDTO, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(s.out))), uintptr(len(s.out)), 0,
			uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
		if errno == unix.EINTR {
			continue
		}
		s.n, s.errno = int(n), errno
		return errno != unix.EAGAIN
	}
}

// recv receives a datagram of the kernel's into s.buf and returns it, valid
// until the next recv. If there is none it waits, or returns EAGAIN. What other
// processes send to the socket is passed over.
func (s *socket) recv(wait bool) ([]byte, error) {
	for {
		// The answer is mostly there: the poller, and with it interrupt, has a
		// say only if there is something to wait for.
		err := s.rc.Control(s.try)
		if err == nil && s.errno == unix.EAGAIN && wait {
			err = s.rc.Read(s.wait)
		}
		switch {
		case err != nil:
			return nil, err
		case s.errno != 0:
			return nil, os.NewSyscallError("recvfrom", s.errno)
		case s.from.Family != unix.AF_NETLINK || s.from.Pid != 0:
			continue
		case s.n > len(s.buf):
			return nil, &truncatedError{s.n, len(s.buf)}
		}
		return s.buf[:s.n:s.n], nil
	}
}

// receiveOnce reports whether there is something to return.
func (s *socket) receiveOnce(fd uintptr) bool {
	for {
		size := uint32(unix.SizeofSockaddrNetlink)
		s.from = unix.RawSockaddrNetlink{}
		// With MSG_TRUNC the result is the length of the datagram even if it
		// does not fit.
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(s.buf))), uintptr(len(s.buf)), unix.MSG_TRUNC,
			uintptr(unsafe.Pointer(&s.from)), uintptr(unsafe.Pointer(&size)))
		if errno == unix.EINTR {
			continue
		}
		s.n, s.errno = int(n), errno
		return errno != unix.EAGAIN
	}
}

// A truncatedError says that an answer did not fit. The next socket's buffer is
// large enough.
type truncatedError struct{ size, buf int }

func (e *truncatedError) Error() string {
	return fmt.Sprintf("an answer of %d bytes was cut to %d; the buffer has been enlarged: ask again", e.size, e.buf)
}
