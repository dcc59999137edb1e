//go:build linux

package rtattr_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtattr/rtattrtest"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// A dump is a request for all objects of a kind.
type dump struct {
	typ    uint16
	family uint8
	put    func(header []byte, w rtattr.Nest)
}

// extMask asks for what links leave out otherwise.
func extMask(mask rtattr.ExtFilter) func([]byte, rtattr.Nest) {
	return func(_ []byte, w rtattr.Nest) { w.Uint32(rtattr.IFLA_EXT_MASK, uint32(mask)) }
}

var dumps = []dump{
	{rtattr.RTM_GETLINK, unix.AF_UNSPEC, extMask(rtattr.RTEXT_FILTER_VF)},
	{rtattr.RTM_GETLINK, unix.AF_INET6, nil},
	{rtattr.RTM_GETLINK, unix.AF_BRIDGE, extMask(rtattr.RTEXT_FILTER_BRVLAN | rtattr.RTEXT_FILTER_MRP | rtattr.RTEXT_FILTER_CFM_CONFIG | rtattr.RTEXT_FILTER_MST)},
	{rtattr.RTM_GETADDR, unix.AF_UNSPEC, nil},
	{rtattr.RTM_GETROUTE, unix.AF_UNSPEC, nil},
	{rtattr.RTM_GETROUTE, unix.AF_MPLS, nil},
	{rtattr.RTM_GETNEIGH, unix.AF_UNSPEC, nil},
	{rtattr.RTM_GETNEIGH, unix.AF_BRIDGE, nil},
	{rtattr.RTM_GETNEIGH, unix.AF_INET, func(h []byte, _ rtattr.Nest) { h[10] = uint8(rtattr.NTF_PROXY) }}, // ndm_flags
	{rtattr.RTM_GETNEIGH, unix.AF_INET6, func(h []byte, _ rtattr.Nest) { h[10] = uint8(rtattr.NTF_PROXY) }},
	{rtattr.RTM_GETNEIGHTBL, unix.AF_UNSPEC, nil},
	{rtattr.RTM_GETMDB, unix.AF_BRIDGE, nil},
	{rtattr.RTM_GETVLAN, unix.AF_BRIDGE, nil},
	{rtattr.RTM_GETTUNNEL, unix.AF_BRIDGE, nil},
	{unix.RTM_GETRULE, unix.AF_UNSPEC, nil},
	{unix.RTM_GETNEXTHOP, unix.AF_UNSPEC, nil},
	{unix.RTM_GETNEXTHOPBUCKET, unix.AF_UNSPEC, nil},
	{unix.RTM_GETNETCONF, unix.AF_INET, nil},
	{unix.RTM_GETNETCONF, unix.AF_INET6, nil},
	{unix.RTM_GETADDRLABEL, unix.AF_INET6, nil},
	{unix.RTM_GETNSID, unix.AF_UNSPEC, nil},
	{unix.RTM_GETSTATS, unix.AF_UNSPEC, func(h []byte, _ rtattr.Nest) { h[8] = 0x1f }}, // filter_mask: all of them
	{unix.RTM_GETMULTICAST, unix.AF_INET6, nil},
	{unix.RTM_GETANYCAST, unix.AF_INET6, nil},
}

