// Package genl is what the packages that gen makes of generic netlink families
// share: the look-up of a family, and the way of its messages through a
// netlink.Conn of github.com/mdlayher/netlink.
package genl

import (
	"encoding/binary"
	"fmt"
	"io/fs"

	"github.com/mdlayher/netlink"

	"github.com/nlwire/nlwire/rtattr"
)

// A Family is what the kernel's controller has assigned to a generic netlink family.
type Family struct {
	Name    string
	ID      uint16            // message type of all messages of the family
	Version uint8             // of the kernel
	Groups  map[string]uint32 // multicast groups, to be joined by number
}

// Of linux/genetlink.h.
const (
	ctrlID            = 16 // GENL_ID_CTRL
	ctrlCmdGetFamily  = 3  // CTRL_CMD_GETFAMILY
	ctrlAttrID        = 1  // CTRL_ATTR_FAMILY_ID
	ctrlAttrName      = 2  // CTRL_ATTR_FAMILY_NAME
	ctrlAttrVersion   = 3  // CTRL_ATTR_VERSION
	ctrlAttrGroups    = 7  // CTRL_ATTR_MCAST_GROUPS
	ctrlAttrGroupName = 1  // CTRL_ATTR_MCAST_GRP_NAME
	ctrlAttrGroupID   = 2  // CTRL_ATTR_MCAST_GRP_ID
	ctrlVersion       = 2
	headerLen         = 4 // struct genlmsghdr
)

// Resolve asks the kernel's controller for a family, over a connection to
// NETLINK_GENERIC. One that the kernel does not have, perhaps because a module is
// not loaded, gives an error that is fs.ErrNotExist.
func Resolve(c *netlink.Conn, name string) (Family, error) {
	var e rtattr.Encoder
	w := e.Message(ctrlID, rtattr.NLM_F_REQUEST|rtattr.NLM_F_ACK)
	w.Raw([]byte{ctrlCmdGetFamily, ctrlVersion, 0, 0})
	w.String(ctrlAttrName, name)
	w.End()
	replies, err := Execute(c, &e)
	if err != nil {
		return Family{}, fmt.Errorf("genl: family %q: %w", name, err)
	}
	for _, m := range replies {
		f, err := parse(name, m.Data)
		if err != nil || f.ID != 0 {
			return f, err
		}
	}
	return Family{}, fmt.Errorf("genl: family %q: %w", name, fs.ErrNotExist)
}

// parse reads the controller's reply.
func parse(name string, b []byte) (Family, error) {
	f := Family{Name: name, Groups: map[string]uint32{}}
	if len(b) < headerLen {
		return f, fmt.Errorf("genl: reply of %d bytes, struct genlmsghdr has %d", len(b), headerLen)
	}
	attrs, err := rtattr.ParseAttrs(b[headerLen:])
	if err != nil {
		return f, err
	}
	for typ, v := range attrs.All() {
		switch {
		case typ == ctrlAttrID && len(v) == 2:
			f.ID = binary.NativeEndian.Uint16(v)
		case typ == ctrlAttrVersion && len(v) == 4:
			f.Version = uint8(binary.NativeEndian.Uint32(v))
		case typ == ctrlAttrGroups:
			if err := f.groups(v); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

func (f *Family) groups(b []byte) error {
	list, err := rtattr.ParseAttrs(b)
	if err != nil {
		return err
	}
	for _, b := range list.All() {
		group, err := rtattr.ParseAttrs(b)
		if err != nil {
			return err
		}
		id, _ := group.Find(ctrlAttrGroupID)
		name, ok := group.Find(ctrlAttrGroupName)
		if len(id) == 4 && ok && len(name) > 0 {
			f.Groups[string(name[:len(name)-1])] = binary.NativeEndian.Uint32(id)
		}
	}
	return nil
}

// Execute sends the one message of e, and returns the replies without the
// acknowledgement, up to which it reads where NLM_F_ACK asks for one. Their Data begins with struct genlmsghdr, as the Parse methods
// of generated views read it.
func Execute(c *netlink.Conn, e *rtattr.Encoder) ([]netlink.Message, error) {
	b, err := e.Finish()
	if err != nil {
		return nil, err
	}
	if e.Len() != 1 {
		return nil, fmt.Errorf("genl: %d messages, Execute sends one", e.Len())
	}
	var m netlink.Message
	if err := m.UnmarshalBinary(b); err != nil {
		return nil, err
	}
	if m, err = c.Send(m); err != nil {
		return nil, err
	}
	const dump = netlink.Dump
	acked := m.Header.Flags&netlink.Acknowledge == 0 || m.Header.Flags&dump == dump
	var replies []netlink.Message
	for {
		part, err := c.Receive()
		if err != nil {
			return nil, err
		}
		if err := netlink.Validate(m, part); err != nil {
			return nil, err
		}
		for _, r := range part {
			switch r.Header.Type {
			case netlink.Error: // Receive makes errors of all but acknowledgements
				acked = true
			case netlink.Done:
			default:
				replies = append(replies, r)
			}
		}
		if acked {
			return replies, nil
		}
	}
}
