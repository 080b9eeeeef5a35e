// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// machine is what runs on a node: an [engine.Engine] or a foreign router.
type machine interface {
	Step(now time.Time, in engine.Input) []engine.Output
	Deadline() (at time.Time, ok bool)
}

// node is a host and the process on it.
type node struct {
	Node
	index   int
	ports   []*port
	machine machine
	up      bool
	life    int // counts processes; what belongs to an earlier one is void
	frames  []frame
	inbox   []engine.Input
	stalled time.Duration // does not run before then
	pumping bool

	timerGen uint64
	timerAt  time.Time
	timerSet bool

	lanes   []*lane
	retry   time.Duration // what a host call failed at is tried again by then, on its own clock
	views   []*view
	levels  []levelOf // what is true of tracked objects
	wakes   wakeCount
	unseen  int // steps since the status was last compared
	told    told
	started bool // the process was told Started, and not Stopped since

	// What faults do:
	downBy int // the one that ended the process; -1 = none
	hangs  int // host calls do not return
	fails  int // host calls fail
	mute   int // nothing can be sent
	asleep int // the machine does not run
	sleep  sleep
}

func (w *World) addNode(i int) {
	n := &node{Node: w.setup.Nodes[i], index: i, downBy: -1}
	w.nodes = append(w.nodes, n)
	for _, port := range n.Interfaces {
		w.addPort(n, port)
	}
	w.watch(n, n.Config)
}

// now is the node's own clock.
func (w *World) now(n *node) time.Time { return epoch.Add(w.t + n.Clock) }

// boot starts the process: what a runner does before and after Started.
func (w *World) boot(n *node) {
	n.life++
	n.up, n.timerSet, n.wakes = true, false, wakeCount{}
	n.sleep.untold, n.sleep.known = 0, w.t
	if n.asleep == 0 {
		n.stalled = 0
	}
	n.frames, n.inbox, n.views, n.told, n.started = nil, nil, nil, told{}, false
	w.resetHost(n)
	w.takeConfig(n)
	if n.Habits != None {
		n.machine = newForeign(n.Habits, n.Config)
	} else {
		e, err := engine.New(n.Config)
		if err != nil {
			panic("world: the configuration was valid: " + err.Error())
		}
		n.machine = e
	}
	w.tell(n, "process", "starts")
	for _, p := range n.ports {
		n.inbox = append(n.inbox, p.link())
	}
	for _, l := range n.levels {
		if l.silent == 0 {
			n.inbox = append(n.inbox, engine.TrackChanged{Track: l.Track, Level: l.Level})
		}
	}
	n.inbox = append(n.inbox, engine.Started{})
	w.pump(n)
	w.cleanLeftovers(n)
}

// kill ends the process without a word. Addresses stay on the host.
func (w *World) kill(n *node) {
	n.up = false
	n.life++
	for _, v := range n.views {
		v.state = vrrp.Init
	}
	w.redraw()
}

// pump lets the process run as the real loop does: everything that has
// arrived first, then whatever timer is due.
func (w *World) pump(n *node) {
	if !n.up || n.stalled > w.t || n.pumping || len(w.wrong) > 0 {
		return
	}
	n.pumping = true
	defer func() { n.pumping = false }()
	if d := n.sleep.untold; d > 0 {
		n.sleep.untold = 0
		w.step(n, engine.Suspended{For: d}, genuine)
	}
	for {
		w.drain(n)
		at, ok := n.machine.Deadline()
		if !n.up || !ok || at.After(w.now(n)) || len(w.wrong) > 0 {
			break
		}
		if !w.mayWake(n) {
			return
		}
		w.step(n, engine.Woke{}, genuine)
	}
	w.setTimer(n)
}

func (w *World) drain(n *node) {
	for n.up && len(n.frames)+len(n.inbox) > 0 && len(w.wrong) == 0 {
		for len(n.frames) > 0 {
			f := n.frames[0]
			n.frames = n.frames[1:]
			w.step(n, f.FrameReceived, f.sort)
		}
		if len(n.inbox) > 0 {
			in := n.inbox[0]
			n.inbox = n.inbox[1:]
			w.step(n, in, genuine)
		}
	}
}

