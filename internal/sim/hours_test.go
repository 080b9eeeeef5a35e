// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"strings"
	"testing"
	"time"
)

// TestHours lives through whole hours of three to five nodes: VRRPD_HOURS of
// them, from the seed VRRPD_FROM on.
//
//	VRRPD_FROM=2000 VRRPD_HOURS=1000 go test ./internal/sim -run TestHours -v -timeout 1h
func TestHours(t *testing.T) {
	from, hours := setting(t, "VRRPD_FROM", 0), setting(t, "VRRPD_HOURS", 10)
	var sum Summary
	began := time.Now()
	for seed := from; seed < from+hours; seed++ {
		o := Options{Seed: seed, Nodes: 3 + int(seed%3), Duration: time.Hour}
		r, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(r, o.Duration)
		for _, v := range r.Violations {
			t.Errorf("seed %d, %d nodes: %v", seed, o.Nodes, v)
		}
	}
	var out strings.Builder
	if err := sum.Write(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("in %v, %v an hour:\n%s", time.Since(began).Round(time.Second), (time.Since(began) / time.Duration(sum.Runs)).Round(time.Millisecond), out.String())
}

// BenchmarkHour is a whole hour of three nodes under faults.
func BenchmarkHour(b *testing.B) {
	seed := uint64(0)
	for b.Loop() {
		if _, err := Run(Options{Seed: seed, Nodes: 3, Duration: time.Hour}); err != nil {
			b.Fatal(err)
		}
		seed++
	}
}
