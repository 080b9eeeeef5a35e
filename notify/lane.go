// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"slices"
)

// A Target is told about events: a program, a pipe, a Go function.
type Target interface {
	// Name appears in logs and status, for example "notify_master".
	Name() string
	// Notify does whatever the event calls for and returns when it is done. One lane
	// never calls it twice at the same time; a target in several lanes must be ready
	// for it. It must return soon after ctx is done, and should bound its own time
	// besides.
	Notify(ctx context.Context, e Event) Outcome
}

// An Outcome is the result of one call of a target.
type Outcome struct {
	Err    error
	Exit   int    // exit code of a program; -1 when there is none
	Output string // last lines of output, or a report, for people
}

// A Hook is a target and the states it wants to hear.
type Hook struct {
	// On lists the states; nil means every lasting state.
	On     []State
	Target Target
	// Yields makes a call's context end as soon as a newer lasting state of its
	// subject comes, in a level-triggered lane. Without it the call may finish.
	Yields bool
}

func (h Hook) wants(s State) bool {
	if h.On == nil {
		return s.Lasts()
	}
	return slices.Contains(h.On, s)
}

// A Lane is a row of hooks that never run at the same time.
type Lane struct {
	// Name is unique among the lanes of a dispatcher. Across [Dispatcher.Set] it is
	// the lane's identity: what runs and what waits stays.
	Name string
	// Subject is who the lane is for; empty fields mean any.
	Subject Subject
	// After names a lane before this one in the list that goes first: an event is told
	// here once that lane is done with it, however it went, or has skipped it.
	After string
	// Hooks are called in this order for each event.
	Hooks []Hook
	// Depth 0 makes the lane level-triggered: of each subject only the newest
	// lasting state waits. Otherwise every event is delivered in order, at most
	// Depth wait, and the oldest is dropped and counted when there are more.
	Depth int
}

func (l Lane) wants(s State) bool {
	return slices.ContainsFunc(l.Hooks, func(h Hook) bool { return h.wants(s) })
}

// Func makes a target of a Go function. The function may take its time: only its own
// lane waits. It should return when its context is done.
func Func(name string, f func(context.Context, Event) error) Target {
	return funcTarget{name: name, f: f}
}

type funcTarget struct {
	name string
	f    func(context.Context, Event) error
}

func (t funcTarget) Name() string { return t.name }

func (t funcTarget) Notify(ctx context.Context, e Event) Outcome {
	return Outcome{Exit: -1, Err: t.f(ctx, e)}
}

// Chan makes a target that sends events to a channel. A receiver that is slow makes
// only its own lane wait; in a level-triggered lane it finds the newest state
// next. The channel is never closed.
func Chan(name string, ch chan<- Event) Target {
	return Func(name, func(ctx context.Context, e Event) error {
		select {
		case ch <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
