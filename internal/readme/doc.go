// Package readme tests what README.md says: the table of ip commands.
package readme
