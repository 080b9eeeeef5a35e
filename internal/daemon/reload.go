// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/notify"
)

// serveReloads re-reads the configuration for each signal.
func (d *Daemon) serveReloads(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-signals:
			if !open {
				return
			}
			_, _ = d.Reload(ctx) // the error is logged and kept for the status
		}
	}
}

// Reload reads the file again and applies it. What does not validate changes
// nothing; the error is logged and shown by the status until the next success.
func (d *Daemon) Reload(ctx context.Context) (config.Diagnostics, error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if d.ended {
		return nil, errEnded
	}
	cfg, diagnostics, err := Load(d.opts)
	var next prepared
	if err == nil {
		next, err = d.prepare(cfg)
	}
	outcome := "nothing was changed"
	if err == nil {
		err, outcome = d.apply(ctx, cfg, next), "applied in part, reload again once it is cured"
	}
	for _, x := range diagnostics {
		level := slog.LevelWarn
		if x.Severity == diag.Hint {
			level = slog.LevelInfo
		}
		d.opts.Log.Log(ctx, level, x.String())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.lastReload = err.Error()
		d.opts.Log.Error("reload failed: "+outcome, "err", err)
		return diagnostics, fmt.Errorf("%s: %w", outcome, err)
	}
	d.lastReload, d.warnings = "", diagnostics.Count(diag.Warning)
	d.opts.Log.Info("configuration reloaded", "instances", len(cfg.Instances))
	return diagnostics, nil
}

var errEnded = errors.New("the daemon has ended")

// apply brings every part to cfg: sockets for old and new routers first, then
// the engine, and once removed routers have released, the host without them.
func (d *Daemon) apply(ctx context.Context, cfg *config.Config, next prepared) error {
	now := hostRouters(d.cfg)
	if err := d.host.Configure(ctx, union(next.routers, now)); err != nil {
		return err
	}
	if err := d.trackers.Set(next.trackers); err != nil {
		return err
	}
	if err := d.claims.configure(context.WithoutCancel(ctx), next.claims); err != nil {
		return err
	}
	// What is new hears of its first state, what goes of its last.
	if err := d.dispatcher.Set(unionLanes(next.lanes, d.listening)); err != nil {
		return err
	}
	d.phases.configure(cfg)
	d.claims.setRouters(cfg)
	gone := missing(d.cfg, cfg)
	if err := d.runner.Reload(ctx, next.engine); err != nil {
		return err
	}
	for _, i := range gone {
		state := notify.Removed
		if i.Notify.DeletedState {
			state = notify.Deleted
		}
		d.dispatcher.Post(notify.Event{Kind: notify.Instance, Name: i.Name, State: state, Priority: int(i.Priority), At: time.Now(), Reason: "removed by reload"})
	}
	if err := d.dispatcher.Set(next.lanes); err != nil {
		return err
	}
	d.listening = next.lanes
	if err := d.runner.Settle(ctx); err != nil {
		return err
	}
	d.sink.configure(cfg)
	d.links.configure(cfg)
	d.mu.Lock()
	d.cfg, d.loaded = cfg, time.Now()
	d.mu.Unlock()
	return d.host.Configure(ctx, next.routers)
}

// missing returns the instances of old whose router is not in new.
func missing(old, new *config.Config) []*config.Instance {
	var gone []*config.Instance
	for _, o := range old.Instances {
		stays := false
		for _, n := range new.Instances {
			stays = stays || routerID(n) == routerID(o)
		}
		if !stays {
			gone = append(gone, o)
		}
	}
	return gone
}

// unionLanes returns next and those of now that next does not have by name.
func unionLanes(next, now []notify.Lane) []notify.Lane {
	all := slices.Clone(next)
	for _, o := range now {
		if !slices.ContainsFunc(next, func(n notify.Lane) bool { return n.Name == o.Name }) {
			all = append(all, o)
		}
	}
	return all
}
