// SPDX-License-Identifier: Apache-2.0

// Package runner is the only loop: one goroutine owns an [engine.Engine],
// waits for its inbox, its timer or the end of its context, and hands every
// output to the lane it belongs to.
//
//	readers, watchers, checks ──► inbox ──┐
//	timer ────────────────────────────────┼─► Engine.Step ─┬─► wire lane    adverts, inline
//	                                      │                ├─► host lanes   one latest-wins mailbox a router
//	ActionFinished ◄── lanes ─────────────┘                └─► sink         reports, must not block
//
// A host call or a script that hangs delays nobody's adverts.
package runner
