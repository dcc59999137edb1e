//go:build linux

package main

import "encoding/binary"

// The packets of the benchmarks, between the device's peer and the device's own
// address.
var (
	peer = [4]byte{10, 66, 66, 2}
	own  = [4]byte{10, 66, 66, 1}
)

// packet returns an IPv4 packet of TCP or UDP with right checksums.
func packet(proto byte, sport, dport, id uint16, seq uint32, payload int) []byte {
	header := 8
	if proto == 6 {
		header = 32
	}
	b := make([]byte, 20+header+payload)
	b[0], b[8], b[9] = 0x45, 64, proto
	b[6] = 0x40
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], id)
	copy(b[12:], peer[:])
	copy(b[16:], own[:])
	l4 := b[20:]
	for i := header; i < len(l4); i++ {
		l4[i] = byte(i * 7)
	}
	binary.BigEndian.PutUint16(l4[0:], sport)
	binary.BigEndian.PutUint16(l4[2:], dport)
	at := 6
	if proto == 6 {
		at = 16
		binary.BigEndian.PutUint32(l4[4:], seq)
		binary.BigEndian.PutUint32(l4[8:], 77)
		l4[12], l4[13] = 8<<4, 0x10
		binary.BigEndian.PutUint16(l4[14:], 500)
		copy(l4[20:], []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8})
	} else {
		binary.BigEndian.PutUint16(l4[4:], uint16(len(l4)))
	}
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:20], 0))
	s := uint32(proto) + uint32(len(l4))
	binary.BigEndian.PutUint16(l4[at:], ^sum(l4, uint32(sum(b[12:20], s))))
	return b
}

func sum(b []byte, s uint32) uint16 {
	for i, v := range b {
		if i%2 == 0 {
			s += uint32(v) << 8
		} else {
			s += uint32(v)
		}
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// train returns n packets that follow each other in one flow.
func train(proto byte, dport uint16, n, payload int) (all [][]byte) {
	for i := range n {
		all = append(all, packet(proto, 1000, dport, uint16(i), uint32(i*payload), payload))
	}
	return all
}

// flows returns n packets of n flows.
func flows(proto byte, dport uint16, n, payload int) (all [][]byte) {
	for i := range n {
		all = append(all, packet(proto, uint16(1000+i), dport, 1, 1, payload))
	}
	return all
}

// behind returns packets in buffers of their own, behind offset, with room to grow.
func behind(offset int, packets [][]byte) (all [][]byte) {
	for _, p := range packets {
		b := make([]byte, offset+len(p), 1<<16+100)
		copy(b[offset:], p)
		all = append(all, b)
	}
	return all
}
