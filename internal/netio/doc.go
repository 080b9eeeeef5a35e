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
//	for {
//		w.Wait(deadline)
//		w.Poll(func(device string, d vrrp.Datagram) { … })
//		err = w.Send(id, packet)
//	}
//
// Floods are made cheap in two ways. Sockets that are being filled without a
// break are read once a millisecond, many packets by one call. And of packets
// that no router here could accept all but the first hundred a second stay in
// the kernel: a socket filter keeps them out, and they are counted. Neither
// lets an advert that counts be lost, or be heard after a timer that should
// have waited for it.
//
// Only package linux imports it. Wait and Poll are for one goroutine; all other
// methods of a Wire may be called at any time.
package netio
