package rtattr_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtattr/rtattrtest"
)

// What ip (iproute2 6.1.0) was about to send, taken where sendmsg fails, with the
// sequence numbers cleared. These are no goldens, since those get sent: an option
// of encap ip stops a 6.18 kernel for good.
var encapOptions = []struct {
	command, wire string
	want          []string
}{
	{
		"ip route add 10.9.0.0/16 encap ip id 5 dst 192.0.2.2 geneve_opts 258:3:0a0b0c0d,515:131:0102030405060708 key csum seq dev lo",
		"9400000018000506 0000000000000000 02100000fe03fd0100000000 080001000a090000" +
			"60001680 0c0001000000000000000005 08000200c0000202" +
			"40000880 1c000180 0600010001020000 0500020003000000 080003000a0b0c0d" +
			"20000180 0600010002030000 0500020083000000 0c0003000102030405060708" +
			"06000600000d1c00 0600150002000000 0800040001000000",
		[]string{
			"LWTUNNEL_IP_ID 5", "LWTUNNEL_IP_FLAGS csum|key|seq", "LWTUNNEL_IP_OPTS_GENEVE",
			"LWTUNNEL_IP_OPT_GENEVE_CLASS 258", "LWTUNNEL_IP_OPT_GENEVE_TYPE 131", "LWTUNNEL_IP_OPT_GENEVE_DATA 8 bytes",
		},
	},
	{
		"ip route add 10.9.0.0/16 encap ip id 5 dst 192.0.2.2 vxlan_opts 1193046 dev lo",
		"5c00000018000506 0000000000000000 02100000fe03fd0100000000 080001000a090000" +
			"28001680 0c0001000000000000000005 08000200c0000202" +
			"10000880 0c000280 0800010056341200" +
			"0600150002000000 0800040001000000",
		[]string{"LWTUNNEL_IP_OPT_VXLAN_GBP 1193046"},
	},
	{
		"ip route add 10.9.0.0/16 encap ip id 5 dst 192.0.2.2 erspan_opts 1:66051:0:0 dev lo",
		"7400000018000506 0000000000000000 02100000fe03fd0100000000 080001000a090000" +
			"40001680 0c0001000000000000000005 08000200c0000202" +
			"28000880 24000380 0500010001000000 0800020000010203 0500030000000000 0500040000000000" +
			"0600150002000000 0800040001000000",
		[]string{"LWTUNNEL_IP_OPT_ERSPAN_VER 1", "LWTUNNEL_IP_OPT_ERSPAN_INDEX 66051"},
	},
	{
		"ip route add fd09::/64 encap ip6 id 5 dst fd00::2 erspan_opts 2:0:1:63 key dev lo",
		"9400000018000506 0000000000000000 0a400000fe03000100000000 14000100fd090000000000000000000000000000" +
			"54001680 0c0001000000000000000005 14000200fd000000000000000000000000000002" +
			"28000880 24000380 0500010002000000 0800020000000000 0500030001000000 050004003f000000" +
			"0600060000040000 0600150004000000 0800040001000000",
		[]string{"LWTUNNEL_IP6_FLAGS key", "LWTUNNEL_IP_OPT_ERSPAN_DIR 1", "LWTUNNEL_IP_OPT_ERSPAN_HWID 63"},
	},
}

