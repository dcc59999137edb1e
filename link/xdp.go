package link

import (
	"context"
	"fmt"
	"math"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// An XDP is where XDP programs are attached to a link, and their numbers; 0 is
// none. The zero XDP is none at all.
type XDP struct {
	Mode rtattr.XDPAttached // XDP_ATTACHED_MULTI: in more than one place

	SKB, Drv, HW uint32 // the numbers by place: the kernel's generic code, the driver, the hardware
}

func parseXDP(v *rtattr.LinkView) (x XDP, err error) {
	n, err := v.XDP()
	x.Mode, _ = n.Attached()
	x.SKB, _ = n.SkbProgID()
	x.Drv, _ = n.DrvProgID()
	x.HW, _ = n.HWProgID()
	return x, err
}

// AppendSetXDP appends the message that attaches the XDP program of a descriptor
// to a link: RTM_NEWLINK. The descriptor -1 detaches. Flags choose the place; with
// rtattr.XDP_FLAGS_UPDATE_IF_NOEXIST the kernel refuses to replace a program.
func AppendSetXDP(e *rtattr.Encoder, index uint32, fd int, flags rtattr.XDPFlags) {
	if flags&rtattr.XDP_FLAGS_REPLACE != 0 {
		e.Fail(fmt.Errorf("link: set dev %d: XDP_FLAGS_REPLACE wants the program that is expected: AppendReplaceXDP", index))
	}
	setXDP(e, index, fd, -1, flags)
}

// AppendReplaceXDP appends the message that attaches the XDP program of a
// descriptor in the place of another one: RTM_NEWLINK, which fails with EEXIST if
// not this one is attached. The descriptor -1 is no program, of both.
func AppendReplaceXDP(e *rtattr.Encoder, index uint32, fd, expected int, flags rtattr.XDPFlags) {
	setXDP(e, index, fd, expected, flags|rtattr.XDP_FLAGS_REPLACE)
}

func setXDP(e *rtattr.Encoder, index uint32, fd, expected int, flags rtattr.XDPFlags) {
	for _, fd := range [...]int{fd, expected} {
		if fd < -1 || fd > math.MaxInt32 {
			e.Fail(fmt.Errorf("link: set dev %d: %d is no descriptor of an XDP program", index, fd))
		}
	}
	w := BeginSet(e, index, Config{})
	x := w.XDP()
	x.FD(int32(fd))
	if flags&rtattr.XDP_FLAGS_REPLACE != 0 {
		x.ExpectedFD(int32(expected))
	}
	if flags != 0 {
		x.Flags(flags)
	}
	x.End()
	w.End()
}

// SetXDP attaches an XDP program to a link, as AppendSetXDP says.
func SetXDP(ctx context.Context, conn *rtnl.Conn, index uint32, fd int, flags rtattr.XDPFlags) error {
	return exec(ctx, conn, "link: set XDP", func(e *rtattr.Encoder) { AppendSetXDP(e, index, fd, flags) },
		func() string { return dev(index) })
}

// ReplaceXDP attaches an XDP program in the place of another one, as
// AppendReplaceXDP says.
func ReplaceXDP(ctx context.Context, conn *rtnl.Conn, index uint32, fd, expected int, flags rtattr.XDPFlags) error {
	return exec(ctx, conn, "link: replace XDP", func(e *rtattr.Encoder) { AppendReplaceXDP(e, index, fd, expected, flags) },
		func() string { return dev(index) })
}
