package main

import (
	"fmt"
	"strings"
)

// familyNames are the Go names that a generic netlink family has besides those
// of its sets.
var familyNames = []string{"FamilyName", "FamilyVersion", "Resolve"}

// messageNames are those of every package.
var messageNames = []string{"MsgSet", "MsgName", "RequestSet", "RequestName"}

// family writes what a caller needs to find the family and to ask it.
func (g *emitter) family(s *spec) {
	g.p("// FamilyName is what the kernel's controller knows the family by.\nconst FamilyName = %q\n", s.Name)
	g.p("// FamilyVersion is the version in requests.\nconst FamilyVersion = %d\n", max(s.Version, 1))
	if c := cName("", s.CFamilyName); s.CFamilyName != "" && g.constant(c) {
		g.p("// %s is FamilyName.\nconst %s = FamilyName\n", c, c)
	}
	if c := cName("", s.CVersion); s.CVersion != "" && g.constant(c) {
		g.p("// %s is FamilyVersion.\nconst %s = FamilyVersion\n", c, c)
	}
	g.p("// Resolve asks the kernel's controller, over a connection to NETLINK_GENERIC, for the numbers of the")
	g.p("// family and of its multicast groups.")
	g.p("func Resolve(c *netlink.Conn) (genl.Family, error) { return genl.Resolve(c, FamilyName) }\n")
	for _, o := range s.Operations.List {
		if o.requests() {
			g.operation(s, o)
		}
	}
}

// operation writes the function that begins a request.
func (g *emitter) operation(s *spec, o *op) {
	name, h := o.goName(), o.header
	fields := []string{"Cmd: " + o.cName(s), "Version: FamilyVersion"}
	args := "family, flags uint16"
	if own := h.of; own != nil {
		args += ", h " + own.goName()
		at := map[string]*member{}
		for _, x := range own.Members {
			at[x.Name] = x
		}
		for _, x := range h.Members {
			if from := at[x.Name]; from != nil && x.Type != "pad" && x.off >= 4 {
				fields = append(fields, fmt.Sprintf("%s: h.%s", x.goName(), from.goName()))
			}
		}
	}
	header := fmt.Sprintf("%s{%s}", h.goName(), strings.Join(fields, ", "))
	doc := sentence(fmt.Sprintf("Append%s begins the request %s of the family with that number", name, o.cName(s)), o.Doc)
	g.p("%s", comment(doc+" End closes it."))
	if o.request == nil {
		g.p("func Append%s(e *%sEncoder, %s) %sNest {", name, g.q, args, g.q)
		g.p("w, b := e.BeginHeader(nil, family, flags, %d)\nh%s := %s\nh%s.put(b)\nreturn w\n}\n", h.size, "dr", header, "dr")
		return
	}
	set := o.request.goName()
	g.p("func Append%s(e *%sEncoder, %s) %sEncoder {", name, g.q, args, set)
	if h == o.request.header {
		g.p("return Append%s(e, family, flags, %s)\n}\n", set, header)
		return
	}
	g.p("w, b := e.BeginHeader(&%sSet, family, flags, %d)\nhdr := %s\nhdr.put(b)\nreturn %sEncoder{w}\n}\n", set, h.size, header, set)
}

// messages writes the look-up of message types, or of commands, over all tables.
func (g *emitter) messages() {
	generic, directional := false, false
	for _, s := range g.m.specs {
		generic = generic || s.generic()
		directional = directional || s.Operations.EnumModel == "directional"
	}
	arg, what := "typ uint16", "message type"
	if generic {
		arg, what = "cmd uint8", "command"
	}
	v, _, _ := strings.Cut(arg, " ")
	sets := func(fn, doc, rest string, pick func(*op) (int, *attrSet, string)) {
		g.p("%s", comment(doc))
		g.p("func %s(%s) *%sSet {\nswitch %s {", fn, arg, g.q, v)
		bySet := map[*attrSet][]string{}
		var order []*attrSet
		seen := map[int]bool{}
		for _, s := range g.m.specs {
			for _, o := range s.Operations.List {
				n, set, c := pick(o)
				if n < 0 || set == nil || seen[n] {
					continue
				}
				seen[n] = true
				if c == "" {
					c = o.cName(s)
				} else {
					c = o.cReply(s)
				}
				if bySet[set] == nil {
					order = append(order, set)
				}
				bySet[set] = append(bySet[set], c)
			}
		}
		for _, set := range order {
			g.p("case %s:\nreturn &%sSet", strings.Join(bySet[set], ", "), set.goName())
		}
		g.p("}\nreturn %s\n}\n", rest)
	}
	sets("MsgSet", "MsgSet returns the attribute set of a "+what+" that the kernel sends, nil if no table has it.", "nil",
		func(o *op) (int, *attrSet, string) { return o.reply, o.set, "reply" })
	rest := "MsgSet(" + v + ")"
	if directional {
		rest = "nil"
	}
	sets("RequestSet", "RequestSet returns the attribute set of a "+what+" in a request, nil if no table has it.", rest,
		func(o *op) (int, *attrSet, string) {
			if o.request == o.set && !directional {
				return -1, nil, ""
			}
			return o.value, o.request, ""
		})
	g.messageNames(arg, v, what, directional)
}

func (g *emitter) messageNames(arg, v, what string, directional bool) {
	names := func(fn, doc string, pick func(*spec, *op) (int, string)) {
		g.p("%s", comment(doc))
		g.p("func %s(%s) string {\nswitch %s {", fn, arg, v)
		seen := map[int]bool{}
		first := ""
		for _, s := range g.m.specs {
			for _, d := range s.Definitions {
				if c := d.cConst(s.Name); d.Type == "const" && strings.HasPrefix(c, "NLMSG_") && c != "NLMSG_MIN_TYPE" {
					g.p("case %s:\nreturn %q", c, c)
				}
			}
			for _, o := range s.Operations.List {
				n, c := pick(s, o)
				if n < 0 || seen[n] {
					continue
				}
				seen[n] = true
				if first == "" {
					first = c
				}
				g.p("case %s:\nreturn %q", c, c)
			}
		}
		g.p("}\nreturn \"%s \" + strconv.Itoa(int(%s))\n}\n", what, v)
	}
	doc := "the C name of a " + what
	if !directional {
		names("MsgName", "MsgName returns "+doc+", or its number.", func(s *spec, o *op) (int, string) {
			if o.value < 0 {
				return o.reply, o.cReply(s)
			}
			return o.value, o.cName(s)
		})
		return
	}
	names("MsgName", "MsgName returns "+doc+" that the kernel sends, or its number.", func(s *spec, o *op) (int, string) { return o.reply, o.cReply(s) })
	names("RequestName", "RequestName returns "+doc+" in a request, or its number.", func(s *spec, o *op) (int, string) { return o.value, o.cName(s) })
}
