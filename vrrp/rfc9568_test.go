// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func v3(t *testing.T, f func(t *testing.T, d dialect)) { dialects(t, vrrp.V3, f) }

// Skew_Time is a fraction of Active_Adver_Interval in VRRPv3.
func TestRFC9568_6_1_SkewTime(t *testing.T) {
	for _, tc := range []struct {
		priority uint8
		interval time.Duration
		want     time.Duration
	}{
		{100, time.Second, 609375 * time.Microsecond},
		{1, time.Second, 996093750 * time.Nanosecond},
		{254, time.Second, 7812500 * time.Nanosecond},
		{255, time.Second, 3906250 * time.Nanosecond},
		{100, 10 * time.Millisecond, 6093750 * time.Nanosecond},
		{100, vrrp.MaxIntervalV3, 24953906250 * time.Nanosecond},
		{0, time.Second, time.Second},
	} {
		if got := vrrp.SkewTime(vrrp.V3, tc.priority, tc.interval); got != tc.want {
			t.Errorf("priority %d interval %v: %v, want %v", tc.priority, tc.interval, got, tc.want)
		}
	}
}

func TestRFC9568_6_1_ActiveDownInterval(t *testing.T) {
	for _, tc := range []struct {
		priority uint8
		interval time.Duration
		adverts  int
		want     time.Duration
	}{
		{100, time.Second, 0, 3609375 * time.Microsecond},
		{100, time.Second, 3, 3609375 * time.Microsecond},
		{100, time.Second, 1, 1609375 * time.Microsecond},
		{255, 10 * time.Millisecond, 0, 30*time.Millisecond + 39062*time.Nanosecond},
		{254, 2 * time.Second, 5, 10*time.Second + 15625*time.Microsecond},
	} {
		got := vrrp.MasterDownInterval(vrrp.V3, tc.priority, tc.interval, tc.adverts)
		if got != tc.want {
			t.Errorf("priority %d interval %v: %v, want %v", tc.priority, tc.interval, got, tc.want)
		}
	}
}

// Preempt_Mode: the default is to preempt, and the owner always does.
func TestRFC9568_6_1_PreemptMode(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		for _, tc := range []struct {
			ours, theirs uint8
			nopreempt    bool
			restarts     bool
		}{
			{100, 99, false, false},
			{100, 99, true, true},
			{100, 100, false, true},
			{100, 101, false, true},
			{255, 254, true, false},
		} {
			l := backup(t, d, tc.ours, func(c *vrrp.Config) { c.NoPreempt, c.OwnerWaits = tc.nopreempt, true })
			l.wait(time.Second).hear(1, tc.theirs)
			want := d.down(tc.ours, time.Second)
			if !tc.restarts {
				want -= time.Second
			}
			l.due(want)
		}
	})
}

// 6.4.1: Startup, the address owner.
func TestRFC9568_6_4_1_Owner(t *testing.T) { testInitOwner(t, vrrp.V3) }

func testInitOwner(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := newLab(t, d, vrrp.PriorityOwner)
		l.is(vrrp.Init)
		l.idle()
		l.did(l.do(vrrp.Started{}), promotion(255, vrrp.Init, vrrp.CauseOwner)...)
		l.is(vrrp.Master)
		l.due(time.Second)
	})
}

// 6.4.1: Startup, everyone else.
func TestRFC9568_6_4_1_Backup(t *testing.T) { testInitBackup(t, vrrp.V3) }

func testInitBackup(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		for _, priority := range []uint8{1, 100, 254} {
			l := newLab(t, d, priority, func(c *vrrp.Config) { c.Interval = 2 * time.Second })
			l.did(l.do(vrrp.Started{}), "INIT -> BACKUP: started")
			l.due(d.down(priority, 2*time.Second))
			l.did(l.do(vrrp.Started{})) // once is enough
		}
	})
}

