//go:build linux

package link_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Tests of this file show the right behaviour where other libraries have, or had, a
// defect: "netlink" is github.com/vishvananda/netlink, "rtnetlink" is
// github.com/jsimonetti/rtnetlink.

// netlink#26: the zero LinkAttrs set the length of the transmit queue to 0.
func TestPeerZeroConfigHasDefaults(t *testing.T) {
	l := newLab(t)
	got, err := link.Create(ctx, l.conn, link.Config{Name: "v0"}, link.Veth{})
	if err != nil || got.TxQLen != 1000 || got.NumTxQueues == 0 || got.MTU != 1500 || got.Address == (link.HardwareAddr{}) {
		t.Errorf("%#v, %v", got, err)
	}
}

// netlink#536, netlink#1194: a peer has all that a link can have, queues included.
func TestPeerPeerIsWhole(t *testing.T) {
	full := link.Config{Index: 71, Name: "v1", MTU: 1400, Address: v1.Address, Broadcast: v0.Address, TxQLen: link.Some[uint32](0),
		NumTxQueues: 3, NumRxQueues: 2, Group: link.Some[uint32](7), NetNS: 5, Set: rtattr.IFF_NOARP, Clear: rtattr.IFF_MULTICAST,
		GSOMaxSize: 40000, GSOMaxSegs: 64, GROMaxSize: 30000, GSOIPv4MaxSize: 20000, GROIPv4MaxSize: 10000,
		LinkMode: link.Some(rtattr.IF_LINK_MODE_DORMANT), OperState: rtattr.IF_OPER_UP}
	var e, alone rtattr.Encoder
	link.AppendAdd(&e, link.Config{Name: "v0"}, link.Veth{Peer: full})
	link.BeginAdd(&alone, full).End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want, err := alone.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, rtattr.Msg(want).Payload()) {
		t.Errorf("the peer % x\nis not in % x", rtattr.Msg(want).Payload(), b)
	}
	// What a Config has beyond that, a peer does not take.
	for i, v := 0, reflect.ValueOf(full); i < v.NumField(); i++ {
		name := v.Type().Field(i).Name
		refused := slices.Contains(strings.Fields("Parent LinkNetNSID Master Alias NetNSPID NetNSID Carrier ProtoDown SetReasons ClearReasons AddrGenMode"), name)
		if v.Field(i).IsZero() != refused {
			t.Errorf("%s: not tested", name)
		}
	}
}

// netlink#329 and others complain of what is derived and written back: neither
// changes a Config, and what is not given is not sent.
func TestPeerNothingInvented(t *testing.T) {
	var e rtattr.Encoder
	link.AppendSet(&e, 3, link.Config{})
	b, err := e.Finish()
	if err != nil || len(b) != 32 {
		t.Errorf("% x, %v", b, err)
	}
}

// netlink#1099: the end of a list is no link (netlink panics in LinkSubscribe).
func TestPeerEndOfListIsNoLink(t *testing.T) {
	var e rtattr.Encoder
	n := e.Message(rtattr.NLMSG_DONE, rtattr.NLM_F_MULTI)
	n.Raw(make([]byte, 4))
	n.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := link.Object(link.Filter{}).Parse(rtattr.Msg(b)); err != rtnl.ErrSkip {
		t.Error(err)
	}
}

