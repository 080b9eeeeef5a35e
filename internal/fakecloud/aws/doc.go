// SPDX-License-Identifier: Apache-2.0

// Package aws is an Amazon EC2 for tests: a [World] of instances, network
// interfaces, elastic addresses and route tables, reached through HTTP servers
// that speak the vendor's wire format to the vendor's own SDK: the EC2 query
// protocol with signatures that are recomputed, and the instance metadata
// service, version 2 only.
//
// What goes wrong is scripted per request with [World.SetFault]. Everything
// that was asked is recorded; [World.Violations] says what a careful client
// would not have done.
//
//	w := aws.New()
//	a := w.AddNode("a", "10.0.0.2")
//	w.AddAddress("10.0.0.4", a.ENI())
//	client := &http.Client{Transport: a.Transport()} // in process, or
//	server := httptest.NewServer(w.EC2())            // over a socket
//
// Time is package time's, so inside a testing/synctest bubble, with
// [Node.Transport], it is virtual. A World is safe for concurrent use.
//
// The model follows the vendor's public API reference. It checks what that
// reference promises and cannot know what it leaves open.
package aws
