// Command bench measures nlwire beside other ways to do the same, and prints one
// table. The contestants of a row run in turn, round by round, so that what else
// runs on the machine hits all of them; the table has medians.
//
//	go run ./cmd/bench [-rounds 9] [-run REGEXP] [-dumps 10000,100000,1000000] [-o README.md]
//	go run ./cmd/bench -scale [-o ../../rtnl/scale.md]
//
// All of the kernel's part happens in network namespaces of its own.
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nlwire/nlwire/internal/bench"
	"github.com/nlwire/nlwire/internal/private"
)

var (
	rounds = flag.Int("rounds", 9, "`number` of rounds; a third of them for dumps beyond 100,000")
	match  = flag.String("run", "", "measure only what matches this regular `expression`: Encode/Route4, Decode/Link, change route4, dump route6 100000, monitor route4, peak")
	out    = flag.String("o", "", "`file` whose table is replaced, between its two <!-- bench --> lines")
	length = flag.Duration("t", 20*time.Millisecond, "`time` that each contestant of encoding and decoding runs in a round")

	scale = flag.Bool("scale", false, "handle a full Internet table and many namespaces instead, and print what that costs")
	full  bench.ScaleSizes

	sizes bench.Sizes
	dumps = flag.String("dumps", "10000,100000,1000000", "`sizes` of the dumps of routes")
)

func init() {
	flag.BoolVar(&bench.Wall, "wall", false, "measure the time that goes by in the kernel's part, not that of the processors; for a machine that does nothing else")
	flag.IntVar(&sizes.Routes, "routes", 10000, "`number` of routes that are added, replaced and deleted")
	flag.IntVar(&sizes.Addresses, "addresses", 1000, "`number` of addresses")
	flag.IntVar(&sizes.Links, "links", 1000, "`number` of links")
	flag.IntVar(&sizes.Notifications, "notifications", 10000, "`number` of routes that are followed")
	flag.IntVar(&full.Routes4, "full4", 1000000, "`number` of IPv4 routes of -scale")
	flag.IntVar(&full.Routes6, "full6", 250000, "`number` of IPv6 routes of -scale")
	flag.IntVar(&full.Changes, "changes", 100000, "`number` of changes that -scale follows")
	flag.IntVar(&full.Namespaces, "namespaces", 50, "`number` of namespaces of -scale")
	flag.IntVar(&full.Conns, "conns", 4, "`number` of Conns in each namespace of -scale")
	flag.IntVar(&sizes.Peak, "peak", 1000000, "`number` of routes that are dumped while the memory is watched")
}

