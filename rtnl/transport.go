package rtnl

import (
	"errors"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Transport carries the datagrams of one rtnetlink socket. A Conn opens the
// kernel's own, unless Config.Open says otherwise: package rtnltest has one
// without a kernel.
//
// One goroutine at a time uses a Transport; only Interrupt may be called beside
// it, also after Close. A Transport must not keep the slices that it is given.
type Transport interface {
	// Send sends b, whole messages, as one datagram. When it returns they have
	// been processed and their answers can be received, but for the later
	// datagrams of a dump.
	Send(b []byte) error

	// Receive receives one datagram into b. It returns the datagram's length,
	// which is larger than len(b) if the datagram was cut, and the port id of its
	// sender: 0 is the kernel. If there is none, Receive waits for one, or
	// returns unix.EAGAIN. It returns unix.ENOBUFS, once, if datagrams were lost.
	Receive(b []byte, wait bool) (n int, port uint32, err error)

	// SetOption sets an option of SOL_NETLINK (NETLINK_EXT_ACK,
	// NETLINK_ADD_MEMBERSHIP). unix.ENOPROTOOPT says that it is not known.
	SetOption(option, value int) error

	// Buffers sets SO_RCVBUF and SO_SNDBUF, as far as allowed, and returns what
	// they are, as the kernel counts: twice what was asked for. 0 leaves one as
	// it is.
	Buffers(read, write int) (rcvbuf, sndbuf int, err error)

	// Interrupt makes Receive return an error instead of waiting, and Send
	// instead of sending, now and from now on.
	Interrupt()

	Close() error
}

// A kernelSocket is the kernel's Transport. It stays out of the Go poller until
// it has to wait: a polled socket wakes up a thread for each answer.
type kernelSocket struct {
	fd          int
	from        unix.RawSockaddrNetlink // of the last datagram
	fromLen     uint32
	interrupted atomic.Bool

	// What waiting needs, made by the first wait.
	mu   sync.Mutex
	file *os.File // owns fd, if it is not nil
	rc   syscall.RawConn

	// The closure of the wait, and what it works on.
	ready func(fd uintptr) bool
	buf   []byte
	n     int
	errno unix.Errno
}

// takeOver returns the socket of nc and closes nc.
func takeOver(nc *netlink.Conn) (*kernelSocket, error) {
	defer nc.Close()
	rc, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	k := &kernelSocket{fd: -1}
	var dupErr error
	if err := rc.Control(func(fd uintptr) { k.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	k.ready = func(uintptr) bool {
		k.n, k.errno = k.receive(k.buf)
		return k.errno != unix.EAGAIN
	}
	return k, nil
}

// kernel is the address of the kernel's sockets: port 0.
var kernel = unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}

// Send returns when the kernel has processed b. Like receive it tells the
// scheduler of the system call (no RawSyscall): it may wait for the RTNL lock.
func (k *kernelSocket) Send(b []byte) error {
	if k.interrupted.Load() {
		return os.ErrDeadlineExceeded
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(k.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0,
			uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return os.NewSyscallError("sendto", errno)
		case int(n) != len(b):
			return os.NewSyscallError("sendto", unix.EMSGSIZE)
		default:
			return nil
		}
	}
}

func (k *kernelSocket) Receive(b []byte, wait bool) (n int, port uint32, err error) {
	n, errno := k.receive(b)
	if errno == unix.EAGAIN {
		if !wait {
			return 0, 0, unix.EAGAIN
		}
		if n, errno, err = k.wait(b); err != nil {
			return 0, 0, err
		}
	}
	if errno != 0 {
		return 0, 0, os.NewSyscallError("recvfrom", errno)
	}
	return n, k.from.Pid, nil
}

func (k *kernelSocket) receive(b []byte) (int, unix.Errno) {
	for {
		k.fromLen = unix.SizeofSockaddrNetlink
		// With MSG_TRUNC the result is the length of the datagram even if it
		// does not fit.
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(k.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_TRUNC|unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&k.from)), uintptr(unsafe.Pointer(&k.fromLen)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// wait receives when there is something to receive.
func (k *kernelSocket) wait(b []byte) (int, unix.Errno, error) {
	if err := k.poll(); err != nil {
		return 0, 0, err
	}
	k.buf = b
	err := k.rc.Read(k.ready)
	k.buf = nil
	return k.n, k.errno, err
}

// poll puts the socket into the poller.
func (k *kernelSocket) poll() (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.interrupted.Load() {
		return os.ErrDeadlineExceeded
	}
	if k.file == nil {
		k.file = os.NewFile(uintptr(k.fd), "rtnetlink")
		k.rc, err = k.file.SyscallConn()
	}
	return err
}

func (k *kernelSocket) SetOption(option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(k.fd, unix.SOL_NETLINK, option, value))
}

func (k *kernelSocket) Buffers(read, write int) (rcvbuf, sndbuf int, err error) {
	if rcvbuf, err = k.buffer(read, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE); err != nil {
		return 0, 0, err
	}
	sndbuf, err = k.buffer(write, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE)
	return rcvbuf, sndbuf, err
}

// attach attaches a filter to t, if t is a socket of the kernel's.
func attach(t Transport, filter []unix.SockFilter) error {
	k, ok := t.(*kernelSocket)
	if !ok || len(filter) > math.MaxUint16 {
		return errors.ErrUnsupported
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(k.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
}

// buffer sets an option by force, which needs CAP_NET_ADMIN in the initial user
// namespace, or else within the limit of net.core.
func (k *kernelSocket) buffer(size, option, force int) (int, error) {
	if size > 0 && unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, force, size) != nil {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, option, size); err != nil {
			return 0, os.NewSyscallError("setsockopt", err)
		}
	}
	n, err := unix.GetsockoptInt(k.fd, unix.SOL_SOCKET, option)
	return n, os.NewSyscallError("getsockopt", err)
}

func (k *kernelSocket) Interrupt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.interrupted.Store(true)
	if k.file != nil {
		k.file.SetReadDeadline(time.Unix(1, 0))
	}
}

func (k *kernelSocket) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.interrupted.Store(true)
	if k.file != nil {
		return k.file.Close()
	}
	return os.NewSyscallError("close", unix.Close(k.fd))
}
