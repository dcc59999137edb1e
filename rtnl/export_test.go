package rtnl

// OpenLike returns a Config.Open that opens the sockets that c does, for tests
// that put something around them.
func OpenLike(c *Conn) func() (Transport, error) { return c.ns.dial }

// GrowBuffers makes the sockets of c receive n bytes at once, if they are more.
func GrowBuffers(c *Conn, n int) { c.growTo(n) }
