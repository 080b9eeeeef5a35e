// SPDX-License-Identifier: Apache-2.0

// Package memory is a cloud in memory: a [World] of network interfaces,
// addresses and routes, and a [cloud.Provider] for each node that lives in it.
// It is for tests of what uses claims, for examples, and as the model that the
// contract of [cloud.Provider] is checked against.
//
// A world speaks one of two dialects, after the real ones: with
// compare-and-swap (a write names the version it read and is refused if that is
// no longer current) and without. Moves are atomic or in two steps (detach,
// then attach). Faults are scripted per operation with [World.SetFault]: delay,
// loss of the request or of the reply, stale reads, throttling, denial.
//
//	w := memory.New(memory.CompareAndSwap)
//	w.AddVIP(netip.MustParseAddr("10.0.0.4"))
//	a := w.Node("a", netip.MustParseAddr("10.0.0.2"))
//	claim, err := cloud.New(cloud.Config{Name: "wan", Provider: a, Items: w.Items()})
//
// A World is safe for concurrent use. Time is the time package's, so inside a
// testing/synctest bubble it is virtual.
package memory
