package golden

import (
	"reflect"
	"testing"
)

func TestParseCorpus(t *testing.T) {
	const text = `# a comment
setup: one
setup: two
readback: read
replay: no, because

a   ip  a
b ip b
	setup: three
	readback: other

# a new section
setup: four
c ip c
	readback: mine
d ip d
`
	files, err := parseCorpus("corpus.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []File{
		{Name: "a", Command: "ip  a", Setup: []string{"one", "two"}, Readback: "read", Replay: "no, because"},
		{Name: "b", Command: "ip b", Setup: []string{"one", "two", "three"}, Readback: "other", Replay: "no, because"},
		{Name: "c", Command: "ip c", Setup: []string{"four"}, Readback: "mine"},
		{Name: "d", Command: "ip d", Setup: []string{"four"}},
	}
	if !reflect.DeepEqual(files, want) {
		t.Errorf("got  %+v\nwant %+v", files, want)
	}
}

func TestParseCorpusError(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no command", "a\n", `c.txt:1: "a" has no command`},
		{"twice", "a x\nb y\na z\n", `c.txt:3: "a" is already in line 1`},
		{"unknown key", "sutup: x\n", `c.txt:1: unknown key "sutup"`},
		{"no value", "a x\n\tsetup:\n", `c.txt:2: want key: value, got "setup:"`},
		{"indented in a section", "a x\nsetup: y\n\tsetup: z\n", `c.txt:3: "setup: z" belongs to no entry`},
		{"result", "result: ok\n", `c.txt:1: "result: ok" is for the recorder to say`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseCorpus("c.txt", tt.in)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