// netlink#672, tailscale#20546, and defect B-V7: short messages and attributes are
// errors at most (parseLinkXdp, LinkDeserialize and IFLA_IFNAME panic).
func TestPeerShortMessages(t *testing.T) {
	whole := message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) {
		w.IfName("v0")
		x := w.XDP()
		x.Attached(rtattr.XDP_ATTACHED_SKB)
		x.SkbProgID(7)
		x.End()
		l := w.VFInfoList()
		i := l.Info()
		i.Trust(rtattr.VFTrust{VF: 3})
		i.End()
		l.End()
	})
	b := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(make([]byte, 4), 3), 0) // struct ifinfomsg
	b = append(b, make([]byte, 4)...)
	b = append(b, whole.Attrs()...)
	failed := 0
	for n := range b {
		var v rtattr.LinkView
		err := v.Parse(b[:n:n])
		l, bad := link.Parse(&v)
		if err != nil || bad != nil {
			failed++
		}
		if n > 16+8 && l.Name != "v0" {
			t.Errorf("%d bytes: %q", n, l.Name)
		}
		link.ParseVFs(&v)
	}
	if failed < len(b)/2 {
		t.Errorf("%d of %d are errors", failed, len(b))
	}
	for _, typ := range []uint16{rtattr.IFLA_IFNAME, rtattr.IFLA_XDP, rtattr.IFLA_IFALIAS, rtattr.IFLA_VFINFO_LIST, rtattr.IFLA_PROP_LIST, rtattr.IFLA_AF_SPEC, rtattr.IFLA_PROTO_DOWN_REASON} {
		l, err := link.Parse(message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) { w.Bytes(typ, nil) }))
		if err != nil || l != (link.Link{Index: 3}) {
			t.Errorf("%d without a payload: %#v, %v", typ, l, err)
		}
	}
}

// netlink#1097: what virtual functions there are is told only if asked for.
func TestPeerNoVFsUnasked(t *testing.T) {
	for name, build := range map[string]builder{
		"list": func(e *rtattr.Encoder) { link.AppendList(e, link.Filter{}) },
		"get":  func(e *rtattr.Encoder) { link.AppendGet(e, 3) },
		"name": func(e *rtattr.Encoder) { link.AppendGetName(e, "v0") },
	} {
		var e rtattr.Encoder
		build(&e)
		b, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var v rtattr.LinkView
		if err := v.Parse(rtattr.Msg(b).Payload()); err != nil {
			t.Fatal(err)
		}
		if mask, ok := v.ExtMask(); !ok || mask != rtattr.RTEXT_FILTER_SKIP_STATS {
			t.Errorf("%s: %v", name, mask)
		}
	}
}

// netlink#1155: the protocol of a function's VLAN is big-endian on any machine.
func TestPeerVFProtocolByteOrder(t *testing.T) {
	var e rtattr.Encoder
	link.AppendSetVF(&e, 3, link.VF{VLAN: link.Some(link.VFVLAN{ID: 7, Protocol: rtattr.ETH_P_8021AD})})
	b, err := e.Finish()
	if err != nil || !bytes.HasSuffix(b, []byte{0x88, 0xa8, 0, 0}) {
		t.Errorf("% x, %v", b, err)
	}
}

// netlink reads a switch's number as an int, of its first 4 bytes.
func TestPeerSwitchIDIsWhole(t *testing.T) {
	l, err := link.Parse(message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) { w.PhysSwitchID([]byte{0, 1, 2, 3, 4, 5, 6, 0xff}) }))
	if err != nil || l.PhysSwitchID != "00010203040506ff" {
		t.Errorf("%q, %v", l.PhysSwitchID, err)
	}
}

// rtnetlink#145: statistics of another kernel are longer or shorter. rtnetlink's
// driver for macvlan loses all attributes behind one that it cannot read (defect
// B-J2), and a malformed attribute is no error (defect B-J7).
func TestPeerOtherKernels(t *testing.T) {
	for _, n := range []int{184, 192, 200, 208} {
		v := message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) {
			w.Bytes(rtattr.IFLA_STATS64, append([]byte{7, 0, 0, 0, 0, 0, 0, 7}, make([]byte, n-8)...))
			w.IfAlias("behind")
		})
		l, err := link.Parse(v)
		if s, ok := v.Stats64(); err != nil || l.Alias != "behind" || !ok || s.RxPackets == 0 {
			t.Errorf("%d bytes: %v, %+v", n, err, s)
		}
	}
	l, err := link.Parse(message(t, rtattr.IfInfomsg{Index: 3}, func(w rtattr.LinkEncoder) {
		i := w.LinkInfo()
		i.Kind("macvlan")
		i.Bytes(rtattr.IFLA_INFO_DATA, []byte{5, 0, 7, 0, 0, 0, 0, 0}) // u8 for u32
		i.End()
		p := w.PropList()
		p.AltIfName("uplink")
		p.End()
		w.IfAlias("behind")
	}))
	if l.Kind != "macvlan" || l.Alias != "behind" || l.AltNames != link.AltNamesOf("uplink") {
		t.Errorf("%#v, %v", l, err)
	}
}

