// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// generator makes universes and their faults from a seed. What a world draws
// as it goes on comes from another generator: taking a fault away changes
// neither the configurations nor the other faults.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 0x67656e))}
}

// one reports true once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// plan is what the nodes of a universe have in common.
type plan struct {
	version  vrrp.Version
	family   vrrp.Family
	interval time.Duration
	segments int
	grouped  bool
	unicast  bool
	foreign  world.Habits // of the last node
	auth     vrrp.AuthType
	hmac     *vrrp.HMAC
	nodes    int
	mixed    bool // v3: nodes have intervals of their own
	equal    bool // all priorities are the same
}

func (g generator) plan(nodes int) plan {
	if nodes == 0 {
		nodes = 2 + g.IntN(4)
	}
	p := plan{version: vrrp.V3, family: vrrp.IPv4, nodes: nodes, segments: 1 + g.IntN(2), equal: g.one(6)}
	p.interval = pick(g, time.Second, time.Second, time.Second, 2*time.Second, 500*time.Millisecond)
	p.unicast = g.one(3)
	p.grouped = p.segments > 1 && !g.one(3)
	switch {
	case g.one(3):
		p.version = vrrp.V2
		p.interval = pick(g, time.Second, time.Second, 3*time.Second)
		p.auth = pick(g, vrrp.AuthNone, vrrp.AuthPass)
	case g.one(3):
		p.family = vrrp.IPv6
	}
	if p.version == vrrp.V3 {
		p.mixed = g.one(5)
		if g.one(12) {
			p.interval = 100 * time.Millisecond
		}
	}
	switch {
	case p.auth == vrrp.AuthNone && g.one(6):
		key := vrrp.HMACKey{ID: 1, Secret: bytes.Repeat([]byte("simulate"), 4)}
		p.hmac = &vrrp.HMAC{Keys: []vrrp.HMACKey{key}, ActiveKey: 1, Mode: pick(g, vrrp.HMACEnforce, vrrp.HMACPermissive), Monotonic: g.one(2)}
	case p.auth == vrrp.AuthNone && !p.grouped && g.one(4):
		p.foreign = pick(g, world.Keepalived, world.FRR)
		p.mixed = false
		p.unicast = p.unicast && p.foreign == world.Keepalived
	}
	return p
}

// universe makes nodes and their network.
func (g generator) universe(nodes int) world.Setup {
	p := g.plan(nodes)
	s := world.Setup{
		Net:   world.Impairment{Latency: 50 * time.Microsecond, Jitter: time.Duration(g.IntN(5000)) * time.Microsecond},
		Late:  time.Duration(g.IntN(500)) * time.Microsecond,
		Cloud: g.one(2),
	}
	if p.interval < 500*time.Millisecond {
		s.Net.Jitter /= 5
	}
	preempt := !g.one(4)
	for i := range p.nodes {
		n := world.Node{Name: fmt.Sprintf("r%d", i+1), Clock: time.Duration(g.IntN(1000)) * time.Millisecond}
		if i == p.nodes-1 {
			n.Habits = p.foreign
		}
		for k := range p.segments {
			n.Interfaces = append(n.Interfaces, attachment(fmt.Sprintf("eth%d", k), k, i))
		}
		n.Config = g.config(p, i, preempt, n.Habits)
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

// attachment is interface name of node i on segment k.
func attachment(name string, k, i int) world.Interface {
	return world.Interface{Name: name, Segment: fmt.Sprintf("lan%d", k), Addresses: []netip.Prefix{
		netip.PrefixFrom(address(vrrp.IPv4, k, i), 24),
		netip.PrefixFrom(address(vrrp.IPv6, k, i), 64),
	}}
}

func address(f vrrp.Family, segment, node int) netip.Addr {
	if f == vrrp.IPv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 11: byte(segment), 15: byte(node + 1)})
	}
	return netip.AddrFrom4([4]byte{10, byte(segment), 0, byte(node + 1)})
}

func virtualAddress(f vrrp.Family, segment, i int) netip.Addr {
	if f == vrrp.IPv6 {
		return netip.AddrFrom16([16]byte{0: 0xfd, 11: byte(segment), 15: byte(100 + i)})
	}
	return netip.AddrFrom4([4]byte{10, byte(segment), 0, byte(100 + i)})
}

