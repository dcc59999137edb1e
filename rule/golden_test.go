package rule_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rule"
)

var pfx = netip.MustParsePrefix

func add(r rule.Rule) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { rule.AppendAdd(e, r) }
}

func del(r rule.Rule) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { rule.AppendDelete(e, r) }
}

func list(f rule.Filter) func(*rtattr.Encoder) {
	return func(e *rtattr.Encoder) { rule.AppendList(e, f) }
}

const (
	inet  = rtattr.AF_INET
	inet6 = rtattr.AF_INET6
)

// goldens make each message that ip has sent.
var goldens = map[string]func(*rtattr.Encoder){
	"rule-add-blackhole": add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), TOS: 0x10, Flags: rtattr.FIB_RULE_INVERT, Action: rtattr.FR_ACT_BLACKHOLE}),
	"rule-add-exists":    add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), Table: 100}),
	"rule-add-from":      add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), Table: 1000}),
	"rule-add-goto":      add(rule.Rule{Family: inet, Priority: 77, Goto: 32766}),
	"rule-add-iif":       add(rule.Rule{Family: inet, Priority: 77, IIF: "v0", OIF: "v1", SuppressPrefixLen: rule.Zero}),
	"rule-add-l3mdev":    add(rule.Rule{Family: inet, Priority: 77, L3MDev: true}),
	// FRA_UNUSED2 is what RTA_GATEWAY is in a route; the kernel has no such rules.
	"rule-add-nat":         add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), Action: rtattr.RuleAction(rtattr.RTN_NAT), Table: rtattr.RT_TABLE_MAIN, Unknown: "\x08\x00\x05\x00\xc0\x00\x02\x01"}),
	"rule-add-multicast":   add(rule.Rule{Family: rule.IPv4Multicast, Priority: 77, IIF: "v0", Table: 100}),
	"rule-add-multicast6":  add(rule.Rule{Family: rule.IPv6Multicast, Priority: 77, IIF: "v0", FwMark: 7, Table: 100}),
	"rule-add-no-pref":     add(rule.Rule{Src: pfx("10.9.0.0/16"), Table: 100}),
	"rule-add-nop":         add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), Action: rtattr.FR_ACT_NOP}),
	"rule-add-ports":       add(rule.Rule{Family: inet, Priority: 77, IPProto: 6, SPort: rule.Ports{Start: 1000, End: 2000}, DPort: rule.Port(443), UIDRange: rule.UIDs{Start: 1000, End: 1999}, Table: 100}),
	"rule-add-prohibit":    add(rule.Rule{Family: inet, Priority: 77, SPort: rule.Port(53), UIDRange: rule.User(0), Action: rtattr.FR_ACT_PROHIBIT}),
	"rule-add-realms":      add(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), Dst: pfx("10.8.7.6/32"), Table: 100, Flow: 3<<16 | 7}),
	"rule-add-to-fwmark":   add(rule.Rule{Priority: 77, Dst: pfx("10.9.0.0/16"), FwMark: 7, FwMask: 0xff, Table: 100}),
	"rule-add-tos":         add(rule.Rule{Family: inet, Priority: 77, TOS: 8, FwMark: 7, IIF: "lo", Table: 4294967294}),
	"rule-add-tunnel":      add(rule.Rule{Family: inet, Priority: 77, TunnelID: 5, Protocol: rtattr.RTPROT_STATIC, SuppressIfGroup: 3, Table: 100}),
	"rule-add-unreachable": add(rule.Rule{Family: inet, Priority: 77, OIF: "v0", IPProto: 17, DPort: rule.Ports{Start: 1000, End: 1009}, Action: rtattr.FR_ACT_UNREACHABLE}),
	"rule-del":             del(rule.Rule{Family: inet, Priority: 77}),
	"rule-del-many":        del(rule.Rule{Priority: 77, Src: pfx("10.9.0.0/16"), FwMark: 7, FwMask: 0xff, IIF: "v0", Table: 100}),
	"rule-get-dump":        list(rule.Filter{Family: inet}),
	"rule6-add":            add(rule.Rule{Priority: 77, Src: pfx("fd09::/64"), Dst: pfx("fd0a::/64"), Table: 1000}),
	"rule6-add-goto":       add(rule.Rule{Priority: 77, Dst: pfx("fd0a::1/128"), Goto: 32766}),
	"rule6-add-l3mdev":     add(rule.Rule{Family: inet6, Priority: 77, L3MDev: true, Protocol: rtattr.RTPROT_STATIC}),
	"rule6-add-many":       add(many),
	"rule6-add-tos":        add(rule.Rule{Family: inet6, Priority: 77, TOS: 4, Action: rtattr.FR_ACT_BLACKHOLE}),
	"rule6-get-dump":       list(rule.Filter{Family: inet6}),
}

var many = rule.Rule{
	Priority: 77, Src: pfx("fd09::/64"), Flags: rtattr.FIB_RULE_INVERT, FwMark: 7, FwMask: 0xff, IIF: "v0", OIF: "v1",
	IPProto: 6, SPort: rule.Ports{Start: 1000, End: 2000}, DPort: rule.Port(443), UIDRange: rule.UIDs{Start: 1000, End: 1999},
	TunnelID: 1<<64 - 1, Protocol: rtattr.RTPROT_BGP, SuppressPrefixLen: 64, SuppressIfGroup: 7, Table: 1000,
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
		if strings.HasPrefix(f.Name, "rule-") || strings.HasPrefix(f.Name, "rule6-") {
			mine = append(mine, f)
		}
	}
	return mine
}

// reordered are the messages in which ip puts attributes in the order of its
// command line. The kernel does not look at the order.
var reordered = []string{"rule-add-multicast6", "rule6-add-l3mdev"}

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
			if m := rtattr.Msg(f.Wire); m.Type() != rtattr.RTM_GETRULE { // the socket sets it
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
		if m.Type() == rtattr.RTM_GETRULE {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var v rtattr.RuleView
			if err := v.Parse(m.Payload()); err != nil {
				t.Fatal(err)
			}
			r, err := rule.Parse(&v)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := v.Priority(); !ok { // which Parse takes for 0
				r.Priority = 0
			}
			var e rtattr.Encoder
			rule.Begin(&e, m.Type(), m.Flags(), r).End()
			got, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, f, got)
		})
	}
}
