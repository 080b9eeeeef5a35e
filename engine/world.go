// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// world is what was last told of everything outside: levels, not edges. Its
// maps are looked up, and walked only where the order cannot matter.
type world struct {
	links  map[string]LinkChanged
	levels map[Track]Level
}

// index finds a router by its identity.
type index map[vrrp.ID]*node

// Fault is one live reason why a router cannot serve.
type Fault struct {
	Reason string
	Since  time.Time
}

func (w *world) setLink(l LinkChanged) {
	if w.links == nil {
		w.links = map[string]LinkChanged{}
	}
	l.Addresses = slices.Clone(l.Addresses)
	w.links[l.Interface] = l
}

func (w *world) setLevel(t Track, l Level) {
	if w.levels == nil {
		w.levels = map[Track]Level{}
	}
	w.levels[t] = l
}

// level returns what is known of a tracked object. An interface is always
// known: one that was never told does not exist.
func (w *world) level(t Track) Level {
	if t.Kind != TrackInterface {
		return w.levels[t]
	}
	l := w.links[t.Name]
	switch {
	case !l.Present:
		return Level{Known: true, Detail: "does not exist"}
	case !l.Up:
		return Level{Known: true, Detail: "down"}
	}
	return Level{Known: true, Good: true}
}

// source returns the interface's primary address of the family: the first
// IPv4 one, or the first link-local IPv6 one, that is not virtual.
func (w *world) source(id vrrp.ID, virtual []netip.Addr) netip.Addr {
	for _, p := range w.links[id.Interface].Addresses {
		a := p.Addr()
		if vrrp.FamilyOf(a) != id.Family || id.Family == vrrp.IPv6 && !a.IsLinkLocalUnicast() {
			continue
		}
		if _, isVirtual := slices.BinarySearchFunc(virtual, a, netip.Addr.Compare); !isVirtual {
			return a
		}
	}
	return netip.Addr{}
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

func (e *Engine) settleNode(n *node) {
	tracks := n.tracks()
	terms := make([]Term, len(tracks))
	var reasons []string
	pending := false
	for i, t := range tracks {
		terms[i] = evaluate(t, e.world.level(t.Track))
		pending = pending || terms[i].Pending
		if f := terms[i].Fault; f != "" && !slices.Contains(reasons, f) {
			reasons = append(reasons, f)
		}
	}
	if src := n.cfg.Source; src.IsValid() && !n.cfg.IgnoresSource && !e.world.has(src) {
		reasons = append(reasons, fmt.Sprintf("source address %v is not on this host", src))
	}
	slices.Sort(reasons)
	before := n.reasons()
	n.terms = terms
	n.keepFaults(reasons, e.now)

	if p := effective(n.cfg.Priority, terms); p != n.router.Priority() {
		e.post(n, vrrp.PriorityChanged{Effective: p})
	}
	if !n.cfg.Source.IsValid() {
		if src := e.world.source(n.cfg.ID, e.virtual); src != n.source {
			n.source = src
			e.post(n, vrrp.SourceChanged{Source: src})
		}
	}
	if !slices.Equal(before, reasons) {
		e.post(n, vrrp.FaultsChanged{Faults: reasons})
	}
	if e.started && !n.running && !pending && n.broken == "" {
		n.running = true
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
