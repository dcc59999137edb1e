package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/nlwire/nlwire/internal/vm/plan"
)

// A kernel is what was made of a package once, in the cache.
type kernel struct {
	series  string
	vmlinux string // an ELF file with an entry for PVH: no firmware, nothing to unpack in the machine
	modules string // an archive without end mark
}

// layout is part of the name in the cache: what an older version of this file has
// made is not used.
const layout = 4

func prepare(series string) (kernel, error) {
	name, err := resolve(series)
	if err != nil {
		return kernel{}, err
	}
	home := filepath.Join(*dir, fmt.Sprintf("%s.%d", name, layout))
	if _, err := os.Stat(home); err == nil {
		return kernelIn(series, home), nil
	}
	old, err := filepath.Glob(filepath.Join(*dir, "linux-image-"+series+".*"))
	if err != nil {
		return kernel{}, err
	}
	if err := fetch(name, home); err != nil {
		if len(old) == 0 || !strings.HasSuffix(old[0], fmt.Sprint(".", layout)) {
			return kernel{}, err
		}
		note("%v", err)
		note("the kernel of before is used: %s", filepath.Base(old[0]))
		return kernelIn(series, old[0]), nil
	}
	for _, o := range old {
		err = errors.Join(err, os.RemoveAll(o))
	}
	return kernelIn(series, home), err
}

func kernelIn(series, home string) kernel {
	return kernel{series, filepath.Join(home, "vmlinux"), filepath.Join(home, "modules.cpio")}
}

// fetch makes a folder of what is needed of a package.
func fetch(name, home string) error {
	work, err := os.MkdirTemp(*dir, "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	deb, err := download(name, work)
	if err != nil {
		return err
	}
	note("unpacking %s", filepath.Base(deb))
	if err := unpack(deb, work); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(deb), err)
	}
	if err := os.Remove(deb); err != nil {
		return err
	}
	err = os.Rename(work, home)
	if _, there := os.Stat(home); err != nil && there == nil {
		return nil // somebody else has made the same meanwhile
	}
	return err
}

// wanted are the modules that go into the machine, with what they depend on: all
// of the network stack, the drivers that need no hardware, and what they may ask
// the kernel for.
var wanted = regexp.MustCompile(`^kernel/(net/|lib/|crypto/|arch/x86/crypto/|drivers/vhost/|fs/overlayfs/|` +
	`drivers/net/(?:[^/]+\.ko|(?:bonding|ipvlan|netdevsim|ppp|slip|team|vxlan|wireguard|hsr|amt|bareudp|ovpn|caif|wwan|hamradio|mctp|thunderbolt|` +
	`can/dev|can/vx?can|can/slcan|ieee802154|wan/hdlc|phy/fixed_phy|phy/libphy|mdio|ethernet/qualcomm/rmnet|wireless/(?:mac80211_hwsim|virt_wifi|virtual))[/.]?)|` +
	`drivers/infiniband/ulp/ipoib/)`)

// A module of the package.
type module struct {
	name, path string
	data       []byte // as in the package, then unpacked
	deps       []string
	aliases    []string
	device     string // below /dev
	done       bool   // read
}

// unpack writes vmlinux and modules.cpio of a package into a folder.
func unpack(deb, to string) error {
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	content, err := read(tar.NewReader(bufio.NewReaderSize(pipe, 1<<20)))
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	vmlinux, err := decompress(content.image)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "vmlinux"), vmlinux, 0o644); err != nil {
		return err
	}
	names, err := content.closure()
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(to, "modules.cpio"))
	if err != nil {
		return err
	}
	defer f.Close()
	c := newCPIO(f)
	content.write(c, names)
	if err := c.flush(); err != nil {
		return err
	}
	return f.Close()
}

// A content is what is of use in a package.
type content struct {
	image   []byte // the kernel in the form of the boot loaders
	config  []byte
	builtIn []byte // names of modules, and what these say of themselves
	info    []byte
	modules map[string]*module
}

func read(t *tar.Reader) (*content, error) {
	c := &content{modules: map[string]*module{}}
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path.Clean(h.Name), "./"), "usr/")
		var into *[]byte
		switch {
		case strings.HasPrefix(name, "boot/vmlinuz-"):
			into = &c.image
		case strings.HasPrefix(name, "boot/config-"):
			into = &c.config
		case !strings.HasPrefix(name, "lib/modules/"):
			continue
		case path.Base(name) == "modules.builtin":
			into = &c.builtIn
		case path.Base(name) == "modules.builtin.modinfo":
			into = &c.info
		default:
			_, name, _ = strings.Cut(strings.TrimPrefix(name, "lib/modules/"), "/")
			base, ext, ok := strings.Cut(path.Base(name), ".ko")
			if !ok || h.Typeflag != tar.TypeReg {
				continue
			}
			m := &module{name: plan.ModuleName(base), path: strings.TrimSuffix(name, ext)}
			c.modules[m.name] = m
			into = &m.data
		}
		if *into, err = io.ReadAll(t); err != nil {
			return nil, err
		}
	}
	if len(c.image) == 0 || len(c.config) == 0 || len(c.builtIn) == 0 || len(c.info) == 0 || len(c.modules) == 0 {
		return nil, errors.New("a kernel, its configuration or its modules are missing")
	}
	return c, nil
}