// 6.4.1: in Initialize nothing but Startup has an effect.
func TestRFC9568_6_4_1_OnlyStartup(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := newLab(t, d, 100)
		l.did(l.do(vrrp.TimerExpired{}))
		l.did(l.do(vrrp.Stopped{}))
		l.did(l.hear(1, 0), "refused inactive")
		l.did(l.do(vrrp.OwnershipLost{}))
		l.did(l.do(vrrp.SteppedAside{Until: l.now.Add(time.Hour)}))
		l.did(l.do(vrrp.VerdictReached{Verdict: vrrp.VerdictMaster}))
		l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}}))
		l.did(l.do(vrrp.FaultsChanged{}))
		l.is(vrrp.Init)
		l.idle()
	})
}

// 6.4.2: Shutdown.
func TestRFC9568_6_4_2_Shutdown(t *testing.T) { testBackupShutdown(t, vrrp.V3) }

func testBackupShutdown(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		l.did(l.do(vrrp.Stopped{}), "BACKUP -> INIT: stopped")
		l.idle()
		l.did(l.do(vrrp.Stopped{}))
		l.did(l.do(vrrp.Started{}), "INIT -> BACKUP: started")
	})
}

// 6.4.2: the Active_Down_Timer fires.
func TestRFC9568_6_4_2_ActiveDownTimer(t *testing.T) { testMasterDownTimer(t, vrrp.V3) }

func testMasterDownTimer(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		l.wait(d.down(100, time.Second) - 1)
		l.did(l.do(vrrp.TimerExpired{}))
		l.wait(1)
		l.did(l.do(vrrp.TimerExpired{}), promotion(100, vrrp.Backup, vrrp.CauseMasterDown)...)
		l.due(time.Second)
	})
}

// 6.4.2: priority zero.
func TestRFC9568_6_4_2_PriorityZero(t *testing.T) { testBackupZero(t, vrrp.V3) }

func testBackupZero(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		for _, priority := range []uint8{1, 100, 254} {
			l := backup(t, d, priority)
			l.wait(time.Second).hearEvery(1, 255, time.Second)
			l.did(l.wait(time.Second).hear(1, 0), "notice master_resigned")
			l.due(d.skew(priority, time.Second))
			l.did(l.fire(), promotion(priority, vrrp.Backup, vrrp.CauseMasterResigned)...)
		}
	})
}

// 6.4.2: preempting nobody, or a priority at least ours: learn the interval,
// recompute Skew_Time and Active_Down_Interval, restart the timer.
func TestRFC9568_6_4_2_Accepted(t *testing.T) {
	v3(t, func(t *testing.T, d dialect) {
		for _, tc := range []struct {
			theirs    uint8
			nopreempt bool
			interval  time.Duration
		}{
			{100, false, 500 * time.Millisecond},
			{101, false, 2 * time.Second},
			{255, false, vrrp.MaxIntervalV3},
			{1, true, 10 * time.Millisecond},
		} {
			l := backup(t, d, 100, func(c *vrrp.Config) { c.NoPreempt = tc.nopreempt })
			l.wait(time.Second)
			l.did(l.hearEvery(1, tc.theirs, tc.interval), "notice interval_learnt")
			l.due(d.down(100, tc.interval))
			if st := l.r.Status(); st.Interval != tc.interval || st.MasterDown != d.down(100, tc.interval) ||
				st.Master.Address != d.host(1) || st.Master.Priority != tc.theirs || !st.Master.LastHeard.Equal(l.now) {
				t.Errorf("status %+v", st)
			}
			l.did(l.wait(time.Millisecond).hearEvery(1, tc.theirs, tc.interval)) // said once
			l.did(l.hearEvery(1, 0, tc.interval), "notice master_resigned")
			l.due(d.skew(100, tc.interval)) // scaled by the learnt interval
			l.fire()
			l.is(vrrp.Master)
			l.due(time.Second) // its own interval
			if st := l.r.Status(); st.Interval != time.Second {
				t.Errorf("MASTER's interval %v", st.Interval)
			}
		}
	})
}

// 6.4.2: preempting, and a lower priority: discard.
func TestRFC9568_6_4_2_Discarded(t *testing.T) { testBackupDiscards(t, vrrp.V3) }

