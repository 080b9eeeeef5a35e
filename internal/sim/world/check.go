// SPDX-License-Identifier: Apache-2.0

package world

import (
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// photo is what a step is compared with.
type photo struct {
	deadline time.Time
	armed    bool
	target   *view // the router a frame is for
}

func (w *World) photograph(n *node, in engine.Input) (p photo) {
	n.told.hear(in)
	switch in := in.(type) {
	case engine.Started:
		n.started = true
	case engine.Stopped:
		n.started = false
	case engine.Reloaded:
		n.Config = in.Config
		w.takeConfig(n)
	case engine.FailoverRequested:
		w.stepAside(n, in)
	case engine.Suspended:
		w.suspended(n, in.For)
	}
	for _, v := range n.views {
		v.was = v.state
	}
	p.deadline, p.armed = n.machine.Deadline()
	if f, ok := in.(engine.FrameReceived); ok && len(f.Payload) > 1 {
		p.target = n.addressee(f)
	}
	return p
}

// addressee is the router a frame is for.
func (n *node) addressee(f engine.FrameReceived) *view {
	for _, v := range n.views {
		id := v.cfg.ID
		if id.Interface == f.Interface && id.VRID == f.Payload[1] && id.Family == vrrp.FamilyOf(f.Source) {
			return v
		}
	}
	return nil
}

// checkStep is everything that must hold after every step.
func (w *World) checkStep(n *node, before photo, in engine.Input, s sort, outs []engine.Output) {
	w.checkCadence(n)
	w.checkOutputs(n, outs)
	if n.unseen++; !uneventful(in, outs) || n.unseen >= statusEvery {
		n.unseen = 0
		w.checkStatus(n)
		w.redraw()
	}
	if at, ok := n.machine.Deadline(); ok && !at.After(w.now(n)) {
		if _, woke := in.(engine.Woke); woke {
			w.violated(n, "deadline-moves", "the deadline %v is still due after the timer ran", at)
		}
	}
	if f, ok := in.(engine.FrameReceived); ok {
		if s == hostile {
			w.checkRefused(n, before, &f, outs)
		} else if before.target != nil {
			w.checkReaction(n, before, &f, outs)
		}
	}
}

// statusEvery is how many steps that should not have changed a status pass
// until it is compared all the same.
const statusEvery = 64

// uneventful reports whether a step should have left every status alone but
// for its counters and timers.
func uneventful(in engine.Input, outs []engine.Output) bool {
	switch in.(type) {
	case engine.FrameReceived, engine.Woke, engine.ActionDone:
	default:
		return false
	}
	for _, o := range outs {
		if _, advert := o.Action.(vrrp.SendAdvert); !advert {
			return false
		}
	}
	return true
}

// checkOutputs: only a MASTER advertises, announces and owns. A router that
// becomes MASTER or leaves it does so by its next report.
func (w *World) checkOutputs(n *node, outs []engine.Output) {
	for i, o := range outs {
		v := n.view(o.Router)
		if v == nil {
			continue
		}
		now, then := stateAt(v.was, outs, i)
		serves := now == vrrp.Master || then == vrrp.Master
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			if a.Priority == 0 {
				if now != vrrp.Master || then == vrrp.Master {
					w.violated(n, "resigns-when-leaving", "%s sends priority 0 going from %v to %v", o.Name, now, then)
				}
				continue
			}
			if !serves {
				w.violated(n, "adverts-from-master", "%s sends an advert in %v", o.Name, now)
			}
			if v.state == vrrp.Master {
				v.lastSent = w.clock(n)
				v.advertDue = v.lastSent + v.cfg.Interval
			}
		case vrrp.Announce:
			if !serves {
				w.violated(n, "announces-as-master", "%s announces in %v", o.Name, now)
			}
		case vrrp.SetOwnership:
			if a.Own && !serves {
				w.violated(n, "owns-as-master", "%s orders its addresses in %v", o.Name, now)
			}
		case vrrp.ReportTransition:
			w.checkTransition(n, v, a)
		}
	}
}

