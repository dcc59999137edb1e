package main

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
	"unicode"
)

// initialisms are the name parts that Go spells in its own way.
var initialisms = map[string]string{}

func init() {
	for _, s := range strings.Fields(`
		MTU ID IP TTL TOS GSO GRO TSO VLAN VXLAN MAC NS FD PID AF TX RX VF XDP
		STP MCAST IGMP MLD VNI GBP GPE TCP UDP IPv4 IPv6 MRU DF RSS QoS HW CRC
		NetNS IfName IfAlias QLen LinkInfo NetNSID ARP ND DPLL CSUM
		PVID BPDU L2 L3 HWAddr CPU API UID GID MCTP MPLS TCPv4 NDISC ICMPv6
		RTT MSS RTO DSCP GUID SSM AH ESP SPI LRO EUI64 IIF OIF
		GRE GRETap IP6GRE IP6GRETap ERSPAN IP6ERSPAN IPIP SIT IP6Tnl VTI VTI6 GTP BareUDP PFCP AMT XFRM
		IP6 SEG6 SRH ILA BPF RPL IOAM6 XFRM FDB NH4 NH6 IPMR
	`) {
		initialisms[strings.ToLower(s)] = s
	}
	initialisms["mcast"] = "Mcast"
	initialisms["txqlen"] = "TxQLen"
	initialisms["tx"] = "Tx"
	initialisms["rx"] = "Rx"
	initialisms["csum"] = "Csum"
	delete(initialisms, "nd")
}

// goName turns a YNL name into an exported Go name: "num-tx-queues" into
// NumTxQueues.
func goName(s string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if v, ok := initialisms[strings.ToLower(part)]; ok {
			b.WriteString(v)
			continue
		}
		r := []rune(part)
		r[0] = unicode.ToUpper(r[0])
		b.WriteString(string(r))
	}
	name := b.String()
	if !token.IsExported(name) {
		return "X" + name
	}
	return name
}

// unexported lowers the leading capitals of a Go name: "VXLANPort" into
// "vxlanPort", "LinkInfo" into "linkInfo".
func unexported(s string) string {
	r := []rune(s)
	for i := range r {
		if i > 0 && i+1 < len(r) && unicode.IsUpper(r[i]) && unicode.IsLower(r[i+1]) {
			break
		}
		if !unicode.IsUpper(r[i]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}

// cName returns the C constant of a prefix and a YNL name.
func cName(prefix, name string) string {
	c := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return '_'
	}, prefix+name)
	if c == "" || unicode.IsDigit(rune(c[0])) {
		return "X" + c
	}
	return c
}

func (d *def) goName() string {
	if d.GoName != "" {
		return d.GoName
	}
	return goName(d.Name)
}

func (d *def) cType() string {
	if d.CType != "" {
		return d.CType
	}
	return strings.ReplaceAll(d.Name, "-", "_")
}

func (s *attrSet) goName() string {
	if s.GoName != "" {
		return s.GoName
	}
	return goName(strings.TrimSuffix(s.Name, "-attrs"))
}

func (a *attr) goName() string {
	if a.GoName != "" {
		return a.GoName
	}
	return goName(a.Name)
}

func (m *member) goName() string {
	if m.GoName != "" {
		return m.GoName
	}
	return goName(m.Name)
}

func (a *attr) cName() string {
	switch {
	case a.CName != "":
		return a.CName
	case a.NamePrefix != nil:
		return cName(*a.NamePrefix, a.Name)
	}
	return cName(a.set.prefix(), a.Name)
}

func (s *attrSet) prefix() string {
	if s.parent != nil {
		return s.parent.prefix()
	}
	if s.NamePrefix != nil {
		return cName(*s.NamePrefix, "")
	}
	return cName(s.spec.Name+"-a-"+strings.TrimSuffix(s.Name, "-attrs")+"-", "")
}

func (d *def) cEntry(family string, e *entry) string {
	switch {
	case e.CName != "":
		return e.CName
	case d.NamePrefix != nil:
		return cName(*d.NamePrefix, e.Name)
	}
	return cName(family+"-"+d.Name+"-", e.Name)
}

func (d *def) cConst(family string) string {
	if d.CName != "" {
		return d.CName
	}
	return cName(family+"-", d.Name)
}

// cName is the constant of an operation, and of its reply where that has a
// number of its own.
func (o *op) cName(s *spec) string {
	ops := &s.Operations
	prefix := s.Name + "-cmd-"
	switch {
	case o.CName != "":
		return o.CName
	case (o.Notify != "" || o.Event != nil) && ops.AsyncPrefix != nil:
		prefix = *ops.AsyncPrefix
	case ops.NamePrefix != nil:
		prefix = *ops.NamePrefix
	}
	return cName(prefix, o.Name)
}

