// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/sim/world"
)

// TestFailover is the smallest history: two nodes elect, the MASTER crashes,
// the other takes over, the first comes back and preempts.
func TestFailover(t *testing.T) {
	var log bytes.Buffer
	r, err := Run(Options{Seed: 3, Nodes: 2, Duration: time.Minute, Log: &log, Faults: []world.Fault{
		{At: 10 * time.Second, For: 20 * time.Second, Kind: world.Crash, Node: "r1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) > 0 {
		t.Fatalf("%v\n%s", r.Violations, log.String())
	}
	if r.Counts.Transitions < 4 {
		t.Errorf("%d transitions:\n%s", r.Counts.Transitions, log.String())
	}
}

// TestSameSeedSameLog: a run is a function of its seed, to the byte.
func TestSameSeedSameLog(t *testing.T) {
	for seed := range uint64(10) {
		var logs [2]bytes.Buffer
		for i := range logs {
			o := Options{Seed: seed, Duration: 5 * time.Minute, Log: &logs[i], Frames: world.Traffic}
			if _, err := Run(o); err != nil {
				t.Fatal(err)
			}
		}
		if logs[0].Len() == 0 || !bytes.Equal(logs[0].Bytes(), logs[1].Bytes()) {
			t.Errorf("seed %d: the two logs of %d and %d bytes differ", seed, logs[0].Len(), logs[1].Len())
		}
	}
}

// setting reads a number from the environment.
func setting(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// TestSeeds runs generated universes through generated faults.
func TestSeeds(t *testing.T) {
	var sum world.Counts
	for seed := range setting(t, "VRRPD_SEEDS", 200) {
		r, err := Run(Options{Seed: seed, Duration: 10 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		if t.Failed() && os.Getenv("VRRPD_FIRST") != "" {
			t.FailNow() // one is enough for who asked
		}
		sum.Judgements += r.Counts.Judgements
		sum.Transitions += r.Counts.Transitions
	}
	t.Logf("%d transitions, %d quiet windows judged", sum.Transitions, sum.Judgements)
	if sum.Judgements == 0 {
		t.Error("no quiet window was ever judged")
	}
}
