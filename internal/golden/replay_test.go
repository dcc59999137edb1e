//go:build linux

package golden

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/rtnl"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// TestReplay sends the bytes of every golden to a fresh namespace: the outcome
// is the recorded one, and ip shows the same object afterwards. What the running
// kernel refuses is listed as not yet live.
//
// Other kernels and other versions of ip show other things: there, only the
// outcome "ok" is compared.
func TestReplay(t *testing.T) {
	nstest.Live(t)
	_, version, _ := strings.Cut(string(nstest.IP(t, "-V")), "iproute2-")
	version, _, _ = strings.Cut(strings.TrimSpace(version), ",")
	files, err := Load("../../rtattr/testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(uts.Release[:])
	// The user namespace of an ordinary user has no other users.
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	oneUser := slices.Equal(strings.Fields(string(ids))[2:], []string{"1"})
	var live, refused, fixed []string
	for _, f := range files {
		same := strings.HasPrefix(f.From, "iproute2 "+version+",") && strings.HasSuffix(f.From, " Linux "+kernel(release))
		switch {
		case f.Replay != "", oneUser && strings.Contains(f.Command, " uid"):
			fixed = append(fixed, f.Name)
			continue
		case newer[f.Name] && !nstest.Since(t, 6, 12):
			t.Logf("%s: Linux 6.1 has none, 6.12 has it", f.Name)
			continue
		case f.Result == "ok":
			live = append(live, f.Name)
		case same:
			refused = append(refused, f.Name)
		default:
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if slices.ContainsFunc(f.Setup, func(line string) bool { return strings.Contains(line, "tuntap") }) {
				nstest.TUN(t)
			}
			replay(t, f, same)
		})
	}
	t.Logf("%d replayed and read back", len(live))
	t.Logf("%d refused as recorded, not yet live: %s", len(refused), strings.Join(refused, " "))
	t.Logf("%d cannot be replayed: %s", len(fixed), strings.Join(fixed, " "))
	if len(live) < 60 {
		t.Errorf("only %d goldens are live", len(live))
	}
}

// newer are the goldens that 6.12 takes and 6.1 refuses: operation not supported.
var newer = map[string]bool{"encap-seg6local-psp": true, "fdb-flush-vxlan": true}

// kernel returns the version in front of a release: "6.18.44" of "6.18.44-fc".
func kernel(release string) string {
	v, _, _ := strings.Cut(release, "-")
	return v
}

func replay(t *testing.T, f File, same bool) {
	ns := nstest.New(t)
	ns.Do(t, func() {
		for _, line := range f.Setup {
			shell(t, line)
		}
	})
	conn, err := rtnl.Dial(&rtnl.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = Send(conn, f.Wire)
	if got := outcome(f.Result, err); got != f.Result {
		t.Fatalf("%s: %v", got, err)
	}
	if !same || f.Result != "ok" || len(f.IPJSON) == 0 {
		return
	}
	var got, want any
	decode(t, f.IPJSON, &want)
	// The kernel does some things a little later: duplicate address detection.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ns.Do(t, func() { decode(t, shell(t, f.Readback), &got) })
		if alike(got, want) {
			return
		}
	}
	t.Errorf("ip shows\n%v\nwant\n%v", got, want)
}

// alike tells whether ip shows what was recorded, but for what time makes of it: the
// operational state that a link is given after the kernel's answer (net/core/link_watch.c),
// where it was recorded before that, and the seconds that an address has lived.
func alike(got, want any) bool {
	switch want := want.(type) {
	case []any:
		return slices.EqualFunc(list(got), want, alike)
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return false
		}
		if want["operstate"] == "UNKNOWN" {
			got = maps.Clone(got)
			got["operstate"] = "UNKNOWN"
			got["flags"] = slices.DeleteFunc(slices.Clone(list(got["flags"])), func(flag any) bool { return flag == "NO-CARRIER" })
		}
		for _, life := range []string{"valid_life_time", "preferred_life_time"} {
			was, ok := want[life].(float64)
			left, _ := got[life].(float64)
			if ok && was < math.MaxUint32 && was-60 <= left && left < was {
				got = maps.Clone(got)
				got[life] = was
			}
		}
		return maps.EqualFunc(got, want, alike)
	}
	return reflect.DeepEqual(got, want)
}

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		got, want string
		alike     bool
	}{
		{`[{"operstate":"DOWN","flags":["NO-CARRIER","UP"],"mtu":1}]`, `[{"operstate":"UNKNOWN","flags":["UP"],"mtu":1}]`, true},
		{`[{"operstate":"DOWN","flags":["NO-CARRIER","UP"],"mtu":1}]`, `[{"operstate":"UNKNOWN","flags":["UP"],"mtu":2}]`, false},
		{`[{"operstate":"DOWN","flags":[]}]`, `[{"operstate":"UNKNOWN","flags":["UP"]}]`, false},
		{`[{"operstate":"UNKNOWN","flags":["UP"]}]`, `[{"operstate":"UP","flags":["UP"]}]`, false},
		{`[{"a":[{"valid_life_time":598}]}]`, `[{"a":[{"valid_life_time":600}]}]`, true},
		{`[{"a":[{"valid_life_time":601}]}]`, `[{"a":[{"valid_life_time":600}]}]`, false},
		{`[{"a":[{"valid_life_time":4294967290}]}]`, `[{"a":[{"valid_life_time":4294967295}]}]`, false},
		{`[{"a":[{}]}]`, `[{"a":[{"valid_life_time":600}]}]`, false},
		{`[]`, `[{"a":1}]`, false},
		{`[{"a":1,"b":2}]`, `[{"a":1}]`, false},
	} {
		var got, want any
		decode(t, []byte(c.got), &got)
		decode(t, []byte(c.want), &want)
		if alike(got, want) != c.alike {
			t.Errorf("alike(%s, %s) is %t", c.got, c.want, !c.alike)
		}
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// outcome puts an error into the words in which ip printed the recorded one.
func outcome(recorded string, err error) string {
	var refusal *rtnl.Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &refusal):
		return err.Error()
	case refusal.Message != "":
		return "Error: " + strings.TrimSuffix(refusal.Message, ".") + "."
	case strings.EqualFold("RTNETLINK answers: "+refusal.Errno.Error(), recorded):
		return recorded
	}
	return "RTNETLINK answers: " + refusal.Errno.Error()
}

func shell(t *testing.T, line string) []byte {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v: %s", line, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return out
}

func decode(t *testing.T, b []byte, v *any) {
	t.Helper()
	*v = nil
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}
