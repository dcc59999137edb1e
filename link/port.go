package link

import (
	"context"
	"errors"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// A Port is what a master keeps about a link that is its port: [BridgePort],
// [BondPort], [VRFPort], or [RawPort] for masters without a type here. Ports of a
// team are set over its own generic netlink family. A Port can be compared; its
// fields are as those of a [Kind].
type Port interface{ isPort() }

func (BridgePort) isPort() {}
func (BondPort) isPort()   {}
func (VRFPort) isPort()    {}
func (RawPort) isPort()    {}

// VRFPort is a port of a VRF as it is shown: AppendSetPort fails.
type VRFPort struct {
	Table rtattr.RouteTable
}

func (p *VRFPort) walk(c *codec) {
	if !c.reading {
		c.fail(errors.New("link: port: nothing can be set of a port of a VRF"))
		return
	}
	c.use(&rtattr.VRFPortSet)
	num(c, rtattr.IFLA_VRF_PORT_TABLE, &p.Table)
}

// RawPort is a port by the kind of its master, with its IFLA_INFO_SLAVE_DATA as
// bytes.
type RawPort struct {
	Master string // kind
	Data   Opt[string]
}

// AppendSetPort appends the message that changes the port that the link of an
// index is: RTM_NEWLINK. The kernel takes the attributes for those of the master
// that the link has, whatever the type of p.
func AppendSetPort(e *rtattr.Encoder, index uint32, p Port) {
	w := BeginSet(e, index, Config{})
	putPort(w, p)
	w.End()
}

// SetPort changes the port that the link of an index is, as AppendSetPort says.
func SetPort(ctx context.Context, conn *rtnl.Conn, index uint32, p Port) error {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendSetPort(e, index, p)
	return run(ctx, conn, e, index)
}

func putPort(w rtattr.LinkEncoder, p Port) {
	info := w.LinkInfo()
	c := codec{&state{what: "port", change: true}, info.Nest}
	var d codec // in IFLA_INFO_SLAVE_DATA
	switch p := p.(type) {
	case BridgePort:
		d = c.beginPort("bridge")
		p.walk(&d)
	case BondPort:
		d = c.beginPort("bond")
		p.walk(&d)
	case VRFPort:
		p.walk(&c)
	case RawPort:
		info.SlaveKind(p.Master)
		if data, ok := p.Data.Get(); ok {
			copy(info.Space(rtattr.IFLA_INFO_SLAVE_DATA|rtattr.NLA_F_NESTED, len(data)), data)
		}
	default:
		c.fail(errors.New("link: no port: it is nil or a pointer"))
	}
	if d.open() {
		d.w.End()
	}
	info.End()
}

// beginPort puts the kind of a master into IFLA_LINKINFO and opens the data.
func (c codec) beginPort(master string) codec {
	rtattr.LinkInfoEncoder{Nest: c.w}.SlaveKind(master)
	return codec{c.state, c.w.Nest(rtattr.IFLA_INFO_SLAVE_DATA)}
}

// ParsePort returns the port that a listed link is, so that AppendSetPort makes
// another link such a port; nil for one that is no port. What the kernel shows but
// would refuse is left out.
func ParsePort(v *rtattr.LinkView) (Port, error) {
	info, err := v.LinkInfo()
	master, ok := info.SlaveKind()
	if !ok || len(master) == 0 {
		return nil, parseError(v, err)
	}
	data, ok := info.SlaveData()
	c := codec{state: &state{what: "port", reading: true, data: data, err: err}}
	var p Port
	switch string(master) {
	case "bridge":
		p = read[BridgePort](&c)
	case "bond":
		p = read[BondPort](&c)
	case "vrf":
		p = read[VRFPort](&c)
	default:
		raw := RawPort{Master: string(master)}
		if ok {
			raw.Data = Some(string(data))
		}
		p = raw
	}
	return p, parseError(v, c.err)
}
