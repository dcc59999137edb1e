package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// port opens a serial port that passes bytes on as they are.
func port(name string) (*os.File, error) {
	if name == "" {
		return nil, errors.New("a port is missing in the kernel's command line")
	}
	fd, err := unix.Open("/dev/"+name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/%s: %w", name, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		t.Cflag = t.Cflag&^unix.CBAUD | unix.B115200 | unix.CLOCAL
		err = unix.IoctlSetTermios(fd, unix.TCSETS, t)
	}
	if err != nil {
		return nil, fmt.Errorf("/dev/%s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// drain waits until everything is out (tcdrain).
func drain(f *os.File) error { return unix.IoctlSetInt(int(f.Fd()), unix.TCSBRK, 1) }

// send sends what has been written in folders, as a tar. Files of the first hour are
// as they came: the initial file system has no times.
func send(name string, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	f, err := port(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil || !info.Mode().IsRegular() || info.ModTime().Unix() < 3600 {
				return err
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(b))}); err != nil {
				return err
			}
			_, err = w.Write(b)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return drain(f)
}
