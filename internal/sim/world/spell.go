// SPDX-License-Identifier: Apache-2.0

package world

import (
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// since is when something began.
type since struct {
	on      bool
	at      time.Duration
	after   string        // what happened last before
	allowed time.Duration // from the last disturbance on
}

// Spell is a time without a MASTER or with two.
type Spell struct {
	Kind    SpellKind
	Router  string // segment/vrid/family
	At, For time.Duration
	After   string // what happened last before it began: a fault's kind, or "start"
	// Allowed is the longest it may take by the protocol; zero when something
	// else happened meanwhile, no promise held, or it has not ended.
	Allowed time.Duration
}

// SpellKind tells the two sorts of spell.
type SpellKind uint8

// The kinds.
const (
	NoMaster   SpellKind = iota // though a router that could be was there
	TwoMasters                  // that could hear each other
)

func (d *domain) spells(t time.Duration) []Spell {
	all := d.past
	if d.none.on {
		all = append(all, d.spell(&d.none, NoMaster, t))
	}
	if d.two.on {
		all = append(all, d.spell(&d.two, TwoMasters, t))
	}
	return all
}

func (w *World) keep(d *domain, s *since, on bool, k SpellKind) {
	switch {
	case on && !s.on:
		*s = since{on: true, at: w.t, after: w.last}
	case s.on && !on:
		s.on = false
		if w.t == s.at {
			return
		}
		w.checkSpell(d, k, s)
		spell := d.spell(s, k, w.t)
		if w.quiet() >= spell.For && w.plain(w.members(d)) {
			spell.Allowed = s.allowed
		}
		d.past = append(d.past, spell)
	}
	if s.on {
		s.allowed = max(s.allowed, w.allowed(d, k))
	}
}

func (d *domain) spell(s *since, k SpellKind, now time.Duration) Spell {
	return Spell{Kind: k, Router: d.String(), At: s.at, For: now - s.at, After: s.after}
}

// allowed is how long a spell may last from now on if nothing else happens.
func (w *World) allowed(d *domain, k SpellKind) time.Duration {
	if k == TwoMasters {
		return w.promises().one
	}
	members := w.members(d)
	var longest time.Duration
	for _, v := range members {
		part := forever
		for _, m := range members {
			switch {
			case !connected(v.port(), m.port()):
			case m.state == vrrp.Master:
				part = 0
			case able(m):
				part = min(part, w.takeover(m))
			}
		}
		if part < forever {
			longest = max(longest, part)
		}
	}
	return longest
}

// takeover is the longest a router that can be MASTER needs to become it once
// nobody else is: its Master_Down_Interval, and what delays the news.
func (w *World) takeover(v *view) (longest time.Duration) {
	for _, m := range v.node.views {
		if m != v && (m.group != v.group || v.group == nil) {
			continue
		}
		c := &m.cfg.Config
		interval := max(c.Interval, m.wait.most)
		for _, other := range w.members(m.domain) {
			interval = max(interval, other.cfg.Interval)
		}
		d := masterDown(c, m.now.priority, interval)
		if m.state == vrrp.Init {
			d += c.StartDelay
		}
		longest = max(longest, d)
	}
	return longest + w.transit()
}

// checkSpell judges a spell that has lasted until now: what of it lies after
// the last disturbance is bounded.
func (w *World) checkSpell(d *domain, k SpellKind, s *since) {
	calm := min(w.quiet(), w.t-s.at)
	switch {
	case calm <= s.allowed:
	case k == TwoMasters:
		w.violated(nil, "one-master", "%v had two MASTERs that hear each other for %v after the last disturbance; at most %v is allowed", d, calm, s.allowed)
	case w.plain(w.members(d)):
		w.violated(nil, "some-master", "%v had no MASTER for %v after the last disturbance; at most %v is allowed", d, calm, s.allowed)
	}
}
