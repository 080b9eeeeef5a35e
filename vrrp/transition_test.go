// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// in returns a lab in the given state.
func in(t *testing.T, d dialect, s vrrp.State, change ...func(*vrrp.Config)) *lab {
	t.Helper()
	switch s {
	case vrrp.Master:
		return master(t, d, 100, change...)
	case vrrp.Init:
		return newLab(t, d, 100, change...)
	case vrrp.Fault:
		l := backup(t, d, 100, change...)
		l.do(vrrp.FaultsChanged{Faults: []string{"x"}})
		return l
	}
	return backup(t, d, 100, change...)
}

var states = []vrrp.State{vrrp.Init, vrrp.Backup, vrrp.Master, vrrp.Fault}

// TestStatePairs tries every way from one state to another: what a MASTER
// owes on leaving, and what entering begins, belongs to the pair alone.
func TestStatePairs(t *testing.T) {
	ways := map[string]struct {
		ev   vrrp.Event
		want map[vrrp.State]string // per state before
	}{
		"start": {vrrp.Started{}, map[vrrp.State]string{vrrp.Init: "INIT -> BACKUP: started"}},
		"stop": {vrrp.Stopped{}, map[vrrp.State]string{
			vrrp.Backup: "BACKUP -> INIT: stopped",
			vrrp.Master: "advert 0, release, MASTER -> INIT: stopped",
			vrrp.Fault:  "FAULT -> INIT: stopped",
		}},
		"fault": {vrrp.FaultsChanged{Faults: []string{"x", "y"}}, map[vrrp.State]string{
			vrrp.Backup: "BACKUP -> FAULT: fault",
			vrrp.Master: "advert 0, release, MASTER -> FAULT: fault",
		}},
		"recovery": {vrrp.FaultsChanged{}, map[vrrp.State]string{vrrp.Fault: "FAULT -> BACKUP: fault cleared"}},
		"failover": {vrrp.SteppedAside{}, map[vrrp.State]string{
			vrrp.Master: "advert 0, release, MASTER -> BACKUP: manual failover",
		}},
	}
	both(t, func(t *testing.T, d dialect) {
		for name, way := range ways {
			for _, from := range states {
				l := in(t, d, from)
				before := l.r.Status()
				got := strings.Join(l.wait(time.Millisecond).do(way.ev), ", ")
				if got != way.want[from] {
					t.Errorf("%s in %v: did %q, want %q", name, from, got, way.want[from])
				}
				after := l.r.Status()
				moved := strings.Contains(got, "->")
				if moved != !after.Since.Equal(before.Since) || moved != (after.Counters.Transitions == before.Counters.Transitions+1) {
					t.Errorf("%s in %v: since %v, %d transitions", name, from, after.Since, after.Counters.Transitions)
				}
				if left := from == vrrp.Master && moved; left != (after.Counters.ReleasedMaster == 1) {
					t.Errorf("%s in %v: %d releases", name, from, after.Counters.ReleasedMaster)
				}
				if after.State != vrrp.Master && after.State != before.State && after.Master != (vrrp.MasterInfo{}) {
					t.Errorf("%s in %v: still knows %v", name, from, after.Master)
				}
			}
		}
	})
}

