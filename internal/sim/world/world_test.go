// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

var vip = netip.MustParseAddr("192.0.2.100")

// pair is a world of two nodes, r1 with priority 200 and r2 with 100.
func pair(faults ...Fault) Setup {
	s := Setup{
		Seed: 7, Cloud: true, Late: 100 * time.Microsecond, Faults: faults,
		Net: Impairment{Latency: 100 * time.Microsecond, Jitter: time.Millisecond},
	}
	for i := range 2 {
		s.Nodes = append(s.Nodes, Node{
			Name: fmt.Sprintf("r%d", i+1),
			Config: engine.Config{Routers: []engine.Router{{
				Name: "vr", Config: vrrp.Config{
					ID:      vrrp.ID{Interface: "eth0", VRID: 1, Family: vrrp.IPv4},
					Version: vrrp.V3, Priority: uint8(200 - 100*i), Interval: time.Second, Addresses: []netip.Addr{vip},
				},
				Tracks: []engine.Tracking{{Track: engine.Track{Kind: engine.TrackScript, Name: "alive"}}},
			}}},
			Interfaces: []Interface{{Name: "eth0", Segment: "lan", Addresses: []netip.Prefix{
				netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 24),
			}}},
		})
	}
	return s
}

func mustNew(t *testing.T, s Setup) *World {
	t.Helper()
	w, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestEachFault runs each kind of fault alone: what serves meanwhile, and
// that r1 serves again in the end.
func TestEachFault(t *testing.T) {
	const at, long = 20 * time.Second, 20 * time.Second
	for _, c := range []struct {
		fault Fault
		owner string // in the middle of it
	}{
		{Fault{Kind: LinkDown, Node: "r1", On: "eth0"}, "r2"},
		{Fault{Kind: LinkFlap, Node: "r1", On: "eth0", Count: 1}, "r2"},
		{Fault{Kind: LinkGone, Node: "r1", On: "eth0"}, "r2"},
		{Fault{Kind: AddressLost, Node: "r1", On: "eth0"}, "r2"},
		{Fault{Kind: Crash, Node: "r1"}, "r1 r2"}, // the dead process's address stays on the host
		{Fault{Kind: Stop, Node: "r1"}, "r2"},
		{Fault{Kind: Suspend, Node: "r1"}, "r2"},
		{Fault{Kind: Pause, Node: "r1"}, "r2"},
		{Fault{Kind: SendFails, Node: "r1"}, "r1 r2"},
		{Fault{Kind: ScriptHangs, Node: "r1", On: "alive"}, "r1"},
		{Fault{Kind: TrackBad, Node: "r1", On: "alive"}, "r2"},
		{Fault{Kind: Partition, Node: "r1", On: "lan"}, "r1 r2"},
		{Fault{Kind: OneWay, Node: "r1", To: "r2", On: "lan"}, "r1 r2"},
		{Fault{Kind: Stall, Node: "r1"}, "r1 r2"},
		{Fault{Kind: Failover, Node: "r1", On: "vr"}, "r2"},
		{Fault{Kind: HostHangs, Node: "r1"}, "r1"},
		{Fault{Kind: CloudDown}, "r1"},
		{Fault{Kind: Hostile, Node: "r1", Count: 200}, "r1"},
		{Fault{Kind: Impair, On: "lan", Impair: Impairment{Duplicate: 0.5, Reorder: 0.5, Jitter: 10 * time.Millisecond}}, "r1"},
		{Fault{Kind: Impair, On: "lan", Impair: Impairment{Loss: 1}}, "r1 r2"},
	} {
		c.fault.At, c.fault.For = at, long
		w := mustNew(t, pair(c.fault))
		w.RunUntil(at + long/2)
		if got := strings.Join(w.Owners(vip), " "); got != c.owner {
			t.Errorf("%v: %q serves meanwhile, want %q", c.fault, got, c.owner)
		}
		w.RunUntil(at + long + 2*time.Minute)
		endsWell(t, w, c.fault.String())
	}
}

func endsWell(t *testing.T, w *World, what string) {
	t.Helper()
	r := w.Result()
	for _, v := range r.Violations {
		t.Errorf("%s: %v", what, v)
	}
	if got := w.Owners(vip); !slices.Equal(got, []string{"r1"}) {
		t.Errorf("%s: %v serves in the end", what, got)
	}
	if r.Counts.Judgements == 0 {
		t.Errorf("%s: nothing was judged", what)
	}
}

// TestMomentaryFaults are over as soon as they begin.
func TestMomentaryFaults(t *testing.T) {
	for _, f := range []Fault{
		{Kind: VIPRemoved, Node: "r1", On: "vr"},
		{Kind: ClockJump, Node: "r1", By: time.Hour},
		{Kind: ClockJump, Node: "r2", By: 10 * time.Second},
		{Kind: Reload, Node: "r1", On: "interval vr 200ms"},
		{Kind: Reload, Node: "r1", On: "start-delay vr 3s"},
		{Kind: Reload, Node: "r1", On: "preempt-delay vr 3s"},
		{Kind: Reload, Node: "r1", On: "add-address vr 192.0.2.101"},
		{Kind: Reload, Node: "r2", On: "remove vr"},
		{Kind: Reload, Node: "r1", On: "priority vr 0"}, // refused
		{Kind: Reload, Node: "r1", On: "priority nobody 3"},
	} {
		f.At = 20 * time.Second
		w := mustNew(t, pair(f))
		w.RunUntil(3 * time.Minute)
		endsWell(t, w, f.String())
	}
	w := mustNew(t, pair(Fault{At: 20 * time.Second, Kind: Reload, Node: "r1", On: "priority vr 50"}))
	w.RunUntil(3 * time.Minute)
	if got := w.Owners(vip); !slices.Equal(got, []string{"r2"}) || len(w.Result().Violations) > 0 {
		t.Errorf("%v serves after r1's priority fell to 50: %v", got, w.Result().Violations)
	}
}

// TestLongSleepOfAYoungWorld: what a machine did before it slept was before
// its clock began, then.
func TestLongSleepOfAYoungWorld(t *testing.T) {
	w := mustNew(t, pair(
		Fault{At: 5 * time.Second, For: time.Minute, Kind: Suspend, Node: "r1"},
		Fault{At: 6 * time.Second, For: 70 * time.Second, Kind: Stall, Node: "r1"},
	))
	w.RunUntil(4 * time.Minute)
	endsWell(t, w, "suspended and stalled")
}

// TestForeignNeighbours: either place can be taken by another implementation.
func TestForeignNeighbours(t *testing.T) {
	for _, h := range []Habits{Keepalived, FRR} {
		for i := range 2 {
			s := pair(Fault{At: 20 * time.Second, For: 20 * time.Second, Kind: LinkDown, Node: "r1", On: "eth0"})
			s.Nodes[i].Habits, s.Nodes[i].Config.Routers[0].Tracks = h, nil
			w := mustNew(t, s)
			w.RunUntil(30 * time.Second)
			if got := w.Owners(vip); !slices.Equal(got, []string{"r2"}) {
				t.Errorf("%s as r%d: %v serves meanwhile", h, i+1, got)
			}
			w.RunUntil(3 * time.Minute)
			endsWell(t, w, fmt.Sprintf("%s as r%d", h, i+1))
		}
	}
}

// TestKeepalivedRefusesOtherAddresses, and the world says so: two MASTERs.
func TestKeepalivedRefusesOtherAddresses(t *testing.T) {
	s := pair()
	s.Nodes[1].Habits, s.Nodes[1].Config.Routers[0].Tracks = Keepalived, nil
	s.Nodes[1].Config.Routers[0].Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	w := mustNew(t, s)
	w.RunUntil(time.Minute)
	if v := w.Result().Violations; len(v) == 0 || v[0].Rule != "one-master" {
		t.Errorf("violations %v, want one-master", v)
	}
}

func TestBadSetups(t *testing.T) {
	twice := pair()
	twice.Nodes[1].Name = "r1"
	invalid := pair()
	invalid.Nodes[0].Config.Routers[0].ID.VRID = 0
	tracking := pair()
	tracking.Nodes[0].Habits = FRR
	for name, s := range map[string]Setup{
		"no nodes":          {},
		"a name twice":      twice,
		"invalid config":    invalid,
		"foreign tracking":  tracking,
		"unknown node":      pair(Fault{Kind: Crash, Node: "r9"}),
		"unknown receiver":  pair(Fault{Kind: OneWay, Node: "r1", To: "r9"}),
		"unknown interface": pair(Fault{Kind: LinkFlap, Node: "r1", On: "eth9"}),
		"unknown segment":   pair(Fault{Kind: Impair, On: "wan"}),
		"unknown router":    pair(Fault{Kind: Failover, Node: "r1", On: "VR"}),
		"negative time":     pair(Fault{Kind: Crash, Node: "r1", At: -1}),
	} {
		if _, err := New(s); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestAgenda: first by time, then by planning.
func TestAgenda(t *testing.T) {
	var a agenda
	for seq, at := range []time.Duration{5, 1, 3, 1, 5, 2, 1} {
		a.push(at, uint64(seq), occurrence{fault: seq})
	}
	last, _ := a.pop()
	for len(a.heap) > 0 {
		next, o := a.pop()
		if next.before(last) || o.fault != int(next.seq) {
			t.Fatalf("%v, planned %d, comes after %v, planned %d", next.at, next.seq, last.at, last.seq)
		}
		last = next
	}
}