// rtnetlink#144: a request has no address family, whatever message its sender has
// read; with AF_BRIDGE it would be for a bridge.
func TestPeerFamilyStaysOut(t *testing.T) {
	for name, build := range map[string]builder{"add": add(v0, link.Veth{}), "set": set(3, link.Config{MTU: 1400}), "delete": del(3)} {
		var e rtattr.Encoder
		build(&e)
		b, err := e.Finish()
		if err != nil || rtattr.Msg(b).Payload()[0] != rtattr.AF_UNSPEC {
			t.Errorf("%s: % x, %v", name, b, err)
		}
	}
	if _, err := link.Parse(message(t, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: 3}, func(rtattr.LinkEncoder) {})); err == nil {
		t.Error("a message about a port passes for a link")
	}
}

// netlink looks the link up by name after it has made it, ignores when that fails,
// and has no deletion by group; names longer than 15 bytes are cut.
func TestPeerCreateKnowsTheIndex(t *testing.T) {
	l := newLab(t)
	made, err := link.Create(ctx, l.conn, link.Config{Name: "v7", Group: link.Some[uint32](7)}, link.Veth{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := link.Get(ctx, l.conn, made.Index); err != nil || got.Name != made.Name {
		t.Errorf("%v, %v", got, err)
	}
	long := strings.Repeat("x", 16)
	if err := link.SetName(ctx, l.conn, made.Index, long); err == nil || !strings.Contains(err.Error(), "16 bytes, at most 15 fit") {
		t.Error(err)
	}
	if err := link.AddAltNames(ctx, l.conn, made.Index, long); err != nil {
		t.Fatal(err)
	}
	if got, err := link.GetName(ctx, l.conn, long); err != nil || got.Index != made.Index {
		t.Errorf("%v, %v", got, err)
	}
	if err := link.DeleteGroup(ctx, l.conn, 7); err != nil {
		t.Error(err)
	}
	if _, err := link.Get(ctx, l.conn, made.Index); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// rtnetlink reads ifi_family with the pad behind it, as one number.
func TestPeerFamilyIsOneByte(t *testing.T) {
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Index: 3, Type: 1})
	w.IfName("v0")
	w.MTU(1500)
	w.Group(7)
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if b[17] != 0 {
		t.Errorf("a pad of %d", b[17])
	}
	b[17] = 7 // __ifi_pad
	if _, l, err := link.Object(link.Filter{}).Parse(rtattr.Msg(b)); err != nil || l.Name != "v0" {
		t.Errorf("%v, %v", l, err)
	}
	var v rtattr.LinkView
	if err := v.Parse(rtattr.Msg(b).Payload()); err != nil || v.Header != (rtattr.IfInfomsg{Index: 3, Type: 1}) {
		t.Errorf("%+v, %v", v.Header, err)
	}
}

// netlink takes namespaces as any value, and dereferences nil if it is of a type that
// it does not know; with two of them the kernel takes one.
func TestPeerOneNamespace(t *testing.T) {
	for name, c := range map[string]link.Config{
		"descriptor and process": {NetNS: 4, NetNSPID: 5},
		"descriptor and number":  {NetNS: 4, NetNSID: link.Some[int32](0)},
		"no descriptor":          {NetNS: -1},
	} {
		for _, build := range []builder{add(c, link.Ifb{}), add(link.Config{}, link.Veth{Peer: c}), set(3, c)} {
			var e rtattr.Encoder
			build(&e)
			if _, err := e.Finish(); err == nil || !strings.Contains(err.Error(), "NetNS") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
