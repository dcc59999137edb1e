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
// index is. For a [BridgePort] this is RTM_SETLINK of AF_BRIDGE: RTM_NEWLINK knows
// the same attributes, but makes the bridge look at the carrier again, which opens
// a port that was just disabled. Others are RTM_NEWLINK, where the kernel takes the
// attributes for those of the master that the link has, whatever the type of p.
func AppendSetPort(e *rtattr.Encoder, index uint32, p Port) {
	if p, ok := p.(BridgePort); ok {
		w := rtattr.AppendLink(e, rtattr.RTM_SETLINK, rtattr.NLM_F_REQUEST, rtattr.IfInfomsg{Family: rtattr.AF_BRIDGE, Index: number(e, index)})
		c := codec{&state{what: "port", change: true}, w.BridgePort().Nest}
		p.walk(&c)
		c.w.End()
		w.End()
		return
	}
	w := BeginSet(e, index, Config{})
	putPort(w, p)
	w.End()
}

// SetPort changes the port that the link of an index is, as AppendSetPort says.
func SetPort(ctx context.Context, conn *rtnl.Conn, index uint32, p Port) error {
	return exec(ctx, conn, "link: set", func(e *rtattr.Encoder) { AppendSetPort(e, index, p) }, func() string { return dev(index) })
}

func putPort(w rtattr.LinkEncoder, p Port) {
	info := w.LinkInfo()
	c := codec{&state{what: "port", change: true}, info.Nest}
	var d codec // in IFLA_INFO_SLAVE_DATA
	switch p := p.(type) {
	case BondPort:
		info.SlaveKind("bond")
		d = codec{c.state, info.Nest.Nest(rtattr.IFLA_INFO_SLAVE_DATA)}
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

// ParsePort returns the port that a listed link is, so that AppendSetPort makes
// another link such a port; nil for one that is no port. What the kernel shows but
// would refuse is left out. It also reads messages of AF_BRIDGE, which are about
// ports of bridges.
func ParsePort(v *rtattr.LinkView) (Port, error) {
	if v.Header.Family == rtattr.AF_BRIDGE {
		data, ok := v.Attrs().Find(rtattr.IFLA_PROTINFO)
		if !ok {
			return nil, nil
		}
		return parsePort(v, "bridge", data, true, nil)
	}
	info, err := v.LinkInfo()
	master, ok := info.SlaveKind()
	if !ok || len(master) == 0 {
		return nil, parseError(v, err)
	}
	data, ok := info.SlaveData()
	return parsePort(v, string(master), data, ok, err)
}

func parsePort(v *rtattr.LinkView, master string, data []byte, ok bool, err error) (p Port, _ error) {
	c := codec{state: &state{what: "port", reading: true, data: data, err: err}}
	switch master {
	case "bridge":
		p = read[BridgePort](&c)
	case "bond":
		p = read[BondPort](&c)
	case "vrf":
		p = read[VRFPort](&c)
	default:
		raw := RawPort{Master: master}
		if ok {
			raw.Data = Some(string(data))
		}
		p = raw
	}
	return p, parseError(v, c.err)
}
