// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"slices"
	"time"
)

// freshness is how old a reading may be when it is planned on.
const freshness = 2 * time.Second

// maxParallel bounds the requests of one plan under way at once.
const maxParallel = 16

var errNoPlan = errors.New("the provider knows no way to take it: is its interface on this node?")

// makePlan turns fresh readings into a plan, if writing is allowed.
func (m *machine) makePlan() {
	if !m.haveNode || !m.guard.passed || m.yielding || m.refreshing {
		return
	}
	if m.stale > 0 && m.now < m.drained {
		return
	}
	var obs []Observed
	for _, t := range m.tracks {
		if !t.fresh {
			continue
		}
		if m.now-t.obsAt > freshness {
			t.fresh, t.next = false, m.now
			continue
		}
		obs = append(obs, t.obs)
	}
	if len(obs) == 0 {
		return
	}
	steps := m.plan(m.node, obs)
	planned := map[string]bool{}
	for _, s := range steps {
		for _, it := range s.Items {
			planned[it.Key()] = true
		}
	}
	for _, o := range obs {
		t := m.index[o.Item.Key()]
		t.fresh = false
		if !planned[t.key] {
			m.unplanned(t)
		}
	}
	if len(steps) > 0 {
		m.plans = newDAG(steps)
	}
}

// unplanned handles an item that the provider plans nothing for. It may follow
// another item of the group that is still on its way; otherwise a person has to
// look at the configuration.
func (m *machine) unplanned(t *track) {
	t.class, t.err = ClassInvalid, errNoPlan
	if _, err := m.node.NICFor(t.item); err != nil {
		t.err = err
	}
	t.tries++
	t.blocked = t.tries > 4
	t.next = m.now + m.backoff(t.tries)
	m.rediscover()
}

// dispatch starts the steps that may start, and ends the plan when all ended.
func (m *machine) dispatch() {
	for _, i := range m.plans.ready() {
		m.plans.state[i] = stepRunning
		m.do(order{kind: doApply, index: i, step: m.plans.steps[i]})
	}
	if m.plans.running() == 0 {
		m.plans = nil
	}
}

func (m *machine) onApplied(ev event) {
	if ev.gen != m.gen {
		m.stale = max(m.stale-1, 0)
		return
	}
	if m.plans == nil || ev.step >= len(m.plans.steps) {
		return
	}
	step := m.plans.steps[ev.step]
	ok := ev.outcome.Class == ClassDone || ev.outcome.Class == ClassPending
	m.plans.end(ev.step, ok)
	for _, it := range step.Items {
		t := m.index[it.Key()]
		if t == nil {
			continue
		}
		if ok {
			t.wrote, t.acked, t.wroteAt, t.wroteOn = true, true, m.now, step.Before.Version
			t.next, t.verify = m.now+m.t.Verify[0], 1
			continue
		}
		m.failed(t, ev.outcome, step)
	}
}

// failed handles a write that was refused, or of which nothing is known.
func (m *machine) failed(t *track, out Outcome, step Step) {
	t.wrote = false
	err := out.Err
	if err == nil {
		err = &Error{Class: out.Class, Op: step.Op, Status: out.Status, RequestID: out.RequestID}
	}
	if ClassOf(err) != out.Class || out.Hint > 0 {
		err = &Error{Class: out.Class, Op: step.Op, Status: out.Status, RequestID: out.RequestID, Hint: out.Hint, Err: err}
	}
	m.penalize(t, err)
	t.writeAfter = t.next
	if out.Class == ClassUnknown {
		// It may have worked: look soon, but do not write again soon.
		t.next = m.now + m.t.BackoffMin
		t.wrote, t.acked, t.wroteAt, t.wroteOn = true, false, m.now, step.Before.Version
	}
}

