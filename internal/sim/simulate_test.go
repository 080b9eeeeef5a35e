// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

func TestSimulate(t *testing.T) {
	var out strings.Builder
	calls := 0
	err := Simulate(&out, SimulateOptions{Seeds: 3, Nodes: 2, Duration: 5 * time.Minute, Progress: func(done, of int) bool {
		calls++
		return done < 2
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 runs, 10m0s of virtual time", "runs that broke a rule: 0", "without a MASTER: ", "█"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, out.String())
		}
	}
	if calls != 2 {
		t.Errorf("progress called %d times, want 2", calls)
	}
}

// userConfig is as it comes from a file: unicast, no source address given.
func userConfig() engine.Config {
	return engine.Config{Routers: []engine.Router{{Name: "VI_1", Config: vrrp.Config{
		ID:      vrrp.ID{Interface: "ens5", VRID: 51, Family: vrrp.IPv4},
		Version: vrrp.V2, Priority: 150, Interval: time.Second,
		Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.9")},
		Peers:     []vrrp.Peer{{Address: netip.MustParseAddr("198.51.100.2")}},
	}}}}
}

func TestUserConfigurations(t *testing.T) {
	a, b := userConfig(), userConfig()
	b.Routers[0].Priority = 100
	b.Routers[0].ID.Interface = "eth0"
	b.Routers[0].Peers = []vrrp.Peer{{Address: netip.MustParseAddr("198.51.100.1")}}
	var out strings.Builder
	for name, o := range map[string]SimulateOptions{
		"one for each": {Configs: []engine.Config{a, b}},
		"one for all":  {Configs: []engine.Config{a}, Nodes: 3},
	} {
		out.Reset()
		o.Seeds, o.Duration = 5, 10*time.Minute
		if err := Simulate(&out, o); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
		if !strings.Contains(out.String(), "5 runs") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}

// TestMistakeIsFound: peers that refuse each other make two MASTERs, and the
// explanation needs no fault at all.
func TestMistakeIsFound(t *testing.T) {
	a, b := userConfig(), userConfig()
	b.Routers[0].Peers = []vrrp.Peer{{Address: netip.MustParseAddr("198.51.100.1")}}
	b.Routers[0].Interval = 2 * time.Second // VRRPv2 demands one interval of all
	var out strings.Builder
	err := Simulate(&out, SimulateOptions{Seeds: 1, Configs: []engine.Config{a, b}, Command: "vrrpd simulate --conf a"})
	if !errors.Is(err, ErrViolated) {
		t.Fatalf("error %v, want ErrViolated\n%s", err, out.String())
	}
	for _, want := range []string{"one-master", "replay: vrrpd simulate --conf a --seed 0 --seeds 1 --duration 1h0m0s --trace\n", "0 of its ", "refused: interval"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the explanation lacks %q:\n%s", want, out.String())
		}
	}
}

// TestFaultsAreData: a list of faults survives printing.
func TestFaultsAreData(t *testing.T) {
	for seed := range uint64(50) {
		g := newGenerator(seed)
		faults := g.faults(g.universe(3), 20*time.Minute)
		var text strings.Builder
		for _, f := range faults {
			text.WriteString(f.String() + "\n")
		}
		got, err := world.ParseFaults(strings.NewReader("# a comment\n\n" + text.String()))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, faults) {
			t.Fatalf("seed %d: read back\n%v\nwant\n%v", seed, got, faults)
		}
	}
	for _, bad := range []string{"1s", "x 1s crash", "1s x crash", "1s 1s flood", "1s 1s crash colour=red", "1s 1s impair loss=much"} {
		if _, err := world.ParseFaults(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
