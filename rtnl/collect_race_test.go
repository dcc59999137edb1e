//go:build race

package rtnl

// The race detector has memory of its own.
func init() { perEntry = 256 }
