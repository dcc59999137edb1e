//go:build linux

package tun

import (
	"bytes"
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"
)

const (
	// maxSegments is UDP_MAX_SEGMENTS of old kernels, which refuse longer
	// super-packets (include/linux/udp.h: 128 since Linux 6.9).
	maxSegments = 64

	// minSegment is TCP_MIN_GSO_SIZE (include/net/tcp.h): the kernel raises a
	// smaller GSOSize to it.
	minSegment = 8

	// flowSlots is how many flows can be open at once, a power of 2.
	flowSlots = 64
)

// A Coalescer merges packets into super-packets, the counterpart of a [Splitter]:
// consecutive packets of a TCP or UDP flow, whose headers differ only in what
// segmentation sets anew. Its rules are those of the kernel's GRO
// (net/ipv4/tcp_offload.c, udp_offload.c), and split again, the packets are what
// they were, to the byte. There is one exception, which the kernel makes too: IPv4
// packets that must not be fragmented and all have the same identification,
// which means nothing then (RFC 6864), get consecutive ones.
//
// All else is left as it is: packets with wrong lengths or checksums, IPv4 options,
// IPv6 extension headers, fragments, UDP without checksum, TCP segments with SYN,
// RST or URG, or without payload. Packets of a flow are never put in another order.
//
// The zero Coalescer is empty. It allocates what it needs once, for super-packets
// 64 KiB.
type Coalescer struct {
	bufs   [][]byte
	offset int
	allow  Offload
	tap    bool

	groups []group // in the order of their first packets
	next   []int32 // of each packet: the one that follows it in its group
	done   int     // groups that Next has returned

	// The open groups, as 1 + their index, by a hash of their flow. A flow that
	// hashes to the slot of another one closes that one's group.
	slots [flowSlots]int32
	open  int

	buf []byte // holds a super-packet
}

// A group is packets that become one, or a packet that stays alone.
type group struct {
	first, last int32
	count       int32
	length      int32  // of the super-packet
	size        int32  // of the payload of all packets but the last
	seq         uint32 // that must follow, if it is TCP
	where
	sameID bool // all IPv4 packets so far have the same identification
}

// Reset makes the packets bufs[i][offset:] the ones to merge: those of the
// protocols of which o holds the segmentation (TSO4 and TSO6, USO4 and USO6), and
// TCP packets with CWR if it holds TSOECN. tap says whether they begin with an
// Ethernet header. The packets must not change before Next has returned them, and
// are not written to.
func (c *Coalescer) Reset(bufs [][]byte, offset int, o Offload, tap bool) {
	c.bufs, c.offset, c.allow, c.tap = bufs, offset, o, tap
	c.groups, c.next, c.done = c.groups[:0], c.next[:0], 0
	if c.open > 0 {
		c.slots, c.open = [flowSlots]int32{}, 0
	}
	for i := range bufs {
		c.next = append(c.next, -1)
		c.add(int32(i))
	}
}

// packet returns packet i. One that is shorter than offset is empty.
func (c *Coalescer) packet(i int32) []byte {
	b := c.bufs[i]
	return b[min(c.offset, len(b)):]
}

// flow returns the hash of the flow of a packet.
func (w where) flow(p []byte) int {
	h := uint64(native.Uint32(p[w.l4:])) // the ports
	ip := p[w.l3:]
	if w.v6 {
		h ^= native.Uint64(ip[8:]) ^ native.Uint64(ip[16:]) ^ native.Uint64(ip[24:]) ^ native.Uint64(ip[32:])
	} else {
		h ^= native.Uint64(ip[12:])
	}
	return int(h * 0x9e3779b97f4a7c15 >> (64 - 6)) // log2(flowSlots)
}

// sameFlow reports whether two packets of the same kind have the same flow.
func (w where) sameFlow(p, q []byte) bool {
	if native.Uint32(p[w.l4:]) != native.Uint32(q[w.l4:]) {
		return false
	}
	p, q = p[w.l3:], q[w.l3:]
	if w.v6 {
		return [32]byte(p[8:]) == [32]byte(q[8:])
	}
	return native.Uint64(p[12:]) == native.Uint64(q[12:])
}

