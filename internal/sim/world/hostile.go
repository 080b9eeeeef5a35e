// SPDX-License-Identifier: Apache-2.0

package world

import (
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// attack sends a node packets that it must refuse, spread over the fault's time.
func (w *World) attack(f *Fault) {
	n := w.nodeNamed(f.Node)
	if n == nil || n.Habits != None {
		return
	}
	for range f.Count {
		w.plan(w.t+w.upTo(max(f.For, time.Millisecond)), occurrence{kind: worldActs, news: func() { w.attackOnce(n) }})
	}
}

// attackOnce forges a packet for what the node is at this moment.
func (w *World) attackOnce(n *node) {
	if len(n.views) == 0 || !n.up || n.stalled > w.t {
		return // what would be read later might be judged by what is then
	}
	v := n.views[w.rng.IntN(len(n.views))]
	if p := v.port(); p != nil {
		w.arrive(n, frame{port: p, sort: hostile, FrameReceived: engine.FrameReceived{Interface: p.Name, Datagram: w.forge(v)}})
	}
}

// attacker is on nobody's list of peers.
var attackers = map[vrrp.Family]netip.Addr{
	vrrp.IPv4: netip.MustParseAddr("203.0.113.66"),
	vrrp.IPv6: netip.MustParseAddr("fe80::dead:beef"),
}

// forge makes a packet that a router must refuse, whatever state it is in.
func (w *World) forge(v *view) vrrp.Datagram {
	c := &v.cfg.Config
	d := vrrp.Datagram{Source: attackers[c.ID.Family], Destination: vrrp.GroupIPv4, TTL: vrrp.TTL}
	if c.ID.Family == vrrp.IPv6 {
		d.Destination = vrrp.GroupIPv6
	}
	if c.Unicast() && v.now.source.IsValid() {
		d.Destination = v.now.source
	}
	a := vrrp.Advertisement{
		Version: c.Version, Family: c.ID.Family, VRID: c.ID.VRID, Priority: 255, Interval: c.Interval,
		Addresses: vrrp.MakeAddressList(c.ID.Family, c.Addresses), AuthType: c.AuthType, AuthData: c.Password,
	}
	trick := w.rng.IntN(8)
	switch trick {
	case 0: // the other version
		a.Version = vrrp.V2 + vrrp.V3 - c.Version
		a.Interval, a.AuthType = time.Second, vrrp.AuthNone
	case 1: // a virtual router nobody here has
		a.VRID = v.node.freeVRID()
	case 2: // from outside, where that shows
		if !c.Unicast() {
			d.TTL = 254
		} else if c.AnyUnicastSource {
			a.VRID = v.node.freeVRID()
		}
	case 3: // our own packet comes back
		if v.now.source.IsValid() {
			d.Source = v.now.source
		} else {
			a.VRID = v.node.freeVRID()
		}
	}
	d.Payload = a.AppendTo(nil, d.Source, d.Destination, vrrp.ChecksumPseudo)
	switch trick {
	case 7: // heard before, where that shows
		if old, err := vrrp.Parse(v.heard); err == nil && c.HMAC != nil && old.Trailer != nil {
			return v.heard
		}
		return w.forge(v)
	case 4: // cut short
		d.Payload = d.Payload[:w.rng.IntN(len(d.Payload))]
	case 5: // one bit wrong
		i := w.rng.IntN(len(d.Payload))
		d.Payload[i] ^= 1 << w.rng.IntN(8)
	case 6: // noise
		d.Payload = slices.Grow(d.Payload[:0], 64)[:w.rng.IntN(64)]
		for i := range d.Payload {
			d.Payload[i] = byte(w.rng.Uint32())
		}
	}
	return d
}

// freeVRID is one that no router of the node has.
func (n *node) freeVRID() uint8 {
	id := uint8(255)
	for slices.ContainsFunc(n.views, func(v *view) bool { return v.cfg.ID.VRID == id }) {
		id--
	}
	return id
}
