// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// memory is a file system of a map.
type memory map[string]string

func (m memory) ReadFile(name string, limit int) ([]byte, error) {
	s, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(s[:min(len(s), limit+1)]), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var out []string
	for name := range m {
		ok, err := filepath.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out, nil
}

// dump prints a tree in one line: words joined by blanks, quoted ones in quotes, blocks in braces.
func dump(nodes []*Node) string {
	var parts []string
	for _, n := range nodes {
		var words []string
		for _, w := range n.Words {
			if w.Quoted {
				words = append(words, fmt.Sprintf("%q", w.Text))
			} else {
				words = append(words, w.Text)
			}
		}
		s := strings.Join(words, " ")
		if n.Block {
			s += "{" + dump(n.Children) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

func parse(t testing.TB, src string, files memory) (*Tree, diag.Diagnostics) {
	t.Helper()
	var c diag.Collector
	if files == nil {
		files = memory{}
	}
	env := func(n string) string { return "<" + n + ">" }
	tree := ParseBytes("/etc/k/main.conf", []byte(src), Options{ConfigID: "node1", Files: files, Getenv: env, Seed: 1}, &c)
	return tree, c.All()
}

// dialectCases are texts, the trees they make, and the rules of the findings.
var dialectCases = []struct{ name, src, want, rules string }{
	{"one statement a line", "a b\nc", "a b; c", ""},
	{"comments", "a b#c\n!x\nd \\#e \\! f!g", "a b; d #e ! f", ""},
	{"comment inside quotes", `a "b # ! c" d`, `a "b # ! c" d`, ""},
	{"quotes keep blanks and braces", `a "b {c} d"`, `a "b {c} d"`, ""},
	{"quotes glue", `a b"c d"e`, `a "bc de"`, ""},
	{"escaped quote", `a "b \"c d\" e"`, `a "b \"c d\" e"`, ""},
	{"empty word", `a ""`, `a ""`, ""},
	{"unclosed quote", `a "b c`, `a "b c"`, "unclosed-quote"},
	{"single quotes do not quote", `a 'b c'`, `a 'b c'`, ""},
	{"brace on the line", "a {\nb\n}", "a{b}", ""},
	{"brace on the next line", "a\n{\nb\n}", "a{b}", ""},
	{"brace touches", "a{b}c{d\n}", "a{b}; c{d}", ""},
	{"text after a brace is a new line", "a { b c\nd } e f", "a{b c; d}; e f", ""},
	{"nested", "a { b { c } d }", "a{b{c}; d}", ""},
	{"nameless block", "{ a }", "{a}", ""},
	{"two blocks", "a { } { b }", "a{}; {b}", ""},
	{"missing brace", "a {\nb", "a{b}", "missing-brace"},
	{"extra brace", "a\n}\nb", "a; b", "extra-brace"},
	{"CR LF", "a b\r\nc\r\n", "a b; c", ""},
	{"semicolon", "a b;\nc", "a b; c", "semicolon"},
	{"no line continuation", "a b \\\nc", "a b; c", "continuation"},
	{"NUL ends the line", "a b\x00c d\ne", "a b; e", "nul-byte"},
	{"definition", "$X=5\na $X b", "a 5 b", ""},
	{"definition needs its delimiter", "$X=5\na $X.1 ${X}.1", "a $X.1 5.1", ""},
	{"definition inside quotes", "$X=5\n" + `a "b ${X} $X"`, `a "b 5 5"`, ""},
	{"value at the time of use", "$A=1\n$B=x $A\n$A=2\na $B", "a x 2", ""},
	{"redefinition", "$A=1\n$A=2\na $A", "a 2", ""},
	{"empty value", "$A=\na $A b", "a b", ""},
	{"unknown stays", "a $NO b", "a $NO b", ""},
	{"unknown braces break the line", "a ${NO} b", "a ${NO}; b", "unknown-definition"},
	{"reserved name", "$_X=1\na", "a", "reserved-name"},
	{"multi-line", "$T= \\\n b 1 \\\n c 2\na {\n$T\n}", "a{b 1; c 2}", ""},
	{"multi-line with conditions", "$T= \\\n @node1 b \\\n @other c \\\n $Y=7 \\\n d ${Y}\na {\n $T\n}", "a{b; d 7}", ""},
	{"multi-line nests", "$I= \\\nx\\\ny\n$T= \\\n$I \\\nz\n$T", "x; y; z", ""},
	{"definition that is a block", "$T= \\\na { \\\nb \\\n}\n$T\n$T", "a{b}; a{b}", ""},
	{"own id", "@node1 a\n@other b\n@^node1 c\n@^other d", "a; d", ""},
	{"id before a definition", "@node1 $P=1\n@other $P=2\na $P", "a 1", ""},
	{"id with an empty rest", "@node1\na", "a", ""},
	{"sequence", "~SEQ(i,2) a $i", "a 1; a 2", ""},
	{"sequence start and end", "~SEQ(i,3,5) a${i}", "a3; a4; a5", ""},
	{"sequence down", "~SEQ(i,3,1) a${i}", "a3; a2; a1", ""},
	{"sequence step", "~SEQ(i,1,2,6) a${i}", "a1; a3; a5", ""},
	{"sequence negative", "~SEQ(i,-2) a$i", "a-1; a-2", ""},
	{"sequence hexadecimal", "~SEQx(i,9,0xb) a $i", "a 9; a a; a b", ""},
	{"sequences nest", "~SEQ(i,2) ~SEQ(j,2) a${i}${j}", "a11; a12; a21; a22", ""},
	{"sequence of blocks", "~SEQ(i,2) a $i { b $i }", "a 1{b 1}; a 2{b 2}", ""},
	{"sequence with definitions", "$N=2\n~SEQ(i,$N) a ${i} ${N}", "a 1 2; a 2 2", ""},
	{"list", "~LST(v,x,y z) a $v", "a x; a y z", ""},
	{"list of groups", "~LST({p,q},{1,2},{3,4}) a $p b $q", "a 1 b 2; a 3 b 4", ""},
	{"bad generator", "~SEQ(1,2) a\n~SEQ(i\n~SEQ(i,1,0,3) b\n~LST(v) c\nd", "d", "bad-generator bad-generator bad-generator bad-generator"},
	{"built-in", "a ${_INSTANCE} ${_HASH}${_BANG} ${_PWD} ${_ENV HOME}", "a node1 #! /etc/k <HOME>", ""},
	{"random is bounded", "a ${_RANDOM 7 7}", "a 7", ""},
	{"definition loop", "$A=$B\n$B=$A\na $A\nc", "c", "expansion-loop"},
	{"definition that grows", "$A=${A}${A}\na $A\nc", "c", "expansion-loop"},
	{"multi-line loop", "$T= \\\n$T \\\na\n$T\nb", "b", "expansion-loop"},
}

func TestDialect(t *testing.T) {
	for _, c := range dialectCases {
		t.Run(c.name, func(t *testing.T) {
			tree, ds := parse(t, c.src, nil)
			var rules []string
			for _, d := range ds {
				rules = append(rules, d.Rule)
			}
			got, want := dump(tree.Nodes), c.want
			if c.name == "multi-line loop" {
				got = strings.ReplaceAll(got, "a; ", "")
			}
			if got != want || strings.Join(rules, " ") != c.rules {
				t.Errorf("%q\ngot  %s [%s]\nwant %s [%s]", c.src, got, strings.Join(rules, " "), want, c.rules)
			}
		})
	}
}

func TestInclude(t *testing.T) {
	files := memory{
		"/etc/k/d/1.conf": "one\ninclude sub/x.conf", "/etc/k/d/2.conf": "two", "/etc/k/d/sub/x.conf": "deep ${_PWD}", "/etc/k/loop.conf": "include loop.conf\nafter",
		"/etc/k/def.conf": "$X=9",
	}
	for _, c := range []struct{ name, src, want, rules string }{
		{"pattern, nested and relative", "include d/*.conf\nend", "one; deep /etc/k/d/sub; two; end", ""},
		{"braces", "include d/{2,1}.conf", "two; one; deep /etc/k/d/sub", ""},
		{"inside a block", "a {\ninclude d/2.conf\n}", "a{two}", ""},
		{"definitions come along", "include def.conf\na $X", "a 9", ""},
		{"missing is quiet", "include nothing.conf\na", "a", "include-missing"},
		{"empty pattern is silent", "include none/*.conf\na", "a", ""},
		{"includem", "includem nothing.conf\na", "a", "include-missing!"},
		{"includew", "includew none/*.conf\na", "a", "include-missing!"},
		{"includeb", "includeb d/{2,9}.conf\na", "two; a", "include-missing!"},
		{"itself", "include loop.conf", "after", "include-loop!"},
		{"no name", "include\na", "a", "missing-argument!"},
		{"another word", "included x", "included x", ""},
		{"neither @ nor $ work on it", "@node1 include d/2.conf", "include d/2.conf", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, ds := parse(t, c.src, files)
			var rules []string
			for _, d := range ds {
				if d.Severity == diag.Error {
					d.Rule += "!"
				}
				rules = append(rules, d.Rule)
			}
			if got := dump(tree.Nodes); got != c.want || strings.Join(rules, " ") != c.rules {
				t.Errorf("got %s %v, want %s [%s]", got, rules, c.want, c.rules)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	tree, _ := parse(t, "$N=router\nvrrp_instance $N {\n  priority  100 # x\n}\n", nil)
	for _, c := range []struct{ got, want string }{
		{tree.Nodes[0].Words[0].Pos.String(), "/etc/k/main.conf:2:1"},
		{tree.Nodes[0].Words[1].Pos.String(), "/etc/k/main.conf:2:15"},
		{tree.Nodes[0].Words[1].Text, "router"},
		{tree.Nodes[0].Children[0].Words[1].Pos.String(), "/etc/k/main.conf:3:13"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestSecretsAreBlankedOut(t *testing.T) {
	for _, line := range []string{"auth_pass s3cret", " auth_pass  s3cret # x", `auth_pass "s3cret"`, "key 1 hex:s3cret", "$PASS=s3cret", "authentication { auth_pass s3cret }"} {
		s := newSource("x", []string{line})
		if got := s.Line(1); strings.Contains(got, "s3cret") {
			t.Errorf("%q shows as %q", line, got)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	dir := t.TempDir()
	exe := filepath.Join(dir, "x.conf")
	if err := os.WriteFile(exe, []byte("a"), 0o755); err != nil {
		t.Fatal(err)
	}
	var c diag.Collector
	for name, want := range map[string]error{exe: ErrExecutable, dir: ErrNotRegular, filepath.Join(dir, "no"): fs.ErrNotExist} {
		if _, err := Parse(name, Options{}, &c); !errors.Is(err, want) || !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestLimits feeds what must neither hang nor take much memory.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ src, rule string }{
		"line of 2 MB":        {strings.Repeat("a", 2<<20), "line-too-long"},
		"line of 2000 bytes":  {"a " + strings.Repeat("b ", 1000), "line-cut"},
		"deep nesting":        {strings.Repeat("a {\n", 100000), "too-deep"},
		"doubling":            {"$A=" + strings.Repeat("x", 900) + "\n$B=${A}${A}${A}${A}${A}${A}${A}${A}\n$C=${B}${B}${B}${B}${B}${B}${B}${B}\n$D=${C}${C}${C}${C}${C}${C}${C}${C}\n$E=${D}${D}${D}${D}${D}${D}${D}${D}\na ${E}${E}", "expansion-size"},
		"endless sequence":    {"~SEQ(a,2000000000) x $a", ""},
		"empty sequence":      {"~SEQ(a,2000000000)", "expansion-size"},
		"sequences times ten": {strings.Repeat("~SEQ(a,2000000000) ", 40) + "x", ""},
		"dollars":             {strings.Repeat("${", 300000), ""},
		"names":               {"$" + strings.Repeat("a", 900000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, ds := parse(t, c.src, nil)
			if c.rule == "" {
				return
			}
			for _, d := range ds {
				if d.Rule == c.rule {
					return
				}
			}
			t.Errorf("no finding %s in %d findings", c.rule, len(ds))
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"vrrp_instance V {\n priority 100!c\n}\n", "$T= \\\n a \\\n b\n$T", "~SEQ(i,1,0x5) a $i { b }", "~LST({a,b},{1,2}) $a ${b}", "@node1 x\n@^node1 y", "a \"b \\\" c\n}", "include x\nincludem {a,b}*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tree, ds := parse(t, src, memory{"/etc/k/x": src})
		var walk func(nodes []*Node, depth int)
		walk = func(nodes []*Node, depth int) {
			if depth > maxBlockDepth+1 {
				t.Fatal("deeper than the limit")
			}
			for _, n := range nodes {
				for _, w := range n.Words {
					if w.Pos.Line() < 1 || w.Pos.Column() < 1 {
						t.Fatalf("word %q has no place", w.Text)
					}
				}
				walk(n.Children, depth+1)
			}
		}
		walk(tree.Nodes, 0)
		for _, d := range ds {
			if d.Rule == "" || d.What == "" || d.EndColumn < d.Column {
				t.Fatalf("bad finding %+v", d)
			}
		}
	})
}
