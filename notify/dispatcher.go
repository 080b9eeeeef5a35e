// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// abandon is how long Close waits for targets after it has ended their contexts. It
// is longer than the grace of a program.
const abandon = 5 * time.Second

// ErrCutShort is wrapped by the error of [Dispatcher.Close] when not everything
// could be told in time.
var ErrCutShort = errors.New("notifications cut short")

// A Dispatcher hands events to lanes. Create it with [New]. Its methods may be called
// from any goroutine.
type Dispatcher struct {
	log    *slog.Logger
	ctx    context.Context // of every call to a target
	cancel context.CancelFunc
	wg     sync.WaitGroup // lanes at work

	mu     sync.Mutex          // guards everything below and all lanes
	lanes  []*lane             // in the order of Set, then those that only finish their work
	one    map[Subject][]*lane // those for one subject
	many   []*lane             // those for more
	posted uint64              // events so far, for the order among them
	closed bool
}

// New returns a dispatcher without lanes. It starts nothing. A nil log discards.
func New(log *slog.Logger) *Dispatcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{log: log}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Set makes lanes the ones that events are handed to from now on. A lane that was
// there before, by name, keeps what it runs and what waits in it, and its results. A
// lane that is gone gets no more events but still works off those it has.
// Set changes nothing when two lanes have one name, a hook has no target, or a lane
// comes after one that is not before it in the list.
func (d *Dispatcher) Set(lanes []Lane) error {
	if err := validate(lanes); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.lanes
	known := make(map[string]*lane, len(before))
	for _, l := range before {
		known[l.config.Name] = l
		l.moved.Broadcast() // those who wait look again, perhaps at another lane
	}
	d.lanes, d.one, d.many = nil, make(map[Subject][]*lane, len(lanes)), nil
	set := make(map[string]*lane, len(lanes))
	for _, config := range lanes {
		l := known[config.Name]
		if l == nil {
			l = &lane{latest: make(map[Subject]uint64), moved: sync.NewCond(&d.mu)}
		}
		l.config, l.retired = config, false
		l.follow(nil)
		if config.After != "" {
			l.follow(set[config.After])
		}
		set[config.Name] = l
		d.lanes = append(d.lanes, l)
		if who := config.Subject; who.Kind != "" && who.Name != "" {
			d.one[who] = append(d.one[who], l)
		} else {
			d.many = append(d.many, l)
		}
	}
	for _, l := range before {
		if set[l.config.Name] == nil && l.busy {
			l.retired = true
			l.follow(l.after)
			d.lanes = append(d.lanes, l)
		}
	}
	return nil
}

func validate(lanes []Lane) error {
	seen := make(map[string]bool, len(lanes))
	for _, l := range lanes {
		if seen[l.Name] {
			return fmt.Errorf("notify: two lanes named %q", l.Name)
		}
		if l.After != "" && !seen[l.After] {
			return fmt.Errorf("notify: lane %q: there is no lane %q before it", l.Name, l.After)
		}
		seen[l.Name] = true
		for _, h := range l.Hooks {
			if h.Target == nil {
				return fmt.Errorf("notify: lane %q: hook without target", l.Name)
			}
		}
	}
	return nil
}

// Post hands an event to every lane it concerns. It never waits. After Close it does
// nothing.
func (d *Dispatcher) Post(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.posted++
	q := queued{Event: e, number: d.posted}
	for _, l := range d.one[e.Subject()] {
		d.put(l, q)
	}
	for _, l := range d.many {
		if l.config.Subject.covers(e.Subject()) {
			d.put(l, q)
		}
	}
}

// put hands an event to a lane. The caller holds the lock.
func (d *Dispatcher) put(l *lane, q queued) {
	l.put(q)
	l.moved.Broadcast()
	if len(l.queue) > 0 && !l.busy {
		l.busy = true
		d.wg.Go(func() { d.work(l) })
	}
}

// Close takes no more events and waits until those it has are told. When ctx has a
// deadline, a hook that keeps a newer state or another lane waiting is ended at half
// time, so that STOP can still arrive. When ctx ends, every target's context ends; Close waits a few
// seconds for them and reports what is missing.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	defer d.cancel()
	idle := make(chan struct{})
	go func() {
		d.wg.Wait()
		close(idle)
	}()
	var halfTime <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		t := time.NewTimer(time.Until(deadline) / 2)
		defer t.Stop()
		halfTime = t.C
	}
	for waiting := true; waiting; {
		select {
		case <-idle:
			return nil
		case <-halfTime:
			d.hurry()
		case <-ctx.Done():
			waiting = false
		}
	}
	pending := d.pending()
	d.cancel()
	t := time.NewTimer(abandon)
	defer t.Stop()
	select {
	case <-idle:
		return fmt.Errorf("notify: %w: %s", ErrCutShort, strings.Join(pending, ", "))
	case <-t.C:
		return fmt.Errorf("notify: %w: %s; still running: %s", ErrCutShort,
			strings.Join(pending, ", "), strings.Join(d.pending(), ", "))
	}
}

// hurry ends the calls that keep something waiting.
func (d *Dispatcher) hurry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		waiting := len(l.queue) > 0 || slices.ContainsFunc(d.lanes, func(o *lane) bool { return o.after == l && len(o.queue) > 0 })
		if l.end != nil && waiting {
			l.end(ErrSuperseded)
		}
	}
}

// pending lists what is running or waiting.
func (d *Dispatcher) pending() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, l := range d.lanes {
		if l.busy {
			out = append(out, fmt.Sprintf("%s (%d waiting)", l.config.Name, len(l.queue)))
		}
	}
	return out
}

// Results returns what became of the calls so far, lane by lane: one for each subject
// and target that had something to hear.
func (d *Dispatcher) Results() []Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Result
	for _, l := range d.lanes {
		for _, r := range l.results {
			out = append(out, *r)
		}
	}
	return out
}
