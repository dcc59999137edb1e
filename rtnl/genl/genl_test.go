package genl_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl/genl"
)

func dial(t *testing.T) *netlink.Conn {
	t.Helper()
	c, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestResolve(t *testing.T) {
	c := dial(t)
	for range 2 { // the second finds nothing left over from the first
		f, err := genl.Resolve(c, "nlctrl")
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != "nlctrl" || f.ID != unix.GENL_ID_CTRL || f.Version != 2 || f.Groups["notify"] == 0 {
			t.Errorf("got %+v", f)
		}
		if _, err := genl.Resolve(c, "no such family"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("unknown family: %v", err)
		}
	}
	if _, err := genl.Resolve(c, "a\x00b"); err == nil {
		t.Error("a NUL in the name is accepted")
	}
}

func TestExecute(t *testing.T) {
	c := dial(t)
	var e rtattr.Encoder
	if _, err := genl.Execute(c, &e); err == nil {
		t.Error("no message is accepted")
	}
	request := func(flags uint16) {
		w := e.Message(unix.GENL_ID_CTRL, rtattr.NLM_F_REQUEST|flags)
		w.Raw([]byte{unix.CTRL_CMD_GETFAMILY, 2, 0, 0})
		w.String(unix.CTRL_ATTR_FAMILY_NAME, "nlctrl")
		w.End()
	}
	for _, flags := range []uint16{0, rtattr.NLM_F_ACK} {
		e.Reset(nil)
		request(flags)
		replies, err := genl.Execute(c, &e)
		if err != nil || len(replies) != 1 || replies[0].Data[0] != unix.CTRL_CMD_NEWFAMILY {
			t.Errorf("flags %#x: %v, %v", flags, replies, err)
		}
	}
	e.Reset(nil)
	request(rtattr.NLM_F_DUMP)
	replies, err := genl.Execute(c, &e)
	if err != nil || len(replies) < 2 {
		t.Errorf("dump: %d replies, %v", len(replies), err)
	}
	request(0)
	if _, err := genl.Execute(c, &e); err == nil {
		t.Error("two messages are accepted")
	}
}
