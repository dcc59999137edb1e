//go:build linux

package route_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/encap"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

// checksum is that of RFC 1071.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
	}
	sum = sum>>16 + sum&0xffff
	sum += sum >> 16
	return ^uint16(sum)
}

func header4(src, dst netip.Addr, payload []byte) []byte {
	b := make([]byte, 20)
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_ICMP
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	return append(b, payload...)
}

func header6(src, dst netip.Addr, payload []byte) []byte {
	b := make([]byte, 40)
	b[0], b[6], b[7] = 0x60, unix.IPPROTO_ICMPV6, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return append(b, payload...)
}

// tooBig is the answer of a router to an echo message from src to dst that its next
// link does not take. For IPv4 the message is a reply: of requests the kernel tells
// their socket alone (icmp_err in net/ipv4/icmp.c).
func tooBig(router, src, dst netip.Addr, mtu uint16) []byte {
	echo := []byte{0, 0, 0, 0, 0, 0, 0, 0}
	if src.Is6() {
		echo[0] = 128
		icmp := append([]byte{2, 0, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, header6(src, dst, echo)...)
		pseudo := append(append(router.AsSlice(), src.AsSlice()...), 0, 0, 0, byte(len(icmp)), 0, 0, 0, unix.IPPROTO_ICMPV6)
		binary.BigEndian.PutUint16(icmp[2:], checksum(pseudo, icmp))
		return header6(router, src, icmp)
	}
	icmp := append([]byte{3, 4, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, header4(src, dst, echo)...)
	binary.BigEndian.PutUint16(icmp[2:], checksum(icmp))
	return header4(router, src, icmp)
}

// inject sends a packet out of the interface of an index, to whatever is at the
// other end.
func inject(t *testing.T, ns *nstest.NS, index int, mac string, packet []byte) {
	t.Helper()
	proto := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		proto = unix.ETH_P_IPV6
	}
	var be [2]byte
	binary.BigEndian.PutUint16(be[:], proto)
	to := unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(be[:]), Ifindex: index, Halen: 6}
	copy(to.Addr[:], mac)
	ns.Do(t, func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, packet, 0, &to); err != nil {
			t.Fatal(err)
		}
	})
}

// What routers say of the way to a destination is listed as cached routes, and those
// of IPv6 can be deleted as they are listed.
func TestCached(t *testing.T) {
	ns, conn := newLab(t)
	const mac = "\x02\x00\x00\x00\x00\x10"
	for _, line := range []string{
		"link set v0 address 02:00:00:00:00:10",
		"neigh add 10.66.66.2 lladdr 02:00:00:00:00:11 dev v0", "neigh add fd00:1::2 lladdr 02:00:00:00:00:11 dev v0",
		"route add 10.9.0.0/16 via 10.66.66.2", "route add fd09::/64 via fd00:1::2",
	} {
		optguard.IP(t, ns, line)
	}
	cached := func() (list []route.Route) {
		list, err := route.List(ctx, conn, route.Filter{Cloned: true})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	var list []route.Route
	for deadline := time.Now().Add(20 * time.Second); len(list) < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		// Lost, as long as the links are not yet ready.
		inject(t, ns, 2, mac, tooBig(ip("10.66.66.2"), ip("10.66.66.1"), ip("10.9.0.7"), 1300))
		inject(t, ns, 2, mac, tooBig(ip("fd00:1::2"), ip("fd00:1::1"), ip("fd09::7"), 1300))
		// IPv4 caches for whoever asks.
		if _, err := route.Get(ctx, conn, route.Lookup{Dst: ip("10.9.0.7")}); err != nil {
			t.Fatal(err)
		}
		list = cached()
	}
	if len(list) != 2 {
		t.Fatalf("%v", list)
	}
	for i, want := range []route.Route{
		{Dst: pfx("10.9.0.7/32"), Gateway: ip("10.66.66.2"), Index: 3, Metrics: route.Metrics{MTU: 1300}},
		{Dst: pfx("fd09::7/128"), Gateway: ip("fd00:1::2"), Index: 3, Metrics: route.Metrics{MTU: 1300}},
	} {
		got := list[i]
		if got.Flags != rtattr.RTM_F_CLONED || got.Metrics.MTU != 1300 || got.Dst != want.Dst || got.Gateway != want.Gateway || got.Index != want.Index {
			t.Errorf("%+v, want %+v", got, want)
		}
		shown := string(optguard.IP(t, ns, map[bool]string{true: "-4", false: "-6"}[got.Dst.Addr().Is4()]+" -json route show cache"))
		if !strings.Contains(shown, `"dst":"`+want.Dst.Addr().String()+`"`) || !strings.Contains(shown, `"mtu":1300`) {
			t.Errorf("ip shows %s", shown)
		}
	}
	lax := optguard.DialLax(t, ns)
	if list, err := route.List(ctx, lax, route.Filter{Cloned: true}); err != nil || len(list) != 2 {
		t.Errorf("without strict checking: %v, %v", list, err)
	}
	if err := route.Delete(ctx, conn, list[0]); err == nil || !strings.HasSuffix(err.Error(), "a cached IPv4 route cannot be deleted") {
		t.Error(err)
	}
	if err := route.Delete(ctx, conn, list[1]); err != nil {
		t.Error(err)
	}
	if rest := cached(); len(rest) != 1 || rest[0].Dst != list[0].Dst {
		t.Errorf("left %v", rest)
	}
}

