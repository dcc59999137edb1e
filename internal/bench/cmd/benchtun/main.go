//go:build linux

// Command benchtun measures package tun beside loops in C, os.File and
// wireguard-go's tun, in a network namespace of its own. The contestants of a row
// run in turn, round by round, so that what else runs on the machine hits all of
// them.
//
//	go run ./cmd/benchtun [-rounds 9] [-run REGEXP] [-o tun.md]
//
// It needs a C compiler (cc) and what creating devices needs.
package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/nlwire/nlwire/internal/private"
	"golang.org/x/sys/unix"
)

var (
	rounds = flag.Int("rounds", 9, "`number` of rounds")
	match  = flag.String("run", "", "measure only rows whose title matches this regular `expression`")
	out    = flag.String("o", "", "`file` whose table is replaced, between its two <!-- bench --> lines")
)

//go:embed c/loop.c
var loopC []byte

// loop is the path of the program that c/loop.c makes.
var loop string

// A row is one job and the ways to do it. The first one is what the others are
// compared with.
type row struct {
	title string
	unit  string
	more  bool // is better
	ways  []way
}

// A way returns what one round has taken, or given if more is better.
type way struct {
	name string
	run  func() float64
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("benchtun: ")
	flag.Parse()
	if !private.Inside() {
		code, err := private.Run()
		check(err)
		os.Exit(code)
	}
	re, err := regexp.Compile(*match)
	check(err)
	dir, err := os.MkdirTemp("", "benchtun")
	check(err)
	defer os.RemoveAll(dir)
	loop = filepath.Join(dir, "loop")
	check(os.WriteFile(loop+".c", loopC, 0o600))
	cc := exec.Command("cc", "-O2", "-pthread", "-o", loop, loop+".c")
	cc.Stderr = os.Stderr
	check(cc.Run())

	// CPU time is taken of threads.
	runtime.LockOSThread()
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s\n", machine())
	b.WriteString("\n| what | unit | |\n|---|---|---|\n")
	for _, make := range []func() []row{memoryRows, writeRows, readRows, forwardRows} {
		for _, r := range make() {
			if re.MatchString(r.title) {
				line := r.measure()
				fmt.Fprint(os.Stderr, line)
				b.WriteString(line)
			}
		}
	}
	if *out == "" {
		os.Stdout.Write(b.Bytes())
		return
	}
	check(replace(*out, b.Bytes()))
}

// measure runs the ways of a row and returns its line.
func (r row) measure() string {
	results := make([][]float64, len(r.ways))
	for _, w := range r.ways {
		w.run() // once for the caches
	}
	for round := range *rounds {
		for i := range r.ways { // each round begins with another one
			i = (i + round) % len(r.ways)
			results[i] = append(results[i], r.ways[i].run())
		}
	}
	var cells []string
	for i, w := range r.ways {
		best := slices.Min(results[i])
		if r.more {
			best = slices.Max(results[i])
		}
		cell := fmt.Sprintf("%s %s (%s)", w.name, digits(median(results[i])), digits(best))
		if i > 0 {
			var ratios []float64
			for round, v := range results[i] {
				ratios = append(ratios, v/results[0][round])
			}
			cell += fmt.Sprintf(" **%.2f**", median(ratios))
		}
		cells = append(cells, cell)
	}
	return fmt.Sprintf("| %s | %s | %s |\n", r.title, r.unit, strings.Join(cells, " · "))
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}

func digits(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// cpu returns the CPU time of the thread in nanoseconds, as loop.c takes it.
func cpu() float64 {
	var t unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return float64(t.Nano())
}

// c runs the C program, with input and descriptors, and returns what it prints.
func c(input []byte, files []*os.File, args ...string) []float64 {
	cmd := exec.Command(loop, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = files
	out, err := cmd.Output()
	if err != nil {
		log.Fatalf("loop %v: %v", args, err)
	}
	var v []float64
	for _, f := range strings.Fields(string(out)) {
		var x float64
		_, err := fmt.Sscan(f, &x)
		check(err)
		v = append(v, x)
	}
	return v
}

func ip(args ...string) {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		log.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// machine names what the numbers were measured on.
func machine() string {
	cpu := "unknown CPU"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if k, v, _ := strings.Cut(line, ":"); strings.TrimSpace(k) == "model name" {
			cpu = strings.TrimSpace(v)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s, %d cores, load %s, Linux %s, %s %s/%s, %d rounds.", cpu, runtime.NumCPU(), first, bytes.TrimSpace(kernel), runtime.Version(), runtime.GOOS, runtime.GOARCH, *rounds)
}

// replace puts text between the two marks of a file.
func replace(path string, text []byte) error {
	const mark = "<!-- bench -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	part := strings.Split(string(b), mark)
	if len(part) != 3 {
		return fmt.Errorf("%s: want two lines %q, found %d", path, strings.TrimSpace(mark), len(part)-1)
	}
	return os.WriteFile(path, []byte(part[0]+mark+string(text)+"\n"+mark+part[2]), 0o644)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
