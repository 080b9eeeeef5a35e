// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func grouped(c *vrrp.Config) { c.Grouped = true }

func (l *lab) rules(v vrrp.Verdict) []string { return l.do(vrrp.VerdictReached{Verdict: v}) }

// A grouped router claims instead of taking over, again and again, and takes
// back its claim when it hears somebody.
func TestGroupedVotes(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		down := d.down(100, time.Second)
		l := backup(t, d, 100, grouped)
		l.did(l.fire(), "vote claim")
		l.is(vrrp.Backup)
		l.due(down)
		l.did(l.fire())
		l.due(down)
		l.did(l.hear(1, 99)) // lower: it would preempt
		l.did(l.hear(1, 200), "vote yield")
		l.due(down)
		l.did(l.hear(1, 0), "notice master_resigned")
		l.due(d.skew(100, time.Second))
		l.did(l.fire(), "vote claim")
		if l.r.Vote() != vrrp.VoteClaim || l.r.Status().Vote != vrrp.VoteClaim {
			t.Errorf("vote %v", l.r.Vote())
		}
		l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}}), "BACKUP -> FAULT: fault", "vote unable")
		l.did(l.do(vrrp.FaultsChanged{}), "FAULT -> BACKUP: fault cleared", "vote yield")
		l.fire()
		l.did(l.do(vrrp.Stopped{}), "BACKUP -> INIT: stopped", "vote yield")
		l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}})) // not running: no say
	})
}

func TestGroupedVerdicts(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 100, grouped)
		l.did(l.rules(vrrp.VerdictBackup))
		l.fire()
		l.did(l.rules(vrrp.VerdictMaster), promotion(100, vrrp.Backup, vrrp.CauseGroup)...)
		l.did(l.rules(vrrp.VerdictMaster))
		l.did(l.rules(vrrp.VerdictBackup), "advert 0", "release", "MASTER -> BACKUP: sync group", "vote yield")
		l.due(d.down(100, time.Second))
		l.did(l.rules(vrrp.VerdictFault), "BACKUP -> FAULT: fault")
		l.did(l.do(vrrp.FaultsChanged{})) // its own are not the point
		l.is(vrrp.Fault)
		l.did(l.rules(vrrp.VerdictMaster), "FAULT -> BACKUP: sync group", "advert 100", "own", "announce x5",
			"BACKUP -> MASTER: sync group", "vote claim")
		// Better heard: BACKUP at once, and the vote tells the others.
		l.did(l.hear(1, 200), "release", "MASTER -> BACKUP: better master", "vote yield")
		// The verdict has not been changed yet: the claim carries on at once.
		l.did(l.fire(), append(promotion(100, vrrp.Backup, vrrp.CauseGroup), "vote claim")...)
	})
}

// A verdict told before the start holds at the start.
func TestGroupedStart(t *testing.T) {
	l := newLab(t, v3IPv4, 100, grouped)
	l.did(l.rules(vrrp.VerdictFault))
	l.did(l.do(vrrp.Started{}), "INIT -> FAULT: fault")
	if f := l.r.Status().Faults; len(f) != 1 || f[0] != "sync group" {
		t.Errorf("faults %q", f)
	}
	// Its own fault goes before the group's.
	l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}}), "vote unable")
	if f := l.r.Status().Faults; len(f) != 1 || f[0] != "x" {
		t.Errorf("faults %q", f)
	}
	l.did(l.do(vrrp.FaultsChanged{}), "vote yield")
	l.did(l.rules(vrrp.VerdictBackup), "FAULT -> BACKUP: sync group")

	l = newLab(t, v3IPv4, 255, grouped)
	l.did(l.do(vrrp.Started{}), "INIT -> BACKUP: started", "vote claim")
	l = newLab(t, v3IPv4, 255, grouped, func(c *vrrp.Config) { c.OwnerWaits = true })
	l.did(l.do(vrrp.Started{}), "INIT -> BACKUP: started")

	// In INIT by the start delay it yields; the group's FAULT ends the delay.
	l = newLab(t, v3IPv4, 255, grouped, func(c *vrrp.Config) { c.StartDelay = time.Minute })
	l.did(l.do(vrrp.Started{}))
	l.did(l.rules(vrrp.VerdictFault), "INIT -> FAULT: fault")
	l.idle()
}

