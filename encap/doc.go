// Package encap has the encapsulations of lightweight tunnels, which routes and
// nexthop objects wrap packets into, as values that can be compared:
//
//	r.Encap = encap.MPLS{Labels: encap.LabelsOf(100, 200)}
//	r.Encap = encap.SEG6{Mode: rtattr.SEG6_IPTUN_MODE_ENCAP, SRH: encap.SRH{Segments: encap.SegmentsOf(a, b)}}
//	if m, ok := r.Encap.(encap.MPLS); ok { ... }
//
// A kind that is not known here, and an odd form of one that is, is a [Raw]: no
// byte of what the kernel lists gets lost.
//
// Counters are not part of an encapsulation: read those of a [SEG6Local] from the
// view of the route or nexthop (EncapSEG6Local, Counters).
//
// The kernel's side is net/core/lwtunnel.c and what registers with it.
package encap
