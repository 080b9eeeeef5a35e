// SPDX-License-Identifier: Apache-2.0

// Package sim runs VRRP configurations through faults in virtual time, so
// that their users can see what becomes of them before they trust them:
// links that flap, hosts that crash, stall or fail, segments that lose,
// delay and divide, operators who reload, attackers and foreign routers.
//
// One seed makes one run, always the same one. [Run] runs one; [Simulate]
// runs many, reports the times without a MASTER and with two, and shrinks the
// faults of a run that broke a rule to the few that matter. [Demo] is a short
// scripted run for the eye.
//
//	err := sim.Simulate(os.Stdout, sim.SimulateOptions{Seeds: 1000, Nodes: 3})
//
// The universe itself is package world.
package sim
