// SPDX-License-Identifier: Apache-2.0

// Package runner is the only loop: one goroutine owns an [engine.Engine], waits
// at the [Wire] for packets, the deadline or a request, and hands every output
// to the lane it belongs to.
//
//	packets ──────────────────┐
//	deadline ─────────────────┼─► Engine.Step ─┬─► wire lane    adverts, inline
//	watchers, checks, people ─┤                ├─► host lanes   one latest-wins mailbox a router
//	ActionFinished ◄── lanes ─┘                └─► sink         reports, must not block
//
// No other goroutine is between a packet and the engine, or a deadline and the
// advert that is due: what wakes the thread is dealt with by it.
//
// A host call or a script that hangs delays nobody's adverts.
package runner
