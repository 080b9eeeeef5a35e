// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// TestEveryHistory enumerates until nothing new is reached; VRRPD_DEEPER=1
// allows one more event each, which takes some minutes.
func TestEveryHistory(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"two nodes", Options{Nodes: 2, Losses: 2, Events: 2, Settled: true}},
		{"two nodes from a cold start", Options{Nodes: 2, Losses: 2, Events: 1}},
		{"two nodes, VRRPv2", Options{Nodes: 2, Losses: 2, Events: 2, Version: vrrp.V2, Settled: true}},
		{"two nodes, equal priorities", Options{Nodes: 2, Losses: 1, Events: 1, Equal: true}},
		{"two nodes, a group of two", Options{Nodes: 2, Segments: 2, Losses: 1, Events: 1, Settled: true}},
		{"three nodes", Options{Nodes: 3, Losses: 1, Events: 1, Settled: true}},
		{"three nodes from a cold start", Options{Nodes: 3, Losses: 1}},
	} {
		if os.Getenv("VRRPD_DEEPER") != "" {
			c.o.Events++
		}
		began := time.Now()
		r, err := Run(c.o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %d losses, %d events: %d states, %d choices, the last new state after %d, %v", c.name, c.o.Losses, c.o.Events,
			r.States, r.Choices, r.Depth, time.Since(began).Round(time.Millisecond))
		if r.Broken != "" {
			t.Errorf("%s: %s\n%s", c.name, r.Broken, strings.Join(r.History, "\n"))
		} else if !r.Complete || r.States < 50 {
			t.Errorf("%s: complete %v, %d states", c.name, r.Complete, r.States)
		}
	}
}

// TestBounds end an exploration early, and it says so.
func TestBounds(t *testing.T) {
	for _, o := range []Options{{Nodes: 2, Losses: 1, Events: 1, Depth: 4}, {Nodes: 2, Losses: 1, Events: 1, Most: 20}} {
		r, err := Run(o)
		if err != nil || r.Complete || r.States < 10 || o.Most > 0 && r.States != o.Most || o.Depth > 0 && r.Depth != o.Depth {
			t.Errorf("%+v: %+v, %v", o, r, err)
		}
	}
	if _, err := Run(Options{Nodes: 9}); err == nil {
		t.Error("nine nodes are accepted")
	}
}