// stateAt returns a router's state when it gave output i, and the state it
// reports next in the same step, which is the same if it reports none.
func stateAt(was vrrp.State, outs []engine.Output, i int) (now, then vrrp.State) {
	now = was
	for k, o := range outs {
		t, ok := o.Action.(vrrp.ReportTransition)
		if !ok || o.Router != outs[i].Router {
			continue
		}
		if k > i {
			return now, t.To
		}
		now = t.To
	}
	return now, now
}

// checkCadence: a MASTER advertises every interval.
func (w *World) checkCadence(n *node) {
	for _, v := range n.views {
		late := w.clock(n) - v.advertDue
		if v.state == vrrp.Master && late > w.setup.Late+tolerance {
			w.violated(n, "adverts-on-time", "%s is MASTER and its advert is %v late", v.cfg.Name, late)
		}
	}
}

// checkRefused: a packet that must be refused changes nothing.
func (w *World) checkRefused(n *node, before photo, f *engine.FrameReceived, outs []engine.Output) {
	for _, v := range n.views {
		if v.state != v.was {
			w.violated(n, "refused-changes-nothing", "%s went to %v at %x", v.cfg.Name, v.state, f.Payload)
		}
	}
	for _, o := range outs {
		switch o.Action.(type) {
		case vrrp.ReportRefusal, vrrp.ReportNotice:
		default:
			w.violated(n, "refused-changes-nothing", "%s did %T at %x", o.Name, o.Action, f.Payload)
		}
	}
	if at, ok := n.machine.Deadline(); ok != before.armed || !at.Equal(before.deadline) {
		w.violated(n, "refused-changes-nothing", "the deadline moved at %x", f.Payload)
	}
}

// checkReaction: RFC 9568 §6.4.2 and §6.4.3, the reception of an advert.
func (w *World) checkReaction(n *node, before photo, f *engine.FrameReceived, outs []engine.Output) {
	v := before.target
	if v.was != vrrp.Backup && v.was != vrrp.Master {
		return
	}
	a, o := judgeFrame(v, f, v.now.source)
	if n.Habits != None {
		v.mayHear(a, w.clock(n))
		return
	}
	switch {
	case o == mustRefuse:
		w.checkRefused(n, before, f, outs)
	case o == mustHear && v.was == vrrp.Master:
		w.checkMasterHears(n, v, a, outs)
	case o == mustHear:
		v.hears(a, w.clock(n))
	default:
		v.heard = f.Datagram
		v.mayHear(a, w.clock(n))
	}
}

// answersPerInterval is how often a lower advert is answered at most; RFC 9568
// has no such limit, but two routers that each think the other lower need one.
const answersPerInterval = 10

func (w *World) checkMasterHears(n *node, v *view, a advert, outs []engine.Output) {
	own := v.now.priority
	answers := slices.ContainsFunc(outs, func(o engine.Output) bool {
		s, ok := o.Action.(vrrp.SendAdvert)
		return ok && s.Priority != 0 && o.Router == v.cfg.ID
	})
	better := a.priority > own || a.priority == own && a.source.Compare(v.now.source) > 0
	asleep := v.overslept(w.clock(n))
	switch {
	case asleep == surely && v.state == vrrp.Master:
		w.violated(n, "stalled-leaves-first", "%s hears %v's priority %d as MASTER, though it has slept", v.cfg.Name, a.source, a.priority)
	case asleep != no && v.state != vrrp.Master:
		v.hears(a, w.clock(n))
	case better && v.state == vrrp.Master:
		w.violated(n, "master-yields", "%s (priority %d, %v) stays MASTER at %v's priority %d", v.cfg.Name, own, v.now.source, a.source, a.priority)
	case better:
		v.hears(a, w.clock(n))
	case v.state != vrrp.Master:
		w.violated(n, "master-stays", "%s (priority %d, %v) yields to %v's priority %d", v.cfg.Name, own, v.now.source, a.source, a.priority)
	case !answers && (a.priority == 0 || !v.cfg.LowerGetsNoAdvert && w.clock(n)-v.lastSent >= v.cfg.Interval/answersPerInterval):
		w.violated(n, "master-answers", "%s leaves %v's priority %d without an answer", v.cfg.Name, a.source, a.priority)
	}
}