func (o *op) cReply(s *spec) string {
	if o.value < 0 || o.value == o.reply {
		return o.cName(s)
	}
	return o.cName(s) + "_REPLY"
}

func (o *op) goName() string {
	if o.GoName != "" {
		return o.GoName
	}
	return goName(o.Name)
}

func (g *mcastGroup) cName(s *spec) string {
	switch {
	case g.CName != "":
		return cName("", g.CName)
	case g.Value != nil:
		return cName("", g.Name)
	}
	return cName(s.Name+"-mcgrp-", g.Name)
}

// reserved are the method and field names that generated types have anyway.
var reserved = map[string]bool{
	"End": true, "Encoder": true, "Raw": true, "Fail": true, "Open": true, "OpenHeader": true, "Elem": true, "Nest": true,
	"Flag": true, "Bytes": true, "String": true, "StringMax": true, "Chars": true, "Space": true, "Addr": true, "Addr4": true, "Addr6": true,
	"Uint8": true, "Uint16": true, "Uint32": true, "Uint64": true, "Uint16BE": true, "Uint32BE": true, "Uint64BE": true,
	"Uint16LE": true, "Uint32LE": true, "Uint64LE": true, "BitField32": true,
	"Uint": true, "Int": true, "TailAddr": true,
	"Parse": true, "ParseAttrs": true, "Attrs": true, "Header": true, "Tail": true,
}

// names gives everything a Go name of its own. In the package's own tables a
// clash is an error; elsewhere a suffix ends it.
func (m *model) names() {
	for _, s := range m.specs {
		for _, d := range s.Definitions {
			switch d.Type {
			case "enum", "flags", "struct":
				kind := strings.ToUpper(d.Type[:1]) + d.Type[1:]
				d.GoName = m.unique(d.Pos, d.goName(), kind, func(n string) []string { return []string{n, unexported(n) + kind} })
			}
			if d.Type == "struct" {
				fields := map[string]bool{"Append": true, "Parse": true}
				for _, x := range d.Members {
					if x.Type != "pad" {
						x.GoName = m.uniqueIn(fields, x.Pos, fmt.Sprintf("struct %q", d.Name), x.goName(), "Field")
					}
				}
			}
		}
		for _, set := range s.Sets {
			set.GoName = m.unique(set.Pos, set.goName(), "Attrs", func(n string) []string {
				return []string{n + "Encoder", n + "View", n + "Set", "Append" + n, unexported(n) + "Ref"}
			})
		}
	}
	for _, s := range m.specs {
		for _, set := range s.Sets {
			m.methods(set)
		}
		if s.generic() {
			for _, o := range s.Operations.List {
				if o.requests() {
					o.GoName = m.unique(o.Pos, o.goName(), "Op", func(n string) []string { return []string{"Append" + n} })
				}
			}
		}
	}
	for _, s := range m.specs {
		m.constNames(s)
	}
}

// requests reports whether the operation is something to ask the kernel for.
func (o *op) requests() bool { return o.Do != nil || o.Dump != nil }

// unique claims the identifiers that a Go name leads to, with the suffix, then a
// number, where others have them.
func (m *model) unique(at Pos, name, suffix string, all func(string) []string) string {
	m.exported(at, name)
	for i := 0; ; i++ {
		try := attempt(name, suffix, i)
		taken := slices.IndexFunc(all(try), func(id string) bool { _, ok := m.types[id]; return ok })
		if taken >= 0 && m.strict {
			id := all(try)[taken]
			other := m.types[id]
			m.errorf(at, "the Go name %s is taken at %s", id, other)
			return name
		}
		if taken < 0 {
			for _, id := range all(try) {
				m.types[id] = at
			}
			return try
		}
	}
}

// attempt is the i-th name to try: the name, with the suffix, and with numbers.
func attempt(name, suffix string, i int) string {
	switch i {
	case 0:
		return name
	case 1:
		return name + suffix
	}
	return fmt.Sprintf("%s%s%d", name, suffix, i)
}

// uniqueIn is unique among the names inside of one thing.
func (m *model) uniqueIn(taken map[string]bool, at Pos, what, name, suffix string) string {
	m.exported(at, name)
	for i := 0; ; i++ {
		try := attempt(name, suffix, i)
		if taken[try] && m.strict {
			m.errorf(at, "%s: the Go name %s is taken", what, try)
			return name
		}
		if !taken[try] {
			taken[try] = true
			return try
		}
	}
}

// exported refuses what is no exported Go name.
func (m *model) exported(at Pos, name string) {
	if !token.IsIdentifier(name) || !token.IsExported(name) {
		m.errorf(at, "%q is no exported Go name", name)
	}
}

