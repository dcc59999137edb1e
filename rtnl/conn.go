package rtnl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/rtattr"
)

const (
	maxIdle    = 4       // sockets and Encoders kept for reuse
	maxEncoder = 1 << 20 // bytes of an Encoder's buffer kept for reuse
)

// Config holds what Dial may be told. The zero Config is the default.
type Config struct {
	// NetNS is a descriptor of the network namespace to work in, which Dial
	// duplicates. 0 is the namespace of the calling thread at the time of Dial.
	// Entering another namespace needs CAP_SYS_ADMIN.
	NetNS int

	// NetNSPath names the network namespace instead: "/run/netns/blue".
	NetNSPath string

	// NetNSPID is a process in the network namespace instead.
	NetNSPID int

	// ReadBuffer and WriteBuffer are SO_RCVBUF and SO_SNDBUF in bytes of each
	// socket; the kernel doubles them. Beyond net.core.rmem_max and wmem_max
	// they need CAP_NET_ADMIN in the initial user namespace, and are cut to the
	// limit without. 0 is 1 MiB for ReadBuffer and the system's default for
	// WriteBuffer. They are limits: memory is taken by what waits, alone.
	//
	// ReadBuffer decides how many messages of a batch go into one system call:
	// their failures must fit.
	ReadBuffer, WriteBuffer int

	// Warn, if not nil, is called with what the kernel remarks on a success: an
	// Error with Errno 0. The kernel remarks on confirmed messages only, so that
	// with Warn each message is confirmed: a batch takes half as long again.
	// Warn runs inside Exec or Query, possibly of several goroutines at once.
	Warn func(*Error)

	// Open, if not nil, opens what carries the messages in the place of the
	// kernel's sockets; there is no network namespace then. Package rtnltest has
	// a function for it.
	Open func() (Transport, error)
}

// A Conn is a handle on rtnetlink in one network namespace. It is safe for
// concurrent use.
//
// Each call of Exec and each loop over Query leases a socket; concurrent and
// nested ones open further sockets in the same namespace. Only a few idle ones
// are kept, and none that may be out of step.
type Conn struct {
	cfg     Config
	ns      namespace
	bufSize atomic.Int64 // bytes of the sockets' buffers
	closed  atomic.Bool  // set under mu

	mu       sync.Mutex
	open     []*socket // all of them
	idle     []*socket
	encoders []*rtattr.Encoder
}

// Dial opens rtnetlink; a nil cfg is the zero Config. The Conn stays in its
// namespace whatever its users' threads do.
func Dial(cfg *Config) (*Conn, error) {
	c := &Conn{}
	if cfg != nil {
		c.cfg = *cfg
	}
	c.bufSize.Store(minBuffer)
	var err error
	if c.ns, err = openNamespace(&c.cfg); err != nil {
		return nil, fmt.Errorf("rtnl: dial: %w", err)
	}
	s, err := c.lease()
	if err != nil {
		c.ns.close()
		return nil, fmt.Errorf("rtnl: dial: %w", err)
	}
	c.release(s, true)
	return c, nil
}

// Close ends all calls: those that wait return os.ErrClosed, others end with
// what the kernel has answered, and later ones, Close included, return
// os.ErrClosed. A socket that a call still has is closed by that call.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return os.ErrClosed
	}
	c.closed.Store(true)
	open, idle := c.open, c.idle
	c.open, c.idle = nil, nil
	c.mu.Unlock()

	var err error
	for _, s := range idle {
		err = errors.Join(err, s.t.Close())
	}
	for _, s := range open {
		if s.onClose != nil {
			s.onClose()
		} else {
			s.t.Interrupt() // also after Close
		}
	}
	return errors.Join(err, c.ns.close())
}

// Encoder lends an empty Encoder, for as long as until its Release.
func (c *Conn) Encoder() *rtattr.Encoder {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.encoders)
	if n == 0 {
		return &rtattr.Encoder{}
	}
	e := c.encoders[n-1]
	c.encoders = c.encoders[:n-1]
	return e
}

// Release takes back an Encoder lent by Encoder. Its messages, and what aliases
// them, are invalid from then on.
func (c *Conn) Release(e *rtattr.Encoder) {
	if e == nil {
		return
	}
	e.Reset(nil)
	if b, _ := e.Finish(); cap(b) > maxEncoder {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.encoders) < maxIdle && !slices.Contains(c.encoders, e) {
		c.encoders = append(c.encoders, e)
	}
}

