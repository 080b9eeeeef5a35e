// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/govrrp/vrrpd/syncgroup"
	"github.com/govrrp/vrrpd/vrrp"
)

// build makes the nodes and groups of a first configuration.
func (e *Engine) build(c Config) {
	e.cfg, e.virtual = c, c.virtual()
	e.index = index{}
	of := c.grouped()
	for i := range c.Routers {
		n := newNode(c.Routers[i], of[c.Routers[i].Name] != "", i)
		e.nodes = append(e.nodes, n)
		e.index[n.cfg.ID] = n
	}
	e.regroup()
}

func newNode(c Router, grouped bool, order int) *node {
	c.Grouped = grouped
	r, err := vrrp.New(c.Config)
	if err != nil {
		panic("engine: configuration was validated: " + err.Error())
	}
	return &node{cfg: c, router: r, heap: -1, order: order}
}

// reload applies a configuration: removals, then changes, then additions.
// Routers are the same when their ID, version and choice of unicast or
// multicast are; those keep state and schedule, under a new name too. An
// invalid configuration changes nothing: validate it first.
func (e *Engine) reload(c Config) {
	if c.Validate() != nil {
		panic("engine: reload of a configuration that is not valid")
	}
	of := c.grouped()
	old := e.nodes
	e.cfg, e.nodes, e.virtual = c, nil, c.virtual()
	for _, n := range old {
		n.group = nil // votes cast meanwhile are read by regroup
	}
	e.removeGone(old, c)
	for i := range c.Routers {
		want := c.Routers[i]
		want.Grouped = of[want.Name] != ""
		n := e.index[want.ID]
		if n == nil {
			n = newNode(want, want.Grouped, i)
			e.index[want.ID] = n
		}
		n.order = i
		if !n.cfg.Config.Equal(&want.Config) {
			e.post(n, vrrp.Reconfigured{Config: want.Config})
		}
		n.cfg = want
		e.nodes = append(e.nodes, n)
	}
	e.drain()
	e.regroup()
	e.drain()
	e.settle()
}

// removeGone stops the nodes that have no successor in c.
func (e *Engine) removeGone(old []*node, c Config) {
	for _, n := range old {
		i := slices.IndexFunc(c.Routers, func(r Router) bool { return r.ID == n.cfg.ID })
		if i >= 0 && n.broken == "" && c.Routers[i].Version == n.cfg.Version && c.Routers[i].Unicast() == n.cfg.Unicast() {
			continue
		}
		e.tell(n, vrrp.Stopped{})
		delete(e.index, n.cfg.ID)
	}
}

// regroup forms the groups anew from the votes their members have cast. A
// group that had the same members keeps its history.
func (e *Engine) regroup() {
	old := e.groups
	e.groups = nil
	for _, n := range e.nodes {
		n.group = nil
	}
	for _, c := range e.cfg.Groups {
		g := &group{cfg: c}
		if i := slices.IndexFunc(old, func(o *group) bool { return o.cfg.Name == c.Name }); i >= 0 {
			g.reported, g.known, g.since = old[i].reported, old[i].known, old[i].since
		}
		ids := make([]vrrp.ID, 0, len(c.Members))
		for _, n := range e.nodes {
			if slices.Contains(c.Members, n.cfg.Name) {
				n.group = g
				g.members = append(g.members, n)
				ids = append(ids, n.cfg.ID)
			}
		}
		g.sync = syncgroup.New(ids...)
		for _, n := range g.members {
			g.sync.Cast(n.cfg.ID, n.router.Vote())
		}
		for _, n := range g.members {
			e.post(n, vrrp.VerdictReached{Verdict: g.sync.Verdict()})
		}
		e.groups = append(e.groups, g)
	}
}
