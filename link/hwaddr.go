package link

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A HardwareAddr is the address of a link below IP: 6 bytes in Ethernet, up to
// 32 elsewhere. The zero HardwareAddr is none. HardwareAddrs can be compared.
type HardwareAddr struct {
	b [32]byte // MAX_ADDR_LEN in linux/netdevice.h
	n uint8
}

// HardwareAddrFrom returns the address in b; ok is false if b is too long.
func HardwareAddrFrom(b []byte) (a HardwareAddr, ok bool) {
	if len(b) > len(a.b) {
		return HardwareAddr{}, false
	}
	a.n = uint8(copy(a.b[:], b))
	return a, true
}

// ParseHardwareAddr reads "02:00:00:00:00:01".
func ParseHardwareAddr(s string) (HardwareAddr, error) {
	bad := func() (HardwareAddr, error) {
		return HardwareAddr{}, fmt.Errorf("link: %q is no hardware address", s)
	}
	var a HardwareAddr
	for part := range strings.SplitSeq(s, ":") {
		if len(part) != 2 || int(a.n) == len(a.b) {
			return bad()
		}
		if _, err := hex.Decode(a.b[a.n:], []byte(part)); err != nil {
			return bad()
		}
		a.n++
	}
	return a, nil
}

// MustParseHardwareAddr is ParseHardwareAddr for constants: it panics on an error.
func MustParseHardwareAddr(s string) HardwareAddr {
	a, err := ParseHardwareAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

// Bytes returns the bytes of a, of which there may be none.
func (a HardwareAddr) Bytes() []byte { return append([]byte(nil), a.b[:a.n]...) }

// String returns "02:00:00:00:00:01", "" for none.
func (a HardwareAddr) String() string {
	var b strings.Builder
	for i, c := range a.b[:a.n] {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02x", c)
	}
	return b.String()
}
