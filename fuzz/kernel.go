//go:build linux

package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/internal/vm/plan"
	"github.com/nlwire/nlwire/rtattr"
)

// A Kernel is an oracle that sends messages, to the kernel of a machine of
// internal/vm: the only one that may die of it. Messages go out in a network
// namespace with a few devices, with strict checking. The kernel's log is read
// behind each.
type Kernel struct {
	// Patience is how long an answer may take before it counts as a hang; 0 is 20
	// seconds: an emulated machine is slow.
	Patience time.Duration
	Release  string // of Linux

	log    *os.File // /dev/kmsg
	ns     *os.File
	send   chan<- rtattr.Msg // to the one who talks; closed to end it
	answer <-chan answered
	sent   []rtattr.Msg // in this namespace
	dead   error

	agreed            map[string]map[string]int
	accepted, refused int     // messages of Check
	last              verdict // on the message of the last Check
}

type answered struct {
	verdict verdict
	err     error
}

// machine returns why this is no machine of internal/vm, nil if it is one. The
// files are those of the root folder, which a test may choose.
func machine(root string) error {
	refused := func(format string, args ...any) error {
		return fmt.Errorf("fuzz: messages are sent in a machine of internal/vm only: "+format, args...)
	}
	if os.Getenv("NLWIRE_VM") == "" {
		return refused("NLWIRE_VM is not set")
	}
	b, err := os.ReadFile(root + "/proc/cmdline")
	if err != nil {
		return refused("%w", err)
	}
	for _, parameter := range []string{plan.Output, plan.Files, plan.Load} {
		if !slices.ContainsFunc(strings.Fields(string(b)), func(word string) bool { return strings.HasPrefix(word, parameter+"=") }) {
			return refused("the kernel was started without %s", parameter)
		}
	}
	init, err := os.Readlink(root + "/proc/1/exe")
	if err != nil {
		return refused("%w", err)
	}
	if init != "/init" {
		return refused("the first process is %s", init)
	}
	if _, err := os.Stat(root + plan.Jobs); err != nil {
		return refused("%w", err)
	}
	return nil
}

// OpenKernel fails where this is not certainly a machine of internal/vm.
func OpenKernel() (*Kernel, error) {
	if err := machine(""); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"panic_on_oops":  "0",    // a thread dies of it, and who is left tells what it has sent
		"printk_devkmsg": "on\n", // as many lines as we like
	} {
		if err := os.WriteFile("/proc/sys/kernel/"+name, []byte(value), 0); err != nil {
			return nil, fmt.Errorf("fuzz: %w", err)
		}
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, fmt.Errorf("fuzz: %w", err)
	}
	fd, err := unix.Open("/dev/kmsg", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("fuzz: /dev/kmsg: %w", err)
	}
	k := &Kernel{Release: strings.TrimSpace(string(release)), log: os.NewFile(uintptr(fd), "/dev/kmsg"), agreed: map[string]map[string]int{}}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		k.log.Close()
		return nil, fmt.Errorf("fuzz: /dev/kmsg: %w", err)
	}
	if err := k.Reset(); err != nil {
		k.log.Close()
		return nil, err
	}
	return k, nil
}

// Close leaves the namespace.
func (k *Kernel) Close() error {
	k.leave()
	return k.log.Close()
}

func (k *Kernel) leave() {
	if k.send != nil {
		close(k.send)
		k.ns.Close()
		k.send = nil
	}
}

// Reset goes on in a new namespace: loopback, and the devices 2 to 6.
func (k *Kernel) Reset() error {
	if k.dead != nil {
		return k.dead
	}
	k.leave()
	ns, err := netns.New()
	if err != nil {
		return err
	}
	var fd int
	if err := netns.Do(int(ns.Fd()), func() (err error) { fd, err = open(); return err }); err != nil {
		ns.Close()
		return fmt.Errorf("fuzz: %w", err)
	}
	send, answer := make(chan rtattr.Msg), make(chan answered, 1)
	go func() {
		defer unix.Close(fd)
		for m := range send {
			v, err := exchange(fd, m)
			answer <- answered{v, err}
		}
	}()
	k.ns, k.send, k.answer = ns, send, answer
	for _, m := range devices() {
		switch v, err := k.ask(m); {
		case err != nil:
			return err
		case v.errno != 0 && v.errno != unix.EOPNOTSUPP:
			return fmt.Errorf("fuzz: devices: %w: %s\n%s", v.errno, v.text, text(m))
		}
	}
	k.sent = nil
	return nil
}

