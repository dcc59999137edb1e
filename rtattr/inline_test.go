package rtattr

import (
	"os/exec"
	"strings"
	"testing"
)

// TestInlining wants the small pieces of the hot path inlined: getters, typed
// encoder methods, iterators. Iterators that are not would allocate.
func TestInlining(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inlined := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if _, name, ok := strings.Cut(line, ": can inline "); ok {
			inlined[strings.TrimSpace(name)] = true
		}
	}
	for _, name := range []string{
		"Nest.ok", "(*Encoder).reserve", "Nest.Nest", "(*Encoder).Reset",
		"Attrs.Next", "Attrs.All", "Attrs.Of", "Attrs.Bytes", "Attrs.Uint8", "Attrs.Uint16", "Attrs.Uint32", "Attrs.Uint64",
		"LinkEncoder.MTU", "LinkEncoder.LinkInfo", "AddrEncoder.Local", "IfInfomsg.Append",
		"(*LinkView).MTU", "(*LinkView).OperState", "(*AddrView).Local", "(*RouteView).Multipath", "(*PropListView).AltIfName",
	} {
		if !inlined[name] {
			t.Errorf("%s is not inlined", name)
		}
	}
}
