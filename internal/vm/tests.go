package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nlwire/nlwire/internal/vm/plan"
)

// tests are what runs in the machine.
type tests struct {
	root     string // of the module
	packages []pkg
	init     string // the machine's first process
}

type pkg struct {
	path   string
	dir    string // below root
	binary string
}

// output runs a go command for the machine.
func output(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	// Without asking git, which refuses a folder of somebody else.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = append(out, exit.Stderr...)
		}
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

// build compiles the tests of the packages that have some.
func build(work string, patterns []string) (*tests, error) {
	root, err := output("list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	t := &tests{root: strings.TrimSpace(string(root)), init: filepath.Join(work, "init")}
	if _, err := output("build", "-trimpath", "-ldflags=-s -w", "-o", t.init, "github.com/nlwire/nlwire/internal/vm/init"); err != nil {
		return nil, err
	}
	list, err := output(append([]string{"list", "-tags", *tags, "-f", "{{.ImportPath}}\t{{.Dir}}\t{{len .TestGoFiles}}{{len .XTestGoFiles}}"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(list)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[2] == "00" {
			continue
		}
		rel, err := filepath.Rel(t.root, f[1])
		if err != nil {
			return nil, err
		}
		p := pkg{f[0], rel, filepath.Join(work, fmt.Sprintf("%d.test", len(t.packages)))}
		if _, err := output("test", "-c", "-tags", *tags, "-ldflags=-s -w", "-o", p.binary, p.path); err != nil {
			return nil, err
		}
		t.packages = append(t.packages, p)
	}
	if len(t.packages) == 0 {
		return nil, fmt.Errorf("no tests in %s", strings.Join(patterns, " "))
	}
	return t, nil
}

// programs of the host that the machine has: those of iproute2 that the goldens were
// recorded from, and what set-ups use. The first ones must be there.
var programs = []string{"sh", "ip", "bridge", "tc", "dcb", "sed", "cat", "grep", "sleep", "sysctl"}

const mustHave = 3

// initrd writes the machine's file system, and returns what is to run.
func (t *tests) initrd(name string, k kernel, rest []string) ([]plan.Job, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	modules, err := os.Open(k.modules)
	if err != nil {
		return nil, err
	}
	defer modules.Close()
	n, err := io.Copy(f, modules)
	if err != nil {
		return nil, err
	}
	c := newCPIO(f)
	c.off = n
	if err := t.system(c); err != nil {
		return nil, err
	}
	if err := t.source(c); err != nil {
		return nil, err
	}
	var jobs []plan.Job
	for i, p := range t.packages {
		b, err := os.ReadFile(p.binary)
		if err != nil {
			return nil, err
		}
		j := plan.Job{Name: p.path, Path: fmt.Sprintf("/vm/test/%d.test", i), Dir: path.Join(plan.Source, p.dir), Collect: *collect,
			Env: []string{"NLWIRE_LIVE=1", "NLWIRE_VM=" + k.series}}
		c.file(j.Path, 0o755, b)
		j.Args = append(j.Args, "-test.timeout="+(*limit*9/10).String(), "-test.run="+*run, "-test.skip="+*skip)
		if *verbose {
			j.Args = append(j.Args, "-test.v")
		}
		j.Args = append(j.Args, rest...)
		jobs = append(jobs, j)
	}
	b, err := json.Marshal(jobs)
	if err != nil {
		return nil, err
	}
	c.file(plan.Jobs, 0o644, b)
	if err := c.end(); err != nil {
		return nil, err
	}
	return jobs, f.Close()
}

// system writes what a machine has to have: init, programs and their libraries.
func (t *tests) system(c *cpio) error {
	b, err := os.ReadFile(t.init)
	if err != nil {
		return err
	}
	c.file("/init", 0o755, b)
	c.symlink("/sbin/modprobe", "/init")
	for _, d := range []string{"/proc", "/sys", "/dev", "/run", "/root"} {
		c.mkdir(d)
	}
	c.file("/etc/passwd", 0o644, []byte("root:x:0:0::/root:/bin/sh\n"))
	c.file("/etc/group", 0o644, []byte("root:x:0:\n"))
	c.file("/etc/hosts", 0o644, []byte("127.0.0.1 localhost\n::1 localhost\n"))
	// Names that ip knows no other way, with the numbers of IANA's register.
	c.file("/etc/protocols", 0o644, []byte("ip 0 IP\nicmp 1 ICMP\nipencap 4 IP-ENCAP\ntcp 6 TCP\nudp 17 UDP\ndccp 33 DCCP\n"+
		"ipv6 41 IPv6\ngre 47 GRE\nesp 50 IPSEC-ESP\nah 51 IPSEC-AH\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP\nmpls-in-ip 137 MPLS-in-IP\n"))
	done := map[string]bool{}
	for i, p := range programs {
		file, err := find(p)
		if err != nil && i >= mustHave {
			note("the machine has no %s, since it is missing here", p)
			continue
		}
		if err != nil {
			return err
		}
		if err := program(c, "/bin/"+p, file, done); err != nil {
			return err
		}
	}
	for _, names := range []string{"/etc/iproute2", "/usr/share/iproute2"} { // of protocols, tables and scopes
		err := filepath.WalkDir(names, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return copied(c, file, file)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func copied(c *cpio, to, file string) error {
	b, err := os.ReadFile(file)
	if err == nil {
		c.file(to, 0o755, b)
	}
	return err
}

// library is a line of ldd: "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f...)".
var library = regexp.MustCompile(`(?m)^\s(?:\S+ => )?(/\S+) \(0x`)

// program writes a program, and its libraries where they are here.
func program(c *cpio, to, file string, done map[string]bool) error {
	out, err := exec.Command("ldd", file).CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("not a dynamic executable")) {
		return fmt.Errorf("ldd %s: %w: %s", file, err, out)
	}
	for _, m := range library.FindAllSubmatch(out, -1) {
		lib := string(m[1])
		if done[lib] {
			continue
		}
		done[lib] = true
		if err := copied(c, lib, lib); err != nil {
			return err
		}
	}
	return copied(c, to, file)
}

// source writes the module's files, which tests read from where they stand.
func (t *tests) source(c *cpio) error {
	return filepath.WalkDir(t.root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.root, file)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || rel == filepath.Join("internal", "bench")):
			return fs.SkipDir
		case d.IsDir():
			c.mkdir(path.Join(plan.Source, rel))
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c.file(path.Join(plan.Source, rel), 0o644, b)
		return nil
	})
}
