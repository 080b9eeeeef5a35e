// SPDX-License-Identifier: Apache-2.0

package world

import (
	"math"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// wait is what the RFCs make of a BACKUP's Master_Down_Timer, on the node's
// own clock: it runs out between from and to. The two differ where a message
// may or may not have been believed.
type wait struct {
	from, to    time.Duration
	least, most time.Duration // Active_Adver_Interval, v3: what was learnt
	lower       time.Duration // a lower MASTER has been heard since then; 0 = none is
	listens     time.Duration // after a stall, it may listen until then whatever it hears
}

// until makes the timer run out d from now.
func (t *wait) until(now, d time.Duration) { t.from, t.to = now+d, now+d }

// begins is the entry into BACKUP. After a stall the router listens for an
// interval and its skew.
func (t *wait) begins(c *vrrp.Config, priority uint8, now time.Duration, stalled bool) {
	*t = wait{least: c.Interval, most: c.Interval}
	if stalled {
		t.until(now, c.Interval+skew(c.Version, priority, c.Interval))
		return
	}
	t.until(now, masterDown(c, priority, c.Interval))
}

// hears is an advert that is not refused (RFC 9568 §6.4.2). While the router
// stands aside, or delays its preemption, it may believe a lower one.
func (t *wait) hears(c *vrrp.Config, priority uint8, a advert, now time.Duration, aside bool) {
	switch {
	case a.priority == 0:
		t.from = min(t.from, now+skew(c.Version, priority, t.least))
		t.to = min(t.to, max(t.listens, now+skew(c.Version, priority, t.most)))
	case a.priority >= priority:
		t.lower = 0
		t.believes(c, priority, a, now)
	case c.NoPreempt && priority != 255:
		t.believes(c, priority, a, now)
	case aside || t.delays(c, now):
		heard := *t
		heard.believes(c, priority, a, now)
		t.either(heard)
	}
}

func (t *wait) believes(c *vrrp.Config, priority uint8, a advert, now time.Duration) {
	if c.Version == vrrp.V3 {
		t.least, t.most = a.interval, a.interval
	}
	t.until(now, masterDown(c, priority, t.least))
}

// either makes room for what o allows, too.
func (t *wait) either(o wait) {
	t.from, t.to = min(t.from, o.from), max(t.to, o.to)
	t.least, t.most = min(t.least, o.least), max(t.most, o.most)
	t.lower = o.lower
}

// delays reports whether the preempt delay may hold a lower MASTER in place.
// It runs from the first advert of one.
func (t *wait) delays(c *vrrp.Config, now time.Duration) bool {
	if t.lower == 0 {
		t.lower = now
	}
	return c.PreemptDelay > 0 && now-t.lower <= c.PreemptDelay+tolerance
}

// reconfigured is a reload: what may come earlier, and what may come later. A
// v3 BACKUP keeps to the interval it has learnt, if it has.
func (t *wait) reconfigured(c *vrrp.Config, now time.Duration) {
	if c.Version == vrrp.V2 || t.least == 0 {
		t.least, t.most = c.Interval, c.Interval
	}
	t.least, t.most = min(t.least, c.Interval), max(t.most, c.Interval)
	t.from = min(t.from, now+masterDown(c, 255, t.least))
	t.to = max(t.to, now+masterDown(c, 1, t.most))
	t.lower = 0
}

// delayed is a machine that did not run: the timer may be late already, and
// then the router listens once more. What it finds in its sockets it hears
// before the end of a preempt delay.
func (t *wait) delayed(c *vrrp.Config, now time.Duration) {
	t.listens = now + t.most + skew(c.Version, 1, t.most)
	t.to = max(t.to, t.listens)
	if t.lower != 0 {
		t.lower = max(t.lower, now-c.PreemptDelay)
	}
}

// forward makes everything nearer by d.
func (t *wait) forward(d time.Duration) {
	t.from, t.to, t.listens = t.from-d, t.to-d, t.listens-d
	if t.lower != 0 {
		t.lower -= d
	}
}

// tolerance is for times that are compared across nodes' own delays.
const tolerance = time.Millisecond

// checkTransition: nobody takes over before the Master_Down_Interval is over.
func (w *World) checkTransition(n *node, v *view, a vrrp.ReportTransition) {
	if a.From != vrrp.Backup || a.To != vrrp.Master || v.group != nil || n.Habits != None {
		return
	}
	if early := v.wait.from - w.clock(n); early > 0 {
		w.violated(n, "no-early-takeover", "%s becomes MASTER %v early (%v)", v.cfg.Name, early, a.Cause)
	}
}

// checkWaits: nobody lets the Master_Down_Interval pass and does not take
// over. A sync-group takes over when its last member may.
func (w *World) checkWaits(n *node) {
	if !n.started || n.Habits != None {
		return
	}
	for _, v := range n.views {
		late := w.clock(n) - v.latest()
		if v.state == vrrp.Backup && late > w.setup.Late+tolerance {
			w.violated(n, "no-late-takeover", "%s is in BACKUP and should have become MASTER %v ago", v.cfg.Name, late)
		}
	}
}

// latest is when a BACKUP must have become MASTER.
func (v *view) latest() time.Duration {
	at := v.wait.to
	if v.group == nil {
		return at
	}
	for _, m := range v.node.views {
		if m.group != v.group {
			continue
		}
		if m.state != vrrp.Backup {
			return forever
		}
		at = max(at, m.wait.to)
	}
	return at
}

const forever = time.Duration(math.MaxInt64)
