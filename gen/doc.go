// Gen turns tables of kernel attributes into typed Go: encoders, views,
// constants, enums, name tables, their tests, and a page of text that lists every
// operation and attribute.
//
//	go run ./gen                                       regenerate package rtattr from gen/tables
//	go run ./gen -check                                report stale output, change nothing
//	go run ./gen -o DIR -pkg NAME SPEC [OVERLAY]       a package from any netlink specification
//
// # Any specification
//
// SPEC is a netlink specification in the kernel's own format (YNL,
// Documentation/userspace-api/netlink/specs.rst), of any of the four schemas. DIR must
// be in a Go module, which needs github.com/nlwire/nlwire and, for generic netlink,
// github.com/mdlayher/netlink. The package passes its own tests: go test DIR.
//
// Of a generic netlink family it also has FamilyName, Resolve, which asks the kernel
// for the family's number and groups, and a function for each request:
//
//	c, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
//	...
//	family, err := ethtool.Resolve(c)
//	...
//	var e rtattr.Encoder
//	w := ethtool.AppendRingsGet(&e, family.ID, netlink.Request)
//	w.End()
//	replies, err := genl.Execute(c, &e)
//	...
//	var v ethtool.RingsView
//	err = v.Parse(replies[0].Data)
//
// What the schema does not know (a key or a type of a later kernel), a struct that C
// pads and the specification does not, and two attributes of one number are
// warnings with file, line and column, and errors with -strict. Names that clash get
// a suffix. A struct is laid out as C does; packed: true in an overlay says otherwise.
//
// # Overlays
//
// An overlay corrects a spec that itself stays as the kernel wrote it. It is a
// YAML file in the shape of the spec, which names what it corrects:
//
//	name: rt-link                       # the spec that it is for
//	attribute-sets:
//	  - name: link-attrs
//	    attributes:
//	      - name: proto-down-reason     # these keys replace those of the spec
//	        $was: {type: string}        # refused if the spec says something else
//	        type: nest
//	        nested-attributes: proto-down-reason-attrs
//	      - name: master
//	        display-hint: !delete       # a key goes
//	      - !delete port-self           # an attribute goes
//	      - !replace {name: vf-ports, type: binary}
//	      - !add {name: new-one, $after: xdp, type: u32, value: 99}
//	  - !add
//	    name: proto-down-reason-attrs
//	    attributes:
//	      - {name: mask, type: u32}
//	      - {name: value, type: u32}
//
// Without a tag, mappings are merged key by key, and so are the lists whose
// items have names: definitions, their entries and members, attribute-sets,
// their attributes, sub-messages, their formats (by value), operations and
// mcast-groups. Any other value replaces the spec's.
//
//	!add      on an item or a value: it is new. An item stands at the end of its
//	          list, or behind the item that $after names.
//	!replace  on an item or a value: nothing of the spec's is kept. It keeps its
//	          place and, unless it says otherwise, its number.
//	!delete   on an item (its name is enough) or instead of a value: it goes.
//	$was      in a mapping: what the spec says now, null for a key that it lacks.
//
// In a list without names (attributes of an operation, flags) items with !add and
// !delete come and go; a list without these tags replaces the spec's.
//
// A correction whose target is not there is an error: an item that the spec lacks
// and that is not an !add, an !add of what is there, a $was that is no longer so.
//
// Numbers stay. Attributes, enum entries and operations are counted by their
// place in the list, and a correction before them would count them anew: those
// get their old number as an explicit value. A number is never given to another
// item by counting: an !add that would get one needs a value. Operations of the
// directional enum-model have a number in each direction, in do (else dump)
// request and reply; the same holds for each of the two.
//
// # Names that stay
//
// Specs rename what they describe from one kernel to the next; the numbers on the
// wire stay. The file names.lock beside the generated code holds the Go names that
// were given, by what the kernel sees: attribute 8 of the messages 20 of rt-addr,
// and not addr-attrs and ifa-flags. A name in it goes before the rule that makes
// names, so that a renamed attribute, set, enum or struct keeps its Go name.
//
//	set	rt-addr:20	Addr	addr-attrs
//		8	IFA_FLAGS Flags	ifa-flags
//	enum	rt-addr:20.8	IfaFlags	ifa-flags
//		0	IFA_F_SECONDARY	secondary
//	struct	rt-addr:20.header	IfAddrmsg	ifaddrmsg
//		4	Index	ifa-index
//
// A block is a set, enum, struct, the formats of a sub-message or a table; its line
// has the kind, the place, the Go name and the name in the spec. A place is a table
// and the way to it from a message: attribute numbers, "2=vxlan" for a format of a
// sub-message, "@4" for the struct member at offset 4. "=name" is what no message
// leads to. Items follow, by attribute number, enum value, member offset, selector
// value or message number, with their Go names: method or field, then constant.
//
// The file is written by gen, which adds what is new at the end of its block. It
// deletes nothing: a line whose place has gone is an error, for a Go name went with
// it, until somebody deletes the line. Nor does a go-name in a table go before the
// file: where they differ, somebody has to change one of them.
//
// # Tables
//
// The tables in gen/tables are the project's own, written from the uapi headers and
// the kernel's source; for them every warning is an error, and a clash of names too.
// A name that a table lacks is looked up in the others of the package.
//
// What the schema leaves open is fixed here:
//
//   - A constant is the prefix and the name in upper case: name-prefix "ifla-"
//     and name "mtu" give IFLA_MTU. Definitions (enum, flags) have their own
//     name-prefix; an operation "newlink" under operations.name-prefix "rtm-"
//     gives RTM_NEWLINK.
//   - A Go name is the YNL name split at "-" and "_", with initialisms in upper
//     case. A set's Go name is its name without a final "-attrs": link-attrs
//     gives LinkEncoder and LinkView.
//   - An operation without do, dump, notify and event goes in both directions.
//
// # Extension keys
//
// What the schema cannot say at all is said with these keys of our own, in tables and
// in overlays:
//
//	go-name: IfName         on a set, attribute, definition, enum entry, struct
//	                        member, operation, format: the Go name where the rule
//	                        above gives an ugly or a clashing one.
//	c-name: IFLA_IPTUN_TTL  on an attribute, enum entry, constant or operation: the C
//	                        constant where prefix + name is not it.
//	c-type: ifinfomsg       on a struct definition: the kernel's struct name, if it is
//	                        not the definition's name with "_" for "-".
//	packed: true            on a struct definition: C does not pad it.
//	tail-len: opts-len      on a struct definition that is a fixed header: so many
//	                        bytes, rounded up to 4, stand between it and the
//	                        attributes (nduseroptmsg).
//	header: ifinfomsg       on a nest attribute: a fixed struct stands before the
//	                        nested attributes (VETH_INFO_PEER).
//	array: rtnexthop        on a nest attribute: the payload is a sequence of this
//	                        struct, each followed by the nested attributes; the
//	                        struct's first member, a u16, is the length of both
//	                        (RTA_MULTIPATH).
//	array: true             on a binary attribute with struct: an array of the struct
//	                        without further framing (NHA_GROUP).
//	tail: addr              on a binary attribute with struct: the struct is followed
//	                        by an address of 4 or 16 bytes (RTA_VIA).
//	tail: bytes             likewise, followed by any bytes (SEG6_LOCAL_SRH).
//	variants:               on an attribute: other meanings where a member of the
//	  - when: family        message's fixed header has a value (IFLA_AF_SPEC under
//	    is: 7               AF_BRIDGE, IFLA_PROTINFO). Each entry has a name and the
//	    name: af-spec-bridge  keys of an attribute (type, nested-attributes, ...).
//	request:                on an attribute: the keys that differ in requests
//	  type: nest            (IFLA_INET_CONF: a nest in a request, an array of u32
//	  ...                   in a dump); "name" gives the encoder method's name. The
//	                        flag NLA_F_NESTED, an empty payload or the length tells
//	                        the two apart.
//	request-set: mdb-set    on an operation: the attribute set of requests, where it is
//	                        another one than that of replies and notices (RTM_NEWMDB).
//	byte-order: host        on an attribute of a subset: takes the byte order back that
//	                        it would inherit.
//	form: address           on a binary attribute: an IPv4 or IPv6 address (4 or 16
//	                        bytes), a netip.Addr in Go.
//	form: hwaddr            on a binary attribute: a link-layer address of any length.
package main
