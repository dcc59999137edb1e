//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/demo/demotest"
	"github.com/nlwire/nlwire/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// TestProgram runs the program as a user does.
func TestProgram(t *testing.T) {
	nstest.TUN(t)
	run := demotest.Build(t, ".")
	for _, args := range [][]string{
		{"-time", "2500ms", "-streams", "2"},
		{"-time", "100ms", "-mtu", "65535"},
		{"-time", "100ms", "-carry", "supers"},
		{"-time", "100ms", "-carry", "singles"},
		{"-time", "100ms", "-mtu", "1000"},
	} {
		out, err := run(args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		var seconds, rate float64
		packets, bytes := make(map[string]uint64), make(map[string]uint64)
		ticks := 0
		for line := range strings.Lines(out) {
			if strings.Contains(line, "Gbit/s  1 > 2: ") {
				ticks++
			}
			var s, r float64
			if _, err := fmt.Sscanf(line, "%f s: %f Gbit/s of TCP payload", &s, &r); err == nil {
				seconds, rate = s, r
			}
			for _, way := range []string{"1 > 2", "2 > 1"} {
				var n, b uint64
				if _, err := fmt.Sscanf(line, way+": %d packets, %d bytes", &n, &b); err == nil {
					packets[way], bytes[way] = n, b
				}
			}
		}
		// The headers come on top, and what was under way at the end; both figures
		// are rounded.
		payload := (rate - 0.0005) * 1e9 / 8 * (seconds - 0.005)
		if rate <= 0 || float64(bytes["1 > 2"]) < payload || packets["1 > 2"] == 0 || packets["2 > 1"] == 0 || bytes["2 > 1"] >= bytes["1 > 2"] {
			t.Errorf("%v\n%s", args, out)
		}
		// A busy machine may end a short run late, and lose a tick.
		if float64(ticks) > seconds+0.005 || ticks == 0 && args[1] == "2500ms" {
			t.Errorf("%d reports\n%s", ticks, out)
		}
	}
	for want, args := range map[string][]string{
		`tunforward: argument "x": there are only flags`: {"x"},
		"tunforward: -time 0s: want a time":              {"-time", "0"},
		"tunforward: -streams 0: want 1 or more":         {"-streams", "0"},
		"tunforward: -carry x: want batches, supers":     {"-carry", "x"},
		"tunforward: -mtu 67: want 68 to 65535":          {"-mtu", "67"},
	} {
		if out, err := run(args...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%swant %s", args, err, out, want)
		}
	}
	if out, err := run("-h"); err != nil || !strings.Contains(out, "usage: tunforward [flags]") || !strings.Contains(out, "-streams number") {
		t.Errorf("-h: %v\n%s", err, out)
	}
}
