// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/netio"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

// sockets returns the wires of two hosts, and the receiver's host.
func sockets(t *testing.T, r netio.Router, log *slog.Logger) (a, b *netns.Host, sender, receiver *netio.Wire) {
	t.Helper()
	a, b = lan(t)
	open := func(h *netns.Host, log *slog.Logger) *netio.Wire {
		w := netio.NewWire(log)
		t.Cleanup(func() { w.Close() })
		h.Do(func() {
			if err := w.Configure([]netio.Router{r}); err != nil {
				t.Fatal(err)
			}
		})
		return w
	}
	return a, b, open(a, slog.New(slog.DiscardHandler)), open(b, log)
}

// TestFloodStaysInTheKernel sends adverts of a VRID that is not here, or from
// nobody's peer, and good ones among them: each of the good ones is heard, of
// the others few, and none goes uncounted.
func TestFloodStaysInTheKernel(t *testing.T) {
	for _, tc := range []struct{ router, from, to string }{
		{"ens3/51/ipv4", "10.0.0.1", "224.0.0.18"},
		{"ens3/51/ipv6", "fe80::1", "ff02::12"},
		{"ens3/51/ipv4,unicast", "10.0.0.1", "10.0.0.2"},
		{"ens3/51/ipv6,unicast", "fe80::1", "fe80::2"},
	} {
		t.Run(tc.router, func(t *testing.T) {
			stranger := "10.0.0.77/24"
			if strings.Contains(tc.from, ":") {
				stranger = "fe80::77/64"
			}
			r := parseRouter(tc.router)
			if r.Unicast {
				r.OnlyFrom = []netip.Addr{netip.MustParseAddr(tc.from)}
			}
			var log strings.Builder
			a, b, sender, w := sockets(t, r, slog.New(slog.NewTextHandler(&log, nil)))
			a.Exec("ip", "addr", "add", stranger, "dev", "ens3", "nodad")
			good, bad, from := 0, 0, netip.MustParseAddr(tc.from)
			poll := func() {
				b.Do(func() {
					w.Poll(func(_ string, d vrrp.Datagram) {
						if d.Payload[2] == 1 {
							good++
						} else {
							bad++
						}
					})
				})
			}
			send := func(source netip.Addr, vrid, mark byte) {
				err := sender.Send(r.ID, vrrp.Packet{
					Source: source, Destination: netip.MustParseAddr(tc.to), Payload: []byte{0x31, vrid, mark, 0, 0, 100, 0, 0},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			const rounds, each = 200, 20
			for n := range rounds {
				for range each {
					if r.Unicast && n%2 == 0 {
						send(netip.MustParsePrefix(stranger).Addr(), 51, 0)
					} else {
						send(from, 52, 0)
					}
				}
				send(from, 51, 1)
				poll()
			}
			eventually(t, "all to be counted", func() bool {
				poll()
				return bad+int(w.Filtered()) >= rounds*each*99/100
			})
			if good != rounds || w.Filtered() == 0 || bad+int(w.Filtered()) > rounds*each*101/100 || w.Lost() != 0 || log.Len() > 0 {
				t.Errorf("of %d good ones %d were heard; of %d bad ones %d, and %d filtered; %d lost; log %q",
					rounds, good, rounds*each, bad, w.Filtered(), w.Lost(), &log)
			}
		})
	}
}

// TestNewRouterIsHeardThroughAClosedGate adds a router while its packets are
// being kept out.
func TestNewRouterIsHeardThroughAClosedGate(t *testing.T) {
	old, added := parseRouter("ens3/51/ipv4"), parseRouter("ens3/52/ipv4")
	_, b, sender, w := sockets(t, old, slog.New(slog.DiscardHandler))
	heard := 0
	send := func(n int) {
		for range n {
			err := sender.Send(old.ID, vrrp.Packet{
				Source: netip.MustParseAddr("10.0.0.1"), Destination: vrrp.GroupIPv4, Payload: []byte{0x31, 52, 0, 0, 0, 100, 0, 0},
			})
			if err != nil {
				t.Fatal(err)
			}
			b.Do(func() { w.Poll(func(string, vrrp.Datagram) { heard++ }) })
		}
	}
	send(500)
	if heard > 300 {
		t.Fatalf("%d packets heard: the gate is open", heard)
	}
	b.Do(func() {
		if err := w.Configure([]netio.Router{old, added}); err != nil {
			t.Fatal(err)
		}
	})
	b.Do(func() { w.Poll(func(string, vrrp.Datagram) {}) })
	heard = 0
	send(500)
	if heard != 500 {
		t.Errorf("of 500 packets %d were heard", heard)
	}
}
