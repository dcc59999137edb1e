//go:build linux

// Package netns runs code in another network namespace.
//
// A network namespace belongs to a thread, a goroutine has none. So the code runs
// on a locked thread, and this thread ends with it instead of being moved back:
// there is no way back that cannot fail.
package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ErrExited is what Do returns when f ended its goroutine (runtime.Goexit, as
// t.FailNow does) instead of returning.
var ErrExited = errors.New("netns: the function ended its goroutine")

// Do calls f on a thread in the network namespace that fd refers to and returns
// its error. Goroutines that f starts are not in this namespace; sockets, files
// and child processes that f itself opens or starts are. Joining needs
// CAP_SYS_ADMIN, in the namespace's user namespace too. The thread ends with f,
// and so do child processes started with Pdeathsig.
func Do(fd int, f func() error) error {
	return onThread(func() error {
		err := unix.Setns(fd, unix.CLONE_NEWNET)
		if err == unix.EPERM {
			return fmt.Errorf("netns: join the network namespace of descriptor %d: CAP_SYS_ADMIN is needed, in its user namespace too: %w", fd, err)
		}
		if err != nil {
			return fmt.Errorf("netns: join the network namespace of descriptor %d: %w", fd, err)
		}
		return f()
	})
}

// New returns a new, empty network namespace. It exists until the file is closed
// and nothing else is in it.
func New() (*os.File, error) {
	var file *os.File
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("netns: make a network namespace: %w", err)
		}
		var err error
		file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return file, err
}

// onThread calls f on a thread that is used for nothing else and ends with f.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := ErrExited
		defer func() { done <- err }()
		runtime.LockOSThread() // never unlocked: this ends the thread
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end, and its namespace is what
			// /proc/PID shows for the process. While it waits here, locked,
			// another goroutine cannot run on it.
			err = onThread(f)
			runtime.UnlockOSThread()
			return
		}
		err = f()
	}()
	return <-done
}
