package rtnl

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// The index of the loopback device in a new namespace.
const lo = 1

// dial returns a Conn in a network namespace of its own.
func dial(t testing.TB, cfg Config) (*Conn, *nstest.NS) {
	t.Helper()
	ns := nstest.New(t)
	cfg.NetNS = ns.FD()
	c, err := Dial(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, ns
}

const create = rtattr.NLM_F_CREATE | rtattr.NLM_F_EXCL

// addr4 returns 10.x.y.z, another one for each i.
func addr4(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// appendRoute appends a route to a single address that leads nowhere.
func appendRoute(e *rtattr.Encoder, i int) {
	w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create, rtattr.RtMsg{
		Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
	w.Dst(addr4(i))
	w.End()
}

func appendReplace(e *rtattr.Encoder, i int) {
	w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE, rtattr.RtMsg{
		Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
	w.Dst(addr4(i))
	w.End()
}

func appendGateway(e *rtattr.Encoder, i int, gw string) {
	w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create, rtattr.RtMsg{
		Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_UNICAST})
	w.Dst(addr4(i))
	w.Gateway(netip.MustParseAddr(gw))
	w.End()
}

func appendAddr(e *rtattr.Encoder, typ uint16, i int) {
	flags := uint16(create)
	if typ == rtattr.RTM_DELADDR {
		flags = 0
	}
	w := rtattr.AppendAddr(e, typ, flags, rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 32, Index: lo})
	w.Local(addr4(i))
	w.End()
}

func appendDump(e *rtattr.Encoder, typ uint16) {
	switch typ {
	case rtattr.RTM_GETROUTE:
		rtattr.AppendRoute(e, typ, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: rtattr.AF_INET}).End()
	case rtattr.RTM_GETADDR:
		rtattr.AppendAddr(e, typ, rtattr.NLM_F_DUMP, rtattr.IfAddrmsg{Family: rtattr.AF_INET}).End()
	case rtattr.RTM_GETLINK:
		rtattr.AppendLink(e, typ, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{}).End()
	}
}

func count(t testing.TB, ns *nstest.NS, args ...string) int {
	t.Helper()
	var v []any
	if err := json.Unmarshal(ns.IP(t, append([]string{"-json"}, args...)...), &v); err != nil {
		t.Fatal(err)
	}
	return len(v)
}

// idle reports how many sockets wait for use and how many are open.
func (c *Conn) sockets() (idle, open int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.idle), len(c.open)
}

