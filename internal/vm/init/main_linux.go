// Command init is the first process of the machine that internal/vm starts, and
// the only one beside the tests and what they call. It mounts what a Linux program
// expects, runs the tests, and ends the machine.
//
// As modprobe, which the kernel calls, it loads modules when they are first used.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/vm/plan"
)

func main() {
	switch {
	case path.Base(os.Args[0]) == "modprobe":
		os.Exit(modprobe(os.Args[1:]))
	case os.Getpid() != 1:
		fmt.Fprintln(os.Stderr, "init: this is for the machine of internal/vm")
		os.Exit(2)
	}
	if err := work(); err != nil {
		fmt.Println("init:", err) // into the kernel's log, whose end is printed if "done" has not come
	}
	off()
}

func work() error {
	if err := mount(); err != nil {
		return err
	}
	params, err := parameters()
	if err != nil {
		return err
	}
	tty, err := port(params[plan.Output])
	if err != nil {
		return err
	}
	out := &lines{f: tty}
	if err := system(); err != nil {
		return err
	}
	if err := preload(params[plan.Load]); err != nil {
		return err
	}
	b, err := os.ReadFile(plan.Jobs)
	if err != nil {
		return err
	}
	var jobs []plan.Job
	if err := json.Unmarshal(b, &jobs); err != nil {
		return err
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	out.mark("ready %s", release)
	var written []string
	for i, j := range jobs {
		out.mark("start %d", i)
		log("init: " + j.Name)
		start := time.Now()
		code, err := run(j, out)
		if err != nil {
			return err
		}
		out.mark("end %d %d %.3f", i, code, time.Since(start).Seconds())
		if j.Collect {
			written = append(written, j.Dir)
		}
	}
	if err := send(params[plan.Files], written); err != nil {
		return err
	}
	out.mark("done")
	return drain(tty)
}

func mount() error {
	for _, m := range []struct {
		dir, typ string
		must     bool
	}{
		{"/proc", "proc", true}, {"/sys", "sysfs", true}, {"/dev", "devtmpfs", true}, {"/dev/shm", "tmpfs", true},
		{"/tmp", "tmpfs", true}, {"/run", "tmpfs", true}, {"/sys/fs/bpf", "bpf", false}, {"/sys/kernel/tracing", "tracefs", false},
	} {
		err := os.MkdirAll(m.dir, 0o755)
		if err == nil {
			err = unix.Mount(m.typ, m.dir, m.typ, 0, "")
		}
		if err != nil && m.must {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	return nil
}

// parameters are those of the kernel's command line.
func parameters() (map[string]string, error) {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, err
	}
	params := map[string]string{}
	for _, word := range strings.Fields(string(b)) {
		key, value, _ := strings.Cut(word, "=")
		params[key] = value
	}
	return params, nil
}

// system sets what tests find on a machine.
func system() error {
	nodes, err := os.ReadFile(plan.Nodes)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(nodes)) {
		var name string
		var major, minor uint32
		if _, err := fmt.Sscan(line, &name, &major, &minor); err != nil {
			return fmt.Errorf("%s: %q: %w", plan.Nodes, line, err)
		}
		file := path.Join("/dev", name)
		if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
			return err
		}
		if err := unix.Mknod(file, unix.S_IFCHR|0o666, int(unix.Mkdev(major, minor))); err != nil && err != unix.EEXIST {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, s := range []struct{ name, value string }{
		{"kernel/modprobe", "/sbin/modprobe"},
		{"kernel/printk", "6"},                   // without what links say when they come up
		{"kernel/hung_task_timeout_secs", "200"}, // emulation beside other work is slow
		{"kernel/hung_task_panic", "1"},
		// Else every loaded tunnel has a device in each namespace, and links get
		// other indexes than the recorded messages have.
		{"net/core/fb_tunnels_only_for_init_net", "2"},
	} {
		if err := os.WriteFile("/proc/sys/"+s.name, []byte(s.value), 0); err != nil {
			return err
		}
	}
	os.Clearenv()
	for _, v := range []string{"PATH=/bin:/sbin", "HOME=/root", "TMPDIR=/tmp"} {
		key, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(key, value); err != nil {
			return err
		}
	}
	return nil
}

// run runs the tests of a package and returns their exit code, 128 + n if signal n
// ended them.
func run(j plan.Job, out *lines) (code int, err error) {
	cmd := exec.Command(j.Path, j.Args...)
	cmd.Dir = j.Dir
	cmd.Env = append(os.Environ(), j.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second // for what a killed test has left behind
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		fmt.Fprintln(out, "init:", err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// log writes a line into the kernel's log, so that it tells what ran when.
func log(line string) {
	if f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		fmt.Fprintln(f, "<5>"+line)
		f.Close()
	}
}

// lines knows where lines begin, so that a mark always does.
type lines struct {
	f      *os.File
	within bool
}

func (l *lines) Write(b []byte) (int, error) {
	if len(b) > 0 {
		l.within = b[len(b)-1] != '\n'
	}
	return l.f.Write(b)
}

func (l *lines) mark(format string, args ...any) {
	text := plan.Mark + strings.TrimSpace(fmt.Sprintf(format, args...)) + "\n"
	if l.within {
		text = "\n" + text
	}
	fmt.Fprint(l, text)
}

// off ends the machine, without the firmware that it does not have.
func off() {
	if f, err := os.OpenFile("/dev/port", os.O_WRONLY, 0); err == nil {
		f.WriteAt([]byte{0}, 0x501)
	}
	unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

// modprobe loads modules by name or alias.
func modprobe(names []string) (code int) {
	index, err := readIndex()
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			continue
		}
		if err == nil {
			err = index.load(name)
		}
		if err != nil {
			log(fmt.Sprintf("modprobe %s: %v", name, err))
			code = 1
		}
	}
	return code
}

// preload loads modules that are not loaded by use alone.
func preload(list string) error {
	if list == "" {
		return nil
	}
	index, err := readIndex()
	if err != nil {
		return err
	}
	names := strings.Split(list, ",")
	if list == "all" {
		names = nil
		for _, line := range index {
			if line[0] == plan.File {
				names = append(names, line[1])
			}
		}
	}
	for _, name := range names {
		err := index.load(name)
		if err != nil && list != "all" { // of all, some want hardware
			return fmt.Errorf("module %s: %w", name, err)
		}
	}
	return nil
}

// An index is the lines of plan.Modules in words.
type index [][]string

func readIndex() (index, error) {
	f, err := os.Open(plan.Modules)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all index
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		all = append(all, strings.Fields(s.Text()))
	}
	return all, s.Err()
}

// find returns the modules to load for a name or alias, in this order: none if
// it is built in.
func (x index) find(name string) (modules []string, err error) {
	name = plan.ModuleName(name)
	found := map[string]bool{name: true}
	known := false
	for _, line := range x {
		if ok, _ := path.Match(line[1], name); line[0] == plan.Alias && ok {
			found[line[2]] = true
		}
	}
	for _, line := range x {
		known = known || line[0] == plan.BuiltIn && found[line[1]]
		if line[0] == plan.File && found[line[1]] {
			known = true
			modules = append(modules, strings.Split(line[3], ",")...)
		}
	}
	if !known {
		return nil, errors.New("there is none")
	}
	return modules, nil
}

func (x index) load(name string) error {
	modules, err := x.find(name)
	errs := []error{err}
	for _, m := range modules {
		if err := insert("/vm/ko/" + m + ".ko"); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m, err))
		}
	}
	return errors.Join(errs...)
}

func insert(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return err
	}
	return nil
}