// devices are the messages that make what Reset promises.
func devices() (all []rtattr.Msg) {
	link := func(index int32, kind string, put func(rtattr.LinkEncoder)) {
		var e rtattr.Encoder
		h := rtattr.IfInfomsg{Index: index, Flags: rtattr.IFF_UP, Change: rtattr.IFF_UP}
		flags := uint16(rtattr.NLM_F_CREATE | rtattr.NLM_F_EXCL)
		if kind == "" {
			flags = 0
		}
		w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, flags, h)
		if put != nil {
			put(w)
		}
		if kind != "" {
			info := w.LinkInfo()
			info.Kind(kind)
			if kind == "vxlan" {
				data := info.VXLAN()
				data.ID(7)
				data.Port(4789)
				data.End()
			}
			info.End()
		}
		w.End()
		all = append(all, rtattr.Msg(must(e.Finish())))
	}
	link(1, "", nil)
	link(2, "dummy", nil)
	link(3, "bridge", nil)
	link(5, "veth", nil) // the peer is made first and gets 4
	link(5, "", func(w rtattr.LinkEncoder) { w.Master(3) })
	link(6, "vxlan", nil)
	for _, a := range []struct {
		family uint8
		length uint8
		addr   string
	}{{rtattr.AF_INET, 24, "10.0.0.1"}, {rtattr.AF_INET6, 64, "fd00::1"}} {
		var e rtattr.Encoder
		w := rtattr.AppendAddr(&e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE, rtattr.IfAddrmsg{Family: a.family, PrefixLen: a.length, Index: 2})
		w.Local(netip.MustParseAddr(a.addr))
		w.Address(netip.MustParseAddr(a.addr))
		w.End()
		all = append(all, rtattr.Msg(must(e.Finish())))
	}
	return all
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err) // an error in devices
	}
	return b
}

// open returns a socket in the namespace of the thread.
func open() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, err
	}
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK, unix.NETLINK_GET_STRICT_CHK} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 60}), // whoever waits has given up by then
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// A verdict is the kernel's answer to a message.
type verdict struct {
	errno  unix.Errno // 0 is success
	text   string
	off    int // of the attribute that it is about, 0 if not given
	policy *policy
}

// A policy is what the kernel says it accepts instead.
type policy struct {
	typ    rtattr.PolicyType
	lo, hi int // lengths, 0 if not given
}

func (p *policy) String() string {
	switch {
	case p == nil:
		return "a length that it does not tell"
	case p.lo == 0 && p.hi == 0:
		return p.typ.String()
	}
	return fmt.Sprintf("%v of %d to %d bytes", p.typ, p.lo, p.hi)
}

// exchange sends m and reads up to the message that ends the answer.
func exchange(fd int, m rtattr.Msg) (verdict, error) {
	if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return verdict{}, err
	}
	b := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err == unix.ENOBUFS || err == unix.EINTR { // a part of a dump is lost
			continue
		}
		if err != nil {
			return verdict{}, err
		}
		for rest := b[:n]; len(rest) > 0; {
			var a rtattr.Msg
			if a, rest, err = rtattr.NextMsg(rest); err != nil {
				return verdict{}, fmt.Errorf("the answer: %w", err)
			}
			if a.Seq() == m.Seq() && (a.Type() == rtattr.NLMSG_ERROR || a.Type() == rtattr.NLMSG_DONE) {
				return readVerdict(a)
			}
		}
	}
}

// readVerdict reads NLMSG_ERROR and NLMSG_DONE.
func readVerdict(a rtattr.Msg) (v verdict, err error) {
	b := a.Payload()
	if len(b) < 4 {
		return v, errors.New("an answer without a number")
	}
	v.errno = unix.Errno(-int32(binary.NativeEndian.Uint32(b)))
	b = b[4:]
	if a.Type() == rtattr.NLMSG_ERROR {
		b = b[min(16, len(b)):] // the request's header alone: NETLINK_CAP_ACK
	}
	if a.Flags()&rtattr.NLM_F_ACK_TLVS == 0 {
		return v, nil
	}
	var ack rtattr.ErrorAckView
	if err := ack.Parse(b); err != nil {
		return v, fmt.Errorf("the extended ACK: %w", err)
	}
	message, _ := ack.Message()
	v.text = string(message)
	off, _ := ack.Offset()
	v.off = int(off)
	p, err := ack.Policy()
	if err != nil {
		return v, fmt.Errorf("the extended ACK: %w", err)
	}
	if typ, ok := p.Type(); ok {
		v.policy = &policy{typ: typ}
		lo, _ := p.MinLength()
		hi, _ := p.MaxLength()
		v.policy.lo, v.policy.hi = int(lo), int(hi)
	}
	return v, nil
}

