package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Pos is where something stands in a table.
type Pos struct {
	file string
	node *yaml.Node
}

func (p Pos) String() string {
	if p.node == nil {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.node.Line)
}

func (p Pos) errorf(format string, args ...any) error {
	line, col := 0, 0
	if p.node != nil {
		line, col = p.node.Line, p.node.Column
	}
	return fmt.Errorf("%s:%d:%d: %s", p.file, line, col, fmt.Sprintf(format, args...))
}

// A spec is one table as it stands in the file.
type spec struct {
	Pos         `yaml:"-"`
	Name        string      `yaml:"name"`
	Protocol    string      `yaml:"protocol"`
	Protonum    int         `yaml:"protonum"`
	UAPIHeader  string      `yaml:"uapi-header"`
	Doc         string      `yaml:"doc"`
	Version     int         `yaml:"version"`
	CFamilyName string      `yaml:"c-family-name"`
	CVersion    string      `yaml:"c-version-name"`
	Definitions []*def      `yaml:"definitions"`
	Sets        []*attrSet  `yaml:"attribute-sets"`
	SubMessages []*subMsg   `yaml:"sub-messages"`
	Operations  operations  `yaml:"operations"`
	McastGroups mcastGroups `yaml:"mcast-groups"`
	_           struct{}    `ignore:"max-by-define cmd-max-name cmd-cnt-name kernel-policy kernel-family"`

	warnings []error
	headers  map[*def]*def // of a generic netlink family, by its own fixed header
}

// generic reports whether the table is that of a generic netlink family.
func (s *spec) generic() bool { return s.Protocol != "netlink-raw" }

// An expr is a number, the name of a constant, or "NAME - 1".
type expr string

// A def is a definition: const, enum, flags or struct.
type def struct {
	Pos        `yaml:"-"`
	Name       string    `yaml:"name"`
	Type       string    `yaml:"type"`
	Doc        string    `yaml:"doc"`
	Scope      string    `yaml:"scope"`
	NamePrefix *string   `yaml:"name-prefix"`
	GoName     string    `yaml:"go-name"`
	CName      string    `yaml:"c-name"`
	CType      string    `yaml:"c-type"`
	Value      expr      `yaml:"value"`
	ValueStart expr      `yaml:"value-start"`
	Entries    []*entry  `yaml:"entries"`
	Members    []*member `yaml:"members"`
	Packed     bool      `yaml:"packed"`
	TailLen    string    `yaml:"tail-len"`
	_          struct{}  `ignore:"header render-max enum-name enum-cnt-name"`

	number  uint64 // of a const
	text    bool   // a const that is no number
	goType  string // of an enum: its Go base type, from where it is used
	widths  map[int]bool
	asFlags *def // of an enum: its values as bits
	of      *def // of that: the enum
	size    int  // of a struct
	align   int
	tail    *member
	layout  layoutState
}

type layoutState uint8

const (
	layoutOpen layoutState = iota
	layoutBusy
	layoutDone
)

// An entry is one value of an enum or one bit of flags.
type entry struct {
	Pos    `yaml:"-"`
	Name   string `yaml:"name"`
	Value  expr   `yaml:"value"`
	Doc    string `yaml:"doc"`
	GoName string `yaml:"go-name"`
	CName  string `yaml:"c-name"`

	value uint64 // as in C: for flags the mask
}

// A member is a struct member.
type member struct {
	Pos         `yaml:"-"`
	Name        string `yaml:"name"`
	Type        string `yaml:"type"`
	Len         expr   `yaml:"len"`
	ByteOrder   string `yaml:"byte-order"`
	Enum        string `yaml:"enum"`
	EnumAsFlags bool   `yaml:"enum-as-flags"`
	Struct      string `yaml:"struct"`
	DisplayHint string `yaml:"display-hint"`
	Doc         string `yaml:"doc"`
	GoName      string `yaml:"go-name"`

	off, size int
	enum      *def
	st        *def
}

// An attrSet is one attribute set.
type attrSet struct {
	Pos        `yaml:"-"`
	Name       string   `yaml:"name"`
	NamePrefix *string  `yaml:"name-prefix"`
	SubsetOf   string   `yaml:"subset-of"`
	Doc        string   `yaml:"doc"`
	GoName     string   `yaml:"go-name"`
	Attrs      []*attr  `yaml:"attributes"`
	_          struct{} `ignore:"enum-name attr-cnt-name attr-max-name"`

	spec   *spec
	parent *attrSet // the set that this one is a subset of
	header *def     // fixed header of the messages that carry the set
	others []*def   // other fixed headers
	bare   bool     // also used without that header
	max    int
}

