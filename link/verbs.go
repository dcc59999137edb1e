package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Add creates a link, as AppendAdd says.
func Add(ctx context.Context, conn *rtnl.Conn, c Config, k Kind) error {
	e := conn.Encoder()
	defer conn.Release(e)
	AppendAdd(e, c, k)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, "link: add", c.String())
	}
	return nil
}

// Create is Add, and returns the link as the kernel has made it, with its Index
// and Name; as it was before it became a port of Config.Master. Linux before 6.2 does not tell (NLM_F_ECHO): there the link is looked
// up by its Name, without which there is an error though the link exists. A
// Config with a namespace is refused: take a Conn in that namespace.
func Create(ctx context.Context, conn *rtnl.Conn, c Config, k Kind) (Link, error) {
	if c.NetNS != 0 || c.NetNSPID != 0 || c.NetNSID != (Opt[int32]{}) {
		return Link{}, fmt.Errorf("link: create %v: cannot tell of a link in another namespace: use Add, or a Conn there", c)
	}
	e := conn.Encoder()
	defer conn.Release(e)
	AppendAdd(e, c, k)
	b, err := e.Finish()
	if err != nil {
		return Link{}, err
	}
	m := rtattr.Msg(b)
	m.SetFlags(m.Flags() | rtattr.NLM_F_ECHO)
	l, err := one(ctx, conn, e, "link: create", c.String)
	if errors.Is(err, errNoAnswer) && c.Name != "" {
		return GetName(ctx, conn, c.Name)
	}
	return l, err
}

// Set changes the link of an index, as AppendSet says.
func Set(ctx context.Context, conn *rtnl.Conn, index uint32, c Config) error {
	return change(ctx, conn, index, c, nil)
}

// SetUp brings a link up.
func SetUp(ctx context.Context, conn *rtnl.Conn, index uint32) error {
	return change(ctx, conn, index, Config{Set: rtattr.IFF_UP}, nil)
}

// SetDown takes a link down.
func SetDown(ctx context.Context, conn *rtnl.Conn, index uint32) error {
	return change(ctx, conn, index, Config{Clear: rtattr.IFF_UP}, nil)
}

// SetMTU sets the MTU of a link, in bytes.
func SetMTU(ctx context.Context, conn *rtnl.Conn, index uint32, mtu uint32) error {
	return change(ctx, conn, index, Config{}, func(w rtattr.LinkEncoder) { w.MTU(mtu) })
}

// SetName renames a link.
func SetName(ctx context.Context, conn *rtnl.Conn, index uint32, name string) error {
	if reason := badName(name); reason != "" {
		return fmt.Errorf("link: set dev %d name %q: %s", index, name, reason)
	}
	return change(ctx, conn, index, Config{Name: name}, nil)
}

// SetMaster makes a link a port of the bridge or bond of an index; 0 ends that.
func SetMaster(ctx context.Context, conn *rtnl.Conn, index, master uint32) error {
	return change(ctx, conn, index, Config{Master: Some(master)}, nil)
}

// SetNetNS moves a link to the network namespace of a descriptor. It goes down
// and loses its addresses and routes, and may have another index there.
func SetNetNS(ctx context.Context, conn *rtnl.Conn, index uint32, fd int) error {
	if fd < 0 {
		return fmt.Errorf("link: set dev %d: %d is no descriptor of a network namespace", index, fd)
	}
	return change(ctx, conn, index, Config{}, func(w rtattr.LinkEncoder) { w.NetNSFD(uint32(fd)) })
}

// SetAddress sets the hardware address of a link.
func SetAddress(ctx context.Context, conn *rtnl.Conn, index uint32, a HardwareAddr) error {
	if a == (HardwareAddr{}) {
		return fmt.Errorf("link: set dev %d: the hardware address is empty", index)
	}
	return change(ctx, conn, index, Config{Address: a}, nil)
}

// SetAlias sets the description of a link; "" removes it.
func SetAlias(ctx context.Context, conn *rtnl.Conn, index uint32, alias string) error {
	return change(ctx, conn, index, Config{Alias: Some(alias)}, nil)
}

// SetTxQLen sets the length of a link's transmit queue, in packets; 0 is no queue.
func SetTxQLen(ctx context.Context, conn *rtnl.Conn, index, packets uint32) error {
	return change(ctx, conn, index, Config{TxQLen: Some(packets)}, nil)
}

// SetGroup puts a link into a group.
func SetGroup(ctx context.Context, conn *rtnl.Conn, index, group uint32) error {
	return change(ctx, conn, index, Config{Group: Some(group)}, nil)
}

// SetAll changes all links of a group, as AppendSetAll says.
func SetAll(ctx context.Context, conn *rtnl.Conn, group uint32, c Config) error {
	return exec(ctx, conn, "link: set", func(e *rtattr.Encoder) { AppendSetAll(e, group, c) },
		func() string { return fmt.Sprintf("group %d", group) })
}

func change(ctx context.Context, conn *rtnl.Conn, index uint32, c Config, more func(rtattr.LinkEncoder)) error {
	e := conn.Encoder()
	defer conn.Release(e)
	w := BeginSet(e, index, c)
	if more != nil {
		more(w)
	}
	w.End()
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, "link: set", dev(index))
	}
	return nil
}

// Delete deletes a link. One that is not there is an error that errors.Is takes
// for fs.ErrNotExist.
func Delete(ctx context.Context, conn *rtnl.Conn, index uint32) error {
	return exec(ctx, conn, "link: delete", func(e *rtattr.Encoder) { AppendDelete(e, index) }, func() string { return dev(index) })
}

// DeleteName deletes the link of a name, which may be an alternative one.
func DeleteName(ctx context.Context, conn *rtnl.Conn, name string) error {
	return exec(ctx, conn, "link: delete", func(e *rtattr.Encoder) { AppendDeleteName(e, name) }, func() string { return name })
}

// DeleteGroup deletes all links of a group, in about the time of one. The kernel
// refuses group 0, the default.
func DeleteGroup(ctx context.Context, conn *rtnl.Conn, group uint32) error {
	return exec(ctx, conn, "link: delete", func(e *rtattr.Encoder) { AppendDeleteGroup(e, group) },
		func() string { return fmt.Sprintf("group %d", group) })
}

// AddAltNames gives alternative names of up to 127 bytes to a link.
func AddAltNames(ctx context.Context, conn *rtnl.Conn, index uint32, names ...string) error {
	return exec(ctx, conn, "link: add names", func(e *rtattr.Encoder) { AppendAddAltNames(e, index, names...) },
		func() string { return dev(index) })
}

// DeleteAltNames removes alternative names of a link.
func DeleteAltNames(ctx context.Context, conn *rtnl.Conn, index uint32, names ...string) error {
	return exec(ctx, conn, "link: delete names", func(e *rtattr.Encoder) { AppendDeleteAltNames(e, index, names...) },
		func() string { return dev(index) })
}

func exec(ctx context.Context, conn *rtnl.Conn, op string, put func(*rtattr.Encoder), object func() string) error {
	e := conn.Encoder()
	defer conn.Release(e)
	put(e)
	if err := e.Err(); err != nil {
		return err
	}
	if err := conn.Exec(ctx, e); err != nil {
		return rtnl.Annotate(err, op, object())
	}
	return nil
}
