// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

var (
	errHost = errors.New("operation not permitted")
	v3IPv4  = dialect{vrrp.V3, vrrp.IPv4}
)

func TestStartDelay(t *testing.T) {
	delayed := func(c *vrrp.Config) { c.StartDelay = 10 * time.Second }
	both(t, func(t *testing.T, d dialect) {
		l := newLab(t, d, 255, delayed)
		l.did(l.do(vrrp.Started{}))
		l.is(vrrp.Init)
		l.due(10 * time.Second)
		if st := l.r.Status(); !st.StartDelayed.Equal(l.now.Add(10 * time.Second)) {
			t.Errorf("held until %v", st.StartDelayed)
		}
		l.did(l.fire(), promotion(255, vrrp.Init, vrrp.CauseOwner)...)
		l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}}), "advert 0", "release", "MASTER -> FAULT: fault")
		l.idle()
		l.did(l.do(vrrp.FaultsChanged{}), "FAULT -> INIT: start delay")
		l.due(10 * time.Second)
		l.did(l.do(vrrp.Stopped{}))
		l.idle()
	})
}

func TestPreemptDelay(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 200, func(c *vrrp.Config) { c.PreemptDelay = 2 * time.Second })
		l.did(l.hear(1, 100), "notice preempt_delay_started")
		l.due(2 * time.Second)
		l.did(l.wait(time.Second).hear(1, 100)) // accepted meanwhile
		l.did(l.fire())
		l.due(d.down(200, time.Second) - time.Second)
		l.did(l.hear(1, 100)) // not any more
		l.due(d.down(200, time.Second) - time.Second)
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CausePreempted)...)

		// An advert of equal rank ends the delay, and the next lower one starts it anew.
		l = backup(t, d, 200, func(c *vrrp.Config) { c.PreemptDelay = 2 * time.Second })
		l.hear(1, 100)
		l.wait(time.Second).hear(2, 200)
		l.due(d.down(200, time.Second))
		l.did(l.wait(time.Second).hear(1, 100), "notice preempt_delay_started")
		l.due(2 * time.Second)
		l.fire()
		l.hear(2, 200)
		l.did(l.hear(1, 100), "notice preempt_delay_started")

		// No delay without a MASTER to displace.
		l = backup(t, d, 200, func(c *vrrp.Config) { c.PreemptDelay = 1000 * time.Second })
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CauseMasterDown)...)
	})
}

// A BACKUP that wakes up more than an interval late listens once more.
func TestStalledBackup(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		down := d.down(100, time.Second)
		l := backup(t, d, 100)
		l.wait(down + time.Second)
		l.did(l.do(vrrp.TimerExpired{}), promotion(100, vrrp.Backup, vrrp.CauseMasterDown)...)

		l = backup(t, d, 100)
		l.wait(down + time.Second + 1)
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup")
		l.due(time.Second + d.skew(100, time.Second))
		if c := l.r.Status().Counters; c.LateWakeups != 1 || c.MaxLateness != time.Second+1 {
			t.Errorf("counted %d, at most %v", c.LateWakeups, c.MaxLateness)
		}
		l.wait(time.Minute) // once is enough
		l.did(l.do(vrrp.TimerExpired{}), promotion(100, vrrp.Backup, vrrp.CauseMasterDown)...)

		// Somebody is there: the next silence is judged anew.
		l = backup(t, d, 100)
		l.wait(time.Minute)
		l.do(vrrp.TimerExpired{})
		l.hear(1, 200)
		l.due(down)
		l.wait(time.Minute)
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup")
	})
}

// A MASTER that wakes up past its own Master_Down_Interval listens first.
func TestStalledMaster(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		down := d.down(100, time.Second)
		l := master(t, d, 100)
		l.wait(2*time.Second + 1)
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup", "advert 100")
		l.due(time.Second - 1)

		l = master(t, d, 100)
		l.wait(time.Second + down)
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup", "advert 100")

		l = master(t, d, 100)
		l.wait(time.Second + down + 1)
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup", "release", "MASTER -> BACKUP: stalled")
		l.due(time.Second + d.skew(100, time.Second))
		l.wait(time.Minute)
		l.did(l.do(vrrp.TimerExpired{}), promotion(100, vrrp.Backup, vrrp.CauseMasterDown)...)
	})
}

