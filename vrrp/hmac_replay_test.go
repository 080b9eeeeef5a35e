// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func TestHMACWindow(t *testing.T) {
	for _, tc := range []struct {
		name     string
		window   time.Duration
		interval time.Duration
		late     time.Duration // receiver's clock less sender's
		want     vrrp.Refusal
	}{
		{"same", 0, time.Second, 0, 0},
		{"default is 5 s: behind", 0, time.Second, 5 * time.Second, 0},
		{"default is 5 s: ahead", 0, time.Second, -5 * time.Second, 0},
		{"default is 5 s: too far behind", 0, time.Second, 6 * time.Second, vrrp.RefusedHMACStale},
		{"default is 5 s: too far ahead", 0, time.Second, -6 * time.Second, vrrp.RefusedHMACStale},
		{"default is three intervals", 0, 10 * time.Second, 30 * time.Second, 0},
		{"more than three intervals", 0, 10 * time.Second, 31 * time.Second, vrrp.RefusedHMACStale},
		{"configured", 300 * time.Second, time.Second, 300 * time.Second, 0},
		{"more than configured", 2 * time.Second, 10 * time.Second, 3 * time.Second, vrrp.RefusedHMACStale},
		{"for ever", time.Second, time.Second, 30 * 365 * 24 * time.Hour, vrrp.RefusedHMACStale},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := hmacConfig()
			cfg.Window = tc.window
			l := newHMACLink(t, cfg, cfg)
			l.receiver = vrrp.NewAuthenticator(cfg, tc.interval)
			a := l.send(vectorTime)
			skew, got := l.receiver.Verify(&a, l.src, vectorTime.Add(tc.late))
			if got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
			if got == 0 && skew != tc.late {
				t.Errorf("skew %v, want %v", skew, tc.late)
			}
		})
	}
}

func TestHMACMonotonicIgnoresClocks(t *testing.T) {
	cfg := hmacConfig()
	cfg.Monotonic = true
	l := newHMACLink(t, cfg, cfg)
	day := 24 * time.Hour
	first := l.send(vectorTime.Add(day))
	l.expect("a day ahead", first, vectorTime, 0)
	l.expect("sender's clock set back: goes on counting", l.send(vectorTime), vectorTime, 0)
	l.expect("the first again", first, vectorTime, vrrp.RefusedHMACReplay)
	a := l.send(vectorTime.Add(2 * day))
	if skew, got := l.receiver.Verify(&a, l.src, vectorTime); skew != 0 || got != 0 {
		t.Errorf("Verify = %v, %v; want no skew, accepted", skew, got)
	}
}

func TestHMACSequenceNeverRepeats(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	now := vectorTime
	for i := range 200_000 { // more than the counter's 16 bits
		a := l.send(now)
		if _, got := l.receiver.Verify(&a, l.src, now); got != 0 {
			t.Fatalf("advert %d in one instant: %v", i, got)
		}
	}
	l.expect("clock two seconds back", l.send(now.Add(-2*time.Second)), now, 0)
	l.expect("clock on", l.send(now.Add(time.Second)), now, 0)
}

func TestHMACSequenceRecoversFromWrongClock(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	hour := time.Hour
	l.expect("an hour ahead", l.send(vectorTime.Add(hour)), vectorTime, vrrp.RefusedHMACStale)
	l.expect("clock put right", l.send(vectorTime), vectorTime, 0)

	// Both clocks were wrong together: the receiver's mark lies in the future.
	l.expect("both an hour ahead", l.send(vectorTime.Add(hour)), vectorTime.Add(hour), 0)
	good := l.send(vectorTime.Add(time.Second))
	l.expect("both put right", good, vectorTime.Add(time.Second), 0)
	l.expect("replay afterwards", good, vectorTime.Add(time.Second), vrrp.RefusedHMACReplay)
}

func TestHMACClockOutOfRange(t *testing.T) {
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<33, 0)} {
		l := newHMACLink(t, hmacConfig(), hmacConfig())
		l.expect("first", l.send(now), now, 0)
		l.expect("second", l.send(now), now, 0)
	}
}

func TestHMACReplayIsPerSender(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	l.expect("first sender", l.send(vectorTime.Add(time.Second)), vectorTime, 0)
	l.src = l.src.Next()
	l.sender = vrrp.NewAuthenticator(hmacConfig(), time.Second)
	l.expect("second sender, lower sequence", l.send(vectorTime), vectorTime, 0)
}

