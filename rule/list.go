package rule

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/nlwire/nlwire/internal/flush"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which rules are listed: those that match all fields that are not
// zero.
type Filter struct {
	Family   uint8 // AF_INET, AF_INET6, IPv4Multicast or IPv6Multicast; 0 is IPv4 and IPv6
	Priority Number
	Table    rtattr.RouteTable
	Protocol rtattr.Protocol
}

// String returns "inet table 1000".
func (f Filter) String() string {
	var parts []string
	switch f.Family {
	case rtattr.AF_UNSPEC:
	case rtattr.AF_INET:
		parts = append(parts, "inet")
	case rtattr.AF_INET6:
		parts = append(parts, "inet6")
	default:
		parts = append(parts, fmt.Sprintf("family %d", f.Family))
	}
	if f.Priority != 0 {
		parts = append(parts, "pref "+f.Priority.String())
	}
	if f.Table != 0 {
		parts = append(parts, "table "+f.Table.String())
	}
	if f.Protocol != 0 {
		parts = append(parts, "proto "+f.Protocol.String())
	}
	return strings.Join(parts, " ")
}

func (f *Filter) match(v *rtattr.RuleView) bool {
	h := v.Header
	table := rtattr.RouteTable(h.Table)
	if t, ok := v.Table(); ok {
		table = t
	}
	priority, _ := v.Priority()
	protocol, _ := v.Protocol()
	return f.family(h.Family) &&
		(f.Priority == 0 || f.Priority == NumberOf(priority)) &&
		(f.Table == 0 || f.Table == table) &&
		(f.Protocol == 0 || f.Protocol == protocol)
}

// family reports whether rules of a family are meant. A list of all families has
// those of multicast routing too.
func (f *Filter) family(family uint8) bool {
	if f.Family == 0 {
		return family == rtattr.AF_INET || family == rtattr.AF_INET6
	}
	return f.Family == family
}

// AppendList appends the request that lists rules: RTM_GETRULE, a dump. The
// kernel filters by Family alone.
func AppendList(e *rtattr.Encoder, f Filter) {
	switch f.Family {
	case rtattr.AF_UNSPEC, rtattr.AF_INET, rtattr.AF_INET6, IPv4Multicast, IPv6Multicast:
	default:
		e.Fail(fmt.Errorf("rule: list: there are no rules of address family %d", f.Family))
	}
	rtattr.AppendRule(e, rtattr.RTM_GETRULE, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.FibRuleHdr{Family: f.Family}).End()
}

// All lists rules as they arrive: those of a family in the order in which they are
// tried. The view is reused: it holds until the next step of the loop. An error
// beside a view is about this one rule, of which the rest can be read; one with a
// nil view ends the list.
//
// The kernel does not tell if rules change while they are listed (dump_rules): one
// may be missing or twice then.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.RuleView, error] {
	return func(yield func(*rtattr.RuleView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendList(e, f)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.RuleView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "rule: list", f.String()))
				return
			}
			if m.Type() != rtattr.RTM_NEWRULE {
				continue
			}
			if err := v.Parse(m.Payload()); (err != nil || f.match(&v)) && !yield(&v, err) {
				return
			}
		}
	}
}

// List returns rules, those of a family in the order in which they are tried. Rules
// that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Rule, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}

// Flush deletes the rules that f matches, but for those of priority 0, and returns
// how many it found: a list, then one batch with a message for each. A rule that is
// gone by then is no error.
func Flush(ctx context.Context, conn *rtnl.Conn, f Filter) (n int, err error) {
	rules, err := List(ctx, conn, f)
	if err != nil {
		return 0, err
	}
	e := conn.Encoder()
	defer conn.Release(e)
	for _, r := range rules {
		if r.Priority != Zero {
			AppendDelete(e, r)
			n++
		}
	}
	return n, flush.Run(ctx, conn, e, "rule: flush", f.String())
}
