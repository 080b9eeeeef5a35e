// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// Spread makes k nodes' configurations from one: each with a priority ten
// lower than the one before, and peers and sources that fit. An address owner
// stays the only one.
func Spread(c engine.Config, k int) []engine.Config {
	all := make([]engine.Config, k)
	for i := range all {
		all[i] = engine.Config{Routers: slices.Clone(c.Routers), Groups: c.Groups}
		for j := range all[i].Routers {
			r := &all[i].Routers[j]
			r.Priority = uint8(max(1, int(r.Priority)-10*i))
			r.Source = netip.Addr{}
			if r.Unicast() {
				segment := j % 250
				r.Source, r.Peers = address(r.ID.Family, segment, i), nil
				for other := range k {
					if other != i {
						r.Peers = append(r.Peers, vrrp.Peer{Address: address(r.ID.Family, segment, other)})
					}
				}
			}
		}
	}
	return all
}

// given makes the universe of configurations that a user brought. Interfaces
// of one name are on one segment; one that no other node has is where the
// others have its first virtual router.
func given(o Options) (world.Setup, error) {
	configs := o.Configs
	if o.Nodes > len(configs) && len(configs) == 1 {
		configs = Spread(configs[0], o.Nodes)
	}
	s := world.Setup{
		Net:  world.Impairment{Latency: 100 * time.Microsecond, Jitter: time.Millisecond},
		Late: 200 * time.Microsecond,
	}
	for i, c := range configs {
		if len(c.Routers) == 0 {
			return s, fmt.Errorf("sim: node %d has no virtual router", i+1)
		}
		s.Nodes = append(s.Nodes, world.Node{Name: fmt.Sprintf("r%d", i+1), Config: c, Interfaces: interfaces(configs, i)})
	}
	return s, nil
}

func interfaces(configs []engine.Config, i int) (all []world.Interface) {
	for _, r := range configs[i].Routers {
		name := r.ID.Interface
		if slices.ContainsFunc(all, func(o world.Interface) bool { return o.Name == name }) {
			continue
		}
		segment := segmentOf(configs, i, name)
		at := world.Interface{Name: name, Segment: segment}
		for _, own := range configs[i].Routers {
			if own.ID.Interface == name {
				at.Addresses = append(at.Addresses, ownAddresses(configs, i, own)...)
			}
		}
		at.Addresses = append(at.Addresses, attachment(name, number(configs, segment), i).Addresses...)
		all = append(all, at)
	}
	return append(all, tracked(configs[i], all)...)
}

// number is the place of a segment among all: each has a network of its own.
func number(configs []engine.Config, segment string) int {
	var names []string
	for _, c := range configs {
		for _, r := range c.Routers {
			names = append(names, r.ID.Interface)
		}
	}
	slices.Sort(names)
	return slices.Index(slices.Compact(names), segment) % 250
}

// tracked are the interfaces that priorities depend on and no router is on:
// each is on a segment of its own name.
func tracked(c engine.Config, known []world.Interface) (all []world.Interface) {
	add := func(tracks []engine.Tracking) {
		for _, t := range tracks {
			named := func(o world.Interface) bool { return o.Name == t.Name }
			if t.Kind == engine.TrackInterface && !slices.ContainsFunc(known, named) && !slices.ContainsFunc(all, named) {
				all = append(all, world.Interface{Name: t.Name, Segment: t.Name})
			}
		}
	}
	for _, r := range c.Routers {
		add(r.Tracks)
	}
	for _, g := range c.Groups {
		add(g.Tracks)
	}
	return all
}

// segmentOf names the segment of node i's interface.
func segmentOf(configs []engine.Config, i int, name string) string {
	has := func(c engine.Config, name string) bool {
		return slices.ContainsFunc(c.Routers, func(r engine.Router) bool { return r.ID.Interface == name })
	}
	for j, c := range configs {
		if j != i && has(c, name) {
			return name
		}
	}
	for _, own := range configs[i].Routers {
		if own.ID.Interface != name {
			continue
		}
		for j, c := range configs {
			for _, r := range c.Routers {
				if j != i && r.ID.VRID == own.ID.VRID && r.ID.Family == own.ID.Family && !has(configs[i], r.ID.Interface) {
					return min(name, r.ID.Interface)
				}
			}
		}
	}
	return name
}

// ownAddresses are those that a router needs on its interface: its source, or
// the address by which the others know it.
func ownAddresses(configs []engine.Config, i int, own engine.Router) (all []netip.Prefix) {
	add := func(a netip.Addr) {
		if p := netip.PrefixFrom(a, a.BitLen()); a.IsValid() && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	add(own.Source)
	if own.Source.IsValid() || !own.Unicast() {
		return all
	}
	for j, c := range configs {
		for _, r := range c.Routers {
			if j == i || r.ID.VRID != own.ID.VRID || r.ID.Family != own.ID.Family {
				continue
			}
			for _, p := range r.Peers {
				if !slices.ContainsFunc(own.Peers, func(o vrrp.Peer) bool { return o.Address == p.Address }) {
					add(p.Address)
				}
			}
		}
	}
	return all
}
