// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
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

// BenchmarkFleet measures a whole host of routers that own and release their
// addresses one after the other, as a failover makes them.
func BenchmarkFleet(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			require.Need(b, require.NetNS)
			h := netns.New(b).Host("a")
			var routers []host.Router
			for i := range size {
				name := fmt.Sprintf("ens%d", i/250)
				if i%250 == 0 {
					if err := h.Plug(netns.NIC{Name: name, Segment: name}); err != nil {
						b.Fatal(err)
					}
				}
				routers = append(routers, host.Router{
					ID:        vrrp.ID{Interface: name, VRID: uint8(i%250 + 1), Family: vrrp.IPv4},
					Addresses: vips(fmt.Sprintf("10.1.%d.%d/32", i/250, i%250), fmt.Sprintf("10.2.%d.%d/32", i/250, i%250)),
				})
			}
			n := host.New(host.Options{Log: slog.New(slog.DiscardHandler)})
			h.Do(func() { ownAll(b, n, routers) })
		})
	}
}

func ownAll(b *testing.B, n *host.Host, routers []host.Router) {
	if err := n.Configure(b.Context(), routers); err != nil {
		b.Fatal(err)
	}
	var took [2]time.Duration
	for b.Loop() {
		for i, want := range []host.Ownership{host.Own, host.Release} {
			began := time.Now()
			for _, r := range routers {
				if err := n.Apply(b.Context(), r.ID, want); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(began)
		}
	}
	per := float64(b.N * len(routers))
	b.ReportMetric(float64(took[0].Microseconds())/per, "µs/own")
	b.ReportMetric(float64(took[1].Microseconds())/per, "µs/release")
}
