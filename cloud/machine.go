// SPDX-License-Identifier: Apache-2.0

package cloud

import "time"

// The machine is the reconciler without its edges: events in, orders out, time
// as an argument. It calls nothing but the provider's pure Plan. The runner in
// runner.go carries its orders out and brings the results back as events.

// event is something that happened. Exactly one field group is set by kind.
type event struct {
	kind     eventKind
	gen      uint64
	want     Wanted
	items    []Item
	node     Node
	observed []Observed
	step     int
	outcome  Outcome
	verdict  Verdict
	err      error
}

type eventKind uint8

const (
	evTimer      eventKind = iota // a deadline passed
	evWanted                      // want, gen: the wanted state changed
	evDiscovered                  // node or err
	evObserved                    // gen, observed
	evApplied                     // gen, step, outcome
	evGuarded                     // gen, verdict
	evRefreshed                   // err
	evWarmed                      // err
	evKick                        // look at everything now
	evItems                       // items: the wanted items changed
)

// order is something to be done; each but the last four is answered by exactly
// one event.
type order struct {
	kind  orderKind
	gen   uint64
	node  Node
	items []Item
	index int
	step  Step
	entry AuditEntry
}

type orderKind uint8

const (
	doDiscover orderKind = iota
	doObserve            // gen, node, items
	doApply              // gen, index, step
	doGuard              // gen
	doRefresh
	doWarm
	doCancel  // gen: everything of earlier generations
	doPass    // gen: the guard has passed
	doYield   // gen
	doUnyield // gen
	doThrottled
	doAudit // entry
)

type machine struct {
	t        Timing
	mode     Mode
	suspect  Suspicion
	hasGuard bool
	canFresh bool // the provider is a Refresher
	canWarm  bool
	plan     func(Node, []Observed) []Step
	rnd      func() float64 // [0,1)

	now   time.Duration
	out   []order
	want  Wanted
	gen   uint64
	state State
	since time.Duration
	begun time.Duration // when this generation began

	node        Node
	haveNode    bool
	discovering bool
	discoverAt  time.Duration
	discoverTry int
	absentAt    time.Duration // when absence last caused a discovery
	discoverErr error

	guard guardState

	tracks    []*track
	index     map[string]*track
	observing bool
	plans     *dag
	stale     int // requests of earlier generations still under way
	drained   time.Duration

	nextFull   time.Duration // the next look at everything
	settleFrom time.Duration
	settleStep int
	idleStep   int
	claimed    bool // everything was ours once in this generation
	claimedAt  time.Duration
	late       bool

	yielding     bool
	yieldedUntil time.Duration

	refreshing bool
	refreshAt  time.Duration // when credentials were last renewed on demand
	refreshed  bool
	warming    bool
	warmAt     time.Duration
}

type guardState struct {
	running bool
	passed  bool
	verdict Verdict
	again   time.Duration
	held    time.Duration // when the first Hold came; 0 none
}

// track is what the machine knows about one item.
type track struct {
	item   Item
	key    string
	obs    Observed
	obsAt  time.Duration
	read   bool          // it was read, successfully, once
	readAt time.Duration // and when last
	seen   bool          // obs is of this generation
	fresh  bool          // obs may be planned on

	was   Owner // the last owner in this generation that was not Unknown
	since time.Duration

	next       time.Duration // the next look, while not ours
	writeAfter time.Duration // no write before
	wrote      bool          // a write was acknowledged, or lost, and is not yet seen
	acked      bool
	wroteAt    time.Duration
	wroteOn    string // the version the write was conditioned on
	verify     int
	tries      int
	blocked    bool // a person is needed
	would      bool // dry run: would have written
	suspected  bool // one read contradicted our own recent write
	lost       []time.Duration
	class      Class
	err        error
}

func newMachine(now time.Duration, items []Item, t Timing, plan func(Node, []Observed) []Step, rnd func() float64) *machine {
	m := &machine{now: now, since: now, t: t, plan: plan, rnd: rnd}
	m.onItems(items)
	return m
}

// onItems changes what is wanted, keeping what is known of what stays.
func (m *machine) onItems(items []Item) {
	old := m.index
	m.tracks, m.index = nil, map[string]*track{}
	for _, it := range items {
		t := old[it.Key()]
		if t == nil || t.item != it {
			t = &track{item: it, key: it.Key(), since: m.now, next: m.now}
		}
		m.tracks = append(m.tracks, t)
		m.index[t.key] = t
	}
	m.nextFull = m.now
}

