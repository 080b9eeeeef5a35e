// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHours lives through whole hours of three to five nodes: VRRPD_HOURS of
// them, for no longer than VRRPD_BUDGET.
//
//	VRRPD_HOURS=10000 VRRPD_BUDGET=10m go test ./internal/sim -run TestHours -v -timeout 1h
func TestHours(t *testing.T) {
	hours, budget := 10, time.Hour
	var err error
	if v := os.Getenv("VRRPD_HOURS"); v != "" {
		if hours, err = strconv.Atoi(v); err != nil {
			t.Fatalf("VRRPD_HOURS: %v", err)
		}
	}
	if v := os.Getenv("VRRPD_BUDGET"); v != "" {
		if budget, err = time.ParseDuration(v); err != nil {
			t.Fatalf("VRRPD_BUDGET: %v", err)
		}
	}
	var sum Summary
	began := time.Now()
	for seed := range uint64(hours) {
		o := Options{Seed: seed, Nodes: 3 + int(seed%3), Duration: time.Hour}
		r, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(r, o.Duration)
		for _, v := range r.Violations {
			t.Errorf("seed %d, %d nodes: %v", seed, o.Nodes, v)
		}
		if time.Since(began) > budget {
			break
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
