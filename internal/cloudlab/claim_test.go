// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/build"
)

// One shot moves what it is told, says so, and has nothing to do the second time.
func TestClaimOnce(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := newSite(t, k.name)
			v := s.vms[1]
			for range 2 {
				v.host.Exec(v.claimCommand(slices.Concat(s.flags...)...)...)
				if !v.owns() {
					t.Fatal("exit code 0, and not everything is here")
				}
			}
		})
	}
}

// BenchmarkClaim measures `vrrpd claim` of one item, from the start of the
// process to its first request to the metadata service, to its first to the
// API, and to its end.
//
//	go test -run '^$' -bench 'Claim$' -benchtime 20x ./internal/cloudlab
func BenchmarkClaim(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			s := newSite(b, k.name)
			build.Vrrpd(b) // not in the time of the first
			var meta, api, end []time.Duration
			for b.Loop() {
				v := s.vms[1-len(end)%2]
				v.firstMeta.Store(0)
				v.firstAPI.Store(0)
				began := time.Now()
				v.host.Exec(v.claimCommand(s.flags[0]...)...)
				end = append(end, time.Since(began))
				meta = append(meta, time.Unix(0, v.firstMeta.Load()).Sub(began))
				api = append(api, time.Unix(0, v.firstAPI.Load()).Sub(began))
			}
			b.ReportMetric(0, "ns/op")
			report(b, "metadata", meta)
			report(b, "api", api)
			report(b, "end", end)
		})
	}
}
