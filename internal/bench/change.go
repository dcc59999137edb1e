package bench

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"
	"unsafe"

	"github.com/jsimonetti/rtnetlink/v2"
	mdlayher "github.com/mdlayher/netlink"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	own "github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/rtattr"
)

// changes adds, replaces and deletes n objects, one by one and in batches.
func changes(k kind, n int, p *Programs) Group {
	g := Group{Name: "change " + k.String()}
	for _, o := range []op{add, replace, del} {
		g.Rows = append(g.Rows, KernelRow{
			Title: fmt.Sprintf("%v %d %s, one by one", o, n, kinds[k].title), Limit: "Go, bare system calls", Goal: 1.1})
	}
	for _, o := range []op{add, replace, del} {
		g.Rows = append(g.Rows, KernelRow{
			Title: fmt.Sprintf("%v %d %s, in a batch", o, n, kinds[k].title), Limit: "C, 64 KiB and one ack", Goal: 1.05})
	}
	single, batch, both := [][]int{{0}, {1}, {2}}, [][]int{{3}, {4}, {5}}, [][]int{{0, 3}, {1, 4}, {2, 5}}
	g.open = func(s *space) ([]Contender, error) {
		e := s.conn.Encoder()
		s.onClose(func() { s.conn.Release(e) })
		all := []Contender{
			inGo(Ours, single, n, func(o op) error {
				for i := range n {
					e.Reset(nil)
					appendChange(e, o, k, s.index, i)
					if err := s.conn.Exec(background, e); err != nil {
						return err
					}
				}
				return nil
			}),
			inGo(Ours, batch, n, func(o op) error {
				e.Reset(nil)
				for i := range n {
					appendChange(e, o, k, s.index, i)
				}
				return s.conn.Exec(background, e)
			}),
		}
		bare, err := newBare(s, k)
		if err != nil {
			return nil, err
		}
		rt, err := rtnetlink.Dial(&mdlayher.Config{NetNS: s.fd()})
		if err != nil {
			return nil, err
		}
		s.onClose(func() { rt.Close() })
		h, err := vish.NewHandleAt(netns.NsHandle(s.fd()), unix.NETLINK_ROUTE)
		if err != nil {
			return nil, err
		}
		s.onClose(h.Close)
		all = append(all,
			inGo(Limit, single, n, func(o op) error { return bare.change(o, n) }),
			inGo(RTNetlink, both, n, rtnetlinkChange(rt, k, s.index, n)),
			inGo(Vishvananda, both, n, vishChange(h, k, s.index, n)))

		for _, lib := range p.compiled() {
			c, err := s.start(lib.path)
			if err != nil {
				return nil, err
			}
			rows := single
			if lib.column == Limit {
				rows = batch
			}
			all = append(all, inC(lib.column, rows, n, c, k, s.index))
		}
		if p.ip != "" {
			c, err := ipBatch(s, batch, k, n, p.ip)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return all, nil
	}
	return g
}

// each samples all changes, one after the other.
func each(name string, rows [][]int, f func(o op) (Sample, error)) Contender {
	return Contender{Name: name, Rows: rows, Run: func() (all []Sample, err error) {
		for _, o := range []op{add, replace, del} {
			one, err := f(o)
			if err != nil {
				return nil, fmt.Errorf("%s: %v: %w", name, o, err)
			}
			all = append(all, one)
			if afterEach != nil {
				afterEach()
			}
		}
		return all, nil
	}}
}

// afterEach, if not nil, is called after each change: the test looks what there is.
var afterEach func()

func inGo(name string, rows [][]int, n int, f func(o op) error) Contender {
	return each(name, rows, func(o op) (Sample, error) { return sample(n, func() error { return f(o) }) })
}

func inC(name string, rows [][]int, n int, p *program, k kind, index uint32) Contender {
	return each(name, rows, func(o op) (Sample, error) {
		ns, _, err := p.command("change %v %v %d %d", o, k, index, n)
		return Sample{ns / float64(n), -1}, err
	})
}

// A bare is a socket without a library.
type bare struct {
	fd  int
	k   kind
	msg [3][]byte // a message of each op
	in  []byte
}

var kernelAddr = unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}

