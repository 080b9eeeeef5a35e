// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// A v3 router over IPv4 sends in the dialect it is told to, else in the one
// the receiver was heard to use, else with the pseudo-header.
func TestChecksumDialect(t *testing.T) {
	peers := []vrrp.Peer{{Address: v3IPv4.host(1)}, {Address: v3IPv4.host(2)}}
	sent := func(l *lab) (all []vrrp.Checksum) {
		at, _ := l.r.Deadline()
		for _, a := range l.r.Step(at, vrrp.TimerExpired{}) {
			send, ok := a.(vrrp.SendAdvert)
			if !ok {
				continue
			}
			for _, p := range send.Packets {
				a := mustParse(t, vrrp.Datagram{Source: p.Source, Destination: p.Destination, TTL: 255, Payload: p.Payload})
				all = append(all, a.Checksum)
			}
		}
		return all
	}
	for _, tc := range []struct {
		peers []vrrp.Peer
		told  vrrp.Checksum
		heard vrrp.Checksum // from host 1
		want  []vrrp.Checksum
	}{
		{nil, vrrp.ChecksumUnknown, vrrp.ChecksumUnknown, []vrrp.Checksum{vrrp.ChecksumPseudo}},
		{nil, vrrp.ChecksumMessage, vrrp.ChecksumUnknown, []vrrp.Checksum{vrrp.ChecksumMessage}},
		{nil, vrrp.ChecksumUnknown, vrrp.ChecksumMessage, []vrrp.Checksum{vrrp.ChecksumMessage}},
		{nil, vrrp.ChecksumPseudo, vrrp.ChecksumMessage, []vrrp.Checksum{vrrp.ChecksumPseudo}},
		{peers, vrrp.ChecksumUnknown, vrrp.ChecksumUnknown, []vrrp.Checksum{vrrp.ChecksumPseudo, vrrp.ChecksumPseudo}},
		{peers, vrrp.ChecksumUnknown, vrrp.ChecksumMessage, []vrrp.Checksum{vrrp.ChecksumMessage, vrrp.ChecksumPseudo}},
		{peers, vrrp.ChecksumMessage, vrrp.ChecksumPseudo, []vrrp.Checksum{vrrp.ChecksumMessage, vrrp.ChecksumMessage}},
	} {
		l := backup(t, v3IPv4, 100, func(c *vrrp.Config) { c.Peers, c.Checksum = tc.peers, tc.told })
		if tc.heard != vrrp.ChecksumUnknown {
			a := l.advert(200, time.Second)
			a.Checksum = tc.heard
			to := vrrp.GroupIPv4
			if tc.peers != nil {
				to = l.d.host(50)
			}
			l.do(vrrp.AdvertReceived{Advert: a, Source: l.d.host(1), Destination: to, TTL: 255})
		}
		got := sent(l)
		for i := range tc.want {
			if len(got) != len(tc.want) || got[i] != tc.want[i] {
				t.Errorf("told %v heard %v: sent %v, want %v", tc.told, tc.heard, got, tc.want)
				break
			}
		}
	}
}

// Bounds of a peer's TTL; both zero means any, and so does a TTL that the
// socket did not tell.
func TestPeerTTL(t *testing.T) {
	for _, tc := range []struct {
		low, high uint8
		ttl       int
		refused   bool
	}{
		{0, 0, 0, false},
		{0, 0, 255, false},
		{1, 0, -1, false},
		{1, 0, 0, true},
		{1, 0, 1, false},
		{1, 0, 255, false},
		{5, 9, 4, true},
		{5, 9, 5, false},
		{5, 9, 9, false},
		{5, 9, 10, true},
		{0, 9, 0, false},
		{0, 9, 10, true},
		{0, 1, 2, true},
	} {
		l := backup(t, v3IPv4, 100, func(c *vrrp.Config) {
			c.Peers = []vrrp.Peer{{Address: v3IPv4.host(9)}, {Address: v3IPv4.host(1), MinTTL: tc.low, MaxTTL: tc.high}}
		})
		got := l.do(vrrp.AdvertReceived{Advert: l.advert(200, time.Second), Source: l.d.host(1), Destination: l.d.host(50), TTL: tc.ttl})
		if refused := len(got) == 1 && got[0] == "refused ttl"; refused != tc.refused {
			t.Errorf("%d…%d, TTL %d: %q", tc.low, tc.high, tc.ttl, got)
		}
	}
}