// An attr is one attribute.
type attr struct {
	Pos         `yaml:"-"`
	Name        string     `yaml:"name"`
	Type        string     `yaml:"type"`
	Value       *int       `yaml:"value"`
	Doc         string     `yaml:"doc"`
	ByteOrder   string     `yaml:"byte-order"`
	Enum        string     `yaml:"enum"`
	EnumAsFlags bool       `yaml:"enum-as-flags"`
	Struct      string     `yaml:"struct"`
	SubType     string     `yaml:"sub-type"`
	TypeValue   []string   `yaml:"type-value"`
	Nested      string     `yaml:"nested-attributes"`
	Multi       bool       `yaml:"multi-attr"`
	SubMessage  string     `yaml:"sub-message"`
	Selector    string     `yaml:"selector"`
	DisplayHint string     `yaml:"display-hint"`
	Checks      checks     `yaml:"checks"`
	NamePrefix  *string    `yaml:"name-prefix"`
	GoName      string     `yaml:"go-name"`
	CName       string     `yaml:"c-name"`
	Header      string     `yaml:"header"`
	Array       string     `yaml:"array"`
	Tail        string     `yaml:"tail"`
	Form        string     `yaml:"form"`
	Variants    []*variant `yaml:"variants"`
	Request     *attr      `yaml:"request"`

	set      *attrSet
	num      int
	enum     *def
	st       *def // struct, header or array element
	nested   *attrSet
	sub      *subMsg
	selector *attr  // in the same set, or nil
	list     string // Go name of what puts the elements of an array
	names    map[*subFormat]string
	maxLen   int
}

// A variant is an attr under a condition on the fixed header.
type variant struct {
	attr `yaml:",inline"`
	When string `yaml:"when"`
	Is   uint64 `yaml:"is"`

	member *member
}

// checks are the kernel's input policy. An encoder holds its callers to max-len
// of strings; the others are told in the comments.
type checks struct {
	Pos            `yaml:"-"`
	FlagsMask      string `yaml:"flags-mask"`
	Min            expr   `yaml:"min"`
	Max            expr   `yaml:"max"`
	MinLen         expr   `yaml:"min-len"`
	MaxLen         expr   `yaml:"max-len"`
	ExactLen       expr   `yaml:"exact-len"`
	UnterminatedOK bool   `yaml:"unterminated-ok"`
}

// A subMsg is a sub-message: formats by selector value.
type subMsg struct {
	Pos     `yaml:"-"`
	Name    string       `yaml:"name"`
	Doc     string       `yaml:"doc"`
	Formats []*subFormat `yaml:"formats"`
}

// A subFormat is what a sub-message is for one selector value.
type subFormat struct {
	Pos    `yaml:"-"`
	Value  string `yaml:"value"`
	Set    string `yaml:"attribute-set"`
	Header string `yaml:"fixed-header"`
	GoName string `yaml:"go-name"`
	Doc    string `yaml:"doc"`

	set    *attrSet
	header *def
}

type operations struct {
	Pos         `yaml:"-"`
	NamePrefix  *string  `yaml:"name-prefix"`
	AsyncPrefix *string  `yaml:"async-prefix"`
	EnumModel   string   `yaml:"enum-model"`
	FixedHeader string   `yaml:"fixed-header"`
	List        []*op    `yaml:"list"`
	_           struct{} `ignore:"enum-name async-enum"`
}

// An op is a message type.
type op struct {
	Pos         `yaml:"-"`
	Name        string    `yaml:"name"`
	Doc         string    `yaml:"doc"`
	Value       *int      `yaml:"value"`
	Set         string    `yaml:"attribute-set"`
	RequestSet  string    `yaml:"request-set"`
	FixedHeader string    `yaml:"fixed-header"`
	CName       string    `yaml:"c-name"`
	GoName      string    `yaml:"go-name"`
	Flags       []string  `yaml:"flags"`
	Do          *subop    `yaml:"do"`
	Dump        *subop    `yaml:"dump"`
	Notify      string    `yaml:"notify"`
	Event       *attrList `yaml:"event"`
	Mcgrp       string    `yaml:"mcgrp"`
	_           struct{}  `ignore:"dont-validate config-cond"`

	set     *attrSet
	request *attrSet // of requests
	header  *def
	value   int // of what is sent to the kernel, -1 for nothing
	reply   int // of what the kernel sends, -1 for nothing
}

type subop struct {
	Pos     `yaml:"-"`
	Request *attrList `yaml:"request"`
	Reply   *attrList `yaml:"reply"`
	_       struct{}  `ignore:"pre post"`
}

