package link

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Filter says which links to list and what to tell of each. The zero Filter is
// all links.
//
// The kernel looks at Kind and Master; the list goes through all of it here.
type Filter struct {
	Kind       string // "veth"; "" is all
	Master     uint32 // index of a bridge, bond or VRF: its ports; 0 is all
	MasterKind string // "bridge": the ports of all bridges; "" is all
	NoMaster   bool   // what is no port
	Up         bool   // what is switched on
	Group      Opt[uint32]

	// Ext is what views shall have in addition: rtattr.RTEXT_FILTER_VF.
	Ext rtattr.ExtFilter

	// Stats puts the counters of IPv6 and of virtual functions into views. The
	// counters of links are there in any case.
	Stats bool
}

// String returns "type veth master 4 up".
func (f Filter) String() string {
	var s []string
	if f.Kind != "" {
		s = append(s, "type "+f.Kind)
	}
	if f.Master != 0 {
		s = append(s, fmt.Sprintf("master %d", f.Master))
	}
	if f.MasterKind != "" {
		s = append(s, "type "+f.MasterKind+"_slave")
	}
	if f.NoMaster {
		s = append(s, "nomaster")
	}
	if f.Up {
		s = append(s, "up")
	}
	if v, ok := f.Group.Get(); ok {
		s = append(s, fmt.Sprintf("group %d", v))
	}
	return strings.Join(s, " ")
}

func (f Filter) ext() rtattr.ExtFilter {
	if f.Stats {
		return f.Ext &^ rtattr.RTEXT_FILTER_SKIP_STATS
	}
	return f.Ext | rtattr.RTEXT_FILTER_SKIP_STATS
}

// match reports whether v belongs into the list. What the kernel looks at is
// looked at again: one that does not know the kind lists all links, as does one
// before 4.4. It could look at NoMaster too (IFLA_MASTER -1), but one before 5.15
// would then list nothing.
func (f Filter) match(v *rtattr.LinkView) bool {
	master, _ := v.Master()
	if f.Master != 0 && master != f.Master || f.NoMaster && master != 0 || f.Up && v.Header.Flags&rtattr.IFF_UP == 0 {
		return false
	}
	if want, ok := f.Group.Get(); ok {
		if group, _ := v.Group(); group != want {
			return false
		}
	}
	if f.Kind != "" || f.MasterKind != "" {
		info, _ := v.LinkInfo()
		kind, _ := info.Kind()
		masterKind, _ := info.SlaveKind()
		return (f.Kind == "" || string(kind) == f.Kind) && (f.MasterKind == "" || string(masterKind) == f.MasterKind)
	}
	return true
}

// AppendList appends the request that lists links: RTM_GETLINK, a dump.
func AppendList(e *rtattr.Encoder, f Filter) {
	w := rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.IfInfomsg{})
	w.ExtMask(f.ext())
	if f.Master != 0 {
		w.Master(f.Master)
	}
	if f.Kind != "" {
		i := w.LinkInfo()
		i.Kind(f.Kind)
		i.End()
	}
	w.End()
}

// AppendGet appends the request for one link: RTM_GETLINK.
func AppendGet(e *rtattr.Encoder, index uint32) {
	w := rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Index: number(e, index)})
	w.ExtMask(rtattr.RTEXT_FILTER_SKIP_STATS)
	w.End()
}

// AppendGetName appends the request for the link of a name, which may be an
// alternative one.
func AppendGetName(e *rtattr.Encoder, name string) {
	w := rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{})
	w.ExtMask(rtattr.RTEXT_FILTER_SKIP_STATS)
	putName(w, name)
	w.End()
}

// All lists links as they arrive. The view is reused: it holds until the next
// step of the loop. An error beside a view is about this one link, of which the
// rest can be read; one with a nil view ends the list, and is
// [rtnl.ErrDumpInterrupted] if links came or went meanwhile.
func All(ctx context.Context, conn *rtnl.Conn, f Filter) iter.Seq2[*rtattr.LinkView, error] {
	return func(yield func(*rtattr.LinkView, error) bool) {
		e := conn.Encoder()
		defer conn.Release(e)
		AppendList(e, f)
		if err := e.Err(); err != nil {
			yield(nil, err)
			return
		}
		var v rtattr.LinkView
		for m, err := range conn.Query(ctx, e) {
			if err != nil {
				yield(nil, rtnl.Annotate(err, "link: list", f.String()))
				return
			}
			if m.Type() != rtattr.RTM_NEWLINK {
				continue
			}
			if err := v.Parse(m.Payload()); (err != nil || f.match(&v)) && !yield(&v, err) {
				return
			}
		}
	}
}

// List returns links. The list is complete, or there is an error:
// [rtnl.ErrDumpInterrupted] if links changed during each of three attempts.
// Links that could be read are returned beside an error.
func List(ctx context.Context, conn *rtnl.Conn, f Filter) ([]Link, error) {
	return rtnl.Collect(All(ctx, conn, f), Parse)
}

// Get returns the link of an index. One that is not there is an error that
// errors.Is takes for fs.ErrNotExist.
func Get(ctx context.Context, conn *rtnl.Conn, index uint32) (Link, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGet(e, index)
	return one(ctx, conn, e, "link: get", func() string { return dev(index) })
}

// GetName returns the link of a name, which may be an alternative one.
func GetName(ctx context.Context, conn *rtnl.Conn, name string) (Link, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGetName(e, name)
	return one(ctx, conn, e, "link: get", func() string { return name })
}

// errNoAnswer is the end of an answer that did not begin.
var errNoAnswer = errors.New("the kernel did not show the link")

// one runs a request whose answer is one link.
func one(ctx context.Context, conn *rtnl.Conn, e *rtattr.Encoder, op string, object func() string) (l Link, err error) {
	if err := e.Err(); err != nil {
		return Link{}, err
	}
	found := false
	for m, err := range conn.Query(ctx, e) {
		if err != nil {
			return Link{}, rtnl.Annotate(err, op, object())
		}
		if m.Type() != rtattr.RTM_NEWLINK || found {
			continue
		}
		var v rtattr.LinkView
		if err := v.Parse(m.Payload()); err != nil {
			return Link{}, rtnl.Annotate(err, op, object())
		}
		if l, err = Parse(&v); err != nil {
			return Link{}, err
		}
		found = true
	}
	if !found {
		return Link{}, rtnl.Annotate(errNoAnswer, op, object())
	}
	return l, nil
}

func dev(index uint32) string { return fmt.Sprintf("dev %d", index) }
