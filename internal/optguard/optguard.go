//go:build linux

// Package optguard opens rtnetlink for live tests of routes and nexthops, and refuses
// to send options of encap ip and encap ip6 (GENEVE, VXLAN, ERSPAN): Linux 6.18.44
// stops for good at them, whatever namespace they are sent in.
package optguard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Dial opens rtnetlink in a namespace.
func Dial(t testing.TB, ns *nstest.NS) *rtnl.Conn { t.Helper(); return dial(t, ns, true) }

// DialLax is Dial without strict checking: the kernel does not filter lists then.
func DialLax(t testing.TB, ns *nstest.NS) *rtnl.Conn { t.Helper(); return dial(t, ns, false) }

func dial(t testing.TB, ns *nstest.NS, strict bool) *rtnl.Conn {
	t.Helper()
	conn, err := rtnl.Dial(&rtnl.Config{Open: func() (rtnl.Transport, error) { return open(ns, strict) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// IP runs the ip program in a namespace, with the words of a line as its arguments.
func IP(t testing.TB, ns *nstest.NS, line string) []byte {
	t.Helper()
	refuse(t, line)
	return ns.IP(t, strings.Fields(line)...)
}

func refuse(t testing.TB, line string) {
	t.Helper()
	if strings.Contains(line, "_opts") {
		t.Fatalf("ip %s: options of tunnels stop the kernel", line)
	}
}

// TryIP is IP that returns what ip complains of.
func TryIP(t testing.TB, ns *nstest.NS, line string) (out []byte, err error) {
	t.Helper()
	refuse(t, line)
	if _, err := exec.LookPath("ip"); err != nil {
		ns.IP(t, "-V") // says so
	}
	ns.Do(t, func() {
		var stderr strings.Builder
		cmd := exec.Command("ip", strings.Fields(line)...)
		cmd.Stderr = &stderr
		if out, err = cmd.Output(); err != nil {
			err = fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(stderr.String()))
		}
	})
	return out, err
}

// A socket is the kernel's, but for Send.
type socket struct {
	fd     int
	stop   [2]int // a pipe that Interrupt writes to
	strict bool
}

func open(ns *nstest.NS, strict bool) (rtnl.Transport, error) {
	s := &socket{fd: -1, strict: strict}
	err := netns.Do(ns.FD(), func() (err error) {
		s.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		return err
	})
	if err == nil {
		err = unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err == nil {
		err = unix.Pipe2(s.stop[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	}
	if err != nil {
		unix.Close(s.fd)
		return nil, err
	}
	return s, nil
}

var errInterrupted = errors.New("optguard: interrupted")

func (s *socket) Send(b []byte) error {
	if err := Check(b); err != nil {
		return err
	}
	return unix.Sendto(s.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

func (s *socket) Receive(b []byte, wait bool) (n int, port uint32, err error) {
	for {
		n, from, err := unix.Recvfrom(s.fd, b, unix.MSG_TRUNC)
		if err == nil {
			return n, from.(*unix.SockaddrNetlink).Pid, nil
		}
		if err != unix.EAGAIN && err != unix.EINTR || !wait {
			return 0, 0, err
		}
		fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(s.stop[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return 0, 0, err
		}
		if fds[1].Revents != 0 {
			return 0, 0, errInterrupted
		}
	}
}

func (s *socket) SetOption(option, value int) error {
	if option == unix.NETLINK_GET_STRICT_CHK && !s.strict {
		return unix.ENOPROTOOPT
	}
	return unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, option, value)
}

func (s *socket) Buffers(read, write int) (rcvbuf, sndbuf int, err error) {
	if read > 0 {
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, read)
	}
	if write > 0 {
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, write)
	}
	if rcvbuf, err = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
		sndbuf, err = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	}
	return rcvbuf, sndbuf, err
}

func (s *socket) Interrupt() { unix.Write(s.stop[1], []byte{0}) }

func (s *socket) Close() error {
	return errors.Join(unix.Close(s.fd), unix.Close(s.stop[0]), unix.Close(s.stop[1]))
}

// Check returns an error for messages that must not be sent: routes and nexthops of
// any kind with options of encap ip or ip6, and those whose encapsulation cannot be
// told.
func Check(b []byte) error {
	for len(b) > 0 {
		m, rest, err := rtattr.NextMsg(b)
		if err != nil {
			return err
		}
		b = rest
		p := m.Payload()
		switch {
		case m.Type() >= rtattr.RTM_NEWROUTE && m.Type() <= rtattr.RTM_GETROUTE:
			err = checkRoute(p[min(len(p), 12):])
		case m.Type() >= rtattr.RTM_NEWNEXTHOP && m.Type() <= rtattr.RTM_GETNEXTHOP:
			err = checkWay(p[min(len(p), 8):], rtattr.NHA_ENCAP, rtattr.NHA_ENCAP_TYPE)
		}
		if err != nil {
			return fmt.Errorf("optguard: %s is not sent: %w", rtattr.MsgName(m.Type()), err)
		}
	}
	return nil
}

func checkRoute(b []byte) error {
	if err := checkWay(b, rtattr.RTA_ENCAP, rtattr.RTA_ENCAP_TYPE); err != nil {
		return err
	}
	for mp := range rtattr.Attrs(b).Of(rtattr.RTA_MULTIPATH) {
		for len(mp) > 0 {
			head, attrs, rest := rtattr.NextElem(mp, 8)
			if head == nil {
				return errors.New("bad framing")
			}
			if err := checkWay(attrs, rtattr.RTA_ENCAP, rtattr.RTA_ENCAP_TYPE); err != nil {
				return err
			}
			mp = rest
		}
	}
	return nil
}

// checkWay looks at each encapsulation there is, whatever its kind is said to be: an
// attribute of the number of LWTUNNEL_IP_OPTS is let pass for kinds that are known
// to be others.
func checkWay(b []byte, encap, typ uint16) error {
	attrs, err := rtattr.ParseAttrs(b)
	if err != nil {
		return err
	}
	other := false
	for v := range attrs.Of(typ) {
		var kind uint16
		if len(v) == 2 {
			kind = binary.NativeEndian.Uint16(v)
		}
		other = kind != 0 && kind != uint16(rtattr.LWTUNNEL_ENCAP_IP) && kind != uint16(rtattr.LWTUNNEL_ENCAP_IP6)
		if !other {
			break
		}
	}
	for v := range attrs.Of(encap) {
		in, err := rtattr.ParseAttrs(v)
		if err != nil {
			return err
		}
		if other {
			continue
		}
		for x := range in.All() {
			if x >= rtattr.LWTUNNEL_IP_OPTS {
				return errors.New("options of a tunnel stop the kernel")
			}
		}
	}
	return nil
}
