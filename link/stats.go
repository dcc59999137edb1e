package link

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// AppendGetStats appends the request for counters of a link: RTM_GETSTATS. The
// attributes say which: rtattr.IFLA_STATS_LINK_64, those of the kind
// (IFLA_STATS_LINK_XSTATS) or of the port (IFLA_STATS_LINK_XSTATS_SLAVE), those of
// the hardware (IFLA_STATS_LINK_OFFLOAD_XSTATS) and of address families
// (IFLA_STATS_AF_SPEC). What is rarer has rtattr.AppendStatsRequest: a choice
// among the counters of the hardware, and RTM_SETSTATS that switches them on.
func AppendGetStats(e *rtattr.Encoder, index uint32, attributes ...uint16) {
	h := rtattr.IfStatsMsg{IfIndex: uint32(number(e, index)), FilterMask: statsMask(e, attributes)}
	rtattr.AppendStatsRequest(e, rtattr.RTM_GETSTATS, rtattr.NLM_F_REQUEST, h).End()
}

// AppendListStats appends the request for counters of all links: RTM_GETSTATS, a
// dump. The attributes are those of AppendGetStats.
func AppendListStats(e *rtattr.Encoder, attributes ...uint16) {
	h := rtattr.IfStatsMsg{FilterMask: statsMask(e, attributes)}
	rtattr.AppendStatsRequest(e, rtattr.RTM_GETSTATS, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, h).End()
}

// statsMask is IFLA_STATS_FILTER_BIT of each attribute.
func statsMask(e *rtattr.Encoder, attributes []uint16) (mask uint32) {
	for _, a := range attributes {
		if a == 0 || a > 32 {
			e.Fail(fmt.Errorf("link: get stats: %d is no attribute of counters", a))
		}
		mask |= 1 << (a - 1)
	}
	if mask == 0 {
		e.Fail(errors.New("link: get stats: no attributes"))
	}
	return mask
}

// GetStats returns the counters of a link.
func GetStats(ctx context.Context, conn *rtnl.Conn, index uint32) (s rtattr.LinkStats64, err error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGetStats(e, index, rtattr.IFLA_STATS_LINK_64)
	found := false
	for v, err := range stats(ctx, conn, e, dev(index)) {
		if err != nil {
			return s, err
		}
		s, found = v.Link64()
	}
	if !found {
		return s, rtnl.Annotate(errNoAnswer, "link: get stats", dev(index))
	}
	return s, nil
}

// AllStats lists counters of links as they arrive; the attributes are those of
// AppendGetStats. Views and errors are as those of All; the counters of one link
// may be in several views.
func AllStats(ctx context.Context, conn *rtnl.Conn, attributes ...uint16) iter.Seq2[*rtattr.StatsView, error] {
	return func(yield func(*rtattr.StatsView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendListStats(e, attributes...)
		stats(ctx, conn, e, "")(yield)
	}
}

func stats(ctx context.Context, conn *rtnl.Conn, e *rtattr.Encoder, object string) iter.Seq2[*rtattr.StatsView, error] {
	return func(yield func(*rtattr.StatsView, error) bool) {
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.StatsView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "link: get stats", object))
				return
			}
			if m.Type() == rtattr.RTM_NEWSTATS && !yield(&v, v.Parse(m.Payload())) {
				return
			}
		}
	}
}
