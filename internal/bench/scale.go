package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/netns"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// ScaleSizes say how large a table Scale handles, and how many namespaces.
type ScaleSizes struct {
	Routes4, Routes6 int
	Changes          int // followed
	Namespaces       int
	Conns            int // in each
}

// A Step is something Scale has done.
type Step struct {
	What         string
	User, System float64 // seconds of the processors
	Note         string
}

// Scale loads, dumps, replaces and follows a full table, and then dials into
// many namespaces.
func Scale(sizes ScaleSizes) (steps []Step, err error) {
	t := &table{sizes: sizes}
	if t.space, err = newSpace(); err != nil {
		return nil, err
	}
	defer t.close()
	for i, a := range []string{"192.0.2.254/24", "2001:db8::ff/64"} {
		add := address.Address{Index: t.index, Local: netip.MustParsePrefix(a)}
		if i == 1 {
			add.Flags = rtattr.IFA_F_NODAD
		}
		if err := address.Add(background, t.conn, add); err != nil {
			return nil, err
		}
	}
	for _, f := range []func() error{t.load, t.replace, t.walk, t.list, t.follow, t.namespaces} {
		if err := f(); err != nil {
			return t.steps, err
		}
	}
	return t.steps, nil
}

// A table is a full table on its way.
type table struct {
	*space
	sizes ScaleSizes
	steps []Step
}

// step measures f, which returns a note.
func (t *table) step(what string, f func() (string, error)) error {
	runtime.GC()
	user, system := cpuTimes()
	note, err := f()
	u, s := cpuTimes()
	t.steps = append(t.steps, Step{what, u - user, s - system, note})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func cpuTimes() (user, system float64) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err) // RUSAGE_SELF is valid
	}
	return float64(u.Utime.Nano()) / 1e9, float64(u.Stime.Nano()) / 1e9
}

// full returns route i of a full table: IPv4 first, /24 and /48, by one of four
// gateways.
func (t *table) full(i int, protocol rtattr.Protocol) route.Route {
	r := route.Route{Index: t.index, Protocol: protocol}
	if i < t.sizes.Routes4 {
		r.Dst = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(16 + i>>16), byte(i >> 8), byte(i), 0}), 24)
		r.Gateway = netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i%4)})
		return r
	}
	i -= t.sizes.Routes4
	r.Dst = netip.PrefixFrom(route6.addr(i), 48)
	b := netip.MustParseAddr("2001:db8::").As16()
	b[15] = byte(1 + i%4)
	r.Gateway = netip.AddrFrom16(b)
	return r
}

