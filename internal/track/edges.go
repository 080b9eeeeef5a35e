// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"

	"github.com/govrrp/vrrpd/internal/track/procwatch"
	"github.com/govrrp/vrrpd/notify/script"
)

// edges is what trackers use of the system, so that tests can put something else
// in its place.
type edges struct {
	run            func(context.Context, script.Command) script.Result
	watchFile      func(ctx context.Context, path string, nudge func()) error
	watchProcesses func(context.Context, procwatch.Match, func(procwatch.Census)) error
}

func systemEdges() edges {
	return edges{
		run: func(ctx context.Context, c script.Command) script.Result {
			return c.Run(ctx)
		},
		watchFile:      watchFile,
		watchProcesses: procwatch.Watch,
	}
}