// add puts packet i into an open group or into a new one.
func (c *Coalescer) add(i int32) {
	p := c.packet(i)
	w, ok := c.candidate(p)
	if !ok {
		c.groups = append(c.groups, group{first: i, last: i, count: 1})
		return
	}
	payload := int32(len(p) - w.payload)
	size := int32(1) // the least of a super-packet's packets but the last
	var flags byte
	if w.tcp {
		size = minSegment
		flags = p[w.l4+13]
		// A checksum of 0xffff is right where 0 is, but not what a split gives.
		ok = flags&(tcpSYN|tcpRST|tcpURG) == 0 && native.Uint16(p[w.csum():]) != 0xffff
	} else {
		ok = int(binary.BigEndian.Uint16(p[w.l4+4:])) == len(p)-w.l4 && native.Uint16(p[w.csum():]) != 0
	}
	ok = ok && payload > 0
	last := flags&(tcpFIN|tcpPSH) != 0

	slot := &c.slots[w.flow(p)]
	if *slot > 0 {
		g := &c.groups[*slot-1]
		head := c.packet(g.first)
		if g.tcp == w.tcp && g.v6 == w.v6 && w.sameFlow(head, p) {
			if ok && c.follows(g, head, p, w, payload) {
				c.next[g.last] = i
				g.last = i
				g.count++
				g.length += payload
				g.seq += uint32(payload)
				if last || payload < g.size || !w.tcp && g.count == maxSegments {
					c.close(slot)
				}
				return
			}
			// What comes after p in its flow must not get before p.
			c.close(slot)
		}
	}
	g := group{first: i, last: i, count: 1}
	if flags&tcpCWR != 0 && c.allow&OffloadTSOECN == 0 {
		ok = false
	}
	if ok && !last && payload >= size {
		g.where, g.length, g.size = w, int32(len(p)), payload
		if w.tcp {
			g.seq = binary.BigEndian.Uint32(p[w.l4+4:]) + uint32(payload)
		}
		if *slot > 0 {
			c.close(slot)
		}
		*slot = int32(len(c.groups) + 1)
		c.open++
	}
	c.groups = append(c.groups, g)
}

func (c *Coalescer) close(slot *int32) {
	*slot = 0
	c.open--
}

// candidate finds the headers of a packet, and reports whether it is one that can
// be merged as far as its IP header goes.
func (c *Coalescer) candidate(p []byte) (w where, ok bool) {
	if c.tap {
		w.l3 = etherLen
		if len(p) < etherLen {
			return w, false
		}
	}
	ip := p[w.l3:]
	if len(ip) < ipv4Len {
		return w, false
	}
	var proto byte
	var tso, uso Offload
	switch {
	case ip[0]>>4 == 4 && (!c.tap || binary.BigEndian.Uint16(p[12:]) == unix.ETH_P_IP):
		w.l4, proto = w.l3+ipv4Len, ip[9]
		if proto != unix.IPPROTO_TCP && proto != unix.IPPROTO_UDP {
			return w, false
		}
		if ip[0] != 0x45 || int(binary.BigEndian.Uint16(ip[2:])) != len(ip) ||
			ip[6]&^ipv4DF|ip[7] != 0 || // a fragment, or the bit without a meaning
			fold(sumIPv4((*[ipv4Len]byte)(ip))) != 0xffff || native.Uint16(ip[10:]) == 0xffff {
			c.barrier(4, ip[12:20])
			return w, false
		}
		tso, uso = OffloadTSO4, OffloadUSO4
	case ip[0]>>4 == 6 && len(ip) >= ipv6Len && (!c.tap || binary.BigEndian.Uint16(p[12:]) == unix.ETH_P_IPV6):
		w.l4, w.v6, proto = w.l3+ipv6Len, true, ip[6]
		if proto == unix.IPPROTO_ICMPV6 {
			return w, false
		}
		if proto != unix.IPPROTO_TCP && proto != unix.IPPROTO_UDP || int(binary.BigEndian.Uint16(ip[4:])) != len(ip)-ipv6Len {
			c.barrier(6, ip[8:40])
			return w, false
		}
		tso, uso = OffloadTSO6, OffloadUSO6
	default:
		return w, false
	}
	if proto == unix.IPPROTO_UDP {
		w.payload = w.l4 + udpLen
		ok = c.allow&uso != 0 && len(p) >= w.payload
	} else if len(p) >= w.l4+tcpLen {
		w.tcp = true
		hlen := int(p[w.l4+12]>>4) * 4
		w.payload = w.l4 + hlen
		ok = c.allow&tso != 0 && hlen >= tcpLen && len(p) >= w.payload
	}
	return w, ok
}

// barrier closes all groups between two addresses: a packet whose flow is not
// known may be of any of them.
func (c *Coalescer) barrier(version byte, addresses []byte) {
	for i := 0; c.open > 0 && i < flowSlots; i++ {
		slot := &c.slots[i]
		if *slot == 0 {
			continue
		}
		g := &c.groups[*slot-1]
		ip := c.packet(g.first)[g.l3:]
		if ip[0]>>4 == version && bytes.Equal(ip[g.l4-g.l3-len(addresses):g.l4-g.l3], addresses) {
			c.close(slot)
		}
	}
}

