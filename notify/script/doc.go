// SPDX-License-Identifier: Apache-2.0

// Package script runs one program on behalf of the daemon: a notify script, a
// tracking script, a helper command. It exists because a router that starts
// programs in the middle of a failover must be sure of four things: that the
// program ends, that nothing of it stays behind, that it has no more rights than
// it was given, and that its result is known.
//
// [Command.Run] starts the program and waits for it. The program
//
//   - runs as its own process group with / as its directory, /dev/null as standard
//     input, and standard output and error read (and bounded) by the daemon;
//   - has the user, the group and exactly the supplementary groups of
//     [Command.User]; those of the daemon are dropped;
//   - has the daemon's environment without the variables that change how other
//     programs load code (see [Environment]);
//   - never inherits real-time scheduling or a raised priority;
//   - gets SIGTERM when the daemon dies;
//   - is ended at its deadline or when the context ends: SIGTERM to the whole
//     process group, and SIGKILL after [Command.Grace].
//
// A program that ends by itself may leave children in the background: they are left
// alone. They should have redirected their output, which nobody reads any more
// once the daemon is gone.
//
//	c := script.Command{Argv: []string{"/etc/vrrpd/claim.sh", "eth0"}, Timeout: 30 * time.Second}
//	r := c.Run(ctx, "MASTER")
//	fmt.Println(r.Exit, r.Duration, r.Err, r.Output)
//
// Command is a value; its methods may be called from any goroutine and share nothing.
// Programs are started on Linux only; elsewhere Run reports [errors.ErrUnsupported].
package script
