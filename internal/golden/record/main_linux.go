// Command record runs the commands of a corpus under strace, each in a fresh
// network namespace, and stores the messages they send as wire goldens.
//
//	go run ./internal/golden/record [-only PATTERN] [-update]
//
// It needs iproute2 and strace, and root or a user namespace.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/nlwire/nlwire/internal/golden"
)

var (
	only   = flag.String("only", "", "record entries whose name matches this regular `expression`")
	corpus = flag.String("corpus", "internal/golden/corpus.txt", "`file` with the commands")
	out    = flag.String("o", "rtattr/testdata/wire", "`folder` of the goldens")
	update = flag.Bool("update", false, "overwrite what other versions of the tools have recorded")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run() error {
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	files, err := golden.ReadCorpus(*corpus)
	if err != nil {
		return err
	}
	from, err := versions()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	var failed []error
	for _, f := range files {
		if !pattern.MatchString(f.Name) {
			continue
		}
		f.From = from
		if err := record(&f); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.Name, err))
			continue
		}
		fmt.Printf("%-32s %4d bytes  %s\n", f.Name, len(f.Wire), f.Result)
	}
	return errors.Join(failed...)
}

// versions returns the provenance line, and an error that says what to install.
func versions() (string, error) {
	ip, err := version("iproute2", `iproute2-([0-9.]+)`, "ip", "-V")
	if err != nil {
		return "", err
	}
	strace, err := version("strace", `version ([0-9.]+)`, "strace", "-V")
	if err != nil {
		return "", err
	}
	// The release without its local suffix.
	kernel, err := version("coreutils", `^([0-9.]+)`, "uname", "-r")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("iproute2 %s, strace %s, Linux %s", ip, strace, kernel), nil
}

func version(pkg, pattern, name string, arg ...string) (string, error) {
	b, err := exec.Command(name, arg...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w (Debian package %s)", err, pkg)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(b)
	if m == nil {
		return "", fmt.Errorf("no version in the output of %s: %q", name, b)
	}
	return string(m[1]), nil
}

func record(f *golden.File) error {
	if err := capture(f); err != nil {
		return err
	}
	path := filepath.Join(*out, f.Name+".txtar")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Write(*out)
	}
	if err != nil {
		return err
	}
	old, err := golden.Parse(path, b)
	if err != nil {
		return err
	}
	if old.From != f.From && !*update {
		return fmt.Errorf("recorded with %s, this is %s; -update overwrites", old.From, f.From)
	}
	if bytes.Equal(old.Wire, f.Wire) {
		f.KeepNotes(&old)
	}
	return f.Write(*out)
}

// capture runs the entry in namespaces of its own: network, mount for
// /run/netns, and PID, so that nothing that a set-up starts survives.
func capture(f *golden.File) error {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	cmd := exec.Command("sh", "-c", script(f))
	cmd.Env = append(os.Environ(), "dir="+dir, "LC_ALL=C")
	attr := &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
	}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, b)
	}

	var stderr, trace []byte
	for name, p := range map[string]*[]byte{"stderr": &stderr, "trace": &trace, "ip.json": &f.IPJSON} {
		if *p, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if f.Result, err = result(stderr); err != nil {
		return err
	}
	if f.IPJSON, err = indent(f.IPJSON); err != nil {
		return fmt.Errorf("%s: %w", f.Readback, err)
	}
	msgs, err := messages(trace)
	if err != nil {
		return err
	}
	f.Wire, err = pick(msgs)
	return err
}

// script prints nothing unless a set-up fails. Its last lines run when the
// command succeeds; a refused command leaves "ip.json" empty.
func script(f *golden.File) string {
	var b strings.Builder
	b.WriteString("set -e\nmount -t tmpfs none /run\nmount -t proc none /proc\n")
	for _, s := range f.Setup {
		b.WriteString(s + "\n")
	}
	b.WriteString(": >$dir/ip.json\n")
	b.WriteString("strace -qq -o $dir/trace -s 65536 -e trace=sendmsg,sendto -e write=all " +
		f.Command + " >/dev/null 2>$dir/stderr || { echo \"exit status $?\" >>$dir/stderr; exit 0; }\n")
	if f.Readback != "" {
		b.WriteString("{ " + f.Readback + "; } >$dir/ip.json\n")
	}
	return b.String()
}

