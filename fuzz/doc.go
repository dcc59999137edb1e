// Package fuzz holds fuzz targets that compare rtattr with other readers of the
// same bytes: mdlayher/netlink for attributes, jsimonetti/rtnetlink for addresses,
// links, neighbours and routes. What the readers are known to see differently is
// listed, with the reason, in the table of differences_test.go; everything else is a failure.
//
//	go test ./fuzz -run '^$' -fuzz FuzzRoute -fuzztime 30s -fuzzminimizetime 10x
//
// The seeds are the wire goldens of rtattr and the kernel's replies of internal/bench.
// No target sends anything to the kernel. The message grammar for campaigns against
// the kernel, in a virtual machine, will come here.
package fuzz