func TestEncapOptions(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes were taken on a little-endian machine")
	}
	for _, tt := range encapOptions {
		t.Run(tt.command, func(t *testing.T) {
			wire, err := hex.DecodeString(strings.ReplaceAll(tt.wire, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			var notes bytes.Buffer
			if err := rtattr.Dump(&notes, wire); err != nil {
				t.Fatal(err)
			}
			if line := odd.FindString(notes.String()); line != "" {
				t.Errorf("%s in\n%s", line, &notes)
			}
			for _, want := range tt.want {
				if !strings.Contains(notes.String(), want+"\n") {
					t.Errorf("no %s in\n%s", want, &notes)
				}
			}
			m, _, err := rtattr.NextMsg(wire)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := rtattrtest.Recode(rtattr.RequestSet(m.Type()), m.Payload())
			if err != nil {
				t.Fatal(err)
			}
			diff, err := golden.Compare(append(slices.Clone(wire[:16]), payload...), wire)
			if err != nil || diff != "" && diff != "pad" { // ip leaves odd bytes there
				t.Errorf("read and written anew: %s, %v", diff, err)
			}
		})
	}
}

// An answer has all GENEVE options in one attribute, one after another.
func TestEncapGeneveAnswer(t *testing.T) {
	var e rtattr.Encoder
	w := rtattr.AppendRoute(&e, rtattr.RTM_NEWROUTE, 0, rtattr.RtMsg{Family: rtattr.AF_INET})
	ip := w.EncapIP()
	ip.ID(5)
	opts := ip.Opts()
	g := opts.Geneve()
	for i := range 3 {
		g.Class(uint16(i) << 8)
		g.Type(uint8(i))
		g.Data(make([]byte, 4*i))
	}
	g.End()
	opts.End()
	ip.End()
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var v rtattr.RouteView
	m, _, err := rtattr.NextMsg(b)
	if err == nil {
		err = v.Parse(m.Payload())
	}
	if err != nil {
		t.Fatal(err)
	}
	encap, err := v.EncapIP()
	if err != nil {
		t.Fatal(err)
	}
	got, err := encap.Opts()
	if err != nil {
		t.Fatal(err)
	}
	nests := 0
	for n, err := range got.Geneve() {
		nests++
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Collect(n.Class()); !slices.Equal(got, []uint16{0, 0x100, 0x200}) {
			t.Errorf("classes %x", got)
		}
		if got := slices.Collect(n.Type()); !slices.Equal(got, []uint8{0, 1, 2}) {
			t.Errorf("types %x", got)
		}
		var sizes []int
		for b := range n.Data() {
			sizes = append(sizes, len(b))
		}
		if !slices.Equal(sizes, []int{0, 4, 8}) {
			t.Errorf("data of %d bytes", sizes)
		}
	}
	if nests != 1 {
		t.Errorf("%d nests", nests)
	}
}

// The kernel writes RTA_ENCAP before RTA_ENCAP_TYPE, encoders write it after.
func TestEncapSelector(t *testing.T) {
	segments := netip.MustParseAddr("fd00::2").As16()
	srh := rtattr.SEG6Encap{Mode: rtattr.SEG6_IPTUN_MODE_ENCAP_RED, Header: rtattr.SRHeader{HdrLen: 2, Type: 4}}
	for _, first := range []bool{false, true} {
		var e rtattr.Encoder
		w := rtattr.AppendNexthop(&e, rtattr.RTM_NEWNEXTHOP, 0, rtattr.NhMsg{})
		if first {
			w.EncapType(rtattr.LWTUNNEL_ENCAP_NONE) // a later one counts
			n := rtattr.EncapSEG6Encoder{Nest: w.Nest.Nest(rtattr.NHA_ENCAP)}
			n.SRH(srh, segments[:])
			n.End()
			w.EncapType(rtattr.LWTUNNEL_ENCAP_SEG6)
		} else {
			n := w.EncapSEG6()
			n.SRH(srh, segments[:])
			n.End()
		}
		w.End()
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.NexthopView
		if err := v.Parse(b[16:]); err != nil {
			t.Fatal(err)
		}
		n, err := v.EncapSEG6()
		if err != nil {
			t.Fatal(err)
		}
		got, tail, ok := n.SRH()
		if !ok || got != srh || !bytes.Equal(tail, segments[:]) {
			t.Errorf("first %v: got %+v, %x, %v", first, got, tail, ok)
		}
		if m, err := v.EncapMPLS(); err != nil || m.Attrs() != nil {
			t.Errorf("first %v: MPLS reads it too: %x, %v", first, m.Attrs(), err)
		}
	}
}
