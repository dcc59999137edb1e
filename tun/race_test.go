//go:build race

package tun_test

// The race detector's inlining moves a buffer to the heap.
func init() { maxAllocs++ }
