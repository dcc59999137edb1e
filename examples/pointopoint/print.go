//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// printDevice reads a device back from the kernel and prints it as `ip address
// show` and `ip route show table all` do.
func printDevice(ctx context.Context, conn *rtnl.Conn, w io.Writer, index int) error {
	name, err := printLink(ctx, conn, w, index)
	if err != nil {
		return err
	}
	addresses, err := address.List(ctx, conn, address.Filter{Index: uint32(index)})
	if err != nil {
		return err
	}
	for _, a := range addresses {
		printAddress(w, a, name)
	}
	routes, err := route.List(ctx, conn, route.Filter{Index: uint32(index)})
	if err != nil {
		return err
	}
	for _, r := range routes {
		printRoute(w, r, name)
	}
	return nil
}

func printLink(ctx context.Context, conn *rtnl.Conn, w io.Writer, index int) (name string, err error) {
	e := conn.Encoder()
	defer conn.Release(e)
	rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Index: int32(index)}).End()
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
		qlen, _ := v.TxQLen()
		state, _ := v.OperState()
		fmt.Fprintf(w, "%d: %s: <%s> mtu %d state %s qlen %d\n", v.Header.Index, name,
			strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(v.Header.Flags.String(), "-", "_"), "|", ",")), mtu,
			strings.ToUpper(state.String()), qlen)
		fmt.Fprintln(w, "    link/none") // ARPHRD_NONE: no link-layer addresses
	}
	return name, nil
}

func printAddress(w io.Writer, a address.Address, name string) {
	family := "inet"
	if a.Local.Addr().Is6() {
		family = "inet6"
	}
	fmt.Fprintf(w, "    %s ", family)
	if a.Peer.IsValid() {
		fmt.Fprintf(w, "%s peer %s", a.Local.Addr(), a.Peer)
	} else {
		fmt.Fprint(w, a.Local)
	}
	fmt.Fprintf(w, " scope %s", scope(a.Scope))
	if family == "inet" {
		fmt.Fprintf(w, " %s", a.Label)
	}
	fmt.Fprintf(w, "\n       valid_lft %s preferred_lft %s\n", a.Valid, a.Preferred)
}

// scope is ip's word: it says global where the kernel says universe.
func scope(s rtattr.Scope) string {
	if s == rtattr.RT_SCOPE_UNIVERSE {
		return "global"
	}
	return s.String()
}

func printRoute(w io.Writer, r route.Route, name string) {
	var b strings.Builder
	if r.Type != rtattr.RTN_UNICAST {
		fmt.Fprintf(&b, "%s ", r.Type)
	}
	switch {
	case r.Dst.Bits() == 0:
		b.WriteString("default")
	case r.Dst.IsSingleIP():
		b.WriteString(r.Dst.Addr().String())
	default:
		b.WriteString(r.Dst.String())
	}
	if r.Gateway != (netip.Addr{}) {
		fmt.Fprintf(&b, " via %s", r.Gateway)
	}
	fmt.Fprintf(&b, " dev %s", name)
	if r.Table != rtattr.RT_TABLE_MAIN {
		fmt.Fprintf(&b, " table %s", r.Table)
	}
	fmt.Fprintf(&b, " proto %s", r.Protocol)
	if s, _ := r.Scope.Value(); s != rtattr.RT_SCOPE_UNIVERSE {
		fmt.Fprintf(&b, " scope %s", scope(s))
	}
	if r.PrefSrc.IsValid() {
		fmt.Fprintf(&b, " src %s", r.PrefSrc)
	}
	if r.Priority != 0 {
		fmt.Fprintf(&b, " metric %d", r.Priority)
	}
	fmt.Fprintln(w, b.String())
}
