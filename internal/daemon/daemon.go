// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/record"
	"github.com/govrrp/vrrpd/internal/track"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// Options say how to run.
type Options struct {
	ConfigPath string
	ConfigID   string // for @ID lines; "" = the host name
	Socket     string // control socket; "" = none
	Node       string // name in the status; "" = the host name
	Software   string // version in the status
	Log        *slog.Logger
	Warnings   int // findings when the configuration was loaded, for the status
	// KeepAddresses leaves addresses in place at the end and sends no
	// priority 0 (keepalived's --dont-release-vrrp).
	KeepAddresses bool
	// StateDir keeps what claims must remember across restarts; "" = nothing.
	StateDir string
	// Record is a file for everything the engine is told; "" = none.
	Record string
	// Dumps asks for keepalived's files; nil = none.
	Dumps <-chan Dump
	// Ready is called once everything is built, just before the routers run.
	Ready func()
}

// Daemon is a running configuration.
type Daemon struct {
	opts       Options
	since      time.Time
	host       *linux.Linux
	runner     *runner.Runner
	trackers   *track.Trackers
	dispatcher *notify.Dispatcher
	sink       *sink
	links      *steadyLinks
	claims     *claims
	phases     *phases
	recorder   *record.Writer // nil = none

	reloading sync.Mutex // one reload at a time; guards what only reloads touch
	listening []notify.Lane
	fifos     map[string]*notify.FIFO
	ended     bool

	mu         sync.Mutex // guards what the status shows, which must not wait for a reload
	cfg        *config.Config
	loaded     time.Time
	warnings   int
	lastReload string
}

// ErrConfig says that a configuration has errors; the diagnostics came before.
var ErrConfig = errors.New("the configuration has errors")

// Load reads a configuration. The diagnostics are complete even with an
// error, which wraps [ErrConfig] when the file could be read.
func Load(o Options) (*config.Config, config.Diagnostics, error) {
	cfg, diagnostics, err := config.Load(o.ConfigPath, config.Options{ConfigID: o.ConfigID, Environ: os.Environ()})
	if err != nil {
		return nil, diagnostics, err
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics, fmt.Errorf("%s: %w", o.ConfigPath, ErrConfig)
	}
	return cfg, diagnostics, nil
}

// Run runs cfg until ctx ends. HUP on the reload channel re-reads the file.
func Run(ctx context.Context, cfg *config.Config, o Options, reload <-chan os.Signal) error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	// First of all: if another daemon answers there, what start would clean up
	// as left over are the addresses that it serves.
	var socket net.Listener
	if o.Socket != "" {
		var err error
		if socket, err = control.Listen(o.Socket); err != nil {
			return err
		}
		defer socket.Close()
	}
	g := &cfg.Global
	runHook(ctx, o.Log, g, "startup_script", g.StartupScript, g.StartupTimeout)
	d, err := start(ctx, cfg, o)
	if err != nil {
		return err
	}
	err = d.run(ctx, socket, reload)
	g = &d.cfg.Global
	runHook(context.WithoutCancel(ctx), o.Log, g, "shutdown_script", g.ShutdownScript, g.ShutdownTimeout)
	return err
}

// start builds everything and opens the sockets.
func start(ctx context.Context, cfg *config.Config, o Options) (d *Daemon, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d = &Daemon{
		opts: o, since: time.Now(), cfg: cfg, loaded: time.Now(), warnings: o.Warnings,
		dispatcher: notify.New(o.Log), trackers: track.New(o.Log), fifos: map[string]*notify.FIFO{}, phases: newPhases(),
	}
	d.claims = newClaims(o)
	d.sink = newSink(o.Log, d.dispatcher, d.claims)
	d.sink.configure(cfg)
	d.phases.configure(cfg)
	plan, err := d.prepare(cfg)
	if err != nil {
		return nil, err
	}
	first := startupDelay(plan.engine, &cfg.Global, sinceBoot())
	e, err := engine.New(first)
	if err != nil {
		return nil, err
	}
	host := linux.New(linux.Options{Log: o.Log, OnLost: d.ownershipLost})
	defer func() {
		if err != nil { // no device or rule stays behind
			err = errors.Join(err, clean(ctx, host))
		}
	}()
	d.host = host
	if err := d.host.Configure(ctx, plan.routers); err != nil {
		return nil, err
	}
	if err := d.trackers.Set(plan.trackers); err != nil {
		return nil, err
	}
	if err := d.dispatcher.Set(plan.lanes); err != nil {
		return nil, err
	}
	d.listening = plan.lanes
	d.links = newSteadyLinks(watchedLinks{d.host.Links(), d.claims.sawLink}, cfg)
	d.claims.setRouters(cfg)
	if err := d.claims.configure(context.WithoutCancel(ctx), plan.claims); err != nil {
		return nil, err
	}
	d.phases.host = lingering{d.host.Host(), d.claims}
	ports := runner.Ports{
		Wire: d.host.Wire(), Host: d.phases, Links: d.links,
		Sink: d.sink, Log: o.Log, Suspended: linux.Suspended, Tick: d.claims.tick,
	}
	if o.Record != "" {
		if d.recorder, err = record.Create(o.Record, first, recordLimit); err != nil {
			return nil, err
		}
		ports.Record = d.recorder.Record
	}
	d.runner = runner.New(e, ports)
	return d, nil
}

