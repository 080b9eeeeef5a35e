// SPDX-License-Identifier: Apache-2.0

package world

import (
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// peace is how long the world has been left alone.
type peace struct {
	turbulence int           // faults in force under which no promise holds
	since      time.Duration // the last disturbance
	judged     time.Duration // the newest judgement planned
}

// slack covers what the promises leave open: calls to the host, news of links.
const slack = 2*hostCall + netlinkDelay + 10*time.Millisecond

// promises are how soon after the last disturbance things must be in order.
type promises struct {
	one   time.Duration // no two MASTERs that hear each other
	right time.Duration // a MASTER wherever there can be one: the right one, for good
}

// transit is the most that news of an event takes, and what follows from it.
func (w *World) transit() time.Duration { return w.setup.Net.bound() + w.setup.Late + slack }

func (w *World) promises() promises {
	var start, preempt, down time.Duration
	for _, n := range w.nodes {
		for i := range n.Config.Routers {
			c := &n.Config.Routers[i].Config
			w.slowest = max(w.slowest, c.Interval) // a BACKUP that is cut off still goes by what it learnt
			start = max(start, c.StartDelay)
			preempt = max(preempt, c.PreemptDelay)
		}
	}
	interval := w.slowest
	for _, n := range w.nodes {
		for i := range n.Config.Routers {
			c := &n.Config.Routers[i].Config
			down = max(down, masterDown(c, 1, interval))
		}
	}
	p := promises{one: interval + w.transit()}
	some := start + down + 2*interval + w.transit()
	p.right = some + preempt + down + p.one
	if w.setup.Cloud {
		p.right += cloudSettles
	}
	return p
}

// disturbed starts the quiet window anew.
func (w *World) disturbed() { w.disturbedUntil(w.t) }

func (w *World) disturbedUntil(t time.Duration) {
	w.peace.since = max(w.peace.since, t)
	if at := w.peace.since + w.promises().right; at > w.peace.judged {
		w.peace.judged = at
		w.plan(at, occurrence{kind: judgement})
	}
}

// quiet is how long the world has been left alone; negative = it has not.
func (w *World) quiet() time.Duration {
	if w.peace.turbulence > 0 {
		return -1
	}
	return w.t - w.peace.since
}

// judge looks whether all is well after a quiet window.
func (w *World) judge() {
	if w.quiet() < w.promises().right {
		return
	}
	w.counts.Judgements++
	w.redraw()
	for _, d := range w.domains {
		if d.two.on {
			w.checkSpell(d, TwoMasters, &d.two)
		}
		if d.none.on {
			w.checkSpell(d, NoMaster, &d.none)
		}
		w.checkRight(d)
	}
	for _, n := range w.nodes {
		if n.up && n.asleep == 0 {
			w.checkCadence(n)
			w.checkWaits(n)
			w.checkHost(n)
			w.checkRetried(n)
		}
	}
	w.checkCloud()
}

// checkRight: where a better router preempts, it is the MASTER.
func (w *World) checkRight(d *domain) {
	members := w.members(d)
	if !w.plain(members) {
		return
	}
	for _, m := range members {
		if m.state != vrrp.Master {
			continue
		}
		if !able(m) {
			w.violated(m.node, "master-is-able", "%s is MASTER with faults %q", m.cfg.Name, m.status.Status.Faults)
		}
		for _, v := range members {
			if able(v) && connected(v.port(), m.port()) && v.status.Priority > m.status.Priority && w.insists(v) {
				w.violated(v.node, "right-master", "%s (priority %d) is %v; %s is MASTER with priority %d",
					v.cfg.Name, v.status.Priority, v.state, m.node.Name, m.status.Priority)
			}
		}
	}
}

// insists reports whether a router displaces a lower MASTER.
func (w *World) insists(v *view) bool {
	if w.now(v.node).Before(v.status.AsideUntil) {
		return false
	}
	if v.group != nil && slices.ContainsFunc(v.node.views, func(m *view) bool { return m.group == v.group && m.cfg.NoPreempt }) {
		return false
	}
	return !v.cfg.NoPreempt || v.status.Priority == 255
}

// checkHost: in the end addresses are where the state is, and every action
// has been answered.
func (w *World) checkHost(n *node) {
	for _, l := range n.lanes {
		v := n.view(l.id)
		own := v != nil && v.state == vrrp.Master
		if l.running != nil || len(l.queue) > 0 || v != nil && n.port(l.id.Interface) == nil {
			continue // a periodic announcement
		}
		if len(l.open) > 0 {
			w.violated(n, "answered-once", "%v: actions %v were never answered", l.id, l.open)
		}
		if own && !slices.Equal(l.table, l.wanted) || !own && len(l.table) > 0 {
			w.violated(n, "addresses-follow-state", "%v: the host has %v; MASTER: %v", l.id, l.table, own)
		}
	}
}

// checkRetried: a host that works again has been tried again.
func (w *World) checkRetried(n *node) {
	for _, v := range n.views {
		for _, f := range v.status.Status.Faults {
			if strings.HasPrefix(f, string(vrrp.CauseOwnership)) {
				w.violated(n, "ownership-is-retried", "%s has the fault %q; no call failed for %v", v.cfg.Name, f, w.quiet())
			}
		}
	}
}

// checkPeace: nothing changes state while nothing happens.
func (w *World) checkPeace(n *node, v *view, a vrrp.ReportTransition) {
	if w.quiet() > w.promises().right && w.plain(w.members(v.domain)) {
		w.violated(n, "peace-is-stable", "%s went from %v to %v (%v) though nothing happened for %v", v.cfg.Name, a.From, a.To, a.Cause, w.quiet())
	}
}