// result returns "ok" or the last thing that a refused command said.
func result(stderr []byte) (string, error) {
	lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], "exit status ") {
		return "ok", nil
	}
	for i := len(lines) - 2; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "RTNETLINK answers: ") || strings.HasPrefix(lines[i], "Error: ") {
			return lines[i], nil
		}
		// The dcb command has other words for the same.
		for _, own := range []string{"Attribute read: ", "Attribute write: "} {
			if errno, ok := strings.CutPrefix(lines[i], own); ok {
				return "RTNETLINK answers: " + errno, nil
			}
		}
	}
	// Not the kernel's refusal but the command's own.
	return "", fmt.Errorf("%s", bytes.TrimSpace(stderr))
}

func indent(b []byte) ([]byte, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, bytes.TrimSpace(b), "", "  "); err != nil {
		return nil, err
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}

// messages returns what the traced command has sent. strace decodes netlink in
// the arguments, whatever it is told; only the dump that -e write adds is bytes:
//
//	" | 00000  28 00 00 00 12 00 01 03  d6 6f 03 6b 00 00 00 00  (........o.k.... |"
func messages(trace []byte) ([][]byte, error) {
	const first, width = len(" | 00000  "), 16*3 + 1
	var msgs [][]byte
	for line := range strings.Lines(string(trace)) {
		if strings.HasPrefix(line, "sendmsg(") || strings.HasPrefix(line, "sendto(") {
			msgs = append(msgs, nil)
			continue
		}
		if !strings.HasPrefix(line, " | ") {
			continue
		}
		if len(line) < first+width || len(msgs) == 0 {
			return nil, fmt.Errorf("strace: strange line %q", line)
		}
		var c byte
		for _, s := range strings.Fields(line[first : first+width]) {
			if _, err := fmt.Sscanf(s, "%02x", &c); err != nil {
				return nil, fmt.Errorf("strace: strange line %q", line)
			}
			msgs[len(msgs)-1] = append(msgs[len(msgs)-1], c)
		}
	}
	for i, m := range msgs {
		if len(m) < 16 || uint64(binary.LittleEndian.Uint32(m)) > uint64(len(m)) {
			return nil, fmt.Errorf("not a whole message: % x", m)
		}
		// ip sends some dump requests with the unused rest of its buffer.
		n := binary.LittleEndian.Uint32(m)
		if len(bytes.Trim(m[n:], "\x00")) > 0 {
			return nil, fmt.Errorf("more than one message: % x", m)
		}
		msgs[i] = m[:n]
	}
	return msgs, nil
}

// pick chooses the message that a command is about: the last one of the highest
// rank. The varying sequence number and port id are zeroed.
func pick(msgs [][]byte) ([]byte, error) {
	var found []byte
	for _, m := range msgs {
		if found == nil || rank(m) >= rank(found) {
			found = m
		}
	}
	if found == nil {
		return nil, errors.New("no message sent")
	}
	clear(found[8:16])
	return found, nil
}

// rank puts changes before requests, and these before RTM_GETLINK, which every
// command sends to look up names.
func rank(m []byte) int {
	const rtmNewLink, rtmGetLink = 16, 18
	typ := binary.LittleEndian.Uint16(m[4:])
	switch {
	case typ == rtmNewLink && len(m) == 32 && len(bytes.Trim(m[16:], "\x00")) == 0:
		return 0 // an empty one: ip asks whether the kernel has this type at all
	case typ == rtmGetLink:
		return 1
	case typ%4 == 2: // RTM_GET*
		return 2
	default:
		return 3
	}
}
