// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// crowd is n routers on as many interfaces as VRIDs allow, in BACKUP.
func crowd(tb testing.TB, n int) (*engine.Engine, engine.Config) {
	tb.Helper()
	var c engine.Config
	for i := range n {
		c.Routers = append(c.Routers, engine.Router{Name: fmt.Sprintf("r%d", i), Config: vrrp.Config{
			ID:      vrrp.ID{Interface: fmt.Sprintf("eth%d", i/250), VRID: uint8(i%250 + 1), Family: vrrp.IPv4},
			Version: vrrp.V3, Priority: 100, Interval: time.Second,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})},
		}})
		if i%2 == 1 {
			c.Groups = append(c.Groups, engine.Group{
				Name: fmt.Sprintf("g%d", i), Members: []string{fmt.Sprintf("r%d", i-1), fmt.Sprintf("r%d", i)},
			})
		}
	}
	e, err := engine.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n/250 + 1 {
		e.Step(t0, link(1, i, true))
	}
	e.Step(t0, engine.Started{})
	return e, c
}

// neighbour is an advert for router i of a crowd.
func neighbour(c *engine.Config, i, ttl int) *engine.FrameReceived {
	r := &c.Routers[i]
	a := vrrp.Advertisement{
		Version: r.Version, Family: r.ID.Family, VRID: r.ID.VRID, Priority: 200, Interval: r.Interval,
		Addresses: vrrp.MakeAddressList(r.ID.Family, r.Addresses),
	}
	src := address(0, i/250)
	payload := a.AppendTo(nil, src, vrrp.GroupIPv4, vrrp.ChecksumPseudo)
	return &engine.FrameReceived{
		Interface: r.ID.Interface,
		Datagram:  vrrp.Datagram{Source: src, Destination: vrrp.GroupIPv4, TTL: ttl, Payload: payload},
	}
}

func BenchmarkEngine(b *testing.B) {
	for _, n := range []int{1, 250, 4000} {
		b.Run(fmt.Sprintf("routers=%d/accepted", n), func(b *testing.B) { benchFrames(b, n, 255) })
		b.Run(fmt.Sprintf("routers=%d/refused", n), func(b *testing.B) { benchFrames(b, n, 254) })
		b.Run(fmt.Sprintf("routers=%d/advert", n), func(b *testing.B) {
			e, _ := crowd(b, n)
			advance(e, t0, 5*time.Second, nil)
			b.ReportAllocs()
			for sent := 0; b.Loop(); sent-- {
				if sent > 0 {
					continue // all routers of one instant are one Step
				}
				at, _ := e.Deadline()
				sent = len(e.Step(at, engine.Woke{}))
			}
		})
	}
}

func benchFrames(b *testing.B, n, ttl int) {
	e, c := crowd(b, n)
	frames := make([]*engine.FrameReceived, n)
	for i := range frames {
		frames[i] = neighbour(&c, i, ttl)
		e.Step(t0, frames[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Step(t0, frames[i%n])
	}
}

func BenchmarkLinkChanged(b *testing.B) {
	e, _ := crowd(b, 4000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l := link(1, 3, true)
		l.Addresses = append(l.Addresses, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 32))
		e.Step(t0, l)
	}
}

func TestStepAllocates(t *testing.T) {
	e, c := crowd(t, 2)
	for _, ttl := range []int{255, 254} {
		f := neighbour(&c, 0, ttl)
		broken := *f
		broken.Payload = broken.Payload[:9]
		e.Step(t0, f)
		e.Step(t0, &broken)
		if n := testing.AllocsPerRun(100, func() { e.Step(t0, f); e.Step(t0, &broken) }); n != 0 {
			t.Errorf("TTL %d: %v allocations", ttl, n)
		}
	}
}