// TestRefusalsChangeNothing: whatever is refused, in whatever state, leaves
// all but its counter as it was (RFC 9568 §7.1).
func TestRefusalsChangeNothing(t *testing.T) {
	spoil := map[vrrp.Refusal]func(*vrrp.AdvertReceived){
		vrrp.RefusedVersion:        func(a *vrrp.AdvertReceived) { a.Advert.Version ^= 1 },
		vrrp.RefusedVRID:           func(a *vrrp.AdvertReceived) { a.Advert.VRID++ },
		vrrp.RefusedFamily:         func(a *vrrp.AdvertReceived) { a.Advert.Family ^= 2 },
		vrrp.RefusedTTL:            func(a *vrrp.AdvertReceived) { a.TTL = 254 },
		vrrp.RefusedInterval:       func(a *vrrp.AdvertReceived) { a.Advert.Interval = 0 },
		vrrp.RefusedHMACUnexpected: func(a *vrrp.AdvertReceived) { a.Advert.Trailer = make([]byte, vrrp.TrailerLen) },
		vrrp.RefusedAddresses:      func(a *vrrp.AdvertReceived) { a.Advert.Addresses = vrrp.AddressList{} },
	}
	both(t, func(t *testing.T, d dialect) {
		spoil[vrrp.RefusedDestination] = func(a *vrrp.AdvertReceived) { a.Destination = d.host(50) }
		spoil[vrrp.RefusedOwnPacket] = func(a *vrrp.AdvertReceived) { a.Source = d.host(50) }
		for _, s := range states {
			for why, f := range spoil {
				for _, priority := range []uint8{0, 1, 100, 254} {
					l := in(t, d, s, func(c *vrrp.Config) { c.StrictAddresses = true })
					ev := vrrp.AdvertReceived{Advert: l.advert(priority, time.Second), Source: d.host(60), Destination: vrrp.GroupIPv4, TTL: vrrp.TTL}
					if d.family == vrrp.IPv6 {
						ev.Destination = vrrp.GroupIPv6
					}
					f(&ev)
					if s == vrrp.Init || s == vrrp.Fault {
						why = vrrp.RefusedInactive
					}
					unchanged(t, l, why, &ev)
				}
			}
			l := in(t, d, s)
			unchanged(t, l, vrrp.RefusedChecksum, vrrp.PacketRefused{Reason: vrrp.RefusedChecksum, Source: d.host(60)})
		}
	})
}

func unchanged(t *testing.T, l *lab, why vrrp.Refusal, ev vrrp.Event) {
	t.Helper()
	before := l.r.Status()
	l.wait(time.Millisecond)
	want := []string{"refused " + why.String()}
	if before.State == vrrp.Master && why != vrrp.RefusedTTL && why != vrrp.RefusedVRID && why != vrrp.RefusedFamily && why != vrrp.RefusedChecksum {
		want = append(want, "notice configuration_mismatch")
	}
	l.did(l.do(ev), want...)
	before.Counters.Refused[why]++
	if after := l.r.Status(); !reflect.DeepEqual(before, after) {
		t.Errorf("%v in %v changed\n%+v to\n%+v", why.String(), before.State, before, after)
	}
}

// Reports are limited: one a reason and ten seconds from one sender, one a
// second when the sender changes.
func TestRefusalReports(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	refuse := func(n byte) string {
		for _, a := range l.r.Step(l.now, vrrp.PacketRefused{Reason: vrrp.RefusedChecksum, Source: v3IPv4.host(n)}) {
			if r, ok := a.(vrrp.ReportRefusal); ok {
				return fmt.Sprintf("%v +%d", r.Source, r.Suppressed)
			}
		}
		return ""
	}
	for i, tc := range []struct {
		wait time.Duration
		from byte
		want string
	}{
		{0, 1, "192.0.2.1 +0"},
		{10*time.Second - 1, 1, ""},
		{1, 1, "192.0.2.1 +1"},
		{0, 2, ""},
		{time.Second - 1, 2, ""},
		{1, 2, "192.0.2.2 +2"},
		{time.Second, 2, ""},
		{0, 1, "192.0.2.1 +1"},
	} {
		l.wait(tc.wait)
		if got := refuse(tc.from); got != tc.want {
			t.Errorf("%d: %q, want %q", i, got, tc.want)
		}
	}
	if got := l.do(vrrp.PacketRefused{Reason: vrrp.RefusedLength, Source: v3IPv4.host(1)}); len(got) != 1 {
		t.Errorf("another reason: %q", got)
	}
}

