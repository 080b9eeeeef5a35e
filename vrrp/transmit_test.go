// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// masterPackets returns the first packets of a MASTER with configuration c.
func masterPackets(t *testing.T, c vrrp.Config) []vrrp.Packet {
	t.Helper()
	r, err := vrrp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Step(vectorTime, vrrp.Started{})
	at, _ := r.Deadline()
	for _, a := range r.Step(at, vrrp.TimerExpired{}) {
		if send, ok := a.(vrrp.SendAdvert); ok {
			return send.Packets
		}
	}
	t.Fatalf("%+v: no advert from a %v", c, r.State())
	return nil
}

// TestRFC9568_5_1_Packet looks at whole packets: addresses and payload, for
// multicast and for unicast peers.
func TestRFC9568_5_1_Packet(t *testing.T) {
	for _, w := range wires(t) {
		family := vrrp.FamilyOf(w.src)
		want := mustParse(t, w.sealed())
		c := vrrp.Config{
			ID: vrrp.ID{Interface: "eth0", VRID: 51, Family: family}, Version: w.version,
			Priority: 100, Interval: want.Interval, Source: w.src,
		}
		for addr := range want.Addresses.All() {
			c.Addresses = append(c.Addresses, addr)
		}
		peers := []netip.Addr{w.src.Next(), w.src.Next().Next()}
		unicast, other, signed := c, c, c
		for _, p := range peers {
			unicast.Peers = append(unicast.Peers, vrrp.Peer{Address: p})
		}
		other.Group = netip.MustParseAddr("224.0.0.81")
		if family == vrrp.IPv6 {
			other.Group = netip.MustParseAddr("ff02::51")
		}
		key := hmacConfig()
		signed.HMAC = &key
		for _, tc := range []struct {
			cfg     vrrp.Config
			to      []netip.Addr
			trailer int
		}{
			{c, []netip.Addr{w.dst}, 0},
			{unicast, peers, 0},
			{other, []netip.Addr{other.Group}, 0},
			{signed, []netip.Addr{w.dst}, vrrp.TrailerLen},
		} {
			packets := masterPackets(t, tc.cfg)
			if len(packets) != len(tc.to) {
				t.Fatalf("%d packets, want %d", len(packets), len(tc.to))
			}
			for i, p := range packets {
				if p.Source != w.src || p.Destination != tc.to[i] {
					t.Errorf("from %v to %v, want from %v to %v", p.Source, p.Destination, w.src, tc.to[i])
				}
				got := mustParse(t, vrrp.Datagram{Source: p.Source, Destination: p.Destination, Payload: p.Payload})
				if describe(&got) != describe(&want) || len(got.Trailer) != tc.trailer {
					t.Errorf("sent %s and a trailer of %d, want %s and %d",
						describe(&got), len(got.Trailer), describe(&want), tc.trailer)
				}
			}
		}
	}
}

// The packets of one advert share a buffer: growing one must not spoil the next.
func TestMasterPacketsAreOwned(t *testing.T) {
	w := wires(t)[2]
	c := vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4}, Version: vrrp.V3, Priority: 100,
		Interval: time.Second, Source: w.src, Peers: []vrrp.Peer{{Address: w.src.Next()}, {Address: w.src.Prev()}},
	}
	packets := masterPackets(t, c)
	_ = append(packets[0].Payload, 0xff)
	for _, p := range packets {
		mustParse(t, vrrp.Datagram{Source: p.Source, Destination: p.Destination, Payload: p.Payload})
	}
}