// Without a group verdicts are noted and no more.
func TestUngroupedVerdicts(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.did(l.rules(vrrp.VerdictFault))
	l.did(l.do(vrrp.PartnerResigned{}))
	l.is(vrrp.Master)
	l = backup(t, v3IPv4, 100)
	l.did(l.do(vrrp.PartnerResigned{}))
	l.due(v3IPv4.down(100, time.Second))
}

// PartnerResigned: one interval and skew from the last advert, at least the
// skew from now, and never later than before.
func TestPartnerResigned(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		skew, down := d.skew(100, time.Second), d.down(100, time.Second)
		for _, tc := range []struct{ since, want time.Duration }{
			{0, time.Second + skew},
			{300 * time.Millisecond, 700*time.Millisecond + skew},
			{time.Second, skew},
			{2 * time.Second, skew},
			{3 * time.Second, skew},
			{3*time.Second + skew/2, skew / 2},
		} {
			for _, heard := range []bool{true, false} {
				l := backup(t, d, 100, grouped)
				if heard {
					l.wait(time.Second).hear(1, 200)
				}
				l.wait(tc.since)
				l.did(l.do(vrrp.PartnerResigned{}))
				l.due(tc.want)
				l.did(l.do(vrrp.PartnerResigned{})) // a repeated one changes nothing
				l.due(tc.want)
				l.did(l.hear(1, 200)) // it is alive here
				l.due(down)
			}
		}
		// A v3 MASTER's own interval counts.
		if d.version == vrrp.V3 {
			l := backup(t, d, 100, grouped)
			l.hearEvery(1, 200, 3*time.Second)
			l.do(vrrp.PartnerResigned{})
			l.due(3*time.Second + d.skew(100, 3*time.Second))
		}
	})
}

func TestPartnerResignedIgnored(t *testing.T) {
	// One that claims already has nothing to hurry.
	l := backup(t, v3IPv4, 100, grouped)
	l.fire()
	l.did(l.do(vrrp.PartnerResigned{}))
	l.due(v3IPv4.down(100, time.Second))
	// keepalived's rule.
	l = backup(t, v3IPv4, 100, grouped, func(c *vrrp.Config) { c.WaitsForSlowMember = true })
	l.do(vrrp.PartnerResigned{})
	l.due(v3IPv4.down(100, time.Second))
	// A cause of its own.
	l = backup(t, v3IPv4, 100, grouped)
	l.do(vrrp.PartnerResigned{})
	l.fire()
	for _, a := range l.r.Step(l.now, vrrp.VerdictReached{Verdict: vrrp.VerdictMaster}) {
		if tr, ok := a.(vrrp.ReportTransition); ok && tr.Cause.Detail != string(vrrp.CauseMasterResigned) {
			t.Errorf("cause %v", tr.Cause)
		}
	}
	for _, s := range []vrrp.State{vrrp.Init, vrrp.Master, vrrp.Fault} {
		l := in(t, v3IPv4, s)
		before, _ := l.r.Deadline()
		l.did(l.do(vrrp.PartnerResigned{}))
		if after, _ := l.r.Deadline(); !after.Equal(before) {
			t.Errorf("%v: deadline %v, was %v", s, after, before)
		}
	}
}

// A member that is told to yield after a stall listens, as if it had noticed
// the stall itself.
func TestGroupedStall(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		promoted := func() *lab {
			l := backup(t, d, 100, grouped)
			l.fire()
			l.rules(vrrp.VerdictMaster)
			return l
		}
		down := d.down(100, time.Second)
		l := promoted()
		l.wait(time.Second + down)
		l.did(l.rules(vrrp.VerdictBackup), "advert 0", "release", "MASTER -> BACKUP: sync group", "vote yield")
		l.due(down)
		l = promoted()
		l.wait(time.Second + down + 1)
		l.did(l.rules(vrrp.VerdictBackup), "notice late_wakeup", "release", "MASTER -> BACKUP: stalled", "vote yield")
		l.due(time.Second + d.skew(100, time.Second))
		l.did(l.fire(), "vote claim")
	})
}
