// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"math"
	"slices"
	"time"
)

// When the machine looks again, and what state all of it adds up to.

const never = time.Duration(math.MaxInt64)

// fullPause is the time from this look at everything to the next.
func (m *machine) fullPause() time.Duration {
	if !m.want.Master {
		return m.idlePause()
	}
	drift := m.jitter(m.t.Drift)
	if m.settled() && m.settleStep < len(m.t.Settle) {
		at := m.settleFrom + m.t.Settle[m.settleStep]
		if at <= m.now+drift {
			m.settleStep++
			return max(at-m.now, 0)
		}
	}
	return drift
}

// idlePause looks a few times soon after demotion, to learn when the new owner
// has arrived, and then now and again.
func (m *machine) idlePause() time.Duration {
	if m.idleStep < 5 {
		m.idleStep++
		return m.t.Idle / 120 << (m.idleStep - 1)
	}
	return m.jitter(m.t.Idle)
}

// jitter spreads a period by ± 20 %.
func (m *machine) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*m.rnd()))
}

// backoff is full jitter: anything between the minimum and a bound that
// doubles with each try.
func (m *machine) backoff(try int) time.Duration {
	bound := m.t.BackoffMin << min(max(try, 1), 16)
	bound = min(bound, m.t.BackoffMax)
	return m.t.BackoffMin + time.Duration(m.rnd()*float64(bound-m.t.BackoffMin))
}

// deadline returns when step must be called with evTimer, or never.
func (m *machine) deadline() time.Duration {
	if m.mode == ModeOff {
		return never
	}
	d := never
	upTo := func(cond bool, at time.Duration) {
		if cond {
			d = min(d, at)
		}
	}
	upTo(!m.discovering, m.discoverAt)
	upTo(m.canWarm && m.haveNode && !m.warming, m.warmAt)
	looking := m.haveNode && m.plans == nil && !m.observing && !m.refreshing
	upTo(looking, m.nextFull)
	if m.want.Master {
		upTo(m.guardWanted(), m.guard.again)
		upTo(m.yielding, m.yieldedUntil)
		upTo(!m.late && !m.claimed, m.begun+m.t.Late)
		upTo(m.stale > 0 && m.now < m.drained, m.drained)
	}
	for _, t := range m.tracks {
		upTo(looking && m.uncertain(t), t.next)
	}
	return d
}

// uncertain items are looked at on their own schedule, beside the looks at
// everything: not ours, contradicted, or unreadable.
func (m *machine) uncertain(t *track) bool {
	return m.want.Master && (t.was != Self || t.suspected || t.seen && t.obs.Owner == Unknown)
}

func (m *machine) settled() bool { return m.state == StateHeld || m.state == StateDegraded }

// updateState derives the state from everything else and starts the settle
// checks when the group has come to rest.
func (m *machine) updateState() {
	s := m.derive()
	if s == m.state {
		if m.want.Master && !m.late && !m.claimed && m.now >= m.begun+m.t.Late {
			m.late = true
		}
		return
	}
	m.state, m.since = s, m.now
	if s == StateHeld && !m.claimed {
		m.claimed, m.claimedAt = true, m.now
		m.do(order{kind: doAudit, entry: AuditEntry{Op: "claimed", Outcome: "self", Took: m.now - m.begun}})
	}
	if m.settled() {
		m.settleFrom, m.settleStep = m.now, 0
		m.nextFull = m.now + m.fullPause()
	}
}

func (m *machine) derive() State {
	switch {
	case m.mode == ModeOff:
		return StateOff
	case !m.want.Master:
		return StateIdle
	case !m.guard.passed && m.guard.verdict.Decision == Hold:
		return StateSuspect
	case !m.guard.passed && m.guard.verdict.Decision == CutOff:
		return StateCutOff
	case !m.guard.passed:
		return StateGuard
	case m.yielding:
		return StateYielded
	}
	open := slices.ContainsFunc(m.tracks, func(t *track) bool { return t.was != Self && !t.blocked && !t.would })
	short := slices.ContainsFunc(m.tracks, func(t *track) bool { return t.was != Self })
	would := slices.ContainsFunc(m.tracks, func(t *track) bool { return t.would })
	switch {
	case !short:
		return StateHeld
	case !open && would:
		return StateWould
	case !open:
		return StateDegraded
	case m.claimed:
		return StateRepairing
	default:
		return StateClaiming
	}
}
