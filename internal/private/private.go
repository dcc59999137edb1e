//go:build linux

// Package private runs this program again in a network namespace of its own, so
// that it may create devices, addresses and routes without touching the machine,
// and without being root.
//
//	if !private.Inside() {
//		code, err := private.Run()
//		if err != nil {
//			log.Fatal(err)
//		}
//		os.Exit(code)
//	}
package private

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// outside names the environment variable that holds the network namespace in
// which Run was called. A value and not a flag: a variable that was set by hand
// must not pass the machine's own namespace off as a private one.
const outside = "NLWIRE_OUTSIDE"

// Inside reports whether this process runs in a namespace that Run has made.
func Inside() bool {
	out := os.Getenv(outside)
	return strings.HasPrefix(out, "net:[") && out != current()
}

// current names the thread's network namespace, "" if there is no /proc.
func current() string {
	name, _ := os.Readlink("/proc/thread-self/ns/net")
	return name
}

// Run starts this program again, with the same arguments, environment and
// standard files, in a new network namespace, waits for it and returns its exit
// code: 128 + n if signal n killed it. Root gets a network namespace alone, so
// that it stays root on the machine's files; everybody else (and a root who may
// not make one) gets a user namespace around it, and is root in there.
//
// SIGHUP, SIGINT, SIGQUIT and SIGTERM are passed on, unless ignored. Ctrl-C in a terminal reaches
// the second process twice, since the terminal signals both. It is killed when
// the first one dies.
//
// An error means that the namespace was refused and the program was not run again.
func Run() (code int, err error) {
	out := current()
	if out == "" {
		return 0, errors.New("private: no /proc/thread-self/ns/net: mount /proc")
	}

	signals := make(chan os.Signal, 8)
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM} {
		if !signal.Ignored(s) { // Notify would undo nohup
			signal.Notify(signals, s)
		}
	}
	defer close(signals)
	defer signal.Stop(signals)

	// Pdeathsig is sent when the thread that forked ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd, err := start(out)
	if err != nil {
		return 0, fmt.Errorf("private: no private network namespace: %w (user.max_user_namespaces, a seccomp filter or a security module may forbid it)", err)
	}
	go func() {
		for s := range signals {
			cmd.Process.Signal(s) // fails only if the process has just ended
		}
	}()

	if err := cmd.Wait(); cmd.ProcessState == nil { // else err repeats the state
		return 0, fmt.Errorf("private: %w", err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

func start(out string) (*exec.Cmd, error) {
	if os.Geteuid() == 0 {
		if cmd := command(out); cmd.Start() == nil {
			return cmd, nil
		}
	}
	cmd := command(out)
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	return cmd, cmd.Start()
}

func command(out string) *exec.Cmd {
	return &exec.Cmd{
		Path:   "/proc/self/exe", // works even if the file is gone by now
		Args:   os.Args,
		Env:    append(os.Environ(), outside+"="+out),
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNET,
			Pdeathsig:  unix.SIGKILL,
		},
	}
}
