package rtattr

import (
	"net/netip"
	"strings"
	"testing"
)

func TestWalk(t *testing.T) {
	var e Encoder
	w := AppendRoute(&e, RTM_NEWROUTE, 0, RtMsg{Family: AF_INET})
	w.Dst(netip.MustParseAddr("10.0.0.0"))
	w.Bytes(RTA_OIF, []byte{1})
	mp := w.Multipath()
	h := mp.Elem(RtNexthop{IfIndex: 2})
	h.Gateway(netip.MustParseAddr("10.0.0.1"))
	h.End()
	mp.End()
	n := w.Nest.Nest(1000)
	n.Flag(3)
	n.End()
	w.Raw(native(1, 0))
	w.End()
	b, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		depth int
		form  Form
		name  string
		err   string
	}{
		{0, IsAttr, "RTA_DST", ""},
		{0, IsAttr, "RTA_OIF", "rtattr: route.oif: 1 bytes, want 4"},
		{0, IsAttr, "RTA_MULTIPATH", ""},
		{1, IsElem, "", ""},
		{2, IsAttr, "RTA_GATEWAY", ""},
		{0, IsAttr, "", ""},
		{1, IsAttr, "", ""},
		{0, IsStray, "", "rtattr: route: nla_len is 1, less than its header"},
	}
	for node := range RouteSet.Walk(Msg(b)) {
		if len(want) == 0 {
			t.Fatalf("more: %+v", node)
		}
		name, text := "", ""
		if node.Attr != nil {
			name = node.Set.CName(node.Attr)
		}
		if node.Err != nil {
			text = node.Err.Error()
		}
		if x := want[0]; node.Depth != x.depth || node.Form != x.form || name != x.name || text != x.err {
			t.Errorf("%+v is %s %q, want %+v", node, name, text, x)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("missing: %+v", want)
	}
	for range RouteSet.Walk(Msg(b)) {
		break // early
	}
	for node := range RouteSet.Walk(nil) {
		t.Errorf("nothing has %+v", node)
	}
}

// tile wants the nodes of a message to cover it: headers, payloads, pads, and
// nothing twice.
func tile(t *testing.T, m Msg) {
	t.Helper()
	set := MsgSet(m.Type())
	if set == nil {
		return
	}
	at, depth := len(m)-len(newScope(set, m.Payload()).attrs), 0
	for n := range set.Walk(m) {
		if pad := n.Off - at; pad < 0 || pad > 3*(depth+1) || n.Len <= 0 || n.Off+n.Len > len(m) {
			t.Fatalf("at %d of %d: %+v", at, len(m), n)
		}
		path := set.Path(m, n.Off)
		if n.Depth == 0 && n.Form == IsAttr && (path == "" || strings.Contains(path, "+")) {
			t.Fatalf("Path(%d) = %q: %+v", n.Off, path, n)
		}
		at, depth = n.Off+n.Len, n.Depth
		if n.Nested {
			at = n.Off + n.Head
		}
	}
	if len(m)-at > 3*(depth+1) {
		t.Fatalf("ends at %d of %d", at, len(m))
	}
}
