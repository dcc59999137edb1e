// Package plan is what the two sides of internal/vm agree on: the command writes
// it into the machine's initial file system, the machine's init reads it.
package plan

import "strings"

// Paths in the machine.
const (
	Jobs    = "/vm/jobs"    // JSON, []Job
	Modules = "/vm/modules" // the index, see AppendModule
	Nodes   = "/vm/nodes"   // lines "NAME MAJOR MINOR": opening the device loads a module
	Config  = "/vm/config"  // how the kernel was built
	Source  = "/src"        // the module under test
)

// Parameters of the kernel's command line that are for init.
const (
	Output = "vm.output" // the port for markers and what tests print
	Files  = "vm.files"  // the port for a tar of what tests wrote
	Load   = "vm.load"   // modules to load first, separated by commas, or "all"
)

// Mark begins a line that is not for people. Init prints these words behind it:
//
//	ready RELEASE
//	start I
//	end I CODE SECONDS
//	done
//
// A test may print what makes the host write a file of the module at once, even if
// the machine ends with it:
//
//	save PATH BASE64
const Mark = "@@vm "

// A Job is a test binary to run.
type Job struct {
	Name    string // of the package
	Path    string // of the binary
	Dir     string // to run it in
	Args    []string
	Env     []string
	Collect bool // send what is written in Dir
}

// Kinds of lines of the index of modules.
const (
	File    = "m" // NAME PATH LOAD,ORDER,ITSELF-LAST
	Alias   = "a" // PATTERN NAME
	BuiltIn = "b" // NAME
)

// ModuleName is the name of a module in the kernel's spelling.
func ModuleName(s string) string { return strings.ReplaceAll(s, "-", "_") }
