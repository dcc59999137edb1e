package bench

import (
	"errors"
	"fmt"

	"github.com/jsimonetti/rtnetlink/v2"
	mdlayher "github.com/mdlayher/netlink"
	vish "github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// dumps reads n objects: in place, and into a list.
func dumps(k kind, n int, p *Programs) Group {
	g := Group{Name: fmt.Sprintf("dump %v %d", k, n), Slow: n > 100000, Rows: []KernelRow{
		{Title: fmt.Sprintf("dump %d %s, in place", n, kinds[k].title), Limit: "C, recv alone", Goal: 1.15},
		{Title: fmt.Sprintf("dump %d %s, into a list", n, kinds[k].title)},
	}}
	walk, list := [][]int{{0}}, [][]int{{1}}
	times := max(1, 50000/n) // or the caches that the last contestant has left are measured
	g.open = func(s *space) (all []Contender, err error) {
		if err := s.fill(k, n); err != nil {
			return nil, err
		}
		one := func(name string, rows [][]int, f func() (int, error)) {
			all = append(all, Contender{Name: name, Rows: rows, Run: func() ([]Sample, error) {
				one, err := sample(n*times, func() error { return repeat(times, func() error { return enough(f, n) }) })
				return []Sample{one}, err
			}})
		}
		one(Ours, walk, func() (int, error) { return walkOurs(s.conn, k) })
		one(Ours, list, func() (int, error) { return listOurs(s.conn, k) })
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
		one(RTNetlink, list, func() (int, error) { return listRTNetlink(rt, k) })
		one(Vishvananda, list, func() (int, error) { return listVish(h, k) })
		if k.isRoute() {
			one(Vishvananda, walk, func() (int, error) { return walkVish(h, k) })
		}
		for _, lib := range p.compiled() {
			c, err := s.start(lib.path)
			if err != nil {
				return nil, err
			}
			all = append(all, Contender{Name: lib.column, Rows: walk, Run: func() ([]Sample, error) {
				var sum float64
				err := repeat(times, func() error {
					ns, count, err := c.command("dump %v", k)
					if err == nil && count < n {
						err = fmt.Errorf("%s: %d of %d", lib.column, count, n)
					}
					sum += ns
					return err
				})
				return []Sample{{sum / float64(n*times), -1}}, err
			}})
		}
		return all, nil
	}
	return g
}

func repeat(times int, f func() error) error {
	for range times {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func enough(f func() (int, error), n int) error {
	got, err := f()
	if err == nil && got < n {
		err = fmt.Errorf("%d of %d objects", got, n)
	}
	return err
}

// walkOurs looks at some attributes of each object.
func walkOurs(c *rtnl.Conn, k kind) (n int, err error) {
	var bits int
	var sum uint32
	switch {
	case k == links:
		for v, err := range link.All(background, c, link.Filter{}) {
			if err != nil {
				return n, err
			}
			name, _ := v.IfName()
			mtu, _ := v.MTU()
			n, bits, sum = n+1, bits+len(name), sum+mtu
		}
	case k.isRoute():
		for v, err := range route.All(background, c, route.Filter{Family: k.family()}) {
			if err != nil {
				return n, err
			}
			dst, _ := v.Dst()
			oif, _ := v.OIF()
			n, bits, sum = n+1, bits+dst.BitLen(), sum+oif
		}
	default:
		for v, err := range address.All(background, c, address.Filter{Family: k.family()}) {
			if err != nil {
				return n, err
			}
			local, _ := v.Address()
			n, bits, sum = n+1, bits+local.BitLen(), sum+v.Header.Index
		}
	}
	if bits == 0 || sum == 0 {
		return n, errors.New("attributes are missing")
	}
	return n, nil
}

func listOurs(c *rtnl.Conn, k kind) (int, error) {
	switch {
	case k == links:
		l, err := link.List(background, c, link.Filter{})
		return len(l), err
	case k.isRoute():
		l, err := route.List(background, c, route.Filter{Family: k.family(), Table: rtattr.RT_TABLE_MAIN})
		return len(l), err
	}
	l, err := address.List(background, c, address.Filter{Family: k.family()})
	return len(l), err
}

// listRTNetlink lists both families: the library cannot ask for one of them.
func listRTNetlink(c *rtnetlink.Conn, k kind) (int, error) {
	switch {
	case k == links:
		l, err := c.Link.List()
		return len(l), err
	case k.isRoute():
		l, err := c.Route.List()
		return len(l), err
	}
	l, err := c.Address.List()
	return len(l), err
}

func listVish(h *vish.Handle, k kind) (int, error) {
	switch {
	case k == links:
		l, err := h.LinkList()
		return len(l), err
	case k.isRoute():
		l, err := h.RouteListFiltered(int(k.family()), &vish.Route{Table: unix.RT_TABLE_MAIN}, vish.RT_FILTER_TABLE)
		return len(l), err
	}
	l, err := h.AddrList(nil, int(k.family()))
	return len(l), err
}

func walkVish(h *vish.Handle, k kind) (n int, err error) {
	err = h.RouteListFilteredIter(int(k.family()), &vish.Route{Table: unix.RT_TABLE_MAIN}, vish.RT_FILTER_TABLE,
		func(vish.Route) bool { n++; return true })
	return n, err
}
