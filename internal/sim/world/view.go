// SPDX-License-Identifier: Apache-2.0

package world

import (
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// view is what the world knows of one router.
type view struct {
	node   *node
	on     *port
	cfg    engine.Router
	group  *engine.Group // nil = in none
	state  vrrp.State
	was    vrrp.State // before the current step
	now    outlook
	status engine.RouterStatus
	// On the node's own clock:
	wait      wait
	aside     time.Duration // an operator made it step aside until then
	advertDue time.Duration // a MASTER must have sent by then
	lastSent  time.Duration // an advert, as MASTER
	wokeAt    time.Duration // as MASTER, from a stall
	late      time.Duration // and its advert was, then
	heard     vrrp.Datagram // an advert that may have been authentic, and accepted
	domain    *domain
	term      int // counts the times it became MASTER
}

func (v *view) tracks() []engine.Tracking {
	if v.group == nil {
		return v.cfg.Tracks
	}
	return append(slices.Clip(v.cfg.Tracks), v.group.Tracks...)
}

// port is the interface the router is on; nil = the host has none of that name.
func (v *view) port() *port { return v.on }

func (n *node) view(id vrrp.ID) *view {
	for _, v := range n.views {
		if v.cfg.ID == id {
			return v
		}
	}
	return nil
}

// clock is the node's own, as a duration.
func (w *World) clock(n *node) time.Duration { return w.t + n.Clock }

// takeConfig makes the views fit n.Config; those of routers that stay stay.
func (w *World) takeConfig(n *node) {
	old := n.views
	n.views = nil
	defer func() {
		for _, o := range old {
			if !slices.Contains(n.views, o) {
				o.state = vrrp.Init
			}
		}
	}()
	for _, r := range n.Config.Routers {
		v := &view{node: n}
		if i := slices.IndexFunc(old, func(o *view) bool { return sameRouter(&o.cfg, &r) }); i >= 0 {
			v = old[i]
		}
		v.cfg, v.group, v.on = r, nil, n.port(r.ID.Interface)
		for i := range n.Config.Groups {
			if g := &n.Config.Groups[i]; slices.Contains(g.Members, r.Name) {
				v.group = g
			}
		}
		w.reconsider(v)
		n.lane(r.ID).wanted = r.Addresses
		n.views = append(n.views, v)
	}
	w.joinDomains(n)
}

func sameRouter(a, b *engine.Router) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Unicast() == b.Unicast()
}

// reconsider brings forward what a new configuration may bring forward.
func (w *World) reconsider(v *view) {
	c := &v.cfg.Config
	now := w.clock(v.node)
	v.wait.reconfigured(c, now)
	if v.state == vrrp.Master {
		v.advertDue = min(v.advertDue, now+c.Interval)
	}
}

// sinceMaster keeps what the checks of time need at a transition.
func (v *view) sinceMaster(a vrrp.ReportTransition, t time.Duration) {
	now := t + v.node.Clock
	c := &v.cfg.Config
	switch a.To {
	case vrrp.Master:
		v.advertDue = now + c.Interval
	case vrrp.Backup:
		v.wait.begins(c, a.Priority, now, a.Cause.Code == vrrp.CauseStalled)
	case vrrp.Init, vrrp.Fault:
	}
}

// stepAside is a manual failover of a router or of its group.
func (w *World) stepAside(n *node, in engine.FailoverRequested) {
	now := w.clock(n)
	w.disturbedUntil(w.t + in.For)
	for _, v := range n.views {
		together := v.group != nil && (v.group.Name == in.Name || slices.Contains(v.group.Members, in.Name))
		if v.cfg.Name == in.Name || together {
			v.aside, v.wait.lower = now+in.For, 0
			v.wait.to = max(v.wait.to, now+masterDown(&v.cfg.Config, 1, v.wait.most))
		}
	}
}

// hears is an advert that must be heard.
func (v *view) hears(a advert, now time.Duration) {
	v.wait.hears(&v.cfg.Config, v.now.priority, a, now, now <= v.aside)
}

// mayHear is an advert that may be refused.
func (v *view) mayHear(a advert, now time.Duration) {
	heard := v.wait
	heard.hears(&v.cfg.Config, v.now.priority, a, now, now <= v.aside)
	v.wait.either(heard)
}

// excuse lets a node off what it could not do while it did not run.
func (w *World) excuse(n *node) {
	for _, v := range n.views {
		if v.state == vrrp.Master {
			v.wokeAt, v.late = w.clock(n), w.clock(n)-v.advertDue
			v.advertDue = w.clock(n) + v.cfg.Interval
		}
		v.wait.delayed(&v.cfg.Config, w.clock(n))
	}
}

// answer is how sure the checks are.
type answer uint8

const (
	no answer = iota
	maybe
	surely
)

// overslept reports whether this is the moment at which a MASTER woke up, and
// whether it had slept for longer than its own Master_Down_Interval. Its
// schedule is known to an interval.
func (v *view) overslept(now time.Duration) answer {
	down := masterDown(&v.cfg.Config, v.now.priority, v.cfg.Interval)
	switch {
	case now != v.wokeAt:
		return no
	case v.late > down:
		return surely
	case v.late > down-v.cfg.Interval:
		return maybe
	}
	return no
}