// A unicast router overhears a multicast one: told once, and as an alarm when
// both of them serve the same address.
func TestOtherKindIsToldOnce(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := newLab(t, d, 100, func(c *vrrp.Config) { c.Peers = []vrrp.Peer{{Address: d.host(1)}} })
		l.do(vrrp.Started{})
		overhear := func(from byte, addresses ...netip.Addr) []string {
			a := l.advert(200, time.Second)
			a.Addresses = vrrp.MakeAddressList(d.family, addresses)
			ev := vrrp.AdvertReceived{Advert: a, Source: d.host(from), Destination: vrrp.GroupIPv4, TTL: vrrp.TTL}
			if d.family == vrrp.IPv6 {
				ev.Destination = vrrp.GroupIPv6
			}
			return l.do(ev)
		}
		l.did(overhear(1), "refused destination")
		l.wait(time.Second)
		l.did(overhear(1))
		l.did(overhear(2))
		l.fire()
		l.is(vrrp.Master)
		// A stranger with the same VRID, which is why this one is unicast.
		l.did(overhear(2, d.host(77), d.host(78)), "refused destination")
		l.wait(time.Hour - 1)
		l.did(overhear(2))
		l.wait(1)
		l.did(overhear(1, append([]netip.Addr{d.host(77)}, l.cfg.Addresses...)...), "refused destination", "notice configuration_mismatch")

		// One that lists none may be anybody.
		l.wait(time.Hour)
		l.did(overhear(1), "refused destination")

		// In a cloud neither has an address to list.
		l.reload(func(c *vrrp.Config) { c.Addresses = nil })
		l.wait(time.Hour)
		l.did(overhear(1), "refused destination", "notice configuration_mismatch")
		if n := l.r.Status().Counters.Refused[vrrp.RefusedDestination]; n != 8 {
			t.Errorf("counted %d", n)
		}
	})
}

// A manual failover: aside while a peer lives, back at once when it does not.
func TestSteppedAside(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		l := master(t, d, 200)
		until := l.now.Add(5 * time.Second)
		l.did(l.do(vrrp.SteppedAside{Until: until}), "advert 0", "release", "MASTER -> BACKUP: manual failover")
		l.due(d.down(200, time.Second))
		for range 5 {
			l.wait(time.Second-1).hear(1, 100)
			l.due(d.down(200, time.Second))
		}
		if st := l.r.Status(); !st.AsideUntil.Equal(until) {
			t.Errorf("aside until %v, want %v", st.AsideUntil, until)
		}
		l.now = until
		l.hear(1, 100)
		if st := l.r.Status(); !st.AsideUntil.IsZero() || !st.Master.Preempting {
			t.Errorf("still aside until %v: %+v", st.AsideUntil, st.Master)
		}
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CausePreempted)...)

		l = master(t, d, 200)
		l.do(vrrp.SteppedAside{Until: l.now.Add(time.Hour)})
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CauseMasterDown)...)

		// In BACKUP it puts off a takeover that is near.
		l = backup(t, d, 200)
		l.wait(3 * time.Second)
		l.did(l.do(vrrp.SteppedAside{Until: l.now.Add(time.Hour)}))
		l.due(d.down(200, time.Second))
		l.hear(1, 0)
		l.did(l.fire(), promotion(200, vrrp.Backup, vrrp.CauseMasterResigned)...)

		// Forgotten when stopped.
		l.do(vrrp.SteppedAside{Until: l.now.Add(time.Hour)})
		l.do(vrrp.Stopped{})
		if st := l.r.Status(); !st.AsideUntil.IsZero() {
			t.Errorf("aside until %v", st.AsideUntil)
		}
	})
}

// A new MASTER says whom it heard before: who fights with it over something
// else than adverts can be compared.
func TestPromotionNamesTheMasterBefore(t *testing.T) {
	both(t, func(t *testing.T, d dialect) {
		for _, priority := range []uint8{0, 200} {
			l := backup(t, d, 100)
			want := vrrp.MasterInfo{}
			if priority > 0 {
				l.hear(1, priority)
				want = l.r.Status().Master
			}
			at, _ := l.r.Deadline()
			found := false
			for _, a := range l.r.Step(at, vrrp.TimerExpired{}) {
				if tr, ok := a.(vrrp.ReportTransition); ok {
					found = tr.Before == want && want.Priority == priority
				}
			}
			if !found {
				t.Errorf("priority %d was heard: no report of a promotion with %+v", priority, want)
			}
		}
	})
}
