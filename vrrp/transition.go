// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// start is the Startup event of RFC 9568 §6.4.1, held back by the start delay.
func (r *Router) start() {
	if r.running {
		return
	}
	r.running = true
	if r.unable() || r.heldByGroup() {
		r.enterFault()
		return
	}
	r.beginAfterDelay(CauseStarted)
}

// beginAfterDelay begins at once, or waits in INIT for the start delay.
func (r *Router) beginAfterDelay(cause CauseCode) {
	if r.cfg.StartDelay == 0 {
		r.begin(cause)
		return
	}
	r.timers[timerStart] = r.now.Add(r.cfg.StartDelay)
	if r.state != Init {
		r.setState(Init, Cause{CauseStartDelay, r.cfg.StartDelay.String()})
	}
}

// begin is RFC 9568 §6.4.1: an address owner becomes MASTER, everyone else
// BACKUP. A grouped owner claims and leaves the rest to its group.
func (r *Router) begin(cause CauseCode) {
	claims := r.owns() && !r.aside()
	if claims && !r.cfg.Grouped {
		r.becomeMaster(Cause{Code: CauseOwner})
		return
	}
	r.becomeBackup(Cause{Code: cause})
	r.claims = claims
}

// owns reports whether the router is an address owner that need not wait.
func (r *Router) owns() bool { return r.priority() == PriorityOwner && !r.cfg.OwnerWaits }

// stop is the Shutdown event (RFC 9568 §6.4.2, §6.4.3). A release that is
// outstanding is ordered at once: this may be the last that is heard of us.
func (r *Router) stop() {
	if r.timers.armed(timerRelease) {
		r.orderOwnership(false)
	}
	if !r.running {
		return
	}
	r.leaveMaster(resigning)
	r.running = false
	r.timers = timers{}
	r.ownership = ownership{id: r.ownership.id}
	r.asideUntil, r.master = time.Time{}, MasterInfo{}
	if r.state != Init {
		r.setState(Init, Cause{Code: CauseStopped})
	}
}

// settleFaults moves into and out of FAULT as the live faults, and for a
// grouped router its group, say.
func (r *Router) settleFaults(cleared CauseCode) {
	if !r.running {
		return
	}
	faulty := r.unable() || r.heldByGroup()
	switch {
	case faulty && r.state != Fault:
		r.enterFault()
	case !faulty && r.state == Fault:
		r.beginAfterDelay(cleared)
	}
}

func (r *Router) enterFault() {
	r.leaveMaster(resigning)
	r.timers.stop(timerStart, timerMasterDown, timerPreempt)
	r.master = MasterInfo{}
	r.setState(Fault, Cause{CauseFault, r.liveFaults()[0]})
}

// becomeMaster is the transition of RFC 9568 §6.4.1 (the owner) and §6.4.2
// (Master_Down_Timer): the advert goes out first, so that others yield while
// the addresses are being added.
func (r *Router) becomeMaster(cause Cause) {
	r.timers.stop(timerMasterDown, timerPreempt, timerRetry)
	r.counters.BecameMaster++
	r.claims = true
	r.reports.renew()
	r.interval = r.cfg.Interval
	before := r.master
	r.master = MasterInfo{Address: r.source(), Priority: r.priority(), Interval: r.cfg.Interval}
	r.sendAdvert(r.priority())
	r.timers[timerAdvert] = r.now.Add(r.cfg.Interval)
	r.orderOwnership(true)
	r.announce(r.cfg.Announce.Repeat, 5)
	r.startIf(timerAnnounce, r.cfg.Announce.Delay)
	r.startIf(timerRefresh, r.cfg.Announce.Refresh)
	r.startIf(timerElsewhere, r.cfg.Announce.Elsewhere)
	r.enter(Master, cause, before)
}

// startIf starts a timer of a MASTER, or stops it when d is zero.
func (r *Router) startIf(t timer, d time.Duration) {
	r.timers.stop(t)
	if d > 0 {
		r.timers[t] = r.now.Add(d)
	}
}

// becomeBackup enters BACKUP, not from MASTER unless [Router.leaveMaster] has
// been called, with a full Master_Down_Interval of its own ahead.
func (r *Router) becomeBackup(cause Cause) {
	r.interval = r.cfg.Interval
	r.claims, r.preemptOver, r.resigned, r.listening = false, false, false, false
	r.timers.stop(timerStart, timerPreempt)
	r.timers[timerMasterDown] = r.now.Add(r.masterDownInterval())
	r.setState(Backup, cause)
}

// leaving says whether a MASTER tells the others that it leaves.
type leaving bool

const (
	silently  leaving = false // someone better is there already
	resigning leaving = true  // priority 0: they wait Skew_Time only (RFC 9568 §6.4.3)
)

// leaveMaster stops what only a MASTER does; in other states it does nothing.
func (r *Router) leaveMaster(how leaving) {
	if r.state != Master {
		return
	}
	if how == resigning {
		r.sendAdvert(PriorityResign)
		r.counters.PriorityZeroSent++
	}
	r.counters.ReleasedMaster++
	r.timers.stop(timerAdvert, timerAnnounce, timerRefresh, timerElsewhere, timerLower)
	r.orderOwnership(false)
	r.master = MasterInfo{}
}

func (r *Router) setState(to State, cause Cause) { r.enter(to, cause, MasterInfo{}) }

func (r *Router) enter(to State, cause Cause, before MasterInfo) {
	from := r.state
	r.state, r.since = to, r.now
	r.counters.Transitions++
	r.do(ReportTransition{From: from, To: to, Cause: cause, Priority: r.priority(), Before: before})
}

