//go:build linux

package link_test

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A lax transport is a socket of a kernel that has no strict checking.
type lax struct {
	fd  int
	end [2]int // Interrupt writes
}

func openLax(t *testing.T, l lab) func() (rtnl.Transport, error) {
	return func() (rtnl.Transport, error) {
		x := &lax{}
		var err error
		l.Do(t, func() {
			if x.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err == nil {
				err = unix.Pipe2(x.end[:], unix.O_CLOEXEC)
			}
		})
		return x, err
	}
}

func (x *lax) Send(b []byte) error {
	return unix.Sendto(x.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

func (x *lax) Receive(b []byte, wait bool) (int, uint32, error) {
	if wait {
		p := []unix.PollFd{{Fd: int32(x.fd), Events: unix.POLLIN}, {Fd: int32(x.end[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, -1); err != nil {
			return 0, 0, err
		}
	}
	n, _, err := unix.Recvfrom(x.fd, b, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	return n, 0, err
}

func (x *lax) SetOption(option, value int) error {
	if option == unix.NETLINK_GET_STRICT_CHK {
		return unix.ENOPROTOOPT
	}
	return unix.SetsockoptInt(x.fd, unix.SOL_NETLINK, option, value)
}

func (x *lax) Buffers(read, write int) (int, int, error) {
	rcv, err := unix.GetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0, 0, err
	}
	snd, err := unix.GetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	return rcv, snd, err
}

func (x *lax) Interrupt() { unix.Write(x.end[1], []byte{0}) }

func (x *lax) Close() error {
	unix.Close(x.end[0])
	unix.Close(x.end[1])
	return unix.Close(x.fd)
}

// TestFilter wants each filter to list the same links, whether the kernel checks
// requests strictly or not, as one goes through all links oneself.
func TestFilter(t *testing.T) {
	l := newLab(t)
	many(t, l.conn)
	plain, err := rtnl.Dial(&rtnl.Config{Open: openLax(t, l)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	all := settled(t, l.conn)
	for _, tt := range []struct {
		f    link.Filter
		s    string
		n    int
		want func(link.Link) bool
	}{
		{link.Filter{}, "", 12, func(link.Link) bool { return true }},
		{link.Filter{Kind: "veth"}, "type veth", 4, func(l link.Link) bool { return l.Kind == "veth" }},
		{link.Filter{Kind: "never-heard-of"}, "type never-heard-of", 0, func(l link.Link) bool { return false }},
		{link.Filter{Master: 20}, "master 20", 1, func(l link.Link) bool { return l.Master == 20 }},
		{link.Filter{Master: 77}, "master 77", 0, func(l link.Link) bool { return false }},
		{link.Filter{MasterKind: "bridge"}, "type bridge_slave", 2, func(l link.Link) bool { return l.Master != 0 }},
		{link.Filter{NoMaster: true}, "nomaster", 10, func(l link.Link) bool { return l.Master == 0 }},
		{link.Filter{Up: true}, "up", 5, func(l link.Link) bool { return l.Up() }},
		{link.Filter{Group: link.Some[uint32](7)}, "group 7", 1, func(l link.Link) bool { return l.Group == 7 }},
		{link.Filter{Group: link.Some[uint32](0)}, "group 0", 11, func(l link.Link) bool { return l.Group == 0 }},
		{link.Filter{Kind: "veth", Master: 20, MasterKind: "bridge", Up: true, Group: link.Some[uint32](7)},
			"type veth master 20 type bridge_slave up group 7", 1, func(l link.Link) bool { return l.Name == "v0" }},
		{link.Filter{Kind: "veth", NoMaster: true}, "type veth nomaster", 2, func(l link.Link) bool { return l.Name == "v1" || l.Name == "v3" }},
	} {
		var want []link.Link
		for _, l := range all {
			if tt.want(l) {
				want = append(want, l)
			}
		}
		for _, conn := range []*rtnl.Conn{l.conn, plain} {
			got, err := link.List(ctx, conn, tt.f)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v: %v\ngot  %v\nwant %v", tt.f, err, got, want)
			}
		}
		if tt.f.String() != tt.s || len(want) != tt.n {
			t.Errorf("%v: %d links; want %s: %d", tt.f, len(want), tt.s, tt.n)
		}
	}
}

// TestVFRequest asks for virtual functions, of which these links have none.
func TestVFRequest(t *testing.T) {
	l := newLab(t)
	for v, err := range link.All(ctx, l.conn, link.Filter{Ext: rtattr.RTEXT_FILTER_VF, Stats: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if vfs, err := link.ParseVFs(v); err != nil || vfs != nil {
			t.Errorf("%v, %v", vfs, err)
		}
	}
	err := link.SetVF(ctx, l.conn, 1, link.VF{Trust: link.Some(true)})
	if err == nil || err.Error() != "link: set VF dev 1: operation not supported" {
		t.Error(err)
	}
}