// put writes routes from to to in batches of 10,000.
func (t *table) put(from, to int, protocol rtattr.Protocol) error {
	e := t.conn.Encoder()
	defer t.conn.Release(e)
	for i := from; i < to; {
		e.Reset(nil)
		for end := min(i+10000, to); i < end; i++ {
			route.AppendReplace(e, t.full(i, protocol))
		}
		if err := t.conn.Exec(background, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) load() error {
	n4, n6 := t.sizes.Routes4, t.sizes.Routes6
	for _, part := range []struct {
		what     string
		from, to int
	}{{fmt.Sprintf("load %d IPv4 routes", n4), 0, n4}, {fmt.Sprintf("load %d IPv6 routes", n6), n4, n4 + n6}} {
		err := t.step(part.what, func() (string, error) {
			before, err := kernelMemory()
			if err != nil {
				return "", err
			}
			if err := t.put(part.from, part.to, rtattr.RTPROT_STATIC); err != nil {
				return "", err
			}
			after, err := kernelMemory()
			return kernelShare(after-before, part.to-part.from), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *table) replace() error {
	n := t.sizes.Routes4 + t.sizes.Routes6
	return t.step(fmt.Sprintf("replace all %d", n), func() (string, error) { return "", t.put(0, n, rtattr.RTPROT_BIRD) })
}

func (t *table) walk() error {
	for _, k := range []kind{route4, route6} {
		err := t.step(fmt.Sprintf("dump the %s in place", kinds[k].title), func() (string, error) {
			n, err := walkOurs(t.conn, k)
			return fmt.Sprintf("%d entries", n), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *table) list() error {
	return t.step("list all as []route.Route", func() (string, error) {
		list, err := route.List(background, t.conn, route.Filter{})
		held := heap()
		n := len(list)
		runtime.KeepAlive(list)
		list = nil
		return fmt.Sprintf("%d entries, %.0f MiB held by the list", n, held-heap()), err
	})
}

// heap returns the MiB in use after a collection.
func heap() float64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// follow follows both families while a part of the table changes as fast as it can.
func (t *table) follow() error {
	var w *rtnl.Watcher[netip.Prefix, hop]
	synced := func() (added int, err error) {
		for {
			ev, err := w.Next()
			if err != nil {
				return added, err
			}
			if ev.Type == rtnl.Synced {
				return added, nil
			}
			added++
		}
	}
	err := t.step("Watch: the first list of all", func() (string, error) {
		before := heap()
		o4, o6 := followed(route4, rtattr.RTNLGRP_IPV4_ROUTE), followed(route6, rtattr.RTNLGRP_IPV6_ROUTE)
		var err error
		if w, err = rtnl.Watch(background, t.conn, nil, o4, o6); err != nil {
			return "", err
		}
		t.onClose(func() { w.Close() })
		n, err := synced()
		return fmt.Sprintf("%d events, %.0f MiB held by the Watcher", n, heap()-before), err
	})
	if err != nil {
		return err
	}
	n := t.sizes.Changes
	return t.step(fmt.Sprintf("Watch: follow %d replaced at full speed, the writer's time included", n), func() (string, error) {
		const mark = "198.51.100.0/24"
		done := make(chan error, 1)
		go func() {
			err := t.put(0, n, rtattr.RTPROT_STATIC)
			last := t.full(0, rtattr.RTPROT_STATIC)
			last.Dst = netip.MustParsePrefix(mark)
			done <- errors.Join(err, route.Add(background, t.conn, last))
		}()
		events, resyncs, marked, resyncing := 0, 0, false, false
		for !marked || resyncing {
			ev, err := w.Next()
			if err != nil {
				return "", err
			}
			switch ev.Type {
			case rtnl.Resync:
				resyncing = true
				resyncs++
			case rtnl.Synced:
				resyncing = false
			default:
				events++
				marked = marked || ev.Key == netip.MustParsePrefix(mark)
			}
		}
		return fmt.Sprintf("%d events, %d resyncs, with the default receive buffer", events, resyncs), <-done
	})
}

// namespaces dials into many namespaces.
func (t *table) namespaces() error {
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	n := t.sizes.Namespaces
	err := t.step(fmt.Sprintf("make %d network namespaces", n), func() (string, error) {
		before, err := kernelMemory()
		if err != nil {
			return "", err
		}
		for range n {
			f, err := netns.New()
			if err != nil {
				return "", err
			}
			files = append(files, f)
		}
		after, err := kernelMemory()
		return kernelShare(after-before, n) + ", a descriptor", err
	})
	if err != nil {
		return err
	}
	conns := t.sizes.Conns
	return t.step(fmt.Sprintf("Dial %d times into each", conns), func() (string, error) {
		var open []*rtnl.Conn
		defer func() {
			for _, c := range open {
				c.Close()
			}
		}()
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return "", err
		}
		threads, err := number("/proc/self/status", "Threads:")
		if err != nil {
			return "", err
		}
		before, beforeHeap := 0.0, heap()
		if before, err = kernelMemory(); err != nil {
			return "", err
		}
		user, system := cpuTimes()
		for _, f := range files {
			for range conns {
				c, err := rtnl.Dial(&rtnl.Config{NetNS: int(f.Fd())})
				if err != nil {
					return "", err
				}
				open = append(open, c)
			}
		}
		u, s := cpuTimes()
		after, err := kernelMemory()
		if err != nil {
			return "", err
		}
		ownHeap := heap() - beforeHeap
		more, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return "", err
		}
		moreThreads, err := number("/proc/self/status", "Threads:")
		if err != nil {
			return "", err
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return "", err
		}
		all := float64(len(open))
		perConn := float64(len(more)-len(fds)) / all
		return fmt.Sprintf("%.0f µs for each, %.1f descriptors, %.0f KiB of this process's memory, %s; %.0f threads more than before; a limit of %d descriptors allows %.0f Conns",
			1e6*(u+s-user-system)/all, perConn, 1024*ownHeap/all, kernelShare(after-before, len(open)), moreThreads-threads, limit.Cur, float64(limit.Cur)/perConn), nil
	})
}

// kernelMemory returns the bytes that the kernel's allocators hold. What else runs
// on the machine changes that too.
func kernelMemory() (bytes float64, err error) {
	for _, name := range []string{"SUnreclaim:", "VmallocUsed:", "Percpu:"} {
		kib, err := number("/proc/meminfo", name)
		if err != nil {
			return 0, err
		}
		bytes += kib * 1024
	}
	return bytes, nil
}

// kernelShare says what each of n took.
func kernelShare(bytes float64, n int) string {
	if bytes <= 0 {
		return "the kernel's memory hidden by what else runs"
	}
	return fmt.Sprintf("some %.0f bytes of the kernel's memory for each", bytes/float64(n))
}

// number returns the number behind a name in a file of /proc.
func number(path, name string) (v float64, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), name)
	if _, err := fmt.Sscan(rest, &v); err != nil {
		return 0, fmt.Errorf("%s: %s %w", path, name, err)
	}
	return v, nil
}
