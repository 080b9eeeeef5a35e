// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// BenchmarkOwnAndRelease measures how long the kernel's part of a promotion
// and a demotion takes, on a host with few routes and on one with many:
//
//	go test ./internal/host -run '^$' -bench OwnAndRelease
func BenchmarkOwnAndRelease(b *testing.B) {
	for _, tc := range []struct {
		name   string
		routes string
		vmac   *host.VMAC
	}{
		{"plain", "0", nil},
		{"virtual MAC", "0", &host.VMAC{}},
		{"plain, 100000 routes", "390", nil},
	} {
		b.Run(tc.name, func(b *testing.B) {
			require.Need(b, require.NetNS)
			h := netns.New(b).Host("a", netns.NIC{Name: "ens3", Segment: "one", Addresses: []string{"10.0.0.1/24"}})
			h.Exec("sh", "-c", `for i in $(seq 1 `+tc.routes+`); do for j in $(seq 0 255); do
				echo "route add 11.$((i/256)).$((i%256)).$j/32 via 10.0.0.2"; done; done | ip -batch -`)
			n := host.New(host.Options{Log: slog.New(slog.DiscardHandler)})
			h.Do(func() { own(b, n, tc.vmac) })
		})
	}
}

func own(b *testing.B, n *host.Host, vmac *host.VMAC) {
	err := n.Configure(b.Context(), []host.Router{{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: vmac}})
	if err != nil {
		b.Fatal(err)
	}
	var up, down time.Duration
	for b.Loop() {
		began := time.Now()
		if err := n.Apply(b.Context(), id4, host.Own); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if err := n.Apply(b.Context(), id4, host.Release); err != nil {
			b.Fatal(err)
		}
		up, down = up+between.Sub(began), down+time.Since(between)
	}
	b.ReportMetric(float64(up.Microseconds())/float64(b.N), "µs/own")
	b.ReportMetric(float64(down.Microseconds())/float64(b.N), "µs/release")
}
