// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrSuperseded is the cause ([context.Cause]) of a context that ended because a newer
// state came, see [Hook.Yields].
var ErrSuperseded = errors.New("superseded by a newer state")

// A Result is the state of one target for one subject: the last call, and counts
// since the lane exists.
type Result struct {
	Lane    string
	Subject Subject
	Target  string

	State    State         // of the last call
	Running  bool          // it has not returned yet
	At       time.Time     // when it began; zero when there was none
	Duration time.Duration // how long it took; 0 while it runs
	Exit     int           // exit code; -1 when there is none
	Err      string        // empty: it succeeded, or it runs
	Output   string        // last lines of output

	Runs       uint64 // calls
	Failures   uint64 // calls that returned an error
	Superseded uint64 // states skipped because a newer one came
	Lost       uint64 // events dropped because the lane's queue was full
}

// A lane is a Lane at work. All fields are guarded by the dispatcher's mutex.
type lane struct {
	config  Lane
	after   *lane      // goes first; may be nil
	moved   *sync.Cond // something changed here or in a lane of the same row
	queue   []queued
	current uint64                  // number of the event being told; 0 for none
	latest  map[Subject]uint64      // number of the newest lasting state
	busy    bool                    // a goroutine works for this lane
	retired bool                    // no longer configured, only finishes
	end     context.CancelCauseFunc // ends the call that runs
	yields  Subject                 // whose newer state ends it; empty for none
	results []*Result
}

// queued is an event with its number: a later one has a higher number, in all lanes.
type queued struct {
	Event
	number uint64
}

// follow makes the lane come after another, or after none.
func (l *lane) follow(after *lane) {
	l.after = after
	if after != nil {
		l.moved = after.moved
	}
}

// put queues an event by the lane's rule.
func (l *lane) put(q queued) {
	e := q.Event
	wanted := l.config.wants(e.State)
	if l.config.Depth > 0 {
		if !wanted {
			return
		}
		l.queue = append(l.queue, q)
		if len(l.queue) > l.config.Depth {
			l.count(l.queue[0].Event, func(r *Result) { r.Lost++ })
			l.queue = l.queue[1:]
		}
		return
	}
	if e.State.Lasts() {
		// A state that no hook wants still makes older ones obsolete.
		l.latest[e.Subject()] = q.number
		if l.end != nil && l.yields == e.Subject() {
			l.end(ErrSuperseded)
		}
	}
	if i := l.obsolete(e); i >= 0 {
		l.count(l.queue[i].Event, func(r *Result) { r.Superseded++ })
		if wanted {
			l.queue[i] = q // in place: a subject that flaps must not lose its turn
		} else {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
		}
		return
	}
	if wanted {
		l.queue = append(l.queue, q)
	}
}

// obsolete finds the queued event that e replaces: an older lasting state by a
// lasting one, a remark by the same remark.
func (l *lane) obsolete(e Event) int {
	for i, q := range l.queue {
		if q.Subject() == e.Subject() && (q.State == e.State || q.State.Lasts() && e.State.Lasts()) {
			return i
		}
	}
	return -1
}

// count updates the results of every hook that would have heard the event.
func (l *lane) count(e Event, update func(*Result)) {
	for _, h := range l.config.Hooks {
		if h.wants(e.State) {
			update(l.result(e.Subject(), h.Target.Name()))
		}
	}
}

func (l *lane) result(s Subject, target string) *Result {
	for _, r := range l.results {
		if r.Subject == s && r.Target == target {
			return r
		}
	}
	r := &Result{Lane: l.config.Name, Subject: s, Target: target, Exit: -1}
	l.results = append(l.results, r)
	return r
}

// work empties the lane's queue and ends.
func (d *Dispatcher) work(l *lane) {
	for {
		d.mu.Lock()
		if len(l.queue) == 0 {
			l.busy = false
			if l.retired {
				d.drop(l)
			}
			d.mu.Unlock()
			return
		}
		q, hooks := l.queue[0], l.config.Hooks
		if l.after != nil && l.after.owes(q.number) {
			l.moved.Wait() // q stays in the queue: a newer state may replace it meanwhile
			d.mu.Unlock()
			continue
		}
		l.queue = l.queue[1:]
		l.current = q.number
		d.mu.Unlock()
		for _, h := range hooks {
			if h.wants(q.State) {
				d.call(l, q, h)
			}
		}
		d.mu.Lock()
		l.current = 0
		l.moved.Broadcast()
		d.mu.Unlock()
	}
}

// owes reports whether the lane, or one that it comes after, is not yet done with an
// event or an older one.
func (l *lane) owes(number uint64) bool {
	return l.current != 0 && l.current <= number ||
		slices.ContainsFunc(l.queue, func(q queued) bool { return q.number <= number }) ||
		l.after != nil && l.after.owes(number)
}

// drop forgets a retired lane that has nothing left to do.
func (d *Dispatcher) drop(l *lane) {
	for i, other := range d.lanes {
		if other == l {
			d.lanes = append(d.lanes[:i:i], d.lanes[i+1:]...)
			return
		}
	}
}

// call tells one target, unless the event has become obsolete since it was queued.
func (d *Dispatcher) call(l *lane, q queued, h Hook) {
	t := h.Target
	ctx, end := context.WithCancelCause(d.ctx)
	defer end(nil)
	started := time.Now()

	d.mu.Lock()
	name, ordered := l.config.Name, l.config.Depth > 0
	r := l.result(q.Subject(), t.Name())
	if !ordered && q.State.Lasts() && l.latest[q.Subject()] > q.number {
		r.Superseded++
		d.mu.Unlock()
		return
	}
	r.State, r.Running, r.At = q.State, true, started
	r.Duration, r.Exit, r.Err, r.Output = 0, -1, "", ""
	r.Runs++
	l.end, l.yields = end, Subject{}
	if h.Yields && q.State.Lasts() {
		l.yields = q.Subject()
	}
	d.mu.Unlock()

	o := safely(ctx, t, q.Event)
	took := time.Since(started)

	d.mu.Lock()
	l.end = nil
	r.Running, r.Duration, r.Exit, r.Output = false, took, o.Exit, o.Output
	if o.Err != nil {
		r.Failures++
		r.Err = o.Err.Error()
	}
	d.mu.Unlock()

	log := d.log.With("lane", name, "target", t.Name(), "kind", string(q.Kind), "name", q.Name, "state", string(q.State), "took", took)
	if o.Exit >= 0 { // a program ran
		log = log.With("exit", o.Exit)
	}
	if o.Output != "" {
		log = log.With("output", o.Output)
	}
	switch {
	case o.Err != nil:
		log.Warn("notification failed", "error", o.Err)
	case ordered:
		log.Debug("notified")
	default:
		log.Info("notified")
	}
}

// safely keeps a panic in a library user's function from ending the router.
func safely(ctx context.Context, t Target, e Event) (o Outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = Outcome{Exit: -1, Err: fmt.Errorf("panic in %s: %v", t.Name(), p)}
		}
	}()
	return t.Notify(ctx, e)
}
