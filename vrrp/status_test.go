// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// The table of senders is bounded: the one silent longest makes room.
func TestPeerTable(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	for n := byte(101); n < 165; n++ { // 64 senders
		l.wait(time.Millisecond).hear(n, 200)
	}
	l.hear(101, 200)
	l.wait(time.Millisecond).hear(170, 200)
	var heard []byte
	for _, p := range l.r.Status().Peers {
		heard = append(heard, p.Address.As4()[3])
	}
	if len(heard) != 64 || slices.Contains(heard, 102) || !slices.Contains(heard, 101) || !slices.Contains(heard, 170) {
		t.Errorf("%d senders: %v", len(heard), heard)
	}
	if !slices.IsSorted(heard) {
		t.Errorf("not sorted: %v", heard)
	}
}

// What is noticed about a sender is noticed once, until it changes.
func TestPeerNotices(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	say := func(a vrrp.Advertisement) []string {
		return l.do(vrrp.AdvertReceived{Advert: a, Source: l.d.host(1), Destination: vrrp.GroupIPv4, TTL: -1})
	}
	a := l.advert(200, time.Second)
	l.did(say(a))
	a.Addresses = vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{l.d.host(101)})
	l.did(say(a), "notice address_list_mismatch")
	l.did(say(a))
	a.Addresses = vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{l.d.host(100), l.d.host(101)})
	l.did(say(a))
	a = l.advert(200, time.Second)
	l.did(say(a))
	a.Checksum = vrrp.ChecksumMessage
	l.did(say(a), "notice checksum_dialect")
	l.did(say(a))
	a.Checksum = vrrp.ChecksumPseudo
	l.did(say(a), "notice checksum_dialect")
	a.Priority = 100
	l.did(say(a), "notice equal_priority")
	l.did(say(a))
	a.Priority = 101
	l.did(say(a))
	p := l.r.Status().Peers[0]
	want := vrrp.PeerStatus{
		Address: l.d.host(1), LastHeard: l.now, Adverts: 11, Priority: 101, Interval: time.Second, Checksum: vrrp.ChecksumPseudo,
	}
	if p != want {
		t.Errorf("%+v\nwant %+v", p, want)
	}
	// A first advert in another dialect is worth a word, too.
	l = backup(t, v3IPv4, 100)
	a.Checksum = vrrp.ChecksumMessage
	a.Priority = 200
	l.did(say(a), "notice checksum_dialect")
	if c := l.r.Status().Counters; c.AdvertsReceived != 1 || c.PriorityZeroReceived != 0 {
		t.Errorf("counters %+v", c)
	}
	// Version 2 and IPv6 have one dialect only.
	for _, d := range []dialect{{vrrp.V2, vrrp.IPv4}, {vrrp.V3, vrrp.IPv6}} {
		l := backup(t, d, 100)
		l.did(l.hear(1, 200))
	}
}

// A clock that has used up half of the HMAC window is worth a word, once.
func TestClockSkew(t *testing.T) {
	h := hmacConfig()
	h.Mode, h.Monotonic, h.Window = vrrp.HMACEnforce, false, 10*time.Second
	l := backup(t, v3IPv4, 100, func(c *vrrp.Config) { c.HMAC = &h })
	sender := vrrp.NewAuthenticator(h, time.Second)
	say := func(behind time.Duration) []string {
		a := l.advert(200, time.Second)
		src := l.d.host(1)
		payload := sender.Append(nil, &a, src, vrrp.GroupIPv4, vrrp.ChecksumPseudo, l.now.Add(-behind))
		parsed, err := vrrp.Parse(vrrp.Datagram{Source: src, Destination: vrrp.GroupIPv4, TTL: 255, Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		return l.do(vrrp.AdvertReceived{Advert: parsed, Source: src, Destination: vrrp.GroupIPv4, TTL: 255})
	}
	l.did(say(5 * time.Second))
	l.wait(10 * time.Second)
	l.did(say(6*time.Second), "notice hmac_clock_skew")
	if p := l.r.Status().Peers[0]; p.ClockSkew != 6*time.Second {
		t.Errorf("skew %v", p.ClockSkew)
	}
	l.wait(time.Second)
	l.did(say(6 * time.Second))
	l.wait(time.Second)
	l.did(say(-4 * time.Second))
	l.wait(12 * time.Second)
	l.did(say(-6*time.Second), "notice hmac_clock_skew")
}

func TestStatus(t *testing.T) {
	l := backup(t, v3IPv4, 100, func(c *vrrp.Config) {
		c.Peers = []vrrp.Peer{{Address: v3IPv4.host(9)}, {Address: v3IPv4.host(1)}}
	})
	l.do(vrrp.AdvertReceived{Advert: l.advert(200, time.Second), Source: l.d.host(9), Destination: l.d.host(50), TTL: 64})
	st := l.r.Status()
	if st.ID != l.cfg.ID || st.ID != l.r.ID() || st.Version != vrrp.V3 || st.State != vrrp.Backup || !st.Since.Equal(l.start) ||
		st.Priority != 100 || l.r.Priority() != 100 || st.Source != l.d.host(50) || !slices.Equal(st.Addresses, l.cfg.Addresses) || st.Faults != nil {
		t.Errorf("status %+v", st)
	}
	if at, _ := l.r.Deadline(); !st.Deadline.Equal(at) {
		t.Errorf("deadline %v, want %v", st.Deadline, at)
	}
	if len(st.Peers) != 2 || st.Peers[0] != (vrrp.PeerStatus{Address: l.d.host(1)}) || st.Peers[1].Adverts != 1 {
		t.Errorf("peers %+v", st.Peers)
	}
	// It is a copy.
	st.Addresses[0], st.Peers[1].Adverts = netip.Addr{}, 99
	if again := l.r.Status(); again.Addresses[0] != l.d.host(100) || again.Peers[1].Adverts != 1 {
		t.Error("status is not a copy")
	}
	l = master(t, v3IPv4, 100)
	l.hear(60, 0)
	l.do(vrrp.Stopped{})
	if c := l.r.Status().Counters; c.BecameMaster != 1 || c.ReleasedMaster != 1 || c.Transitions != 3 || c.PriorityZeroSent != 1 ||
		c.PriorityZeroReceived != 1 || c.AdvertsReceived != 1 || c.AdvertsSent != 3 || c.Announcements != 1 {
		t.Errorf("counters %+v", c)
	}
}
