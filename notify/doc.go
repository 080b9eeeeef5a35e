// SPDX-License-Identifier: Apache-2.0

// Package notify tells people and programs what the state of a virtual router or of
// a sync-group has become.
//
// A [Dispatcher] hands [Event] values to lanes. A [Lane] is what must not run at the
// same time: the scripts of one instance, the FIFO, the mail. Each lane has at most
// one goroutine, works one event after the other, and within an event calls its
// hooks in order. A lane waits for another only if it is told to ([Lane.After]), and
// [Dispatcher.Post] never waits for anything.
//
// Lanes are level-triggered: what matters is the state that lasts. While a hook runs,
// a newer state of the same router replaces an older one that still waits, so the
// last state always arrives, and arrives last, however wild the flapping
// and however slow the script. A running hook is not interrupted by a newer state: it
// may finish, up to its own deadline, unless it was configured to yield. A lane with a
// [Lane.Depth] is different: it keeps every event in order, as a FIFO's reader expects,
// and counts what it had to drop.
//
//	d := notify.New(slog.Default())
//	d.Set([]notify.Lane{{
//		Name: "log", Hooks: []notify.Hook{{Target: notify.Func("log", func(_ context.Context, e notify.Event) error {
//			fmt.Println(e.Name, "is", e.State)
//			return nil
//		})}},
//	}})
//	d.Post(notify.Event{Kind: notify.Instance, Name: "VI_1", State: notify.Master})
//	err := d.Close(ctx)
//
// # Programs
//
// [Exec] runs a program by the rules of package script. [Scripts] arranges the
// programs of one instance or group as keepalived's keywords do: first the one for
// the state (notify_master, notify_backup, notify_fault, notify_stop, notify_deleted),
// then the general one (notify), which gets INSTANCE NAME STATE PRIORITY, or
// GROUP NAME STATE 0, after its configured arguments. All others get their configured
// arguments only. keepalived starts both at once and does not wait; here the second
// follows the first, and neither ever runs beside itself.
//
// Every program also finds the event in its environment:
//
//	VRRPD_KIND            INSTANCE or GROUP
//	VRRPD_NAME            name of the instance or group
//	VRRPD_STATE           MASTER, BACKUP, FAULT, STOP, DELETED, MASTER_RX_LOWER_PRI, …
//	VRRPD_PREVIOUS_STATE  the state before, may be empty
//	VRRPD_PRIORITY        effective priority, 0 for a group
//	VRRPD_REASON          why, for people
//	VRRPD_TIME            when, RFC 3339 with nanoseconds
//
// [FIFO] writes keepalived's lines to a named pipe. Packages notify/mail,
// notify/ipsec and notify/conntrack hold the targets with more to them.
package notify
