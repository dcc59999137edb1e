// Command bench runs the contestants of every row in turn, round by round, so that
// what else runs on the machine hits all of them, and prints the medians.
//
//	go run ./cmd/bench [-rounds 9] [-run REGEXP] [-o README.md]
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/bench"
)

var (
	rounds = flag.Int("rounds", 9, "`number` of rounds")
	match  = flag.String("run", "", "measure only rows and contestants whose Encode/Row/name matches this regular `expression`")
	out    = flag.String("o", "", "`file` whose table is replaced, between its two <!-- bench --> lines")
	length = flag.Duration("t", 20*time.Millisecond, "`time` that each contestant runs in a round")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	re, err := regexp.Compile(*match)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s\n", machine())
	for _, part := range []struct {
		name string
		rows []bench.Row
	}{{"Encode", bench.Encode()}, {"Decode", bench.Decode()}} {
		b.WriteString(table(part.name, part.rows, re))
	}
	if *out == "" {
		_, err := os.Stdout.Write(b.Bytes())
		return err
	}
	return replace(*out, b.Bytes())
}

// A result is what was measured of one contestant.
type result struct {
	n      int // runs in a round
	ns     []float64
	allocs float64
}

// table measures rows and writes one line for each.
func table(name string, rows []bench.Row, re *regexp.Regexp) string {
	var names []string
	results := make([]map[string]*result, len(rows))
	for i, r := range rows {
		results[i] = map[string]*result{}
		for _, c := range r.Contestants {
			if re.MatchString(name + "/" + r.Name + "/" + c.Name) {
				results[i][c.Name] = &result{n: runs(c.Run), allocs: testing.AllocsPerRun(10, c.Run)}
				if !slices.Contains(names, c.Name) {
					names = append(names, c.Name)
				}
			}
		}
	}
	for round := range *rounds {
		for i, r := range rows {
			for j := range r.Contestants { // each round begins with another one
				c := r.Contestants[(j+round)%len(r.Contestants)]
				if res := results[i][c.Name]; res != nil {
					runtime.GC()
					res.ns = append(res.ns, measure(c.Run, res.n))
				}
			}
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, "\n| %s, ns (allocs) **times nlwire** |", strings.ToLower(name))
	for _, n := range names {
		fmt.Fprintf(&b, " %s |", n)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("--:|", len(names)))
	for i, r := range rows {
		if len(results[i]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s |", r.Title)
		ours := results[i]["nlwire"]
		for _, n := range names {
			res := results[i][n]
			if res == nil {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(&b, " %s (%v)", digits(median(res.ns)), res.allocs)
			if ours != nil && res != ours {
				fmt.Fprintf(&b, " **%s**", digits(ratio(res, ours)))
			}
			b.WriteString(" |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ratio is the median of the ratios of each round.
func ratio(a, b *result) float64 {
	var r []float64
	for i := range a.ns {
		r = append(r, a.ns[i]/b.ns[i])
	}
	return median(r)
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}

func digits(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// runs returns how many runs take the time of a round.
func runs(f func()) int {
	for n := 1; ; n *= 2 {
		start := time.Now()
		for range n {
			f()
		}
		if d := time.Since(start); d > *length/4 {
			return max(1, int(float64(n)*float64(*length)/float64(d)))
		}
	}
}

// measure returns the nanoseconds of one run.
func measure(f func(), n int) float64 {
	start := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
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
	return fmt.Sprintf("%s, %d cores, Linux %s, %s %s/%s.", cpu, runtime.NumCPU(), bytes.TrimSpace(kernel), runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
