package bench

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	mdlayher "github.com/mdlayher/netlink"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// perNotification is what a notification of a route takes of the receive buffer
// at most, as the kernel counts.
const perNotification = 1280

// spare is room for notifications that nobody waits for: the kernel adds routes of
// IPv6 addresses when it has time.
const spare = 64 << 10

// monitors reads n notifications of new routes that wait in the receive buffer.
// Nothing else runs meanwhile: this is what following costs the reader.
func monitors(k kind, n int, p *Programs) Group {
	g := Group{Name: "monitor " + k.String(), Rows: []KernelRow{
		{Title: fmt.Sprintf("follow %d new %s", n, kinds[k].title), Limit: "C, recv alone"},
	}}
	group := rtattr.Group(rtattr.RTNLGRP_IPV4_ROUTE)
	if k == route6 {
		group = rtattr.RTNLGRP_IPV6_ROUTE
	}
	g.open = func(s *space) (all []Contender, err error) {
		buffer := (n*perNotification + spare) / 2 // the kernel doubles it
		granted, forced, err := bufferGranted(buffer)
		if err != nil {
			return nil, err
		}
		n := min(n, (granted-spare)/perNotification)
		// one makes a contender of a function that subscribes, and returns one that
		// receives n notifications and one that ends the subscription.
		one := func(name string, join func() (drain func() error, leave func(), err error)) {
			all = append(all, Contender{Name: name, Rows: [][]int{{0}}, Run: func() ([]Sample, error) {
				drain, leave, err := join()
				if err != nil {
					return nil, err
				}
				defer leave()
				if err := s.do(add, k, n); err != nil {
					return nil, err
				}
				one, err := sample(n, drain)
				return []Sample{one}, errors.Join(err, s.do(del, k, n))
			}})
		}
		one(Ours, func() (func() error, func(), error) {
			w, err := rtnl.Watch(background, s.conn, &rtnl.WatchConfig{ReadBuffer: buffer}, followed(k, group))
			if err != nil {
				return nil, nil, err
			}
			leave := func() { w.Close() }
			for {
				if ev, err := w.Next(); err != nil {
					leave()
					return nil, nil, err
				} else if ev.Type == rtnl.Synced {
					break
				}
			}
			return func() error {
				for range n {
					if ev, err := w.Next(); err != nil || ev.Type != rtnl.Added {
						return fmt.Errorf("%v, %w", ev.Type, err)
					}
				}
				return nil
			}, leave, nil
		})
		one(RTNetlink, func() (func() error, func(), error) {
			nc, err := mdlayher.Dial(unix.NETLINK_ROUTE, &mdlayher.Config{NetNS: s.fd(), Groups: 1 << (group - 1)})
			if err != nil {
				return nil, nil, err
			}
			leave := func() { nc.Close() }
			if err := setBuffer(nc, buffer); err != nil {
				leave()
				return nil, nil, err
			}
			return func() error {
				for got := 0; got < n; {
					// rtnetlink.Conn has no way to join a group, and its Receive is this.
					msgs, err := nc.Receive()
					if err != nil {
						return err
					}
					for _, m := range msgs {
						var r rtnetlink.RouteMessage
						if err := r.UnmarshalBinary(m.Data); err != nil {
							return err
						}
						got++
					}
				}
				return nil
			}, leave, nil
		})
		one(Vishvananda, func() (func() error, func(), error) {
			ch, done := make(chan vish.RouteUpdate), make(chan struct{})
			ns := netns.NsHandle(s.fd())
			err := vish.RouteSubscribeWithOptions(ch, done, vish.RouteSubscribeOptions{
				Namespace: &ns, ReceiveBufferSize: buffer, ReceiveBufferForceSize: forced})
			if err != nil {
				return nil, nil, err
			}
			leave := func() {
				close(done)
				for range ch { // until its goroutine ends
				}
			}
			return func() error {
				for range n {
					if _, ok := <-ch; !ok {
						return errors.New("the subscription has ended")
					}
				}
				return nil
			}, leave, nil
		})
		for _, lib := range p.compiled() {
			c, err := s.start(lib.path)
			if err != nil {
				return nil, err
			}
			all = append(all, Contender{Name: lib.column, Rows: [][]int{{0}}, Run: func() ([]Sample, error) {
				if _, _, err := c.command("join %d %d", group, buffer); err != nil {
					return nil, err
				}
				if err := s.do(add, k, n); err != nil {
					return nil, err
				}
				ns, _, err := c.command("drain %d", n)
				return []Sample{{ns / float64(n), -1}}, errors.Join(err, s.do(del, k, n))
			}})
		}
		return all, nil
	}
	return g
}

// A hop is what is followed of a route.
type hop struct {
	oif      uint32
	protocol rtattr.Protocol
}

// followed is routes by destination.
func followed(k kind, group rtattr.Group) rtnl.Object[netip.Prefix, hop] {
	return rtnl.Object[netip.Prefix, hop]{
		Groups:   []rtattr.Group{group},
		Unmarked: true,
		List: func(e *rtattr.Encoder) {
			rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: k.family()}).End()
		},
		Parse: func(m rtattr.Msg) (dst netip.Prefix, h hop, err error) {
			if m.Type() != rtattr.RTM_NEWROUTE && m.Type() != rtattr.RTM_DELROUTE {
				return dst, h, rtnl.ErrSkip
			}
			var v rtattr.RouteView
			if err := v.Parse(m.Payload()); err != nil {
				return dst, h, err
			}
			if v.Header.Family != k.family() {
				return dst, h, rtnl.ErrSkip
			}
			a, _ := v.Dst()
			h.oif, _ = v.OIF()
			h.protocol = v.Header.Protocol
			return netip.PrefixFrom(a, int(v.Header.DstLen)), h, nil
		},
	}
}

// bufferGranted returns the receive buffer that this process gets if it asks for n
// bytes, and whether it may go beyond the system's limit.
func bufferGranted(n int) (size int, forced bool, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, false, err
	}
	defer unix.Close(fd)
	forced = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) == nil
	if !forced {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n); err != nil {
			return 0, false, err
		}
	}
	size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return size, forced, err
}

func setBuffer(nc *mdlayher.Conn, n int) error {
	rc, err := nc.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = rc.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) != nil {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, n)
		}
	})
	return errors.Join(err, set)
}
