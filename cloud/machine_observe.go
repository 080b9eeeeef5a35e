// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (m *machine) onObserved(ev event) {
	if ev.gen != m.gen {
		return
	}
	m.observing = false
	for _, o := range ev.observed {
		if t := m.index[o.Item.Key()]; t != nil {
			m.note(t, o)
		}
	}
}

// note takes one reading of one item.
func (m *machine) note(t *track, o Observed) {
	before := t.obs
	t.obs, t.obsAt, t.seen, t.fresh = o, m.now, true, false
	if o.Owner != Unknown {
		t.read, t.readAt = true, m.now
	}
	if !m.want.Master {
		if o.Owner != Unknown {
			m.become(t, o.Owner, before)
		}
		t.err = o.Err
		return
	}
	switch o.Owner {
	case Unknown:
		m.penalize(t, o.Err)
	case Self:
		m.noteSelf(t, before)
	case Other, None:
		m.noteAway(t, o, before)
	}
}

// become records a change of owner.
func (m *machine) become(t *track, o Owner, before Observed) {
	if t.was == o {
		return
	}
	if t.was != Unknown || before.Owner != o {
		m.do(order{kind: doAudit, entry: AuditEntry{
			Op: "owner", Item: t.key, Outcome: o.String(),
			Before: auditSide(before), After: auditSide(t.obs),
		}})
	}
	t.was, t.since = o, m.now
}

func (m *machine) noteSelf(t *track, before Observed) {
	m.become(t, Self, before)
	t.tries, t.verify, t.writeAfter = 0, 0, 0
	t.wrote, t.blocked, t.would, t.suspected = false, false, false, false
	t.class, t.err = ClassDone, nil
	t.next = m.now + m.t.Drift
}

// noteAway decides whether a reading that says "not ours" is the truth, and
// may be answered by a write, or only old news.
func (m *machine) noteAway(t *track, o Observed, before Observed) {
	if t.was == Self {
		// Without versions, a lagging replica can contradict a write that was
		// seen to work. One more look tells it from a real loss.
		recent := t.wroteAt > 0 && m.now-t.wroteAt < m.t.VerifyWindow
		if o.Version == "" && recent && !t.suspected {
			t.suspected, t.next = true, m.now+m.t.VerifyWindow/10
			return
		}
		m.lose(t)
	} else if t.wrote && t.acked && o.Version != t.wroteOn {
		m.lose(t) // our write was overwritten before it was seen
	}
	t.suspected = false
	m.become(t, o.Owner, before)
	if t.wrote && t.acked && o.Version == t.wroteOn && m.now < t.wroteAt+m.t.VerifyWindow {
		t.next = m.now + m.t.Verify[min(t.verify, len(m.t.Verify)-1)]
		t.verify++
		return
	}
	t.wrote = false
	if err := m.untouchable(t, o); err != nil {
		t.blocked, t.err, t.class = true, err, ClassDenied
		t.next = m.now + m.jitter(m.t.Drift)
		return
	}
	if m.now < t.writeAfter {
		t.next = t.writeAfter
		return
	}
	// If writing is not allowed yet (guard, drain), look again before a plan.
	t.fresh, t.next = true, m.now+freshness
	if m.yielding {
		t.fresh, t.next = false, m.now+m.jitter(m.t.Drift)
	}
}

// Reasons to leave a route alone.
var (
	errThirdParty = errors.New("held by a third party, left alone")
	errDeleted    = errors.New("does not exist, not created")
)

func (m *machine) untouchable(t *track, o Observed) error {
	if t.item.Kind != Route {
		return nil
	}
	if o.Owner == None && o.Holder == "" && !t.item.Create {
		return fmt.Errorf("%s: %w", t.key, errDeleted)
	}
	if t.item.From != "" && o.Owner == Other && o.Holder != t.item.From {
		return fmt.Errorf("%s: %w: next hop is %s, expected %s", t.key, errThirdParty, o.Holder, t.item.From)
	}
	return nil
}