// setTimer arms the node's timer for its machine's deadline.
func (w *World) setTimer(n *node) {
	if !n.up {
		return
	}
	at, ok := n.machine.Deadline()
	if !ok {
		n.timerSet = false
		n.timerGen++
		return
	}
	if n.timerSet && at.Equal(n.timerAt) {
		return
	}
	n.timerGen++
	n.timerAt, n.timerSet = at, true
	w.plan(at.Sub(epoch)-n.Clock+w.upTo(w.setup.Late), occurrence{kind: timerFires, node: n.index, life: n.life, gen: n.timerGen})
}

// later tells the node's process something after a while.
func (w *World) later(n *node, after time.Duration, in engine.Input) {
	w.plan(w.t+after, occurrence{kind: newsArrives, node: n.index, life: n.life, news: func() { n.inbox = append(n.inbox, in) }})
}

// linkNews tells the node's process the state of a port, as it will be then.
func (w *World) linkNews(p *port) {
	n := p.node
	w.plan(w.t+w.upTo(netlinkDelay), occurrence{kind: newsArrives, node: n.index, life: n.life, news: func() { n.inbox = append(n.inbox, p.link()) }})
}

// netlinkDelay is the most news of a link take.
const netlinkDelay = 5 * time.Millisecond

// step gives a machine one input and carries out what it answers.
func (w *World) step(n *node, in engine.Input, s sort) {
	w.counts.Steps++
	if _, news := in.(engine.Suspended); !news {
		w.checkWaits(n)
	}
	before := w.photograph(n, in)
	outs, trouble := stepMachine(n.machine, w.now(n), in)
	if trouble != "" {
		w.violated(n, "no-panic", "%s", trouble)
		return
	}
	if w.setup.Observe != nil {
		w.setup.Observe(n.Name, w.now(n), in, outs)
	}
	w.obey(n, outs)
	w.checkStep(n, before, in, s, outs)
}

// stepMachine turns a panic into a finding.
func stepMachine(m machine, now time.Time, in engine.Input) (outs []engine.Output, trouble string) {
	defer func() {
		if p := recover(); p != nil {
			trouble = fmt.Sprintf("%T made the engine panic: %v", in, p)
		}
	}()
	return m.Step(now, in), ""
}

// obey carries out outputs in order.
func (w *World) obey(n *node, outs []engine.Output) {
	for _, o := range outs {
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			var errs []error
			p := n.port(o.Router.Interface)
			for _, pk := range a.Packets {
				errs = append(errs, w.send(p, pk))
			}
			w.issue(n, o.Router, a.ID)
			w.answer(n, o.Router, a.ID, errors.Join(errs...))
		case vrrp.SetOwnership:
			w.order(n, o.Router, &operation{router: o.Router, id: a.ID, own: a.Own})
		case vrrp.Announce:
			w.order(n, o.Router, &operation{router: o.Router, id: a.ID, announce: true})
		case vrrp.ReportTransition:
			w.transition(n, o, a)
		case vrrp.ReportNotice:
			w.tell(n, "note", "%s %s %v %s", o.Name, a.Notice, printable(a.Source), a.Detail)
			if a.Notice == engine.NoticeBug {
				w.violated(n, "no-bug", "%s: %s", o.Name, a.Detail)
			}
		case vrrp.ReportRefusal:
			w.tell(n, "refused", "%s from %v: %v %s", o.Name, a.Source, a.Reason, a.Detail)
		}
		if o.Group != nil {
			w.tell(n, "group", "%v", o)
		}
	}
}

func printable(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// transition takes note that a router changed state.
func (w *World) transition(n *node, o engine.Output, a vrrp.ReportTransition) {
	w.counts.Transitions++
	w.tell(n, "state", "%s %v -> %v (%v), priority %d", o.Name, a.From, a.To, a.Cause, a.Priority)
	v := n.view(o.Router)
	if v == nil {
		return // of a router that a reload removed
	}
	if v.state != a.From {
		w.violated(n, "transitions-join", "%s went from %v, it was %v", o.Name, a.From, v.state)
	}
	v.state = a.To
	w.checkPeace(n, v, a)
	v.sinceMaster(a, w.t)
	w.follow(n, v)
	w.redraw()
}

func (n *node) port(name string) *port {
	for _, p := range n.ports {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// answers reports whether the host replies for a virtual address.
func (n *node) answers(a netip.Addr) bool {
	for _, lane := range n.lanes {
		if slices.Contains(lane.table, a) && n.port(lane.id.Interface).carries() && n.asleep == 0 {
			return true
		}
	}
	return false
}
