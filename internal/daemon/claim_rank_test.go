// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Whoever heard a higher MASTER before gives way after three losses, whoever
// heard nobody after six, whoever heard a lower one never; and the one that
// gave way goes on when a lower one is heard.
func TestClaimRank(t *testing.T) {
	for _, tc := range []struct {
		before vrrp.MasterInfo
		losses int // until it gives way; 0: it does not
	}{
		{vrrp.MasterInfo{Address: addr("10.0.0.3"), Priority: 150}, 3},
		{vrrp.MasterInfo{}, 6},
		{vrrp.MasterInfo{Address: addr("10.0.0.3"), Priority: 50}, 0},
	} {
		inPair(t, "provider oci\nvips {\n10.0.0.4\n}", func(w *memory.World) { w.Add(cloud.VIP(addr("10.0.0.4")), "b/0") }, func(p *pair) {
			report := func(a vrrp.Action) {
				id := slices.Collect(maps.Keys(p.d.claims.routers))[0]
				p.d.sink.Report(time.Now(), engine.Output{Router: id, Name: vi1.Name, Action: a})
			}
			report(vrrp.ReportTransition{To: vrrp.Master, Cause: vrrp.Cause{Code: vrrp.CauseMasterDown}, Priority: 100, Before: tc.before})
			p.d.claims.proceed(vi1)
			p.wait(time.Minute)
			lost := 0
			for p.status().State != cloud.StateYielded && lost < 7 {
				p.w.Set(cloud.VIP(addr("10.0.0.4")), "b/0")
				p.wait(40 * time.Second)
				lost++
			}
			if tc.losses > 0 && lost != tc.losses || tc.losses == 0 && lost != 7 {
				t.Errorf("heard priority %d: %d losses until it gave way, want %d", tc.before.Priority, lost, tc.losses)
			}
			report(vrrp.ReportNotice{Notice: vrrp.NoticeLowerPriority, Source: addr("10.0.0.3"), Priority: 100})
			p.wait(time.Minute)
			if s := p.status().State; s != cloud.StateHeld {
				t.Errorf("heard priority %d: %s after a lower one was heard", tc.before.Priority, s)
			}
		})
	}
}
