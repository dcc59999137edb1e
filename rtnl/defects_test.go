package rtnl_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// What other libraries of this kind have been found to do wrong about sockets, and is
// right here; fuzz/defects.md has the list.

// routes and addresses return how many there are.
func routes(c *rtnl.Conn, f route.Filter) func() (int, error) {
	return func() (int, error) {
		list, err := route.List(ctx, c, f)
		return len(list), err
	}
}

func addresses(c *rtnl.Conn, f address.Filter) func() (int, error) {
	return func() (int, error) {
		list, err := address.List(ctx, c, f)
		return len(list), err
	}
}

// Issues V#843, V#782, V#825: all routes go to user space, however few are asked for.
func TestKernelFilters(t *testing.T) {
	bytes := 0
	c, ns := dial(t, tap{receive: func(n int) { bytes += n }})
	for _, line := range []string{"link set lo up", "link add v0 index 3 type veth peer name v1", "link set v0 up"} {
		ns.IP(t, strings.Fields(line)...)
	}
	addRoutes(t, c, 2000)
	e := &rtattr.Encoder{}
	few := route.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Index: 3, Table: 100, Protocol: rtattr.RTPROT_BIRD, Type: rtattr.RTN_UNICAST}
	route.AppendAdd(e, few)
	for i := range 200 {
		address.AppendAdd(e, address.Address{Index: 1, Local: netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 9, 0, byte(i)}), 32)})
	}
	address.AppendAdd(e, address.Address{Index: 3, Local: netip.MustParsePrefix("10.66.66.1/24")})
	if err := c.Exec(ctx, e); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		all, some func() (int, error)
	}{
		{"table", routes(c, route.Filter{Family: rtattr.AF_INET}), routes(c, route.Filter{Family: rtattr.AF_INET, Table: 100})},
		{"protocol", routes(c, route.Filter{Family: rtattr.AF_INET}), routes(c, route.Filter{Family: rtattr.AF_INET, Protocol: rtattr.RTPROT_BIRD})},
		{"type", routes(c, route.Filter{Family: rtattr.AF_INET}), routes(c, route.Filter{Family: rtattr.AF_INET, Type: rtattr.RTN_UNICAST})},
		{"interface", routes(c, route.Filter{Family: rtattr.AF_INET}), routes(c, route.Filter{Family: rtattr.AF_INET, Index: 3})},
		{"address", addresses(c, address.Filter{}), addresses(c, address.Filter{Index: 3})},
	} {
		bytes = 0
		all, err := tt.all()
		if err != nil {
			t.Fatal(err)
		}
		whole := bytes
		bytes = 0
		some, err := tt.some()
		if err != nil || some == 0 || all < 200 || bytes*10 > whole {
			t.Errorf("%s: %d of %d entries (%v) took %d of %d bytes", tt.name, some, all, err, bytes, whole)
		}
	}
}

// Issue M#284: what has been received is overwritten by what comes next.
func TestListsKeepTheirData(t *testing.T) {
	c, ns := dial(t, tap{})
	for _, line := range []string{
		"link add v0 index 3 address 02:00:00:00:00:03 type veth peer name v1 index 4 address 02:00:00:00:00:04",
		"link property add dev v0 altname first-name",
		"address add 10.66.66.1/24 dev v0 label v0:first",
	} {
		ns.IP(t, strings.Fields(line)...)
	}
	ns.IP(t, "link", "set", "v0", "alias", "first")
	links, err := link.List(ctx, c, link.Filter{})
	if err != nil || len(links) != 3 {
		t.Fatalf("%v, %v", links, err)
	}
	addrs, err := address.List(ctx, c, address.Filter{})
	if err != nil || len(addrs) != 1 {
		t.Fatalf("%v, %v", addrs, err)
	}
	// Everything as text, which is a copy.
	texts := func() (s []string) {
		for _, l := range links {
			s = append(s, l.String()+l.Alias+l.AltNames.String()+l.Address.String()+l.Kind)
		}
		return append(s, addrs[0].String())
	}
	before := texts()
	if all := strings.Join(before, " "); !strings.Contains(all, "first-name") || !strings.Contains(all, "v0:first") || !strings.Contains(all, "02:00:00:00:00:03") {
		t.Fatal(all)
	}
	for _, line := range []string{"link set v0 alias other", "link property del dev v0 altname first-name", "link property add dev v0 altname other-name", "link set v0 name w0"} {
		ns.IP(t, strings.Fields(line)...)
	}
	addRoutes(t, c, 2000)
	for range 3 {
		walk(t, c)
		if _, err := link.List(ctx, c, link.Filter{}); err != nil {
			t.Fatal(err)
		}
	}
	if after := texts(); !slices.Equal(before, after) {
		t.Errorf("before %q\nafter  %q", before, after)
	}
}
