package bench

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nlwire/nlwire/address"
	"github.com/nlwire/nlwire/internal/nstest"
	"github.com/nlwire/nlwire/route"
	"github.com/nlwire/nlwire/rtattr"
)

func TestMain(m *testing.M) {
	Child()
	nstest.Main(m)
}

func programs(t testing.TB) *Programs {
	t.Helper()
	nstest.Live(t)
	p, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Without {
		t.Log(w)
	}
	return p
}

// BenchmarkKernel runs the contenders beside each other; cmd/bench interleaves
// them, and makes them comparable.
func BenchmarkKernel(b *testing.B) {
	p := programs(b)
	for _, g := range Groups(Sizes{Routes: 1000, Addresses: 50, Links: 51, Notifications: 1000, Dumps: []int{10000}, Peak: 10000}, p) {
		b.Run(g.Name, func(b *testing.B) {
			contenders, end, err := g.Open()
			if err != nil {
				b.Fatal(err)
			}
			defer end()
			for _, c := range contenders {
				b.Run(fmt.Sprint(c.Name, c.Rows), func(b *testing.B) {
					sum := make([]float64, len(c.Rows))
					for b.Loop() {
						samples, err := c.Run()
						if err != nil {
							b.Fatal(err)
						}
						for i, s := range samples {
							sum[i] += s.Value
						}
					}
					for i, rows := range c.Rows { // nanoseconds, or MiB
						b.ReportMetric(sum[i]/float64(b.N), fmt.Sprintf("row%d", rows[0]))
					}
				})
			}
		})
	}
}

// All contenders make, replace and delete the same objects.
func TestSameChanges(t *testing.T) {
	p := programs(t)
	const n = 20
	for _, k := range []kind{route4, route6, addr4, addr6} {
		t.Run(k.String(), func(t *testing.T) {
			s, err := newSpace()
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			all, err := changes(k, n, p).open(s)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) < 5 {
				t.Fatalf("%d contenders", len(all))
			}
			var want [3]any
			empty := objects(t, s, k)
			for o := range want {
				if err := s.do(op(o), k, n); err != nil {
					t.Fatal(err)
				}
				want[o] = objects(t, s, k)
			}
			if reflect.DeepEqual(want[add], empty) || !reflect.DeepEqual(want[del], empty) {
				t.Fatalf("nothing is added, or not all deleted: %+v", want)
			}
			if k.isRoute() && reflect.DeepEqual(want[add], want[replace]) {
				t.Fatal("nothing is replaced")
			}
			for _, c := range all {
				o := op(0)
				afterEach = func() {
					if got := objects(t, s, k); !reflect.DeepEqual(got, want[o]) {
						t.Errorf("%s: after %v there is\n%+v\nwant\n%+v", c.Name, o, got, want[o])
					}
					o++
				}
				if _, err := c.Run(); err != nil {
					t.Error(err)
				}
				afterEach = nil
				if o != 3 {
					t.Errorf("%s: %d steps", c.Name, o)
				}
			}
		})
	}
}

// objects lists what is on the link, without the kernel's own routes.
func objects(t *testing.T, s *space, k kind) any {
	t.Helper()
	if k.isRoute() {
		list, err := route.List(background, s.conn, route.Filter{Family: k.family(), Table: rtattr.RT_TABLE_MAIN})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(list, func(r route.Route) bool { return r.Protocol == rtattr.RTPROT_KERNEL })
	}
	list, err := address.List(background, s.conn, address.Filter{Family: k.family(), Index: s.index})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What each row of the table wants is there.
func TestGroups(t *testing.T) {
	p := programs(t)
	for _, g := range Groups(Sizes{Routes: 10, Addresses: 10, Links: 5, Notifications: 10, Dumps: []int{10}, Peak: 10}, p) {
		t.Run(g.Name, func(t *testing.T) {
			contenders, end, err := g.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			seen := make([]map[string]bool, len(g.Rows))
			for _, c := range contenders {
				samples, err := c.Run()
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				if len(samples) != len(c.Rows) {
					t.Fatalf("%s: %d samples for %d rows", c.Name, len(samples), len(c.Rows))
				}
				for i, s := range samples {
					if s.Value <= 0 && c.Name != IPBatch { // whose clock has ticks
						t.Errorf("%s: %v", c.Name, s)
					}
					for _, row := range c.Rows[i] {
						if seen[row] == nil {
							seen[row] = map[string]bool{}
						}
						if seen[row][c.Name] {
							t.Errorf("%s measures %q twice", c.Name, g.Rows[row].Title)
						}
						seen[row][c.Name] = true
					}
				}
			}
			for row, r := range g.Rows {
				if !seen[row][Ours] || len(seen[row]) < 2 || r.Limit != "" && !seen[row][Limit] && p.limit != "" {
					t.Errorf("%q is measured of %v", r.Title, seen[row])
				}
			}
		})
	}
}

// A machine without compilers has a table with fewer columns.
func TestWithout(t *testing.T) {
	nstest.Live(t)
	t.Setenv("PATH", t.TempDir())
	p, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Without) != 2 {
		t.Errorf("without: %q", p.Without)
	}
	for _, g := range Groups(Sizes{Routes: 3, Addresses: 3, Links: 3, Notifications: 3, Peak: 3}, p) {
		contenders, end, err := g.Open()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range contenders {
			if _, err := c.Run(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		end()
	}
}

// A small table goes the way of a full one.
func TestScale(t *testing.T) {
	nstest.Live(t)
	steps, err := Scale(ScaleSizes{Routes4: 3000, Routes6: 1000, Changes: 2000, Namespaces: 2, Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 10 {
		t.Errorf("%d steps", len(steps))
	}
	for i, want := range map[int]string{3: "3003 entries", 4: "1", 5: "entries", 6: " events", 7: "2001 events, 0 resyncs", 9: "2.0 descriptors"} {
		if !strings.Contains(steps[i].Note, want) {
			t.Errorf("%s: %q, want %q", steps[i].What, steps[i].Note, want)
		}
	}
}
