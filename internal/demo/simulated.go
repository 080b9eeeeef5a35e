// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"io"
	"time"

	"github.com/govrrp/vrrpd/internal/sim"
)

// Simulated tells the same story on a simulated network, at the speed of the
// real clock.
func Simulated(ctx context.Context, w io.Writer) error {
	return sim.Demo(w, func(d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
