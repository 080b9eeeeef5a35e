// SPDX-License-Identifier: Apache-2.0

// Package guard looks, before a claim, whether the old MASTER is really gone.
//
// With unicast adverts the silence of a peer has three explanations: it is
// dead, the path of the adverts is broken, or this node is the one that lost
// its network. A guard asks all its probes at once, within a budget, and
// [Decide] (pure) turns the evidence into a verdict. It runs only when a
// Master_Down_Interval expired; a MASTER that resigned or was preempted is not
// asked whether it meant it.
//
//	g := &guard.Guard{Probes: []guard.Probe{
//		guard.TCP("api private", guard.Peer, "10.0.0.2:8000"),
//		guard.Status("peer status", "http://10.0.0.2:8640/status", key),
//		guard.Ping("gateway", guard.Gateway, netip.MustParseAddr("10.0.0.1")),
//	}}
//	claim, err := cloud.New(cloud.Config{Guard: g, …})
//
// A probe that fails is evidence of silence and nothing more: what a probe
// cannot find out never keeps a node from claiming.
package guard
