// Command campaign runs every fuzz target of the module and reports.
//
//	go run ./fuzz/campaign -time 30m -o /tmp/campaign
//
// It builds each package's tests with coverage instrumentation, shares the time
// among the targets, keeps a corpus in the output directory for the next campaign,
// and writes what was found, ready for `go test -run`, and summary.txt. With
// -planted it brings back defects that other libraries have had, one by one (the
// files of fuzz/planted), and tells how long the targets take to find each.
//
// The exit code is 1 if anything was found, or if a planted defect was not.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	total := flag.Duration("time", 30*time.Minute, "of all targets together, without the builds; of each planted defect at most")
	out := flag.String("o", "campaign", "directory of the corpus, the findings and summary.txt")
	run := flag.String("run", ".", "targets whose `package.Name` matches this regular expression")
	planted := flag.Bool("planted", false, "look for planted defects")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := campaign(ctx, *total, *out, *run, *planted)
	if err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

func campaign(ctx context.Context, total time.Duration, out, run string, planted bool) (ok bool, err error) {
	pattern, err := regexp.Compile(run)
	if err != nil {
		return false, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return false, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return false, err
	}
	f, err := os.Create(filepath.Join(out, "summary.txt"))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c := &campaigner{out: out, report: io.MultiWriter(f, os.Stdout)}
	if planted {
		return c.plant(ctx, total, pattern)
	}
	return c.all(ctx, total, pattern)
}

type campaigner struct {
	out    string
	report io.Writer
}

// A target is a fuzz test.
type target struct{ dir, pkg, name string }

func (t target) String() string { return t.pkg + "." + t.name }

// targets lists the fuzz tests that match.
func targets(ctx context.Context, pattern *regexp.Regexp) ([]target, error) {
	list, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}} {{.ImportPath}}", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	name := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	var all []target
	for line := range strings.Lines(string(list)) {
		dir, pkg, _ := strings.Cut(strings.TrimSpace(line), " ")
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			for _, m := range name.FindAllSubmatch(b, -1) {
				t := target{dir, pkg, string(m[1])}
				if pattern.MatchString(t.String()) {
					all = append(all, t)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no target matches")
	}
	return all, nil
}

// A result is what came of a target.
type result struct {
	execs, corpus, found int
	bits                 int // of coverage, as the fuzzer counts edges
	took                 time.Duration
	finding              string // the failure's text
}

func (c *campaigner) all(ctx context.Context, total time.Duration, pattern *regexp.Regexp) (ok bool, err error) {
	all, err := targets(ctx, pattern)
	if err != nil {
		return false, err
	}
	share := max(time.Second, total/time.Duration(len(all)))
	fmt.Fprintf(c.report, "%d targets, %v each\n\n%-70s %12s %10s %8s %8s %9s\n", len(all), share.Round(time.Millisecond), "target", "executions", "per second", "coverage", "corpus", "findings")
	var sum result
	ok = true
	bins := map[string]string{}
	for _, t := range all {
		bin := bins[t.pkg]
		if bin == "" {
			bin = filepath.Join(c.out, "bin", strings.ReplaceAll(t.pkg, "/", "_")+".test")
			if err := build(ctx, t, bin); err != nil {
				return false, err
			}
			bins[t.pkg] = bin
		}
		r, err := c.fuzz(ctx, t, bin, share.String())
		if err != nil {
			return false, err
		}
		fmt.Fprintf(c.report, "%-70s %12d %10.0f %8d %8d %9d\n", t, r.execs, float64(r.execs)/r.took.Seconds(), r.bits, r.corpus, r.found)
		if r.finding != "" {
			ok = false
			fmt.Fprintf(c.report, "%s\n", r.finding)
		}
		sum.execs, sum.bits, sum.corpus, sum.found, sum.took = sum.execs+r.execs, sum.bits+r.bits, sum.corpus+r.corpus, sum.found+r.found, sum.took+r.took
	}
	fmt.Fprintf(c.report, "%-70s %12d %10.0f %8d %8d %9d\n\n%v of fuzzing\n", "all", sum.execs, float64(sum.execs)/sum.took.Seconds(), sum.bits, sum.corpus, sum.found, sum.took.Round(time.Second))
	return ok, nil
}

// build makes the instrumented test program of a target's package.
func build(ctx context.Context, t target, bin string, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test", "-c", "-fuzz", ".", "-o", bin}, flags...), t.pkg)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

var (
	progress = regexp.MustCompile(`^fuzz: elapsed: .*execs: (\d+) .*\(total: (\d+)\)`)
	newBits  = regexp.MustCompile(`new bits: (\d+)`)
	written  = regexp.MustCompile(`Failing input written to (\S+)`)
)

// fuzz runs one target for a time ("10s") or so many executions ("1000x"). What it
// finds goes to the directory findings.
func (c *campaigner) fuzz(ctx context.Context, t target, bin, limit string) (r result, err error) {
	cmd := exec.CommandContext(ctx, bin, "-test.run", "^$", "-test.fuzz", "^"+t.name+"$", "-test.fuzztime", limit,
		"-test.fuzzminimizetime", "10x", "-test.fuzzcachedir", filepath.Join(c.out, "corpus", filepath.FromSlash(t.pkg)))
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), "GODEBUG=fuzzdebug=1")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	cmd.Stderr = cmd.Stdout
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	var text bytes.Buffer
	file := ""
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := newBits.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			r.bits += n
		}
		if m := progress.FindStringSubmatch(line); m != nil {
			r.execs, _ = strconv.Atoi(m[1])
			r.corpus, _ = strconv.Atoi(m[2])
			fmt.Fprintf(os.Stderr, "\r%-100s", fmt.Sprintf("%s: %d executions, corpus %d", t.name, r.execs, r.corpus))
		}
		if m := written.FindStringSubmatch(line); m != nil {
			file = filepath.Join(t.dir, m[1])
		}
		if !strings.HasPrefix(line, "fuzz: ") && !strings.Contains(line, " DEBUG ") && text.Len() < 64<<10 {
			fmt.Fprintln(&text, line)
		}
	}
	fmt.Fprintf(os.Stderr, "\r%100s\r", "")
	err = errors.Join(lines.Err(), cmd.Wait())
	r.took = time.Since(start)
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case err == nil:
		return r, nil
	case strings.Contains(text.String(), "context deadline exceeded") && file == "":
		return r, nil // the clock ended an execution: no finding (go.dev/issue/75804)
	}
	r.found, r.finding = 1, strings.TrimSpace(text.String())
	if file == "" {
		return r, nil
	}
	to := filepath.Join(c.out, "findings", t.name, filepath.Base(file))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return r, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := errors.Join(os.WriteFile(to, b, 0o666), os.Remove(file)); err != nil {
		return r, err
	}
	for d, i := filepath.Dir(file), 0; i < 3; d, i = filepath.Dir(d), i+1 {
		os.Remove(d) // testdata/fuzz/FuzzX, as far as it is empty
	}
	r.finding += "\nthe input is in " + to
	return r, nil
}
