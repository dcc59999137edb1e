package fuzz

import (
	"bytes"
	"testing"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

// linkInfos calls f with the IFLA_LINKINFO of recorded messages and of generated
// ones, some of each kind and of ports of each master, as the kernel would show them:
// with a type.
func linkInfos(t *testing.T, f func(*rtattr.LinkView, rtattr.LinkInfoView)) {
	t.Helper()
	messages := recorded(t)
	for _, typ := range []uint16{rtattr.IFLA_INFO_DATA, rtattr.IFLA_INFO_SLAVE_DATA} {
		for _, format := range rtattr.LinkInfoSet.Attrs[typ].Sub.Formats {
			for seed := range uint64(100) {
				steer := source(Steer(seed))
				w := writer{source: &steer, depth: 4}
				var data []*Attr
				if format.Nested != nil {
					data = w.attrs(format.Nested.Set(), nil)
				}
				var e rtattr.Encoder
				m := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{})
				info := m.LinkInfo()
				info.String(typ-1, format.Value) // the kind is before the data
				info.Bytes(typ, appendAttrs(nil, data))
				info.End()
				m.End()
				b, err := e.Finish()
				if err != nil {
					t.Fatal(err)
				}
				messages = append(messages, b)
			}
		}
	}
	for _, m := range messages {
		if m.Type() != rtattr.RTM_NEWLINK {
			continue
		}
		var v rtattr.LinkView
		if err := v.Parse(m.Payload()); err != nil {
			t.Fatal(err)
		}
		v.Header.Type = 1
		if info, err := v.LinkInfo(); err == nil {
			f(&v, info)
		}
	}
}

// decode reads attributes with a driver as rtnetlink does.
func decode(d rtnetlink.LinkDriver, data []byte) (rtnetlink.LinkDriver, error) {
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return nil, err
	}
	d = d.New()
	if err := d.Decode(ad); err != nil {
		return d, err
	}
	return d, ad.Err()
}

// marshalled is what rtnetlink puts into a message for its LinkInfo.
func marshalled(t *testing.T, i *rtnetlink.LinkInfo) rtattr.LinkInfoView {
	t.Helper()
	b, err := (&rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{Info: i}}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var v rtattr.LinkView
	if err := v.Parse(b); err != nil {
		t.Fatal(err)
	}
	info, err := v.LinkInfo()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// kindNames are the kinds that link has a type for.
func kindNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, f := range rtattr.LinkInfoSet.Attrs[rtattr.IFLA_INFO_DATA].Sub.Formats {
		d, err := decode(NewDriver(f.Value), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, raw := d.(*Driver).Params.(link.Raw); !raw {
			names[f.Value] = true
		}
	}
	return names
}

// TestDriver wants a Driver to read each kind as link does, and rtnetlink to put the
// bytes that link puts.
func TestDriver(t *testing.T) {
	names := kindNames(t)
	read, put := map[string]bool{}, map[string]bool{}
	linkInfos(t, func(v *rtattr.LinkView, info rtattr.LinkInfoView) {
		name, _ := info.Kind()
		data, ok := info.Data()
		want, wantErr := link.ParseKind(v)
		if len(name) == 0 || want == nil {
			return
		}
		kind := string(name)
		if ok {
			d, err := decode(NewDriver(kind), data)
			if (err == nil) != (wantErr == nil) || d.(*Driver).Params != want {
				t.Fatalf("%s: %x\na Driver reads %#v, %v\nlink reads     %#v, %v", kind, data, d.(*Driver).Params, err, want, wantErr)
			}
			read[kind] = true
		}
		if got := (&Driver{Params: want}).Kind(); got != kind {
			t.Fatalf("%#v is of kind %q, want %q", want, got, kind)
		}
		for _, change := range []bool{false, true} {
			var e rtattr.Encoder
			if change {
				link.AppendChange(&e, 1, want)
			} else {
				link.AppendAdd(&e, link.Config{}, want)
			}
			ours, err := linkInfo(&e)
			i := Info(want)
			if d, ok := i.Data.(*Driver); ok {
				d.Change = change
			}
			if err != nil {
				if _, theirs := (&rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{Info: i}}).MarshalBinary(); theirs == nil || theirs.Error() != err.Error() {
					t.Fatalf("%#v: by rtnetlink %v, by link %v", want, theirs, err)
				}
				continue
			}
			theirs := marshalled(t, i)
			if change && i.Data != nil && len(ours.Attrs()) < len(theirs.Attrs()) {
				// What link.AppendChange has nothing to say of is an empty
				// IFLA_INFO_DATA by rtnetlink, which the kernel takes alike.
				if data, _ := theirs.Data(); len(data) > 0 {
					t.Fatalf("%#v: %x", want, theirs.Attrs())
				}
				continue
			}
			if !bytes.Equal(ours.Attrs(), theirs.Attrs()) {
				t.Fatalf("%#v, change %v\nlink puts      %x\nrtnetlink puts %x", want, change, ours.Attrs(), theirs.Attrs())
			}
			put[kind] = true
		}
	})
	for name := range names {
		if !read[name] {
			t.Errorf("%s: never read", name)
		}
		if !put[name] && name != "tun" { // made by tun.Create
			t.Errorf("%s: never put", name)
		}
	}
	t.Logf("%d kinds", len(names))
	if len(names) < 48 {
		t.Errorf("%d kinds, there were 48", len(names))
	}
}

