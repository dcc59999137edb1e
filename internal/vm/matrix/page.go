package matrix

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Page is the page of several kernels.
func Page(all []*Facts) []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, `# What was proven live on which kernel, written by
# go test ./internal/vm/matrix -update
# from what was found in machines of internal/vm (go doc ./internal/vm/matrix).
#
`)
	for _, f := range all {
		fmt.Fprintf(&b, "# %-5s Linux %s: %s\n", f.Kernel, f.Release, f.counts())
	}
	fmt.Fprint(&b, `#
# Kinds and encapsulations: made, listed, changed, listed, deleted. Messages: those
# of rtattr/testdata/wire are sent as recorded, and a device of kind nlmon sees the
# recorded bytes (not on 6.18, which has none). Where a command needs what the kernel
# of the recording did not have, a VRF or labels of MPLS, that is made first. Without -test.short the command of
# each is run as well: nlmon sees the same bytes again, and the kernel says the same.
# Attributes: of all that was sent and not refused; "read back" if the object has it with the same value
# afterwards, "read back changed" with another one, "accepted" if it is not shown.
# "-": not in this kernel, or not sent. (3/6): so many attributes of six came back
# as they were sent.
`)
	b.WriteString(table("Kinds of links: what succeeded, and how many of the attributes that were sent came back as they were", all, func(f *Facts) map[string]string { return f.Kinds }, false))
	b.WriteString(table("Encapsulations of routes", all, func(f *Facts) map[string]string { return f.Encaps }, false))
	b.WriteString(table("Recorded messages that differ between the kernels; all others have the outcome \"ok\" everywhere, or the same refusal", all, func(f *Facts) map[string]string { return f.Messages }, true))
	b.WriteString(table("Recorded messages that every kernel refuses alike", all, refusedByAll(all), false))
	b.WriteString(table("Attributes that differ between the kernels", all, func(f *Facts) map[string]string { return f.Attributes }, true))
	b.WriteString(table("Attributes", all, func(f *Facts) map[string]string { return f.Attributes }, false))
	return b.Bytes()
}

func (f *Facts) counts() string {
	done := func(m map[string]string, want string) (n int) {
		for _, fact := range m {
			if strings.HasPrefix(fact, want) {
				n++
			}
		}
		return n
	}
	return fmt.Sprintf("%d kinds created, %d encapsulations, %d of %d messages ok, %d attributes taken, %d of them read back as sent",
		done(f.Kinds, "created"), done(f.Encaps, "created"), done(f.Messages, "ok"), len(f.Messages),
		len(f.Attributes), count(f.Attributes, Same))
}

func count(m map[string]string, want string) (n int) {
	for _, fact := range m {
		if fact == want {
			n++
		}
	}
	return n
}

// table shows facts, one a line, with the kernels as columns. If different, it
// leaves out what is the same on all kernels.
func table(title string, all []*Facts, of func(*Facts) map[string]string, different bool) string {
	names := map[string]bool{}
	for _, f := range all {
		for name := range of(f) {
			names[name] = true
		}
	}
	rows := [][]string{{""}}
	for _, f := range all {
		rows[0] = append(rows[0], f.Kernel)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row := []string{name}
		for _, f := range all {
			fact := of(f)[name]
			if fact == "" {
				fact = "-"
			}
			row = append(row, fact)
		}
		if !different || len(slices.Compact(slices.Clone(row[1:]))) > 1 {
			rows = append(rows, row)
		}
	}
	width := make([]int, len(all)+1)
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d\n", title, len(rows)-1)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", width[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func refusedByAll(all []*Facts) func(*Facts) map[string]string {
	return func(f *Facts) map[string]string {
		same := map[string]string{}
		for name, fact := range f.Messages {
			if fact != "ok" && !slices.ContainsFunc(all, func(x *Facts) bool { return x.Messages[name] != fact }) {
				same[name] = fact
			}
		}
		return same
	}
}
