// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func (l *lab) reload(change func(*vrrp.Config)) []string {
	change(&l.cfg)
	return l.do(vrrp.Reconfigured{Config: l.cfg})
}

func every(d time.Duration) func(*vrrp.Config) { return func(c *vrrp.Config) { c.Interval = d } }

func TestReconfigureMaster(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := master(t, d, 100, every(3*time.Second))
		l.wait(time.Second)
		l.did(l.reload(every(5*time.Second)), "own")
		l.due(2 * time.Second)
		l.fire()
		l.due(5 * time.Second)
		l.did(l.reload(every(2*time.Second)), "own")
		l.due(2 * time.Second)
		l.wait(time.Second)
		l.did(l.reload(func(c *vrrp.Config) { c.Priority = 90 }), "notice priority_changed", "own")
		l.due(time.Second)
		if st := l.r.Status(); st.Master.Priority != 90 || st.Interval != 2*time.Second {
			t.Errorf("master %+v interval %v", st.Master, st.Interval)
		}
		l.did(l.reload(func(c *vrrp.Config) { c.Addresses = []netip.Addr{d.host(101)} }), "own", "announce x5")
		l.did(l.fire(), "advert 90")
		l.did(l.reload(func(c *vrrp.Config) { c.Announce.Refresh = time.Second }), "own")
		l.due(time.Second)
		l.fire()
		l.wait(time.Second / 2)
		l.did(l.reload(func(c *vrrp.Config) { c.NoPreempt = true }), "own") // refresh as it was
		l.due(time.Second / 2)
		l.did(l.reload(func(c *vrrp.Config) { c.Announce.Refresh = 0 }), "own")
		l.did(l.fire(), "advert 90")
		l.due(2 * time.Second)
	})
}

func TestReconfigureBackup(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 100, every(2*time.Second))
		l.wait(time.Second)
		l.did(l.reload(every(4 * time.Second))) // longer: the difference more
		l.due(d.down(100, 4*time.Second) - time.Second)
		l.did(l.reload(every(time.Second))) // shorter: at most itself
		l.due(d.down(100, time.Second))
		l.wait(2 * time.Second)
		l.did(l.reload(every(time.Second)))
		l.due(d.down(100, time.Second) - 2*time.Second)
		// Waiting for no more than Skew_Time stays so.
		l.hear(1, 0)
		l.did(l.reload(every(5 * time.Second)))
		l.due(d.skew(100, time.Second))
		// So does listening after a stall.
		l = backup(t, d, 100)
		l.wait(time.Minute)
		l.do(vrrp.TimerExpired{})
		l.did(l.reload(every(5 * time.Second)))
		l.due(time.Second + d.skew(100, time.Second))
	})
}

// A v3 BACKUP goes by the interval of the MASTER it has accepted.
func TestReconfigureLearnt(t *testing.T) {
	v3(t, func(t *testing.T, d dialect) {
		interval := func(l *lab, want time.Duration) {
			t.Helper()
			if got := l.r.Status().Interval; got != want {
				t.Errorf("interval %v, want %v", got, want)
			}
		}
		l := backup(t, d, 100)
		l.hearEvery(1, 200, 4*time.Second)
		l.reload(every(2 * time.Second))
		interval(l, 4*time.Second)
		l.due(d.down(100, 4*time.Second))
		l = backup(t, d, 100)
		l.reload(every(2 * time.Second))
		interval(l, 2*time.Second)
		l = backup(t, d, 100)
		l.hearEvery(1, 50, 4*time.Second) // preempting: its interval is none of ours
		l.reload(every(2 * time.Second))
		interval(l, 2*time.Second)
	})
	v2(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		l.hear(1, 200)
		l.reload(every(2 * time.Second))
		l.due(d.down(100, 2*time.Second))
	})
}

func TestReconfigureDelays(t *testing.T) {
	startDelay := func(d time.Duration) func(*vrrp.Config) { return func(c *vrrp.Config) { c.StartDelay = d } }
	l := newLab(t, v3IPv4, 100, startDelay(time.Minute))
	l.do(vrrp.Started{})
	l.wait(10 * time.Second)
	l.reload(startDelay(5 * time.Minute))
	l.due(50 * time.Second)
	l.reload(startDelay(20 * time.Second))
	l.due(20 * time.Second)
	l.reload(startDelay(0))
	l.due(0)
	l.did(l.fire(), "INIT -> BACKUP: start delay over")

	preemptDelay := func(d time.Duration) func(*vrrp.Config) { return func(c *vrrp.Config) { c.PreemptDelay = d } }
	l = backup(t, v3IPv4, 100, preemptDelay(3*time.Second))
	l.hear(1, 50)
	l.reload(preemptDelay(2 * time.Second))
	l.due(2 * time.Second)
	l.reload(preemptDelay(3 * time.Second))
	l.due(2 * time.Second)
}

func TestReconfigureGrouping(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.did(l.reload(grouped), "own", "vote claim")
	l.rules(vrrp.VerdictFault)
	l.is(vrrp.Fault)
	l.did(l.reload(func(c *vrrp.Config) { c.Grouped = false }), "FAULT -> BACKUP: fault cleared")
	l.did(l.reload(grouped))
	l.is(vrrp.Backup) // the group it was in has no say any more
}

// Taking away the source takes the router down unless the interface has one.
func TestReconfigureSource(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		none := func(c *vrrp.Config) { c.Source = netip.Addr{} }
		l := master(t, d, 100)
		l.did(l.reload(none), "own", "advert 0", "release", "MASTER -> FAULT: fault")
		l = master(t, d, 100)
		l.did(l.do(vrrp.SourceChanged{Source: d.host(51)}))
		l.did(l.reload(none), "own")
		l.is(vrrp.Master)
	})
}

// Another router cannot be made of this one, nor an invalid one.
func TestReconfigureRefused(t *testing.T) {
	for name, change := range map[string]func(*vrrp.Config){
		"vrid":    func(c *vrrp.Config) { c.ID.VRID = 8 },
		"version": func(c *vrrp.Config) { c.Version = vrrp.V2 },
		"unicast": func(c *vrrp.Config) { c.Peers = []vrrp.Peer{{Address: v3IPv4.host(1)}} },
		"invalid": func(c *vrrp.Config) { c.Priority = 0 },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			backup(t, v3IPv4, 100).reload(change)
		}()
	}
}
