package fuzz

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"

	"github.com/nlwire/nlwire/internal/vm/plan"
	"github.com/nlwire/nlwire/rtattr"
)

// TestKernelRefuses wants a Kernel nowhere but in a machine of internal/vm, whatever
// the environment says.
func TestKernelRefuses(t *testing.T) {
	if init, err := os.Readlink("/proc/1/exe"); err == nil && init == "/init" {
		t.Skip("this may be a machine of internal/vm")
	}
	t.Setenv("NLWIRE_VM", "6.12")
	k, err := OpenKernel()
	if err == nil {
		k.Close()
		t.Fatal("a Kernel on this machine")
	}
	if !strings.Contains(err.Error(), "internal/vm only") {
		t.Error(err)
	}
	if err := new(Kernel).Check(new(Generator).Seed(1)); err == nil {
		t.Error("a Kernel that was not opened sends messages")
	}
}

// TestMachine takes each sign of a machine of internal/vm away.
func TestMachine(t *testing.T) {
	cmdline := "quiet " + plan.Output + "=ttyS1 " + plan.Files + "=ttyS2 " + plan.Load + "=\n"
	for _, c := range []struct {
		name, env, cmdline, init string
		jobs, want               bool
	}{
		{"all", "6.12", cmdline, "/init", true, true},
		{"environment", "", cmdline, "/init", true, false},
		{"command line", "6.12", "quiet\n", "/init", true, false},
		{"one parameter", "6.12", strings.Replace(cmdline, plan.Files, "x."+plan.Files, 1), "/init", true, false},
		{"init", "6.12", cmdline, "/usr/lib/systemd/systemd", true, false},
		{"jobs", "6.12", cmdline, "/init", false, false},
		{"nothing", "6.12", "", "", false, false},
	} {
		t.Setenv("NLWIRE_VM", c.env)
		root := t.TempDir()
		err := os.MkdirAll(root+"/proc/1", 0o755)
		if err == nil && c.cmdline != "" {
			err = os.WriteFile(root+"/proc/cmdline", []byte(c.cmdline), 0o644)
		}
		if err == nil && c.init != "" {
			err = os.Symlink(c.init, root+"/proc/1/exe")
		}
		if err == nil && c.jobs {
			err = errors.Join(os.MkdirAll(filepath.Dir(root+plan.Jobs), 0o755), os.WriteFile(root+plan.Jobs, nil, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := machine(root); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestVerdict reads an answer as the kernel writes it.
func TestVerdict(t *testing.T) {
	var e rtattr.Encoder
	n := e.Message(rtattr.NLMSG_ERROR, rtattr.NLM_F_CAPPED|rtattr.NLM_F_ACK_TLVS)
	n.Raw(binary.NativeEndian.AppendUint32(nil, uint32(0x100000000-uint64(unix.ERANGE))))
	n.Raw(make([]byte, 16))
	ack := rtattr.ErrorAckEncoder{Nest: n}
	ack.Message("Attribute failed policy validation")
	ack.Offset(32)
	p := ack.Policy()
	p.Type(rtattr.NL_ATTR_TYPE_STRING)
	p.MaxLength(15)
	p.End()
	n.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	v, err := readVerdict(b)
	if err != nil || v.errno != unix.ERANGE || v.off != 32 || !v.lengthRefused() || v.policy == nil || v.policy.hi != 15 ||
		v.policy.typ != rtattr.NL_ATTR_TYPE_STRING {
		t.Errorf("%+v, %v", v, err)
	}
	v.errno = unix.EINVAL // of a string without its NUL
	if v.lengthRefused() {
		t.Error("EINVAL is not about a length")
	}
	if _, err := readVerdict(b[:18]); err == nil {
		t.Error("an answer without a number")
	}
	if !complaint.MatchString("WARNING: CPU: 0 PID: 77 at net/core/dev.c:1") || complaint.MatchString("veth0: entered promiscuous mode") {
		t.Error("complaints")
	}
}

// TestRefusal wants what is agreed on of a refused length, and no more than that.
func TestRefusal(t *testing.T) {
	u32 := &policy{typ: rtattr.NL_ATTR_TYPE_U32}
	binary := func(lo, hi int) *policy { return &policy{rtattr.NL_ATTR_TYPE_BINARY, lo, hi} }
	label := &rtattr.Struct{Size: 8}
	for _, c := range []struct {
		name string
		attr rtattr.Attr
		n    int
		p    *policy
		want string
	}{
		{"a number", rtattr.Attr{Type: rtattr.U16, Min: 2, Max: 2}, 2, u32, ""},
		{"a struct", rtattr.Attr{Type: rtattr.StructT, Struct: label, Max: 65535}, 8, binary(12, 12), ""},
		{"half a struct", rtattr.Attr{Type: rtattr.StructT, Struct: label, Max: 65535}, 4, binary(8, 8), agreedStruct},
		{"no text", rtattr.Attr{Type: rtattr.String, Max: 65535}, 0, nil, agreedEmpty},
		{"text", rtattr.Attr{Type: rtattr.String, Max: 65535}, 2, nil, ""},
		{"long text", rtattr.Attr{Type: rtattr.String, Max: 65535}, 17, binary(0, 15), agreedLimit + " (15 here)"},
		{"three bytes of an array", rtattr.Attr{Type: rtattr.Arr, Elem: rtattr.U32BE, Max: 65535}, 3, nil, agreedEmpty},
		{"an element", rtattr.Attr{Type: rtattr.Arr, Elem: rtattr.U32BE, Max: 65535}, 4, nil, ""},
		{"IPv4 in IPv6", rtattr.Attr{Type: rtattr.Address, Min: 4, Max: 16}, 4, binary(16, 16), agreedFamily},
		{"IPv4 in IPv6, without a policy", rtattr.Attr{Type: rtattr.Address, Min: 4, Max: 16}, 4, nil, agreedFamily},
		{"IPv6", rtattr.Attr{Type: rtattr.Address, Min: 4, Max: 16}, 16, binary(16, 16), ""},
		{"IPv6 in IPv4", rtattr.Attr{Type: rtattr.Address, Min: 4, Max: 16}, 16, u32, agreedFamily},
		{"the form in answers", rtattr.Attr{Type: rtattr.U8, Min: 1, Max: 1, Nested: &rtattr.LinkSet}, 1,
			&policy{typ: rtattr.NL_ATTR_TYPE_NESTED}, agreedAnswer},
	} {
		if got := refusal(&c.attr, c.n, verdict{policy: c.p}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestReproducer reads a reproducer again.
func TestReproducer(t *testing.T) {
	var g Generator
	h := &Hit{Kind: Complaint, What: "WARNING: CPU: 0 PID: 77 at net/core/dev.c:11 f+0x1/0x2", Kernel: "6.12.1", Message: g.Seed(3),
		Before: []rtattr.Msg{g.Seed(4), g.Seed(5)}, Log: "WARNING: one\n"}
	if got, want := h.Name(), "complaint-net-core-dev.c-11-f-0x1-0x2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	other := &Hit{Kind: Refused, Path: "IFLA_MTU .mtu"}
	if got, want := other.Name(), "refused-IFLA_MTU"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if h.Same(other) || !h.Same(errors.Join(h)) || h.Same(nil) {
		t.Error("Same")
	}
	files := map[string]string{}
	a := txtar.Parse(h.Reproducer("7 size"))
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(files["raw"]))
	if err != nil || !bytes.Equal(b, h.Message) {
		t.Errorf("%x, %v", b, err)
	}
	if got := strings.Count(files["before"], "\n"); got != 2 || files["log"] != h.Log || !strings.Contains(files["message"], "nlmsghdr") && !strings.Contains(files["message"], "len=") {
		t.Errorf("%q", files)
	}
	if comment := string(a.Comment); !strings.Contains(comment, "6.12.1") || !strings.Contains(comment, "seed 7 size") {
		t.Error(comment)
	}
}

// TestLethal wants the message as the tables do, with what stops the kernel. It is
// not sent.
func TestLethal(t *testing.T) {
	m := Lethal()
	if err := Check(m); err != nil {
		t.Error(err)
	}
	var names []string
	for n := range messageSet(m).Walk(m) {
		if n.Attr != nil && n.Set != nil {
			names = append(names, n.Set.CName(n.Attr))
		}
	}
	for _, want := range []string{"RTA_ENCAP_TYPE", "LWTUNNEL_IP_OPTS", "LWTUNNEL_IP_OPTS_GENEVE", "LWTUNNEL_IP_OPT_GENEVE_DATA"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
}
