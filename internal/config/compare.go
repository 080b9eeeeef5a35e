// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// Compare looks at the configurations of the two nodes of a pair. Findings stand in the files of both; an error is a difference that
// leaves both routers MASTER. Passwords and keys are compared and never shown.
func Compare(a, b *Config) Diagnostics {
	p := &pair{}
	seen := make(map[*Instance]bool)
	here, there := byRouter(a), byRouter(b)
	groupsHere, groupsThere := memberLists(a), memberLists(b)
	for _, x := range a.Instances {
		y := counterpart(x, there)
		if y == nil {
			p.add(x.Pos, diag.Warning, "pair-missing", fmt.Sprintf("the other node has no %s router with VRID %d", x.Family, x.VRID), "instance "+x.Name+" has nobody to fail over to", "the same virtual_router_id on both nodes")
			continue
		}
		seen[y] = true
		p.wire(x, y)
		p.addresses(x, y)
		p.auth(x, y)
		p.unicast(x, y)
		p.election(x, y)
		p.groups(y, without(groupsHere[x.SyncGroup], x), without(groupsThere[y.SyncGroup], y))
	}
	for _, y := range b.Instances {
		if !seen[y] && counterpart(y, here) == nil {
			p.add(y.Pos, diag.Warning, "pair-missing", fmt.Sprintf("the other node has no %s router with VRID %d", y.Family, y.VRID), "instance "+y.Name+" has nobody to fail over to", "the same virtual_router_id on both nodes")
		}
	}
	p.claims(a, b)
	return p.diags.All()
}

type pair struct{ diags diag.Collector }

func (p *pair) add(at syntax.Pos, sev diag.Severity, rule, what, why, instead string) {
	p.diags.Add(at.Diagnostic(sev, rule, what, why, instead))
}

const twoMasters = "each refuses the other's adverts and both become MASTER"

// routerKey is what both nodes call a virtual router by.
type routerKey struct {
	vrid   uint8
	family Family
}

func byRouter(c *Config) map[routerKey][]*Instance {
	out := make(map[routerKey][]*Instance)
	for _, v := range c.Instances {
		k := routerKey{v.VRID, v.Family}
		// One VRID on more interfaces than this cannot be told apart by name anyway.
		if len(out[k]) < 256 {
			out[k] = append(out[k], v)
		}
	}
	return out
}

// counterpart finds the same virtual router on the other node: VRID and family, and of several the one with the same name, then
// the one on the same interface.
func counterpart(v *Instance, others map[routerKey][]*Instance) *Instance {
	var best *Instance
	score := 0
	for _, o := range others[routerKey{v.VRID, v.Family}] {
		s := 1
		if o.Interface == v.Interface {
			s++
		}
		if o.Name == v.Name {
			s += 2
		}
		if s > score {
			best, score = o, s
		}
	}
	return best
}

// wire compares what every advert carries.
func (p *pair) wire(x, y *Instance) {
	if x.Version != y.Version {
		p.add(y.At("version"), diag.Error, "pair-version", fmt.Sprintf("%s speaks version %d here and %d on the other node", y.Name, y.Version, x.Version), twoMasters, fmt.Sprintf("version %d", x.Version))
		return
	}
	if x.AdvertInterval != y.AdvertInterval {
		sev, why := diag.Warning, "version 3 learns the interval from the MASTER, so failover times differ by direction"
		if x.Version == 2 {
			sev, why = diag.Error, twoMasters
		}
		p.add(y.At("advert_int"), sev, "pair-interval", fmt.Sprintf("the interval is %s s here and %s s on the other node", formatSeconds(y.AdvertInterval), formatSeconds(x.AdvertInterval)), why, "advert_int "+formatSeconds(x.AdvertInterval))
	}
	if x.ChecksumAsV2 != y.ChecksumAsV2 && x.Version == 3 && x.Family == IPv4 {
		p.add(y.At("v3_checksum_as_v2"), diag.Error, "pair-checksum", "v3_checksum_as_v2 differs between the nodes", "the checksums do not fit; vrrpd accepts both, keepalived does not", "the same on both nodes")
	}
}