func TestHMACSendersAreBounded(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	peer := l.src
	captured := map[netip.Addr]vrrp.Advertisement{}
	hear := func(src netip.Addr) {
		l.src = src
		captured[src] = l.send(vectorTime)
		l.expect(src.String(), captured[src], vectorTime, 0)
	}
	replay := func(src netip.Addr, want vrrp.Refusal) {
		t.Helper()
		l.src = src
		l.expect("replay from "+src.String(), captured[src], vectorTime, want)
	}
	hear(peer)
	first := peer.Next()
	src := first
	for range 8 {
		hear(src)
		src = src.Next()
	}
	replay(first, vrrp.RefusedHMACReplay) // all eight are remembered
	hear(first)                           // first is now the most recently used
	hear(src)                             // a ninth evicts the least recently used
	replay(first, vrrp.RefusedHMACReplay)
	replay(first.Next(), 0) // forgotten; in time mode for a window at most
	for range 100 {
		src = src.Next()
		hear(src)
	}
	replay(peer, vrrp.RefusedHMACReplay) // a peer never is
}

func TestHMACReconfigure(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	old := l.send(vectorTime)
	l.expect("key 1", old, vectorTime, 0)

	both := hmacConfig()
	both.Keys = append(both.Keys, vrrp.HMACKey{ID: 2, Secret: hmacSecret(100)})
	switched := both
	switched.ActiveKey = 2
	only2 := vrrp.HMAC{Keys: both.Keys[1:], ActiveKey: 2}

	l.sender.Reconfigure(switched, time.Second)
	l.expect("key 2 before it is configured", l.send(vectorTime), vectorTime, vrrp.RefusedHMACKey)
	l.receiver.Reconfigure(both, time.Second, l.src)
	l.expect("replay after a reload", old, vectorTime, vrrp.RefusedHMACReplay)
	l.expect("key 2, same instant: sequence goes on", l.send(vectorTime), vectorTime, 0)
	l.receiver.Reconfigure(only2, time.Second, l.src)
	l.sender.Reconfigure(both, time.Second)
	l.expect("key 1 after it is dropped", l.send(vectorTime), vectorTime, vrrp.RefusedHMACKey)

	wrong := vrrp.HMAC{Keys: []vrrp.HMACKey{{ID: 2, Secret: hmacSecret(7)}}, ActiveKey: 2}
	l.sender.Reconfigure(wrong, time.Second)
	l.expect("another secret under one id", l.send(vectorTime), vectorTime, vrrp.RefusedHMACBad)
}

func TestHMACReconfigurePeers(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	old := l.send(vectorTime)
	l.expect("peer", old, vectorTime, 0)
	for i := range 50 { // a different set of peers with each reload
		peers := []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})}
		l.receiver.Reconfigure(hmacConfig(), time.Second, peers...)
	}
	l.expect("no peer any more, still remembered", old, vectorTime, vrrp.RefusedHMACReplay)
}

// Peers that are dropped become senders like any other: a few are remembered.
func TestHMACReconfigureDropsPeers(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	var peers []netip.Addr
	for i := range 20 {
		peers = append(peers, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
	}
	l.receiver = vrrp.NewAuthenticator(hmacConfig(), time.Second, peers...)
	heard := map[netip.Addr]vrrp.Advertisement{}
	for _, p := range peers {
		l.src = p
		heard[p] = l.send(vectorTime)
		l.expect("peer", heard[p], vectorTime, 0)
	}
	l.receiver.Reconfigure(hmacConfig(), time.Second)
	for i := len(peers) - 1; i >= 0; i-- {
		l.src = peers[i]
		var want vrrp.Refusal
		if i >= len(peers)-8 {
			want = vrrp.RefusedHMACReplay
		}
		l.expect("replay from "+l.src.String(), heard[l.src], vectorTime, want)
	}
}

// TestHMACOrder starts from a trailer that is wrong in every way and mends one
// fault at a time.
func TestHMACOrder(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	good := l.send(vectorTime)
	now := vectorTime.Add(time.Minute) // stale
	l.expect("a later one", l.send(now), now, 0)
	bad := good
	bad.Trailer = make([]byte, vrrp.TrailerLen)
	bad.Trailer[2] = 1
	for _, step := range []struct {
		want vrrp.Refusal
		mend func()
	}{
		{vrrp.RefusedHMACMalformed, func() { bad.Trailer[0] = 1 }},
		{vrrp.RefusedHMACMalformed, func() { bad.Trailer[2] = 0 }},
		{vrrp.RefusedHMACKey, func() { bad.Trailer[1] = 1 }},
		{vrrp.RefusedHMACStale, func() { copy(bad.Trailer[4:12], good.Trailer[4:12]); now = vectorTime.Add(5 * time.Second) }},
		{vrrp.RefusedHMACBad, func() { copy(bad.Trailer, good.Trailer) }},
	} {
		l.expect("mending", bad, now, step.want)
		step.mend()
	}
	l.expect("mended, first heard", bad, now, 0) // the later one lies beyond the window: its mark has expired
	l.expect("mended", bad, now, vrrp.RefusedHMACReplay)
}
