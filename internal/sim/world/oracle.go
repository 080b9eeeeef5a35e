// SPDX-License-Identifier: Apache-2.0

package world

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// This file says once more, from the RFCs and keepalived's manual and not
// from the packages under test, what a router should make of its world.

// skew is Skew_Time (RFC 3768 §6.1, RFC 9568 §6.1).
func skew(v vrrp.Version, priority uint8, interval time.Duration) time.Duration {
	span := interval
	if v == vrrp.V2 {
		span = time.Second
	}
	return span - span*time.Duration(priority)/256
}

// masterDown is Master_Down_Interval.
func masterDown(c *vrrp.Config, priority uint8, interval time.Duration) time.Duration {
	missed := c.DownAdverts
	if missed == 0 {
		missed = 3
	}
	return time.Duration(missed)*interval + skew(c.Version, priority, interval)
}

// told is what a process has been told of its host.
type told struct {
	links  []engine.LinkChanged
	levels []levelOf
}

func (t *told) hear(in engine.Input) {
	switch in := in.(type) {
	case engine.LinkChanged:
		i := slices.IndexFunc(t.links, func(l engine.LinkChanged) bool { return l.Interface == in.Interface })
		if i < 0 {
			t.links = append(t.links, in)
			return
		}
		t.links[i] = in
	case engine.TrackChanged:
		i := slices.IndexFunc(t.levels, func(l levelOf) bool { return l.Track == in.Track })
		if i < 0 {
			t.levels = append(t.levels, levelOf{Track: in.Track, Level: in.Level})
			return
		}
		t.levels[i].Level = in.Level
	}
}

func (t *told) link(name string) engine.LinkChanged {
	for _, l := range t.links {
		if l.Interface == name {
			return l
		}
	}
	return engine.LinkChanged{}
}

func (t *told) level(k engine.Track) engine.Level {
	if k.Kind == engine.TrackInterface {
		l := t.link(k.Name)
		return engine.Level{Known: true, Good: l.Present && l.Up}
	}
	for _, l := range t.levels {
		if l.Track == k {
			return l.Level
		}
	}
	return engine.Level{}
}

// outlook is what should follow from what a process was told.
type outlook struct {
	priority uint8
	causes   int // reasons for FAULT, the ownership of addresses aside
	waits    bool
	source   netip.Addr
}

func (t *told) outlook(v *view) outlook {
	r := &v.cfg
	o := outlook{source: t.source(v)}
	sum := int(r.Priority)
	own := engine.Track{Kind: engine.TrackInterface, Name: r.ID.Interface}
	if !r.IgnoresInterface && !t.level(own).Good {
		o.causes++
	}
	for _, k := range v.tracks() {
		if k.Track == own && k.Weight == 0 {
			continue
		}
		l := t.level(k.Track)
		delta, bad := weigh(k, l)
		sum += delta
		if bad {
			o.causes++
		}
		o.waits = o.waits || !l.Known && k.Weight == 0
	}
	if !o.source.IsValid() {
		o.causes++
	}
	o.priority = uint8(min(max(sum, 1), 254))
	if r.Priority == 255 {
		o.priority = 255
	}
	return o
}

// weigh is keepalived's rule of weights.
func weigh(k engine.Tracking, l engine.Level) (delta int, bad bool) {
	switch {
	case !l.Known:
		return 0, false
	case k.Kind == engine.TrackFile:
		return weighFile(k, l)
	case k.Weight == 0:
		return 0, l.Good == k.Reverse
	}
	if l.Good == (k.Weight > 0) {
		delta = k.Weight
	}
	if k.Reverse {
		delta = -delta
	}
	return delta, false
}

// weighFile: the number in a file counts weight times, and −254 is a fault. So
// is a file that cannot be read.
func weighFile(k engine.Tracking, l engine.Level) (delta int, bad bool) {
	if k.Weight == 0 {
		return 0, !l.Good || (l.Value == 0) == k.Reverse
	}
	delta = min(k.Weight*l.Value, 253)
	if k.Reverse {
		delta = min(-k.Weight*l.Value, 253)
	}
	if !l.Good {
		return 0, true
	}
	return delta, delta <= -254
}

// source is the address a router sends from; invalid when there is none.
func (t *told) source(v *view) netip.Addr {
	c := &v.cfg
	if c.Source.IsValid() {
		for _, l := range t.links {
			if slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr() == c.Source }) {
				return c.Source
			}
		}
		if c.IgnoresSource {
			return c.Source
		}
		return netip.Addr{}
	}
	var virtual netip.Addr
	for _, p := range t.link(c.ID.Interface).Addresses {
		a := p.Addr()
		if a.Is4() != (c.ID.Family == vrrp.IPv4) || a.Is6() && !a.IsLinkLocalUnicast() {
			continue
		}
		if !v.node.isVirtual(a) {
			return a
		}
		if c.Priority == 255 && !virtual.IsValid() {
			virtual = a // it is the owner's own
		}
	}
	return virtual
}

func (n *node) isVirtual(a netip.Addr) bool {
	for _, r := range n.Config.Routers {
		if slices.Contains(r.Addresses, a) {
			return true
		}
	}
	return false
}

// advert is what the checks read of a message: as little as they need.
type advert struct {
	priority uint8
	interval time.Duration
	source   netip.Addr
}

// opinion says what a router should make of a message.
type opinion uint8

const (
	mustHear   opinion = iota
	mustRefuse         // it is not for this router, or not right
	noOpinion          // depends on what the checks do not model
)

// judgeFrame decodes a genuine frame for a router that is in BACKUP or MASTER.
func judgeFrame(v *view, f *engine.FrameReceived, own netip.Addr) (a advert, o opinion) {
	b, c := f.Payload, &v.cfg
	a = advert{priority: b[2], source: f.Source, interval: time.Duration(b[5]) * time.Second}
	if c.Version == vrrp.V3 {
		a.interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0xfff) * 10 * time.Millisecond
	}
	if c.HMAC != nil || c.StrictAddresses || int(b[0]&0xf) != 1 {
		return a, noOpinion
	}
	if vrrp.Version(b[0]>>4) != c.Version || f.Source == own || f.Destination.IsMulticast() == c.Unicast() {
		return a, mustRefuse
	}
	if c.Unicast() && !c.AnyUnicastSource && !slices.ContainsFunc(c.Peers, func(p vrrp.Peer) bool { return p.Address == f.Source }) {
		return a, mustRefuse
	}
	size := 8 + 4*int(b[3])
	if c.ID.Family == vrrp.IPv6 {
		size = 8 + 16*int(b[3])
	}
	if c.Version == vrrp.V3 {
		if len(b) != size {
			return a, mustRefuse // a trailer that nobody here can verify
		}
		return a, mustHear
	}
	switch {
	case a.interval != c.Interval, vrrp.AuthType(b[4]) != c.AuthType:
		return a, mustRefuse
	case c.AuthType == vrrp.AuthPass && (len(b) != size+8 || vrrp.Password(b[size:]) != c.Password):
		return a, mustRefuse
	}
	return a, mustHear
}