// ask sends m with the flags and the number that get it an answer.
func (k *Kernel) ask(m rtattr.Msg) (verdict, error) {
	if k.dead != nil {
		return verdict{}, k.dead
	}
	if k.send == nil {
		return verdict{}, errors.New("fuzz: the kernel is not open")
	}
	m = bytes.Clone(m)
	m.SetFlags(m.Flags() | rtattr.NLM_F_REQUEST | rtattr.NLM_F_ACK)
	m.SetSeq(uint32(len(k.sent) + 1))
	k.sent = append(k.sent, m)
	patience := k.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	k.send <- m
	var got answered
	select {
	case got = <-k.answer:
	case <-late.C:
		got.err = unix.EAGAIN
	}
	log, complained, err := k.read(0)
	if err != nil {
		return verdict{}, err
	}
	switch {
	case got.err == unix.EAGAIN:
		more, _, err := k.read(time.Second)
		if err != nil {
			return verdict{}, err
		}
		hit := k.hit(Hang, m, "", strings.TrimSpace(fmt.Sprintf("no answer after %v %s", patience, first(log+more))), log+more)
		k.leave() // who talks may never come back
		k.dead = hit
		return verdict{}, hit
	case complained:
		more, _, err := k.read(time.Second) // the rest of it
		if err != nil {
			return verdict{}, err
		}
		return got.verdict, k.hit(Complaint, m, "", first(log), log+more)
	case got.err == unix.EMSGSIZE, got.err == unix.ENOBUFS:
		return verdict{errno: got.err.(unix.Errno)}, nil // more than a socket takes
	case got.err != nil:
		return verdict{}, fmt.Errorf("fuzz: %w\n%s", got.err, text(m))
	}
	return got.verdict, nil
}

func (k *Kernel) hit(kind HitKind, m rtattr.Msg, path, what, log string) *Hit {
	h := &Hit{Kind: kind, Path: path, What: what, Kernel: k.Release, Message: m, Log: log}
	if kind != Refused { // for which the state does not matter
		h.Before = slices.Clone(k.sent[:len(k.sent)-1])
	}
	return h
}

// Note writes a line into the kernel's log, which the host keeps even if the
// machine dies.
func (k *Kernel) Note(format string, args ...any) error {
	_, err := k.log.WriteString("<5>fuzz: " + fmt.Sprintf(format, args...) + "\n")
	return err
}

// complaint is what a kernel says of its own faults.
var complaint = regexp.MustCompile(`WARNING: |BUG: |kernel BUG|KASAN|KFENCE|UBSAN|Oops|general protection|refcount_t|possible recursive locking|blocked for more than|soft lockup|unregister_netdevice: waiting`)

