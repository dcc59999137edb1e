package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// packages are Debian's names of the packages with the programs that are needed.
var packages = map[string]string{
	qemu:       "qemu-system-x86",
	"xz":       "xz-utils",
	"zstd":     "zstd",
	"ip":       "iproute2",
	"sysctl":   "procps",
	"dpkg-deb": "dpkg",
	"ldd":      "libc-bin",
}

const qemu = "qemu-system-x86_64"

// find is exec.LookPath, with the folders that an ordinary user's PATH may lack.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, program))
		}
	}
	return path, err
}

// install installs the programs that are missing.
func install() error {
	var names, debs []string
	for program, deb := range packages {
		if _, err := find(program); err != nil {
			names, debs = append(names, program), append(debs, deb)
		}
	}
	if len(debs) == 0 {
		return nil
	}
	missing := fmt.Sprintf("%s missing", strings.Join(names, ", "))
	command := "apt-get install --no-install-recommends " + strings.Join(debs, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s, and there is no apt to install them: packages %s in Debian", missing, strings.Join(debs, ", "))
	}
	var root []string
	if os.Geteuid() != 0 {
		if exec.Command("sudo", "-n", "true").Run() != nil {
			return fmt.Errorf("%s; as root: %s", missing, command)
		}
		root = []string{"sudo", "-n"}
	}
	note("%s: %s", missing, command)
	get := append(root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300")
	if err := bounded(5*time.Minute, "", append(get, "update")...); err != nil {
		note("%v", err) // the lists that are there may do
	}
	return bounded(15*time.Minute, "", append(append(get, "install", "--no-install-recommends"), debs...)...)
}

// bounded runs a command in a folder for so long at most. The error holds what it
// printed.
func bounded(limit time.Duration, dir string, args ...string) error {
	// Not a context: the timeout program ends the children, sudo's included.
	cmd := exec.Command("timeout", append([]string{"-k", "10", fmt.Sprint(limit.Seconds())}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && (exit.ExitCode() == 124 || exit.ExitCode() == 137):
		return fmt.Errorf("%s: no end after %v\n%s", strings.Join(args, " "), limit, out)
	case err != nil:
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// resolve returns the name of the package with the newest kernel of a series,
// "linux-image-6.12.73+deb13-amd64". Asking takes a second, and packages vanish
// from the archive: the answer holds for a day, and for as long as there is no
// other.
func resolve(series string) (string, error) {
	memo := filepath.Join(*dir, "newest-"+series)
	known, _ := os.ReadFile(memo)
	if info, err := os.Stat(memo); err == nil && time.Since(info.ModTime()) < 24*time.Hour {
		return string(known), nil
	}
	name, err := newest(series)
	if err != nil {
		if len(known) == 0 {
			return "", err
		}
		return string(known), nil
	}
	return name, os.WriteFile(memo, []byte(name), 0o644)
}

// newest asks apt, at first for what it knows.
func newest(series string) (string, error) {
	if _, err := exec.LookPath("apt-cache"); err != nil {
		return "", fmt.Errorf("there is no apt to fetch Debian's kernel with, and none in %s", *dir)
	}
	depends := regexp.MustCompile(`Depends: (linux-image-` + regexp.QuoteMeta(series) + `\.\S+)`)
	for try := 0; ; try++ {
		for _, meta := range []string{"linux-image-" + series + "-amd64", "linux-image-amd64"} {
			out, err := exec.Command("timeout", "60", "apt-cache", "depends", meta).Output()
			if m := depends.FindSubmatch(out); err == nil && m != nil {
				return string(m[1]), nil
			}
		}
		if try > 0 {
			return "", fmt.Errorf("apt knows no linux-image of %s for amd64 (6.1 and 6.12 are in Debian 12, 6.12 in Debian 13)", series)
		}
		if err := refresh(); err != nil {
			return "", err
		}
	}
}

// refresh fetches the lists of packages.
func refresh() error {
	update := []string{"apt-get", "-qq", "update"}
	if os.Geteuid() != 0 {
		update = append([]string{"sudo", "-n"}, update...)
	}
	return bounded(5*time.Minute, "", update...)
}

// download fetches a package into a folder and returns its path. It tries again
// with new lists, since old ones name what is no longer there.
func download(name, to string) (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", fmt.Errorf("%s is not in %s, and there is no apt to fetch it with", name, *dir)
	}
	note("fetching %s", name)
	get := []string{"apt-get", "-qq", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30"}
	if os.Geteuid() == 0 { // the user of apt's own may not write here
		get = append(get, "-o", "APT::Sandbox::User=root")
	}
	get = append(get, "download", name)
	if err := bounded(10*time.Minute, to, get...); err != nil {
		note("%v", err)
		if err := refresh(); err != nil {
			note("%v", err)
		}
		if err := bounded(10*time.Minute, to, get...); err != nil {
			return "", err
		}
	}
	found, err := filepath.Glob(filepath.Join(to, name+"_*.deb"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("apt-get download %s left no package", name)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}
