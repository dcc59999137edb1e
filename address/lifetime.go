package address

import "strconv"

// A Lifetime is how long an address stays valid or preferred, in seconds: 1 to
// 4294967294. The zero Lifetime is none given.
type Lifetime int64

const (
	// Expired is a lifetime of 0 seconds. An address whose preferred lifetime
	// is Expired is deprecated: it is valid, but not chosen as source address
	// of new connections (RFC 4862, 5.5.4).
	Expired Lifetime = -1

	// Forever is no end (INFINITY_LIFE_TIME in linux/if_addr.h).
	Forever Lifetime = 1<<32 - 1
)

// String returns the lifetime as ip writes it: "3600", "0" for Expired,
// "forever", "" for none.
func (l Lifetime) String() string {
	switch l {
	case 0:
		return ""
	case Expired:
		return "0"
	case Forever:
		return "forever"
	}
	return strconv.FormatInt(int64(l), 10)
}

// wire returns l in seconds, as in struct ifa_cacheinfo.
func (l Lifetime) wire() (seconds uint32, ok bool) {
	switch {
	case l == 0:
		return uint32(Forever), true
	case l == Expired:
		return 0, true
	}
	return uint32(l), l > 0 && l <= Forever
}

// lifetime is the opposite of wire.
func lifetime(seconds uint32) Lifetime {
	if seconds == 0 {
		return Expired
	}
	return Lifetime(seconds)
}