// obey carries out the sync-group's ruling.
func (r *Router) obey(v Verdict) {
	r.verdict = v
	if !r.running || !r.cfg.Grouped {
		return
	}
	r.settleFaults(CauseGroup)
	switch {
	case v == VerdictMaster && r.state == Backup:
		r.becomeMaster(Cause{CauseGroup, string(r.downCause())})
	case v == VerdictBackup && r.state == Master:
		r.yieldToGroup()
	}
}

// yieldToGroup gives up mastership because another member had to. If that was
// a stall, this member has stalled too and does as it would have done alone.
func (r *Router) yieldToGroup() {
	if late, asleep := r.overslept(); asleep {
		r.advertDue(late)
		return
	}
	r.leaveMaster(resigning)
	r.becomeBackup(Cause{Code: CauseGroup})
}

// castVote tells the group when this member's say has changed.
func (r *Router) castVote() {
	if !r.cfg.Grouped {
		return
	}
	v := VoteYield
	switch {
	case r.running && r.unable():
		v = VoteUnable
	case r.claims && (r.state == Master || r.state == Backup):
		v = VoteClaim
	}
	if v != r.vote {
		r.vote = v
		r.do(CastVote{Vote: v})
	}
}

// hurry shortens the wait of a grouped BACKUP whose partner heard the MASTER
// resign: a MASTER that is alive on this segment too is heard within one
// interval and restores the full wait, so this can end a silence early but
// not displace anyone.
func (r *Router) hurry() {
	if r.state != Backup || !r.cfg.Grouped || r.cfg.WaitsForSlowMember || r.claims {
		return
	}
	heard := r.master.LastHeard
	if heard.IsZero() {
		heard = r.since
	}
	at := heard.Add(r.interval + r.skew())
	if soonest := r.now.Add(r.skew()); at.Before(soonest) {
		at = soonest
	}
	if at.Before(r.timers[timerMasterDown]) {
		r.timers[timerMasterDown] = at
		r.resigned = true
	}
}

// stepAside is a manual failover: give up mastership, and take it back before
// until only when nobody is heard for a full Master_Down_Interval.
func (r *Router) stepAside(until time.Time) {
	if !r.running {
		return
	}
	r.asideUntil = until
	r.claims = false
	switch r.state {
	case Master:
		r.leaveMaster(resigning)
		r.becomeBackup(Cause{Code: CauseStepAside})
	case Backup:
		r.timers[timerMasterDown] = r.now.Add(r.masterDownInterval())
	case Init, Fault:
	}
}

// reconfigure takes over a configuration of the same identity; what is live
// changes without a transition, and a MASTER keeps its advert schedule.
func (r *Router) reconfigure(c Config) {
	old := r.cfg
	if err := c.Validate(); err != nil || c.ID != old.ID || c.Version != old.Version || c.Unicast() != old.Unicast() {
		panic("vrrp: reconfigured to another router or an invalid one")
	}
	down, priority, addresses := r.masterDownInterval(), r.priority(), string(r.own.raw)
	r.configure(c)
	r.priorityChanged(priority)
	if !c.Grouped {
		r.verdict = VerdictBackup
	}
	// A v3 BACKUP goes by the interval of the MASTER it hears.
	if c.Version == V2 || r.master.LastHeard.IsZero() || r.master.Preempting {
		r.interval = c.Interval
	}
	r.timers.bringForward(timerStart, r.now.Add(c.StartDelay))
	r.timers.bringForward(timerPreempt, r.now.Add(c.PreemptDelay))
	switch r.state {
	case Master:
		r.reconfigureMaster(&old, addresses)
	case Backup:
		r.adjustMasterDown(down)
	case Init, Fault:
	}
	r.settleFaults(CauseFaultCleared)
}

// reconfigureMaster gives the host the new addresses. A shorter interval
// holds at once, a longer one from the next advert.
func (r *Router) reconfigureMaster(old *Config, oldAddresses string) {
	r.timers.bringForward(timerAdvert, r.now.Add(r.cfg.Interval))
	if d := r.cfg.Announce.Refresh; d != old.Announce.Refresh {
		r.startIf(timerRefresh, d)
	}
	if d := r.cfg.Announce.Elsewhere; d != old.Announce.Elsewhere {
		r.startIf(timerElsewhere, d)
	}
	r.orderOwnership(true)
	if oldAddresses != string(r.own.raw) {
		r.announce(r.cfg.Announce.Repeat, 5)
	}
}

// adjustMasterDown follows a change of Master_Down_Interval: a longer one
// adds the difference, because the MASTER may have slowed down already; a
// shorter one never asks for more than itself. A wait that is not for
// Master_Down_Interval stays.
func (r *Router) adjustMasterDown(before time.Duration) {
	if r.resigned || r.listening {
		return
	}
	after := r.masterDownInterval()
	if after > before {
		r.timers[timerMasterDown] = r.timers[timerMasterDown].Add(after - before)
	}
	r.timers.bringForward(timerMasterDown, r.now.Add(after))
}

// restoreOwnership answers the removal of an owned address by something else:
// order it back and announce it, without a transition.
func (r *Router) restoreOwnership(detail string) {
	if r.state != Master {
		return
	}
	r.counters.OwnershipLost++
	r.notice(NoticeOwnershipLost, netip.Addr{}, detail)
	r.orderOwnership(true)
	r.announce(r.cfg.Announce.Repeat, 5)
}
