//go:build linux

package tun

// otherBlocks makes copyBlocks take the way that it does not take on this machine,
// if the machine can.
func otherBlocks() (ok bool, restore func()) {
	old := useAVX2
	useAVX2 = false
	return old, func() { useAVX2 = old }
}
