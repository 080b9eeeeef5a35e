// SPDX-License-Identifier: Apache-2.0

// Package procwatch counts the processes of this machine that match a pattern, and
// says when their number changes.
//
// The kernel's process connector tells of every fork, exec and exit. It is there
// for root in the machine's own namespaces; elsewhere, in a container for example,
// /proc is read every second instead, and the [Census] says so. A scan of /proc
// also comes first, after lost events, and now and then to heal what was missed.
//
//	m := procwatch.Match{Command: "haproxy"}
//	err := procwatch.Watch(ctx, m, func(c procwatch.Census) {
//		fmt.Println(len(c.PIDs), "running, seen by", c.Source)
//	})
//
// It is a package of its own so that what is known about the kernel's formats stays
// in one place. Watch may be called from any goroutine; it starts what it needs
// and leaves nothing behind.
package procwatch
