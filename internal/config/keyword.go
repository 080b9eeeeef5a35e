// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Scope is where a keyword may stand: "" is the top level, otherwise the name of the block.
type Scope string

// The scopes that hold keywords. Blocks that hold lines of their own (addresses, routes, names) have none.
const (
	scopeTop      Scope = ""
	scopeGlobal   Scope = "global_defs"
	scopeInstance Scope = "vrrp_instance"
	scopeGroup    Scope = "vrrp_sync_group"
	scopeScript   Scope = "vrrp_script"
	scopeFile     Scope = "track_file"
	scopeProcess  Scope = "vrrp_track_process"
	scopeCheck    Scope = "vrrp_check"
	scopeBFD      Scope = "bfd_instance"
	scopeGarp     Scope = "garp_group"
	scopeTrackGrp Scope = "track_group"
	scopeAuth     Scope = "authentication"
	scopeHMAC     Scope = "auth_hmac"
	scopeClaim    Scope = "cloud_claim"
	scopeGuard    Scope = "guard"
	scopeIPsec    Scope = "notify_ipsec"
	scopeConn     Scope = "conntrack_sync"
)

// Status says what a keyword does in vrrpd.
type Status uint8

const (
	// Acts is a keyword with its effect.
	Acts Status = iota
	// NoEffect is a keyword that is understood and has no effect here; Keyword.Why says why.
	NoEffect
	// OutOfScope belongs to keepalived's load balancer.
	OutOfScope
	// Unsupported is a keyword that is read and not carried out; Keyword.Why says what to do instead.
	Unsupported
)

// String returns the words of the reference manual.
func (s Status) String() string {
	return [...]string{"acts", "accepted, no effect", "out of scope", "not carried out"}[min(s, Unsupported)]
}

// Keyword is one entry of the table that drives the parser, the checker, the manual and completion.
type Keyword struct {
	Name string
	// Aliases are older spellings.
	Aliases []string
	Scopes  []Scope
	// Args is the synopsis: a word in brackets is optional, "..." means any number, "{" a block.
	Args    string
	Default string
	Doc     string
	// Since is the keepalived release that has the keyword, "" for 2.2.7 and older, "vrrpd" for our own.
	Since  string
	Status Status
	// Why says why a NoEffect keyword has none.
	Why string

	set func(*call)
}

// minArgs and maxArgs are read from the synopsis; maxArgs -1 is any number.
func (k *Keyword) minArgs() int {
	n := 0
	for _, f := range strings.Fields(k.Args) {
		if f == "{" || f[0] == '[' || f == "..." {
			break
		}
		n++
	}
	return n
}

func (k *Keyword) maxArgs() int {
	n := 0
	for _, f := range strings.Fields(k.Args) {
		switch {
		case strings.Contains(f, "..."):
			return -1
		case f != "{":
			n++
		}
	}
	return n
}

func (k *Keyword) isBlock() bool { return strings.HasSuffix(k.Args, "{") }

// keywords is the whole table. init fills it, because setters look keywords up themselves.
var keywords = &keywordIndex{byScope: make(map[Scope]map[string]*Keyword)}

type keywordIndex struct {
	byScope map[Scope]map[string]*Keyword
	all     []*Keyword
}

func tables() [][]Keyword {
	return [][]Keyword{
		topTable(), globalTable(), globalProcessTable(), instanceTable(), instanceWireTable(), sharedTable(), groupTable(), trackerTable(), ourTable(), claimTable(), routeTable(), lvsTable(),
	}
}

// lookup finds a keyword in a scope, or nil.
func (ix *keywordIndex) lookup(s Scope, name string) *Keyword { return ix.byScope[s][name] }

func init() {
	for _, t := range tables() {
		for i := range t {
			k := &t[i]
			keywords.all = append(keywords.all, k)
			for _, s := range k.Scopes {
				applyStatus(s, k)
				m := keywords.byScope[s]
				if m == nil {
					m = make(map[string]*Keyword)
					keywords.byScope[s] = m
				}
				for _, n := range append([]string{k.Name}, k.Aliases...) {
					if m[n] != nil {
						panic(fmt.Sprintf("keyword %s stands twice in scope %q", n, s))
					}
					m[n] = k
				}
			}
		}
	}
}

// nearest returns the known word of a scope that is closest to name, or "".
func (ix *keywordIndex) nearest(s Scope, name string) string {
	return nearestOf(name, func(yield func(string) bool) {
		for n := range ix.byScope[s] {
			if !yield(n) {
				return
			}
		}
	})
}

// nearestOf returns the closest of the words, at most a third of the letters away, or "".
func nearestOf(name string, words func(func(string) bool)) string {
	best, bestDist := "", max(1, min(len(name)/3, 4))+1
	if len(name) > 64 {
		return ""
	}
	for w := range words {
		if d := distance(name, w); d < bestDist || d == bestDist && best != "" && w < best {
			best, bestDist = w, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour.
func distance(a, b string) int {
	if a == b {
		return 0
	}
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

// Keywords returns the table, sorted by scope and name, for completion and documentation.
func Keywords() []Keyword {
	out := make([]Keyword, 0, len(keywords.all))
	for _, k := range keywords.all {
		out = append(out, *k)
	}
	slices.SortStableFunc(out, func(a, b Keyword) int {
		return cmp.Or(cmp.Compare(a.Scopes[0], b.Scopes[0]), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// WriteReference prints the manual of all keywords as Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# keepalived.conf in vrrpd\n\nGenerated from the table of keywords that the parser itself reads.\n\n" +
		"Effect: **acts**; **accepted, no effect** (a hint says why); **not carried out** (a warning says what to do instead); **out of scope** (keepalived's load balancer: one warning, and the block is skipped).\n" +
		"Since: the keepalived release that brought the word, empty for 2.2.7 and older; *vrrpd* marks words that keepalived does not have.\n")
	scopes := []Scope{
		scopeTop, scopeGlobal, scopeInstance, scopeAuth, scopeHMAC, scopeGroup, scopeScript, scopeCheck, scopeFile, scopeProcess,
		scopeBFD, scopeGarp, scopeTrackGrp, scopeClaim, scopeGuard, scopeIPsec, scopeConn,
	}
	for _, s := range scopes {
		title := "Top level"
		if s != scopeTop {
			title = "`" + string(s) + "`"
		}
		fmt.Fprintf(&b, "\n## %s\n\n| keyword | arguments | default | meaning | since | effect |\n|---|---|---|---|---|---|\n", title)
		for _, k := range Keywords() {
			if slices.Contains(k.Scopes, s) {
				k.writeRow(&b)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (k *Keyword) writeRow(b *strings.Builder) {
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	name := "`" + k.Name + "`"
	for _, a := range k.Aliases {
		name += " (`" + a + "`)"
	}
	args := ""
	if k.Args != "" {
		args = "`" + cell(k.Args) + "`"
	}
	effect := k.Status.String()
	if k.Why != "" {
		effect += ": " + k.Why
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", name, args, cell(k.Default), cell(k.Doc), k.Since, cell(effect))
}
