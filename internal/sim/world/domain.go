// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// domain is one virtual router as its segment sees it: those who may be its
// MASTER.
type domain struct {
	seg    *segment
	vrid   uint8
	family vrrp.Family
	none   since // somebody could be MASTER and nobody is
	two    since // two are, and hear each other
	past   []Spell
}

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

func (d *domain) String() string { return fmt.Sprintf("%s/%d/%v", d.seg.name, d.vrid, d.family) }

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

// formDomains finds the virtual routers of all configurations.
func (w *World) formDomains() {
	for _, n := range w.nodes {
		for _, r := range n.Config.Routers {
			w.domainOf(n, r.ID)
		}
	}
}

func (w *World) domainOf(n *node, id vrrp.ID) *domain {
	p := n.port(id.Interface)
	if p == nil {
		return nil
	}
	for _, d := range w.domains {
		if d.seg == p.seg && d.vrid == id.VRID && d.family == id.Family {
			return d
		}
	}
	d := &domain{seg: p.seg, vrid: id.VRID, family: id.Family}
	w.domains = append(w.domains, d)
	return d
}

func (w *World) joinDomains(n *node) {
	for _, v := range n.views {
		v.domain = w.domainOf(n, v.cfg.ID)
	}
}

// members yields the routers of a domain whose process runs, on a machine that
// is awake, and whose link is up.
func (w *World) members(d *domain) (all []*view) {
	for _, n := range w.nodes {
		if !n.up || n.asleep > 0 {
			continue
		}
		for _, v := range n.views {
			if v.domain == d && v.port() != nil && v.port().carries() {
				all = append(all, v)
			}
		}
	}
	return all
}

// able reports whether nothing keeps a router from being MASTER.
func able(v *view) bool {
	if v.group == nil {
		return ableAlone(v)
	}
	for _, m := range v.node.views {
		if m.group == v.group && !ableAlone(m) {
			return false
		}
	}
	return true
}

func ableAlone(v *view) bool {
	return v.node.started && v.state != vrrp.Fault && len(v.status.Status.Faults) == 0 &&
		!v.status.Waiting && v.port() != nil && v.port().carries()
}

// reach is the set of nodes whose able routers a router is connected with.
func reach(v *view, members []*view) (set uint64) {
	for _, m := range members {
		if able(m) && connected(v.port(), m.port()) {
			set |= 1 << m.node.index
		}
	}
	return set
}

// plain reports whether the rules of a single virtual router say who will be
// MASTER among the members. For groups they do when every group spans the
// same virtual routers, each sees the same nodes, and its members have one
// priority.
func (w *World) plain(members []*view) bool {
	var first *view
	for _, v := range members {
		if !able(v) {
			continue
		}
		if first == nil {
			first = v
		}
		if w.shape(v) != w.shape(first) || !w.even(v) {
			return false
		}
	}
	return true
}

// shape names the virtual routers a group spans.
func (w *World) shape(v *view) string {
	if v.group == nil {
		return ""
	}
	s := ""
	for _, d := range w.domains {
		for _, m := range v.node.views {
			if m.group == v.group && m.domain == d {
				s += d.String() + " "
			}
		}
	}
	return s
}

// even reports whether a group's members have one priority and one reach.
func (w *World) even(v *view) bool {
	if v.group == nil {
		return true
	}
	seen := reach(v, w.members(v.domain))
	for _, m := range v.node.views {
		if m.group != v.group {
			continue
		}
		if m.status.Priority != v.status.Priority || reach(m, w.members(m.domain)) != seen {
			return false
		}
	}
	return true
}

// census counts the MASTERs of the worst connected part of a domain.
func (w *World) census(d *domain) (none, two bool) {
	members := w.members(d)
	for _, v := range members {
		masters, candidates := 0, 0
		for _, m := range members {
			if !connected(v.port(), m.port()) {
				continue
			}
			if m.state == vrrp.Master {
				masters++
			}
			if able(m) {
				candidates++
			}
		}
		none = none || candidates > 0 && masters == 0
		two = two || masters > 1 && v.state == vrrp.Master
	}
	return none, two
}

// redraw keeps the spells after anything that may have begun or ended one.
func (w *World) redraw() {
	for _, d := range w.domains {
		none, two := w.census(d)
		w.keep(d, &d.none, none, NoMaster)
		w.keep(d, &d.two, two, TwoMasters)
	}
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
