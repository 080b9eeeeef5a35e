// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// lingering keeps the addresses of a router that has become BACKUP until the
// cloud shows them at their new owner: until then the fabric goes on delivering
// here, whoever is MASTER. Not in FAULT, and not at the end of the daemon. It
// runs in the router's own host lane, so nobody else waits.
type lingering struct {
	runner.Host
	claims *claims
}

// Apply implements runner.Host.
func (l lingering) Apply(ctx context.Context, id vrrp.ID, own runner.Ownership) error {
	if own == runner.Release {
		l.claims.linger(ctx, id)
	}
	return l.Host.Apply(ctx, id, own)
}

// demotionKnown bounds the wait for the report of the transition that an order
// to release came with.
const demotionKnown = 500 * time.Millisecond

// setRouters keeps by whose claims a router may have to linger.
func (c *claims) setRouters(cfg *config.Config) {
	routers := map[vrrp.ID][]notify.Subject{}
	for _, i := range cfg.Instances {
		if len(i.Claims) > 0 {
			routers[routerID(i)] = append(routers[routerID(i)], notify.Subject{Kind: notify.Instance, Name: i.Name})
		}
	}
	for _, g := range cfg.SyncGroups {
		for _, id := range groupRouters(cfg, g) {
			if len(g.Claims) > 0 {
				routers[id] = append(routers[id], notify.Subject{Kind: notify.Group, Name: g.Name})
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.routers = routers
}

// linger waits until every claim of a router has seen its addresses elsewhere,
// until one of those who name them is anything but BACKUP, or until time is up.
func (c *claims) linger(ctx context.Context, id vrrp.ID) {
	c.mu.Lock()
	subjects := c.routers[id]
	c.mu.Unlock()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c.mu.Lock()
		moved, wait := c.moved, time.Duration(0)
		for _, who := range subjects {
			wait = max(wait, c.lingersFor(who, began))
		}
		c.mu.Unlock()
		if wait <= 0 || time.Since(began) >= wait {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		case <-tick.C:
		}
	}
}

// lingersFor says how long, counted from began, the addresses of an instance or
// group stay; zero: no longer. The caller holds mu.
func (c *claims) lingersFor(who notify.Subject, began time.Time) time.Duration {
	t, known := c.told[who]
	switch {
	case !known:
		return 0
	case t.state == vrrp.Master && t.at.Before(began):
		return demotionKnown // the report of the demotion is on its way
	case t.state != vrrp.Backup:
		return 0
	}
	wait := time.Duration(0)
	for key, run := range c.runs {
		if key.who == who && run.ours() {
			wait = max(wait, run.spec.conf.Linger)
		}
	}
	return wait
}

// ours reports whether the cloud, as far as is known, still delivers an address
// of this claim here.
func (r *claimRun) ours() bool {
	s := r.claim.Status()
	return s.Mode == cloud.ModeEnforce && slices.ContainsFunc(s.Items, func(it cloud.ItemStatus) bool {
		return (it.Kind == cloud.VIP4 || it.Kind == cloud.VIP6) && it.Known == cloud.Self
	})
}