// step takes one event and returns what is to be done.
func (m *machine) step(now time.Duration, ev event) []order {
	m.now, m.out = now, nil
	switch ev.kind {
	case evWanted:
		m.onWanted(ev)
	case evDiscovered:
		m.onDiscovered(ev)
	case evObserved:
		m.onObserved(ev)
	case evApplied:
		m.onApplied(ev)
	case evGuarded:
		m.onGuarded(ev)
	case evRefreshed:
		m.refreshing = false
	case evWarmed:
		m.warming = false
		m.warmAt = now + m.t.Warm
	case evKick:
		m.nextFull = now
		for _, t := range m.tracks {
			t.writeAfter = 0
		}
	case evItems:
		m.onItems(ev.items)
	case evTimer:
	}
	m.advance()
	m.updateState()
	return m.out
}

func (m *machine) do(o order) {
	o.gen = m.gen
	m.out = append(m.out, o)
}

func (m *machine) onWanted(ev event) {
	if ev.gen == m.gen {
		m.want = ev.want
		if m.yielding && m.aboveThePeer() {
			m.endYield() // VRRP settled it: the peer was heard, and is the lower one
		}
		return
	}
	if m.plans != nil {
		m.stale += m.plans.running()
	}
	demoted := m.want.Master
	m.want, m.gen, m.begun = ev.want, ev.gen, m.now
	m.plans, m.observing = nil, false
	m.drained = m.now + m.t.Drain
	m.guard = guardState{}
	m.claimed, m.late, m.yielding = false, false, false
	m.settleStep, m.idleStep = 0, 0
	m.nextFull = m.now
	if !m.want.Master && demoted {
		m.nextFull = m.now + m.idlePause()
	}
	if m.want.Master && !m.haveNode {
		m.discoverTry, m.discoverAt = 0, m.now
	}
	for _, t := range m.tracks {
		*t = track{item: t.item, key: t.key, obs: t.obs, obsAt: t.obsAt, read: t.read, readAt: t.readAt, since: m.now, next: m.now}
		if t.obs.Owner != Unknown {
			t.was = t.obs.Owner
		}
		if m.want.Master {
			t.was = Unknown
		}
	}
	m.do(order{kind: doCancel})
	m.do(order{kind: doAudit, entry: AuditEntry{Op: "generation", Outcome: masterWord(m.want.Master)}})
	if m.want.Master && (!m.hasGuard || m.want.Cause != CauseMasterDown) {
		m.passGuard(Verdict{Decision: ClaimNow, Reason: "no guard needed: " + m.want.Cause.String()})
	}
}

func masterWord(master bool) string {
	if master {
		return "master"
	}
	return "not_master"
}

func (m *machine) onDiscovered(ev event) {
	m.discovering = false
	m.discoverErr = ev.err
	if ev.err != nil {
		m.discoverTry++
		m.discoverAt = m.now + m.backoff(m.discoverTry)
		if !m.want.Master {
			m.discoverAt = max(m.discoverAt, m.now+m.t.BackoffMax/2)
		}
		return
	}
	m.discoverTry = 0
	m.node, m.haveNode = ev.node, true
	m.discoverAt = m.now + m.t.Discover
	if m.node.Consistency > 0 {
		m.t.VerifyWindow = m.node.Consistency
	}
}

// advance starts whatever may be started now.
func (m *machine) advance() {
	if m.mode == ModeOff {
		return
	}
	if !m.discovering && m.now >= m.discoverAt {
		m.discovering = true
		m.do(order{kind: doDiscover})
	}
	if m.canWarm && m.haveNode && !m.warming && m.now >= m.warmAt {
		m.warming = true
		m.do(order{kind: doWarm})
	}
	if m.want.Master {
		m.advanceGuard()
		if m.yielding && m.now >= m.yieldedUntil {
			m.endYield()
		}
		if m.plans == nil {
			m.makePlan()
		}
	}
	if m.plans != nil {
		m.dispatch()
	}
	if m.plans == nil {
		m.observeDue()
	}
}

// observeDue starts a read of everything, or of what is not ours and due.
func (m *machine) observeDue() {
	if m.observing || m.refreshing || !m.haveNode {
		return
	}
	var due []Item
	full := m.now >= m.nextFull
	for _, t := range m.tracks {
		if full || m.now >= t.next && m.uncertain(t) {
			due = append(due, t.item)
		}
	}
	if full {
		m.nextFull = m.now + m.fullPause()
	}
	if len(due) == 0 {
		return // also a claim without items, for which a full look is nothing
	}
	m.observing = true
	m.do(order{kind: doObserve, node: m.node, items: due})
}