// TestLiveAgain creates everything that the corpus of commands can, and after each
// of them dumps all that the kernel has. No attribute may be unknown or of a length
// that the tables do not have, and what the views read, written anew by the
// encoders, must be the bytes that the kernel sent.
func TestLiveAgain(t *testing.T) {
	nstest.Live(t)
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("no iproute2: ", err)
	}
	groups := map[string][]golden.File{}
	for _, f := range loadGoldens(t) {
		if f.Result == "ok" && f.Replay == "" { // others have descriptors and pids, and leave the namespace
			setup := strings.Join(f.Setup, "\n")
			groups[setup] = append(groups[setup], f)
		}
	}
	seen := seen{names: map[string]bool{}, payloads: map[string]bool{}}
	for _, setup := range slices.Sorted(maps.Keys(groups)) {
		ns := nstest.New(t)
		conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
		if err != nil {
			t.Fatal(err)
		}
		ns.Do(t, func() { script(t, setup, true) })
		for _, f := range groups[setup] {
			// What one command deletes another misses: only the dumps matter here.
			ns.Do(t, func() { script(t, f.Command, false) })
			for _, d := range dumps {
				seen.dump(t, conn, d, f.Command)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d messages, %d different ones with %d attributes of %d names", seen.messages, len(seen.payloads), seen.attrs, len(seen.names))
	if seen.messages < 1000 || len(seen.names) < 200 {
		t.Errorf("only %d messages, %d different attributes", seen.messages, len(seen.names))
	}
}

func script(t *testing.T, text string, must bool) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", text).CombinedOutput(); err != nil && must {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
}

// seen counts what the kernel has sent.
type seen struct {
	messages, attrs int
	names           map[string]bool
	payloads        map[string]bool // most are the same after each command
}

func (s *seen) dump(t *testing.T, conn *rtnl.Conn, d dump, command string) {
	set := rtattr.RequestSet(d.typ)
	if set == nil {
		return
	}
	e := conn.Encoder()
	defer conn.Release(e)
	w, h := e.BeginHeader(set, d.typ, rtattr.NLM_F_REQUEST|rtattr.NLM_F_DUMP, set.Header.Size)
	clear(h)
	h[0] = d.family
	if d.put != nil {
		d.put(h, w)
	}
	w.End()
	for m, err := range conn.Query(context.Background(), e) {
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, rtnl.ErrDumpInterrupted) {
			continue // a kernel without that family; a namespace that is still settling
		}
		if err != nil {
			t.Errorf("%s, family %d: %v", rtattr.MsgName(d.typ), d.family, err)
			return
		}
		s.message(t, m, command)
	}
}

func (s *seen) message(t *testing.T, m rtattr.Msg, command string) {
	set := rtattr.MsgSet(m.Type())
	if set == nil {
		t.Errorf("%s: %s has no table", command, rtattr.MsgName(m.Type()))
		return
	}
	s.messages++
	key := rtattr.MsgName(m.Type()) + string(m.Payload())
	if s.payloads[key] {
		return
	}
	s.payloads[key] = true
	var text bytes.Buffer
	if err := rtattr.Dump(&text, m); err != nil {
		t.Fatal(err)
	}
	s.count(text.String())
	if line := odd.FindString(text.String()); line != "" {
		t.Errorf("%s: %s in\n%s", command, line, &text)
		return
	}
	again, err := rtattrtest.Recode(set, m.Payload())
	if err != nil {
		t.Errorf("%s: %v\n%s", command, err, &text)
		return
	}
	if !bytes.Equal(again, m.Payload()) && !bytes.Equal(withoutAlias(set, again), withoutAlias(set, m.Payload())) {
		var other bytes.Buffer
		fmt.Fprintf(&other, "%d bytes for %d:\n", len(again), len(m.Payload()))
		if err := set.Dump(&other, again); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s: read\n%swritten anew\n%s", command, &text, &other)
	}
}

// withoutAlias leaves out IFLA_IFALIAS, which the kernel sends with a final NUL and
// takes without one.
func withoutAlias(set *rtattr.Set, payload []byte) []byte {
	if set != &rtattr.LinkSet {
		return payload
	}
	out := bytes.Clone(payload[:set.Header.Size])
	for b := rtattr.Attrs(payload[set.Header.Size:]); len(b) > 0; {
		typ, _, rest := b.Next()
		if typ != rtattr.IFLA_IFALIAS {
			out = append(out, b[:len(b)-len(rest)]...)
		}
		b = rest
	}
	return out
}

// count notes the names of the attributes in a dump.
func (s *seen) count(text string) {
	for line := range strings.Lines(text) {
		_, note, _ := strings.Cut(line, "  # ")
		name, _, _ := strings.Cut(strings.TrimSpace(note), " ")
		if strings.Contains(name, "_") && strings.ToUpper(name) == name {
			s.attrs++
			s.names[name] = true
		}
	}
}
