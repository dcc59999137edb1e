package address_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

var pfx, ip = netip.MustParsePrefix, netip.MustParseAddr

func add(a address.Address) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { address.AppendAdd(e, a) }
}

func replace(a address.Address) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { address.AppendReplace(e, a) }
}

func change(a address.Address) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { address.AppendChange(e, a) }
}

func del(a address.Address) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { address.AppendDelete(e, a) }
}

func list(f address.Filter) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { address.AppendList(e, f) }
}

// goldens says for each message recorded from ip how it is written here.
var goldens = map[string]func(*rtattr.Encoder){
	"addr-add-24":              add(address.Address{Index: 3, Local: pfx("10.66.66.1/24")}),
	"addr-add-31":              add(address.Address{Index: 3, Local: pfx("10.66.66.2/31")}),
	"addr-add-32":              add(address.Address{Index: 3, Local: pfx("10.66.66.1/32")}),
	"addr-add-all":             add(all),
	"addr-add-autojoin":        add(address.Address{Index: 3, Local: pfx("224.0.0.77/32"), Flags: rtattr.IFA_F_MCAUTOJOIN}),
	"addr-add-broadcast":       add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Broadcast: ip("10.66.66.200")}),
	"addr-add-broadcast-minus": add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Broadcast: ip("10.66.66.0")}),
	"addr-add-broadcast-plus":  add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Broadcast: ip("10.66.66.255")}),
	"addr-add-deprecated":      add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Valid: 86400, Preferred: address.Expired}),
	"addr-add-exists":          add(address.Address{Index: 3, Local: pfx("10.66.66.1/24")}),
	"addr-add-forever":         add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Valid: address.Forever}),
	"addr-add-label":           add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Label: "v0:dns"}),
	"addr-add-lifetime":        add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Valid: 86400, Preferred: 3600}),
	"addr-add-lo-host":         add(address.Address{Index: 1, Local: pfx("192.0.2.53/32")}),
	"addr-add-lo":              add(address.Address{Index: 1, Local: pfx("127.0.0.2/8"), Scope: rtattr.RT_SCOPE_HOST}),
	"addr-add-metric":          add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Metric: 512}),
	"addr-add-noprefixroute":   add(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Flags: rtattr.IFA_F_NOPREFIXROUTE}),
	"addr-add-peer":            add(address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}),
	"addr-add-peer-broadcast":  add(address.Address{Index: 3, Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24"), Broadcast: ip("198.51.100.255")}),
	"addr-add-peer-subnet":     add(address.Address{Index: 3, Local: pfx("192.0.2.1/32"), Peer: pfx("198.51.100.1/24")}),
	"addr-add-scope-host":      add(address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Scope: rtattr.RT_SCOPE_HOST}),
	"addr-add-scope-link":      add(address.Address{Index: 3, Local: pfx("169.254.7.7/16"), Scope: rtattr.RT_SCOPE_LINK}),
	"addr-add-scope-number":    add(address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Scope: 200}),
	"addr-add-tun-24":          add(address.Address{Index: 2, Local: pfx("10.66.66.1/24")}),
	"addr-add-tun-31":          add(address.Address{Index: 2, Local: pfx("10.66.66.2/31")}),
	"addr-add-tun-peer":        add(address.Address{Index: 2, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}),
	"addr-change-lifetime":     change(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Valid: 600, Preferred: 300}),
	"addr-del":                 del(address.Address{Index: 3, Local: pfx("10.66.66.1/24")}),
	"addr-del-absent":          del(address.Address{Index: 3, Local: pfx("10.66.66.1/24")}),
	"addr-del-label":           del(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Label: "v0:dns"}),
	"addr-del-peer":            del(address.Address{Index: 3, Local: pfx("10.66.66.1/32"), Peer: pfx("10.66.66.2/32")}),
	"addr-get-dump":            list(address.Filter{}),
	"addr-get-dump-dev":        list(address.Filter{Index: 2}),
	"addr-replace":             replace(address.Address{Index: 3, Local: pfx("10.66.66.1/24"), Metric: 9}),
	"addr-replace-new":         replace(address.Address{Index: 3, Local: pfx("10.66.66.1/24")}),

	"addr6-add-127": add(address.Address{Index: 3, Local: pfx("fd00:1::2/127")}),
	"addr6-add-128": add(address.Address{Index: 3, Local: pfx("fd00:1::1/128")}),
	"addr6-add-64":  add(address.Address{Index: 3, Local: pfx("fd00:1::1/64")}),
	"addr6-add-anycast": func(e *rtattr.Encoder) {
		w := address.Begin(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL, address.Address{Index: 3, Local: pfx("fd00:1::1/64")})
		w.Anycast(ip("fd00:1::77"))
		w.End()
	},
	"addr6-add-autojoin":      add(address.Address{Index: 3, Local: pfx("ff05::77/128"), Flags: rtattr.IFA_F_MCAUTOJOIN}),
	"addr6-add-deprecated":    add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Preferred: address.Expired}),
	"addr6-add-home":          add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_HOMEADDRESS}),
	"addr6-add-lifetime":      add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Valid: 86400, Preferred: 3600}),
	"addr6-add-lo":            add(address.Address{Index: 1, Local: pfx("fd00:53::1/128")}),
	"addr6-add-mapped":        add(address.Address{Index: 3, Local: pfx("::ffff:10.66.66.1/128")}),
	"addr6-add-metric":        add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Metric: 4096}),
	"addr6-add-mngtmpaddr":    add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_MANAGETEMPADDR | rtattr.IFA_F_NODAD}),
	"addr6-add-nodad":         add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_NODAD}),
	"addr6-add-noprefixroute": add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_NOPREFIXROUTE}),
	"addr6-add-optimistic":    add(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_OPTIMISTIC}),
	"addr6-add-peer":          add(address.Address{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}),
	"addr6-add-peer-subnet":   add(address.Address{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:2::2/64")}),
	"addr6-add-scope-link":    add(address.Address{Index: 3, Local: pfx("fe80::7/64"), Scope: rtattr.RT_SCOPE_LINK}),
	"addr6-add-tun-peer":      add(address.Address{Index: 2, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}),
	"addr6-change":            change(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Flags: rtattr.IFA_F_HOMEADDRESS}),
	"addr6-del":               del(address.Address{Index: 3, Local: pfx("fd00:1::1/64")}),
	"addr6-del-peer":          del(address.Address{Index: 3, Local: pfx("fd00:1::1/128"), Peer: pfx("fd00:1::2/128")}),
	"addr6-get-dump":          list(address.Filter{Family: rtattr.AF_INET6}),
	"addr6-replace":           replace(address.Address{Index: 3, Local: pfx("fd00:1::1/64"), Valid: 120, Preferred: 60}),
}

