// SPDX-License-Identifier: Apache-2.0

// Package capture learns which routes belong to a node, so that its peer can
// take exactly those over and give exactly those back.
//
// One of the two nodes is the home node: the one the routes point at in normal
// operation. Both nodes list the route tables in scope while the home node is
// MASTER and nothing has changed for two minutes, and remember on disk every
// route whose next hop is the home node. Whoever becomes MASTER wants those
// routes, and takes each only from the other node: [cloud.Item.From] makes the
// claim leave alone what points anywhere else or was deleted.
//
//	k, err := capture.New(capture.Config{
//		Lister: provider, Discover: provider.Discover, Scopes: scopes,
//		Self: own, Peer: peer, Home: capture.PeerIsHome, File: "/var/lib/vrrpd/wan/routes.json",
//		Static: items, Apply: claim.SetItems,
//	})
//	go k.Run(ctx)
//	k.SetState(capture.State{Master: true})
//
// A keeper also finds the tables that have a destination ([Config].Dests), for
// claims that name the destination and not the tables.
//
// What is learned cannot be wiped by a listing that came back empty because a
// permission is missing, nor spoilt by the state after a failover. A damaged
// file is reported, and live routes alone are then used.
package capture
