// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// TestEveryHistory enumerates to a small depth; VRRPD_DEPTH adds to it.
func TestEveryHistory(t *testing.T) {
	deeper := 0
	if v := os.Getenv("VRRPD_DEPTH"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("VRRPD_DEPTH: %v", err)
		}
		deeper = n
	}
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"two nodes, cold", Options{Nodes: 2, Depth: 9, Losses: 2, Events: 3}},
		{"two nodes, settled", Options{Nodes: 2, Depth: 9, Losses: 3, Events: 3, Settled: true}},
		{"two nodes, VRRPv2", Options{Nodes: 2, Depth: 9, Losses: 2, Events: 3, Version: vrrp.V2, Settled: true}},
		{"two nodes, equal", Options{Nodes: 2, Depth: 9, Losses: 2, Events: 3, Equal: true}},
		{"two nodes, group of two", Options{Nodes: 2, Segments: 2, Depth: 5, Losses: 2, Events: 2, Settled: true}},
		{"three nodes, cold", Options{Nodes: 3, Depth: 7, Losses: 2, Events: 2}},
		{"three nodes, settled", Options{Nodes: 3, Depth: 7, Losses: 2, Events: 2, Settled: true}},
	} {
		c.o.Depth += deeper
		began := time.Now()
		r, err := Run(c.o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: depth %d, %d losses, %d events: %d states, %d choices, %v", c.name, r.Depth, c.o.Losses, c.o.Events,
			r.States, r.Choices, time.Since(began).Round(time.Millisecond))
		if r.Broken != "" {
			t.Errorf("%s: %s\n%s", c.name, r.Broken, strings.Join(r.History, "\n"))
		}
		if r.States < 50 {
			t.Errorf("%s: only %d states", c.name, r.States)
		}
	}
}
