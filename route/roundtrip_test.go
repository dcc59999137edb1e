//go:build linux

package route_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/nlwire/nlwire/internal/optguard"
	"github.com/nlwire/nlwire/internal/roundtrip"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// guarded is put for what may be sent.
func guarded(put func(*rtattr.Encoder, route.Route)) func(*rtattr.Encoder, route.Route) {
	return func(e *rtattr.Encoder, r route.Route) {
		var one rtattr.Encoder
		put(&one, r)
		b, err := one.Finish()
		if err == nil {
			err = optguard.Check(b)
		}
		if err != nil {
			e.Fail(err)
			return
		}
		put(e, r)
	}
}

// roundTrip runs a corpus: of all routes in any order, or of those of table main in
// theirs. The order of the kernel's own routes to ff00::/8 is up to chance.
func roundTrip(t *testing.T, corpus string, ordered bool, put func(*rtattr.Encoder, route.Route)) {
	t.Helper()
	text, err := os.ReadFile(corpus)
	if err != nil || bytes.Contains(text, []byte("_opts")) {
		t.Fatal(corpus, "with options of tunnels, which stop the kernel", err)
	}
	f, show := route.Filter{}, "-d -json route show table all"
	if ordered {
		f.Table, show = rtattr.RT_TABLE_MAIN, "-d -json route show"
	}
	roundtrip.Run(t, corpus, roundtrip.Test[route.Route]{
		List: func(conn *rtnl.Conn) ([]route.Route, error) {
			list, err := route.List(ctx, conn, f)
			return slices.DeleteFunc(list, func(r route.Route) bool { return r.Protocol == rtattr.RTPROT_KERNEL }), err
		},
		Unordered: !ordered,
		Append:    guarded(put),
		Delete:    guarded(route.AppendDelete),
		Steady: func(r route.Route) route.Route {
			r.Expires = min(r.Expires, 1)
			return r
		},
		JSON:     []string{"ip " + show, "ip -6 " + show},
		Volatile: []string{"expires"},
	})
}

// Whatever ip can make is the same when it is written as it was listed, by List and
// by ip, and goes when it is deleted as it is listed.
func TestRoundTrip(t *testing.T) {
	roundTrip(t, "testdata/roundtrip.txt", false, route.AppendAdd)
}

// Several routes of one destination keep their order.
func TestRoundTripAgain(t *testing.T) {
	roundTrip(t, "testdata/again.txt", true, route.AppendAppend)
}
