//go:build linux

package verify

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func TestCompare(t *testing.T) {
	u8 := rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_U8, MaxUnsigned: 1}
	tests := []struct {
		name   string
		attr   rtattr.Attr
		policy rtnl.Policy
		want   string // of the error
	}{
		{"same", rtattr.Attr{Type: rtattr.U8, Min: 1, Max: 1}, u8, ""},
		{"flag", rtattr.Attr{Type: rtattr.Flag}, u8, "is flag in the table, the kernel wants u8 0 to 1"},
		{"sign", rtattr.Attr{Type: rtattr.S8, Min: 1, Max: 1}, u8, "is s8 in the table"},
		{"width", rtattr.Attr{Type: rtattr.U16, Min: 2, Max: 2}, u8, "is u16 in the table"},
		{"byte order", rtattr.Attr{Type: rtattr.U16BE, Min: 2, Max: 2}, rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_U16}, ""},
		{"bytes", rtattr.Attr{Type: rtattr.Binary, Max: 65535}, rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_NESTED}, "is binary in the table, the kernel wants nested"},
		{"long", rtattr.Attr{Type: rtattr.HWAddr, Min: 6, Max: 6}, rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_BINARY, MaxLength: 4}, "has 6 bytes in the table"},
		{"short", rtattr.Attr{Type: rtattr.StructT, Struct: &rtattr.Struct{}, Max: 4},
			rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_BINARY, MinLength: 8, MaxLength: 8}, "has 0 to 4 bytes in the table, the kernel wants binary of 8 bytes"},
		{"IPv4", rtattr.Attr{Type: rtattr.Address, Min: 4, Max: 16}, rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_U32}, ""},
		{"IPv6", rtattr.Attr{Type: rtattr.Address, Min: 16, Max: 16}, rtnl.Policy{Type: rtattr.NL_ATTR_TYPE_U32}, "has 16 bytes in the table"},
	}
	for _, tt := range tests {
		err := Compare(&tt.attr, tt.policy)
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestProbe asks about IFLA_ attributes with a table that has some right and some
// wrong.
func TestProbe(t *testing.T) {
	nstest.Live(t)
	c, err := rtnl.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	set := &rtattr.Set{Name: "test", Prefix: "IFLA_", Attrs: make([]rtattr.Attr, rtattr.IFLA_AF_SPEC+1)}
	set.Attrs[rtattr.IFLA_MTU] = rtattr.Attr{Name: "mtu", Type: rtattr.U32, Min: 4, Max: 4}
	set.Attrs[rtattr.IFLA_IFNAME] = rtattr.Attr{Name: "ifname", Type: rtattr.U8, Min: 1, Max: 1}
	set.Attrs[rtattr.IFLA_MAP] = rtattr.Attr{Name: "map", Type: rtattr.U64, Min: 8, Max: 8}
	set.Attrs[rtattr.IFLA_STATS] = rtattr.Attr{Name: "stats", Type: rtattr.U8, Min: 1, Max: 1}
	set.Attrs[rtattr.IFLA_AF_SPEC] = rtattr.Attr{Name: "af-spec", Type: rtattr.NestT, Max: 65535}
	place := Place{Name: "test", Set: set, Type: rtattr.RTM_NEWLINK, Wrap: func(b []byte) []byte {
		// struct ifinfomsg: an index that does not exist in either byte order.
		return append([]byte{4: 0x70, 5: 1, 6: 1, 7: 0x70, 15: 0}, b...)
	}}
	answers, err := Probe(context.Background(), c, place)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[uint16]string{
		rtattr.IFLA_MTU:     "u32",
		rtattr.IFLA_IFNAME:  "string of at most 15 bytes",
		rtattr.IFLA_MAP:     "at least 32 bytes",
		rtattr.IFLA_AF_SPEC: "nested",
	} {
		if got := answers[typ].String(); got != want {
			t.Errorf("%s: %s, want %s", set.Attrs[typ].Name, got, want)
		}
		wrong := typ == rtattr.IFLA_IFNAME || typ == rtattr.IFLA_MAP
		if err := answers[typ].Compare(&set.Attrs[typ]); (err != nil) != wrong {
			t.Errorf("%s: %v", set.Attrs[typ].Name, err)
		}
	}
	if a, ok := answers[rtattr.IFLA_STATS]; ok {
		t.Errorf("no policy speaks of IFLA_STATS, got %s", a)
	}

	set.Attrs = set.Attrs[:rtattr.IFLA_STATS+1]
	set.Attrs[rtattr.IFLA_MTU], set.Attrs[rtattr.IFLA_IFNAME] = rtattr.Attr{}, rtattr.Attr{}
	if _, err := Probe(context.Background(), c, place); !errors.Is(err, ErrNoSentinel) {
		t.Errorf("a set of IFLA_STATS alone: %v", err)
	}
}

// ctrl is part of the set of the controller, nlctrl (linux/genetlink.h).
func ctrl() *rtattr.Set {
	return &rtattr.Set{Name: "ctrl", Prefix: "CTRL_ATTR_", Attrs: []rtattr.Attr{
		1:  {Name: "family-id", Type: rtattr.U16, Min: 2, Max: 2},
		2:  {Name: "family-name", Type: rtattr.String, Max: 65535},
		10: {Name: "op", Type: rtattr.U32, Min: 4, Max: 4},
	}}
}

func TestFamily(t *testing.T) {
	nstest.Live(t)
	c, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// CTRL_CMD_GETPOLICY only dumps, and is shown as 0.
	const getFamily, getPolicy = 3, 0
	if n, err := Family(c, "nlctrl", ctrl(), getPolicy); n != 3 || err != nil {
		t.Errorf("%d attributes, %v", n, err)
	}
	if n, err := Family(c, "nlctrl", ctrl(), getFamily); n != 2 || err != nil {
		t.Errorf("%d attributes of CTRL_CMD_GETFAMILY, %v", n, err)
	}
	wrong := ctrl()
	wrong.Attrs[1].Type = rtattr.U32
	wrong.Attrs[10].Name = ""
	_, err = Family(c, "nlctrl", wrong, getPolicy)
	for _, want := range []string{
		"CTRL_ATTR_FAMILY_ID is u32 in the table, the kernel wants u16",
		"ctrl: attribute 10 is not in the table, the kernel wants u32",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Family(c, "nlwire-none", ctrl()); !errors.Is(err, unix.ENOENT) {
		t.Errorf("an unknown family: %v", err)
	}
}
