package bench

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nlwire/nlwire/internal/netns"
)

//go:embed c
var sources embed.FS

// Programs are the contenders in other languages, those that there are.
type Programs struct {
	limit, mnl, ip string // paths

	// Without says what is missing, and what follows.
	Without []string
}

// Build compiles the programs into dir.
func Build(dir string) (*Programs, error) {
	p := &Programs{}
	for _, name := range []string{"object.h", "limit.c", "mnl.c"} {
		b, err := sources.ReadFile("c/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return nil, err
		}
	}
	p.ip, _ = exec.LookPath("ip")
	if p.ip == "" {
		p.Without = append(p.Without, "no ip program: no column "+IPBatch+" (install iproute2)")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		p.Without = append(p.Without, "no gcc: none of the limits in C and no libmnl (install gcc libc6-dev libmnl-dev)")
		return p, nil
	}
	var err error
	if p.limit, err = compile(dir, "limit"); err != nil {
		return nil, err
	}
	if p.mnl, err = compile(dir, "mnl", "-lmnl"); err != nil {
		if !strings.Contains(err.Error(), "libmnl.h: No such file") {
			return nil, err
		}
		p.Without = append(p.Without, "no libmnl: no column "+LibMNL+" (install libmnl-dev)")
	}
	return p, nil
}

// A compiled program, and the column it fills.
type compiled struct{ column, path string }

func (p *Programs) compiled() (all []compiled) {
	for _, c := range []compiled{{Limit, p.limit}, {LibMNL, p.mnl}} {
		if c.path != "" {
			all = append(all, c)
		}
	}
	return all
}

func compile(dir, name string, libs ...string) (string, error) {
	path := filepath.Join(dir, name)
	args := append([]string{"-O2", "-Wall", "-Wextra", "-Werror", "-o", path, path + ".c"}, libs...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("gcc %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// A program is one of the C programs at work in a space.
type program struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (s *space) start(path string) (*program, error) {
	p := &program{cmd: exec.Command(path)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := netns.Do(s.fd(), p.cmd.Start); err != nil {
		return nil, err
	}
	s.onClose(p.end)
	return p, nil
}

// end closes the program's input, which ends it.
func (p *program) end() {
	p.in.Close()
	p.cmd.Wait()
}

// command has the program do something, and returns the time that it took.
func (p *program) command(format string, args ...any) (ns float64, count int, err error) {
	line := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		return 0, 0, err
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %s: %w", p.cmd.Path, line, err)
	}
	if text, ok := strings.CutPrefix(answer, "error "); ok {
		return 0, 0, fmt.Errorf("%s: %s: %w", p.cmd.Path, line, errors.New(strings.TrimSpace(text)))
	}
	var wall, cpu float64
	_, err = fmt.Sscan(answer, &wall, &cpu, &count)
	if Wall {
		return wall, count, err
	}
	return cpu, count, err
}

// peakMemory returns VmHWM of a process in MiB.
func peakMemory(pid int) (float64, error) {
	kib, err := number(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return kib / 1024, err
}
