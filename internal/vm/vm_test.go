package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/vm/plan"
)

// The archive has the form that the kernel's initramfs.c reads.
func TestCPIO(t *testing.T) {
	var b bytes.Buffer
	c := newCPIO(&b)
	c.file("/a/b/one", 0o755, []byte("12345"))
	c.file("/a/two", 0o644, nil)
	c.symlink("/a/link", "/a/two")
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	if b.Len()%512 != 0 {
		t.Errorf("%d bytes, no multiple of 512", b.Len())
	}
	var got []string
	for rest := b.Bytes(); ; {
		field := func(i int) (n int) {
			if _, err := fmt.Sscanf(string(rest[6+8*i:14+8*i]), "%08x", &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if string(rest[:6]) != "070701" {
			t.Fatalf("no entry begins with %q", rest[:6])
		}
		mode, size, name := field(1), field(6), field(11)
		pad := func(n int) int { return (n + 3) &^ 3 }
		data := pad(110 + name)
		entry := string(rest[110 : 110+name-1])
		if rest[110+name-1] != 0 {
			t.Errorf("%s: no NUL behind the name", entry)
		}
		if entry == "TRAILER!!!" {
			break
		}
		got = append(got, fmt.Sprintf("%o %s %s", mode, entry, rest[data:data+size]))
		rest = rest[pad(data+size):]
	}
	want := []string{"40755 a ", "40755 a/b ", "100755 a/b/one 12345", "100644 a/two ", "120777 a/link /a/two"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a module needs is loaded before it, and once; circles end.
func TestOrder(t *testing.T) {
	c := content{modules: map[string]*module{
		"ip_gre":     {deps: []string{"gre", "ip_tunnel", "ipv4"}}, // ipv4 is built in
		"gre":        {deps: []string{"ip_tunnel"}},
		"ip_tunnel":  {deps: []string{"udp_tunnel"}},
		"udp_tunnel": {deps: []string{"ip_tunnel"}},
	}}
	if got := strings.Join(c.order("ip_gre", nil, map[string]bool{}), " "); got != "udp_tunnel ip_tunnel gre ip_gre" {
		t.Error(got)
	}
}

func TestWanted(t *testing.T) {
	for path, want := range map[string]bool{
		"kernel/net/8021q/8021q.ko":                       true,
		"kernel/drivers/net/dummy.ko":                     true,
		"kernel/drivers/net/vxlan/vxlan.ko":               true,
		"kernel/drivers/net/vxlan.ko":                     true,
		"kernel/drivers/net/can/vcan.ko":                  true,
		"kernel/drivers/net/ethernet/intel/e1000.ko":      false,
		"kernel/drivers/gpu/drm/drm.ko":                   false,
		"kernel/drivers/infiniband/ulp/ipoib/ib_ipoib.ko": true,
	} {
		if got := wanted.MatchString(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestDecompress(t *testing.T) {
	for name, image := range map[string][]byte{
		"empty":   nil,
		"no HdrS": make([]byte, 4096),
		"outside": append(append(make([]byte, 0x202), "HdrS"...), bytes.Repeat([]byte{0xff}, 4096)...),
		"no ELF":  append(append(make([]byte, 0x202), "HdrS"...), make([]byte, 4096)...),
	} {
		if b, err := decompress(image); err == nil {
			t.Errorf("%s: %d bytes", name, len(b))
		}
	}
}

// The exit code is that of the tests, and nothing else may count as success.
func TestFollower(t *testing.T) {
	jobs := []plan.Job{{Name: "a"}, {Name: "b"}}
	for _, tt := range []struct {
		name, said string
		code       int
		up, done   bool
		running    string
	}{
		{"good", "ready 6.12\nstart 0\nend 0 0 1.5\nstart 1\nend 1 0 2\ndone\n", 0, true, true, "its last steps"},
		{"one fails", "ready 6.12\nstart 0\nend 0 1 1.5\nstart 1\nend 1 0 2\ndone\n", 1, true, true, "its last steps"},
		{"killed", "ready 6.12\nstart 0\nend 0 137 1.5\nstart 1\nend 1 0 2\ndone\n", 1, true, true, "its last steps"},
		{"ends early", "ready 6.12\nstart 0\nend 0 0 1.5\nstart 1\n", 0, true, false, "b"},
		{"dark", "", 0, false, false, "a"},
		{"strange", "ready 6.12\nstart 0\nend 7 0 1\ndone\n", 1, true, true, "a"},
		{"no words", "ready 6.12\n\nend\n", 1, true, false, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := follower{jobs: jobs, ready: func(string) {}}
			var said strings.Builder
			for line := range strings.Lines(tt.said) {
				said.WriteString("what a test prints\n" + plan.Mark + line)
			}
			f.follow(strings.NewReader(said.String()))
			if f.code != tt.code || f.up != tt.up || f.done != tt.done || f.running() != tt.running {
				t.Errorf("code %d, up %v, done %v, running %s", f.code, f.up, f.done, f.running())
			}
		})
	}
}

// What a test saves is written when it is said, inside the module and nowhere else.
func TestSave(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct {
		words string
		code  int
	}{
		{"fuzz/testdata/kernel/a.txtar aGl0Cg==", 0},
		{"../outside aGl0Cg==", 1},
		{"/tmp/outside aGl0Cg==", 1},
		{"b not-base64", 1},
		{"b", 1},
	} {
		f := follower{root: root, ready: func(string) {}}
		f.follow(strings.NewReader(plan.Mark + "save " + tt.words + "\n"))
		if f.code != tt.code || f.done {
			t.Errorf("%s: code %d", tt.words, f.code)
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "fuzz/testdata/kernel/a.txtar"))
	if err != nil || string(b) != "hit\n" {
		t.Errorf("%q, %v", b, err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestComplaints(t *testing.T) {
	m := machine{console: filepath.Join(t.TempDir(), "log")}
	for log, want := range map[string]bool{
		"[ 1.0] Linux version 6.12\n[ 2.0] v0: link becomes ready\n":                                   false,
		"[ 1.0] init: ./link\n[ 2.0] WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1\n[ 2.0] stack\n": true,
		"[ 2.0] BUG: unable to handle page fault\n":                                                    true,
		"[ 2.0] INFO: task ip:77 blocked for more than 100 seconds.\n":                                 true,
		"[ 2.0] unregister_netdevice: waiting for lo to become free. Usage count = 2\n":                true,
		"[ 2.0] refcount_t: underflow; use-after-free.\n":                                              true,
	} {
		if err := os.WriteFile(m.console, []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := m.complaints()
		if err != nil || (got != "") != want || want && !strings.HasSuffix(log, got) {
			t.Errorf("%q: got %q, %v", log, got, err)
		}
	}
}

// A command that hangs ends, and one that fails tells what it said.
func TestBounded(t *testing.T) {
	if err := bounded(1e9, "", "sleep", "60"); err == nil || !strings.Contains(err.Error(), "no end after 1s") {
		t.Error(err)
	}
	if err := bounded(1e10, "", "sh", "-c", "echo why; exit 3"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Error(err)
	}
	if err := bounded(1e10, "", "true"); err != nil {
		t.Error(err)
	}
}
