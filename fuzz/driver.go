package fuzz

import (
	"errors"
	"reflect"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"github.com/nlwire/nlwire/link"
	"github.com/nlwire/nlwire/rtattr"
)

var (
	_ rtnetlink.LinkDriver      = (*Driver)(nil)
	_ rtnetlink.LinkSlaveDriver = (*PortDriver)(nil)
)

// A Driver makes any [link.Kind] a driver of rtnetlink: of a link that rtnetlink
// creates or changes, and of those that it lists, once a driver from [NewDriver] is
// registered.
//
//	err := conn.Link.New(&rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{
//		Name: "vx0",
//		Info: fuzz.Info(link.VXLAN{ID: 7, Port: 4789}),
//	}})
type Driver struct {
	// Params is the kind, a value as link takes it. Decode sets it as
	// link.ParseKind does for a link that the kernel lists.
	Params link.Kind
	// Change is for links that exist, LinkService.Set: Encode puts what
	// link.AppendChange does, which differs where a new link cannot be without an
	// attribute.
	Change bool

	kind string // before Params is there
}

// NewDriver returns a driver that decodes links of one kind, such as "vxlan", for
// rtnetlink.RegisterDriver. A kind without a type in link is read as link.Raw. A kind
// whose links have no IFLA_INFO_DATA is not asked for: their LinkInfo.Data is nil.
func NewDriver(kind string) *Driver { return &Driver{kind: kind} }

// Info returns what LinkAttributes.Info is to be for a new link, the same bytes as
// those of link.AppendAdd. There is no Driver in it where link puts no IFLA_INFO_DATA:
// rtnetlink would put an empty one.
func Info(k link.Kind) *rtnetlink.LinkInfo {
	d := &Driver{Params: k}
	i := &rtnetlink.LinkInfo{Kind: d.Kind(), Data: d}
	if data, err := d.data(); err == nil && data == nil {
		i.Data = nil
	}
	return i
}

// New returns an empty driver of the same kind.
func (d *Driver) New() rtnetlink.LinkDriver { return NewDriver(d.Kind()) }

// Kind returns the name of the kind, IFLA_INFO_KIND.
func (d *Driver) Kind() string {
	switch k := d.Params.(type) {
	case nil:
		return d.kind
	case link.Raw:
		return k.Kind
	case link.Tun: // cannot be put
		return "tun"
	}
	// The zero value can be put where the parameters of d may be wrong.
	var e rtattr.Encoder
	link.AppendAdd(&e, link.Config{}, reflect.Zero(reflect.TypeOf(d.Params)).Interface().(link.Kind))
	info, err := linkInfo(&e)
	if err != nil {
		return ""
	}
	kind, _ := info.Kind()
	return string(kind)
}

// Encode puts the attributes of IFLA_INFO_DATA.
func (d *Driver) Encode(ae *netlink.AttributeEncoder) error {
	data, err := d.data()
	if err != nil {
		return err
	}
	return putAttrs(ae, data)
}

// data returns the IFLA_INFO_DATA of link, nil if there is none.
func (d *Driver) data() ([]byte, error) {
	var e rtattr.Encoder
	if d.Change {
		link.AppendChange(&e, 1, d.Params)
	} else {
		link.AppendAdd(&e, link.Config{}, d.Params)
	}
	info, err := linkInfo(&e)
	if err != nil {
		return nil, err
	}
	data, _ := info.Data()
	return data, nil
}

// Decode reads the attributes of IFLA_INFO_DATA. rtnetlink v2.0.2 does not pass on
// an error that it returns, and loses the attributes behind IFLA_LINKINFO then.
func (d *Driver) Decode(ad *netlink.AttributeDecoder) error {
	return decodeInfo(ad, rtattr.IFLA_INFO_KIND, rtattr.IFLA_INFO_DATA, d.Kind(), func(v *rtattr.LinkView) (err error) {
		d.Params, err = link.ParseKind(v)
		return err
	})
}

