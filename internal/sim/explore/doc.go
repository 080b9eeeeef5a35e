// SPDX-License-Identifier: Apache-2.0

// Package explore walks through every history of a small VRRP network: each
// frame delivered or lost, each timer on time or late, links that go down and
// come up, routers that stop, in every order that bounded delays allow. Where
// the simulator samples, this enumerates.
//
//	r, err := explore.Run(explore.Options{Nodes: 2, Losses: 2, Events: 3})
//	fmt.Println(r.States, r.Complete, r.Broken)
//
// States are told apart by a digest of everything the engines hold, read by
// reflection, with times relative to now; counters and numbers of actions are
// left out. Losses and events are few, so histories come back to states that
// are known: an exploration ends by itself, and then holds for histories of
// any length. Every state reached must be safe, and every one must heal: left
// alone, it must come to exactly one MASTER, the right one.
package explore