// recordLimit bounds a recording, in bytes.
const recordLimit = 64 << 20

// prepared is a configuration translated for each part of the daemon.
type prepared struct {
	engine   engine.Config
	routers  []linux.Router
	trackers []track.Spec
	lanes    []notify.Lane
	claims   []claimSpec
}

// prepare translates without changing anything, so that a reload that cannot
// succeed is refused as a whole.
func (d *Daemon) prepare(c *config.Config) (p prepared, err error) {
	var errs [4]error
	p.engine, errs[0] = EngineConfig(c)
	p.routers = hostRouters(c)
	p.trackers, errs[1] = trackerSpecs(c)
	p.lanes, errs[2] = d.lanes(c)
	p.claims, errs[3] = claimSpecs(c)
	p.engine = withClaimTracks(p.engine, p.claims)
	return p, errors.Join(errs[:]...)
}

// run runs every part until ctx ends, then takes them down in order: the
// routers resign and release, everyone is told STOP, the host is cleaned.
func (d *Daemon) run(ctx context.Context, socket net.Listener, reload <-chan os.Signal) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if socket != nil {
		parts.Go(func() {
			if err := control.Serve(ctx, socket, d); err != nil {
				d.opts.Log.Error("control socket ended", "err", err)
			}
		})
	}
	parts.Go(func() {
		err := d.trackers.Run(ctx, func(t engine.TrackChanged) { _ = d.runner.Post(ctx, t) })
		if err != nil {
			d.opts.Log.Error("tracking ended", "err", err)
		}
	})
	parts.Go(func() {
		d.claims.postLevels(func(t engine.TrackChanged) { _ = d.runner.Post(ctx, t) })
	})
	parts.Go(func() { d.serveReloads(ctx, reload) })
	d.serveFIFOs(ctx, &parts)
	parts.Go(func() { d.serveDumps(ctx, d.opts.Dumps) })
	if d.opts.KeepAddresses {
		parts.Go(func() { _ = d.runner.KeepOnExit(ctx) })
	}
	if d.opts.Ready != nil {
		d.opts.Ready()
	}
	err := d.runner.Run(ctx)
	cancel()
	if d.recorder != nil {
		err = errors.Join(err, d.recorder.Close())
	}
	d.endReloads()
	d.claims.close()
	d.tellStop()
	if d.opts.KeepAddresses {
		return err
	}
	return errors.Join(err, clean(ctx, d.host))
}

// clean takes what is ours off the host, whether or not ctx has ended.
func clean(ctx context.Context, host *linux.Linux) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	return host.Close(ctx)
}

// endReloads waits for a reload that is under way and lets no other begin, for
// what it would set up nobody would take down.
func (d *Daemon) endReloads() {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.ended = true
}

// ownershipLost runs on a watcher's goroutine, which must not wait.
func (d *Daemon) ownershipLost(id vrrp.ID, detail string) {
	go func() {
		// After the end of the daemon nobody wants to know.
		_ = d.runner.Post(context.Background(), engine.OwnershipLost{Router: id, Detail: detail})
	}()
}

// stopTime is how long notify_stop may take: keepalived gives it one second,
// we a little more.
const stopTime = 3 * time.Second

func (d *Daemon) tellStop() {
	for _, i := range d.cfg.Instances {
		d.dispatcher.Post(notify.Event{Kind: notify.Instance, Name: i.Name, State: notify.Stop, Priority: int(i.Priority), At: time.Now()})
	}
	for _, g := range d.cfg.SyncGroups {
		d.dispatcher.Post(notify.Event{Kind: notify.Group, Name: g.Name, State: notify.Stop, At: time.Now()})
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := d.dispatcher.Close(ctx); err != nil {
		d.opts.Log.Warn("not every stop notification arrived", "err", err)
	}
	for _, f := range d.fifos {
		_ = f.Close()
	}
}