// addresses compares the VIP lists as sets, and the prefix lengths.
func (p *pair) addresses(x, y *Instance) {
	a, b := x.vips(), y.vips()
	if missing := minus(a, b); len(missing) > 0 {
		p.add(y.At("virtual_ipaddress"), diag.Error, "pair-vips", "the other node also has "+join(missing), "a keepalived before 2.3.3 refuses adverts whose addresses differ: "+twoMasters, "the same addresses on both nodes")
	}
	if missing := minus(b, a); len(missing) > 0 {
		p.add(x.At("virtual_ipaddress"), diag.Error, "pair-vips", "the other node also has "+join(missing), "a keepalived before 2.3.3 refuses adverts whose addresses differ: "+twoMasters, "the same addresses on both nodes")
	}
	for _, v := range y.Addresses {
		for _, o := range x.Addresses {
			if o.Prefix.Addr() == v.Prefix.Addr() && o.Prefix.Bits() != v.Prefix.Bits() {
				p.add(v.Pos, diag.Hint, "pair-length", fmt.Sprintf("%s is a /%d here and a /%d on the other node", v.Prefix.Addr(), v.Prefix.Bits(), o.Prefix.Bits()), "routes differ depending on who is MASTER", o.Prefix.String())
			}
		}
	}
}

func minus(a, b []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

func join(list []netip.Addr) string {
	s := make([]string, len(list))
	for i, a := range list {
		s[i] = a.String()
	}
	return strings.Join(s, ", ")
}

func (p *pair) auth(x, y *Instance) {
	at := y.At("authentication")
	switch {
	case x.Auth.Type != y.Auth.Type:
		p.add(at, diag.Error, "pair-auth", "the authentication type differs between the nodes", twoMasters, "the same authentication block on both nodes")
	case x.Auth.Password != y.Auth.Password:
		p.add(at, diag.Error, "pair-auth", "the password differs between the nodes", twoMasters, "the same auth_pass on both nodes")
	}
	p.hmac(x, y)
}

func (p *pair) hmac(x, y *Instance) {
	h, o := y.HMAC, x.HMAC
	if h == nil && o == nil {
		return
	}
	if h == nil || o == nil {
		with, at := h, y.Pos
		if with == nil {
			with = o
		}
		sev := diag.Warning
		if with.Mode == HMACEnforce {
			sev = diag.Error
		}
		p.add(at, sev, "pair-hmac", "only one node has auth_hmac", "in mode enforce it refuses the other's adverts", "auth_hmac on both nodes; to roll it out: receive-only, permissive, enforce")
		return
	}
	for _, d := range []struct{ from, to *HMAC }{{o, h}, {h, o}} {
		if d.from.Mode == HMACReceiveOnly {
			continue
		}
		i := slices.IndexFunc(d.to.Keys, func(k HMACKey) bool { return k.ID == d.from.ActiveKey })
		j := slices.IndexFunc(d.from.Keys, func(k HMACKey) bool { return k.ID == d.from.ActiveKey })
		switch {
		case i < 0:
			p.add(d.to.At("key"), diag.Error, "pair-hmac", fmt.Sprintf("the other node signs with key %d, which is not here", d.from.ActiveKey), "its adverts are refused", "the key on both nodes before it is active")
		case j >= 0 && d.to.Keys[i].File == "" && d.from.Keys[j].File == "" && d.to.Keys[i].Key != d.from.Keys[j].Key:
			p.add(d.to.At("key"), diag.Error, "pair-hmac", fmt.Sprintf("key %d differs between the nodes", d.from.ActiveKey), "its adverts are refused", "the same key on both nodes")
		}
	}
}

// unicast checks that the peers point at each other.
func (p *pair) unicast(x, y *Instance) {
	if x.Unicast != y.Unicast {
		p.add(y.At("unicast_peer"), diag.Error, "pair-unicast", "one node speaks unicast and the other multicast", "neither accepts the other's adverts: "+twoMasters, "unicast_peer on both nodes, or on none")
		return
	}
	if !x.Unicast {
		if x.McastGroup != y.McastGroup {
			p.add(y.At("mcast_dst_ip"), diag.Error, "pair-group", "the multicast groups differ", twoMasters, "the same group on both nodes")
		}
		return
	}
	for _, d := range []struct{ me, other *Instance }{{x, y}, {y, x}} {
		if !d.other.Source.IsValid() {
			p.add(d.other.At("unicast_peer"), diag.Hint, "pair-source", "instance "+d.other.Name+" has no unicast_src_ip", "whether the peers point at each other cannot be told", "unicast_src_ip ADDRESS")
			continue
		}
		if !slices.ContainsFunc(d.me.UnicastPeers, func(o Peer) bool { return o.Addr == d.other.Source }) {
			p.add(d.me.At("unicast_peer"), diag.Error, "pair-peers", "the other node sends from "+d.other.Source.String()+", which is not a peer here", "its adverts are not answered, or refused: both become MASTER", d.other.Source.String()+" in unicast_peer")
		}
	}
	if x.Source.IsValid() && x.Source == y.Source {
		p.add(y.At("unicast_src_ip"), diag.Error, "pair-same-source", "both nodes send from "+y.Source.String(), "the kernel drops packets from its own address, and both stay MASTER unnoticed", "each node's own address")
	}
}

// election compares who would win, and whether weights can change it.
func (p *pair) election(x, y *Instance) {
	at := y.At("priority")
	switch {
	case x.Owner() && y.Owner():
		p.add(at, diag.Error, "pair-owners", "both nodes have priority 255", "there can be one address owner: both start as MASTER", "priority 254 or lower on one node")
	case x.Priority == y.Priority:
		p.add(at, diag.Warning, "pair-priority", fmt.Sprintf("both nodes have priority %d", y.Priority), "the higher source address wins: right for nopreempt, surprising otherwise", "different priorities")
	}
	if x.Preempt != y.Preempt {
		p.add(y.At("nopreempt"), diag.Hint, "pair-preempt", "one node preempts and the other does not", "failback then happens in one direction only", "nopreempt on both nodes, or on none")
	}
	high, low := x, y
	if y.Priority > x.Priority {
		high, low = y, x
	}
	p.weights(high, low)
}

// weights finds tracks of the stronger node whose weight cannot make the weaker one win.
func (p *pair) weights(high, low *Instance) {
	gap := int(high.Priority) - int(low.Priority)
	bonus := 0
	for _, t := range slices.Concat(low.TrackScripts, low.TrackInterfaces, low.TrackProcesses, low.TrackBFD, low.TrackChecks) {
		bonus += max(t.Weight, 0)
	}
	for _, t := range slices.Concat(high.TrackScripts, high.TrackInterfaces, high.TrackProcesses, high.TrackBFD, high.TrackChecks) {
		// A positive weight is lost on failure, and the other node has its own as well; a negative one is subtracted.
		loss := -t.Weight
		if t.Weight > 0 {
			loss = max(t.Weight, bonus)
		}
		if t.Weight != 0 && loss <= gap {
			p.add(t.Pos, diag.Warning, "pair-weight", fmt.Sprintf("weight %d of %s cannot make the other node win", t.Weight, t.Name), fmt.Sprintf("the priorities are %d and %d: failure leaves this node ahead", high.Priority, low.Priority), fmt.Sprintf("a weight beyond %d", gap))
		}
	}
}

// groups compares membership by virtual router, since names may differ.
func (p *pair) groups(y *Instance, there, here []string) {
	if !slices.Equal(here, there) {
		p.add(y.Pos, diag.Warning, "pair-sync-group", fmt.Sprintf("%s moves together with %s here and with %s on the other node", y.Name, orNone(here), orNone(there)), "after a failover the routers may stand half on one node and half on the other", "the same sync-group on both nodes")
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func routerName(v *Instance) string { return fmt.Sprintf("VRID %d (%s)", v.VRID, v.Family) }

// memberLists names the virtual routers of each group, sorted. At most 64 of a group are compared.
func memberLists(c *Config) map[string][]string {
	out := make(map[string][]string)
	for _, v := range c.Instances {
		if g := v.SyncGroup; g != "" && len(out[g]) < 64 {
			out[g] = append(out[g], routerName(v))
		}
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

func without(list []string, v *Instance) []string {
	i := slices.Index(list, routerName(v))
	if i < 0 {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}
