package bench

import (
	"slices"
	"testing"

	"github.com/nlwire/nlwire/internal/golden"
	"github.com/nlwire/nlwire/rtattr"
)

// TestSame checks that all contestants of a row write or read the same message,
// up to the differences that they declare.
func TestSame(t *testing.T) {
	for _, r := range Encode() {
		t.Run("Encode/"+r.Name, func(t *testing.T) {
			want := result(r.Contestants[0]).([]byte)
			for _, c := range r.Contestants {
				got := slices.Clone(result(c).([]byte))
				diff, err := compare(got, want, c)
				if err != nil {
					t.Errorf("%s: %v", c.Name, err)
				} else if diff != c.Diff {
					t.Errorf("%s: differs in %q, declared is %q", c.Name, diff, c.Diff)
				}
			}
		})
	}
	for _, r := range Decode() {
		t.Run("Decode/"+r.Name, func(t *testing.T) {
			want := result(r.Contestants[0])
			for _, c := range r.Contestants {
				if got := result(c); got != want {
					t.Errorf("%s: got\n%+v\nwant\n%+v", c.Name, got, want)
				}
			}
		})
	}
}

func result(c Contestant) any {
	c.Run()
	return c.Result()
}

// compare compares message by message, without the declared attributes.
func compare(got, want []byte, c Contestant) (string, error) {
	diff := ""
	for len(want) > 0 {
		a, restA, err := rtattr.NextMsg(got)
		if err != nil {
			return "", err
		}
		b, restB, err := rtattr.NextMsg(want)
		if err != nil {
			return "", err
		}
		if diff, err = golden.Compare(without(a, c.Adds), without(b, c.Lacks)); err != nil {
			return "", err
		}
		got, want = restA, restB
	}
	return diff, nil
}

// headerLen is the size of the fixed header of the messages here.
var headerLen = map[uint16]int{rtattr.RTM_NEWLINK: 16, rtattr.RTM_NEWADDR: 8, rtattr.RTM_NEWROUTE: 12, rtattr.RTM_NEWNEIGH: 12}

// without cuts top-level attributes out of a message.
func without(m rtattr.Msg, types []uint16) rtattr.Msg {
	n := 16 + headerLen[m.Type()]
	out := slices.Clone(m[:n])
	for b := rtattr.Attrs(m[n:]); len(b) > 0; {
		typ, _, rest := b.Next()
		if !slices.Contains(types, typ) {
			out = append(out, b[:len(b)-len(rest)]...)
		}
		b = rest
	}
	native.PutUint32(out, uint32(len(out)))
	return out
}

// TestAllocs wants no allocation of nlwire, in any row.
func TestAllocs(t *testing.T) {
	for _, r := range append(Encode(), Decode()...) {
		if n := testing.AllocsPerRun(100, r.Contestants[0].Run); n != 0 {
			t.Errorf("%s: %v allocations", r.Title, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) { benchmark(b, Encode()) }
func BenchmarkDecode(b *testing.B) { benchmark(b, Decode()) }

func benchmark(b *testing.B, rows []Row) {
	for _, r := range rows {
		b.Run(r.Name, func(b *testing.B) {
			for _, c := range r.Contestants {
				b.Run(c.Name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						c.Run()
					}
				})
			}
		})
	}
}
