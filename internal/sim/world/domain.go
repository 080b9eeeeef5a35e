// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"

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

func (d *domain) String() string { return fmt.Sprintf("%s/%d/%v", d.seg.name, d.vrid, d.family) }

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
