package rtnl_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/netip"

	"github.com/nlwire/nlwire/rtattr"
	"github.com/nlwire/nlwire/rtnl"
)

// Several messages are one system call; what fails is told by index.
func ExampleConn_Exec() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	e := conn.Encoder()
	defer conn.Release(e)
	for _, a := range []string{"10.66.66.1", "10.66.67.1"} {
		w := rtattr.AppendAddr(e, rtattr.RTM_NEWADDR, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL,
			rtattr.IfAddrmsg{Family: rtattr.AF_INET, PrefixLen: 24, Index: 1})
		w.Local(netip.MustParseAddr(a))
		w.End()
	}
	err = conn.Exec(context.Background(), e)

	var failed rtnl.Errors
	switch {
	case errors.As(err, &failed):
		for _, f := range failed {
			fmt.Printf("message %d: %v, exists already: %v\n", f.Index, f, errors.Is(f, fs.ErrExist))
		}
	case err != nil:
		log.Fatal(err)
	}
}

// A dump is read in place; the loop may use the Conn for other things.
func ExampleConn_Query() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	e := conn.Encoder()
	defer conn.Release(e)
	rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{}).End()
	var v rtattr.LinkView
	for m, err := range conn.Query(context.Background(), e) {
		if errors.Is(err, rtnl.ErrDumpInterrupted) {
			fmt.Println("links changed meanwhile")
			break
		}
		if err == nil {
			err = v.Parse(m.Payload())
		}
		if err != nil {
			log.Fatal(err)
		}
		name, _ := v.IfName()
		fmt.Println(v.Header.Index, string(name), v.Header.Flags)
	}
}

// The index of a link comes with its creation.
func ExampleConn_ExecFunc() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	e := conn.Encoder()
	defer conn.Release(e)
	w := rtattr.AppendLink(e, rtattr.RTM_NEWLINK, rtattr.NLM_F_CREATE|rtattr.NLM_F_EXCL|rtattr.NLM_F_ECHO, rtattr.IfInfomsg{})
	w.IfName("br0")
	info := w.LinkInfo()
	info.Kind("bridge")
	info.End()
	w.End()
	err = conn.ExecFunc(context.Background(), e, func(_ int, m rtattr.Msg) {
		var v rtattr.LinkView
		if v.Parse(m.Payload()) == nil {
			fmt.Println("br0 is", v.Header.Index)
		}
	})
	if err != nil {
		log.Fatal(err)
	}
}

// The names of all links, now and whenever they change.
func ExampleWatch() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	names := rtnl.Object[int32, string]{
		Groups: []rtattr.Group{rtattr.RTNLGRP_LINK},
		List: func(e *rtattr.Encoder) {
			rtattr.AppendLink(e, rtattr.RTM_GETLINK, rtattr.NLM_F_DUMP, rtattr.IfInfomsg{}).End()
		},
		Parse: func(m rtattr.Msg) (int32, string, error) {
			var v rtattr.LinkView
			if err := v.Parse(m.Payload()); err != nil {
				return 0, "", err
			}
			if v.Header.Family != rtattr.AF_UNSPEC {
				return 0, "", rtnl.ErrSkip // a port, told by its bridge
			}
			name, _ := v.IfName()
			return v.Header.Index, string(name), nil
		},
	}
	w, err := rtnl.Watch(context.Background(), conn, nil, names)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for ev, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		switch ev.Type {
		case rtnl.Added:
			fmt.Println(ev.Key, "is", ev.Value)
		case rtnl.Changed:
			fmt.Println(ev.Key, "was", ev.Old, "and is", ev.Value)
		case rtnl.Removed:
			fmt.Println(ev.Key, "was", ev.Old)
		}
	}
}