// config makes node i's configuration.
func (g generator) config(p plan, i int, preempt bool, habits world.Habits) engine.Config {
	var c engine.Config
	priority := uint8(200 - 20*i)
	if p.equal {
		priority = 100
	}
	if i == 0 && !p.equal && !p.grouped && g.one(8) {
		priority = vrrp.PriorityOwner
	}
	timing := g.timing(p)
	for k := range p.segments {
		r := engine.Router{Name: fmt.Sprintf("vr%d", k+1), Config: vrrp.Config{
			ID:      vrrp.ID{Interface: fmt.Sprintf("eth%d", k), VRID: uint8(10 + k), Family: p.family},
			Version: p.version, Priority: priority, Interval: timing.Interval,
			NoPreempt: !preempt, AuthType: p.auth, HMAC: timing.HMAC,
			PreemptDelay: timing.PreemptDelay, StartDelay: timing.StartDelay, Announce: timing.Announce,
			Checksum:          timing.Checksum,
			HigherSendsAdvert: timing.HigherSendsAdvert, LowerGetsNoAdvert: timing.LowerGetsNoAdvert,
			Addresses: []netip.Addr{virtualAddress(p.family, k, 0), virtualAddress(p.family, k, 1)},
		}}
		if p.auth == vrrp.AuthPass {
			r.Password = vrrp.MakePassword("simulate")
		}
		if p.unicast {
			r.Source = address(p.family, k, i)
			for other := range p.nodes {
				if other != i {
					r.Peers = append(r.Peers, vrrp.Peer{Address: address(p.family, k, other)})
				}
			}
		}
		if habits == world.None && priority != vrrp.PriorityOwner && !p.grouped {
			r.Tracks = g.tracks()
		}
		c.Routers = append(c.Routers, r)
	}
	if p.grouped {
		c.Groups = []engine.Group{{Name: "both", Members: []string{"vr1", "vr2"}, Tracks: g.tracks()}}
	}
	return c
}

// timing makes what may differ from node to node, but not within one: the
// dialects of peers that are being upgraded, too.
func (g generator) timing(p plan) (c vrrp.Config) {
	c.Interval = p.interval
	if p.mixed {
		c.Interval = pick(g, p.interval, 2*p.interval, p.interval/2).Truncate(10 * time.Millisecond)
	}
	if p.version == vrrp.V3 && p.foreign == world.None {
		c.Checksum = pick(g, vrrp.ChecksumUnknown, vrrp.ChecksumUnknown, vrrp.ChecksumPseudo, vrrp.ChecksumMessage)
	}
	if p.hmac != nil {
		h := *p.hmac
		if g.one(2) {
			h.Mode = vrrp.HMACPermissive // all sign; and while keys roll out, none need
			if p.hmac.Mode == vrrp.HMACPermissive {
				h.Mode = vrrp.HMACReceiveOnly
			}
		}
		c.HMAC = &h
	}
	if g.one(5) {
		c.PreemptDelay = time.Duration(1+g.IntN(20)) * time.Second
	}
	if g.one(6) {
		c.StartDelay = time.Duration(1+g.IntN(10)) * time.Second
	}
	if g.one(4) {
		c.Announce = vrrp.Announcing{Delay: 5 * time.Second, Refresh: 30 * time.Second, LowerRepeat: 2, LowerDelay: time.Second}
	}
	c.HigherSendsAdvert = g.one(6)
	c.LowerGetsNoAdvert = g.one(6)
	return c
}

func (g generator) tracks() (all []engine.Tracking) {
	track := func(kind engine.TrackKind, name string, weight int, reverse bool) {
		all = append(all, engine.Tracking{Track: engine.Track{Kind: kind, Name: name}, Weight: weight, Reverse: reverse})
	}
	script := func(name string, weight int, reverse bool) { track(engine.TrackScript, name, weight, reverse) }
	if g.one(2) {
		script("alive", 0, false)
	}
	if g.one(2) {
		script("upstream", pick(g, -50, -30, 25, -254), false)
	}
	if g.one(6) {
		script("drain", -60, true)
	}
	if g.one(6) {
		track(engine.TrackFile, "maintenance", pick(g, 0, -40, -254), false)
	}
	return slices.Clip(all)
}
