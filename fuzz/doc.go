// Package fuzz is a kit for people who fuzz netlink: parsers of their own, those of
// this module, or a kernel.
//
// A [Generator] makes messages that the kernel's tables allow, out of a few bytes
// that a fuzzer steers or of a seed; [Break] breaks one in exactly one way and says
// what it broke; [Minimize] finds the smallest message that still does something.
// [Oracles] are plain functions that say what is wrong with how readers take some
// bytes. What two readers are known to see differently is listed, with the reason,
// in differences.go; everything else is a failure.
//
//	var g fuzz.Generator
//	m := g.Message(steer)
//	b, fault, ok := fuzz.Break(m, fuzz.Size, where)
//	for _, o := range fuzz.Oracles {
//		if err := o.Check(b); err != nil {
//			log.Printf("%s: %v: %v", o.Name, fault, err)
//		}
//	}
//
// A [Driver] makes every kind of link a driver of rtnetlink, for programs that use
// that library. It is here because nothing else in this module may import rtnetlink.
//
// Nothing here sends a message but a [Kernel], which refuses to be anywhere but in a
// machine of internal/vm. Generated messages must never be sent to a kernel that
// others use: a well-formed route can crash Linux 6.18 for good, see [Lethal].
package fuzz