// TestPortDriver is TestDriver for ports.
func TestPortDriver(t *testing.T) {
	read, put := map[string]bool{}, map[string]bool{}
	linkInfos(t, func(v *rtattr.LinkView, info rtattr.LinkInfoView) {
		v.Header.Family = 0 // not AF_BRIDGE, whose ports are elsewhere
		name, _ := info.SlaveKind()
		data, ok := info.SlaveData()
		want, wantErr := link.ParsePort(v)
		if len(name) == 0 || !ok {
			return
		}
		master := string(name)
		d, err := decode(NewPortDriver(master), data)
		if (err == nil) != (wantErr == nil) || d.(*PortDriver).Params != want {
			t.Fatalf("%s: %x\na PortDriver reads %#v, %v\nlink reads         %#v, %v", master, data, d.(*PortDriver).Params, err, want, wantErr)
		}
		read[master] = true
		if d.Kind() != master {
			t.Fatalf("%#v is of kind %q, want %q", want, d.Kind(), master)
		}
		var e rtattr.Encoder
		link.AppendSetPort(&e, 1, want)
		i := &rtnetlink.LinkInfo{SlaveKind: master, SlaveData: d}
		if _, err := e.Finish(); err != nil {
			if _, theirs := (&rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{Info: i}}).MarshalBinary(); theirs == nil || theirs.Error() != err.Error() {
				t.Fatalf("%#v: by rtnetlink %v, by link %v", want, theirs, err)
			}
			return
		}
		ours, err := linkView(&e)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := ours.Attrs().Find(rtattr.IFLA_PROTINFO)
		if !ok {
			info, err := ours.LinkInfo()
			if err != nil {
				t.Fatal(err)
			}
			b, _ = info.SlaveData()
		}
		theirs := marshalled(t, i)
		if kind, _ := theirs.SlaveKind(); string(kind) != master {
			t.Fatalf("of kind %s, want %s", kind, master)
		}
		if got, _ := theirs.SlaveData(); !bytes.Equal(got, b) {
			t.Fatalf("%#v\nlink puts      %x\nrtnetlink puts %x", want, b, got)
		}
		put[master] = true
	})
	for _, master := range []string{"bridge", "bond"} {
		if !put[master] {
			t.Errorf("%s: never put", master)
		}
	}
	if !read["vrf"] {
		t.Error("vrf: never read")
	}
}

// TestDriverRefuses wants errors for what no driver can do.
func TestDriverRefuses(t *testing.T) {
	for name, d := range map[string]rtnetlink.LinkDriver{
		"no kind":     new(Driver),
		"no master":   new(PortDriver),
		"a pointer":   &Driver{Params: &link.VXLAN{}},
		"tun":         &Driver{Params: link.Tun{}},
		"wrong":       &Driver{Params: link.VXLAN{ID: 1 << 24}},
		"port of vrf": &PortDriver{Params: link.VRFPort{}},
	} {
		if err := d.Encode(netlink.NewAttributeEncoder()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := decode(new(Driver), nil); err == nil {
		t.Error("a driver without a kind decodes")
	}
	if d, err := decode(NewDriver("vxlan"), []byte{6, 0, 1, 0, 7, 7, 0, 0}); err == nil {
		t.Errorf("an id of two bytes is read as %#v", d)
	}
}
