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
