//go:build linux

package rtattr

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// The tests below hold the tables against what others know of the same numbers
// and structs: the running kernel, golang.org/x/sys/unix, the C headers. What
// another source lacks proves nothing; floors keep the comparisons from
// becoming empty. Those of BTF leave room for Debian's Linux 6.1, which has many
// links as modules and shows 505 numbers, 29 structs and 37 enums.

func TestKernelBTF(t *testing.T) {
	c, err := kernelTypes(t)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("NLWIRE_LIVE") == "1" {
		t.Fatal("NLWIRE_LIVE=1: ", err)
	} else if err != nil {
		t.Skip(err)
	}
	t.Run("Numbers", func(t *testing.T) { c.numbers(t, 450) })
	t.Run("Structs", func(t *testing.T) { c.structs(t, 28) })
	t.Run("Complete", func(t *testing.T) { c.complete(t, 30) })
}

// kernelTypes reads the types that the running kernel and its modules show. An
// error says that there are none to be had.
func kernelTypes(t *testing.T) (*cTypes, error) {
	t.Helper()
	const dir = "/sys/kernel/btf"
	if _, err := os.Stat(filepath.Join(dir, "vmlinux")); err != nil {
		return nil, fmt.Errorf("the kernel shows no types: %w", err)
	}
	if strconv.IntSize == 32 {
		return nil, errors.New("cilium/ebpf refuses the kernel's BTF: it has arrays that exceed an int")
	}
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	c := newCTypes(t, kernel)
	modules, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if m.Name() == "vmlinux" {
			continue
		}
		spec, err := btf.LoadSplitSpec(filepath.Join(dir, m.Name()), kernel)
		if err != nil {
			t.Fatal(err)
		}
		c.add(t, spec)
	}
	return c, nil
}

// uapi are the headers that the tables were written from.
var uapi = []string{
	"linux/amt.h", "linux/batman_adv.h", "linux/caif/if_caif.h", "linux/can/netlink.h", "linux/can/vxcan.h",
	"linux/cfm_bridge.h", "linux/dcbnl.h", "linux/devlink.h", "linux/dpll.h", "linux/fib_rules.h", "linux/icmpv6.h",
	"linux/if.h", "linux/if_addr.h", "linux/if_addrlabel.h", "linux/if_bonding.h", "linux/if_bridge.h",
	"linux/if_ether.h", "linux/if_link.h", "linux/if_tun.h", "linux/if_tunnel.h", "linux/if_vlan.h", "linux/ila.h",
	"linux/in.h", "linux/ioam6.h", "linux/ioam6_iptunnel.h", "linux/ip.h", "linux/ip6_tunnel.h", "linux/ipv6.h",
	"linux/lwtunnel.h", "linux/mpls.h", "linux/mpls_iptunnel.h", "linux/mroute.h", "linux/mroute6.h",
	"linux/mrp_bridge.h", "linux/neighbour.h", "linux/net_namespace.h", "linux/netconf.h", "linux/netlink.h",
	"linux/nexthop.h", "linux/rpl.h", "linux/rpl_iptunnel.h", "linux/rtnetlink.h", "linux/seg6.h",
	"linux/seg6_iptunnel.h", "linux/seg6_local.h", "linux/veth.h", "linux/wwan.h",
}

// TestHeaders lets gcc read the headers of this machine and write their types
// as BTF; a macro becomes an enumerator to get there. It also sees what the
// running kernel was built without.
func TestHeaders(t *testing.T) {
	c, err := headerTypes(t)
	if err != nil {
		t.Skip(err)
	}
	t.Run("Numbers", func(t *testing.T) { c.numbers(t, 700) })
	t.Run("Structs", func(t *testing.T) { c.structs(t, 30) })
	t.Run("Complete", func(t *testing.T) { c.complete(t, 45) })
}

