package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/nlwire/nlwire/internal/vm/plan"
)

// A machine runs once.
type machine struct {
	kernel  kernel
	initrd  string
	jobs    []plan.Job
	tests   *tests
	console string // file for the kernel's log
	keep    string // where it is afterwards
	files   string // file for a tar of what tests wrote
}

// How long a machine may take until its first process runs. Emulation takes 3
// seconds, 20 beside other work; with hardware virtualisation it is one second, or
// never where that is itself emulated.
const (
	patience    = 3 * time.Minute
	patienceKVM = 20 * time.Second
)

// errDark: nothing has come from the machine.
var errDark = errors.New("the machine did not come up")

func (m *machine) run() (code int, err error) {
	with := *accel
	if with == "auto" {
		with = "tcg"
		if hardware() {
			with = "kvm"
		}
	}
	defer os.Rename(m.console, m.keep) // for people; what matters of it is printed
	// Who is told to end takes the machine and its files along.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err = m.boot(ctx, with, *limit)
	if errors.Is(err, errDark) && with == "kvm" && *accel == "auto" {
		note("hardware virtualisation does not work here: again with emulation")
		if err := os.WriteFile(broken(), []byte(bootID()), 0o644); err != nil {
			return 2, err
		}
		code, err = m.boot(ctx, "tcg", *limit)
	}
	return code, err
}

// hardware reports whether the machine has a chance with hardware virtualisation.
// /dev/kvm alone is none: a kernel that is itself a guest without nested
// virtualisation may have one (kvm_pvm), and emulates a stock kernel's instructions
// one by one until it meets one that it cannot.
func hardware() bool {
	if b, err := os.ReadFile(broken()); err == nil && string(b) == bootID() {
		return false
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	for _, name := range []string{"kvm_intel", "kvm_amd"} {
		if _, err := os.Stat("/sys/module/" + name); err == nil {
			return true
		}
	}
	return false
}

// broken is the file that remembers, until the next boot, that it had none.
func broken() string { return filepath.Join(*dir, "nokvm") }

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(b)
}

func (m *machine) boot(interrupted context.Context, with string, limit time.Duration) (code int, err error) {
	args := []string{"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-machine", "q35,usb=off,vmport=off,hpet=off", "-m", fmt.Sprint(*memory), "-smp", fmt.Sprint(*cpus),
		"-kernel", m.kernel.vmlinux, "-initrd", m.initrd,
		// Three ports: the kernel's log, what tests print, the files that they write.
		"-serial", "file:" + m.console,
		"-chardev", "stdio,id=output,signal=off", "-device", "isa-serial,index=1,chardev=output",
		"-chardev", "file,id=files,path=" + m.files, "-device", "isa-serial,index=2,chardev=files",
		"-device", "isa-debug-exit,iobase=0x501,iosize=2"}
	if with == "kvm" {
		args = append(args, "-accel", "kvm", "-cpu", "host")
	} else {
		// Without AVX: emulated, it makes the kernel's self-tests slow.
		args = append(args, "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64")
	}
	args = append(args, "-append", "console=ttyS0 loglevel=6 panic=-1 oops=panic mitigations=off nokaslr nowatchdog "+
		"random.trust_cpu=on tsc=reliable no_timer_check "+
		plan.Output+"=ttyS1 "+plan.Files+"=ttyS2 "+plan.Load+"="+*load)

	ctx, cancel := context.WithTimeout(interrupted, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, args...)
	cmd.Stdin = nil
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 2, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 2, err
	}
	wait := patience
	if with == "kvm" {
		wait = patienceKVM
	}
	dark := time.AfterFunc(wait, cancel)
	f := follower{jobs: m.jobs, root: m.tests.root, ready: func(release string) {
		dark.Stop()
		note("Linux %s, %s, up in %.1fs", release, with, time.Since(start).Seconds())
	}}
	f.follow(stdout)
	failure := cmd.Wait()
	note("%.0fs, %.0fs of processor time", time.Since(start).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	switch {
	case f.done:
	case interrupted.Err() != nil:
		return 2, fmt.Errorf("told to end in %s", f.running())
	case !f.up:
		return 2, fmt.Errorf("%w with %s in %v: %v\n%s%s", errDark, with, wait, failure, stderr.Bytes(), m.tail())
	case ctx.Err() != nil:
		return 2, fmt.Errorf("no end of %s after %v (-timeout)\n%s", f.running(), limit, m.tail())
	default:
		return 2, fmt.Errorf("the machine ended in %s: %v\n%s%s", f.running(), failure, stderr.Bytes(), m.tail())
	}
	if err := m.bring(); err != nil {
		return 2, err
	}
	complaints, err := m.complaints()
	if err != nil {
		return 2, err
	}
	if complaints != "" {
		fmt.Printf("FAIL\tthe kernel complained, all of it is in %s\n%s\n", m.keep, complaints)
		return 1, nil
	}
	return f.code, nil
}

