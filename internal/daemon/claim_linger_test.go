// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// releaseHost notes when addresses were released.
type releaseHost struct {
	runner.Host
	at []time.Time
}

func (h *releaseHost) Apply(context.Context, vrrp.ID, runner.Ownership) error {
	h.at = append(h.at, time.Now())
	return nil
}

// After demotion the address stays until the cloud shows it elsewhere, for at
// most the time that is configured, and not at all in FAULT.
func TestScenario72_AddressLingers(t *testing.T) {
	v := cloud.VIP(addr("10.0.0.4"))
	for _, tc := range []struct {
		name, words string
		to          vrrp.State
		taken       time.Duration // by the peer, after the demotion; 0: never
		again       time.Duration // MASTER again, after the demotion; 0: never
		min, max    time.Duration
	}{
		{"until the peer has it", "", vrrp.Backup, 1200 * time.Millisecond, 0, 1200 * time.Millisecond, 4 * time.Second},
		{"ten seconds at most", "", vrrp.Backup, 0, 0, 10 * time.Second, 10100 * time.Millisecond},
		{"as configured", "linger 2.5", vrrp.Backup, 0, 0, 2500 * time.Millisecond, 2600 * time.Millisecond},
		{"not at all when switched off", "linger 0", vrrp.Backup, 0, 0, 0, 0},
		{"not at all in FAULT", "", vrrp.Fault, 0, 0, 0, 100 * time.Millisecond},
		{"not at the end of the daemon", "", vrrp.Init, 0, 0, 0, 100 * time.Millisecond},
		{"not in a dry run", "mode dry_run", vrrp.Backup, 0, 0, 0, 100 * time.Millisecond},
		{"no longer once MASTER again", "", vrrp.Backup, 0, 3 * time.Second, 3 * time.Second, 3100 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			claim := "provider oci\nvips {\n10.0.0.4\n}\n" + tc.words
			inPair(t, claim, func(w *memory.World) { w.Add(v, "b/0") }, func(p *pair) {
				p.is(vrrp.Master, vrrp.CauseMasterResigned, time.Minute)
				inner := &releaseHost{}
				host := lingering{inner, p.d.claims}
				began := time.Now()
				done := make(chan error)
				id := routerID(parse(p.t, pairInstance[:len(pairInstance)-len("    cloud_claim edge\n}\n")]+"}\n").Instances[0])
				// The order to release comes before the report of the transition.
				go func() { done <- host.Apply(context.Background(), id, runner.Release) }()
				synctest.Wait()
				p.d.claims.transition(vi1, tc.to, vrrp.Cause{Code: vrrp.CauseBetterHeard}, 100)
				if tc.taken > 0 {
					time.AfterFunc(tc.taken, func() { p.w.Set(v, "b/0") })
				}
				if tc.again > 0 {
					time.AfterFunc(tc.again, func() { p.d.claims.transition(vi1, vrrp.Master, vrrp.Cause{Code: vrrp.CauseMasterDown}, 100) })
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				if took := time.Since(began); len(inner.at) != 1 || took < tc.min || took > tc.max {
					t.Errorf("released after %v (%d times), want %v to %v", took, len(inner.at), tc.min, tc.max)
				}
			})
		})
	}
}
