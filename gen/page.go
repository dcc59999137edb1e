package main

import (
	"fmt"
	"strings"
)

// page is the text that lists every operation and attribute of the tables.
func (m *model) page() []byte {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	for i, s := range m.specs {
		if i > 0 {
			line("")
		}
		line("%s: %s", s.Name, oneLine(s.Doc))
		if len(s.Operations.List) > 0 {
			line("\nOperations of %s\n", s.Name)
		}
		for _, o := range s.Operations.List {
			number := fmt.Sprint(o.value)
			switch {
			case o.value < 0:
				number = fmt.Sprintf("<-%d", o.reply)
			case o.reply >= 0 && o.reply != o.value:
				number = fmt.Sprintf("%d<-%d", o.value, o.reply)
			}
			set := ""
			if o.set != nil {
				set = o.set.goName()
			}
			if o.header != nil {
				set = strings.TrimSpace(o.header.goName() + " " + set)
			}
			line("  %5s  %-36s %-30s %s", number, o.cName(s), set, oneLine(o.Doc))
		}
		for _, x := range s.McastGroups.List {
			value := fmt.Sprintf("%q", x.Name)
			if x.Value != nil {
				value = fmt.Sprint(*x.Value)
			}
			line("  group  %-36s %s", x.cName(s), value)
		}
		for _, set := range s.Sets {
			line("\n%s: %sEncoder, %sView. %s\n", set.Name, set.goName(), set.goName(), oneLine(set.Doc))
			for _, a := range set.byNum() {
				name := a.goName()
				if a.skip() {
					name = ""
				}
				line("  %5d  %-44s %-24s %-30s %s", a.num, a.cName(), a.describe(), name, oneLine(a.Doc))
			}
		}
	}
	return []byte(b.String())
}

func oneLine(doc string) string { return strings.Join(strings.Fields(doc), " ") }

// describe is an attribute's type in the words of the schema.
func (a *attr) describe() string {
	t := a.Type
	switch {
	case a.sequence():
		t = "array of " + a.Array + " and " + a.Nested
	case a.Array != "":
		t = "array of " + a.Struct
	case a.Header != "":
		t = a.Header + " and " + a.Nested
	case a.Type == "nest":
		t = "nest " + a.Nested
	case a.Type == "indexed-array":
		t = "indexed " + strings.TrimSpace(a.SubType+" "+a.Nested)
	case a.Type == "nest-type-value":
		t = strings.Join(a.TypeValue, ", ") + ": nest " + a.Nested
	case a.Struct != "":
		t = "struct " + a.Struct
	case a.Form != "":
		t = a.Form
	case a.SubType != "":
		t = "array of " + a.SubType
	case a.sub != nil:
		t = "by " + a.Selector
	}
	if a.ByteOrder == "big-endian" || a.ByteOrder == "little-endian" {
		t += " " + strings.TrimSuffix(a.ByteOrder, "-endian")
	}
	if a.enum != nil {
		t += " " + a.enum.Name
	}
	if a.Multi {
		t += ", repeated"
	}
	return t + a.Checks.describe()
}

// describe is the kernel's input policy, "" if the table has none.
func (c checks) describe() string {
	var parts []string
	for _, x := range []struct {
		what  string
		value expr
	}{{"min", c.Min}, {"max", c.Max}, {"flags", expr(c.FlagsMask)}, {"min-len", c.MinLen}, {"max-len", c.MaxLen}, {"len", c.ExactLen}} {
		if x.value != "" {
			parts = append(parts, x.what+" "+string(x.value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