// What lay in the socket was sent by who has replaced it: a MASTER that slept
// past its own Master_Down_Interval does not answer as if it still were one.
func TestStalledMasterHearsItsReplacement(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := master(t, d, 200)
		l.wait(time.Second + d.down(200, time.Second) + 1)
		l.did(l.hear(1, 100), "notice late_wakeup", "release", "MASTER -> BACKUP: stalled")
		l.due(time.Second + d.skew(200, time.Second))
		l.did(l.hear(1, 100))
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CausePreempted)...)
	})
}

// A clock that stood still is made up for: everything is due earlier, and what
// is overdue is late as after any other stall.
func TestSuspended(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		down := d.down(100, time.Second)
		l := backup(t, d, 100)
		l.did(l.do(vrrp.Suspended{For: time.Second}))
		l.due(down - time.Second)
		l.did(l.do(vrrp.Suspended{For: down + 1}))
		l.did(l.do(vrrp.TimerExpired{}), "notice late_wakeup")
		l.due(time.Second + d.skew(100, time.Second))
		if c := l.r.Status().Counters; c.Suspensions != 2 || c.SuspendedFor != down+time.Second+1 || c.MaxLateness != time.Second+1 {
			t.Errorf("counters %+v", c)
		}

		l = master(t, d, 100)
		l.do(vrrp.Suspended{For: time.Hour})
		stalled := l.r.Step(l.now, vrrp.TimerExpired{})
		if n, ok := stalled[0].(vrrp.ReportNotice); !ok || n.Detail != "a timer fired 59m59s late: the machine was suspended for 1h0m0s" {
			t.Errorf("%v", stalled[0])
		}
		l.is(vrrp.Backup)
		l.wait(time.Hour)
		stalled = l.r.Step(l.now, vrrp.TimerExpired{})
		if n, ok := stalled[0].(vrrp.SendAdvert); !ok {
			t.Errorf("%v: it has listened", n)
		}

		// A manual failover ends when it was said to.
		l = master(t, d, 100)
		l.do(vrrp.SteppedAside{Until: l.now.Add(time.Hour)})
		l.do(vrrp.Suspended{For: time.Minute})
		if until := l.r.Status().AsideUntil; !until.Equal(l.now.Add(59 * time.Minute)) {
			t.Errorf("aside until %v", until.Sub(l.now))
		}
		l.do(vrrp.Suspended{For: time.Hour})
		if until := l.r.Status().AsideUntil; !until.IsZero() {
			t.Errorf("aside until %v", until.Sub(l.now))
		}

		// Nothing runs that could be late.
		l = newLab(t, d, 100)
		l.did(l.do(vrrp.Suspended{For: time.Hour}))
		l.idle()
	})
}

// What has been in the socket is heard before the timers: whatever it is, and
// however late, it must not be taken for a bug.
func TestLateEvents(t *testing.T) {
	events := []vrrp.Event{
		vrrp.Started{},
		vrrp.FaultsChanged{},
		vrrp.PriorityChanged{Effective: 9},
		vrrp.SourceChanged{},
		vrrp.PacketRefused{Reason: vrrp.RefusedChecksum},
		vrrp.ActionFinished{ID: 99},
		vrrp.ActionFinished{ID: 1},
		vrrp.PartnerResigned{},
		vrrp.VerdictReached{Verdict: vrrp.VerdictBackup},
		vrrp.OwnershipLost{},
	}
	both(t, func(t *testing.T, d dialect) {
		for _, ev := range events {
			for _, start := range []func(*testing.T, dialect, uint8, ...func(*vrrp.Config)) *lab{backup, master} {
				l := start(t, d, 100)
				before := l.r.State()
				l.wait(time.Hour).do(ev)
				l.is(before)
				l.did(l.do(&vrrp.PacketRefused{Reason: vrrp.RefusedLength}), "refused length")
			}
		}
	})
}

