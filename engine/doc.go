// SPDX-License-Identifier: Apache-2.0

// Package engine runs many virtual routers, their sync-groups and their
// tracked priorities as one machine of the same shape as [vrrp.Router]:
// [Engine.Step] takes a fact, [Engine.Deadline] tells when to come back.
//
// The package is pure: no goroutine, clock, socket or log. Each [Output]
// names the router it belongs to; outputs are in the order in which they must
// be carried out.
package engine