func (m *machine) onGuarded(ev event) {
	if ev.gen != m.gen || !m.guard.running {
		return
	}
	m.guard.running = false
	if m.guard.passed {
		m.guard.again = m.now + m.t.Drift/2
		if m.yielding && ev.verdict.Decision == ClaimNow {
			m.endYield()
		}
		return
	}
	m.guard.verdict = ev.verdict
	switch ev.verdict.Decision {
	case Hold:
		if m.guard.held == 0 {
			m.guard.held = m.now
		}
		hold := min(ev.verdict.For, m.t.Hold)
		if hold <= 0 {
			hold = m.t.Hold
		}
		m.guard.again = min(m.now+m.t.GuardRetry, m.guard.held+hold)
		if m.now >= m.guard.held+hold {
			m.guard.again = m.now + m.t.GuardRetry
			if m.suspect == SuspectClaim {
				m.passGuard(ev.verdict)
			}
		}
	case CutOff:
		m.guard.held = 0
		m.guard.again = m.now + m.t.GuardRetry
	default:
		m.passGuard(ev.verdict)
	}
}

// guardWanted says whether the guard is to be asked at guard.again: before the
// first write, and while yielding, since a rival that died meanwhile must not
// leave the items with nobody until the yield ends.
func (m *machine) guardWanted() bool {
	return m.want.Master && m.hasGuard && !m.guard.running && (!m.guard.passed || m.yielding)
}

func (m *machine) advanceGuard() {
	if !m.guardWanted() || m.now < m.guard.again {
		return
	}
	m.guard.running = true
	m.do(order{kind: doGuard})
}

func (m *machine) passGuard(v Verdict) {
	m.guard = guardState{passed: true, verdict: v}
	m.do(order{kind: doPass})
	m.do(order{kind: doAudit, entry: AuditEntry{Op: "guard", Outcome: v.Decision.String(), Reason: v.Reason}})
}

// dag is a plan being carried out.
type dag struct {
	steps []Step
	state []stepState
}

type stepState uint8

const (
	stepWaiting stepState = iota
	stepRunning
	stepOK
	stepFailed
)

func newDAG(steps []Step) *dag {
	return &dag{steps: steps, state: make([]stepState, len(steps))}
}

func (d *dag) end(i int, ok bool) {
	d.state[i] = stepFailed
	if ok {
		d.state[i] = stepOK
	}
}

func (d *dag) running() int {
	n := 0
	for _, s := range d.state {
		if s == stepRunning {
			n++
		}
	}
	return n
}

// ready returns the steps that may start now: their predecessors are done, no
// step of an earlier kind is open, and nothing that must not run beside them
// is open before them. Steps whose predecessor failed are ended on the way.
func (d *dag) ready() []int {
	var out []int
	phase, open := Kind(255), d.running()
	busy := map[string]bool{}
	for i, s := range d.steps {
		if d.state[i] == stepWaiting && slices.ContainsFunc(s.After, func(j int) bool { return j < i && d.state[j] == stepFailed }) {
			d.state[i] = stepFailed
		}
		if d.state[i] == stepWaiting || d.state[i] == stepRunning {
			phase = min(phase, stepKind(s))
		}
		if d.state[i] == stepRunning && s.Serial != "" {
			busy[s.Serial] = true
		}
	}
	for i, s := range d.steps {
		if d.state[i] != stepWaiting {
			continue
		}
		blocked := busy[s.Serial] && s.Serial != ""
		if s.Serial != "" {
			busy[s.Serial] = true
		}
		for _, j := range s.After {
			blocked = blocked || j >= i || d.state[j] != stepOK
		}
		if !blocked && stepKind(s) <= phase && open < maxParallel {
			out = append(out, i)
			open++
		}
	}
	return out
}

// stepKind is the phase of a step. VIP4 and VIP6 move together.
func stepKind(s Step) Kind {
	if len(s.Items) == 0 || s.Items[0].Kind == VIP6 {
		return VIP4
	}
	return s.Items[0].Kind
}
