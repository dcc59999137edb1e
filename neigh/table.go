package neigh

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Table is a neighbour table, or the parameters of one interface in it. Of a Table
// that is set, Numbers that are none are not sent. Two Tables are equal (==) if all
// fields are.
type Table struct {
	Family uint8  // AF_INET or AF_INET6; 0 is any table of the Name
	Name   string // "arp_cache", "ndisc_cache"
	Index  uint32 // of the interface whose parameters these are; 0 is the default for new ones

	// Of the table as a whole; the initial network namespace alone can set them.
	Thresh1    Number // entries below which none is collected
	Thresh2    Number // entries above which old ones are collected soon
	Thresh3    Number // entries at most
	GCInterval Number // milliseconds between collections

	BaseReachableTime Number // milliseconds that a confirmation lasts on average
	RetransTime       Number // milliseconds between probes
	GCStaleTime       Number // milliseconds after which a stale entry may be collected
	DelayProbeTime    Number // milliseconds before a stale entry that is used is probed
	IntervalProbeTime Number // milliseconds between probes of managed entries; Linux 5.19
	AnycastDelay      Number // milliseconds that an answer for an anycast address waits at most
	ProxyDelay        Number // milliseconds that a proxy's answer waits at most
	LockTime          Number // milliseconds in which an entry is not changed again
	AppProbes         Number // probes left to user space
	UnicastProbes     Number
	MulticastProbes   Number
	MulticastReprobes Number // after the unicast ones; Linux 3.19
	ProxyQueueLen     Number // packets that may wait for a proxy's answer
	QueueLenBytes     Number // bytes of packets that may wait for a resolution
	QueueLen          Number // the same as a number of packets; the last of the two sent counts

	// What follows is listed, and not sent.

	Refs          uint32 // users of the parameters
	ReachableTime uint64 // milliseconds, drawn around BaseReachableTime
	Config        rtattr.NeighTableConfig
	Stats         rtattr.NeighTableStats
}

// AppendSetTable appends the message that changes t: RTM_SETNEIGHTBL. Name says which
// table.
func AppendSetTable(e *rtattr.Encoder, t Table) {
	if t.Name == "" {
		e.Fail(fmt.Errorf("neigh: set table: no Name"))
	}
	// ip sets NLM_F_REPLACE too, at which the kernel does not look (neightbl_set).
	w := rtattr.AppendNeighTable(e, rtattr.RTM_SETNEIGHTBL, rtattr.NLM_F_REQUEST|rtattr.NLM_F_REPLACE, rtattr.NdtMsg{Family: t.Family})
	w.Name(t.Name)
	put32 := func(n rtattr.Nest, typ uint16, v Number) {
		if x, ok := v.Value(); ok {
			if x > math.MaxUint32 {
				n.Fail(typ, fmt.Sprintf("%d has more than 32 bits", x))
			}
			n.Uint32(typ, uint32(x))
		}
	}
	put64 := func(n rtattr.Nest, typ uint16, v Number) {
		if x, ok := v.Value(); ok {
			n.Uint64(typ, x)
		}
	}
	put32(w.Nest, rtattr.NDTA_THRESH1, t.Thresh1)
	put32(w.Nest, rtattr.NDTA_THRESH2, t.Thresh2)
	put32(w.Nest, rtattr.NDTA_THRESH3, t.Thresh3)
	put64(w.Nest, rtattr.NDTA_GC_INTERVAL, t.GCInterval)
	if t.params() {
		p := w.Parms()
		if t.Index != 0 {
			p.IfIndex(t.Index)
		}
		put64(p.Nest, rtattr.NDTPA_BASE_REACHABLE_TIME, t.BaseReachableTime)
		put64(p.Nest, rtattr.NDTPA_RETRANS_TIME, t.RetransTime)
		put64(p.Nest, rtattr.NDTPA_GC_STALETIME, t.GCStaleTime)
		put64(p.Nest, rtattr.NDTPA_DELAY_PROBE_TIME, t.DelayProbeTime)
		put32(p.Nest, rtattr.NDTPA_QUEUE_LEN, t.QueueLen)
		put32(p.Nest, rtattr.NDTPA_QUEUE_LENBYTES, t.QueueLenBytes)
		put32(p.Nest, rtattr.NDTPA_APP_PROBES, t.AppProbes)
		put32(p.Nest, rtattr.NDTPA_UCAST_PROBES, t.UnicastProbes)
		put32(p.Nest, rtattr.NDTPA_MCAST_PROBES, t.MulticastProbes)
		put32(p.Nest, rtattr.NDTPA_MCAST_REPROBES, t.MulticastReprobes)
		put64(p.Nest, rtattr.NDTPA_ANYCAST_DELAY, t.AnycastDelay)
		put64(p.Nest, rtattr.NDTPA_PROXY_DELAY, t.ProxyDelay)
		put32(p.Nest, rtattr.NDTPA_PROXY_QLEN, t.ProxyQueueLen)
		put64(p.Nest, rtattr.NDTPA_LOCKTIME, t.LockTime)
		put64(p.Nest, rtattr.NDTPA_INTERVAL_PROBE_TIME_MS, t.IntervalProbeTime)
		p.End()
	}
	w.End()
}

