package golden

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

const example = `# ip address add 10.66.66.1/32 dev v0
# setup: ip link add v0 type veth
# setup: ip link set v0 up
# readback: ip -json address show dev v0
# from: iproute2 6.1.0, strace 6.1, Linux 6.18.44
# result: ok
-- wire.le --
28 00 00 00  14 00 05 06  00 00 00 00  00 00 00 00  # RTM_NEWADDR
02 20 00 00  02 00 00 00

08 00 02 00  0a 42 42 01                            # IFA_LOCAL 10.66.66.1
08 00 01 00
  0a 42 42 01
-- ip.json --
[
  {}
]
`

func mustParse(t *testing.T, text string) File {
	t.Helper()
	f, err := Parse("dir/addr.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	f := mustParse(t, example)
	want := File{
		Name:     "addr",
		Command:  "ip address add 10.66.66.1/32 dev v0",
		Setup:    []string{"ip link add v0 type veth", "ip link set v0 up"},
		Readback: "ip -json address show dev v0",
		From:     "iproute2 6.1.0, strace 6.1, Linux 6.18.44",
		Result:   "ok",
		Wire: []byte{
			0x28, 0, 0, 0, 0x14, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0,
			2, 32, 0, 0, 2, 0, 0, 0,
			8, 0, 2, 0, 10, 66, 66, 1,
			8, 0, 1, 0, 10, 66, 66, 1,
		},
		IPJSON: []byte("[\n  {}\n]\n"),
		text:   f.text,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
	if got := string(f.Format()); got != example {
		t.Errorf("Format returned\n%s\nwant\n%s", got, example)
	}
}

func TestFormatReplay(t *testing.T) {
	text := strings.Replace(example, "# from: ", "# replay: no, the bytes hold a process id\n# from: ", 1)
	f := mustParse(t, text)
	if f.Replay != "no, the bytes hold a process id" {
		t.Errorf("replay: %q", f.Replay)
	}
	if got := string(f.Format()); got != text {
		t.Errorf("Format returned\n%s\nwant\n%s", got, text)
	}
}

func TestParseError(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string
	}{
		{"no header", "# ip address", "ip address", `a.txtar:1: want a line with "# ", got "ip address add 10.66.66.1/32 dev v0"`},
		{"unknown key", "# readback", "# reedback", `a.txtar:4: unknown key "reedback"`},
		{"no key", "# result: ok", "# ok", `a.txtar:6: want key: value, got "ok"`},
		{"no value", "# result: ok", "# result: ", `a.txtar:6: want key: value, got "result: "`},
		{"twice", "# result: ok", "# from: me", `a.txtar:6: second "from"`},
		{"no provenance", "# from: iproute2 6.1.0, strace 6.1, Linux 6.18.44\n", "", `a.txtar:5: from: or result: is missing`},
		{"odd hex", "0a 42 42 01\n--", "0a 42 42 1\n--", `a.txtar:13: encoding/hex: odd length hex string`},
		{"bad hex", "02 20 00 00", "02 2x 00 00", `a.txtar:9: encoding/hex: invalid byte: U+0078 'x'`},
		{"section", "-- ip.json --", "-- ip.jso --", `a.txtar:14: unknown section "ip.jso"`},
		{"second section", "-- ip.json --", "-- wire.le --", `a.txtar:14: second section "wire.le"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(example, tt.old, tt.new, 1)
			if text == example {
				t.Fatal("nothing replaced")
			}
			_, err := Parse("a.txtar", []byte(text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestParseNoBytes(t *testing.T) {
	_, err := Parse("a.txtar", []byte("# ip\n# from: x\n# result: ok\n-- wire.le --\n# 00\n"))
	const want = "a.txtar:6: no bytes in wire.le"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAnnotate(t *testing.T) {
	f := mustParse(t, example)
	wire := bytes.Clone(f.Wire)
	notes := strings.ReplaceAll(string(Hex(f.Wire)), "\n", "  # note\n")
	if err := f.Annotate([]byte(notes)); err != nil {
		t.Fatal(err)
	}
	again := mustParse(t, string(f.Format()))
	if !bytes.Equal(again.Wire, wire) {
		t.Errorf("bytes are %x, were %x", again.Wire, wire)
	}
	if string(again.text) != notes {
		t.Errorf("got\n%s\nwant\n%s", again.text, notes)
	}

	if err := f.Annotate([]byte(strings.Replace(notes, "0a", "0b", 1))); err == nil {
		t.Error("other bytes are accepted")
	}
	if err := f.Annotate([]byte("zz")); err == nil {
		t.Error("bad hex is accepted")
	}
	if string(f.text) != notes {
		t.Error("a refused Annotate changes the notes")
	}
}

// New bytes drop the layout of old ones.
func TestFormatOtherBytes(t *testing.T) {
	f := mustParse(t, example)
	f.Wire[len(f.Wire)-1]++
	again := mustParse(t, string(f.Format()))
	if !bytes.Equal(again.Wire, f.Wire) || !bytes.Equal(again.text, Hex(f.Wire)) {
		t.Errorf("got\n%s\nwant\n%s", again.text, Hex(f.Wire))
	}
}

func TestHex(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"short", "01 02 03 04 05", "01 02 03 04  05\n"},
		{
			"nest", "34 00 00 00 10 00 05 06 00 00 00 00 00 00 00 00" + strings.Repeat(" 00", 16) +
				" 14 00 12 00 08 00 01 00 76 65 74 68 05 00 02 00 01 00 00 00",
			"34 00 00 00  10 00 05 06  00 00 00 00  00 00 00 00\n" +
				"00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00\n" +
				"14 00 12 00\n" +
				"08 00 01 00  76 65 74 68\n" +
				"05 00 02 00  01 00 00 00\n",
		},
		{
			"long attribute, bad end", "2c 00 00 00 1c 00 05 06 00 00 00 00 00 00 00 00 07 00 00 00 03 00 00 00 c0 00 02 00" +
				" 14 00 01 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 ff ff 01",
			"2c 00 00 00  1c 00 05 06  00 00 00 00  00 00 00 00\n" +
				"07 00 00 00  03 00 00 00  c0 00 02 00\n" +
				"14 00 01 00  fd 00 00 00  00 00 00 00  00 00 00 00\n" +
				"00 00 00 01\n" +
				"ff ff 01\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, _, err := parseHex([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(Hex(in)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			for n := range in {
				cut := in[:n:n]
				if back, _, err := parseHex(Hex(cut)); err != nil || !bytes.Equal(back, cut) {
					t.Errorf("Hex(%x) holds %x, %v", cut, back, err)
				}
			}
		})
	}
}
