// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// Status is a copy of what an engine knows.
type Status struct {
	Routers []RouterStatus
	Groups  []GroupStatus
	Refused []InterfaceRefusals // packets for no router here
}

// RouterStatus is one router with what its priority depends on.
type RouterStatus struct {
	Name       string
	Group      string
	Configured uint8 // priority
	Terms      []Term
	Faults     []Fault // with their age; the router's own faults last
	Waiting    bool    // not started: a tracked object has no result yet
	Broken     string  // a bug took it out of service
	vrrp.Status
}

// GroupStatus is one sync-group.
type GroupStatus struct {
	Name    string
	State   vrrp.State
	Since   time.Time
	Members []string
}

// Status returns a copy of the engine's state.
func (e *Engine) Status() Status {
	s := Status{Refused: slices.Clone(e.refused)}
	for _, n := range e.nodes {
		r := RouterStatus{
			Name:       n.cfg.Name,
			Configured: n.cfg.Priority,
			Terms:      slices.Clone(n.terms),
			Faults:     slices.Clone(n.faults),
			Waiting:    e.started && !n.running && n.broken == "",
			Broken:     n.broken,
			Status:     n.router.Status(),
		}
		if n.group != nil {
			r.Group = n.group.cfg.Name
		}
		for _, reason := range r.Status.Faults {
			if !slices.Contains(n.reasons(), reason) {
				r.Faults = append(r.Faults, Fault{Reason: reason, Since: r.Since})
			}
		}
		s.Routers = append(s.Routers, r)
	}
	for _, g := range e.groups {
		s.Groups = append(s.Groups, GroupStatus{
			Name:    g.cfg.Name,
			State:   g.state(),
			Since:   g.since,
			Members: slices.Clone(g.cfg.Members),
		})
	}
	return s
}

// state is INIT until a member has left it, then as the verdict says.
func (g *group) state() vrrp.State {
	if !slices.ContainsFunc(g.members, func(n *node) bool { return n.router.State() != vrrp.Init }) {
		return vrrp.Init
	}
	return stateOf(g.sync.Verdict())
}

func stateOf(v vrrp.Verdict) vrrp.State {
	switch v {
	case vrrp.VerdictMaster:
		return vrrp.Master
	case vrrp.VerdictFault:
		return vrrp.Fault
	case vrrp.VerdictBackup:
	}
	return vrrp.Backup
}

// reportGroups reports each group whose verdict has changed, once all of its
// members run.
func (e *Engine) reportGroups() {
	if !e.unsaid {
		return
	}
	e.unsaid = false
	for _, g := range e.groups {
		v := g.sync.Verdict()
		if slices.ContainsFunc(g.members, func(n *node) bool { return !n.running && n.broken == "" }) {
			continue // its start brings us back
		}
		if g.known && g.reported == v {
			continue
		}
		t := GroupTransition{From: stateOf(g.reported), To: stateOf(v), Members: g.cfg.Members, Initial: !g.known}
		g.reported, g.known, g.since = v, true, e.now
		e.outputs = append(e.outputs, Output{Name: g.cfg.Name, Group: &t})
	}
}
