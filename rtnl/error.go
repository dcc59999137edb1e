package rtnl

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

// An Error is the kernel's refusal of one message, with all that its extended
// ACK says.
//
// It wraps the errno: errors.Is works with unix.EEXIST, fs.ErrExist,
// fs.ErrNotExist and fs.ErrPermission. In netlink's answers fs.ErrNotExist is
// ENOENT, ENODEV, and also ESRCH for a message that deletes or asks ("no such
// process": no such route) and EADDRNOTAVAIL for RTM_DELADDR and RTM_GETADDR.
type Error struct {
	Op     string // "route: add"; empty unless Annotate was called
	Object string // "203.0.113.0/24 via 192.0.2.9"
	Type   uint16 // RTM_*, of the message
	Index  int    // of the message in the batch
	Errno  unix.Errno

	Message string // the kernel's words
	Path    string // the attribute it means: ".linkinfo.data(vxlan).id"
	Offset  int    // of that attribute in the message, in bytes; -1 if there is none
	Missing string // the attribute that is not there: ".linkinfo.kind"
	Policy  Policy // what is accepted in its place
	Cookie  []byte // data of the subsystem

	total int // messages of the batch
}

func (e *Error) Error() string {
	var b strings.Builder
	switch name := rtattr.MsgName(e.Type); {
	case e.Op == "" && e.total > 1:
		fmt.Fprintf(&b, "rtnl: message %d (%s)", e.Index, name)
	case e.Op == "":
		b.WriteString("rtnl: " + name)
	default:
		b.WriteString(strings.TrimSuffix(e.Op+" "+e.Object, " "))
		if e.total > 1 {
			fmt.Fprintf(&b, ": message %d (%s)", e.Index, name)
		}
	}
	if e.Errno == 0 {
		b.WriteString(": warning")
	} else {
		b.WriteString(": " + e.Errno.Error())
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	} else if e.Errno == unix.EPERM {
		// rtnetlink_rcv_msg asks before anything else, without a message.
		b.WriteString(": CAP_NET_ADMIN is needed in the user namespace that owns the network namespace")
	}
	if e.Path != "" {
		b.WriteString(" (" + e.Path)
		if e.Policy != (Policy{}) {
			b.WriteString(": want " + e.Policy.String())
		}
		b.WriteByte(')')
	}
	if e.Missing != "" {
		b.WriteString(" (" + e.Missing + " is missing)")
	}
	return b.String()
}

// Unwrap returns Errno, or nil in a warning.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Is adds netlink's words for "does not exist" to those that Errno knows.
func (e *Error) Is(target error) bool {
	if target != fs.ErrNotExist {
		return false
	}
	switch e.Errno {
	case unix.ENODEV:
		return true
	case unix.ESRCH: // fib_table_delete, fib6_del
		return e.Type >= rtattr.NLMSG_MIN_TYPE && (e.Type&3 == 1 || e.Type&3 == 2)
	case unix.EADDRNOTAVAIL: // inet_rtm_deladdr, inet6_rtm_getaddr
		return e.Type == rtattr.RTM_DELADDR || e.Type == rtattr.RTM_GETADDR
	}
	return false
}

// Errors are the messages of a batch that failed, by index; never empty.
type Errors []*Error

// maxErrors is how many errors a text shows.
const maxErrors = 8

func (e Errors) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d messages failed", len(e))
	for i, err := range e {
		if i == maxErrors {
			fmt.Fprintf(&b, "\nand %d more", len(e)-i)
			break
		}
		b.WriteString("\n" + err.Error())
	}
	return b.String()
}

// Unwrap returns each *Error.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i]
	}
	return errs
}

// An Incomplete says that Exec was cut short: by a context, by Close, or by an
// answer that makes no sense.
type Incomplete struct {
	Answered int // messages 0 to Answered-1 were applied, unless they have an Error
	Sent     int // messages Answered to Sent-1 were sent; without an Error the outcome is unknown
	Total    int // messages Sent to Total-1 were not sent
	Err      error
}

func (e *Incomplete) Error() string {
	if e.Sent > e.Answered {
		return fmt.Sprintf("rtnl: messages %d to %d of %d: outcome unknown: %v", e.Answered, e.Sent-1, e.Total, e.Err)
	}
	return fmt.Sprintf("rtnl: messages %d to %d of %d were not sent: %v", e.Sent, e.Total-1, e.Total, e.Err)
}

// Unwrap returns Err.
func (e *Incomplete) Unwrap() error { return e.Err }

// Annotate says what an error of Exec or Query was about: it sets Op
// ("route: add") and Object ("203.0.113.0/24") of each *Error inside err. Any
// other error it wraps as "op object: err". nil stays nil.
func Annotate(err error, op, object string) error {
	if err == nil {
		return nil
	}
	if one := (*Error)(nil); errors.As(err, &one) {
		annotate(err, op, object)
		return err
	}
	return fmt.Errorf("%s: %w", strings.TrimSuffix(op+" "+object, " "), err)
}

func annotate(err error, op, object string) {
	switch err := err.(type) {
	case *Error:
		err.Op, err.Object = op, object
	case Errors:
		for _, one := range err {
			one.Op, one.Object = op, object
		}
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			annotate(one, op, object)
		}
	case interface{ Unwrap() error }:
		annotate(err.Unwrap(), op, object)
	}
}
