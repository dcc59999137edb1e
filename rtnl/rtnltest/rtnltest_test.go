package rtnltest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rtnl/rtnltest"
)

var ctx = context.Background()

// appendRoute appends a route to 10.x.y.z, another one for each i.
func appendRoute(e *rtattr.Encoder, flags uint16, i int) {
	w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, flags, rtattr.RtMsg{Family: rtattr.AF_INET, DstLen: 32, Type: rtattr.RTN_BLACKHOLE})
	w.Dst(addr(i))
	w.End()
}

func addr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// number returns the i of appendRoute.
func number(t testing.TB, m rtattr.Msg) int {
	t.Helper()
	var v rtattr.RouteView
	if err := v.Parse(m.Payload()); err != nil {
		t.Fatal(err)
	}
	a, ok := v.Dst()
	if !ok {
		t.Fatal("no destination")
	}
	b := a.As4()
	return int(binary.BigEndian.Uint32(b[:]) & 0xffffff)
}

func dial(t testing.TB, k *rtnltest.Kernel) *rtnl.Conn {
	t.Helper()
	c, err := k.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if n := k.Sockets(); n != 0 {
			t.Errorf("%d sockets are left open", n)
		}
	})
	return c
}

func appendDump(e *rtattr.Encoder) {
	rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{Family: rtattr.AF_INET}).End()
}

// list returns the numbers of a dump.
func list(t testing.TB, c *rtnl.Conn) (got []int, err error) {
	e := c.Encoder()
	defer c.Release(e)
	appendDump(e)
	for m, err := range c.Query(ctx, e) {
		if err != nil {
			return got, err
		}
		got = append(got, number(t, m))
	}
	return got, nil
}

func TestKernel(t *testing.T) {
	gvisor := []int{unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK, unix.NETLINK_CAP_ACK}
	for _, unknown := range [][]int{nil, gvisor, {unix.NETLINK_CAP_ACK}} {
		t.Run(fmt.Sprint(unknown), func(t *testing.T) {
			k := &rtnltest.Kernel{Unknown: unknown, Handle: func(r *rtnltest.Request) {
				switch {
				case r.Dump():
					var e rtattr.Encoder
					for i := range 5000 {
						appendRoute(&e, 0, i)
					}
					r.Reply(&e)
				case r.Msg.Flags()&rtattr.NLM_F_EXCL != 0:
					r.Fail(unix.EEXIST, "it is there")
				case r.Msg.Flags()&rtattr.NLM_F_ECHO != 0:
					var e rtattr.Encoder
					appendRoute(&e, 0, number(t, r.Msg)+1)
					r.Reply(&e)
				}
			}}
			c := dial(t, k)
			e := c.Encoder()
			defer c.Release(e)
			appendRoute(e, rtattr.NLM_F_CREATE, 1)
			appendRoute(e, rtattr.NLM_F_EXCL, 2)
			err := c.Exec(ctx, e)
			want := "rtnl: message 1 (RTM_NEWROUTE): file exists: it is there"
			if slices.Contains(unknown, unix.NETLINK_EXT_ACK) {
				want = "rtnl: message 1 (RTM_NEWROUTE): file exists"
			}
			if err == nil || err.Error() != want || !errors.Is(err, fs.ErrExist) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			e.Reset(nil)
			for i := range 1000 {
				appendRoute(e, rtattr.NLM_F_ECHO, 10*i)
			}
			next := 0
			if err := c.ExecFunc(ctx, e, func(i int, m rtattr.Msg) {
				if i != next || number(t, m) != 10*i+1 {
					t.Errorf("message %d is answered with %d", i, number(t, m))
				}
				next++
			}); err != nil || next != 1000 {
				t.Error(next, err)
			}
			if got, err := list(t, c); err != nil || len(got) != 5000 || got[4999] != 4999 {
				t.Error(len(got), err)
			}
		})
	}
}

// A million messages with failures strewn in: each failure is reported, all other
// messages are applied, and Exec takes memory for the failures alone.
func TestMillion(t *testing.T) {
	const n = 1_000_000
	for _, limit := range []int{0, 212992, 1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(limit)))
			fails := make([]bool, n)
			want := 0
			for i := range fails {
				// Strewn, and 5000 in a row.
				if fails[i] = rng.IntN(500) == 0 || i >= 700_000 && i < 705_000; fails[i] {
					want++
				}
			}
			applied := make([]bool, n)
			k := &rtnltest.Kernel{MaxBuffer: limit, Handle: func(r *rtnltest.Request) {
				b := r.Msg.Payload()
				i := int(binary.BigEndian.Uint32(b[len(b)-4:]) & 0xffffff)
				if fails[i] {
					r.Fail(unix.EEXIST, "")
				} else {
					applied[i] = true
				}
			}}
			c := dial(t, k)
			e := &rtattr.Encoder{}
			for i := range n {
				appendRoute(e, rtattr.NLM_F_CREATE, i)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.Exec(ctx, e)
			runtime.ReadMemStats(&after)
			var failed rtnl.Errors
			var cut *rtnl.Incomplete
			if !errors.As(err, &failed) || errors.As(err, &cut) || len(failed) != want {
				t.Fatalf("%d failures, want %d: %v", len(failed), want, cut)
			}
			last := -1
			for _, f := range failed {
				if !fails[f.Index] || f.Index <= last || f.Errno != unix.EEXIST {
					t.Fatalf("message %d: %v", f.Index, f)
				}
				last = f.Index
			}
			for i := range applied {
				if applied[i] == fails[i] {
					t.Fatalf("message %d: applied %v", i, applied[i])
				}
			}
			// The Kernel's own memory included.
			if per := (after.TotalAlloc - before.TotalAlloc) / uint64(want); per > 2048 {
				t.Errorf("%d bytes allocated per failure", per)
			}
		})
	}
}

