// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"container/heap"
	"slices"

	"github.com/govrrp/vrrpd/syncgroup"
	"github.com/govrrp/vrrpd/vrrp"
)

// build makes the nodes and groups of a first configuration.
func (e *Engine) build(c Config) {
	e.cfg, e.virtual = c, c.virtual()
	of := c.grouped()
	for i := range c.Routers {
		want := c.Routers[i]
		want.Grouped = of[want.Name] != ""
		e.nodes = append(e.nodes, e.newNode(want, i))
	}
	e.index = makeIndex(e.nodes)
	e.regroup()
}

// newNode makes a router. It goes on where an earlier one of its identity
// ended.
func (e *Engine) newNode(c Router, order int) *node {
	r, err := vrrp.New(c.Config)
	if err != nil {
		panic("engine: configuration was validated: " + err.Error())
	}
	n := &node{cfg: c, router: r, heap: -1, order: order}
	if i := e.retiree(c.ID); i >= 0 {
		old := e.retired[i]
		e.retired = slices.Delete(e.retired, i, i+1)
		if old.heap >= 0 {
			heap.Remove(&e.timers, old.heap)
		}
		r.Succeed(old.router)
		e.schedule(n)
	}
	return n
}

// retiree returns the place of an identity among the retired; negative = none.
func (e *Engine) retiree(id vrrp.ID) int {
	return slices.IndexFunc(e.retired, func(n *node) bool { return n.cfg.ID == id })
}

// holder returns the router of an identity, a retired one if there is no
// other: what it released may still be coming to pass. Nil = there is none.
func (e *Engine) holder(id vrrp.ID) *node {
	if n := e.index.byID[id]; n != nil {
		return n
	}
	if i := e.retiree(id); i >= 0 {
		return e.retired[i]
	}
	return nil
}

// reload applies a configuration: removals, then changes, then additions.
// Routers are the same when their ID, version and choice of unicast or
// multicast are; those keep state and schedule, under a new name too.
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
	e.removeGone(old, &c)
	for i := range c.Routers {
		want := c.Routers[i]
		want.Grouped = of[want.Name] != ""
		n := e.index.byID[want.ID]
		if n == nil {
			n = e.newNode(want, i)
		}
		n.order = i
		if !n.cfg.Config.Equal(&want.Config) {
			e.post(n, vrrp.Reconfigured{Config: want.Config})
		}
		n.cfg = want
		e.nodes = append(e.nodes, n)
	}
	e.index = makeIndex(e.nodes)
	heap.Init(&e.timers) // the order is the tie-break
	e.drain()
	e.regroup()
	e.drain()
	e.settle()
}

// removeGone stops the nodes that have no successor in c. They are kept: a
// release that fails is ordered again until it succeeds.
func (e *Engine) removeGone(old []*node, c *Config) {
	successor := make(map[vrrp.ID]*Router, len(c.Routers))
	for i := range c.Routers {
		successor[c.Routers[i].ID] = &c.Routers[i]
	}
	for _, n := range old {
		s := successor[n.cfg.ID]
		if s != nil && n.broken == "" && s.Version == n.cfg.Version && s.Unicast() == n.cfg.Unicast() {
			continue
		}
		e.tell(n, vrrp.Stopped{})
		delete(e.index.byID, n.cfg.ID)
		e.retired = append(e.retired, n)
	}
}

// regroup forms the groups anew from the votes their members have cast. A
// group that keeps its name keeps its history.
func (e *Engine) regroup() {
	old := e.groups
	e.groups, e.unsaid = nil, true
	byName := make(map[string]*node, len(e.nodes))
	for _, n := range e.nodes {
		n.group = nil
		byName[n.cfg.Name] = n
	}
	for _, c := range e.cfg.Groups {
		g := &group{cfg: c}
		if i := slices.IndexFunc(old, func(o *group) bool { return o.cfg.Name == c.Name }); i >= 0 {
			g.reported, g.known, g.since = old[i].reported, old[i].known, old[i].since
		}
		ids := make([]vrrp.ID, 0, len(c.Members))
		for _, name := range c.Members {
			n := byName[name]
			n.group = g
			g.members = append(g.members, n)
			ids = append(ids, n.cfg.ID)
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
