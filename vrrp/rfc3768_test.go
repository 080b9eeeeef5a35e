// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func v2(t *testing.T, f func(t *testing.T, d dialect)) { dialects(t, vrrp.V2, f) }

// Skew_Time is a fraction of a second in VRRPv2, whatever the interval.
func TestRFC3768_6_1_SkewTime(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 10 * time.Second, vrrp.MaxIntervalV2} {
		for priority, want := range map[uint8]time.Duration{
			1: 996093750, 100: 609375000, 150: 414062500, 254: 7812500, 255: 3906250,
		} {
			if got := vrrp.SkewTime(vrrp.V2, priority, interval); got != want {
				t.Errorf("priority %d interval %v: %v, want %v", priority, interval, got, want)
			}
		}
	}
}

func TestRFC3768_6_1_MasterDownInterval(t *testing.T) {
	for _, tc := range []struct {
		priority uint8
		interval time.Duration
		adverts  int
		want     time.Duration
	}{
		{100, time.Second, 0, 3609375 * time.Microsecond},
		{100, 10 * time.Second, 0, 30609375 * time.Microsecond},
		{254, 5 * time.Second, 2, 10*time.Second + 7812500*time.Nanosecond},
	} {
		got := vrrp.MasterDownInterval(vrrp.V2, tc.priority, tc.interval, tc.adverts)
		if got != tc.want {
			t.Errorf("priority %d interval %v: %v, want %v", tc.priority, tc.interval, got, tc.want)
		}
	}
}

func TestRFC3768_6_4_1_Owner(t *testing.T)           { testInitOwner(t, vrrp.V2) }
func TestRFC3768_6_4_1_Backup(t *testing.T)          { testInitBackup(t, vrrp.V2) }
func TestRFC3768_6_4_2_Shutdown(t *testing.T)        { testBackupShutdown(t, vrrp.V2) }
func TestRFC3768_6_4_2_MasterDownTimer(t *testing.T) { testMasterDownTimer(t, vrrp.V2) }
func TestRFC3768_6_4_2_PriorityZero(t *testing.T)    { testBackupZero(t, vrrp.V2) }
func TestRFC3768_6_4_2_Discarded(t *testing.T)       { testBackupDiscards(t, vrrp.V2) }
func TestRFC3768_6_4_3_Shutdown(t *testing.T)        { testMasterShutdown(t, vrrp.V2) }
func TestRFC3768_6_4_3_AdverTimer(t *testing.T)      { testAdvertTimer(t, vrrp.V2) }
func TestRFC3768_6_4_3_PriorityZero(t *testing.T)    { testMasterZero(t, vrrp.V2) }
func TestRFC3768_6_4_3_Yields(t *testing.T)          { testMasterYields(t, vrrp.V2) }

// 6.4.2: preempting nobody, or a priority at least ours: the timer starts
// again, with our own interval.
func TestRFC3768_6_4_2_Accepted(t *testing.T) {
	v2(t, func(t *testing.T, d dialect) {
		for _, tc := range []struct {
			theirs    uint8
			nopreempt bool
		}{{100, false}, {101, false}, {255, false}, {1, true}} {
			l := backup(t, d, 100, func(c *vrrp.Config) { c.NoPreempt = tc.nopreempt })
			l.wait(time.Second)
			l.did(l.hear(1, tc.theirs))
			l.due(d.down(100, time.Second))
			l.did(l.hearEvery(1, tc.theirs, 2*time.Second), "refused interval")
		}
	})
}

// 6.4.3: anything else is discarded. Deviation: it is answered, as RFC 9568
// and keepalived do.
func TestRFC3768_6_4_3_Discards(t *testing.T) {
	v2(t, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		l.wait(300 * time.Millisecond)
		l.did(l.hear(60, 99), "notice lower_priority_advert", "advert 100")
		l.is(vrrp.Master)
		l.due(700 * time.Millisecond)
		quiet := master(t, d, 100, func(c *vrrp.Config) { c.LowerGetsNoAdvert = true })
		quiet.wait(300 * time.Millisecond)
		quiet.did(quiet.hear(60, 99), "notice lower_priority_advert")
	})
}