func headerTypes(t *testing.T) (*cTypes, error) {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return nil, err
	}
	var src bytes.Buffer
	fmt.Fprintln(&src, "#include <sys/socket.h>")
	fmt.Fprintln(&src, "#define BIT(n) (1U << (n))") // linux/nexthop.h needs it and has it not
	for _, h := range uapi {
		fmt.Fprintf(&src, "#if __has_include(<%s>)\n#include <%s>\n#endif\n", h, h)
	}
	for name := range tableNumbers {
		value := name
		switch {
		case strings.HasPrefix(name, "NLA_"):
			value = "(unsigned short)(" + name + ")" // the mask is a ~ of an int
		case strings.HasPrefix(name, "GRE_"), tunnelFlag.MatchString(name):
			value = "__be16_to_cpu(" + name + ")" // it is in network byte order there
		}
		fmt.Fprintf(&src, "#ifdef %s\nenum { %s%s = %s };\n#endif\n", name, macro, name, value)
	}
	obj := filepath.Join(t.TempDir(), "uapi.o")
	cmd := exec.Command(gcc, "-gbtf", "-fno-eliminate-unused-debug-types", "-xc", "-c", "-o", obj, "-")
	cmd.Stdin = &src
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w, or the headers are not installed:\n%s", err, out)
	}
	spec, err := btf.LoadSpec(obj)
	if err != nil {
		t.Fatal(err)
	}
	return newCTypes(t, spec), nil
}

const macro = "macro_"

// tunnelFlag are the flags of tunnel metadata, not what else begins with TUNNEL_.
var tunnelFlag = regexp.MustCompile(`^TUNNEL_(CSUM|ROUTING|KEY|SEQ|STRICT|REC|VERSION|NO_KEY|DONT_FRAGMENT|OAM|NOCACHE|[A-Z]+_OPT)$`)

// cTypes is the enumerators and structs of some C.
type cTypes struct {
	enums   [][]string          // enumerators by enum
	values  map[string][]uint64 // of an enumerator; unrelated C files may use its name twice
	layouts map[string]*btf.Struct
}

func newCTypes(t *testing.T, spec *btf.Spec) *cTypes {
	t.Helper()
	c := &cTypes{values: map[string][]uint64{}, layouts: map[string]*btf.Struct{}}
	c.add(t, spec)
	return c
}

func (c *cTypes) add(t *testing.T, spec *btf.Spec) {
	t.Helper()
	for typ, err := range spec.All() {
		if err != nil {
			t.Fatal(err)
		}
		switch typ := typ.(type) {
		case *btf.Enum:
			var names []string
			for _, v := range typ.Values {
				name, isMacro := strings.CutPrefix(v.Name, macro)
				c.values[name] = append(c.values[name], v.Value)
				if !isMacro {
					names = append(names, name)
				}
			}
			c.enums = append(c.enums, names)
		case *btf.Struct:
			if c.layouts[typ.Name] == nil {
				c.layouts[typ.Name] = typ
			}
		}
	}
}

func (c *cTypes) numbers(t *testing.T, floor int) {
	n := compareNumbers(t, func(name string) []uint64 { return c.values[name] })
	if n < floor {
		t.Errorf("only %d numbers compared, want %d", n, floor)
	}
}

// compareNumbers wants every number of the tables that has other values to be
// equal to them, and returns how many have.
func compareNumbers(t *testing.T, other func(name string) []uint64) int {
	t.Helper()
	n := 0
	var absent []string
	for _, name := range slices.Sorted(maps.Keys(tableNumbers)) {
		values := other(name)
		if len(values) == 0 {
			absent = append(absent, name)
			continue
		}
		n++
		for _, v := range values {
			if v != tableNumbers[name] && !sameInt(v, tableNumbers[name]) {
				t.Errorf("%s is %d in the table, %d there", name, tableNumbers[name], v)
			}
		}
	}
	t.Logf("%d numbers of %d compared; absent: %s", n, len(tableNumbers), strings.Join(absent, " "))
	return n
}

// sameInt reports whether there is the same negative int, of which BTF has 32 bits.
func sameInt(there, table uint64) bool {
	return int64(table) < 0 && int64(table) == int64(int32(there))
}

func (c *cTypes) structs(t *testing.T, floor int) {
	n := 0
	var absent []string
	for _, s := range tableStructs {
		if l := c.layouts[s.Name]; l != nil {
			compareStruct(t, s, l)
			n++
		} else {
			absent = append(absent, s.Name)
		}
	}
	t.Logf("%d structs of %d compared; absent: %s", n, len(tableStructs), strings.Join(absent, " "))
	if n < floor {
		t.Errorf("only %d structs compared, want %d", n, floor)
	}
}