func main() {
	bench.Child()
	flag.Parse()
	if !private.Inside() {
		code, err := private.Run()
		if err == nil {
			os.Exit(code)
		}
		fail(err)
	}
	if err := run(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func run() error {
	if *scale {
		return scaled()
	}
	re, err := regexp.Compile(*match)
	if err != nil {
		return err
	}
	for n := range strings.SplitSeq(*dumps, ",") {
		size, err := strconv.Atoi(n)
		if err != nil {
			return fmt.Errorf("-dumps: %w", err)
		}
		sizes.Dumps = append(sizes.Dumps, size)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := bench.Build(dir)
	if err != nil {
		return err
	}

	var lines []*line
	for _, part := range []struct {
		name, title string
		rows        []bench.Row
	}{{"Encode", "encode ", bench.Encode()}, {"Decode", "decode ", bench.Decode()}} {
		lines = append(lines, messages(part.name, part.title, part.rows, re)...)
	}
	for _, g := range bench.Groups(sizes, programs) {
		if !re.MatchString(g.Name) {
			continue
		}
		more, err := kernel(g)
		if err != nil {
			return err
		}
		lines = append(lines, more...)
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s\n\n", machine())
	for _, w := range programs.Without {
		fmt.Fprintf(&b, "Skipped: %s.\n\n", w)
	}
	b.WriteString(table(lines))
	b.WriteString(missed(lines))
	return write(b.Bytes())
}

// write puts text where -o says.
func write(text []byte) error {
	if *out == "" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return replace(*out, text)
}

// scaled prints what Scale has measured.
func scaled() error {
	steps, err := bench.Scale(full)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s\n\n| seconds of processor time | user | system | |\n|---|--:|--:|---|\n", machine())
	for _, s := range steps {
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %s |\n", s.What, s.User, s.System, s.Note)
	}
	return write(b.Bytes())
}

// A line is one row of the table.
type line struct {
	title   string
	limit   string  // what the column Limit is
	goal    float64 // of nlwire over the limit
	minVish float64 // of vishvananda over nlwire
	columns map[string]*result
}

// A result is what was measured of one contestant, in each round.
type result struct {
	values []float64
	allocs float64 // -1 is unknown
}

// messages measures encoding or decoding.
func messages(name, title string, rows []bench.Row, re *regexp.Regexp) (lines []*line) {
	type contestant struct {
		bench.Contestant
		*result
		runs int // in a round
	}
	var all [][]contestant
	for _, r := range rows {
		if !re.MatchString(name + "/" + r.Name) {
			continue
		}
		l := &line{title: title + r.Title, limit: "Go by hand", columns: map[string]*result{}}
		lines = append(lines, l)
		var of []contestant
		for _, c := range r.Contestants {
			res := &result{allocs: testing.AllocsPerRun(10, c.Run)}
			column := c.Name
			if column == "hand" {
				column = bench.Limit
			}
			l.columns[column] = res
			of = append(of, contestant{c, res, runs(c.Run)})
		}
		all = append(all, of)
	}
	for round := range *rounds {
		for _, of := range all {
			for j := range of { // each round begins with another one
				c := of[(j+round)%len(of)]
				runtime.GC()
				c.values = append(c.values, measure(c.Run, c.runs))
			}
		}
	}
	return lines
}

// kernel measures a group.
func kernel(g bench.Group) (lines []*line, err error) {
	start := time.Now()
	contenders, end, err := g.Open()
	if err != nil {
		return nil, err
	}
	defer end()
	for _, r := range g.Rows {
		lines = append(lines, &line{title: r.Title, limit: r.Limit, goal: r.Goal, minVish: bench.MinVish, columns: map[string]*result{}})
	}
	n := *rounds
	if g.Slow {
		n = (n + 2) / 3
	}
	for round := range n {
		for j := range contenders {
			c := contenders[(j+round)%len(contenders)]
			runtime.GC()
			samples, err := c.Run()
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", g.Name, c.Name, err)
			}
			for i, s := range samples {
				for _, row := range c.Rows[i] {
					res := lines[row].columns[c.Name]
					if res == nil {
						res = &result{}
						lines[row].columns[c.Name] = res
					}
					res.values = append(res.values, s.Value)
					res.allocs = s.Allocs
				}
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", g.Name, time.Since(start).Round(100*time.Millisecond))
	return lines, nil
}

var peers = []string{bench.LibMNL, "mdlayher", bench.RTNetlink, bench.Vishvananda, bench.IPBatch, "memcpy"}

// table writes lines, with the columns that any of them has.
func table(lines []*line) string {
	columns := slices.DeleteFunc(slices.Clone(peers), func(name string) bool {
		return !slices.ContainsFunc(lines, func(l *line) bool { return l.columns[name] != nil })
	})
	var b strings.Builder
	b.WriteString("| ns for each (allocations) **times nlwire** | nlwire | limit | nlwire / limit | goal |")
	for _, name := range columns {
		fmt.Fprintf(&b, " %s |", name)
	}
	fmt.Fprintf(&b, "\n|---|--:|--:|--:|--:|%s\n", strings.Repeat("--:|", len(columns)))
	for _, l := range lines {
		ours, limit := l.columns[bench.Ours], l.columns[bench.Limit]
		fmt.Fprintf(&b, "| %s | %s |", l.title, ours)
		if limit != nil {
			fmt.Fprintf(&b, " %s: %s | **%s** |", l.limit, limit, digits(ratio(ours, limit)))
		} else {
			b.WriteString(" | |")
		}
		if limit != nil && l.goal > 0 {
			fmt.Fprintf(&b, " %v |", l.goal)
		} else {
			b.WriteString(" |")
		}
		for _, name := range columns {
			if res := l.columns[name]; res != nil {
				fmt.Fprintf(&b, " %s **%s**", res, digits(ratio(res, ours)))
			}
			b.WriteString(" |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (r *result) String() string {
	s := digits(median(r.values))
	if r.allocs >= 0 {
		s += fmt.Sprintf(" (%s)", strings.TrimSuffix(fmt.Sprintf("%.1f", r.allocs), ".0"))
	}
	return s
}

// missed names the goals that were missed.
func missed(lines []*line) string {
	var b strings.Builder
	for _, l := range lines {
		ours, limit, vish := l.columns[bench.Ours], l.columns[bench.Limit], l.columns[bench.Vishvananda]
		if limit != nil && l.goal > 0 && ratio(ours, limit) > l.goal {
			fmt.Fprintf(&b, "- %s: %s times the limit, not %v.\n", l.title, digits(ratio(ours, limit)), l.goal)
		}
		if vish == nil || ratio(vish, ours) >= l.minVish {
			continue
		}
		fmt.Fprintf(&b, "- %s: vishvananda takes %s times as much, not %v.", l.title, digits(ratio(vish, ours)), l.minVish)
		if limit != nil {
			fmt.Fprintf(&b, " The limit is %s.", digits(ratio(vish, limit)))
		}
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		return "\nNo goal was missed.\n"
	}
	return "\nGoals that were missed:\n\n" + b.String()
}

// ratio is the median of the ratios of each round.
func ratio(a, b *result) float64 {
	var r []float64
	for i := range a.values {
		r = append(r, a.values[i]/b.values[i])
	}
	return median(r)
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}

// digits writes three digits of what is below 10, and two decimals at most.
func digits(v float64) string {
	switch {
	case v < 0.1:
		return fmt.Sprintf("%.2g", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
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
