// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// run is one run of a claim: the machine, and the requests under way for it.
type run struct {
	c       *Claim
	m       *machine
	ctx     context.Context
	results chan event
	wg      sync.WaitGroup
	save    chan uint64 // latest-wins mailbox of the generation saver

	genCtx    context.Context // dies with the generation
	genCancel context.CancelFunc
	origin    time.Time
	wallAt    time.Duration
}

// ErrRunning is returned by a second, concurrent [Claim.Run].
var ErrRunning = errors.New("claim is already running")

// Run reconciles until ctx ends, and then shuts the fence, cancels what is
// under way and returns the cause. It releases nothing. Run may be called
// again afterwards, but not twice at once.
func (c *Claim) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer c.running.Store(false)
	ctx, cancel := context.WithCancel(ctx)
	m := newMachine(c.cfg.Clock(), c.cfg.Items, c.cfg.Timing, c.cfg.Provider.Plan, c.cfg.Random)
	m.mode, m.suspect, m.hasGuard = c.cfg.Mode, c.cfg.OnSuspect, c.cfg.Guard != nil
	_, m.canFresh = c.cfg.Provider.(Refresher)
	_, m.canWarm = c.cfg.Provider.(Warmer)
	r := &run{
		c: c, m: m, ctx: ctx, results: make(chan event), save: make(chan uint64, 1),
		origin: time.Now(), wallAt: c.cfg.Clock(),
	}
	r.genCtx, r.genCancel = context.WithCancel(ctx)
	// Nothing of this run may write after it has returned: the fence is shut
	// first, and what is under way gets a moment to end.
	defer r.drain()
	defer cancel()
	defer c.gate.shut()
	defer func() { r.genCancel() }()
	r.loadGeneration()
	r.step(event{kind: evTimer})
	return r.loop()
}

func (r *run) drain() {
	ended := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(ended)
	}()
	t := time.NewTimer(r.c.cfg.Timing.Drain)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
		r.c.cfg.Log.Warn("a request did not end when it was cancelled", "claim", r.c.cfg.Name)
	}
}

func (r *run) loop() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait := time.Hour
		if d := r.m.deadline(); d != never {
			wait = min(wait, max(0, d-r.c.cfg.Clock()))
		}
		timer.Reset(wait)
		select {
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-r.c.wake:
			r.takeWanted()
		case ev := <-r.results:
			r.step(ev)
		case <-timer.C:
			r.step(event{kind: evTimer})
		}
	}
}

// loadGeneration raises the generation above every earlier one. A file that
// cannot be read must not make generations repeat, so the time stands in.
func (r *run) loadGeneration() {
	c := r.c
	if c.cfg.Generations != nil {
		gen, err := c.cfg.Generations.Load()
		if err != nil {
			gen = uint64(max(time.Now().Unix(), 0))
			c.cfg.Log.Warn("generation could not be read, continuing from the time", "claim", c.cfg.Name, "error", err)
		}
		c.gate.startAt(gen)
		r.wg.Go(r.saver)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.want.Master {
		c.gen = c.gate.setMaster(true)
	}
	c.dirty = c.gen > 0
	c.poke()
}

// saver writes generations to disk beside the loop: a disk that hangs must not
// delay a failover.
func (r *run) saver() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case gen := <-r.save:
			if err := r.c.cfg.Generations.Save(gen); err != nil {
				r.c.cfg.Log.Warn("generation could not be saved", "claim", r.c.cfg.Name, "error", err)
			}
		}
	}
}

func (r *run) takeWanted() {
	c := r.c
	c.mu.Lock()
	want, gen, dirty, kick, items := c.want, c.gen, c.dirty, c.kick, c.items
	c.dirty, c.kick, c.items = false, false, nil
	c.mu.Unlock()
	if items != nil {
		r.step(event{kind: evItems, items: items})
	}
	if dirty {
		r.step(event{kind: evWanted, want: want, gen: gen})
	}
	if kick {
		r.step(event{kind: evKick})
	}
}

func (r *run) step(ev event) {
	for _, o := range r.m.step(r.c.cfg.Clock(), ev) {
		r.carryOut(o)
	}
	r.publish()
}

func (r *run) carryOut(o order) {
	c := r.c
	switch o.kind {
	case doCancel:
		r.genCancel()
		r.genCtx, r.genCancel = context.WithCancel(r.ctx)
		if c.cfg.Generations != nil {
			select {
			case <-r.save:
			default:
			}
			r.save <- o.gen
		}
	case doPass:
		c.gate.pass(o.gen)
	case doYield, doUnyield:
		c.gate.yield(o.gen, o.kind == doYield)
	case doThrottled:
		c.cfg.Limiter.Throttled()
	case doAudit:
		r.audit(o.gen, o.entry)
	case doObserve, doApply, doGuard:
		r.call(r.genCtx, o)
	case doDiscover, doRefresh, doWarm:
		r.call(r.ctx, o)
	}
}

