// Empty opens a connection and does nothing.
package main

import "github.com/nlwire/nlwire/rtnl"

func main() {
	conn, err := rtnl.Dial(nil)
	if err != nil {
		panic(err)
	}
	conn.Close()
}
