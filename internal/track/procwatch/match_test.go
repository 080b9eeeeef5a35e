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
		// From here on as keepalived 2.2.7 decides.
		{"full command", Match{Command: "x", FullCommand: true}, "other", "x|-a", true},
		{"full command has the directory", Match{Command: "x", FullCommand: true}, "x", "/bin/x", false},
		{"full command, other", Match{Command: "haproxy", FullCommand: true}, "haproxy", "hatop", false},
		{"parameters", Match{Command: "x", Params: []string{"70", "71"}}, "x", "x|70|71", true},
		{"parameters, directory", Match{Command: "x", Params: []string{"70", "71"}}, "x", "/bin/x|70|71", false},
		{"more parameters", Match{Command: "x", Params: []string{"70"}}, "x", "x|70|71", false},
		{"fewer parameters", Match{Command: "x", Params: []string{"70", "71"}}, "x", "x|70", false},
		{"leading", Match{Command: "x", Params: []string{"70"}, Compare: Leading}, "x", "x|70|71", true},
		{"leading, all", Match{Command: "x", Params: []string{"70", "71"}, Compare: Leading}, "x", "x|70|71", true},
		{"leading, too many", Match{Command: "x", Params: []string{"70", "71", "1"}, Compare: Leading}, "x", "x|70|71", false},
		{"leading, last cut", Match{Command: "x", Params: []string{"70", "7"}, Compare: Leading}, "x", "x|70|71", false},
		{"leading, only one cut", Match{Command: "x", Params: []string{"7"}, Compare: Leading}, "x", "x|70|71", false},
		{"prefix, last cut", Match{Command: "x", Params: []string{"70", "7"}, Compare: Prefix}, "x", "x|70|71", true},
		{"prefix, more follow", Match{Command: "x", Params: []string{"7"}, Compare: Prefix}, "x", "x|70|71", true},
		{"prefix, first cut", Match{Command: "x", Params: []string{"7", "71"}, Compare: Prefix}, "x", "x|70|71", false},
		{"prefix, too many", Match{Command: "x", Params: []string{"70", "71", "7"}, Compare: Prefix}, "x", "x|70|71", false},
		{"leading, none wanted", Match{Command: "x", Compare: Leading}, "other", "x|70", true},
		{"prefix, none wanted", Match{Command: "x", Compare: Prefix}, "other", "x|70", true},
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
