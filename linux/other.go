// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package linux

import (
	"context"
	"errors"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// Linux does nothing on this system.
type Linux struct{}

// New returns a Linux whose every method fails.
func New(Options) *Linux { return &Linux{} }

// Configure returns [errors.ErrUnsupported].
func (*Linux) Configure(context.Context, []Router) error { return errors.ErrUnsupported }

// Close returns nil: there is nothing to remove.
func (*Linux) Close(context.Context) error { return nil }

// Wire returns a wire that fails.
func (*Linux) Wire() runner.Wire { return unsupported{} }

// FramesLost returns 0.
func (*Linux) FramesLost() uint64 { return 0 }

// FramesFiltered returns 0.
func (*Linux) FramesFiltered() uint64 { return 0 }

// Host returns a host that fails.
func (*Linux) Host() runner.Host { return unsupported{} }

// Links returns links that fail.
func (*Linux) Links() runner.Links { return unsupported{} }

// Suspended returns 0.
func Suspended() time.Duration { return 0 }

// SetRealtime returns [errors.ErrUnsupported].
func SetRealtime(int) error { return errors.ErrUnsupported }

// SetNormal returns [errors.ErrUnsupported].
func SetNormal(int) error { return errors.ErrUnsupported }

type unsupported struct{}

func (unsupported) Send(vrrp.ID, vrrp.Packet) error { return errors.ErrUnsupported }

func (unsupported) Wait(deadline time.Time) { time.Sleep(time.Until(deadline)) }

func (unsupported) Wake() {}

func (unsupported) Poll(func(*engine.FrameReceived)) {}

func (unsupported) Apply(context.Context, vrrp.ID, runner.Ownership) error {
	return errors.ErrUnsupported
}

func (unsupported) Announce(context.Context, vrrp.ID, vrrp.Announce) error {
	return errors.ErrUnsupported
}

func (unsupported) List(context.Context) ([]engine.LinkChanged, error) {
	return nil, errors.ErrUnsupported
}

func (unsupported) Watch(context.Context, func(engine.LinkChanged)) error {
	return errors.ErrUnsupported
}