// follows reports whether p can be merged with g, whose first packet is head.
func (c *Coalescer) follows(g *group, head, p []byte, w where, payload int32) bool {
	if payload > g.size || g.payload != w.payload || int(g.length+payload)-g.l3 > math.MaxUint16 {
		return false
	}
	if c.tap && !bytes.Equal(head[:etherLen], p[:etherLen]) {
		return false
	}
	a, b := head[w.l3:], p[w.l3:]
	if w.v6 {
		if native.Uint32(a) != native.Uint32(b) || a[7] != b[7] { // class, flow label; hop limit
			return false
		}
	} else {
		if a[1] != b[1] || a[6] != b[6] || a[8] != b[8] { // TOS, flags, TTL
			return false
		}
	}
	if w.tcp {
		a, b := head[w.l4:w.payload], p[w.l4:w.payload]
		if binary.BigEndian.Uint32(b[4:]) != g.seq ||
			native.Uint32(a[8:]) != native.Uint32(b[8:]) || // acknowledgement
			a[12] != b[12] || (a[13]^b[13])&^(tcpFIN|tcpPSH|tcpCWR) != 0 || b[13]&tcpCWR != 0 ||
			native.Uint16(a[14:]) != native.Uint16(b[14:]) || // window
			native.Uint16(a[18:]) != native.Uint16(b[18:]) || // urgent pointer
			!bytes.Equal(a[tcpLen:], b[tcpLen:]) {
			return false
		}
	}
	if !w.v6 { // last, since it changes g
		diff := binary.BigEndian.Uint16(b[4:]) - binary.BigEndian.Uint16(a[4:])
		if g.count == 1 && a[6]&ipv4DF != 0 && diff == 0 {
			g.sameID = true
		}
		return g.sameID && diff == 0 || !g.sameID && diff == uint16(g.count)
	}
	return true
}

// Next returns a super-packet, or a packet that was not merged, and how many of the
// packets it stands for; 0 after the last one. It is good until the next call.
func (c *Coalescer) Next() (s Super, n int) {
	if c.done == len(c.groups) {
		return Super{}, 0
	}
	g := &c.groups[c.done]
	if g.count > 1 {
		s, n = c.merge(g)
	}
	if n < 2 {
		// It is alone, or merge has found that it has to be.
		s, n = Super{Packet: c.packet(g.first)}, 1
	}
	if g.count -= int32(n); g.count == 0 {
		c.done++
		return s, n
	}
	// A packet's checksum is wrong: the others go on behind it.
	for range n {
		g.first = c.next[g.first]
	}
	return s, n
}

// merge puts the first packets of g together until there is one with a wrong
// checksum, which a merged one would hide. It returns how many there were.
func (c *Coalescer) merge(g *group) (s Super, n int) {
	if c.buf == nil {
		c.buf = make([]byte, etherLen+math.MaxUint16)
	}
	head := c.packet(g.first)
	base := g.pseudo(head)
	end := g.payload
	var last []byte
	for i := g.first; n < int(g.count); i = c.next[i] {
		p := c.packet(i)
		check := copySum(c.buf[end:], p[g.payload:], base)
		check = sum(p[g.l4:g.payload], check)
		if fold(add(check, word(uint16(len(p)-g.l4)))) != 0xffff {
			break
		}
		end += len(p) - g.payload
		last = p
		n++
	}
	if n < 2 {
		return Super{}, n
	}

	b := c.buf[:end]
	copy(b, head[:g.payload])
	ip, l4 := b[g.l3:], b[g.l4:]
	s = Super{Packet: b, VNetHdr: VNetHdr{
		Flags:      unix.VIRTIO_NET_HDR_F_NEEDS_CSUM,
		GSOType:    unix.VIRTIO_NET_HDR_GSO_UDP_L4,
		HdrLen:     uint16(g.payload),
		GSOSize:    uint16(g.size),
		CsumStart:  uint16(g.l4),
		CsumOffset: uint16(g.csum() - g.l4),
	}}
	if g.v6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-ipv6Len))
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		putIPv4Csum(ip[:ipv4Len])
	}
	if g.tcp {
		s.GSOType = unix.VIRTIO_NET_HDR_GSO_TCPV4
		if g.v6 {
			s.GSOType = unix.VIRTIO_NET_HDR_GSO_TCPV6
		}
		if l4[13]&tcpCWR != 0 {
			s.GSOType |= unix.VIRTIO_NET_HDR_GSO_ECN
		}
		l4[13] |= last[g.l4+13] & (tcpFIN | tcpPSH)
	} else {
		binary.BigEndian.PutUint16(l4[4:], uint16(len(l4)))
	}
	// What a checksum that is still to be completed begins with.
	native.PutUint16(b[g.csum():], fold(add(base, word(uint16(len(l4))))))
	return s, n
}
