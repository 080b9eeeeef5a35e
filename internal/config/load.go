// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// Diagnostic and Diagnostics are the findings of package diag.
type (
	Diagnostic  = diag.Diagnostic
	Diagnostics = diag.Diagnostics
)

// Options say how to read a configuration. The zero value reads the real file system and looks at nothing else of the host.
type Options struct {
	// ConfigID selects lines marked @ID; empty is the host name up to its first dot.
	ConfigID string
	// Files replaces the file system, for tests and editors.
	Files syntax.Files
	// Getenv serves ${_ENV NAME}; nil is os.Getenv.
	Getenv func(string) string
	// Environ are the variables of the environment, NAME=VALUE; those of [CloudEnvironment] count.
	Environ []string
	// Host, if not nil, is asked about interfaces, addresses and scripts of this host.
	Host Host
}

// ErrUnreadable is wrapped by the error of [Load] when the main file cannot be read at all.
var ErrUnreadable = syntax.ErrUnreadable

// Load reads the file and its includes. The error is not nil only if no main file could be read. The Config is always usable
// for display; it must be run only if the findings have no errors.
//
// The path is a pattern, as in keepalived: several matches are read in turn as if they were one file.
func Load(path string, o Options) (*Config, Diagnostics, error) {
	files := o.Files
	if files == nil {
		files = syntax.OS{}
	}
	paths := []string{path}
	if strings.ContainsAny(path, "*?[") {
		found, err := files.Glob(path)
		if err != nil || len(found) == 0 {
			return nil, nil, fmt.Errorf("%w: no file matches %s", ErrUnreadable, path)
		}
		paths = found
	}
	b := newBuilder(o)
	for _, p := range paths {
		tree, err := syntax.Parse(p, o.syntax(), &b.diags)
		if err != nil {
			return nil, nil, err
		}
		if len(paths) > 1 {
			b.add(syntax.At(p), diag.Hint, "several-files", "this is one of several files that match "+path, "they are read in turn as one configuration", "")
		}
		b.tree(tree)
	}
	cfg, ds := b.finish()
	return cfg, ds, nil
}

// Parse reads text as if it stood in the file called name.
func Parse(name string, src []byte, o Options) (*Config, Diagnostics) {
	b := newBuilder(o)
	b.tree(syntax.ParseBytes(name, src, o.syntax(), &b.diags))
	return b.finish()
}

func (o Options) syntax() syntax.Options {
	return syntax.Options{ConfigID: o.ConfigID, Files: o.Files, Getenv: o.Getenv}
}

// word is a word of a statement.
type word = syntax.Word

// builder fills a Config while it walks the tree.
type builder struct {
	opts  Options
	cfg   *Config
	diags diag.Collector
	names map[string]*Instance
	// groups are the sync-groups by name, defs what else has a name: keyword and name to what tracks take from it.
	groups map[string]*SyncGroup
	defs   map[[2]string]func() tracked
	// once holds findings that are made one time per configuration.
	once  map[string]bool
	lines map[string]syntax.Pos // first place of each top-level keyword
}

func newBuilder(o Options) *builder {
	return &builder{
		opts: o, cfg: &Config{Global: defaultGlobal()}, names: make(map[string]*Instance), groups: make(map[string]*SyncGroup),
		defs: make(map[[2]string]func() tracked), once: make(map[string]bool), lines: make(map[string]syntax.Pos),
	}
}

func (b *builder) add(p syntax.Pos, sev diag.Severity, rule, what, why, instead string) {
	b.diags.Add(p.Diagnostic(sev, rule, what, why, instead))
}

func (b *builder) tree(t *syntax.Tree) {
	b.cfg.Files = append(b.cfg.Files, t.Files...)
	b.block(scopeTop, nil, t.Nodes)
}

// call is one statement on its way to its setter.
type call struct {
	b      *builder
	kw     *Keyword
	scope  Scope
	target any // what the scope's block fills: *Instance, *Script…
	node   *syntax.Node
	args   []word
}

func (c *call) pos() syntax.Pos { return c.node.Pos }

// add makes a finding at the n-th argument, or at the keyword for -1.
func (c *call) add(n int, sev diag.Severity, rule, what, why, instead string) {
	p := c.pos()
	if n >= 0 && n < len(c.args) {
		p = c.args[n].Pos
	}
	c.b.add(p, sev, rule, what, why, instead)
}

func (c *call) warn(n int, rule, what, why, instead string) {
	c.add(n, diag.Warning, rule, what, why, instead)
}

func (c *call) arg(n int) string {
	if n < len(c.args) {
		return c.args[n].Text
	}
	return ""
}

// block walks the statements of a block.
func (b *builder) block(s Scope, target any, nodes []*syntax.Node) {
	for _, n := range nodes {
		b.statement(s, target, n)
	}
}

func (b *builder) statement(s Scope, target any, n *syntax.Node) {
	name := n.Keyword()
	if name == "" {
		b.add(n.Pos, diag.Warning, "nameless-block", "this block has no keyword", "it is skipped whole", "a keyword before the {")
		return
	}
	kw := keywords.lookup(s, name)
	if kw == nil {
		b.unknown(s, n)
		return
	}
	c := &call{b: b, kw: kw, scope: s, target: target, node: n, args: n.Args()}
	if s == scopeTop {
		if _, ok := b.lines[name]; !ok {
			b.lines[name] = n.Pos
		}
	}
	if !c.shape() {
		return
	}
	switch kw.Status {
	case NoEffect:
		c.add(-1, diag.Hint, "no-effect", name+" is accepted and has no effect", kw.Why, "")
	case Unsupported:
		c.add(-1, diag.Warning, "unsupported", name+" is read and not carried out", "vrrpd does not do this", kw.Why)
	case Acts, OutOfScope:
	}
	if p, ok := target.(interface{ mark(string, syntax.Pos) }); ok {
		p.mark(kw.Name, n.Pos)
	}
	c.singleQuotes()
	if kw.set != nil {
		kw.set(c)
	}
}