// lose counts the loss of a held item and recognises a fight with another
// claimant: the node of higher rank slows down, the lower one gives way.
func (m *machine) lose(t *track) {
	if t.obs.Owner != Other {
		return // detached, not taken: nobody to fight with
	}
	t.lost = append(t.lost, m.now)
	t.lost = slices.DeleteFunc(t.lost, func(at time.Duration) bool { return m.now-at > m.t.ContentionWindow })
	few := m.t.ContentionLosses
	if !m.want.Peer.Addr.IsValid() {
		few *= 2 // the other one may know that it is the lower
	}
	if len(t.lost) < few {
		return
	}
	if m.outranks(t) {
		t.writeAfter = t.wroteAt + m.t.ContentionPace
		return
	}
	m.yielding, m.yieldedUntil = true, m.now+m.t.Yield
	m.guard.again = m.now + m.t.Drift/2
	m.do(order{kind: doYield})
	m.do(order{kind: doAudit, entry: AuditEntry{Op: "yield", Item: t.key, Outcome: "yielded", After: auditSide(t.obs)}})
}

// outranks compares priority, then address, with the peer's last advert; when
// nothing was heard of the peer, the handles both nodes can see decide.
func (m *machine) outranks(t *track) bool {
	if m.want.Peer.Addr.IsValid() {
		return m.aboveThePeer()
	}
	nic, err := m.node.NICFor(t.item)
	return err == nil && strings.Compare(nic.ID, t.obs.Holder) > 0
}

// aboveThePeer says whether the last advert heard ranks below this node.
func (m *machine) aboveThePeer() bool {
	self, peer := m.want.Self, m.want.Peer
	if self.Priority != peer.Priority {
		return peer.Addr.IsValid() && self.Priority > peer.Priority
	}
	return peer.Addr.IsValid() && self.Addr.IsValid() && self.Addr.Compare(peer.Addr) > 0
}

func (m *machine) endYield() {
	m.yielding = false
	for _, t := range m.tracks {
		t.lost, t.next, t.fresh = nil, m.now, false
	}
	m.do(order{kind: doUnyield})
}

// penalize schedules the next look after a failed request, by class. See the table at [Class].
func (m *machine) penalize(t *track, err error) {
	t.err, t.class = err, ClassOf(err)
	var e *Error
	var hint time.Duration
	if errors.As(err, &e) {
		hint = e.Hint
	}
	t.tries++
	switch t.class {
	case ClassConflict, ClassOccupied:
		t.next = m.now
		if t.tries > 3 {
			t.next = m.now + m.backoff(t.tries-3)
		}
	case ClassBusy:
		if hint <= 0 {
			hint = m.t.HintMax / 5
		}
		t.next = m.now + min(hint, m.t.HintMax)
	case ClassThrottle:
		m.do(order{kind: doThrottled})
		t.next = m.now + max(m.backoff(t.tries), min(hint, m.t.BackoffMax))
	case ClassCredentials:
		m.renew(t)
	case ClassDenied, ClassLimit, ClassInvalid:
		t.blocked = true
		t.next = m.now + m.t.Blocked
	case ClassAbsent:
		t.blocked = t.tries > 1
		m.rediscover()
		t.next = m.now + m.backoff(t.tries)
	case ClassFenced:
		t.tries = 0
		t.next = m.now + m.t.BackoffMin*2
	case ClassDryRun:
		t.would, t.tries, t.err = true, 0, nil
		t.next = m.now + m.t.Drift
	default:
		t.next = m.now + m.backoff(t.tries)
	}
}

// renew asks for new credentials, but not more often than the vendor likes.
func (m *machine) renew(t *track) {
	if m.refreshing {
		t.next = m.now
		return
	}
	if m.canFresh && (!m.refreshed || m.now >= m.refreshAt+m.t.Refresh) {
		m.refreshing, m.refreshed, m.refreshAt = true, true, m.now
		t.next = m.now
		m.do(order{kind: doRefresh})
		return
	}
	t.blocked = true
	t.next = m.now + max(m.refreshAt+m.t.Refresh-m.now, m.backoff(t.tries))
}

// rediscover looks for this node's interfaces once more: one of them may have
// been replaced under us.
func (m *machine) rediscover() {
	if m.discovering || (m.absentAt > 0 && m.now < m.absentAt+m.t.Refresh) {
		return
	}
	m.absentAt, m.discoverAt = m.now, m.now
}
