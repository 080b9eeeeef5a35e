// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/govrrp/vrrpd/internal/netio"
)

// A unicast router hears multicast adverts too, where that can be.
func TestUnicastRouterOverhearsMulticast(t *testing.T) {
	for _, tc := range []struct{ router, from, to string }{
		{"ens3/51/ipv4", "10.0.0.1", "224.0.0.18"},
		{"ens3/51/ipv6", "fe80::1", "ff02::12"},
	} {
		t.Run(tc.router, func(t *testing.T) {
			a, b := lan(t)
			got := b.StartProgram(listen, tc.router+",unicast")
			got.Expect("listening")
			if err := send(t, a, parseRouter(tc.router), tc.from, tc.to, "hello"); err != nil {
				t.Fatal(err)
			}
			got.Expect(fmt.Sprintf("ens3: %s > %s ttl 255 %x", tc.from, tc.to, "hello"))
		})
	}
}

func TestUnicastNeedsNoMulticast(t *testing.T) {
	a, _ := lan(t)
	a.Sysctl("net/ipv4/igmp_max_memberships", "0")
	a.Do(func() {
		w := netio.NewWire(slog.New(slog.DiscardHandler))
		defer w.Close()
		if err := w.Configure([]netio.Router{parseRouter("ens3/51/ipv4,unicast")}); err != nil {
			t.Error(err)
		}
		both := []netio.Router{parseRouter("ens3/51/ipv4,unicast"), parseRouter("ens3/52/ipv4")}
		if err := w.Configure(both); err == nil {
			t.Error("a multicast router does without its group")
		}
	})
}