type attrList struct {
	Pos        `yaml:"-"`
	Attributes []string `yaml:"attributes"`
	Value      *int     `yaml:"value"`
}

type mcastGroups struct {
	Pos  `yaml:"-"`
	List []*mcastGroup `yaml:"list"`
}

// A mcastGroup is a multicast group: with a number in raw netlink, with a name
// that the kernel's controller resolves in generic netlink.
type mcastGroup struct {
	Pos   `yaml:"-"`
	Name  string   `yaml:"name"`
	Value *int     `yaml:"value"`
	CName string   `yaml:"c-define-name"`
	Flags []string `yaml:"flags"`
	Doc   string   `yaml:"doc"`
}

// readSpec reads one table, corrected by an overlay if there is one.
func readSpec(file, overlay string) (*spec, error) {
	file, overlay = filepath.ToSlash(file), filepath.ToSlash(overlay)
	doc, err := readYAML(file)
	if err != nil {
		return nil, err
	}
	var from origins
	if overlay != "" {
		over, err := readYAML(overlay)
		if err != nil {
			return nil, err
		}
		if from, err = applyOverlay(doc, file, over, overlay); err != nil {
			return nil, err
		}
	}
	return decodeSpec(file, doc, from)
}

func readYAML(file string) (*yaml.Node, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseYAML(file, b)
}

func parseYAML(file string, b []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, yamlError(file, err)
	}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s: empty", file)
	}
	return doc.Content[0], nil
}

// parseSpec decodes one table.
func parseSpec(file string, b []byte) (*spec, error) {
	doc, err := parseYAML(file, b)
	if err != nil {
		return nil, err
	}
	return decodeSpec(file, doc, nil)
}

// decodeSpec decodes one table. The keys that no field takes are its warnings.
func decodeSpec(file string, doc *yaml.Node, from origins) (*spec, error) {
	s := new(spec)
	if err := doc.Decode(s); err != nil {
		return nil, yamlError(file, err)
	}
	d := decoder{file: file, from: from}
	d.place(reflect.ValueOf(s), doc)
	s.warnings = d.unknown
	return s, errors.Join(d.errs...)
}

// yamlError gives the library's errors the form of all others: file, line, message.
func yamlError(file string, err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var types *yaml.TypeError
	if errors.As(err, &types) {
		lines = types.Errors
	}
	var errs []error
	for _, s := range lines {
		at := file + ": "
		if rest, ok := strings.CutPrefix(s, "line "); ok {
			at, s = strings.TrimSuffix(at, " "), rest
		}
		errs = append(errs, errors.New(at+s))
	}
	return errors.Join(errs...)
}

// A decoder gives every part of a decoded table its position and collects the
// keys that no field takes.
type decoder struct {
	file    string
	from    origins // what an overlay has brought
	errs    []error
	unknown []error
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{d.from.file(n, d.file), n} }

var posType = reflect.TypeFor[Pos]()

func (d *decoder) place(v reflect.Value, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			d.place(v.Elem(), n)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if x := v.Index(i); x.Kind() == reflect.Pointer && x.IsNil() {
				d.errs = append(d.errs, d.pos(n.Content[i]).errorf("an entry without content"))
			}
			d.place(v.Index(i), n.Content[i])
		}
	case reflect.Struct:
		d.placeStruct(v, n)
	}
}

func (d *decoder) placeStruct(v reflect.Value, n *yaml.Node) {
	fields := map[string]reflect.Value{}
	d.fields(v, n, fields)
	if n.Kind != yaml.MappingNode {
		return // an enum entry that is only a name
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		f, ok := fields[key.Value]
		if !ok {
			d.unknown = append(d.unknown, d.pos(key).errorf("unknown key %q", key.Value))
			continue
		}
		if f.IsValid() {
			d.place(f, n.Content[i+1])
		}
	}
}

func (d *decoder) fields(v reflect.Value, n *yaml.Node, fields map[string]reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		for _, key := range strings.Fields(f.Tag.Get("ignore")) {
			fields[key] = reflect.Value{} // says nothing to user space
		}
		switch {
		case f.Type == posType:
			p := v.Field(i).Addr().Interface().(*Pos)
			*p = d.pos(n)
		case f.Anonymous:
			d.fields(v.Field(i), n, fields)
		case tag != "" && tag != "-":
			fields[tag] = v.Field(i)
		}
	}
}

// UnmarshalYAML accepts an entry that is only a name.
func (e *entry) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		e.Name = n.Value
		return nil
	}
	type plain entry
	return n.Decode((*plain)(e))
}
