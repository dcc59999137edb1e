//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/nlwire/nlwire/internal/demo/demotest"
	"github.com/nlwire/nlwire/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// TestProgram runs the program as a user does.
func TestProgram(t *testing.T) {
	nstest.TUN(t)
	run := demotest.Build(t, ".")
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"IPv4", []string{"-c", "2", "-v"}, []string{
			"private network namespace", "tun0: 10.66.66.2 answers at the far end of 10.66.66.1", "reply from 10.66.66.2: time=",
			"answered an echo request of 34 bytes", "answered 2 echo requests"}},
		{"IPv6", []string{"-c", "1", "-local", "fd00:1::1", "-peer", "fd00:1::2", "-name", "p"}, []string{
			"p: fd00:1::2 answers", "reply from fd00:1::2: time=", "answered 1 echo requests"}},
		{"command", []string{"ip", "address", "show", "tun0"}, []string{"inet 10.66.66.1 peer 10.66.66.2/32", "answered 0 echo requests"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := run(tt.args...)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
	for want, args := range map[string][]string{
		`tunping: tun: create "lo": a network device of this name exists`: {"-name", "lo"},
		"Peer is of another address family than Local":                    {"-peer", "fd00::1"},
		"tunping: nosuchprogram: exec":                                    {"nosuchprogram"},
		"tunping: false: exit status 1":                                   {"false"},
		`invalid value "x" for flag -peer`:                                {"-peer", "x"},
	} {
		if out, err := run(args...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%swant %s", args, err, out, want)
		}
	}
	if out, err := run("-h"); err != nil || !strings.Contains(out, "usage: tunping [flags] [command [arguments]]") || !strings.Contains(out, "-peer address") {
		t.Errorf("-h: %v\n%s", err, out)
	}
}
