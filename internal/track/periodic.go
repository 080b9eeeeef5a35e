// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// Initial is the level of a script or check before its first result.
type Initial int

// The initial levels.
const (
	Unknown Initial = iota // not known; the first result counts at once
	Failed                 // bad, until it has succeeded rise times (init_fail)
)

// Defaults for the zero values of [Script] and [Check].
const DefaultInterval = time.Second

// schedule is when a script or check runs and how its results are judged.
type schedule struct {
	interval, timeout time.Duration
	rise, fall        int
	initial           Initial
}

// newSchedule puts in the defaults of keepalived.
func newSchedule(interval, timeout time.Duration, rise, fall int, initial Initial) schedule {
	s := schedule{interval: interval, timeout: timeout, rise: max(rise, 1), fall: max(fall, 1), initial: initial}
	if s.interval == 0 {
		s.interval = DefaultInterval
	}
	if s.timeout == 0 {
		s.timeout = s.interval
	}
	return s
}

func (s schedule) validate() error {
	var errs []error
	if s.interval < time.Millisecond {
		errs = append(errs, fmt.Errorf("interval %v: at least 1ms", s.interval))
	}
	if s.timeout < time.Millisecond {
		errs = append(errs, fmt.Errorf("timeout %v: at least 1ms", s.timeout))
	}
	return errors.Join(errs...)
}

// run looks at once and then at whole intervals after that, never twice at a
// time: intervals that pass during a look are left out. A look that lasts longer
// than the timeout has failed at that moment; it is cancelled, and the next one waits
// until it has returned.
func (s schedule) run(ctx context.Context, t *tracker, look func(context.Context) Result) {
	j := judge{rise: s.rise, fall: s.fall}
	if s.initial == Failed && !t.snapshot().Level.Known {
		j.decided = true
		t.tell(ctx, engine.Level{Known: true, Detail: "no success yet"})
	}
	first := time.Now()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake.C:
		}
		s.once(ctx, t, &j, look)
		sofar := time.Since(first)
		wake.Reset(s.interval - sofar%s.interval)
	}
}

func (s schedule) once(ctx context.Context, t *tracker, j *judge, look func(context.Context) Result) {
	lookCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := time.Now()
	done := make(chan Result, 1)
	go func() { done <- look(lookCtx) }()
	limit := time.NewTimer(s.timeout)
	defer limit.Stop()
	select {
	case r := <-done:
		r.At, r.Duration = started, time.Since(started)
		s.judge(ctx, t, j, r)
	case <-limit.C:
		late := Result{At: started, Duration: s.timeout, Detail: fmt.Sprintf("timed out after %v", s.timeout), Exit: -1}
		s.judge(ctx, t, j, late)
		cancel()
		r := <-done
		late.Duration, late.Output = time.Since(started), r.Output
		t.observe(late, j.against)
	}
}

func (s schedule) judge(ctx context.Context, t *tracker, j *judge, r Result) {
	if ctx.Err() != nil {
		return // it failed because it was cancelled
	}
	good := j.observe(r.Good)
	t.observe(r, j.against)
	t.judged(ctx, good, r)
}

// judge turns results into a level. The first result counts at once, as in
// keepalived; then rise or fall results in a row are needed.
type judge struct {
	rise, fall    int
	decided, good bool
	against       int // results in a row that differ from good
}

func (j *judge) observe(ok bool) (good bool) {
	switch {
	case !j.decided:
		j.decided, j.good = true, ok
	case ok == j.good:
		j.against = 0
	default:
		j.against++
		needed := j.rise
		if j.good {
			needed = j.fall
		}
		if j.against >= needed {
			j.good, j.against = ok, 0
		}
	}
	return j.good
}