// singleQuotes reports '…' where it is taken to the letter.
func (c *call) singleQuotes() {
	if strings.HasPrefix(c.kw.Args, "CMD") || strings.HasPrefix(c.kw.Args, "[CMD") {
		return
	}
	for i, w := range c.args {
		if !w.Quoted && strings.HasPrefix(w.Text, "'") {
			c.warn(i, "single-quotes", "single quotes do not quote here", "they are part of the word; only commands know them", `double quotes`)
		}
	}
}

// shape checks the number of words and the braces.
func (c *call) shape() bool {
	kw, name := c.kw, c.node.Keyword()
	if len(c.args) < kw.minArgs() {
		if kw.isBlock() {
			c.warn(-1, "missing-name", name+" has no name", "keepalived skips the block, and so does vrrpd", name+" "+kw.Args)
			return false
		}
		c.add(-1, diag.Error, "missing-argument", name+" needs a value", "keepalived stops at once on this line", name+" "+kw.Args)
		return false
	}
	if most := kw.maxArgs(); most >= 0 && len(c.args) > most {
		c.tooMany(most)
		if kw.isBlock() && most == 1 {
			return false
		}
		c.args = c.args[:most]
	}
	switch {
	case kw.isBlock() && !c.node.Block && kw.Status == Acts:
		c.warn(-1, "missing-block", name+" has no block", "it has nothing to say without { … }", name+" { … }")
	case !kw.isBlock() && c.node.Block:
		c.warn(-1, "needless-block", name+" takes no block", "the block is skipped", "")
	}
	return true
}

// tooMany reports words after the last argument, with the usual misunderstandings told apart.
func (c *call) tooMany(most int) {
	name, extra := c.node.Keyword(), c.args[most]
	switch {
	case keywords.lookup(c.scope, extra.Text) != nil:
		c.warn(most, "two-statements", extra.Text+" on the line of "+name+" is not read", "a line holds one statement; keepalived ignores the rest without a word", extra.Text+" on a line of its own")
	case most == 0 && isBoolWord(extra.Text):
		c.booleanFlag(extra)
	case c.kw.isBlock() && most == 1:
		c.warn(most, "name-words", "the name of this "+name+" has more than one word", "keepalived skips the whole block, and so does vrrpd", name+` "`+c.arg(0)+" "+extra.Text+`" {`)
	default:
		c.warn(most, "extra-words", extra.Text+" is one word too many for "+name, "keepalived ignores it without a word", strings.TrimSpace(name+" "+c.kw.Args))
	}
}

// booleanFlag reports a word like off after a keyword that takes none and is on by being there.
func (c *call) booleanFlag(w word) {
	name := c.node.Keyword()
	if v, _ := boolWord(w.Text); v {
		c.add(0, diag.Hint, "extra-words", name+" takes no value", "it is on by being there", name)
		return
	}
	c.warn(0, "inverted-boolean", name+" "+w.Text+" means "+name, "keepalived ignores the word "+w.Text+": the option is ON, and so it is here", "nothing, to leave it off; or "+name+" alone")
}

// unknown reports a word that the scope does not have; a block is skipped whole.
func (b *builder) unknown(s Scope, n *syntax.Node) {
	name := n.Keyword()
	if s != scopeTop && n.Block && keywords.lookup(scopeTop, name) != nil && len(keywords.lookup(scopeTop, name).Args) > 1 {
		b.add(n.Pos, diag.Warning, "unclosed-above", name+" stands inside "+string(s), "the block above is not closed; vrrpd reads this one as if it were", "} before this line")
		b.statement(scopeTop, nil, n)
		return
	}
	what, why, instead := name+" is not known in "+string(s), "keepalived reports it and goes on", ""
	if s == scopeTop {
		what = name + " is not known at the top level"
	}
	if n.Block {
		why = "the block is skipped whole; keepalived would read its closing brace as the end of " + string(s)
		if s == scopeTop {
			why = "the block is skipped whole"
		}
	}
	if near := keywords.nearest(s, name); near != "" {
		instead = near
	} else if home := keywords.home(name); home != "" {
		instead = name + " inside " + home
	}
	b.add(n.Pos, diag.Warning, "unknown-word", what, why, instead)
}

// home names the scope in which a word is known.
func (ix *keywordIndex) home(name string) string {
	for _, k := range ix.all {
		if k.Name == name {
			if k.Scopes[0] == scopeTop {
				return "no block (the top level)"
			}
			return string(k.Scopes[0])
		}
	}
	return ""
}

// finish resolves names, applies the rules and looks for mistakes.
func (b *builder) finish() (*Config, Diagnostics) {
	b.environment()
	b.resolve()
	b.lint()
	if b.opts.Host != nil {
		b.host()
	}
	return b.cfg, b.diags.All()
}

// errSkip tells a line reader that the line was reported and must be dropped.
var errSkip = errors.New("line dropped")