// VRRPv2 has no authentication over IPv6 (keepalived sends the type all the same).
func TestNoAuthenticationOverIPv6(t *testing.T) {
	l := backup(t, dialect{vrrp.V2, vrrp.IPv6}, 100)
	a := l.advert(200, time.Second)
	a.AuthType = vrrp.AuthPass
	l.did(l.do(vrrp.AdvertReceived{Advert: a, Source: l.d.host(1), Destination: vrrp.GroupIPv6, TTL: 255}))
}

// Bursts of one frame, and no second burst unless it is asked for.
func TestSmallBursts(t *testing.T) {
	l := master(t, v3IPv4, 100, func(c *vrrp.Config) { c.Announce = vrrp.Announcing{LowerRepeat: 1, Delay: time.Second / 2} })
	l.wait(time.Second / 4)
	l.did(l.hear(60, 1), "notice lower_priority_advert", "advert 100", "announce x1")
	l.due(time.Second / 4)
	l.did(l.fire(), "announce x5")
	// A reload takes the burst away while the second one is outstanding.
	l = master(t, v3IPv4, 100, func(c *vrrp.Config) { c.Announce = vrrp.Announcing{LowerRepeat: 3, LowerDelay: time.Second / 2} })
	l.hear(60, 1)
	l.reload(func(c *vrrp.Config) { c.Announce.LowerRepeat = 0 })
	l.did(l.fire(), "announce x1")
}

// A claim does not outlast a manual failover, nor a group's FAULT a reload.
func TestGroupedRest(t *testing.T) {
	l := backup(t, v3IPv4, 100, grouped)
	l.fire()
	l.did(l.do(vrrp.SteppedAside{Until: l.now.Add(time.Minute)}), "vote yield")
	l = backup(t, v3IPv4, 100, grouped)
	l.rules(vrrp.VerdictFault)
	l.did(l.reload(func(c *vrrp.Config) { c.NoPreempt = true }))
	l.is(vrrp.Fault)
}

// A resignation that is not the MASTER's is none of the partners' business.
func TestWhoResigned(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	l.hear(1, 200)
	l.did(l.hear(2, 0))
	l.due(v3IPv4.skew(100, time.Second))
	l.did(l.hear(1, 0), "notice master_resigned")
	// The wait is never made longer.
	l = backup(t, v3IPv4, 100)
	l.wait(v3IPv4.down(100, time.Second) - time.Millisecond)
	l.did(l.hear(1, 0), "notice master_resigned")
	l.due(time.Millisecond)
}

// The sender silent longest makes room, the first one too.
func TestPeerTableFirst(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	for n := byte(101); n <= 165; n++ { // 65 senders
		l.wait(time.Millisecond).hear(n, 200)
	}
	for _, p := range l.r.Status().Peers {
		if p.Address == netip.AddrFrom4([4]byte{192, 0, 2, 101}) {
			t.Error("the first sender is still there")
		}
	}
}

// The report of a key that is not ours names it, and not the one beside it.
func TestRefusedKey(t *testing.T) {
	h := hmacConfig()
	h.Mode = vrrp.HMACEnforce
	l := backup(t, v3IPv4, 100, func(c *vrrp.Config) { c.HMAC = &h })
	a := l.advert(200, time.Second)
	payload := a.AppendTo(nil, l.d.host(1), vrrp.GroupIPv4, vrrp.ChecksumPseudo)
	a.Message, a.Trailer = payload, make([]byte, vrrp.TrailerLen)
	a.Trailer[0], a.Trailer[1] = 1, 99
	for _, got := range l.r.Step(l.now, vrrp.AdvertReceived{Advert: a, Source: l.d.host(1), Destination: vrrp.GroupIPv4, TTL: 255}) {
		if r := got.(vrrp.ReportRefusal); r.Reason != vrrp.RefusedHMACKey || r.Detail != "key id 99" {
			t.Errorf("%v", got)
		}
	}
}
