//go:build vm && linux

package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// messages sends every golden, in a namespace of its own, as the command and as
// recorded bytes: on the wire, both are what the golden says, and the kernel's
// verdict about both is the same.
func (x *finder) messages(t *testing.T) {
	files, err := golden.Load("../../../rtattr/testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(string(nstest.IP(t, "-V")), ", libbpf")
	_, version, _ = strings.Cut(version, "iproute2-")
	for _, f := range files {
		if f.Replay != "" {
			continue // the bytes hold what differs each time
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			mark(t)
			x.recorded(t, f)
			// The commands take most of the time.
			if !testing.Short() && strings.HasPrefix(f.From, "iproute2 "+version+",") {
				x.command(t, f)
			}
		})
	}
}

// further is what recorded commands want beside their set-up: the kernel that they
// were recorded on has none of it, and refused them.
var further = []struct{ command, line string }{
	{"vrftable 100", vrf + "100"},
	{"ip -f mpls route", "echo 1048575 >/proc/sys/net/mpls/platform_labels && ip address add 192.0.2.1/24 dev v0 && ip link set v1 up && ip link set v0 up"},
	{"ip -f mpls route del", "ip -f mpls route add 100 as 200 via inet 192.0.2.2 dev v0"},
	{"ip -f mpls route get", "ip -f mpls route add 100 as 200 via inet 192.0.2.2 dev v0"},
	{"bridge vlan set", vlans7},
	{"bridge vlan global set", vlans7},
	{"tunnel_info", "bridge link set dev v0 vlan_tunnel on && bridge vlan add dev v0 vid 7-20"},
	{"bridge vlan del dev v0 vid 7 tunnel_info", "bridge vlan add dev v0 vid 7 tunnel_info id 700"},
	{"bridge fdb add 02:00:00:00:00:99 dev v1 master static vlan 7", "bridge vlan add dev v1 vid 7"},
	{"bridge fdb get 02:00:00:00:00:99 br br0 vlan 7", "bridge vlan add dev v1 vid 7 && bridge fdb replace 02:00:00:00:00:99 dev v1 master static vlan 7"},
}

const (
	vrf    = "echo 1 >/proc/sys/net/vrf/strict_mode && ip link add vrf0 type vrf table "
	vlans7 = "ip link set br0 type bridge vlan_filtering 1 mcast_vlan_snooping 1 && bridge vlan add dev br0 vid 7-20 self && bridge vlan add dev v0 vid 7-20"
)

// recordedPlace is the place of a golden.
func recordedPlace(t *testing.T, f golden.File) place {
	t.Helper()
	p := newPlace(t, f.Setup...)
	for _, more := range further {
		if strings.Contains(f.Command, more.command) {
			// Not every kernel has it.
			if out, err := p.shell(more.line); inMachine && err != nil {
				t.Fatalf("%s: %v\n%s", more.line, err, out)
			}
		}
	}
	return p
}

// tap is the index of the device that shows what goes over netlink, out of the way
// of those that the recorded messages name by index.
const tap = 4000

// recorded sends the bytes and notes the outcome, and the attributes.
func (x *finder) recorded(t *testing.T, f golden.File) {
	p := recordedPlace(t, f)
	m, _, err := rtattr.NextMsg(f.Wire)
	if err != nil {
		t.Fatal(err)
	}
	before := p.list(m.Type())
	seen := p.capture()
	replies, err := golden.Send(p.conn, f.Wire)
	outcome := outcome(err)
	x.note(x.f.Messages, f.Name, outcome)
	// The socket asks for the confirmations that it needs.
	want := bytes.Clone(f.Wire)
	rtattr.Msg(want).SetFlags(m.Flags() &^ rtattr.NLM_F_ACK)
	if seen != nil {
		all := seen()
		for _, got := range all {
			got.SetFlags(got.Flags() &^ rtattr.NLM_F_ACK)
		}
		check(t, all, want)
	}
	if outcome != "ok" {
		return
	}
	if golden.Asks(m) && m.Type()&3 == 2 {
		for _, l := range leaves(t, m) {
			x.attribute(l.path, Accepted)
		}
		if len(replies) == 0 && m.Flags()&rtattr.NLM_F_DUMP != rtattr.NLM_F_DUMP {
			t.Errorf("no answer")
		}
		return
	}
	x.accepted(p, m, before)
}

// command runs the command that was recorded: what is on the wire is the golden,
// and the kernel says the same about it.
func (x *finder) command(t *testing.T, f golden.File) {
	p := recordedPlace(t, f)
	seen := p.capture()
	out, err := p.shell(f.Command)
	if seen != nil {
		check(t, seen(), f.Wire)
	}
	x.mu.Lock()
	verdict := x.f.Messages[f.Name]
	x.mu.Unlock()
	if (err == nil) != (verdict == "ok") {
		t.Errorf("%s: %v: %s; but the bytes: %s", f.Command, err, out, verdict)
	}
}

