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
	if faults := r.liveFaults(); len(faults) > 0 {
		r.enterFault(faults)
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
	owner := r.priority() == PriorityOwner && !r.cfg.OwnerWaits
	if owner && !r.cfg.Grouped {
		r.becomeMaster(Cause{Code: CauseOwner})
		return
	}
	r.interval = r.cfg.Interval
	r.becomeBackup(Cause{Code: cause})
	r.claims = owner
}

// stop is the Shutdown event (RFC 9568 §6.4.2, §6.4.3).
func (r *Router) stop() {
	if !r.running {
		return
	}
	r.leaveMaster(true)
	r.running = false
	r.timers = timers{}
	r.ownership = ownership{id: r.ownership.id}
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
	faults := r.liveFaults()
	if r.cfg.Grouped && r.verdict == VerdictFault {
		faults = append(faults, "sync group")
	}
	switch {
	case len(faults) > 0 && r.state != Fault:
		r.enterFault(faults)
	case len(faults) == 0 && r.state == Fault:
		r.beginAfterDelay(cleared)
	}
}

func (r *Router) enterFault(faults []string) {
	r.leaveMaster(true)
	r.timers.stop(timerStart, timerMasterDown, timerPreempt)
	r.setState(Fault, Cause{CauseFault, faults[0]})
}

// becomeMaster is the transition of RFC 9568 §6.4.1 (110)-(150) and §6.4.2
// (305)-(345): the advert goes out first, so that others yield while the
// addresses are being added.
func (r *Router) becomeMaster(cause Cause) {
	r.timers.stop(timerMasterDown, timerPreempt, timerRetry)
	r.counters.BecameMaster++
	r.claims, r.resigned, r.listening = true, false, false
	r.master = MasterInfo{Address: r.source(), Priority: r.priority(), Interval: r.cfg.Interval}
	r.sendAdvert(r.priority())
	r.timers[timerAdvert] = r.now.Add(r.cfg.Interval)
	r.orderOwnership(true)
	r.announce(r.cfg.Announce.Repeat, 5)
	if d := r.cfg.Announce.Delay; d > 0 {
		r.timers[timerAnnounce] = r.now.Add(d)
	}
	if d := r.cfg.Announce.Refresh; d > 0 {
		r.timers[timerRefresh] = r.now.Add(d)
	}
	r.setState(Master, cause)
}

// becomeBackup enters BACKUP with a full Master_Down_Interval ahead.
func (r *Router) becomeBackup(cause Cause) {
	r.leaveMaster(false)
	r.claims, r.preemptOver, r.resigned, r.listening = false, false, false, false
	r.timers.stop(timerStart, timerPreempt)
	r.timers[timerMasterDown] = r.now.Add(r.masterDownInterval())
	r.setState(Backup, cause)
}

// leaveMaster stops what only a MASTER does. With resign it tells the others
// by priority 0 first, so that they wait Skew_Time only (RFC 9568 §6.4.3).
func (r *Router) leaveMaster(resign bool) {
	if r.state != Master {
		return
	}
	if resign {
		r.sendAdvert(PriorityResign)
		r.counters.PriorityZeroSent++
	}
	r.counters.ReleasedMaster++
	r.timers.stop(timerAdvert, timerAnnounce, timerRefresh, timerLower)
	r.claims = false
	r.orderOwnership(false)
	r.master = MasterInfo{}
	r.interval = r.cfg.Interval
}

func (r *Router) setState(to State, cause Cause) {
	from := r.state
	r.state, r.since = to, r.now
	if from == to {
		return
	}
	r.counters.Transitions++
	r.do(ReportTransition{From: from, To: to, Cause: cause, Priority: r.priority()})
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
		r.leaveMaster(true)
		r.becomeBackup(Cause{Code: CauseGroup})
	}
}

// castVote tells the group when this member's say has changed.
func (r *Router) castVote() {
	if !r.cfg.Grouped {
		return
	}
	v := VoteYield
	switch {
	case r.running && len(r.liveFaults()) > 0:
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
		r.leaveMaster(true)
		r.becomeBackup(Cause{CauseStepAside, ""})
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
	oldAddresses := string(r.own.raw)
	r.configure(c)
	if !c.Grouped {
		r.verdict = VerdictBackup
	}
	if old.Interval != c.Interval && (c.Version == V2 || r.master.LastHeard.IsZero()) {
		r.interval = c.Interval
	}
	switch r.state {
	case Master:
		if at := r.now.Add(c.Interval); at.Before(r.timers[timerAdvert]) {
			r.timers[timerAdvert] = at
		}
		if c.Announce.Refresh != old.Announce.Refresh {
			r.timers.stop(timerRefresh)
			if c.Announce.Refresh > 0 {
				r.timers[timerRefresh] = r.now.Add(c.Announce.Refresh)
			}
		}
		r.orderOwnership(true)
		if oldAddresses != string(r.own.raw) {
			r.announce(c.Announce.Repeat, 5)
		}
	case Backup:
		if at := r.now.Add(r.masterDownInterval()); at.Before(r.timers[timerMasterDown]) {
			r.timers[timerMasterDown] = at
		}
	case Init:
		if at := r.now.Add(c.StartDelay); r.timers.armed(timerStart) && at.Before(r.timers[timerStart]) {
			r.timers[timerStart] = at
		}
	case Fault:
	}
	r.settleFaults(CauseFaultCleared)
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
