// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// model answers the machine's orders at random, without any I/O.
type model struct {
	m       *machine
	rng     *rand.Rand
	now     time.Duration
	gen     uint64
	pending []order
	passed  map[uint64]bool
	master  bool
	idle    int // steps in a row that led to nothing, at one moment
}

func fuzzMachine(seed uint64, hasGuard bool) *model {
	rng := rand.New(rand.NewPCG(seed, 1))
	items := []Item{
		VIP(netip.MustParseAddr("10.0.0.4")), VIP(netip.MustParseAddr("2001:db8::4")),
		{Kind: PublicIP, Addr: netip.MustParseAddr("203.0.113.9")},
		{Kind: Route, Table: "t", Dest: netip.MustParsePrefix("10.1.0.0/16"), Create: true},
	}
	plan := func(_ Node, obs []Observed) []Step {
		var steps []Step
		for _, o := range obs {
			if rng.IntN(20) == 0 {
				continue // a provider that knows no way
			}
			steps = append(steps, Step{Op: "move", Items: []Item{o.Item}, Before: o, Serial: o.Item.Table})
			if n := len(steps); n > 1 && rng.IntN(3) == 0 {
				steps[n-1].After = []int{rng.IntN(n)} // itself now and then: a broken plan
			}
		}
		return steps
	}
	m := newMachine(time.Hour, items, Timing{}.withDefaults(), plan, rng.Float64)
	m.hasGuard, m.canFresh, m.canWarm = hasGuard, rng.IntN(2) == 0, rng.IntN(2) == 0
	return &model{m: m, rng: rng, now: time.Hour, passed: map[uint64]bool{}}
}

func (f *model) observe(it Item) Observed {
	o := Observed{Item: it, Owner: Owner(f.rng.IntN(4)), Version: []string{"", "e1", "e2"}[f.rng.IntN(3)]}
	switch o.Owner {
	case Unknown:
		o.Err = &Error{Class: Class(f.rng.IntN(int(ClassDryRun) + 1)), Hint: time.Duration(f.rng.IntN(9)) * time.Second}
	case Other:
		o.Holder = "other"
	}
	return o
}

// answer makes up the event that answers an order.
func (f *model) answer(o order) event {
	ev := event{gen: o.gen}
	switch o.kind {
	case doDiscover:
		ev.kind = evDiscovered
		if f.rng.IntN(4) == 0 {
			ev.err = errNoPlan
		} else {
			ev.node = Node{ID: "n", NICs: []NIC{{ID: "nic", Primary: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}
		}
	case doObserve:
		ev.kind = evObserved
		for _, it := range o.items {
			ev.observed = append(ev.observed, f.observe(it))
		}
	case doApply:
		ev.kind, ev.step = evApplied, o.index
		ev.outcome = Outcome{Class: Class(f.rng.IntN(int(ClassDryRun) + 1))}
	case doGuard:
		ev.kind, ev.verdict = evGuarded, Verdict{Decision: Decision(f.rng.IntN(3))}
	case doRefresh:
		ev.kind = evRefreshed
	default:
		ev.kind = evWarmed
	}
	return ev
}

// FuzzMachine feeds random events and holds the machine to what must always be
// true: it writes only as MASTER, after the guard, in the current generation;
// never the same serial twice at once; it never asks to be woken in the past
// while nothing is under way; and it never gets stuck.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, hasGuard bool) {
		fm := fuzzMachine(seed, hasGuard)
		for range 2000 {
			fm.turn(t)
			if t.Failed() {
				return
			}
		}
	})
}

func (f *model) turn(t *testing.T) {
	var ev event
	switch n := f.rng.IntN(100); {
	case n < 3:
		f.master = !f.master
		f.gen++
		ev = event{kind: evWanted, gen: f.gen, want: Wanted{Master: f.master, Cause: Cause(f.rng.IntN(4))}}
	case n < 4:
		ev = event{kind: evKick}
	case len(f.pending) > 0:
		i := f.rng.IntN(len(f.pending))
		ev = f.answer(f.pending[i])
		f.pending = append(f.pending[:i], f.pending[i+1:]...)
		f.now += time.Duration(f.rng.IntN(500)) * time.Millisecond
	default:
		d := f.m.deadline()
		if d == never {
			t.Fatal("nothing under way and nothing due: stuck")
		}
		f.now = max(f.now, d)
		ev = event{kind: evTimer}
	}
	for _, o := range f.m.step(f.now, ev) {
		f.check(t, o)
	}
	if f.idle++; len(f.pending) > 0 || f.m.deadline() > f.now {
		f.idle = 0
	}
	if f.idle > 3 {
		t.Errorf("wants to be woken at %v, it is %v: a busy loop in %s", f.m.deadline(), f.now, f.m.state)
	}
}

func (f *model) check(t *testing.T, o order) {
	switch o.kind {
	case doPass:
		f.passed[o.gen] = true
	case doApply:
		if !f.master || o.gen != f.gen || !f.passed[o.gen] || f.m.yielding {
			t.Errorf("write in generation %d: master %v, current %d, passed %v", o.gen, f.master, f.gen, f.passed[o.gen])
		}
		for _, p := range f.pending {
			if p.kind == doApply && p.gen == o.gen && p.step.Serial != "" && p.step.Serial == o.step.Serial {
				t.Errorf("two writes of %s at once", o.step.Serial)
			}
		}
		f.pending = append(f.pending, o)
	case doDiscover, doObserve, doGuard, doRefresh, doWarm:
		f.pending = append(f.pending, o)
	}
}

