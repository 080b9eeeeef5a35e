// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// World is a universe in progress.
type World struct {
	setup     Setup
	rng       *rand.Rand
	t         time.Duration
	seq       uint64
	agenda    agenda
	nodes     []*node
	wires     []*segment
	domains   []*domain
	claims    map[*domain]string // cloud: who has it; looked up, never walked
	peace     peace
	cloudDown int           // faults
	slowest   time.Duration // the longest interval ever configured
	last      string        // what happened last: the kind of a fault, or "start"
	active    []bool        // by fault: it is in force
	wrong     []Violation
	counts    Counts
}

// Violation is something that must not be.
type Violation struct {
	At   time.Duration
	Node string // "" = concerns several
	Rule string // a stable name
	Text string
}

func (v Violation) String() string {
	where := ""
	if v.Node != "" {
		where = v.Node + ": "
	}
	return fmt.Sprintf("at %.6fs: %s%s: %s", v.At.Seconds(), where, v.Rule, v.Text)
}

// Counts says how much happened.
type Counts struct {
	Steps       uint64 // inputs taken by engines
	Frames      uint64 // delivered
	Lost        uint64 // lost, cut off or dropped
	Transitions uint64
	Judgements  uint64 // times all was looked at after a quiet window
}

// Result is what became of a world.
type Result struct {
	Violations []Violation // at most one a rule and node, first first
	Counts     Counts
	Spells     []Spell
}

// New makes a world; nothing has happened in it yet.
func New(s Setup) (*World, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	w := &World{
		setup:  s,
		rng:    rand.New(rand.NewPCG(s.Seed, 0x76727270)),
		claims: map[*domain]string{},
		active: make([]bool, len(s.Faults)),
		last:   "start",
	}
	for i := range s.Nodes {
		w.addNode(i)
	}
	w.formDomains()
	for i, f := range s.Faults {
		w.plan(f.At, occurrence{kind: faultBegins, fault: i})
		if f.For > 0 {
			w.plan(f.At+f.For, occurrence{kind: faultEnds, fault: i})
		}
	}
	for _, n := range w.nodes {
		w.boot(n)
	}
	w.disturbed()
	return w, nil
}

// plan puts o into the agenda.
func (w *World) plan(at time.Duration, o occurrence) {
	w.seq++
	w.agenda.push(max(at, w.t), w.seq, o)
}

// RunUntil lets the world go on to the given age, or to its first violation.
func (w *World) RunUntil(until time.Duration) {
	for len(w.wrong) == 0 {
		if at, ok := w.agenda.next(); !ok || at > until {
			break
		}
		when, what := w.agenda.pop()
		w.t = when.at
		w.happen(&what)
	}
	if len(w.wrong) == 0 {
		w.t = max(w.t, until)
	}
}

// Now returns the world's age.
func (w *World) Now() time.Duration { return w.t }

// Result returns what became of the world so far.
func (w *World) Result() Result {
	r := Result{Violations: w.wrong, Counts: w.counts}
	for _, d := range w.domains {
		r.Spells = append(r.Spells, d.spells(w.t)...)
	}
	return r
}

// Owners returns the nodes that answer for a virtual address at this moment:
// they have it, and their link is up.
func (w *World) Owners(a netip.Addr) []string {
	var names []string
	for _, n := range w.nodes {
		if n.answers(a) {
			names = append(names, n.Name)
		}
	}
	return names
}

// State returns the state of a node's router; INIT when the process is down.
func (w *World) State(name string, id vrrp.ID) vrrp.State {
	for _, n := range w.nodes {
		if v := n.view(id); n.Name == name && v != nil && n.up {
			return v.state
		}
	}
	return vrrp.Init
}

func (w *World) happen(o *occurrence) {
	switch o.kind {
	case faultBegins:
		w.begin(o.fault)
		return
	case faultEnds:
		w.end(o.fault)
		return
	case judgement:
		w.judge()
		return
	case worldActs:
		o.news()
		return
	}
	n := w.nodes[o.node]
	if o.life != n.life {
		return
	}
	switch o.kind {
	case frameArrives:
		w.arrive(n, o.frame)
	case timerFires:
		if o.gen == n.timerGen {
			n.timerSet = false
			w.pump(n)
		}
	case operationEnds:
		w.endOperation(n, o.op)
	case newsArrives:
		o.news()
		w.pump(n)
	}
}

// violated records a violation; a rule is recorded once a node.
func (w *World) violated(n *node, rule, format string, args ...any) {
	v := Violation{At: w.t, Rule: rule, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		v.Node = n.Name
	}
	w.wrong = append(w.wrong, v)
	w.tell(n, "wrong", "%s: %s", rule, v.Text)
}

// upTo draws a duration in 0…d.
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }
