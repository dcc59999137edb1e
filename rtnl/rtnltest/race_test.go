//go:build race

package rtnltest_test

// The race detector makes each seed take fifteen times as long.
func init() { runs = 200 }