func compareStruct(t *testing.T, s *Struct, c *btf.Struct) {
	t.Helper()
	if s.Size != int(c.Size) {
		t.Errorf("struct %s has %d bytes in the table, %d there", s.Name, s.Size, c.Size)
	}
	at := map[int]Member{}
	for _, m := range s.Members {
		at[m.Off] = m
	}
	for _, x := range flatten(c, at) {
		size, err := btf.Sizeof(x.Type)
		if err != nil {
			t.Fatalf("%s.%s: %v", s.Name, x.Name, err)
		}
		off := int(x.Offset.Bytes())
		if u, anonymous := btf.UnderlyingType(x.Type).(*btf.Union); anonymous && x.Name == "" {
			x = u.Members[0]
		}
		m, ok := at[off]
		delete(at, off)
		switch {
		case size == 0:
		case x.BitfieldSize > 0:
			// A table has the bytes that bit fields share.
		case strings.Contains(x.Name, "pad"):
			if ok {
				t.Errorf("%s.%s is padding there: %s", s.Name, m.Name, x.Name)
			}
		case !ok:
			t.Errorf("%s.%s at %d is not in the table", s.Name, x.Name, off)
		case m.Len != size || m.Type != cType(x.Type) && !bytesInOrder(m.Type, x.Type) && !sameStruct(m, x.Type):
			t.Errorf("%s.%s has %d bytes and type %d in the table, %d and %d there", s.Name, m.Name, m.Len, m.Type, size, cType(x.Type))
		case strings.HasPrefix(x.Name, "resv"): // which a later kernel may use: nexthop_grp.weight_high
		case !sameName(m.Name, x.Name):
			t.Errorf("%s.%s is %s there", s.Name, m.Name, x.Name)
		}
	}
	for _, m := range at {
		t.Errorf("%s.%s at %d is not there", s.Name, m.Name, m.Off)
	}
}

// sameStruct reports whether a member is the struct that it is in C, whose own
// members are compared elsewhere.
func sameStruct(m Member, typ btf.Type) bool {
	c, ok := btf.UnderlyingType(typ).(*btf.Struct)
	return ok && m.Struct != nil && m.Struct.Name == c.Name
}

// flatten puts the members of a nested struct in its place where the table does
// so. A union has the name of the struct around it (br_mdb_entry.addr.u).
func flatten(c *btf.Struct, table map[int]Member) []btf.Member {
	var out []btf.Member
	for _, x := range c.Members {
		inner, ok := x.Type.(*btf.Struct)
		if !ok || table[int(x.Offset.Bytes())].Len == int(inner.Size) {
			out = append(out, x)
			continue
		}
		for _, y := range inner.Members {
			y.Offset += x.Offset
			if _, ok := y.Type.(*btf.Union); ok {
				y.Name = x.Name
			}
			out = append(out, y)
		}
	}
	return out
}

// sameName reports whether a C member has a table's name, behind the prefix that
// many structs have. It finds members of one size that changed places.
func sameName(table, c string) bool {
	return strings.HasSuffix(strings.ReplaceAll(c, "_", ""), strings.ReplaceAll(table, "-", ""))
}

// cType is the Type of a C struct member. The byte order is in the name of the
// typedef: __be32.
func cType(typ btf.Type) Type {
	var bigEndian bool
	for {
		def, ok := typ.(*btf.Typedef)
		if !ok {
			break
		}
		bigEndian = bigEndian || strings.HasPrefix(def.Name, "__be")
		typ = def.Type
	}
	number, ok := typ.(*btf.Int)
	if !ok {
		return Binary
	}
	unsigned, signed, be := U8, S8, Binary
	switch number.Size {
	case 2:
		unsigned, signed, be = U16, S16, U16BE
	case 4:
		unsigned, signed, be = U32, S32, U32BE
	case 8:
		unsigned, signed, be = U64, S64, U64BE
	}
	switch {
	case bigEndian:
		return be
	case number.Encoding == btf.Signed:
		return signed
	}
	return unsigned
}

