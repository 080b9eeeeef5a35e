// SPDX-License-Identifier: Apache-2.0

// Package netio is the wire: VRRP over raw IPv4 and IPv6 sockets, and the
// gratuitous ARPs and unsolicited neighbour advertisements that tell a segment
// where an address lives. It exists on Linux only.
//
// A [Wire] keeps one socket for each interface and family, however many
// virtual routers share it. Sockets are bound to their interface, so a VRID in
// use on another one is never mixed in; they come back by themselves when an
// interface is made anew. Adverts of a router with a virtual MAC address are
// sent as whole frames on the base interface, which works whether the macvlan
// is up or not and leaves no doubt about the source MAC address.
//
//	w := netio.NewWire(log)
//	err := w.Configure([]netio.Router{{ID: id, Unicast: true}})
//	go w.Receive(ctx, func(device string, d vrrp.Datagram) { … })
//	err = w.Send(id, packet)
//
// Only package linux imports it. All methods of a Wire may be called at the
// same time.
package netio
