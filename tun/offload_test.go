//go:build linux

package tun

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
)

func TestOffloadFull(t *testing.T) {
	for _, c := range []struct{ o, want Offload }{
		{0, 0},
		{OffloadChecksum, OffloadChecksum},
		{OffloadTSO4, OffloadChecksum | OffloadTSO4},
		{OffloadTSO6 | OffloadTSOECN, OffloadChecksum | OffloadTSO6 | OffloadTSOECN},
		{OffloadUSO4 | OffloadUSO6, OffloadUDP},
		{OffloadAll, OffloadAll},
	} {
		if got, err := c.o.full(); got != c.want || err != nil {
			t.Errorf("%v: %v, %v; want %v", c.o, got, err, c.want)
		}
	}
	for _, o := range []Offload{OffloadUSO4, OffloadUSO6, OffloadTSOECN, 0x10, 0x80, 1 << 31} {
		if _, err := o.full(); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v: %v", o, err)
		}
		if _, err := Create(Config{Offload: o}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("Create, %v: %v", o, err)
		}
	}
}

func TestOffloadString(t *testing.T) {
	for o, want := range map[Offload]string{
		0:          "none",
		OffloadTCP: "checksum|tso4|tso6|tso-ecn",
		OffloadUDP: "checksum|uso4|uso6",
	} {
		if got := o.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Kernels that know less get less.
func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		name  string
		knows Offload
		want  Offload
		tries []Offload
	}{
		{"new", OffloadAll, OffloadAll, []Offload{OffloadAll}},
		{"before 6.2", OffloadTCP, OffloadTCP, []Offload{OffloadAll, OffloadTCP}},
		{"none", 0, 0, []Offload{OffloadAll, OffloadTCP, 0}},
	} {
		var tries []Offload
		got, err := OffloadAll.negotiate(func(o Offload) error {
			tries = append(tries, o)
			if o&^c.knows != 0 {
				return unix.EINVAL
			}
			return nil
		})
		if got != c.want || err != nil || !slices.Equal(tries, c.tries) {
			t.Errorf("%s: %v, %v after %v; want %v after %v", c.name, got, err, tries, c.want, c.tries)
		}
	}
	calls := 0
	if _, err := OffloadAll.negotiate(func(Offload) error { calls++; return unix.EBADFD }); err != unix.EBADFD || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestSetOffload(t *testing.T) {
	nstest.TUN(t)
	if err := device(t, Config{}).SetOffload(OffloadTCP); !errors.Is(err, unix.EINVAL) {
		t.Errorf("without headers: %v", err)
	}
	dev := device(t, Config{Offload: OffloadTSO4, Queues: 2})
	if got := dev.Offload(); got != OffloadChecksum|OffloadTSO4 {
		t.Errorf("%v", got)
	}
	for _, o := range []Offload{OffloadTCP, 0, OffloadChecksum, OffloadAll} {
		if err := dev.SetOffload(o); err != nil {
			t.Errorf("%v: %v", o, err)
		}
		// Before Linux 6.2 there is no USO.
		if got := dev.Offload(); got != o && got != o&OffloadTCP {
			t.Errorf("%v, want %v", got, o)
		}
	}
	if err := dev.SetOffload(OffloadUSO4); !errors.Is(err, unix.EINVAL) || dev.Offload() == OffloadUSO4 {
		t.Errorf("%v, left are %v", err, dev.Offload())
	}
	dev.Close()
	if err := dev.SetOffload(0); err == nil {
		t.Error("after Close: no error")
	}
}

// Attach undoes what another program has set, and refuses what it cannot.
func TestAttachOffload(t *testing.T) {
	nstest.TUN(t)
	dev := device(t, Config{Name: "off0", Persist: true, Offload: OffloadAll})
	defer nstest.IP(t, "link", "delete", "off0")
	if err := dev.queues[0].control(func(fd int) error {
		return errors.Join(unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, 20), unix.IoctlSetPointerInt(fd, unix.TUNSETVNETLE, 1))
	}); err != nil {
		t.Fatal(err)
	}
	dev.Close()
	dev, err := Attach(Config{Name: "off0", Offload: OffloadTCP})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if got := dev.Offload(); got != OffloadTCP {
		t.Errorf("%v", got)
	}
	for req, want := range map[uint]int{unix.TUNGETVNETHDRSZ: vnetHdrLen, unix.TUNGETVNETLE: 0} {
		if err := dev.queues[0].control(func(fd int) error {
			got, err := unix.IoctlGetInt(fd, req)
			if err == nil && got != want {
				t.Errorf("ioctl %#x: %d, want %d", req, got, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	plain := device(t, Config{Name: "off1", Queues: 2})
	if _, err := Attach(Config{Name: "off1", Offload: OffloadTCP}); !errors.Is(err, unix.EBUSY) {
		t.Errorf("to one without headers: %v", err)
	}
	plain.Close()
}