// runs is how many seeds the fault tests try.
var runs = 3000

// A batch under every fault: no failure is invented, none is missing unless the
// error says that outcomes are unknown, and the next batch is in step.
func TestExecFaults(t *testing.T) {
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(60)
		wrong := map[int]unix.Errno{}
		k := &rtnltest.Kernel{MaxBuffer: []int{0, 1 << 14}[seed%2]}
		k.Handle = func(r *rtnltest.Request) {
			if errno := wrong[number(t, r.Msg)]; errno != 0 {
				r.Fail(errno, "no")
			}
		}
		if seed%3 == 0 {
			k.Unknown = []int{unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK, unix.NETLINK_CAP_ACK}
		}
		c := dial(t, k)
		for round := range 3 {
			clear(wrong)
			e := c.Encoder()
			for i := range n {
				appendRoute(e, 0, i)
				if rng.IntN(4) == 0 {
					wrong[i] = []unix.Errno{unix.EEXIST, unix.ENOENT, unix.EINVAL}[rng.IntN(3)]
				}
			}
			k.Tamper = rtnltest.Mangle(rng)
			if round == 2 {
				k.Tamper = nil
			}
			err := c.Exec(ctx, e)
			c.Release(e)
			var failed rtnl.Errors
			var cut *rtnl.Incomplete
			errors.As(err, &failed)
			errors.As(err, &cut)
			known := map[int]bool{}
			for _, f := range failed {
				if f.Errno != wrong[f.Index] || known[f.Index] {
					t.Fatalf("seed %d: message %d: %v, want %v", seed, f.Index, f, wrong[f.Index])
				}
				known[f.Index] = true
			}
			sure := n
			if cut != nil {
				sure = cut.Answered
			}
			for i := range wrong {
				if i < sure && !known[i] {
					t.Fatalf("seed %d, round %d: the failure of message %d is missing: %v", seed, round, i, err)
				}
			}
			if round == 2 && cut != nil {
				t.Fatalf("seed %d: out of step: %v", seed, err)
			}
		}
		c.Close()
	}
}

// A dump under every fault that netlink can show: it is complete, or there is an error.
func TestQueryFaults(t *testing.T) {
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 2))
		n := rng.IntN(1500)
		k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
			var e rtattr.Encoder
			for i := range n {
				appendRoute(&e, 0, i)
			}
			r.Reply(&e)
		}}
		c := dial(t, k)
		for round := range 3 {
			fault := rtnltest.Fault(rng.IntN(int(rtnltest.Swapped)))
			k.Tamper = rtnltest.Mangle(rng, fault)
			if round == 2 {
				fault, k.Tamper = rtnltest.None, nil
			}
			got, err := list(t, c)
			switch {
			case err == nil && len(got) != n:
				t.Fatalf("seed %d, fault %d: %d of %d entries", seed, fault, len(got), n)
			case errors.Is(err, rtnl.ErrDumpInterrupted) != (fault == rtnltest.Interrupted):
				t.Fatalf("seed %d, fault %d: %v", seed, fault, err)
			case fault == rtnltest.Truncated && err == nil: // the buffer has grown
			case (fault == rtnltest.None || fault == rtnltest.Foreign) != (err == nil):
				t.Fatalf("seed %d, fault %d: %v", seed, fault, err)
			}
			for i, j := range got {
				if i != j {
					t.Fatalf("seed %d, fault %d: entry %d is %d", seed, fault, i, j)
				}
			}
		}
		c.Close()
	}
}

// Everything at once: no panic, an end, and in step afterwards.
func TestQueryChaos(t *testing.T) {
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 3))
		k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
			if !r.Dump() {
				r.Fail(unix.EEXIST, "no")
				return
			}
			var e rtattr.Encoder
			for i := range 10 {
				appendRoute(&e, 0, i)
			}
			r.Reply(&e)
		}}
		c := dial(t, k)
		mangle := rtnltest.Mangle(rng)
		k.Tamper = func(d []rtnltest.Datagram) []rtnltest.Datagram {
			for range 1 + rng.IntN(3) {
				d = mangle(d)
			}
			// Without an end a dump waits.
			return append(d, rtnltest.Datagram{Err: unix.EIO})
		}
		list(t, c)
		// If the end came before EIO, that is now a stale answer.
		k.Tamper = nil
		if got, err := list(t, c); err == nil && len(got) != 10 {
			t.Fatalf("seed %d: %v", seed, got)
		}
		if got, err := list(t, c); err != nil || len(got) != 10 {
			t.Fatalf("seed %d: out of step: %v, %v", seed, got, err)
		}
		c.Close()
	}
}

func BenchmarkExec(b *testing.B) {
	k := &rtnltest.Kernel{}
	c := dial(b, k)
	e := c.Encoder()
	defer c.Release(e)
	for i := range 1000 {
		appendRoute(e, 0, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Exec(ctx, e); err != nil {
			b.Fatal(err)
		}
	}
}
