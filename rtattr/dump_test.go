package rtattr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func TestDump(t *testing.T) {
	if !littleEndian() {
		t.Skip("the hex is little-endian; TestDumpText checks the text in any byte order")
	}
	var e Encoder
	w := AppendAddr(&e, RTM_NEWADDR, NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, IfAddrmsg{Family: AF_INET, PrefixLen: 32, Index: 2})
	w.Local(netip.MustParseAddr("10.66.66.1"))
	w.Address(netip.MustParseAddr("10.66.66.2"))
	w.End()
	r := AppendRoute(&e, RTM_NEWROUTE, NLM_F_REQUEST, RtMsg{Family: AF_INET, DstLen: 8})
	mp := r.Multipath()
	nh := mp.Elem(RtNexthop{Flags: RTNH_F_ONLINK, IfIndex: 2})
	nh.Gateway(netip.MustParseAddr("10.0.0.1"))
	nh.End()
	mp.End()
	r.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	const want = `
28 00 00 00  14 00 05 06  00 00 00 00  00 00 00 00  # RTM_NEWADDR len=40 flags=request|ack|excl|create seq=0 pid=0
02 20 00 00  02 00 00 00                            # ifaddrmsg family=2 prefixlen=32 flags=0 scope=universe index=2
08 00 02 00  0a 42 42 01                            # IFA_LOCAL 10.66.66.1
08 00 01 00  0a 42 42 02                            # IFA_ADDRESS 10.66.66.2
30 00 00 00  18 00 01 00  00 00 00 00  00 00 00 00  # RTM_NEWROUTE len=48 flags=request seq=0 pid=0
02 08 00 00  00 00 00 00  00 00 00 00               # rtmsg family=2 dst-len=8 src-len=0 tos=0 table=unspec protocol=unspec scope=universe type=unspec flags=0
14 00 09 00                                         # RTA_MULTIPATH
10 00 04 00  02 00 00 00                            #   [0] rtnexthop len=16 flags=onlink hops=0 ifindex=2
08 00 05 00  0a 00 00 01                            #     RTA_GATEWAY 10.0.0.1
`
	var out bytes.Buffer
	if err := Dump(&out, b); err != nil {
		t.Fatal(err)
	}
	if got := "\n" + out.String(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

var dumpTexts = []struct {
	name string
	put  func(e *Encoder)
	want []string
}{
	{"link", func(e *Encoder) {
		w := AppendLink(e, RTM_NEWLINK, 0, IfInfomsg{Flags: IFF_UP | IFF_POINTOPOINT | 1<<30, Change: 1})
		w.IfName("tun0")
		w.Address([]byte{2, 0, 0, 0, 0, 1})
		w.OperState(IF_OPER_UP)
		w.LinkNetNSID(-1)
		w.Bytes(IFLA_MTU, []byte{1})
		w.Bytes(1000, []byte{1})
		w.ProtoDownReason().End()
		n := w.Nest.Nest(1001)
		n.Flag(3)
		n.End()
		w.End()
	}, []string{"flags=up|pointopoint|0x40000000", "change=up", `IFLA_IFNAME "tun0"`, "IFLA_ADDRESS 02:00:00:00:00:01", "IFLA_OPERSTATE up",
		"IFLA_LINK_NETNSID -1", "IFLA_MTU: 1 bytes, want 4", "# attribute 1000, 1 bytes", "# IFLA_PROTO_DOWN_REASON\n", "# attribute 1001\n", "#   attribute 3, 0 bytes"}},
	{"kinds", func(e *Encoder) {
		w := AppendLink(e, RTM_NEWLINK, 0, IfInfomsg{})
		n := w.LinkInfo()
		v := n.Veth()
		p := v.Peer(IfInfomsg{Index: 9})
		p.IfName("peer0")
		p.End()
		v.End()
		n.End()
		w.End()
	}, []string{"#   IFLA_INFO_DATA (veth)", "#     VETH_INFO_PEER ifinfomsg family=0 type=0 index=9", `#       IFLA_IFNAME "peer0"`}},
	{"via", func(e *Encoder) {
		w := AppendRoute(e, RTM_NEWROUTE, 0, RtMsg{Family: AF_INET})
		w.Via(RtVia{Family: AF_INET6}, netip.MustParseAddr("fd00::1"))
		w.NewDst([]uint32{0x12345, 2})
		w.End()
	}, []string{"RTA_VIA rtvia family=10 fd00::1", "RTA_NEWDST 74565 2"}},
	{"short header", func(e *Encoder) {
		n := e.Message(RTM_NEWLINK, 0)
		n.Raw(make([]byte, 12))
		n.End()
	}, []string{"ifinfomsg is cut short, it has 16 bytes"}},
	{"unknown message", func(e *Encoder) { n := e.Message(999, 0x8000); n.Uint32(1, 1); n.End() },
		[]string{"# message type 999 len=24 flags=0x8000", "# 8 bytes, no table"}},
	{"bad framing", func(e *Encoder) {
		w := AppendLink(e, RTM_NEWLINK, 0, IfInfomsg{})
		w.Raw([]byte{1, 0, 0, 0})
		w.End()
	}, []string{"nla_len is "}},
	{"error", func(e *Encoder) {
		n := e.Message(NLMSG_ERROR, NLM_F_CAPPED|NLM_F_ACK_TLVS)
		n.Raw([]byte{0xff, 0xff, 0xff, 0xff})
		n.Raw(make([]byte, 16))
		w := ErrorAckEncoder{n}
		w.Message("no")
		n.End()
	}, []string{"NLMSG_ERROR len=", "flags=capped|ack-tlvs", "error=-1", "request message type 0 seq=0", `NLMSGERR_ATTR_MSG "no"`}},
	{"short error", func(e *Encoder) { n := e.Message(NLMSG_ERROR, 0); n.Raw(make([]byte, 8)); n.End() },
		[]string{"nlmsgerr is cut short"}},
	{"done", func(e *Encoder) { n := e.Message(NLMSG_DONE, NLM_F_MULTI); n.Raw(make([]byte, 4)); n.End() },
		[]string{"NLMSG_DONE len=20 flags=multi", "error=0"}},
	{"pads", func(e *Encoder) {
		w := AppendRoute(e, RTM_NEWROUTE, 0, RtMsg{Family: AF_INET})
		// A nest of 5 bytes, and its pad.
		w.Raw(native(9, NLA_F_NESTED|1, 5, 2))
		w.Raw([]byte{7, 1, 2, 3})
		// Nexthops of 9 and 10 bytes.
		w.Raw(native(22, RTA_MULTIPATH, 9, 0, 2, 0))
		w.Raw([]byte{0, 4, 5, 6})
		w.Raw(native(10, 0, 2, 0))
		w.Raw([]byte{0, 0, 1, 2})
		w.End()
	}, []string{"# pad"}},
}

func native(words ...uint16) (b []byte) {
	for _, v := range words {
		b = binary.NativeEndian.AppendUint16(b, v)
	}
	return b
}

// TestDumpText has one line of every form, and what is wrong with bad bytes.
func TestDumpText(t *testing.T) {
	for _, tt := range dumpTexts {
		t.Run(tt.name, func(t *testing.T) {
			var e Encoder
			tt.put(&e)
			b, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := Dump(&out, b); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
			if got := hexBytes(out.String()); !bytes.Equal(got, b) {
				t.Errorf("%d of %d bytes are shown:\n%s", len(got), len(b), &out)
			}
			for n := range b { // any cut: nothing lost, no panic
				out.Reset()
				if err := Dump(&out, b[:n:n]); err != nil {
					t.Fatal(err)
				}
				if got := hexBytes(out.String()); !bytes.Equal(got, b[:n]) {
					t.Fatalf("%d of %d bytes are shown:\n%s", len(got), n, &out)
				}
			}
		})
	}
}

func TestDumpDeep(t *testing.T) {
	const depth = 16_000
	var nests []byte
	for n := depth; n > 0; n-- {
		nests = binary.NativeEndian.AppendUint16(nests, uint16(attrHeaderLen*n))
		nests = binary.NativeEndian.AppendUint16(nests, NLA_F_NESTED|1000)
	}
	var e Encoder
	w := AppendLink(&e, RTM_NEWLINK, 0, IfInfomsg{})
	w.Raw(nests)
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Dump(&out, b); err != nil {
		t.Fatal(err)
	}
	if got := hexBytes(out.String()); !bytes.Equal(got, b) || out.Len() > 200*depth {
		t.Errorf("%d of %d bytes are shown in %d of text", len(got), len(b), out.Len())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestDumpWriter(t *testing.T) {
	if err := Dump(brokenWriter{}, []byte{1}); err == nil || err.Error() != "broken" {
		t.Error(err)
	}
}

func FuzzDump(f *testing.F) {
	for _, tt := range dumpTexts {
		var e Encoder
		tt.put(&e)
		b, err := e.Finish()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out strings.Builder
		if err := Dump(&out, b[:len(b):len(b)]); err != nil {
			t.Fatal(err)
		}
		if got := hexBytes(out.String()); !bytes.Equal(got, b) {
			t.Errorf("%d of %d bytes are shown:\n%s", len(got), len(b), &out)
		}
		for m, rest, err := NextMsg(b); err == nil; m, rest, err = NextMsg(rest) {
			tile(t, m)
		}
	})
}

// hexBytes reads the bytes of a dump back.
func hexBytes(dump string) []byte {
	var b []byte
	for line := range strings.Lines(dump) {
		hex, _, _ := strings.Cut(line, "#")
		for _, f := range strings.Fields(hex) {
			c, err := strconv.ParseUint(f, 16, 8)
			if err != nil {
				panic(err)
			}
			b = append(b, uint8(c))
		}
	}
	return b
}

func equal[T comparable](t *testing.T, name string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}
