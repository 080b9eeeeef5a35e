// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const long = "/usr/sbin/a-very-long-daemon-name"
	for _, tc := range []struct {
		name  string
		match Match
		comm  string
		line  string // words separated by |
		want  bool
	}{
		{"name", Match{Command: "ssh"}, "ssh", "/usr/bin/ssh|host", true},
		{"name is exact", Match{Command: "ssh"}, "sshd", "/usr/sbin/sshd", false},
		{"name, not command line", Match{Command: "nginx"}, "nginx", "nginx: master process", true},
		{"interpreted script", Match{Command: "check.py"}, "check.py", "/usr/bin/python3|/opt/check.py", true},
		{"long name", Match{Command: "a-very-long-daemon-name"}, "a-very-long-dae", long, true},
		{"long name of a script", Match{Command: "a-very-long-daemon-name"}, "a-very-long-dae", "/bin/sh|" + long, true},
		{"other long name", Match{Command: "a-very-long-daemon-name"}, "a-very-long-dae", long + "-2", false},
		{"kernel thread", Match{Command: "kworker/0:1"}, "kworker/0:1", "", false}, // a slash asks for a path
		{"path", Match{Command: "/usr/sbin/haproxy"}, "haproxy", "/usr/sbin/haproxy|-f|x", true},
		{"other path", Match{Command: "/usr/sbin/haproxy"}, "haproxy", "/opt/haproxy|-f|x", false},
		{"full command, name in a directory", Match{Command: "haproxy", FullCommand: true}, "other", "/opt/haproxy|-f|x", true},
		{"full command, other", Match{Command: "haproxy", FullCommand: true}, "haproxy", "hatop", false},
		{"parameters", Match{Command: "x", Params: []string{"-a", "-b"}}, "x", "x|-a|-b", true},
		{"more parameters", Match{Command: "x", Params: []string{"-a"}}, "x", "x|-a|-b", false},
		{"fewer parameters", Match{Command: "x", Params: []string{"-a", "-b"}}, "x", "x|-a", false},
		{"leading", Match{Command: "x", Params: []string{"-a"}, Compare: Leading}, "x", "x|-a|-b", true},
		{"leading, none of them", Match{Command: "x", Params: []string{"-a"}, Compare: Leading}, "x", "x", false},
		{"leading, longer", Match{Command: "x", Params: []string{"-a"}, Compare: Leading}, "x", "x|-ab", false},
		{"prefix", Match{Command: "x", Params: []string{"-a", "-b"}, Compare: Prefix}, "x", "x|-a|-bcd", true},
		{"prefix, first longer", Match{Command: "x", Params: []string{"-a", "-b"}, Compare: Prefix}, "x", "x|-az|-b", false},
		{"prefix, fewer", Match{Command: "x", Params: []string{"-a", "-b"}, Compare: Prefix}, "x", "x|-a", false},
		{"no parameters wanted", Match{Command: "x", Compare: Leading}, "x", "x", true},
		{"no parameters wanted, one there", Match{Command: "x", Compare: Prefix}, "x", "x|-a", false},
		{"gone", Match{Command: "x", FullCommand: true}, "x", "", false},
	} {
		got := tc.match.matches(tc.comm, func() []string {
			return slices.DeleteFunc(strings.Split(tc.line, "|"), func(w string) bool { return w == "" })
		})
		if got != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	for text, want := range map[string]string{
		"1 (init) S 0 1":          "init S",
		"7 (a) b) (c) Z 1 7":      "a) b) (c Z",
		"8 () R 1":                " R",
		"9 (short)":               "",
		"":                        "",
		")(":                      "",
		"10 (with\nnewline) D 1 ": "with\nnewline D",
	} {
		comm, state, ok := parseStat([]byte(text))
		if got := comm + " " + string(state); ok && got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (init) S 0 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if comm, _, ok := parseStat(b); ok && len(comm) > len(b)-2 {
			t.Errorf("%q: name %q", b, comm)
		}
	})
}
