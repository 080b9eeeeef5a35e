// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/azure"
	"github.com/govrrp/vrrpd/cloud/capture"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/internal/config"
)

// make builds a claim and what belongs to it; it may ask the machine which
// cloud this is. Nothing runs yet.
func (c *claims) make(ctx context.Context, s claimSpec) (*claimRun, error) {
	k, o := s.conf, providerOptions(s)
	provider, err := c.provider(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &claimRun{owner: c, spec: s, text: s.text(), limiter: c.limiterOf(o.Provider), changes: make(chan cloud.Status, 1)}
	if err := r.makeGuard(); err != nil {
		return nil, err
	}
	if k.ProbePort > 0 {
		if r.probe, err = azure.NewProbe(azure.ProbeOptions{Addr: probeAddr(s)}); err != nil {
			return nil, err
		}
	}
	conf := cloud.Config{
		Name: s.key.String(), Provider: provider, Items: s.items, Mode: claimMode(k.Mode),
		Lease: s.lease, Limiter: r.limiter, Audit: c.audit, Log: c.opts.Log, OnChange: r.changed, Clock: c.clock,
		Timing: cloud.Timing{Drift: k.CheckInterval},
	}
	if c.stateDir != "" {
		conf.Generations = cloud.FileGenerations(c.stateFile(s.key, "generation"))
	}
	if r.guard != nil {
		conf.Guard, conf.OnSuspect = r.guard, suspicion(k.Guard)
		conf.Timing.GuardBudget = k.Guard.Budget
	}
	if r.claim, err = cloud.New(conf); err != nil {
		return nil, err
	}
	return r, r.makeKeeper(provider)
}

// providerOptions say which cloud a claim is about, and how to reach it.
func providerOptions(s claimSpec) cloudprovider.Options {
	k := s.conf
	o := cloudprovider.Options{
		Provider: k.Provider, Endpoint: k.Endpoint, MetadataEndpoint: k.MetadataEndpoint,
		Region: k.Region, Profile: k.Profile, CredentialsFile: k.CredentialsFile,
		Subscription: k.Subscription, ResourceGroup: k.ResourceGroup, Timeout: k.Timeout, Source: s.source,
	}
	if k.PeerNIC != "" {
		o.PeerNICs = []string{k.PeerNIC}
	}
	if k.AzureMode == "probe" {
		o.Provider = "none"
	}
	return o
}

// probeAddr is every own address of the family: the load balancer may ask
// another interface than the one that adverts leave from.
func probeAddr(s claimSpec) netip.AddrPort {
	all := netip.IPv4Unspecified()
	if s.self.Is6() {
		all = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(all, uint16(s.conf.ProbePort))
}

// stateFile is where a claim remembers something across restarts.
func (c *claims) stateFile(key claimKey, what string) string {
	return filepath.Join(c.stateDir, key.who.Name+"-"+key.name+"."+what)
}

// limiterOf returns the limiter that all claims in one cloud share.
func (c *claims) limiterOf(provider string) *cloud.Limiter {
	if provider == "auto" || provider == "" {
		provider = cloudprovider.Detect()
	}
	if c.limiters[provider] == nil {
		c.limiters[provider] = cloud.NewLimiterWithRates(c.clock, cloudprovider.Rates(provider))
	}
	return c.limiters[provider]
}

// makeKeeper makes what learns routes, or finds the tables of a destination.
func (r *claimRun) makeKeeper(provider cloud.Provider) error {
	k := r.spec.conf
	conf := capture.Config{
		Discover: provider.Discover, Scopes: routeScopes(k), Self: r.spec.self, Peer: r.spec.peer, Home: r.spec.home,
		Static: r.spec.items, Apply: r.claim.SetItems, NoAdopt: !k.Adopt, Log: r.owner.opts.Log,
	}
	for _, route := range k.Routes {
		if route.Table == "" {
			conf.Dests = append(conf.Dests, route.Destination)
		}
	}
	if conf.Home == capture.NoHome && len(conf.Dests) == 0 || claimMode(k.Mode) == cloud.ModeOff {
		return nil
	}
	var ok bool
	if conf.Lister, ok = provider.(cloud.RouteLister); !ok {
		return fmt.Errorf("provider %s lists no routes", k.Provider)
	}
	if r.owner.stateDir != "" {
		conf.File = r.owner.stateFile(r.spec.key, "routes.json")
	}
	var err error
	r.keeper, err = capture.New(conf)
	return err
}

// routeScopes are the tables to look at: in one of the networks, with one of
// the tags, and named if any is.
func routeScopes(k *config.CloudClaim) []cloud.RouteScope {
	or := func(list []string) []string {
		if len(list) == 0 {
			return []string{""}
		}
		return list
	}
	var scopes []cloud.RouteScope
	for _, network := range or(k.Networks) {
		for _, tag := range or(k.TableTags) {
			scopes = append(scopes, cloud.RouteScope{Tables: k.Tables, Network: network, Tag: tag})
		}
	}
	return scopes
}

func claimMode(m config.ClaimMode) cloud.Mode {
	switch m {
	case config.ClaimDryRun:
		return cloud.ModeDryRun
	case config.ClaimOff:
		return cloud.ModeOff
	}
	return cloud.ModeEnforce
}
