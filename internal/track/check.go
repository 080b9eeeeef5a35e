// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/track/probe"
)

// Check is a test that needs no script (vrrp_check).
type Check struct {
	Name string
	// Probe is what is tried: a [probe.Ping], [probe.TCP] or [probe.HTTP].
	Probe    probe.Probe
	Interval time.Duration // from start to start, at least 1 ms; 0 means DefaultInterval
	Timeout  time.Duration // longer than this is a failure; 0 means Interval
	Rise     int           // successes in a row to become good; 0 means 1
	Fall     int           // failures in a row to become bad; 0 means 1
	Initial  Initial
}

// Track implements [Spec].
func (c Check) Track() engine.Track {
	return engine.Track{Kind: engine.TrackCheck, Name: c.Name}
}

func (c Check) schedule() schedule {
	return newSchedule(c.Interval, c.Timeout, c.Rise, c.Fall, c.Initial)
}

func (c Check) validate() error {
	err := c.schedule().validate()
	if c.Probe == nil {
		return errors.Join(err, errors.New("needs something to try"))
	}
	return errors.Join(err, c.Probe.Validate())
}

func (c Check) watch(ctx context.Context, t *tracker) {
	c.schedule().run(ctx, t, func(ctx context.Context) Result {
		if err := c.Probe.Try(ctx); err != nil {
			return Result{Detail: err.Error()}
		}
		return Result{Good: true}
	})
}
