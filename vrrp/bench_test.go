// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/vrrp"
)

// benchName says which form of advert w is.
func benchName(w wire) string {
	return fmt.Sprintf("v%d-%v", w.version, vrrp.FamilyOf(w.src))
}

func TestCodecDoesNotAllocate(t *testing.T) {
	for _, w := range wires(t) {
		d := w.sealed()
		a := mustParse(t, d)
		buf := make([]byte, 0, a.Len())
		bad := d
		bad.Payload = d.Payload[:len(d.Payload)-1]
		h := vrrp.NewAuthenticator(hmacConfig(), time.Second, w.src)
		now := vectorTime
		signed := make([]byte, 0, a.Len()+vrrp.TrailerLen)
		for name, f := range map[string]func(){
			"Parse":        func() { _, _ = vrrp.Parse(d) },
			"Parse refuse": func() { _, _ = vrrp.Parse(bad) },
			"AppendTo":     func() { a.AppendTo(buf, w.src, w.dst, vrrp.ChecksumPseudo) },
			"Sign and verify": func() {
				s := h.Append(signed, &a, w.src, w.dst, vrrp.ChecksumPseudo, now)
				heard, err := vrrp.Parse(vrrp.Datagram{Source: w.src, Destination: w.dst, Payload: s})
				if _, refused := h.Verify(&heard, w.src, now); err != nil || refused != 0 {
					t.Fatal(err, refused)
				}
			},
		} {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%s %s: %v allocations, want 0", benchName(w), name, n)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, w := range wires(b) {
		d := w.sealed()
		b.Run(benchName(w), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := vrrp.Parse(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGopacketParse decodes the packet of BenchmarkParse/v2-ipv4 with
// gopacket, which knows VRRPv2 over IPv4 and does not verify the checksum.
func BenchmarkGopacketParse(b *testing.B) {
	d := wires(b)[0].sealed()
	b.Run("new-layer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var l layers.VRRPv2
			if err := l.DecodeFromBytes(d.Payload, gopacket.NilDecodeFeedback); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("packet", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := gopacket.NewPacket(d.Payload, layers.LayerTypeVRRP, gopacket.NoCopy)
			if p.ErrorLayer() != nil {
				b.Fatal(p.ErrorLayer())
			}
		}
	})
}

func BenchmarkAppendTo(b *testing.B) {
	for _, w := range wires(b) {
		a := mustParse(b, w.sealed())
		buf := make([]byte, 0, a.Len())
		b.Run(benchName(w), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = a.AppendTo(buf[:0], w.src, w.dst, vrrp.ChecksumPseudo)
			}
		})
	}
}

func BenchmarkHMAC(b *testing.B) {
	w := wires(b)[2]
	a := mustParse(b, w.sealed())
	cfg := hmacConfig()
	cfg.Monotonic = true // the clock stands still below
	h := vrrp.NewAuthenticator(cfg, time.Second, w.src)
	buf := make([]byte, 0, a.Len()+vrrp.TrailerLen)
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = h.Append(buf[:0], &a, w.src, w.dst, vrrp.ChecksumPseudo, vectorTime)
		}
	})
	b.Run("verify", func(b *testing.B) {
		heard := mustParse(b, vrrp.Datagram{Source: w.src, Destination: w.dst, Payload: buf})
		b.ReportAllocs()
		// All but the first are replays, found out after the MAC has been checked.
		for b.Loop() {
			if _, refused := h.Verify(&heard, w.src, vectorTime); refused != 0 && refused != vrrp.RefusedHMACReplay {
				b.Fatal(refused)
			}
		}
	})
}

// TestSecondDecoder compares with gopacket where it can decode at all.
func TestSecondDecoder(t *testing.T) {
	compared := 0
	for _, c := range readCaptures(t) {
		if c.Payload[0] != 0x21 || c.Source.Is6() {
			continue
		}
		a := mustParse(t, c.Datagram)
		var l layers.VRRPv2
		if err := l.DecodeFromBytes(c.Payload, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if l.VirtualRtrID != a.VRID || l.Priority != a.Priority || time.Duration(l.AdverInt)*time.Second != a.Interval ||
			uint8(l.AuthType) != uint8(a.AuthType) || len(l.IPAddress) != a.Addresses.Len() {
			t.Errorf("%x: gopacket says %+v, we say %s", c.Payload, l, describe(&a))
		}
		for i, ip := range l.IPAddress {
			if ip.String() != a.Addresses.At(i).String() {
				t.Errorf("%x: address %d is %v for gopacket, %v for us", c.Payload, i, ip, a.Addresses.At(i))
			}
		}
		compared++
	}
	if compared < 8 {
		t.Errorf("only %d packets compared", compared)
	}
}

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