func TestGate(t *testing.T) {
	now := time.Hour
	g := &gate{clock: func() time.Duration { return now }, lease: 3 * time.Second}
	gen := g.setMaster(true)
	closed := func(why string) {
		t.Helper()
		if g.allowed(gen) == nil {
			t.Errorf("open, although %s", why)
		}
	}
	openNow := func() {
		t.Helper()
		if err := g.allowed(gen); err != nil {
			t.Error(err)
		}
	}
	closed("the guard has not passed")
	g.pass(gen)
	openNow()
	now += 3 * time.Second
	openNow()
	now += time.Nanosecond
	closed("the lease is over")
	now += 30 * time.Second
	g.tickNow()
	closed("it was frozen, and has not listened for a lease yet")
	now += 2 * time.Second
	g.tickNow()
	closed("the quarantine is not over")
	now += time.Second
	openNow()
	g.yield(gen, true)
	closed("it yielded")
	g.yield(gen, false)
	openNow()
	next := g.setMaster(false)
	closed("its generation is over")
	gen = next
	closed("it is not MASTER")
	gen = g.setMaster(true)
	g.pass(gen - 2)
	closed("the guard of another generation passed")
	g.pass(gen)
	openNow()
	if g.allowed(gen-2) == nil {
		t.Error("open for an earlier time as MASTER")
	}
}

// A request of the previous generation that does not end when it is cancelled
// delays the first write of the next one, but not for long.
func TestNewGenerationWaitsForTheOldOnesRequests(t *testing.T) {
	for _, ends := range []bool{true, false} {
		it := VIP(netip.MustParseAddr("10.0.0.4"))
		plan := func(_ Node, obs []Observed) []Step { return []Step{{Op: "move", Items: []Item{obs[0].Item}}} }
		now := time.Hour
		m := newMachine(now, []Item{it}, Timing{}.withDefaults(), plan, func() float64 { return 0.5 })
		wrote := func(orders []order) bool {
			return slices.ContainsFunc(orders, func(o order) bool { return o.kind == doApply })
		}
		away := []Observed{{Item: it, Owner: Other, Holder: "x", Version: "e1"}}
		become := func(gen uint64) []order {
			m.step(now, event{kind: evWanted, gen: gen, want: Wanted{Master: true, Cause: CauseOperator}})
			return m.step(now, event{kind: evObserved, gen: gen, observed: away})
		}
		m.step(now, event{kind: evDiscovered, node: Node{ID: "n"}})
		if !wrote(become(1)) {
			t.Fatal("the first generation does not write")
		}
		if wrote(become(2)) {
			t.Error("written while a request of the last generation is under way")
		}
		ev := event{kind: evTimer}
		if ends {
			ev = event{kind: evApplied, gen: 1, outcome: Outcome{Class: ClassUnknown}}
		} else {
			now += m.t.Drain
		}
		orders := m.step(now, ev)
		if !wrote(orders) {
			orders = m.step(now, event{kind: evObserved, gen: 2, observed: away})
		}
		if !wrote(orders) {
			t.Errorf("no write although the wait is over (ended: %v)", ends)
		}
	}
}

// A BACKUP that does not know its own interfaces yet takes its time; a MASTER
// asks at once.
func TestTakeoverDiscoversAtOnce(t *testing.T) {
	m := newMachine(0, nil, Timing{}.withDefaults(), nil, func() float64 { return 1 })
	discovers := func(orders []order) bool {
		return slices.ContainsFunc(orders, func(o order) bool { return o.kind == doDiscover })
	}
	if !discovers(m.step(0, event{})) {
		t.Fatal("no discovery at the start")
	}
	m.step(time.Second, event{kind: evDiscovered, err: errNoPlan})
	if discovers(m.step(2*time.Second, event{})) {
		t.Fatal("a BACKUP asks again at once")
	}
	if !discovers(m.step(2*time.Second, event{kind: evWanted, gen: 1, want: Wanted{Master: true}})) {
		t.Error("a MASTER waits")
	}
}

// A write that was acknowledged, and overwritten before a read showed it, is a
// loss like any other.
func TestOverwrittenBeforeItWasSeenIsALoss(t *testing.T) {
	it := VIP(netip.MustParseAddr("10.0.0.4"))
	plan := func(_ Node, obs []Observed) []Step { return []Step{{Items: []Item{it}, Before: obs[0]}} }
	m := newMachine(0, []Item{it}, Timing{}.withDefaults(), plan, func() float64 { return 0.5 })
	m.step(0, event{kind: evDiscovered, node: Node{ID: "n", NICs: []NIC{{ID: "nic", Primary: true}}}})
	m.step(0, event{kind: evWanted, gen: 1, want: Wanted{
		Master: true, Cause: CauseOperator, Self: Rank{Priority: 100}, Peer: Rank{Priority: 200, Addr: netip.MustParseAddr("10.0.0.3")},
	}})
	for n, version := range []string{"e1", "e3", "e5", "e7"} {
		if m.state == StateYielded {
			t.Fatalf("gave way after %d losses", n-1)
		}
		now := time.Duration(n) * 10 * time.Second
		m.step(now, event{kind: evObserved, gen: 1, observed: []Observed{{Item: it, Owner: Other, Holder: "b", Version: version}}})
		m.step(now, event{kind: evApplied, gen: 1, outcome: Outcome{Class: ClassDone}})
	}
	if m.state != StateYielded {
		t.Errorf("%v after three losses", m.state)
	}
}
