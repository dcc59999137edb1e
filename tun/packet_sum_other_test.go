//go:build linux && !amd64

package tun

func otherBlocks() (ok bool, restore func()) { return false, nil }
