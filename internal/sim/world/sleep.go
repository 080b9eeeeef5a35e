// SPDX-License-Identifier: Apache-2.0

package world

import (
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// sleep is what there is to know of a machine that does not run.
type sleep struct {
	since  time.Duration // its clock stands still
	known  time.Duration // its process knows of the time until then
	knows  bool          // it will know that it slept
	untold time.Duration // its process has to be told so
}

// fallAsleep stops a whole machine and its clock. What is sent to it meanwhile
// is lost; what its host was doing goes on when it wakes.
func (w *World) fallAsleep(n *node, f *Fault) {
	w.tell(n, "machine", "%ss", f.Kind)
	n.stalled = max(n.stalled, w.t+f.For)
	if n.asleep++; n.asleep == 1 {
		n.sleep.since, n.sleep.known = w.t, w.t
	}
	n.sleep.knows = n.sleep.knows || f.Kind == Suspend
}

// wakeUp ends that. Only a machine that was suspended knows that time has
// passed (CLOCK_BOOTTIME).
func (w *World) wakeUp(n *node) {
	if n.asleep--; n.asleep > 0 {
		return
	}
	w.tell(n, "machine", "wakes up")
	n.Clock -= w.t - n.sleep.since
	n.timerSet = false
	if n.sleep.knows && n.Habits == None {
		n.sleep.untold = w.t - n.sleep.known
	}
	n.sleep.knows = false
	w.disturbedUntil(w.t + n.retry - w.clock(n))
	for _, v := range n.views { // an operator's hour is an hour of its clock
		w.disturbedUntil(w.t + v.aside - w.clock(n))
	}
	w.goesOn(n)
}

// suspended is what the process makes of the time that has passed: every timer
// is nearer by it.
func (w *World) suspended(n *node, d time.Duration) {
	for _, v := range n.views {
		v.wait.forward(d)
		v.aside -= d
		if v.state == vrrp.Master {
			v.advertDue -= d
		}
	}
	w.excuse(n)
}

// flap takes a link down and up again a number of times.
func (w *World) flap(n *node, f *Fault) {
	p := n.port(f.On)
	if p == nil || f.Count == 0 {
		return
	}
	turn := func(at time.Duration, by int) {
		w.plan(at, occurrence{kind: worldActs, news: func() {
			p.down += by
			w.linkNews(p)
			w.disturbed()
			w.redraw()
		}})
	}
	half := f.For / time.Duration(2*f.Count)
	for i := range f.Count {
		from := w.t + time.Duration(2*i)*half
		down := from + w.upTo(half)
		turn(down, +1)
		turn(max(down, from+half+w.upTo(half)), -1)
	}
}