func testBackupDiscards(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		for i := range 7 {
			l.now = l.start.Add(time.Duration(i) * 500 * time.Millisecond)
			l.did(l.hear(60, 99))
		}
		l.due(d.down(100, time.Second) - 3*time.Second)
		if st := l.r.Status(); !st.Master.Preempting || st.Interval != time.Second || st.Master.Address != d.host(60) {
			t.Errorf("status %+v", st.Master)
		}
		l.did(l.fire(), promotion(100, vrrp.Backup, vrrp.CausePreempted)...)
	})
}

// 6.4.3: Shutdown.
func TestRFC9568_6_4_3_Shutdown(t *testing.T) { testMasterShutdown(t, vrrp.V3) }

func testMasterShutdown(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		l.did(l.do(vrrp.Stopped{}), "advert 0", "release", "MASTER -> INIT: stopped")
		l.idle()
	})
}

// 6.4.3: the Adver_Timer fires.
func TestRFC9568_6_4_3_AdverTimer(t *testing.T) { testAdvertTimer(t, vrrp.V3) }

func testAdvertTimer(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		for range 3 {
			l.due(time.Second)
			l.did(l.fire(), "advert 100")
		}
		// Late by 300 ms: the next one is due on the old schedule.
		l.wait(1300 * time.Millisecond)
		l.did(l.do(vrrp.TimerExpired{}), "advert 100")
		l.due(700 * time.Millisecond)
		// Late by exactly an interval is not worth a word, and no advert is made up for.
		l.wait(1700 * time.Millisecond)
		l.did(l.do(vrrp.TimerExpired{}), "advert 100")
		l.due(time.Second)
	})
}

// 6.4.3: priority zero.
func TestRFC9568_6_4_3_PriorityZero(t *testing.T) { testMasterZero(t, vrrp.V3) }

func testMasterZero(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		l.wait(400 * time.Millisecond)
		l.did(l.hear(60, 0), "advert 100")
		l.due(time.Second)
		l.is(vrrp.Master)
	})
}

// 6.4.3: a greater priority, or an equal one from a greater address.
func TestRFC9568_6_4_3_Yields(t *testing.T) { testMasterYields(t, vrrp.V3) }

func testMasterYields(t *testing.T, v vrrp.Version) {
	dialects(t, v, func(t *testing.T, d dialect) {
		for _, tc := range []struct {
			from     byte
			priority uint8
			yields   bool
		}{
			{1, 101, true},
			{1, 255, true},
			{51, 100, true},
			{49, 100, false},
			{60, 99, false},
			{60, 1, false},
		} {
			l := master(t, d, 100)
			l.wait(300 * time.Millisecond)
			got := l.hear(tc.from, tc.priority)
			if !tc.yields {
				l.is(vrrp.Master)
				l.due(700 * time.Millisecond)
				continue
			}
			l.did(got, "release", "MASTER -> BACKUP: better master")
			l.due(d.down(100, time.Second))
			if st := l.r.Status(); st.Master.Address != d.host(tc.from) || st.Master.Priority != tc.priority {
				t.Errorf("master %+v", st.Master)
			}
		}
	})
}

// 6.4.3: yielding, it learns the new interval.
func TestRFC9568_6_4_3_YieldsLearns(t *testing.T) {
	v3(t, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		l.did(l.hearEvery(1, 200, 400*time.Millisecond),
			"release", "MASTER -> BACKUP: better master", "notice interval_learnt")
		l.due(d.down(100, 400*time.Millisecond))
	})
}

// 6.4.3: anything else is discarded, and answered to assert the MASTER.
func TestRFC9568_6_4_3_Asserts(t *testing.T) {
	v3(t, func(t *testing.T, d dialect) {
		for _, from := range []byte{49, 60} {
			l := master(t, d, 100)
			l.wait(300 * time.Millisecond)
			priority := uint8(100)
			if from == 60 {
				priority = 99
			}
			l.did(l.hearEvery(from, priority, 3*time.Second), "notice lower_priority_advert", "advert 100")
			l.is(vrrp.Master)
			l.due(700 * time.Millisecond) // the schedule stays
			if st := l.r.Status(); st.Interval != time.Second {
				t.Errorf("interval %v learnt from a discarded advert", st.Interval)
			}
		}
	})
}
