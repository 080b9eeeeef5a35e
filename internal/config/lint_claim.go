// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// Pair returns the addresses of the two nodes as a claim of these instances knows them, from the first that says it: the
// source of its adverts, and the claim's peer or the only unicast peer. What is not said is invalid.
func (c *CloudClaim) Pair(instances []*Instance) (self, peer netip.Addr) {
	peer = c.Peer
	for _, v := range instances {
		if v == nil || !v.Unicast {
			continue
		}
		if !self.IsValid() {
			self = v.Source
		}
		if !peer.IsValid() && len(v.UnicastPeers) == 1 {
			peer = v.UnicastPeers[0].Addr
		}
	}
	return self, peer
}

// HomeIsSelf says whether captured routes point at this node in normal operation; ok is false when that is not known.
func (c *CloudClaim) HomeIsSelf(self, peer netip.Addr) (home, ok bool) {
	h := c.Home
	switch {
	case h.Self || h.Peer:
		return h.Self, true
	case h.Addr.IsValid() && (h.Addr == self || h.Addr == peer):
		return h.Addr == self, true
	}
	return false, false
}

// lintClaims looks at the claims that an instance, or a group of these members, names.
func (b *builder) lintClaims(list []string, members []*Instance, at syntax.Pos) {
	for _, name := range list {
		i := slices.IndexFunc(b.cfg.Claims, func(c *CloudClaim) bool { return c.Name == name })
		if i < 0 {
			b.add(at, diag.Error, "unknown-claim", "there is no cloud_claim "+name, "the cloud's addresses would not follow the MASTER", "a cloud_claim "+name+" { … } at the top level")
			continue
		}
		c := b.cfg.Claims[i]
		self, peer := c.Pair(members)
		switch _, known := c.HomeIsSelf(self, peer); {
		case !c.Capture:
		case !self.IsValid() || !peer.IsValid():
			b.add(c.At("capture"), diag.Error, "no-pair", "capture does not know both nodes", "it takes routes from the one and gives them to the other", "unicast_src_ip and unicast_peer in the instance, or peer ADDRESS here if there are several")
		case !known:
			b.add(c.At(firstOf(c, "home", "capture")), diag.Error, "no-home", "capture does not know the home node", "the routes that point at it are learned, taken over, and given back", "home "+self.String()+" or home "+peer.String()+", the same on both nodes")
		}
		for _, v := range members {
			if v != nil && v.Owner() {
				b.add(v.At("priority"), diag.Warning, "owner-in-cloud", "priority 255 with a cloud_claim", "an address owner takes the addresses back the moment it starts, whether its cloud side works or not", "a priority up to 254")
			}
		}
	}
}

// firstOf returns the first of the words that the claim has, or the last.
func firstOf(c *CloudClaim, words ...string) string {
	for _, w := range words {
		if c.Has(w) {
			return w
		}
	}
	return words[len(words)-1]
}

// lintClaimBlocks looks at the claims themselves.
func (b *builder) lintClaimBlocks() {
	ports := map[int]string{}
	for _, c := range b.cfg.Claims {
		b.lintCapture(c)
		b.lintClaimMode(c)
		if c.Guard != nil {
			b.lintGuard(c.Guard)
		}
		if other, taken := ports[c.ProbePort]; taken && c.ProbePort > 0 {
			b.add(c.At("probe_port"), diag.Error, "port-twice", "cloud_claim "+other+" has this probe_port already", "only one of them could open it", "another port")
		}
		ports[c.ProbePort] = c.Name
	}
}

func (b *builder) lintCapture(c *CloudClaim) {
	anywhere := slices.IndexFunc(c.Routes, func(r ClaimRoute) bool { return r.Table == "" })
	switch {
	case c.Scoped():
	case c.Capture:
		b.add(c.At("capture"), diag.Error, "no-tables", "capture does not know which route tables to look at", "it looks at no table that is not named", "table ID, table_tag KEY=VALUE or network ID")
	case anywhere >= 0:
		b.add(c.At("routes"), diag.Error, "no-tables", "the route to "+c.Routes[anywhere].Destination.String()+" has no table", "no table is looked at", c.Routes[anywhere].Destination.String()+" table ID; or table, table_tag or network in the claim")
	}
	for _, word := range []string{"home", "adopt"} {
		if c.Has(word) && !c.Capture {
			b.add(c.At(word), diag.Warning, "no-capture", word+" does nothing without capture", "no route is learned", "capture on")
		}
	}
}

func (b *builder) lintClaimMode(c *CloudClaim) {
	if c.AzureMode != "" && c.Provider != "azure" && c.Provider != "auto" {
		b.add(c.At("azure_mode"), diag.Warning, "not-azure", "azure_mode does nothing in "+c.Provider, "what moves is what is named", "vips { } to move no address")
	}
	if c.AzureMode == "probe" && c.ProbePort == 0 {
		b.add(c.At("azure_mode"), diag.Error, "no-port", "azure_mode probe has no port", "the load balancer has nothing to ask", "probe_port 8080")
	}
	if c.AzureMode == "route" && len(c.Routes) == 0 && !c.Capture {
		b.add(c.At("azure_mode"), diag.Warning, "no-routes", "azure_mode route has no routes", "nothing moves", "routes { DESTINATION table NAME }, or capture on")
	}
	moves := len(c.VIPs)+len(c.PublicIPs)+len(c.Routes) > 0 || c.Capture
	if moves && (c.Provider == "none" || c.AzureMode == "probe") {
		b.add(c.Pos, diag.Warning, "nothing-moves", "cloud_claim "+c.Name+" names what it does not move", "with provider none or azure_mode probe nothing moves in the cloud", "another provider or mode")
	}
}

func (b *builder) lintGuard(g *Guard) {
	if g.Has("key") {
		return
	}
	for _, word := range []string{"status", "listen", "witness"} {
		if g.Has(word) {
			b.add(g.At(word), diag.Error, "no-key", word+" needs a key", "an answer that is not signed is not believed", "key file:/etc/vrrpd/peer.key, with 32 to 64 bytes, the same on all nodes")
		}
	}
}
