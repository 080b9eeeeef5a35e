// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// CloudEnvironment begins the names of the environment's variables that stand
// for words of cloud claims:
//
//	VRRPD_CLOUD_WORD            a word of every cloud_claim
//	VRRPD_CLOUD_GUARD_WORD      a word of its guard
//	VRRPD_CLOUD_NAME_WORD       a word of the cloud_claim NAME only
//	VRRPD_CLOUD_NAME_GUARD_WORD
//
// They replace what the file says. The value is written as in the file; lines
// of a block are separated by semicolons. In a NAME, what is no letter or digit
// is an underscore.
const CloudEnvironment = "VRRPD_CLOUD_"

// environment reads the variables into the claims: those for all claims first,
// those for one after them.
func (b *builder) environment() {
	if len(b.cfg.Claims) == 0 {
		return
	}
	var names []string
	values, used := map[string]string{}, map[string]bool{}
	for _, variable := range b.opts.Environ {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, CloudEnvironment) {
			names, values[name] = append(names, name), value
		}
	}
	slices.Sort(names)
	for _, named := range []bool{false, true} {
		for _, name := range names {
			used[name] = b.override(name, values[name], named) || used[name]
		}
	}
	for _, name := range names {
		if !used[name] {
			b.add(syntax.At("the environment"), diag.Warning, "unknown-variable", name+" names no word of a cloud_claim", "it is ignored", CloudEnvironment+"WORD, or "+CloudEnvironment+"NAME_WORD for the cloud_claim NAME")
		}
	}
}

// override carries one variable out for the claims that it is about, and says
// whether there is such a word.
func (b *builder) override(name, value string, named bool) (used bool) {
	key := strings.TrimPrefix(name, CloudEnvironment)
	for _, c := range b.cfg.Claims {
		word := key
		if named {
			var ok bool
			if word, ok = strings.CutPrefix(key, variableName(c.Name)+"_"); !ok {
				continue
			}
		}
		used = b.overrideWord(c, name, strings.ToLower(word), value) || used
	}
	return used
}

func (b *builder) overrideWord(c *CloudClaim, name, word, value string) bool {
	scope, target := scopeClaim, any(c)
	if inner, ok := strings.CutPrefix(word, "guard_"); ok {
		if c.Guard == nil {
			c.Guard = newGuard(syntax.At("the environment"))
		}
		scope, target, word = scopeGuard, c.Guard, inner
	}
	kw := keywords.lookup(scope, word)
	if kw == nil || word == "guard" {
		return false
	}
	c.clear(kw.Name)
	if g, ok := target.(*Guard); ok {
		g.clear(kw.Name)
	}
	text := word + " " + value + "\n"
	if kw.isBlock() {
		text = word + " {\n" + strings.ReplaceAll(value, ";", "\n") + "\n}\n"
	}
	b.block(scope, target, syntax.ParseBytes(name, []byte(text), b.opts.syntax(), &b.diags).Nodes)
	return true
}

// clear forgets what the file said in a list: a variable replaces it.
func (c *CloudClaim) clear(word string) {
	switch word {
	case "vips":
		c.VIPs = nil
	case "public_ip":
		c.PublicIPs = nil
	case "routes":
		c.Routes = nil
	case "table":
		c.Tables = nil
	case "table_tag":
		c.TableTags = nil
	case "network":
		c.Networks = nil
	}
}

func (g *Guard) clear(word string) {
	switch word {
	case "ping":
		g.Ping = nil
	case "api":
		g.API = nil
	}
}

// variableName writes a name as it stands in a variable.
func variableName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}
