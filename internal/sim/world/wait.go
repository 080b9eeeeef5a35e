// SPDX-License-Identifier: Apache-2.0

package world

import (
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

// mayHear is an advert that may be refused.
func (t *wait) mayHear(c *vrrp.Config, priority uint8, a advert, now time.Duration, aside bool) {
	heard := *t
	heard.hears(c, priority, a, now, aside)
	t.either(heard)
}

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

// tolerance is for times that are compared across nodes' own delays.
const tolerance = time.Millisecond
