// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// backupAdvert is "If an ADVERTISEMENT is received" of RFC 9568 §6.4.2, with
// keepalived's preempt delay.
func (r *Router) backupAdvert(a *Advertisement, src netip.Addr) {
	lower := a.Priority < r.priority()
	switch {
	case a.Priority == PriorityResign:
		r.masterResigned(src)
	case lower && r.preempts() && !r.waitsToPreempt():
		// Discarded: the timer runs on, and preemption follows when it ends.
		r.master = masterOf(a, src, r.now)
		r.master.Preempting = true
	default:
		r.accept(a, src)
		if !lower {
			r.timers.stop(timerPreempt)
			r.preemptOver = false
		}
	}
}

// masterResigned shortens the wait to Skew_Time (RFC 9568 §6.4.2). A second
// resignation does not make it longer again, or whoever repeats it could hold a
// BACKUP back for ever. Partners in a sync-group are told only when it was the
// MASTER that resigned.
func (r *Router) masterResigned(src netip.Addr) {
	r.resigned = true
	if at := r.now.Add(r.skew()); at.Before(r.timers[timerMasterDown]) {
		r.timers[timerMasterDown] = at
	}
	if !r.master.Address.IsValid() || r.master.Address == src {
		r.notice(NoticeMasterResigned, src, "")
	}
}

// waitsToPreempt reports whether the preempt delay still holds a lower MASTER
// in place. It starts when one is first heard.
func (r *Router) waitsToPreempt() bool {
	if r.cfg.PreemptDelay == 0 || r.preemptOver {
		return false
	}
	if !r.timers.armed(timerPreempt) {
		r.timers[timerPreempt] = r.now.Add(r.cfg.PreemptDelay)
		r.notice(NoticePreemptDelay, netip.Addr{}, r.cfg.PreemptDelay.String())
	}
	return true
}

// accept takes a as coming from the MASTER: a v3 router learns its interval,
// and the Master_Down_Timer starts again (RFC 9568 §6.4.2).
func (r *Router) accept(a *Advertisement, src netip.Addr) {
	if r.cfg.Version == V3 && r.interval != a.Interval {
		r.interval = a.Interval
		if a.Interval != r.cfg.Interval {
			r.notice(NoticeInterval, src, "its interval is "+a.Interval.String()+", ours "+r.cfg.Interval.String())
		}
	}
	r.master = masterOf(a, src, r.now)
	r.claims, r.resigned, r.listening = false, false, false
	r.timers[timerMasterDown] = r.now.Add(r.masterDownInterval())
}

func masterOf(a *Advertisement, src netip.Addr, now time.Time) MasterInfo {
	return MasterInfo{Address: src, Priority: a.Priority, Interval: a.Interval, LastHeard: now}
}

// masterDown is the Master_Down_Timer (RFC 9568 §6.4.2). After a
// wake-up more than one interval late the router listens once more, for an
// interval and its skew: whoever took over while it was stalled is heard then.
func (r *Router) masterDown(late time.Duration) {
	if late > r.interval && !r.listening {
		r.listening = true
		r.stalled(late)
		r.timers[timerMasterDown] = r.now.Add(r.interval + r.skew())
		return
	}
	cause := r.downCause()
	if !r.cfg.Grouped {
		r.becomeMaster(Cause{Code: cause})
		return
	}
	r.claims = true
	r.timers[timerMasterDown] = r.now.Add(r.masterDownInterval())
	if r.verdict == VerdictMaster {
		r.becomeMaster(Cause{CauseGroup, string(cause)})
	}
}

// downCause says why the wait for the MASTER is over.
func (r *Router) downCause() CauseCode {
	switch {
	case r.resigned:
		return CauseMasterResigned
	case r.master.Preempting:
		return CausePreempted
	case r.owns():
		return CauseOwner
	}
	return CauseMasterDown
}

// stalled tells that a timer fired more than one interval late.
func (r *Router) stalled(late time.Duration) {
	r.counters.LateWakeups++
	r.counters.MaxLateness = max(r.counters.MaxLateness, late)
	detail := "a timer fired " + late.String() + " late"
	if r.slept > 0 {
		detail += ": the machine was suspended for " + r.slept.String()
	}
	r.notice(NoticeStalled, netip.Addr{}, detail)
}

// suspended makes up for a clock that stood still. What is overdue then is
// late, and is dealt with as after any other stall.
func (r *Router) suspended(d time.Duration) {
	r.counters.Suspensions++
	r.counters.SuspendedFor += d
	r.slept += d
	r.timers.forward(d)
	if !r.asideUntil.IsZero() {
		r.asideUntil = r.asideUntil.Add(-d)
	}
}