// lease returns a socket that nobody else uses.
func (c *Conn) lease() (*socket, error) {
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return nil, os.ErrClosed
	}
	if n := len(c.idle); n > 0 {
		s := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		s.grow(int(c.bufSize.Load()))
		return s, nil
	}
	c.mu.Unlock()
	return c.openSocket(c.cfg.ReadBuffer)
}

// openSocket opens a socket with a receive buffer of readBuffer bytes.
func (c *Conn) openSocket(readBuffer int) (*socket, error) {
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return nil, os.ErrClosed
	}
	// Close must not close the namespace while a socket is opened in it.
	ns, err := c.ns.hold()
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	open := c.cfg.Open
	if open == nil {
		open = ns.dial
	}
	t, err := open()
	ns.close()
	if err != nil {
		return nil, err
	}
	s, err := newSocket(t, readBuffer, c.cfg.WriteBuffer, int(c.bufSize.Load()))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		t.Close()
		return nil, os.ErrClosed
	}
	c.open = append(c.open, s)
	c.mu.Unlock()
	return s, nil
}

// onClose makes Close call f instead of interrupting s.
func (c *Conn) onClose(s *socket, f func()) error {
	c.mu.Lock()
	if !c.closed.Load() {
		s.onClose = f
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	s.t.Close()
	return os.ErrClosed
}

// release ends a lease. A socket that is not in step is closed.
func (c *Conn) release(s *socket, inStep bool) {
	c.mu.Lock()
	if inStep && len(c.idle) < maxIdle && !c.closed.Load() {
		c.idle = append(c.idle, s)
		c.mu.Unlock()
		return
	}
	if i := slices.Index(c.open, s); i >= 0 {
		c.open = slices.Delete(c.open, i, i+1)
	}
	c.mu.Unlock()
	s.t.Close()
}

// begin leases a socket for a call under ctx. end gives it back; its argument
// says whether the socket has received everything it was sent.
func (c *Conn) begin(ctx context.Context) (call, error) {
	if err := ctx.Err(); err != nil {
		return call{}, fmt.Errorf("rtnl: nothing was sent: %w", err)
	}
	s, err := c.lease()
	if err != nil {
		return call{}, fmt.Errorf("rtnl: nothing was sent: %w", err)
	}
	return call{c: c, s: s, ctx: ctx}, nil
}

// A call is the use of a socket by one Exec, Query or Watch.
type call struct {
	c    *Conn
	s    *socket
	ctx  context.Context
	stop func() bool // of the watch on ctx, which begins with the first wait
}

func (k *call) end(inStep bool) {
	// A socket that is or may soon be interrupted is of no further use.
	interrupted := k.stop != nil && !k.stop()
	k.c.release(k.s, inStep && !interrupted)
}

// recv is socket.recv with the reason why there is nothing to receive. The
// kernel's answers are mostly there, so that ctx is watched only if not.
func (k *call) recv(wait bool) ([]byte, error) {
	b, err := k.s.recv(false)
	if err == unix.EAGAIN && wait {
		if k.stop == nil && k.ctx.Done() != nil {
			k.stop = context.AfterFunc(k.ctx, k.s.t.Interrupt)
		}
		b, err = k.s.recv(true)
	}
	if err == nil || err == unix.EAGAIN {
		return b, err
	}
	var cut *truncatedError
	if errors.As(err, &cut) {
		k.c.growTo(cut.size)
	}
	return nil, k.cause(err)
}

// cause replaces an error of the interrupted socket by what interrupted it.
func (k *call) cause(err error) error {
	if ended := k.ended(); ended != nil {
		return ended
	}
	return err
}

// ended returns why the call should not go on.
func (k *call) ended() error {
	if err := k.ctx.Err(); err != nil {
		return err
	}
	if k.c.closed.Load() {
		return os.ErrClosed
	}
	return nil
}

// growTo makes the sockets' buffers large enough for a datagram of n bytes.
func (c *Conn) growTo(n int) {
	n = (n + minBuffer - 1) &^ (minBuffer - 1)
	for old := c.bufSize.Load(); old < int64(n) && !c.bufSize.CompareAndSwap(old, int64(n)); old = c.bufSize.Load() {
	}
}