// The answers to lower adverts are bounded: two routers that both think
// themselves better must not answer each other at the speed of the network.
func TestAnswersAreBounded(t *testing.T) {
	l := master(t, v3IPv4, 100)
	answers := 0
	for range 1000 {
		l.wait(time.Millisecond)
		if at, _ := l.r.Deadline(); !at.After(l.now) {
			l.do(vrrp.TimerExpired{})
		}
		if slices.Contains(l.hear(60, 99), "advert 100") {
			answers++
		}
	}
	if answers != 9 {
		t.Errorf("%d answers in a second, want 9", answers)
	}
	// A tenth of an interval after the last one, exactly.
	l = master(t, v3IPv4, 100)
	l.wait(100*time.Millisecond - 1)
	l.did(l.hear(60, 99), "notice lower_priority_advert")
	l.wait(1)
	l.did(l.hear(60, 99), "notice lower_priority_advert", "advert 100")
}

func TestHigherSendsAdvert(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := master(t, d, 100, func(c *vrrp.Config) { c.HigherSendsAdvert = true })
		l.did(l.hear(1, 200), "advert 100", "release", "MASTER -> BACKUP: better master")
	})
}

// Two owners: the greater address stays MASTER, and both raise the alarm.
func TestSecondOwner(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := newLab(t, d, 255)
		l.do(vrrp.Started{})
		l.wait(time.Second / 2)
		l.did(l.hear(1, 255), "notice second_owner", "notice lower_priority_advert", "advert 255")
		l.did(l.hear(99, 255), "notice second_owner", "release", "MASTER -> BACKUP: better master")
		l.did(l.fire(), promotion(255, vrrp.Backup, vrrp.CauseOwner)...)
		// A lower router's claim to own is no second owner.
		l = master(t, d, 100)
		l.did(l.hear(1, 255), "release", "MASTER -> BACKUP: better master")
	})
}

// Two nodes with one source address refuse each other; a MASTER says that
// there are two of them.
func TestSameSource(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		l.did(l.hear(50, 200), "refused own_packet")
		l.fire()
		l.wait(11 * time.Second).do(vrrp.TimerExpired{})
		l.fire()
		l.is(vrrp.Master)
		l.did(l.hear(50, 200), "refused own_packet", "notice configuration_mismatch")
		l.did(l.hear(50, 200))
		if n := l.r.Status().Counters.Refused[vrrp.RefusedOwnPacket]; n != 3 {
			t.Errorf("counted %d", n)
		}
	})
}

// Announcements: one burst on promotion, then as configured.
func TestAnnouncements(t *testing.T) {
	l := master(t, v3IPv4, 100, func(c *vrrp.Config) {
		c.Interval = 40 * time.Second
		c.Announce = vrrp.Announcing{
			Repeat: 3, Delay: 5 * time.Second, Refresh: 7 * time.Second, RefreshRepeat: 2, LowerRepeat: 4, LowerDelay: time.Second,
		}
	})
	l.due(5 * time.Second)
	l.did(l.fire(), "announce x3")
	l.due(2 * time.Second)
	l.did(l.fire(), "announce x2")
	l.due(7 * time.Second)
	l.wait(8 * time.Second)
	l.did(l.do(vrrp.TimerExpired{}), "announce x2") // late: the schedule stays
	l.due(6 * time.Second)
	lower := []string{"notice lower_priority_advert", "advert 100", "announce x4"}
	l.did(l.hearEvery(60, 1, 40*time.Second), lower...)
	l.due(time.Second)
	l.wait(time.Second / 2)
	l.did(l.hearEvery(60, 1, 40*time.Second), "notice lower_priority_advert", "announce x4")
	l.due(time.Second / 2) // the second burst is not put off
	l.did(l.fire(), "announce x4")
	l.do(vrrp.FaultsChanged{Faults: []string{"x"}})
	l.idle()

	// The defaults: 5 frames a burst, 1 a refresh, nothing else.
	l = master(t, v3IPv4, 100, func(c *vrrp.Config) {
		c.Interval, c.Announce = 40*time.Second, vrrp.Announcing{Refresh: time.Second}
	})
	l.did(l.fire(), "announce x1")
	l.did(l.hearEvery(60, 1, 40*time.Second), "notice lower_priority_advert")
	l.due(time.Second)
	if n := l.r.Status().Counters.Announcements; n != 2 {
		t.Errorf("%d announcements", n)
	}
}

