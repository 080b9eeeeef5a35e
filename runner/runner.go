// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Ports is what a runner is connected to. Wire, Host and Links are required.
type Ports struct {
	Wire   Wire
	Host   Host
	Links  Links
	Sink   Sink                          // told every report; nil = none
	Log    *slog.Logger                  // nil = slog.Default
	Record func(time.Time, engine.Input) // sees every input before the engine; nil = none
	// Suspended returns for how long the machine, and the clock of time.Now
	// with it, has stood still, since any fixed instant. nil = it never does.
	Suspended func() time.Duration
	// Tick is the loop's sign of life, once it has dealt with everything it
	// had received. It must not block; nil = none.
	Tick func()
}

// Runner owns an engine and runs it.
type Runner struct {
	engine   *engine.Engine
	ports    Ports
	lanes    *lanes
	requests chan request
	done     chan struct{}
	keep     bool // on exit, keep addresses and do not resign

	results   []engine.ActionDone
	suspended time.Duration // what Ports.Suspended has returned at most
}

// request is something done on the loop's goroutine.
type request struct {
	input engine.Input // or nil
	do    func(*Runner)
}

// requestQueue bounds what waits for the loop besides frames. Its senders are
// watchers, checks and workers: they wait when it is full, the loop never does.
const requestQueue = 256

// stopTimeout bounds how long the host may take to release what it owns when
// the runner ends.
const stopTimeout = 10 * time.Second

// ErrStopped is returned for requests after the runner has ended.
var ErrStopped = errors.New("runner: stopped")

// New connects an engine. It starts nothing.
func New(e *engine.Engine, p Ports) *Runner {
	if p.Log == nil {
		p.Log = slog.Default()
	}
	r := &Runner{
		engine:   e,
		ports:    p,
		requests: make(chan request, requestQueue),
		done:     make(chan struct{}),
	}
	r.lanes = newLanes(p.Host, func(id vrrp.ID, f vrrp.ActionFinished) {
		r.post(context.Background(), request{input: engine.ActionDone{Router: id, ActionFinished: f}})
	})
	return r
}

// Run lists the links, starts the routers and runs them until ctx ends. Then
// MASTERs resign and release their addresses, and Run returns once the host
// has done so. It must be called once.
func (r *Runner) Run(ctx context.Context) error {
	defer close(r.done)
	links, err := r.ports.Links.List(ctx)
	if err != nil {
		return fmt.Errorf("runner: list interfaces: %w", err)
	}
	stopWatching := r.watch(ctx)
	defer stopWatching()
	for _, l := range links {
		r.step(l)
	}
	r.step(engine.Started{})
	if r.ports.Suspended != nil {
		r.suspended = r.ports.Suspended()
	}
	r.loop(ctx)
	return r.shutDown()
}

// watch watches the links until the returned function is called.
func (r *Runner) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		err := r.ports.Links.Watch(ctx, func(l engine.LinkChanged) { _ = r.post(ctx, request{input: l}) })
		if err != nil && ctx.Err() == nil {
			r.ports.Log.Error("watching links ended", "err", err)
		}
	})
	return func() { cancel(); watcher.Wait() }
}

// loop waits, serves what others want, hears every frame that is here and lets
// time pass.
func (r *Runner) loop(ctx context.Context) {
	defer context.AfterFunc(ctx, r.ports.Wire.Wake)()
	for ctx.Err() == nil {
		at, _ := r.engine.Deadline()
		r.ports.Wire.Wait(at)
		r.noticeSuspension()
		r.serveAll()
		r.passTime()
		if r.ports.Tick != nil {
			r.ports.Tick()
		}
	}
}

// shortestSuspension is what a difference of two clocks must be to count: no
// interval is shorter.
const shortestSuspension = 10 * time.Millisecond

// noticeSuspension tells the engine, before anything else, that more time has
// passed than the clock says.
func (r *Runner) noticeSuspension() {
	if r.ports.Suspended == nil {
		return
	}
	if d := r.ports.Suspended() - r.suspended; d >= shortestSuspension {
		r.suspended += d
		r.ports.Log.Warn("the machine was suspended", "for", d)
		r.step(engine.Suspended{For: d})
	}
}

// serveAll serves the requests that were there when the wait ended. For those
// that come meanwhile the next wait ends at once.
func (r *Runner) serveAll() {
	for range requestQueue {
		select {
		case q := <-r.requests:
			r.serve(q)
		default:
			return
		}
	}
}

func (r *Runner) serve(q request) {
	if q.input != nil {
		r.step(q.input)
	}
	if q.do != nil {
		q.do(r)
	}
}

// passTime fires what is due, after it has heard what the sockets hold: a
// process that was stalled must hear the MASTER before it takes over.
func (r *Runner) passTime() {
	r.ports.Wire.Poll(r.hear)
	if at, ok := r.engine.Deadline(); ok && !time.Now().Before(at) {
		r.step(engine.Woke{})
	}
}

func (r *Runner) hear(f *engine.FrameReceived) { r.step(f) }

// step tells the engine one fact and carries out its answer, then tells it
// what came of the adverts.
func (r *Runner) step(in engine.Input) {
	r.carryOut(in)
	for len(r.results) > 0 {
		done := r.results[0]
		r.results = r.results[1:]
		r.carryOut(done)
	}
	r.results = nil
}

func (r *Runner) carryOut(in engine.Input) {
	now := time.Now()
	if r.ports.Record != nil {
		r.ports.Record(now, in)
	}
	for _, out := range r.engine.Step(now, in) {
		switch a := out.Action.(type) {
		case vrrp.SendAdvert:
			r.send(out.Router, a)
		case vrrp.SetOwnership:
			r.void(out.Router, r.lanes.setOwnership(out.Router, a))
		case vrrp.Announce:
			r.void(out.Router, r.lanes.setAnnounce(out.Router, a))
		default:
			if r.ports.Sink != nil {
				r.ports.Sink.Report(now, out)
			}
		}
	}
}

// void answers the orders that a newer one replaced.
func (r *Runner) void(id vrrp.ID, ids []vrrp.ActionID) {
	for _, a := range ids {
		r.results = append(r.results, engine.ActionDone{
			Router:         id,
			ActionFinished: vrrp.ActionFinished{ID: a, Err: ErrSuperseded},
		})
	}
}

func (r *Runner) send(id vrrp.ID, a vrrp.SendAdvert) {
	var errs []error
	for _, p := range a.Packets {
		if err := r.ports.Wire.Send(id, p); err != nil {
			errs = append(errs, err)
		}
	}
	r.results = append(r.results, engine.ActionDone{
		Router:         id,
		ActionFinished: vrrp.ActionFinished{ID: a.ID, Err: errors.Join(errs...)},
	})
}

// shutDown stops the routers and waits for the host to release. A release that
// fails is ordered again: nothing else has a deadline now.
func (r *Runner) shutDown() error {
	if r.keep {
		return nil
	}
	r.step(engine.Stopped{})
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	for {
		idle, again := r.lanes.settled(), (<-chan time.Time)(nil)
		if at, failed := r.engine.Deadline(); failed {
			idle, again = nil, time.After(time.Until(at))
		}
		select {
		case q := <-r.requests:
			r.serve(q)
		case <-again:
			r.step(engine.Woke{})
		case <-idle:
			if len(r.requests) == 0 { // a lane answers before it is idle
				return nil
			}
		case <-timeout.C:
			return fmt.Errorf("runner: addresses were not released within %v", stopTimeout)
		}
	}
}
