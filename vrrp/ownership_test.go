// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func (l *lab) result(id vrrp.ActionID, err error) []string {
	return l.do(vrrp.ActionFinished{ID: id, Err: err})
}

// A MASTER that cannot own its addresses resigns into FAULT and tries again
// after a back-off that doubles, whatever becomes of the release.
func TestOwnershipFailure(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := backup(t, d, 100)
		for _, backoff := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			l.fire()
			l.is(vrrp.Master)
			l.did(l.result(l.own, errHost), "notice ownership_failed", "advert 0", "release", "MASTER -> FAULT: fault")
			if f := l.r.Status().Faults; !slices.Equal(f, []string{"cannot own addresses: operation not permitted"}) {
				t.Errorf("faults %q", f)
			}
			l.result(l.own, nil)
			l.due(backoff * time.Second)
			l.did(l.fire(), "FAULT -> BACKUP: fault cleared")
			l.due(d.down(100, time.Second))
		}
		l.fire()
		l.did(l.result(l.own, nil))
		l.result(l.own, errHost)
		l.due(time.Second) // a success has ended the row
	})
}

// Another fault holds beyond the back-off.
func TestOwnershipFailureAndFault(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.result(l.own, errHost)
	l.did(l.do(vrrp.FaultsChanged{Faults: []string{"x"}}))
	l.did(l.fire())
	l.is(vrrp.Fault)
	l.idle()
	l.did(l.do(vrrp.FaultsChanged{}), "FAULT -> BACKUP: fault cleared")
}

// A release that failed is ordered again until it succeeds, in any state.
func TestReleaseFailure(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := master(t, d, 100)
		l.hear(1, 200)
		for _, backoff := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			l.did(l.result(l.own, errHost), "notice ownership_failed")
			at := l.now.Add(backoff * time.Second)
			for l.now.Add(time.Second).Before(at) {
				l.wait(time.Second).hear(1, 200)
			}
			l.did(l.fire(), "release")
			if !l.now.Equal(at) {
				t.Errorf("ordered again at %v, want %v", l.now, at)
			}
			l.hear(1, 200)
		}
		l.result(l.own, nil)
		l.due(d.down(100, time.Second))
		l.result(l.own, errHost)
		l.due(time.Second)
		// Becoming MASTER supersedes it.
		l.hear(1, 0)
		l.wait(d.skew(100, time.Second)).do(vrrp.TimerExpired{})
		l.is(vrrp.Master)
		l.due(time.Second)
		if got := l.fire(); !slices.Equal(got, []string{"advert 100"}) {
			t.Errorf("did %q", got)
		}
	})
}

// Shutdown with a release outstanding orders it once more, and goes on trying.
func TestReleaseFailureAndShutdown(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.hear(1, 200)
	l.result(l.own, errHost)
	l.did(l.do(vrrp.Stopped{}), "release", "BACKUP -> INIT: stopped")
	l.idle()
	l.result(l.own, errHost)
	l.due(time.Second)
	l.did(l.fire(), "release")
	l.result(l.own, errHost)
	l.did(l.do(vrrp.Stopped{}), "release") // once more, for the last time
	l.idle()
	l.did(l.result(l.own, nil))
	l.is(vrrp.Init)
}

// Results of superseded orders are void.
func TestSupersededOwnership(t *testing.T) {
	l := master(t, v3IPv4, 100)
	stale := l.own
	l.hear(1, 200)
	l.did(l.result(stale, errHost))
	l.is(vrrp.Backup)
	l.due(v3IPv4.down(100, time.Second))
	if n := l.r.Status().Counters.ActionErrors; n != 1 {
		t.Errorf("%d action errors", n)
	}
	l.did(l.result(stale, nil))
	l.did(l.result(1<<40, nil))
}

func TestOwnershipLost(t *testing.T) {
	l := master(t, v3IPv4, 100)
	l.did(l.do(vrrp.OwnershipLost{Detail: "192.0.2.100"}), "notice ownership_lost", "own", "announce x5")
	l.is(vrrp.Master)
	l.due(time.Second)
	if n := l.r.Status().Counters.OwnershipLost; n != 1 {
		t.Errorf("counted %d", n)
	}
	l.hear(1, 200)
	l.did(l.do(vrrp.OwnershipLost{}))
}

// A successor goes on where a stopped router of its identity ended: it sees a
// failed release through, and results of older actions mean nothing to it.
func TestSuccessor(t *testing.T) {
	old := master(t, v3IPv4, 100)
	old.do(vrrp.Stopped{})
	l := newLab(t, v3IPv4, 100)
	l.r.Succeed(old.r)
	l.result(old.own, errHost)
	l.due(time.Second)
	l.did(l.fire(), "release")
	if l.own <= old.own {
		t.Errorf("action %d after %d", l.own, old.own)
	}
	l.result(old.own, nil) // late
	l.idle()
	l.result(l.own, errHost)
	next := newLab(t, v3IPv4, 100)
	next.r.Succeed(l.r)
	next.due(3 * time.Second)
	next.did(next.do(vrrp.Stopped{}), "release")
}
