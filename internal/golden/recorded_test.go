package golden

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
)

const wireDir = "../../rtattr/testdata/wire"

func load(t *testing.T) []File {
	t.Helper()
	files, err := Load(wireDir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var (
	fromRE   = regexp.MustCompile(`^iproute2 \d[\d.]*, strace \d[\d.]*, Linux \d[\d.]*$`)
	resultRE = regexp.MustCompile(`^(ok|RTNETLINK answers: .+|Error: .+)$`)
)

func TestRecorded(t *testing.T) {
	for _, f := range load(t) {
		t.Run(f.Name, func(t *testing.T) {
			if !fromRE.MatchString(f.From) {
				t.Errorf("from: %q", f.From)
			}
			if !resultRE.MatchString(f.Result) {
				t.Errorf("result: %q", f.Result)
			}
			if (f.IPJSON != nil) != (f.Readback != "" && f.Result == "ok") {
				t.Errorf("result %q, read-back %q, %d bytes of JSON", f.Result, f.Readback, len(f.IPJSON))
			}
			if f.IPJSON != nil && !json.Valid(f.IPJSON) {
				t.Errorf("ip.json is not JSON")
			}
			checkFraming(t, f.Wire)
			again, err := Parse(f.Name, f.Format())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again, f) {
				t.Errorf("Format and Parse give\n%+v\nwant\n%+v", again, f)
			}
		})
	}
}

func checkFraming(t *testing.T, b []byte) {
	t.Helper()
	if len(b) < headerLen || int(binary.LittleEndian.Uint32(b)) != len(b) {
		t.Fatalf("not one whole message: %x", b)
	}
	if !bytes.Equal(b[8:16], make([]byte, 8)) {
		t.Errorf("sequence number or port id is not zero: %x", b[8:16])
	}
	if flags := binary.LittleEndian.Uint16(b[6:]); flags&1 == 0 {
		t.Errorf("flags %#x lack NLM_F_REQUEST", flags)
	}
	n, ok := fixedLen[binary.LittleEndian.Uint16(b[4:])&^3]
	if !ok || headerLen+n > len(b) {
		t.Fatalf("no header for % x", b)
	}
	if attrs := b[headerLen+n:]; len(attrs) > 0 && !framed(attrs) {
		t.Errorf("attributes are not framed: % x", attrs)
	}
}

// What the corpus lists is recorded, from the same commands, and nothing else is.
func TestCorpusRecorded(t *testing.T) {
	corpus, err := ReadCorpus("corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	recorded := make(map[string]File)
	for _, f := range load(t) {
		recorded[f.Name] = f
	}
	for _, c := range corpus {
		f, ok := recorded[c.Name]
		if !ok {
			t.Errorf("%s is not recorded", c.Name)
			continue
		}
		delete(recorded, c.Name)
		if f.Command != c.Command || f.Readback != c.Readback || f.Replay != c.Replay ||
			!reflect.DeepEqual(f.Setup, c.Setup) {
			t.Errorf("%s is recorded from other commands than corpus.txt lists", c.Name)
		}
	}
	for name := range recorded {
		t.Errorf("%s is not in corpus.txt", filepath.Join(wireDir, name+".txtar"))
	}
}

// The four families have enough goldens each, by message type.
func TestFamilies(t *testing.T) {
	families := []struct {
		name   string
		groups []uint16
		min    int
	}{
		{"link", []uint16{16, 108}, 60},
		{"address", []uint16{20}, 50},
		{"route", []uint16{24}, 60},
		{"neighbour", []uint16{28, 64}, 40},
	}
	count := make(map[uint16]int)
	for _, f := range load(t) {
		count[binary.LittleEndian.Uint16(f.Wire[4:])&^3]++
	}
	for _, fam := range families {
		n := 0
		for _, g := range fam.groups {
			n += count[g]
		}
		t.Logf("%s: %d", fam.name, n)
		if n < fam.min {
			t.Errorf("%s: %d goldens, want at least %d", fam.name, n, fam.min)
		}
	}
}
