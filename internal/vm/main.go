// Command vm runs the tests of packages as root in a virtual machine with one of
// Debian's kernels and all its networking modules:
//
//	go run ./internal/vm -kernel 6.12 ./link ./route ./tun
//
// The tests run with NLWIRE_LIVE=1 and NLWIRE_VM=6.12 in the environment, in a
// copy of the module, one package after the other. The exit code is 1 if a test
// fails or the kernel complains (BUG, WARNING, a hung task: its log is printed),
// and 2 if the machine could not be made or ended too early. Several kernels,
// separated by commas, run one after the other. What follows -- goes to the test
// binaries as it stands: -- -test.count=3.
//
// The kernel's package is fetched with apt and unpacked, not installed; what was
// made of it stays in the user's cache folder, and from then on neither apt nor a
// network is needed. Missing programs (QEMU, xz, zstd, iproute2) are installed with
// apt. Emulation alone is enough, a few times slower than the machine itself;
// hardware virtualisation is used where there is some that works.
//
// The machine has no other programs than sh, ip, bridge, tc, dcb, and a few of the
// host's for scripts, and no network.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

var (
	kernels = flag.String("kernel", "6.12", "`series` of Debian's kernels, separated by commas: 6.1, 6.12")
	tags    = flag.String("tags", "", "build `tags` of the tests")
	run     = flag.String("run", "", "run only tests that match the regular `expression`")
	skip    = flag.String("skip", "", "skip tests that match the regular `expression`")
	verbose = flag.Bool("v", false, "print all that tests say")
	limit   = flag.Duration("timeout", 15*time.Minute, "how long a machine may run")
	collect = flag.Bool("collect", false, "copy the files that a test writes in its folder to the package's")
	load    = flag.String("load", "", "`modules` to load first, separated by commas, or all; the others are loaded when first used")
	accel   = flag.String("accel", "auto", "auto, kvm or tcg")
	cpus    = flag.Int("cpus", max(2, min(runtime.NumCPU(), 4)), "CPUs of the machine")
	memory  = flag.Int("memory", 1024, "MiB of the machine's memory")
	dir     = flag.String("cache", "", "`folder` for what is fetched and made (default nlwire/vm in the user's cache folder)")
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: vm [flags] packages... [-- flags of the test binaries]")
		flag.PrintDefaults()
	}
	args, rest := os.Args[1:], []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		args, rest = args[:i], args[i+1:]
	}
	flag.CommandLine.Parse(args)
	code, err := command(flag.Args(), rest)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	os.Exit(code)
}

// note tells what is going on and takes time.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "vm: "+format+"\n", args...)
}

func command(patterns, rest []string) (code int, err error) {
	if len(patterns) == 0 {
		flag.Usage()
		return 2, errors.New("no packages")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return 2, fmt.Errorf("the machine is an amd64 one with programs of the host, which is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	if *dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return 2, err
		}
		*dir = filepath.Join(cache, "nlwire", "vm")
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return 2, err
	}
	if err := install(); err != nil {
		return 2, err
	}
	work, err := os.MkdirTemp(*dir, "run-")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(work)
	tests, err := build(work, patterns)
	if err != nil {
		return 2, err
	}
	for _, series := range strings.Split(*kernels, ",") {
		c, err := one(work, series, tests, rest)
		code = max(code, c)
		if err != nil {
			return max(code, 2), fmt.Errorf("kernel %s: %w", series, err)
		}
	}
	return code, nil
}

// one runs the tests in a machine with one kernel.
func one(work, series string, tests *tests, rest []string) (code int, err error) {
	k, err := prepare(series)
	if err != nil {
		return 2, err
	}
	initrd := filepath.Join(work, "initrd")
	jobs, err := tests.initrd(initrd, k, rest)
	if err != nil {
		return 2, err
	}
	m := machine{kernel: k, initrd: initrd, jobs: jobs, tests: tests, console: filepath.Join(work, "console.log"),
		keep: filepath.Join(*dir, "console-"+series+".log"), files: filepath.Join(work, "files.tar")}
	return m.run()
}