// check wants a message among those that were seen.
func check(t *testing.T, seen []rtattr.Msg, want rtattr.Msg) {
	t.Helper()
	if slices.ContainsFunc(seen, func(got rtattr.Msg) bool { return bytes.Equal(edited(t, got), edited(t, want)) }) {
		return
	}
	t.Errorf("the recorded message is not on the wire\n% x", want)
	for _, got := range seen {
		if got.Type() == want.Type() {
			t.Logf("but\n% x", got)
		}
	}
}

// edited returns a message without what the kernel clears or sets in a request
// while it works, since nlmon shows the same memory, afterwards.
func edited(t *testing.T, m rtattr.Msg) rtattr.Msg {
	t.Helper()
	m = bytes.Clone(m)
	family := m.Payload()[0]
	attrs := func(header int) rtattr.Attrs { return rtattr.Attrs(m.Payload()[header:]) }
	switch typ := m.Type(); {
	case family == unix.AF_BRIDGE && (typ == rtattr.RTM_NEWNEIGH || typ == rtattr.RTM_DELNEIGH): // rtnl_fdb_add, rtnl_fdb_del
		m.Payload()[10] &^= unix.NTF_SELF | unix.NTF_MASTER
	case family == unix.AF_INET6 && typ == rtattr.RTM_NEWROUTE: // ip6_route_multipath_add
		for range attrs(12).Of(rtattr.RTA_MULTIPATH) {
			m.SetFlags(m.Flags()&^(rtattr.NLM_F_EXCL|rtattr.NLM_F_REPLACE) | rtattr.NLM_F_CREATE)
		}
	case family == unix.AF_BRIDGE && (typ == rtattr.RTM_SETLINK || typ == rtattr.RTM_DELLINK): // rtnl_bridge_setlink
		for spec := range attrs(16).Of(rtattr.IFLA_AF_SPEC) {
			for flags := range rtattr.Attrs(spec).Of(rtattr.IFLA_BRIDGE_FLAGS) {
				clear(flags)
			}
			for info := range rtattr.Attrs(spec).Of(rtattr.IFLA_BRIDGE_VLAN_INFO) { // br_vlan_info
				info[0] |= uint8(rtattr.BRIDGE_VLAN_INFO_BRENTRY)
			}
		}
	case typ == rtattr.RTM_NEWVLAN: // br_vlan_rtm_process_one
		for entry := range attrs(8).Of(rtattr.BRIDGE_VLANDB_ENTRY) {
			for info := range rtattr.Attrs(entry).Of(rtattr.BRIDGE_VLANDB_ENTRY_INFO) {
				info[0] |= uint8(rtattr.BRIDGE_VLAN_INFO_RANGE_BEGIN) // struct bridge_vlan_info, little endian here
			}
		}
	}
	return m
}

// outcome puts an error into the kernel's words, without what varies.
func outcome(err error) string {
	var refusal *rtnl.Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &refusal):
		return err.Error()
	case refusal.Message != "":
		return fmt.Sprintf("%v: %s", refusal.Errno, refusal.Message)
	}
	return refusal.Errno.Error()
}

// capture listens to a device of kind nlmon. The function it returns reads the
// requests to rtnetlink that have come since, numbers cleared; it is nil where the
// kernel has no such devices.
func (p place) capture() func() []rtattr.Msg {
	p.Helper()
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, rtattr.IfInfomsg{Index: tap, Flags: rtattr.IFF_UP, Change: rtattr.IFF_UP})
	w.IfName("nlmon0")
	info := w.LinkInfo()
	info.Kind("nlmon")
	info.End()
	w.End()
	err := p.conn.Exec(context.Background(), &e)
	if errors.Is(err, unix.EOPNOTSUPP) && !inMachine {
		return nil
	}
	if err != nil {
		p.Fatal("nlmon0: ", err)
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network byte order
	var fd int
	p.ns.Do(p, func() {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			p.Fatal(err)
		}
		p.Cleanup(func() { unix.Close(fd) })
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20); err != nil {
			p.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: tap}); err != nil {
			p.Fatal(err)
		}
	})
	return func() (requests []rtattr.Msg) {
		p.Helper()
		b := make([]byte, 64<<10)
		for {
			n, from, err := unix.Recvfrom(fd, b, 0)
			if err == unix.EAGAIN {
				return requests
			}
			if err != nil {
				p.Fatal("nlmon0: ", err)
			}
			if from.(*unix.SockaddrLinklayer).Protocol != unix.NETLINK_ROUTE {
				continue
			}
			for rest := b[:n]; len(rest) > 0; {
				var m rtattr.Msg
				// ip sends some requests with the unused rest of its buffer.
				if m, rest, err = rtattr.NextMsg(rest); err != nil {
					break
				}
				if m.Flags()&rtattr.NLM_F_REQUEST != 0 && m.Type() >= rtattr.RTM_NEWLINK {
					m = bytes.Clone(m)
					clear(m[8:16])
					requests = append(requests, m)
				}
			}
		}
	}
}
