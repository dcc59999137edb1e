package link

import (
	"context"
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Numbers of other network namespaces, as a namespace sees them: Link.LinkNetNSID
// and Config.NetNSID. The kernel gives a number to a namespace when it first has
// to name it. A number cannot be changed, and is free again when the namespace
// ends: there is no message that removes one.

// AppendSetNSID appends the message that gives a number to the network namespace of
// a descriptor: RTM_NEWNSID, which fails with EEXIST if it has one, or if the
// number is taken. -1 lets the kernel choose.
func AppendSetNSID(e *rtattr.Encoder, netns int, id int32) {
	if id < -1 {
		e.Fail(fmt.Errorf("link: set netns: %d is no number of a network namespace", id))
	}
	w := rtattr.AppendNSID(e, rtattr.RTM_NEWNSID, rtattr.NLM_F_REQUEST, rtattr.RtGenmsg{})
	w.FD(descriptor(e, netns))
	w.NSID(id)
	w.End()
}

// AppendGetNSID appends the request for the number of the network namespace of a
// descriptor: RTM_GETNSID.
func AppendGetNSID(e *rtattr.Encoder, netns int) {
	w := rtattr.AppendNSID(e, rtattr.RTM_GETNSID, rtattr.NLM_F_REQUEST, rtattr.RtGenmsg{})
	w.FD(descriptor(e, netns))
	w.End()
}

// AppendListNSIDs appends the request that lists the numbers of network
// namespaces: RTM_GETNSID, a dump.
func AppendListNSIDs(e *rtattr.Encoder) {
	rtattr.AppendNSID(e, rtattr.RTM_GETNSID, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.RtGenmsg{}).End()
}

func descriptor(e *rtattr.Encoder, netns int) uint32 {
	if netns < 0 || netns > math.MaxInt32 {
		e.Fail(fmt.Errorf("link: %d is no descriptor of a network namespace", netns))
	}
	return uint32(netns)
}

// SetNSID gives a number to a network namespace, as AppendSetNSID says.
func SetNSID(ctx context.Context, conn *rtnl.Conn, netns int, id int32) error {
	return exec(ctx, conn, "link: set netns", func(e *rtattr.Encoder) { AppendSetNSID(e, netns, id) },
		func() string { return fmt.Sprintf("fd %d id %d", netns, id) })
}

// GetNSID returns the number of the network namespace of a descriptor, absent if
// it has none.
func GetNSID(ctx context.Context, conn *rtnl.Conn, netns int) (Opt[int32], error) {
	ids, err := nsids(ctx, conn, func(e *rtattr.Encoder) { AppendGetNSID(e, netns) }, fmt.Sprintf("fd %d", netns))
	if err != nil || len(ids) == 0 || ids[0] == rtattr.NETNSA_NSID_NOT_ASSIGNED {
		return Opt[int32]{}, err
	}
	return Some(ids[0]), nil
}

// ListNSIDs returns the numbers of all network namespaces that have one.
func ListNSIDs(ctx context.Context, conn *rtnl.Conn) ([]int32, error) {
	return nsids(ctx, conn, AppendListNSIDs, "")
}

func nsids(ctx context.Context, conn *rtnl.Conn, put func(*rtattr.Encoder), object string) ([]int32, error) {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e)
	if err := e.Err(); err != nil {
		return nil, err
	}
	var ids []int32
	for m, err := range conn.Query(ctx, e) {
		if err != nil {
			return ids, rtnl.Annotate(err, "link: get netns", object)
		}
		if m.Type() != rtattr.RTM_NEWNSID {
			continue
		}
		var v rtattr.NSIDView
		if err := v.Parse(m.Payload()); err != nil {
			return ids, err
		}
		if id, ok := v.NSID(); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
