//go:build race

package rtnl_test

// The race detector has memory of its own.
func init() { maxPeak *= 10 }
