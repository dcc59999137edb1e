package neigh

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// An LLAddr is a link-layer address: 6 bytes in Ethernet, 4 or 16 in IP tunnels, up
// to 32. The zero LLAddr is none. LLAddrs can be compared.
type LLAddr struct {
	b [maxLLAddr]byte
	n uint8
}

const maxLLAddr = 32 // MAX_ADDR_LEN in linux/netdevice.h

// LLAddrFrom returns the address in b; ok is false if b is too long.
func LLAddrFrom(b []byte) (a LLAddr, ok bool) {
	if len(b) > maxLLAddr {
		return LLAddr{}, false
	}
	a.n = uint8(copy(a.b[:], b))
	return a, true
}

// ParseLLAddr reads "02:00:00:00:00:01".
func ParseLLAddr(s string) (LLAddr, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	a, ok := LLAddrFrom(b)
	if err != nil || !ok || a.String() != strings.ToLower(s) {
		return LLAddr{}, fmt.Errorf("neigh: %q is no link-layer address", s)
	}
	return a, nil
}

// MustParseLLAddr is ParseLLAddr for constants: it panics on an error.
func MustParseLLAddr(s string) LLAddr {
	a, err := ParseLLAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

// Bytes returns the bytes of a, of which there may be none.
func (a LLAddr) Bytes() []byte { return append([]byte(nil), a.b[:a.n]...) }

// String returns "02:00:00:00:00:01", "" for none.
func (a LLAddr) String() string {
	s := fmt.Sprintf("% x", a.b[:a.n])
	return strings.ReplaceAll(s, " ", ":")
}

// flood reports whether an Ethernet address may have several remote ends in a VXLAN
// device.
func (a LLAddr) flood() bool { return a.b[0]&1 != 0 || a.b == [maxLLAddr]byte{} }