// closure reads the wanted modules, all others with a kind of link, and what these
// depend on, and returns their names.
func (c *content) closure() ([]string, error) {
	var drivers []*module
	for _, m := range c.modules {
		if strings.HasPrefix(m.path, "kernel/drivers/net/") || strings.HasPrefix(m.path, "kernel/drivers/infiniband/ulp/") {
			drivers = append(drivers, m)
		}
	}
	if err := readAll(drivers); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var todo []*module
	for name, m := range c.modules {
		if wanted.MatchString(m.path) || slices.ContainsFunc(m.aliases, func(a string) bool { return strings.HasPrefix(a, "rtnl-link-") }) {
			seen[name] = true
			todo = append(todo, m)
		}
	}
	for len(todo) > 0 {
		if err := readAll(todo); err != nil {
			return nil, err
		}
		var next []*module
		for _, m := range todo {
			for _, d := range m.deps {
				if x := c.modules[d]; x != nil && !seen[d] {
					seen[d] = true
					next = append(next, x)
				}
			}
		}
		todo = next
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func readAll(modules []*module) error {
	errs := make([]error, len(modules))
	limit := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	for i, m := range modules {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if err := m.read(); err != nil {
				errs[i] = fmt.Errorf("%s: %w", m.path, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// read unpacks a module and reads what it says of itself, once.
func (m *module) read() (err error) {
	if m.done {
		return nil
	}
	m.done = true
	if m.data, err = decompressData(m.data); err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(m.data))
	if err != nil {
		return err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return errors.New("no .modinfo")
	}
	info, err := s.Data()
	if err != nil {
		return err
	}
	for entry := range bytes.SplitSeq(info, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "=")
		switch key {
		case "depends":
			for d := range strings.SplitSeq(value, ",") {
				m.deps = append(m.deps, plan.ModuleName(d))
			}
		case "softdep":
			if value, ok := strings.CutPrefix(value, "pre: "); ok {
				value, _, _ = strings.Cut(value, " post:")
				for _, d := range strings.Fields(value) {
					m.deps = append(m.deps, plan.ModuleName(d))
				}
			}
		case "alias":
			if device, ok := strings.CutPrefix(value, "devname:"); ok {
				m.device = device
			} else if !strings.Contains(value, ":") { // else of hardware
				m.aliases = append(m.aliases, value)
			}
		}
	}
	return nil
}

// order appends what has to be loaded for a module, and the module itself.
func (c *content) order(name string, order []string, seen map[string]bool) []string {
	m := c.modules[name]
	if m == nil || seen[name] {
		return order
	}
	seen[name] = true
	for _, d := range m.deps {
		order = c.order(d, order, seen)
	}
	return append(order, name)
}

func (c *content) write(w *cpio, names []string) {
	var index, nodes bytes.Buffer
	for _, name := range names {
		m := c.modules[name]
		file := "/vm/ko/" + name + ".ko"
		w.file(file, 0o644, m.data)
		fmt.Fprintln(&index, plan.File, name, file, strings.Join(c.order(name, nil, map[string]bool{}), ","))
		for _, a := range m.aliases {
			fmt.Fprintln(&index, plan.Alias, plan.ModuleName(a), name)
			var major, minor int
			if n, _ := fmt.Sscanf(a, "char-major-%d-%d", &major, &minor); n == 2 && m.device != "" {
				fmt.Fprintln(&nodes, m.device, major, minor)
			}
		}
	}
	for _, line := range strings.Fields(string(c.builtIn)) {
		fmt.Fprintln(&index, plan.BuiltIn, plan.ModuleName(strings.TrimSuffix(path.Base(line), ".ko")))
	}
	for entry := range bytes.SplitSeq(c.info, []byte{0}) { // "veth.alias=rtnl-link-veth"
		key, value, _ := strings.Cut(string(entry), "=")
		if name, ok := strings.CutSuffix(key, ".alias"); ok && !strings.Contains(value, ":") {
			fmt.Fprintln(&index, plan.Alias, plan.ModuleName(value), name)
		}
	}
	w.file(plan.Modules, 0o644, index.Bytes())
	w.file(plan.Nodes, 0o644, nodes.Bytes())
	w.file(plan.Config, 0o644, c.config)
}

// decompress takes the kernel's ELF file out of an image for boot loaders
// (Documentation/arch/x86/boot.rst: payload_offset, payload_length).
func decompress(image []byte) ([]byte, error) {
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" {
		return nil, errors.New("vmlinuz is no image for x86")
	}
	sectors := int(image[0x1f1])
	if sectors == 0 {
		sectors = 4
	}
	off := (sectors+1)*512 + int(binary.LittleEndian.Uint32(image[0x248:]))
	end := off + int(binary.LittleEndian.Uint32(image[0x24c:]))
	if off < 0 || end > len(image) || end-off < 8 {
		return nil, errors.New("vmlinuz: the payload is outside")
	}
	out, err := decompressData(image[off:end])
	if err == nil && !bytes.HasPrefix(out, []byte(elf.ELFMAG)) {
		err = errors.New("vmlinuz: the payload is no ELF file")
	}
	return out, err
}

// decompressData returns what is not compressed as it is. The payload of an image
// ends with four bytes more, its length when unpacked: what xz says of them is
// ignored.
func decompressData(b []byte) ([]byte, error) {
	var cmd *exec.Cmd
	switch {
	case bytes.HasPrefix(b, []byte("\xfd7zXZ\x00")):
		cmd = exec.Command("xz", "-dc", "--single-stream", "--quiet")
	case bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")):
		cmd = exec.Command("zstd", "-dcq")
	default:
		return b, nil
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(b), &stdout, &stderr
	if err := cmd.Run(); err != nil && !bytes.HasPrefix(stdout.Bytes(), []byte(elf.ELFMAG)) {
		return nil, fmt.Errorf("%s: %w: %s", cmd.Path, err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
