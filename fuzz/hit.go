package fuzz

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/nlwire/nlwire/rtattr"
)

// A HitKind says what a Kernel has found.
type HitKind string

const (
	Refused   HitKind = "refused"   // a length that the tables have
	Accepted  HitKind = "accepted"  // a length that the tables do not have
	Complaint HitKind = "complaint" // the kernel's log holds BUG, WARNING, a report of a sanitizer
	Hang      HitKind = "hang"      // no answer
)

// A Hit is an error of Kernel.Check: what a message has shown.
type Hit struct {
	Kind    HitKind
	Path    string // of the attribute, its constant first
	What    string
	Kernel  string // its release
	Message rtattr.Msg
	Before  []rtattr.Msg // what was sent to the same namespace, in this order
	Log     string       // of the kernel
}

func (h *Hit) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", h.Kind, h.Path, h.What))
}

// Name tells hits apart: "accepted-IFLA_MTU".
func (h *Hit) Name() string {
	what, _, _ := strings.Cut(h.Path, " ")
	if what == "" && h.Kind == Complaint {
		what = h.What
		for _, mark := range []string{"WARNING: ", "BUG: "} {
			if _, rest, ok := strings.Cut(what, mark); ok {
				what = rest
			}
		}
		if _, rest, ok := strings.Cut(what, " at "); ok { // "CPU: 0 PID: 77 at net/core/dev.c:1234 f+0x1/0x2"
			what = rest
		}
	}
	if what == "" {
		what = rtattr.MsgName(h.Message.Type())
	}
	return string(h.Kind) + "-" + strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", r) {
			return r
		}
		return '-'
	}, what), "-")
}

// Same reports whether err is a hit of the same name.
func (h *Hit) Same(err error) bool {
	var other *Hit
	return errors.As(err, &other) && other.Name() == h.Name()
}

// Reproducer is a txtar file: the message annotated and raw, what was sent before
// it, and the kernel's log.
func (h *Hit) Reproducer(seed string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %v\n# Linux %s, seed %s\n-- message --\n%s-- raw --\n%s\n", h, h.Kernel, seed, text(h.Message), raw(h.Message))
	if h.Log != "" {
		fmt.Fprintf(&b, "-- log --\n%s", h.Log)
	}
	if len(h.Before) > 0 {
		b.WriteString("-- before --\n")
		for _, m := range h.Before {
			b.WriteString(raw(m) + "\n")
		}
	}
	return []byte(b.String())
}

func raw(m rtattr.Msg) string { return base64.StdEncoding.EncodeToString(m) }

// text is a dump of m.
func text(m rtattr.Msg) string {
	var s strings.Builder
	if err := rtattr.Dump(&s, m); err != nil {
		return err.Error() + "\n"
	}
	return s.String()
}
