// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
)

// runHook runs startup_script or shutdown_script to its end, or its timeout. A
// hook that fails is logged: it stops neither the start nor the end.
func runHook(ctx context.Context, log *slog.Logger, g *config.Global, word string, c *config.Command, timeout time.Duration) {
	cmd, err := newRunAs(g).command(c)
	if err != nil {
		log.Error(word+" cannot run", "err", err)
		return
	}
	if cmd == nil {
		return
	}
	cmd.Timeout = timeout
	r := cmd.Run(ctx)
	if r.Err != nil {
		log.Error(word+" failed", "script", cmd.String(), "err", r.Err, "output", r.Output)
		return
	}
	log.Info(word+" ended", "script", cmd.String(), "took", r.Duration)
}
