// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func benchRouter(b *testing.B, state vrrp.State) (*vrrp.Router, time.Time, *vrrp.AdvertReceived) {
	b.Helper()
	d := v3IPv4
	c := validConfig(d)
	c.Source, c.Addresses = d.host(50), append(c.Addresses, d.host(100), d.host(101))
	r, err := vrrp.New(c)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r.Step(now, vrrp.Started{})
	if state == vrrp.Master {
		now, _ = r.Deadline()
		r.Step(now, vrrp.TimerExpired{})
	}
	a := vrrp.Advertisement{
		Version: c.Version, Family: c.ID.Family, VRID: c.ID.VRID, Priority: 200, Interval: c.Interval,
		Addresses: vrrp.MakeAddressList(d.family, c.Addresses), Checksum: vrrp.ChecksumPseudo,
	}
	return r, now, &vrrp.AdvertReceived{Advert: a, Source: d.host(1), Destination: vrrp.GroupIPv4, TTL: 255}
}

func BenchmarkStepAccepted(b *testing.B) {
	r, now, ev := benchRouter(b, vrrp.Backup)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		r.Step(now, ev)
	}
}

func BenchmarkStepRefused(b *testing.B) {
	r, now, ev := benchRouter(b, vrrp.Backup)
	ev.TTL = 254
	b.ReportAllocs()
	for b.Loop() {
		r.Step(now, ev)
	}
}

func BenchmarkStepAdvertTimer(b *testing.B) {
	r, _, _ := benchRouter(b, vrrp.Master)
	b.ReportAllocs()
	for b.Loop() {
		at, _ := r.Deadline()
		r.Step(at, vrrp.TimerExpired{})
	}
}

// A refused packet and an accepted one must not allocate: that is what a
// flood is made of.
func TestStepAllocates(t *testing.T) {
	l := backup(t, v3IPv4, 100)
	ev := &vrrp.AdvertReceived{Advert: l.advert(200, time.Second), Source: l.d.host(1), Destination: vrrp.GroupIPv4, TTL: 255}
	refused := *ev
	refused.TTL = 64
	l.r.Step(l.now, ev)
	l.r.Step(l.now, &refused)
	for name, step := range map[string]vrrp.Event{
		"accepted": ev, "refused": &refused, "unfit": &vrrp.PacketRefused{Reason: vrrp.RefusedTTL, Source: l.d.host(1)},
	} {
		if n := testing.AllocsPerRun(100, func() { l.r.Step(l.now, step) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
