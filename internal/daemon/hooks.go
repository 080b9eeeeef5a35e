// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"log/slog"
	"os"
	"strings"
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

// sinceBoot is how long the machine has been up; 0 where that is not known.
func sinceBoot() time.Duration {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	seconds, _, _ := strings.Cut(string(text), " ")
	d, _ := time.ParseDuration(seconds + "s")
	return d
}