var all = address.Address{
	Index:     3,
	Local:     pfx("192.0.2.1/32"),
	Peer:      pfx("198.51.100.1/24"),
	Broadcast: ip("198.51.100.255"),
	Label:     "v0:all",
	Scope:     rtattr.RT_SCOPE_LINK,
	Flags:     rtattr.IFA_F_NOPREFIXROUTE,
	Metric:    77,
	Valid:     86400,
	Preferred: 3600,
}

func loadGoldens(t *testing.T) []golden.File {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the goldens were recorded on a little-endian machine")
	}
	files, err := golden.Load("../rtattr/testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	var mine []golden.File
	for _, f := range files {
		if strings.HasPrefix(f.Name, "addr-") || strings.HasPrefix(f.Name, "addr6-") {
			mine = append(mine, f)
		}
	}
	return mine
}

// reordered are the messages in which ip puts the IFA_ADDRESS of an own address
// behind what its command line adds. The kernel does not look at the order.
var reordered = []string{
	"addr-add-autojoin", "addr-add-broadcast", "addr-add-label", "addr-add-metric",
	"addr-add-noprefixroute", "addr-del-label", "addr-replace",
	"addr6-add-anycast", "addr6-add-autojoin", "addr6-add-metric",
	"addr6-add-mngtmpaddr", "addr6-add-noprefixroute",
}

// compare wants the bytes of a golden, and where ip has another order the same
// attributes.
func compare(t *testing.T, f golden.File, got []byte) {
	t.Helper()
	want := ""
	if slices.Contains(reordered, f.Name) {
		want = "order"
	}
	diff, err := golden.Compare(got, f.Wire)
	if err != nil {
		t.Errorf("%s: %v", f.Command, err)
	}
	if diff != want {
		t.Errorf("%s: differs from ip in %q, want %q", f.Command, diff, want)
	}
}

// TestGolden wants for each message of ip the same bytes.
func TestGolden(t *testing.T) {
	files := loadGoldens(t)
	if len(files) != len(goldens) {
		t.Errorf("%d goldens, %d builders", len(files), len(goldens))
	}
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			build := goldens[f.Name]
			if build == nil {
				t.Fatal("no builder")
			}
			var e rtattr.Encoder
			build(&e)
			got, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if m := rtattr.Msg(f.Wire); m.Type() != rtattr.RTM_GETADDR { // the socket sets it
				m := rtattr.Msg(got)
				m.SetFlags(m.Flags() | rtattr.NLM_F_ACK)
			}
			compare(t, f, got)
		})
	}
}

// TestGoldenParse wants each message of ip to survive Parse and Begin.
func TestGoldenParse(t *testing.T) {
	for _, f := range loadGoldens(t) {
		m := rtattr.Msg(f.Wire)
		if m.Type() == rtattr.RTM_GETADDR || f.Name == "addr6-add-anycast" { // IFA_ANYCAST has no field
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var v rtattr.AddrView
			if err := v.Parse(m.Payload()); err != nil {
				t.Fatal(err)
			}
			a, err := address.Parse(&v)
			if err != nil {
				t.Fatal(err)
			}
			var e rtattr.Encoder
			address.Begin(&e, m.Type(), m.Flags(), a).End()
			got, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, f, got)
		})
	}
}
