package fuzz

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
	"github.com/nlwire/nlwire/rtnl/rtnltest"
)

// The targets here are a kernel that answers anything: what a Conn and a Watcher
// receive, the fuzzer says. They may fail, but must not panic, wait for ever or be
// out of step afterwards.

// answers turns steer into what a socket receives for what was sent: the right
// answers, changed ones, and any bytes under the right sequence number or another.
func answers(s *source, right []rtnltest.Datagram) (all []rtnltest.Datagram) {
	seq := uint32(1)
	for _, d := range right {
		if len(d.Data) >= 16 {
			seq = rtattr.Msg(d.Data).Seq()
		}
	}
	for len(*s) > 0 && len(all) < 32 {
		var d rtnltest.Datagram
		switch kind := s.intn(12); kind {
		case 0, 1:
			if len(right) > 0 {
				d, right = right[0], right[1:]
			}
		case 2:
			d.Err = []error{unix.ENOBUFS, unix.EIO, unix.EINTR, unix.ENOMEM}[s.intn(4)]
		case 3:
			d.Data = s.bytes(s.intn(64)) // no message
		default:
			for range 1 + s.intn(3) {
				typ := []uint16{rtattr.NLMSG_ERROR, rtattr.NLMSG_DONE, rtattr.NLMSG_NOOP, rtattr.NLMSG_OVERRUN, rtattr.RTM_NEWROUTE, rtattr.RTM_DELROUTE, rtattr.RTM_NEWLINK}[s.intn(7)]
				n := s.intn(80)
				m := make([]byte, 16, 16+n)
				binary.NativeEndian.PutUint32(m, uint32(16+n))
				binary.NativeEndian.PutUint16(m[4:], typ)
				binary.NativeEndian.PutUint16(m[6:], uint16(s.byte())|uint16(s.byte())<<8)
				binary.NativeEndian.PutUint32(m[8:], seq-uint32(s.intn(4))) // the kernel does not know later ones
				if s.intn(8) == 0 {
					binary.NativeEndian.PutUint32(m, uint32(s.intn(1000)))
				}
				if typ == rtattr.NLMSG_ERROR {
					m = binary.NativeEndian.AppendUint32(m, -uint32(s.intn(140)))
				}
				for len(m) < 16+n {
					m = append(m, s.byte())
				}
				for len(m)%4 != 0 {
					m = append(m, 0)
				}
				d.Data = append(d.Data, m...)
			}
		}
		if s.intn(16) == 15 {
			d.Port = 4711
		}
		all = append(all, d)
	}
	return all
}

// A patient socket fails where it would wait.
type patient struct{ rtnl.Transport }

var errQuiet = errors.New("nothing is to be received")

func (p patient) Receive(b []byte, wait bool) (int, uint32, error) {
	n, port, err := p.Transport.Receive(b, false)
	if err == unix.EAGAIN && wait {
		err = errQuiet
	}
	return n, port, err
}

func dial(t *testing.T, k *rtnltest.Kernel) *rtnl.Conn {
	c, err := rtnl.Dial(&rtnl.Config{Open: func() (rtnl.Transport, error) {
		s, err := k.Open()
		return patient{s}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func appendRoute(e *rtattr.Encoder, flags uint16, i int) {
	w := rtattr.AppendRoute(e, rtattr.RTM_NEWROUTE, flags, rtattr.RtMsg{Family: rtattr.AF_INET, Table: uint8(i)})
	w.Priority(uint32(i))
	w.End()
}

func FuzzExec(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(uint8(seed), Steer(seed)[:16])
	}
	f.Fuzz(func(t *testing.T, n uint8, steer []byte) {
		k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
			if r.Msg.Payload()[4]%2 > 0 {
				r.Fail(unix.EEXIST, "no")
			}
		}}
		c := dial(t, k)
		defer c.Close()
		batch := func() (int, error) {
			e := c.Encoder()
			defer c.Release(e)
			for i := range int(n) {
				appendRoute(e, rtattr.NLM_F_ECHO&uint16(steerFlag(steer)), i)
			}
			replies := 0
			err := c.ExecFunc(context.Background(), e, func(i int, m rtattr.Msg) {
				if i < 0 || i >= int(n) || len(m) < 16 {
					t.Errorf("an answer of %d bytes to message %d of %d", len(m), i, n)
				}
				replies++
			})
			return replies, err
		}
		s := source(steer)
		k.Tamper = func(d []rtnltest.Datagram) []rtnltest.Datagram { return answers(&s, d) }
		if _, err := batch(); err != nil {
			var failed rtnl.Errors
			if errors.As(err, &failed) {
				for _, e := range failed {
					if e.Index < 0 || e.Index >= int(n) || e.Error() == "" {
						t.Errorf("message %d of %d: %v", e.Index, n, e)
					}
				}
			}
		}
		k.Tamper = nil
		batch() // finds what came too late, at the worst
		_, err := batch()
		var failed rtnl.Errors
		var cut *rtnl.Incomplete
		errors.As(err, &failed)
		if errors.As(err, &cut) || len(failed) != int(n)/2 {
			t.Errorf("out of step: %d of %d failures: %v", len(failed), n/2, err)
		}
	})
}

func steerFlag(steer []byte) int {
	if len(steer) > 0 && steer[0]&1 > 0 {
		return -1
	}
	return 0
}

func FuzzQuery(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(uint8(seed), Steer(seed)[:16])
	}
	f.Fuzz(func(t *testing.T, n uint8, steer []byte) {
		k := &rtnltest.Kernel{Handle: func(r *rtnltest.Request) {
			var e rtattr.Encoder
			for i := range int(n) {
				appendRoute(&e, 0, i)
			}
			r.Reply(&e)
		}}
		c := dial(t, k)
		defer c.Close()
		list := func() (got int, err error) {
			e := c.Encoder()
			defer c.Release(e)
			rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{}).End()
			for m, err := range c.Query(context.Background(), e) {
				if err != nil {
					if m != nil {
						t.Error("a message beside an error")
					}
					return got, err
				}
				if len(m) < 16 {
					t.Errorf("a message of %d bytes", len(m))
				}
				got++
			}
			return got, nil
		}
		s := source(steer)
		k.Tamper = func(d []rtnltest.Datagram) []rtnltest.Datagram { return answers(&s, d) }
		list()
		k.Tamper = nil
		// What came behind the end is a stale answer now: it may fail one call, with
		// which its socket goes.
		if got, err := list(); err == nil && got != int(n) {
			t.Errorf("%d of %d entries", got, n)
		}
		if got, err := list(); err != nil || got != int(n) {
			t.Errorf("out of step: %d of %d entries, %v", got, n, err)
		}
	})
}

