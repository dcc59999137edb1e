package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// A plant is a defect, as a change to one file.
type plant struct {
	name   string // of its file
	what   string
	target target
	file   string
	old    string
	new    string
}

// plants reads the files of fuzz/planted: a line that says what the defect is, a
// line "target: PACKAGE NAME", and the sections "file", "old" and "new".
func plants(pattern *regexp.Regexp) ([]plant, error) {
	files, err := filepath.Glob("fuzz/planted/*.txtar")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no fuzz/planted/*.txtar: run campaign at the root of the module (%v)", err)
	}
	var all []plant
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		p := plant{name: strings.TrimSuffix(filepath.Base(name), ".txtar")}
		if !pattern.MatchString(p.name) {
			continue
		}
		before, after, ok := strings.Cut(strings.TrimSpace(string(a.Comment)), "\ntarget: ")
		pkg, fuzz, ok2 := strings.Cut(after, " ")
		if !ok || !ok2 {
			return nil, fmt.Errorf("%s: no line \"target: PACKAGE NAME\"", name)
		}
		p.what = before
		p.target = target{dir: pkg, pkg: "./" + pkg, name: strings.TrimSpace(fuzz)}
		for _, f := range a.Files {
			switch f.Name {
			case "file":
				p.file = strings.TrimSpace(string(f.Data))
			case "old":
				p.old = string(f.Data)
			case "new":
				p.new = string(f.Data)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// overlay writes what `go test -overlay` reads, to build with the defect.
func (p plant) overlay(dir string) (string, error) {
	b, err := os.ReadFile(p.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(b), p.old); n != 1 || p.old == "" {
		return "", fmt.Errorf("fuzz/planted/%s: its old text is %d times in %s", p.name, n, p.file)
	}
	file, err := filepath.Abs(p.file)
	if err != nil {
		return "", err
	}
	changed, list := filepath.Join(dir, p.name+".go"), filepath.Join(dir, p.name+".json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(b), p.old, p.new, 1)), 0o666); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	return list, os.WriteFile(list, text, 0o666)
}

// plant wants each defect to be found, from an empty corpus.
func (c *campaigner) plant(ctx context.Context, limit time.Duration, pattern *regexp.Regexp) (ok bool, err error) {
	all, err := plants(pattern)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "planted")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	ok = true
	fmt.Fprintf(c.report, "%-24s %-28s %10s %12s  %s\n", "defect", "target", "found in", "executions", "what it is")
	for _, p := range all {
		list, err := p.overlay(dir)
		if err != nil {
			return false, err
		}
		bin := filepath.Join(dir, p.name+".test")
		if err := build(ctx, p.target, bin, "-overlay", list); err != nil {
			return false, err
		}
		in := &campaigner{out: filepath.Join(dir, p.name), report: c.report}
		r, err := in.fuzz(ctx, p.target, bin, limit.String())
		if err != nil {
			return false, err
		}
		took := "never"
		if r.found > 0 {
			took = r.took.Round(100 * time.Millisecond).String()
		} else {
			ok = false
		}
		fmt.Fprintf(c.report, "%-24s %-28s %10s %12d  %s\n", p.name, p.target.pkg+" "+p.target.name, took, r.execs, p.what)
	}
	return ok, nil
}
