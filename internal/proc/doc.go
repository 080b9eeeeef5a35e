// SPDX-License-Identifier: Apache-2.0

// Package proc runs one program to its end, for checks and notifications that
// administrators write: programs that may hang, fork, ignore signals, print
// without end or not exist at all.
//
// [Run] starts the program in a process group of its own, under a user and
// group of choice, keeps the last bytes it printed, and ends the whole group
// when the context is done: SIGTERM, then SIGKILL after a grace period. It
// returns when the program has been reaped, so a caller that waits for Run never
// has two copies at once and never leaves a zombie.
//
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel()
//	res := proc.Run(ctx, proc.Command{Args: []string{"/usr/bin/pgrep", "haproxy"}})
//	if res.Err != nil {
//		log.Warn("check failed", "reason", res.Err, "output", res.Output)
//	}
//
// A package of its own because tracking and notification both need it and
// neither may import the other. All functions may be called from any goroutine.
// Only Linux is supported; elsewhere Run reports [errors.ErrUnsupported].
package proc
