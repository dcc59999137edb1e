package nexthop

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Bucket is one of a resilient group: flows that fall into it take its nexthop.
type Bucket struct {
	ID        uint32 // of the group
	Index     uint16 // in the group
	NexthopID uint32
	Idle      time.Duration // since the last packet
}

// A BucketFilter says which buckets are listed: those that match all fields that
// are not zero. The kernel filters by all of them. An ID that is not that of a
// resilient group is an error.
type BucketFilter struct {
	ID        uint32 // of the group
	NexthopID uint32
	Index     uint32 // of the nexthop's interface
	Master    uint32 // of that interface
}

// AppendListBuckets appends the request that lists buckets: RTM_GETNEXTHOPBUCKET, a
// dump.
func AppendListBuckets(e *rtattr.Encoder, f BucketFilter) {
	w := rtattr.AppendNexthop(e, rtattr.RTM_GETNEXTHOPBUCKET, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, rtattr.NhMsg{})
	if f.ID != 0 {
		w.ID(f.ID)
	}
	if f.Index != 0 {
		w.OIF(f.Index)
	}
	if f.Master != 0 {
		w.Master(f.Master)
	}
	if f.NexthopID != 0 {
		n := w.Bucket()
		n.NexthopID(f.NexthopID)
		n.End()
	}
	w.End()
}

// AllBuckets lists buckets as they arrive, as All does nexthops.
func AllBuckets(ctx context.Context, conn *rtnl.Conn, f BucketFilter) iter.Seq2[*rtattr.NexthopView, error] {
	put := func(e *rtattr.Encoder) { AppendListBuckets(e, f) }
	any := func(*rtattr.NexthopView) bool { return true }
	return all(ctx, conn, put, rtattr.RTM_NEWNEXTHOPBUCKET, "nexthop: list buckets of", fmt.Sprintf("id %d", f.ID), any)
}

// ListBuckets returns buckets, ordered by ID and Index.
func ListBuckets(ctx context.Context, conn *rtnl.Conn, f BucketFilter) ([]Bucket, error) {
	return rtnl.Collect(AllBuckets(ctx, conn, f), ParseBucket)
}

// AppendGetBucket appends the request for a bucket of a group:
// RTM_GETNEXTHOPBUCKET.
func AppendGetBucket(e *rtattr.Encoder, id uint32, index uint16) {
	w := request(e, rtattr.RTM_GETNEXTHOPBUCKET, "get bucket", id)
	n := w.Bucket()
	n.Index(index)
	n.End()
	w.End()
}

// GetBucket returns a bucket of a group. None is fs.ErrNotExist.
func GetBucket(ctx context.Context, conn *rtnl.Conn, id uint32, index uint16) (b Bucket, err error) {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendGetBucket(e, id, index)
	err = one(ctx, conn, e, rtattr.RTM_NEWNEXTHOPBUCKET, "nexthop: get bucket", fmt.Sprintf("id %d index %d", id, index), func(v *rtattr.NexthopView) (err error) {
		b, err = ParseBucket(v)
		return err
	})
	return b, err
}

// ParseBucket returns the bucket of a view.
func ParseBucket(v *rtattr.NexthopView) (Bucket, error) {
	n, err := v.Bucket()
	if err != nil {
		return Bucket{}, err
	}
	var b Bucket
	var ok bool
	b.ID, _ = v.ID()
	if b.Index, ok = n.Index(); !ok {
		return Bucket{}, errors.New("nexthop: a bucket without an index")
	}
	b.NexthopID, _ = n.NexthopID()
	idle, _ := n.IdleTime()
	b.Idle = time.Duration(min(idle, 1<<38)) * tick
	return b, nil
}