// bytesInOrder reports whether C has an array of bytes where the table has a
// number in network byte order (ifla_bridge_id.prio).
func bytesInOrder(t Type, c btf.Type) bool {
	array, ok := c.(*btf.Array)
	return ok && cType(array.Type) == U8 && t >= U16BE && t <= U64BE
}

// noTable are enumerators beside those of the tables that no table needs:
// placeholders, limits that move with every kernel, and the generic netlink
// families of which links carry single attributes.
var noTable = regexp.MustCompile(`^__|_UNSPEC$|_UNDEFINED$|_MAX$|^NETNSA_NONE$|^NLMSGERR_ATTR_UNUSED$|^RTM_BASE$|^DEVLINK_ATTR_|^DPLL_A_PIN_`)

// complete wants every enumerator of an enum that the tables have a part of.
func (c *cTypes) complete(t *testing.T, floor int) {
	covered := 0
	for _, names := range c.enums {
		if !slices.ContainsFunc(names, inTable) {
			continue
		}
		covered++
		for _, name := range names {
			if !inTable(name) && !noTable.MatchString(name) {
				t.Errorf("%s is in no table, but %s is", name, names[slices.IndexFunc(names, inTable)])
			}
		}
	}
	t.Logf("%d enums", covered)
	if covered < floor {
		t.Errorf("only %d enums compared, want %d", covered, floor)
	}
}

func inTable(name string) bool {
	_, ok := tableNumbers[name]
	return ok
}

// TestSysUnix compares with golang.org/x/sys/unix, whose constants are only to
// be had from its source.
func TestSysUnix(t *testing.T) {
	other, err := sysUnix(t)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("the source of x/sys is found by the go command: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if n := compareNumbers(t, other); n < 350 {
		t.Errorf("only %d numbers compared, want 350", n)
	}
}

func sysUnix(t *testing.T) (values func(name string) []uint64, err error) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		return nil, err
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range []string{"zerrors_linux", "zerrors_linux_" + runtime.GOARCH, "ztypes_linux", "ztypes_linux_" + runtime.GOARCH} {
		f, err := parser.ParseFile(fset, filepath.Join(string(bytes.TrimSpace(dir)), "unix", name+".go"), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	// These files refer to others of the package; the constants do not, and an
	// error elsewhere does not matter to them.
	conf := types.Config{Error: func(error) {}}
	pkg, _ := conf.Check("unix", fset, files, nil)
	return func(name string) []uint64 {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			return nil
		}
		v, exact := constant.Uint64Val(constant.ToInt(c.Val()))
		if i, ok := constant.Int64Val(constant.ToInt(c.Val())); !exact && ok { // negative
			v, exact = uint64(i), true
		}
		if !exact {
			t.Errorf("%s is %s", name, c.Val())
		}
		return []uint64{v}
	}, nil
}

// NumberSources tells, for the tests of the outer package, who knows a number of
// the tables: "btf x/sys header"; and who could not be asked here.
func NumberSources(t *testing.T) (sources func(name string) string, absent []string) {
	t.Helper()
	kernel, kernelErr := kernelTypes(t)
	sys, sysErr := sysUnix(t)
	headers, headersErr := headerTypes(t)
	ask := map[string]func(name string) []uint64{}
	if kernelErr == nil {
		ask["btf"] = func(name string) []uint64 { return kernel.values[name] }
	}
	if sysErr == nil {
		ask["x/sys"] = sys
	}
	if headersErr == nil {
		ask["header"] = func(name string) []uint64 { return headers.values[name] }
	}
	all := []string{"btf", "x/sys", "header"}
	for _, who := range all {
		if ask[who] == nil {
			absent = append(absent, who)
		}
	}
	if err := errors.Join(kernelErr, sysErr, headersErr); err != nil {
		t.Log(err)
	}
	return func(name string) string {
		var known []string
		for _, who := range all {
			if ask[who] != nil && len(ask[who](name)) > 0 {
				known = append(known, who)
			}
		}
		return strings.Join(known, " ")
	}, absent
}
