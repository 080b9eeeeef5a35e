// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/notify"
)

// Status implements control.Backend.
func (d *Daemon) Status(ctx context.Context) (*control.Status, error) {
	e, err := d.runner.Status(ctx)
	if err != nil {
		return nil, err
	}
	s := &control.Status{Node: d.opts.Node, PID: os.Getpid(), Since: d.since, Software: d.opts.Software, Trackers: []control.Tracker{}}
	s.Fill(control.Snapshot{
		Engine: e, Notify: d.dispatcher.Results(), FramesDropped: d.host.FramesLost(), FramesFiltered: d.host.FramesFiltered(),
	})
	for _, t := range d.trackers.Status() {
		s.Trackers = append(s.Trackers, control.Tracker{
			Kind: string(t.Track.Kind), Name: t.Track.Name, Known: t.Level.Known, Good: t.Level.Good,
			Value: t.Level.Value, Detail: t.Level.Detail, At: t.Last.At, Seconds: t.Last.Duration.Seconds(),
			Exit: t.Last.Exit, Output: t.Last.Output,
		})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := range s.Instances {
		if i := d.cfg.Instance(s.Instances[n].Name); i != nil {
			s.Instances[n].Fingerprint = i.Fingerprint()
			s.Instances[n].Claim = d.claims.status(notify.Subject{Kind: notify.Instance, Name: i.Name})
		}
	}
	for n := range s.SyncGroups {
		s.SyncGroups[n].Claim = d.claims.status(notify.Subject{Kind: notify.Group, Name: s.SyncGroups[n].Name})
	}
	s.Config = control.Config{Path: d.opts.ConfigPath, LoadedAt: d.loaded, Warnings: d.warnings, LastReload: d.lastReload}
	return s, nil
}

// Decisions implements control.Backend.
func (d *Daemon) Decisions(name string) ([]control.Decision, error) {
	if !d.knows(name) {
		return nil, fmt.Errorf("no instance or sync group %q: %w", name, control.ErrNotFound)
	}
	return d.sink.decisionsOf(name), nil
}

func (d *Daemon) knows(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cfg.Instance(name) != nil {
		return true
	}
	for _, g := range d.cfg.SyncGroups {
		if g.Name == name {
			return true
		}
	}
	return false
}

// Do implements control.Backend.
func (d *Daemon) Do(ctx context.Context, c control.Command) (any, error) {
	switch c.Verb {
	case "reload":
		diagnostics, err := d.Reload(ctx)
		if err != nil {
			err = fmt.Errorf("%w: %w", control.ErrRejected, err)
		}
		return nonNil(diagnostics), err
	case "plan":
		return d.plan(c.File)
	case "failover":
		return d.failover(ctx, c)
	}
	return nil, fmt.Errorf("command %q: %w", c.Verb, control.ErrNotFound)
}

// maxAside bounds a manual failover.
const maxAside = 7 * 24 * time.Hour

func (d *Daemon) failover(ctx context.Context, c control.Command) (any, error) {
	if !d.knows(c.Name) {
		return nil, fmt.Errorf("no instance or sync group %q: %w", c.Name, control.ErrNotFound)
	}
	aside := time.Duration(c.Seconds * float64(time.Second))
	if aside <= 0 || aside > maxAside {
		return nil, fmt.Errorf("%w: the time to stay aside must be above 0 and at most %v", control.ErrRejected, maxAside)
	}
	d.opts.Log.Info("("+c.Name+") manual failover", "for", aside.String())
	return struct{}{}, d.runner.Post(ctx, engine.FailoverRequested{Name: c.Name, For: aside})
}

func (d *Daemon) plan(file string) (any, error) {
	o := d.opts
	if file != "" {
		o.ConfigPath = file
	}
	d.reloading.Lock()
	defer d.reloading.Unlock()
	cfg, diagnostics, err := Load(o)
	if err == nil {
		_, err = d.prepare(cfg)
	}
	if err != nil {
		return nonNil(diagnostics), fmt.Errorf("%w: %w", control.ErrRejected, err)
	}
	return config.Diff(d.cfg, cfg), nil
}

func nonNil(d config.Diagnostics) config.Diagnostics {
	if d == nil {
		return config.Diagnostics{}
	}
	return d
}
