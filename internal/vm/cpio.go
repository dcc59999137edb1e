package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"
)

// A cpio writes an archive in the form "newc" of initial file systems
// (Documentation/driver-api/early-userspace/buffer-format.rst). Several may stand
// one behind the other; what is without end mark goes on in the next.
type cpio struct {
	w    *bufio.Writer
	n    int
	off  int64
	dirs map[string]bool
	err  error
}

func newCPIO(w io.Writer) *cpio {
	return &cpio{w: bufio.NewWriterSize(w, 1<<20), dirs: map[string]bool{"/": true}}
}

func (c *cpio) put(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
		c.off += int64(len(b))
	}
}

func (c *cpio) pad(to int64) { c.put(make([]byte, (to-c.off%to)%to)) }

func (c *cpio) entry(name string, mode uint32, data []byte) {
	c.n++
	name = strings.TrimPrefix(name, "/")
	c.put(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0))
	c.put([]byte(name + "\x00"))
	c.pad(4)
	c.put(data)
	c.pad(4)
}

func (c *cpio) mkdir(dir string) {
	if !c.dirs[dir] {
		c.mkdir(path.Dir(dir))
		c.dirs[dir] = true
		c.entry(dir, 0o40755, nil)
	}
}

func (c *cpio) file(name string, mode uint32, data []byte) {
	c.mkdir(path.Dir(name))
	c.entry(name, 0o100000|mode, data)
}

func (c *cpio) symlink(name, target string) {
	c.mkdir(path.Dir(name))
	c.entry(name, 0o120777, []byte(target))
}

// end writes the mark after which the kernel looks for another archive.
func (c *cpio) end() error {
	c.entry("TRAILER!!!", 0, nil)
	c.pad(512)
	return c.flush()
}

func (c *cpio) flush() error {
	if c.err == nil {
		c.err = c.w.Flush()
	}
	return c.err
}
