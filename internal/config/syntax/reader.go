// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// Options say how to read.
type Options struct {
	// ConfigID selects the lines marked @ID; empty means the host name up to its first dot.
	ConfigID string
	// Files opens files and lists patterns; nil means the real file system.
	Files Files
	// Getenv serves ${_ENV NAME}; nil means os.Getenv.
	Getenv func(string) string
	// Seed fixes ${_RANDOM}; 0 means a random seed.
	Seed uint64
}

// ErrUnreadable is the error of [Parse] when the main file cannot be read at all.
var ErrUnreadable = errors.New("cannot read the configuration")

// Parse reads the file and its includes. Findings go to diags; the error is not nil only if the main file cannot be
// read, and then wraps [ErrUnreadable].
func Parse(name string, o Options, diags *diag.Collector) (*Tree, error) {
	if o.Files == nil {
		o.Files = OS{}
	}
	content, err := o.Files.ReadFile(name, maxFileSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return ParseBytes(name, content, o, diags), nil
}

// ParseBytes reads text as if it stood in the file called name. Relative includes start at that file's directory.
func ParseBytes(name string, content []byte, o Options, diags *diag.Collector) *Tree {
	if o.Files == nil {
		o.Files = OS{}
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.ConfigID == "" {
		host, err := os.Hostname()
		if err == nil {
			o.ConfigID, _, _ = strings.Cut(host, ".")
		}
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	r := &reader{
		opts: o, diags: diags, tree: &Tree{}, build: builder{diags: diags}, defs: make(map[string][]text),
		random: rand.New(rand.NewPCG(o.Seed, 1)), left: maxFileSize, work: maxExpandWork,
	}
	r.file(name, content)
	r.tree.Nodes = r.build.finish()
	return r.tree
}

type reader struct {
	opts   Options
	diags  *diag.Collector
	tree   *Tree
	build  builder
	defs   map[string][]text // one text, or several for a multi-line definition
	multi  string            // name of the multi-line definition being read
	random *rand.Rand
	stack  []string // files being read, outermost first
	left   int      // bytes that may still be read
	work   int      // bytes that expansion may still copy
}

func (r *reader) add(p Pos, sev diag.Severity, rule, what, why, instead string) {
	r.diags.Add(p.Diagnostic(sev, rule, what, why, instead))
}

// file reads one file's lines.
func (r *reader) file(name string, content []byte) {
	if len(content) > r.left {
		content = content[:r.left]
		r.add(At(name), diag.Error, "too-large", fmt.Sprintf("the configuration is larger than %d MiB", maxFileSize>>20), "the rest was not read", "")
	}
	r.left -= len(content)
	lines := splitLines(string(content))
	src := newSource(name, lines)
	r.tree.Files = append(r.tree.Files, name)
	r.stack = append(r.stack, name)
	for i, s := range lines {
		r.physical(text{s: s, base: 1, src: src, line: int32(i + 1)})
	}
	r.stack = r.stack[:len(r.stack)-1]
	if r.multi != "" && len(r.stack) == 0 {
		r.multi = ""
	}
}

// physical handles one line as it stands in the file.
func (r *reader) physical(t text) {
	if strings.HasSuffix(t.s, "\r") {
		t = t.slice(0, len(t.s)-1)
	}
	if len(t.s) > maxLine {
		r.add(t.pos(0, 1), diag.Error, "line-too-long", fmt.Sprintf("this line has %d bytes", len(t.s)), fmt.Sprintf("a line may have %d; it was not read", maxLine), "shorter lines")
		return
	}
	if i := strings.IndexByte(t.s, 0); i >= 0 {
		r.add(t.pos(i, i+1), diag.Warning, "nul-byte", "there is a NUL byte in this line", "keepalived ends the line there, and so does vrrpd", "a text file; this looks like binary data")
		t = t.slice(0, i)
	}
	if len(t.s) > keepalivedLine {
		r.add(t.pos(keepalivedLine, len(t.s)), diag.Warning, "line-cut", fmt.Sprintf("this line has %d bytes", len(t.s)), "keepalived cuts it after 1023 bytes and reads the rest as a new line; vrrpd reads the whole line", "several lines")
	}
	t = stripComment(t)
	if r.multi != "" {
		r.multiLine(t)
		return
	}
	u := t.trim()
	if u.s == "" {
		return
	}
	if strings.HasPrefix(u.s, "include") && r.include(u) {
		return
	}
	r.logical(u, 0)
}

// logical handles one line after comments and includes: conditions, definitions, generators, expansion, words.
func (r *reader) logical(t text, depth int) {
	t = t.trim()
	if t.s == "" || r.build.full {
		return
	}
	if depth > maxExpandDepth {
		r.add(t.pos(0, len(t.s)), diag.Error, "expansion-loop", "definitions on this line refer to each other without end", "", "a definition that does not contain itself")
		return
	}
	if t.s[0] == '@' {
		if rest, keep := r.condition(t); keep {
			r.logical(rest, depth+1)
		}
		return
	}
	if r.definition(t) {
		return
	}
	if i := generator(t.s); i >= 0 {
		r.generate(t, i, depth)
		return
	}
	lines, ok := r.expand(t)
	if !ok {
		return
	}
	if len(lines) == 1 && lines[0].s == t.s {
		tokenize(lines[0], &r.build)
		return
	}
	for _, l := range lines {
		r.expanded(l, depth)
	}
}

// expanded handles what came out of a definition. Only lines that mean something new to the earlier stages go round again:
// unknown names stay in the text and must not be tried for ever.
func (r *reader) expanded(t text, depth int) {
	u := t.trim()
	if u.s != "" && (u.s[0] == '@' || generator(u.s) >= 0 || definitionName(u.s) != "" || r.pending(u.s)) {
		r.logical(u, depth+1)
		return
	}
	tokenize(u, &r.build)
}

// condition evaluates @ID and @^ID.
func (r *reader) condition(t text) (rest text, keep bool) {
	end := strings.IndexAny(t.s, " \t")
	if end < 0 {
		return text{}, false
	}
	id, want := t.s[1:end], true
	if strings.HasPrefix(id, "^") {
		id, want = id[1:], false
	}
	if id == "" {
		r.add(t.pos(0, end), diag.Warning, "empty-condition", "this condition names no config id", "the line is skipped", "@ID followed by the statement")
		return text{}, false
	}
	return t.slice(end, len(t.s)), (id == r.opts.ConfigID) == want
}

// definitionName returns NAME of a line $NAME=…, or "".
func definitionName(s string) string {
	if s == "" || s[0] != '$' {
		return ""
	}
	name, _, ok := strings.Cut(s[1:], "=")
	if !ok || !isName(name) {
		return ""
	}
	return name
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// definition reads $NAME=VALUE, or starts a multi-line definition.
func (r *reader) definition(t text) bool {
	name := definitionName(t.s)
	if name == "" {
		return false
	}
	if name[0] == '_' {
		r.add(t.pos(0, len(name)+1), diag.Warning, "reserved-name", "$"+name+" cannot be defined", "names that begin with _ are built in; the line is skipped", "another name")
		return true
	}
	value := t.slice(len(name)+2, len(t.s))
	if strings.HasSuffix(strings.TrimSpace(value.s), `\`) {
		r.multi, r.defs[name] = name, nil
		if first := cutContinuation(value); first.s != "" {
			r.defs[name] = []text{first}
		}
		return true
	}
	r.defs[name] = []text{value}
	return true
}

// multiLine adds a line to the definition being read; a line without trailing \ is its last.
func (r *reader) multiLine(t text) {
	u := t.trim()
	more := strings.HasSuffix(u.s, `\`)
	if more {
		u = cutContinuation(u)
	}
	r.defs[r.multi] = append(r.defs[r.multi], u)
	if !more {
		r.multi = ""
	}
}

func cutContinuation(t text) text {
	t = t.trim()
	return t.slice(0, len(strings.TrimRight(t.s, `\`))).trim()
}

// dir returns the directory of the file being read.
func (r *reader) dir() string {
	if len(r.stack) == 0 {
		return "."
	}
	return filepath.Dir(r.stack[len(r.stack)-1])
}
