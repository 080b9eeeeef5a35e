// SPDX-License-Identifier: Apache-2.0

package track

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// A Spec is one thing to track: a [Script], [Process], [File] or [Check].
type Spec interface {
	// Track returns the kind and the name the engine knows it by.
	Track() engine.Track
	validate() error
	// watch runs until ctx is done and reports to t. When it returns, nothing
	// it started is left.
	watch(ctx context.Context, t *tracker)
}

// Trackers runs a changing set of trackers. Its methods may be called from any
// goroutine.
type Trackers struct {
	log  *slog.Logger
	edge edges

	emit chan struct{} // full during yield: one at a time

	mu       sync.Mutex
	trackers map[engine.Track]*tracker
	run      *running // nil unless Run runs
}

// running is what Run adds to Trackers.
type running struct {
	ctx   context.Context
	yield func(engine.TrackChanged)
	wg    sync.WaitGroup
}

// New returns an empty set. Nothing is started.
func New(log *slog.Logger) *Trackers {
	return &Trackers{
		log: log, edge: systemEdges(),
		emit:     make(chan struct{}, 1),
		trackers: map[engine.Track]*tracker{},
	}
}

// Set replaces the wanted trackers. One whose specification is unchanged goes on
// undisturbed. One that changed keeps its level until its first new result; its
// new self starts when the old one, with any program it still runs, is gone. If any
// specification is wrong, all such errors are returned and nothing changes.
//
// Set does not wait for trackers to stop. A change of level that was already under
// way may still be told after it returns.
func (ts *Trackers) Set(wanted []Spec) error {
	next := make(map[engine.Track]Spec, len(wanted))
	var errs []error
	for _, s := range wanted {
		tr := s.Track()
		if err := s.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", tr.Kind, tr.Name, err))
		}
		if _, twice := next[tr]; twice {
			errs = append(errs, fmt.Errorf("%s %s: named twice", tr.Kind, tr.Name))
		}
		next[tr] = s
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}

	ts.mu.Lock()
	defer ts.mu.Unlock()
	for tr, old := range ts.trackers {
		if _, ok := next[tr]; !ok {
			old.stop()
			delete(ts.trackers, tr)
		}
	}
	for tr, s := range next {
		old := ts.trackers[tr]
		if old != nil && reflect.DeepEqual(old.spec, s) {
			continue
		}
		if old != nil {
			old.stop()
		}
		t := newTracker(ts, s, old)
		ts.trackers[tr] = t
		if ts.run != nil {
			ts.run.start(t)
		}
	}
	return nil
}

// Run runs the trackers until ctx is done, and returns when the last of them has
// stopped; an error names those that have not within ten seconds, as they wait in the
// kernel for a file server or a device. It calls yield for each first result and each change of level, one call
// at a time; a yield that blocks delays the trackers, not Set or Status, and must
// return when ctx is done. Levels from an earlier Run are not kept. It is an error
// to call Run while it runs.
func (ts *Trackers) Run(ctx context.Context, yield func(engine.TrackChanged)) error {
	r := &running{ctx: ctx, yield: yield}
	ts.mu.Lock()
	if ts.run != nil {
		ts.mu.Unlock()
		return errors.New("track: already running")
	}
	ts.run = r
	for tr, old := range ts.trackers {
		t := newTracker(ts, old.spec, nil)
		t.previous = old.end()
		ts.trackers[tr] = t
		r.start(t)
	}
	ts.mu.Unlock()

	<-ctx.Done()
	ts.mu.Lock()
	ts.run = nil
	running := slices.Collect(maps.Values(ts.trackers))
	ts.mu.Unlock()
	stopped := make(chan struct{})
	go func() { r.wg.Wait(); close(stopped) }()
	limit := time.NewTimer(endTime)
	defer limit.Stop()
	select {
	case <-stopped:
		return nil
	case <-limit.C:
		return fmt.Errorf("track: still running: %s", stuck(running))
	}
}

// endTime is how long trackers may take to stop: longer than it takes to end a program.
const endTime = 10 * time.Second

// stuck lists the trackers that have not stopped.
func stuck(running []*tracker) string {
	var names []string
	for _, t := range running {
		select {
		case <-t.gone:
		default:
			tr := t.spec.Track()
			names = append(names, string(tr.Kind)+" "+tr.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// start runs a tracker. The caller holds Trackers.mu, so that Run cannot have begun
// to wait.
func (r *running) start(t *tracker) {
	ctx, cancel := context.WithCancel(r.ctx)
	t.cancel, t.yield = cancel, r.yield
	r.wg.Go(func() {
		defer close(t.gone)
		defer cancel()
		if t.previous != nil {
			<-t.previous
		}
		if ctx.Err() == nil {
			t.spec.watch(ctx, t)
		}
	})
}

// Status returns a snapshot of every tracker, sorted by kind and name.
func (ts *Trackers) Status() []Status {
	ts.mu.Lock()
	var all []Status
	for _, t := range ts.trackers {
		all = append(all, t.snapshot())
	}
	ts.mu.Unlock()
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Track.Kind, b.Track.Kind), cmp.Compare(a.Track.Name, b.Track.Name))
	})
	return all
}