// params reports whether t has parameters of an interface.
func (t *Table) params() bool {
	for _, n := range [...]Number{
		t.BaseReachableTime, t.RetransTime, t.GCStaleTime, t.DelayProbeTime, t.IntervalProbeTime,
		t.AnycastDelay, t.ProxyDelay, t.LockTime, t.AppProbes, t.UnicastProbes, t.MulticastProbes,
		t.MulticastReprobes, t.ProxyQueueLen, t.QueueLenBytes, t.QueueLen,
	} {
		if n != 0 {
			return true
		}
	}
	return t.Index != 0
}

// SetTable changes t, as AppendSetTable says.
func SetTable(ctx context.Context, conn *rtnl.Conn, t Table) error {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendSetTable(e, t)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, "neigh: set table", t.Name)
	}
	return nil
}

// AppendListTables appends the request that lists neighbour tables: RTM_GETNEIGHTBL, a
// dump. The kernel filters by family alone; 0 is all.
func AppendListTables(e *rtattr.Encoder, family uint8) {
	rtattr.AppendNeighTable(e, rtattr.RTM_GETNEIGHTBL, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.NdtMsg{Family: family}).End()
}

// AllTables lists neighbour tables as they arrive, each followed by the parameters of
// the interfaces in it. The view is reused: it holds until the next step of the loop.
// Errors are those of All.
func AllTables(ctx context.Context, conn *rtnl.Conn, family uint8) iter.Seq2[*rtattr.NeighTableView, error] {
	return func(yield func(*rtattr.NeighTableView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendListTables(e, family)
		var v rtattr.NeighTableView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "neigh: list tables", ""))
				return
			}
			if m.Type() == rtattr.RTM_NEWNEIGHTBL && !yield(&v, v.Parse(m.Payload())) {
				return
			}
		}
	}
}

// ListTables returns the neighbour tables of a family, 0 is all, each followed by the
// parameters of the interfaces in it.
func ListTables(ctx context.Context, conn *rtnl.Conn, family uint8) ([]Table, error) {
	return rtnl.Collect(AllTables(ctx, conn, family), ParseTable)
}

// ParseTable reads a table out of an RTM_NEWNEIGHTBL message.
func ParseTable(v *rtattr.NeighTableView) (Table, error) {
	t := Table{Family: v.Header.Family}
	name, _ := v.Name()
	t.Name = string(name)
	set32 := func(to *Number) func(uint32, bool) {
		return func(n uint32, ok bool) {
			if ok {
				*to = NumberOf(uint64(n))
			}
		}
	}
	set64 := func(to *Number) func(uint64, bool) {
		return func(n uint64, ok bool) {
			if ok {
				*to = NumberOf(n)
			}
		}
	}
	set32(&t.Thresh1)(v.Thresh1())
	set32(&t.Thresh2)(v.Thresh2())
	set32(&t.Thresh3)(v.Thresh3())
	set64(&t.GCInterval)(v.GCInterval())
	t.Config, _ = v.Config()
	t.Stats, _ = v.Stats()
	p, err := v.Parms()
	if err != nil {
		return t, err
	}
	t.Index, _ = p.IfIndex()
	t.Refs, _ = p.Refs()
	t.ReachableTime, _ = p.ReachableTime()
	set64(&t.BaseReachableTime)(p.BaseReachableTime())
	set64(&t.RetransTime)(p.RetransTime())
	set64(&t.GCStaleTime)(p.GCStaleTime())
	set64(&t.DelayProbeTime)(p.DelayProbeTime())
	set64(&t.IntervalProbeTime)(p.IntervalProbeTime())
	set64(&t.AnycastDelay)(p.AnycastDelay())
	set64(&t.ProxyDelay)(p.ProxyDelay())
	set64(&t.LockTime)(p.LockTime())
	set32(&t.AppProbes)(p.AppProbes())
	set32(&t.UnicastProbes)(p.UnicastProbes())
	set32(&t.MulticastProbes)(p.MulticastProbes())
	set32(&t.MulticastReprobes)(p.MulticastReprobes())
	set32(&t.ProxyQueueLen)(p.ProxyQueueLen())
	set32(&t.QueueLenBytes)(p.QueueLenBytes())
	set32(&t.QueueLen)(p.QueueLen())
	return t, nil
}