// checkStatus: priority and faults follow from what the node was told, states
// from the faults, and groups are of one mind.
func (w *World) checkStatus(n *node) {
	e, ours := n.machine.(*engine.Engine)
	if !ours {
		for _, v := range n.views {
			v.now = n.told.outlook(v)
			v.status.Priority = v.cfg.Priority
		}
		return
	}
	st := e.Status()
	for i := range st.Routers {
		r := &st.Routers[i]
		if v := n.view(r.ID); v != nil {
			v.status = *r
			w.checkRouter(n, v, r)
		}
	}
	for _, g := range st.Groups {
		w.checkGroup(n, g)
	}
}

func (w *World) checkRouter(n *node, v *view, r *engine.RouterStatus) {
	v.now = n.told.outlook(v)
	if r.State != v.state {
		w.violated(n, "transitions-reported", "%s is in %v, reported %v", r.Name, r.State, v.state)
	}
	if n.started && r.Priority != v.now.priority {
		w.violated(n, "priority-is-its-terms", "%s has priority %d, its terms make %d", r.Name, r.Priority, v.now.priority)
	}
	if !n.started {
		return // nothing follows from anything before the host is listed
	}
	causes, ownership := 0, 0
	for _, f := range r.Status.Faults {
		switch {
		case strings.HasPrefix(f, string(vrrp.CauseOwnership)):
			ownership++
		case f != string(vrrp.CauseGroup):
			causes++
		}
	}
	if (causes > 0) != (v.now.causes > 0) {
		w.violated(n, "faults-are-causes", "%s has faults %q, there are %d causes", r.Name, r.Status.Faults, v.now.causes)
	}
	if ownership > 0 && !n.lane(r.ID).failures.ever {
		w.violated(n, "faults-are-causes", "%s has faults %q, no host call failed", r.Name, r.Status.Faults)
	}
	runs := !v.now.waits && !r.Waiting
	if runs && causes+ownership > 0 && r.State != vrrp.Fault {
		w.violated(n, "fault-is-state", "%s has faults %q and is in %v", r.Name, r.Status.Faults, r.State)
	}
	if runs && causes+ownership == 0 && r.State == vrrp.Fault && v.group == nil {
		w.violated(n, "fault-is-state", "%s is in FAULT without a fault", r.Name)
	}
}

// ownFaults counts those that are not only its group's.
func ownFaults(r *engine.RouterStatus) (own int) {
	for _, f := range r.Status.Faults {
		if f != string(vrrp.CauseGroup) {
			own++
		}
	}
	return own
}

// checkGroup: members are where their group is.
func (w *World) checkGroup(n *node, g engine.GroupStatus) {
	if !n.started {
		return
	}
	faulty, waiting := false, false
	for _, v := range n.views {
		if v.group != nil && v.group.Name == g.Name {
			faulty = faulty || ownFaults(&v.status) > 0
			waiting = waiting || v.status.Waiting
		}
	}
	for _, v := range n.views {
		if v.group == nil || v.group.Name != g.Name || v.status.Waiting || waiting {
			continue
		}
		fits := v.state == g.State || g.State == vrrp.Backup && v.state == vrrp.Init && !v.status.StartDelayed.IsZero()
		if !fits {
			w.violated(n, "groups-are-uniform", "%s is in %v, its group %s in %v", v.cfg.Name, v.state, g.Name, g.State)
		}
		if faulty != (g.State == vrrp.Fault) {
			w.violated(n, "groups-are-uniform", "group %s is in %v, a member has faults: %v", g.Name, g.State, faulty)
		}
	}
}

// wakeCount finds a process that wakes without end.
type wakeCount struct {
	second time.Duration
	count  int
}

// maxWakes is more wake-ups in a second than any configuration needs.
const maxWakes = 2000

func (w *World) mayWake(n *node) bool {
	if s := w.t.Truncate(time.Second); s != n.wakes.second {
		n.wakes = wakeCount{second: s}
	}
	n.wakes.count++
	if n.wakes.count > maxWakes {
		w.violated(n, "no-busy-loop", "more than %d wake-ups in a second", maxWakes)
		return false
	}
	return true
}
