// SPDX-License-Identifier: Apache-2.0

package world

import "time"

// fallAsleep stops a whole machine. What is sent to it meanwhile is lost; what
// its host was doing goes on when it wakes.
func (w *World) fallAsleep(n *node, f *Fault) {
	w.tell(n, "machine", "%ss", f.Kind)
	n.stalled = max(n.stalled, w.t+f.For)
	n.asleep++
	if f.Kind == Pause {
		if n.paused == 0 {
			n.frozen = w.t
		}
		n.paused++
	}
}

// wakeUp ends that. A machine that was suspended finds its clock ahead of its
// timers (CLOCK_BOOTTIME); one that was paused knows of nothing.
func (w *World) wakeUp(n *node, f *Fault) {
	n.asleep--
	if f.Kind == Pause {
		if n.paused--; n.paused == 0 {
			n.Clock -= w.t - n.frozen
			n.timerSet = false
		}
	}
	if n.asleep == 0 {
		w.tell(n, "machine", "wakes up")
	}
	w.goesOn(n)
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
