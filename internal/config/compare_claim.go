// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// claims compares the claims of both nodes that have one name. What they move
// and where they look must be the same; home must be one node.
func (p *pair) claims(a, b *Config) {
	for _, x := range a.Claims {
		i := slices.IndexFunc(b.Claims, func(y *CloudClaim) bool { return y.Name == x.Name })
		if i < 0 {
			p.add(x.Pos, diag.Warning, "pair-claim", "the other node has no cloud_claim "+x.Name, "what it moves does not follow a failover", "the same cloud_claim on both nodes")
			continue
		}
		y := b.Claims[i]
		p.claimWords(x, y)
		p.claimHome(x, y, claimers(a, x.Name), claimers(b, y.Name))
		p.claimKey(x, y)
	}
	for _, y := range b.Claims {
		if !slices.ContainsFunc(a.Claims, func(x *CloudClaim) bool { return x.Name == y.Name }) {
			p.add(y.Pos, diag.Warning, "pair-claim", "the other node has no cloud_claim "+y.Name, "what it moves does not follow a failover", "the same cloud_claim on both nodes")
		}
	}
}

func (p *pair) claimWords(x, y *CloudClaim) {
	for _, w := range []struct {
		word string
		x, y any
	}{
		{"provider", x.Provider, y.Provider},
		{"mode", x.Mode, y.Mode},
		{"azure_mode", x.AzureMode, y.AzureMode},
		{"vips", x.VIPs, y.VIPs},
		{"public_ip", x.PublicIPs, y.PublicIPs},
		{"routes", x.Routes, y.Routes},
		{"table", x.Tables, y.Tables},
		{"table_tag", x.TableTags, y.TableTags},
		{"network", x.Networks, y.Networks},
		{"capture", x.Capture, y.Capture},
		{"adopt", x.Adopt, y.Adopt},
		{"probe_port", x.ProbePort, y.ProbePort},
	} {
		if !reflect.DeepEqual(w.x, w.y) {
			p.add(y.At(w.word), diag.Warning, "pair-claim", fmt.Sprintf("%s of cloud_claim %s differs: %v there, %v here", w.word, x.Name, w.x, w.y), "a failover moves less in one direction than in the other", "the same "+w.word+" on both nodes")
		}
	}
}

// claimers are the instances that name a claim, directly or by their group.
func claimers(c *Config, name string) []*Instance {
	var all []*Instance
	for _, v := range c.Instances {
		grouped := slices.ContainsFunc(c.SyncGroups, func(g *SyncGroup) bool {
			return slices.Contains(g.Claims, name) && slices.Contains(g.Members, v.Name)
		})
		if grouped || slices.Contains(v.Claims, name) {
			all = append(all, v)
		}
	}
	return all
}

// claimHome finds both nodes calling themselves home, or the other.
func (p *pair) claimHome(x, y *CloudClaim, here, there []*Instance) {
	at := func(c *CloudClaim, instances []*Instance) netip.Addr {
		self, peer := c.Pair(instances)
		own, known := c.HomeIsSelf(self, peer)
		switch {
		case !known || !c.Capture:
			return netip.Addr{}
		case own:
			return self
		}
		return peer
	}
	a, b := at(x, here), at(y, there)
	if a.IsValid() && b.IsValid() && a != b {
		p.add(y.At("home"), diag.Error, "pair-home", fmt.Sprintf("the home node of cloud_claim %s is %s there and %s here", x.Name, a, b), "each would take the other's routes for its own", "home ADDRESS, the same on both nodes")
	}
}

// claimKey compares the keys that sign answers. They are never shown.
func (p *pair) claimKey(x, y *CloudClaim) {
	if x.Guard == nil || y.Guard == nil || x.Guard.Key == nil || y.Guard.Key == nil {
		return
	}
	if a, b := x.Guard.Key, y.Guard.Key; a.File == "" && b.File == "" && a.Key.Reveal() != b.Key.Reveal() {
		p.add(y.Guard.At("key"), diag.Error, "pair-key", "the keys of cloud_claim "+x.Name+" differ", "neither node believes what the other answers", "one key on both nodes")
	}
}