func newBare(s *space, k kind) (*bare, error) {
	b := &bare{k: k, in: make([]byte, 4096)}
	for o := range b.msg {
		var e rtattr.Encoder
		appendChange(&e, op(o), k, s.index, 0)
		msg, err := e.Finish()
		if err != nil {
			return nil, err
		}
		m := rtattr.Msg(msg)
		m.SetFlags(m.Flags() | rtattr.NLM_F_REQUEST | rtattr.NLM_F_ACK)
		b.msg[o] = msg
	}
	err := own.Do(s.fd(), func() (err error) {
		b.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.onClose(func() { unix.Close(b.fd) })
	return b, nil
}

// change sends one prepared message after the other, with another address in it,
// and looks at nothing but the errno of the answer.
func (b *bare) change(o op, n int) error {
	m := b.msg[o]
	const header = 16
	at := []int{header + unix.SizeofRtMsg + 4}
	if !b.k.isRoute() {
		local := header + unix.SizeofIfAddrmsg + 4
		at = []int{local, local + 4 + b.k.addr(0).BitLen()/8}
	}
	for i := range n {
		a := b.k.addr(i)
		for _, at := range at {
			if a.Is4() {
				v := a.As4()
				copy(m[at:], v[:])
			} else {
				v := a.As16()
				copy(m[at:], v[:])
			}
		}
		rtattr.Msg(m).SetSeq(uint32(i))
		if _, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(b.fd), uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), 0,
			uintptr(unsafe.Pointer(&kernelAddr)), unix.SizeofSockaddrNetlink); errno != 0 {
			return errno
		}
		got, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(b.fd), uintptr(unsafe.Pointer(&b.in[0])), uintptr(len(b.in)), 0, 0, 0)
		if errno != 0 || got < 20 {
			return fmt.Errorf("recvfrom: %d bytes, %w", got, errno)
		}
		if errno := int32(native.Uint32(b.in[16:])); errno != 0 {
			return unix.Errno(-errno)
		}
	}
	return nil
}

func rtnetlinkChange(c *rtnetlink.Conn, k kind, index uint32, n int) func(o op) error {
	return func(o op) error {
		for i := range n {
			a := stdIP(k.addr(i))
			var err error
			if k.isRoute() {
				m := &rtnetlink.RouteMessage{
					Family: k.family(), DstLength: uint8(k.bits()), Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST,
					Scope: k.scope(), Protocol: o.protocol(), Attributes: rtnetlink.RouteAttributes{Dst: a, OutIface: index}}
				err = [...]func(*rtnetlink.RouteMessage) error{c.Route.Add, c.Route.Replace, c.Route.Delete}[o](m)
			} else {
				m := &rtnetlink.AddressMessage{Family: k.family(), PrefixLength: uint8(k.bits()), Flags: uint8(k.addrFlags()), Index: index,
					Attributes: &rtnetlink.AddressAttributes{Local: a, Address: a, Flags: uint32(k.addrFlags())}}
				switch o {
				case add:
					err = c.Address.New(m)
				case replace: // which its AddressService cannot
					_, err = c.Execute(m, rtattr.RTM_NEWADDR, mdlayher.Request|mdlayher.Acknowledge|mdlayher.Create|mdlayher.Replace)
				case del:
					err = c.Address.Delete(m)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func vishChange(h *vish.Handle, k kind, index uint32, n int) func(o op) error {
	dev := &vish.GenericLink{LinkAttrs: vish.LinkAttrs{Index: int(index)}}
	return func(o op) error {
		for i := range n {
			dst := &net.IPNet{IP: stdIP(k.addr(i)), Mask: net.CIDRMask(k.bits(), k.addr(i).BitLen())}
			var err error
			if k.isRoute() {
				r := &vish.Route{Dst: dst, LinkIndex: int(index), Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST,
					Scope: vish.Scope(k.scope()), Protocol: vish.RouteProtocol(o.protocol())}
				err = [...]func(*vish.Route) error{h.RouteAdd, h.RouteReplace, h.RouteDel}[o](r)
			} else {
				a := &vish.Addr{IPNet: dst, Flags: int(k.addrFlags())}
				err = [...]func(vish.Link, *vish.Addr) error{h.AddrAdd, h.AddrReplace, h.AddrDel}[o](dev, a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// ipBatch has the ip program read a file of commands. Its start is measured too.
func ipBatch(s *space, rows [][]int, k kind, n int, ip string) (c Contender, err error) {
	var files [3]string
	s.onClose(func() {
		for _, f := range files {
			if f != "" {
				os.Remove(f)
			}
		}
	})
	for o := range files {
		if files[o], err = batchFile(op(o), k, n); err != nil {
			return c, err
		}
	}
	return each(IPBatch, rows, func(o op) (one Sample, err error) {
		err = own.Do(s.fd(), func() error {
			cmd := exec.Command(ip, "-batch", files[o])
			start := time.Now()
			out, err := cmd.CombinedOutput()
			d := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if Wall {
				d = time.Since(start)
			}
			one = Sample{float64(d.Nanoseconds()) / float64(n), -1}
			if len(out) > 0 {
				err = errors.Join(err, errors.New(string(out)))
			}
			return err
		})
		return one, err
	}), nil
}

func batchFile(o op, k kind, n int) (name string, err error) {
	f, err := os.CreateTemp("", "bench")
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	for i := range n {
		switch {
		case k.isRoute() && o == del:
			fmt.Fprintf(w, "route del %v dev v0\n", k.prefix(i))
		case k.isRoute():
			fmt.Fprintf(w, "route %v %v dev v0 proto %d\n", o, k.prefix(i), o.protocol())
		case k == addr6 && o != del:
			fmt.Fprintf(w, "address %v %v dev v0 nodad\n", o, k.prefix(i))
		default:
			fmt.Fprintf(w, "address %v %v dev v0\n", o, k.prefix(i))
		}
	}
	return f.Name(), errors.Join(w.Flush(), f.Close())
}