func FuzzWatch(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(Steer(seed)[:24])
	}
	f.Add(bytes.Repeat([]byte{0xd5}, 1400)) // a notification for each event
	f.Fuzz(func(t *testing.T, steer []byte) {
		s := source(steer)
		kernel := map[uint32]uint8{} // priority -> table
		notify := func(k *rtnltest.Kernel) {
			i := uint32(s.intn(8))
			var e rtattr.Encoder
			typ := uint16(rtattr.RTM_NEWROUTE)
			if _, ok := kernel[i]; ok && s.intn(2) > 0 {
				typ = rtattr.RTM_DELROUTE
				delete(kernel, i)
			} else {
				kernel[i] = s.byte()
			}
			w := rtattr.AppendRoute(&e, typ, 0, rtattr.RtMsg{Family: rtattr.AF_INET, Table: kernel[i]})
			w.Priority(i)
			w.End()
			if err := k.Notify(rtattr.RTNLGRP_IPV4_ROUTE, &e); err != nil {
				t.Fatal(err)
			}
		}
		k := &rtnltest.Kernel{}
		k.Handle = func(r *rtnltest.Request) {
			var e rtattr.Encoder
			for i, table := range kernel {
				w := rtattr.AppendRoute(&e, rtattr.RTM_NEWROUTE, 0, rtattr.RtMsg{Family: rtattr.AF_INET, Table: table})
				w.Priority(i)
				w.End()
			}
			r.Reply(&e)
			if s.intn(4) == 3 {
				notify(k)
				r.Interrupted()
			}
		}
		tampered := false
		k.Tamper = func(d []rtnltest.Datagram) []rtnltest.Datagram {
			if tampered = tampered || s.intn(4) == 3; tampered {
				return append(answers(&s, d), rtnltest.Datagram{Err: unix.EIO})
			}
			return d
		}
		c := dial(t, k)
		defer c.Close()
		w, err := rtnl.Watch(context.Background(), c, &rtnl.WatchConfig{ReadBuffer: 1}, rtnl.Object[uint32, uint8]{
			Groups: []rtattr.Group{rtattr.RTNLGRP_IPV4_ROUTE},
			List: func(e *rtattr.Encoder) {
				rtattr.AppendRoute(e, rtattr.RTM_GETROUTE, rtattr.NLM_F_DUMP, rtattr.RtMsg{}).End()
			},
			Parse: func(m rtattr.Msg) (uint32, uint8, error) {
				var v rtattr.RouteView
				if err := v.Parse(m.Payload()); err != nil {
					return 0, 0, err
				}
				priority, _ := v.Priority()
				return priority, v.Header.Table, nil
			},
		})
		if err != nil {
			return // what Watch reads first was tampered with
		}
		defer w.Close()
		state := map[uint32]uint8{}
		for i := 0; ; i++ {
			if i < 200 { // then all that is left is read
				if len(s) > 0 && s.intn(3) == 0 {
					notify(k)
				}
				if s.intn(16) == 15 {
					k.Lose(rtattr.RTNLGRP_IPV4_ROUTE)
				}
			}
			ev, err := w.Next()
			if errors.Is(err, errQuiet) {
				break
			}
			if err != nil {
				return
			}
			switch ev.Type {
			case rtnl.Added, rtnl.Changed:
				if old, ok := state[ev.Key]; ok != (ev.Type == rtnl.Changed) || old != ev.Old {
					t.Errorf("%v of %d: it was %v, %v", ev.Type, ev.Key, old, ok)
				}
				state[ev.Key] = ev.Value
			case rtnl.Removed:
				if old, ok := state[ev.Key]; !ok || old != ev.Old {
					t.Errorf("removed %d: it was %v, %v", ev.Key, old, ok)
				}
				delete(state, ev.Key)
			}
		}
		if tampered { // forged entries count
			return
		}
		for i, table := range kernel {
			if got, ok := state[i]; !ok || got != table {
				t.Errorf("%d is %d, the events say %d, %v", i, table, got, ok)
			}
		}
		if len(state) != len(kernel) {
			t.Errorf("the kernel has %v, the events say %v", kernel, state)
		}
	})
}
