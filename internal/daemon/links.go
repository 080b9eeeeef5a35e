// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/track"
	"github.com/govrrp/vrrpd/runner"
)

// steadyLinks holds back the ups and downs of interfaces as
// interface_up_down_delays asks.
type steadyLinks struct {
	runner.Links
	mu       sync.Mutex
	debounce *track.Debounce
	changed  chan []engine.LinkChanged // what new delays let through
}

func newSteadyLinks(inner runner.Links, c *config.Config) *steadyLinks {
	return &steadyLinks{Links: inner, debounce: track.NewDebounce(linkDelays(c)), changed: make(chan []engine.LinkChanged, 1)}
}

func linkDelays(c *config.Config) map[string]track.Delays {
	delays := map[string]track.Delays{}
	for _, d := range c.LinkDelays {
		delays[d.Interface] = track.Delays{Up: d.Up, Down: d.Down}
	}
	return delays
}

// List implements runner.Links; the first state of an interface passes as it is.
func (s *steadyLinks) List(ctx context.Context) ([]engine.LinkChanged, error) {
	all, err := s.Links.List(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		all[i] = s.debounce.Step(time.Now(), all[i])
	}
	return all, err
}

// Watch implements runner.Links.
func (s *steadyLinks) Watch(ctx context.Context, yield func(engine.LinkChanged)) error {
	seen := make(chan engine.LinkChanged)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Links.Watch(ctx, func(l engine.LinkChanged) {
			select {
			case seen <- l:
			case <-ctx.Done():
			}
		})
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.arm(timer)
		var tell []engine.LinkChanged
		select {
		case l := <-seen:
			s.mu.Lock()
			tell = append(tell, s.debounce.Step(time.Now(), l))
			s.mu.Unlock()
		case tell = <-s.changed:
		case <-timer.C:
			s.mu.Lock()
			tell = s.debounce.Due(time.Now())
			s.mu.Unlock()
		case err := <-ended:
			return err
		}
		for _, l := range tell {
			yield(l)
		}
	}
}

func (s *steadyLinks) arm(timer *time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, held := s.debounce.Deadline(); held {
		timer.Reset(time.Until(at))
		return
	}
	timer.Stop()
}

// configure takes over the delays of a new configuration.
func (s *steadyLinks) configure(c *config.Config) {
	s.mu.Lock()
	through := s.debounce.SetDelays(time.Now(), linkDelays(c))
	s.mu.Unlock()
	if len(through) == 0 {
		return
	}
	select {
	case s.changed <- through:
	case <-time.After(time.Second): // the watcher has ended: nobody is left to tell
	}
}
