// SPDX-License-Identifier: Apache-2.0

// Package vrrp is the Virtual Router Redundancy Protocol as plain values: a
// codec for VRRPv2 (RFC 3768) and VRRPv3 (RFC 9568) over IPv4 and IPv6, the
// protocol's timer arithmetic, and [Router], one virtual router as a state
// machine.
//
// The package is pure. It holds no goroutine, clock, socket, log or random
// source: time is an argument, the network is bytes, and everything a router
// wants done comes back from [Router.Step] as a list of [Action] values whose
// order is the contract.
//
//	r, err := vrrp.New(vrrp.Config{
//		ID:        vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4},
//		Version:   vrrp.V3,
//		Priority:  100,
//		Interval:  time.Second,
//		Source:    netip.MustParseAddr("192.0.2.2"),
//		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
//	})
//	actions := r.Step(now, vrrp.Started{})
//	// carry out the actions, wait until r.Deadline(), then:
//	actions = r.Step(now, vrrp.TimerExpired{})
//
// The states are named INIT, BACKUP, MASTER and FAULT. RFC 9568 calls MASTER
// "Active" and INIT "Initialize"; FAULT is Initialize with a live reason.
package vrrp