// Announcements on other interfaces have a schedule of their own.
func TestAnnouncementsElsewhere(t *testing.T) {
	elsewhere := func(d time.Duration) func(*vrrp.Config) {
		return func(c *vrrp.Config) { c.Announce.Elsewhere = d }
	}
	l := master(t, v3IPv4, 100, every(40*time.Second), elsewhere(7*time.Second))
	l.due(7 * time.Second)
	l.did(l.fire(), "announce elsewhere")
	l.wait(8 * time.Second)
	l.did(l.do(vrrp.TimerExpired{}), "announce elsewhere") // late: the schedule stays
	l.due(6 * time.Second)
	l.did(l.reload(func(c *vrrp.Config) { c.NoPreempt = true }), "own")
	l.due(6 * time.Second)
	l.did(l.reload(elsewhere(time.Second)), "own")
	l.due(time.Second)
	l.fire()
	if n := l.r.Status().Counters.Announcements; n != 4 {
		t.Errorf("%d announcements, want 4", n)
	}
	l.did(l.reload(elsewhere(0)), "own")
	l.did(l.fire(), "advert 100")
	l.reload(elsewhere(time.Second))
	l.do(vrrp.FaultsChanged{Faults: []string{"x"}})
	l.idle()
}

func TestSendFailures(t *testing.T) {
	l := master(t, v3IPv4, 100)
	result := func(err error) []string { return l.do(vrrp.ActionFinished{ID: l.sent, Err: err}) }
	l.did(result(nil))
	l.did(result(errHost), "notice send_failed")
	l.did(result(errHost))
	l.did(result(nil), "notice send_recovered")
	l.did(result(nil))
	stale := l.sent
	l.fire()
	l.did(l.do(vrrp.ActionFinished{ID: stale, Err: errHost}))
	if c := l.r.Status().Counters; c.SendErrors != 2 || c.ActionErrors != 1 || c.AdvertsSent != 2 {
		t.Errorf("counters %+v", c)
	}
	l.is(vrrp.Master)
}

// The source can come from the interface; without one there is no serving.
func TestSource(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := newLab(t, d, 100, func(c *vrrp.Config) { c.Source = netip.Addr{} })
		l.did(l.do(vrrp.Started{}), "INIT -> FAULT: fault")
		l.did(l.do(vrrp.SourceChanged{Source: d.host(50)}), "FAULT -> BACKUP: fault cleared")
		l.fire()
		l.did(l.do(vrrp.SourceChanged{Source: d.host(52)}))
		if st := l.r.Status(); st.Source != d.host(52) || st.Master.Address != d.host(52) {
			t.Errorf("source %v, master %v", st.Source, st.Master.Address)
		}
		l.did(l.do(vrrp.SourceChanged{}), "advert 0", "release", "MASTER -> FAULT: fault")
	})
}

func TestPriorityChanged(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.did(l.do(vrrp.PriorityChanged{Effective: 100}))
	l.did(l.do(vrrp.PriorityChanged{Effective: 90}), "notice priority_changed")
	if st := l.r.Status(); st.Priority != 90 || st.Master.Priority != 90 {
		t.Errorf("priority %d, master's %d", st.Priority, st.Master.Priority)
	}
	l.did(l.fire(), "advert 90")
	l.did(l.hear(1, 91), "release", "MASTER -> BACKUP: better master")
	l.due(v3IPv4.down(90, time.Second))
	l.do(vrrp.PriorityChanged{Effective: 95})
	if st := l.r.Status(); st.Master.Priority != 91 {
		t.Errorf("master's priority %d", st.Master.Priority)
	}
	defer func() {
		if recover() == nil {
			t.Error("priority 0 was taken")
		}
	}()
	l.do(vrrp.PriorityChanged{})
}
