// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// begin puts a fault into force.
func (w *World) begin(i int) {
	f := &w.setup.Faults[i]
	w.active[i] = true
	w.tell(nil, "fault", "%s%s", f.what(), lasting(f.For))
	if f.Kind.turbulent() {
		w.peace.turbulence++
	}
	if f.Kind == Hostile {
		w.attack(f)
		return
	}
	if f.Kind != CloudDown {
		w.last = string(f.Kind)
	}
	w.disturbed()
	if n := w.nodeNamed(f.Node); n != nil {
		w.beginOn(n, i, f)
	} else {
		w.beginAlone(f, +1)
	}
	w.redraw()
}

func lasting(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", for %v", d)
}

// byOthers is what somebody does to a process; a machine that sleeps cannot.
var byOthers = []FaultKind{Reload, VIPRemoved, Failover}

// oursOnly are faults from which a foreign router, as it is modelled, would
// not recover.
var oursOnly = []FaultKind{Reload, VIPRemoved, Failover, HostFails}

func (w *World) beginOn(n *node, i int, f *Fault) {
	if n.Habits != None && slices.Contains(oursOnly, f.Kind) || n.asleep > 0 && slices.Contains(byOthers, f.Kind) {
		return
	}
	switch f.Kind {
	case LinkFlap:
		w.flap(n, f)
	case Suspend, Pause:
		w.fallAsleep(n, f)
	case ScriptHangs:
		w.setSilent(n, f.On, +1)
	case LinkDown, LinkGone, AddressLost:
		w.strain(n, f, +1)
	case TrackBad:
		w.setLevel(n, f.On, false)
	case Crash:
		if n.up {
			n.downBy = i
			w.tell(n, "process", "crashes")
			w.kill(n)
		}
	case Stop:
		if n.up {
			n.downBy = i
			w.stop(n)
		}
	case Reload:
		w.reload(n, f)
	case VIPRemoved:
		w.removeVIP(n, f)
	case Failover:
		n.inbox = append(n.inbox, engine.FailoverRequested{Name: f.On, For: f.For})
		w.pump(n)
	case ClockJump:
		n.Clock += f.By
		n.timerSet = false
		w.goesOn(n)
	case Stall:
		n.stalled = max(n.stalled, w.t+f.For)
	case HostFails:
		n.fails++
	case HostHangs:
		n.hangs++
	case SendFails:
		n.mute++
	default:
		w.cut(f, +1)
	}
}

// end takes a fault out of force.
func (w *World) end(i int) {
	f := &w.setup.Faults[i]
	w.active[i] = false
	w.tell(nil, "fault", "over: %s", f.what())
	if f.Kind == Hostile {
		return
	}
	if f.Kind.turbulent() {
		w.peace.turbulence--
	}
	if f.Kind != CloudDown {
		w.last = "end of " + string(f.Kind)
	}
	w.disturbed()
	if n := w.nodeNamed(f.Node); n != nil {
		w.endOn(n, i, f)
	} else {
		w.beginAlone(f, -1)
	}
	w.redraw()
}

func (w *World) endOn(n *node, i int, f *Fault) {
	switch f.Kind {
	case LinkDown, LinkGone, AddressLost:
		w.strain(n, f, -1)
	case LinkFlap, Reload, VIPRemoved, Failover, ClockJump:
		// over by themselves
	case Suspend, Pause:
		w.wakeUp(n)
	case TrackBad:
		w.setLevel(n, f.On, true)
	case ScriptHangs:
		w.setSilent(n, f.On, -1)
	case Crash, Stop:
		if n.downBy == i {
			n.downBy = -1
			if n.up {
				w.kill(n)
			}
			w.boot(n)
		}
	case Stall:
		w.goesOn(n)
	case HostFails:
		n.fails = max(0, n.fails-1)
	case HostHangs:
		n.hangs--
	case SendFails:
		n.mute--
	default:
		w.cut(f, -1)
	}
}

// goesOn lets a process run again that nothing else keeps from it.
func (w *World) goesOn(n *node) {
	if n.stalled > w.t {
		return
	}
	if n.sleep.untold == 0 { // else it is told so first
		w.excuse(n)
	}
	w.pump(n)
}

// beginAlone begins or ends a fault that is no single node's.
func (w *World) beginAlone(f *Fault, by int) {
	if f.Kind == CloudDown {
		w.cloudDown += by
		return
	}
	w.cut(f, by)
}

func (w *World) nodeNamed(name string) *node {
	for _, n := range w.nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// strain begins or ends a fault of an interface.
func (w *World) strain(n *node, f *Fault, by int) {
	p := n.port(f.On)
	if p == nil {
		return
	}
	switch f.Kind {
	case LinkDown:
		p.down += by
	case LinkGone:
		p.absent += by
	case AddressLost:
		p.bare += by
	}
	w.linkNews(p)
}

// cut begins or ends a fault of a segment.
func (w *World) cut(f *Fault, by int) {
	for _, seg := range w.wires {
		if seg.name != f.On {
			continue
		}
		if f.Kind == Impair {
			slowest := w.setup.Net
			for _, i := range seg.impair {
				slowest = worse(slowest, i)
			}
			w.disturbedUntil(w.t + slowest.bound()) // what is on its way still arrives
			seg.impaired(f.Impair, by)
			continue
		}
		side := strings.Split(f.Node, ",")
		for _, a := range seg.ports {
			for _, b := range seg.ports {
				inA, inB := slices.Contains(side, a.node.Name), slices.Contains(side, b.node.Name)
				if f.Kind == Partition && inA != inB || f.Kind == OneWay && inA && b.node.Name == f.To {
					seg.cut[a.index][b.index] += by
				}
			}
		}
	}
}

func (s *segment) impaired(i Impairment, by int) {
	if by > 0 {
		s.impair = append(s.impair, i)
	} else if k := slices.Index(s.impair, i); k >= 0 {
		s.impair = slices.Delete(s.impair, k, k+1)
	}
}

// shutdown is how long a process that was told to stop may take.
const shutdown = 50 * time.Millisecond

func (w *World) stop(n *node) {
	w.tell(n, "process", "stops")
	n.inbox = append(n.inbox, engine.Stopped{})
	life := n.life
	w.plan(w.t+shutdown, occurrence{kind: worldActs, news: func() {
		if n.life == life {
			w.kill(n)
		}
	}})
	w.pump(n)
}

// removeVIP is what another program does to the addresses; the host notices.
func (w *World) removeVIP(n *node, f *Fault) {
	for _, v := range n.views {
		l := n.lane(v.cfg.ID)
		if v.cfg.Name == f.On && len(l.table) > 0 && n.up {
			w.tell(n, "address", "%v: removed by another program", l.id)
			l.table = nil
			w.later(n, w.upTo(netlinkDelay), engine.OwnershipLost{Router: l.id, Detail: "removed by another program"})
		}
	}
}