func (m *model) methods(set *attrSet) {
	taken := map[string]bool{}
	for name := range reserved {
		taken[name] = true
	}
	what := fmt.Sprintf("set %q", set.Name)
	for _, h := range set.others {
		taken["Parse"+h.goName()] = true
	}
	for _, a := range set.byNum() {
		if a.skip() {
			continue
		}
		a.GoName = m.uniqueIn(taken, a.Pos, what, a.goName(), "Attr")
		for _, f := range a.formats() {
			m.format(set, a, f, taken)
		}
		for _, v := range a.Variants {
			v.GoName = m.uniqueIn(taken, v.Pos, what, v.goName(), "Attr")
		}
		if a.Request != nil {
			a.Request.GoName = m.uniqueIn(taken, a.Request.Pos, what, a.Request.goName(), "Attr")
		}
		for _, x := range append([]*attr{a}, a.meanings()...) {
			if x.hasList() {
				x.list = m.list(set, x)
			}
		}
	}
}

// format names the methods of a sub-message's format. A set can be in several
// sub-messages, so that the names belong to the attribute.
func (m *model) format(set *attrSet, a *attr, f *subFormat, taken map[string]bool) {
	if a.names == nil {
		a.names = map[*subFormat]string{}
	}
	name := a.names[f] // the lock's
	if name == "" {
		name = a.formatName(f)
	}
	a.names[f] = m.uniqueIn(taken, f.Pos, fmt.Sprintf("set %q", set.Name), name, "Format")
}

// meanings are the variants and the request form of an attribute.
func (a *attr) meanings() []*attr {
	var out []*attr
	for _, v := range a.Variants {
		out = append(out, &v.attr)
	}
	if a.Request != nil {
		out = append(out, a.Request)
	}
	return out
}

// hasList reports whether the elements of an array have an encoder of their own.
func (a *attr) hasList() bool {
	return a.sequence() || a.Type == "indexed-array" || a.Type == "nest-type-value"
}

// list names the encoder of an array's elements: after the attribute, or the set
// as well where that is taken.
func (m *model) list(set *attrSet, a *attr) string {
	own := func(n string) []string {
		ids := []string{n + "Encoder"}
		for i := 1; i < len(a.TypeValue); i++ {
			ids = append(ids, fmt.Sprintf("%s%dEncoder", n, i+1))
		}
		return ids
	}
	for _, id := range own(a.goName()) {
		if _, ok := m.types[id]; ok {
			return m.unique(a.Pos, set.goName()+a.goName(), "List", own)
		}
	}
	return m.unique(a.Pos, a.goName(), "List", own)
}

// constNames claims the constants. Of two with one name the second gets that of
// its set or table in front.
func (m *model) constNames(s *spec) {
	values := map[string]uint64{}
	claim := func(at Pos, c string, v uint64, longer string) string {
		// One in lower case might be a word of Go's or the name of a package.
		if !token.IsIdentifier(c) || c == "_" || c[0] >= 'a' && c[0] <= 'z' {
			m.errorf(at, "%q is no name of a constant: a letter in upper case, then letters, digits and underscores", c)
		}
		for try := c; ; try = longer + try {
			old, ok := values[try]
			if !ok {
				old, ok = m.consts[try]
			}
			if _, typ := m.types[try]; !typ && (!ok || old == v) {
				values[try] = v
				return try
			}
			if m.strict {
				m.errorf(at, "%s is %d here and %d elsewhere", c, v, old)
				return c
			}
		}
	}
	for _, d := range s.Definitions {
		switch {
		case d.Type == "const" && !d.text:
			d.CName = claim(d.Pos, d.cConst(s.Name), d.number, "CONST_")
		case d.Type == "enum" || d.Type == "flags":
			for _, e := range d.Entries {
				e.CName = claim(e.Pos, d.cEntry(s.Name, e), e.value, cName(d.Name, "")+"_")
			}
		}
	}
	for _, o := range s.Operations.List {
		if o.value >= 0 {
			o.CName = claim(o.Pos, o.cName(s), uint64(o.value), "CMD_")
		}
	}
	for _, set := range s.Sets {
		for _, a := range set.byNum() {
			if c := a.cName(); set.parent == nil {
				if got := claim(a.Pos, c, uint64(a.num), cName(set.Name, "")+"_"); got != c {
					a.CName = got
				}
			} else if i := slices.IndexFunc(set.parent.Attrs, func(x *attr) bool { return x.num == a.num }); i >= 0 {
				a.CName = set.parent.Attrs[i].CName
			}
		}
	}
	for c, v := range values {
		m.consts[c] = v
	}
}
