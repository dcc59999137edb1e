// Package rule adds, lists and deletes the rules that choose the routing table of
// a packet.
//
//	err := rule.Add(ctx, conn, rule.Rule{Src: netip.MustParsePrefix("10.9.0.0/16"), Priority: 100, Table: 1000})
//	rules, err := rule.List(ctx, conn, rule.Filter{Family: rtattr.AF_INET})
//	err = rule.Delete(ctx, conn, rules[1])
//
// Where a field is left zero the message says what `ip rule` says: the table is
// main, the action the look-up in it. A number that may be 0 in its own right is a
// [Number], whose 0 is written [Zero]:
//
//	rule.Rule{Family: rtattr.AF_INET, Table: rtattr.RT_TABLE_MAIN, SuppressPrefixLen: rule.Zero}
//
// What is listed can be written back and deleted, attributes included that Rule has
// no field for.
//
// Each verb is one message, but for [Flush]. AppendAdd and AppendDelete give its
// bytes to an [rtattr.Encoder], which holds any number of them as a batch. [Begin]
// leaves the message open.
//
// The kernel's side of all this is net/core/fib_rules.c, net/ipv4/fib_rules.c and
// net/ipv6/fib6_rules.c.
package rule
