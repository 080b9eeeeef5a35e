// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Fault is what goes wrong with one request. The zero Fault is none.
type Fault struct {
	// Delay passes before the request reaches the world.
	Delay time.Duration
	// Lost requests never reach the world; the caller gets a timeout.
	Lost bool
	// ReplyLost requests are carried out, but the caller gets a timeout.
	ReplyLost bool
	// Late carries a write out this long after the caller has been told that
	// it timed out, whatever the caller does in between.
	Late time.Duration
	// Stale reads show the state as it was this long ago.
	Stale time.Duration
	// Class, if not ClassUnknown, refuses the request with that class.
	Class cloud.Class
	// Hint is the wait that a refusal asks for.
	Hint time.Duration
}

// Request describes a request to a [FaultFunc].
type Request struct {
	Node string
	Op   string // "discover", "observe", "assign", "detach", "attach", "refresh"
	Item string // key; empty for discover and refresh
}

// FaultFunc decides the fate of each request. It is called with the world
// locked and must not call back into it.
type FaultFunc func(Request) Fault

// SetFault installs the script of faults; nil removes it.
func (w *World) SetFault(f FaultFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = f
}

var errTimeout = errors.New("no reply")

// pass lets a request through the fault script. It returns the error the
// caller gets in place of service, if any.
func (w *World) pass(ctx context.Context, rq Request) (Fault, error) {
	w.mu.Lock()
	var f Fault
	if w.faults != nil {
		f = w.faults(rq)
	}
	w.mu.Unlock()
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return f, &cloud.Error{Class: cloud.ClassUnknown, Op: rq.Op, Err: ctx.Err()}
		case <-t.C:
		}
	}
	if err := ctx.Err(); err != nil {
		return f, &cloud.Error{Class: cloud.ClassUnknown, Op: rq.Op, Err: err}
	}
	if f.Lost {
		return f, &cloud.Error{Class: cloud.ClassUnknown, Op: rq.Op, Err: errTimeout}
	}
	if f.Class != cloud.ClassUnknown {
		e := &cloud.Error{Class: f.Class, Op: rq.Op, Hint: f.Hint, Code: f.Class.String()}
		if f.Class == cloud.ClassDenied {
			e.Permission = "memory:" + rq.Op
		}
		return f, e
	}
	return f, nil
}
