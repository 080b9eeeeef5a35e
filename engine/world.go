// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// world is what was last told of everything outside: levels, not edges.
type world struct {
	links  []LinkChanged // sorted by interface
	levels map[Track]Level
}

// index finds a router by its identity, and the unicast ones by VRID too.
type index struct {
	byID    map[vrrp.ID]*node
	unicast [256][]*node // in configuration order
}

func makeIndex(nodes []*node) index {
	x := index{byID: make(map[vrrp.ID]*node, len(nodes))}
	for _, n := range nodes {
		x.byID[n.cfg.ID] = n
		if n.cfg.Unicast() {
			x.unicast[n.cfg.ID.VRID] = append(x.unicast[n.cfg.ID.VRID], n)
		}
	}
	return x
}

// Fault is one live reason why a router cannot serve.
type Fault struct {
	Reason string
	Since  time.Time
}

// news says what is new about an interface.
type news int

const (
	nothingNew news = iota
	newAddresses
	newState
)

// setLink takes the state of an interface and reports what is new about it.
func (w *world) setLink(l LinkChanged) news {
	i, known := w.find(l.Interface)
	if !known {
		w.links = slices.Insert(w.links, i, LinkChanged{Interface: l.Interface})
	}
	old := &w.links[i]
	what := newState
	if old.Present == l.Present && old.Up == l.Up {
		if slices.Equal(old.Addresses, l.Addresses) {
			return nothingNew
		}
		what = newAddresses
	}
	l.Addresses = slices.Clone(l.Addresses)
	*old = l
	return what
}

func (w *world) find(name string) (int, bool) {
	return slices.BinarySearchFunc(w.links, name, func(l LinkChanged, name string) int {
		return strings.Compare(l.Interface, name)
	})
}

// link returns an interface; one that was never told is not present.
func (w *world) link(name string) LinkChanged {
	if i, known := w.find(name); known {
		return w.links[i]
	}
	return LinkChanged{}
}

// setLevel takes the level of a tracked object and reports whether it is news.
func (w *world) setLevel(t Track, l Level) bool {
	if w.levels == nil {
		w.levels = map[Track]Level{}
	}
	old, known := w.levels[t]
	w.levels[t] = l
	return !known || old != l
}

// level returns what is known of a tracked object. An interface is always
// known: one that was never told does not exist.
func (w *world) level(t Track) Level {
	if t.Kind != TrackInterface {
		return w.levels[t]
	}
	l := w.link(t.Name)
	switch {
	case !l.Present:
		return Level{Known: true, Detail: "does not exist"}
	case !l.Up:
		return Level{Known: true, Detail: "down"}
	}
	return Level{Known: true, Good: true}
}

// source returns the interface's primary address of the family: the first
// IPv4 one, or the first link-local IPv6 one, that is not virtual. An address
// owner that has none but its own virtual one sends from that.
func (w *world) source(c *vrrp.Config, virtual []netip.Addr) (src netip.Addr) {
	for _, p := range w.link(c.ID.Interface).Addresses {
		a := p.Addr()
		if vrrp.FamilyOf(a) != c.ID.Family || c.ID.Family == vrrp.IPv6 && !a.IsLinkLocalUnicast() {
			continue
		}
		if _, isVirtual := slices.BinarySearchFunc(virtual, a, netip.Addr.Compare); !isVirtual {
			return a
		}
		if c.Owner() && !src.IsValid() {
			src = a
		}
	}
	return src
}

// has reports whether any interface carries a.
func (w *world) has(a netip.Addr) bool {
	for _, l := range w.links {
		if slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return true
		}
	}
	return false
}

// settle recomputes what every router depends on and tells the differences.
func (e *Engine) settle() {
	for _, n := range e.nodes {
		e.settleNode(n)
	}
}