// A follower reads what the machine says.
type follower struct {
	jobs  []plan.Job
	root  string // of the module
	ready func(release string)

	up, done bool
	job      int // that runs
	code     int
}

func (f *follower) running() string {
	if f.job < len(f.jobs) {
		return f.jobs[f.job].Name
	}
	return "its last steps"
}

func (f *follower) follow(r io.Reader) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if words, ok := strings.CutPrefix(line, plan.Mark); ok {
			f.mark(strings.Fields(words))
		} else {
			os.Stdout.WriteString(line)
		}
		if err != nil {
			return // the machine has ended; done tells how
		}
	}
}

func (f *follower) mark(words []string) {
	var code, i int
	var seconds float64
	all := strings.Join(words, " ")
	word, _, _ := strings.Cut(all, " ")
	switch word {
	case "ready":
		f.up = true
		f.ready(strings.Join(words[1:], " "))
	case "start":
		fmt.Sscanf(all, "start %d", &f.job)
	case "end":
		if n, err := fmt.Sscanf(all, "end %d %d %f", &i, &code, &seconds); n != 3 || i >= len(f.jobs) {
			fmt.Fprintln(os.Stderr, "vm: strange mark:", all, err)
			f.code = 1
			return
		}
		f.job = i + 1
		verdict := "ok  "
		if code != 0 {
			f.code = 1
			verdict = "FAIL"
		}
		fmt.Printf("%s\t%s\t%.3fs\n", verdict, f.jobs[i].Name, seconds)
	case "save":
		if err := f.save(words[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "vm: a file from the machine:", err)
			f.code = 1
		}
	case "done":
		f.done = true
	}
}

// save writes a file that a test has found worth keeping.
func (f *follower) save(words []string) error {
	if len(words) != 2 || !filepath.IsLocal(words[0]) {
		return fmt.Errorf("%d words, or %q is not in the module", len(words), words)
	}
	b, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	name := filepath.Join(f.root, words[0])
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	note("%s is written", words[0])
	return os.WriteFile(name, b, 0o644)
}

// tail is the end of the kernel's log.
func (m *machine) tail() string {
	b, _ := os.ReadFile(m.console)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "the kernel's log (" + m.keep + ") ends with\n" + strings.Join(lines[max(0, len(lines)-60):], "\n")
}

// complaint is what a kernel says when something is wrong with itself.
var complaint = regexp.MustCompile(`WARNING: |BUG: |kernel BUG|KASAN|Oops|general protection|refcount_t|possible recursive locking|blocked for more than|soft lockup|unregister_netdevice: waiting`)

// complaints returns the lines of the kernel's log that hold one, with what
// follows them.
func (m *machine) complaints() (string, error) {
	b, err := os.ReadFile(m.console)
	if err != nil {
		return "", err
	}
	var found strings.Builder
	follow := 0
	for line := range strings.Lines(string(b)) {
		if complaint.MatchString(line) {
			follow = 40
		}
		if follow > 0 {
			found.WriteString(line)
			follow--
		}
	}
	return found.String(), nil
}

// bring copies what the tests wrote to the module.
func (m *machine) bring() error {
	f, err := os.Open(m.files)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("files from the machine: %w", err)
		}
		rel, err := filepath.Rel(plan.Source, h.Name)
		if err != nil || !filepath.IsLocal(rel) {
			return fmt.Errorf("files from the machine: %s is not in %s", h.Name, plan.Source)
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return fmt.Errorf("files from the machine: %s: %w", h.Name, err)
		}
		if err := os.WriteFile(filepath.Join(m.tests.root, rel), b, 0o644); err != nil {
			return err
		}
		note("%s is written", rel)
	}
}
