package main

import (
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
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == ' ' || r == '.' }) {
		if v, ok := initialisms[strings.ToLower(part)]; ok {
			b.WriteString(v)
			continue
		}
		r := []rune(part)
		r[0] = unicode.ToUpper(r[0])
		b.WriteString(string(r))
	}
	name := b.String()
	if name != "" && unicode.IsDigit(rune(name[0])) {
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
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(prefix + name))
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
	if a.CName != "" {
		return a.CName
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

func (o *op) cName(ops *operations) string {
	if o.CName != "" {
		return o.CName
	}
	return cName(ops.NamePrefix, o.Name)
}
