// Package bench measures nlwire beside other ways to do the same. Messages are
// encoded and decoded beside hand-written Go, mdlayher's AttributeEncoder and
// AttributeDecoder, jsimonetti/rtnetlink and vishvananda/netlink; changes, dumps and
// notifications of the kernel are measured beside these libraries, libmnl, ip -batch,
// bare system calls and a C program that parses nothing. It is a module of its own,
// so that all of this stays out of the main module's graph.
//
// All contestants of a row write or read the same message, or leave the same
// objects in the kernel; TestSame and TestSameChanges check that.
//
//	go test -bench .
//	go run ./cmd/bench -o README.md
package bench

import (
	"embed"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

// A Row is one message and the contestants that encode or decode it.
type Row struct {
	Name        string
	Title       string
	Contestants []Contestant // nlwire first, hand second
}

// A Contestant is one way to encode or decode the message of its row.
type Contestant struct {
	Name   string
	Run    func()     // once
	Result func() any // of the last Run: the message as bytes, or the values read

	// Types of top-level attributes by which the message differs from nlwire's, since
	// the library cannot leave them out or cannot write them.
	Adds, Lacks []uint16

	Diff string // other differences of the message, as golden.Compare names them
}

// Encode returns the rows of encoding.
func Encode() []Row {
	return []Row{
		{"Addr", "NEWADDR v4 local, peer, broadcast, label, cacheinfo", encodeAddr()},
		{"Route4", "NEWROUTE v4 gateway, table, priority, prefsrc, oif, 3 metrics", encodeRoute4()},
		{"Route6", "NEWROUTE v6, 4-way multipath", encodeRoute6()},
		{"VXLAN", "NEWLINK vxlan, 12 data attributes", encodeVXLAN()},
		{"Veth", "NEWLINK veth with peer", encodeVeth()},
		{"Neigh", "NEWNEIGH v4", encodeNeigh()},
		{"Routes1000", "1000 NEWROUTE v4 into one buffer", encodeRoutes()},
	}
}

// Decode returns the rows of decoding.
func Decode() []Row {
	return []Row{
		{"Link", "link with stats and af_spec", decodeLink()},
		{"Addr", "address", decodeAddr()},
		{"Route4", "route v4", decodeRoute4()},
		{"Route6", "route v6, 4-way multipath", decodeRoute6()},
		{"Neigh", "neighbour", decodeNeigh()},
	}
}

//go:embed testdata/*.txtar
var testdata embed.FS

// reply returns a message that the kernel has sent.
func reply(name string) rtattr.Msg {
	path := "testdata/" + name + ".txtar"
	b, err := testdata.ReadFile(path)
	check(err)
	f, err := golden.Parse(path, b)
	check(err)
	return f.Wire
}

// ours makes the contestant nlwire of a function that puts one message.
func ours(put func(*rtattr.Encoder)) Contestant {
	e := new(rtattr.Encoder)
	buf := make([]byte, 0, bufSize)
	var out []byte
	return Contestant{Name: "nlwire", Result: bytesOf(&out), Run: func() {
		e.Reset(buf)
		put(e)
		var err error
		out, err = e.Finish()
		check(err)
	}}
}

// hand makes the contestant hand of a function that appends one message.
func hand(appendTo func([]byte) []byte) Contestant {
	buf := make([]byte, 0, bufSize)
	var out []byte
	return Contestant{Name: "hand", Result: bytesOf(&out), Run: func() { out = appendTo(buf) }}
}

// memcpy makes the contestant that copies what another has written.
func memcpy(c Contestant) Contestant {
	c.Run()
	msg := c.Result().([]byte)
	buf := make([]byte, 0, bufSize)
	var out []byte
	return Contestant{Name: "memcpy", Result: bytesOf(&out), Run: func() { out = append(buf, msg...) }}
}

// peer makes a contestant of a function that returns a message of its own.
func peer(name string, encode func() []byte) Contestant {
	var out []byte
	return Contestant{Name: name, Result: bytesOf(&out), Run: func() { out = encode() }}
}

// read makes a contestant of a function that reads a message into v.
func read[T any](name string, v *T, decode func(*T), same func(*T) any) Contestant {
	return Contestant{Name: name, Run: func() { decode(v) }, Result: func() any { return same(v) }}
}

const bufSize = 1 << 17 // 1000 routes fit

func bytesOf(out *[]byte) func() any { return func() any { return *out } }

func check(err error) {
	if err != nil {
		panic(err)
	}
}
