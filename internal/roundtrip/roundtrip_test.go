//go:build linux

package roundtrip

import (
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func TestParse(t *testing.T) {
	const text = `# a comment
base: ip one
base: two

a   ip  a
	ip b
c ip c

kind: vxlan
root: because
base: ip four
d ip d
`
	got, err := parse("x/c.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	first := []string{"ip one", "two"}
	want := []setup{
		{"a", nil, "", first, []string{"ip  a", "ip b"}},
		{"c", nil, "", first, []string{"ip c"}},
		{"d", []string{"vxlan"}, "because", []string{"ip four"}, []string{"ip d"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for text, want := range map[string]string{
		"a\n":               `c.txt:1: "a" has no command`,
		"a x\na y\n":        `c.txt:2: a second "a"`,
		"bass: x\n":         `c.txt:1: unknown key "bass:"`,
		"\tx y\n":           `c.txt:1: "x y" belongs to no entry`,
		"a x\nbase: y\n\tz": `c.txt:3: "z" belongs to no entry`,
	} {
		if _, err := parse("x/c.txt", text); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestCommands(t *testing.T) {
	got := commands([]string{"ip a", "ip b", "ip -6 c d", "bridge e", "ip f | g", "h"})
	want := []command{
		{[]string{"ip"}, []string{"a", "b"}},
		{[]string{"ip", "-6"}, []string{"c d"}},
		{[]string{"bridge"}, []string{"e"}},
		{nil, []string{"ip f | g", "h"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestRun writes address labels, as bytes.
func TestRun(t *testing.T) {
	Run(t, "testdata/labels.txt", Test[string]{
		List: func(conn *rtnl.Conn) (list []string, err error) {
			e := conn.Encoder()
			defer conn.Release(e)
			rtattr.AppendAddrLabel(e, rtattr.RTM_GETADDRLABEL, rtattr.NLM_F_DUMP, rtattr.IfAddrLblMsg{Family: rtattr.AF_INET6}).End()
			for m, err := range conn.Query(t.Context(), e) {
				if err != nil {
					return nil, err
				}
				list = append(list, string(m.Payload()))
			}
			return list, nil
		},
		Append: put(rtattr.RTM_NEWADDRLABEL, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL),
		Delete: put(rtattr.RTM_DELADDRLABEL, 0),
		// ifal_seq, a number of the list.
		Steady:    func(s string) string { return s[:8] + s[12:] },
		Unordered: true,
		JSON:      []string{"ip -json addrlabel list"},
	})
}

func put(typ, flags uint16) func(*rtattr.Encoder, string) {
	return func(e *rtattr.Encoder, s string) {
		b := []byte(s)
		binary.NativeEndian.PutUint32(b[8:], 0)
		n := e.Message(typ, flags)
		n.Raw(b)
		n.End()
	}
}