func TestExec(t *testing.T) {
	c, ns := dial(t, Config{})
	ctx := context.Background()

	t.Run("none", func(t *testing.T) {
		if err := c.Exec(ctx, &rtattr.Encoder{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("one", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		appendAddr(e, rtattr.RTM_NEWADDR, 1)
		if err := c.Exec(ctx, e); err != nil {
			t.Fatal(err)
		}
		if out := ns.IP(t, "-json", "address", "show", "dev", "lo"); !strings.Contains(string(out), `"10.0.0.1"`) {
			t.Errorf("not there:\n%s", out)
		}
		// Again, with the same Encoder.
		err := c.Exec(ctx, e)
		if !errors.Is(err, fs.ErrExist) || !errors.Is(err, unix.EEXIST) {
			t.Errorf("a second time: %v", err)
		}
		reason := ": ipv4: Address already assigned"
		if refusal := (*Error)(nil); errors.As(err, &refusal) && refusal.Message == "" {
			reason = "" // this kernel gives none here
		}
		if want := "rtnl: RTM_NEWADDR: file exists" + reason; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		err = Annotate(err, "address: add", "10.0.0.1/32 to lo")
		if want := "address: add 10.0.0.1/32 to lo: file exists" + reason; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	})
	t.Run("gateway", func(t *testing.T) {
		ns.IP(t, "link", "set", "lo", "up")
		e := c.Encoder()
		defer c.Release(e)
		appendGateway(e, 1, "192.0.2.9")
		err := c.Exec(ctx, e)
		if !errors.Is(err, unix.ENETUNREACH) {
			t.Fatal(err)
		}
		err = Annotate(err, "route: add", "10.0.0.1/32 via 192.0.2.9")
		if want := "route: add 10.0.0.1/32 via 192.0.2.9: network is unreachable: Nexthop has invalid gateway"; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	})
	t.Run("not there", func(t *testing.T) {
		for _, put := range []func(e *rtattr.Encoder){
			func(e *rtattr.Encoder) { appendAddr(e, rtattr.RTM_DELADDR, 9) }, // EADDRNOTAVAIL
			func(e *rtattr.Encoder) {
				rtattr.AppendLink(e, rtattr.RTM_DELLINK, 0, rtattr.IfInfomsg{Index: 99}).End()
			}, // ENODEV
			func(e *rtattr.Encoder) { // ESRCH
				w := rtattr.AppendRoute(e, rtattr.RTM_DELROUTE, 0, rtattr.RtMsg{Family: rtattr.AF_INET, DstLen: 32, Table: 254, Scope: rtattr.RT_SCOPE_NOWHERE})
				w.Dst(addr4(77))
				w.End()
			},
		} {
			e := c.Encoder()
			put(e)
			if err := c.Exec(ctx, e); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			c.Release(e)
		}
	})
	t.Run("wrong length", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
		w.IfName("lo")
		w.Bytes(rtattr.IFLA_MTU, []byte{1, 2, 3})
		w.End()
		var one *Error
		if err := c.Exec(ctx, e); !errors.As(err, &one) || one.Errno != unix.ERANGE {
			t.Fatal(err)
		}
		if one.Path != ".mtu" || one.Offset != 16+16+8 || one.Policy.Type != rtattr.NL_ATTR_TYPE_U32 || one.Index != 0 {
			t.Errorf("got %#v", one)
		}
		if want := "rtnl: RTM_NEWLINK: numerical result out of range: Attribute failed policy validation (.mtu: want u32)"; one.Error() != want {
			t.Errorf("got  %s\nwant %s", one, want)
		}
	})
	t.Run("missing", func(t *testing.T) {
		const newMDB = 84 // RTM_NEWMDB, struct br_port_msg
		e := c.Encoder()
		defer c.Release(e)
		w := e.Message(newMDB, create)
		w.Raw(rtattr.IfAddrmsg{Family: rtattr.AF_BRIDGE, Index: lo}.Append(nil))
		w.End()
		err := c.Exec(ctx, e)
		if refusal := (*Error)(nil); errors.As(err, &refusal) && refusal.Errno == unix.EOPNOTSUPP {
			t.Skip("this kernel knows multicast databases of bridges only")
		}
		if want := "rtnl: RTM_NEWMDB: invalid argument: Missing MDBA_SET_ENTRY attribute (.1 is missing)"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("not for Exec", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		appendAddr(e, rtattr.RTM_NEWADDR, 50)
		appendDump(e, rtattr.RTM_GETADDR)
		if err := c.Exec(ctx, e); err == nil || !strings.Contains(err.Error(), "message 1: RTM_GETADDR") || !strings.Contains(err.Error(), "use Query") {
			t.Error(err)
		}
		if n := strings.Count(string(ns.IP(t, "address")), "10.0.0.50"); n != 0 {
			t.Error("half of a bad batch was sent")
		}
	})
	t.Run("encoder failed", func(t *testing.T) {
		e := c.Encoder()
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
		w.IfName("much too long a name")
		w.End()
		if err := c.Exec(ctx, e); err == nil || !strings.Contains(err.Error(), "ifname") {
			t.Error(err)
		}
		c.Release(e)
		e = c.Encoder()
		if err := c.Exec(ctx, e); err != nil {
			t.Errorf("a lent Encoder is not empty: %v", err)
		}
		c.Release(e)
	})
	if idle, open := c.sockets(); idle != 1 || open != 1 {
		t.Errorf("%d of %d sockets are idle, want the same one for all", idle, open)
	}
}

// A batch over many system calls, with failures of two kinds in it.
func TestBatch(t *testing.T) {
	const n = 2000
	for _, cfg := range []Config{{}, {ReadBuffer: 1}, {ReadBuffer: 4 << 20}, {WriteBuffer: 1}} {
		t.Run(fmt.Sprintf("%d %d", cfg.ReadBuffer, cfg.WriteBuffer), func(t *testing.T) {
			c, ns := dial(t, cfg)
			e := c.Encoder()
			defer c.Release(e)
			ok, want := 0, map[int]unix.Errno{}
			for i := range n {
				switch {
				case i%97 == 5:
					appendRoute(e, 0) // exists
					want[i] = unix.EEXIST
				case i%101 == 7:
					appendGateway(e, i, "192.0.2.9")
					want[i] = unix.ENETUNREACH
				case i%103 == 9 || i == n-1:
					w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
					w.Bytes(rtattr.IFLA_MTU, []byte{1})
					w.End()
					want[i] = unix.ERANGE
				default:
					appendRoute(e, i)
					ok++
				}
			}
			err := c.Exec(context.Background(), e)
			var failed Errors
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			if len(failed) != len(want) {
				t.Errorf("%d messages failed, want %d", len(failed), len(want))
			}
			for i, f := range failed {
				if f.Errno != want[f.Index] || i > 0 && f.Index <= failed[i-1].Index {
					t.Errorf("message %d: %v, want %v", f.Index, f, want[f.Index])
				}
				if f.Errno == unix.ERANGE && f.Path != ".mtu" {
					t.Errorf("message %d: %q, want .mtu", f.Index, f.Path)
				}
			}
			if text := failed[0].Error(); text != "rtnl: message 5 (RTM_NEWROUTE): file exists" {
				t.Error(text)
			}
			if text := err.Error(); !strings.HasPrefix(text, fmt.Sprintf("%d messages failed\nrtnl: message 5", len(want))) ||
				!strings.HasSuffix(text, fmt.Sprintf("and %d more", len(want)-maxErrors)) {
				t.Error(text)
			}
			if got := count(t, ns, "route", "show", "type", "blackhole"); got != ok {
				t.Errorf("%d routes are there, want %d", got, ok)
			}
			e.Reset(nil)
			appendDump(e, rtattr.RTM_GETROUTE)
			got := 0
			for m, err := range c.Query(context.Background(), e) {
				if err != nil {
					t.Fatal(err)
				}
				var v rtattr.RouteView
				if err := v.Parse(m.Payload()); err != nil {
					t.Fatal(err)
				}
				if v.Header.Type == rtattr.RTN_BLACKHOLE {
					got++
				}
			}
			if got != ok {
				t.Errorf("the dump has %d routes, want %d", got, ok)
			}
		})
	}
}

// All messages fail, with the longest answers there are: the receive buffer
// holds them.
func TestAllFail(t *testing.T) {
	c, _ := dial(t, Config{})
	e := c.Encoder()
	defer c.Release(e)
	const n = 1000
	for range n {
		w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
		w.Bytes(rtattr.IFLA_MTU, []byte{1})
		w.End()
	}
	var failed Errors
	err := c.Exec(context.Background(), e)
	if !errors.As(err, &failed) || len(failed) != n {
		t.Errorf("%d of %d failed: %v", len(failed), n, err)
	}
	if cut := (*Incomplete)(nil); errors.As(err, &cut) {
		t.Error(cut)
	}
}

// batchSize is a million in a check of its own:
//
//	go test ./rtnl -run TestLargeBatch -exec.messages 1000000
var batchSize = flag.Int("exec.messages", 30000, "messages of the batch of TestLargeBatch")

// A large batch with failures strewn in and a run of them, a deadline set: each is
// reported, all else is applied, and beside the reports no memory is taken.
func TestLargeBatch(t *testing.T) {
	n := *batchSize
	for _, read := range []int{0, 104 << 10} {
		t.Run(fmt.Sprint(read), func(t *testing.T) {
			c, ns := dial(t, Config{ReadBuffer: read})
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			e := &rtattr.Encoder{}
			fails := func(i int) bool { return i%97 == 5 || i >= n/3*2 && i < n/3*2+n/10 }
			want := 0
			for i := range n {
				if fails(i) {
					appendGateway(e, i, "192.0.2.9")
					want++
				} else {
					appendRoute(e, i)
				}
			}
			var failed Errors
			var cut *Incomplete
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.Exec(ctx, e)
			runtime.ReadMemStats(&after)
			if !errors.As(err, &failed) || errors.As(err, &cut) || len(failed) != want {
				t.Fatalf("%d failures, want %d; %v", len(failed), want, cut)
			}
			last := -1
			for _, f := range failed {
				if !fails(f.Index) || f.Index <= last || f.Errno != unix.ENETUNREACH {
					t.Fatal(f)
				}
				last = f.Index
			}
			if took, bound := after.TotalAlloc-before.TotalAlloc, uint64(512*want+64<<10); took > bound {
				t.Errorf("%d bytes were allocated for %d failures, want at most %d", took, want, bound)
			}
			if got := bytes.Count(ns.IP(t, "route", "show", "type", "blackhole"), []byte{'\n'}); got != n-want {
				t.Errorf("%d routes are there, want %d", got, n-want)
			}
		})
	}
}

// The answers to NLM_F_ECHO and to requests, each with the message it answers.
func TestExecFunc(t *testing.T) {
	for _, read := range []int{0, 104 << 10, 1} {
		t.Run(fmt.Sprint(read), func(t *testing.T) {
			c, _ := dial(t, Config{ReadBuffer: read})
			ctx := context.Background()
			const n = 2000
			e := c.Encoder()
			defer c.Release(e)
			for i := range n {
				if i%10 == 3 {
					appendGateway(e, i, "192.0.2.9")
					continue
				}
				w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, create|rtattr.NLM_F_ECHO, rtattr.RtMsg{
					Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
				w.Dst(addr4(i))
				w.End()
			}
			// And last the loopback device, as a request.
			rtattr.AppendLink(e, rtattr.RTM_GETLINK, 0, rtattr.IfInfomsg{Index: lo}).End()
			next := 0
			err := c.ExecFunc(ctx, e, func(i int, m rtattr.Msg) {
				if next%10 == 3 {
					next++
				}
				if i != next {
					t.Fatalf("an answer to message %d, want %d", i, next)
				}
				next++
				if i == n {
					var v rtattr.LinkView
					if err := v.Parse(m.Payload()); err != nil || v.Header.Index != lo {
						t.Error(m, err)
					}
					return
				}
				var v rtattr.RouteView
				if err := v.Parse(m.Payload()); err != nil {
					t.Fatal(err)
				}
				if a, _ := v.Dst(); a != addr4(i) {
					t.Fatalf("message %d is answered with %v", i, a)
				}
				if i == 0 { // the Conn may be used
					if names, err := links(ctx, c); err != nil || len(names) != 1 {
						t.Error(names, err)
					}
				}
			})
			var failed Errors
			var cut *Incomplete
			if !errors.As(err, &failed) || errors.As(err, &cut) || len(failed) != n/10 || next != n+1 {
				t.Errorf("%d failures, %d answers: %v", len(failed), next, cut)
			}
		})
	}
	c, _ := dial(t, Config{})
	e := c.Encoder()
	defer c.Release(e)
	appendDump(e, rtattr.RTM_GETLINK)
	if err := c.ExecFunc(context.Background(), e, func(int, rtattr.Msg) {}); err == nil || !strings.Contains(err.Error(), "use Query") {
		t.Error(err)
	}
}

// What the kernel remarks on a success is told of each message, not of the last.
func TestWarn(t *testing.T) {
	var warned []int
	c, _ := dial(t, Config{Warn: func(e *Error) { warned = append(warned, e.Index) }})
	e := c.Encoder()
	defer c.Release(e)
	const n = 50
	for i := range n {
		appendRoute(e, i)
	}
	b, _ := e.Finish()
	if err := c.Exec(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		var m rtattr.Msg
		if m, b, _ = rtattr.NextMsg(b); m.Flags()&rtattr.NLM_F_ACK == 0 {
			t.Fatal("a message is not confirmed")
		}
	}
	if warned != nil {
		t.Errorf("warned of %v", warned)
	}
}

// What the kernel does remark: a class of the hierarchical token bucket whose rate
// is too high or low for the quantum that follows from it (net/sched/sch_htb.c,
// htb_change_class). Other messages of the batch are not meant.
func TestWarnKernel(t *testing.T) {
	var warned []*Error
	c, _ := dial(t, Config{Warn: func(e *Error) { warned = append(warned, e) }})
	e := c.Encoder()
	defer c.Release(e)
	const (
		newQdisc, newClass = 36, 40 // RTM_NEWQDISC, RTM_NEWTCLASS
		kind, options      = 1, 2   // TCA_KIND, TCA_OPTIONS
		parms, init        = 1, 2   // TCA_HTB_PARMS, TCA_HTB_INIT
		root               = 1<<32 - 1
	)
	begin := func(typ uint16, handle, parent uint32) (m, opt rtattr.Nest) {
		m = e.Message(typ, create)
		m.Raw(words(0, lo, handle, parent, 0)) // struct tcmsg
		m.String(kind, "htb")
		return m, m.Nest(options)
	}
	m, opt := begin(newQdisc, 1<<16, root)
	opt.Bytes(init, words(3, 10, 0, 0, 0)) // struct tc_htb_glob: version, rate2quantum
	opt.End()
	m.End()
	rates := []uint32{1 << 20, 1 << 31, 1 << 20, 100, 1 << 19} // bytes per second
	for i, rate := range rates {
		m, opt := begin(newClass, 1<<16|uint32(i+1), 1<<16)
		const ethernet = 1 // TC_LINKLAYER_ETHERNET: no table of rates is needed
		spec := words(0, 0, rate)
		spec[1] = ethernet
		opt.Bytes(parms, slices.Concat(spec, spec, words(1<<20, 1<<20, 0, 0, 0))) // struct tc_htb_opt
		opt.End()
		m.End()
	}
	err := c.Exec(context.Background(), e)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the kernel has no sch_htb, whose remarks are the ones to be had without a driver: %v", err)
	}
	if err == nil && len(warned) == 0 && !nstest.Since(t, 6, 12) {
		t.Skip("sch_htb of 6.1 writes its remarks into the kernel's log (htb_change_class: pr_warn); that of 6.12 sends them")
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rtnl: message 2 (RTM_NEWTCLASS): warning: sch_htb: quantum of class 10002 is big. Consider r2q change.",
		"rtnl: message 4 (RTM_NEWTCLASS): warning: sch_htb: quantum of class 10004 is small. Consider r2q change.",
	}
	if len(warned) != len(want) {
		t.Fatalf("warned of %v", warned)
	}
	for i, w := range warned {
		if w.Error() != want[i] || w.Errno != 0 {
			t.Errorf("got  %v\nwant %s", w, want[i])
		}
	}
}

// words returns 32-bit integers as bytes.
func words(v ...uint32) (b []byte) {
	for _, v := range v {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b
}

// A single message larger than what else goes into one system call.
func TestLargeMessage(t *testing.T) {
	c, ns := dial(t, Config{})
	e := c.Encoder()
	defer c.Release(e)
	appendRoute(e, 1)
	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
	w.Bytes(rtattr.IFLA_IFALIAS, make([]byte, 60000)) // refused: at most 255
	w.Bytes(rtattr.IFLA_IFALIAS, make([]byte, 60000))
	w.End()
	appendRoute(e, 2)
	var failed Errors
	if err := c.Exec(context.Background(), e); !errors.As(err, &failed) || len(failed) != 1 || failed[0].Index != 1 || failed[0].Path != ".ifalias" {
		t.Error(err)
	}
	if got := count(t, ns, "route", "show", "type", "blackhole"); got != 2 {
		t.Errorf("%d routes are there, want 2", got)
	}
	// Larger than SO_SNDBUF.
	e.Reset(nil)
	appendRoute(e, 3)
	w = rtattr.AppendLink(e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: lo})
	for range 5 {
		w.Bytes(rtattr.IFLA_IFALIAS, make([]byte, 60000))
	}
	w.End()
	appendRoute(e, 4)
	err := c.Exec(context.Background(), e)
	var cut *Incomplete
	if !errors.As(err, &cut) || !errors.Is(err, unix.EMSGSIZE) || cut.Answered != 1 || cut.Sent != 1 || cut.Total != 3 {
		t.Error(err)
	}
	if want := "rtnl: messages 1 to 2 of 3 were not sent: sendto: message too long"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// links returns the names of the links.
func links(ctx context.Context, c *Conn) (names []string, err error) {
	e := c.Encoder()
	defer c.Release(e)
	appendDump(e, rtattr.RTM_GETLINK)
	for m, err := range c.Query(ctx, e) {
		if err != nil {
			return names, err
		}
		var v rtattr.LinkView
		if err := v.Parse(m.Payload()); err != nil {
			return names, err
		}
		name, _ := v.IfName()
		names = append(names, string(name))
	}
	return names, nil
}

func TestQuery(t *testing.T) {
	c, ns := dial(t, Config{})
	ctx := context.Background()
	ns.IP(t, "link", "add", "v0", "type", "veth", "peer", "v1")

	t.Run("dump", func(t *testing.T) {
		names, err := links(ctx, c)
		if err != nil || !slices.Equal(names, []string{"lo", "v0", "v1"}) && !slices.Equal(names, []string{"lo", "v1", "v0"}) {
			t.Error(names, err)
		}
	})
	t.Run("get", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		rtattr.AppendLink(e, rtattr.RTM_GETLINK, 0, rtattr.IfInfomsg{Index: lo}).End()
		for range 2 { // each loop sends it again
			n := 0
			for m, err := range c.Query(ctx, e) {
				var v rtattr.LinkView
				if err != nil || v.Parse(m.Payload()) != nil || v.Header.Index != lo {
					t.Error(m, err)
				}
				n++
			}
			if n != 1 {
				t.Errorf("%d answers", n)
			}
		}
	})
	t.Run("get nothing", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		rtattr.AppendLink(e, rtattr.RTM_GETLINK, 0, rtattr.IfInfomsg{Index: 99}).End()
		for m, err := range c.Query(ctx, e) {
			if m != nil || !errors.Is(err, fs.ErrNotExist) || err.Error() != "rtnl: RTM_GETLINK: no such device" {
				t.Error(m, err)
			}
		}
	})
	t.Run("echo", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		appendAddr(e, rtattr.RTM_NEWADDR, 1)
		b, _ := e.Finish()
		rtattr.Msg(b).SetFlags(rtattr.Msg(b).Flags() | rtattr.NLM_F_ECHO)
		n := 0
		for m, err := range c.Query(ctx, e) {
			var v rtattr.AddrView
			if err != nil || m.Type() != rtattr.RTM_NEWADDR || v.Parse(m.Payload()) != nil {
				t.Error(m, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d answers", n)
		}
	})
	t.Run("strict", func(t *testing.T) { // a dump that the kernel refuses
		e := c.Encoder()
		defer c.Release(e)
		rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{Index: lo}).End()
		n := 0
		for m, err := range c.Query(ctx, e) {
			n++
			if m != nil || err == nil || err.Error() != "rtnl: RTM_GETLINK: invalid argument: Filter by device index not supported for link dumps" {
				t.Error(m, err)
			}
		}
		if n != 1 {
			t.Error("no error")
		}
	})
	t.Run("not for Query", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		for i, want := range []string{"wants a message", "no payload", "wants one message"} {
			if i > 0 {
				e.Message(rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP).End()
			}
			n := 0
			for m, err := range c.Query(ctx, e) {
				n++
				if m != nil || err == nil || !strings.Contains(err.Error(), want) {
					t.Error(m, err)
				}
			}
			if n != 1 {
				t.Errorf("%d steps", n)
			}
		}
	})
	if idle, open := c.sockets(); idle != 1 || open != 1 {
		t.Errorf("%d of %d sockets are idle, want the same one for all", idle, open)
	}
	t.Run("nested", func(t *testing.T) {
		e := c.Encoder()
		defer c.Release(e)
		appendDump(e, rtattr.RTM_GETLINK)
		n := 0
		for m, err := range c.Query(ctx, e) {
			if err != nil {
				t.Fatal(err)
			}
			var v rtattr.LinkView
			if err := v.Parse(m.Payload()); err != nil {
				t.Fatal(err)
			}
			inner := c.Encoder()
			w := rtattr.AppendLink(inner, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: v.Header.Index})
			w.MTU(1400)
			w.End()
			if err := c.Exec(ctx, inner); err != nil {
				t.Error(err)
			}
			c.Release(inner)
			if names, err := links(ctx, c); err != nil || len(names) != 3 {
				t.Error(names, err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d links", n)
		}
		if out := ns.IP(t, "link"); strings.Count(string(out), "mtu 1400") != 3 {
			t.Errorf("not done:\n%s", out)
		}
	})
	t.Run("break", func(t *testing.T) {
		_, before := c.sockets()
		e := c.Encoder()
		defer c.Release(e)
		appendDump(e, rtattr.RTM_GETLINK)
		for range c.Query(ctx, e) {
			break
		}
		if idle, open := c.sockets(); open != before-1 || idle != open {
			t.Errorf("%d of %d sockets are idle, there were %d", idle, open, before)
		}
		if names, err := links(ctx, c); err != nil || len(names) != 3 {
			t.Error(names, err)
		}
	})
	t.Run("panic", func(t *testing.T) {
		func() {
			defer func() { recover() }()
			e := c.Encoder()
			defer c.Release(e)
			appendDump(e, rtattr.RTM_GETLINK)
			for range c.Query(ctx, e) {
				panic("in the loop")
			}
		}()
		if idle, open := c.sockets(); idle != open {
			t.Errorf("%d of %d sockets are idle", idle, open)
		}
		if names, err := links(ctx, c); err != nil || len(names) != 3 {
			t.Error(names, err)
		}
	})
}

// A change while the dump is under way is reported behind the data.
func TestDumpInterrupted(t *testing.T) {
	c, _ := dial(t, Config{})
	ctx := context.Background()
	const n = 1000 // three datagrams and more
	e := c.Encoder()
	defer c.Release(e)
	for i := range n {
		appendAddr(e, rtattr.RTM_NEWADDR, i+1)
	}
	if err := c.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	e.Reset(nil)
	appendDump(e, rtattr.RTM_GETADDR)
	var got error
	steps := 0
	for _, err := range c.Query(ctx, e) {
		if got = err; err != nil {
			continue
		}
		if steps++; steps == 1 {
			inner := c.Encoder()
			appendAddr(inner, rtattr.RTM_DELADDR, n)
			if err := c.Exec(ctx, inner); err != nil {
				t.Fatal(err)
			}
			c.Release(inner)
		}
	}
	if got != ErrDumpInterrupted || steps < n-1 {
		t.Errorf("%d messages, then %v", steps, got)
	}
	// The dump has ended in good order.
	if idle, open := c.sockets(); idle != open {
		t.Errorf("%d of %d sockets are idle", idle, open)
	}
	for _, err := range c.Query(ctx, e) {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestCancel(t *testing.T) {
	c, _ := dial(t, Config{})
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	e := c.Encoder()
	appendRoute(e, 1)
	if err := c.Exec(cancelled, e); !errors.Is(err, context.Canceled) || err.Error() != "rtnl: nothing was sent: context canceled" {
		t.Error(err)
	}
	c.Release(e)
	if _, err := links(cancelled, c); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if idle, open := c.sockets(); idle != 1 || open != 1 {
		t.Errorf("%d of %d sockets are idle", idle, open)
	}

	// While waiting: for an answer to nothing.
	for _, ctx := range []func() (context.Context, func()){
		func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			return ctx, cancel
		},
		func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := ctx()
		k, err := c.begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.recv(true); err == nil || err != ctx.Err() {
			t.Error(err)
		}
		k.end(true) // even so it is not reused
		cancel()
		if _, open := c.sockets(); open != 0 {
			t.Errorf("%d sockets are open", open)
		}
		if _, err := links(context.Background(), c); err != nil {
			t.Error(err)
		}
	}

	// In the middle of a dump.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e = c.Encoder()
	defer c.Release(e)
	for i := range 1000 {
		appendRoute(e, i)
	}
	if err := c.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	e.Reset(nil)
	appendDump(e, rtattr.RTM_GETROUTE)
	var last error
	n := 0
	for _, err := range c.Query(ctx, e) {
		cancel()
		last = err
		n++
	}
	if !errors.Is(last, context.Canceled) || n > 800 {
		t.Error(n, last)
	}
	if names, err := links(context.Background(), c); err != nil || len(names) != 1 {
		t.Error(names, err)
	}
}

// A batch that is cancelled between two system calls says how far it came.
func TestCancelBatch(t *testing.T) {
	c, ns := dial(t, Config{ReadBuffer: 104 << 10})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := c.Encoder()
	defer c.Release(e)
	for i := range 1000 {
		appendRoute(e, i)
	}
	// cancel after the first system call
	first := true
	err := c.Exec(cutContext{ctx, func() {
		if !first {
			cancel()
		}
		first = false
	}}, e)
	var cut *Incomplete
	if !errors.As(err, &cut) || !errors.Is(err, context.Canceled) || cut.Answered == 1000 || cut.Sent != cut.Answered || cut.Total != 1000 {
		t.Fatal(err)
	}
	if got := count(t, ns, "route", "show", "type", "blackhole"); got != cut.Answered {
		t.Errorf("%d routes are there, but %v", got, err)
	}
}

// What has been sent is answered, cancelled or not.
func TestCancelAnswered(t *testing.T) {
	c, _ := dial(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := c.Encoder()
	defer c.Release(e)
	appendRoute(e, 1)
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer k.end(true)
	x := exchange{call: k, e: e, total: 1}
	x.take(b)
	if err := k.s.t.Send(x.b); err != nil {
		t.Fatal(err)
	}
	cancel()
	time.Sleep(5 * time.Millisecond)
	if err := x.receive(); err != nil {
		t.Error(err)
	}
}

// A cutContext calls f before each look at its error.
type cutContext struct {
	context.Context
	f func()
}

func (c cutContext) Err() error { c.f(); return c.Context.Err() }

func TestClose(t *testing.T) {
	c, _ := dial(t, Config{})
	k, err := c.begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := k.recv(true); err != os.ErrClosed {
			t.Error(err)
		}
		k.end(false)
	})
	time.Sleep(10 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := c.Close(); err != os.ErrClosed {
		t.Error(err)
	}
	e := c.Encoder()
	appendRoute(e, 1)
	if err := c.Exec(context.Background(), e); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	c.Release(e)
	if _, err := links(context.Background(), c); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// Everything at once, Close included.
func TestConcurrent(t *testing.T) {
	c, ns := dial(t, Config{})
	const workers, rounds = 64, 8
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			ctx := context.Background()
			for j := range rounds {
				e := c.Encoder()
				switch (i + j) % 4 {
				case 0:
					for k := range 20 {
						appendRoute(e, 1000*i+20*j+k)
					}
					appendGateway(e, 1, "192.0.2.9")
					var failed Errors
					if err := c.Exec(ctx, e); !errors.As(err, &failed) || len(failed) != 1 || failed[0].Index != 20 {
						t.Error(err)
					}
				case 1:
					if names, err := links(ctx, c); err != nil || len(names) != 1 {
						t.Error(names, err)
					}
				case 2:
					appendDump(e, rtattr.RTM_GETROUTE)
					for _, err := range c.Query(ctx, e) {
						if err != nil && err != ErrDumpInterrupted {
							t.Error(err)
						}
						break
					}
				case 3:
					ctx, cancel := context.WithTimeout(ctx, time.Duration(i)*10*time.Microsecond)
					appendDump(e, rtattr.RTM_GETROUTE)
					for _, err := range c.Query(ctx, e) {
						if err != nil && err != ErrDumpInterrupted && !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
					}
					cancel()
				}
				c.Release(e)
			}
		})
	}
	wg.Wait()
	if got := count(t, ns, "route", "show", "type", "blackhole"); got != workers*rounds/4*20 {
		t.Errorf("%d routes", got)
	}
	if idle, open := c.sockets(); idle != open || idle > maxIdle {
		t.Errorf("%d of %d sockets are idle", idle, open)
	}

	// Close in the midst of it.
	for range workers {
		wg.Go(func() {
			for {
				if _, err := links(context.Background(), c); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// Later sockets are opened in the namespace of Dial, from whatever thread.
func TestNamespace(t *testing.T) {
	a, b := nstest.New(t), nstest.New(t)
	a.IP(t, "link", "add", "in-a", "type", "veth", "peer", "in-a-too")
	var c *Conn
	a.Do(t, func() {
		var err error
		if c, err = Dial(nil); err != nil {
			t.Fatal(err)
		}
	})
	defer c.Close()
	for range 3 {
		b.Do(t, func() {
			k, err := c.begin(context.Background()) // the next one needs a new socket
			if err != nil {
				t.Fatal(err)
			}
			if names, err := links(context.Background(), c); err != nil || len(names) != 3 {
				t.Error(names, err)
			}
			k.end(false)
		})
	}
	// By path and by process.
	path := fmt.Sprintf("/proc/self/fd/%d", a.FD())
	if c, err := Dial(&Config{NetNSPath: path}); err != nil {
		t.Error(err)
	} else {
		if names, err := links(context.Background(), c); err != nil || len(names) != 3 {
			t.Error(names, err)
		}
		c.Close()
	}
	a.Do(t, func() {
		cmd := exec.Command("sleep", "60") // in a
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
		c, err := Dial(&Config{NetNSPID: cmd.Process.Pid})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if names, err := links(context.Background(), c); err != nil || len(names) != 3 {
			t.Error(names, err)
		}
	})
	if _, err := Dial(&Config{NetNSPath: "/nowhere"}); !errors.Is(err, fs.ErrNotExist) || err.Error() != "rtnl: dial: open /nowhere: no such file or directory" {
		t.Error(err)
	}
	if _, err := Dial(&Config{NetNSPath: path, NetNSPID: 1}); err == nil {
		t.Error("two namespaces are one too many")
	}
	if _, err := Dial(&Config{NetNS: 12345}); !errors.Is(err, unix.EBADF) || err.Error() != "rtnl: dial: network namespace 12345: fcntl: bad file descriptor" {
		t.Error(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := Dial(&Config{NetNS: int(null.Fd())}); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
}

// Sockets are opened in another namespace on threads that do not stay there.
func TestNamespaceThreads(t *testing.T) {
	ns := nstest.New(t)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				c, err := Dial(&Config{NetNS: ns.FD()})
				if err != nil {
					t.Error(err)
					return
				}
				if names, err := links(context.Background(), c); err != nil || len(names) != 1 {
					t.Error(names, err)
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	away := func() (n, all int) {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			// A thread that has ended meanwhile has no namespace.
			if there, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil && there != own {
				n++
			}
		}
		return n, len(tasks)
	}
	n, all := away()
	for end := time.Now().Add(20 * time.Second); n > 0 && time.Now().Before(end); n, all = away() {
		time.Sleep(time.Millisecond)
	}
	if n > 0 || all > 100 {
		t.Errorf("%d of %d threads are in another namespace", n, all)
	}
}

// A receive buffer beyond net.core.rmem_max is for root alone, who gets it.
func TestReadBuffer(t *testing.T) {
	const asked = 64 << 20
	c, _ := dial(t, Config{ReadBuffer: asked})
	got := c.idle[0].rcvbuf
	uids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if root := os.Geteuid() == 0 && strings.Join(strings.Fields(string(uids)), " ") == "0 0 4294967295"; root {
		if got != 2*asked {
			t.Errorf("%d bytes, want twice %d", got, asked)
		}
		return
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, asked); err != nil {
		t.Fatal(err)
	}
	if want, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || got != want {
		t.Errorf("%d bytes, %d are allowed: %v", got, want, err)
	}
}

// Without any capability lists can be read, also nested ones, and changes are
// refused with a hint.
func TestUnprivileged(t *testing.T) {
	nstest.Live(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Error(err)
			return
		}
		c, err := Dial(nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		e := c.Encoder()
		appendDump(e, rtattr.RTM_GETLINK)
		for _, err := range c.Query(context.Background(), e) {
			if err != nil {
				t.Error(err)
			}
			if names, err := links(context.Background(), c); err != nil || len(names) == 0 {
				t.Error(names, err)
			}
		}
		e.Reset(nil)
		appendAddr(e, rtattr.RTM_NEWADDR, 1)
		err = c.Exec(context.Background(), e)
		if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, unix.EPERM) {
			t.Error(err)
		}
		want := "rtnl: RTM_NEWADDR: operation not permitted: CAP_NET_ADMIN is needed in the user namespace that owns the network namespace"
		if err != nil && err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	wg.Wait()
}

// Datagrams of other processes do not pass for the kernel's.
func TestForeignSender(t *testing.T) {
	c, ns := dial(t, Config{})
	ns.Do(t, func() {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		s := c.idle[0]
		b := forge(rtattr.NLMSG_ERROR, 0, s.seq+1, ackPayload(0, nil))
		for range 3 {
			if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: portID(t, s)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	e := c.Encoder()
	defer c.Release(e)
	appendGateway(e, 1, "192.0.2.9")
	if err := c.Exec(context.Background(), e); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("forged success was believed: %v", err)
	}
}

// portID returns the port id of a kernel's socket.
func portID(t *testing.T, s *socket) uint32 {
	t.Helper()
	addr, err := unix.Getsockname(s.t.(*kernelSocket).fd)
	if err != nil {
		t.Fatal(err)
	}
	return addr.(*unix.SockaddrNetlink).Pid
}

// Lost failures are reported as lost.
func TestOverrun(t *testing.T) {
	c, ns := dial(t, Config{ReadBuffer: 104 << 10})
	c.idle[0].rcvbuf = 1 << 30 // a lie: more is sent at once than can fail
	e := c.Encoder()
	defer c.Release(e)
	for i := range 1000 {
		appendRoute(e, i/2)
	}
	err := c.Exec(context.Background(), e)
	var failed Errors
	var cut *Incomplete
	if !errors.As(err, &failed) || !errors.As(err, &cut) || !errors.Is(err, unix.ENOBUFS) {
		t.Fatal(err)
	}
	if cut.Answered != 0 || cut.Sent != 1000 || cut.Total != 1000 || len(failed) < 100 || len(failed) >= 500 {
		t.Errorf("%d failures, %#v", len(failed), cut)
	}
	for _, f := range failed {
		if f.Index%2 != 1 || f.Errno != unix.EEXIST {
			t.Error(f)
		}
	}
	if got := count(t, ns, "route", "show", "type", "blackhole"); got != 500 {
		t.Errorf("%d routes", got)
	}
	e.Reset(nil)
	appendRoute(e, 1)
	if err := c.Exec(context.Background(), e); !errors.Is(err, fs.ErrExist) {
		t.Errorf("afterwards: %v", err)
	}
}

// An answer that does not fit is an error, once.
func TestTruncated(t *testing.T) {
	c, _ := dial(t, Config{})
	c.bufSize.Store(64)
	c.idle[0].buf = make([]byte, 64)
	if _, err := links(context.Background(), c); err == nil || !strings.Contains(err.Error(), "was cut to 64") {
		t.Error(err)
	}
	if names, err := links(context.Background(), c); err != nil || len(names) != 1 {
		t.Error(names, err)
	}

	// Collect asks again.
	c.bufSize.Store(64)
	c.idle[0].buf = make([]byte, 64)
	e := c.Encoder()
	defer c.Release(e)
	appendDump(e, rtattr.RTM_GETLINK)
	list, err := Collect(func(yield func(*rtattr.Msg, error) bool) {
		for m, err := range c.Query(context.Background(), e) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&m, nil) {
				return
			}
		}
	}, func(m *rtattr.Msg) (uint16, error) { return m.Type(), nil })
	if err != nil || !slices.Equal(list, []uint16{rtattr.RTM_NEWLINK}) {
		t.Error(list, err)
	}
}

func TestAllocs(t *testing.T) {
	c, _ := dial(t, Config{})
	for name, f := range operations(t, c) {
		t.Run(name, func(t *testing.T) {

			if got := testing.AllocsPerRun(50, f.run); got > f.allocs {
				t.Errorf("%v allocations, want at most %v", got, f.allocs)
			}
		})
	}
}

type operation struct {
	run      func()
	messages int
	allocs   float64
}

func operations(t testing.TB, c *Conn) map[string]operation {
	// A context that can end costs nothing.
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	t.Cleanup(cancel)
	exec := func(n, each int) operation {
		return operation{messages: n, run: func() {
			for i := 0; i < n; i += each {
				e := c.Encoder()
				for j := range each {
					appendReplace(e, i+j)
				}
				if err := c.Exec(ctx, e); err != nil {
					t.Error(err)
				}
				c.Release(e)
			}
		}}
	}
	query := func(typ uint16, n int) operation {
		return operation{messages: n, allocs: 3, run: func() {
			e := c.Encoder()
			appendDump(e, typ)
			got := 0
			for _, err := range c.Query(ctx, e) {
				if err != nil {
					t.Error(err)
				}
				got++
			}
			c.Release(e)
			if got != n {
				t.Errorf("%d messages, want %d", got, n)
			}
		}}
	}
	exec(1000, 1000).run()
	return map[string]operation{
		"Exec/one":    exec(1, 1),
		"Exec/1000x1": exec(1000, 1),
		"Exec/1x1000": exec(1000, 1000),
		"ExecFunc/1x1000": {messages: 1000, allocs: 1, run: func() {
			e := c.Encoder()
			for i := range 1000 {
				w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, rtattr.NLM_F_CREATE|rtattr.NLM_F_REPLACE|rtattr.NLM_F_ECHO, rtattr.RtMsg{
					Family: rtattr.AF_INET, DstLen: 32, Table: 254, Protocol: rtattr.RTPROT_STATIC, Type: rtattr.RTN_BLACKHOLE})
				w.Dst(addr4(i))
				w.End()
			}
			if err := c.ExecFunc(ctx, e, func(int, rtattr.Msg) {}); err != nil {
				t.Error(err)
			}
			c.Release(e)
		}},
		"Query/1 link": query(rtattr.RTM_GETLINK, 1),
		"Query/1000":   query(rtattr.RTM_GETROUTE, 1000),
	}
}
