// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Wire sends and receives VRRP datagrams. It is also where the loop waits: one
// thread sleeps until there is something to hear or to do, and does it.
type Wire interface {
	// Send sends one packet for a router. It must not block.
	Send(id vrrp.ID, p vrrp.Packet) error
	// Wait returns when a socket holds something, at the deadline (zero =
	// none), or when Wake is or has been called since the last Wait. It may
	// return early. Under a flood it may leave sockets, and nothing else,
	// alone for a millisecond.
	Wait(deadline time.Time)
	// Wake makes Wait return. Any goroutine may call it, after the end too.
	Wake()
	// Poll yields what the sockets hold at this moment, without waiting.
	// Frames are valid during yield only. The loop calls it before it lets a
	// timer fire, so that a process that was stalled hears the MASTER before
	// it takes over.
	Poll(yield func(*engine.FrameReceived))
}

// Host carries out a router's wanted state on this machine. Calls for one
// router never overlap; calls for different routers may.
type Host interface {
	// Apply makes the router's addresses, routes and filters present (own) or
	// absent. It is idempotent: the wanted state, not a command.
	Apply(ctx context.Context, id vrrp.ID, own Ownership) error
	// Announce sends gratuitous ARPs or neighbour advertisements for the owned
	// addresses, as a says.
	Announce(ctx context.Context, id vrrp.ID, a vrrp.Announce) error
}

// Ownership is the wanted state of a router's addresses on this host.
type Ownership bool

// The two wanted states.
const (
	Own     Ownership = true
	Release Ownership = false
)

// Links watches interfaces.
type Links interface {
	// List returns the whole state of every interface. The runner starts the
	// routers after it, so that none begins in FAULT for want of news.
	List(ctx context.Context) ([]engine.LinkChanged, error)
	// Watch yields the whole state of every interface once, then each change,
	// until ctx is done.
	Watch(ctx context.Context, yield func(engine.LinkChanged)) error
}

// Sink is told every output that is a report. It runs on the loop's goroutine
// and must not block.
type Sink interface {
	Report(now time.Time, out engine.Output)
}
