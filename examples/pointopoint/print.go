//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// printDevice reads a device back from the kernel and prints it as `ip address
// show dev` and `ip route show table all dev` do.
func printDevice(ctx context.Context, conn *rtnl.Conn, w io.Writer, index int) error {
	name, err := printLink(ctx, conn, w, index)
	if err != nil {
		return err
	}
	for _, family := range []uint8{rtattr.AF_INET, rtattr.AF_INET6} {
		addresses, err := address.List(ctx, conn, address.Filter{Family: family, Index: uint32(index)})
		if err != nil {
			return err
		}
		for _, a := range addresses {
			printAddress(w, a)
		}
	}
	for _, family := range []uint8{rtattr.AF_INET, rtattr.AF_INET6} {
		for v, err := range route.All(ctx, conn, route.Filter{Family: family, Index: uint32(index)}) {
			if err != nil {
				return err
			}
			if err := printRoute(w, v, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// printed are the flags of a link in the order in which ip prints them.
var printed = []rtattr.IfFlags{
	rtattr.IFF_LOOPBACK, rtattr.IFF_BROADCAST, rtattr.IFF_POINTOPOINT, rtattr.IFF_MULTICAST, rtattr.IFF_NOARP, rtattr.IFF_ALLMULTI,
	rtattr.IFF_PROMISC, rtattr.IFF_MASTER, rtattr.IFF_SLAVE, rtattr.IFF_DEBUG, rtattr.IFF_DYNAMIC, rtattr.IFF_AUTOMEDIA,
	rtattr.IFF_PORTSEL, rtattr.IFF_NOTRAILERS, rtattr.IFF_UP, rtattr.IFF_LOWER_UP, rtattr.IFF_DORMANT, rtattr.IFF_ECHO,
}

func flags(f rtattr.IfFlags) string {
	var names []string
	if f&rtattr.IFF_UP != 0 && f&rtattr.IFF_RUNNING == 0 {
		names = append(names, "NO-CARRIER")
	}
	for _, x := range printed {
		if f&x != 0 {
			names = append(names, strings.ToUpper(strings.ReplaceAll(x.String(), "-", "_")))
		}
	}
	return strings.Join(names, ",")
}

func printLink(ctx context.Context, conn *rtnl.Conn, w io.Writer, index int) (name string, err error) {
	e := conn.Encoder()
	defer conn.Release(e)
	link.AppendGet(e, uint32(index))
	for m, err := range conn.Query(ctx, e) {
		if err != nil {
			return "", err
		}
		var v rtattr.LinkView
		if err := v.Parse(m.Payload()); err != nil {
			return "", err
		}
		b, _ := v.IfName()
		name = string(b)
		mtu, _ := v.MTU()
		qdisc, _ := v.Qdisc()
		state, _ := v.OperState()
		qlen, _ := v.TxQLen()
		fmt.Fprintf(w, "%d: %s: <%s> mtu %d qdisc %s state %s group default qlen %d\n",
			v.Header.Index, name, flags(v.Header.Flags), mtu, qdisc, strings.ToUpper(state.String()), qlen)
		fmt.Fprintln(w, "    link/none") // ARPHRD_NONE: a TUN has no link-layer addresses
	}
	return name, nil
}

func printAddress(w io.Writer, a address.Address) {
	family := "inet"
	if a.Local.Addr().Is6() {
		family = "inet6"
	}
	own := a.Local.String()
	if a.Peer.IsValid() {
		own = fmt.Sprintf("%s peer %s", a.Local.Addr(), a.Peer)
	}
	words := []string{"   ", family, own, "scope", scope(a.Scope)}
	if a.Flags&rtattr.IFA_F_PERMANENT == 0 {
		words = append(words, "dynamic")
	}
	if rest := a.Flags &^ rtattr.IFA_F_PERMANENT; rest != 0 {
		words = append(words, strings.Split(rest.String(), "|")...)
	}
	if a.Label != "" {
		words = append(words, a.Label)
	}
	fmt.Fprintf(w, "%s\n       valid_lft %s preferred_lft %s\n", strings.Join(words, " "), a.Valid, a.Preferred)
}

// scope is ip's word: it says global where the kernel says universe.
func scope(s rtattr.Scope) string {
	if s == rtattr.RT_SCOPE_UNIVERSE {
		return "global"
	}
	return s.String()
}

func printRoute(w io.Writer, v *rtattr.RouteView, name string) error {
	r, err := route.Parse(v)
	if err != nil {
		return err
	}
	var words []string
	add := func(w ...string) { words = append(words, w...) }
	if r.Type != rtattr.RTN_UNICAST {
		add(r.Type.String())
	}
	switch {
	case r.Dst.Bits() == 0:
		add("default")
	case r.Dst.IsSingleIP():
		add(r.Dst.Addr().String())
	default:
		add(r.Dst.String())
	}
	if r.Gateway.IsValid() {
		add("via", r.Gateway.String())
	}
	add("dev", name)
	if r.Table != rtattr.RT_TABLE_MAIN {
		add("table", r.Table.String())
	}
	add("proto", r.Protocol.String())
	if r.Dst.Addr().Is4() {
		if s, _ := r.Scope.Value(); s != rtattr.RT_SCOPE_UNIVERSE {
			add("scope", scope(s))
		}
	}
	if r.PrefSrc.IsValid() {
		add("src", r.PrefSrc.String())
	}
	if metric, ok := v.Priority(); ok {
		add("metric", fmt.Sprint(metric))
	}
	if pref, ok := v.Pref(); ok {
		add("pref", pref.String())
	}
	_, err = fmt.Fprintln(w, strings.Join(words, " "))
	return err
}
