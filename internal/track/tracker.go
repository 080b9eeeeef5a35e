// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// Status is what is known of one tracker.
type Status struct {
	Track engine.Track
	Level engine.Level
	Since time.Time // when the level last changed other than in its Detail; zero before the first result
	Last  Result    // the last result, whether or not it changed the level
	// Pending counts the latest results in a row that speak against the level
	// and are not yet rise or fall many.
	Pending int
	// Source says how the object is watched where there is a choice, with the
	// reason for the worse one: "kernel events", "polling every 1s: …".
	Source string
}

// Result is one look at a tracked object.
type Result struct {
	At       time.Time // when the look began
	Duration time.Duration
	Good     bool
	Detail   string // what is wrong, or for people what was seen
	Exit     int    // scripts: the exit code, or -1 if there is none
	Output   string // scripts: the last lines printed
}

// tracker is one running specification.
type tracker struct {
	spec     Spec
	owner    *Trackers
	log      *slog.Logger
	previous <-chan struct{} // closed when the tracker this one replaces is gone; may be nil
	gone     chan struct{}   // closed when watch has returned
	cancel   context.CancelFunc
	yield    func(engine.TrackChanged)

	mu     sync.Mutex
	told   bool // a level has been told by this tracker
	status Status
}

func newTracker(owner *Trackers, s Spec, old *tracker) *tracker {
	tr := s.Track()
	t := &tracker{
		spec: s, owner: owner, gone: make(chan struct{}),
		log:    owner.log.With("tracker", tr.Name, "kind", string(tr.Kind)),
		status: Status{Track: tr},
	}
	if old != nil {
		before := old.snapshot()
		t.status.Level, t.status.Since = before.Level, before.Since
		t.previous = old.end()
	}
	return t
}

// end returns what is closed when nothing of the tracker is left, or nil. One that
// was never started may itself have been about to replace one that was.
func (t *tracker) end() <-chan struct{} {
	if t.cancel == nil {
		return t.previous
	}
	return t.gone
}

// stop tells the tracker to end; gone says when it has. The caller holds
// Trackers.mu.
func (t *tracker) stop() {
	if t.cancel != nil {
		t.cancel()
	}
}

func (t *tracker) snapshot() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// observe records a result without judging it.
func (t *tracker) observe(r Result, pending int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Last, t.status.Pending = r, pending
}

// watchedBy records how the object is watched and says so when that is news.
func (t *tracker) watchedBy(source string) {
	t.mu.Lock()
	news := t.status.Source != source
	t.status.Source = source
	t.mu.Unlock()
	if news {
		t.log.Info("watching", "source", source)
	}
}

// tell records the level and yields it if it is the first or has changed.
func (t *tracker) tell(ctx context.Context, level engine.Level) {
	select {
	case t.owner.emit <- struct{}{}:
		defer func() { <-t.owner.emit }()
	case <-ctx.Done():
		return
	}
	t.mu.Lock()
	before, first := t.status.Level, !t.told
	if ctx.Err() != nil || !first && before == level {
		t.mu.Unlock()
		return
	}
	t.told = true
	t.status.Level = level
	judged := before.Known != level.Known || before.Good != level.Good || before.Value != level.Value
	if judged || t.status.Since.IsZero() {
		t.status.Since = time.Now()
	}
	t.mu.Unlock()

	if judged {
		t.logLevel(ctx, level)
	}
	t.yield(engine.TrackChanged{Track: t.status.Track, Level: level})
}

// judged tells a level that is good or not, with the reason while it is not.
func (t *tracker) judged(ctx context.Context, good bool, latest Result) {
	level := engine.Level{Known: true, Good: good}
	switch {
	case good:
	case latest.Good: // on its way up: what made it bad still stands
		level.Detail = t.snapshot().Level.Detail
	default:
		level.Detail = latest.Detail
	}
	t.tell(ctx, level)
}

func (t *tracker) logLevel(ctx context.Context, level engine.Level) {
	severity, words := slog.LevelInfo, "tracked object is good"
	if !level.Good {
		severity, words = slog.LevelWarn, "tracked object is bad"
	}
	attrs := []slog.Attr{}
	if level.Detail != "" {
		attrs = append(attrs, slog.String("detail", level.Detail))
	}
	if t.status.Track.Kind == engine.TrackFile && level.Good {
		attrs = append(attrs, slog.Int("value", level.Value))
	}
	t.log.LogAttrs(ctx, severity, words, attrs...)
}