// Routing daemons make multicast routes by socket options.
func TestMulticast(t *testing.T) {
	ns, conn := newLab(t)
	daemon := -1
	ns.Do(t, func() {
		var err error
		if daemon, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_IGMP); err != nil {
			t.Fatal(err)
		}
	})
	defer unix.Close(daemon)
	set := func(option int, b []byte) {
		t.Helper()
		if _, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(daemon), unix.IPPROTO_IP, uintptr(option), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0); errno != 0 {
			t.Fatalf("option %d: %v", option, errno)
		}
	}
	const mrtInit, mrtAddVIF, mrtAddMFC, useIndex = 200, 202, 204, 8
	set(mrtInit, binary.NativeEndian.AppendUint32(nil, 1))
	for i, index := range []uint32{3, 5} { // struct vifctl
		vif := binary.NativeEndian.AppendUint16(nil, uint16(i))
		vif = append(vif, useIndex, 1, 0, 0, 0, 0)
		vif = binary.NativeEndian.AppendUint32(vif, index)
		set(mrtAddVIF, append(vif, 0, 0, 0, 0))
	}
	mfc := append(ip("10.66.66.7").AsSlice(), ip("239.7.0.1").AsSlice()...) // struct mfcctl
	mfc = binary.NativeEndian.AppendUint16(mfc, 0)
	ttls := make([]byte, 32)
	ttls[1] = 3
	mfc = append(append(mfc, ttls...), make([]byte, 18)...)
	set(mrtAddMFC, mfc)

	list, err := route.ListMulticast(ctx, conn, rtattr.AF_INET)
	want := route.Multicast{Group: ip("239.7.0.1"), Source: ip("10.66.66.7"), IIF: 3, Outs: route.OutsOf(route.Out{Index: 5, TTL: 3}),
		Table: 253, Protocol: rtattr.RTPROT_MROUTED}
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	got := list[0]
	got.Unused = 0
	if got != want || got.String() != "(10.66.66.7,239.7.0.1) iif 3 oif 5 ttl 3 table default" {
		t.Errorf("%+v %v, want %+v", got, got, want)
	}
	shown := string(optguard.IP(t, ns, "-json mroute show table all"))
	for _, s := range []string{`"src":"10.66.66.7"`, `"dst":"239.7.0.1"`, `"iif":"v0"`, `"oif":"v2"`} {
		if !strings.Contains(shown, s) {
			t.Errorf("ip shows %s, no %s", shown, s)
		}
	}
	if list, err := route.ListMulticast(ctx, conn, rtattr.AF_INET6); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := route.List(ctx, conn, route.Filter{Dst: pfx("239.7.0.1/32")}); err != nil || len(list) != 0 {
		t.Errorf("among others: %v, %v", list, err)
	}
	if _, err := route.ListMulticast(ctx, conn, rtattr.AF_UNSPEC); err == nil {
		t.Error("a list without a family")
	}
}

// The kernel lists no headroom and no descriptors of BPF programs. What is listed is
// enough to delete the route.
func TestBPF(t *testing.T) {
	ns, conn := newLab(t)
	fd, err := program()
	if errors.Is(err, unix.EPERM) {
		t.Skip("bpf(2) is for root, or kernel.unprivileged_bpf_disabled is set: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, r := range []route.Route{
		{Dst: pfx("10.9.0.0/16"), Index: 3, Scope: route.ScopeOf(rtattr.RT_SCOPE_LINK)},
		{Dst: pfx("fd09::/64"), Index: 3, Scope: route.ScopeOf(rtattr.RT_SCOPE_UNIVERSE)},
	} {
		r.Type, r.Protocol, r.Table = rtattr.RTN_UNICAST, 77, rtattr.RT_TABLE_MAIN
		r.Encap = encap.BPF{Xmit: encap.Prog{FD: uint32(fd), Name: "mine"}, Headroom: 256}
		if err := route.Add(ctx, conn, r); err != nil {
			t.Fatal(err)
		}
		list, err := route.List(ctx, conn, route.Filter{Protocol: 77})
		if r.Dst.Addr().Is6() {
			r.Priority = 1024
		}
		r.Encap = encap.BPF{Xmit: encap.Prog{Name: "mine"}}
		if err != nil || len(list) != 1 || list[0] != r {
			t.Fatalf("%+v, %v, want %+v", list, err, r)
		}
		if shown := string(optguard.IP(t, ns, map[bool]string{true: "-4", false: "-6"}[r.Dst.Addr().Is4()]+" -json route show proto 77")); !strings.Contains(shown, `"xmit":"mine"`) {
			t.Errorf("ip shows %s", shown)
		}
		if err := route.Delete(ctx, conn, list[0]); err != nil {
			t.Error(err)
		}
		if err := route.Add(ctx, conn, list[0]); !errors.Is(err, unix.EINVAL) {
			t.Errorf("added without a descriptor: %v", err)
		}
	}
	r := route.Route{Dst: pfx("10.9.0.0/16"), Index: 3, Encap: encap.BPF{Xmit: encap.Prog{FD: uint32(fd), Name: "mine"}, Headroom: 257}}
	if err := route.Add(ctx, conn, r); !errors.Is(err, unix.ERANGE) {
		t.Errorf("headroom of 257: %v", err)
	}
}

// program loads a BPF program that lets packets pass: r0 = 0, exit.
func program() (int, error) {
	const progLoad, lwtXmit = 5, 12 // BPF_PROG_LOAD, BPF_PROG_TYPE_LWT_XMIT
	code := [...]byte{0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}
	license := [...]byte{'G', 'P', 'L', 0}
	attr := struct {
		typ, count     uint32
		code, license  uint64
		logLevel, size uint32
		log            uint64
		version, flags uint32
	}{typ: lwtXmit, count: 2, code: uint64(uintptr(unsafe.Pointer(&code))), license: uint64(uintptr(unsafe.Pointer(&license)))}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, progLoad, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