func first(log string) string {
	for line := range strings.Lines(log) {
		if complaint.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// read returns what is new in the kernel's log. It waits until nothing has come for
// so long.
func (k *Kernel) read(quiet time.Duration) (log string, complained bool, err error) {
	fd := int(k.log.Fd())
	b := make([]byte, 8<<10) // a record
	var all strings.Builder
	for {
		n, err := unix.Read(fd, b)
		switch {
		case err == unix.EAGAIN:
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(quiet.Milliseconds()))
			if err == unix.EINTR || n > 0 {
				continue
			}
			return all.String(), complaint.MatchString(all.String()), err
		case err == unix.EPIPE || err == unix.EINTR: // overwritten before it was read
			continue
		case err != nil:
			return "", false, fmt.Errorf("fuzz: /dev/kmsg: %w", err)
		}
		// "6,339,5140900,-;text\n SUBSYSTEM=net\n"
		_, line, _ := strings.Cut(string(b[:n]), ";")
		line, _, _ = strings.Cut(line, "\n")
		all.WriteString(line + "\n")
	}
}

// Check sends the message, and returns a *Hit if the kernel complains or hangs, or
// if its verdict about a length is not that of the tables, for no reason that is
// agreed on. What is no single message is not sent.
func (k *Kernel) Check(m rtattr.Msg) error {
	m, rest, err := rtattr.NextMsg(m)
	if err != nil || len(rest) > 3 || m.Type() < rtattr.RTM_NEWLINK {
		return nil
	}
	v, err := k.ask(m)
	if err != nil {
		return err
	}
	k.last = v
	if v.errno == 0 {
		k.accepted++
	} else if v.lengthRefused() {
		k.refused++
	}
	m = k.sent[len(k.sent)-1]
	set := messageSet(m)
	if set == nil {
		return nil
	}
	i := -1
	for n := range set.Walk(m) {
		i++
		if n.Form != rtattr.IsAttr || n.Attr == nil || n.Set == nil {
			continue // the tables say nothing of its length
		}
		if inside := n.Len - n.Head; n.Nested && inside > 0 && inside < 4 {
			continue // too short for an attribute: the stray bytes inside are what the table objects to
		}
		var kind HitKind
		var what string
		switch {
		case v.lengthRefused() && v.off == n.Off && n.Err == nil:
			if why := refusal(n.Attr, n.Len-4, v); why != "" {
				k.agree(why, n)
				continue
			}
			kind, what = Refused, fmt.Sprintf("%d bytes are right in the table, the kernel wants %v: %s", n.Len-4, v.policy, v.text)
		case v.errno == 0 && n.Err != nil:
			p, err := k.policy(m, i)
			if err != nil {
				return err
			}
			if p.agreed != "" {
				k.agree(p.agreed, n)
				continue
			}
			kind, what = Accepted, fmt.Sprintf("%v; the kernel accepts it, and wants %v", n.Err, p.policy)
		default:
			continue
		}
		if why := agreedAttrs[n.Set.CName(n.Attr)]; why != "" {
			k.agree(why, n)
			continue
		}
		return k.hit(kind, m, n.Set.CName(n.Attr)+" "+set.Path(m, n.Off), what, "")
	}
	return nil
}

// lengthRefused reports whether a policy has refused a length (validate_nla in
// lib/nlattr.c: ERANGE is set for those and for nothing else with this text).
func (v verdict) lengthRefused() bool {
	return v.off > 0 && (v.text == "invalid attribute length" || v.text == "binary attribute size out of range" ||
		v.text == "Attribute failed policy validation" && v.errno == unix.ERANGE)
}

// Minimize returns the smallest message for which the kernel shows the same. What
// needs the messages before it, or has stopped the kernel, comes back as it is.
func (k *Kernel) Minimize(h *Hit) (*Hit, error) {
	if k.dead != nil {
		return h, nil
	}
	small := h
	var failed error
	again := func(m rtattr.Msg) bool {
		if failed != nil || k.dead != nil {
			return false
		}
		if h.Kind == Complaint {
			// WARN_ONCE is to warn again.
			if failed = once(); failed != nil {
				return false
			}
		}
		if h.Kind != Refused { // which state does not change
			if failed = k.Reset(); failed != nil {
				return false
			}
		}
		err := k.Check(m)
		if !h.Same(err) {
			return false
		}
		errors.As(err, &small)
		return true
	}
	if again(h.Message) {
		Minimize(h.Message, again)
	}
	return small, failed
}

// once forgets which warnings were given (Documentation/admin-guide/clearing-warn-once.rst).
func once() error {
	const debug = "/sys/kernel/debug"
	if err := unix.Mount("debugfs", debug, "debugfs", 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("fuzz: %s: %w", debug, err)
	}
	if err := os.WriteFile(debug+"/clear_warn_once", []byte("1"), 0); err != nil {
		return fmt.Errorf("fuzz: %w", err)
	}
	return nil
}

// Agreed tells how often each agreed difference was seen, by its reason and the
// attribute.
func (k *Kernel) Agreed() map[string]map[string]int { return k.agreed }

func (k *Kernel) agree(why string, n rtattr.Node) {
	if k.agreed[why] == nil {
		k.agreed[why] = map[string]int{}
	}
	k.agreed[why][n.Set.CName(n.Attr)]++
}
