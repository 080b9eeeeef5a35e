// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"log/slog"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/netio"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// Linux is this machine, as the runner needs it.
type Linux struct {
	log  *slog.Logger
	host *host.Host
	wire *netio.Wire
}

// New returns a Linux that has not opened or changed anything.
func New(o Options) *Linux {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Linux{
		log:  o.Log,
		host: host.New(host.Options{Log: o.Log, OnLost: o.OnLost}),
		wire: netio.NewWire(o.Log),
	}
}

// Configure sets the routers, at the start and at each reload. The first call
// cleans up after an earlier run: virtual addresses, routes, rules and filters
// of routers that start as BACKUP are removed, virtual MAC interfaces adopted.
// Later calls keep what routers own and change only what has changed.
//
// An interface that does not exist is no error: its sockets and virtual MAC
// appear with it. Other faults are returned together, naming their router;
// the rest is in effect all the same.
func (l *Linux) Configure(ctx context.Context, routers []Router) error {
	hosted, wired := make([]host.Router, len(routers)), make([]netio.Router, 0, len(routers))
	for i := range routers {
		hosted[i] = hostRouter(&routers[i])
	}
	hostErr := l.host.Configure(ctx, hosted)
	for i := range routers {
		id := routers[i].ID
		if !routers[i].Static {
			// A virtual MAC interface without a configured name has one now.
			wired = append(wired, wireRouter(&routers[i], &hosted[i], l.host.VMACName(id)))
		} else if err := l.host.Apply(ctx, id, host.Own); err != nil {
			l.log.Warn("not every static item could be added", "err", err)
		}
	}
	return errors.Join(hostErr, l.wire.Configure(wired))
}

// Close releases every router and removes what this Linux has made.
func (l *Linux) Close(ctx context.Context) error {
	return errors.Join(l.host.Close(ctx), l.wire.Close())
}

// Wire returns the sockets.
func (l *Linux) Wire() runner.Wire { return wire{l.wire, &engine.FrameReceived{}} }

// FramesLost is how many VRRP packets came faster than they could be heard.
func (l *Linux) FramesLost() uint64 { return l.wire.Lost() }

// FramesFiltered is how many VRRP packets of a flood stayed in the kernel,
// because no router could have accepted them. The first of each second are
// examined like any other.
func (l *Linux) FramesFiltered() uint64 { return l.wire.Filtered() }

// Host returns addresses and announcements.
func (l *Linux) Host() runner.Host { return hostPort{l} }

// Links returns the interfaces.
func (l *Linux) Links() runner.Links { return links{l} }

type wire struct {
	*netio.Wire
	frame *engine.FrameReceived // Poll's
}

// Poll implements [runner.Wire].
func (w wire) Poll(yield func(*engine.FrameReceived)) {
	w.Wire.Poll(func(device string, d vrrp.Datagram) {
		w.frame.Interface, w.frame.Datagram = device, d
		yield(w.frame)
	})
}

type hostPort struct{ l *Linux }

func (h hostPort) Apply(ctx context.Context, id vrrp.ID, own runner.Ownership) error {
	return h.l.host.Apply(ctx, id, host.Ownership(own))
}

func (h hostPort) Announce(ctx context.Context, id vrrp.ID, a vrrp.Announce) error {
	return h.l.wire.Announce(ctx, id, a)
}

type links struct{ l *Linux }

func (l links) List(ctx context.Context) ([]engine.LinkChanged, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := l.l.host.List()
	if err != nil {
		return nil, err
	}
	out := make([]engine.LinkChanged, len(list))
	for i := range list {
		out[i] = linkChanged(list[i])
	}
	return out, nil
}

func (l links) Watch(ctx context.Context, yield func(engine.LinkChanged)) error {
	return l.l.host.Watch(ctx, func(link host.Link) {
		l.l.wire.DeviceIs(link.Name, link.Index)
		yield(linkChanged(link))
	})
}

func linkChanged(l host.Link) engine.LinkChanged {
	return engine.LinkChanged{Interface: l.Name, Present: l.Index != 0, Up: l.Up, Addresses: l.Addresses}
}
