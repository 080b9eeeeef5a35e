// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

var (
	t0  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	vip = netip.MustParseAddr("192.0.2.9")
)

func testConfig(priority uint8) Config {
	return Config{
		ID:        ID{Interface: "eth0", VRID: 7, Family: IPv4},
		Version:   V3,
		Priority:  priority,
		Interval:  time.Second,
		Source:    netip.MustParseAddr("192.0.2.2"),
		Addresses: []netip.Addr{vip},
	}
}

// TestTakeOverFromSilence is the narrowest path: BACKUP, silence, MASTER,
// shutdown.
func TestTakeOverFromSilence(t *testing.T) {
	r, err := New(testConfig(100))
	if err != nil {
		t.Fatal(err)
	}
	r.Step(t0, Started{})
	if r.State() != Backup {
		t.Fatalf("state %v, want BACKUP", r.State())
	}
	at, ok := r.Deadline()
	if want := t0.Add(3*time.Second + 609375*time.Microsecond); !ok || !at.Equal(want) {
		t.Fatalf("deadline %v, want %v", at, want)
	}
	if got := r.Step(at.Add(-1), TimerExpired{}); len(got) != 0 {
		t.Fatalf("early timer did %v", got)
	}
	got := r.Step(at, TimerExpired{})
	if len(got) != 4 {
		t.Fatalf("promotion did %v", got)
	}
	advert := got[0].(SendAdvert)
	if advert.Priority != 100 || len(advert.Packets) != 1 || advert.Packets[0].Destination != GroupIPv4 {
		t.Errorf("advert %+v", advert)
	}
	if own := got[1].(SetOwnership); !own.Own {
		t.Errorf("ownership %+v", own)
	}
	if tr := got[3].(ReportTransition); tr.To != Master || tr.Cause.Code != CauseMasterDown {
		t.Errorf("transition %+v", tr)
	}
	got = r.Step(at.Add(time.Millisecond), Stopped{})
	if len(got) != 3 || got[0].(SendAdvert).Priority != PriorityResign || got[1].(SetOwnership).Own {
		t.Errorf("shutdown did %v", got)
	}
}

// TestRepeatedResignationDoesNotHoldBack: whoever repeats priority 0 faster than
// Skew_Time cannot keep a BACKUP from taking over.
func TestRepeatedResignationDoesNotHoldBack(t *testing.T) {
	r, err := New(testConfig(100))
	if err != nil {
		t.Fatal(err)
	}
	r.Step(t0, Started{})
	resign := AdvertReceived{
		Advert: Advertisement{
			Version: V3, Family: IPv4, VRID: 7, Priority: PriorityResign, Interval: time.Second,
			Addresses: MakeAddressList(IPv4, []netip.Addr{vip}),
		},
		Source: netip.MustParseAddr("192.0.2.3"), Destination: GroupIPv4, TTL: TTL,
	}
	r.Step(t0.Add(time.Second), resign)
	first, _ := r.Deadline()
	r.Step(t0.Add(1500*time.Millisecond), resign)
	second, _ := r.Deadline()
	if want := t0.Add(time.Second + 609375*time.Microsecond); !first.Equal(want) || !second.Equal(want) {
		t.Errorf("takes over at %v, then %v, want %v both times", first.Sub(t0), second.Sub(t0), want.Sub(t0))
	}
}
