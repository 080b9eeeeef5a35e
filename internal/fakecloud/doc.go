// SPDX-License-Identifier: Apache-2.0

// Package fakecloud is what the vendors' fakes have in common: each request is
// given an operation name, recorded, put through a script of faults, and
// answered. A vendor's package (internal/fakecloud/oci, …) holds the model and
// the wire format, and calls [Core.Serve] once per request:
//
//	core.Serve(w, r, fakecloud.Call{Op: "UpdatePrivateIp", Mutates: true}, func(f fakecloud.Fault) fakecloud.Reply {
//		… check, change the model, answer …
//	})
//
// It is for tests only.
package fakecloud
