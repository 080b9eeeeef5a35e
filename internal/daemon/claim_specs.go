// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/capture"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
)

// claimKey is one claim of one instance or group.
type claimKey struct {
	who  notify.Subject
	name string
}

func (k claimKey) String() string { return k.who.Name + "/" + k.name }

// claimSpec is what a claim is made from.
type claimSpec struct {
	key   claimKey
	conf  *config.CloudClaim
	items []cloud.Item
	lease time.Duration
	// source is where requests leave from when the kernel would pick a VIP;
	// else the kernel knows the way best.
	source netip.Addr
	// self and peer are the two nodes; home says whom captured routes belong to.
	self, peer netip.Addr
	home       capture.Home
	// print is what both nodes' configurations must have in common.
	print string
	vips  []netip.Addr // addresses that the kernel has while MASTER
}

// claimSpecs translates the claims of a configuration.
func claimSpecs(c *config.Config) ([]claimSpec, error) {
	var specs []claimSpec
	var errs []error
	add := func(who notify.Subject, names []string, instances []*config.Instance) {
		for _, name := range names {
			i := slices.IndexFunc(c.Claims, func(k *config.CloudClaim) bool { return k.Name == name })
			if i < 0 {
				errs = append(errs, fmt.Errorf("%s: there is no cloud_claim %q", who.Name, name))
				continue
			}
			specs = append(specs, newClaimSpec(claimKey{who, name}, c.Claims[i], instances))
		}
	}
	for _, i := range c.Instances {
		add(notify.Subject{Kind: notify.Instance, Name: i.Name}, i.Claims, []*config.Instance{i})
	}
	for _, g := range c.SyncGroups {
		add(notify.Subject{Kind: notify.Group, Name: g.Name}, g.Claims, members(c, g))
	}
	return specs, errors.Join(errs...)
}

func members(c *config.Config, g *config.SyncGroup) []*config.Instance {
	var all []*config.Instance
	for _, m := range g.Members {
		if i := c.Instance(m); i != nil {
			all = append(all, i)
		}
	}
	return all
}

func newClaimSpec(key claimKey, k *config.CloudClaim, instances []*config.Instance) claimSpec {
	s := claimSpec{key: key, conf: k}
	interval := time.Duration(0)
	for _, i := range instances {
		s.vips = append(s.vips, advertised(i)...)
		interval = max(interval, i.AdvertInterval)
		if i.SourceAddress == config.SourceVIP {
			s.source = i.Source
		}
	}
	s.lease = 3 * interval
	s.items = claimItems(k, s.vips)
	s.vips = append(s.vips, k.VIPs...)
	s.self, s.peer = k.Pair(instances)
	if own, known := k.HomeIsSelf(s.self, s.peer); k.Capture && known {
		s.home = capture.PeerIsHome
		if own {
			s.home = capture.SelfIsHome
		}
	}
	s.print = claimPrint(s, instances)
	return s
}

// claimItems is what a claim wants to own: its own VIPs or, without any said,
// those of the instance or group that names it. Routes without a table are
// found by whoever lists the tables.
func claimItems(k *config.CloudClaim, vips []netip.Addr) []cloud.Item {
	if k.VIPs != nil {
		vips = k.VIPs
	}
	addresses, public, routes := true, true, true
	switch {
	case k.Provider == "none" || k.AzureMode == "probe":
		return nil
	case k.AzureMode == "route":
		addresses, public = false, false
	case k.AzureMode == "public_ip":
		addresses, routes = false, false
	}
	nic := k.NIC
	if nic == "" {
		nic = k.Interface
	}
	var items []cloud.Item
	if addresses {
		for _, a := range vips {
			it := cloud.VIP(a)
			it.NIC = nic
			items = append(items, it)
		}
	}
	for n, p := range k.PublicIPs {
		it := cloud.Item{Kind: cloud.PublicIP, Addr: p.Addr, Target: p.Target, NIC: nic}
		if !it.Target.IsValid() && addresses && n < len(vips) {
			it.Target = vips[n]
		}
		if public {
			items = append(items, it)
		}
	}
	for _, r := range k.Routes {
		if routes && r.Table != "" {
			items = append(items, cloud.Item{Kind: cloud.Route, Table: r.Table, Dest: r.Destination, NIC: nic})
		}
	}
	return items
}

// text is what a claim is made from, for comparison, wherever it was written.
func (s claimSpec) text() string {
	k, g, secret := *s.conf, config.Guard{}, ""
	if k.Guard != nil {
		g = *k.Guard
		secret, _ = guardKey(&g) // an error is reported where the guard is made
	}
	k.Place, k.Guard, g.Place, g.Key = config.Place{}, nil, config.Place{}, nil
	return fmt.Sprintf("%+v %+v %+v %v %v %v %v %v %v %s", k, g, s.items, s.lease, s.source, s.self, s.peer, s.home, s.vips, fingerprint(secret))
}

// trackClaim is a claim that can make a router faulty.
const trackClaim engine.TrackKind = "claim"

func (k claimKey) track() engine.Track { return engine.Track{Kind: trackClaim, Name: k.String()} }

// withClaimTracks lets the claims that may find that this node must not be
// MASTER say so: they are tracked by whoever names them.
func withClaimTracks(e engine.Config, specs []claimSpec) engine.Config {
	for _, s := range specs {
		if s.conf.Guard == nil && s.conf.OnYield != "fault" {
			continue
		}
		t := engine.Tracking{Track: s.key.track()}
		for n := range e.Routers {
			if r := &e.Routers[n]; s.key.who.Kind == notify.Instance && r.Name == s.key.who.Name {
				r.Tracks = append(r.Tracks, t)
			}
		}
		for n := range e.Groups {
			if g := &e.Groups[n]; s.key.who.Kind == notify.Group && g.Name == s.key.who.Name {
				g.Tracks = append(g.Tracks, t)
			}
		}
	}
	return e
}