// A PortDriver is a [Driver] for what a master keeps about its port, a [link.Port].
// LinkService.Set sends RTM_NEWLINK for it also to a port of a bridge, which makes
// the bridge look at the carrier again; see link.AppendSetPort.
type PortDriver struct {
	Params link.Port // Decode sets it as link.ParsePort does

	master string
}

// NewPortDriver returns a driver that decodes ports of one kind of master, such as
// "bridge", for rtnetlink.RegisterDriver.
func NewPortDriver(master string) *PortDriver { return &PortDriver{master: master} }

// New returns an empty driver of the same kind of master.
func (d *PortDriver) New() rtnetlink.LinkDriver { return NewPortDriver(d.Kind()) }

// Kind returns the kind of the master, IFLA_INFO_SLAVE_KIND.
func (d *PortDriver) Kind() string {
	switch p := d.Params.(type) {
	case link.BridgePort:
		return "bridge"
	case link.BondPort:
		return "bond"
	case link.VRFPort:
		return "vrf"
	case link.RawPort:
		return p.Master
	}
	return d.master
}

// Slave says that this is a driver of ports.
func (d *PortDriver) Slave() {}

// Encode puts the attributes of IFLA_INFO_SLAVE_DATA.
func (d *PortDriver) Encode(ae *netlink.AttributeEncoder) error {
	var e rtattr.Encoder
	link.AppendSetPort(&e, 1, d.Params)
	v, err := linkView(&e)
	if err != nil {
		return err
	}
	data, ok := v.Attrs().Find(rtattr.IFLA_PROTINFO) // of a bridge
	if !ok {
		info, err := v.LinkInfo()
		if err != nil {
			return err
		}
		data, _ = info.SlaveData()
	}
	return putAttrs(ae, data)
}

// Decode reads the attributes of IFLA_INFO_SLAVE_DATA, see [Driver.Decode].
func (d *PortDriver) Decode(ad *netlink.AttributeDecoder) error {
	return decodeInfo(ad, rtattr.IFLA_INFO_SLAVE_KIND, rtattr.IFLA_INFO_SLAVE_DATA, d.Kind(), func(v *rtattr.LinkView) (err error) {
		d.Params, err = link.ParsePort(v)
		return err
	})
}

func linkView(e *rtattr.Encoder) (*rtattr.LinkView, error) {
	b, err := e.Finish()
	if err != nil {
		return nil, err
	}
	v := new(rtattr.LinkView)
	return v, v.Parse(rtattr.Msg(b).Payload())
}

func linkInfo(e *rtattr.Encoder) (rtattr.LinkInfoView, error) {
	v, err := linkView(e)
	if err != nil {
		return rtattr.LinkInfoView{}, err
	}
	return v.LinkInfo()
}

// putAttrs puts attributes with their flags.
func putAttrs(ae *netlink.AttributeEncoder, b []byte) error {
	attrs, err := netlink.UnmarshalAttributes(b)
	if err != nil {
		return err
	}
	for _, a := range attrs {
		ae.Bytes(a.Type, a.Data)
	}
	return nil
}

// decodeInfo makes a listed link of the attributes of a nest, which is all that
// rtnetlink gives, and has it read.
func decodeInfo(ad *netlink.AttributeDecoder, kindType, dataType uint16, kind string, read func(*rtattr.LinkView) error) error {
	if kind == "" {
		return errors.New("fuzz: a driver without a kind: NewDriver and NewPortDriver make one")
	}
	var e rtattr.Encoder
	w := rtattr.AppendLink(&e, rtattr.RTM_NEWLINK, 0, rtattr.IfInfomsg{Type: 1}) // a request has no type
	info := w.LinkInfo()
	info.String(kindType, kind)
	data := info.Nest.Nest(dataType)
	for ad.Next() {
		data.Bytes(ad.TypeFlags()|ad.Type(), ad.Bytes())
	}
	data.End()
	info.End()
	w.End()
	if err := ad.Err(); err != nil {
		return err
	}
	v, err := linkView(&e)
	if err != nil {
		return err
	}
	return read(v)
}
