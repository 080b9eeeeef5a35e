// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"

	"github.com/govrrp/vrrpd/engine"
)

// post hands a request to the loop, waiting while its queue is full.
func (r *Runner) post(ctx context.Context, q request) error {
	select {
	case <-r.done: // the queue may have room, but nobody reads it any more
		return ErrStopped
	default:
	}
	select {
	case r.requests <- q:
		r.ports.Wire.Wake()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.done:
		return ErrStopped
	}
}

// Post tells the engine one fact. It waits while the queue is full, until ctx
// ends; it must not be called from a [Sink].
func (r *Runner) Post(ctx context.Context, in engine.Input) error {
	return r.post(ctx, request{input: in})
}

// Status returns a copy of the engine's state.
func (r *Runner) Status(ctx context.Context) (engine.Status, error) {
	// The answer crosses by a channel: when ctx ends first, the loop may still
	// be making it.
	answer := make(chan engine.Status, 1)
	if err := r.do(ctx, func(r *Runner) { answer <- r.engine.Status() }); err != nil {
		return engine.Status{}, err
	}
	return <-answer, nil
}

// Reload applies a configuration, which must be valid, and returns when the
// engine has taken it over. Removed routers may still be releasing; see
// [Runner.Settle].
func (r *Runner) Reload(ctx context.Context, c engine.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return r.do(ctx, func(r *Runner) { r.step(engine.Reloaded{Config: c}) })
}

// Settle returns when every host action ordered so far has ended.
func (r *Runner) Settle(ctx context.Context) error {
	select {
	case <-r.lanes.settled():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// KeepOnExit makes the end of [Runner.Run] leave addresses in place and send
// no priority 0, for a restart that nobody should notice.
func (r *Runner) KeepOnExit(ctx context.Context) error {
	return r.do(ctx, func(r *Runner) { r.keep = true })
}

// do runs f on the loop's goroutine.
func (r *Runner) do(ctx context.Context, f func(*Runner)) error {
	done := make(chan struct{})
	if err := r.post(ctx, request{do: func(r *Runner) { f(r); close(done) }}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.done:
		return ErrStopped
	}
}