// call carries a network order out in its own goroutine and brings the result
// back to the loop.
func (r *run) call(ctx context.Context, o order) {
	if o.kind == doWarm || o.kind == doObserve && !r.m.want.Master {
		ctx = inBackground(ctx)
	}
	r.wg.Go(func() {
		ctx, cancel := context.WithTimeout(WithLimiter(ctx, r.c.cfg.Limiter), r.c.cfg.Timing.Call)
		defer cancel()
		ev := r.ask(ctx, o)
		ev.gen = o.gen
		select {
		case r.results <- ev:
		case <-r.ctx.Done():
		}
	})
}

func (r *run) ask(ctx context.Context, o order) event {
	p := r.c.cfg.Provider
	switch o.kind {
	case doDiscover:
		node, err := p.Discover(ctx)
		return event{kind: evDiscovered, node: node, err: err}
	case doObserve:
		return event{kind: evObserved, observed: p.Observe(ctx, o.node, o.items)}
	case doApply:
		return event{kind: evApplied, step: o.index, outcome: r.apply(ctx, o)}
	case doGuard:
		ctx, cancel := context.WithTimeout(ctx, r.c.cfg.Timing.GuardBudget)
		defer cancel()
		return event{kind: evGuarded, verdict: r.c.cfg.Guard.Run(ctx)}
	case doRefresh:
		return event{kind: evRefreshed, err: p.(Refresher).Refresh(ctx)}
	default:
		return event{kind: evWarmed, err: p.(Warmer).Warm(ctx)}
	}
}

// apply sends one mutation through the fence and leaves its audit line.
func (r *run) apply(ctx context.Context, o order) Outcome {
	fence := genFence{r.c.gate, o.gen}
	start := r.c.cfg.Clock()
	out := Failed(fence.Allowed())
	if out.Class == ClassDone || out.Class == ClassDryRun {
		out = r.c.cfg.Provider.Apply(WithFence(ctx, fence), fence, o.step)
	}
	e := AuditEntry{
		Op: o.step.Op, Resource: o.step.Resource, Before: auditSide(o.step.Before),
		Status: out.Status, RequestID: out.RequestID, Took: r.c.cfg.Clock() - start, Outcome: out.Class.String(),
	}
	for i, it := range o.step.Items {
		if i > 0 {
			e.Item += " "
		}
		e.Item += it.Key()
	}
	if out.Class == ClassDryRun {
		e.Outcome = "would"
	}
	if out.Err != nil {
		e.Error = out.Err.Error()
	}
	r.audit(o.gen, e)
	return out
}

func (r *run) audit(gen uint64, e AuditEntry) {
	e.Time, e.Claim, e.Generation = time.Now(), r.c.cfg.Name, gen
	r.c.cfg.Audit.Write(e)
	attrs := []any{"claim", e.Claim, "generation", gen, "item", e.Item, "outcome", e.Outcome}
	if e.Error != "" {
		attrs = append(attrs, "error", e.Error)
	}
	r.c.cfg.Log.Info("cloud "+e.Op, attrs...)
}

// publish makes the machine's view the status, and tells whoever listens.
func (r *run) publish() {
	c := r.c
	s := r.m.snapshot(func(at time.Duration) time.Time { return r.origin.Add(at - r.wallAt) })
	s.Name = c.cfg.Name
	c.mu.Lock()
	changed := !reflect.DeepEqual(s, c.status)
	c.status = s
	c.mu.Unlock()
	if changed && c.cfg.OnChange != nil {
		c.cfg.OnChange(s)
	}
}

// Once claims the configured items as an operator would, and returns when
// everything is ours, when nothing more can be done without a person (the
// status is then StateDegraded), or with ctx's error when time is up.
func Once(ctx context.Context, cfg Config, cause Cause, reason string) (Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	settled := make(chan Status, 1)
	notify := cfg.OnChange
	cfg.OnChange = func(s Status) {
		if notify != nil {
			notify(s)
		}
		switch s.State {
		case StateHeld, StateDegraded, StateWould, StateCutOff:
			select {
			case settled <- s:
			default:
			}
		}
	}
	c, err := New(cfg)
	if err != nil {
		return Status{}, err
	}
	c.SetWanted(Wanted{Master: true, Cause: cause, Reason: reason})
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	select {
	case s := <-settled:
		cancel()
		<-done
		return s, nil
	case err := <-done:
		return c.Status(), fmt.Errorf("claim %s: %w", cfg.Name, err)
	}
}
