// Gen turns tables of kernel attributes into typed Go: encoders, views,
// constants, enums, name tables and their tests.
//
//	go run ./gen            regenerate package rtattr from gen/tables
//	go run ./gen -check     report stale output, change nothing
//
// # Tables
//
// A table is a netlink specification in the kernel's own format (YNL,
// Documentation/userspace-api/netlink/specs.rst): definitions, attribute sets,
// sub-messages and operations. The tables in gen/tables are the project's own,
// written from the uapi headers and the kernel's source. A name that a table lacks
// is looked up in the others of the package.
//
// What the schema leaves open is fixed here:
//
//   - A constant is the prefix and the name in upper case: name-prefix "ifla-"
//     and name "mtu" give IFLA_MTU. Definitions (enum, flags) have their own
//     name-prefix; an operation "newlink" under operations.name-prefix "rtm-"
//     gives RTM_NEWLINK.
//   - A Go name is the YNL name split at "-" and "_", with initialisms in upper
//     case. A set's Go name is its name without a final "-attrs": link-attrs
//     gives LinkEncoder and LinkView. Two equal Go names are an error.
//   - A struct is laid out with C's natural alignment; a size that C and the
//     kernel do not share is found by the BTF test.
//
// # Extension keys
//
// What the schema cannot say at all is said with these keys of our own:
//
//	go-name: IfName         on a set, attribute, definition, enum entry, struct
//	                        member: the Go name where the rule above gives an
//	                        ugly or a clashing one.
//	c-name: IFLA_IPTUN_TTL  on an attribute, enum entry or operation: the C
//	                        constant where prefix + name is not it.
//	c-type: ifinfomsg       on a struct definition: the kernel's struct name, if it is
//	                        not the definition's name with "_" for "-".
//	header: ifinfomsg       on a nest attribute: a fixed struct stands before the
//	                        nested attributes (VETH_INFO_PEER). The set is one
//	                        that is also an operation's with that fixed-header.
//	array: rtnexthop        on a nest attribute: the payload is a sequence of this
//	                        struct, each followed by the nested attributes; the
//	                        struct's first member, a u16, is the length of both
//	                        (RTA_MULTIPATH).
//	array: true             on a binary attribute with struct: an array of the struct
//	                        without further framing (NHA_GROUP). Not supported yet.
//	tail: addr              on a binary attribute with struct: the struct is followed
//	                        by an address of 4 or 16 bytes (RTA_VIA).
//	variants:               on an attribute: other meanings where a member of the
//	  - when: family        message's fixed header has a value (IFLA_AF_SPEC under
//	    is: 7               AF_BRIDGE, IFLA_PROTINFO). Each entry has a name and the
//	    name: af-spec-bridge  keys of an attribute (type, nested-attributes, ...).
//	request:                on an attribute: the keys that differ in requests
//	  type: nest            (IFLA_INET_CONF: a nest in a request, an array of u32
//	  ...                   in a dump); "name" gives the encoder method's name.
//	form: address           on a binary attribute: an IPv4 or IPv6 address (4 or 16
//	                        bytes), a netip.Addr in Go.
//	form: hwaddr            on a binary attribute: a link-layer address of any length.
package main