// settleInterface recomputes the routers that a change of one interface can
// concern. A configured source address may be on any. Hundreds of virtual
// addresses come and go one by one with every transition, and mean nothing.
func (e *Engine) settleInterface(name string, what news) {
	t := Track{Kind: TrackInterface, Name: name}
	for _, n := range e.nodes {
		switch {
		case n.cfg.Source.IsValid(), what == newState && (n.cfg.ID.Interface == name || n.follows(t)):
			e.settleNode(n)
		case n.cfg.ID.Interface == name:
			e.settleSource(n)
		}
	}
}

// settleSource tells a router its interface's address, even when another
// source is configured: a reload may take that away.
func (e *Engine) settleSource(n *node) {
	if src := e.world.source(&n.cfg.Config, e.virtual); src != n.source {
		n.source = src
		e.post(n, vrrp.SourceChanged{Source: src})
	}
}

func (e *Engine) settleTrack(t Track) {
	for _, n := range e.nodes {
		if n.follows(t) {
			e.settleNode(n)
		}
	}
}

// follows reports whether t is among the tracks of the node or its group.
func (n *node) follows(t Track) bool {
	is := func(x Tracking) bool { return x.Track == t }
	return slices.ContainsFunc(n.cfg.Tracks, is) || n.group != nil && slices.ContainsFunc(n.group.cfg.Tracks, is)
}

func (e *Engine) settleNode(n *node) {
	tracks := n.tracks()
	terms := make([]Term, len(tracks))
	var reasons []string
	pending := false
	for i, t := range tracks {
		terms[i] = evaluate(t, e.world.level(t.Track))
		if n.cfg.Owner() {
			terms[i].Delta = 0 // an owner's priority is not a matter of weights
		}
		pending = pending || terms[i].Pending
		if f := terms[i].Fault; f != "" && !slices.Contains(reasons, f) {
			reasons = append(reasons, f)
		}
	}
	if src := n.cfg.Source; src.IsValid() && !n.cfg.IgnoresSource && !e.world.has(src) {
		reasons = append(reasons, fmt.Sprintf("source address %v is not on this host", src))
	}
	if n.cfg.Defect != "" {
		reasons = append(reasons, n.cfg.Defect)
	}
	slices.Sort(reasons)
	before := n.reasons()
	n.terms = terms
	n.keepFaults(reasons, e.now)

	if p := effective(n.cfg.Priority, terms); p != n.router.Priority() {
		e.post(n, vrrp.PriorityChanged{Effective: p})
	}
	// What takes a router down is told first, for its cause to be the first
	// one, and what brings it up last, so that it has its source by then.
	changed := !slices.Equal(before, reasons)
	if changed && len(reasons) > 0 {
		e.post(n, vrrp.FaultsChanged{Faults: reasons})
	}
	e.settleSource(n)
	if changed && len(reasons) == 0 {
		e.post(n, vrrp.FaultsChanged{})
	}
	if e.started && !n.running && !pending && n.broken == "" {
		n.running, e.unsaid = true, true
		e.post(n, vrrp.Started{})
	}
}

// tracks returns everything a node depends on: its own interface unless that
// is ignored, its own tracks, and its group's.
func (n *node) tracks() []Tracking {
	own := Tracking{Track: Track{Kind: TrackInterface, Name: n.cfg.ID.Interface}}
	var all []Tracking
	if !n.cfg.IgnoresInterface && n.cfg.ID.Interface != "" {
		all = append(all, own)
	}
	for _, t := range n.cfg.Tracks {
		if t.Track != own.Track {
			all = append(all, t)
		}
	}
	if n.group != nil {
		all = append(all, n.group.cfg.Tracks...)
	}
	return all
}

func (n *node) reasons() []string {
	var all []string
	for _, f := range n.faults {
		all = append(all, f.Reason)
	}
	return all
}

// keepFaults replaces the faults, keeping the age of those that stay.
func (n *node) keepFaults(reasons []string, now time.Time) {
	old := n.faults
	n.faults = nil
	for _, reason := range reasons {
		f := Fault{Reason: reason, Since: now}
		if i := slices.IndexFunc(old, func(o Fault) bool { return o.Reason == reason }); i >= 0 {
			f = old[i]
		}
		n.faults = append(n.faults, f)
	}
}
