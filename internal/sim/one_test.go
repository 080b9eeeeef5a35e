// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/sim/world"
)

// TestOneSeed replays the seed in VRRPD_SEED, or seed 0, with its whole trace:
//
//	VRRPD_SEED=42 VRRPD_NODES=3 VRRPD_DURATION=1h go test ./internal/sim -run TestOneSeed -v
func TestOneSeed(t *testing.T) {
	o := Options{Seed: setting(t, "VRRPD_SEED", 0), Nodes: int(setting(t, "VRRPD_NODES", 0)), Duration: 10 * time.Minute}
	if d := os.Getenv("VRRPD_DURATION"); d != "" {
		var err error
		if o.Duration, err = time.ParseDuration(d); err != nil {
			t.Fatalf("VRRPD_DURATION: %v", err)
		}
	}
	var log bytes.Buffer
	o.Log = &log
	if os.Getenv("VRRPD_FRAMES") != "" {
		o.Frames = world.Traffic
	}
	r, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", log.String())
	for _, v := range r.Violations {
		t.Error(v)
	}
}
