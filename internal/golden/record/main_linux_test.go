package main

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// A bridge fdb add, cut to what the recorder reads: a look-up by sendto, whose
// dump has no header line, and the change by sendmsg.
const trace = `sendto(3, [{nlmsg_len=40, nlmsg_type=RTM_GETLINK, ...}], 40, 0, NULL, 0) = 40
 | 00000  28 00 00 00 12 00 01 03  d6 6f 03 6b 00 00 00 00  (........o.k.... |
 | 00010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................ |
 | 00020  08 00 1d 00 01 00 00 00                           ........         |
sendmsg(3, {msg_name={sa_family=AF_NETLINK, ...}, msg_iovlen=1, ...}, 0) = 40
 * 40 bytes in buffer 0
 | 00000  28 00 00 00 1c 00 05 06  d7 6f 03 6b 00 00 00 00  (........o.k.... |
 | 00010  07 00 00 00 03 00 00 00  c0 00 02 00 0a 00 02 00  ................ |
 | 00020  02 00 00 00 00 09 00 00                           ........         |
`

func TestMessages(t *testing.T) {
	msgs, err := messages([]byte(trace))
	if err != nil {
		t.Fatal(err)
	}
	if len(msgs) != 2 {
		t.Fatalf("%d messages, want 2", len(msgs))
	}
	got, err := pick(msgs)
	if err != nil {
		t.Fatal(err)
	}
	const want = "280000001c000506" + "0000000000000000" + "0700000003000000c00002000a0002000200000000090000"
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}

func TestMessagesPadded(t *testing.T) {
	const zeros = "sendto(3) = 48\n" +
		" | 00000  18 00 00 00 16 00 01 03  c6 73 03 6b 00 00 00 00  .........s.k.... |\n" +
		" | 00010  02 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................ |\n" +
		" | 00020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................ |\n"
	msgs, err := messages([]byte(zeros))
	if err != nil {
		t.Fatal(err)
	}
	if len(msgs) != 1 || len(msgs[0]) != 24 {
		t.Errorf("got %x, want the 24 bytes of the message", msgs)
	}
}

func TestMessagesError(t *testing.T) {
	const head = "sendto(3) = 16\n"
	tests := []struct{ name, in string }{
		{"short", head + " | 00000  18 00 00 00 16 00 01 03                           ........         |\n"},
		{"cut", head + " | 00000  18 00 00 00 16 00 01 03  c6 73 03 6b 00 00 00 00  .........s.k.... |\n"},
		{"two messages", head + " | 00000  10 00 00 00 16 00 01 03  c6 73 03 6b 00 00 00 00  .........s.k.... |\n" +
			" | 00010  10 00 00 00 16 00 01 03  c6 73 03 6b 00 00 00 00  .........s.k.... |\n"},
		{"no call", strings.TrimPrefix(trace, strings.SplitAfter(trace, "\n")[0])},
		{"no hex", head + " | 00000  zz 00 00 00 16 00 01 03  c6 73 03 6b 00 00 00 00  .........s.k.... |\n"},
		{"cut line", head + " | 00000  10\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if msgs, err := messages([]byte(tt.in)); err == nil {
				t.Errorf("got %x and no error", msgs)
			}
		})
	}
}

func TestPick(t *testing.T) {
	msg := func(typ, size byte) []byte {
		m := make([]byte, size)
		m[0], m[4] = size, typ
		m[size-1] = 1
		return m
	}
	probe := make([]byte, 32)
	probe[0], probe[4] = 32, 16
	tests := []struct {
		name string
		in   [][]byte
		want int
	}{
		{"change after look-up", [][]byte{msg(18, 32), msg(20, 40)}, 1},
		{"look-up after change", [][]byte{msg(20, 40), msg(18, 32)}, 0},
		{"request, then names", [][]byte{probe, msg(26, 32), msg(18, 32)}, 1},
		{"last change", [][]byte{msg(16, 40), msg(16, 44)}, 1},
		{"link request", [][]byte{probe, msg(18, 32), msg(18, 40)}, 2},
		{"up", [][]byte{probe, msg(16, 32)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pick(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, tt.in[tt.want]) {
				t.Errorf("got %x, want message %d", got, tt.want)
			}
		})
	}
	if _, err := pick(nil); err == nil {
		t.Error("no error without a message")
	}
}

func TestResult(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"quiet", "", "ok"},
		{"warning", "vxlan: destination port not specified\n", "ok"},
		{"refused", "RTNETLINK answers: File exists\nexit status 2\n", "RTNETLINK answers: File exists"},
		{"extended", "Error: Unknown device type.\nexit status 2\n", "Error: Unknown device type."},
		{"dcb", "Attribute write: Operation not supported\nexit status 1\n", "RTNETLINK answers: Operation not supported"},
		{"own refusal", "Usage: ip link\nexit status 255\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := result([]byte(tt.in))
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
