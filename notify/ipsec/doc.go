// SPDX-License-Identifier: Apache-2.0

// Package ipsec makes IPsec tunnels follow a virtual address.
//
// An IKE daemon that starts before the address is in the kernel, or that keeps
// trying from an address that has left, loses seconds at best. [New] returns a
// [notify.Target] that does the right things in the right order:
//
//   - on MASTER it waits until the addresses are usable, makes the connections
//     known to the IKE daemon, initiates what is not up, and verifies that it is.
//     Security associations (SAs) that are good are left alone, so a repeated
//     MASTER disturbs nobody;
//   - on every other lasting state it takes the connections out of the IKE daemon,
//     so that nothing is tried from an absent address, and ends their SAs.
//
// Three kinds of IKE daemons are spoken to:
//
//   - strongSwan 5.9 or newer through its VICI socket. charon listens on all addresses
//     and follows them as they come and go, so it is not restarted. A restart is
//     the fallback when the socket does not answer;
//   - libreswan through the ipsec command, connection by connection;
//   - anything else as a systemd unit, restarted on MASTER and stopped otherwise.
//
// The state of SAs is not shared between routers: each failover costs a new IKE
// exchange, and as long as the remote side needs to notice (dead peer detection).
// Connections should have local_addrs set to the virtual address, mobike = no (or the
// SAs move to another address when the virtual one leaves), an explicit local id,
// unique = replace, and DPD on both sides.
//
//	target, err := ipsec.New(ipsec.Config{
//		Stack:     ipsec.StrongSwan,
//		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
//	})
//	lane.Hooks = append(lane.Hooks, notify.Hook{Target: target, Yields: true})
//
// Give the hook Yields, so that a router that loses mastership stops waiting for
// tunnels. One target belongs to one lane; it is not for concurrent use.
package ipsec
